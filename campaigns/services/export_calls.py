"""Export the call list: 32 columns, or the four of MiiTel; every export is logged with the people in it.

The column names are a file format that other programs read, so they are not translated; what stands in
the cells is worded by the caller. Source: spec 6.1, 6.5, LAW-22, LAW-23.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font

from campaigns.parts import Parts
from campaigns.rules import cp932
from campaigns.rules.cells import inert
from campaigns.rules.sheets import csv_of
from campaigns.services.call_desk import Line
from campaigns.storage import audit, calls, catalogue_columns, companies
from campaigns.storage.calls import WhyTouch
from campaigns.storage.catalogue_columns import Columns
from campaigns.storage.companies import Member

COLUMNS = (
    "順位", "架電期限", "商材", "見込度", "理由(接点の要約)", "会社名", "管理区分", "部署名", "役職", "氏名",
    "フリガナ", "電話番号", "直通", "携帯", "内線", "前回架電日時", "前回結果", "架電回数", "再架電予定",
    "メールの反応(直近3件)", "ASICA段階", "導入予測時期", "概算予算", "決裁者", "競合", "トークのきっかけ",
    "結果", "対応者", "通話メモ", "次回アクション", "次回予定日", "見込みID",
)  # fmt: skip
MIITEL = ("取引先会社名", "取引先担当者名", "電話番号", "カテゴリー")


# What a workbook may not hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Preset(StrEnum):
    FULL = "full"
    MIITEL = "miitel"


class Format(StrEnum):
    """utf-8 and cp932: CSV; xlsx: an Excel workbook whose every cell is text."""

    XLSX = "xlsx"
    UTF8 = "utf-8"
    CP932 = "cp932"

    @property
    def ending(self) -> str:
        return "xlsx" if self is Format.XLSX else "csv"

    @property
    def content_type(self) -> str:
        if self is Format.XLSX:
            return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        return f"text/csv; charset={self.value}"


@dataclass(frozen=True, slots=True)
class Row:
    """A call with what only a file tells: reactions to mails, newest first, who decides, and what the catalogue says."""

    line: Line
    reactions: tuple[WhyTouch, ...]
    deciders: tuple[Member, ...]
    known: Columns | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A cell that the encoding cannot write as it is. row: from 1, without the head."""

    row: int
    column: str
    text: str
    written: str


@dataclass(frozen=True, slots=True)
class Exported:
    data: bytes
    rows: int
    changed: tuple[Changed, ...]


def rows(parts: Parts, lines: Sequence[Line]) -> list[Row]:
    """What the columns need beside the lines; three statements for the whole list."""
    company_ids = [line.call.company_id for line in lines if line.call.company_id]
    with parts.engine.connect() as tx:
        reactions = calls.mail_reactions(tx, [line.call.person_id for line in lines])
        deciders = companies.deciders(tx, company_ids)
        known = catalogue_columns.of_companies(tx, company_ids)
    return [
        Row(
            line,
            tuple(reactions.get(line.call.person_id, ())),
            tuple(deciders.get(line.call.company_id or 0, ())),
            known.get(line.call.company_id or 0),
        )
        for line in lines
    ]


def write(
    found: Sequence[Row], *, preset: Preset, format: Format, cells: Callable[[Row], Sequence[object]]
) -> Exported:
    """The file, and what had to be changed in it. Cells never become formulas; phones stay text."""
    head = MIITEL if preset is Preset.MIITEL else COLUMNS
    table = [["" if cell is None else str(cell) for cell in cells(row)] for row in found]
    if format is Format.XLSX:
        return Exported(_workbook(head, table), len(found), ())
    if format is Format.UTF8:
        return Exported(csv_of([head, *table]), len(found), ())
    written = [[cp932.writable(inert(text)) for text in row] for row in table]
    changed = tuple(
        Changed(number, column, old, new)
        for number, (before, after) in enumerate(zip(table, written, strict=True), start=1)
        for column, old, new in zip(head, before, after, strict=True)
        if inert(old) != new
    )
    return Exported(csv_of([head, *written]).decode("utf-8-sig").encode("cp932"), len(found), changed)


def _workbook(head: Sequence[str], table: Sequence[Sequence[str]]) -> bytes:
    """Every cell is text by its type, so a number keeps its zero and a sign of equality is a sign."""
    book = Workbook(write_only=True)
    page = book.create_sheet("calls")
    page.freeze_panes = "A2"
    for place, row in enumerate((head, *table)):
        page.append([_cell(page, text, is_head=place == 0) for text in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _cell(page: object, text: str, *, is_head: bool) -> WriteOnlyCell:
    cell = WriteOnlyCell(page, value=_CONTROL.sub("", text))
    cell.data_type, cell.number_format = "s", "@"
    if is_head:
        cell.font = Font(bold=True)
    return cell


def note(
    parts: Parts,
    found: Sequence[Row],
    *,
    wanted: dict[str, object],
    user_id: int | None,
    now: datetime,
) -> None:
    """Log the export before a byte of it leaves."""
    with parts.engine.begin() as tx:
        audit.note_export(
            tx,
            kind="calls",
            wanted=wanted,
            rows=len(found),
            person_ids=sorted({row.line.call.person_id for row in found}),
            user_id=user_id,
            now=now,
        )
