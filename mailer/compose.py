"""Checking what an author wrote, before anything is published: codes with lines, for a page to word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mailer import links, sandbox
from mailer.errors import TemplateError
from mailer.inline import RESERVED
from mailer.tags import Shelter

_ELEMENT = re.compile(
    r"<(script|iframe|object|embed|form|input|button|textarea|select|base|frame|frameset|applet|audio|video|svg)\b",
    re.IGNORECASE,
)
_HANDLER = re.compile(r"""<[a-z][^<>]*?\s(on[a-z]+)\s*=""", re.IGNORECASE)
_IMAGE = re.compile(r"""<img\b(?:[^<>"']|"[^"]*"|'[^']*')*>""", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""\s(alt|src)\s*=\s*("[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)
_OUTSIDE = re.compile(r"<link\b|@import\b|<meta\b[^>]*refresh", re.IGNORECASE)
_FIXED_START = re.compile(r"(?:https?://[^/?#]+[/?#]|mailto:|tel:)", re.IGNORECASE)
_COMMENT = re.compile(r"<!--(?!\[if).*?-->", re.DOTALL)
HTML_SIZE_WARN = 100_000  # Gmail cuts a mail at about 102 kB and hides the footer with it
SUBJECT_SEEN = 25  # full-width characters a phone shows


class Part(StrEnum):
    """Which of the four texts."""

    SUBJECT = "subject"
    PREHEADER = "preheader"
    HTML = "html"
    TEXT = "text"


class Level(StrEnum):
    """An error stops publishing, a warning is shown."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding. line counts from 1, 0 is the whole part. args: for the words of `message_code`.

    Codes, errors: empty, syntax(detail), not_allowed(what), unknown_field(name, near), unknown_filter(name),
    unknown_test(name), loop_not_allowed, too_long(limit), too_nested, element_refused(name),
    handler_refused(name), outside_style, link_empty, link_characters(url), link_invalid(url),
    link_scheme(url), link_host(url), link_field(url), image_scheme(url), reserved_field(name), body_not_closed.
    Warnings: missing_alt(url), no_link_text(url), link_insecure(url), image_insecure(url), html_large(size),
    subject_long(count).
    """

    part: Part
    line: int
    message_code: str
    args: Mapping[str, str] = field(default_factory=dict)
    level: Level = Level.ERROR


def check(
    subject: str,
    preheader: str,
    html: str,
    text: str | None,
    fields: Mapping[str, str],
    *,
    url_fields: Collection[str] = (),
    lists: Collection[str] = (),
) -> list[Problem]:
    """Everything wrong with a mail, by part and line; publishable when no problem is an error.

    fields: name -> sample value. url_fields: fields that hold a URL and may be a whole href.
    """
    found: list[Problem] = []
    sources = (
        (Part.SUBJECT, subject),
        (Part.PREHEADER, preheader),
        (Part.HTML, html),
        (Part.TEXT, text or ""),
    )
    for part, source in sources:
        known = set(fields) | ({"footer"} if part in (Part.HTML, Part.TEXT) else set())
        for fault in sandbox.faults(source, fields=known - (RESERVED - {"footer"}), lists=lists):
            found.append(Problem(part, fault.line, fault.code, fault.args_))
    found += [Problem(Part.SUBJECT, 0, "reserved_field", {"name": n}) for n in sorted(RESERVED & set(fields))]
    if not subject.strip():
        found.append(Problem(Part.SUBJECT, 0, "empty"))
    elif not any(p.part is Part.SUBJECT for p in found):
        found += _subject(subject, fields)
    if not html.strip():
        found.append(Problem(Part.HTML, 0, "empty"))
    elif not any(
        p.part is Part.HTML and p.message_code in ("syntax", "too_long", "too_nested") for p in found
    ):
        found += _html(html, frozenset(url_fields))
    return sorted(found, key=lambda p: (list(Part).index(p.part), p.line))


def is_publishable(problems: Iterable[Problem]) -> bool:
    """No finding is an error."""
    return all(problem.level is not Level.ERROR for problem in problems)


def _subject(subject: str, fields: Mapping[str, str]) -> Iterator[Problem]:
    try:
        shown = sandbox.render(subject, dict(fields), is_html=False)
    except TemplateError:
        return  # the fault is reported already
    if len(shown) > 2 * SUBJECT_SEEN:
        yield Problem(Part.SUBJECT, 1, "subject_long", {"count": str(len(shown))}, Level.WARNING)


def _html(html: str, url_fields: frozenset[str]) -> Iterator[Problem]:
    shelter = Shelter()
    try:
        page = shelter.protect(html)
    except TemplateError as error:
        yield Problem(Part.HTML, error.line, "syntax", {"detail": error.message[:200]})
        return
    page = _COMMENT.sub(lambda m: "\n" * m[0].count("\n"), page)
    if "<body" in page.lower() and "</body" not in page.lower():
        yield Problem(Part.HTML, 0, "body_not_closed")
    for match in _ELEMENT.finditer(page):
        yield _at(page, match, "element_refused", name=match[1].lower())
    for match in _HANDLER.finditer(page):
        yield _at(page, match, "handler_refused", name=match[1].lower())
    for match in _OUTSIDE.finditer(page):
        yield _at(page, match, "outside_style")
    for match in links.HREF.finditer(page):
        yield from _link(page, match, shelter, url_fields)
    for match in _IMAGE.finditer(page):
        yield from _image(page, match, shelter)
    if len(html.encode()) > HTML_SIZE_WARN:
        yield Problem(Part.HTML, 0, "html_large", {"size": str(len(html.encode()))}, Level.WARNING)


def _link(page: str, match: re.Match[str], shelter: Shelter, url_fields: frozenset[str]) -> Iterator[Problem]:
    url = links.value_of(match)
    shown = shelter.restore(url)[:200]
    if url.startswith("#"):
        return
    if shelter.has_tag(url):
        word = shelter.word.fullmatch(url)
        if word is not None and sandbox.names(shelter.tag(word[1])) <= url_fields:
            return
        # A field may fill a path or a query; scheme and host must be the author's own.
        start = _FIXED_START.match(url)
        if start is None or shelter.has_tag(start[0]):
            yield _at(page, match, "link_field", url=shown)
        return
    code = links.fault(url)
    if code is not None:
        yield _at(page, match, code, url=shown)
    elif url.lower().startswith("http:"):
        yield _at(page, match, "link_insecure", level=Level.WARNING, url=shown)
    if code is None and not links.label(page, match.end(), shelter):
        yield _at(page, match, "no_link_text", level=Level.WARNING, url=shown)


def _image(page: str, match: re.Match[str], shelter: Shelter) -> Iterator[Problem]:
    values = {m[1].lower(): m[2].strip("\"'") for m in _ATTRIBUTE.finditer(match[0])}
    src = shelter.restore(values.get("src", ""))[:200]
    if "alt" not in values:
        yield _at(page, match, "missing_alt", level=Level.WARNING, url=src)
    if not src.lower().startswith(("https:", "http:", "cid:", "{{")):
        yield _at(page, match, "image_scheme", url=src)
    elif src.lower().startswith("http:"):
        yield _at(page, match, "image_insecure", level=Level.WARNING, url=src)


def _at(page: str, match: re.Match[str], code: str, *, level: Level = Level.ERROR, **args: str) -> Problem:
    return Problem(Part.HTML, page.count("\n", 0, match.start()) + 1, code, args, level)
