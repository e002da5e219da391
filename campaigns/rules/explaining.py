"""Why a month brought a person no mail from a scenario: decided on what is known, without a database.

A delivery tells its own state and reason; here stand the months for which there is none. Reasons of the past
are found from dates (a refusal, a consent, another product's mail of that month); a month that nothing
explains says so (`no_record`) instead of guessing. Source: spec 3.1, 3.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from campaigns.rules.outlook import Chance


@dataclass(frozen=True, slots=True)
class Span:
    """Something that held from `since` until `until` (None: it still does). code: its reason."""

    code: str
    since: datetime
    until: datetime | None = None

    def touches(self, first: datetime, last: datetime) -> bool:
        """Whether it held at any moment from first up to, not including, last."""
        return self.since < last and (self.until is None or self.until > first)


@dataclass(frozen=True, slots=True)
class Part:
    """A step as it lies in time. month: of its mail if it had one (planned or done), else None."""

    position: int
    offset_months: int
    title: str
    month: int | None


@dataclass(frozen=True, slots=True)
class Won:
    """The mail that had a month. by: what it won by, a position of the planner's order or ''."""

    product: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A mail that waits: the planner's reason, the product that goes first ('' where none does), until when.

    ranks: of the product that goes first and of its own, '' where unknown; they speak where the rank decided.
    """

    code: str
    product: str = ""
    until: date | None = None
    ranks: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Course:
    """A person's way through one scenario.

    spans: what forbade mails and when, the strongest first; pauses: when staff held them. won: the months in
    which another product's mail counted. ended: why the way ended, '' while it goes on. block: what forbids
    the next mail now, ''. held: what the planner said when this scenario gave way last, None where it did not.
    due_month, position: the next step's. chances: mails ahead by their earliest month, several where a branch
    decides which.
    """

    enrolled_month: int
    start_month: int
    due_month: int
    position: int
    ended: str
    block: str
    every_months: int
    parts: tuple[Part, ...]
    spans: tuple[Span, ...]
    pauses: tuple[Span, ...]
    won: Mapping[int, Won]
    mailed: frozenset[int]
    held: Held | None = None
    chances: Mapping[int, tuple[Chance, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Why:
    """code, and what belongs to it: another product's name, a month, a mail's title, since when.

    by: what the other product's mail won the month by. held: where the code is `held`. chances: the mails it speaks of,
    several where a branch decides which.
    """

    code: str
    product: str = ""
    month: int | None = None
    title: str = ""
    since: datetime | None = None
    by: str = ""
    held: Held | None = None
    chances: tuple[Chance, ...] = ()


def past(course: Course, month: int, *, first: datetime, last: datetime) -> Why:
    """Why a month that is over had no mail of this scenario. first, last: its instants, last excluded."""
    if month < course.enrolled_month:
        return Why("not_yet_enrolled", month=course.enrolled_month)
    for span in course.spans:
        if span.touches(first, last):
            return Why(span.code, since=span.since)
    open_parts = [part for part in course.parts if part.month is None or part.month >= month]
    if course.ended and (not open_parts or all(part.month is None for part in open_parts)):
        return Why(course.ended)
    if not open_parts:
        return Why("no_step_left")
    due = _due(course, open_parts[0], before=month)
    if due > month:
        return Why("not_due", month=due, title=open_parts[0].title)
    if month in course.won:
        return _taken(course.won[month])
    if course.every_months > 1 and any(
        m in course.mailed for m in range(month - course.every_months + 1, month)
    ):
        return Why("less_often")
    held = next((span for span in course.pauses if span.touches(first, last)), None)
    return Why(held.code, since=held.since) if held else Why("no_record")


def present(course: Course, month: int) -> Why:
    """Why this month has none so far."""
    if course.ended:
        return Why(course.ended)
    if course.block:
        return Why(course.block)
    if not course.chances:
        return Why("no_step_left")
    if course.held is not None:
        return Why("held", held=course.held)
    if month in course.won:
        return _taken(course.won[month])
    first = min(course.chances)
    if first > month:
        return _not_due(course.chances[first], first)
    return _coming("waits_decision", course.chances[first])


def _taken(won: Won) -> Why:
    return Why("month_taken", product=won.product, by=won.by)


def ahead(course: Course, month: int) -> Why:
    """What a coming month will bring, if nothing changes and no other product goes first."""
    if course.ended:
        return Why(course.ended)
    if course.block:
        return Why(course.block)
    if month in course.chances:
        return _coming("expected", course.chances[month])
    later = [m for m in course.chances if m > month]
    return _not_due(course.chances[min(later)], min(later)) if later else Why("no_step_left")


def _coming(code: str, chances: tuple[Chance, ...]) -> Why:
    """A mail of this month: for certain, or as a branch decides."""
    if chances[0].branch is None:
        return Why(code, title=chances[0].title, chances=chances)
    return Why("branch_decides", chances=chances)


def _not_due(chances: tuple[Chance, ...], month: int) -> Why:
    if chances[0].branch is None:
        return Why("not_due", month=month, title=chances[0].title, chances=chances)
    return Why("branch_decides_later", month=month, chances=chances)


def _due(course: Course, part: Part, *, before: int) -> int:
    """When a step was due at the earliest: by its offset, and a month after the one before it."""
    last = max((p.month for p in course.parts if p.month is not None and p.month < before), default=None)
    planned = course.start_month + part.offset_months
    return planned if last is None else max(planned, last + 1)


def pauses(acts: Sequence[tuple[str, datetime]], *, code: str) -> list[Span]:
    """(action, at) of one thing, oldest first, as the spans in which it was paused or, at the end, stopped."""
    found: list[Span] = []
    since: datetime | None = None
    for action, at in acts:
        if action in ("pause", "paused"):
            since = since or at
        elif since is not None:
            found.append(Span(code, since, at))
            since = None
    if since is not None:
        found.append(Span(code, since))
    return found
