"""Who signed up for an event, and who came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody with a pass for an event. came_at: None until they are checked in."""

    person_id: int
    name: str
    company: str
    department: str
    title: str
    came_at: datetime | None


PERSON = """
select p.id as person_id, p.full_name as name, coalesce(co.name, '') as company,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       (select min(t.at) from touchpoints t where t.person_id = p.id and t.event_id = :event
           and t.kind = any(:came) and t.validity > 0) as came_at
  from people p
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
"""

GUEST = f"{PERSON} where p.id = coalesce((select merged_into from people where id = :person), :person)"  # noqa: S608 - constants
GUESTS = f"""{PERSON}
 where p.merged_into is null and p.id in (select t.person_id from touchpoints t
        where t.event_id = :event and t.validity > 0 and (t.kind = 'seminar_apply' or t.kind = any(:came))
        union all select a.person_id from event_answers a
         where a.event_id = :event and a.answer = 'yes' and not a.is_waiting)
 order by company, name, p.id
"""  # noqa: S608 - constants


def guest(tx: Connection, person_id: int, event_id: int, *, came: Sequence[str]) -> Guest | None:
    """One person; of somebody who was merged, the person they are now. came: kinds of touch that mean it."""
    row = tx.execute(
        text(GUEST),
        {"person": person_id, "event": event_id, "came": list(came)},
    ).one_or_none()
    return None if row is None else Guest(**row._mapping)


def guests(tx: Connection, event_id: int, *, came: Sequence[str]) -> list[Guest]:
    """Everybody who signed up for an event or came to it, by company and name. Index ix_touchpoints_event_id."""
    rows = tx.execute(
        text(GUESTS),
        {"event": event_id, "came": list(came)},
    )
    return [Guest(**row._mapping) for row in rows]
