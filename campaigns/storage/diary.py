"""The diary: what sales wrote, and what they did that stands elsewhere already (calls, visits), as one feed.

Calls are read from their attempts, visits and talks from the touches that somebody entered; a diary entry about a
talk leaves a touch of its own (source key "diary:"), which is left out here, so that nothing shows twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

# Talks that people enter; a call's touch is its attempt's, a list's was not talked by who imported it.
TALKS = ("booth_talk", "booth_talk_prospect", "visit", "call_connected", "call_interest", "quote_request")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """key: names its form, so that pressing twice is one entry. met: people."""

    key: str
    user_id: int
    kind: str
    text: str
    at: datetime
    company_id: int | None = None
    product_id: int | None = None
    met: tuple[int, ...] = ()
    task_id: int | None = None


def add(tx: Connection, entry: NewEntry, *, now: datetime) -> int | None:
    """Its id; None when it stands already."""
    row = tx.execute(
        text(
            "insert into diary_entries (entry_key, company_id, product_id, user_id, kind, met, text, at, created_at,"
            " task_id) values (:key, :company, :product, :user, :kind, :met, :text, :at, :now, :task)"
            " on conflict (entry_key) do nothing returning id"
        ),
        {
            "key": entry.key,
            "company": entry.company_id,
            "product": entry.product_id,
            "user": entry.user_id,
            "kind": entry.kind,
            "met": list(entry.met),
            "text": entry.text,
            "at": entry.at,
            "now": now,
            "task": entry.task_id,
        },
    ).one_or_none()
    return None if row is None else int(row.id)


def set_task(tx: Connection, entry_id: int, task_id: int) -> None:
    """What is to be done next, after this entry."""
    tx.execute(
        text("update diary_entries set task_id = :task where id = :id"), {"task": task_id, "id": entry_id}
    )


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was done. on_kind, on_id: where it stands (diary, attempt, touch).

    kind: call, visit, show, internal, other. result: of a call. people: [{"id", "name"}]. task: what follows from it,
    {"id", "kind", "note", "state", "due_at", "done_at"}, or None.
    """

    on_kind: str
    on_id: int
    at: datetime
    user_id: int | None
    user: str
    kind: str
    result: str
    text: str
    company_id: int | None
    company: str
    product: str
    colour_no: int
    people: tuple[Mapping[str, Any], ...]
    task: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of a company, of a user, from since until before until. before: (at, kind, id) of the last item seen."""

    company_id: int | None = None
    user_id: int | None = None
    product_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: datetime | None = None


DIARY = """
select 'diary' as on_kind, d.id as on_id, d.at, d.user_id, d.kind, '' as result, d.text, d.company_id, d.product_id,
       d.met, d.task_id
  from diary_entries d where {where} order by d.at desc, d.id desc limit :n
"""
ATTEMPTS = """
select 'attempt' as on_kind, a.id as on_id, a.at, a.user_id, 'call' as kind, a.result, a.note as text,
       f.company_id, t.product_id, array[a.person_id] as met, null::bigint as task_id
  from {source} where {where} order by a.at desc, a.id desc limit :n
"""
OF_COMPANY = (
    """affiliations f join call_attempts a on a.person_id = f.person_id join tasks t on t.id = a.task_id"""
)
OF_ALL = """call_attempts a join tasks t on t.id = a.task_id
  left join affiliations f on f.person_id = a.person_id and f.is_current"""
TOUCHES = """
select 'touch' as on_kind, t.id as on_id, t.at, t.actor_id as user_id,
       case when t.kind like 'booth%' then 'show' when t.kind like 'call%' then 'call' else 'visit' end as kind,
       case when t.kind in ('booth_talk_prospect', 'call_interest', 'quote_request') then t.kind else '' end as result,
       t.note as text, t.company_id, t.product_id, array[t.person_id] as met, null::bigint as task_id
  from touchpoints t where {where} order by t.at desc, t.id desc limit :n
"""
FEED = """
select q.on_kind, q.on_id, q.at, q.user_id, coalesce(u.name, '') as user, q.kind, q.result, q.text, q.company_id,
       coalesce(co.name, '') as company, coalesce(pr.name, '') as product, coalesce(pr.colour_no, 1) as colour_no,
       (select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'name', p.full_name) order by p.id), '[]')
          from people p where p.id = any(q.met)) as people,
       (select jsonb_build_object('id', k.id, 'kind', k.kind, 'note', k.note, 'state', k.state, 'due_at', k.due_at,
                                  'done_at', k.done_at) from tasks k where k.id = q.task_id) as task
  from (select * from (({diary}) union all ({attempts}) union all ({touches})) r
         order by r.at desc, r.on_kind, r.on_id desc limit :n) q
  left join users u on u.id = q.user_id
  left join companies co on co.id = q.company_id
  left join products pr on pr.id = q.product_id
 order by q.at desc, q.on_kind, q.on_id desc
