"""What a surge is found from, whether it was told lately, and who is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules import surges as rule
from campaigns.rules.surges import Lead, Sign, Surge
from campaigns.rules.touchpoints import Kind
from campaigns.storage import bulk
from campaigns.storage.bulk import statement

SIGNALS = [kind.value for kind in rule.SIGNALS]
SIGNS = [kind.value for kind in rule.SIGNS]

# One look that rules out nearly everybody: a fresh signal after a silence of somebody known for long enough, or with a
# colleague's beside it, of a company that has not just been told of. The rule decides about those that are left.
# Indexes ix_touchpoints_person_id_at, ix_touchpoints_company_signals, uq_surges_company.
STIRRED = """
select distinct t.person_id from touchpoints t
  left join affiliations f on f.person_id = t.person_id and f.is_current
 where t.person_id = any(:ids) and t.at > :since and t.at <= :now and t.validity > 0 and t.depth >= 2
   and t.kind = any(:signals) and t.import_batch_id is null
   and not exists (select 1 from surges s where s.company_id = f.company_id and s.product_id = t.product_id
                      and s.at > :told)
   and (exists (select 1 from product_leads l where l.person_id = t.person_id
                   and least(l.created_at, l.acquired_at) <= t.at - cast(:silence as interval))
        and not exists (select 1 from touchpoints e where e.person_id = t.person_id and e.at < t.at - cast(:burst as interval)
                           and e.at > t.at - cast(:silence as interval) and e.validity > 0 and e.kind = any(:signs)
                           and (e.product_id is null or e.product_id = t.product_id))
        or exists (select 1 from touchpoints o where o.company_id = f.company_id and o.person_id <> t.person_id
                      and o.at > t.at - cast(:window as interval) and o.at <= :now and o.validity > 0 and o.depth >= 2
                      and o.kind = any(:signals)))
"""


def stirred(tx: Connection, person_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Those of these people with whom something may have surged: nearly always nobody."""
    values = {
        "ids": list(person_ids),
        "since": now - rule.NEWS,
        "now": now,
        "told": now - rule.TOLD_AGAIN_AFTER,
        "silence": rule.SILENCE,
        "burst": rule.BURST,
        "window": rule.WINDOW,
        "signals": SIGNALS,
        "signs": SIGNS,
    }
    return sorted(person_id for (person_id,) in bulk.rows(tx, STIRRED, values))


LEADS = """
select l.id, l.person_id, l.product_id, f.company_id, least(l.created_at, l.acquired_at) as since
  from product_leads l
  join people p on p.id = l.person_id and p.merged_into is null and p.excluded_reason = ''
  left join affiliations f on f.person_id = p.id and f.is_current
 where l.person_id = any(:ids) and l.state <> 'excluded'
 order by l.id
"""


def leads(tx: Connection, person_ids: Sequence[int]) -> list[Lead]:
    """Their leads, excluded ones left out."""
    return [Lead(**row._mapping) for row in tx.execute(statement(LEADS), {"ids": list(person_ids)})]


# A sign of no product of its own speaks for the lead that is furthest.
SIGN = """
select t.id, t.person_id, t.company_id, t.kind, t.at, t.product_id is null as is_general, t.import_batch_id is not null as is_imported,
       coalesce(t.product_id, (select l.product_id from product_leads l where l.person_id = t.person_id
                                order by l.score desc, l.id limit 1)) as product_id
  from touchpoints t
"""


def signs(tx: Connection, person_ids: Sequence[int], *, now: datetime) -> dict[int, list[Sign]]:
    """Every human sign of theirs, oldest first. Index ix_touchpoints_person_id_at."""
    rows = tx.execute(
        statement(
            f"{SIGN} where t.person_id = any(:ids) and t.at <= :now and t.validity > 0"
            " and t.kind = any(:signs) order by t.at, t.id"
        ),
        {"ids": list(person_ids), "now": now, "signs": SIGNS},
    )
    found: dict[int, list[Sign]] = {}
    for row in rows:
        found.setdefault(row.person_id, []).append(_sign(row))
    return found


