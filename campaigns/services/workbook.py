"""Workbooks: rows of an Excel sheet as the lines of a list (xlsx, xls). Raises ListError.

Formulas arrive as their last values; numbers as Excel shows them, so a telephone number that lost its
zero is still recognised.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta

from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from campaigns.rules.texts import MAX_COLUMNS, MAX_ROWS, Line, ListError

NAME = "xlsx"


def first_sheet(data: bytes) -> str:
    """The sheet with the most filled rows of those that are visible: covers and notes come first too often."""
    book = _open(data)
    best, most = "", -1
    for name in book.sheet_names:
        height = book.get_sheet_by_name(name).height
        if height > most:
            best, most = name, height
    if most < 1:
        raise ListError("empty")
    return best


def lines(data: bytes, sheet: str) -> list[Line]:
    """All rows of a sheet; the number is Excel's own row number."""
    book = _open(data)
    if sheet not in book.sheet_names:
        raise ListError("no_sheet", name=sheet)
    page = book.get_sheet_by_name(sheet)
    if page.width > MAX_COLUMNS:
        raise ListError("too_many_columns", line=1, columns=page.width, limit=MAX_COLUMNS)
    if page.height > MAX_ROWS:
        raise ListError("too_many_rows", line=MAX_ROWS, limit=MAX_ROWS)
    rows = page.to_python(skip_empty_area=False)
    return [Line(no, tuple(_cell(value) for value in row)) for no, row in enumerate(rows, start=1)]


def _open(data: bytes) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_filelike(io.BytesIO(data))
    except PasswordError:
        raise ListError("locked") from None
    except (CalamineError, OSError, ValueError) as error:
        raise ListError("binary") from error


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S" if value.time() != time() else "%Y-%m-%d")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return str(value).replace("\0", "")
