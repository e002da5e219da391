"""The feed of the diary: what sales wrote, and what they did that stands elsewhere already (ASICA sheets, calls,
visits), as one list.

Calls are read from their attempts, visits and talks from the touches that somebody entered; a diary entry about a
talk leaves a touch of its own (source key "diary:"), which is left out here, so that nothing shows twice. What one
person wrote on one ASICA sheet in one day is one item.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, text

from campaigns.storage.comments import Comment
from campaigns.storage.diary import TALKS

# Where an item stands: instant, kind and id of its row. Several may share an instant, as the talks of a list do.
Place = tuple[datetime, str, int]


@dataclass(frozen=True, slots=True)
class Written:
    """A row of an ASICA sheet. kind: answer (to a prompt), move (from moved_from to stage; text: why)."""

    id: int
    sheet_id: int
    kind: str
    stage: str
    prompt: str
    moved_from: str
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was done. on_kind, on_id: where it stands (diary, asica, attempt, touch).

    kind: call, visit, show, internal, other, asica. result: of a call. people: [{"id", "name"}]. task: what follows
    from it, {"id", "kind", "note", "state", "due_at", "done_at"}, or None. written: of an ASICA sheet, oldest first;
    ids: every row that it is made of.
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
    written: tuple[Written, ...] = ()
    ids: tuple[int, ...] = ()

    @property
    def things(self) -> list[tuple[str, int]]:
        """What a comment on it may stand on."""
        return [(self.on_kind, id) for id in self.ids or (self.on_id,)]

    def comments(self, said: Mapping[tuple[str, int], Sequence[Comment]]) -> list[Comment]:
        """Those on it, oldest first. said: by thing."""
        return sorted((one for thing in self.things for one in said.get(thing, ())), key=lambda one: one.id)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of a company, of a user, from since until before until. before: the last place that was seen."""

    company_id: int | None = None
    user_id: int | None = None
    product_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: Place | None = None


@dataclass(frozen=True, slots=True)
class Feed:
    """items: newest first. rest: the place after which older ones come, None at the end."""

    items: Sequence[Item]
    rest: Place | None


DIARY = """
select 'diary' as on_kind, d.id as on_id, d.at, d.user_id, d.kind, '' as result, d.text, d.company_id, d.product_id,
       d.met, d.task_id
  from diary_entries d where {where} order by d.at desc, d.id desc limit :n
"""
ASICA = """
select 'asica' as on_kind, e.id as on_id, e.at, e.user_id, 'asica' as kind, '' as result, e.text, k.company_id,
       s.product_id, '{{}}'::bigint[] as met, null::bigint as task_id
  from asica_entries e join asica_sheets s on s.id = e.sheet_id join catalogues k on k.id = s.catalogue_id
 where {where} order by e.at desc, e.id desc limit :n
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
                                  'done_at', k.done_at) from tasks k where k.id = q.task_id) as task,
       (select jsonb_build_object('id', w.id, 'sheet_id', w.sheet_id, 'kind', w.kind, 'stage', w.stage, 'prompt',
                                  w.prompt, 'moved_from', w.moved_from, 'text', w.text)
          from asica_entries w where q.on_kind = 'asica' and w.id = q.on_id) as written
  from (select * from (({diary}) union all ({asica}) union all ({attempts}) union all ({touches})) r
         order by r.at desc, r.on_kind desc, r.on_id desc limit :n) q
  left join users u on u.id = q.user_id
  left join companies co on co.id = q.company_id
  left join products pr on pr.id = q.product_id
 order by q.at desc, q.on_kind desc, q.on_id desc
"""
# The alias of each part, with who did it and about which product.
PARTS: Mapping[str, tuple[str, str, str]] = {
    "diary": ("d", "d.user_id", "d.product_id"),
    "asica": ("e", "e.user_id", "s.product_id"),
    "attempt": ("a", "a.user_id", "t.product_id"),
    "touch": ("t", "t.actor_id", "t.product_id"),
}
OF_ONE: Mapping[str, str] = {
    "diary": "d.company_id = :company",
    "asica": "k.company_id = :company",
    "attempt": "f.company_id = :company and f.is_current",
    # Of a company also what a list told of a talk: who talked is not known, what was said is.
    "touch": "t.company_id = :company and t.depth >= 2 and (t.import_batch_id is null or t.note <> '')",
}
# A rep's report holds what the rep entered alone.
ENTERED = "t.actor_id is not null and t.import_batch_id is null and t.channel = 'offline'"
TALKED = (
    "t.kind = any(:talks) and t.validity > 0 and t.source_key not like 'diary:%'"
    " and t.source_key not like 'call:%'"
)


