"""A round when something goes wrong at its edges: nothing stays in hand, nothing blocks what comes after."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.services import carry, deliver, render, sweep
from campaigns.services.stops import Watch
from campaigns.storage import outbox
from campaigns.storage.outbox import Stops
from mailer.transports import MemoryTransport
from tests import world
from tests.conftest import NOW
from tests.services.test_deliver import rows
from tests.services.test_deliver_run import small


def test_of_two_mails_late_from_two_months_one_takes_the_slot_and_the_other_is_asked_again(
    parts: Parts,
) -> None:
    made = world.build(parts, count=1)
    first = world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        product = world.product(tx, "計量ポンプ", list_key="pump")
        scenario, version, contents = world.scenario(tx, product)
        world.insert(
            tx,
            "product_leads",
            person_id=made.people[0],
            product_id=product,
            state="nurturing",
            created_at=NOW,
        )
    other = world.World(product, scenario, version, contents, made.people)
    second = world.planned(parts, other, send_at=datetime(2026, 12, 20, 1, 0, tzinfo=UTC))
    january = datetime(2027, 1, 5, 1, 0, tzinfo=UTC)  # sending was stopped over two months' ends
    parts.clock.move_to(january)
    assert deliver.batch(parts, now=january, transport=MemoryTransport()) == 2
    assert rows(parts, "select id, state, reason from deliveries order by id") == [
        (first[0], "sent", ""),
        (second[0], "carried_over", "month_passed"),
    ]
    assert rows(parts, "select delivery_id, month from mail_slots") == [(first[0], 2027 * 12)]


def test_a_batch_handed_over_behind_one_that_could_not_be_settled_is_settled(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=8)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    whole, seen = carry.Round.settle, list[str]()

    def settle(self: carry.Round) -> None:
        seen.append(self.token)
        if len(seen) == 1:
            self.leave()
            raise RuntimeError("the database went away")
        whole(self)

    monkeypatch.setattr(carry.Round, "settle", settle)
    with pytest.raises(RuntimeError, match="went away"):
        deliver.run(small(parts, 2), transport=MemoryTransport())
    assert world.states(parts)["handing"] == 2
    assert sweep.run(parts, now=NOW) == 2, "nobody holds the lock of the one that was left"
    assert set(world.states(parts)) == {"sent", "planned"}
    assert rows(parts, "select count(*) from claims where settled_at is null") == [(0,)]
    assert list(parts.journal_folder.glob("*.journal")) == []


def test_without_a_connection_no_journal_stays_behind(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    world.planned(parts, world.build(parts, count=1), send_at=NOW)

    def away() -> None:
        raise OperationalError("select 1", {}, Exception("no route"))

    open_files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    with monkeypatch.context() as patch:
        patch.setattr(parts.engine, "connect", away)
        with pytest.raises(OperationalError):
            carry.claim(parts, Watch(parts), now=NOW)
    assert list(parts.journal_folder.glob("*.journal")) == []
    if open_files:
        assert len(os.listdir("/proc/self/fd")) <= open_files


def test_a_refusal_that_comes_while_the_facts_are_read_again_is_seen_too(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=1)
    (id,) = world.planned(parts, made, send_at=NOW)
    whole, read = outbox.facts, list[int]()

    def facts(*args: Any, **kwargs: Any) -> Any:
        found = whole(*args, **kwargs)
        read.append(1)
        if len(read) == 2:  # after the statement of the second look has begun
            with parts.engine.begin() as tx:
                tx.execute(text("update addresses set status = 'complaint'"))
                outbox.bump_stops(tx)
        return found

    class Counted:
        """A watch whose every reading is fresh."""

        def now(self) -> Stops:
            with parts.engine.connect() as tx:
                return outbox.stops(tx)

    monkeypatch.setattr(outbox, "facts", facts)
    made_round = carry.claim(parts, Counted(), now=NOW)  # type: ignore[arg-type]
    assert made_round is not None
    with parts.engine.begin() as tx:
        outbox.bump_stops(tx)
    assert not made_round.may_still_go(id)
    assert len(read) == 3
    made_round.settle()


def test_facts_that_cannot_be_read_make_a_mail_wait_and_are_asked_once_a_mail(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    (id,) = world.planned(parts, world.build(parts, count=1), send_at=NOW)
    with Watch(parts) as watch:
        made_round = carry.claim(parts, watch, now=NOW)
        assert made_round is not None
        asked: list[int] = []

        def away(*args: Any, **kwargs: Any) -> Any:
            asked.append(1)
            raise OperationalError("select 1", {}, Exception("gone"))

        with parts.engine.begin() as tx:
            outbox.bump_stops(tx)
        watch._read_at = float("-inf")
        with monkeypatch.context() as patch:
            patch.setattr(outbox, "facts", away)
            assert not made_round.may_still_go(id)
        assert len(asked) == 1
        assert made_round.may_still_go(id), "the database is back"
        made_round.settle()
    assert world.states(parts) == {"planned": 1}


def test_a_mail_kept_for_one_lane_survives_the_clearing_by_another(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other lane clears what is kept right after this one has read its mails."""
    made = world.build(parts, count=1)
    with parts.engine.connect() as tx:
        ids = set(tx.execute(text("select id from published_mails")).scalars())
        whole = render.outgoing.frozen

        def cleared(*args: Any) -> Any:
            yield_from = whole(*args)
            render._KEPT.clear()
            return yield_from

        assert len(ids) == len(made.contents) == 3
        first = min(ids)
        render.published(tx, render.Post(parts), {first})
        monkeypatch.setattr(render.outgoing, "frozen", cleared)
        assert render.published(tx, render.Post(parts), ids).keys() == ids
