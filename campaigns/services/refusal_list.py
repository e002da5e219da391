"""The list of refusals: what recipients see of their own, what staff search, lift and export."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.matching import email_key
from campaigns.services import export_lines, refuse
from campaigns.storage import audit, refusal_list, refusals
from campaigns.storage.refusal_list import Line, Settings, Wanted


def lift(parts: Parts, refusal_id: int, *, why: str, user_id: int, now: datetime) -> bool:
    """Lift a refusal by hand, with the reason; the caller makes sure that it is an admin who asks."""
    if not why.strip():
        raise refuse.RefuseError("evidence_missing")
    with parts.engine.begin() as tx:
        row = refusals.lift_one(tx, refusal_id, why=why.strip()[:500], now=now)
        if row is None:
            return False
        if row.scope != "new_products":
            refuse.resume(tx, parts, row.subject, scope=row.scope, product_id=row.product_id, now=now)
        audit.note(
            tx,
            noun="suppression",
            noun_id=refusal_id,
            action="lift",
            user_id=user_id,
            now=now,
            changes={"why": (None, why.strip())},
        )
        return True


def settings(parts: Parts, delivery_id: int) -> Settings | None:
    """What the recipient of a mail gets now."""
    with parts.engine.connect() as tx:
        return refusal_list.settings(tx, delivery_id)


def find(parts: Parts, wanted: Wanted, *, page: int, size: int) -> tuple[list[Line], int]:
    """One page of the staff's list and how many there are. page: from 1."""
    wanted = _with_hash(parts, wanted)
    with parts.engine.connect() as tx:
        total = refusal_list.count(tx, wanted)
        return list(refusal_list.lines(tx, wanted, limit=size, offset=(page - 1) * size)), total


def by_product(parts: Parts) -> list[tuple[int | None, str | None, int]]:
    with parts.engine.connect() as tx:
        return refusal_list.by_product(tx)


def export(
    parts: Parts,
    wanted: Wanted,
    *,
    head: Sequence[str],
    cells: Callable[[Line], Sequence[object]],
    user_id: int,
    now: datetime,
) -> bytes:
    """The list as CSV for Excel. head and cells word it in the reader's language."""
    wanted = _with_hash(parts, wanted)
    with parts.engine.begin() as tx:
        return export_lines.run(
            tx,
            refusal_list.lines(tx, wanted),
            kind="refusals",
            # The log tells what was asked for, not by which mailbox.
            wanted={k: v for k, v in asdict(wanted).items() if k not in ("q", "key_hash")},
            head=head,
            cells=cells,
            user_id=user_id,
            now=now,
        )


def _with_hash(parts: Parts, wanted: Wanted) -> Wanted:
    """A whole address finds its refusal also when only the hash is left."""
    return replace(wanted, key_hash=parts.key_hash(email_key(wanted.q))) if "@" in wanted.q else wanted
