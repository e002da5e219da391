"""What the action matrix and the alerts must know of a lead, beside its rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class Facts:
    """A lead for who acts. is_excluded: the person has left or is none of ours. open_kinds: of open tasks.

    reasons: of the rank it has now.
    """

    is_excluded: bool
    reasons: tuple[Reason, ...]
    no_call_before: datetime | None
    no_hand_off_before: datetime | None
    has_phone: bool
    has_fax: bool
    do_not_call: bool
    do_not_fax: bool
    company_class: str
    industry: str
    band: str
    open_kinds: frozenset[str]
    has_been_offered: bool
    last_fax_at: datetime | None
    last_call_at: datetime | None


FACTS = text(
    """
select l.id, p.excluded_reason <> '' as is_excluded, l.reasons, l.no_call_before, l.no_hand_off_before,
       not p.phone_invalid and p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') <> '' as has_phone,
       not p.fax_invalid and p.fax || coalesce(co.fax, '') <> '' as has_fax,
       p.do_not_call, p.do_not_fax,
       coalesce(co.class, '-') as company_class, coalesce(co.industry, '') as industry,
       coalesce(co.employees_band, '') as band,
       array(select t.kind from tasks t where t.lead_id = l.id and t.state in ('open', 'snoozed')) as open_kinds,
       exists (select 1 from hand_offs h where h.lead_id = l.id
                and h.state in ('offered', 'accepted')) as has_been_offered,
       (select max(t.at) from touchpoints t where t.person_id = l.person_id and t.product_id = l.product_id
           and t.kind = 'fax_sent') as last_fax_at,
       (select max(t.at) from touchpoints t where t.person_id = l.person_id
           and t.kind in ('call_connected', 'call_interest')) as last_call_at
  from product_leads l
  join people p on p.id = l.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where l.id = any(:ids)
"""
)


def of(tx: Connection, lead_ids: Sequence[int]) -> dict[int, Facts]:
    """By lead. The leads are locked by who asks."""
    if not lead_ids:
        return {}
    return {
        row.id: Facts(
            is_excluded=row.is_excluded,
            reasons=tuple(Reason.from_json(stored) for stored in row.reasons),
            no_call_before=row.no_call_before,
            no_hand_off_before=row.no_hand_off_before,
            has_phone=row.has_phone,
            has_fax=row.has_fax,
            do_not_call=row.do_not_call,
            do_not_fax=row.do_not_fax,
            company_class=row.company_class,
            industry=row.industry,
            band=row.band,
            open_kinds=frozenset(row.open_kinds),
            has_been_offered=row.has_been_offered,
            last_fax_at=row.last_fax_at,
            last_call_at=row.last_call_at,
        )
        for row in tx.execute(FACTS, {"ids": list(lead_ids)})
    }
