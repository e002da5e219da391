"""Columns: which column of a list means what, and on which line its header stands.

Compared after NFKC, lower case, without blanks, _ - * ※ and (必須). Source: spec 6.3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType

from campaigns.rules.texts import DELIMITERS, Line, ListError, head, read

SEARCH_ROWS = 20
# Seen in lists but not in the shared table: Eight's marks, and the talk column of booth lists.
EXTRA: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "flag_reworking": ("再データ化中の名刺",),
        "flag_unreadable": ("'?'を含んだデータ", "?を含んだデータ", "’?’を含んだデータ"),
        "flag_connected": ("eightでつながっている人",),
        "temperature": ("対応", "対応内容", "対応状況", "対応レベル"),
    }
)
_DROP = re.compile(r"[\s_\-*※‐−ー]|\(必須\)|\[必須\]|【必須】|必須")
_MAIL = re.compile(r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}")
# A second column of the same meaning goes here; otherwise it is left out.
SECOND: Mapping[str, str] = MappingProxyType({"email": "email2"})


def label_key(label: str) -> str:
    """Comparable form of a header cell."""
    return _DROP.sub("", unicodedata.normalize("NFKC", label).lower().replace("\ufeff", ""))


@cache
def synonyms() -> Mapping[str, str]:
    """Comparable header -> field. The file is read at the first use, never at import."""
    text = resources.files("campaigns.rules").joinpath("header_synonyms.json").read_text(encoding="utf-8")
    table: dict[str, str] = {}
    for source in (json.loads(text), EXTRA):
        for name, words in source.items():
            for word in words:
                table.setdefault(label_key(word), name)
    return MappingProxyType(table)


@cache
def fields() -> tuple[str, ...]:
    """Every field a column may mean, in the order of the table."""
    return tuple(dict.fromkeys([*synonyms().values()]))


def field_of(label: str) -> str:
    """The field a header names, or ''."""
    key = label_key(label)
    return synonyms().get(key, "") if key else ""


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a list. header_line: the line with the names, 0 where there is none; mapping: a field or
    '' for each column; body_line: the first line that may hold a person."""

    header_line: int
    body_line: int
    labels: tuple[str, ...]
    mapping: tuple[str, ...]


def layout(lines: Sequence[Line]) -> Layout:
    """Guess the layout from the first lines: the header is the line with the most known names."""
    best, known = -1, 0
    for place, line in enumerate(lines[:SEARCH_ROWS]):
        found = len({field_of(cell) for cell in line.cells} - {""})
        if found > known:
            best, known = place, found
    if best < 0:
        return _headless(lines)
    if best and _stands_over(lines[best - 1].cells, lines[best].cells):
        best -= 1
    return named(lines, header_line=lines[best].no)


def named(lines: Sequence[Line], *, header_line: int) -> Layout:
    """The layout when the header's line is known; a second header line below it is taken along."""
    place = next((i for i, line in enumerate(lines) if line.no == header_line), None)
    if place is None:
        return _headless(lines)
    top = lines[place].cells
    below = lines[place + 1].cells if place + 1 < len(lines) else ()
    two = _is_second_header(top, below)
    labels = _joined(top, below) if two else top
    last = place + (2 if two else 1)
    body = lines[last].no if last < len(lines) else lines[-1].no + 1
    return Layout(header_line, body, tuple(label.strip() for label in labels), guess(labels))


def guess(labels: Sequence[str]) -> tuple[str, ...]:
    """A field for each label; of two columns with one meaning the first wins."""
    mapping: list[str] = []
    for label in labels:
        name = field_of(label)
        if name in mapping:
            name = SECOND.get(name, "")
        mapping.append("" if name in mapping else name)
    return tuple(mapping)


def _is_second_header(top: Sequence[str], below: Sequence[str]) -> bool:
    """Merged header cells leave a second line of names: names only, some where the first line has none."""
    if any(_MAIL.search(cell) for cell in below):
        return False
    names = [(i, field_of(cell)) for i, cell in enumerate(below) if field_of(cell)]
    fresh = [i for i, name in names if i >= len(top) or field_of(top[i]) != name]
    return len(names) >= 2 and len(fresh) >= 2


def _stands_over(top: Sequence[str], below: Sequence[str]) -> bool:
    """Whether the line above holds names for columns that the line below leaves blank."""
    blank = [i for i, cell in enumerate(below) if not cell.strip()]
    return any(field_of(top[i]) for i in blank if i < len(top)) and _is_second_header(top, below)


def _joined(top: Sequence[str], below: Sequence[str]) -> tuple[str, ...]:
    labels, group = [], ""
    for i in range(max(len(top), len(below))):
        over = top[i].strip() if i < len(top) else ""
        under = below[i].strip() if i < len(below) else ""
        group = over or group
        options = [f"{group}({under})", f"{group}[{under}]", under, over] if under else [over]
        labels.append(next((option for option in options if field_of(option)), under or over))
    return tuple(labels)


def _headless(lines: Sequence[Line]) -> Layout:
    """No names at all, as in a bare list of addresses: the column with mail addresses is found by its look."""
    width = max((len(line.cells) for line in lines), default=0)
    mapping = [""] * width
    for line in lines:
        for i, cell in enumerate(line.cells):
            if "email" not in mapping and _MAIL.search(unicodedata.normalize("NFKC", cell)):
                mapping[i] = "email"
    first = next((line.no for line in lines if not line.is_blank), 1)
    return Layout(0, first, ("",) * width, tuple(mapping))


def guess_delimiter(text: str) -> str:
    """The delimiter under which the first lines name the most fields, then give the most columns."""
    start = head(text)
    scores = []
    for order, delimiter in enumerate(DELIMITERS):
        rows = _rows(start, delimiter)
        known = max((len({field_of(cell) for cell in row} - {""}) for row in rows), default=0)
        width = max((len(row) for row in rows), default=0)
        scores.append((known, width, -order, delimiter))
    return max(scores)[3]


def _rows(text: str, delimiter: str) -> list[tuple[str, ...]]:
    try:
        return [line.cells for line in read(text, delimiter)][:SEARCH_ROWS]
    except ListError:
        # Wrongly quoted, or cut inside a cell: the guess must not hide that, so it goes by the bare lines.
        return [tuple(row.split(delimiter)) for row in text.splitlines()[:SEARCH_ROWS]]
