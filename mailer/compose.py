"""Checking what an author wrote, before anything is published: codes with lines, for a page to word.

How long this takes depends on the source, so pages and jobs ask `press`, which has a limit on time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import StrEnum

from mailer import links, lint_html, mjml, sandbox
from mailer.errors import TemplateError
from mailer.findings import Level, Part, Problem, is_publishable
from mailer.inline import RESERVED
from mailer.tags import Shelter

HTML_SIZE_WARN = 100_000  # Gmail cuts a mail at about 102 kB and hides the footer with it
SUBJECT_SEEN = 25  # full-width characters a phone shows
# Faults of Jinja's own grammar: the HTML around it cannot be read then.
_UNREADABLE = frozenset(
    {"syntax", "too_long", "too_nested", "too_many_tags", "too_many_filters", "character_refused"}
)


class Format(StrEnum):
    """What a body is written in."""

    HTML = "html"
    MJML = "mjml"


def check(
    subject: str,
    preheader: str,
    html: str,
    text: str | None,
    fields: Mapping[str, str],
    *,
    url_fields: Collection[str] = (),
    lists: Collection[str] = (),
    format: Format = Format.HTML,
    own: str = "",
) -> list[Problem]:
    """Everything wrong with a mail, by part and line; publishable when no problem is an error.

    fields: name -> sample value. url_fields: fields that hold a URL and may be a whole href. own: our own
    base URL, which may be plain http while practising.
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
            if len(found) > 4 * lint_html.FINDINGS_MAX:
                break
    found += [Problem(Part.SUBJECT, 0, "reserved_field", {"name": n}) for n in sorted(RESERVED & set(fields))]
    if not subject.strip():
        found.append(Problem(Part.SUBJECT, 0, "empty"))
    elif not any(p.part is Part.SUBJECT for p in found):
        found += _subject(subject, fields)
    if not html.strip():
        found.append(Problem(Part.HTML, 0, "empty"))
    elif not any(p.part is Part.HTML and p.message_code in _UNREADABLE for p in found):
        found += lint_html.problems(html, url_fields=url_fields, own=own)
        if format is Format.MJML:
            found += mjml.problems(html)
        found += _text(html, text)
    return sorted(found, key=lambda p: (list(Part).index(p.part), p.line))


def _subject(subject: str, fields: Mapping[str, str]) -> Iterator[Problem]:
    try:
        shown = sandbox.render(subject, dict(fields), is_html=False)
    except TemplateError:
        return  # the fault is reported already
    if len(shown) > 2 * SUBJECT_SEEN:
        yield Problem(Part.SUBJECT, 1, "subject_long", {"count": str(len(shown))}, Level.WARNING)


def _text(html: str, text: str | None) -> Iterator[Problem]:
    """The text part: made from the HTML when there is none; one of the author's own holds every link."""
    if len(html.encode()) > HTML_SIZE_WARN:
        yield Problem(Part.HTML, 0, "html_large", {"size": str(len(html.encode()))}, Level.WARNING)
    if text is None or not text.strip():
        yield Problem(Part.TEXT, 0, "text_missing", {}, Level.NOTICE)
        return
    shelter = Shelter()
    try:
        page, words = shelter.protect(html), shelter.protect(text)
    except TemplateError:
        return  # reported already
    wanted = {links.value_of(match) for match in links.HREF.finditer(page)}
    wanted = {
        url
        for url in wanted
        if not shelter.has_tag(url) and links.fault(url) is None and links.is_tracked(url)
    }
    lacking = [url for url in sorted(wanted) if url not in words]
    if lacking:
        args = {"count": str(len(lacking)), "url": lacking[0][:200]}
        yield Problem(Part.TEXT, 0, "text_lacks_links", args, Level.WARNING)


__all__ = ["HTML_SIZE_WARN", "SUBJECT_SEEN", "Format", "Level", "Part", "Problem", "check", "is_publishable"]
