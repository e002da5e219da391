"""Pages on paper: A4, a Japanese font in the file, black on white so that a fax or a one-bit copy stays readable.

A story is a list of the pieces below (title, paragraph, bullets, table, rule, space); render lays it out. No piece
is grey, no letter is smaller than 9.5 points, no line thinner than .75 points.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any
from xml.sax.saxutils import escape

import pypdfium2
from reportlab.lib.colors import black, white
from reportlab.lib.enums import TA_CENTER, TA_LEFT, TA_RIGHT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    HRFlowable,
    KeepTogether,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

__all__ = [
    "WIDTH_MM",
    "Flowable",
    "Laid",
    "bullets",
    "lay_out",
    "missing",
    "new_page",
    "paragraph",
    "picture",
    "render",
    "rule",
    "space",
    "subtitle",
    "table",
    "title",
    "together",
]

FONTS = Path(__file__).parents[1] / "fonts"
REGULAR, BOLD = "BIZUDPGothic", "BIZUDPGothic-Bold"
EDGE_MM = 18.0
WIDTH_MM = 210.0 - 2 * EDGE_MM
LINE_PT = 0.75
FOOT_PT = 10.0
# A letter that the font lacks is printed as printers have always shown one that is missing.
GETA = "〓"
ALIGN = {"left": TA_LEFT, "center": TA_CENTER, "right": TA_RIGHT}


@dataclass(frozen=True, slots=True)
class Laid:
    """A finished file. pages: how many sheets of A4."""

    data: bytes
    pages: int


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """Registers both fonts once, and returns the letters that both can print."""
    faces = []
    for name, file in ((REGULAR, "BIZUDPGothic-Regular.ttf"), (BOLD, "BIZUDPGothic-Bold.ttf")):
        try:
            font = TTFont(name, str(FONTS / file))
        except TTFError as error:
            raise FileNotFoundError(f"the font {FONTS / file} is missing or damaged") from error
        pdfmetrics.registerFont(font)
        faces.append(frozenset(font.face.charToGlyph))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    return faces[0] & faces[1]


def missing(text: str) -> str:
    """The letters of a text that cannot be printed, each once, in their order."""
    known = _glyphs()
    return "".join(dict.fromkeys(c for c in text if not c.isspace() and ord(c) not in known))


def _markup(text: str) -> str:
    """Plain text as the layout's markup: what is typed stays what it is, line ends stay line ends."""
    known = _glyphs()
    safe = "".join(c if c.isspace() or ord(c) in known else GETA for c in text)
    return escape(safe.replace("\r\n", "\n").replace("\r", "\n")).replace("\n", "<br/>")


@lru_cache(maxsize=64)
def _style(size: float, leading: float, font: str, align: int, before: float, after: float) -> ParagraphStyle:
    return ParagraphStyle(
        f"{font}-{size}-{align}",
        fontName=font,
        fontSize=size,
        leading=leading,
        alignment=align,
        textColor=black,
        wordWrap="CJK",
        spaceBefore=before,
        spaceAfter=after,
    )


def title(text: str, *, size: float = 18) -> Flowable:
    _glyphs()
    return Paragraph(_markup(text), _style(size, size * 1.4, BOLD, TA_LEFT, 0, 6))


def subtitle(text: str, *, size: float = 12.5) -> Flowable:
    """A heading within the page; it never stands alone at the foot of one."""
    _glyphs()
    style = _style(size, size * 1.4, BOLD, TA_LEFT, 8, 4).clone(f"subtitle-{size}", keepWithNext=1)
    return Paragraph(_markup(text), style)


def paragraph(
    text: str, *, size: float = 10.5, bold: bool = False, align: str = "left", after: float = 4
) -> Flowable:
    """Running text; size in points."""
    _glyphs()
    return Paragraph(
        _markup(text), _style(size, size * 1.55, BOLD if bold else REGULAR, ALIGN[align], 0, after)
    )


def bullets(lines: Sequence[str], *, size: float = 10.5, mark: str = "・") -> list[Flowable]:
    """One paragraph a line, its later lines under the first."""
    _glyphs()
    style = _style(size, size * 1.55, REGULAR, TA_LEFT, 0, 3).clone(
        f"bullet-{size}", leftIndent=size * 1.2, bulletFontName=REGULAR, bulletFontSize=size
    )
    return [Paragraph(_markup(line), style, bulletText=mark) for line in lines]


