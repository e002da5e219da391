"""Import a list of touches: read it, show what would become of each row, write it once, take it back.

Nothing is written before `confirm`, which is one transaction. A row whose touch stands already is left out, so the
same list twice changes nothing. Taking back is `import_undo.run`. Errors as in `import_list`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import matching, naming, touch_lists
from campaigns.rules.imports import BatchKind, Result, Settings
from campaigns.rules.reasons import Reason
from campaigns.rules.texts import ListError
from campaigns.rules.touch_lists import Context, Draft
from campaigns.rules.touchpoints import Kind
from campaigns.services import draft_catalogues, import_list, record_touch
from campaigns.services.import_list import ImportRefused
from campaigns.storage import audit, entered, ranks, touch_people
from campaigns.storage import imports as storage
from campaigns.storage.imports import Batch, Row
from campaigns.storage.touchpoints import NewTouch

ERRORS_SHOWN = 50
SAMPLE = 8


@dataclass(frozen=True, slots=True)
class Preview:
    """counts: rows by Result (new, duplicate, error), adding up. missing: what must be answered first.

    errors: the first rows that stay out; sample: the first that come in.
    """

    batch: Batch
    settings: Settings
    counts: Mapping[str, int]
    missing: tuple[Reason, ...]
    errors: tuple[Row, ...]
    sample: tuple[Row, ...]

    @property
    def rows(self) -> int:
        return sum(self.counts.values())


def read(parts: Parts, *, data: bytes, file_name: str, user_id: int | None, now: datetime) -> int:
    """Keep a list, with its columns guessed, and work it out; returns the batch's id. Raises ListError."""
    batch_id = import_list.read(
        parts, data=data, file_name=file_name, user_id=user_id, now=now, kind=BatchKind.TOUCHES
    )
    with parts.engine.connect() as tx:
        settings = import_list.settings_of(_batch(tx, batch_id))
    preview(parts, batch_id, replace(settings, mapping=touch_lists.guess(settings.labels)), now=now)
    return batch_id


def preview(parts: Parts, batch_id: int, settings: Settings, *, now: datetime) -> None:
    """Work out every row and keep the result. Raises ListError, ImportRefused."""
    with parts.engine.begin() as tx:
        batch = _batch(tx, batch_id, lock=True)
        if batch.state not in ("read", "previewed"):
            raise ImportRefused(Reason("already_imported" if batch.state == "imported" else "undone"))
        rows: list[Row] = []
        if not touch_lists.missing(settings.mapping, kind=settings.kind):
            rows = _judged(tx, _read(tx, parts, batch_id, settings, now=now))
        storage.put_rows(tx, batch_id, rows)
        storage.save(
            tx,
            batch_id,
            state="previewed",
            settings=settings.as_json(),
            counts=dict(Counter(r.result for r in rows)),
        )


def shown(parts: Parts, batch_id: int) -> Preview:
    with parts.engine.connect() as tx:
        batch = _batch(tx, batch_id)
        settings = import_list.settings_of(batch)
        return Preview(
            batch=batch,
            settings=settings,
            counts={
                one.value: int(batch.counts.get(one, 0))
                for one in (Result.NEW, Result.DUPLICATE, Result.ERROR)
            },
            missing=tuple(touch_lists.missing(settings.mapping, kind=settings.kind)),
            errors=tuple(storage.rows(tx, batch_id, results=[Result.ERROR], limit=ERRORS_SHOWN)),
            sample=tuple(storage.rows(tx, batch_id, results=[Result.NEW], limit=SAMPLE)),
        )


@dataclass(frozen=True, slots=True)
class Written:
    """person_ids: whose ranks are to be moved. again: it was done before."""

    touches: int
    person_ids: tuple[int, ...]
    again: bool = False


def confirm(parts: Parts, batch_id: int, *, user_id: int | None, now: datetime) -> Written:
    """Write the touches, in one transaction. Pressed twice, the second press changes nothing. Raises ImportRefused.

    People are found anew, since others may have merged them after the preview. Their leads are marked to be ranked:
    should this process die right after, the minute's tick ranks them.
    """
    with parts.engine.begin() as tx:
        storage.lock(tx)
        batch = _batch(tx, batch_id, lock=True)
        if batch.state == "imported":
            return Written(0, (), again=True)
        if batch.state != "previewed":
            raise ImportRefused(Reason("undone" if batch.state == "undone" else "not_previewed"))
        settings = import_list.settings_of(batch)
        missing = touch_lists.missing(settings.mapping, kind=settings.kind)
        if missing:
            raise ImportRefused(*missing)
        rows = _judged(tx, [_unjudged(row) for row in storage.rows(tx, batch_id)])
        storage.put_rows(tx, batch_id, rows)
        touches = [_touch(row, user_id=user_id) for row in rows if row.result == Result.NEW]
        new = entered.add(tx, touches, batch_id=batch_id, now=now)
        record_touch.rest(tx, parts, touches, now=now)
        draft_catalogues.for_touches(tx, [one for one in touches if one.source_key in new], now=now)
        people = sorted({one.person_id for one in new.values()})
        ranks.ask_again(tx, people, at=now)
        counts = dict(Counter(row.result for row in rows))
        storage.save(tx, batch_id, state="imported", counts=counts, imported_at=now, file=None)
        audit.note(tx, noun="import", noun_id=batch_id, action="import", user_id=user_id, now=now)
    return Written(len(new), tuple(people))