def page(tx: Connection, wanted: Wanted, *, limit: int, zone: ZoneInfo) -> Feed:
    """Newest first. Each part reads by an index of its own: ix_diary_entries_..., ix_asica_entries_...,
    ix_call_attempts_person_id and ix_call_attempts_at, ix_touchpoints_company_signals and
    ix_touchpoints_actor_id_at."""
    query, values = _query(wanted)
    rows = [_item(row) for row in tx.execute(text(query), {**values, "n": limit + 1})]
    shown, last = rows[:limit], rows[limit - 1] if len(rows) > limit else None
    return Feed(_folded(shown, zone), (last.at, last.on_kind, last.on_id) if last else None)


def _query(wanted: Wanted) -> tuple[str, dict[str, object]]:
    values: dict[str, object] = {"talks": list(TALKS)}
    where = {kind: _where(kind, wanted, values) for kind in PARTS}
    query = FEED.format(
        diary=DIARY.format(where=where["diary"]),
        asica=ASICA.format(where=where["asica"]),
        attempts=ATTEMPTS.format(
            source=OF_ALL if wanted.company_id is None else OF_COMPANY, where=where["attempt"]
        ),
        touches=TOUCHES.format(where=where["touch"]),
    )
    return query, values


def _where(kind: str, wanted: Wanted, values: dict[str, object]) -> str:
    """What is asked for, of one part; its values are put into `values`."""
    short, user, product = PARTS[kind]
    parts = [TALKED] if kind == "touch" else []
    for column, name, value in (
        (f"{user} =", "user", wanted.user_id),
        (f"{product} =", "product", wanted.product_id),
        (f"{short}.at >=", "since", wanted.since),
        (f"{short}.at <", "until", wanted.until),
    ):
        if value is not None:
            parts.append(f"{column} :{name}")
            values[name] = value
    if wanted.company_id is not None:
        parts.append(OF_ONE[kind])
        values["company"] = wanted.company_id
    elif kind == "touch":
        parts.append(ENTERED)
    if wanted.before is not None:
        # The instant alone is what an index knows; the rest is decided among those that share it.
        parts.append(f"{short}.at <= :at and ({short}.at, '{kind}', {short}.id) < (:at, :on_kind, :on_id)")
        values |= zip(("at", "on_kind", "on_id"), wanted.before, strict=True)
    return " and ".join(parts) or "true"


def _item(row: Any) -> Item:
    values = dict(row._mapping)
    written = values.pop("written")
    values["people"] = tuple(row.people)
    return Item(**values, written=(Written(**written),) if written else ())


def _folded(items: Sequence[Item], zone: ZoneInfo) -> list[Item]:
    """What one person wrote on one sheet in one day as one item, where the newest of it stands. It is known by its
    oldest row, which stays the same while more is written; of each answer the last wording shows."""
    sheets: dict[tuple[int | None, int, date], list[Item]] = {}
    shown: list[tuple[Item, list[Item]]] = []
    for item in items:
        parts = [item]
        if item.written:
            parts = sheets.setdefault((item.user_id, item.written[0].sheet_id, _day(item, zone)), [])
            parts.append(item)
        if len(parts) == 1:
            shown.append((item, parts))
    return [_joined(item, parts) if item.written else item for item, parts in shown]


def _day(item: Item, zone: ZoneInfo) -> date:
    return item.at.astimezone(zone).date()


def _joined(newest: Item, parts: Sequence[Item]) -> Item:
    """parts: newest first, the newest among them."""
    ids = tuple(part.on_id for part in reversed(parts))
    rows: dict[tuple[object, ...], Written] = {}
    for part in parts:
        one = part.written[0]
        rows.setdefault((one.stage, one.prompt) if one.kind == "answer" else (one.id,), one)
    return replace(
        newest, on_id=ids[0], ids=ids, written=tuple(sorted(rows.values(), key=lambda one: one.id))
    )
