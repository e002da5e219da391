"""Work with entries: look at them, take them out as a file, release or drop what was kept aside, give a seat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.parts import Parts
from campaigns.services import accept_entry, export_lines, form_mails, wake
from campaigns.services.accept_entry import Accepted
from campaigns.services.author import Gone
from campaigns.storage import audit, form_entries, forms
from campaigns.storage.form_entries import KEPT, Entry, Line
from campaigns.storage.forms import Form, Version

SHOWN = {
    "kept": KEPT,
    "done": ("done",),
    "waiting": ("waiting",),
    "pending": ("pending",),
    "expired": ("expired",),
    "aside": ("aside",),
    "dropped": ("dropped",),
}


@dataclass(frozen=True, slots=True)
class Opened:
    """One entry with the words it answered."""

    form: Form
    shown: Version
    entry: Entry


def lines(parts: Parts, form_id: int, show: str, *, page: int, size: int) -> list[Line]:
    """One page of a form's entries, the newest first. page: from 1."""
    with parts.engine.connect() as tx:
        return form_entries.lines(tx, form_id, SHOWN[show], limit=size, offset=(page - 1) * size)


def look(parts: Parts, form_id: int, entry_id: int) -> Opened:
    """Raises Gone."""
    with parts.engine.connect() as tx:
        entry = form_entries.get(tx, entry_id)
        form = forms.get(tx, form_id)
        shown = forms.version(tx, entry.version_id) if entry else None
    if entry is None or form is None or shown is None or entry.form_id != form_id:
        raise Gone
    return Opened(form, shown, entry)


def release(parts: Parts, form_id: int, entry_id: int, *, user_id: int, now: datetime) -> bool:
    """An entry kept aside was a person's after all: it counts as if it had come through. False: not aside."""
    return _let_in(parts, form_id, entry_id, of="aside", action="release", user_id=user_id, now=now)


def seat(parts: Parts, form_id: int, entry_id: int, *, user_id: int, now: datetime) -> bool:
    """A seat for somebody on the waiting list, whatever the number of seats. False: not waiting."""
    return _let_in(parts, form_id, entry_id, of="waiting", action="seat", user_id=user_id, now=now)


def _let_in(
    parts: Parts, form_id: int, entry_id: int, *, of: str, action: str, user_id: int, now: datetime
) -> bool:
    accepted: Accepted | None = None
    with parts.engine.begin() as tx:
        form = forms.get(tx, form_id, for_update=True)
        entry = form_entries.get(tx, entry_id, for_update=True)
        if form is None or entry is None or entry.form_id != form_id:
            raise Gone
        shown = forms.version(tx, entry.version_id)
        if entry.state != of or shown is None:
            return False
        audit.note(tx, noun="form_entry", noun_id=entry_id, action=action, user_id=user_id, now=now)
        if of == "aside" and shown.design.confirms:
            # The staff vouch for a person, not for the mailbox: that is asked as of everybody else.
            form_entries.settle(tx, entry_id, state="pending", awaits="all", decided_by=user_id)
            form_mails.confirm(tx, parts, form, shown.design, entry, now=now)
        else:
            state = accept_entry.seat(tx, form, entry) if of == "aside" else "done"
            form_entries.settle(tx, entry_id, state=state, decided_by=user_id)
            accepted = accept_entry.run(tx, parts, form, shown, replace(entry, state=state), now=now)
    if accepted is None:
        wake.ask(parts, "deliver")
    else:
        accept_entry.follow(parts, accepted, now=now)
    return True


def drop(parts: Parts, form_id: int, entry_id: int, *, user_id: int, now: datetime) -> bool:
    """Throw away what a machine sent, with everything in it. False: not aside."""
    look(parts, form_id, entry_id)
    with parts.engine.begin() as tx:
        is_gone = form_entries.drop(tx, entry_id, user_id=user_id)
        if is_gone:
            audit.note(tx, noun="form_entry", noun_id=entry_id, action="drop", user_id=user_id, now=now)
    return is_gone


def export(
    parts: Parts,
    form_id: int,
    show: str,
    *,
    head: Sequence[str],
    cells: Callable[[Line, Version], Sequence[object]],
    user_id: int,
    now: datetime,
) -> bytes:
    """The entries as CSV for Excel, oldest first; raises Gone without such a form."""
    with parts.engine.begin() as tx:
        if forms.get(tx, form_id) is None:
            raise Gone
        shown = {version.id: version for version in forms.versions(tx, form_id)}
        return export_lines.run(
            tx,
            form_entries.every(tx, form_id, SHOWN[show]),
            kind="form_entries",
            wanted={"form": form_id, "show": show},
            head=head,
            cells=lambda line: cells(line, shown[line.version_id]),
            user_id=user_id,
            now=now,
        )
