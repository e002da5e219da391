"""Deliveries as people look at them: one state each, counted, listed, resolved by hand.

Groups are what the screen shows; every state belongs to exactly one, so the figures add up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    Subquery,
    and_,
    case,
    func,
    literal,
    select,
    text,
    union_all,
    update,
)

from campaigns.rules.deliveries import State, is_silenced
from campaigns.storage import tables as t
from campaigns.storage import waiting

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
    """One delivery in the table. by_product: who took the month, for what was carried over.

    ranks: of that product's list and of its own, where the planner told them; else ''. stage: of the lead, '' where
    there is none.
    """

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
    bounce_text: str
    ranks: tuple[str, str] = ("", "")
    stage: str = ""

    @property
    def is_silenced(self) -> bool:
        return is_silenced(self.state, self.stage)


def counts(tx: Connection, wanted: Filter) -> dict[str, int]:
    """Deliveries by group, zeros included; groups of the filter do not count. Index ix_deliveries_month_state."""
    d = t.deliveries
    rows = tx.execute(
        _narrowed(select(d.c.state, func.count().label("n")), wanted, with_groups=False).group_by(d.c.state)
    )
    return grouped({row.state: int(row.n) for row in rows})


def grouped(by_state: Mapping[str, int]) -> dict[str, int]:
    """Counts of states as counts of groups, zeros included."""
    return {group: sum(by_state.get(s, 0) for s in states) for group, states in GROUPS.items()}


def page(tx: Connection, wanted: Filter, *, offset: int, limit: int) -> tuple[Line, ...]:
    """One page of the table: what needs a person first, then what moves next. The names are read for it alone."""
    ids = list(tx.execute(_order(_found(wanted, most=offset + limit)).offset(offset).limit(limit)).scalars())
    rows = tx.execute(_joined().where(t.deliveries.c.id.in_(ids)))
    found = {row.id: Line(**row._mapping) for row in rows}
    return tuple(found[id] for id in ids if id in found)


_MOMENT = func.coalesce(
    t.deliveries.c.sent_at, t.deliveries.c.send_at, t.deliveries.c.settled_at, t.deliveries.c.created_at
)
# What is many in a month is read in its order from an index of its own, and no further than the page goes:
# ix_deliveries_sent_at, ix_deliveries_due. Sorting a month of 900,000 mails took 0.6 s.
_MANY = {State.SENT: t.deliveries.c.sent_at, State.PLANNED: t.deliveries.c.send_at}


def _found(wanted: Filter, *, most: int) -> Subquery:
    """(id, state, moment) of the first `most` in each state. A scenario's are few enough to be sorted."""
    d = t.deliveries
    what = select(d.c.id, d.c.state, _MOMENT.label("moment"))
    if wanted.scenario_id is not None or wanted.step_key is not None or wanted.kind != "scenario":
        return _narrowed(what, wanted).subquery()
    states = [s for group in wanted.groups or GROUPS for s in GROUPS[group]]
    bare = replace(wanted, groups=())
    rest = _narrowed(what, bare).where(d.c.state.in_([s for s in states if s not in _MANY]))
    parts = [rest]
    for state, at in _MANY.items():
        if state not in states:
            continue
        ahead = _narrowed(what, bare).where(d.c.state == state.value)
        dated = ahead.where(at.is_not(None)).order_by(at.desc(), d.c.id.desc()).limit(most)
        parts += [select(dated.subquery()), ahead.where(at.is_(None))]
    return union_all(*parts).subquery()


def _order(found: Subquery) -> Select[Any]:
    first = case(
        (found.c.state == State.IN_DOUBT, 0), (found.c.state.in_((State.RETRY, State.FAILED)), 1), else_=2
    )
    return select(found.c.id).order_by(first, found.c.moment.desc(), found.c.id.desc())


def shows_held(wanted: Filter, *, this: int) -> bool:
    """Whether those who wait now belong to what is asked for: mails of scenarios, this month's or all."""
    return wanted.kind == "scenario" and wanted.month in (None, this)


def held(tx: Connection, wanted: Filter) -> int:
    """People who gave way at the last decision: they wait like a mail that was carried over, without a row of it."""
    return waiting.number(
        tx, product_id=wanted.product_id, scenario_id=wanted.scenario_id, step_key=wanted.step_key
    )


def held_page(tx: Connection, wanted: Filter, *, offset: int, limit: int) -> tuple[Line, ...]:
    """One page of them as lines of the table, the nearest promise first."""
    found = waiting.lines(
        tx,
        product_id=wanted.product_id,
        scenario_id=wanted.scenario_id,
        step_key=wanted.step_key,
        skip=offset,
        limit=limit,
    )
    return tuple(_as_line(one) for one in found)


