"""Scenarios: what a marketer designs, and what must be true before it is published.

A scenario serves one product. Its steps are rows of a month table; each row keeps its KEY over all
versions, so that a person who waits at a row still finds it after the next publishing.
Source: S2-03, S2-04, S0-03, S4-13 to S4-22; spec 2.1, 3.3.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise

from campaigns.rules.reasons import Value
from campaigns.rules.tones import TONE_EVERY, Tone, is_hard_class
from campaigns.rules.touchpoints import KINDS, Channel, Kind

MAX_STEPS = 60
MAX_OFFSET_MONTHS = 60
# Nobody nurtured stays longer without any touch (S1-07); two months is the calendar's reading of it.
SILENCE_MONTHS = 2
CLASSES: tuple[str, ...] = ("A", "B", "C1", "C2", "D", "E", "-")
# C1, D and E are mailed by default; A, B and C2 wait for the owner's yes. "-" is not classed yet.
DEFAULT_CLASSES: tuple[str, ...] = ("C1", "D", "E", "-")
FIELD_CLASSES = frozenset({"A", "B", "C2"})


class Status(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    ENDED = "ended"


class ContentKind(StrEnum):
    """What a mail is about. Source: S4-17; thanks is the courtesy mail after an exhibition."""

    THANKS = "thanks"
    INDUSTRY = "industry"
    COST_SAVING = "cost_saving"
    CASE_STUDY = "case_study"
    GENERAL = "general"
    PRODUCT = "product"


# What a scenario may aim at: the person does something with us, preferably face to face.
GOALS: tuple[Kind, ...] = (
    Kind.VISIT,
    Kind.BOOTH_TALK,
    Kind.SEMINAR_ATTEND,
    Kind.CALL_INTEREST,
    Kind.QUOTE_REQUEST,
    Kind.INQUIRY,
    Kind.DOC_REQUEST,
    Kind.SEMINAR_APPLY,
)
_TONE_WEIGHT: Mapping[str, int] = {Tone.INFO: 0, Tone.SALES_LIGHT: 1, Tone.SALES_HARD: 2}


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the month table.

    key: stable over versions. position: 1 is the first. offset_months: 0 is the month of the start.
    want_day: 1 to 31, clamped to the month's end. has_mail: the content has a subject and a body.
    """

    id: int
    key: str
    position: int
    offset_months: int = 0
    want_day: int = 10
    tone: str = Tone.INFO.value
    content_id: int | None = None
    content_title: str = ""
    content_kind: str = ""
    content_tone: str = Tone.INFO.value
    has_mail: bool = False
    valid_until: date | None = None
    kind: str = "mail"


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a scenario. published_no: its number once frozen; is_draft: it may still change."""

    id: int
    scenario_id: int
    no: int
    is_draft: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """The head of a scenario: for what, for whom, towards what."""

    id: int
    product_id: int
    product_name: str
    name: str
    purpose: str
    goal_kind: str
    classes: tuple[str, ...]
    event_id: int | None
    event_name: str | None
    status: str
    published_no: int
    version: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands against publishing (an error), or deserves a look (a warning).

    line: the step's position, None for the head. code and args are data; the screen words them.
    """

    code: str
    line: int | None
    args: Mapping[str, Value]
    is_error: bool = True


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a scenario: missing_disclosure names the legal items the sender profile lacks."""

    is_product_active: bool = True
    missing_disclosure: tuple[str, ...] = ()
    tone_every: int = TONE_EVERY


def check(scenario: Scenario, steps: Sequence[Step], *, setting: Setting, today: date) -> tuple[Problem, ...]:
    """Everything wrong with a scenario, head first, then by line. today: in the installation's zone."""
    return (
        *_check_head(scenario, setting),
        *sorted(_check_steps(scenario, steps, setting=setting, today=today), key=lambda p: p.line or 0),
    )


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.is_error)


def _check_head(scenario: Scenario, setting: Setting) -> Iterable[Problem]:
    if not scenario.purpose.strip():
        yield Problem("purpose_missing", None, {})
    if scenario.goal_kind not in GOALS:
        yield Problem("goal_missing", None, {})
    elif KINDS[Kind(scenario.goal_kind)].channel is Channel.ONLINE:
        # A deal is closed face to face; an online goal is allowed, but said aloud (S0-03).
        yield Problem("goal_online", None, {"kind": scenario.goal_kind}, is_error=False)
    if not scenario.classes:
        yield Problem("classes_missing", None, {})
    elif FIELD_CLASSES & set(scenario.classes):
        yield Problem(
            "classes_of_field",
            None,
            {"classes": "・".join(c for c in CLASSES if c in FIELD_CLASSES & set(scenario.classes))},
            is_error=False,
        )
    if not setting.is_product_active:
        yield Problem("product_ended", None, {"product": scenario.product_name})
    if setting.missing_disclosure:
        yield Problem("sender_incomplete", None, {"missing": ",".join(setting.missing_disclosure)})


