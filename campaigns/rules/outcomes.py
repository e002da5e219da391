"""Call results and what each one does: to the task, the lead, the person and the next action.

Source: spec 3.7, 6.5. Days are business days unless a month or the cycle is meant. A cold first call is no
refusal (S1-14): only refused declines.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.rules.call_hours import AFTERNOON, MORNING, HourRate, best
from campaigns.rules.schedule import TOKYO
from campaigns.rules.touchpoints import Kind
from campaigns.rules.workdays import Calendar

MAX_TRIES = 6
REST_AFTER_TRIES_DAYS = 60
NO_CALL_DAYS = 90
MATERIAL_CALL_IN = 3
VISIT_IN = 5
LEAD_MONTHS = 3
NOON = 12
OPENS = time(9, 30)


class CallResult(StrEnum):
    """The 13 results of a call, in the order of the buttons."""

    NO_ANSWER = "no_answer"
    ABSENT = "absent"
    GATEKEEPER = "gatekeeper"
    TALKED = "talked"
    INTEREST = "interest"
    APPOINTMENT = "appointment"
    MATERIAL = "material"
    CALLBACK = "callback"
    NOT_NOW = "not_now"
    REFUSED = "refused"
    WRONG = "wrong"
    LEFT = "left"
    DNC = "dnc"


UNANSWERED = frozenset({CallResult.NO_ANSWER, CallResult.ABSENT})
# Results that go with a day: the promise, the visit, the month in which they mean to buy.
DATED = frozenset({CallResult.CALLBACK, CallResult.APPOINTMENT, CallResult.NOT_NOW})
# Calls in which the person who was wanted was reached (S1-06). Whoever keeps the gate or tells that somebody has left is
# somebody else.
REACHED = frozenset(
    {
        CallResult.TALKED,
        CallResult.INTEREST,
        CallResult.APPOINTMENT,
        CallResult.MATERIAL,
        CallResult.CALLBACK,
        CallResult.NOT_NOW,
        CallResult.REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it was made. on, hour: local day and hour (0..23). tries: in vain before this one.

    heard_on: the day we hear of it, where that is later (a result from a file): rests count from the call, what is to
    be done next lies after that day.
    named_at: promised call-back or appointment. named_month: first day of the month the person named.
    has_fax: the material can go by fax, else by mail. rates: when the phone is answered, for the next try.
    """

    on: date
    hour: int
    tries: int = 0
    named_at: datetime | None = None
    named_month: date | None = None
    has_fax: bool = False
    cycle_days: int = 365
    zone: ZoneInfo = TOKYO
    rates: tuple[HourRate, ...] = ()
    heard_on: date | None = None

    @property
    def begins(self) -> date:
        """The day from which the next steps count."""
        return max(self.on, self.heard_on or self.on)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The next task. kind: call, fax, mail, visit, check. reason: code."""

    kind: str
    due_on: date
    reason: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What a result does; all of it belongs into one transaction with the new rank.

    lead_state: None leaves it. retry_on, retry_band (morning, afternoon): the same task stays open, from retry_from if
    an hour of that half of the day is known to be good.
    callback_at: the same task stays open, as a promise. no_call_before: quiet until then. declined_until:
    set only by a refusal; ask_mail_scope: ask separately what to do with mails.
    """

    touch: Kind
    lead_state: str | None = None
    retry_on: date | None = None
    retry_band: str = ""
    retry_from: time | None = None
    callback_at: datetime | None = None
    follow_ups: tuple[FollowUp, ...] = ()
    no_call_before: date | None = None
    timeframe: date | None = None
    declined_until: date | None = None
    ask_mail_scope: bool = False
    phone_invalid: bool = False
    do_not_call: bool = False
    person_excluded: bool = False

    @property
    def keeps_task_open(self) -> bool:
        return self.retry_on is not None or self.callback_at is not None


