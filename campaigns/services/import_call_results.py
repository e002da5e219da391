"""Import results of calls: read the file, show what would become of each row, write all of it once.

Nothing is written before `confirm`, which is one transaction. A row that was read before is left out, so the same file
twice changes nothing. Effects leave at once: the look at the rows was the time to think. Raises ListError,
ImportRefused as `import_list`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import call_results
from campaigns.rules.call_results import Draft
from campaigns.rules.imports import BatchKind, Result
from campaigns.rules.outcomes import CallResult, OutcomeError
from campaigns.rules.reasons import Reason
from campaigns.rules.texts import ListError
from campaigns.services import import_list, record_call, settle_calls
from campaigns.services.import_list import ImportRefused
from campaigns.storage import audit, call_subjects, calls
from campaigns.storage import imports as storage
from campaigns.storage.call_subjects import LeadCall
from campaigns.storage.imports import Batch, Row

MOST_ROWS = 5_000
SHOWN = 200
# A call of longer ago is a wrong year.
CALLED_WITHIN = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Preview:
    """counts: rows by Result: new, duplicate (read before), error. blank: rows without a result."""

    batch: Batch
    counts: Mapping[str, int]
    blank: int
    errors: tuple[Row, ...]
    sample: tuple[Row, ...]

    @property
    def is_written(self) -> bool:
        return self.batch.state == "imported"


def read(parts: Parts, *, data: bytes, file_name: str, user_id: int | None, now: datetime) -> int:
    """Keep a file and work out its rows; returns the batch's id. Raises ListError."""
    batch_id = import_list.read(
        parts, data=data, file_name=file_name, user_id=user_id, now=now, kind=BatchKind.CALL_RESULTS
    )
    with parts.engine.begin() as tx:
        batch = _batch(tx, batch_id, lock=True)
        settings = import_list.settings_of(batch)
        at = call_results.places(settings.labels)
        if lacks := call_results.missing(at):
            raise ListError("heads_missing", line=settings.header_line, names="・".join(lacks))
        body = import_list.body(settings, import_list.lines(settings, data))
        year = now.astimezone(parts.settings.tz).year
        rows, blank = [], 0
        for line in body:
            found = call_results.read(line.cells, at, year=year)
            if found is None:
                blank += 1
            elif isinstance(found, Reason):
                rows.append(Row(line.no, line.cells, Result.ERROR, (found,)))
            else:
                rows.append(Row(line.no, line.cells, "", (), found.as_json()))
        if len(rows) > MOST_ROWS:
            raise ListError("too_many_rows", line=rows[MOST_ROWS].line_no, limit=MOST_ROWS)
        _keep(tx, batch_id, _judged(tx, parts, rows, now=now), state="previewed", blank=blank)
    return batch_id


def shown(parts: Parts, batch_id: int) -> Preview:
    """What would become of the rows, or what became of them."""
    with parts.engine.connect() as tx:
        batch = _batch(tx, batch_id)
        return Preview(
            batch=batch,
            counts={
                one.value: int(batch.counts.get(one, 0))
                for one in (Result.NEW, Result.DUPLICATE, Result.ERROR)
            },
            blank=int(batch.counts.get("blank", 0)),
            errors=tuple(storage.rows(tx, batch_id, results=[Result.ERROR], limit=SHOWN)),
            sample=tuple(storage.rows(tx, batch_id, results=[Result.NEW], limit=SHOWN)),
        )


def confirm(parts: Parts, batch_id: int, *, user_id: int | None, now: datetime) -> int:
    """Write the results, in one transaction; returns how many. Pressed twice, the second press changes nothing.

    The rows are judged anew: a colleague may have called since the look at them. Raises ImportRefused.
    """
    with parts.engine.begin() as tx:
        storage.lock(tx)
        batch = _batch(tx, batch_id, lock=True)
        if batch.state == "imported":
            return 0
        if batch.state != "previewed":
            raise ImportRefused(Reason("not_previewed"))
        stored = [
            row if row.draft is None else replace(row, result="", reasons=())
            for row in storage.rows(tx, batch_id)
        ]
        rows = _judged(tx, parts, stored, now=now)
        news = [Draft.from_json(row.draft).lead_id for row in rows if row.draft and row.result == Result.NEW]
        leads, names = call_subjects.of_leads(tx, news), call_subjects.callers(tx)
        written = [_write(tx, parts, row, leads, names, user_id=user_id, now=now) for row in rows]
        _keep(tx, batch_id, written, state="imported", blank=int(batch.counts.get("blank", 0)), now=now)
        audit.note(tx, noun="import", noun_id=batch_id, action="import", user_id=user_id, now=now)
    # The file is in. Somebody's call that cannot be settled is the minute's job's to try again and to tell.
    with suppress(ExceptionGroup):
        settle_calls.run(parts, now=now)
    return sum(row.result == Result.NEW for row in written)


def _batch(tx: Connection, batch_id: int, *, lock: bool = False) -> Batch:
    batch = storage.get(tx, batch_id, lock=lock)
    if batch is None or batch.kind is not BatchKind.CALL_RESULTS:
        raise ImportRefused(Reason("unknown_batch"))
    return batch


