"""The lines of the call list: what orders the open calls, kept narrow, and the first of them without reading all.

A line is made from its task, lead, person and touches (`facts`), worked out by the rules and written (`put`). Reading
goes along an index of the lane, so it costs what it returns, not what waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.callorder import Entry, Lane
from campaigns.rules.outcomes import REACHED


@dataclass(frozen=True, slots=True)
class Facts:
    """An open call with what its order asks. Amounts in yen, None where nobody has named one.

    last_at: the last try that the call rests from; its own is none where it has a day of its own (not_before).
    """

    task_id: int
    person_id: int
    company_id: int | None
    product_id: int | None
    assignee_id: int | None
    company_class: str
    rank: str
    p_win: float
    amount: int | None
    median: float
    tries: int
    signal_at: datetime | None
    last_at: datetime | None
    not_before: datetime | None
    promised_at: datetime | None
    inquiry_at: datetime | None
    is_with_sales: bool
    is_barred: bool


# The median is asked for only where an amount is known: few leads have one. A call that is to come again (3.7) has its
# own time in not_before, so the rest of three business days (3.8) is for tries under the person's other calls. An
# inquiry is open until somebody has spoken with the person, visited, or answered by mail.
FACTS = """
select t.id as task_id, t.person_id, f.company_id, t.product_id, t.assignee_id, coalesce(co.class, '-') as company_class,
       coalesce(l.rank, 'unobserved') as rank, coalesce(l.p_win, 0) as p_win, w.amount,
       case when w.amount is null then 0 else coalesce(
         (select percentile_cont(0.5) within group (order by o.amount_yen) from opportunities o
           where o.product_id = t.product_id and o.amount_yen > 0),
         (select expected_amount_yen from products where id = t.product_id), 0) end as median,
       t.tries, l.last_touch_at as signal_at, c.last_at, t.not_before, t.promised_at, i.inquiry_at,
       coalesce(l.state = 'with_sales', false) as is_with_sales,
       p.do_not_call or p.phone_invalid or p.excluded_reason <> '' as is_barred
  from tasks t
  join people p on p.id = t.person_id and p.merged_into is null
  left join product_leads l on l.id = t.lead_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join catalogues k on k.company_id = f.company_id
  left join lateral (select amount_yen from opportunities o
                      where o.lead_id = t.lead_id and o.result = '' and o.amount_yen > 0
                      order by o.id desc limit 1) o on true
  cross join lateral (select coalesce(o.amount_yen, (coalesce(k.budget_min_yen, k.budget_max_yen)
                                       + coalesce(k.budget_max_yen, k.budget_min_yen)) / 2) as amount) w
  left join lateral (select max(a.at) as last_at from call_attempts a where a.person_id = p.id
                        and (t.not_before is null or a.task_id <> t.id)) c on true
  left join lateral (select min(x.at) as inquiry_at from touchpoints x
                      where x.person_id = p.id and x.kind in ('inquiry', 'quote_request') and x.validity > 0
                        and (x.product_id is null or x.product_id = t.product_id)
                        and x.at > :inquiries_since
                        and not exists (select 1 from touchpoints y where y.person_id = p.id and y.at >= x.at
                              and y.kind in ('call_connected', 'call_interest', 'visit', 'mail_by_rep'))
                        and not exists (select 1 from call_attempts s where s.person_id = p.id and s.at >= x.at
                              and s.result = any(:reached))) i on true
 where t.kind = 'call' and t.state = 'open'
