"""Broadcasts: a scenario of kind `broadcast` with a row for A (KEY "A") and, in a test, one for B.

Enrolments, deliveries and the planner's law are a scenario's; here stands what only a broadcast has.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, insert, or_, select, text, update

from campaigns.rules import audience as audiences
from campaigns.rules.broadcasts import Plan, State, needs_second
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One broadcast. plan: what its form says. people, everybody: as counted when it was last saved or asked."""

    id: int
    plan: Plan
    product_name: str
    colour_no: int
    owner_user_id: int | None
    content_title: str
    content_b_title: str
    event_name: str
    invites_name: str
    state: str
    people: int
    everybody: int
    decide_at: datetime | None
    winner: str
    decided_at: datetime | None
    result: Mapping[str, Any]
    asked_by: int | None
    asked_name: str
    asked_at: datetime | None
    answered_by: int | None
    answered_name: str
    answered_at: datetime | None
    answer: str
    version: int

    @property
    def is_mass(self) -> bool:
        return needs_second(self.people, self.everybody)


SELECT = """
select b.scenario_id as id, s.name, s.product_id, s.classes, s.event_id, s.audience, p.name as product_name,
       p.colour_no, p.owner_user_id, coalesce(ev.name, '') as event_name, b.theme, b.send_on, b.state, b.people,
       b.everybody, b.ab, b.sample_n, b.wait_hours, b.decide_at, b.winner, b.decided_at, b.result, b.asked_by,
       coalesce(ua.name, '') as asked_name, b.asked_at, b.answered_by, coalesce(ub.name, '') as answered_name,
       b.answered_at, b.answer, b.version,
       a.content_id, a.valid_until, a.event_id as invites_to, coalesce(ie.name, '') as invites_name, coalesce(ca.title, '') as content_title,
       coalesce(ca.tone, 'info') as content_tone, r.content_id as content_b_id, coalesce(r.title, '') as subject_b,
       coalesce(cb.title, '') as content_b_title
  from broadcasts b
  join scenarios s on s.id = b.scenario_id
  join products p on p.id = s.product_id
  join scenario_versions v on v.scenario_id = s.id
  left join events ev on ev.id = s.event_id
  left join users ua on ua.id = b.asked_by
  left join users ub on ub.id = b.answered_by
  left join steps a on a.version_id = v.id and a.key = 'A'
  left join steps r on r.version_id = v.id and r.key = 'B'
  left join events ie on ie.id = a.event_id
  left join contents ca on ca.id = a.content_id
  left join contents cb on cb.id = r.content_id
"""


def _broadcast(row: Any) -> Broadcast:
    plan = Plan(
        name=row.name,
        product_id=row.product_id,
        theme=row.theme,
        classes=tuple(row.classes),
        event_id=row.event_id,
        invites_to=row.invites_to,
        audience=audiences.from_json(row.audience),
        content_id=row.content_id,
        content_tone=row.content_tone,
        send_on=row.send_on,
        valid_until=row.valid_until,
        ab=row.ab,
        content_b_id=row.content_b_id if row.ab == "content" else None,
        subject_b=row.subject_b,
        sample_n=row.sample_n,
        wait_hours=row.wait_hours,
    )
    names = [name for name in Broadcast.__dataclass_fields__ if name != "plan"]
    return Broadcast(plan=plan, **{name: row._mapping[name] for name in names})


def get(tx: Connection, id: int, *, lock: bool = False) -> Broadcast | None:
    """One broadcast. lock: hold its row until the transaction ends."""
    if lock:
        b = t.broadcasts
        tx.execute(select(b.c.scenario_id).where(b.c.scenario_id == id).with_for_update())
    row = tx.execute(text(f"{SELECT} where b.scenario_id = :id"), {"id": id}).one_or_none()
    return _broadcast(row) if row else None


def listing(tx: Connection, *, limit: int = 200) -> tuple[Broadcast, ...]:
    """The newest first; what waits for an answer before all."""
    order = "order by (b.state = 'asked') desc, b.send_on desc nulls first, b.scenario_id desc limit :n"
    return tuple(_broadcast(row) for row in tx.execute(text(f"{SELECT} {order}"), {"n": limit}))


def in_state(tx: Connection, *states: str) -> tuple[int, ...]:
    """Ids of broadcasts in these states."""
    b = t.broadcasts
    rows = tx.execute(select(b.c.scenario_id).where(b.c.state.in_(states)).order_by(b.c.scenario_id))
    return tuple(rows.scalars())


def create(tx: Connection, plan: Plan, *, user_id: int | None, now: datetime) -> int:
    """A new one with its draft; its id. The plan needs its product."""
    s = t.scenarios
    id: int = tx.execute(
        insert(s)
        .values(kind="broadcast", product_id=plan.product_id, created_by=user_id, created_at=now)
        .returning(s.c.id)
    ).scalar_one()
    tx.execute(insert(t.scenario_versions).values(scenario_id=id, no=1))
    tx.execute(insert(t.broadcasts).values(scenario_id=id))
    write(tx, id, plan)
    return id


def set_counts(tx: Connection, id: int, *, people: int, everybody: int) -> None:
    """How many it is for, of how many people there are."""
    b = t.broadcasts
    tx.execute(update(b).where(b.c.scenario_id == id).values(people=people, everybody=everybody))


