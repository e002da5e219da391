"""Text in columns: Japanese counts two, lines end at 70, and nothing that must stay whole is broken."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

WIDTH = 70  # 35 full-width characters. Source: spec 40 section 4.5
_NEVER_FIRST = frozenset(
    "、。，．・：；？！）］｝」』】〉》〕ー～…ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々%％’”)]},.:;?!"
)
_NEVER_LAST = frozenset("（［｛「『【〈《〔‘“([{￥＄№")
_PIECE = re.compile(r"[!-~]+|\s|.", re.DOTALL)


@lru_cache(maxsize=8192)
def _char(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def width(text: str) -> int:
    """Columns a line takes in a Japanese terminal font."""
    return len(text) if text.isascii() else sum(_char(char) for char in text)


def wrap(
    line: str, *, limit: int = WIDTH, whole: re.Pattern[str] | None = None, whole_width: int = 12
) -> list[str]:
    """One line as lines of at most `limit` columns. whole: words that count `whole_width` and never break.

    ASCII words (URLs above all) are never broken, so such a line may be longer. Japanese breaks anywhere
    but before 、。」 and after 「: a sign that may not begin a line hangs over by one.
    """
    if width(line) <= limit and (whole is None or whole.search(line) is None):
        return [line]
    lines: list[str] = []
    current, used = "", 0
    for piece, columns in _pieces(line, whole, whole_width):
        if used + columns > limit and current.strip() and piece not in _NEVER_FIRST:
            keep = ""
            while current and current[-1] in _NEVER_LAST:
                keep, current = current[-1] + keep, current[:-1]
            lines.append(current.rstrip())
            current, used = keep, width(keep)
            if piece.isspace():
                continue
        current += piece
        used += columns
    if current.strip() or not lines:
        lines.append(current.rstrip())
    return lines


def _pieces(line: str, whole: re.Pattern[str] | None, whole_width: int) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    at = 0
    for match in whole.finditer(line) if whole is not None else ():
        found += [(piece, width(piece)) for piece in _PIECE.findall(line[at : match.start()])]
        found.append((match[0], whole_width))
        at = match.end()
    found += [(piece, width(piece)) for piece in _PIECE.findall(line[at:])]
    return found
