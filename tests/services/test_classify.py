"""Classes A to E in the database."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import insert, text

from campaigns.parts import Parts
from campaigns.services import classify
from campaigns.storage import tables as t
from tests.conftest import NOW


def company(parts: Parts, name: str, **values: Any) -> int:
    with parts.engine.begin() as tx:
        return int(
            tx.execute(
                insert(t.companies).values(name=name, created_at=NOW, **values).returning(t.companies.c.id)
            ).scalar_one()
        )


def classes(parts: Parts) -> dict[str, str]:
    with parts.engine.connect() as tx:
        return {
            row.name: row._mapping["class"] for row in tx.execute(text('select name, "class" from companies'))
        }


def test_the_worked_example_of_the_specification_is_reproduced(parts: Parts) -> None:
    deal = date(2026, 6, 1)
    for name, profit in (
        ("K01", 5000),
        ("K02", 2500),
        ("K03", 1000),
        ("K04", 700),
        ("K05", 400),
        ("K07", 150),
        ("K08", -800),
    ):
        company(parts, name, profit_12m_yen=profit, last_deal_on=deal)
    company(parts, "K06", profit_12m_yen=250, last_deal_on=deal, has_field_rep=True)
    company(parts, "K09", last_deal_on=date(2025, 11, 24))  # today is 2026-11-24: inside the year
    company(parts, "K10", last_deal_on=date(2025, 11, 23))
    contact = company(parts, "K11")
    with parts.engine.begin() as tx:
        person = tx.execute(
            insert(t.people).values(full_name="試験 一郎", created_at=NOW).returning(t.people.c.id)
        ).scalar_one()
        tx.execute(insert(t.affiliations).values(person_id=person, company_id=contact))
        rep = tx.execute(
            insert(t.users)
            .values(email="rep@maker.example", role="field_sales", created_at=NOW)
            .returning(t.users.c.id)
        ).scalar_one()
    company(parts, "K12", owner_user_id=rep)
    company(parts, "K13")

    done = classify.run(parts, now=NOW)

    assert classes(parts) == {
        "K01": "A", "K02": "A", "K03": "A", "K04": "B", "K05": "B", "K06": "C2", "K07": "C1", "K08": "C1",
        "K09": "C1", "K10": "D", "K11": "E", "K12": "C1", "K13": "-",
    }  # fmt: skip
    assert done.companies == 13
    assert classify.run(parts, now=NOW).moved == ()


def test_a_locked_class_stays_as_people_set_it(parts: Parts) -> None:
    company(
        parts, "固定", class_locked=True, profit_12m_yen=9, last_deal_on=date(2026, 6, 1), **{"class": "C2"}
    )
    classify.run(parts, now=NOW)
    assert classes(parts) == {"固定": "C2"}
