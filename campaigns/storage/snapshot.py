"""What a simulation reads of people, a part at a time: set-based, and nothing is written.

Facts that the planner reads as well come from `planning` and `advancing`; here stands what only a look ahead over
months needs: who would join, all contents somebody has had, touches, mails on their way, past rates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, text

from campaigns.rules import chances
from campaigns.rules.chances import Rates
from campaigns.rules.ranks import WARM_FLOOR, Refusal
from campaigns.rules.touchpoints import Kind, Touch
from campaigns.storage import enrollments, permission, planning, ranks
from campaigns.storage.advancing import SHOWN
from campaigns.storage.bulk import as_array
from campaigns.storage.planning import Shelved

_DAY = "(cast({0} at time zone :zone as date) - date '0001-01-01') + 1"

# People who would wait for their owner's yes get no mail and are left out.
JOINING = f"""
select p.id from scenarios sc
  {enrollments.CHOSEN}
   and sc.id = :scenario and coalesce(co.class, '-') not in ({enrollments.FIELD})
   and not exists (select 1 from enrollments e where e.person_id = p.id and e.scenario_id = sc.id)
 order by p.id
"""  # noqa: S608 - constants of the storage layer


def joining(tx: Connection, scenario_id: int, *, now: datetime) -> list[int]:
    """Who would be enrolled if the scenario were published now."""
    return list(tx.execute(text(JOINING), {"scenario": scenario_id, "now": now}).scalars())


def taking_part(tx: Connection, scenario_id: int) -> list[int]:
    rows = tx.execute(
        text("select person_id from enrollments where scenario_id = :s and status = 'active'"),
        {"s": scenario_id},
    )
    return list(rows.scalars())


WITHOUT_CONSENT = f"""
select p.id from unnest(cast(:people as bigint[])) as q(id)
  join people p on p.id = q.id join addresses a on a.id = p.address_id
 where not {permission.consent(product=":product")}
"""  # noqa: S608 - constants of the storage layer


def without_consent(tx: Connection, people: Sequence[int], product: int) -> set[int]:
    """Those of these people whom no consent covers for the product. Index of consents: address_id."""
    values = {"people": as_array(people), "product": product}
    return set(tx.execute(text(WITHOUT_CONSENT), values).scalars())


MAILBOXES = """
select p.address_id, p.id
  from (select distinct o.address_id from people o where o.id = any(cast(:ids as bigint[])) and o.address_id is not null) q
  join people p on p.address_id = q.address_id
 where p.id = any(cast(:ids as bigint[]))
    or exists (select 1 from enrollments e where e.person_id = p.id and e.status = 'active')
 order by 1, 2
"""


def mailboxes(tx: Connection, people: Sequence[int]) -> list[tuple[int, ...]]:
    """These people and all others who are mailed at their mailboxes, together. Index ix_people_address_id."""
    found: dict[int, list[int]] = defaultdict(list)
    for address, person in tx.execute(text(MAILBOXES), {"ids": as_array(people)}):
        found[address].append(person)
    return [tuple(ids) for ids in found.values()]


class Ways(NamedTuple):
    """How somebody can be reached besides by mail."""

    has_phone: bool
    has_fax: bool
    do_not_call: bool
    do_not_fax: bool


NO_WAYS = Ways(False, False, False, False)


SAMPLE = """
select distinct person_id from product_leads
 where state <> all(cast(:closed as text[])) and person_id % :nth = 0 order by person_id
"""


def sample(tx: Connection, *, most: int) -> tuple[list[int], bool]:
    """Some people with leads that are nurtured, by their ids, and whether these are all there are."""
    nth = max(int(tx.execute(text("select count(*) from people")).scalar_one()) // most, 1)
    values = {"closed": list(ranks.CLOSED), "nth": nth}
    return list(tx.execute(text(SAMPLE), values).scalars()), nth == 1


class Frame(NamedTuple):
    """plan_at: ordinal, 0 if nothing is left to decide."""

    plan_at: int
    ways: Ways


FRAMES = """
select p.id, coalesce((pa.plan_at - date '0001-01-01') + 1, 0),
       not p.phone_invalid and p.tel || p.tel_direct || p.mobile || coalesce(co.tel, '') <> '',
       not p.fax_invalid and p.fax || coalesce(co.fax, '') <> '', p.do_not_call, p.do_not_fax
  from unnest(cast(:people as bigint[])) as q(id)
  join people p on p.id = q.id left join pace pa on pa.person_id = p.id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
