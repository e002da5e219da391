"""The calendar: what goes out when, a row a day, product, scenario and step.

The past is added up in mail_days. What is planned or expected is counted as it stands, up to LIVE rows; beyond
that the figures are those of calendar_counts, which the minute's work keeps (1,000,000 planned mails take 0.6 s
to count, a page has 0.1 s).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, select, text

from campaigns.rules.schedule import first_day, last_day
from campaigns.storage import tables as t

LIVE = 20_000


@dataclass(frozen=True, slots=True)
class Entry:
    """Mails of one day. kind: sent, planned, expected. is_broadcast: not of a scenario.

    n: mails. title: of the step's mail; "" for what was sent, which is added up by scenario.
    """

    kind: str
    day: date
    product_id: int
    product_name: str
    colour_no: int
    scenario_id: int
    scenario_name: str
    is_broadcast: bool
    step_key: str
    title: str
    step_kind: str
    n: int


_NAMES = """
select {kind} as kind, q.day, q.product_id, coalesce(p.name, '') as product_name,
       coalesce(p.colour_no, 1) as colour_no, q.scenario_id, coalesce(s.name, '') as scenario_name,
       coalesce(s.kind = 'broadcast', false) as is_broadcast, q.step_key,
       coalesce(st.title, '') as title, coalesce(st.kind, 'mail') as step_kind, q.n
  from ({counted}) q
  left join products p on p.id = q.product_id
  left join scenarios s on s.id = q.scenario_id
  left join lateral (
       select st.kind, coalesce(c.title, '') as title from steps st
         join scenario_versions v on v.id = st.version_id and v.scenario_id = q.scenario_id
         left join contents c on c.id = st.content_id
        where st.key = q.step_key and q.step_key <> '' order by v.no desc limit 1) st on true
 order by q.day, p.priority, p.id, q.scenario_id, q.step_key
"""

_SENT = """
select day, product_id, scenario_id, '' as step_key, sent as n from mail_days
 where day between :first and :last and sent > 0 and product_id > 0
"""

# Index ix_deliveries_due.
_PLANNED = """
select (d.send_at at time zone :zone)::date as day, d.product_id, coalesce(e.scenario_id, 0) as scenario_id,
       d.step_key, count(*) as n
  from deliveries d left join enrollments e on e.id = d.enrollment_id
 where d.state in ('planned', 'retry') and d.class <> 'transactional' and d.product_id is not null
   and d.send_at >= :begin and d.send_at < :end
 group by 1, 2, 3, 4
"""

# The next mail of everybody under way, on its wanted day: which of them goes is decided three business days before.
# Who has had this month's mail, or gave way, is asked again on pace.plan_at: nothing is expected before that day.
_DAY_OF = """make_date({month} / 12, {month} % 12 + 1, 1) + least(st.want_day, extract(day from (
       make_date({month} / 12, {month} % 12 + 1, 1) + interval '1 month - 1 day'))::int) - 1"""
_EXPECTED = """
select {day} as day, q.product_id, q.scenario_id, q.key as step_key, count(*) as n
  from (select m.*, st.want_day, case when {first} < m.plan_at then m.first + 1 else m.first end as month, st.key
          from (select e.version_id, e.position, e.scenario_id, e.product_id, p.plan_at,
                       greatest(e.due_month, :this,
                         extract(year from p.plan_at)::int * 12 + extract(month from p.plan_at)::int - 1) as first
                  from enrollments e join pace p on p.person_id = e.person_id
                   and p.plan_at < date '9000-01-01'
                  join scenarios s on s.id = e.scenario_id and s.status = 'active'
                 where e.status = 'active' {only}) m
          join steps st on st.version_id = m.version_id and st.position = m.position
           and st.kind in ('mail', 'invite', 'shelf')) q
 where (cast(:month as int) is null or q.month = :month)
 group by 1, 2, 3, 4
""".format(  # noqa: S608
    day=_DAY_OF.format(month="q.month").replace("st.", "q."),
    first=_DAY_OF.format(month="m.first"),
    only="{only}",
)

_KEPT = """
select day, product_id, scenario_id, step_key, n from calendar_counts
 where kind = :kind and day between :first and :last
"""


def _entries(tx: Connection, kind: str, counted: str, values: dict[str, object]) -> list[Entry]:
    query = _NAMES.format(kind=f"'{kind}'", counted=counted)
    return [Entry(**row._mapping) for row in tx.execute(text(query), values)]


def sent(tx: Connection, *, first: date, last: date) -> list[Entry]:
    """Mails handed over on these days, by product and scenario."""
    return _entries(tx, "sent", _SENT, {"first": first, "last": last})


def planned(
    tx: Connection, *, first: date, last: date, begin: datetime, end: datetime, zone: str
) -> list[Entry]:
    """Mails with their day and hour. begin, end: the instants of first and of the day after last."""
    if _is_kept(tx, "planned"):
        return _entries(tx, "planned", _KEPT, {"kind": "planned", "first": first, "last": last})
    return _entries(tx, "planned", _PLANNED, {"begin": begin, "end": end, "zone": zone})


def expected(tx: Connection, *, month: int, this: int) -> list[Entry]:
    """The next mails of people under way that are not decided yet, on their wanted day, before the business
    calendar moves it. this: the current month."""
    if month < this:
        return []
    if _is_kept(tx, "expected"):
        first, last = first_day(month), last_day(month)
        return _entries(tx, "expected", _KEPT, {"kind": "expected", "first": first, "last": last})
    counted = _EXPECTED.format(only="and e.due_month <= :month")
    return _entries(tx, "expected", counted, {"month": month, "this": this})


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the legend. windows: its own hours for mail in minutes after midnight; empty: the shipped."""

    id: int
    name: str
    colour_no: int
    windows: Sequence[Sequence[int]]


