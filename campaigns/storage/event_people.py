"""The people of an event: who was there, who was invited, what they answered, who has been left without a next step.

Each filter is a set of people that its own index finds, so an event of hundreds costs what hundreds cost, however
many people there are. Indexes: ix_touchpoints_event_id, uq_event_answers_event_id_person_id, ix_enrollments_scenario_id,
ix_deliveries_enrollment_id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.events import ASKED, CAME, GAP_DEPTH
from campaigns.storage.users import NO_OWNER, WORKS_HERE

_CAME = ", ".join(f"'{kind}'" for kind in CAME)
_ASKED = ", ".join(f"'{kind}'" for kind in ASKED)
# Rows that invite to the event, of scenarios and of broadcasts; a house has hundreds of rows.
_INVITED = """
select e.person_id as id, d.sent_at as at
  from (select distinct v.scenario_id, st.key from steps st join scenario_versions v on v.id = st.version_id
         where st.event_id = :event and st.kind = 'invite') i
  join enrollments e on e.scenario_id = i.scenario_id
  join deliveries d on d.enrollment_id = e.id and d.step_key = i.key and d.state in ('sent', 'in_doubt')
"""
_TOUCHED = "select t.person_id as id, max(t.at) as at from touchpoints t where t.event_id = :event and t.validity > 0"
_ANSWERED = "select a.person_id as id, a.at from event_answers a where a.event_id = :event"
_SIGNED = f"""
select q.id, max(q.at) as at from (
  {_TOUCHED} and t.kind = 'seminar_apply' and not exists (
     select 1 from event_answers w where w.event_id = :event and w.person_id = t.person_id and w.is_waiting) group by 1
  union all {_ANSWERED} and a.answer = 'yes' and not a.is_waiting) q
 group by 1
"""  # noqa: S608 - constants
_MET = f"{_TOUCHED} and t.kind in ({_CAME}) group by 1"
# A prospect whom nobody owns, for whom nothing is to be done and with whom sales does not work (S0-01).
_GAPS = f"""
select q.id, q.at from ({_TOUCHED} and t.depth >= {GAP_DEPTH} group by 1) q
  join people gp on gp.id = q.id and gp.excluded_reason = ''
  left join affiliations gf on gf.person_id = q.id and gf.is_current
  left join companies gc on gc.id = gf.company_id
 where {NO_OWNER.format(column="gc.owner_user_id")}
   and not exists (select 1 from catalogues k
                    where k.company_id = gc.id and {WORKS_HERE.format(column="k.owner_user_id")})
   and not exists (select 1 from tasks k where k.person_id = q.id and k.state in ('open', 'snoozed'))
   and not exists (select 1 from product_leads l where l.person_id = q.id
                      and l.state in ('offered', 'with_sales', 'opportunity', 'won', 'excluded'))
"""  # noqa: S608 - constants
_LATEST = "select q.id, max(q.at) as at from ({of}) q{where} group by 1"
_UNANSWERED = (
    " where not exists (select 1 from event_answers a where a.event_id = :event and a.person_id = q.id)"
)
_ABSENT = f""" where not exists (
       select 1 from touchpoints c where c.event_id = :event and c.person_id = q.id and c.validity > 0
          and c.kind in ({_CAME}))"""  # noqa: S608 - constants
SETS: Mapping[str, str] = {
    "met": _MET,
    "asked": f"{_TOUCHED} and t.kind in ({_ASKED}) group by 1",
    "gaps": _GAPS,
    "invited": _LATEST.format(of=_INVITED, where=""),
    "silent": _LATEST.format(of=_INVITED, where=_UNANSWERED),
    "signed": _SIGNED,
    "maybe": f"{_ANSWERED} and a.answer = 'maybe'",
    "no": f"{_ANSWERED} and a.answer = 'no'",
    "waiting": f"{_ANSWERED} and a.is_waiting",
    "no_show": _LATEST.format(of=_SIGNED, where=_ABSENT),
    "all": _LATEST.format(of=f"{_TOUCHED} group by 1 union all {_ANSWERED}", where=""),
}


@dataclass(frozen=True, slots=True)
class Line:
    """A person of an event. at: of the touch, mail or answer that the filter is about. kind, depth: of the deepest
    touch at the event. next_kind, next_at: of the next task. answer: '' without one."""

    person_id: int
    name: str
    company_id: int | None
    company: str
    department: str
    title: str
    owner: str
    at: datetime | None
    kind: str
    depth: int
    answer: str
    is_waiting: bool
    came_at: datetime | None
    next_kind: str
    next_at: datetime | None


# The page is cut out first; what stands beside a name is looked up for its people alone.
_PAGE = """
with q as (select q.id, q.at from ({set}) q join people p on p.id = q.id and p.merged_into is null
            order by q.at desc nulls last, q.id limit :limit offset :offset)
