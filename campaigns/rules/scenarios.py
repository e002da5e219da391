"""Scenarios: what a marketer designs, and what must be true before it is published.

A scenario serves one product. Its steps are rows of a month table; each row keeps its KEY over all
versions, so that a person who waits at a row still finds it after the next publishing.
Source: S2-03, S2-04, S0-03, S4-13 to S4-22; spec 2.1, 3.3.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.reasons import Value
from campaigns.rules.tones import TONE_EVERY, Tone
from campaigns.rules.touchpoints import Kind

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
    """What a mail is about. Source: S4-17; thanks is the courtesy mail after an exhibition.

    permission asks somebody who stays silent whether the mails shall go on; no row tells it (spec 3.1.12).
    """

    THANKS = "thanks"
    INDUSTRY = "industry"
    COST_SAVING = "cost_saving"
    CASE_STUDY = "case_study"
    GENERAL = "general"
    PRODUCT = "product"
    PERMISSION = "permission"


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


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the month table.

    key: stable over versions. position: 1 is the first. offset_months: 0 is the month of the start.
    want_day: 1 to 31, clamped to the month's end. has_mail: the content has a subject and a body. title: what a
    call, a visit or a wait is about. parent_key, arm: the branch it stands in. goto_key: where it goes on ('',
    'end', a KEY). wait_days: of a wait; of a branch, how long it watches. due_days: business days of a task.
    event_on, apply_by: the first day of what it invites to, and the last day to sign up for it.
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
    title: str = ""
    parent_key: str = ""
    arm: str = ""
    goto_key: str = ""
    condition: Condition | None = None
    wait_days: int = 0
    who: str = ""
    due_days: int = 5
    event_id: int | None = None
    event_on: date | None = None
    content_status: str = "approved"
    apply_by: date | None = None

    @property
    def last_day(self) -> date | None:
        """The last day on which its mail may go: nobody is invited to what is over, or closed."""
        return min((day for day in (self.valid_until, self.apply_by, self.event_on) if day), default=None)


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
    audience: Audience = EVERYBODY


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands against publishing (an error), or deserves a look (a warning).

    line: the step's position, None for the head; label: what the row is called, as 3a. code and args are data;
    the screen words them.
    """

    code: str
    line: int | None
    args: Mapping[str, Value]
    is_error: bool = True
    label: str = ""


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds a scenario: missing_disclosure names the legal items the sender profile lacks."""

    is_product_active: bool = True
    missing_disclosure: tuple[str, ...] = ()
    tone_every: int = TONE_EVERY