def write(tx: Connection, id: int, plan: Plan) -> None:
    """What the form says: head, broadcast and rows of the draft."""
    s, b = t.scenarios, t.broadcasts
    tx.execute(
        update(s)
        .where(s.c.id == id)
        .values(
            product_id=plan.product_id,
            name=plan.name,
            purpose=plan.theme,
            classes=list(plan.classes),
            event_id=plan.event_id,
            audience=audiences.to_json(plan.audience),
        )
    )
    tx.execute(
        update(b)
        .where(b.c.scenario_id == id)
        .values(
            theme=plan.theme,
            send_on=plan.send_on,
            ab=plan.ab,
            sample_n=plan.sample_n if plan.ab else 0,
            wait_hours=plan.wait_hours,
            version=b.c.version + 1,
        )
    )
    _write_rows(tx, id, plan)


def _write_rows(tx: Connection, id: int, plan: Plan) -> None:
    v, s = t.scenario_versions, t.steps
    draft = select(v.c.id).where(v.c.scenario_id == id, v.c.published_at.is_(None)).scalar_subquery()
    tx.execute(delete(s).where(s.c.version_id == draft))
    rows = [("A", plan.content_id, "")]
    if plan.ab:
        rows.append(("B", plan.content_b_id if plan.ab == "content" else None, plan.subject_b))
    for position, (key, content_id, subject) in enumerate(rows, start=1):
        tx.execute(
            insert(s).values(
                version_id=draft,
                key=key,
                position=position,
                kind="invite" if plan.invites_to else "mail",
                event_id=plan.invites_to,
                want_day=plan.send_on.day if plan.send_on else 1,
                tone=plan.content_tone,
                content_id=content_id,
                valid_until=plan.valid_until,
                title=subject,
                goto_key="end",  # whoever got A does not get B
            )
        )


def set_row_content(tx: Connection, id: int, key: str, content_id: int) -> None:
    """The mail of a row of the draft."""
    tx.execute(
        text(
            "update steps set content_id = :content where key = :key and version_id ="
            " (select id from scenario_versions where scenario_id = :id and published_at is null)"
        ),
        {"id": id, "key": key, "content": content_id},
    )


def set_state(tx: Connection, id: int, state: State, **values: object) -> None:
    b = t.broadcasts
    tx.execute(
        update(b).where(b.c.scenario_id == id).values(state=state.value, version=b.c.version + 1, **values)
    )


# Everybody we know, whether a mail could reach them or not.
EVERYBODY = "select count(*) from people where merged_into is null"
# As the database keeps it for its own plans, merged people included: 1,000,000 take 0.1 s to count.
ABOUT = "select reltuples::bigint from pg_class where oid = 'people'::regclass"


def everybody(tx: Connection, *, about: bool = False) -> int:
    """How many people there are. about: a rough figure will do."""
    return int(tx.execute(text(ABOUT if about else EVERYBODY)).scalar_one())


# The samples are drawn by a hash of the person and the broadcast: the same whoever runs it, and not the order
# of the list. Those who wait for their owner's yes are no part of a test.
PLACE = """
with q as (
  select id, case when status = 'active' then row_number() over (partition by status
           order by hashint8extended(person_id, :seed), person_id) end as place
    from enrollments where scenario_id = :id)
update enrollments e
   set start_month = :month, due_month = :month,
       position = case when :n > 0 and q.place between :n + 1 and 2 * :n then 2 else 1 end,
       status = case when :n > 0 and q.place > 2 * :n then 'paused' else e.status end,
       reason = case when :n > 0 and q.place > 2 * :n then 'ab_test' else e.reason end
  from q where q.id = e.id
"""


def place(tx: Connection, id: int, *, month: int, sample_n: int) -> None:
    """Put the enrolled on their rows: the first sample on A, the next on B, the rest waits; all on A without one."""
    tx.execute(text(PLACE), {"id": id, "seed": id, "month": month, "n": sample_n})


RELEASE = """
update enrollments e
   set position = :position, due_month = greatest(e.due_month, :month),
       status = case when e.status = 'paused' and e.reason = 'ab_test' then 'active' else e.status end,
       reason = case when e.reason = 'ab_test' then '' else e.reason end
 where e.scenario_id = :id
   and (e.reason = 'ab_test' or (e.status = 'asked' and e.answered_at is null))
returning e.person_id, e.status
"""


def release(tx: Connection, id: int, *, position: int, month: int) -> list[int]:
    """The test is over: the rest goes on the winner's row; the people who are to be planned."""
    rows = tx.execute(text(RELEASE), {"id": id, "position": position, "month": month})
    return [row.person_id for row in rows if row.status == "active"]


def known_themes(tx: Connection) -> tuple[str, ...]:
    """Themes used before, in broadcasts and as tags of contents, to choose from."""
    rows = tx.execute(
        text(
            "select theme from (select theme from broadcasts where theme <> '' union"
            " select unnest(tags) from contents where status <> 'retired') q(theme) order by theme limit 200"
        )
    )
    return tuple(rows.scalars())


@dataclass(frozen=True, slots=True)
class Choice:
    """A mail that a broadcast may be. product_id None: of no product."""

    id: int
    title: str
    tone: str
    product_id: int | None


def mails(tx: Connection, *, chosen: int | None = None) -> list[Choice]:
    """The mails a broadcast may be, newest first. chosen: the one it is, which may be a thank-you mail."""
    c = t.contents
    rows = tx.execute(
        select(c.c.id, c.c.title, c.c.tone, c.c.product_id)
        .where(
            c.c.status == "approved", or_(c.c.kind.not_in(("thanks", "permission")), c.c.id == (chosen or 0))
        )
        .order_by(c.c.id.desc())
        .limit(500)
    )
    return [Choice(**row._mapping) for row in rows]


def add_result(tx: Connection, id: int, found: Mapping[str, object]) -> None:
    """Further facts beside what is kept of a broadcast."""
    tx.execute(
        text("update broadcasts set result = result || cast(:result as jsonb) where scenario_id = :id"),
        {"id": id, "result": json.dumps(found)},
    )
