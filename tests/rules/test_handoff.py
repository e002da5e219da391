from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules.handoff import (
    Appetite,
    Offer,
    TeamState,
    answer_due,
    appetite_now,
    bar,
    freed_by,
    place,
    reminding,
    trust,
)
from campaigns.rules.workdays import Calendar

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEVEN = [Offer(n, p) for n, p in enumerate((0.45, 0.33, 0.27, 0.21, 0.16, 0.11, 0.06), start=1)]


def team(appetite="normal", wins=0, resolved=0, **more) -> TeamState:
    more.setdefault("set_at", NOW - timedelta(days=1))
    return TeamState(Appetite(appetite), wins=wins, resolved=resolved, **more)


@pytest.mark.parametrize(
    ("wins", "resolved", "expected"),
    [(6, 20, 0.2857), (2, 20, 0.1429), (0, 0, 0.25), (0, 20, 0.0714), (4, 20, 0.2143), (1, 1, 0.3333)],
)
def test_trust_of_the_worked_example(wins, resolved, expected):
    assert round(trust(wins, resolved), 4) == expected


@pytest.mark.parametrize(
    ("appetite", "record", "least", "through"),
    [
        ("hungry", (6, 20), 0.10, 5),
        ("hungry", (2, 20), 0.1571, 5),
        ("hungry", (0, 0), 0.10, 5),
        ("normal", (6, 20), 0.20, 4),
        ("normal", (2, 20), 0.2571, 3),
        ("normal", (0, 0), 0.20, 4),
        ("selective", (6, 20), 0.30, 2),
        ("selective", (2, 20), 0.3571, 1),
        ("selective", (0, 0), 0.30, 2),
    ],
)
def test_the_gate_of_the_worked_example(appetite, record, least, through):
    state = team(appetite, *record)
    assert round(bar(state, now=NOW), 4) == least
    placed = place(SEVEN, state, now=NOW)
    assert [p.lead_id for p in placed if p.offered] == list(range(1, through + 1))


def test_capacity_holds_the_sixth_lead_back_and_says_so():
    placed = {p.lead_id: p for p in place(SEVEN, team("hungry", 6, 20), now=NOW)}
    assert placed[6].reason.code == "no_capacity"
    assert placed[7].reason.code == "under_bar"
    assert placed[5].reason.code == "over_bar"


@pytest.mark.parametrize(
    ("appetite", "least"), [("hungry", 0.2286), ("normal", 0.3286), ("selective", 0.4286)]
)
def test_twenty_whiffs_raise_every_bar(appetite, least):
    assert round(bar(team(appetite, 0, 20), now=NOW), 4) == least


def test_an_appetite_older_than_two_weeks_counts_as_normal():
    assert appetite_now(team("hungry", set_at=NOW - timedelta(days=14)), now=NOW) == "hungry"
    assert appetite_now(team("hungry", set_at=NOW - timedelta(days=14, seconds=1)), now=NOW) == "normal"
    assert appetite_now(team("selective", set_at=None), now=NOW) == "normal"


def test_what_the_customer_asked_for_always_goes_and_takes_no_place():
    full = team("selective", 0, 20, capacity_per_week=1, handed_this_week=0)
    placed = place([Offer(1, 0.02, is_explicit=True), Offer(2, 0.50), Offer(3, 0.49)], full, now=NOW)
    assert [(p.lead_id, p.offered, p.reason.code) for p in placed] == [
        (1, True, "asked"),
        (2, True, "over_bar"),
        (3, False, "no_capacity"),
    ]


def test_a_week_already_full_hands_nothing_more():
    over = team("hungry", capacity_per_week=5, handed_this_week=9)
    assert not any(p.offered for p in place(SEVEN, over, now=NOW))


@pytest.mark.parametrize(
    ("p_win", "held", "appetite", "codes"),
    [
        (0.16, "under_bar", "normal", ["appetite", "rise", "asks"]),  # hungry would take it
        (0.25, "under_bar", "selective", ["appetite", "rise", "asks"]),  # normal would
        (0.06, "under_bar", "normal", ["rise", "asks"]),  # no appetite would
        (0.06, "under_bar", "hungry", ["rise", "asks"]),
        (0.40, "no_capacity", "normal", ["next_week", "asks"]),
    ],
)
def test_a_held_lead_is_told_what_would_let_it_through(p_win, held, appetite, codes):
    found = freed_by(p_win, held, team(appetite, 6, 20), now=NOW)
    assert [reason.code for reason in found] == codes


def test_the_pickiest_appetite_that_would_do_is_named():
    found = freed_by(0.25, "under_bar", team("selective", 6, 20), now=NOW)
    assert found[0].args == {"appetite": "normal", "bar": 0.20}
    assert found[1].args == {"gap": pytest.approx(0.05)}


def test_an_answer_is_due_in_three_business_days_and_the_rep_is_reminded_the_day_before():
    calendar = Calendar()
    thursday = date(2026, 11, 26)
    due = answer_due(thursday, calendar)
    assert due == date(2026, 12, 1)  # Friday, Monday, Tuesday
    assert reminding(date(2026, 11, 30), calendar) == due
    assert reminding(date(2026, 11, 27), calendar) < due
