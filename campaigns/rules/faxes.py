"""Faxes: numbers as keys, who may get one, what a service tells back, and how a list is cut into files.

Source: spec 6.4, S2-07; LAW 4.4: refusals bind numbers, since names never match.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar
from zoneinfo import ZoneInfo

from campaigns.rules.workdays import Calendar

# One fax a company and product in three months, counted apart from mails.
CAP_MONTHS = 3
ROWS_A_FILE = 3000
PAGES_MOST = 2
TITLE_MAX, BODY_MAX, POINTS_MAX = 60, 3000, 2000
NOBODY = "ご担当者"
# A machine rings where people work: nothing leaves before or after these hours, nor on closed days.
HOURS = (time(9, 0), time(18, 0))
Day = TypeVar("Day", bound=date)


def cap_since(day: Day) -> Day:
    """Three calendar months back, or the last day there is of that month."""
    month = day.year * 12 + day.month - 1 - CAP_MONTHS
    for number in range(day.day, 0, -1):
        try:
            return day.replace(year=month // 12, month=month % 12 + 1, day=number)
        except ValueError:
            continue
    return day - timedelta(days=92)


def may_ring(local: datetime, calendar: Calendar) -> bool:
    """Whether a fax may leave. local: in the installation's zone."""
    return calendar.is_business_day(local.date()) and HOURS[0] <= local.time() < HOURS[1]


def key(number: str) -> str:
    """The digits of a number, whatever was written around them: ０３（1234）5678 and +81 3 1234 5678 are one."""
    text = unicodedata.normalize("NFKC", number).strip()
    digits = "".join(c for c in text if c.isdecimal() and c.isascii())
    if text.startswith("+81"):
        rest = digits[2:].removeprefix("0")
        return f"0{rest}" if rest else ""
    return digits


def is_number(digits: str) -> bool:
    """0 first and ten digits; eleven for 050."""
    return (
        digits.startswith("0")
        and not digits.startswith("00")
        and len(digits) == (11 if digits.startswith("050") else 10)
    )


def printed(digits: str) -> str:
    """A number as it is read aloud; where its parts end cannot be told from the digits alone."""
    if digits.startswith(("03", "06")) and len(digits) == 10:
        return f"{digits[:2]}-{digits[2:6]}-{digits[6:]}"
    return f"{digits[:3]}-{digits[3:-4]}-{digits[-4:]}" if len(digits) > 7 else digits


def salutation(names: Sequence[str]) -> str:
    """Everybody behind one number: 山田様・佐藤様."""
    known = list(dict.fromkeys(name for name in names if name))
    return "・".join(f"{name}様" for name in known) if known else f"{NOBODY}様"


class Result(StrEnum):
    """What a service tells of a number."""

    OK = "ok"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    WRONG = "wrong"
    VOICE = "voice"
    NO_PAPER = "no_paper"


WORDS: Mapping[str, Result] = MappingProxyType(
    {
        "ok": Result.OK, "正常": Result.OK, "成功": Result.OK, "送信済": Result.OK, "送信済み": Result.OK, "完了": Result.OK, "sent": Result.OK, "success": Result.OK,
        "話中": Result.BUSY, "話し中": Result.BUSY, "busy": Result.BUSY,
        "応答なし": Result.NO_ANSWER, "無応答": Result.NO_ANSWER, "noanswer": Result.NO_ANSWER, "no_answer": Result.NO_ANSWER,
        "番号違い": Result.WRONG, "番号間違い": Result.WRONG, "欠番": Result.WRONG, "未使用": Result.WRONG, "wrong": Result.WRONG,
        "音声応答": Result.VOICE, "音声": Result.VOICE, "電話": Result.VOICE, "voice": Result.VOICE,
        "用紙切れ": Result.NO_PAPER, "紙切れ": Result.NO_PAPER, "nopaper": Result.NO_PAPER, "no_paper": Result.NO_PAPER,
    }
)  # fmt: skip
ENDS_NUMBER = frozenset({Result.WRONG, Result.VOICE})
# States of a number: what the service could not deliver, and what the gateway would not take.
MAY_RETRY = frozenset({Result.BUSY.value, Result.NO_ANSWER.value, Result.NO_PAPER.value, "failed"})

