"""Refusals: whose mail must not go out, for what, and what hangs on it.

A refusal is bound to the hash of the mailbox (which outlives erasure and re-import) and to the person. One
live row a mailbox and scope: the second press of the button changes nothing (uq_suppressions_live).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose refusal it is. email is None for somebody without a mailbox, and for an unknown one."""

    key_hash: bytes
    email: str | None = None
    address_id: int | None = None
    person_id: int | None = None
    delivery_id: int | None = None
    product_id: int | None = None


def of_delivery(tx: Connection, delivery_id: int) -> Subject | None:
    """The mailbox a mail went to; None when there is no such mail, or it went to no mailbox of ours."""
    row = tx.execute(
        text(
            """
            select a.key_hash, a.email, a.id as address_id, d.person_id, d.id as delivery_id, d.product_id
              from deliveries d join addresses a on a.id = d.address_id where d.id = :id
            """
        ),
        {"id": delivery_id},
    ).first()
    return None if row is None else Subject(**row._mapping)


def of_address(tx: Connection, *, address_id: int | None = None, email_key: str = "") -> Subject | None:
    """A mailbox, and the person it belongs to when that is one person."""
    row = tx.execute(
        text(
            """
            select a.key_hash, a.email, a.id as address_id,
                   (select case when count(*) = 1 then min(p.id) end from people p
                     where p.address_id = a.id and p.merged_into is null) as person_id
              from addresses a where a.id = :id or a.email_key = :key limit 1
            """
        ),
        {"id": address_id, "key": email_key or None},
    ).first()
    return None if row is None else Subject(**row._mapping)


def of_person(tx: Connection, person_id: int) -> tuple[int, Subject | None] | None:
    """The person and the mailbox that is written to, if there is one; None when there is no such person."""
    row = tx.execute(
        text(
            """
            select p.id, a.key_hash, a.email, a.id as address_id from people p
              left join addresses a on a.id = p.address_id where p.id = :id
            """
        ),
        {"id": person_id},
    ).first()
    if row is None:
        return None
    if row.address_id is None:
        return row.id, None
    return row.id, Subject(row.key_hash, row.email, row.address_id, row.id)


def set_measuring(tx: Connection, subject: Subject, *, refuses: bool) -> list[int]:
    """Whoever is written to at this mailbox, and the mail's own person; those for whom that is new."""
    rows = tx.execute(
        text(
            "update people p set do_not_track = :refuses, version = p.version + 1"
            " where (p.address_id = :address or p.id = :person"
            "     or p.id = (select merged_into from people where id = :person))"
            " and p.do_not_track <> :refuses returning p.id"
        ),
        {"refuses": refuses, "address": subject.address_id, "person": subject.person_id},
    )
    return sorted(row.id for row in rows)


def add(
    tx: Connection,
    subject: Subject,
    *,
    scope: str,
    product_id: int | None,
    reason: str,
    evidence: str,
    user_id: int | None,
    at: datetime,
) -> int | None:
    """The id of the new refusal; None when it stood already.

    A refusal that came with an imported list and is now said by the person herself becomes her own, so that
    undoing that import does not lift it.
    """
    return tx.execute(
        text(
            """
            insert into suppressions (key_hash, address_id, person_id, origin_person_id, scope, product_id, reason,
                                      evidence, recorded_by, delivery_id, at)
            values (:key_hash, :address_id, :person_id, :person_id, :scope, :product_id, :reason, :evidence,
                    :user_id, :delivery_id, :at)
            on conflict (key_hash, scope, coalesce(product_id, 0)) where lifted_at is null do update
               set import_batch_id = null, reason = excluded.reason, evidence = excluded.evidence, at = excluded.at
             where suppressions.import_batch_id is not null
            returning id
            """
        ),
        {
            "key_hash": subject.key_hash,
            "address_id": subject.address_id,
            "person_id": subject.person_id,
            "scope": scope,
            "product_id": product_id,
            "reason": reason,
            "evidence": evidence,
            "user_id": user_id,
            "delivery_id": subject.delivery_id,
            "at": at,
        },
    ).scalar()


def suppress(
    tx: Connection, subject: Subject, *, product_id: int | None, reason: str, now: datetime
) -> list[int]:
    """End what is planned for the mailbox or the person; returns the deliveries. product_id None: all.

    What is in a worker's hands is not touched: the stop counter makes the worker ask again before each body.
    """
    rows = tx.execute(
        text(
            """
            update deliveries set state = 'suppressed', reason = :reason, until = null, settled_at = :now
             where state in ('planned', 'retry', 'carried_over') and class <> 'transactional'
               and (person_id = :person_id or person_id in
                    (select id from people where address_id = :address_id) or address_id = :address_id)
               and (cast(:product_id as bigint) is null or product_id = :product_id)
            returning id
            """
        ),
        {
            "reason": reason,
            "now": now,
            "person_id": subject.person_id,
            "address_id": subject.address_id,
            "product_id": product_id,
        },
    )
    return [row.id for row in rows]