select q.id as person_id, p.full_name as name, co.id as company_id, coalesce(co.name, '') as company,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       coalesce(u.name, '') as owner, q.at, coalesce(d.kind, '') as kind, coalesce(d.depth, 0) as depth,
       coalesce(a.answer, '') as answer, coalesce(a.is_waiting, false) as is_waiting, c.at as came_at,
       coalesce(k.kind, '') as next_kind, k.due_at as next_at
  from q
  join people p on p.id = q.id
  left join affiliations f on f.person_id = q.id and f.is_current
  left join companies co on co.id = f.company_id
  left join catalogues g on g.company_id = co.id
  left join users u on u.id = coalesce(g.owner_user_id, co.owner_user_id)
  left join event_answers a on a.event_id = :event and a.person_id = q.id
  left join lateral (select t.kind, t.depth from touchpoints t where t.event_id = :event and t.person_id = q.id
                        and t.validity > 0 order by t.depth desc, t.at desc limit 1) d on true
  left join lateral (select min(t.at) as at from touchpoints t where t.event_id = :event and t.person_id = q.id
                        and t.validity > 0 and t.kind in ({came})) c on true
  left join lateral (select k.kind, k.due_at from tasks k where k.person_id = q.id
                        and k.state in ('open', 'snoozed') order by k.due_at limit 1) k on true
 order by q.at desc nulls last, q.id
"""


def page(
    tx: Connection,
    event_id: int,
    show: str,
    *,
    limit: int = 50,
    offset: int = 0,
) -> list[Line]:
    """The people of one filter, the latest first."""
    query = text(_PAGE.format(set=SETS[show], came=_CAME))
    values = {"event": event_id, "limit": limit, "offset": offset}
    return [Line(**row._mapping) for row in tx.execute(query, values)]


def every(tx: Connection, event_id: int, show: str, *, most: int) -> Iterator[Line]:
    """The same for a file, the latest `most`."""
    query = text(_PAGE.format(set=SETS[show], came=_CAME))
    found = query.execution_options(stream_results=True, yield_per=500)
    values: dict[str, Any] = {"event": event_id, "limit": most, "offset": 0}
    for row in tx.execute(found, values):
        yield Line(**row._mapping)


_IDS = """
select q.id from ({set}) q join people p on p.id = q.id and p.merged_into is null
 where cast(:ids as bigint[]) is null or q.id = any(:ids) order by q.id
"""


def ids(tx: Connection, event_id: int, show: str, *, chosen: Sequence[int] | None = None) -> list[int]:
    """The people of a filter, or those of the chosen who are among them."""
    query = _IDS.format(set=SETS[show])
    values = {"event": event_id, "ids": None if chosen is None else list(chosen)}
    return list(tx.execute(text(query), values).scalars())


def counts(tx: Connection, event_id: int, shows: Sequence[str]) -> dict[str, int]:
    """How many each of these filters has."""
    query = " union all ".join(
        f"select '{name}' as name, count(*) as n from ({SETS[name]}) q"  # noqa: S608 - constants
        " join people p on p.id = q.id and p.merged_into is null"
        for name in shows
    )
    return {row.name: int(row.n) for row in tx.execute(text(query), {"event": event_id})}


_INVITED_KEPT = """
select sum(b.people) as people, sum(cast(b.result->'buckets'->>'sent' as int)) as sent from broadcasts b
 where b.scenario_id in (select v.scenario_id from steps st join scenario_versions v on v.id = st.version_id
                          where st.event_id = :event and st.kind = 'invite')
"""
LIVE = 20_000  # invited; beyond it a page shows how many had the mail when its broadcasts were counted last


def invited_kept(tx: Connection, event_id: int) -> int | None:
    """How many have been invited, as it was counted last; None where they are few enough to be counted now."""
    row = tx.execute(text(_INVITED_KEPT), {"event": event_id}).one()
    return int(row.sent or 0) if (row.people or 0) > LIVE else None


def known(tx: Connection, person_ids: Sequence[int]) -> list[int]:
    """Those of these ids who are people, and nobody else's double."""
    query = "select id from people where id = any(:ids) and merged_into is null order by id"
    return list(tx.execute(text(query), {"ids": list(person_ids)}).scalars())
