"""Returned mail: when soft bounces make a mailbox dead, and how many complaints are too many.

Source: spec 45 B3, D3; LAW-14. Numbers marked PROP are our own where the sources are silent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

# PROP: three mails in a row that came back, with at most one mail a month, are a mailbox that nobody reads.
SOFT_DEAD = 3
SOFT_WINDOW = timedelta(days=180)
# PROP: servers give up a mail after 5 days at the latest; one that has not come back by then has arrived.
ARRIVED_AFTER = timedelta(days=7)

# LAW-14, spec 45 D3: 0.1 % of the mails of a week warn, 0.3 % stop.
RATE_DAYS = 7
WARN_RATE = 0.001
PAUSE_RATE = 0.003
# PROP: one person is no rate. On a list of fewer than 334 mails a single complaint is above 0.3 %; it warns,
# the second one within the week pauses, however small the list.
PAUSE_COMPLAINTS = 2


@dataclass(frozen=True, slots=True)
class Mailed:
    """One accepted mail to a mailbox. came_back: when its soft bounce arrived, None if it did not return.

    seen_at: its last open, click or reply. is_unclear: it returned for our own fault (or as hard), so that it
    says nothing about whether the mailbox works.
    """

    sent_at: datetime
    came_back: datetime | None = None
    seen_at: datetime | None = None
    is_unclear: bool = False


def soft_bounces(mails: Iterable[Mailed], *, now: datetime) -> int:
    """How many different mails came back softly within 180 days, since the mailbox last showed life.

    Life is an open, click or reply of a mail that did not come back, or a mail that stayed away for 7 days.
    A scanner in front of a full mailbox opens mails that then return: those are no life. now: aware, UTC.
    """
    known = list(mails)
    alive = max((at for at in (_life(mail, now=now) for mail in known) if at), default=None)
    oldest = now - SOFT_WINDOW
    return sum(
        1
        for mail in known
        if mail.came_back is not None
        and mail.came_back > oldest
        and (alive is None or mail.came_back > alive)
    )


def _life(mail: Mailed, *, now: datetime) -> datetime | None:
    if mail.came_back is not None or mail.is_unclear:
        return None
    if mail.seen_at is not None:
        return max(mail.seen_at, mail.sent_at)
    return mail.sent_at if mail.sent_at <= now - ARRIVED_AFTER else None


def is_dead(soft: int) -> bool:
    """Whether so many soft bounces in a row end a mailbox."""
    return soft >= SOFT_DEAD


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    PAUSE = "pause"


@dataclass(frozen=True, slots=True)
class Week:
    """Mails of a scenario sent in seven days, and how many of them were called spam."""

    sent: int
    complaints: int

    @property
    def rate(self) -> float:
        # More complaints than counted mails: the counts began in between.
        return self.complaints / max(self.sent, self.complaints, 1)


def complaint_level(week: Week) -> Level:
    """What a week's complaints mean for the scenario. Source: spec 45 D3, LAW-14."""
    if week.rate >= PAUSE_RATE and week.complaints >= PAUSE_COMPLAINTS:
        return Level.PAUSE
    return Level.WARN if week.rate >= WARN_RATE and week.complaints else Level.OK


def weeks(mailed_on: date, *, today: date) -> tuple[tuple[date, date], ...]:
    """The weeks that a complaint is counted in, first and last day: the last seven days, and those that end
    with the day the mail was sent, so that a complaint that comes late still counts against its own mails."""
    span = timedelta(days=RATE_DAYS - 1)
    last_days = {today, min(mailed_on, today)}
    return tuple((last - span, last) for last in sorted(last_days, reverse=True))
