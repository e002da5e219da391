"""A company that sales follow: two people, a product, a catalogue drafted after a talk at a booth, and who follows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import record_touch
from campaigns.storage import asica, catalogues, users
from campaigns.storage.asica import Sheet
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.users import User
from tests import world


@dataclass(frozen=True, slots=True)
class TrackedHouse:
    """owner follows the company; colleague, manager and rep do not."""

    parts: Parts
    now: datetime
    catalogue_id: int
    company_id: int
    product_id: int
    boss_id: int
    contact_id: int
    owner: User
    colleague: User
    manager: User

    def catalogue(self) -> Catalogue:
        with self.parts.engine.connect() as tx:
            found = catalogues.get(tx, self.catalogue_id)
        assert found is not None
        return found

    def sheet(self) -> Sheet:
        with self.parts.engine.connect() as tx:
            [found] = asica.sheets(tx, self.catalogue_id)
        return found

    def rows(self, sql: str, **values: Any) -> list[Any]:
        with self.parts.engine.connect() as tx:
            return list(tx.execute(text(sql), values).all())


def user(parts: Parts, name: str, role: str, *, now: datetime) -> User:
    with parts.engine.begin() as tx:
        id = users.add(
            tx,
            email=f"{name.encode().hex()[:12]}@minori.example",
            name=name,
            role=role,
            locale="ja",
            password_hash="unusable",
            now=now,
        )
        assert id is not None
        found = users.find(tx, id)
    assert found is not None
    return found


def build(parts: Parts, now: datetime) -> TrackedHouse:
    owner = user(parts, "森下 健", "field_sales", now=now)
    colleague = user(parts, "大森 沙織", "inside_sales", now=now)
    manager = user(parts, "野村 誠", "sales_manager", now=now)
    with parts.engine.begin() as tx:
        product = world.product(tx)
        boss, contact = world.people(tx, parts, 2, product=product)
        [(company,)] = tx.execute(
            text("select company_id from affiliations where person_id = :p"), {"p": boss}
        )
        tx.execute(text("update affiliations set buying_role = '窓口' where person_id = :p"), {"p": contact})
    record_touch.run(
        parts,
        person_id=contact,
        kind=Kind.BOOTH_TALK,
        at=now - timedelta(days=30),
        key="booth",
        product_id=product,
        note="ブースで15分。",
        user_id=colleague.id,
        now=now,
    )
    with parts.engine.begin() as tx:
        found = catalogues.of_company(tx, company)
        assert found is not None
        tx.execute(
            text("update catalogues set owner_user_id = :u where id = :id"), {"u": owner.id, "id": found.id}
        )
    return TrackedHouse(parts, now, found.id, company, product, boss, contact, owner, colleague, manager)
