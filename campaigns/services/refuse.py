"""Refuse: a person wants less mail or none, and that binds at once.

Every way in ends here: the page behind the link, the one-click POST of mailbox providers, a reply, a call.
One transaction writes the refusal, ends what is planned, stops the enrollments and moves the stop counter,
so that no running batch starts a body more than a second after the commit.

While the database is away the wish goes to a file, fsynced before the recipient is told that it is
recorded, and `drain` applies it before the next mails are claimed. Source: spec 3.4; design 3, 7.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import structlog
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.matching import email_key
from campaigns.services import kept_lines, refuse_measuring
from campaigns.storage import audit, outbox, products, refusals, settling
from campaigns.storage.refusals import Subject

log = structlog.get_logger()

SCOPES = frozenset({"product", "global", "new_products"})
LESS_MONTHS = 2
# Only what the recipients themselves pressed can be taken back by pressing again.
OWN_ACTS = ("user_link", "one_click")
EVIDENCE_MAX = 2000


class RefuseError(ValueError):
    """code: nobody (no such mail, address or person), scope_unknown, product_missing, evidence_missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Refused:
    """What a refusal did. is_new: False when it stood already. stopped: deliveries that will not go out."""

    is_new: bool
    scope: str
    product_id: int | None
    email: str | None
    stopped: int


def record(
    parts: Parts,
    *,
    scope: str,
    reason: str,
    now: datetime,
    delivery_id: int | None = None,
    address_id: int | None = None,
    person_id: int | None = None,
    email: str = "",
    product_id: int | None = None,
    evidence: str = "",
    user_id: int | None = None,
    bars_new_products: bool = False,
) -> Refused:
    """Write a refusal and everything that follows from it; harmless to repeat.

    Exactly one of delivery_id, address_id, person_id, email says whose. scope: product, global or
    new_products; the product is that of the mail where none is given, and a mail without a product is
    unspecific: everything. email: also one that nobody here knows, so that a later import stays refused.
    bars_new_products: no new product without fresh consent, as after a one-click. Raises RefuseError.
    """
    if scope not in SCOPES:
        raise RefuseError("scope_unknown")
    with parts.engine.begin() as tx:
        subject = _subject(tx, parts, delivery_id, address_id, person_id, email)
        chosen = _product(tx, subject, scope, product_id)
        scope = "global" if scope == "product" and chosen is None else scope
        return _refuse(
            tx,
            parts,
            subject,
            scope=scope,
            product_id=chosen,
            reason=reason,
            evidence=evidence[:EVIDENCE_MAX],
            user_id=user_id,
            bars_new_products=bars_new_products,
            now=now,
        )


def undo(parts: Parts, *, delivery_id: int, of: str, now: datetime) -> bool:
    """Take back what was pressed on the page of this mail; True when something changed.

    of: product, global or less. Only the recipient's own presses come back, never a refusal told by phone.
    """
    with parts.engine.begin() as tx:
        subject = refusals.of_delivery(tx, delivery_id)
        if subject is None:
            raise RefuseError("nobody")
        if of == "less":
            assert subject.address_id is not None
            changed = refusals.set_pace(tx, subject.address_id, months=1) != 1
            _note(tx, subject, "normal_pace", None, now=now)
            return changed
        scopes, product_id = (["global"], None) if of == "global" else (["product"], subject.product_id)
        lifted = refusals.lift(
            tx,
            subject.key_hash,
            # A one-click barred new products as well: pressing back means both.
            scopes=[*scopes, "new_products"],
            product_id=product_id,
            reasons=OWN_ACTS,
            why="undo",
            now=now,
        )
        if not lifted:
            return False
        resume(tx, parts, subject, scope=scopes[0], product_id=product_id, now=now)
        _note(tx, subject, "refusal_undone", None, now=now)
        return True


def less_often(parts: Parts, *, delivery_id: int, now: datetime) -> bool:
    """At most one mail in two months to this mailbox; a preference, not a refusal. True when it is new."""
    with parts.engine.begin() as tx:
        subject = refusals.of_delivery(tx, delivery_id)
        if subject is None or subject.address_id is None:
            raise RefuseError("nobody")
        before = refusals.set_pace(tx, subject.address_id, months=LESS_MONTHS)
        refusals.plan_today(tx, subject, today=_today(parts, now))
        _note(tx, subject, "less_often", None, now=now)
        return before != LESS_MONTHS


# --- while the database is away --------------------------------------------------------------------------


def spool(parts: Parts, *, delivery_id: int, act: str, reason: str, now: datetime) -> None:
    """Keep a wish on disk, fsynced. act: product, global, less, one_click, undo_product ... OSError when full."""
    line = json.dumps({"delivery_id": delivery_id, "act": act, "reason": reason, "at": now.isoformat()})
    kept_lines.append(_spool_path(parts), line.encode())


def spooled(parts: Parts) -> int:
    """How many wishes wait on disk."""
    return kept_lines.count(_spool_path(parts))


def drain(parts: Parts, *, now: datetime) -> int:
    """Apply what was kept while the database was away, in order; returns how many.

    The file goes only after the last commit: a crash in between applies some of it again, which is harmless.
    """
    with kept_lines.taken(_spool_path(parts)) as lines:
        done = sum(_apply(parts, line, now=now) for line in lines)
    if lines:
        log.info("refusals taken from disk", count=done)
    return done