class OutcomeError(ValueError):
    """The result needs something that is missing or cannot be; code: callback_at_missing, in_the_past, too_far."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def months_before(month: date, n: int) -> date:
    """The first day of the month n months earlier."""
    number = month.year * 12 + month.month - 1 - n
    return date(number // 12, number % 12 + 1, 1)


def effect_of(result: CallResult, call: Call, *, calendar: Calendar) -> Effect:
    """What a call's result does. Raises OutcomeError: callback_at_missing for a call-back without a time."""
    if result in UNANSWERED:
        return _unanswered(call, calendar)
    if result in (CallResult.TALKED, CallResult.GATEKEEPER):
        touch = Kind.CALL_CONNECTED if result == CallResult.TALKED else Kind.CALL_TRIED
        return Effect(touch, "nurturing", no_call_before=call.on + timedelta(days=NO_CALL_DAYS))
    if result == CallResult.INTEREST:
        return Effect(Kind.CALL_INTEREST, "hot")
    if result == CallResult.APPOINTMENT:
        return _appointment(call, calendar)
    if result == CallResult.MATERIAL:
        return _material(call, calendar)
    if result == CallResult.CALLBACK:
        if call.named_at is None:
            raise OutcomeError("callback_at_missing")
        return Effect(Kind.CALL_TRIED, callback_at=call.named_at)
    if result == CallResult.NOT_NOW:
        return _not_now(call, calendar)
    return _closed(result, call, calendar)


def _unanswered(call: Call, calendar: Calendar) -> Effect:
    """Again on the next business day in the other half, at its best hour; after six tries nurture alone for 60 days."""
    if call.tries + 1 >= MAX_TRIES:
        rest = call.on + timedelta(days=REST_AFTER_TRIES_DAYS)
        return Effect(Kind.CALL_TRIED, "nurturing", no_call_before=rest)
    band, hours = ("afternoon", AFTERNOON) if call.hour < NOON else ("morning", MORNING)
    good = best(call.rates, within=hours)
    start = max(time(good.hour), OPENS) if good else None
    return Effect(
        Kind.CALL_TRIED,
        retry_on=calendar.add_business_days(call.begins, 1),
        retry_band=band,
        retry_from=start,
    )


def _appointment(call: Call, calendar: Calendar) -> Effect:
    due = (
        call.named_at.astimezone(call.zone).date()
        if call.named_at
        else calendar.add_business_days(call.begins, VISIT_IN)
    )
    return Effect(
        Kind.CALL_INTEREST, "hot", follow_ups=(FollowUp("visit", due, "appointment", at=call.named_at),)
    )


def _material(call: Call, calendar: Calendar) -> Effect:
    """The material goes out today, and a call follows three business days later."""
    sends = FollowUp(
        "fax" if call.has_fax else "mail", calendar.next_business_day(call.begins), "material_asked"
    )
    again = calendar.add_business_days(call.begins, MATERIAL_CALL_IN)
    return Effect(
        Kind.CALL_TRIED, "nurturing", follow_ups=(sends, FollowUp("call", again, "material_follow_up"))
    )


def _not_now(call: Call, calendar: Calendar) -> Effect:
    """Quiet until three months before the month the person named; without one, for 90 days."""
    if call.named_month is None:
        rest = call.on + timedelta(days=NO_CALL_DAYS)
        return Effect(Kind.CALL_TRIED, "nurturing", no_call_before=rest)
    earliest = calendar.add_business_days(call.begins, 1)
    wake = max(calendar.next_business_day(months_before(call.named_month, LEAD_MONTHS)), earliest)
    return Effect(
        Kind.CALL_TRIED,
        "nurturing",
        follow_ups=(FollowUp("call", wake, "timeframe"),),
        no_call_before=wake,
        timeframe=call.named_month.replace(day=1),
    )


def _closed(result: CallResult, call: Call, calendar: Calendar) -> Effect:
    """Results after which this person is not called as before."""
    soon = calendar.add_business_days(call.begins, 1)
    if result == CallResult.REFUSED:
        until = call.on + timedelta(days=call.cycle_days)
        return Effect(Kind.CALL_TRIED, no_call_before=until, declined_until=until, ask_mail_scope=True)
    if result == CallResult.WRONG:
        return Effect(
            Kind.CALL_TRIED, phone_invalid=True, follow_ups=(FollowUp("check", soon, "find_phone"),)
        )
    if result == CallResult.LEFT:
        follow = (FollowUp("check", soon, "find_successor"),)
        return Effect(Kind.CALL_TRIED, "excluded", follow_ups=follow, person_excluded=True)
    return Effect(Kind.CALL_TRIED, do_not_call=True)