"""


def feed(tx: Connection, wanted: Wanted, *, limit: int) -> list[Item]:
    """Newest first. Each part reads by an index of its own: ix_diary_entries_..., ix_call_attempts_person_id and
    ix_call_attempts_at, ix_touchpoints_company_signals and ix_touchpoints_actor_id_at."""
    query, values = _query(wanted)
    rows = tx.execute(text(query), {**values, "n": limit})
    return [_item(row) for row in rows]


def _query(wanted: Wanted) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {"talks": list(TALKS)}
    shared: dict[str, list[str]] = {"d": [], "a": [], "t": []}
    columns = {
        "d": ("d.user_id", "d.product_id"),
        "a": ("a.user_id", "t.product_id"),
        "t": ("t.actor_id", "t.product_id"),
    }
    for short, (user, product) in columns.items():
        if wanted.user_id is not None:
            shared[short].append(f"{user} = :user")
            values["user"] = wanted.user_id
        if wanted.product_id is not None:
            shared[short].append(f"{product} = :product")
            values["product"] = wanted.product_id
        for name, sign, at in (
            ("since", ">=", wanted.since),
            ("until", "<", wanted.until),
            ("before", "<", wanted.before),
        ):
            if at is not None:
                shared[short].append(f"{short}.at {sign} :{name}")
                values[name] = at
    # Of a company also what a list told of a talk: who talked is not known, what was said is. A rep's report holds
    # what the rep entered alone.
    shared["t"] += [
        "t.kind = any(:talks)",
        "t.validity > 0",
        "t.source_key not like 'diary:%'",
        "t.source_key not like 'call:%'",
    ]
    if wanted.company_id is not None:
        shared["d"].append("d.company_id = :company")
        shared["a"].append("f.company_id = :company and f.is_current")
        shared["t"].append(
            "t.company_id = :company and t.depth >= 2 and (t.import_batch_id is null or t.note <> '')"
        )
        values["company"] = wanted.company_id
    else:
        shared["t"].append("t.actor_id is not null and t.import_batch_id is null and t.channel = 'offline'")
    where = {short: " and ".join(parts) or "true" for short, parts in shared.items()}
    source = OF_ALL if wanted.company_id is None else OF_COMPANY
    query = FEED.format(
        diary=DIARY.format(where=where["d"]),
        attempts=ATTEMPTS.format(source=source, where=where["a"]),
        touches=TOUCHES.format(where=where["t"]),
    )
    return query, values


def _item(row: Any) -> Item:
    return Item(**{**row._mapping, "people": tuple(row.people)})


def days(
    tx: Connection, *, since: datetime, until: datetime, zone: str, user_id: int | None = None
) -> dict[tuple[int, date], int]:
    """Things done by user and day. Indexes as for the feed."""
    mine = "" if user_id is None else " and {user} = :user"
    query = f"""
    select user_id, cast(at at time zone :zone as date) as day, count(*)::int as n from (
      select user_id, at from diary_entries d where at >= :since and at < :until{mine.format(user="user_id")}
      union all
      select user_id, at from call_attempts where at >= :since and at < :until{mine.format(user="user_id")}
      union all
      select actor_id, at from touchpoints where at >= :since and at < :until and actor_id is not null
         and import_batch_id is null and channel = 'offline' and kind = any(:talks) and validity > 0
         and source_key not like 'diary:%' and source_key not like 'call:%'{mine.format(user="actor_id")}) q
     where user_id is not null group by 1, 2
    """  # noqa: S608 - constants of this module
    rows = tx.execute(
        text(query),
        {"since": since, "until": until, "zone": zone, "user": user_id, "talks": list(TALKS)},
    )
    return {(row.user_id, row.day): row.n for row in rows}


@dataclass(frozen=True, slots=True)
class About:
    """What a comment is on: which company, which people, who wrote or did it."""

    company_id: int | None
    people: tuple[int, ...]
    user_id: int | None


def where_it_stands(tx: Connection, on_kind: str, on_id: int) -> About | None:
    """None for what there is not."""
    query = ABOUT.get(on_kind)
    row = tx.execute(text(query), {"id": on_id}).one_or_none() if query else None
    return None if row is None else About(row.company_id, tuple(row.people), row.user_id)


ABOUT: Mapping[str, str] = {
    "catalogue": "select company_id, '{}'::bigint[] as people, owner_user_id as user_id from catalogues where id = :id",
    "diary": "select company_id, met as people, user_id from diary_entries where id = :id",
    "attempt": "select f.company_id, array[a.person_id] as people, a.user_id from call_attempts a"
    " left join affiliations f on f.person_id = a.person_id and f.is_current where a.id = :id",
    "touch": "select company_id, array[person_id] as people, actor_id as user_id from touchpoints where id = :id",
    "task": "select coalesce(t.company_id, f.company_id) as company_id, array[t.person_id] as people,"
    " t.assignee_id as user_id from tasks t left join affiliations f on f.person_id = t.person_id and f.is_current"
    " where t.id = :id",
}


def users(tx: Connection) -> Sequence[tuple[int, str]]:
    """Whose daily reports there are: everybody of sales and whoever wrote."""
    rows = tx.execute(
        text(
            "select id, name from users where is_active and (role in ('inside_sales', 'field_sales', 'sales_manager')"
            " or exists (select 1 from diary_entries d where d.user_id = users.id)) order by name, id"
        )
    )
    return [(row.id, row.name) for row in rows]
