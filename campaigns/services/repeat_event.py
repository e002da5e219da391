"""Repeat an event: next month's is made by the night's work, with the draft of its invitation (S0-26).

Each month's event is made once (events.series_id, series_month), moved off closed days, and may be changed like any
other; the invitation waits as a draft until somebody sends it. Stopping makes no more; what stands, stays.
"""

from __future__ import annotations

from calendar import month_name
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import recurring
from campaigns.rules.schedule import first_day, month_of, month_of_day
from campaigns.services import invite_event
from campaigns.services.author import Gone, Stale
from campaigns.services.catalogue import Invalid
from campaigns.services.invite_event import InviteError, Wanted
from campaigns.storage import audit, closed_days, event_series, events, next_actions, users
from campaigns.storage.event_series import Series, Template
from campaigns.storage.events import Event
from campaigns.storage.next_actions import Alert


def start(parts: Parts, event_id: int, template: Template, *, user_id: int | None, now: datetime) -> int:
    """From this event on, one every month; the series' id, the standing one's where there is one. Raises Gone,
    Invalid."""
    _check(template)
    with parts.engine.begin() as tx:
        event = events.get(tx, event_id, lock=True)
        if event is None:
            raise Gone
        if event.series_id is not None:
            return event.series_id
        series_id = event_series.add(tx, template, user_id=user_id, now=now)
        event_series.belongs(tx, event_id, series_id=series_id, month=_month(parts, event, now))
        _note(tx, series_id, "add", user_id, now)
    run(parts, now=now)
    return series_id


def change(
    parts: Parts, series_id: int, template: Template, *, version: int, user_id: int | None, now: datetime
) -> None:
    """What the next ones are made from; those that stand are left as they are. Raises Gone, Stale, Invalid."""
    _check(template)
    with parts.engine.begin() as tx:
        old = _get(tx, series_id)
        if not event_series.save(tx, series_id, template, version=version):
            raise Stale(old)
        _note(tx, series_id, "save", user_id, now)


def stop(parts: Parts, series_id: int, *, is_stopped: bool, user_id: int | None, now: datetime) -> None:
    """Make no more, or go on. Raises Gone."""
    with parts.engine.begin() as tx:
        old = _get(tx, series_id, lock=True)
        if (old.stopped_at is not None) is is_stopped:
            return
        event_series.set_stopped(tx, series_id, at=now if is_stopped else None)
        _note(tx, series_id, "stop" if is_stopped else "go_on", user_id, now)
    if not is_stopped:
        run(parts, now=now)


def find(parts: Parts, series_id: int) -> Series:
    """Raises Gone."""
    with parts.engine.connect() as tx:
        return _get(tx, series_id)


def run(parts: Parts, *, now: datetime) -> int:
    """The night's work: the events of next month that are not there yet; how many were made."""
    month = month_of(now, parts.settings.tz) + 1
    with parts.engine.connect() as tx:
        waiting = event_series.running(tx)
    return sum(_make(parts, series.id, month, now=now) for series in waiting)


def day_ahead(parts: Parts, template: Template, *, now: datetime) -> date:
    """The day of next month's event, as it would be made."""
    with parts.engine.connect() as tx:
        calendar = closed_days.load(tx)
    return recurring.day_of(template.recurrence, month_of(now, parts.settings.tz) + 1, calendar)


def _make(parts: Parts, series_id: int, month: int, *, now: datetime) -> bool:
    with parts.engine.begin() as tx:
        series = event_series.get(tx, series_id, lock=True)
        if series is None or series.stopped_at is not None:
            return False
        template = series.template
        event_id = event_series.add_event(
            tx,
            _values(tx, template, recurring.day_of(template.recurrence, month, closed_days.load(tx)), month),
            costs=template.costs,
            series_id=series_id,
            month=month,
            now=now,
        )
        if event_id is None:
            return False
        broadcast_id = _invite(tx, parts, event_id, template, now=now)
        made = events.get(tx, event_id)
        args: dict[str, object] = {"event": event_id, "name": made.plan.name if made else ""}
        kind = "event_made" if broadcast_id is None else "event_made_invited"
        next_actions.add_alerts(
            tx, [Alert(kind, None, template.product_id, None, template.owner_user_id, args)], now=now
        )
        audit.note(tx, noun="event", noun_id=event_id, action="add", user_id=None, now=now)
    return True


def _invite(tx: Connection, parts: Parts, event_id: int, template: Template, *, now: datetime) -> int | None:
    """The draft of its invitation; None where none is wanted, or it would come too late."""
    event = events.get(tx, event_id)
    if template.product_id is None or event is None:
        return None
    wanted = Wanted(
        product_id=template.product_id,
        classes=template.classes,
        audience=template.audience,
        met_event_id=template.met_event_id,
        content_id=template.content_id,
        days=template.invite_days,
    )
    try:
        return invite_event.draft(tx, parts, event, wanted, user_id=None, now=now)
    except InviteError:
        return None


def _name(tx: Connection, template: Template, first: date) -> str:
    """With its month, in the language of whoever is in charge: it stands in invitations."""
    owner = users.find(tx, template.owner_user_id) if template.owner_user_id is not None else None
    if owner is not None and owner.locale == "en":
        return f"{template.name}, {month_name[first.month]} {first.year}"
    return f"{template.name} {first.year}年{first.month}月"


def _values(tx: Connection, template: Template, day: date, month: int) -> dict[str, object]:
    apply_by = None if template.apply_days is None else day - timedelta(days=template.apply_days)
    return {
        "name": _name(tx, template, first_day(month)),
        "kind": template.kind,
        "starts_on": day,
        "venue": template.venue,
        "apply_by": apply_by,
        "owner": template.owner_user_id,
        "capacity": template.capacity,
        "has_waiting_list": template.has_waiting_list,
    }


def _check(template: Template) -> None:
    wrong = recurring.check(template.recurrence)
    if not template.name:
        wrong["name"] = "missing"
    for name, days, most in (
        ("apply_days", template.apply_days, recurring.AHEAD_MOST),
        ("invite_days", template.invite_days, recurring.INVITE_MOST),
    ):
        if days is not None and not 0 <= days <= most:
            wrong[name] = "out_of_range"
    if wrong:
        raise Invalid(wrong)


def _month(parts: Parts, event: Event, now: datetime) -> int:
    day = event.plan.starts_on
    return month_of_day(day) if day else month_of(now, parts.settings.tz)


def _get(tx: Connection, series_id: int, *, lock: bool = False) -> Series:
    found = event_series.get(tx, series_id, lock=lock)
    if found is None:
        raise Gone
    return found


def _note(tx: Connection, series_id: int, action: str, user_id: int | None, now: datetime) -> None:
    audit.note(tx, noun="event_series", noun_id=series_id, action=action, user_id=user_id, now=now)


def from_event(event: Event) -> Template:
    """What the next ones of an event would be made from: it as it is, in the same week of the month."""
    plan, day = event.plan, event.plan.starts_on
    recurrence = recurring.like(day) if day is not None else recurring.USUAL
    days = (day - plan.apply_by).days if day is not None and plan.apply_by is not None else None
    return Template(
        name=plan.name,
        recurrence=recurrence,
        kind=plan.kind,
        venue=plan.venue,
        owner_user_id=plan.owner_user_id,
        costs=plan.costs,
        capacity=plan.capacity,
        has_waiting_list=plan.has_waiting_list,
        apply_days=None if days is None else max(0, days),
    )
