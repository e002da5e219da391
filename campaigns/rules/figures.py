"""Figures: a list of companies with what they bought, row by row.

The head names the columns: 企業名 or 法人番号, and any of 最後の取引日, 年間利益, 年間売上. An empty cell leaves what
stands. Source: S4-04, S4-06.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from campaigns.rules import cells
from campaigns.rules.cells import CellError
from campaigns.rules.matching import company_key, tidy
from campaigns.rules.money import MoneyError, read_yen
from campaigns.rules.texts import Line

HEADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "company": ("企業名", "会社名", "得意先名", "取引先名", "顧客名", "company", "customer"),
        "hojin_no": ("法人番号", "corporate number"),
        "last_deal_on": ("最後の取引日", "最終取引日", "最終売上日", "最終取引", "last deal"),
        "profit_12m_yen": ("年間利益", "利益", "利益額", "粗利", "粗利額", "年間粗利", "profit"),
        "sales_12m_yen": ("年間売上", "売上", "売上額", "売上高", "年間売上高", "sales"),
    }
)
FIGURES = ("last_deal_on", "profit_12m_yen", "sales_12m_yen")
HOJIN_DIGITS = 13


class HeadError(ValueError):
    """code: no_company, no_figures, twice (column)."""

    def __init__(self, code: str, *, column: str = "") -> None:
        super().__init__(code)
        self.code, self.column = code, column


@dataclass(frozen=True, slots=True)
class Row:
    """A company of the list. core_key: of its name, "" where only the number is told; form: its legal form, "" where
    none is written. None leaves a figure."""

    line: int
    name: str
    core_key: str
    form: str
    hojin_no: str
    last_deal_on: date | None
    profit_yen: int | None
    sales_yen: int | None


@dataclass(frozen=True, slots=True)
class Known:
    """A company that is there, of the same core name."""

    id: int
    form: str
    hojin_no: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """A cell that cannot be. code: of MoneyError, CellError, or no_company, hojin_odd, in_the_future, formula, wide (more
    cells than heads, since an amount's commas part it)."""

    line: int
    column: str
    value: str
    code: str


def columns(head: Sequence[str]) -> dict[str, int]:
    """Where each column stands. Raises HeadError."""
    found: dict[str, int] = {}
    for place, cell in enumerate(head):
        word = tidy(cell).lower().replace("(円)", "").replace("（円）", "").strip()
        name = next((name for name, words in HEADS.items() if word in words), None)
        if name is not None and name in found:
            raise HeadError("twice", column=cell)
        if name is not None:
            found[name] = place
    if "company" not in found and "hojin_no" not in found:
        raise HeadError("no_company")
    if not any(name in found for name in FIGURES):
        raise HeadError("no_figures")
    return found


def read(lines: Sequence[Line], *, today: date) -> tuple[list[Row], list[Wrong]]:
    """Every row of the list under its head, and every cell that cannot be. Raises HeadError."""
    filled = [line for line in lines if not line.is_blank]
    if not filled:
        raise HeadError("no_company")
    places = columns(filled[0].cells)
    rows: list[Row] = []
    wrong: list[Wrong] = []
    for line in filled[1:]:
        bad = len(wrong)
        row = _row(line, places, wrong, width=len(filled[0].cells), today=today)
        if len(wrong) == bad:
            rows.append(row)
    return rows, wrong


def _row(line: Line, places: Mapping[str, int], wrong: list[Wrong], *, width: int, today: date) -> Row:
    def cell(name: str) -> str:
        place = places.get(name)
        written = line.cells[place] if place is not None and place < len(line.cells) else ""
        try:
            return cells.bare(written)
        except CellError as error:
            # A loss begins like a formula; an amount says itself whether it is one.
            if name in ("profit_12m_yen", "sales_12m_yen"):
                return written.strip()
            wrong.append(Wrong(line.no, name, written, error.code))
            return ""

    def amount(name: str) -> int | None:
        text = cell(name)
        if not text:
            return None
        try:
            return read_yen(text, may_be_negative=name == "profit_12m_yen")
        except MoneyError as error:
            wrong.append(Wrong(line.no, name, text, error.code))
            return None

    if any(extra.strip() for extra in line.cells[width:]):
        wrong.append(Wrong(line.no, "company", cell("company"), "wide"))
    name, number = cell("company"), tidy(cell("hojin_no")).replace("-", "")
    key = company_key(name) if name else None
    if not name and not number:
        wrong.append(Wrong(line.no, "company", "", "no_company"))
    if number and (len(number) != HOJIN_DIGITS or not number.isdecimal()):
        wrong.append(Wrong(line.no, "hojin_no", number, "hojin_odd"))
    return Row(
        line=line.no,
        name=name,
        core_key=key.core if key else "",
        form=key.form.value if key else "",
        hojin_no=number,
        last_deal_on=_day(line.no, cell("last_deal_on"), wrong, today=today),
        profit_yen=amount("profit_12m_yen"),
        sales_yen=amount("sales_12m_yen"),
    )


def match(row: Row, same: Sequence[Known]) -> int | str:
    """Which of the companies of its core name a row means: the id, else several or unknown.

    Another legal form is another company, and so is another corporate number; a form that nobody wrote speaks for
    none. Source: spec 5.1.
    """
    fitting = [
        one
        for one in same
        if (not one.form or not row.form or one.form == row.form)
        and (not row.hojin_no or one.hojin_no in ("", row.hojin_no))
    ]
    exact = [one for one in fitting if one.form == row.form]
    if len(exact) == 1:
        return exact[0].id
    if len(fitting) > 1:
        return "several"
    return fitting[0].id if fitting else "unknown"


def _day(no: int, text: str, wrong: list[Wrong], *, today: date) -> date | None:
    if not text:
        return None
    try:
        day, _clock = cells.moment(text, year=today.year)
    except CellError as error:
        wrong.append(Wrong(no, "last_deal_on", text, error.code))
        return None
    if day > today:
        wrong.append(Wrong(no, "last_deal_on", text, "in_the_future"))
    return day
