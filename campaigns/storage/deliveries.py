"""Deliveries as people look at them: one state each, counted, listed, resolved by hand.

Groups are what the screen shows; every state belongs to exactly one, so the figures add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, case, func, literal, or_, select, update

from campaigns.rules.deliveries import State
from campaigns.storage import tables as t

# Group -> its states, in the order of the strip.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "sent": (State.SENT,),
    "planned": (State.PLANNED, State.HANDING),
    "held": (State.CARRIED_OVER,),
    "blocked": (State.SUPPRESSED, State.NO_CONSENT, State.CANCELLED),
    "retry": (State.RETRY,),
    "failed": (State.FAILED,),
    "expired": (State.EXPIRED,),
    "in_doubt": (State.IN_DOUBT,),
}
# What has not left, and what a person has to look at.
UNSENT = ("held", "blocked", "retry", "failed", "expired", "in_doubt")
CARE = ("retry", "failed", "in_doubt")
CLASSES: Mapping[str, tuple[str, ...]] = {"scenario": ("counted", "courtesy"), "notice": ("transactional",)}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which deliveries. month None: all; groups: names of GROUPS, empty for all; kind: a key of CLASSES."""

    month: int | None = None
    product_id: int | None = None
    groups: tuple[str, ...] = ()
    kind: str = "scenario"
    scenario_id: int | None = None
    step_key: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One delivery in the table. by_product: who took the month, for what was carried over."""

    id: int
    person_id: int | None
    name: str
    company: str
    to: str
    title: str
    product_name: str | None
    colour_no: int
    state: str
    reason: str
    by_product: str | None
    valid_until: date | None
    until: date | None
    send_at: datetime | None
    sent_at: datetime | None
    attempts: int
    smtp_code: int | None
    smtp_text: str
    bounce: str


def counts(tx: Connection, wanted: Filter) -> dict[str, int]:
    """Deliveries by group, zeros included; groups of the filter do not count. Index ix_deliveries_month_state."""
    d = t.deliveries
    rows = tx.execute(
        _narrowed(select(d.c.state, func.count().label("n")), wanted, with_groups=False).group_by(d.c.state)
    )
    by_state = {row.state: int(row.n) for row in rows}
    return {group: sum(by_state.get(s, 0) for s in states) for group, states in GROUPS.items()}


def page(tx: Connection, wanted: Filter, *, offset: int, limit: int) -> tuple[Line, ...]:
    """One page of the table: what needs a person first, then what moves next."""
    d = t.deliveries
    first = case((d.c.state == State.IN_DOUBT, 0), (d.c.state.in_((State.RETRY, State.FAILED)), 1), else_=2)
    moment = func.coalesce(d.c.sent_at, d.c.send_at, d.c.settled_at, d.c.created_at)
    rows = tx.execute(
        _lines(wanted).order_by(first, moment.desc(), d.c.id.desc()).offset(offset).limit(limit)
    )
    return tuple(Line(**row._mapping) for row in rows)


def every(tx: Connection, wanted: Filter) -> Iterator[Line]:
    """All of them, for an export, read as they are written."""
    rows = tx.execute(_lines(wanted).order_by(t.deliveries.c.id), execution_options={"yield_per": 1000})
    for row in rows:
        yield Line(**row._mapping)


def in_doubt(tx: Connection, *, limit: int = 50) -> tuple[Line, ...]:
    """Mails whose end nobody knows, over all months and kinds."""
    d = t.deliveries
    everything = [_lines(Filter(kind=kind, groups=("in_doubt",))) for kind in CLASSES]
    found = [
        Line(**row._mapping)
        for query in everything
        for row in tx.execute(query.order_by(d.c.id).limit(limit))
    ]
    return tuple(found[:limit])


def months(tx: Connection) -> tuple[int, ...]:
    """Months that hold deliveries, newest first."""
    d = t.deliveries
    return tuple(
        tx.execute(select(d.c.month).where(d.c.month > 0).distinct().order_by(d.c.month.desc())).scalars()
    )


def products(tx: Connection) -> tuple[tuple[int, str], ...]:
    p = t.products
    return tuple(
        (row.id, row.name) for row in tx.execute(select(p.c.id, p.c.name).order_by(p.c.priority, p.c.id))
    )


def resolve(tx: Connection, delivery_id: int, *, arrived: bool, now: datetime) -> bool:
    """A person answers for a mail in doubt; False when it has been answered before."""
    d = t.deliveries
    state, reason = (State.SENT, "said_arrived") if arrived else (State.FAILED, "said_not_arrived")
    done = tx.execute(
        update(d)
        .where(d.c.id == delivery_id, d.c.state == State.IN_DOUBT)
        .values(state=state.value, reason=reason, settled_at=now)
    )
    return done.rowcount == 1


def person_of(tx: Connection, delivery_id: int) -> int | None:
    d = t.deliveries
    return tx.execute(select(d.c.person_id).where(d.c.id == delivery_id)).scalar_one_or_none()


def set_paused(tx: Connection, *, paused: bool, reason: str) -> bool:
    """Stop or start everything; False when it stood so before. Moves the stop counter."""
    s = t.stops
    done = tx.execute(
        update(s)
        .where(s.c.id == 1, or_(s.c.paused != paused, s.c.paused_reason != reason))
        .values(paused=paused, paused_reason=reason, n=s.c.n + 1)
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Course:
    """Whether mail flows. waiting: due by now and not handed over; since: since when the oldest of them."""

    paused: bool
    paused_reason: str
    waiting: int
    since: datetime | None
    away: int
    handing: int
    next_at: datetime | None


def course(tx: Connection, *, now: datetime) -> Course:
    """How sending stands now. Index ix_deliveries_due. away: waits because the mail server did not answer."""
    d, s = t.deliveries, t.stops
    stop = tx.execute(select(s.c.paused, s.c.paused_reason).where(s.c.id == 1)).one()
    waits = d.c.state.in_((State.PLANNED, State.RETRY))
    row = tx.execute(
        select(
            func.count().filter(d.c.send_at <= now).label("waiting"),
            func.min(d.c.send_at).filter(d.c.send_at <= now).label("since"),
            func.count().filter(and_(d.c.state == State.RETRY, d.c.reason == "smtp_away")).label("away"),
            func.min(d.c.send_at).label("next_at"),
        ).where(waits)
    ).one()
    handing = tx.execute(select(func.count()).where(d.c.state == State.HANDING)).scalar_one()
    return Course(stop.paused, stop.paused_reason, row.waiting, row.since, row.away, handing, row.next_at)


def _narrowed(query: Select[Any], wanted: Filter, *, with_groups: bool = True) -> Select[Any]:
    d, e = t.deliveries, t.enrollments
    query = query.where(d.c["class"].in_(CLASSES[wanted.kind]))
    if wanted.month is not None:
        query = query.where(d.c.month == wanted.month)
    if wanted.product_id is not None:
        query = query.where(d.c.product_id == wanted.product_id)
    if wanted.step_key is not None:
        query = query.where(d.c.step_key == wanted.step_key)
    if wanted.scenario_id is not None:
        query = query.where(
            d.c.enrollment_id.in_(select(e.c.id).where(e.c.scenario_id == wanted.scenario_id))
        )
    if with_groups and wanted.groups:
        query = query.where(d.c.state.in_([s for g in wanted.groups for s in GROUPS[g]]))
    return query


def _lines(wanted: Filter) -> Select[Any]:
    d, p, a, c, o = t.deliveries, t.people, t.affiliations, t.companies, t.contents
    b, pr, m = t.delivery_bodies, t.products, t.addresses
    winner = t.products.alias("winner")
    query = (
        select(
            d.c.id,
            d.c.person_id,
            func.coalesce(p.c.full_name, "").label("name"),
            func.coalesce(c.c.name, "").label("company"),
            func.coalesce(b.c.to_address, m.c.email, "").label("to"),
            func.coalesce(o.c.title, b.c.subject, "").label("title"),
            pr.c.name.label("product_name"),
            func.coalesce(pr.c.colour_no, literal(0)).label("colour_no"),
            d.c.state,
            d.c.reason,
            winner.c.name.label("by_product"),
            d.c.valid_until,
            d.c.until,
            d.c.send_at,
            d.c.sent_at,
            d.c.attempts,
            d.c.smtp_code,
            d.c.smtp_text,
            d.c.bounce,
        )
        .select_from(d)
        .outerjoin(p, p.c.id == d.c.person_id)
        .outerjoin(a, and_(a.c.person_id == p.c.id, a.c.is_current))
        .outerjoin(c, c.c.id == a.c.company_id)
        .outerjoin(m, m.c.id == d.c.address_id)
        .outerjoin(o, o.c.id == d.c.content_id)
        .outerjoin(b, b.c.delivery_id == d.c.id)
        .outerjoin(pr, pr.c.id == d.c.product_id)
        .outerjoin(winner, winner.c.id == d.c.reason_args["product_id"].as_integer())
    )
    return _narrowed(query, wanted)
