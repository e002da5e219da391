"""Values handed down from the company and the family to products, against the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.inheritance import SHIPPED, Level, resolve
from campaigns.services import catalogue, inherit
from campaigns.services.catalogue import Invalid
from campaigns.services.inherit import Holder
from campaigns.storage import inheritance as stored
from tests import world

FORM = {
    "name": "検査装置", "family": "検査", "list_key": "eye", "purchase_cycle_days": "365", "gate_percent": "20",
    "expected_amount_yen": "0", "priority": "5", "colour_no": "1",
}  # fmt: skip


@pytest.fixture
def user(parts: Parts, now: datetime) -> int:
    with parts.engine.begin() as tx:
        return world.insert(tx, "users", email="a@minori.example", name="佐伯", role="admin", created_at=now)


def add(parts: Parts, user: int, now: datetime, **changed: str) -> int:
    return catalogue.add(parts, FORM | changed, user_id=user, now=now)


def load(parts: Parts, level: Level, id: int = 0) -> Holder:
    found = inherit.load(parts, level, id)
    assert found is not None
    return found


def put(parts: Parts, user: int, now: datetime, holder: Holder, **typed: Any) -> int:
    return inherit.save(parts, holder.level, holder.id, typed, version=holder.version, user_id=user, now=now)


def column(parts: Parts, product: int, name: str) -> Any:
    with parts.engine.connect() as tx:
        return tx.execute(text(f"select {name} from products where id = :id"), {"id": product}).scalar_one()


def test_changing_a_default_updates_products_that_did_not_override_it(
    parts: Parts, user: int, now: datetime
) -> None:
    plain = add(parts, user, now)
    own = add(parts, user, now, name="搬送", list_key="carry", priority="2")
    house = load(parts, Level.HOUSE)
    assert (
        put(parts, user, now, house, priority=7, windows=[[600, 720]], band_edges=[0.0, 9, 21, 36, 56]) == 2
    )
    assert (column(parts, plain, "priority"), column(parts, own, "priority")) == (7, 2)
    assert column(parts, own, "windows") == [[600, 720]]
    assert column(parts, plain, "band_edges") == [0, 9, 21, 36, 56]


def test_a_family_stands_between_the_company_and_its_products(parts: Parts, user: int, now: datetime) -> None:
    inside = add(parts, user, now)
    outside = add(parts, user, now, name="搬送", list_key="carry", family="搬送")
    put(parts, user, now, load(parts, Level.HOUSE), tone_every=5)
    [family] = [f for f in inherit.families(parts) if f[1] == "検査"]
    put(parts, user, now, load(parts, Level.FAMILY, family[0]), tone_every=6)
    assert (column(parts, inside, "tone_every"), column(parts, outside, "tone_every")) == (6, 5)
    held = load(parts, Level.PRODUCT, inside).fields["tone_every"]
    assert (held.source, held.value) == (Level.FAMILY, 6)


def test_a_product_that_moves_to_another_family_inherits_from_there(
    parts: Parts, user: int, now: datetime
) -> None:
    product = add(parts, user, now)
    add(parts, user, now, name="搬送", list_key="carry", family="搬送")
    other = next(f for f in inherit.families(parts) if f[1] == "搬送")
    put(parts, user, now, load(parts, Level.FAMILY, other[0]), priority=3)
    catalogue.save(
        parts, product, FORM | {"family": "搬送", "is_active": "1"}, version=1, user_id=user, now=now
    )
    assert column(parts, product, "priority") == 3


def test_one_press_keeps_a_value_and_one_press_inherits_it_again(
    parts: Parts, user: int, now: datetime
) -> None:
    product = add(parts, user, now)

    def press(as_own: bool) -> None:
        version = load(parts, Level.PRODUCT, product).version
        inherit.keep(
            parts, Level.PRODUCT, product, "priority", as_own=as_own, version=version, user_id=user, now=now
        )

    press(as_own=True)
    put(parts, user, now, load(parts, Level.HOUSE), priority=8)
    assert column(parts, product, "priority") == 5
    held = load(parts, Level.PRODUCT, product).fields["priority"]
    assert (held.is_own, held.without, held.without_source) == (True, 8, Level.HOUSE)
    press(as_own=False)
    assert column(parts, product, "priority") == 8


def test_who_saves_second_is_told_and_changes_nothing(parts: Parts, user: int, now: datetime) -> None:
    product = add(parts, user, now)
    late = load(parts, Level.PRODUCT, product)
    put(parts, user, now, late, priority=2)
    with pytest.raises(inherit.Stale) as caught:
        put(parts, user, now, late, priority=9)
    assert caught.value.now.value("priority") == 2
    assert column(parts, product, "priority") == 2


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"tone_every": 2}, {"tone_every": "out_of_range"}),
        ({"gate": 0.95}, {"gate": "out_of_range"}),
        ({"windows": [[700, 600]]}, {"windows": "odd"}),
        ({"windows": [[540, 700], [690, 800]]}, {"windows": "odd"}),
        ({"band_edges": [0.0, 20.0, 8.0, 35.0, 55.0]}, {"band_edges": "not_rising"}),
        ({"prior_rates": [0.0, 0.1, 0.2, 0.3, 0.4]}, {"prior_rates": "not_rising"}),
        ({"sender_profile_id": 999}, {"sender_profile_id": "unknown"}),
        ({"hot_rules": {"kinds": {"mail_click": {"days": 9}}}}, {"k-mail_click": "online_trigger"}),
        ({"action_matrix": {"rows": []}}, {"action_matrix": "hot_without_call"}),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(
    parts: Parts, user: int, now: datetime, typed: dict[str, Any], errors: dict[str, str]
) -> None:
    product = add(parts, user, now)
    with pytest.raises(Invalid) as caught:
        put(parts, user, now, load(parts, Level.PRODUCT, product), **typed)
    assert caught.value.errors == errors


def test_a_copy_takes_the_chosen_fields_and_leaves_the_others(parts: Parts, user: int, now: datetime) -> None:
    source, target = add(parts, user, now), add(parts, user, now, name="搬送", list_key="carry", priority="2")
    put(parts, user, now, load(parts, Level.PRODUCT, source), purchase_cycle_days=90, gate=0.3, priority=9)
    version = load(parts, Level.PRODUCT, target).version
    inherit.copy(
        parts,
        target,
        source,
        ["gate", "purchase_cycle_days", "tone_every"],
        version=version,
        user_id=user,
        now=now,
    )
    after = load(parts, Level.PRODUCT, target)
    assert (after.value("gate"), after.value("purchase_cycle_days"), after.value("priority")) == (0.3, 90, 2)
    assert not after.fields["tone_every"].is_own


@pytest.fixture
def copied(parts: Parts, user: int, now: datetime) -> tuple[int, Holder]:
    """A product that took gate and cycle from another: its id, and what it was before."""
    source, target = add(parts, user, now), add(parts, user, now, name="搬送", list_key="carry", priority="2")
    put(parts, user, now, load(parts, Level.PRODUCT, source), purchase_cycle_days=90, gate=0.3)
    before = load(parts, Level.PRODUCT, target)
    fields = ["gate", "purchase_cycle_days"]
    inherit.copy(parts, target, source, fields, version=before.version, user_id=user, now=now)
    return target, before


def undo(parts: Parts, user: int, now: datetime, product: int) -> bool:
    version = load(parts, Level.PRODUCT, product).version
    return inherit.undo(parts, product, version=version, user_id=user, now=now)


def test_a_copy_is_taken_back_by_one_press_and_only_once(
    parts: Parts, user: int, now: datetime, copied: tuple[int, Holder]
) -> None:
    product, before = copied
    found = inherit.undoable(parts, product)
    assert found is not None
    assert (found.change.source, found.was.value("gate")) == ("検査装置", before.value("gate"))
    assert column(parts, product, "gate") == 0.3
    assert undo(parts, user, now, product)
    assert load(parts, Level.PRODUCT, product).fields == before.fields
    assert column(parts, product, "gate") == before.value("gate")
    assert inherit.undoable(parts, product) is None
    assert not undo(parts, user, now, product)


def test_what_is_inherited_again_by_undo_follows_the_company(
    parts: Parts, user: int, now: datetime, copied: tuple[int, Holder]
) -> None:
    product, _before = copied
    put(parts, user, now, load(parts, Level.HOUSE), gate=0.4)
    assert undo(parts, user, now, product)
    assert column(parts, product, "gate") == 0.4


def test_undo_takes_back_the_newest_change_and_not_the_copy_before_it(
    parts: Parts, user: int, now: datetime, copied: tuple[int, Holder]
) -> None:
    product, _before = copied
    put(parts, user, now, load(parts, Level.PRODUCT, product), priority=9)
    assert undo(parts, user, now, product)
    assert (column(parts, product, "priority"), column(parts, product, "gate")) == (2, 0.3)


def test_undo_of_a_page_that_is_old_changes_nothing(
    parts: Parts, user: int, now: datetime, copied: tuple[int, Holder]
) -> None:
    product, before = copied
    with pytest.raises(inherit.Stale):
        inherit.undo(parts, product, version=before.version, user_id=user, now=now)
    assert column(parts, product, "gate") == 0.3


def test_a_change_of_hot_criteria_ranks_the_people_of_the_product_again(
    parts: Parts, user: int, now: datetime
) -> None:
    product = add(parts, user, now)
    with parts.engine.begin() as tx:
        people = world.people(tx, parts, 2, product=product)
        tx.execute(text("update product_leads set depth_max = 3 where person_id = :id"), {"id": people[0]})
    put(
        parts,
        user,
        now,
        load(parts, Level.PRODUCT, product),
        hot_rules={"kinds": {"visit": {"points": 50.0}}},
    )
    with parts.engine.connect() as tx:
        due = tx.execute(
            text("select person_id from product_leads where next_change_at <= :now"), {"now": now}
        )
        assert due.scalars().all() == [people[0]], "who never showed anything cannot move"


values = st.fixed_dictionaries(
    {},
    optional={
        "priority": st.integers(1, 99),
        "gate": st.sampled_from([0.1, 0.25, 0.4]),
        "price_band": st.text(alphabet="あa' \"%:", max_size=5),
        "windows": st.sampled_from([[], [[600, 700]], [[540, 600], [700, 800]]]),
        "hot_rules": st.sampled_from([{}, {"kinds": {"visit": {"days": 3}}}]),
        "prior_rates": st.sampled_from([[0.01, 0.02, 0.03, 0.04, 0.05]]),
    },
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(own=values, family=values, house=values)
def test_the_columns_hold_what_the_rules_resolve(
    parts: Parts, now: datetime, own: dict[str, Any], family: dict[str, Any], house: dict[str, Any]
) -> None:
    with parts.engine.connect() as tx, tx.begin() as undone:
        stored.ensure_family(tx, "検査")
        row = stored.family_named(tx, "検査")
        assert row is not None
        id = world.insert(
            tx,
            "products",
            name="検査装置",
            family="検査",
            list_key="eye",
            unsubscribe_label="検査",
            created_at=now,
        )
        assert stored.save_house(tx, house, version=stored.house(tx).version)
        assert stored.save_family(tx, row.id, family, version=row.version)
        assert stored.save_product(tx, id, own, version=1)
        stored.settle(tx)
        expected = resolve(own, (Level.FAMILY, family), (Level.HOUSE, house), level=Level.PRODUCT)
        found = tx.execute(text("select * from products where id = :id"), {"id": id}).one()
        assert {field: getattr(found, field) for field in SHIPPED} == {
            field: held.value for field, held in expected.items()
        }
        undone.rollback()
