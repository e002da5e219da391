"""A sample is bounded, spread over everybody, and the same each time."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules.audience import Audience
from campaigns.storage import products, reach, samples
from tests import world

PEOPLE = 3_000
FEW = 200


@pytest.fixture
def many(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> int:
    """A product with every second one of 3,000 people, a third of them without a name; its id."""
    monkeypatch.setattr(samples, "BIG", 100)
    with parts.engine.begin() as tx:
        product = world.product(tx)
        for query in (
            "insert into addresses (email, email_key, key_hash, created_at) select 'p' || n, 'p' || n,"
            " decode(md5(n::text), 'hex'), :now from generate_series(1, :n) n",
            "insert into people (full_name, address_id, created_at)"
            " select case when row_number() over (order by id) % 3 = 0 then '' else '若林 拓也' end, id, :now"
            " from addresses order by id",
            "insert into product_leads (person_id, product_id, created_at) select id, :product, :now"
            " from (select id, row_number() over (order by id) as n from people) q where n % 2 = 0",
        ):
            values = {"n": PEOPLE, "now": world.START, "product": product}
            tx.execute(text(query), {k: v for k, v in values.items() if f":{k}" in query})
    return product


def drawn(tx: Connection, product: int | None, most: int = FEW) -> samples.Sample:
    found = samples.draw(tx, product_id=product, most=most)
    assert found is not None
    return found


def test_few_people_are_not_sampled(parts: Parts) -> None:
    made = world.build(parts, count=3)
    with parts.engine.connect() as tx:
        assert samples.draw(tx, product_id=made.product, most=FEW) is None
        assert samples.draw(tx, product_id=None, most=FEW) is None


@pytest.mark.parametrize("of_all", [True, False])
def test_a_sample_is_bounded_and_the_same_each_time(parts: Parts, many: int, of_all: bool) -> None:
    product = None if of_all else many
    with parts.engine.connect() as tx:
        first = drawn(tx, product)
        assert 0 < len(first.ids) <= FEW
        assert len(set(first.ids)) == len(first.ids)
        assert first == drawn(tx, product)


def test_a_sample_stands_for_all_of_whom_it_was_drawn(parts: Parts, many: int) -> None:
    with parts.engine.connect() as tx:
        everybody, listed = drawn(tx, None), drawn(tx, many)
    assert everybody.whole(len(everybody.ids)) == pytest.approx(PEOPLE, rel=0.1)
    assert listed.whole(len(listed.ids)) == pytest.approx(PEOPLE / 2, rel=0.15)


def test_new_people_push_out_no_more_than_there_are_of_them(parts: Parts, many: int) -> None:
    with parts.engine.begin() as tx:
        before = drawn(tx, None, most=PEOPLE)
        tx.execute(
            text(
                "insert into people (full_name, created_at) select 'neu', :now from generate_series(1, 20)",
            ),
            {"now": world.START},
        )
        after = drawn(tx, None, most=PEOPLE)
    assert len(set(before.ids) - set(after.ids)) <= 20


def test_empty_fields_are_estimated_from_it(parts: Parts, many: int) -> None:
    with parts.engine.connect() as tx:
        found = reach.gaps(tx, product_id=many)
    assert found.everybody == pytest.approx(PEOPLE / 2, rel=0.1)
    assert found.by_field["氏名"] == pytest.approx(PEOPLE / 6, rel=0.25)
    assert found.by_field["会社名"] == found.everybody


def test_conditions_and_profiles_are_estimated_from_it_and_say_so(parts: Parts, many: int) -> None:
    with parts.engine.connect() as tx:
        found = reach.fitting(tx, product_id=many, classes=["-"], event_id=None, wanted=Audience())
        fitting, is_about = products.fitting(tx, many, {})
    assert (found.is_about, is_about) == (True, True)
    assert found.people == pytest.approx(PEOPLE / 2, rel=0.1)
    assert [one.company_class for one in fitting] == ["-"]
    assert fitting[0].people == pytest.approx(PEOPLE, rel=0.1)
    assert fitting[0].leads == pytest.approx(PEOPLE / 2, rel=0.1)
