"""Export the call list: 32 columns, or the four of MiiTel; every export is logged with the people in it.

The column names are a file format that other programs read, so they are not translated; what stands in
the cells is worded by the caller. Source: spec 6.1, 6.5, LAW-22, LAW-23.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from campaigns.parts import Parts
from campaigns.rules import cp932
from campaigns.rules.cells import inert
from campaigns.services.call_desk import Line
from campaigns.storage import audit, calls, companies
from campaigns.storage.calls import WhyTouch
from campaigns.storage.companies import Member

COLUMNS = (
    "順位", "架電期限", "商材", "見込度", "理由(接点の要約)", "会社名", "管理区分", "部署名", "役職", "氏名",
    "フリガナ", "電話番号", "直通", "携帯", "内線", "前回架電日時", "前回結果", "架電回数", "再架電予定",
    "メールの反応(直近3件)", "ASICA段階", "導入予測時期", "概算予算", "決裁者", "競合", "トークのきっかけ",
    "結果", "対応者", "通話メモ", "次回アクション", "次回予定日", "見込みID",
)  # fmt: skip
MIITEL = ("取引先会社名", "取引先担当者名", "電話番号", "カテゴリー")


class Preset(StrEnum):
    FULL = "full"
    MIITEL = "miitel"


class Encoding(StrEnum):
    UTF8 = "utf-8"
    CP932 = "cp932"


@dataclass(frozen=True, slots=True)
class Row:
    """A call with what only a file tells: reactions to mails, newest first, and who decides there."""

    line: Line
    reactions: tuple[WhyTouch, ...]
    deciders: tuple[Member, ...]


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
    """What the columns need beside the lines; two statements for the whole list."""
    with parts.engine.connect() as tx:
        reactions = calls.mail_reactions(tx, [line.call.person_id for line in lines])
        deciders = companies.deciders(tx, [line.call.company_id for line in lines if line.call.company_id])
    return [
        Row(
            line,
            tuple(reactions.get(line.call.person_id, ())),
            tuple(deciders.get(line.call.company_id or 0, ())),
        )
        for line in lines
    ]


def write(
    found: Sequence[Row],
    *,
    preset: Preset,
    encoding: Encoding,
    cells: Callable[[Row], Sequence[object]],
) -> Exported:
    """The file, and what had to be changed in it. Cells never become formulas; phones stay text."""
    head = MIITEL if preset is Preset.MIITEL else COLUMNS
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerow(head)
    changed = []
    for number, row in enumerate(found, start=1):
        texts = [inert(cell) for cell in cells(row)]
        if encoding is Encoding.CP932:
            written = [cp932.writable(text) for text in texts]
            changed += [
                Changed(number, column, old, new)
                for column, old, new in zip(head, texts, written, strict=True)
                if old != new
            ]
            texts = written
        writer.writerow(texts)
    if encoding is Encoding.CP932:
        data = out.getvalue().encode("cp932")
    else:
        data = out.getvalue().encode("utf-8-sig")
    return Exported(data, len(found), tuple(changed))


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