def _as_line(one: waiting.Line) -> Line:
    return Line(
        id=0,
        person_id=one.person_id,
        name=one.person,
        company=one.company or "",
        to=one.to,
        title=one.title,
        product_name=one.product,
        colour_no=one.colour_no,
        state=State.CARRIED_OVER.value,
        reason=one.reason,
        by_product=one.by_product,
        valid_until=None,
        until=one.until,
        send_at=None,
        sent_at=None,
        attempts=0,
        smtp_code=None,
        smtp_text="",
        bounce="",
        bounce_text="",
        ranks=(one.by_rank, one.rank),
    )


def every(tx: Connection, wanted: Filter) -> Iterator[Line]:
    """All of them, for an export, read as they are written."""
    rows = tx.execute(_lines(wanted).order_by(t.deliveries.c.id), execution_options={"yield_per": 1000})
    for row in rows:
        yield Line(**row._mapping)


def in_doubt(tx: Connection, *, limit: int = 50) -> tuple[int, tuple[Line, ...]]:
    """Mails whose end nobody knows, of all months and kinds: how many, and the oldest of them.

    By month, since index ix_deliveries_month_state begins with it.
    """
    d = t.deliveries
    doubtful = and_(d.c.state == State.IN_DOUBT, d.c.month.in_((0, *months(tx))))
    count = tx.execute(select(func.count()).where(doubtful)).scalar_one()
    ids = select(d.c.id).where(doubtful).order_by(d.c.id).limit(limit)
    rows = tx.execute(_joined().where(d.c.id.in_(ids)).order_by(d.c.id)) if count else ()
    return count, tuple(Line(**row._mapping) for row in rows)


@dataclass(frozen=True, slots=True)
class Placed:
    """A delivery with its month and the enrolment it belongs to. klass: counted, courtesy, transactional."""

    month: int
    enrollment_id: int | None
    product_id: int | None
    step_key: str
    klass: str
    line: Line


def of_person(tx: Connection, person_id: int) -> tuple[Placed, ...]:
    """Every delivery to a person, oldest first. Index ix_deliveries_person_id."""
    d = t.deliveries
    query = _joined().add_columns(
        d.c.month, d.c.enrollment_id, d.c.product_id, d.c.step_key, d.c["class"].label("klass")
    )
    found = []
    for row in tx.execute(query.where(d.c.person_id == person_id).order_by(d.c.id)):
        values = dict(row._mapping)
        place = {name: values.pop(name) for name in Placed.__dataclass_fields__ if name != "line"}
        found.append(Placed(**place, line=Line(**values)))
    return tuple(found)


MONTHS = """
with recursive m as (
  (select month from deliveries where month > 0 order by month desc limit 1)
  union all
  select (select d.month from deliveries d where d.month > 0 and d.month < m.month
           order by d.month desc limit 1) from m where m.month is not null)
select month from m where month is not null
"""


def months(tx: Connection) -> tuple[int, ...]:
    """Months that hold deliveries, newest first: one step a month on ix_deliveries_month_state."""
    return tuple(tx.execute(text(MONTHS)).scalars())


def products(tx: Connection) -> tuple[tuple[int, str], ...]:
    p = t.products
    return tuple(
        (row.id, row.name) for row in tx.execute(select(p.c.id, p.c.name).order_by(p.c.priority, p.c.id))
    )


def running_scenarios(tx: Connection) -> tuple[tuple[int, str, str], ...]:
    """(id, name, product) of the scenarios that are running or paused, for choices."""
    s, p = t.scenarios, t.products
    rows = tx.execute(
        select(s.c.id, s.c.name, p.c.name.label("product"))
        .join(p, p.c.id == s.c.product_id)
        .where(s.c.status.in_(("active", "paused")))
        .order_by(p.c.priority, s.c.name, s.c.id)
    )
    return tuple((row.id, row.name, row.product) for row in rows)


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
    return _narrowed(_joined(), wanted)


def _joined() -> Select[Any]:
    d, p, a, c, o = t.deliveries, t.people, t.affiliations, t.companies, t.contents
    b, pr, m, lead = t.delivery_bodies, t.products, t.addresses, t.product_leads
    winner = t.products.alias("winner")
    return (
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
            d.c.bounce_text,
            func.coalesce(lead.c.state, "").label("stage"),
        )
        .select_from(d)
        .outerjoin(p, p.c.id == d.c.person_id)
        .outerjoin(a, and_(a.c.person_id == p.c.id, a.c.is_current))
        .outerjoin(c, c.c.id == a.c.company_id)
        .outerjoin(m, m.c.id == d.c.address_id)
        .outerjoin(o, o.c.id == d.c.content_id)
        .outerjoin(b, b.c.delivery_id == d.c.id)
        .outerjoin(pr, pr.c.id == d.c.product_id)
        .outerjoin(lead, and_(lead.c.person_id == d.c.person_id, lead.c.product_id == d.c.product_id))
        .outerjoin(winner, winner.c.id == d.c.reason_args["product_id"].as_integer())
    )