HEADS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "id": frozenset({"管理番号", "id", "no", "no."}),
        "number": frozenset({"fax番号", "fax", "宛先番号", "番号", "number", "faxnumber"}),
        "result": frozenset({"結果", "送信結果", "状態", "ステータス", "result", "status"}),
        "at": frozenset({"送信日時", "日時", "完了日時", "sentat", "date", "datetime"}),
        "pages": frozenset({"枚数", "ページ数", "pages"}),
    }
)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a result list. no: its line in the file. error: code, "" for a good one. at: aware; None if not told."""

    no: int
    id: int | None = None
    number: str = ""
    result: Result | None = None
    at: datetime | None = None
    pages: int = 0
    said: str = ""
    error: str = ""


class ListError(ValueError):
    """The whole list cannot be read; code: empty, no_head (neither 管理番号 nor FAX番号, or no 結果), too_long."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


LINES_MOST = 20_000


def read(rows: Sequence[Sequence[str]], *, zone: ZoneInfo, now: datetime) -> list[Line]:
    """A service's result list. Blank rows are passed over. Raises ListError."""
    head_no = next((no for no, row in enumerate(rows[:20]) if "result" in _columns(row)), None)
    if not any(any(cell.strip() for cell in row) for row in rows):
        raise ListError("empty")
    if head_no is None:
        raise ListError("no_head")
    columns = _columns(rows[head_no])
    if not {"id", "number"} & columns.keys():
        raise ListError("no_head")
    if len(rows) > LINES_MOST:
        raise ListError("too_long")
    return [
        _line(no, row, columns, zone=zone, now=now)
        for no, row in enumerate(rows[head_no + 1 :], start=head_no + 2)
        if any(cell.strip() for cell in row)
    ]


def _columns(row: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place, cell in enumerate(row):
        word = _plain(cell)
        for name, words in HEADS.items():
            if word in words:
                found.setdefault(name, place)
    return found


def _plain(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip().lower().replace(" ", "").replace("　", "")


def _line(no: int, row: Sequence[str], columns: Mapping[str, int], *, zone: ZoneInfo, now: datetime) -> Line:
    def cell(name: str) -> str:
        place = columns.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    said = cell("result")
    id_text, number = unicodedata.normalize("NFKC", cell("id")), key(cell("number"))
    id = int(id_text) if id_text.isascii() and id_text.isdecimal() and len(id_text) < 17 else None
    result = WORDS.get(_plain(said))
    pages_text = unicodedata.normalize("NFKC", cell("pages"))
    pages = int(pages_text) if pages_text.isascii() and pages_text.isdecimal() and len(pages_text) < 4 else 0
    base = Line(no, id=id, number=number, result=result, pages=pages, said=said)
    if id is None and not is_number(number):
        return _with(base, error="number_odd" if number or id_text else "number_missing")
    if result is None:
        return _with(base, error="result_odd" if said else "result_missing")
    at = None
    if cell("at"):
        at = instant(cell("at"), zone=zone)
        if at is None:
            return _with(base, error="at_odd")
        if at > now:
            return _with(base, error="at_future")
    return _with(base, at=at)


def _with(line: Line, *, error: str = "", at: datetime | None = None) -> Line:
    return Line(line.no, line.id, line.number, line.result, at, line.pages, line.said, error)


FORMATS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y年%m月%d日 %H:%M", "%Y年%m月%d日 %H時%M分", "%Y%m%d%H%M%S", "%Y-%m-%d")  # fmt: skip


def instant(text: str, *, zone: ZoneInfo) -> datetime | None:
    """A local time as services write it; None for anything else."""
    plain = unicodedata.normalize("NFKC", text).strip().replace("/", "-")
    for form in FORMATS:
        try:
            return datetime.strptime(plain, form).replace(tzinfo=zone)
        except ValueError:
            continue
    return None


def csv_rows(text: str) -> list[list[str]]:
    """The cells of a result list, whether its columns end by commas or tabs."""
    first = text.partition("\n")[0]
    delimiter = "\t" if first.count("\t") > first.count(",") else ","
    return list(csv.reader(io.StringIO(text), delimiter=delimiter))


def parts_of(n: int, *, size: int = ROWS_A_FILE) -> Iterable[tuple[str, range]]:
    """Files of a list by their endings: one file has none, several are _01, _02."""
    count = max(1, -(-n // size))
    for no in range(count):
        ending = f"_{no + 1:02}" if count > 1 else ""
        yield ending, range(no * size, min(n, (no + 1) * size))
