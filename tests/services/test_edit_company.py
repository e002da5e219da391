"""Editing a company: its owner, who follows it, and its class, in one transaction."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import classify, edit_company, review_classes
from campaigns.services.edit_company import OwnerError
from campaigns.storage import classes as stored
from campaigns.storage import companies
from tests.conftest import NOW
from tests.services.test_classify import classes, company
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def user(world: World, role: str, *, is_active: bool = True) -> int:
    world.run(
        "insert into users (email, name, role, is_active, created_at) values (:e, :e, :r, :a, :n)",
        e=f"{role}-{is_active}@maker.example",
        r=role,
        a=is_active,
        n=NOW,
    )
    return int(world.rows("select max(id) as id from users")[0].id)


def save(parts: Parts, id: int, **values: Any) -> companies.Company:
    with parts.engine.connect() as tx:
        version = tx.execute(text("select version from companies where id = :i"), {"i": id}).scalar_one()
    return edit_company.save(parts, id, values, version=version, user_id=None, now=NOW)


@pytest.mark.parametrize(
    ("role", "cls", "follows"),
    [
        ("inside_sales", "D", False),
        ("marketer", "D", False),
        ("sales_manager", "C1", False),
        ("field_sales", "C2", True),
    ],
)
def test_only_an_owner_who_sells_makes_a_past_customer_a_current_one(
    parts: Parts, world: World, role: str, cls: str, follows: bool
) -> None:
    id = company(parts, "甲", last_deal_on=date(2024, 1, 5))
    saved = save(parts, id, owner_user_id=user(world, role))
    assert (saved.company_class, saved.has_field_rep) == (cls, follows)


def test_field_sales_leave_with_their_owner(parts: Parts, world: World) -> None:
    id = company(parts, "甲", last_deal_on=date(2024, 1, 5))
    save(parts, id, owner_user_id=user(world, "field_sales"))
    assert classes(parts) == {"甲": "C2"}
    saved = save(parts, id, owner_user_id=user(world, "inside_sales"), has_field_rep=True)
    assert (saved.has_field_rep, saved.company_class) == (False, "D")  # the tick stood there before


def test_a_tick_of_the_same_form_has_the_last_word(parts: Parts, world: World) -> None:
    id = company(parts, "甲", last_deal_on=date(2026, 6, 1))
    saved = save(parts, id, owner_user_id=user(world, "inside_sales"), has_field_rep=True)
    assert (saved.has_field_rep, saved.company_class) == (True, "C2")


def test_who_has_left_cannot_become_an_owner(parts: Parts, world: World) -> None:
    id = company(parts, "甲")
    for nobody in (user(world, "field_sales", is_active=False), 99_999):
        with pytest.raises(OwnerError):
            save(parts, id, owner_user_id=nobody)


def test_the_account_of_who_left_waits_for_an_owner_and_stays_a_customer(parts: Parts, world: World) -> None:
    id = company(parts, "甲", last_deal_on=date(2024, 1, 5))
    rep = user(world, "field_sales")
    save(parts, id, owner_user_id=rep)
    assert review_classes.overview(parts, now=NOW).ownerless == ()
    world.run("update users set is_active = false where id = :i", i=rep)
    classify.run(parts, now=NOW)
    shown = review_classes.overview(parts, now=NOW)
    assert [(one.company_id, one.left) for one in shown.ownerless] == [(id, "field_sales-True@maker.example")]
    assert shown.figures["C2"].ownerless == 1
    heir = user(world, "sales_manager")
    assert review_classes.give_owner(parts, [id], owner_user_id=heir, user_id=world.owner_id, now=NOW) == 1
    assert review_classes.overview(parts, now=NOW).ownerless == ()


def test_figures_without_their_class_are_not_saved(
    parts: Parts, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = company(parts, "甲")

    def broken(*_args: object, **_named: object) -> None:
        raise RuntimeError("the database went away")

    monkeypatch.setattr(edit_company.classify, "within", broken)
    with pytest.raises(RuntimeError):
        save(parts, id, profit_12m_yen=5)
    assert world.rows("select profit_12m_yen from companies where name = '甲'")[0].profit_12m_yen == 0


def test_a_telephone_number_moves_no_class_and_waits_for_nobody_who_classes(
    parts: Parts, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = company(parts, "甲")

    def read(*_args: object, **_named: object) -> None:
        raise AssertionError("all companies are read for a telephone number")

    monkeypatch.setattr(edit_company.classify, "within", read)
    with parts.engine.begin() as other:
        stored.lock(other)
        assert save(parts, id, tel="053-000-0001").tel == "053-000-0001"


def test_two_saves_that_class_each_others_company_never_cross(
    parts: Parts, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds its own company for a while, and classes both."""
    ids = [company(parts, name, last_deal_on=date(2026, 6, 1), has_field_rep=True) for name in ("甲", "乙")]
    kept = companies.save

    def slowly(*args: Any, **named: Any) -> bool:
        done = kept(*args, **named)
        time.sleep(0.3)
        return done

    monkeypatch.setattr(companies, "save", slowly)
    with ThreadPoolExecutor(2) as pool:
        found = [
            pool.submit(save, parts, id, last_deal_on=date(2024, 1, 5), has_field_rep=False) for id in ids
        ]
        assert [one.result().company_class for one in found] == ["D", "D"]
