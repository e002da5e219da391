"""The call desk in the database: open calls with all that their order asks, and what a result moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class OpenCall:
    """An open call task with its person. Instants aware UTC; score 0..222, p_win 0..1.

    tries: unanswered so far. attempts: all calls to the person. why: ids of the causing touchpoints.
    """

    task_id: int
    version: int
    person_id: int
    lead_id: int | None
    product_id: int | None
    product: str
    colour_no: int
    cause: str
    why: tuple[int, ...]
    priority: int
    due_at: datetime
    not_before: datetime | None
    promised_at: datetime | None
    tries: int
    note: str
    assignee_id: int | None
    name: str
    kana: str
    honorific: str
    tel: str
    tel_direct: str
    mobile: str
    do_not_call: bool
    company_id: int | None
    company: str
    company_class: str
    department: str
    title: str
    buying_role: str
    rank: str
    score: float
    p_win: float
    lead_state: str
    timeframe: str
    last_at: datetime | None
    last_result: str
    attempts: int


OPEN = """
select t.id as task_id, t.version, t.person_id, t.lead_id, t.product_id, coalesce(pr.name, '') as product,
       coalesce(pr.colour_no, 1) as colour_no, t.cause, t.why, t.priority, t.due_at, t.not_before,
       t.promised_at, t.tries, t.note, t.assignee_id, p.full_name as name, p.kana, p.honorific,
       coalesce(nullif(p.tel, ''), co.tel, '') as tel, p.tel_direct, p.mobile,
       (p.do_not_call or p.phone_invalid) as do_not_call,
       co.id as company_id, coalesce(co.name, '') as company, coalesce(co.class, '-') as company_class,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       coalesce(f.buying_role, '') as buying_role,
       coalesce(l.rank, 'unobserved') as rank, coalesce(l.score, 0) as score, coalesce(l.p_win, 0) as p_win,
       coalesce(l.state, 'nurturing') as lead_state, coalesce(l.timeframe, '') as timeframe,
       c.last_at, coalesce(c.last_result, '') as last_result, coalesce(c.attempts, 0) as attempts
  from tasks t
  join people p on p.id = t.person_id and p.merged_into is null
  left join products pr on pr.id = t.product_id
  left join product_leads l on l.id = t.lead_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join lateral (select max(a.at) as last_at, count(*) as attempts,
                            (array_agg(a.result order by a.at desc, a.id desc))[1] as last_result
                       from call_attempts a where a.person_id = p.id) c on true
 where t.id = any(cast(:ids as bigint[])) and t.kind = 'call' and t.state = 'open' and p.excluded_reason = ''
"""


def open_calls(tx: Connection, task_ids: Sequence[int]) -> list[OpenCall]:
    """These calls, as far as they are open, in no order."""
    rows = tx.execute(text(OPEN), {"ids": list(task_ids)})
    return [OpenCall(**{**row._mapping, "why": tuple(int(i) for i in row.why)}) for row in rows]


@dataclass(frozen=True, slots=True)
class WhyTouch:
    """A touchpoint in the words of a call list. event: name of the exhibition."""

    id: int
    person_id: int
    kind: str
    at: datetime
    title: str
    note: str
    event: str
    active_s: float
    validity: float


TOUCHES = """
select t.id, t.person_id, t.kind, t.at, t.title, t.note, coalesce(e.name, '') as event, t.active_s, t.validity
  from touchpoints t left join events e on e.id = t.event_id
"""


def touches(tx: Connection, ids: Sequence[int]) -> dict[int, WhyTouch]:
    """Touchpoints by id: the causes of all lines at once."""
    rows = tx.execute(text(TOUCHES + " where t.id = any(:ids)"), {"ids": sorted(set(ids))})
    return {row.id: WhyTouch(**row._mapping) for row in rows}


REACTIONS = f"""
select q.* from unnest(cast(:ids as bigint[])) as w(id) cross join lateral (
  {TOUCHES}
   where t.person_id = w.id and t.kind in ('mail_open', 'mail_click', 'mail_reply')
     and (t.validity > 0 or t.kind = 'mail_open')
   order by t.at desc limit :n) q
