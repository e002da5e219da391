"""Touchpoints: written once by their source key, read whole for a rank.

They are append-only; only a verdict moves: validity (a scanner's click, an upgrade) and what a page's
beats add to its active seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from campaigns.rules.touchpoints import KINDS, Kind, Touch
from campaigns.storage import advancing, bulk


@dataclass(frozen=True, slots=True)
class NewTouch:
    """A touchpoint to be written. source_key: names its source for ever, `click:<delivery>:<link>`.

    validity 0..1 with its reason. active_s: active seconds of a page view. tags: themes of what was read or asked
    for, as they are at that moment; none of them holds a comma.
    """

    source_key: str
    person_id: int
    kind: Kind
    at: datetime
    product_id: int | None = None
    delivery_id: int | None = None
    event_id: int | None = None
    task_id: int | None = None
    validity: float = 1.0
    validity_reason: str = ""
    active_s: float = 0.0
    url: str = ""
    title: str = ""
    note: str = ""
    actor_id: int | None = None
    tags: tuple[str, ...] = ()


COLUMNS = (
    ("source_key", "text"),
    ("person_id", "bigint"),
    ("kind", "text"),
    ("at", "timestamptz"),
    ("product_id", "bigint"),
    ("delivery_id", "bigint"),
    ("event_id", "bigint"),
    ("task_id", "bigint"),
    ("validity", "float"),
    ("validity_reason", "text"),
    ("active_s", "float"),
    ("url", "text"),
    ("title", "text"),
    ("note", "text"),
    ("actor_id", "bigint"),
)
_NAMES = ", ".join(name for name, _ in COLUMNS)
_ARRAYS = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in COLUMNS)
# In the order of their keys, so that two who write the same ones never wait for each other. Lateral, else a planner
# reads all affiliations for a thousand of them.
INSERT = f"""
insert into touchpoints ({_NAMES}, tags, origin_person_id, company_id, channel, depth, created_at)
select {", ".join("q." + name for name, _ in COLUMNS).replace("q.note", "coalesce(q.note, '')")},
       case q.tags when '' then '{{}}' else string_to_array(q.tags, ',') end,
       q.person_id, f.company_id, q.channel, q.depth, :now
  from unnest({_ARRAYS}, cast(:tags as text[]), cast(:channel as text[]), cast(:depth as int[]))
    as q({_NAMES}, tags, channel, depth)
  left join lateral (select company_id from affiliations
                      where person_id = q.person_id and is_current limit 1) f on true
 order by q.source_key collate "C"
"""  # noqa: S608 - of this module's own column names
PUT = f"""
{INSERT}
on conflict (source_key) do update
   set validity = excluded.validity, validity_reason = excluded.validity_reason, at = excluded.at,
       active_s = greatest(touchpoints.active_s, excluded.active_s),
       title = case when excluded.title = '' then touchpoints.title else excluded.title end,
       tags = excluded.tags, judged_at = excluded.created_at
 where ((touchpoints.validity, touchpoints.validity_reason, touchpoints.at)
        is distinct from (excluded.validity, excluded.validity_reason, excluded.at)
        or touchpoints.active_s < excluded.active_s)
   and touchpoints.at >= :since
returning person_id, xmax <> 0 or validity > 0 as is_sign
"""  # noqa: S608
PUT_FIRST = f"""
{INSERT}
on conflict (source_key) do update set validity_reason = excluded.validity_reason, at = excluded.at
 where touchpoints.at > excluded.at
returning person_id, validity_reason not like 'machine%' as is_sign
"""
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def put(
    tx: Connection, touches: Iterable[NewTouch], *, now: datetime, since: datetime = LONG_AGO
) -> list[int]:
    """Write these, or move the verdict of those that stand; returns the people of whom we know more or less by that.

    Twice the same changes nothing, and what never counted tells nothing. Keys of one call must be distinct. since: those that stand from before that
    instant stay as they are, since what they were judged by is gone.
    """
    return _write(tx, PUT, touches, now=now, since=since)


def put_first(tx: Connection, touches: Iterable[NewTouch], *, now: datetime) -> list[int]:
    """The same where the first of all with its key counts, whichever comes to be known first."""
    return _write(tx, PUT_FIRST, touches, now=now)


def _write(
    tx: Connection, query: str, touches: Iterable[NewTouch], *, now: datetime, **more: datetime
) -> list[int]:
    rows = list(touches)
    if not rows:
        return []
    found = bulk.rows(tx, query, {**_values(rows), **more, "now": now})
    people = [person_id for person_id, is_sign in found if is_sign]
    # Whoever stands at a branch is looked at today; by the UTC day, since a day more or less does no harm.
    advancing.look_again(tx, sorted(set(people)), today=now.date())
    return people


def _values(rows: Sequence[NewTouch]) -> dict[str, object]:
    kinds = [KINDS[row.kind] for row in rows]
    return {
        "source_key": bulk.as_texts(row.source_key for row in rows),
        "person_id": bulk.as_array(row.person_id for row in rows),
        "kind": bulk.as_array([row.kind for row in rows]),
        "at": bulk.as_array(row.at.isoformat() for row in rows),
        "product_id": bulk.as_array(row.product_id for row in rows),
        "delivery_id": bulk.as_array(row.delivery_id for row in rows),
        "event_id": bulk.as_array_or_none([row.event_id for row in rows]),
        "task_id": bulk.as_array_or_none([row.task_id for row in rows]),
        "validity": bulk.as_array(row.validity for row in rows),
        "validity_reason": bulk.as_texts(row.validity_reason for row in rows),
        "active_s": bulk.as_array(row.active_s for row in rows),
        "url": bulk.as_texts(row.url for row in rows),
        "title": bulk.as_texts(row.title for row in rows),
        "note": bulk.as_texts(row.note for row in rows) if any(row.note for row in rows) else None,
        "actor_id": bulk.as_array_or_none([row.actor_id for row in rows]),
        "tags": bulk.as_texts(",".join(row.tags) for row in rows),
        "channel": bulk.as_array([kind.channel for kind in kinds]),
        "depth": bulk.as_array(kind.depth for kind in kinds),
    }


OF_PEOPLE = """
select id, person_id, kind, at, product_id, validity, active_s, event_id from touchpoints
 where person_id = any(:ids) and validity > 0 order by person_id, at desc, id desc
"""
KNOWN = {kind.value: kind for kind in Kind}


def of_people(tx: Connection, person_ids: Sequence[int]) -> dict[int, list[Touch]]:
    """Every touch of these people that can count, newest first. Index ix_touchpoints_person_id_at."""
    found: dict[int, list[Touch]] = {}
    for id, person_id, kind, at, product_id, validity, active_s, event_id in bulk.rows(
        tx, OF_PEOPLE, {"ids": list(person_ids)}
    ):
        if kind in KNOWN:
            touch = Touch(
                kind=KNOWN[kind],
                at=at,
                product_id=product_id,
                validity=validity,
                active_s=active_s,
                id=id,
                event_id=event_id,
            )
            found.setdefault(person_id, []).append(touch)
    return found
