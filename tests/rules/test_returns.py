"""When a mailbox is dead, and how many complaints stop a scenario."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules import returns
from campaigns.rules.returns import Level, Mailed, Week

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def soft(days: float) -> Mailed:
    """A mail that came back softly so many days ago."""
    return Mailed(NOW - timedelta(days=days, hours=1), came_back=NOW - timedelta(days=days))


def quiet(days: float) -> Mailed:
    return Mailed(NOW - timedelta(days=days))


def seen(days: float) -> Mailed:
    return Mailed(NOW - timedelta(days=days), seen_at=NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("mails", "count"),
    [
        ([], 0),
        ([soft(0)], 1),
        ([soft(0), soft(30)], 2),
        ([soft(0), soft(30), soft(60)], 3),
        ([soft(0), soft(90), soft(181)], 2),
        ([soft(0), seen(20), soft(30), soft(60)], 1),
        ([soft(0), quiet(20), soft(30), soft(60)], 1),
        # It has not had time to come back: no sign of life yet.
        ([soft(0), quiet(3), soft(30), soft(60)], 3),
        # An old mail opened today: the person is there.
        ([soft(1), Mailed(NOW - timedelta(days=90), seen_at=NOW), soft(30)], 0),
        # A scanner opened a mail that then came back.
        (
            [
                Mailed(NOW - timedelta(hours=2), came_back=NOW, seen_at=NOW - timedelta(hours=1)),
                soft(30),
                soft(60),
            ],
            3,
        ),
        # A mail refused for our own fault says nothing about the mailbox.
        ([soft(0), Mailed(NOW - timedelta(days=20), is_unclear=True), soft(30), soft(60)], 3),
    ],
)
def test_soft_bounces_in_a_row_count_until_a_sign_of_life(mails: list[Mailed], count: int) -> None:
    assert returns.soft_bounces(mails, now=NOW) == count


def test_three_in_a_row_are_a_dead_mailbox() -> None:
    assert [returns.is_dead(n) for n in range(5)] == [False, False, False, True, True]


@pytest.mark.parametrize(
    ("sent", "complaints", "level"),
    [
        (1000, 0, Level.OK),
        (0, 0, Level.OK),
        (1001, 1, Level.OK),
        (1000, 1, Level.WARN),
        (500, 1, Level.WARN),
        (100, 1, Level.WARN),
        (1, 1, Level.WARN),
        (100, 2, Level.PAUSE),
        (1000, 2, Level.WARN),
        (1000, 3, Level.PAUSE),
        (1001, 3, Level.WARN),
        (100_000, 99, Level.OK),
        (100_000, 299, Level.WARN),
        (100_000, 300, Level.PAUSE),
        # Complaints about mails of which nothing was counted.
        (0, 2, Level.PAUSE),
    ],
)
def test_a_tenth_of_a_percent_warns_and_three_tenths_pause(sent: int, complaints: int, level: Level) -> None:
    assert returns.complaint_level(Week(sent, complaints)) is level


def test_a_late_complaint_counts_in_the_week_of_its_own_mail_too() -> None:
    today = date(2026, 11, 24)
    assert returns.weeks(today, today=today) == ((date(2026, 11, 18), today),)
    assert returns.weeks(date(2026, 11, 2), today=today) == (
        (date(2026, 11, 18), today),
        (date(2026, 10, 27), date(2026, 11, 2)),
    )
    assert returns.weeks(date(2027, 1, 1), today=today) == ((date(2026, 11, 18), today),)
