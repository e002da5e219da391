"""What a report's page is made of: tables whose numbers lead to their rows, a chart with its finding, definitions.

A page is built once, and shown as HTML or written as CSV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from flask import url_for
from flask_babel import gettext as _

from campaigns.rules.reports import Rate
from campaigns.rules.schedule import month_label
from campaigns.services.show_report import Asked
from campaigns.web.words import number, percent, yen

Words = object  # text, or text that is translated when it is shown


@dataclass(frozen=True, slots=True)
class Figure:
    """One cell. value: for a file; text: for the page; sub: a second, quiet line. kind: '', zero, wait, good, bad."""

    value: object
    text: str
    href: str = ""
    sub: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """hint: what it means, where the word alone leaves it open. sub: a second, quiet line."""

    label: Words
    hint: Words = ""
    is_number: bool = True
    sub: Words = ""


@dataclass(frozen=True, slots=True)
class Table:
    """groups: (words, columns) above the heads. note: what adds up, or does not. look: '', blocks (each group of rows
    in a block of its own, begun by a row whose first cell is not blank), folded (shown when asked for)."""

    title: Words
    columns: Sequence[Column]
    rows: Sequence[Sequence[Figure]]
    facts: Words = ""
    note: Words = ""
    foot: Sequence[Figure] = ()
    groups: Sequence[tuple[Words, int]] = ()
    id: str = "numbers"
    look: str = ""

    @property
    def blocks(self) -> list[tuple[str, list[Sequence[Figure]]]]:
        """Rows by the group that they belong to."""
        found: list[tuple[str, list[Sequence[Figure]]]] = []
        for row in self.rows:
            if row[0].value:
                found.append((row[0].text, []))
            found[-1][1].append(row[1:])
        return found

    def lines(self) -> list[list[object]]:
        """For a file: heads, rows, the sum."""
        heads: list[object] = [str(column.label) for column in self.columns]
        rows = [*self.rows, *([self.foot] if self.foot else [])]
        return [heads, *([figure.value for figure in row] for row in rows)]


@dataclass(frozen=True, slots=True)
class Chart:
    """kind: bars (stacked), sides (stacked, lying), line. series: name, look and data; label: what it shows in words.
    unit: of its values."""

    kind: str
    categories: Sequence[str]
    series: Sequence[Mapping[str, Any]]
    label: str
    unit: str = ""

    @property
    def data(self) -> dict[str, Any]:
        return {
            "kind": self.kind,
            "categories": list(self.categories),
            "series": list(self.series),
            "unit": self.unit,
        }


@dataclass(frozen=True, slots=True)
class Page:
    """One report. empty: what is said where nothing was counted yet.
    terms: (word, meaning). parts: what only this report shows, for a template of its name."""

    name: str
    title: Words
    finding: str = ""
    reason: str = ""
    chart: Chart | None = None
    chart_title: Words = ""
    tables: Sequence[Table] = ()
    terms: Sequence[tuple[Words, Words]] = ()
    empty: Words = ""
    facts: str = ""
    parts: Mapping[str, Any] = field(default_factory=dict)
    up: tuple[Words, str] | None = None


def behind(report: str, measure: str, asked: Asked, **dims: str | int) -> str:
    """Where the rows of a number are."""
    values: dict[str, Any] = {"report": report, "cell": measure, **address(asked), **dims}
    return url_for("reports.people_GET", **values)


def address(asked: Asked) -> dict[str, Any]:
    """What a reader asked for, as the fields of an address."""
    product = {"product": asked.product_id} if asked.product_id else {}
    if asked.month is not None:
        return {"month": month_label(asked.month), **product}
    return {"period": asked.period.value, **product}


def again(path: str, fields: Mapping[str, Any], **changed: Any) -> str:
    """The same page with other fields; None takes one away."""
    kept = {name: value for name, value in {**fields, **changed}.items() if value is not None}
    return f"{path}?{urlencode(kept)}" if kept else path


def count(n: int, href: str = "", *, sub: str = "", kind: str = "") -> Figure:
    """A number that leads to its rows; a zero leads nowhere."""
    return Figure(n, number(n), href if n else "", sub, kind or ("" if n else "zero"))


def words(text: str, href: str = "", *, sub: str = "", kind: str = "") -> Figure:
    return Figure(text, text or "–", href, sub, kind)


def share(found: Rate, *, digits: int = 1, kind: str = "") -> Figure:
    """A rate; of few cases in grey, since it says little."""
    if found.value is None:
        return Figure("", "–", kind="zero")
    return Figure(f"{found.value * 100:.{digits + 1}f}%", percent(found.value, digits), kind=kind)


def money(value: int | None) -> Figure:
    return Figure("" if value is None else value, yen(value), kind="" if value else "zero")


def wait() -> Figure:
    """Not yet: a figure whose time has not come is no zero."""
    return Figure(str(_("まだ")), str(_("まだ")), kind="wait")


def duration(seconds: int) -> Figure:
    """Active time on pages: 1時間5分 / 1 h 5 min."""
    hours, minutes = divmod(round(seconds / 60), 60)
    if not seconds:
        return Figure(0, "0", kind="zero")
    text = _("%(h)s時間%(m)s分", h=number(hours), m=minutes) if hours else _("%(m)s分", m=max(minutes, 1))
    return Figure(seconds, str(text))