"""


def frames(tx: Connection, people: Sequence[int]) -> dict[int, Frame]:
    rows = tx.execute(text(FRAMES), {"people": as_array(people)}).all()
    return {id: Frame(plan_at, Ways(*ways)) for id, plan_at, *ways in rows}


class LeadRow(NamedTuple):
    """A lead as ranks and the action matrix want it. is_offered: the hand-off gate let it through.

    is_near: the night's new cut may move its rank.
    """

    person_id: int
    product_id: int
    rank: str
    stage: str
    next_change: datetime | None
    refusal: Refusal | None
    acquired_at: datetime | None
    no_call_before: datetime | None
    no_hand_off_before: datetime | None
    is_offered: bool
    is_near: bool


LEADS = f"""
select l.person_id, l.product_id, l.rank, l.state, l.next_change_at, l.refused_until,
       case when l.refused_until is not null then (select max(t.done_at) from tasks t
         where t.lead_id = l.id and t.outcome in ('refused', 'dnc')) end, pr.purchase_cycle_days,
       l.acquired_at, l.no_call_before, l.no_hand_off_before,
       exists (select 1 from hand_offs h where h.lead_id = l.id and h.state in ('offered', 'accepted')),
       {ranks.NEAR}
  from product_leads l join products pr on pr.id = l.product_id
 where l.person_id = any(cast(:people as bigint[]))
"""  # noqa: S608 - constants of the storage layer


def leads(tx: Connection, people: Sequence[int]) -> dict[int, list[LeadRow]]:
    """Indexes uq_product_leads_person_id_product_id, ix_hand_offs_lead_id."""
    found: dict[int, list[LeadRow]] = defaultdict(list)
    for row in tx.execute(text(LEADS), {"people": as_array(people), "floor": WARM_FLOOR}).all():
        person, product, rank, stage, change, until, refused_at, cycle, *others = row
        refusal = ranks.refusal(until, refused_at, cycle)
        found[person].append(LeadRow(person, product, rank, stage, change, refusal, *others))
    return found


class OpenTask(NamedTuple):
    """A task that somebody has still to do. day: when it is due."""

    person_id: int
    product_id: int
    kind: str
    day: int


OPEN_TASKS = f"""
select t.person_id, t.product_id, t.kind, {_DAY.format("t.due_at")} from tasks t
 where t.person_id = any(cast(:people as bigint[])) and t.lead_id is not null and t.product_id is not null
   and t.state in ('open', 'snoozed')
"""  # noqa: S608 - constants of this module


def open_tasks(tx: Connection, people: Sequence[int], *, zone: str) -> list[OpenTask]:
    """Index ix_tasks_person_id."""
    rows = tx.execute(text(OPEN_TASKS), {"people": as_array(people), "zone": zone}).all()
    return [OpenTask(*row) for row in rows]


def touches(tx: Connection, people: Sequence[int]) -> dict[int, list[Touch]]:
    """Valid touches, oldest first. Index ix_touchpoints_person_id_at."""
    found: dict[int, list[Touch]] = defaultdict(list)
    rows = tx.execute(
        text(
            "select person_id, kind, at, product_id, validity, active_s from touchpoints"
            " where person_id = any(cast(:people as bigint[])) and validity > 0 order by person_id, at"
        ),
        {"people": as_array(people)},
    )
    for person, kind, at, product, validity, active in rows:
        found[person].append(Touch(Kind(kind), at, product, validity, active))
    return found


def seen(tx: Connection, people: Sequence[int]) -> dict[int, set[int]]:
    """Contents that were mailed or are planned, by person."""
    found: dict[int, set[int]] = defaultdict(set)
    rows = tx.execute(
        text(
            "select person_id, content_id from deliveries where person_id = any(cast(:people as bigint[]))"
            " and content_id is not null and class <> 'transactional'"
            " and state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')"
        ),
        {"people": as_array(people)},
    )
    for person, content in rows:
        found[person].add(content)
    return found


class OnItsWay(NamedTuple):
    """A mail that is planned but not sent. day: its sending day."""

    person_id: int
    enrollment_id: int
    product_id: int
    content_id: int | None
    step_key: str
    tone: str
    month: int
    slot_no: int
    is_counted: bool
    day: int


ON_ITS_WAY = f"""
select d.person_id, d.enrollment_id, d.product_id, d.content_id, d.step_key, d.tone, d.month,
       coalesce(s.slot_no, 1), d.class = 'counted', {_DAY.format("d.send_at")}
  from deliveries d left join mail_slots s on s.delivery_id = d.id
 where d.person_id = any(cast(:people as bigint[])) and d.state in ('planned', 'retry', 'handing')
   and d.class <> 'transactional' and d.enrollment_id is not null and d.send_at is not null
