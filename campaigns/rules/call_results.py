"""Results of calls as a file brings them back: one row -> which call, what came of it, or why it cannot be taken.

The file is our own export with 結果, 対応者, 通話メモ and 次回予定日 filled in; who calls elsewhere may add 架電日時.
Source: spec 6.5.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from campaigns.rules import cells, columns
from campaigns.rules.cells import CellError
from campaigns.rules.outcomes import NOON, OPENS, CallResult
from campaigns.rules.reasons import Reason

NOTE_MAX = 4000
HEADS: Mapping[str, str] = MappingProxyType(
    {
        "lead": "見込みID", "result": "結果", "by": "対応者", "note": "通話メモ", "next": "次回予定日", "calls": "架電回数",
        "called": "架電日時",
    }
)  # fmt: skip
NEEDED = ("lead", "result")
# Words of our own pages, of the codes, and of call centres (dialshift, calltree).
WORDS: Mapping[str, CallResult] = MappingProxyType(
    {
        **{result.value: result for result in CallResult},
        **dict.fromkeys(
            ("不通・留守電", "不通", "留守電", "留守電・不通", "No answer"), CallResult.NO_ANSWER
        ),
        **dict.fromkeys(("担当不在", "不在", "担当不在(再)", "担当不在(終)", "Absent"), CallResult.ABSENT),
        **dict.fromkeys(("受付お断り", "受付NG", "Turned away"), CallResult.GATEKEEPER),
        **dict.fromkeys(("通電(情報収集)", "通電", "情報収集", "Talked"), CallResult.TALKED),
        **dict.fromkeys(("興味あり", "見込み", "見込", "Interested"), CallResult.INTEREST),
        **dict.fromkeys(("アポ獲得", "アポ", "Appointment"), CallResult.APPOINTMENT),
        **dict.fromkeys(("資料希望", "資料送付", "Wants material"), CallResult.MATERIAL),
        **dict.fromkeys(("再架電約束", "再架電", "再コール", "Call back"), CallResult.CALLBACK),
        **dict.fromkeys(("時期尚早", "Not now"), CallResult.NOT_NOW),
        **dict.fromkeys(("担当お断り", "お断り", "担当NG", "Declined"), CallResult.REFUSED),
        **dict.fromkeys(
            ("番号違い・現在使われていない", "番号違い", "現アナ", "Wrong number"), CallResult.WRONG
        ),
        **dict.fromkeys(("退職・異動", "退職", "異動", "Left"), CallResult.LEFT),
        **dict.fromkeys(("架電禁止", "架電NG", "Do not call"), CallResult.DNC),
    }
)
_BY_KEY = MappingProxyType({columns.label_key(word): result for word, result in WORDS.items()})


@dataclass(frozen=True, slots=True)
class Draft:
    """A result as read. by: a name, or ''. on: ISO; clock: HH:MM or ''. calls: how many the file knew of, or None.

    called_on, called_clock: when the call was made, '' where the file does not say.
    key: the same for the same row of the same file, however often it is read.
    """

    lead_id: int
    result: str
    by: str
    note: str
    on: str
    clock: str
    calls: int | None
    key: str
    called_on: str = ""
    called_clock: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Draft":
        return cls(**stored)

    def next_at(self, zone: ZoneInfo) -> datetime | None:
        """The promised instant; a day alone begins with the first hour of calling."""
        if not self.on:
            return None
        clock = time.fromisoformat(self.clock) if self.clock else OPENS
        return datetime.combine(date.fromisoformat(self.on), clock, tzinfo=zone)

    def called_at(self, zone: ZoneInfo) -> datetime | None:
        """When the call was made; a day alone stands for its noon."""
        if not self.called_on:
            return None
        clock = time.fromisoformat(self.called_clock) if self.called_clock else time(NOON)
        return datetime.combine(date.fromisoformat(self.called_on), clock, tzinfo=zone)

    def named_month(self) -> date | None:
        is_later = self.result == CallResult.NOT_NOW and self.on
        return date.fromisoformat(self.on).replace(day=1) if is_later else None


def places(labels: Sequence[str]) -> dict[str, int]:
    """Which column is which, by its head."""
    keys = {columns.label_key(head): name for name, head in HEADS.items()}
    found: dict[str, int] = {}
    for place, label in enumerate(labels):
        name = keys.get(columns.label_key(label))
        if name is not None:
            found.setdefault(name, place)
    return found


def missing(found: Mapping[str, int]) -> list[str]:
    """Heads without which no row can be read."""
    return [HEADS[name] for name in NEEDED if name not in found]


def read(row: Sequence[str], at: Mapping[str, int], *, year: int) -> Draft | Reason | None:
    """The result of a row; None where nobody has written one; else why it cannot be taken.

    year: of a day without one.
    """

    def cell(name: str) -> str:
        place = at.get(name)
        return row[place].strip() if place is not None and place < len(row) else ""

    word = cell("result")
    if not word:
        return None
    result = _BY_KEY.get(columns.label_key(word))
    if result is None:
        return Reason("result_unknown", {"word": word[:40]})
    lead = cell("lead").removeprefix("'")
    if not lead.isdecimal() or len(lead) > 17:
        return Reason("lead_missing")
    try:
        on, clock = _moment(cell("next"), year=year)
    except CellError:
        return Reason("date_odd", {"word": cell("next")[:40]})
    try:
        called_on, called_clock = _moment(cell("called"), year=year)
    except CellError:
        return Reason("called_odd", {"word": cell("called")[:40]})
    calls = cell("calls")
    return Draft(
        lead_id=int(lead),
        result=result.value,
        by=" ".join(cell("by").split()),
        note=cell("note").removeprefix("'")[:NOTE_MAX],
        on=on,
        clock=clock,
        calls=int(calls) if calls.isdecimal() and len(calls) < 7 else None,
        key=hashlib.sha256("\x1f".join(one.strip() for one in row).encode()).hexdigest()[:32],
        called_on=called_on,
        # Midnight is how a spreadsheet writes a day alone.
        called_clock="" if called_clock == "00:00" else called_clock,
    )


def _moment(cell: str, *, year: int) -> tuple[str, str]:
    if not cell:
        return "", ""
    day, clock = cells.moment(cell, year=year)
    return day.isoformat(), f"{clock[0]:02}:{clock[1]:02}" if clock else ""
