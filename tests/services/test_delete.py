"""What was made by mistake goes; what people got, or are in, stays and says why."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import author, catalogue, delete, design, run_simulations
from campaigns.services.author import Gone
from tests import world
from tests.services.test_publish import HEAD, House, house

__all__ = ["house"]


def count(parts: Parts, table: str) -> int:
    with parts.engine.connect() as tx:
        return int(tx.execute(text(f"select count(*) from {table}")).scalar_one())


def draft(parts: Parts, house: House, now: datetime) -> int:
    return design.create(
        parts, product_id=house.product, head=HEAD, pattern="exhibition", user_id=house.user, now=now
    )


def test_a_draft_goes_with_its_rows_its_undo_and_its_simulations_and_its_mails_stay(
    parts: Parts, house: House, now: datetime
) -> None:
    id = draft(parts, house, now)
    design.add_row(parts, id, user_id=house.user, now=now)
    run_simulations.ask(parts, id, seed=1, rates={}, user_id=house.user, now=now)
    mails = count(parts, "contents")
    done = delete.run(parts, "scenario", id, user_id=house.user, now=now)
    assert (done.ties, done.name) == ((), HEAD.name)
    for table in ("scenarios", "scenario_versions", "steps", "design_history", "simulations"):
        assert count(parts, table) == 0, table
    assert count(parts, "contents") == mails > 0
    with parts.engine.connect() as tx:
        log = tx.execute(
            text(
                "select a.noun, a.action, v.old from audit_log a join audit_values v on v.audit_id = a.id"
                " where a.action = 'delete'"
            )
        ).one()
    assert tuple(log) == ("scenario", "delete", HEAD.name)


def test_a_published_scenario_stays(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=2)
    done = delete.run(parts, "scenario", made.scenario, user_id=None, now=now)
    assert [tie.code for tie in done.ties] == ["published"]
    assert count(parts, "scenarios") == 1


def test_a_product_on_which_nothing_hangs_goes_with_its_settings(
    parts: Parts, house: House, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        world.insert(tx, "sales_team_states", product_id=house.product, set_at=now)
        tx.execute(
            text("insert into rank_days (product_id, day, rank, leads) values (:p, '2026-11-23', 'warm', 0)"),
            {"p": house.product},
        )
    assert not delete.run(parts, "product", house.product, user_id=house.user, now=now).ties
    assert catalogue.find(parts, house.product) is None


def test_a_product_in_use_says_by_what_and_how_many(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=3)
    done = delete.run(parts, "product", made.product, user_id=None, now=now)
    assert {tie.code: tie.n for tie in done.ties} == {"scenarios": 1, "contents": 3, "leads": 3}
    assert count(parts, "products") == 1


def test_an_imported_list_keeps_its_product(parts: Parts, house: House, now: datetime) -> None:
    with parts.engine.begin() as tx:
        world.insert(tx, "import_batches", settings={"product_id": house.product}, created_at=now)
    done = delete.run(parts, "product", house.product, user_id=None, now=now)
    assert {tie.code: tie.n for tie in done.ties} == {"imports": 1}


def test_a_form_keeps_its_product(parts: Parts, house: House, now: datetime) -> None:
    with parts.engine.begin() as tx:
        world.insert(tx, "forms", public_key="k", product_id=house.product, created_at=now)
    done = delete.run(parts, "product", house.product, user_id=None, now=now)
    assert {tie.code: tie.n for tie in done.ties} == {"forms": 1}


@pytest.mark.parametrize("table", ["suppressions", "alerts"])
def test_a_record_of_a_product_keeps_it(parts: Parts, house: House, now: datetime, table: str) -> None:
    values = {"kind": "refusal_rate"} if table == "alerts" else {"scope": "product", "key_hash": b"x"}
    with parts.engine.begin() as tx:
        world.insert(tx, table, product_id=house.product, at=now, **values)
    done = delete.run(parts, "product", house.product, user_id=None, now=now)
    assert [tie.code for tie in done.ties] == ["records"]


def test_a_content_in_a_row_names_the_scenario(parts: Parts, house: House, now: datetime) -> None:
    id = draft(parts, house, now)
    with parts.engine.connect() as tx:
        content = tx.execute(
            text("select content_id from steps where content_id is not null limit 1")
        ).scalar()
    done = delete.run(parts, "content", int(content or 0), user_id=None, now=now)
    assert done.ties[0].scenarios == ((id, HEAD.name),)


def test_a_content_that_was_published_stays(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    done = delete.run(parts, "content", made.contents[0], user_id=None, now=now)
    assert [tie.code for tie in done.ties] == ["told", "mailed"]


def test_a_content_that_undo_would_bring_back_stays_and_undo_works(
    parts: Parts, house: House, now: datetime
) -> None:
    id = draft(parts, house, now)
    with parts.engine.connect() as tx:
        row = tx.execute(text("select key, content_id from steps where content_id is not null limit 1")).one()
    design.delete_row(parts, id, row.key, user_id=house.user, now=now)
    done = delete.run(parts, "content", row.content_id, user_id=None, now=now)
    assert [tie.code for tie in done.ties] == ["undone"]
    assert design.undo(parts, id) == row.key


def test_a_content_nobody_uses_goes_with_its_words(parts: Parts, house: House, now: datetime) -> None:
    id = author.from_starter(parts, author.starters()[0], product_id=None, user_id=house.user, now=now)
    assert not delete.run(parts, "content", id, user_id=house.user, now=now).ties
    assert (count(parts, "contents"), count(parts, "content_variants")) == (0, 0)


@pytest.mark.parametrize("noun", ["scenario", "product", "content"])
def test_what_is_gone_already_is_said_to_be_gone(parts: Parts, now: datetime, noun: str) -> None:
    with pytest.raises(Gone):
        delete.run(parts, noun, 99, user_id=None, now=now)
