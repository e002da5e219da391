"""Import a list: read it, show what would become of each row, write it once.

Nothing is written about people before `confirm`, which is one transaction: all of the list or nothing.
ListError (rules/texts.py): the list itself cannot be read. ImportRefused: it must not be written now.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import columns, drafts, imports, texts
from campaigns.rules.drafts import Draft
from campaigns.rules.imports import BatchKind, Entry, Facts, Result, Settings
from campaigns.rules.reasons import Reason
from campaigns.rules.sheets import csv_of
from campaigns.rules.texts import Line, ListError
from campaigns.services import import_refusals, import_write, workbook
from campaigns.storage import audit, import_facts
from campaigns.storage import imports as storage
from campaigns.storage.imports import Batch, Row

HEAD_LINES = 60
PREVIEW_VALUES = 12


class ImportRefused(RuntimeError):
    """This import must not be written (or taken back): reasons say why."""

    def __init__(self, *reasons: Reason) -> None:
        super().__init__(", ".join(reason.code for reason in reasons))
        self.reasons = reasons


@dataclass(frozen=True, slots=True)
class Preview:
    """What would become of the rows. counts: a number for each Result, adding up to rows.

    people: how many the import would touch. problems: what must be answered first.
    same_file_at: when the same bytes were imported before.
    """

    batch_id: int
    rows: int
    counts: Mapping[str, int]
    people: int
    problems: tuple[Reason, ...] = ()
    same_file_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written. person_ids: who is to be enrolled and ranked next. again: it was done before."""

    batch_id: int
    person_ids: tuple[int, ...]
    product_id: int | None
    counts: Mapping[str, int]
    again: bool = False


def read(
    parts: Parts,
    *,
    data: bytes,
    file_name: str,
    user_id: int | None,
    now: datetime,
    kind: str = BatchKind.PEOPLE,
) -> int:
    """Keep a list for the wizard, with a guess how it is read; returns the batch's id. Raises ListError."""
    texts.check_size(data)
    settings = _guess(data)
    with parts.engine.begin() as tx:
        return storage.add(
            tx,
            kind=BatchKind(kind),
            data=data,
            file_name=file_name[:200],
            file_hash=hashlib.sha256(data).hexdigest(),
            settings=settings.as_json(),
            user_id=user_id,
            now=now,
        )


def _guess(data: bytes) -> Settings:
    if texts.is_workbook(data):
        sheet = workbook.first_sheet(data)
        return relayout(Settings(encoding=workbook.NAME, sheet=sheet), data)
    encoding = texts.guess_encoding(data)
    delimiter = columns.guess_delimiter(texts.decode(data, encoding))
    return relayout(Settings(encoding=encoding, delimiter=delimiter), data)


def lines(settings: Settings, data: bytes) -> list[Line]:
    """All rows of the list. Raises ListError."""
    if settings.encoding == workbook.NAME:
        return workbook.lines(data, settings.sheet)
    return list(texts.read(texts.decode(data, settings.encoding), settings.delimiter))


def relayout(settings: Settings, data: bytes, *, header_line: int | None = None) -> Settings:
    """The settings with header and columns found anew; header_line: where the owner says it stands."""
    found = lines(settings, data)
    if not any(not line.is_blank for line in found):
        raise ListError("empty")
    head = found[:HEAD_LINES]
    layout = columns.layout(head) if header_line is None else columns.named(head, header_line=header_line)
    return replace(
        settings,
        header_line=layout.header_line,
        body_line=layout.body_line,
        labels=layout.labels,
        mapping=layout.mapping,
    )


def settings_of(batch: Batch) -> Settings:
    return Settings.from_json(batch.settings)


def body(settings: Settings, found: Sequence[Line]) -> list[Line]:
    """The rows below the header that are not blank."""
    return [line for line in found if line.no >= settings.body_line and not line.is_blank]


def reread(parts: Parts, batch_id: int, *, encoding: str, delimiter: str, header_line: int) -> Settings:
    """Read the list in another way and keep that. Raises ListError."""
    with parts.engine.begin() as tx:
        batch = _open(tx, batch_id)
        old = settings_of(batch)
        data = storage.file(tx, batch_id)
        is_text = old.encoding != workbook.NAME
        changed = replace(old, encoding=encoding, delimiter=delimiter) if is_text else old
        settings = relayout(changed, data, header_line=header_line or None)
        storage.save(tx, batch_id, settings=settings.as_json(), state="read")
    return settings


