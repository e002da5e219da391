from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import rescheduling as rule
from campaigns.rules.rescheduling import Closed, Mail
from campaigns.rules.workdays import Calendar

CAL = Calendar(closed=frozenset({date(2026, 11, 27)}))
THURSDAY = date(2026, 11, 26)
TODAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("to", "code", "instead"),
    [
        (date(2026, 11, 30), "", ()),
        (date(2026, 11, 25), "", ()),
        (date(2026, 11, 27), "closed", (date(2026, 11, 25), date(2026, 11, 30))),  # an own closed day
        (date(2026, 11, 29), "closed", (date(2026, 11, 25), date(2026, 11, 30))),  # Sunday
        (date(2026, 11, 20), "past", (TODAY, date(2026, 11, 25))),
        (date(2026, 12, 1), "other_month", (date(2026, 11, 25), date(2026, 11, 30))),
    ],
)
def test_a_day_is_fine_or_refused_with_days_nearby(to: date, code: str, instead: tuple[date, ...]) -> None:
    found = rule.day_refused(THURSDAY, to, earliest=TODAY, calendar=CAL)
    assert found == (Closed(code, to, instead) if code else None)


@pytest.mark.parametrize(
    ("mail", "to", "why"),
    [
        (Mail(1, THURSDAY), date(2026, 11, 30), None),
        (Mail(1, THURSDAY, before=date(2026, 11, 4)), date(2026, 11, 25), None),  # 21 days after
        (Mail(1, THURSDAY, before=date(2026, 11, 5)), date(2026, 11, 25), "gap_before"),
        (
            Mail(1, THURSDAY, before=date(2026, 11, 5), is_courtesy=True),
            date(2026, 11, 25),
            None,
        ),  # thanks are the exception
        (Mail(1, THURSDAY, after=date(2026, 12, 21)), date(2026, 11, 30), None),
        (Mail(1, THURSDAY, after=date(2026, 12, 18)), date(2026, 11, 30), "gap_after"),
        (Mail(1, THURSDAY, valid_until=date(2026, 11, 27)), date(2026, 11, 30), "expired"),
        (Mail(1, THURSDAY, company_class="A"), date(2026, 11, 25), "notice"),
        (Mail(1, THURSDAY, company_class="C2"), date(2026, 11, 26), None),  # the 24th and two business days
        (Mail(1, THURSDAY, company_class="C1"), date(2026, 11, 24), None),
    ],
)
def test_a_mail_moves_within_the_law_it_was_planned_by(mail: Mail, to: date, why: str | None) -> None:
    assert rule.refused(mail, to, today=TODAY, calendar=CAL, gap_days=21) == why


@given(st.dates(date(2025, 1, 1), date(2030, 12, 31)), st.integers(0, 40))
def test_days_offered_instead_are_never_refused(from_: date, ahead: int) -> None:
    earliest = date.fromordinal(from_.toordinal() - 5)
    to = date.fromordinal(from_.toordinal() + ahead)
    found = rule.day_refused(from_, to, earliest=earliest, calendar=CAL)
    for day in found.instead if found else ():
        assert day != from_
        assert rule.day_refused(from_, day, earliest=earliest, calendar=CAL) is None
