"""Themes by what their touches are worth today."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import interests
from campaigns.rules.interests import Read
from campaigns.rules.touchpoints import Kind, Touch
from tests.conftest import NOW


def read(kind: str, days: float, *tags: str, validity: float = 1.0, id: int = 0, person: int = 1) -> Read:
    touch = Touch(kind=Kind(kind), at=NOW - timedelta(days=days), validity=validity, id=id)
    return Read(touch, tags, person)


def tags(*reads: Read, **more: int) -> list[str]:
    return [one.tag for one in interests.profile(reads, now=NOW, **more)]


def test_a_request_weighs_more_than_a_click_and_the_new_more_than_the_old() -> None:
    assert tags(read("mail_click", 0, "検査"), read("doc_request", 0, "搬送")) == ["搬送", "検査"]
    assert tags(read("mail_click", 200, "検査"), read("mail_click", 1, "搬送")) == ["搬送", "検査"]


def test_a_touch_is_worth_half_after_half_a_cycle() -> None:
    [one] = interests.profile([read("doc_request", 365, "検査")], now=NOW, cycle_days=730)
    assert one.weight == pytest.approx(7.5)


def test_machines_and_what_is_to_come_weigh_nothing() -> None:
    assert tags(read("mail_click", 1, "検査", validity=0.0), read("mail_click", -1, "搬送")) == []


def test_a_tag_twice_on_a_touch_counts_once_and_three_are_shown() -> None:
    [one] = interests.profile([read("doc_request", 0, "検査", "検査")], now=NOW)
    assert one.weight == 15
    assert len(tags(*(read("mail_click", n, f"t{n}") for n in range(9)))) == 3


def test_the_touches_and_people_behind_a_theme_stand_with_it() -> None:
    reads = [read("mail_click", 9, "検査", id=1, person=4), read("web_view", 2, "検査", id=2, person=5)]
    [one] = interests.profile(reads, now=NOW)
    assert (one.touch_ids, one.person_ids, one.share) == ((2, 1), (4, 5), 1.0)


@given(st.lists(st.tuples(st.sampled_from(["mail_click", "web_view", "doc_request"]), st.floats(0, 2000), st.sampled_from("abcde")), max_size=30))  # fmt: skip
def test_one_more_touch_never_weakens_its_theme(rows: list[tuple[str, float, str]]) -> None:
    reads = [read(kind, days, tag) for kind, days, tag in rows]
    before = {one.tag: one.weight for one in interests.profile(reads, now=NOW, top=99)}
    after = {
        one.tag: one.weight
        for one in interests.profile([*reads, read("mail_click", 1, "a")], now=NOW, top=99)
    }
    assert after["a"] > before.get("a", 0.0)
    assert all(after[tag] == weight for tag, weight in before.items() if tag != "a")
