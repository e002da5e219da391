"""Take an import back within seven days: what it created goes, what it changed is restored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import imports
from campaigns.rules.reasons import Reason
from campaigns.services.import_list import ImportRefused
from campaigns.storage import audit, import_undo, import_writes, outbox, settling
from campaigns.storage import imports as storage


@dataclass(frozen=True, slots=True)
class Undone:
    """What an undo did. person_ids: people who stay and are to be ranked again; kept: created, but mailed,
    called or imported again since; cancelled: planned mails."""

    batch_id: int
    removed: int
    kept: int
    restored: int
    cancelled: int
    person_ids: tuple[int, ...]
    again: bool = False


def run(parts: Parts, batch_id: int, *, now: datetime, user_id: int | None) -> Undone:
    """Take a batch back, in one transaction. Pressed twice, the second press changes nothing.

    Raises ImportRefused: unknown_batch, not_imported, undo_too_late.
    """
    with parts.engine.begin() as tx:
        storage.lock(tx)
        batch = storage.get(tx, batch_id, lock=True)
        if batch is None:
            raise ImportRefused(Reason("unknown_batch"))
        if batch.state == "undone":
            return Undone(batch_id, 0, 0, 0, 0, (), again=True)
        if batch.state != "imported" or batch.imported_at is None:
            raise ImportRefused(Reason("not_imported"))
        if not imports.may_undo(now - batch.imported_at):
            until = batch.imported_at + imports.UNDO
            raise ImportRefused(Reason("undo_too_late", {"until": until.isoformat()}))
        touched = {row.person_id for row in storage.rows(tx, batch_id) if row.person_id is not None}
        cancelled = import_undo.cancel(tx, batch_id, now=now)
        settling.free_slots(
            tx, cancelled, today=now.astimezone(parts.settings.tz).date(), zone=parts.settings.zone
        )
        people = import_undo.created(tx, batch_id)
        import_undo.remove(tx, people.gone)
        import_undo.stop_enrollments(tx, people.kept)
        import_undo.take_back(tx, batch_id, kept=people.kept, now=now)
        import_writes.resume_enrollments(tx, batch_id)
        restored = import_undo.restore(tx, storage.changes(tx, batch_id))
        import_undo.remove_lonely(tx, batch_id)
        outbox.bump_stops(tx)
        storage.save(tx, batch_id, state="undone", undone_at=now)
        audit.note(tx, noun="import", noun_id=batch_id, action="undo", user_id=user_id, now=now)
    return Undone(
        batch_id,
        removed=len(people.gone),
        kept=len(people.kept),
        restored=restored,
        cancelled=len(cancelled),
        person_ids=tuple(sorted(touched - set(people.gone))),
    )
