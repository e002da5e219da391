"""Deliveries: their states, the last question before a body goes out, and when to try again.

Source: spec 2.3, 3.3, 3.4; design, section 3.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.rules.schedule import TOKYO, month_of
from campaigns.rules.tones import TONE_EVERY, Tone, blocked_tone


class State(StrEnum):
    PLANNED = "planned"
    HANDING = "handing"
    SENT = "sent"
    RETRY = "retry"
    FAILED = "failed"
    IN_DOUBT = "in_doubt"
    CARRIED_OVER = "carried_over"
    SUPPRESSED = "suppressed"
    NO_CONSENT = "no_consent"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


# These count for cap, gap and tone; every other end frees the slot in its transaction.
COUNTING = frozenset({State.SENT, State.IN_DOUBT})
# Holding the month's slot now.
HOLDING = frozenset({State.PLANNED, State.HANDING, State.RETRY}) | COUNTING
# Nothing more happens by itself. A person, an open or a bounce may still resolve in_doubt.
FINAL = frozenset(
    {State.FAILED, State.SUPPRESSED, State.NO_CONSENT, State.EXPIRED, State.CANCELLED} | COUNTING
)
# Not final, so a date must stand beside it.
DATED = frozenset({State.PLANNED, State.RETRY, State.CARRIED_OVER})


@dataclass(frozen=True, slots=True)
class SendFacts:
    """All that may forbid one mail, loaded for a whole batch.

    address_status: ok, soft, hard, complaint, unknown. refusal: None, or the reason code of
    subscriptions.covers. has_consent: some consent covers the product. lead_state: sales stage of the
    person for this product. hold: what staff held, or "": scenario_paused and product_paused make the mail
    wait, scenario_ended ends it. slot_month: the month whose slot the mail holds, None for mails without one.
    next_free_on: the gap's end after the last other mail to the person or mailbox, for counted mails.
    recent_tones: tones of the person's last counted mails, newest first, all products. is_transactional:
    an answer to the person's own act (the requested PDF, a double opt-in); it needs no marketing consent
    and no slot.
    """

    address_status: str = "ok"
    refusal: str | None = None
    has_consent: bool = True
    is_transactional: bool = False
    lead_state: str = "nurturing"
    is_product_active: bool = True
    is_profile_complete: bool = True
    hold: str = ""
    valid_until: date | None = None
    slot_month: int | None = None
    next_free_on: date | None = None
    tone: Tone = Tone.INFO
    company_class: str = "-"
    rank: str = "nurture"
    recent_tones: tuple[str, ...] = ()
    tone_every: int = TONE_EVERY
    zone: ZoneInfo = TOKYO


@dataclass(frozen=True, slots=True)
class Decision:
    """ok, or the reason code and the state the delivery ends in."""

    ok: bool
    reason: str | None = None
    state: State | None = None


YES = Decision(True)
# The sales stage speaks: the person asks now and leaves nurture at once (S1-01), a rep is asked or at work, or
# somebody asked for silence.
SILENT_STATES = frozenset({"hot", "offered", "with_sales", "opportunity", "paused"})
CLOSED_STATES = frozenset({"excluded"})


def is_silenced(state: str, stage: str) -> bool:
    """Whether a mail that stands in the plan would not leave as things are. stage: of its lead, '' without one."""
    return state in (State.PLANNED, State.RETRY) and stage in SILENT_STATES


# Staff stopped the scenario for good; every other hold only makes the mail wait.
ENDING_HOLDS = frozenset({"scenario_ended"})


def may_send(facts: SendFacts, *, now: datetime) -> Decision:
    """Whether this mail may go out now: suppression, consent, state, product, date, month, tone.

    The same answer feeds the preview and the simulation. now: aware, UTC.
    Source: spec 3.4; LAW refusals bind before everything else.
    """
    if facts.address_status in ("hard", "complaint"):
        return Decision(False, f"address_{facts.address_status}", State.SUPPRESSED)
    if not facts.is_profile_complete:
        return Decision(False, "profile_incomplete", State.RETRY)
    if facts.is_transactional:
        return YES
    if facts.refusal is not None:
        return Decision(False, facts.refusal, State.SUPPRESSED)
    if not facts.has_consent:
        return Decision(False, "no_consent", State.NO_CONSENT)
    return _may_send_now(facts, now=now)


def _may_send_now(facts: SendFacts, *, now: datetime) -> Decision:
    """The questions of a marketing mail to someone who may be mailed at all."""
    if facts.lead_state in CLOSED_STATES:
        return Decision(False, "person_excluded", State.CANCELLED)
    if facts.hold in ENDING_HOLDS:
        return Decision(False, facts.hold, State.CANCELLED)
    if not facts.is_product_active:
        return Decision(False, "product_inactive", State.CANCELLED)
    if facts.valid_until is not None and now.astimezone(facts.zone).date() > facts.valid_until:
        return Decision(False, "expired", State.EXPIRED)
    if facts.lead_state in SILENT_STATES:
        return Decision(False, f"lead_{facts.lead_state}", State.CARRIED_OVER)
    if facts.hold:
        return Decision(False, facts.hold, State.CARRIED_OVER)
    if facts.slot_month is not None and month_of(now, facts.zone) != facts.slot_month:
        return Decision(False, "month_passed", State.CARRIED_OVER)
    if facts.next_free_on is not None and now.astimezone(facts.zone).date() < facts.next_free_on:
        return Decision(False, "gap", State.CARRIED_OVER)
    blocked = blocked_tone(
        facts.tone,
        recent=facts.recent_tones,
        company_class=facts.company_class,
        rank=facts.rank,
        every=facts.tone_every,
    )
    if blocked is not None:
        return Decision(False, blocked, State.CARRIED_OVER)
    return YES


# Waits after the first, second, ... refusal before acceptance; after the last one the delivery fails.
BACKOFF: tuple[timedelta, ...] = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(hours=12),
    timedelta(hours=24),
)


def retry_at(attempt: int, *, now: datetime) -> datetime | None:
    """When to try again after the attempt-th temporary failure (from 1); None when it has failed for good."""
    if attempt < 1:
        raise ValueError("attempts are counted from 1")
    return now + BACKOFF[attempt - 1] if attempt <= len(BACKOFF) else None