"""


def _facts(tx: Connection, where: str, **values: object) -> list[Facts]:
    return [
        Facts(**row._mapping)
        for row in tx.execute(text(FACTS + where), {**values, "reached": sorted(REACHED)})
    ]


def of_people(tx: Connection, person_ids: Sequence[int], *, inquiries_since: datetime) -> list[Facts]:
    """Their open calls. ix_tasks_person_id."""
    where = " and t.person_id = any(cast(:ids as bigint[]))"
    return _facts(tx, where, ids=list(person_ids), inquiries_since=inquiries_since)


def of_tasks(tx: Connection, task_ids: Sequence[int], *, inquiries_since: datetime) -> list[Facts]:
    """These calls, as far as they are open."""
    where = " and t.id = any(cast(:ids as bigint[])) order by t.id"
    return _facts(tx, where, ids=list(task_ids), inquiries_since=inquiries_since)


def newest(tx: Connection) -> int:
    """The task of the newest line, 0 without one."""
    return int(tx.execute(text("select coalesce(max(task_id), 0) from call_lines")).scalar_one())


def after(tx: Connection, task_id: int, *, limit: int) -> list[int]:
    """Open calls behind one, by id. ix_tasks_calls."""
    rows = tx.execute(
        text(
            "select id from tasks where kind = 'call' and state = 'open' and id > :after order by id limit :n"
        ),
        {"after": task_id, "n": limit},
    )
    return [int(row.id) for row in rows]


COLUMNS = (
    "task_id", "person_id", "company_id", "product_id", "assignee_id", "rank", "lane", "p_win", "value", "fit", "tries",
    "signal_at", "last_at", "not_before", "promised_at", "inquiry_at", "is_with_sales", "is_barred", "weight",
    "freshness",
)  # fmt: skip
MOVING = [name for name in COLUMNS if name != "task_id"]
# What stands already costs no write.
PUT = f"""
insert into call_lines ({", ".join(COLUMNS)})
select {", ".join("r." + name for name in COLUMNS)}
  from unnest(
       cast(:task_id as bigint[]), cast(:person_id as bigint[]), cast(:company_id as bigint[]),
       cast(:product_id as bigint[]), cast(:assignee_id as bigint[]), cast(:rank as text[]), cast(:lane as text[]),
       cast(:p_win as float[]), cast(:value as float[]), cast(:fit as float[]), cast(:tries as int[]),
       cast(:signal_at as timestamptz[]), cast(:last_at as timestamptz[]), cast(:not_before as timestamptz[]),
       cast(:promised_at as timestamptz[]), cast(:inquiry_at as timestamptz[]), cast(:is_with_sales as boolean[]),
       cast(:is_barred as boolean[]), cast(:weight as float[]), cast(:freshness as float[])
       ) as r({", ".join(COLUMNS)})
 order by r.task_id
on conflict (task_id) do update set ({", ".join(MOVING)}) = ({", ".join("excluded." + name for name in MOVING)})
 where ({", ".join("call_lines." + name for name in MOVING)})
       is distinct from ({", ".join("excluded." + name for name in MOVING)})
"""  # noqa: S608 - of this module's own names


def put(tx: Connection, rows: Sequence[Mapping[str, object]]) -> None:
    """Write lines; each row has COLUMNS."""
    if rows:
        tx.execute(text(PUT), {name: [row[name] for row in rows] for name in COLUMNS})


CLOSED = """
delete from call_lines c
 where not exists (select 1 from tasks t where t.id = c.task_id and t.kind = 'call' and t.state = 'open')
"""


def drop_closed(tx: Connection) -> int:
    """Lines whose call is open no more. Reads all lines: 60 ms for 100,000."""
    return int(tx.execute(text(CLOSED)).rowcount)


def drop_closed_of(tx: Connection, person_ids: Sequence[int]) -> int:
    """The same of these people. ix_call_lines_person_id."""
    of = CLOSED + " and c.person_id = any(cast(:ids as bigint[]))"
    return int(tx.execute(text(of), {"ids": list(person_ids)}).rowcount)


def reassign(tx: Connection) -> int:
    """Whose calls they are, where somebody has given them to another. Reads all lines: 60 ms for 100,000."""
    done = tx.execute(
        text(
            "update call_lines c set assignee_id = t.assignee_id from tasks t"
            " where t.id = c.task_id and c.assignee_id is distinct from t.assignee_id"
        )
    )
    return int(done.rowcount)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines are asked for. product_id None, rank "": any.

    callbacks_until: promises up to then. rested: see callorder.Hour; is_open: lines without a promise as well.
    taken_companies, taken_people: somebody else has them on the phone. called: companies a colleague called today.
    waiting: people whose last result waits for its effects. skip: tasks left out. user_id: what is a colleague's stays
    out, unless the colleague is away; None takes all.
    """

    now: datetime
    callbacks_until: datetime
    rested: datetime
    is_open: bool
    product_id: int | None = None
    rank: str = ""
    user_id: int | None = None
    taken_companies: Sequence[int] = ()
    taken_people: Sequence[int] = ()
    called: Sequence[int] = ()
    waiting: Sequence[int] = ()
    away: Sequence[int] = ()
    skip: Sequence[int] = ()

    def values(self) -> dict[str, object]:
        return {
            "now": self.now,
            "until": self.callbacks_until,
            "rested": self.rested,
            "is_open": self.is_open,
            "product": self.product_id,
            "rank": self.rank,
            "me": self.user_id,
            "taken_companies": list(self.taken_companies),
            "taken_people": list(self.taken_people),
            "called": list(self.called),
            "waiting": list(self.waiting),
            "away": list(self.away),
            "skip": list(self.skip),
        }