def act_on(parts: Parts, *, delivery_id: int, act: str, reason: str, now: datetime) -> None:
    """What a press on the recipient's page does. Raises RefuseError for an unknown act or mail."""
    if act in ("unmeasured", "undo_unmeasured"):
        if refuse_measuring.run(parts, delivery_id=delivery_id, refuses=act == "unmeasured", now=now) is None:
            raise RefuseError("nobody")
    elif act == "less":
        less_often(parts, delivery_id=delivery_id, now=now)
    elif act.startswith("undo_"):
        undo(parts, delivery_id=delivery_id, of=act.removeprefix("undo_"), now=now)
    elif act == "one_click":
        record(
            parts, delivery_id=delivery_id, scope="product", reason=reason, bars_new_products=True, now=now
        )
    else:
        record(parts, delivery_id=delivery_id, scope=act, reason=reason, now=now)


def _apply(parts: Parts, line: bytes, *, now: datetime) -> int:
    """One kept wish. A line that cannot be read, or of a mail that is gone, is left out with a note."""
    try:
        kept = json.loads(line)
        act_on(
            parts,
            delivery_id=int(kept["delivery_id"]),
            act=str(kept["act"]),
            reason=str(kept["reason"]),
            now=min(datetime.fromisoformat(kept["at"]), now),
        )
    except (ValueError, KeyError, TypeError) as error:
        log.error("a kept refusal could not be applied", error=type(error).__name__)
        return 0
    return 1


def _spool_path(parts: Parts) -> Path:
    return parts.settings.folder / "spool" / "unsubscribes.jsonl"


# --- inside the transaction ------------------------------------------------------------------------------


def _subject(
    tx: Connection,
    parts: Parts,
    delivery_id: int | None,
    address_id: int | None,
    person_id: int | None,
    email: str,
) -> Subject:
    if delivery_id is not None:
        found = refusals.of_delivery(tx, delivery_id)
    elif person_id is not None:
        row = refusals.of_person(tx, person_id)
        if row is None:
            raise RefuseError("nobody")
        # Somebody without a mailbox is found by the person; the hash only keeps the row unique.
        found = row[1] or Subject(parts.key_hash(f"person:{row[0]}"), person_id=row[0])
    elif email:
        key = email_key(email)
        found = refusals.of_address(tx, email_key=key) or Subject(parts.key_hash(key))
    else:
        found = refusals.of_address(tx, address_id=address_id)
    if found is None:
        raise RefuseError("nobody")
    return found


def _product(tx: Connection, subject: Subject, scope: str, product_id: int | None) -> int | None:
    if scope != "product":
        return None
    chosen = product_id if product_id is not None else subject.product_id
    is_there = chosen is not None and products.find(tx, chosen) is not None
    if not is_there and (chosen is not None or subject.delivery_id is None):
        raise RefuseError("product_missing")
    return chosen


def _refuse(
    tx: Connection,
    parts: Parts,
    subject: Subject,
    *,
    scope: str,
    product_id: int | None,
    reason: str,
    evidence: str,
    user_id: int | None,
    bars_new_products: bool,
    now: datetime,
) -> Refused:
    new_id = refusals.add(
        tx,
        subject,
        scope=scope,
        product_id=product_id,
        reason=reason,
        evidence=evidence,
        user_id=user_id,
        at=now,
    )
    if bars_new_products and scope == "product":
        refusals.add(
            tx,
            subject,
            scope="new_products",
            product_id=None,
            reason=reason,
            evidence=evidence,
            user_id=user_id,
            at=now,
        )
    stopped: list[int] = []
    if scope != "new_products":
        word, today = f"refused_{scope}", _today(parts, now)
        refusals.lock(tx, subject)
        refusals.stop_enrollments(tx, subject, product_id=product_id, reason=word)
        stopped = refusals.suppress(tx, subject, product_id=product_id, reason=word, now=now)
        settling.free_slots(tx, stopped, today=today, zone=parts.settings.zone)
        refusals.plan_today(tx, subject, today=today)
    outbox.bump_stops(tx)
    if new_id is not None:
        _note(tx, subject, f"refused_{scope}", user_id, now=now, product_id=product_id, reason=reason)
    return Refused(new_id is not None, scope, product_id, subject.email, len(stopped))


def resume(
    tx: Connection, parts: Parts, subject: Subject, *, scope: str, product_id: int | None, now: datetime
) -> None:
    """What follows from a refusal being lifted, in its transaction."""
    refusals.resume_enrollments(tx, subject, product_id=product_id, reason=f"refused_{scope}")
    refusals.plan_today(tx, subject, today=_today(parts, now))


def _note(
    tx: Connection,
    subject: Subject,
    action: str,
    user_id: int | None,
    *,
    now: datetime,
    product_id: int | None = None,
    reason: str = "",
) -> None:
    noun, noun_id = ("address", subject.address_id) if subject.address_id else ("person", subject.person_id)
    changes: dict[str, tuple[object, object]] = {}
    if product_id is not None:
        changes["product_id"] = (None, product_id)
    if reason:
        changes["reason"] = (None, reason)
    audit.note(tx, noun=noun, noun_id=noun_id, action=action, user_id=user_id, now=now, changes=changes)


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.settings.tz).date()