def sample(parts: Parts, batch_id: int, *, count: int = 3) -> tuple[Batch, Settings, list[Line]]:
    """The batch with its first rows, for the page that maps the columns."""
    with parts.engine.connect() as tx:
        batch = _open(tx, batch_id)
        data = storage.file(tx, batch_id)
    settings = settings_of(batch)
    return batch, settings, body(settings, lines(settings, data))[:count]


def values(parts: Parts, batch_id: int, settings: Settings, *, name: str) -> list[tuple[str, int]]:
    """The different values of a column, the most frequent first, blank included."""
    if name not in settings.mapping:
        return []
    place = settings.mapping.index(name)
    with parts.engine.connect() as tx:
        data = storage.file(tx, batch_id)
    counted = Counter(
        line.cells[place].strip() if place < len(line.cells) else ""
        for line in body(settings, lines(settings, data))
    )
    return counted.most_common(PREVIEW_VALUES)


def preview(parts: Parts, batch_id: int, *, settings: Settings, now: datetime | None = None) -> Preview:
    """Work out every row and keep the result; nothing about people is written. Raises ListError."""
    at = now or parts.clock.now()
    with parts.engine.begin() as tx:
        batch = _open(tx, batch_id)
        data = storage.file(tx, batch_id)
        rows = _read_rows(parts, tx, batch, settings, data, at)
        results = _results(parts, tx, batch, settings, rows)
        rows = [_with_result(row, results) for row in rows]
        storage.put_rows(tx, batch_id, rows)
        counts = _counts(rows)
        storage.save(
            tx,
            batch_id,
            state="previewed",
            settings=settings.as_json(),
            counts=counts,
            event_id=settings.event_id,
        )
        same = storage.same_file(tx, batch_id)
    return _preview(batch, settings, counts, same)


def shown(parts: Parts, batch_id: int) -> tuple[Batch, Preview]:
    """The kept preview of a batch."""
    with parts.engine.connect() as tx:
        batch = _get(tx, batch_id)
        same = storage.same_file(tx, batch_id)
    return batch, _preview(batch, settings_of(batch), {k: int(v) for k, v in batch.counts.items()}, same)


def _preview(batch: Batch, settings: Settings, counts: Mapping[str, int], same: datetime | None) -> Preview:
    out = (Result.DUPLICATE, Result.ERROR)
    kept = {result.value: counts.get(result, 0) for result in Result}
    return Preview(
        batch_id=batch.id,
        rows=sum(kept.values()),
        counts=kept,
        people=sum(number for result, number in kept.items() if result not in out),
        problems=tuple(imports.problems(settings, kind=batch.kind)),
        same_file_at=same,
    )


def _read_rows(
    parts: Parts, tx: Connection, batch: Batch, settings: Settings, data: bytes, now: datetime
) -> list[Row]:
    started = import_facts.event_day(tx, settings.event_id)
    zone = parts.settings.tz
    context = drafts.Context(
        columns={name: place for place, name in enumerate(settings.mapping) if name},
        labels=settings.labels,
        zone=zone,
        now=now,
        year=started.year if started else now.astimezone(zone).year,
        kind_field=settings.kind_field,
        kinds=settings.kind_values,
        refusals=batch.kind is BatchKind.REFUSALS,
    )
    found = body(settings, lines(settings, data))
    if not found:
        raise ListError("no_rows", line=settings.header_line)
    rows = []
    for line in found:
        one = drafts.draft(line.cells, context)
        draft = None if one.draft is None else drafts.as_json(one.draft)
        rows.append(Row(line.no, line.cells, "" if draft is not None else Result.ERROR, one.reasons, draft))
    return rows


def _drafts(rows: Iterable[Row]) -> list[tuple[int, Draft]]:
    return [(row.line_no, drafts.from_json(row.draft)) for row in rows if row.draft is not None]


def _facts(parts: Parts, tx: Connection, found: Sequence[tuple[int, Draft]], settings: Settings) -> Facts:
    boxes = {key: parts.key_hash(key) for _, draft in found for key in draft.keys}
    names = {(draft.name_key, draft.core) for _, draft in found if draft.name_key and draft.core}
    return import_facts.facts(tx, import_facts.Keys(boxes, sorted(names)), product_id=settings.product_id)


Outcome = tuple[str, int | None, tuple[Reason, ...]]


def _results(
    parts: Parts, tx: Connection, batch: Batch, settings: Settings, rows: Sequence[Row]
) -> dict[int, Outcome]:
    found = _drafts(rows)
    if batch.kind is BatchKind.REFUSALS:
        refusals = import_refusals.judged(parts, tx, found, settings)
        return {one.line: (one.result.value, None, one.reasons) for one in refusals}
    return outcomes(imports.entries(found, _facts(parts, tx, found, settings), settings))