def colleagues(
    tx: Connection, company_ids: Sequence[int], *, now: datetime
) -> dict[tuple[int, int], list[Sign]]:
    """Signals of everybody at these companies, by company and product. Index ix_touchpoints_company_signals."""
    since = now - rule.NEWS - rule.WINDOW
    rows = tx.execute(
        statement(
            f"{SIGN} where t.company_id = any(:ids) and t.at > :since and t.at <= :now"
            " and t.validity > 0 and t.depth >= 2 and t.kind = any(:signals) order by t.at, t.id"
        ),
        {"ids": list(company_ids), "since": since, "now": now, "signals": SIGNALS},
    )
    found: dict[tuple[int, int], list[Sign]] = {}
    for row in rows:
        if row.product_id is not None:
            found.setdefault((row.company_id, row.product_id), []).append(_sign(row))
    return found


def _sign(row: Any) -> Sign:
    return Sign(
        touch_id=row.id,
        person_id=row.person_id,
        kind=Kind(row.kind),
        at=row.at,
        product_id=row.product_id,
        is_general=row.is_general,
        is_imported=row.is_imported,
    )


# The unique index decides between two who find the same: the second sees the first one's row, and is silent.
TELL = """
insert into surges (product_id, company_id, lead_id, at, reason, people, score)
select q.product_id, q.company_id, q.lead_id, :now, q.reason, q.people, q.score
  from unnest(cast(:product_id as bigint[]), cast(:company_id as bigint[]), cast(:lead_id as bigint[]),
              cast(:reason as text[]), cast(:people as int[]), cast(:score as float[]))
    as q(product_id, company_id, lead_id, reason, people, score)
 where (q.company_id is not null) = :of_companies
 order by q.company_id, q.product_id, q.lead_id
on conflict {key} do update
   set lead_id = excluded.lead_id, at = excluded.at, reason = excluded.reason, people = excluded.people,
       score = excluded.score
 where surges.at <= :told_before
returning product_id, company_id, lead_id
"""
BY_COMPANY = TELL.format(key="(company_id, product_id) where company_id is not null")
BY_LEAD = TELL.format(key="(lead_id) where company_id is null")


def claim(tx: Connection, found: Sequence[Surge], scores: Sequence[float], *, now: datetime) -> set[int]:
    """Note these surges; the leads of those that were not told in the last two weeks, and are now."""
    values = {
        "product_id": [one.product_id for one in found],
        "company_id": [one.company_id for one in found],
        "lead_id": [one.lead_id for one in found],
        "reason": [one.reasons[-1].code for one in found],
        "people": [one.people for one in found],
        "score": [float(score) for score in scores],
        "now": now,
        "told_before": now - rule.TOLD_AGAIN_AFTER,
    }
    told: set[int] = set()
    for query, of_companies in ((BY_COMPANY, True), (BY_LEAD, False)):
        rows = tx.execute(statement(query), {**values, "of_companies": of_companies})
        told |= {row.lead_id for row in rows}
    return told


OWNERS = """
select q.lead_id, o.user_id
  from unnest(cast(:leads as bigint[]), cast(:companies as bigint[]), cast(:products as bigint[]))
    as q(lead_id, company_id, product_id)
  join products pr on pr.id = q.product_id
  left join companies co on co.id = q.company_id
  cross join lateral (select coalesce(pr.owner_user_id, (select owner_user_id from house)) as user_id
                       union select co.owner_user_id) o
  join users u on u.id = o.user_id and u.is_active
 order by q.lead_id, o.user_id
"""


def owners(tx: Connection, found: Sequence[Surge]) -> dict[int, list[int]]:
    """Who is told of each, by its lead: the owners of the product and of the company."""
    values = {
        "leads": [one.lead_id for one in found],
        "companies": [one.company_id for one in found],
        "products": [one.product_id for one in found],
    }
    told: dict[int, list[int]] = {}
    for row in tx.execute(statement(OWNERS), values):
        told.setdefault(row.lead_id, []).append(row.user_id)
    return told


@dataclass(frozen=True, slots=True)
class Told:
    """A surge that was told. people: who showed a signal; reason: silent_then_active, colleagues_active."""

    at: datetime
    people: int
    reason: str


def of_company(tx: Connection, company_id: int, *, since: datetime) -> dict[int, Told]:
    """A company's surges told since then, by product. Index uq_surges_company."""
    rows = tx.execute(
        text("select product_id, at, people, reason from surges where company_id = :company and at > :since"),
        {"company": company_id, "since": since},
    )
    return {row.product_id: Told(row.at, row.people, row.reason) for row in rows}
