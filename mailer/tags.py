"""Jinja tags swapped for plain words while something that knows only HTML works on the text.

premailer percent-escapes `{{ url }}` inside href and escapes the `>` of `{% if n > 1 %}`; a word of
letters and digits passes through everything. Source: design section 4, spec 45 trap 4.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError

from mailer.errors import TemplateError
from mailer.sandbox import TEXT

FIELD_TAG = re.compile(r"^\{\{-?\s*([^\W\d]\w*)\s*-?\}\}$")  # a tag that is one field and nothing else
_OPENERS = {"variable_begin": "variable_end", "block_begin": "block_end", "comment_begin": "comment_end"}


@dataclass(slots=True)
class Shelter:
    """Words and the tags they stand for. Every word has the same random stem, so no text can hold one."""

    _stem: str = field(default_factory=lambda: f"zq{secrets.token_hex(6)}")
    _kept: list[str] = field(default_factory=list)

    @property
    def word(self) -> re.Pattern[str]:
        """Matches one word; group 1 is its number."""
        return re.compile(rf"{self._stem}n(\d+)z")

    def keep(self, tag: str) -> str:
        """A word for a tag, or for anything else that must pass untouched."""
        self._kept.append(tag)
        return f"{self._stem}n{len(self._kept) - 1}z"

    def tag(self, number: str) -> str:
        """What a word stands for."""
        return self._kept[int(number)]

    def protect(self, source: str) -> str:
        """The source with every Jinja tag replaced by a word; comments vanish."""
        out: list[str] = []
        held: list[str] = []
        closing = ""
        for kind, value in _tokens(source):
            if held:
                held.append(value)
                if kind == closing:
                    if closing != "comment_end":
                        out.append(self.keep("".join(held)))
                    held = []
            elif kind in _OPENERS:
                held, closing = [value], _OPENERS[kind]
            elif kind == "data":
                out.append(value)
            # raw_begin and raw_end: their data is literal and may hold braces
            elif kind in ("raw_begin", "raw_end"):
                out.append(self.keep(value))
        return "".join(out)

    def restore(self, text: str) -> str:
        """Words back to what they stand for."""
        return self.word.sub(lambda match: self._kept[int(match[1])], text)

    def has_tag(self, text: str) -> bool:
        """Whether a word stands in the text."""
        return self.word.search(text) is not None


def _tokens(source: str) -> list[tuple[str, str]]:
    try:
        return [(kind, value) for _, kind, value in TEXT.lex(source)]
    except TemplateSyntaxError as error:
        raise TemplateError(error.lineno or 0, str(error.message)) from error
