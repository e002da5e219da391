"""What the planner reads, a batch at a time: plain rows, joined and judged by `services.plan`.

Cost grows with what is due: `pace` holds one narrow row a person with the day of the next decision. Every row
of a batch is found by an index; a hash join would read whole tables for each batch (100,000 people: 61 s).
Days are ordinals, 0 for none. Rows come as named tuples, since a batch has tens of thousands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, text

from campaigns.storage import bulk, permission
from campaigns.storage.bulk import as_array

# Added to days since 0001-01-01.
_ORDINAL = "({0} - date '0001-01-01') + 1"
BY_INDEX = (
    "select set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),"
    " set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)"
)


DUE = """
select person_id from pace where plan_at <= :today order by plan_at, person_id limit :n for update skip locked
"""


def due_people(tx: Connection, *, today: date, limit: int) -> list[int]:
    """Lock the next people whose decision is due. Index ix_pace_plan_at; SKIP LOCKED lets two planners share."""
    return list(tx.execute(text(DUE), {"today": today, "n": limit}).scalars())


def is_anybody_due(tx: Connection, *, today: date) -> bool:
    """Whether decisions are due, those included that another planner has in hand. Index ix_pace_plan_at."""
    query = text("select exists (select from pace where plan_at <= :today)")
    return bool(tx.execute(query, {"today": today}).scalar_one())


class PersonRow(NamedTuple):
    """Somebody who is due. is_clear: no refusal stands and a consent covers all products.

    yields: somebody of a lower id at the same mailbox is due as well and decides first. tones: of the last
    counted mails, newest first, with commas between. taken: month:product:slot from this month on, of person
    and mailbox, likewise; as text, which is the same for many and read once.
    """

    id: int
    address_id: int | None
    address_status: str | None
    is_excluded: bool
    lang: str
    company_id: int | None
    company_class: str
    buying_role: str
    next_free_on: int
    every: int
    last_month: int
    tones: str
    taken: str
    is_clear: bool
    yields: bool


PEOPLE = f"""
select p.id, p.address_id, a.status, p.merged_into is not null or p.excluded_reason <> '', p.preferred_lang,
       f.company_id, coalesce(co.class, '-'), coalesce(f.buying_role, ''),
       coalesce({_ORDINAL.format("greatest(pa.next_free_on, a.next_free_on)")}, 0),
       greatest(pa.every_months, coalesce(a.every_months, 1)),
       coalesce(h.month, 0), coalesce(h.tones, ''),
       -- Most have no slot from this month on: two looks into indexes, where collecting nothing takes twice as long.
       case when exists (select 1 from mail_slots s where s.address_id = p.address_id and s.month >= :month offset 0)
              or exists (select 1 from mail_slots s where s.person_id = p.id and s.month >= :month offset 0)
            then (select string_agg(s.month || ':' || s.product_id || ':' || s.slot_no, ',' order by s.month, s.slot_no)
                    from (select month, product_id, slot_no from mail_slots where person_id = p.id and month >= :month
                          union
                          select month, product_id, slot_no from mail_slots
                           where address_id = p.address_id and month >= :month) s)
            else '' end,
       not exists (select 1 from suppressions s where s.person_id = p.id and s.lifted_at is null offset 0)
       and not exists (select 1 from suppressions s where s.key_hash = a.key_hash and s.lifted_at is null offset 0)
       and exists (select 1 from consents c where c.address_id = a.id and c.withdrawn_at is null
                      and c.product_id is null offset 0),
       exists (select 1 from people o join pace x on x.person_id = o.id
                where o.address_id = p.address_id and o.id < p.id and x.plan_at <= :today offset 0)
  from unnest(cast(:people as bigint[])) with ordinality as q(id, place)
  join people p on p.id = q.id
  left join pace pa on pa.person_id = p.id  -- none: the simulation asks about people who have not joined
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join lateral (
       -- Index only: ix_deliveries_counted carries month and tone. Eleven suffice for every tone rule.
       select max(d.month) as month, string_agg(d.tone, ',' order by d.sent_at desc nulls first) as tones
         from (select month, tone, sent_at from deliveries
                where person_id = p.id and class <> 'transactional' and state in ('sent', 'in_doubt')
                order by sent_at desc limit 12) d) h on true
 order by q.place
"""  # noqa: S608 - constants of this module


def people(tx: Connection, ids: Sequence[int], *, month: int, today: date) -> list[PersonRow]:
    """The facts of these people, in their order."""
    values = {"people": as_array(ids), "month": month, "today": today}
    return list(map(PersonRow._make, bulk.rows(tx, PEOPLE, values)))


class EnrollmentRow(NamedTuple):
    """An active enrolment of an active scenario, with the lead it serves. class of the flow's pointer: position."""

    person_id: int
    id: int
    product_id: int
    scenario_id: int
    version_id: int
    position: int
    start_month: int
    due_month: int
    due_on: int
    entered_on: int
    round: int
    rank: str
    stage: str