SCOPE = """
       (cast(:product as bigint) is null or c.product_id = :product) and (:rank = '' or c.rank = :rank)
"""
FREE = """
       c.task_id <> all(cast(:skip as bigint[])) and c.person_id <> all(cast(:waiting as bigint[]))
   and (cast(:me as bigint) is null or c.assignee_id is null or c.assignee_id = :me
        or c.assignee_id = any(cast(:away as bigint[])))
   and (c.company_id is null or c.company_id <> all(cast(:taken_companies as bigint[])))
   and c.person_id <> all(cast(:taken_people as bigint[]))
"""
# In the order of callorder.hidden.
WAITS = """
  case when c.is_barred then 'do_not_call' when c.is_with_sales then 'with_sales'
       when c.promised_at is not null then case when c.promised_at <= :until then '' else 'callback_later' end
       when c.not_before > :now then 'not_before' when not :is_open then 'outside_hours'
       when c.company_id = any(cast(:called as bigint[])) then 'company_called'
       when c.last_at >= :rested then 'tried_lately' else '' end
"""
TOP = """
select c.task_id, c.lane, c.weight, c.freshness from call_lines c
 where c.lane = :lane and {scope} and {free} and {waits} = ''
 order by c.{by} desc, c.task_id limit :n
"""


def top(
    tx: Connection, lane: Lane, wanted: Wanted, *, by: str = "weight", n: int | None = None
) -> list[Entry]:
    """The first n lines of a lane, by weight or freshness. ix_call_lines_weight, ix_call_lines_freshness."""
    statement = TOP.format(scope=SCOPE, free=FREE, waits=WAITS, by=by)
    rows = tx.execute(text(statement), {**wanted.values(), "lane": lane.value, "n": n})
    return [Entry(row[0], Lane(row[1]), row[2], row[3]) for row in rows]


def counts(tx: Connection, wanted: Wanted) -> dict[str, int]:
    """How many lines wait for what; '' for those that are offered. Reads them all: 40 ms for 100,000."""
    rows = tx.execute(
        text(
            f"select case when {FREE} then {WAITS} else 'taken' end as reason, count(*) as n"  # noqa: S608
            f" from call_lines c where {SCOPE} group by 1"
        ),
        wanted.values(),
    )
    return {row.reason: int(row.n) for row in rows}


def left(tx: Connection, wanted: Wanted, *, most: int) -> int:
    """How many lines are offered, counted up to `most`."""
    return int(
        tx.execute(
            text(
                "select count(*) from (select 1 from call_lines c"  # noqa: S608
                f" where {SCOPE} and {FREE} and {WAITS} = '' limit :most) q"
            ),
            {**wanted.values(), "most": most},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class Busy:
    """Who is out of the list just now; see Wanted."""

    taken_companies: tuple[int, ...]
    taken_people: tuple[int, ...]
    called: tuple[int, ...]
    waiting: tuple[int, ...]
    away: tuple[int, ...]


BUSY = """
select (select coalesce(array_agg(cast(split_part(subject, ':', 2) as bigint)), '{}') from call_locks
         where subject like 'company:%' and until > :now and user_id is distinct from :me) as taken_companies,
       (select coalesce(array_agg(cast(split_part(subject, ':', 2) as bigint)), '{}') from call_locks
         where subject like 'person:%' and until > :now and user_id is distinct from :me) as taken_people,
       (select coalesce(array_agg(distinct f.company_id), '{}') from call_attempts a
          join affiliations f on f.person_id = a.person_id and f.is_current
         where a.at >= :day and a.user_id is distinct from :me) as called,
       (select coalesce(array_agg(distinct person_id), '{}') from call_attempts where settles_at is not null) as waiting,
       (select coalesce(array_agg(id), '{}') from users where not is_active or away_until >= :today) as away
"""


def busy(tx: Connection, *, user_id: int | None, now: datetime, day: datetime, today: date) -> Busy:
    """day: the start of today; a colleague's call since then rests the company. ix_call_attempts_at."""
    row = tx.execute(text(BUSY), {"me": user_id, "now": now, "day": day, "today": today}).one()
    return Busy(*(tuple(ids) for ids in row))
