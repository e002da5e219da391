"""Are the tags of a mail balanced? HTML's and Jinja's together, each fault with the line of its source.

Receivers mend a page each in their own way, so what looks right in one is torn in the next; an {% if %}
around half an element is right for one recipient and torn for the other. Whatever branch is taken, the
same elements must be open at its end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailer.elements import BLOCKS, ENDED_BY, INSIDE, QUIET, VOID

DEPTH_MAX = 200  # elements within elements; lxml gives up at 255
_BLOCK = re.compile(r"\{%[-+]?\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Unbalanced:
    """One fault. Codes: tag_unclosed, tag_unopened, tag_crossed(inner), table_misplaced(parent),
    block_in_p, branch_unbalanced, block_in_tag, tags_too_deep."""

    line: int
    code: str
    name: str
    more: str = ""


@dataclass(slots=True)
class _Block:
    """An {% if %} or {% for %} that is open: what was open before it, and at the end of its first branch."""

    line: int
    name: str
    before: list[tuple[str, int]]
    first_end: list[str] | None = None
    has_else: bool = False


@dataclass(slots=True)
class Balance:
    """Fed with the tags in their order; `end` closes the page."""

    found: list[Unbalanced] = field(default_factory=list)
    _open: list[tuple[str, int]] = field(default_factory=list)
    _blocks: list[_Block] = field(default_factory=list)

    @property
    def inside(self) -> str:
        """The innermost open element, or ""."""
        return self._open[-1][0] if self._open else ""

    @property
    def is_too_deep(self) -> bool:
        return len(self._open) > DEPTH_MAX

    def start(self, name: str, line: int, *, is_closed: bool = False) -> None:
        """An element begins. is_closed: written <x/>."""
        while self._open and name in ENDED_BY.get(self.inside, ()):
            self._unclosed(*self._open.pop())
        parent = self.inside
        if parent in INSIDE and name not in INSIDE[parent] and not name.startswith("mj-"):
            self._say(line, "table_misplaced", name, parent)
        if name in BLOCKS and self._has_p():
            self._say(line, "block_in_p", name)
        if name in VOID or is_closed:
            return
        self._open.append((name, line))
        if len(self._open) == DEPTH_MAX + 1:
            self._say(line, "tags_too_deep", name)

    def close(self, name: str, line: int) -> None:
        """An end tag."""
        if name in VOID:
            return
        at = next((i for i in range(len(self._open) - 1, -1, -1) if self._open[i][0] == name), -1)
        if at < 0:
            self._say(line, "tag_unopened", name)
            return
        for inner, opened in reversed(self._open[at + 1 :]):
            if inner in ENDED_BY:
                self._unclosed(inner, opened)
            else:
                self._say(opened, "tag_crossed", inner, name)
        del self._open[at:]

    def text(self, line: int) -> None:
        """Words that are no blanks."""
        if self.inside in INSIDE:
            self._say(line, "table_misplaced", "", self.inside)

    def tag(self, source: str, line: int) -> None:
        """A Jinja tag."""
        match = _BLOCK.match(source)
        word = match[1] if match else ""
        if word in ("if", "for"):
            self._blocks.append(_Block(line, word, list(self._open)))
        elif word in ("elif", "else") and self._blocks:
            block = self._blocks[-1]
            self._branch_end(block)
            block.has_else |= word == "else"
            self._open = list(block.before)
        elif word in ("endif", "endfor") and self._blocks:
            self._block_end(self._blocks.pop())

    def end(self) -> Iterator[Unbalanced]:
        """Everything found, with what is still open."""
        for name, line in self._open:
            self._unclosed(name, line)
        yield from self.found

    def _block_end(self, block: _Block) -> None:
        self._branch_end(block)
        if block.name == "for" or not block.has_else:
            before = [name for name, _ in block.before]
            if block.first_end != before:
                self._differ(block, before)
                self._open = list(block.before)

    def _branch_end(self, block: _Block) -> None:
        names = [name for name, _ in self._open]
        if block.first_end is None:
            block.first_end = names
        elif names != block.first_end:
            self._differ(block, names)

    def _differ(self, block: _Block, names: list[str]) -> None:
        first = block.first_end or []
        longer = first if len(first) >= len(names) else names
        same = next(
            (i for i, (a, b) in enumerate(zip(first, names, strict=False)) if a != b),
            min(len(first), len(names)),
        )
        self._say(block.line, "branch_unbalanced", longer[same] if same < len(longer) else "", block.name)

    def _has_p(self) -> bool:
        """Whether a <p> is open here, with no table cell or box in between."""
        for name, _ in reversed(self._open):
            if name == "p":
                return True
            if name in BLOCKS or name in ("td", "th", "li"):
                return False
        return False

    def _unclosed(self, name: str, line: int) -> None:
        if name not in QUIET:
            self._say(line, "tag_unclosed", name)

    def _say(self, line: int, code: str, name: str, more: str = "") -> None:
        self.found.append(Unbalanced(line, code, name, more))