def table(
    rows: Sequence[Sequence[str]],
    *,
    widths_mm: Sequence[float],
    head: bool = True,
    size: float = 9.5,
    right: Sequence[int] = (),
    boxed: bool = True,
) -> Flowable:
    """Cells of plain text that break within their column; the head repeats on every page.

    right: columns of numbers. boxed: lines around every cell, else under each row alone.
    """
    _glyphs()
    cells = [
        [_cell(text, size, bold=head and no == 0, right=column in right) for column, text in enumerate(row)]
        for no, row in enumerate(rows)
    ]
    lines: list[Any] = [
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("LEFTPADDING", (0, 0), (-1, -1), 4),
        ("RIGHTPADDING", (0, 0), (-1, -1), 4),
        ("TOPPADDING", (0, 0), (-1, -1), 3),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 4),
        ("BACKGROUND", (0, 0), (-1, -1), white),
        ("GRID" if boxed else "LINEBELOW", (0, 0), (-1, -1), LINE_PT, black),
    ]
    if head and rows:
        lines.append(("LINEBELOW", (0, 0), (-1, 0), 2 * LINE_PT, black))
    return Table(
        cells,
        colWidths=[width * mm for width in widths_mm],
        style=TableStyle(lines),
        repeatRows=1 if head else 0,
        hAlign="LEFT",
        splitInRow=1,
    )


def _cell(text: str, size: float, *, bold: bool, right: bool) -> Paragraph:
    align = TA_RIGHT if right else TA_LEFT
    return Paragraph(_markup(text), _style(size, size * 1.45, BOLD if bold else REGULAR, align, 0, 0))


def rule(*, thick: float = LINE_PT) -> Flowable:
    return HRFlowable(width="100%", thickness=thick, color=black, spaceBefore=4, spaceAfter=6)


def space(height_mm: float) -> Flowable:
    return Spacer(1, height_mm * mm)


def new_page(*, unless_mm: float = 0) -> Flowable:
    """The next page; with `unless_mm` only when less than that is left on this one."""
    return CondPageBreak(unless_mm * mm) if unless_mm else PageBreak()


def together(story: Sequence[Flowable]) -> Flowable:
    """Pieces that stand on one page."""
    return KeepTogether(list(story))


def render(story: Sequence[Flowable], *, name: str, foot: str = "", author: str = "") -> bytes:
    """The file alone. name: the document's title for a reader; foot: stands at the foot of every page."""
    return lay_out(story, name=name, foot=foot, author=author).data


def lay_out(story: Sequence[Flowable], *, name: str, foot: str = "", author: str = "") -> Laid:
    """Lay the story out on A4. The same story gives the same bytes: no clock stands in the file."""
    _glyphs()
    out = io.BytesIO()
    edge = EDGE_MM * mm
    foot_height = 8 * mm
    frame = Frame(
        edge,
        edge - 6 * mm + foot_height,
        A4[0] - 2 * edge,
        A4[1] - 2 * edge + 6 * mm - foot_height,
        leftPadding=0,
        rightPadding=0,
        topPadding=0,
        bottomPadding=0,
    )
    document = BaseDocTemplate(
        out, pagesize=A4, title=name, author=author, creator="Ikusei", invariant=1, pageCompression=1
    )
    document.addPageTemplates([PageTemplate(id="page", frames=[frame])])
    pages: list[int] = []
    document.build(list(story), canvasmaker=_numbered(_foot_text(foot), pages))
    return Laid(out.getvalue(), max(1, len(pages)))


# PDFium is not made for several threads at once.
_PDFIUM = Lock()


def picture(data: bytes, *, page: int = 0, dpi: int = 150) -> bytes:
    """A page as a fax machine prints it, black or white, as PNG. Raises IndexError for a page that is not there."""
    with _PDFIUM:
        document = pypdfium2.PdfDocument(data)
        try:
            if not 0 <= page < len(document):
                raise IndexError(page)
            drawn = document[page].render(scale=dpi / 72).to_pil().convert("L")
        finally:
            document.close()
    out = io.BytesIO()
    drawn.point(_black_or_white).convert("1").save(out, format="PNG", optimize=True)
    return out.getvalue()


def _black_or_white(grey: int) -> int:
    return 255 if grey > 160 else 0


def _foot_text(foot: str) -> str:
    known = _glyphs()
    return "".join(c if c.isspace() or ord(c) in known else GETA for c in foot)


def _numbered(foot: str, pages: list[int]) -> type[Canvas]:
    """A canvas that writes "page / pages" once it knows how many there are."""

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab tells no types
        def __init__(self, *args: Any, **kw: Any) -> None:
            super().__init__(*args, **kw)
            self._kept: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self._kept.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            pages.extend(range(len(self._kept)))
            for no, kept in enumerate(self._kept, start=1):
                self.__dict__.update(kept)
                self.setFont(REGULAR, FOOT_PT)
                self.setFillColor(black)
                height = (EDGE_MM - 6) * mm
                self.drawString(EDGE_MM * mm, height, foot)
                self.drawRightString(A4[0] - EDGE_MM * mm, height, f"{no} / {len(self._kept)}")
                super().showPage()
            super().save()

    return Numbered
