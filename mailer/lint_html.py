"""The linter of a body: tags, links, pictures and styles of the author's source, read once by a parser.

Works on HTML and on MJML alike. Lines are those of the author's source, also behind tags and comments
that take several lines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from lxml import html as lxml_html

from mailer import links, sandbox
from mailer.balance import DEPTH_MAX, Balance
from mailer.elements import REFUSED, VOID
from mailer.errors import TemplateError
from mailer.findings import Level, Part, Problem
from mailer.tags import Shelter

FINDINGS_MAX = 100  # of one part: nobody reads more
LINKS_MAX = 200
_FIXED_START = re.compile(r"(?:https?://[^/?#]+[/?#]|mailto:|tel:)", re.IGNORECASE)
_IMPORT = re.compile(r"@import\b", re.IGNORECASE)
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
_BLANK = re.compile(r"\s*")
_SOFT = frozenset({"block_in_p"})  # a receiver shows it as it was meant
_SOFT_UNCLOSED = frozenset({"p", "li", "dt", "dd", "td", "th", "tr"})  # HTML allows it, some receivers do not
_PICTURES = frozenset({"img", "mj-image", "mj-carousel-image"})


def problems(source: str, *, url_fields: Collection[str] = (), own: str = "") -> list[Problem]:
    """Everything wrong with a body whose Jinja has no faults, at most `FINDINGS_MAX`.

    own: our own base URL, which may be plain http while practising.
    """
    shelter = Shelter()
    try:
        # Comments vanish from the sheltered page; their lines must not.
        page = shelter.protect(_COMMENT.sub(lambda m: "\n" * m[0].count("\n"), source))
    except TemplateError as error:
        return [Problem(Part.HTML, error.line, "syntax", {"detail": error.message[:200]})]
    reader = _Reader(page, shelter, frozenset(url_fields), own)
    try:
        reader.feed(page)
        reader.close()
    except AssertionError:  # html.parser's answer to <![word: nothing a mail may hold
        return [*reader.done(), Problem(Part.HTML, 0, "not_readable", {"detail": "<!["})]
    return reader.done()


class _Lines:
    """Offsets in a sheltered page -> lines of the source."""

    def __init__(self, page: str, shelter: Shelter) -> None:
        self.words = {int(match[1]): match.start() for match in shelter.word.finditer(page)}
        self._starts = [0] + [match.end() for match in re.finditer("\n", page)]
        breaks = [match.start() for match in re.finditer("\n", page)]
        for number, offset in self.words.items():
            breaks += [offset] * shelter.tag(str(number)).count("\n")
        self._breaks = sorted(breaks)

    def offset(self, position: tuple[int, int]) -> int:
        """What html.parser calls (line, column)."""
        return self._starts[position[0] - 1] + position[1]

    def at(self, offset: int) -> int:
        """The line of the source."""
        return bisect_right(self._breaks, offset - 1) + 1 if offset else 1


@dataclass(slots=True)
class _Anchor:
    line: int
    url: str
    has_words: bool = False
    is_checked: bool = False


@dataclass(slots=True)
class _Found:
    problems: list[Problem] = field(default_factory=list)

    def add(self, line: int, code: str, *, level: Level = Level.ERROR, **args: str) -> None:
        if len(self.problems) < FINDINGS_MAX:
            self.problems.append(Problem(Part.HTML, line, code, args, level))


class _Reader(HTMLParser):
    def __init__(self, page: str, shelter: Shelter, url_fields: frozenset[str], own: str) -> None:
        super().__init__(convert_charrefs=True)
        self._shelter = shelter
        self._url_fields = url_fields
        self._own = own
        self._lines = _Lines(page, shelter)
        self._said = _Found()
        self._balance = Balance()
        self._anchor: _Anchor | None = None
        self._links = 0
        self._body: int | None = None
        self._has_body_end = False

    def done(self) -> list[Problem]:
        """All findings in order of their lines; the torn tags of a page too deep are left out."""
        if self._body is not None and not self._has_body_end:
            self._said.add(0, "body_not_closed")
        faults = list(self._balance.end())
        deep = [fault for fault in faults if fault.code == "tags_too_deep"]
        for fault in deep or faults:
            if fault.name == "body" and fault.code == "tag_unclosed":
                continue  # said above
            is_soft = fault.code in _SOFT or (fault.code == "tag_unclosed" and fault.name in _SOFT_UNCLOSED)
            level = Level.WARNING if is_soft else Level.ERROR
            self._said.add(fault.line, fault.code, level=level, name=fault.name, more=fault.more)
        if self._links > LINKS_MAX:
            self._said.add(0, "too_many_links", limit=str(LINKS_MAX))
        return sorted(self._said.problems, key=lambda p: p.line)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._start(tag, attrs, is_closed=False)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # <div/> is an open <div> to HTML; in MJML it is complete.
        is_closed = tag.startswith("mj") or tag in VOID
        self._start(tag, attrs, is_closed=is_closed)

    def handle_endtag(self, tag: str) -> None:
        line = self._line()
        if tag == "body":
            self._has_body_end = True
        if tag == "a":
            self._end_anchor()
        if not self._balance.is_too_deep:
            self._balance.close(tag, line)

    def handle_data(self, data: str) -> None:
        if _BLANK.fullmatch(data):
            return
        if self._balance.inside == "style" and _IMPORT.search(data):
            self._said.add(self._line(), "outside_style")
        has_words = self._tags(data)
        if has_words:
            if self._anchor:
                self._anchor.has_words = True
            self._balance.text(self._line() + data[: len(data) - len(data.lstrip())].count("\n"))

    def handle_comment(self, data: str) -> None:
        self._tags(data)  # Jinja works in comments too

    def unknown_decl(self, data: str) -> None:
        self._tags(data)

    def _line(self) -> int:
        return self._lines.at(self._lines.offset(self.getpos()))

    def _start(self, tag: str, attrs: list[tuple[str, str | None]], *, is_closed: bool) -> None:
        line = self._line()
        values = {name: value or "" for name, value in attrs}
        self._inner_tags(line)
        if self._shelter.has_tag(tag):
            self._said.add(line, "block_in_tag", name="", more="")
            return
        if tag == "body":
            self._body = line
        if tag in REFUSED:
            self._said.add(line, "element_refused", name=tag)
        if tag == "link" or (tag == "meta" and values.get("http-equiv", "").lower() == "refresh"):
            self._said.add(line, "outside_style")
        for name in values:
            if name.startswith("on") and not self._shelter.has_tag(name):
                self._said.add(line, "handler_refused", name=name)
        if not self._balance.is_too_deep:
            self._balance.start(tag, line, is_closed=is_closed)
        if "href" in values and tag != "link":
            self._link(line, tag, values["href"].strip())
        if tag in _PICTURES:
            self._image(line, values)

    def _inner_tags(self, line: int) -> None:
        """Jinja blocks inside a start tag must end inside it."""
        depth = 0
        for match in self._shelter.word.finditer(self.get_starttag_text() or ""):
            source = self._shelter.tag(match[1])
            if source.startswith("{%"):
                word = source.strip("{%-+ ").split()[0] if source.strip("{%-+ }") else ""
                depth += {"if": 1, "for": 1, "endif": -1, "endfor": -1}.get(word, 0)
                if depth < 0:
                    break
        if depth:
            self._said.add(line, "block_in_tag", name="", more="")

    def _tags(self, data: str) -> bool:
        """Jinja tags within words; whether anything is shown besides blocks."""
        for match in self._shelter.word.finditer(data):
            source = self._shelter.tag(match[1])
            if source.startswith("{%") and not self._balance.is_too_deep:
                self._balance.tag(source, self._lines.at(self._lines.words[int(match[1])]))
        rest = self._shelter.word.sub(lambda m: "" if self._shelter.tag(m[1]).startswith("{%") else "x", data)
        return bool(rest.strip())

    def _link(self, line: int, tag: str, url: str) -> None:
        self._links += 1
        anchor = _Anchor(line, self._shelter.restore(url)[:200])
        if tag == "a":
            self._anchor = anchor
        if url.startswith("#"):
            anchor.is_checked = True
            return
        if self._shelter.has_tag(url):
            anchor.is_checked = True
            # A place on the page may follow, as in `{{ stop_page }}#less`.
            word = self._shelter.word.fullmatch(url.partition("#")[0])
            is_whole = word is not None and not self._shelter.has_tag(url.partition("#")[2])
            if (
                word is not None
                and is_whole
                and sandbox.names(self._shelter.tag(word[1])) <= self._url_fields
            ):
                return
            # A field may fill a path or a query; scheme and host must be the author's own.
            start = _FIXED_START.match(url)
            if start is None or self._shelter.has_tag(start[0]):
                self._said.add(line, "link_field", url=anchor.url)
            return
        code = links.fault(url)
        if code is not None:
            anchor.is_checked = True
            self._said.add(line, code, url=anchor.url)
        elif url.lower().startswith("http:") and not self._is_own(url):
            self._said.add(line, "link_insecure", level=Level.WARNING, url=anchor.url)

    def _end_anchor(self) -> None:
        anchor, self._anchor = self._anchor, None
        if anchor and not anchor.is_checked and not anchor.has_words:
            self._said.add(anchor.line, "no_link_text", level=Level.WARNING, url=anchor.url)

    def _image(self, line: int, values: dict[str, str]) -> None:
        src = self._shelter.restore(values.get("src", ""))[:200]
        if "alt" not in values:
            self._said.add(line, "missing_alt", level=Level.WARNING, url=src)
        elif values["alt"].strip() and self._anchor:
            self._anchor.has_words = True
        if not src.lower().startswith(("https:", "http:", "cid:", "{{")):
            self._said.add(line, "image_scheme", url=src)
        elif src.lower().startswith("http:") and not self._is_own(src):
            self._said.add(line, "image_insecure", level=Level.WARNING, url=src)

    def _is_own(self, url: str) -> bool:
        return bool(self._own) and url.startswith(self._own.rstrip("/") + "/")


def audit(html: str) -> Iterator[Problem]:
    """The last look, at what was made: as lxml reads it, which is what leaves. Lines are not the author's.

    Parsers disagree about broken pages, so what one took for text may be an element to the next.
    """
    for element in lxml_html.document_fromstring(html).iter():
        if not isinstance(element.tag, str):
            continue
        if element.tag.lower() in REFUSED:
            yield Problem(Part.HTML, 0, "element_refused", {"name": element.tag.lower()})
        for key, value in element.attrib.items():
            name = str(key).lower()
            if name.startswith("on"):
                yield Problem(Part.HTML, 0, "handler_refused", {"name": name})
            if name in ("href", "src", "action", "background") and _is_script(str(value)):
                yield Problem(Part.HTML, 0, "link_scheme", {"url": str(value)[:200]})


_SCRIPT = re.compile(
    r"[\x00-\x20]*(?:j[\s\x00]*a[\s\x00]*v[\s\x00]*a|vb|live)[\s\x00]*script[\s\x00]*:|[\x00-\x20]*data:",
    re.I,
)


def _is_script(value: str) -> bool:
    return _SCRIPT.match(value) is not None


__all__ = ["DEPTH_MAX", "FINDINGS_MAX", "LINKS_MAX", "audit", "problems"]
