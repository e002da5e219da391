"""The broadcasts about an event: its invitations, and the thank-you mail of each product."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.events import CAME


@dataclass(frozen=True, slots=True)
class Mailing:
    """purpose: invitation, thanks. people: whom it is for, as counted when it was saved or asked for."""

    id: int
    purpose: str
    name: str
    product_id: int
    product: str
    colour_no: int
    state: str
    send_on: date | None
    people: int
    sent: int


ALL = """
select m.scenario_id as id, m.purpose, s.name, m.product_id, p.name as product, p.colour_no, b.state, b.send_on,
       b.people, coalesce(cast(b.result->'buckets'->>'sent' as int), 0) as sent
  from event_mailings m
  join scenarios s on s.id = m.scenario_id
  join broadcasts b on b.scenario_id = m.scenario_id
  join products p on p.id = m.product_id
 where m.event_id = :event order by m.purpose, b.send_on nulls last, m.scenario_id
"""


def of_event(tx: Connection, event_id: int) -> list[Mailing]:
    """Invitations first, by their days. Index ix_event_mailings_event_id."""
    return [Mailing(**row._mapping) for row in tx.execute(text(ALL), {"event": event_id})]


def product_of(tx: Connection, event_id: int) -> int | None:
    """The product of the newest invitation."""
    query = "select product_id from event_mailings where event_id = :event and purpose = 'invitation'"
    return tx.execute(text(query + " order by scenario_id desc limit 1"), {"event": event_id}).scalar()


def add(tx: Connection, scenario_id: int, *, event_id: int, product_id: int, purpose: str) -> None:
    tx.execute(
        text(
            "insert into event_mailings (scenario_id, event_id, product_id, purpose)"
            " values (:scenario, :event, :product, :purpose)"
        ),
        {"scenario": scenario_id, "event": event_id, "product": product_id, "purpose": purpose},
    )


def thanks(tx: Connection, event_id: int, product_id: int) -> int | None:
    """The thank-you mail of this event and product. Index uq_event_mailings_thanks."""
    query = (
        "select scenario_id from event_mailings"
        " where event_id = :event and product_id = :product and purpose = 'thanks'"
    )
    return tx.execute(text(query), {"event": event_id, "product": product_id}).scalar()


def thanks_for(tx: Connection, scenario_id: int) -> int | None:
    """The event whose thank-you mail a broadcast is; None for any other broadcast."""
    query = "select event_id from event_mailings where scenario_id = :id and purpose = 'thanks'"
    return tx.execute(text(query), {"id": scenario_id}).scalar()


_CAME = ", ".join(f"'{kind}'" for kind in CAME)
# Thanked once an event: by another product's mail of it, or by a scenario that has said thanks since its first day.
# And for having come alone, not for having signed up.
THANKED = f"""
update enrollments e set status = 'stopped', reason = 'thanked'
 where e.scenario_id = :scenario and e.status in ('active', 'asked') and e.created_at = :now
   and (not exists (select 1 from touchpoints c where c.event_id = :event and c.person_id = e.person_id
                       and c.validity > 0 and c.kind in ({_CAME}))
        or exists (select 1 from event_mailings m
                  join enrollments o on o.scenario_id = m.scenario_id and o.person_id = e.person_id
                 where m.event_id = :event and m.purpose = 'thanks' and m.scenario_id <> :scenario
                   and o.reason <> 'thanked')
        or exists (select 1 from deliveries d
                     join events v on v.id = :event
                    where d.person_id = e.person_id and d.class = 'courtesy'
                      and d.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
                      and d.created_at >= coalesce(v.starts_on, v.created_at)))
returning e.person_id
"""  # noqa: S608 - constants


def leave_out_thanked(tx: Connection, scenario_id: int, *, event_id: int, now: datetime) -> list[int]:
    """Whoever was enrolled at this instant and did not come, or has been thanked for the event already, gets none."""
    values = {"scenario": scenario_id, "event": event_id, "now": now}
    return list(tx.execute(text(THANKED), values).scalars())


# Whom a thank-you mail could still go to: met there, with a lead of its product, and not part of it yet.
LATE = f"""
select distinct t.person_id from touchpoints t
  join people p on p.id = t.person_id and p.merged_into is null
  join product_leads l on l.person_id = p.id and l.product_id = :product
 where t.event_id = :event and t.validity > 0
   and t.kind in ({_CAME})
   and not exists (select 1 from enrollments e where e.person_id = p.id and e.scenario_id = :scenario)
 order by 1
"""  # noqa: S608 - constants


def late(tx: Connection, scenario_id: int, *, event_id: int, product_id: int) -> list[int]:
    """People who were entered after a thank-you mail had begun. Index ix_touchpoints_event_id."""
    values = {"scenario": scenario_id, "event": event_id, "product": product_id}
    return list(tx.execute(text(LATE), values).scalars())


PRODUCTS = f"""
select l.product_id, p.name, count(distinct t.person_id) as n
  from touchpoints t
  join product_leads l on l.person_id = t.person_id
  join products p on p.id = l.product_id and p.is_active
 where t.event_id = :event and t.validity > 0 and t.kind in ({_CAME})
 group by 1, 2 order by 3 desc, 1
"""  # noqa: S608 - constants


def products_met(tx: Connection, event_id: int) -> list[tuple[int, str, int]]:
    """Products with how many of the people who came have a lead of it, the most first."""
    rows = tx.execute(text(PRODUCTS), {"event": event_id})
    return [(row.product_id, row.name, int(row.n)) for row in rows]
