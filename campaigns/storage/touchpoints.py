"""Touchpoints: written once by their source key, read whole for a rank.

They are append-only; only a verdict moves: validity (a scanner's click, an upgrade) and what a page's
beats add to its active seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.touchpoints import KINDS, Kind, Touch
from campaigns.storage import advancing


@dataclass(frozen=True, slots=True)
class NewTouch:
    """A touchpoint to be written. source_key: names its source for ever, `click:<delivery>:<link>`.

    validity 0..1 with its reason. active_s: active seconds of a page view.
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

PUT = f"""
insert into touchpoints ({_NAMES}, origin_person_id, company_id, channel, depth, created_at)
select {", ".join("q." + name for name, _ in COLUMNS)}, q.person_id, f.company_id, q.channel, q.depth, :now
  from unnest({_ARRAYS}, cast(:channel as text[]), cast(:depth as int[])) as q({_NAMES}, channel, depth)
  left join affiliations f on f.person_id = q.person_id and f.is_current
on conflict (source_key) do update
   set validity = excluded.validity, validity_reason = excluded.validity_reason, at = excluded.at,
       active_s = greatest(touchpoints.active_s, excluded.active_s),
       title = case when excluded.title = '' then touchpoints.title else excluded.title end
 where (touchpoints.validity, touchpoints.validity_reason, touchpoints.at)
       is distinct from (excluded.validity, excluded.validity_reason, excluded.at)
    or touchpoints.active_s < excluded.active_s
returning person_id
"""  # noqa: S608 - of this module's own column names


def put(tx: Connection, touches: Iterable[NewTouch], *, now: datetime) -> list[int]:
    """Write these, or move the verdict of those that stand; returns the people for whom anything changed.

    Twice the same changes nothing. Keys of one call must be distinct.
    """
    rows = list(touches)
    if not rows:
        return []
    values: dict[str, object] = {name: [getattr(row, name) for row in rows] for name, _ in COLUMNS}
    # psycopg dumps a list by the type of its members, so none may be a whole number by chance.
    values["validity"] = [float(row.validity) for row in rows]
    values["active_s"] = [float(row.active_s) for row in rows]
    values["kind"] = [row.kind.value for row in rows]
    values["channel"] = [KINDS[row.kind].channel.value for row in rows]
    values["depth"] = [KINDS[row.kind].depth for row in rows]
    people = [row.person_id for row in tx.execute(text(PUT), {**values, "now": now})]
    # Whoever stands at a branch is looked at today; by the UTC day, since a day more or less does no harm.
    advancing.look_again(tx, sorted(set(people)), today=now.date())
    return people


def of_people(tx: Connection, person_ids: Sequence[int]) -> dict[int, list[Touch]]:
    """Every touch of these people that can count, newest first. Index ix_touchpoints_person_id_at."""
    rows = tx.execute(
        text(
            "select id, person_id, kind, at, product_id, validity, active_s, event_id from touchpoints"
            " where person_id = any(:ids) and validity > 0 order by person_id, at desc, id desc"
        ),
        {"ids": list(person_ids)},
    )
    found: dict[int, list[Touch]] = {}
    known = {kind.value: kind for kind in Kind}
    for row in rows:
        if row.kind in known:
            touch = Touch(
                kind=known[row.kind],
                at=row.at,
                product_id=row.product_id,
                validity=row.validity,
                active_s=row.active_s,
                id=row.id,
                event_id=row.event_id,
            )
            found.setdefault(row.person_id, []).append(touch)
    return found
