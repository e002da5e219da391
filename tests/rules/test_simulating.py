"""What foreseen events come to: sums by month, calls against the callers' capacity, findings, one person's year."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import simulating
from campaigns.rules.simulating import Desk, Event, Tally

MAY = 2027 * 12 + 4
PRESS, PUMP = 1, 2
OWN = frozenset(range(1, 31))  # the scenario's enrolments


def event(
    what: str, code: str = "", *, person: int = 1, month: int = MAY, by: int | None = None, **more: int
) -> Event:
    values = {"enrollment": person, "product": PRESS, "day": month * 31} | more
    return Event(person, month=month, what=what, code=code, by=by, **values)  # type: ignore[arg-type]


def tally(events: list[Event], began: dict[int, str] | None = None) -> dict[str, Any]:
    made = Tally(PRESS, MAY, 12)
    made.add(events, began or {}, OWN)
    return made.result()


@pytest.mark.parametrize(
    ("events", "found"),
    [
        ([event("sent", "K1")], {"sent": 1}),
        ([event("held", "rank", by=PUMP)], {"held": {"2": 1}}),
        ([event("held", "gap")], {"waits": {"gap": 1}}),
        ([event("held", "month_taken", by=PRESS)], {"waits": {"month_taken": 1}}),
        # Another scenario of the same product goes first.
        ([event("held", "starved", by=PRESS)], {"held": {"1": 1}}),
        ([event("sent", "K1", enrollment=77)], {}),  # that other scenario's own mail
        ([event("held", "lead_hot")], {"not_sent": {"lead_hot": 1}}),
        ([event("not_sent", "refused_product")], {"not_sent": {"refused_product": 1}}),
        # Held first, then sent after all; and the other way round: of an enrolment's month the mail counts.
        ([event("held", "rank", by=PUMP), event("sent", "K1")], {"sent": 1}),
        ([event("sent", "K1"), event("held", "gap")], {"sent": 1}),
        ([event("held", "gap"), event("held", "rank", by=PUMP)], {"held": {"2": 1}}),
        ([event("sent", "K1", product=PUMP)], {}),  # another product's
    ],
)
def test_each_month_of_an_enrolment_counts_once_and_the_mail_counts_most(
    events: list[Event], found: dict[str, Any]
) -> None:
    result = tally(events)
    seen: dict[str, Any] = {"sent": result["sent"][0]} if result["sent"][0] else {}
    for name in ("held", "waits", "not_sent"):
        counts = {code: row[0] for code, row in result[name].items() if row[0]}
        seen |= {name: counts} if counts else {}
    assert seen == found


def test_tasks_of_all_products_count_since_one_desk_does_them() -> None:
    result = tally([event("task", "call"), event("task", "call", product=PUMP), event("task", "fax")])
    assert (result["tasks"]["call"][0], result["tasks"]["fax"][0], result["tasks"]["visit"][0]) == (2, 1, 0)


def test_ranks_flow_from_today_over_the_half_year_to_the_end() -> None:
    moves = [
        event("rank", "warm", person=1, month=MAY + 2, day=_day(MAY + 2)),
        event("rank", "hot", person=1, month=MAY + 9, day=_day(MAY + 9)),
        event("rank", "warm", person=2, month=MAY + 8, day=_day(MAY + 8)),
    ]
    result = tally(moves, {1: "nurture", 2: "nurture", 3: "unobserved"})
    assert simulating.ranks_at(result, "now")["nurture"] == 2
    assert simulating.ranks_at(result, "half")["warm"] == 1
    assert simulating.ranks_at(result, "half")["nurture"] == 1
    assert (simulating.ranks_at(result, "end")["hot"], simulating.ranks_at(result, "end")["warm"]) == (1, 1)
    assert result["ranks"]["warm"] == [0, 0, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert result["ranks"]["nurture"] == [2, 2, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0]
    assert {sum(row[n] for row in result["ranks"].values()) for n in range(13)} == {3}


def _day(month: int) -> int:
    return simulating.last_day(month).toordinal() - 10


EVENTS = st.builds(
    event,
    st.sampled_from(["sent", "held", "not_sent", "task", "refused"]),
    st.sampled_from(["gap", "call", "rank", "lead_hot"]),
    person=st.integers(1, 30),
    month=st.integers(MAY, MAY + 12),
    by=st.sampled_from([None, PUMP]),
)


@given(st.lists(EVENTS, max_size=80), st.integers(1, 5), st.randoms(use_true_random=False))
def test_sums_of_parts_add_up_to_those_of_the_whole(
    events: list[Event], parts: int, chance: random.Random
) -> None:
    began = dict.fromkeys(range(1, 31), "nurture")
    whole = tally(events, began)
    merged = Tally(PRESS, MAY, 12)
    order = list(range(parts))
    chance.shuffle(order)  # processes end in any order
    for n in order:
        part = Tally(PRESS, MAY, 12)
        part.add(
            [one for one in events if one.person % parts == n],
            {person: rank for person, rank in began.items() if person % parts == n},
            OWN,
        )
        merged.merge(part)
    assert merged.result() == whole


def desks(calls: list[int], room: list[int]) -> list[Desk]:
    months = [MAY + n for n in range(len(calls))]
    return simulating.desks({"months": months, "tasks": {"call": calls}, "capacity": room})


@pytest.mark.parametrize(
    ("calls", "room", "left"),
    [
        ([10, 10], [10, 10], [0, 0]),
        ([30, 0, 0], [10, 10, 10], [20, 10, 0]),
        ([12, 12, 1], [10, 10, 10], [2, 4, 0]),
        ([5, 30], [10, 10], [0, 20]),  # a free place of May cannot be saved for June
        ([3, 0], [0, 2], [3, 1]),
    ],
)
def test_calls_beyond_the_capacity_wait_for_the_next_month(
    calls: list[int], room: list[int], left: list[int]
) -> None:
    assert [one.left for one in desks(calls, room)] == left


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 300)), min_size=1, max_size=13))
def test_no_call_is_lost_or_done_twice(pairs: list[tuple[int, int]]) -> None:
    found = desks([calls for calls, _ in pairs], [room for _, room in pairs])
    assert sum(one.done_new + one.done_waiting for one in found) + found[-1].left == sum(c for c, _ in pairs)
    for one in found:
        assert 0 <= one.done_new + one.done_waiting <= one.capacity
        assert min(one.done_new, one.done_waiting, one.left) >= 0


def test_the_reason_that_keeps_most_mails_from_going_is_found() -> None:
    result = {"not_sent": {"lead_hot": [2, 1], "content_repeated": [213, 0]}}
    assert simulating.most_not_sent(result) == ("content_repeated", 213)
    assert simulating.most_not_sent({"not_sent": {}}) is None


def test_the_month_in_which_another_product_takes_most_is_named() -> None:
    result = {"months": [MAY, MAY + 1], "held": {"2": [3, 9], "3": [8, 0]}}
    assert simulating.most_held(result) == (MAY + 1, 2, 9)
    assert simulating.most_held({"months": [MAY], "held": {}}) is None


def test_a_persons_month_shows_the_mail_rather_than_what_was_said_before() -> None:
    events = [
        event("held", "rank", by=PUMP),
        event("sent", "K1"),
        event("task", "call"),
        event("sent", person=2),
    ]
    year = simulating.outlook(events, 1, [MAY, MAY + 1])
    assert [one.what for one in year[MAY]] == ["sent", "task"]
    assert year[MAY + 1] == []
