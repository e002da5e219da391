"""Placeholders: places in a starter mail that only its author can fill, marked 【記入：…】 or 【fill in: …】.

A link to fill-in.example is one as well: such an address exists nowhere. While one is left, nothing is sent.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_LEFT = re.compile(r"【\s*(?:記入|fill in)\s*[:：][^】\n]{0,200}】?|https?://fill-in\.example[^\s\"'<>]*")
FOUND_MAX = 100


@dataclass(frozen=True, slots=True)
class Placeholder:
    """part: subject, preheader, html or text. line counts from 1. words: the mark as it stands there."""

    part: str
    line: int
    words: str


def left(parts: Mapping[str, str]) -> tuple[Placeholder, ...]:
    """What is not filled in yet, in order. parts: part name -> text or HTML."""
    return tuple(_left(parts))[:FOUND_MAX]


def _left(parts: Mapping[str, str]) -> Iterable[Placeholder]:
    for part, source in parts.items():
        for match in _LEFT.finditer(source):
            yield Placeholder(part, source.count("\n", 0, match.start()) + 1, match[0])
