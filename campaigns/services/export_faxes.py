"""Export a fax list for a sending service: one row a number, as most of them take it.

Source: spec 6.4, generic preset: cp932, CRLF, quoted, digits only, refused and wrong numbers left out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import cp932
from campaigns.rules.cells import inert
from campaigns.rules.matching import phone_key
from campaigns.storage import audit, tasks
from campaigns.storage.tasks import Task

COLUMNS = ("FAX番号", "会社名", "部署名", "役職", "氏名", "敬称", "管理番号")
ROWS_A_FILE = 3000


@dataclass(frozen=True, slots=True)
class Faxes:
    """data: the file. refused: people left out since they or their number may not be faxed."""

    data: bytes
    rows: int
    refused: int
    invalid: int


def run(parts: Parts, *, product_id: int | None, user_id: int | None, now: datetime) -> Faxes:
    """Every open fax as a file; logged with the people in it."""
    with parts.engine.begin() as tx:
        found = tasks.open_of(tx, "fax", now=now, product_id=product_id, limit=ROWS_A_FILE)
        good = [task for task in found if not task.fax_invalid and is_number(phone_key(task.fax))]
        refused = sum(task.fax_invalid for task in found)
        audit.note_export(
            tx,
            kind="faxes",
            wanted={"product": product_id},
            rows=len(good),
            person_ids=sorted({task.person_id for task in good}),
            user_id=user_id,
            now=now,
        )
    rows = _by_number(good)
    return Faxes(_write(rows), len(rows), refused, len(found) - len(good) - refused)


def is_number(digits: str) -> bool:
    """0 first and ten digits; eleven for 050."""
    return digits.startswith("0") and len(digits) == (11 if digits.startswith("050") else 10)


def _by_number(found: Sequence[Task]) -> list[tuple[str, list[Task]]]:
    groups: dict[str, list[Task]] = {}
    for task in found:
        groups.setdefault(phone_key(task.fax), []).append(task)
    return list(groups.items())


def _write(rows: Sequence[tuple[str, list[Task]]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for number, group in rows:
        first = group[0]
        people = list({task.person_id: task.name for task in group if task.name}.values())
        # Several people at one number share one sheet: 山田様・佐藤様.
        names = people[0] if len(people) == 1 else "様・".join(people)
        alone = len(people) <= 1
        cells = (
            number,
            first.company,
            first.department if alone else "",
            first.title if alone else "",
            names or "ご担当者",
            "様",
            first.id,
        )
        writer.writerow([cp932.writable(inert(cell)) for cell in cells])
    return out.getvalue().encode("cp932")