def _check_steps(
    scenario: Scenario, steps: Sequence[Step], *, setting: Setting, today: date
) -> Iterable[Problem]:
    if not steps:
        yield Problem("no_steps", None, {})
    if len(steps) > MAX_STEPS:
        yield Problem("too_many_steps", None, {"most": MAX_STEPS})
    yield from _check_months(steps)
    yield from _check_contents(steps, today=today)
    yield from _check_tones(scenario.classes, steps, every=setting.tone_every)


def _check_months(steps: Sequence[Step]) -> Iterable[Problem]:
    """Months go strictly up: a product mails a person at most once a month."""
    for before, step in pairwise(steps):
        gap = step.offset_months - before.offset_months
        if gap == 0:
            yield Problem("same_month", step.position, {"other": before.position})
        elif gap < 0:
            yield Problem("month_goes_back", step.position, {"other": before.position})
        elif gap > SILENCE_MONTHS:
            yield Problem(
                "long_silence", step.position, {"months": gap, "other": before.position}, is_error=False
            )
    for step in steps:
        if not 0 <= step.offset_months <= MAX_OFFSET_MONTHS:
            yield Problem("month_out_of_range", step.position, {"most": MAX_OFFSET_MONTHS})
        if not 1 <= step.want_day <= 31:
            yield Problem("day_out_of_range", step.position, {})


def _check_contents(steps: Sequence[Step], *, today: date) -> Iterable[Problem]:
    first_use: dict[int, int] = {}
    for step in steps:
        if step.content_id is None:
            yield Problem("content_missing", step.position, {})
            continue
        if step.content_id in first_use:
            # Never the same item twice to one person (S4-18).
            yield Problem("content_twice", step.position, {"other": first_use[step.content_id]})
        first_use.setdefault(step.content_id, step.position)
        if not step.has_mail:
            yield Problem("content_without_mail", step.position, {"title": step.content_title})
        if step.valid_until is not None and step.valid_until < today:
            yield Problem("already_expired", step.position, {"day": step.valid_until.isoformat()})


def _check_tones(classes: Sequence[str], steps: Sequence[Step], *, every: int) -> Iterable[Problem]:
    barred = [c for c in classes if not is_hard_class(c)]
    for index, step in enumerate(steps):
        if _TONE_WEIGHT.get(step.tone, 2) < _TONE_WEIGHT.get(step.content_tone, 2):
            yield Problem(
                "tone_hidden", step.position, {"tone": step.tone, "content_tone": step.content_tone}
            )
        if step.tone == Tone.INFO:
            continue
        if step.tone == Tone.SALES_HARD and barred:
            yield Problem("sales_hard_for_class", step.position, {"classes": "・".join(barred)})
        before = steps[max(0, index - every + 1) : index]
        if len(before) < every - 1 or any(other.tone != Tone.INFO for other in before):
            yield Problem("sales_too_often", step.position, {"every": every, "info": every - 1})


@dataclass(frozen=True, slots=True)
class PatternStep:
    """A row of a shipped pattern: which starter mail, when, in which tone."""

    starter: str
    offset_months: int
    want_day: int
    tone: str = Tone.INFO.value


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shipped purpose with its first rows. Source: S2-03 "the wizard asks purpose first"; S2-04."""

    code: str
    goal_kind: str
    steps: tuple[PatternStep, ...]


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "exhibition_hot",
        Kind.VISIT,
        (
            PatternStep("thanks", 0, 1),
            PatternStep("case_study", 1, 10),
            PatternStep("useful", 2, 10),
            PatternStep("product_soft", 3, 10, Tone.SALES_LIGHT.value),
        ),
    ),
    Pattern(
        "keep_in_mind",
        Kind.CALL_INTEREST,
        (PatternStep("case_study", 1, 10), PatternStep("useful", 3, 10)),
    ),
    Pattern("blank", Kind.VISIT, ()),
)


def pattern(code: str) -> Pattern:
    """The shipped pattern of that code; the blank one when there is none."""
    return next((p for p in PATTERNS if p.code == code), PATTERNS[-1])


def next_row(steps: Sequence[Step]) -> tuple[int, int]:
    """Month offset and wanted day proposed for a new last row."""
    if not steps:
        return 0, 1
    last = steps[-1]
    return last.offset_months + 1, last.want_day if last.want_day > 1 else 10


def resume_positions(old: Sequence[Step], new: Sequence[Step]) -> dict[int, int]:
    """Where a person waiting at a position of the old version waits in the new one.

    At the same KEY if it lives on; else at the first new row that is not earlier in the months and was
    not behind the person already. Positions after the last row mean: all rows are done.
    """
    at_key = {step.key: step.position for step in new}
    end = len(new) + 1
    moves: dict[int, int] = {}
    for index, step in enumerate(old):
        if step.key in at_key:
            moves[step.position] = at_key[step.key]
            continue
        # Rows that were done keep their keys, so the first row not done is the one to wait at.
        done = {before.key for before in old[:index]}
        passed = max((at_key[key] for key in done if key in at_key), default=0)
        later = (
            other.position
            for other in new
            if other.position > passed and other.offset_months >= step.offset_months
        )
        moves[step.position] = next(later, end)
    return moves
