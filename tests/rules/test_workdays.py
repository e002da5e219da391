from datetime import date, timedelta

import pytest

from campaigns.rules.workdays import Calendar, clamp_day

CAL = Calendar()
TABLE = CAL.table(date(2025, 12, 1), date(2027, 6, 30))


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-05-31", "2026-05-29"),
        ("2026-05-03", "2026-05-07"),
        ("2026-01-01", "2026-01-05"),
        ("2026-12-31", "2026-12-28"),
        ("2026-09-21", "2026-09-24"),
        ("2026-11-22", "2026-11-24"),
        ("2026-02-28", "2026-02-27"),
        ("2027-01-31", "2027-01-29"),
        ("2026-11-24", "2026-11-24"),
    ],
)
def test_modified_following_stays_in_the_month(day, expected):
    assert CAL.modified_following(date.fromisoformat(day)) == date.fromisoformat(expected)


@pytest.mark.parametrize(
    "day", ["2026-12-29", "2026-12-30", "2026-12-31", "2027-01-01", "2027-01-02", "2027-01-03", "2026-11-23"]
)
def test_year_end_and_national_holidays_are_closed(day):
    assert not CAL.is_business_day(date.fromisoformat(day))


def test_own_days_close_and_extra_days_open():
    own = Calendar(closed=frozenset({date(2026, 8, 13)}), extra_open=frozenset({date(2026, 8, 15)}))
    assert not own.is_business_day(date(2026, 8, 13))
    assert own.is_business_day(date(2026, 8, 15))
    assert not CAL.is_business_day(date(2026, 8, 15))


def test_business_days_are_counted_over_holidays_in_both_directions():
    assert CAL.add_business_days(date(2026, 11, 20), 1) == date(2026, 11, 24)
    assert CAL.add_business_days(date(2026, 11, 24), -1) == date(2026, 11, 20)
    assert CAL.add_business_days(date(2026, 11, 22), 3) == date(2026, 11, 26)
    assert CAL.add_business_days(date(2026, 11, 22), -3) == date(2026, 11, 18)
    assert CAL.add_business_days(date(2026, 11, 22), 0) == date(2026, 11, 24)
    assert CAL.add_business_days(date(2026, 12, 28), 1) == date(2027, 1, 4)


def test_the_table_answers_as_the_calendar_does():
    for n in range(60, 500):
        day = date(2025, 12, 1) + timedelta(days=n)
        o = day.toordinal()
        assert TABLE.is_open(o) == CAL.is_business_day(day)
        assert TABLE.next_open(o) == CAL.next_business_day(day).toordinal()
        assert TABLE.previous_open(o) == CAL.previous_business_day(day).toordinal()
        for k in (-5, -3, -1, 1, 2, 4):
            assert TABLE.add(o, k) == CAL.add_business_days(day, k).toordinal(), (day, k)


def test_a_day_outside_the_table_is_refused():
    with pytest.raises(IndexError):
        TABLE.next_open(date(2030, 1, 1).toordinal())


def test_a_month_closed_altogether_yields_the_next_business_day():
    august = frozenset(date(2026, 8, d) for d in range(1, 32))
    assert Calendar(closed=august).modified_following(date(2026, 8, 10)) == date(2026, 9, 1)


def test_a_calendar_that_is_always_closed_is_an_error_not_an_endless_loop():
    always = Calendar(closed=frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(800)))
    with pytest.raises(ValueError, match="no business day"):
        always.next_business_day(date(2026, 1, 1))


# The law moved these days for the games and for the change of the emperor: old day, new day.
@pytest.mark.parametrize(
    ("day", "is_open"),
    [
        ("2019-04-30", False),
        ("2019-05-01", False),
        ("2019-05-02", False),
        ("2019-10-22", False),
        ("2020-07-20", True),
        ("2020-07-23", False),
        ("2020-07-24", False),
        ("2020-08-10", False),
        ("2020-08-11", True),
        ("2021-07-19", True),
        ("2021-07-22", False),
        ("2021-07-23", False),
        ("2021-08-09", False),
        ("2021-08-11", True),
        ("2021-10-11", True),
        # Between two holidays, and the day after one that fell on a Sunday.
        ("2026-09-22", False),
        ("2027-03-22", False),
    ],
)
def test_holidays_that_the_law_moved_are_known(day, is_open):
    assert CAL.is_business_day(date.fromisoformat(day)) is is_open


def test_a_day_that_the_law_will_move_is_entered_by_hand():
    moved = Calendar(closed=frozenset({date(2027, 6, 1)}), extra_open=frozenset({date(2027, 7, 19)}))
    assert not CAL.is_business_day(date(2027, 7, 19))
    assert moved.is_business_day(date(2027, 7, 19))
    assert moved.next_business_day(date(2027, 6, 1)) == date(2027, 6, 2)
    table = moved.table(date(2027, 5, 1), date(2027, 8, 31))
    assert table.is_open(date(2027, 7, 19).toordinal())
    assert not table.is_open(date(2027, 6, 1).toordinal())


@pytest.mark.parametrize(
    ("year", "month", "day", "expected"),
    [
        (2028, 2, 31, "2028-02-29"),
        (2027, 2, 29, "2027-02-28"),
        (2100, 2, 29, "2100-02-28"),
        (2026, 4, 31, "2026-04-30"),
        (2026, 12, 31, "2026-12-31"),
        (2026, 1, 0, "2026-01-01"),
    ],
)
def test_a_wanted_day_is_clamped_to_its_month(year, month, day, expected):
    assert clamp_day(year, month, day) == date.fromisoformat(expected)
