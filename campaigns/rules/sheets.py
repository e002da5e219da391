"""A CSV that goes out: Excel opens it with a double click, and no cell of it ever runs (spec 60, 6.2.4)."""

import csv
import io
from collections.abc import Iterable, Sequence

from campaigns.rules.cells import inert


def csv_of(rows: Iterable[Sequence[object]]) -> bytes:
    """These rows, the head first: UTF-8 with BOM, CRLF, cells that begin like a formula made text."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([inert(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
