"""MJML as a source: checked with the lines of the author's text, then made into HTML with its Jinja tags intact.

The converter takes torn tags without a word, reads files it is told to include, adds web fonts, and dies
of deep nesting (measured: 5,000 wrappers within each other end the process). So tags are checked before it
runs, what it may load is refused, and it runs only inside `press`.
"""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from mjml import mjml2html

from mailer.findings import Part, Problem
from mailer.sandbox import Fault
from mailer.tags import Shelter

# Elements whose inside is other elements; words there belong to nobody.
_FRAMES = frozenset(
    [
        "mjml",
        "mj-head",
        "mj-attributes",
        "mj-body",
        "mj-section",
        "mj-wrapper",
        "mj-group",
        "mj-column",
        "mj-hero",
        "mj-social",
        "mj-navbar",
    ]
)
# Between their children a Jinja tag is kept by <mj-raw>.
_TAKES_RAW = frozenset(["mj-body", "mj-section", "mj-wrapper", "mj-group", "mj-column", "mj-hero"])
_KNOWN = _FRAMES | frozenset(
    [
        "mj-all",
        "mj-class",
        "mj-title",
        "mj-preview",
        "mj-style",
        "mj-breakpoint",
        "mj-text",
        "mj-button",
        "mj-image",
        "mj-divider",
        "mj-spacer",
        "mj-table",
        "mj-raw",
        "mj-social-element",
        "mj-navbar-link",
    ]
)
_ROOT = re.compile(r"\s*(?:<!--.*?-->\s*)*<mjml\b", re.DOTALL | re.IGNORECASE)
_POSITION = re.compile(r"position (\d+):(\d+)")
_COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)


def problems(source: str) -> list[Problem]:
    """What is wrong with MJML besides what is wrong with any body (`lint_html`)."""
    shelter = Shelter()
    page = shelter.protect(_without_comments(source))
    if not _ROOT.match(page):
        return [Problem(Part.HTML, 1, "mjml_root")]
    return _read(page, shelter).found


def convert(source: str, *, title: str, language: str) -> str:
    """The HTML page, its Jinja tags as they were. Raises TemplateError; Fault `mjml` with the line.

    title: the subject, as the page's title where the source names none. Call only in `press`.
    """
    shelter = Shelter()
    page = shelter.protect(_without_comments(source))
    reader = _read(page, shelter)
    for fault in reader.found:
        raise Fault(fault.line, fault.message_code, **fault.args)
    page = reader.wrapped()
    if not re.search(r"<mjml\b[^>]*\slang\s*=", page, re.IGNORECASE):
        page = re.sub(r"<mjml\b", f'<mjml lang="{escape(language)}"', page, count=1, flags=re.IGNORECASE)
    try:
        # No fonts: a mail loads none, and recipients' Japanese fonts are their own.
        made: str = mjml2html(page, fonts={}, disable_comments=True)
    except ValueError as error:
        raise _fault(str(error), page, shelter) from error
    made = made.replace("<title></title>", f"<title>{escape(shelter.protect(title))}</title>", 1)
    return shelter.restore(made.replace(' dir="auto"', ""))


def _without_comments(source: str) -> str:
    """Jinja's comments gone, their lines kept."""
    return _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), source)


def _fault(said: str, page: str, shelter: Shelter) -> Fault:
    """The converter's own words, with the line in the author's source."""
    match = _POSITION.search(said)
    line = 0
    if match:
        before = page.encode()[: int(match[1])].decode(errors="ignore")
        line = shelter.restore(before).count("\n") + 1
    return Fault(line, "mjml", detail=said.partition(" in root template")[0][:200])


def _read(page: str, shelter: Shelter) -> _Reader:
    reader = _Reader(page, shelter)
    try:
        reader.feed(page)
        reader.close()
    except AssertionError as error:
        raise Fault(0, "not_readable", detail="<![") from error
    return reader


class _Reader(HTMLParser):
    def __init__(self, page: str, shelter: Shelter) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[Problem] = []
        self._page = page
        self._shelter = shelter
        self._starts = [0] + [match.end() for match in re.finditer("\n", page)]
        self._open: list[str] = []
        self._raw: list[tuple[int, int]] = []

    def wrapped(self) -> str:
        """The page with every Jinja tag between frames inside an <mj-raw>."""
        out, done = [], 0
        for start, end in self._raw:
            out += [self._page[done:start], f"<mj-raw>{self._page[start:end]}</mj-raw>"]
            done = end
        return "".join([*out, self._page[done:]])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag)
        self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._element(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        parent = self._open[-1] if self._open else ""
        if "<" in data and parent != "mj-style":
            # The converter reads no further here, and does not say where.
            self._say("mjml_less", at=self._offset() + data.index("<"))
        if parent not in _FRAMES or not data.strip():
            return
        offset = self._offset()
        rest = self._shelter.word.sub(lambda word: " " * len(word[0]), data)
        words = list(self._shelter.word.finditer(data))
        if rest.strip() or (words and parent not in _TAKES_RAW):
            first = len(rest) - len(rest.lstrip()) if rest.strip() else words[0].start()
            self._say("mjml_text", at=offset + first, name=parent)
            return
        self._raw += [(offset + word.start(), offset + word.end()) for word in words]

    def _element(self, tag: str) -> None:
        if tag in ("mj-include", "mj-font"):
            self._say("mjml_include", name=tag)
        elif tag not in _KNOWN and (tag.startswith("mj") or (self._open and self._open[-1] in _FRAMES)):
            self._say("mjml_element", name=tag)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def _say(self, code: str, *, at: int | None = None, **args: str) -> None:
        if len(self.found) < 100:
            before = self._page[: self._offset() if at is None else at]
            line = self._shelter.restore(before).count("\n") + 1
            self.found.append(Problem(Part.HTML, line, code, args))
