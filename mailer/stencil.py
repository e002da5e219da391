"""A published mail made ready for many recipients: what they share is encoded once, the rest drops in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from mailer import inline, pieces, plaintext
from mailer.inline import Published
from mailer.pieces import Branch, Pieces, Slot, Tokens


@dataclass(frozen=True, slots=True)
class Filled:
    """One recipient's mail. html, text: UTF-8 with CRLF, as they go into the MIME parts."""

    subject: str
    html: bytes
    text: bytes


class Stencil:
    """Fill it as often as you like. is_jinja: the mail has loops, comparisons or filters, so each recipient's
    is a whole Jinja render; about ten times as slow, with the same result."""

    __slots__ = ("_fields", "_html", "_links", "_subject", "_text", "is_jinja", "published")

    def __init__(self, published: Published) -> None:
        self.published = published
        found = [pieces.tokens(source) for source in (published.subject, published.html, published.text)]
        self.is_jinja = None in found
        self._links = pieces.link_keys(len(published.links))
        if not self.is_jinja:
            subject, html, text = (tokens or () for tokens in found)
            names = pieces.fields(subject) | pieces.fields(html) | pieces.fields(text)
            self._fields = [(name, f"field:{name}", f"html:field:{name}") for name in sorted(names)]
            self._subject = published.subject if _is_fixed(subject) else Pieces(subject)
            self._html, self._text = Pieces(html, prefix="html:"), _Text(text)

    def may_use(self, *names: str) -> bool:
        """Whether the mail has one of these fields; of a mail that is a whole Jinja render nobody knows."""
        return self.is_jinja or any(name in names for name, _key, _html_key in self._fields)

    def fill(
        self,
        fields: Mapping[str, str],
        *,
        links: Sequence[bytes],
        pixel: bytes = b"",
        footer_html: bytes = b"",
        footer_text: bytes = b"",
    ) -> Filled:
        """One recipient's mail. Raises TemplateError when a field is missing.

        fields: plain text. links: the URLs in order of their numbers, ASCII. pixel: its URL, b"" leaves it
        out (spec 45 O4). footer_html, footer_text: from `footer`, UTF-8 with CRLF.
        """
        if self.is_jinja:
            return self._rendered(fields, links, pixel, footer_html, footer_text)
        values = dict(zip(self._links, links, strict=True))
        values[""], values["pixel"] = b"", pixel
        values["footer"], values["html:footer"] = footer_text, footer_html
        for name, key, html_key in self._fields:
            if name in fields:
                value = fields[name]
                values[key] = pieces.as_text(value)
                values[html_key] = pieces.as_html(value)
        subject = self._subject
        if not isinstance(subject, str):
            subject = subject.fill(values).decode().replace("\r\n", "\n")
        return Filled(subject, self._html.fill(values), self._text.fill(values))

    def _rendered(
        self,
        fields: Mapping[str, str],
        links: Sequence[bytes],
        pixel: bytes,
        footer_html: bytes,
        footer_text: bytes,
    ) -> Filled:
        made = inline.render(
            self.published,
            fields,
            links=[url.decode() for url in links],
            pixel=pixel.decode(),
            footer_html=footer_html.decode().replace("\r\n", "\n"),
            footer_text=footer_text.decode().replace("\r\n", "\n"),
        )
        return Filled(made.subject, pieces.as_text(made.html), pieces.as_text(made.text))


class _Text:
    """The text part: lines of fixed words were wrapped when it was published, those with a value in them
    are wrapped when the value is known."""

    __slots__ = ("_lines", "_whole")

    def __init__(self, tokens: Tokens) -> None:
        self._lines: list[tuple[str, Pieces]] = []
        whole: list[str | Slot | Branch] = []
        for run, is_open in _runs(tokens):
            if is_open:
                self._lines.append((f"line:{len(self._lines)}", Pieces(run)))
                whole.append(Slot(self._lines[-1][0]))
            else:
                whole += run
        self._whole = Pieces(tuple(whole))

    def fill(self, values: dict[str, bytes]) -> bytes:
        for key, line in self._lines:
            values[key] = _wrapped(line.fill(values))
        made = self._whole.fill(values)
        if b"\r\n\r\n\r\n" in made:  # an empty field leaves its neighbours' empty lines side by side
            return pieces.as_text(plaintext.rewrapped(made.decode().replace("\r\n", "\n")))
        return made.strip(b"\r\n") + b"\r\n"


# Many people share such a line ("7月18日のミライ工場展でお名刺をいただいた方へ").
@lru_cache(maxsize=4096)
def _wrapped(line: bytes) -> bytes:
    text = line.decode()
    if len(text) <= plaintext.SHORT:
        return line
    return pieces.as_text(plaintext.wrapped(text.replace("\r\n", "\n")))


def _runs(tokens: Tokens) -> list[tuple[Tokens, bool]]:
    """The text as runs of whole lines, and whether a field stands in them."""
    runs: list[tuple[list[str | Slot | Branch], bool]] = []
    line: list[str | Slot | Branch] = []

    def end() -> None:
        is_open = any(
            isinstance(one, Branch) or (isinstance(one, Slot) and one.key.startswith("field:"))
            for one in line
        )
        if runs and runs[-1][1] == is_open and not is_open:
            runs[-1][0].extend(line)
        elif line:
            runs.append((list(line), is_open))
        line.clear()

    for token in tokens:
        if not isinstance(token, str):
            line.append(token)
            continue
        *whole, last = token.split("\n")
        for words in whole:
            line.append(words + "\n")
            end()
        if last:
            line.append(last)
    end()
    return [(tuple(run), is_open) for run, is_open in runs]


def _is_fixed(tokens: Tokens) -> bool:
    return all(isinstance(token, str) for token in tokens)