ENROLLMENTS = f"""
select e.person_id, e.id, e.product_id, e.scenario_id, e.version_id, e.position, e.start_month, e.due_month,
       coalesce({_ORDINAL.format("e.due_on")}, 0), coalesce({_ORDINAL.format("e.entered_on")}, 0), e.round,
       coalesce(l.rank, 'unobserved'), coalesce(l.state, 'new')
  from unnest(cast(:people as bigint[])) with ordinality as q(id, place)
  join enrollments e on e.person_id = q.id and e.status = 'active'
  left join product_leads l on l.person_id = e.person_id and l.product_id = e.product_id
 where e.scenario_id = any(array(select id from scenarios where status = 'active'))
   and e.product_id = any(array(select id from products where not is_paused))
 order by q.place, e.id
"""  # noqa: S608 - constants of this module


def enrollments(tx: Connection, ids: Sequence[int]) -> list[EnrollmentRow]:
    """What these people take part in. Indexes ix_enrollments_active, uq_product_leads_person_id_product_id."""
    return list(map(EnrollmentRow._make, bulk.rows(tx, ENROLLMENTS, {"people": as_array(ids)})))


PERMISSION = f"""
select e.id, coalesce({permission.refusal(product="e.product_id", enrolled="e.created_at")},
            case when {permission.consent(product="e.product_id")} then null else 'no_consent' end) as block
  from unnest(cast(:enrollments as bigint[])) as q(id)
  join enrollments e on e.id = q.id
  join people p on p.id = e.person_id
  join addresses a on a.id = p.address_id
"""  # noqa: S608 - constants of the storage layer


def refusals(tx: Connection, enrollments: Sequence[int]) -> dict[int, str]:
    """Why these enrolments may not be mailed, by id; asked only for people who are not clear."""
    if not enrollments:
        return {}
    rows = tx.execute(text(PERMISSION), {"enrollments": as_array(enrollments)})
    return {id: block for id, block in rows if block is not None}


REPEATED = """
select q.id, d.content_id
  from unnest(cast(:people as bigint[])) as q(id),
       lateral (select content_id from deliveries
                 where person_id = q.id and content_id = any(cast(:contents as bigint[]))
                   and class <> 'transactional' and state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
                offset 0) d  -- else a planner who believes that nobody had these reads the index for all people
"""


def repeated(tx: Connection, people: Iterable[int], contents: Iterable[int]) -> set[tuple[int, int]]:
    """Which of these contents these people were mailed or are to get: (person, content).

    Index uq_deliveries_person_content, once a person.
    """
    values = {"people": as_array(people), "contents": as_array(contents)}
    return {(row[0], row[1]) for row in bulk.rows(tx, REPEATED, values)}


SILENT = """
select q.id, count(*)
  from unnest(cast(:people as bigint[])) as q(id),
       lateral (select max(t.at) as at from (select at from touchpoints where person_id = q.id and validity > 0
                   and depth >= 1 order by at desc limit 1) t) sign,
       lateral (select sent_at from deliveries
                 where person_id = q.id and class <> 'transactional' and state in ('sent', 'in_doubt')
                 order by sent_at desc limit 12) d
 where d.sent_at > coalesce(sign.at, '-infinity')
 group by q.id
"""


def silent(tx: Connection, people: Sequence[int]) -> dict[int, int]:
    """Counted mails since the last human sign, up to twelve; asked only for people who have six or more."""
    if not people:
        return {}
    return {row[0]: row[1] for row in bulk.rows(tx, SILENT, {"people": as_array(people)})}


CROWDS = """
select f.company_id, e.scenario_id
  from (select f.company_id from unnest(cast(:companies as bigint[])) as q(id)
          join affiliations f on f.company_id = q.id and f.is_current
         group by f.company_id having count(*) > 5) big
  join affiliations f on f.company_id = big.company_id and f.is_current
  join enrollments e on e.person_id = f.person_id
 group by f.company_id, e.scenario_id having count(*) > 5
"""


def crowds(tx: Connection, companies: Iterable[int]) -> set[tuple[int, int]]:
    """(company, scenario) with more than five people in it, whatever batch they are in."""
    rows = tx.execute(text(CROWDS), {"companies": as_array(companies)})
    return {(company, scenario) for company, scenario in rows}


