"""A lived history, replayed: months of touches, nights with new calibrations, a refusal, triggers that end."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from campaigns import rank_commands
from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import record_touch, replay_ranks, rerank
from campaigns.storage import ranks, touchpoints
from campaigns.storage.touchpoints import NewTouch
from tests.services.world import World

PEOPLE = 24
DAYS = 200
KINDS = (
    Kind.MAIL_CLICK,
    Kind.WEB_VIEW,
    Kind.WEB_VIEW_KEY,
    Kind.BADGE_SCAN,
    Kind.BOOTH_TALK,
    Kind.DOC_REQUEST,
)
KINDS += (Kind.CALL_CONNECTED, Kind.INQUIRY, Kind.CARD_EXCHANGE, Kind.MAIL_CLICK, Kind.WEB_VIEW)


class Life:
    """Time passes as in an installation: ticks when something falls due, nights, and what happens between."""

    def __init__(self, world: World) -> None:
        self.world, self.parts, self.now = world, world.parts, world.now
        self.keys = 0

    def until(self, at: datetime) -> None:
        while True:
            [row] = self.world.rows("select min(next_change_at) as at from product_leads")
            if row.at is None or row.at >= at:
                break
            self.now = max(self.now, row.at + timedelta(seconds=20))
            rerank.due(self.parts, now=self.now)
        self.now = at

    def touch(
        self, person: int, kind: Kind, product: int | None, *, validity: float = 1.0, key: str = ""
    ) -> None:
        self.keys += 1
        one = NewTouch(
            source_key=key or f"life:{self.keys}",
            person_id=person,
            kind=kind,
            at=self.now - timedelta(minutes=7),
            product_id=product,
            validity=validity,
            active_s=40,
        )
        with self.parts.engine.begin() as tx:
            touchpoints.put(tx, [one], now=self.now)
        rerank.people(self.parts, [person], now=self.now)
        self.now += timedelta(seconds=1)  # two things never happen at one instant

    def refuse(self, person: int, *, days: int) -> None:
        with self.parts.engine.begin() as tx:
            tx.execute(
                text(
                    "insert into tasks (kind, person_id, product_id, lead_id, cause, due_at, created_at, state,"
                    " outcome, done_at) select 'call', person_id, product_id, id, 'hot_deep', :now, :now, 'done',"
                    " 'refused', :now from product_leads where person_id = :p and product_id = :q"
                ),
                {"now": self.now, "p": person, "q": self.world.press_id},
            )
            tx.execute(
                text("update product_leads set refused_until = :u where person_id = :p and product_id = :q"),
                {"u": self.now + timedelta(days=days), "p": person, "q": self.world.press_id},
            )
            rerank.for_people(tx, [person], now=self.now)


@pytest.fixture
def life(parts: Parts, now: datetime) -> Life:
    return Life(World.build(parts, now))


def lived(life: Life) -> list[int]:
    """Two hundred days of two dozen people, drawn."""
    world, draw, start = life.world, random.Random(7), life.now
    people = [world.person() for _ in range(PEOPLE)]
    for day in range(0, DAYS, 2):
        life.until(start + timedelta(days=day, hours=draw.random() * 12))
        for _ in range(2):
            product = draw.choice((world.press_id, world.press_id, world.pump_id, None))
            life.touch(
                draw.choice(people), draw.choice(KINDS), product, validity=draw.choice((1.0, 1.0, 0.0))
            )
        if day % 10 == 0:
            life.until(start + timedelta(days=day, hours=19))
            world.run(
                "update hand_offs set state = 'won', resolved_at = :n where id ="
                " (select id from hand_offs where state = 'offered' order by id limit 1)",
                n=life.now,
            )
            rerank.nightly(life.parts, now=life.now)
        if day == 40:
            [row] = world.rows(
                "select person_id from product_leads where rank <> 'unobserved' order by id limit 1"
            )
            life.refuse(row.person_id, days=50)
        if day == 80:
            with life.parts.engine.begin() as tx:
                tx.execute(text("update products set gate = 0.1, purchase_cycle_days = 200 where id = 1"))
                ranks.ask_products_again(tx, [world.press_id], at=life.now)
            rerank.due(life.parts, now=life.now)
    life.until(start + timedelta(days=DAYS + 40))
    return people


def test_a_lived_history_gives_the_same_ranks_again(life: Life) -> None:
    lived(life)
    found = replay_ranks.run(life.parts, now=life.now)
    assert found.differences == ()
    words = {row.new for row in life.world.rows("select distinct new from rank_changes")}
    assert words == {"hot", "warm", "nurture", "unobserved", "declined"}, "every rank was lived through"
    assert found.changes == len(life.world.rows("select 1 from rank_changes"))
    assert found.instants > found.changes > 50
    assert replay_ranks.run(life.parts, sample=10, now=life.now).leads >= 5


def test_a_rank_that_nothing_explains_is_told(life: Life) -> None:
    person = life.world.person()
    life.touch(person, Kind.INQUIRY, life.world.press_id)
    life.world.run("update rank_changes set new = 'warm', score = score + 0.001")
    life.until(life.now + timedelta(days=3))
    codes = {one.code for one in replay_ranks.run(life.parts, person_id=person, now=life.now).differences}
    assert codes == {"rank", "score", "missing"}


def test_a_rank_that_never_moved_is_told(life: Life) -> None:
    person = life.world.person()
    life.touch(person, Kind.INQUIRY, life.world.press_id)
    found = replay_ranks.run(life.parts, person_id=person, now=life.now + timedelta(days=60))
    assert [one.code for one in found.differences] == ["missing"], (
        "nobody ran the tick when the trigger ended"
    )


def test_a_verdict_that_moved_is_replayed_from_then_on(life: Life) -> None:
    person = life.world.person()
    life.touch(person, Kind.INQUIRY, life.world.press_id, key="click:1:1")
    life.until(life.now + timedelta(days=1))
    life.touch(person, Kind.INQUIRY, life.world.press_id, validity=0.0, key="click:1:1")
    life.until(life.now + timedelta(days=1))
    found = replay_ranks.run(life.parts, person_id=person, now=life.now)
    assert (found.differences, found.partly, found.changes) == ((), 1, 1)


def test_a_touch_taken_back_counted_until_then(life: Life) -> None:
    person = life.world.person()
    life.touch(person, Kind.CARD_EXCHANGE, life.world.press_id)
    done = record_touch.run(
        life.parts, person_id=person, kind=Kind.INQUIRY, at=life.now, key="k", product_id=life.world.press_id,
        user_id=life.world.owner_id, now=life.now,
    )  # fmt: skip
    life.until(life.now + timedelta(days=2))
    record_touch.withdraw(life.parts, done.id, reason="別の方", user_id=life.world.owner_id, now=life.now)
    life.until(life.now + timedelta(days=2))
    found = replay_ranks.run(life.parts, person_id=person, now=life.now)
    assert (found.differences, found.changes) == ((), 3)


def test_the_command_ends_with_one_where_ranks_differ(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    person = life.world.person()
    life.touch(person, Kind.INQUIRY, life.world.press_id)
    monkeypatch.setattr(rank_commands.parts, "build", lambda settings: life.parts)
    life.parts.clock.move_to(life.now)
    sound = CliRunner().invoke(rank_commands.replay_ranks, ["--json"])
    told = json.loads(sound.output)
    assert (sound.exit_code, told["leads"], told["changes"], told["differences"]) == (0, 1, 1, [])
    life.world.run("update rank_changes set score = 1")
    wrong = CliRunner().invoke(rank_commands.replay_ranks, ["--person", str(person)])
    assert (wrong.exit_code, "1 differences" in wrong.output) == (1, True)
