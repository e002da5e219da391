"""Figures for the home page and the menu: set-based counts, one statement a question.

Months are ints, year * 12 + month - 1, of the installation's zone; instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.storage.causes import BEHIND, Step, read
from campaigns.storage.waiting import COUNTS


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that waits, for the counts in the menu, each counted up to MANY. mine: own open tasks due today; free:
    nobody's. calls: what the desk brings this user today, their own and nobody's.

    broadcasts: those that wait for a second person's yes; people: who wait for their owner's, counted up to MANY.
    """

    mine: int
    free: int
    alerts: int
    calls: int
    hand_offs: int
    broadcasts: int
    people: int

    @property
    def today(self) -> int:
        return self.mine + self.free

    @property
    def counts(self) -> dict[str, int]:
        names = ("calls", "hand_offs", "broadcasts", "people")
        return {name: getattr(self, name) for name in names}


# A number beside a word of the menu: beyond it nobody reads on, and every page would pay for the counting.
MANY = 1000

# ix_tasks_open_assignee_id, ix_tasks_open_due_at, ix_call_lines_mine, ix_alerts_unseen, ix_broadcasts_asked, ix_enrollments_asked; none
# is read further than MANY.
_DUE = "state = 'open' and due_at < :tomorrow and (not_before is null or not_before <= :now)"
# What the desk brings today; who is on the phone just now counts, since a minute later it would again.
_OFFERED = (
    "not is_barred and not is_with_sales and case when promised_at is not null then promised_at < :tomorrow"
    " else coalesce(not_before <= :now, true) end"
)
WAITING = f"""
select (select count(*) from (select 1 from tasks where assignee_id = :user and {_DUE} limit :many) q) as mine,
       (select count(*) from (select 1 from tasks where assignee_id is null and {_DUE} limit :many) q) as free,
       (select count(*) from alerts where seen_at is null and (user_id is null or user_id = :user)) as alerts,
       (select count(*) from ((select 1 from call_lines where assignee_id = :user and {_OFFERED} limit :many)
          union all (select 1 from call_lines where assignee_id is null and {_OFFERED} limit :many)
          limit :many) q) as calls,
       (select count(*) from hand_offs where state = 'offered') as hand_offs,
       (select count(*) from broadcasts where state = 'asked' and asked_by is distinct from :user) as broadcasts,
       (select count(*) from (
          select 1 from enrollments e
           where e.status = 'asked' and (cast(:owner as bigint) is null or exists (
                 select 1 from affiliations f join companies c on c.id = f.company_id
                  where f.person_id = e.person_id and f.is_current and c.owner_user_id = :owner))
           limit :many) q) as people
"""  # noqa: S608 - texts of this module


def waiting(
    tx: Connection, *, user_id: int, owner_id: int | None, now: datetime, tomorrow: datetime
) -> Waiting:
    """owner_id: whose yes is waited for, None for anybody's. tomorrow: the end of today, as an instant."""
    values = {"user": user_id, "owner": owner_id, "now": now, "tomorrow": tomorrow, "many": MANY}
    return Waiting(**tx.execute(text(WAITING), values).one()._mapping)


@dataclass(frozen=True, slots=True)
class Tiles:
    """The six processes in figures (S1-21). event: the event most new people came from, with its count."""

    new_people: int
    event_name: str | None
    event_people: int
    requests: int
    mailable: int
    candidates: int
    hard_bounces: int
    sent: int
    held: int
    planned: int
    hot: int
    hot_new: int
    warm: int
    unobserved: int
    with_sales: int
    offered: int
    returned: int
    won: int
    visits: int
    top_companies: int