def recent(parts: Parts) -> list[Batch]:
    with parts.engine.connect() as tx:
        return storage.recent(tx, kinds=(BatchKind.TOUCHES,))


def _batch(tx: Connection, batch_id: int, *, lock: bool = False) -> Batch:
    batch = storage.get(tx, batch_id, lock=lock)
    if batch is None or batch.kind is not BatchKind.TOUCHES:
        raise ImportRefused(Reason("unknown_batch"))
    return batch


def _read(tx: Connection, parts: Parts, batch_id: int, settings: Settings, *, now: datetime) -> list[Row]:
    """Every row with its draft, or with the reasons against it."""
    found = import_list.body(settings, import_list.lines(settings, storage.file(tx, batch_id)))
    if not found:
        raise ListError("no_rows", line=settings.header_line)
    products, events = touch_people.products(tx), touch_people.events(tx)
    context = Context(
        columns={name: place for place, name in enumerate(settings.mapping) if name},
        products=naming.by_word(products),
        events=naming.by_name(events),
        names={"product": [name for _id, name in products], "event": [name for _id, name in events]},
        zone=parts.settings.tz,
        now=now,
        kind=settings.kind,
        product_id=settings.product_id,
        event_id=settings.event_id,
    )
    rows = []
    for line in found:
        one = touch_lists.read(line.cells, context)
        draft = None if one.draft is None else one.draft.as_json()
        rows.append(Row(line.no, line.cells, "" if draft is not None else Result.ERROR, one.reasons, draft))
    return rows


def _unjudged(row: Row) -> Row:
    """A stored row as it was before people were looked for; what could not be read stays so."""
    return row if row.draft is None else replace(row, result="", reasons=(), person_id=None)


def _judged(tx: Connection, rows: Sequence[Row]) -> list[Row]:
    """Whom each row is about, and whether its touch stands already."""
    drafts = {row.line_no: Draft.from_json(row.draft) for row in rows if row.draft is not None}
    people = _people(tx, drafts)
    keys = {no: drafts[no].key(found) for no, found in people.items() if isinstance(found, int)}
    standing = entered.standing(tx, list(keys.values()))
    first: dict[str, int] = {}
    judged = []
    for row in rows:
        found = people.get(row.line_no)
        if row.draft is None:
            judged.append(row)
        elif not isinstance(found, int):
            judged.append(
                replace(row, result=Result.ERROR.value, reasons=(Reason(found or "person_unknown"),))
            )
        elif keys[row.line_no] in standing or keys[row.line_no] in first:
            line = first.get(keys[row.line_no])
            why = Reason("stands_already") if line is None else Reason("duplicate_of", {"line": line})
            judged.append(replace(row, result=Result.DUPLICATE.value, person_id=found, reasons=(why,)))
        else:
            first[keys[row.line_no]] = row.line_no
            judged.append(replace(row, result=Result.NEW.value, person_id=found))
    return judged


def _people(tx: Connection, drafts: Mapping[int, Draft]) -> dict[int, int | str]:
    """The person of each line, or the code why none is: person_unknown, person_ambiguous."""
    known = touch_people.find(
        tx,
        mailboxes={draft.email for draft in drafts.values() if draft.email},
        names={(draft.name, draft.core) for draft in drafts.values() if draft.name and draft.core},
    )
    found: dict[int, int | str] = {}
    for no, draft in drafts.items():
        ids = known.mailboxes.get(draft.email, [])
        if len(ids) > 1 and draft.name:
            ids = [id for id in ids if not matching.names_conflict(known.name_of[id], draft.name)]
        ids = ids or known.names.get((draft.name, draft.core), [])
        found[no] = _only(ids)
    lost = {no: drafts[no] for no, one in found.items() if one == "person_unknown" and drafts[no].phone}
    if lost:
        phones = touch_people.find(tx, phones={draft.phone for draft in lost.values()}).phones
        found |= {no: _only(phones.get(draft.phone, [])) for no, draft in lost.items()}
    return found


def _only(ids: Sequence[int]) -> int | str:
    return ids[0] if len(ids) == 1 else "person_ambiguous" if ids else "person_unknown"


def _touch(row: Row, *, user_id: int | None) -> NewTouch:
    assert row.draft is not None
    assert row.person_id is not None
    draft = Draft.from_json(row.draft)
    return NewTouch(
        source_key=draft.key(row.person_id),
        person_id=row.person_id,
        kind=Kind(draft.kind),
        at=datetime.fromisoformat(draft.at),
        product_id=draft.product_id,
        event_id=draft.event_id,
        note=draft.note,
        actor_id=user_id,
    )
