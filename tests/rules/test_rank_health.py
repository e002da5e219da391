"""Alarms are for refusal without end and for nobody promising; silence alone rings nothing."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.rank_health import Move, Spread, alarms, month_ends, stocks

DAY = date(2026, 10, 31)


def spread(hot: int = 0, warm: int = 0, nurture: int = 0, unobserved: int = 0, declined: int = 0) -> Spread:
    counts = {"hot": hot, "warm": warm, "nurture": nurture, "unobserved": unobserved, "declined": declined}
    return Spread(DAY, counts)


HEALTHY = spread(hot=2, warm=8, nurture=60, unobserved=20, declined=10)
LOW = spread(hot=2, warm=8, nurture=5, unobserved=4, declined=81)
DULL = spread(hot=1, nurture=60, unobserved=39)
CASES = (
    ("healthy", [HEALTHY] * 3, ()),
    ("81 % declined at three month-ends", [LOW] * 3, ("lowest_share",)),
    ("exactly 80 %", [spread(hot=10, unobserved=10, declined=80)] * 3, ()),
    ("1 % promising at three month-ends", [DULL] * 3, ("few_promising",)),
    ("exactly 2 %", [spread(warm=2, nurture=98)] * 3, ()),
    ("both", [spread(hot=1, unobserved=9, declined=90)] * 3, ("lowest_share", "few_promising")),
    ("two months only", [LOW] * 2, ()),
    ("the last month is well", [LOW, LOW, HEALTHY], ()),
    ("an older month was well", [HEALTHY, LOW, LOW, LOW], ("lowest_share",)),
    ("a month is missing", [LOW, LOW, None, LOW], ()),
    ("silent, not refused", [spread(hot=1, warm=4, unobserved=95)] * 3, ()),
    ("too few to tell", [spread(nurture=49)] * 3, ()),
    ("nobody", [spread()] * 3, ()),
)


@pytest.mark.parametrize(("ends", "found"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_rings(ends: list[Spread | None], found: tuple[str, ...]) -> None:
    assert alarms(ends) == found


def test_month_ends_are_those_of_months_that_are_over() -> None:
    assert month_ends(date(2026, 11, 30), months=2) == (date(2026, 9, 30), date(2026, 10, 31))
    assert month_ends(date(2024, 3, 1), months=2) == (date(2024, 1, 31), date(2024, 2, 29))
    assert len(month_ends(date(2026, 11, 1))) == 24


RANKS = ("hot", "warm", "unobserved")
STEPS = st.lists(st.tuples(st.integers(1, 20), st.sampled_from(RANKS), st.integers(0, 3)), max_size=30).map(
    sorted
)


@given(STEPS)
def test_counted_back_a_day_has_the_people_it_had(steps: list[tuple[int, str, int]]) -> None:
    """Four leads live for twenty days; each day counted forward equals the one counted back from the end."""
    ranks: dict[int, str] = {}
    moves, forward = [], {}
    left = list(steps)
    for n in range(1, 21):
        day = date(2026, 10, n)
        while left and left[0][0] == n:
            _, rank, lead = left.pop(0)
            if lead not in ranks:
                moves.append(Move(1, day, "", "unobserved", 1))
                ranks[lead] = "unobserved"
            if rank != ranks[lead]:
                moves.append(Move(1, day, ranks[lead], rank, 1))
                ranks[lead] = rank
        forward[day] = {(1, rank): list(ranks.values()).count(rank) for rank in RANKS}
    now = forward[date(2026, 10, 20)]
    back = stocks(now, moves, list(forward))
    assert {day: {key: n for key, n in of.items() if n} for day, of in back.items()} == {
        day: {key: n for key, n in of.items() if n} for day, of in forward.items()
    }