TILES = f"""
with fresh as (select id from people where created_at >= :month_start and merged_into is null),
event as (select e.name, count(distinct t.person_id) as n from touchpoints t join events e on e.id = t.event_id
           where t.person_id in (select id from fresh) group by e.id, e.name order by 2 desc, e.id limit 1),
month_mail as (select count(*) filter (where state in ('sent', 'in_doubt')) as sent,
                      count(*) filter (where state = 'carried_over')
                      + (select coalesce(sum(n), 0)::int from ({COUNTS}) h) as held,
                      count(*) filter (where state in ('planned', 'retry', 'handing')) as planned
                 from deliveries where month = :month and class <> 'transactional'),
ranks as (select count(*) filter (where rank = 'hot') as hot, count(*) filter (where rank = 'warm') as warm,
                 count(*) filter (where rank = 'unobserved') as unobserved,
                 count(*) filter (where state in ('with_sales', 'opportunity')) as with_sales
            from product_leads),
offs as (select count(*) filter (where state = 'offered') as offered,
                count(*) filter (where state = 'returned' and resolved_at >= :month_start) as returned,
                count(*) filter (where state = 'won' and resolved_at >= :term_start)
                + (select count(*) from opportunities
                    where result = 'won' and hand_off_id is null and closed_at >= :term_start) as won
           from hand_offs)
select (select count(*) from fresh) as new_people,
       (select name from event) as event_name, coalesce((select n from event), 0) as event_people,
       (select count(distinct person_id) from touchpoints
         where kind in ('doc_request', 'inquiry', 'quote_request') and at >= :month_start) as requests,
       (select count(*) from people p join addresses a on a.id = p.address_id
         where p.merged_into is null and p.excluded_reason = '' and a.status not in ('hard', 'complaint')
           and exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null)
           and not exists (select 1 from suppressions s where s.lifted_at is null and s.scope = 'global'
                             and s.key_hash = a.key_hash)
           and not exists (select 1 from suppressions s where s.lifted_at is null and s.scope = 'global'
                             and s.person_id = p.id)) as mailable,
       (select count(*) from match_candidates where state = 'pending') as candidates,
       (select count(*) from addresses where status = 'hard') as hard_bounces,
       m.sent, m.held, m.planned, r.hot, r.warm, r.unobserved, r.with_sales, o.offered, o.returned, o.won,
       (select count(distinct lead_id) from rank_changes where new = 'hot' and at >= :week_start) as hot_new,
       (select count(*) from tasks where kind = 'visit' and state = 'open') as visits,
       (select count(*) from companies where class in ('A', 'B')) as top_companies
  from month_mail m, ranks r, offs o
"""  # noqa: S608 - a constant of the storage layer


def tiles(
    tx: Connection, *, month: int, month_start: datetime, week_start: datetime, term_start: datetime
) -> Tiles:
    """term_start: the first instant of the fiscal year; returned hand-offs are those of this month."""
    values = {"month": month, "month_start": month_start, "week_start": week_start, "term_start": term_start}
    return Tiles(**tx.execute(text(TILES), values).one()._mapping)


@dataclass(frozen=True, slots=True)
class Slots:
    """The month's mails: one line a state, held mails by the product that won the month."""

    state: str
    product: str | None
    colour_no: int
    until: date | None
    n: int


SLOTS = f"""
select d.state, pr.name as product, coalesce(pr.colour_no, 2) as colour_no, min(d.until) as until, sum(d.n)::int as n
  from (select state, case when state = 'carried_over' and reason_args->>'product_id' ~ '^[0-9]{{1,18}}$'
                           then cast(reason_args->>'product_id' as bigint) end as by_id,
               min(until) as until, count(*) as n
          from deliveries where month = :month and class <> 'transactional' group by 1, 2
        union all
        -- Who gave way costs no row of its own: the promise stands beside the person's next decision.
        select 'carried_over', nullif(h.by_product_id, 0), min(h.until), sum(h.n) from ({COUNTS}) h group by 2) d
  left join products pr on pr.id = d.by_id
 group by d.state, pr.id, pr.name, pr.colour_no order by d.state <> 'sent', n desc
"""  # noqa: S608 - a constant of the storage layer


def slots(tx: Connection, *, month: int) -> list[Slots]:
    """Index ix_deliveries_month_state."""
    return [Slots(**row._mapping) for row in tx.execute(text(SLOTS), {"month": month})]


@dataclass(frozen=True, slots=True)
class Task:
    """One line of today. is_mine: assigned to the reader. steps: the touches that caused it, oldest first."""

    id: int
    kind: str
    cause: str
    note: str
    due_at: datetime
    promised_at: datetime | None
    priority: int
    tries: int
    is_mine: bool
    person_id: int
    person: str
    company: str | None
    product: str | None
    colour_no: int
    rank: str | None
    steps: tuple[Step, ...]


# uq_appointments_task: a visit whose hour is agreed is told by its appointment.
NOT_AGREED = """(not :unagreed or kind <> 'visit' or not exists (
       select 1 from appointments a where a.task_id = tasks.id and a.state = 'planned'))"""
TODAY = """
select t.id, t.kind, t.cause, t.note, t.due_at, t.promised_at, t.priority, t.tries,
       coalesce(t.assignee_id = :user, false) as is_mine, p.id as person_id, p.full_name as person,
       co.name as company, coalesce(nullif(pr.unsubscribe_label, ''), pr.name) as product,
       coalesce(pr.colour_no, 1) as colour_no, l.rank,
       {steps} as steps
  from (select * from (
          (select * from tasks where assignee_id = :user and {due} and kind <> all(:without) and (:kind = '' or kind = :kind) and {apart}
            order by promised_at nulls last, priority, due_at, id limit :last)
          union all
          (select * from tasks where assignee_id is null and {due} and kind <> all(:without) and (:kind = '' or kind = :kind) and {apart}
            order by promised_at nulls last, priority, due_at, id limit :last)) u
         order by promised_at nulls last, priority, due_at, id limit :limit offset :offset) t
  join people p on p.id = t.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = coalesce(t.company_id, f.company_id)
  left join products pr on pr.id = t.product_id
  left join product_leads l on l.id = t.lead_id
 order by t.promised_at nulls last, t.priority, t.due_at, t.id
""".format(steps=BEHIND.format("t.why"), due=_DUE, apart=NOT_AGREED)  # noqa: S608 - constants of this module


