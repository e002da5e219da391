"""Export a fax batch for a sending service: one row a number, as most of them take it.

Source: spec 6.4, generic preset: cp932, CRLF, quoted, digits only; 3,000 rows a file, more as _01, _02 in a zip.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import cp932
from campaigns.rules.cells import inert
from campaigns.rules.faxes import ROWS_A_FILE, parts_of, salutation
from campaigns.storage import audit, fax_refusals, faxes
from campaigns.storage.faxes import Item

COLUMNS = ("FAX番号", "会社名", "部署名", "役職", "氏名", "敬称", "管理番号")


@dataclass(frozen=True, slots=True)
class Faxes:
    """data: a CSV, or a zip of several. rows: numbers."""

    data: bytes
    name: str
    type: str
    rows: int


def run(parts: Parts, batch_id: int, *, user_id: int | None, now: datetime, size: int = ROWS_A_FILE) -> Faxes:
    """The batch's numbers; those that refused meanwhile are left out. Logged with the people. Raises LookupError."""
    with parts.engine.begin() as tx:
        if faxes.batch(tx, batch_id) is None:
            raise LookupError(batch_id)
        found = faxes.items(tx, batch_id)
        refused = fax_refusals.of(tx, [item.number for item in found])
        good = [item for item in found if item.number not in refused]
        audit.note_export(
            tx,
            kind="faxes",
            wanted={"batch": batch_id},
            rows=len(good),
            person_ids=sorted({id for item in good for id in item.person_ids}),
            user_id=user_id,
            now=now,
        )
    name = f"fax-{batch_id}"
    files = [
        (f"{name}{ending}.csv", _write(good[rows.start : rows.stop]))
        for ending, rows in parts_of(len(good), size=size)
    ]
    if len(files) == 1:
        return Faxes(files[0][1], files[0][0], "text/csv; charset=cp932", len(good))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for file, data in files:
            packed.writestr(file, data)
    return Faxes(out.getvalue(), f"{name}.zip", "application/zip", len(good))


def _write(items: Sequence[Item]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item in items:
        # Several people at one number share one sheet: 山田様・佐藤 with 様 in its own column.
        names = salutation(item.names).removesuffix("様")
        cells = (item.number, item.company, item.department, item.title, names, "様", item.id)
        writer.writerow([cp932.writable(inert(cell)) for cell in cells])
    return out.getvalue().encode("cp932")