class ProductRow(NamedTuple):
    """What the planner knows of a product. windows: minutes after midnight; () means the shipped hours."""

    id: int
    priority: int
    is_active: bool
    tone_every: int
    windows: tuple[tuple[int, int], ...]


def products(tx: Connection) -> dict[int, ProductRow]:
    rows = tx.execute(text("select id, priority, is_active, tone_every, windows from products"))
    return {
        id: ProductRow(id, priority, active, every, tuple((int(a), int(b)) for a, b in windows))
        for id, priority, active, every, windows in rows
    }


class Frozen(NamedTuple):
    """A published mail: its id, language and buying role."""

    id: int
    lang: str
    role: str


def published(tx: Connection, versions: Sequence[int]) -> dict[tuple[int, str], list[Frozen]]:
    """The frozen mails of these versions by (version, step key)."""
    found: dict[tuple[int, str], list[Frozen]] = defaultdict(list)
    rows = tx.execute(
        text(
            "select version_id, step_key, id, lang, buying_role from published_mails"
            " where version_id = any(cast(:versions as bigint[])) order by id"
        ),
        {"versions": as_array(versions)},
    )
    for version, key, id, lang, role in rows:
        found[version, key].append(Frozen(id, lang, role))
    return found


def shelf(tx: Connection) -> dict[int, list[Frozen]]:
    """The frozen mails of the evergreen shelf by content: of no version, key `shelf`."""
    found: dict[int, list[Frozen]] = defaultdict(list)
    rows = tx.execute(
        text(
            "select content_id, id, lang, buying_role from published_mails"
            " where version_id is null and step_key = 'shelf' order by id"
        )
    )
    for content, id, lang, role in rows:
        found[content].append(Frozen(id, lang, role))
    return found


class Shelved(NamedTuple):
    """The content a shelf gives somebody next."""

    content_id: int
    content_kind: str
    tone: str


_EVERGREEN = "c.is_evergreen and c.kind not in ('thanks', 'permission')"
# had: what somebody got, will get, or was spared by the owner's veto; read once a person by its index.
_UNSEEN = """
select e.id, c.id as content_id, c.kind, c.tone
  from unnest(cast(:enrollments as bigint[])) as q(id)
  join enrollments e on e.id = q.id
 cross join lateral (
       select coalesce(array_agg(d.content_id), '{{}}') as contents,
              coalesce(bool_or(k.kind = 'permission'), false) as was_asked
         from deliveries d join contents k on k.id = d.content_id
        where d.person_id = e.person_id and d.class <> 'transactional'
          and (d.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
               or d.state = 'cancelled' and d.reason = 'vetoed')) had
 cross join lateral (
       select c.id, c.kind, c.tone from contents c
        where {which} and c.status = 'approved'
          and (c.product_id = e.product_id or c.product_id is null)
          and exists (select 1 from published_mails m where m.content_id = c.id and m.version_id is null
                         and m.step_key = 'shelf')
          and c.id <> all (had.contents)
        order by c.product_id nulls last, c.id limit 1) c
"""
SHELVED = _UNSEEN.format(which=_EVERGREEN)
# Once a person, whatever the product: who was asked whether to go on rests on the shelf from then on.
INSTEAD = _UNSEEN.format(which=f"case when had.was_asked then {_EVERGREEN} else c.kind = 'permission' end")


def shelved(tx: Connection, enrollments: Sequence[int]) -> dict[int, Shelved]:
    """The next unseen content of the shelf for these enrolments; none for who has seen them all (S1-11)."""
    return _unseen(tx, SHELVED, enrollments)


def instead(tx: Connection, enrollments: Sequence[int]) -> dict[int, Shelved]:
    """What goes in a row's place to people silent for twelve mails: once a question, then the shelf (3.1.12).

    None where no such content is approved, or all is seen.
    """
    return _unseen(tx, INSTEAD, enrollments)


def _unseen(tx: Connection, query: str, enrollments: Sequence[int]) -> dict[int, Shelved]:
    if not enrollments:
        return {}
    rows = tx.execute(text(query), {"enrollments": as_array(enrollments)})
    return {id: Shelved(content, kind, tone) for id, content, kind, tone in rows}


def hurry(tx: Connection, people: Sequence[int], *, today: date) -> None:
    """Whatever changed a person's prospects moves the next decision to today; early is harmless."""
    if people:
        tx.execute(
            text(
                """
                insert into pace (person_id, plan_at)
                select distinct e.person_id, cast(:today as date) from enrollments e
                 where e.person_id = any(:ids) and e.status = 'active'
                 order by e.person_id
                on conflict (person_id) do update set plan_at = least(pace.plan_at, excluded.plan_at)
                """
            ),
            {"ids": list(people), "today": today},
        )