"""  # noqa: S608 - of this module's own text


def mail_reactions(tx: Connection, person_ids: Sequence[int], *, n: int = 3) -> dict[int, list[WhyTouch]]:
    """The last n human reactions to mails of each person, newest first. ix_touchpoints_person_id_at."""
    rows = tx.execute(
        text(REACTIONS),
        {"ids": sorted(set(person_ids)), "n": n},
    )
    found: dict[int, list[WhyTouch]] = {}
    for row in rows:
        found.setdefault(row.person_id, []).append(WhyTouch(**row._mapping))
    return found


@dataclass(frozen=True, slots=True)
class Subject:
    """A task as it is worked on: locked, with what the result needs to know.

    taken_by, taken_at: who ended it or called last. is_waiting: a result of it waits for its effects.
    """

    task_id: int
    version: int
    kind: str
    state: str
    person_id: int
    company_id: int | None
    product_id: int | None
    lead_id: int | None
    lead_state: str
    company_class: str
    tries: int
    outcome: str
    is_waiting: bool
    cycle_days: int
    has_fax: bool
    taken_by: str
    taken_at: datetime | None


def lock(tx: Connection, task_id: int) -> Subject | None:
    """Lock the person's leads, then the task: the order in which ranks lock, so the two never cross."""
    tx.execute(
        text(
            "select id from product_leads where person_id = (select person_id from tasks where id = :id)"
            " order by id for update"
        ),
        {"id": task_id},
    )
    row = tx.execute(
        text(
            """
            select t.id as task_id, t.version, t.kind, t.state, t.person_id, t.company_id, t.product_id,
                   t.lead_id, coalesce(l.state, '') as lead_state, coalesce(co.class, '-') as company_class, t.tries,
                   case when t.state = 'open' then coalesce(a.result, '') else t.outcome end as outcome,
                   coalesce(a.settles_at is not null, false) as is_waiting,
                   coalesce(pr.purchase_cycle_days, 365) as cycle_days,
                   not p.fax_invalid and not p.do_not_fax and p.fax || coalesce(co.fax, '') <> '' as has_fax,
                   coalesce(u.name, au.name, '') as taken_by, coalesce(t.done_at, a.at) as taken_at
              from tasks t
              join people p on p.id = t.person_id
              left join product_leads l on l.id = t.lead_id
              left join products pr on pr.id = t.product_id
              left join affiliations f on f.person_id = p.id and f.is_current
              left join companies co on co.id = f.company_id
              left join users u on u.id = t.done_by
              left join lateral (select at, user_id, result, settles_at from call_attempts where task_id = t.id
                                  order by at desc, id desc limit 1) a on true
              left join users au on au.id = a.user_id
             where t.id = :id for update of t
            """
        ),
        {"id": task_id},
    ).first()
    return Subject(**row._mapping) if row else None


def close_person(
    tx: Connection,
    person_id: int,
    *,
    today: date,
    phone_invalid: bool = False,
    do_not_call: bool = False,
    has_left: bool = False,
) -> None:
    """What a call taught about the person: the number is wrong, no calls, gone."""
    if not (phone_invalid or do_not_call or has_left):
        return
    tx.execute(
        text(
            "update people set phone_invalid = phone_invalid or :wrong, do_not_call = do_not_call or :dnc,"
            " excluded_reason = case when :left and excluded_reason = '' then 'left' else excluded_reason end,"
            " version = version + 1 where id = :id"
        ),
        {"id": person_id, "wrong": phone_invalid, "dnc": do_not_call, "left": has_left},
    )
    if has_left:
        tx.execute(
            text("update affiliations set ended_on = :today where person_id = :id and is_current"),
            {"id": person_id, "today": today},
        )
        # Mails on their way to somebody who has left are read again before their body goes out.
        tx.execute(text("update stops set n = n + 1"))


def causes(tx: Connection, task_id: int) -> list[int]:
    """Touchpoints that caused a task, and those that its calls left, oldest first. ix_touchpoints_person_id_at."""
    rows = tx.execute(
        text(
            "select t.id from tasks k join touchpoints t on t.person_id = k.person_id"
            " where k.id = :id and (t.task_id = :id or t.id in"
            " (select cast(w.id as bigint) from jsonb_array_elements_text(k.why) as w(id))) order by t.at, t.id"
        ),
        {"id": task_id},
    )
    return [row.id for row in rows]
