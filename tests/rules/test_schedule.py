from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from campaigns.rules import schedule
from campaigns.rules.schedule import month_of, parse_month, send_at, wanted_day
from campaigns.rules.workdays import Calendar

CAL = Calendar()
TOKYO = ZoneInfo("Asia/Tokyo")
NOV = parse_month("2026-11")


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def iso(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def test_the_month_turns_at_midnight_in_tokyo():
    assert month_of(datetime(2026, 1, 31, 14, 59, 59, tzinfo=UTC)) == parse_month("2026-01")
    assert month_of(datetime(2026, 1, 31, 15, 0, 0, tzinfo=UTC)) == parse_month("2026-02")
    assert month_of(datetime(2026, 1, 31, 15, tzinfo=UTC), ZoneInfo("UTC")) == parse_month("2026-01")


def test_a_naive_instant_has_no_month():
    with pytest.raises(ValueError, match="zone"):
        month_of(datetime(2026, 1, 31))  # noqa: DTZ001


def test_a_month_starts_where_the_one_before_ends():
    for month in range(NOV, NOV + 30):
        assert schedule.month_end(month) == schedule.month_start(month + 1)
        assert month_of(schedule.month_start(month)) == month
        assert month_of(schedule.month_end(month) - timedelta(microseconds=1)) == month
        assert parse_month(schedule.month_label(month)) == month
    assert schedule.month_label(NOV) == "2026-11"


@pytest.mark.parametrize(
    ("want", "days"),
    [
        (10, "10-13 11-10 12-10 01-12 02-10 03-10 04-12 05-10"),
        (31, "10-30 11-30 12-28 01-29 02-26 03-31 04-30 05-31"),
    ],
)
def test_wanted_days_follow_the_calendar(want, days):
    first = parse_month("2026-10")
    found = [wanted_day(first + n, want, CAL).strftime("%m-%d") for n in range(8)]
    assert found == days.split()


def test_the_decision_falls_three_business_days_before():
    assert schedule.decision_day(date(2026, 11, 10), CAL) == date(2026, 11, 5)
    assert schedule.decision_day(date(2026, 11, 24), CAL) == date(2026, 11, 18)
    assert schedule.decision_day(date(2027, 1, 5), CAL) == date(2026, 12, 27 - 2)


@pytest.mark.parametrize(
    ("month", "want", "wanted", "decided"),
    [
        # A leap day is a business day like another; without one the month ends before.
        ("2028-02", 29, "2028-02-29", "2028-02-24"),
        ("2028-02", 31, "2028-02-29", "2028-02-24"),
        ("2027-02", 31, "2027-02-26", "2027-02-22"),
        # The end of a month does not become the next one.
        ("2026-04", 31, "2026-04-30", "2026-04-24"),
        ("2026-05", 31, "2026-05-29", "2026-05-26"),
        # New Year: December keeps its own, January begins on its first business day, decided in the old year.
        ("2026-12", 31, "2026-12-28", "2026-12-23"),
        ("2026-12", 29, "2026-12-28", "2026-12-23"),
        ("2027-01", 1, "2027-01-04", "2026-12-24"),
        ("2027-01", 3, "2027-01-04", "2026-12-24"),
        # Golden Week.
        ("2027-05", 3, "2027-05-06", "2027-04-27"),
        ("2026-05", 3, "2026-05-07", "2026-04-28"),
        # The other worked days of the rule: New Year, three holidays in a row, a Sunday before one, month ends.
        ("2026-01", 1, "2026-01-05", "2025-12-24"),
        ("2026-09", 21, "2026-09-24", "2026-09-16"),
        ("2026-11", 22, "2026-11-24", "2026-11-18"),
        ("2026-02", 28, "2026-02-27", "2026-02-24"),
        ("2027-01", 31, "2027-01-29", "2027-01-26"),
    ],
)
def test_days_at_the_edges_of_months_and_years(month, want, wanted, decided):
    found = wanted_day(parse_month(month), want, CAL)
    assert found == date.fromisoformat(wanted)
    assert schedule.decision_day(found, CAL) == date.fromisoformat(decided)
    plan = schedule.month_plan(parse_month(month), CAL)
    assert (iso(plan.wanted[want]), iso(plan.decide[want])) == (wanted, decided)


@pytest.mark.parametrize(
    ("instant", "zone", "month"),
    [
        ("2026-12-31T14:59:59", "Asia/Tokyo", "2026-12"),
        ("2026-12-31T15:00:00", "Asia/Tokyo", "2027-01"),
        ("2028-02-29T14:59:59", "Asia/Tokyo", "2028-02"),
        ("2028-02-29T15:00:00", "Asia/Tokyo", "2028-03"),
        # The same instant in an installation that moved to another zone, in winter and in summer time.
        ("2026-12-31T23:30:00", "Europe/Berlin", "2027-01"),
        ("2026-07-31T22:30:00", "Europe/Berlin", "2026-08"),
        ("2026-07-31T22:30:00", "UTC", "2026-07"),
        ("2027-01-01T04:00:00", "America/New_York", "2026-12"),
    ],
)
def test_a_month_is_that_of_the_zone(instant, zone, month):
    at = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert schedule.month_label(month_of(at, ZoneInfo(zone))) == month


@pytest.mark.parametrize("on", ["2026-03-27", "2026-03-29", "2026-03-30", "2026-10-25", "2026-10-26"])
def test_a_change_of_the_clock_keeps_the_hours_of_the_day(on):
    zone, found = ZoneInfo("Europe/Berlin"), date.fromisoformat(on)
    for key in range(300):
        local = send_at(found, key=key, zone=zone).astimezone(zone)
        minute = local.hour * 60 + local.minute
        assert local.date() == found
        assert 570 <= minute < 690 or 780 <= minute < 990


def test_mails_are_spread_evenly_over_the_windows_and_always_at_the_same_time():
    on = date(2026, 11, 10)
    found = [send_at(on, key=k, zone=TOKYO) for k in range(6600)]
    assert found == [send_at(on, key=k, zone=TOKYO) for k in range(6600)]
    halves = Counter()
    for at in found:
        local = at.astimezone(TOKYO)
        minute = local.hour * 60 + local.minute
        assert local.date() == on
        assert at.tzinfo is UTC
        assert 570 <= minute < 690 or 780 <= minute < 990
        halves[minute // 30] += 1
    # 5.5 hours are 11 half-hours; 600 mails each, give or take five standard deviations.
    assert len(halves) == 11
    assert all(480 < n < 720 for n in halves.values())


def test_neighbouring_keys_do_not_cluster():
    starts = [send_at(date(2026, 11, 10), key=k).timestamp() for k in range(200)]
    gaps = [abs(a - b) for a, b in pairwise(starts)]
    assert sum(gap < 60 for gap in gaps) < 10


def test_a_late_plan_uses_what_is_left_of_the_day():
    on = date(2026, 11, 10)
    late = datetime(2026, 11, 10, 16, 0, tzinfo=TOKYO)
    assert all(late < send_at(on, key=k, not_before=late) < late + timedelta(minutes=30) for k in range(200))
    closed = datetime(2026, 11, 10, 19, 0, tzinfo=TOKYO)
    assert send_at(on, key=1, not_before=closed) == closed
    tomorrow = datetime(2026, 11, 11, 9, 0, tzinfo=TOKYO)
    assert send_at(on, key=1, not_before=tomorrow) == tomorrow


def test_the_same_mail_to_many_people_of_a_company_is_spread_over_three_business_days():
    plan = schedule.month_plan(NOV, CAL)
    friday = day("2026-11-20")
    found = [schedule.company_day(friday, place=n, people=6, table=plan.table) for n in range(6)]
    assert [iso(d) for d in found[:3]] == ["2026-11-20", "2026-11-24", "2026-11-25"]
    assert found[3:] == found[:3]
    assert {schedule.company_day(friday, place=n, people=5, table=plan.table) for n in range(5)} == {friday}
    last = day("2026-11-30")
    assert {schedule.company_day(last, place=n, people=9, table=plan.table) for n in range(9)} == {last}
