"""A small world for tests: a maker, two products, people met at a fair, and the mails they got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select, text

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import settle_calls
from campaigns.storage import tables as t
from campaigns.storage import touchpoints
from campaigns.storage.touchpoints import NewTouch
from tracking_pixel.events import Event, EventKind

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


@dataclass
class World:
    """Rows by the handful. All instants are relative to `now`."""

    parts: Parts
    now: datetime
    owner_id: int = 0
    press_id: int = 0
    pump_id: int = 0
    count: int = 0

    @classmethod
    def build(cls, parts: Parts, now: datetime) -> World:
        world = cls(parts, now)
        with parts.engine.begin() as tx:
            world.owner_id = _id(tx, t.users, email="owner@maker.example", name="営業 花子", created_at=now)
            profile = _id(tx, t.sender_profiles, name="本社", reply_to="sales@maker.example")
            common = {"created_at": now, "owner_user_id": world.owner_id, "sender_profile_id": profile}
            world.press_id = _id(tx, t.products, name="小型プレス", **common)
            world.pump_id = _id(tx, t.products, name="計量ポンプ", **common)
        return world

    def event(self, delivery: int, kind: str, *, ago: timedelta = timedelta(minutes=5), **more: Any) -> Event:
        """What the tracker saw of a mail, with an ordinary browser unless said otherwise."""
        self.count += 1
        more.setdefault("ua", CHROME)
        return Event(
            uid=f"u{self.count}", kind=EventKind(kind), delivery_id=delivery, at=self.now - ago, **more
        )

    def person(self, *, touches: Any = (), phone: bool = True, fax: bool = False, **more: Any) -> int:
        """A person with a mailbox at a company of class E. touches: (kind, days ago[, product])."""
        self.count += 1
        n = self.count
        with self.parts.engine.begin() as tx:
            company = _id(tx, t.companies, name=f"第{n}工業㈱", created_at=self.now, **{"class": "E"})
            address = _id(
                tx,
                t.addresses,
                email=f"p{n}@customer{n}.example",
                email_key=f"p{n}@customer{n}.example",
                key_hash=self.parts.key_hash(f"p{n}@customer{n}.example"),
                created_at=self.now,
            )
            person = _id(
                tx,
                t.people,
                full_name=f"試験 {n}郎",
                tel="03-0000-0000" if phone else "",
                fax="03-0000-0001" if fax else "",
                address_id=address,
                created_at=self.now,
                **more,
            )
            tx.execute(insert(t.affiliations).values(person_id=person, company_id=company))
        self.touch(person, *touches)
        return person

    def touch(self, person_id: int, *touches: Any) -> None:
        """Touches of a person: (kind, days ago) for the press, or (kind, days ago, product)."""
        rows = []
        for kind, days, *rest in touches:
            self.count += 1
            rows.append(
                NewTouch(
                    source_key=f"test:{self.count}",
                    person_id=person_id,
                    kind=Kind(kind),
                    at=self.now - timedelta(days=days),
                    product_id=rest[0] if rest else self.press_id,
                )
            )
        with self.parts.engine.begin() as tx:
            touchpoints.put(tx, rows, now=self.now)

    def delivery(self, person_id: int, *, state: str = "sent", sent: timedelta = timedelta(days=1)) -> int:
        """A mail about the press, sent a day ago."""
        self.count += 1
        with self.parts.engine.begin() as tx:
            address = tx.execute(select(t.people.c.address_id).where(t.people.c.id == person_id)).scalar()
            return _id(
                tx,
                t.deliveries,
                origin=f"test:{self.count}",
                person_id=person_id,
                address_id=address,
                product_id=self.press_id,
                state=state,
                send_at=self.now - sent,
                sent_at=self.now - sent,
                created_at=self.now - sent,
            )

    def settle(self) -> None:
        """A minute and a half later: what calls recorded now do has been done."""
        settle_calls.run(self.parts, now=self.now + timedelta(seconds=90))

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.parts.engine.connect() as tx:
            return list(tx.execute(text(sql), values).all())

    def run(self, sql: str, **values: Any) -> None:
        with self.parts.engine.begin() as tx:
            tx.execute(text(sql), values)

    def lead(self, person_id: int, product_id: int | None = None) -> Any:
        found = self.rows(
            "select * from product_leads where person_id = :p and product_id = :q",
            p=person_id,
            q=product_id or self.press_id,
        )
        return found[0] if found else None

    def tasks(self, person_id: int) -> list[Any]:
        return self.rows("select * from tasks where person_id = :p order by kind, id", p=person_id)


def _id(tx: Connection, table: Any, **values: Any) -> int:
    return int(tx.execute(insert(table).values(values).returning(table.c.id)).scalar_one())
