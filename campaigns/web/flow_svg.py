"""The flow of a scenario as a picture: where each row stands, which lines join them, how thick they are.

Pure: rows and numbers in, shapes out; the template draws them. Every row has a height of its own, in table
order, so nothing overlaps; a yes arm stands one column to the right, an else arm goes on below its branch.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

LEFT, TOP = 72, 30  # of the first row
ROW, COLUMN = 62, 92  # from row to row, from column to column
RADIUS = 13
THIN, THICK = 1.5, 8.0  # a line without people, and with the most
ROUND = frozenset({"mail", "invite"})
LABEL_MAX = 15  # in half-width letters
PRINTED_LABEL_MAX = 44  # on paper the whole width is free
PRINTED_ROWS = 12  # of a page of A4 at PRINTED_SCALE: 12 x 62 x 1.15 = 856 of 980 px, beside head and foot
PRINTED_SCALE = 1.15


@dataclass(frozen=True, slots=True)
class Place:
    """A row as the picture needs it. parent, arm: of its branch. note: its number in words."""

    key: str
    label: str
    kind: str
    parent: str
    arm: str
    title: str
    note: str = ""
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """From one row to another (to '' : the end). arm: of a branch; is_jump: not by the table's order."""

    start: str
    to: str
    arm: str = ""
    people: int = 0
    is_jump: bool = False


@dataclass(frozen=True, slots=True)
class Shape:
    """A drawn row: its middle, and for a pill its width."""

    place: Place
    x: int
    y: int
    width: int
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A drawn way. d: SVG path. said: what stands beside it, at (x, y)."""

    way: Way
    d: str
    width: float
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Picture:
    width: int
    height: int
    shapes: tuple[Shape, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a picture that fits on a page: its upper edge and its height."""

    top: int
    height: int


def pages(picture: Picture) -> tuple[Page, ...]:
    """The picture in parts of whole rows, for paper."""
    size = PRINTED_ROWS * ROW
    tops = range(0, max(len(picture.shapes), 1) * ROW, size)
    return tuple(Page(top, picture.height - top if top == tops[-1] else size) for top in tops)


def layout(places: Sequence[Place], ways: Sequence[Way], *, label_max: int = LABEL_MAX) -> Picture:
    """Put rows and ways on the paper. label_max: half-width letters of a title."""
    columns = _columns(places)
    shapes = {
        place.key: Shape(
            place,
            LEFT + columns[place.key] * COLUMN,
            TOP + row * ROW,
            _width(place, label_max),
            _short(place.title, label_max),
        )
        for row, place in enumerate(places)
    }
    most = max((way.people for way in ways), default=0)
    lines, lane = [], 0
    for way in ways:
        if way.start not in shapes:
            continue
        a, b = shapes[way.start], shapes.get(way.to)
        if way.is_jump and b is not None:
            lane += 1
        d = _end(a) if b is None else _jump(a, b, lane) if way.is_jump else _path(a, b)
        width = THIN + (THICK - THIN) * way.people / most if most else THIN
        side = a.x + 26 if way.arm == "yes" else a.x - 10
        lines.append(Line(way, d, round(width, 1), side, a.y + 30))
    right = max((_right(shape) for shape in shapes.values()), default=LEFT)
    height = TOP + max(len(places) - 1, 0) * ROW + 44
    return Picture(max(200, right + 6), height, tuple(shapes.values()), tuple(lines))


def people(ways: Sequence[Way], *, reached: Mapping[str, int], waiting: Mapping[str, int]) -> tuple[Way, ...]:
    """The ways with how many went along: who reached a row came there.

    reached: people who came to a row, by what was counted at it. Where two ways meet, each carries who
    left its own row; an arm without rows carries who left the branch and went not through the other.
    """
    into: dict[str, int] = {}
    for way in ways:
        into[way.to] = into.get(way.to, 0) + 1
    counted: dict[tuple[str, str], int] = {}
    for way in ways:
        left = max(0, reached.get(way.start, 0) - waiting.get(way.start, 0))
        counted[way.start, way.arm] = (
            min(left, reached.get(way.to, 0)) if into[way.to] == 1 and way.to else left
        )
    for way in ways:
        if way.arm and (into[way.to] > 1 or not way.to):
            other = counted.get((way.start, "else" if way.arm == "yes" else "yes"), 0)
            left = max(0, reached.get(way.start, 0) - waiting.get(way.start, 0))
            if other < left:
                counted[way.start, way.arm] = left - other
    return tuple(Way(way.start, way.to, way.arm, counted[way.start, way.arm], way.is_jump) for way in ways)


def _columns(places: Sequence[Place]) -> dict[str, int]:
    columns: dict[str, int] = {}
    for place in places:
        columns[place.key] = columns.get(place.parent, 0) + (1 if place.arm == "yes" else 0)
    return columns


def _path(a: Shape, b: Shape) -> str:
    start, end = a.y + RADIUS, b.y - RADIUS
    if a.x == b.x:
        return f"M{a.x} {start}V{end}"
    if b.x > a.x:
        return f"M{a.x} {start - 4}C{a.x} {start + 22} {b.x} {start + 2} {b.x} {start + 30}V{end}"
    return f"M{a.x} {start}V{end - 30}C{a.x} {end - 4} {b.x} {end - 22} {b.x} {end}"


def _jump(a: Shape, b: Shape, lane: int) -> str:
    """Along the left edge, each in a lane of its own."""
    x = 6 + (lane - 1) % 4 * 5
    return f"M{a.x - a.width // 2} {a.y}H{x}V{b.y}H{b.x - b.width // 2 - 6}"


def _end(a: Shape) -> str:
    return f"M{a.x} {a.y + RADIUS}v14"


def _width(place: Place, label_max: int) -> int:
    if place.kind in ROUND or place.kind == "branch":
        return 2 * RADIUS
    return max(44, 18 + _letters(f"{place.label} {place.title}"[:label_max]) * 6)


def _right(shape: Shape) -> int:
    if shape.place.kind in ROUND or shape.place.kind == "branch":
        return shape.x + RADIUS + 8 + max(_letters(shape.title), _letters(shape.place.note)) * 6 + 4
    return shape.x + shape.width // 2 + 4 + _letters(shape.place.note) * 6


def _short(text: str, label_max: int) -> str:
    """A title that fits beside its row."""
    width, kept = 0, ""
    for letter in text:
        width += _letters(letter)
        if width > label_max:
            return kept.rstrip() + "…"
        kept += letter
    return kept


def _letters(text: str) -> int:
    """Width in half-width letters: a Japanese one counts two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)
