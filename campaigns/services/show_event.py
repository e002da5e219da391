"""Show an event: its head, its people by filter, its mails, how it is followed, and the plan of a year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import events as rule
from campaigns.rules.reports import HORIZONS, months_after
from campaigns.services.author import Gone, Stale
from campaigns.storage import (
    closed_days,
    event_answers,
    event_mailings,
    event_people,
    event_plans,
    event_series,
    events,
    forms,
    scenarios,
    users,
)
from campaigns.storage.event_mailings import Mailing
from campaigns.storage.event_people import Line
from campaigns.storage.event_plans import Following, Pipeline, Target
from campaigns.storage.event_series import Series
from campaigns.storage.events import Event
from campaigns.storage.forms import Form

PAGE = 50
FOLLOW_DAYS = 5  # business days after an event by which everybody has an owner and a next action
YEN_MAX = 10**13


@dataclass(frozen=True, slots=True)
class Seats:
    """of: None for as many as come. by: the form that gives them out, None for the event itself."""

    of: int | None
    taken: int
    waiting: int
    by: Form | None


@dataclass(frozen=True, slots=True)
class Days:
    """When what is due after an event; None without a day. horizons: (months, day) of the results."""

    thank_on: date | None = None
    follow_by: date | None = None
    horizons: tuple[tuple[int, date], ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One event's page. counts: people by filter. met: products with how many of the people there have a lead.
    late: of each thank-you mail that has begun, how many came in after it."""

    event: Event
    owner: str
    series: Series | None
    is_over: bool
    counts: dict[str, int]
    show: str
    lines: Sequence[Line]
    mailings: Sequence[Mailing]
    late: dict[int, int]
    met: Sequence[tuple[int, str, int]]
    seats: Seats
    following: Following
    days: Days
    products: Sequence[tuple[int, str]]
    invited_by: Sequence[tuple[int, str]]


def run(parts: Parts, event_id: int, *, show: str, offset: int, now: datetime) -> Seen:
    """show: a filter; '' for the first that has people. Raises Gone."""
    zone = parts.settings.tz
    with parts.engine.connect() as tx:
        event = events.get(tx, event_id)
        if event is None:
            raise Gone
        counts = _counts(tx, event_id)
        show = show if show in event_people.SETS else _first(counts)
        mailings = event_mailings.of_event(tx, event_id)
        first = event.plan.starts_on
        since = datetime.combine(first, time(), tzinfo=zone) if first else datetime(2000, 1, 1, tzinfo=zone)
        owner = users.find(tx, event.plan.owner_user_id) if event.plan.owner_user_id else None
        return Seen(
            event=event,
            owner=owner.name if owner else "",
            series=event_series.get(tx, event.series_id) if event.series_id else None,
            is_over=rule.is_over(event.plan, today=now.astimezone(zone).date()),
            counts=counts,
            show=show,
            lines=event_people.page(tx, event_id, show, limit=PAGE, offset=offset),
            mailings=mailings,
            late=_late(tx, event_id, mailings),
            met=event_mailings.products_met(tx, event_id),
            seats=_seats(tx, event_id, counts["waiting"]),
            following=event_plans.following(tx, event_id, since=since),
            days=_days(tx, event),
            products=scenarios.choices(tx)[0],
            invited_by=events.inviting(tx, event_id),
        )


def _counts(tx: Connection, event_id: int) -> dict[str, int]:
    """Every filter; those of a large invitation as they were counted last."""
    kept = event_people.invited_kept(tx, event_id)
    shows = [name for name in event_people.SETS if kept is None or name not in ("invited", "silent")]
    counts = event_people.counts(tx, event_id, shows)
    if kept is not None:
        answered = sum(counts[name] for name in ("signed", "maybe", "no", "waiting"))
        counts |= {"invited": kept, "silent": max(0, kept - answered)}
    return counts


def _first(counts: dict[str, int]) -> str:
    return next((name for name in ("met", "signed", "invited", "all") if counts[name]), "met")


def _late(tx: Connection, event_id: int, mailings: Sequence[Mailing]) -> dict[int, int]:
    begun = [one for one in mailings if one.purpose == "thanks" and one.state in ("sending", "done")]
    return {
        one.id: len(event_mailings.late(tx, one.id, event_id=event_id, product_id=one.product_id))
        for one in begun
    }


def _seats(tx: Connection, event_id: int, waiting: int) -> Seats:
    form = forms.of_event(tx, event_id)
    by = form if form is not None and form.handling.capacity is not None else None
    of = event_answers.capacity(tx, event_id)
    return Seats(of, event_answers.seats(tx, event_id), waiting, by)


def _days(tx: Connection, event: Event) -> Days:
    last, first = event.plan.last_day, event.plan.starts_on
    if last is None or first is None:
        return Days()
    calendar = closed_days.load(tx)
    return Days(
        thank_on=calendar.next_business_day(last + timedelta(days=1)),
        follow_by=calendar.add_business_days(last, FOLLOW_DAYS),
        horizons=tuple((n, months_after(first, n)) for n in HORIZONS),
    )


@dataclass(frozen=True, slots=True)
class Year:
    """A business year: its first day, the day after its last, its target and what stands against it."""

    first: date
    end: date
    target: Target
    pipeline: Pipeline


def year(parts: Parts, starting: int | None, *, now: datetime) -> Year:
    """starting: the year in which it begins; None for this one."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.connect() as tx:
        target = event_plans.target(tx)
        running = today.year if today.month >= target.starts else today.year - 1
        first = date(running if starting is None else starting, target.starts, 1)
        end = date(first.year + 1, target.starts, 1)
        since, until = (datetime.combine(day, time(), tzinfo=zone) for day in (first, end))
        return Year(first, end, target, event_plans.pipeline(tx, since=since, until=until, end=end))


def save_target(parts: Parts, new: Target) -> None:
    """Raises Stale; ValueError for what is no target."""
    if not 0 <= new.yen <= YEN_MAX or not 1 <= new.starts <= 12:
        raise ValueError(new)
    with parts.engine.begin() as tx:
        if not event_plans.save_target(tx, new):
            raise Stale(event_plans.target(tx))
