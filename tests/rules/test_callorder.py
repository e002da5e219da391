from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules.callorder import CallLine, Desk, Hour, clamp_value, hidden, order, score

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 20, 10, 0, tzinfo=TOKYO)
A, B, C, D, E, F = range(1, 7)


def ago(**span) -> datetime:
    return NOW - timedelta(**span)


def test_the_worked_example():
    lines = [
        CallLine(A, 0.45, 2.0, signal_at=ago(hours=2)),
        CallLine(B, 0.37, 1.0, signal_at=ago(hours=48)),
        CallLine(C, 0.10, callback_at=ago(minutes=10)),
        CallLine(D, 0.10, inquiry_at=ago(hours=5)),
        CallLine(E, 0.45, 2.0, signal_at=ago(hours=2), tries=3),
        CallLine(F, 0.90, 3.0, callback_at=NOW + timedelta(hours=2)),
    ]
    placed = order(lines, now=NOW)
    assert [p.task_id for p in placed] == [C, D, A, E, B]
    assert [p.reason for p in placed] == ["callback", "inquiry", "value", "value", "value"]
    assert [round(p.score, 4) for p in placed[2:]] == [1.3372, 0.8212, 0.4625]


def test_call_backs_come_oldest_first_and_a_quarter_of_an_hour_early():
    lines = [
        CallLine(1, callback_at=NOW + timedelta(minutes=15)),
        CallLine(2, callback_at=ago(hours=3)),
        CallLine(3, callback_at=NOW + timedelta(minutes=15, seconds=1)),
    ]
    assert [p.task_id for p in order(lines, now=NOW)] == [2, 1]


def test_inquiries_come_longest_waiting_first():
    lines = [
        CallLine(1, inquiry_at=ago(hours=1)),
        CallLine(2, inquiry_at=ago(hours=9)),
        CallLine(3, 1.0, 3.0),
    ]
    assert [p.task_id for p in order(lines, now=NOW)] == [2, 1, 3]


def test_every_fifth_line_comes_from_the_unobserved_best_fit_first():
    lines = [CallLine(n, 0.5 - n / 100) for n in range(1, 11)]
    lines += [CallLine(100 + n, 0.01, is_unobserved=True, fit=n / 10) for n in range(4)]
    found = [p.task_id for p in order(lines, now=NOW)]
    assert found == [1, 2, 3, 4, 103, 5, 6, 7, 8, 102, 9, 10, 101, 100]


def test_a_silent_lead_never_pushes_back_a_promise():
    lines = [CallLine(n, callback_at=ago(minutes=n)) for n in range(1, 8)]
    lines.append(CallLine(99, is_unobserved=True, fit=1.0))
    assert [p.reason for p in order(lines, now=NOW)] == ["callback"] * 7 + ["remeasure"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (CallLine(1, callback_at=NOW, do_not_call=True), "do_not_call"),
        (CallLine(1, callback_at=NOW, state="with_sales"), "with_sales"),
        (CallLine(1, callback_at=NOW + timedelta(hours=2)), "callback_later"),
        (CallLine(1, is_company_called=True), "company_called"),
        (CallLine(1, is_company_called=True, callback_at=NOW), None),
        (CallLine(1, last_tried_at=ago(days=2)), "tried_lately"),
        (CallLine(1, last_tried_at=ago(days=3)), None),
        (CallLine(1, last_tried_at=ago(days=1), callback_at=NOW), None),
        (CallLine(1), None),
    ],
)
def test_who_is_not_offered_now_and_why(line, reason):
    assert hidden(line, Hour.of(NOW, Desk())) == reason


@pytest.mark.parametrize(
    ("clock", "offered"),
    [
        ("2026-11-20T09:29", False),
        ("2026-11-20T09:30", True),
        ("2026-11-20T11:45", True),
        ("2026-11-20T12:30", False),
        ("2026-11-20T17:30", True),
        ("2026-11-20T17:31", False),
        ("2026-11-22T10:00", False),
        ("2026-11-23T10:00", False),
    ],
)
def test_calls_are_made_in_business_hours_only(clock, offered):
    now = datetime.fromisoformat(clock).replace(tzinfo=TOKYO)
    assert bool(order([CallLine(1)], now=now)) is offered
    assert order([CallLine(1)], now=now, desk=Desk(hours_only=False))


def test_three_business_days_after_a_try_are_counted_over_the_holiday():
    tried = CallLine(1, last_tried_at=datetime(2026, 11, 20, 15, 0, tzinfo=TOKYO))
    days = [datetime(2026, 11, d, 10, 0, tzinfo=TOKYO) for d in (24, 25, 26, 27)]
    assert [bool(order([tried], now=day)) for day in days] == [False, False, True, True]


def test_value_is_bounded_on_both_sides():
    assert (clamp_value(1, 100), clamp_value(1000, 100), clamp_value(150, 100)) == (0.3, 3.0, 1.5)
    assert clamp_value(100, 0) == 1.0
    assert score(CallLine(1, 0.5, 100.0), now=NOW) == 1.5