def today(
    tx: Connection,
    *,
    user_id: int,
    now: datetime,
    tomorrow: datetime,
    limit: int,
    offset: int = 0,
    kind: str = "",
    without: Sequence[str] = (),
    unagreed: bool = False,
) -> list[Task]:
    """Own and nobody's open tasks due until the end of today: promises by their time first, then by priority.

    kind: "" for all; without: kinds that are left out; unagreed: no visit that has its appointment. ix_tasks_open_assignee_id for the own ones, ix_tasks_free in its order.
    """
    values = {
        "user": user_id, "now": now, "tomorrow": tomorrow, "limit": limit, "offset": offset,
        "last": limit + offset, "kind": kind, "without": list(without),
        "unagreed": unagreed,
    }  # fmt: skip
    found = []
    for row in tx.execute(text(TODAY), values):
        fields = dict(row._mapping)
        found.append(Task(**fields | {"steps": read(row.steps)}))
    return found


@dataclass(frozen=True, slots=True)
class Alert:
    """A signal that reaches a person. args: what its kind tells besides. steps: the touches behind it, oldest first."""

    id: int
    at: datetime
    kind: str
    person_id: int | None
    person: str | None
    company_id: int | None
    company: str | None
    product_id: int | None
    product: str | None
    colour_no: int
    seen_at: datetime | None
    args: Mapping[str, Any]
    steps: tuple[Step, ...]


def alerts(
    tx: Connection, *, user_id: int, only_unseen: bool, limit: int, kinds: Sequence[str] | None = None
) -> list[Alert]:
    """Newest first, the reader's own and nobody's. kinds: None for all. ix_alerts_unseen."""
    rows = tx.execute(
        text(
            f"""
            select a.id, a.at, a.kind, a.person_id, p.full_name as person, co.id as company_id,
                   co.name as company, a.product_id, pr.name as product,
                   coalesce(pr.colour_no, 1) as colour_no, a.seen_at, a.args, {BEHIND.format("a.args->'why'")} as steps
              from alerts a
              left join people p on p.id = a.person_id
              left join affiliations f on f.person_id = p.id and f.is_current
              left join companies co on co.id = f.company_id
              left join products pr on pr.id = a.product_id
             where (a.user_id is null or a.user_id = :user) {"and a.seen_at is null" if only_unseen else ""}
               and (cast(:kinds as text[]) is null or a.kind = any(:kinds))
             order by a.seen_at is not null, a.at desc, a.id desc limit :limit
            """  # noqa: S608
        ),
        {"user": user_id, "limit": limit, "kinds": None if kinds is None else list(kinds)},
    )
    return [Alert(**{**row._mapping, "steps": read(row.steps)}) for row in rows]


def see_alerts(tx: Connection, *, user_id: int, up_to: int, now: datetime) -> int:
    """Mark what the reader has on the page as seen; what came meanwhile stays new."""
    done = tx.execute(
        text(
            "update alerts set seen_at = :now where seen_at is null and id <= :up_to"
            " and (user_id is null or user_id = :user)"
        ),
        {"now": now, "up_to": up_to, "user": user_id},
    )
    return done.rowcount


@dataclass(frozen=True, slots=True)
class AwaitingReply:
    """A lead whose answer is awaited."""

    person_id: int
    person: str
    company: str | None
    product: str
    colour_no: int
    since: datetime | None


def awaiting_reply(tx: Connection, *, limit: int) -> list[AwaitingReply]:
    rows = tx.execute(
        text(
            """
            select p.id as person_id, p.full_name as person, co.name as company, pr.name as product,
                   pr.colour_no, l.last_touch_at as since
              from product_leads l join people p on p.id = l.person_id join products pr on pr.id = l.product_id
              left join affiliations f on f.person_id = p.id and f.is_current
              left join companies co on co.id = f.company_id
             where l.state = 'waiting' order by l.last_touch_at nulls last, l.id limit :limit
            """
        ),
        {"limit": limit},
    )
    return [AwaitingReply(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Overdue:
    """Mails that should have left: how many, the oldest, and whether everything is stopped on purpose."""

    n: int
    since: datetime | None
    is_paused: bool
    paused_reason: str


def overdue(tx: Connection, *, before: datetime) -> Overdue:
    """Index ix_deliveries_due."""
    row = tx.execute(
        text(
            """
            select count(*) as n, min(send_at) as since, (select paused from stops) as is_paused,
                   (select paused_reason from stops) as paused_reason
              from deliveries where state in ('planned', 'retry') and send_at < :before
            """
        ),
        {"before": before},
    ).one()
    return Overdue(row.n, row.since, bool(row.is_paused), row.paused_reason or "")