def products(tx: Connection) -> list[Product]:
    """The active products in their order."""
    p = t.products
    rows = tx.execute(
        select(p.c.id, p.c.name, p.c.colour_no, p.c.windows)
        .where(p.c.is_active)
        .order_by(p.c.priority, p.c.id)
    )
    return [Product(**row._mapping) for row in rows]


_MANY = {
    "planned": "select 1 from deliveries where state in ('planned', 'retry') order by send_at limit :n",
    "expected": "select 1 from enrollments where status = 'active' order by person_id limit :n",
}


def _is_kept(tx: Connection, kind: str) -> bool:
    found = tx.execute(
        text("select exists (select 1 from calendar_counts where kind = :kind)"), {"kind": kind}
    )
    return bool(found.scalar_one())


def are_many(tx: Connection, kind: str) -> bool:
    """Whether there are more than LIVE of them."""
    found = tx.execute(text(f"select count(*) from ({_MANY[kind]}) q"), {"n": LIVE + 1})  # noqa: S608
    return int(found.scalar_one()) > LIVE


def counted_at(tx: Connection) -> datetime | None:
    """When the kept figures were counted; None when none are kept."""
    return tx.execute(text("select counted_at from calendar_counts limit 1")).scalar_one_or_none()


KEEP = """
insert into calendar_counts (kind, day, product_id, scenario_id, step_key, n, counted_at)
select :kind, q.day, q.product_id, q.scenario_id, q.step_key, q.n, :now from ({counted}) q
"""


def keep(tx: Connection, *, this: int, now: datetime, zone: str, begin: datetime, end: datetime) -> None:
    """Count anew what is too much for a page, and forget the old count."""
    tx.execute(text("delete from calendar_counts"))
    if are_many(tx, "planned"):
        values = {"kind": "planned", "now": now, "zone": zone, "begin": begin, "end": end}
        tx.execute(text(KEEP.format(counted=_PLANNED)), values)
    if are_many(tx, "expected"):
        values = {"kind": "expected", "now": now, "this": this, "month": None}
        tx.execute(text(KEEP.format(counted=_EXPECTED.format(only=""))), values)


@dataclass(frozen=True, slots=True)
class Mark:
    """Something a day is about besides mails. kind: last_day (an invitation's), broadcast (not begun yet)."""

    kind: str
    day: date
    product_id: int
    product_name: str
    colour_no: int
    scenario_id: int
    title: str
    state: str


MARKS = """
select 'last_day' as kind, least(st.valid_until, ev.apply_by, ev.starts_on) as day, p.id as product_id,
       p.name as product_name, p.colour_no, s.id as scenario_id, coalesce(nullif(ev.name, ''), c.title, st.title) as title, s.status as state
  from scenarios s
  join scenario_versions v on v.scenario_id = s.id and v.no = s.published_no
  join steps st on st.version_id = v.id
  join products p on p.id = s.product_id
  left join contents c on c.id = st.content_id
  left join events ev on ev.id = st.event_id
 where s.status = 'active' and s.kind = 'scenario'
   and least(st.valid_until, ev.apply_by, ev.starts_on) between :first and :last
union all
select 'broadcast', b.send_on, p.id, p.name, p.colour_no, s.id, s.name, b.state
  from broadcasts b join scenarios s on s.id = b.scenario_id join products p on p.id = s.product_id
 where b.send_on between :first and :last and b.state in ('draft', 'asked', 'approved')
 order by 2, 3, 6
"""


def marks(tx: Connection, *, first: date, last: date) -> list[Mark]:
    """Last days of invitations, and broadcasts that have not begun."""
    return [Mark(**row._mapping) for row in tx.execute(text(MARKS), {"first": first, "last": last})]


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a day, as the day's page lists it."""

    id: int
    person_id: int | None
    name: str
    company: str
    title: str
    product_name: str
    colour_no: int
    state: str
    at: datetime


_MAILS = """
select d.id, d.person_id, coalesce(p.full_name, '') as name, coalesce(co.name, '') as company,
       coalesce(c.title, '') as title, coalesce(pr.name, '') as product_name, coalesce(pr.colour_no, 1) as colour_no,
       d.state, d.at
  from (select d.id, d.person_id, d.content_id, d.product_id, d.state, d.{at} as at from deliveries d
         {join} where {state} and d.class <> 'transactional' and d.{at} >= :begin and d.{at} < :end {only}
         order by d.{at}, d.id limit :limit offset :offset) d
  left join people p on p.id = d.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join contents c on c.id = d.content_id
  left join products pr on pr.id = d.product_id
 order by d.at, d.id
"""
_STATES = {"planned": ("send_at", "d.state in ('planned', 'retry')"), "sent": ("sent_at", "d.state = 'sent'")}


def mails(
    tx: Connection,
    *,
    kind: str,
    begin: datetime,
    end: datetime,
    scenario_id: int | None,
    step_key: str,
    offset: int,
    limit: int,
) -> list[Mail]:
    """The mails of a day in the order of their hours. Indexes ix_deliveries_due, ix_deliveries_sent_at."""
    at, state = _STATES[kind]
    join, only = "", ""
    if scenario_id is not None:
        join = "join enrollments e on e.id = d.enrollment_id and e.scenario_id = :scenario"
        only = "and (:key = '' or d.step_key = :key)"
    query = _MAILS.format(at=at, state=state, join=join, only=only)
    values = {
        "begin": begin,
        "end": end,
        "scenario": scenario_id,
        "key": step_key,
        "offset": offset,
        "limit": limit,
    }
    return [Mail(**row._mapping) for row in tx.execute(text(query), values)]
