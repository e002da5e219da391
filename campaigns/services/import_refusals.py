"""Lists of refusals, and what follows from a refusal that a list brings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import imports
from campaigns.rules.drafts import Draft
from campaigns.rules.imports import Facts, Refusal, Result, Settings
from campaigns.rules.subscriptions import Scope
from campaigns.storage import import_facts, import_writes, outbox, settling
from campaigns.storage import imports as storage
from campaigns.storage import people as persons
from campaigns.storage.import_writes import NewRefusal
from campaigns.storage.imports import Batch

Rows = Sequence[tuple[int, Draft]]


def follow(
    parts: Parts,
    tx: Connection,
    addresses: Sequence[int],
    product_id: int | None,
    *,
    now: datetime,
) -> None:
    """What a refusal ends: planned mail, its slot, taking part; and what is on its way is asked once more."""
    ended = import_writes.follow_refusals(tx, addresses, product_id=product_id, now=now)
    settling.free_slots(tx, ended, today=now.astimezone(parts.settings.tz).date(), zone=parts.settings.zone)
    outbox.bump_stops(tx)


def judged(parts: Parts, tx: Connection, rows: Rows, settings: Settings) -> list[Refusal]:
    """What each row of a list of refusals would do."""
    hashes = {key: parts.key_hash(key) for _, draft in rows for key in draft.keys}
    live = import_facts.live_refusals(
        tx, list(hashes.values()), scope=settings.scope, product_id=_product(settings)
    )
    facts = Facts(
        refused=frozenset(key for key, digest in hashes.items() if digest in live),
        mailboxes=import_facts.mailboxes(tx, list(hashes)),
    )
    return imports.refusals(rows, facts)


def _product(settings: Settings) -> int | None:
    return settings.product_id if settings.scope == Scope.PRODUCT else None


def write(
    parts: Parts,
    tx: Connection,
    batch: Batch,
    settings: Settings,
    rows: Rows,
    *,
    now: datetime,
    user_id: int | None,
) -> list[int]:
    """Write a list of refusals. A mailbox not known yet is kept as its hash, so a later import stays refused."""
    rows_judged = judged(parts, tx, rows, settings)
    keys = [key for one in rows_judged if one.result is not Result.DUPLICATE for key in one.keys]
    known = persons.address_ids(tx, keys)
    sole = import_writes.sole_people(tx, list(known.values()))
    found = [
        NewRefusal(parts.key_hash(key), known.get(key), sole.get(known.get(key, 0)), batch.file_name)
        for key in keys
    ]
    import_writes.add_refusals(
        tx,
        found,
        scope=settings.scope,
        product_id=_product(settings),
        batch_id=batch.id,
        user_id=user_id,
        now=now,
    )
    follow(parts, tx, list(known.values()), _product(settings), now=now)
    of_line = {one.line: next((sole.get(known.get(key, 0)) for key in one.keys), None) for one in rows_judged}
    storage.set_rows(tx, batch.id, [(one.line, one.result.value, of_line[one.line]) for one in rows_judged])
    return sorted({person for person in of_line.values() if person is not None})
