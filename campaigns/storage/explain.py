"""Everything that says why a person did or did not get a mail, in a handful of statements a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address. status: unknown, ok, soft, hard, complaint."""

    id: int
    email: str
    status: str
    status_reason: str
    status_at: datetime | None


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody at the mailbox. writes_to: where mails to this person go, None without an address.

    held: who gave way at the last decision: enrolment -> (reason, product that goes first or None).
    """

    id: int
    name: str
    company: str
    excluded_reason: str
    writes_to: str | None
    address_status: str
    address_status_at: datetime | None
    every_months: int
    next_free_on: date | None
    plan_at: date | None
    held: Mapping[str, tuple[str, int | None]]


@dataclass(frozen=True, slots=True)
class Listed:
    """A product in whose list the person stands, and how near it is there."""

    id: int
    name: str
    colour_no: int
    rank: str


@dataclass(frozen=True, slots=True)
class Enrollment:
    """A person in a scenario. position: of the next step; due_month: when that is due at the earliest."""

    id: int
    product_id: int
    product: str
    colour_no: int
    scenario_id: int
    scenario: str
    status: str
    reason: str
    position: int
    version_id: int
    start_month: int
    due_month: int
    created_at: datetime
    scenario_status: str
    is_product_active: bool
    is_product_paused: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A mail row of a version. offset_months: from the enrolment's first month. arm: of the branch parent_key."""

    version_id: int
    position: int
    key: str
    offset_months: int
    title: str
    valid_until: date | None
    parent_key: str
    arm: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """scope: product, global, new_products."""

    scope: str
    product_id: int | None
    product: str
    reason: str
    at: datetime
    lifted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Consent:
    """product_id: None covers all products."""

    basis: str
    product_id: int | None
    obtained_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class Act:
    """A pause, resume or stop in the log. noun: sending, product, scenario."""

    noun: str
    noun_id: int | None
    action: str
    at: datetime


def mailbox(tx: Connection, email_key: str) -> Mailbox | None:
    row = tx.execute(
        text("select id, email, status, status_reason, status_at from addresses where email_key = :key"),
        {"key": email_key},
    ).first()
    return Mailbox(*row) if row else None


PERSON = """
select p.id, p.full_name as name, coalesce(co.name, '') as company, p.excluded_reason, a.email as writes_to,
       coalesce(a.status, '') as address_status, a.status_at as address_status_at,
       greatest(coalesce(pa.every_months, 1), coalesce(a.every_months, 1)) as every_months,
       greatest(pa.next_free_on, a.next_free_on) as next_free_on, pa.plan_at,
       coalesce(pa.held, '{}') as held
  from people p
  left join addresses a on a.id = p.address_id
  left join pace pa on pa.person_id = p.id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null and {where} order by p.id
"""


def people_at(tx: Connection, address_id: int) -> tuple[Person, ...]:
    """Everybody at a mailbox: those who are written to there, and those who have it besides another."""
    where = "(p.address_id = :id or p.id in (select person_id from person_addresses where address_id = :id))"
    return tuple(
        Person(*row) for row in tx.execute(text(PERSON.replace("{where}", where)), {"id": address_id})
    )


def person(tx: Connection, person_id: int) -> Person | None:
    row = tx.execute(text(PERSON.replace("{where}", "p.id = :id")), {"id": person_id}).first()
    return Person(*row) if row else None


def enrollments(tx: Connection, person_id: int) -> tuple[Enrollment, ...]:
    """By product, in the order of priority. Index ix_enrollments_person_id."""
    rows = tx.execute(
        text(
            """
            select e.id, e.product_id, pr.name as product, pr.colour_no, e.scenario_id, s.name as scenario, e.status,
                   e.reason, e.position, e.version_id, e.start_month, e.due_month, e.created_at,
                   s.status as scenario_status, pr.is_active as is_product_active,
                   pr.is_paused as is_product_paused
              from enrollments e join scenarios s on s.id = e.scenario_id join products pr on pr.id = e.product_id
             where e.person_id = :id order by pr.priority, pr.id, e.id
            """
        ),
        {"id": person_id},
    )
    return tuple(Enrollment(*row) for row in rows)


def known_products(tx: Connection, person_id: int) -> tuple[Listed, ...]:
    """The active products in whose list the person stands."""
    rows = tx.execute(
        text(
            "select pr.id, pr.name, pr.colour_no, l.rank from product_leads l"
            " join products pr on pr.id = l.product_id"
            " where l.person_id = :id and pr.is_active order by pr.priority, pr.id"
        ),
        {"id": person_id},
    )
    return tuple(Listed(*row) for row in rows)


def steps(tx: Connection, versions: Sequence[int]) -> tuple[Step, ...]:
    """The mail rows of these versions in their order."""
    rows = tx.execute(
        text(
            """
            select s.version_id, s.position, s.key, s.offset_months, coalesce(c.title, '') as title,
                   least(s.valid_until, ev.apply_by, ev.starts_on) as valid_until, s.parent_key, s.arm
              from steps s left join contents c on c.id = s.content_id left join events ev on ev.id = s.event_id
             where s.version_id = any(:ids) and s.kind in ('mail', 'invite')
             order by s.version_id, s.position
            """
        ),
        {"ids": list(versions)},
    )
    return tuple(Step(*row) for row in rows)


def refusals(tx: Connection, person_id: int) -> tuple[Refusal, ...]:
    """Of the person and of the mailbox, lifted ones too, oldest first."""
    rows = tx.execute(
        text(
            """
            select distinct s.id, s.scope, s.product_id, coalesce(pr.name, '') as product, s.reason, s.at, s.lifted_at
              from people p left join addresses a on a.id = p.address_id
              join suppressions s on s.person_id = p.id or s.key_hash = a.key_hash
              left join products pr on pr.id = s.product_id
             where p.id = :id order by s.at, s.id
            """
        ),
        {"id": person_id},
    )
    return tuple(Refusal(r.scope, r.product_id, r.product, r.reason, r.at, r.lifted_at) for r in rows)


def consents(tx: Connection, person_id: int) -> tuple[Consent, ...]:
    """Of the mailbox that is written to, oldest first. Index ix_consents_address_id."""
    rows = tx.execute(
        text(
            """
            select c.basis, c.product_id, c.obtained_at, c.withdrawn_at
              from people p join consents c on c.address_id = p.address_id where p.id = :id order by c.obtained_at
            """
        ),
        {"id": person_id},
    )
    return tuple(Consent(*row) for row in rows)


def acts(tx: Connection, *, products: Sequence[int], scenarios: Sequence[int]) -> tuple[Act, ...]:
    """What staff paused, resumed and stopped, oldest first. Index ix_audit_log_noun_noun_id."""
    rows = tx.execute(
        text(
            """
            select noun, noun_id, action, at from audit_log
             where action in ('pause', 'resume', 'stop', 'paused', 'active')
               and (noun = 'sending' or noun = 'product' and noun_id = any(:products)
                    or noun = 'scenario' and noun_id = any(:scenarios))
             order by id
            """
        ),
        {"products": list(products), "scenarios": list(scenarios)},
    )
    return tuple(Act(*row) for row in rows)
