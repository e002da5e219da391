"""A published text as pieces: fixed octets, and slots between them that a recipient's values drop into.

Filling pieces takes a tenth of the time of a compiled Jinja template. What they hold: text, `{{ field }}`,
`{{ link(n) }}`, `{{ pixel }}`, `{{ footer }}`, and `{% if field %}` without an else. Anything else (loops,
comparisons, filters) takes the Jinja path; `cut` then answers None, and `Form.is_jinja` says so.
Both paths give the same octets. Source: design section 4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter

from jinja2 import nodes
from markupsafe import escape

from mailer import sandbox
from mailer.errors import TemplateError

Tokens = tuple["str | Slot | Branch", ...]
_SPECIAL = re.compile("[&<>\"'\n]")
_NAMED = frozenset({"pixel", "footer"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for a value. key: `pixel`, `footer`, `link:3`, or `field:NAME`."""

    key: str


@dataclass(frozen=True, slots=True)
class Branch:
    """`{% if name %}`: inside stands only when the value of key is not empty."""

    key: str
    inside: Tokens


def tokens(source: str) -> Tokens | None:
    """The text taken apart; None when it holds more than pieces can say."""
    try:
        return tuple(_walk(sandbox.TEXT.parse(source).body))
    except _More:
        return None


class _More(Exception):
    """More than pieces can say."""


def _walk(body: Sequence[nodes.Node]) -> Iterator[str | Slot | Branch]:
    for node in body:
        if isinstance(node, nodes.Output):
            for child in node.nodes:
                yield _token(child)
        elif isinstance(node, nodes.If):
            if node.elif_ or node.else_ or not isinstance(node.test, nodes.Name):
                raise _More
            yield Branch(_key(node.test.name), tuple(_walk(node.body)))
        else:
            raise _More


def _token(node: nodes.Node) -> str | Slot:
    if isinstance(node, nodes.TemplateData):
        return node.data
    if isinstance(node, nodes.Name):
        return Slot(_key(node.name))
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Name) and node.node.name == "link":
        (number,) = node.args
        if isinstance(number, nodes.Const):
            return Slot(f"link:{int(number.value)}")
    raise _More


def _key(name: str) -> str:
    return name if name in _NAMED else f"field:{name}"


def fields(found: Tokens) -> frozenset[str]:
    """Names of the fields that these tokens ask for."""
    names: set[str] = set()
    for token in found:
        if isinstance(token, Branch):
            names |= fields(token.inside)
        if not isinstance(token, str) and token.key.startswith("field:"):
            names.add(token.key[6:])
    return frozenset(names)


class Pieces:
    """Tokens made ready to be filled: one format of octets and the keys of its places.

    prefix: before the keys of footer and fields, whose values differ in HTML. Line ends of the fixed octets
    are CRLF already.
    """

    __slots__ = ("_branches", "_format", "_pick")

    def __init__(self, found: Tokens, *, prefix: str = "") -> None:
        self._branches: list[tuple[str, str, Pieces]] = []
        octets: list[bytes] = []
        keys: list[str] = []
        for number, token in enumerate(found):
            if isinstance(token, str):
                octets.append(as_text(token).replace(b"%", b"%%"))
                continue
            octets.append(b"%b")
            if isinstance(token, Slot):
                is_shared = token.key == "pixel" or token.key.startswith("link:")
                keys.append(token.key if is_shared else prefix + token.key)
            else:
                self._branches.append((f"branch:{number}", token.key, Pieces(token.inside, prefix=prefix)))
                keys.append(f"branch:{number}")
        # itemgetter gives a tuple for two keys or more only.
        self._format = b"%b%b" + b"".join(octets)
        self._pick = itemgetter("", "", *keys)

    def fill(self, values: dict[str, bytes]) -> bytes:
        """The whole text. values: by key, "" has b"". Raises TemplateError for a value that is not there."""
        try:
            if self._branches:
                values = values.copy()
                for key, test, inside in self._branches:
                    values[key] = inside.fill(values) if values[test] else b""
            made: bytes = self._format % self._pick(values)
            return made
        except KeyError as error:
            name = str(error.args[0]).rpartition("field:")[2]
            raise TemplateError(0, f"'{name}' is undefined") from error


def as_html(value: str) -> bytes:
    """A value in HTML: escaped, a value of several lines keeps its lines."""
    if not _SPECIAL.search(value):
        return value.encode("utf-8", "replace")
    lines = value.split("\n")
    return "<br>\r\n".join([str(escape(line)) for line in lines]).encode("utf-8", "replace")


def as_text(value: str) -> bytes:
    """A value in the text part."""
    return value.replace("\n", "\r\n").encode("utf-8", "replace")


@lru_cache(maxsize=512)
def link_keys(count: int) -> tuple[str, ...]:
    """Keys of the links 1 to count."""
    return tuple(f"link:{number}" for number in range(1, count + 1))
