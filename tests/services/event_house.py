"""A house that invites: a private show, people who got its invitation, and their links."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.events import Plan
from campaigns.rules.touchpoints import Kind
from campaigns.services import add_event, broadcast, invite_event, plan, run_broadcasts
from campaigns.storage import broadcasts, contents, touchpoints, users
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.users import User
from tests import world
from tests.world import World
from tracking_pixel.tokens import TokenKind

SHOW = Plan(
    "浜松工場 個展",
    "private_show",
    starts_on=date(2026, 12, 17),
    venue="浜松工場",
    apply_by=date(2026, 12, 15),
)


@dataclass(frozen=True, slots=True)
class House:
    """The first user is who presses."""

    parts: Parts
    world: World
    event: int
    now: datetime

    @property
    def user(self) -> User:
        with self.parts.engine.connect() as tx:
            found = users.find(tx, 1)
        assert found is not None
        return found

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.parts.engine.connect() as tx:
            return list(tx.execute(text(sql), values).all())

    def run(self, sql: str, **values: Any) -> None:
        with self.parts.engine.begin() as tx:
            tx.execute(text(sql), values)

    def touch(
        self, person_id: int, kind: Kind, *, ago: timedelta = timedelta(hours=1), event: int = 0
    ) -> None:
        """A touch of a person at the event."""
        touch = NewTouch(
            source_key=f"test:{person_id}:{kind.value}:{event or self.event}",
            person_id=person_id,
            kind=kind,
            at=self.now - ago,
            product_id=self.world.product,
            event_id=event or self.event,
        )
        with self.parts.engine.begin() as tx:
            touchpoints.put(tx, [touch], now=self.now)

    def kinds(self, person_id: int) -> dict[str, float]:
        """Touches of a person with what they count."""
        rows = self.rows("select kind, validity from touchpoints where person_id = :p", p=person_id)
        return {row.kind: row.validity for row in rows}


def build(parts: Parts, now: datetime, *, event: Plan = SHOW, count: int = 4) -> House:
    with parts.engine.begin() as tx:
        for name, role in (("佐伯 美和", "marketer"), ("大石 健", "sales_manager")):
            users.add(
                tx,
                email=f"{role}@minori.example",
                name=name,
                role=role,
                locale="ja",
                password_hash="x",
                now=world.START,
            )
    made = world.build(parts, count=count)
    with parts.engine.begin() as tx:  # people of no product, so that an invitation is no mass mailing
        for _ in range(count + 1):
            world.insert(tx, "people", full_name="他 人", created_at=world.START)
    return House(parts, made, add_event.run(parts, event, user_id=1, now=now), now)


def finish_mail(house: House, broadcast_id: int) -> None:
    """Write into the open places of a broadcast's mail what its author would."""
    with house.parts.engine.begin() as tx:
        found = broadcasts.get(tx, broadcast_id)
        assert found is not None
        for variant in contents.variants(tx, found.plan.content_id or 0):
            words = {
                "subject": variant.subject,
                "preheader": variant.preheader,
                "html": variant.html.replace("【記入：開始と終了の時刻】", " 10時から16時"),
                "text": "",
                "format": variant.format,
            }
            contents.save_variant(tx, variant.id, version=variant.version, words=words)


def invite(house: House, *, now: datetime | None = None) -> dict[int, str]:
    """Send the event's invitation to everybody; person -> token of their link."""
    parts, now = house.parts, now or house.now
    id = invite_event.run(parts, house.event, house.world.product, user_id=1, now=now)
    finish_mail(house, id)
    with parts.engine.connect() as tx:
        found = broadcasts.get(tx, id)
    assert found is not None
    _state, problems = broadcast.ask(parts, id, version=found.version, user_id=1, now=now)
    assert problems == (), problems
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    house.run("update deliveries set state = 'sent', sent_at = send_at where state = 'planned'")
    rows = house.rows("select id, person_id from deliveries where class <> 'transactional'")
    return {row.person_id: parts.signer.sign(TokenKind.RSVP, row.id) for row in rows}
