"""Text in columns: Japanese counts two, lines end at 70, and nothing that must stay whole is broken."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_WINDOW = 2048
WIDTH = 70  # 35 full-width characters. Source: spec 40 section 4.5
_NEVER_FIRST = frozenset(
    "、。，．・：；？！）］｝」』】〉》〕ー～…ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ々%％’”)]},.:;?!"
)
_NEVER_LAST = frozenset("（［｛「『【〈《〔‘“([{￥＄№")


@lru_cache(maxsize=8192)
def _char(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WFA" else 1


def width(text: str) -> int:
    """Columns a line takes in a Japanese terminal font."""
    try:
        # cp932 takes as many octets as the terminal takes columns, and encodes at C speed.
        return len(text.encode("cp932"))
    except UnicodeEncodeError:
        return sum(map(_char, text))


def wrap(line: str, *, limit: int = WIDTH) -> list[str]:
    """One line as lines of at most `limit` columns.

    ASCII words (URLs above all) are never broken, so such a line may be longer. Japanese breaks anywhere
    but before 、。」 and after 「: a sign that may not begin a line hangs over.
    """
    lines: list[str] = []
    start = 0
    while True:
        # A window, so that a line of 200,000 signs takes 200,000 steps and not their square.
        rest = line[start : start + _WINDOW]
        if len(rest) == _WINDOW and not _is_longer(rest, limit):
            rest = line[start:]
        if not _is_longer(rest, limit):
            break
        at = _break(rest, _fitting(rest, limit))
        if at == len(rest) == _WINDOW:  # a word that goes on behind the window
            rest = line[start:]
            at = _break(rest, _fitting(rest, limit))
        lines.append(rest[:at].rstrip())
        start += at
        while line.startswith(" ", start):
            start += 1
    if rest.strip() or not lines:
        lines.append(rest.rstrip())
    return lines


def _is_longer(text: str, limit: int) -> bool:
    """Whether it takes more columns; looks no further than it must."""
    end = limit + 1
    while end < len(text):
        if width(text[:end]) > limit:
            return True
        end *= 2
    return width(text) > limit


@lru_cache(maxsize=4096)
def wrapped(line: str) -> tuple[str, ...]:
    """`wrap`, kept: the same sentence stands in many mails of a batch."""
    return tuple(wrap(line))


def _fitting(text: str, limit: int) -> int:
    """How many characters fit into `limit` columns."""
    count = limit // 2
    room = limit - width(text[:count])
    while room > 0 and count < len(text):
        step = max(1, room // 2)
        used = width(text[count : count + step])
        if used > room:
            break
        count += step
        room -= used
    return count


def _break(text: str, at: int) -> int:
    """The place nearest before `at` where the line may end; behind a word that is a whole line itself."""
    if _is_in_word(text, at):
        start = at
        while _is_in_word(text, start):
            start -= 1
        if text[:start].strip():
            at = start
        else:
            while _is_in_word(text, at):
                at += 1
    while 0 < at < len(text) and text[at] in _NEVER_FIRST:
        at += 1
    end = at
    while end > 1 and text[end - 1] in _NEVER_LAST:
        end -= 1
    return end if end > 1 else at


def _is_in_word(text: str, at: int) -> bool:
    return 0 < at < len(text) and "!" <= text[at - 1] <= "~" and "!" <= text[at] <= "~"