def outcomes(entries: Iterable[Entry]) -> dict[int, Outcome]:
    """Result, person and reasons of each line: the first line of a person carries them, the rest are doubles."""
    results: dict[int, Outcome] = {}
    for entry in entries:
        results[entry.line] = (entry.result.value, entry.person_id, entry.reasons)
        double = (Reason("duplicate_of", {"line": entry.line}),)
        results |= dict.fromkeys(entry.lines[1:], (Result.DUPLICATE.value, entry.person_id, double))
    return results


def _with_result(row: Row, results: Mapping[int, Outcome]) -> Row:
    if row.line_no not in results:
        return row
    result, person_id, reasons = results[row.line_no]
    return replace(row, result=result, person_id=person_id, reasons=(*row.reasons, *reasons))


def _counts(rows: Iterable[Row]) -> dict[str, int]:
    return dict(Counter(str(row.result) for row in rows))


def confirm(parts: Parts, batch_id: int, *, now: datetime, user_id: int | None) -> Imported:
    """Write the previewed list in one transaction. Pressed twice, the second press changes nothing.

    People are matched anew, since others may have written after the preview. Raises ImportRefused.
    """
    with parts.engine.begin() as tx:
        storage.lock(tx)
        batch = storage.get(tx, batch_id, lock=True)
        if batch is None or batch.kind is BatchKind.TOUCHES:
            raise ImportRefused(Reason("unknown_batch"))
        if batch.state == "imported":
            return _again(tx, batch)
        settings = settings_of(batch)
        if batch.state != "previewed":
            raise ImportRefused(Reason("undone" if batch.state == "undone" else "not_previewed"))
        missing = imports.problems(settings, kind=batch.kind)
        if missing:
            raise ImportRefused(*missing)
        found = _drafts(storage.rows(tx, batch_id))
        if batch.kind is BatchKind.REFUSALS:
            people = import_refusals.write(parts, tx, batch, settings, found, now=now, user_id=user_id)
        else:
            facts = _facts(parts, tx, found, settings)
            people = import_write.people(parts, tx, batch, settings, found, facts, now=now, user_id=user_id)
        counts = _counts(storage.rows(tx, batch_id))
        # The list itself has done its work: what it held stands in the rows, for the errors and the undo.
        storage.save(tx, batch_id, state="imported", counts=counts, imported_at=now, file=None)
        audit.note(tx, noun="import", noun_id=batch_id, action="import", user_id=user_id, now=now)
    return Imported(batch_id, tuple(people), settings.product_id, counts)


def _again(tx: Connection, batch: Batch) -> Imported:
    rows = storage.rows(tx, batch.id)
    people = sorted({row.person_id for row in rows if row.person_id is not None})
    return Imported(batch.id, tuple(people), settings_of(batch).product_id, dict(batch.counts), again=True)


def errors_csv(
    parts: Parts,
    batch_id: int,
    *,
    words: Mapping[str, str] | None = None,
    errors: Collection[str] = drafts.ERRORS,
) -> bytes:
    """The rows that stay out, with their own columns, line number and reason: UTF-8 with BOM for Excel.

    words: the sentence of each reason code; without them the code itself. errors: codes that keep a row out.
    """
    with parts.engine.connect() as tx:
        settings = settings_of(_get(tx, batch_id))
        rows = storage.rows(tx, batch_id, results=[Result.ERROR])
    table: list[list[object]] = [[*settings.labels, "行番号", "理由"]]
    width = len(settings.labels)
    for row in rows:
        cells = [*row.cells[:width], *[""] * (width - len(row.cells))]
        reasons = [
            (words or {}).get(reason.code, reason.code) for reason in row.reasons if reason.code in errors
        ]
        table.append([*cells, row.line_no, " / ".join(dict.fromkeys(reasons))])
    return csv_of(table)


def _get(tx: Connection, batch_id: int) -> Batch:
    batch = storage.get(tx, batch_id)
    if batch is None:
        raise ImportRefused(Reason("unknown_batch"))
    return batch


def _open(tx: Connection, batch_id: int) -> Batch:
    """A batch that is not written yet. Raises ImportRefused."""
    batch = storage.get(tx, batch_id, lock=True)
    if batch is None or batch.kind is BatchKind.TOUCHES:
        raise ImportRefused(Reason("unknown_batch"))
    if batch.state not in ("read", "previewed"):
        raise ImportRefused(Reason("already_imported" if batch.state == "imported" else "undone"))
    return batch