def lock(tx: Connection, subject: Subject) -> None:
    """Pace, then enrolments of everybody at the mailbox: in the planner's order, before anything is changed."""
    people = "(person_id = :person_id or person_id in (select id from people where address_id = :address_id))"
    values = {"person_id": subject.person_id, "address_id": subject.address_id}
    tx.execute(text(f"select 1 from pace where {people} order by person_id for update"), values)  # noqa: S608
    tx.execute(text(f"select 1 from enrollments where {people} order by id for update"), values)  # noqa: S608


def stop_enrollments(tx: Connection, subject: Subject, *, product_id: int | None, reason: str) -> int:
    """Stop taking part in the scenarios of the product, or of all; returns how many."""
    done = tx.execute(
        text(
            """
            update enrollments set status = 'stopped', reason = :reason
             where status in ('active', 'paused')
               and (person_id = :person_id or person_id in (select id from people where address_id = :address_id))
               and (cast(:product_id as bigint) is null or product_id = :product_id)
            """
        ),
        {
            "reason": reason,
            "person_id": subject.person_id,
            "address_id": subject.address_id,
            "product_id": product_id,
        },
    )
    return done.rowcount


def resume_enrollments(tx: Connection, subject: Subject, *, product_id: int | None, reason: str) -> int:
    """Take part again where exactly this refusal had stopped it; the next decision is for the next month due."""
    done = tx.execute(
        text(
            """
            update enrollments set status = 'active', reason = ''
             where status = 'stopped' and reason = :reason
               and (person_id = :person_id or person_id in (select id from people where address_id = :address_id))
               and (cast(:product_id as bigint) is null or product_id = :product_id)
            """
        ),
        {
            "reason": reason,
            "person_id": subject.person_id,
            "address_id": subject.address_id,
            "product_id": product_id,
        },
    )
    return done.rowcount


def plan_today(tx: Connection, subject: Subject, *, today: date) -> None:
    """The planner looks again: another product may have the month now. Early is harmless."""
    tx.execute(
        text(
            """
            update pace set plan_at = :today where plan_at > :today
               and (person_id = :person_id or person_id in (select id from people where address_id = :address_id))
            """
        ),
        {"today": today, "person_id": subject.person_id, "address_id": subject.address_id},
    )


def lift(
    tx: Connection,
    key_hash: bytes,
    *,
    scopes: Sequence[str],
    product_id: int | None,
    reasons: Sequence[str],
    why: str,
    now: datetime,
    person_id: int | None = None,
) -> list[int]:
    """Lift the live refusals of these scopes that were recorded for one of these reasons; returns their ids.

    person_id: those bound to the person as well, whichever mailbox they came from.
    """
    rows = tx.execute(
        text(
            """
            update suppressions set lifted_at = :now, lifted_reason = :why
             where (key_hash = :key_hash or person_id = :person_id) and lifted_at is null and scope = any(:scopes)
               and reason = any(:reasons) and (scope <> 'product' or product_id = :product_id)
            returning id
            """
        ),
        {
            "now": now,
            "why": why,
            "key_hash": key_hash,
            "person_id": person_id,
            "scopes": list(scopes),
            "reasons": list(reasons),
            "product_id": product_id,
        },
    )
    return [row.id for row in rows]


def is_for_good(
    tx: Connection, key_hash: bytes, person_id: int, *, scopes: Sequence[str], reasons: Sequence[str]
) -> bool:
    """Whether a refusal stands of another scope than these, or recorded for another reason."""
    found = tx.execute(
        text(
            "select exists (select 1 from suppressions where (key_hash = :hash or person_id = :person)"
            " and lifted_at is null and not (reason = any(:reasons) and scope = any(:scopes)))"
        ),
        {"hash": key_hash, "person": person_id, "scopes": list(scopes), "reasons": list(reasons)},
    )
    return bool(found.scalar_one())


def lift_one(tx: Connection, refusal_id: int, *, why: str, now: datetime) -> Row | None:
    """Lift one refusal; None when it is lifted already or there is none."""
    row = tx.execute(
        text(
            "update suppressions set lifted_at = :now, lifted_reason = :why"
            " where id = :id and lifted_at is null returning scope, product_id, key_hash, address_id, person_id"
        ),
        {"id": refusal_id, "why": why, "now": now},
    ).first()
    return None if row is None else Row(**row._mapping)


@dataclass(frozen=True, slots=True)
class Row:
    """A refusal's key columns."""

    scope: str
    product_id: int | None
    key_hash: bytes
    address_id: int | None
    person_id: int | None

    @property
    def subject(self) -> Subject:
        return Subject(self.key_hash, None, self.address_id, self.person_id)


def set_pace(tx: Connection, address_id: int, *, months: int) -> int:
    """At most one mail in so many months to this mailbox; returns what it was."""
    before = tx.execute(
        text("select every_months from addresses where id = :id for update"), {"id": address_id}
    ).scalar_one()
    tx.execute(
        text("update addresses set every_months = :months where id = :id"),
        {"id": address_id, "months": months},
    )
    return int(before)
