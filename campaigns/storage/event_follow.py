"""What is done about the people of an event, many at once: owners for their companies, tasks for them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.scenarios import FIELD_CLASSES
from campaigns.storage.users import NO_OWNER

_FIELD = ", ".join(f"'{one}'" for one in sorted(FIELD_CLASSES))

# Who owns a company already stays, as long as they work here.
OWN = f"""
with k as (
  update catalogues set owner_user_id = :user, owner_mode = :mode, is_draft = false, touched_at = :now
   where company_id = any(:companies) and {NO_OWNER.format(column="owner_user_id")}
  returning id),
asked as (
  update catalogue_owners o set state = case o.state when 'asked' then 'withdrawn' else 'ended' end, answered_at = :now
    from k where o.catalogue_id = k.id and o.state in ('asked', 'stands'))
insert into catalogue_owners (catalogue_id, user_id, mode, state, by_user_id, at, answered_at)
select k.id, :user, :mode, 'stands', :by, :now, :now from k order by k.id
returning catalogue_id
"""  # noqa: S608 - constants


def own(
    tx: Connection, company_ids: Sequence[int], *, user_id: int, mode: str, by: int, now: datetime
) -> list[int]:
    """Give these companies' catalogues to somebody; the catalogues that are theirs by that."""
    values = {"companies": list(company_ids), "user": user_id, "mode": mode, "by": by, "now": now}
    return list(tx.execute(text(OWN), values).scalars())


# The lead that the person was met about stands before others.
ADD = f"""
insert into tasks (kind, person_id, origin_person_id, company_id, product_id, lead_id, team, state, cause, why,
       priority, due_at, note, created_by, created_at)
select cast(:kind as text), p.id, p.id, f.company_id, l.product_id, l.id,
       case when co.class in ({_FIELD}) then 'field' else 'inside' end, 'open', cast(:cause as text),
       coalesce(t.why, '[]'), 2, cast(:due_at as timestamptz), '', cast(:user as bigint), cast(:now as timestamptz)
  from people p
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join lateral (select to_jsonb(array[t.id]) as why, t.product_id from touchpoints t
                      where t.event_id = :event and t.person_id = p.id and t.validity > 0
                      order by t.depth desc, t.at desc limit 1) t on true
  left join lateral (select l.id, l.product_id from product_leads l where l.person_id = p.id
                      order by (l.product_id is not distinct from t.product_id) desc, l.score desc, l.id limit 1) l
       on true
 where p.id = any(:ids) and p.merged_into is null
   and (:kind <> 'call' or not p.do_not_call and not p.phone_invalid
        and '' <> concat(p.tel, p.tel_direct, p.mobile, co.tel))
   and not exists (select 1 from tasks k where k.person_id = p.id and k.kind = :kind
                      and k.state in ('open', 'snoozed'))
 order by p.id
on conflict (lead_id, kind) where state in ('open', 'snoozed') and lead_id is not null do nothing
returning id
"""  # noqa: S608 - constants


def add_tasks(
    tx: Connection,
    event_id: int,
    person_ids: Sequence[int],
    *,
    kind: str,
    cause: str,
    due_at: datetime,
    user_id: int | None,
    now: datetime,
) -> list[int]:
    """A task each, about what they were met about; nobody who cannot or must not be called gets a call, and nobody a
    second one. The ids of the new tasks."""
    values = {
        "event": event_id,
        "ids": list(person_ids),
        "kind": kind,
        "cause": cause,
        "due_at": due_at,
        "user": user_id,
        "now": now,
    }
    return list(tx.execute(text(ADD), values).scalars())
