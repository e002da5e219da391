"""Touches that people and programs entered: written once by their key, taken back by a reversal that stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.touchpoints import KINDS
from campaigns.storage import advancing, bulk
from campaigns.storage.touchpoints import NewTouch

WITHDRAWN = "withdrawn"
# The sources whose touches may be taken back here. A call has its own undo, a verdict decides about a machine's.
SOURCES = ("hand", "list", "api")

# In the order of their keys, so that two who write the same ones never wait for each other.
ADD = """
insert into touchpoints (source_key, person_id, origin_person_id, company_id, product_id, event_id, kind, channel,
                         depth, at, note, tags, actor_id, import_batch_id, created_at)
select q.key, q.person, q.person, f.company_id, q.product, q.event, q.kind, q.channel, q.depth, q.at, q.note,
       case q.tags when '' then '{}' else string_to_array(q.tags, ',') end, q.actor, cast(:batch as bigint), :now
  from unnest(cast(:keys as text[]), cast(:people as bigint[]), cast(:products as bigint[]),
              cast(:events as bigint[]), cast(:kinds as text[]), cast(:channels as text[]), cast(:depths as int[]),
              cast(:ats as timestamptz[]), cast(:notes as text[]), cast(:tags as text[]), cast(:actors as bigint[]))
    as q(key, person, product, event, kind, channel, depth, at, note, tags, actor)
  left join affiliations f on f.person_id = q.person and f.is_current
 order by q.key collate "C"
on conflict (source_key) do nothing
returning source_key, id, person_id, exists (select 1 from pace where pace.person_id = touchpoints.person_id)
"""


@dataclass(frozen=True, slots=True)
class Added:
    """A touch that is new."""

    id: int
    person_id: int


def add(
    tx: Connection, touches: Iterable[NewTouch], *, batch_id: int | None = None, now: datetime
) -> dict[str, Added]:
    """Write these; those whose key stands already are left as they are. Returns the new ones by their key."""
    rows = list(touches)
    if not rows:
        return {}
    kinds = [KINDS[row.kind] for row in rows]
    values = {
        "keys": bulk.as_texts(row.source_key for row in rows),
        "people": bulk.as_array(row.person_id for row in rows),
        "products": bulk.as_array(row.product_id for row in rows),
        "events": bulk.as_array(row.event_id for row in rows),
        "kinds": bulk.as_array(row.kind.value for row in rows),
        "channels": bulk.as_array(kind.channel.value for kind in kinds),
        "depths": bulk.as_array(kind.depth for kind in kinds),
        "ats": bulk.as_array(row.at.isoformat() for row in rows),
        "notes": bulk.as_texts(row.note for row in rows),
        "tags": bulk.as_texts(",".join(row.tags) for row in rows),
        "actors": bulk.as_array(row.actor_id for row in rows),
        "batch": batch_id,
        "now": now,
    }
    found = bulk.rows(tx, ADD, values)
    # Whoever stands at a branch is looked at today; by the UTC day, since a day more or less does no harm.
    under_way = {person_id for _, _, person_id, is_under_way in found if is_under_way}
    advancing.look_again(tx, sorted(under_way), today=now.date())
    return {key: Added(id, person_id) for key, id, person_id, _ in found}


def standing(tx: Connection, keys: Sequence[str]) -> dict[str, Added]:
    """Of these keys those that stand already."""
    rows = tx.execute(
        text("select source_key, id, person_id from touchpoints where source_key = any(:keys)"),
        {"keys": list(keys)},
    )
    return {row.source_key: Added(row.id, row.person_id) for row in rows}


@dataclass(frozen=True, slots=True)
class Entered:
    """A touch with where it comes from. source: hand, list, api, or another. entered_at: when it was told.

    reason, withdrawn_by, withdrawn_at: its reversal, where there is one.
    """

    id: int
    person_id: int
    person: str
    company: str
    kind: str
    depth: int
    at: datetime
    product_id: int | None
    product: str
    event_id: int | None
    event: str
    note: str
    tags: tuple[str, ...]
    actor: str
    source: str
    batch_id: int | None
    entered_at: datetime
    reason: str
    withdrawn_by: str
    withdrawn_at: datetime | None

    @property
    def may_be_withdrawn(self) -> bool:
        return self.source in SOURCES and self.withdrawn_at is None


ONE = """
select t.id, t.person_id, p.full_name as person, coalesce(co.name, '') as company, t.kind, t.depth, t.at,
       t.product_id, coalesce(pr.name, '') as product, t.event_id, coalesce(e.name, '') as event, t.note, t.tags,
       coalesce(u.name, '') as actor, split_part(t.source_key, ':', 1) as source, t.import_batch_id as batch_id,
       t.created_at as entered_at, coalesce(r.reason, '') as reason, coalesce(w.name, '') as withdrawn_by,
       r.at as withdrawn_at
  from touchpoints t
  join people p on p.id = t.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join products pr on pr.id = t.product_id
  left join events e on e.id = t.event_id
  left join users u on u.id = t.actor_id
  left join touch_reversals r on r.touch_id = t.id
  left join users w on w.id = r.user_id
 where t.id = :id
"""


def one(tx: Connection, touch_id: int) -> Entered | None:
    row = tx.execute(text(ONE), {"id": touch_id}).one_or_none()
    return None if row is None else Entered(**{**row._mapping, "tags": tuple(row.tags)})


WITHDRAW = """
with gone as (
  update touchpoints set validity = 0, validity_reason = 'withdrawn'
   where id = :id and split_part(source_key, ':', 1) = any(:sources) and validity_reason <> 'withdrawn'
  returning id)
insert into touch_reversals (touch_id, reason, user_id, at)
select id, :reason, :user, :now from gone
on conflict (touch_id) do nothing
returning touch_id
"""


def withdraw(tx: Connection, touch_id: int, *, reason: str, user_id: int | None, now: datetime) -> bool:
    """The touch counts for nothing from now on; False when it was taken back before, or is none of these."""
    values = {"id": touch_id, "sources": list(SOURCES), "reason": reason, "user": user_id, "now": now}
    return tx.execute(text(WITHDRAW), values).one_or_none() is not None