"""  # noqa: S608 - constants of this module


def on_their_way(tx: Connection, people: Sequence[int], *, zone: str) -> list[OnItsWay]:
    return [
        OnItsWay(*row) for row in tx.execute(text(ON_ITS_WAY), {"people": as_array(people), "zone": zone})
    ]


def shelf(tx: Connection) -> list[tuple[Shelved, int | None]]:
    """What may be mailed without a row of its own, in its order, with the product it belongs to.

    The evergreen shelf, and the question whether to go on (kind permission); drafts of them do not count.
    """
    rows = tx.execute(
        text(
            "select c.id, c.kind, c.tone, c.product_id from contents c where c.status = 'approved'"
            " and (c.kind = 'permission' or c.is_evergreen and c.kind <> 'thanks')"
            " and exists (select 1 from published_mails m where m.content_id = c.id and m.version_id is null"
            " and m.step_key = 'shelf') order by c.id"
        )
    )
    return [(Shelved(id, kind, tone), product) for id, kind, tone, product in rows]


def questions(tx: Connection) -> frozenset[int]:
    """Contents that ask whether to go on; each person gets one of them once."""
    return frozenset(tx.execute(text("select id from contents where kind = 'permission'")).scalars())


REACTED = f"""
select t.product_id, t.kind, count(distinct t.delivery_id)
  from touchpoints t
 where t.delivery_id is not null and {SHOWN.format("t")} and t.kind in ('mail_open', 'mail_click', 'mail_reply')
   and t.at >= :since and t.product_id is not null
 group by 1, 2
union all
select d.product_id, 'unsubscribe', count(distinct s.delivery_id)
  from suppressions s join deliveries d on d.id = s.delivery_id
 where s.at >= :since and d.product_id is not null
 group by 1
"""  # noqa: S608 - constants of the storage layer


def rates(tx: Connection, *, since: date) -> dict[int, Rates]:
    """How people have reacted to each product's mails since a day. Mails are counted at settling (`mail_days`)."""
    rows = tx.execute(
        text("select product_id, sum(sent) from mail_days where day >= :since group by 1"), {"since": since}
    )
    mails = {product: int(n) for product, n in rows}
    counts: dict[int, dict[str, int]] = defaultdict(dict)
    for product, kind, n in tx.execute(text(REACTED), {"since": since}):
        counts[product][kind.removeprefix("mail_")] = int(n)
    products = tx.execute(text("select id from products")).scalars()
    return {id: chances.rates(mails.get(id, 0), counts[id]) for id in products}


def crowds(tx: Connection, scenario_id: int, people: Sequence[int]) -> set[tuple[int, int]]:
    """(company, scenario) of these people with more than five in it, once all of them have joined the scenario."""
    rows = tx.execute(
        text(
            "select f.company_id, count(*) from affiliations f"
            " where f.is_current and f.company_id is not null and f.person_id = any(cast(:p as bigint[])) group by 1"
        ),
        {"p": as_array(people)},
    ).all()
    joined = {(company, scenario_id) for company, n in rows if n > 5}
    return joined | planning.crowds(tx, [company for company, _ in rows])