def _keep(
    tx: Connection,
    batch_id: int,
    rows: Sequence[Row],
    *,
    state: str,
    blank: int,
    now: datetime | None = None,
) -> None:
    storage.put_rows(tx, batch_id, rows)
    counts = {**Counter(row.result for row in rows), "blank": blank}
    values: dict[str, object] = {} if now is None else {"imported_at": now, "file": None}
    storage.save(tx, batch_id, state=state, counts=counts, **values)


def _judged(tx: Connection, parts: Parts, rows: Sequence[Row], *, now: datetime) -> list[Row]:
    """Which rows can be written, which were before, and why the others cannot."""
    drafts = {row.line_no: Draft.from_json(row.draft) for row in rows if row.draft is not None}
    leads = call_subjects.of_leads(tx, [draft.lead_id for draft in drafts.values()])
    known = call_subjects.known(tx, [draft.key for draft in drafts.values()])
    names = call_subjects.callers(tx)
    first: dict[int, int] = {}
    judged = []
    for row in rows:
        draft = drafts.get(row.line_no)
        if draft is None:
            judged.append(row)
            continue
        lead = leads.get(draft.lead_id)
        if draft.key in known:
            judged.append(replace(row, result=Result.DUPLICATE, reasons=(Reason("read_before"),)))
            continue
        why = _against(draft, lead, names, parts, now=now)
        if why is None and draft.lead_id in first:
            why = Reason("duplicate_of", {"line": first[draft.lead_id]})
        first.setdefault(draft.lead_id, row.line_no)
        person_id = lead.person_id if lead else None
        if why is None:
            judged.append(replace(row, result=Result.NEW, person_id=person_id))
        else:
            judged.append(replace(row, result=Result.ERROR, reasons=(why,), person_id=person_id))
    return judged


def _against(
    draft: Draft, lead: LeadCall | None, names: Mapping[str, Sequence[int]], parts: Parts, *, now: datetime
) -> Reason | None:
    """What stands against a result, or None."""
    if lead is None:
        return Reason("lead_unknown", {"id": draft.lead_id})
    if lead.do_not_call or lead.phone_invalid or lead.is_excluded:
        return Reason("number_refused")
    called_at = draft.called_at(parts.settings.tz)
    if called_at is not None and (odd := _odd_call(draft, called_at, now=now)):
        return Reason(odd)
    is_since = (draft.calls is not None and lead.calls > draft.calls) or (
        called_at is not None and lead.at is not None and lead.at > called_at
    )
    if lead.task_id is None or lead.is_waiting or is_since:
        if lead.at is None:
            return Reason("no_call_open")
        local = lead.at.astimezone(parts.settings.tz)
        return Reason(
            "called_since", {"by": lead.by or "–", "result": lead.result, "at": f"{local:%Y-%m-%d %H:%M}"}
        )
    if draft.by and len(found := _named(draft, names)) != 1:
        return Reason("caller_twice" if found else "caller_unknown", {"name": draft.by[:40]})
    next_at = draft.next_at(parts.settings.tz)
    if draft.result == CallResult.CALLBACK and next_at is None:
        return Reason("callback_at_missing")
    try:
        today = now.astimezone(parts.settings.tz).date()
        record_call.check_time(CallResult(draft.result), next_at, draft.named_month(), today=today, now=now)
    except OutcomeError as error:
        return Reason(error.code)
    return None


def _odd_call(draft: Draft, called_at: datetime, *, now: datetime) -> str:
    """What is wrong with the time of a call, or "". Today may be named without a time in the morning already."""
    is_ahead = (
        called_at > now if draft.called_clock else called_at.date() > now.astimezone(called_at.tzinfo).date()
    )
    if is_ahead:
        return "call_ahead"
    return "call_long_ago" if called_at < now - CALLED_WITHIN else ""


def _named(draft: Draft, names: Mapping[str, Sequence[int]]) -> Sequence[int]:
    """Who may be meant: users of that name, or of that mail address."""
    return names.get(draft.by) or names.get(draft.by.lower(), ())


def _write(
    tx: Connection,
    parts: Parts,
    row: Row,
    leads: Mapping[int, LeadCall],
    names: Mapping[str, Sequence[int]],
    *,
    user_id: int | None,
    now: datetime,
) -> Row:
    if row.result != Result.NEW or row.draft is None:
        return row
    draft = Draft.from_json(row.draft)
    task_id = leads[draft.lead_id].task_id
    subject = calls.lock(tx, task_id) if task_id is not None else None
    if subject is None or subject.state != "open" or subject.is_waiting:
        return replace(row, result=Result.ERROR, reasons=(Reason("no_call_open"),))
    called_at = draft.called_at(parts.settings.tz)
    record_call.note_result(
        tx,
        parts,
        subject,
        CallResult(draft.result),
        note=draft.note,
        next_at=draft.next_at(parts.settings.tz),
        named_month=draft.named_month(),
        user_id=_named(draft, names)[0] if draft.by else user_id,
        settles_at=now,
        at=min(called_at, now) if called_at else now,
        is_hour_known=bool(draft.called_clock),
        source_key=draft.key,
        now=now,
    )
    return row
