"""The diary: its entries, how much was done on which day, what a comment may stand on, whose reports there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

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


def days(
    tx: Connection, *, since: datetime, until: datetime, zone: str, user_id: int | None = None
) -> dict[tuple[int, date], int]:
    """Things done by user and day, as the feed counts them. Indexes as for the feed."""
    mine = "" if user_id is None else " and {user} = :user"
    query = f"""
    select user_id, cast(at at time zone :zone as date) as day, count(*)::int as n from (
      select user_id, at from diary_entries d where at >= :since and at < :until{mine.format(user="user_id")}
      union all
      select user_id, at from call_attempts where at >= :since and at < :until{mine.format(user="user_id")}
      union all
      select user_id, max(at) from asica_entries where at >= :since and at < :until{mine.format(user="user_id")}
       group by user_id, sheet_id, cast(at at time zone :zone as date)
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
    """What a comment is on: which company, which people, who wrote or did it, and when (a catalogue: never)."""

    company_id: int | None
    people: tuple[int, ...]
    user_id: int | None
    at: datetime | None


def where_it_stands(tx: Connection, on_kind: str, on_id: int) -> About | None:
    """None for what there is not."""
    query = ABOUT.get(on_kind)
    row = tx.execute(text(query), {"id": on_id}).one_or_none() if query else None
    return None if row is None else About(row.company_id, tuple(row.people), row.user_id, row.at)


ABOUT: Mapping[str, str] = {
    "catalogue": "select company_id, '{}'::bigint[] as people, owner_user_id as user_id, null::timestamptz as at"
    " from catalogues where id = :id",
    "diary": "select company_id, met as people, user_id, at from diary_entries where id = :id",
    "asica": "select k.company_id, '{}'::bigint[] as people, e.user_id, e.at from asica_entries e"
    " join asica_sheets s on s.id = e.sheet_id join catalogues k on k.id = s.catalogue_id where e.id = :id",
    "attempt": "select f.company_id, array[a.person_id] as people, a.user_id, a.at from call_attempts a"
    " left join affiliations f on f.person_id = a.person_id and f.is_current where a.id = :id",
    "touch": "select company_id, array[person_id] as people, actor_id as user_id, at from touchpoints where id = :id",
    "task": "select coalesce(t.company_id, f.company_id) as company_id, array[t.person_id] as people,"
    " t.assignee_id as user_id, t.created_at as at from tasks t"
    " left join affiliations f on f.person_id = t.person_id and f.is_current where t.id = :id",
}


def users(tx: Connection) -> Sequence[tuple[int, str]]:
    """Whose daily reports there are: everybody of sales and whoever wrote; those who have left come last."""
    rows = tx.execute(
        text(
            "select id, name from users where role in ('inside_sales', 'field_sales', 'sales_manager')"
            " or exists (select 1 from diary_entries d where d.user_id = users.id)"
            " or exists (select 1 from asica_entries e where e.user_id = users.id)"
            " order by is_active desc, name, id"
        )
    )
    return [(row.id, row.name) for row in rows]
