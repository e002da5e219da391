"""Publishing: everything slow or clever about a mail happens here, once; then a mail is one render a part.

Inlining costs 2 to 105 ms a template, so it runs at publish, never at send. Every Jinja tag is a plain
word while premailer works (see `tags`), `strip_important` stays off because premailer's default deletes
`!important` inside kept @media rules, and the doctype is put back because premailer drops it at times.
Source: design section 4, spec 45 traps 3 and 4.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import Any

from markupsafe import Markup
from premailer import Premailer

from mailer import links, plaintext, sandbox
from mailer.errors import TemplateError
from mailer.layout import Layout, is_whole_page, wrap
from mailer.links import Link
from mailer.tags import FIELD_TAG, Shelter

RESERVED = frozenset({"link", "pixel", "footer"})

_DOCTYPE = re.compile(r"\s*<!doctype[^>]*>", re.IGNORECASE)
_BODY_OPEN = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
_BODY_CLOSE = re.compile(r"</body\s*>", re.IGNORECASE)
_OUTSIDE = re.compile(r"<link\b[^>]*\bstylesheet|@import\b", re.IGNORECASE)
_FOOTER = re.compile(r"\{\{-?\s*footer\s*-?\}\}")
# No tiny font size: SpamAssassin counts 1.0 to 2.5 points for text in one (FONT_INVIS_*), none for display:none.
_PREHEADER_STYLE = "display:none;max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all"
# Keeps the first words of the body out of the preview line of the inbox.
_PREHEADER_FILL = "&#8199;&#847;" * 20
_PIXEL = '{% if pixel %}<img src="{{ pixel }}" alt="" width="1" height="1">{% endif %}'


@dataclass(frozen=True, slots=True)
class Published:
    """One published mail, ready to be stored as JSON. subject, html, text: Jinja with `link(n)`,
    `pixel`, `footer` and the fields. fields: the names a recipient must bring."""

    subject: str
    html: str
    text: str
    links: tuple[Link, ...]
    fields: tuple[str, ...]
    version: int = 1

    def to_json(self) -> str:
        """For a database column."""
        return json.dumps(asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, stored: str | Mapping[str, Any]) -> Published:
        """From `to_json`, as text or already parsed."""
        data = json.loads(stored) if isinstance(stored, str) else stored
        return cls(
            subject=data["subject"],
            html=data["html"],
            text=data["text"],
            links=tuple(Link(row["no"], row["url"], row["text"]) for row in data["links"]),
            fields=tuple(data["fields"]),
            version=data.get("version", 1),
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """The three texts of one recipient's mail."""

    subject: str
    html: str
    text: str


def publish(
    html: str,
    *,
    subject: str,
    preheader: str = "",
    text: str | None = None,
    layout: Layout | None = None,
) -> Published:
    """Make a checked mail ready to be sent many times. Raises TemplateError.

    html: the author's body, or a whole page, which then gets no layout. text: derived from html when
    not given. Links are numbered in reading order of the html; the text part uses the same numbers.
    """
    for source in (subject, preheader, html, text or ""):
        if len(source) > sandbox.SOURCE_MAX:
            raise TemplateError(0, "too_long")
    if _OUTSIDE.search(html):
        raise TemplateError(0, "outside_stylesheet")
    shelter, numbered = Shelter(), links.Numbered()
    body = shelter.protect(html)
    linked = links.rewrite_html(_without_empty_lines(body, shelter), shelter, numbered)
    shown_preheader = shelter.protect(preheader)
    page = (
        linked
        if is_whole_page(html)
        else _framed(linked, layout or Layout(), shelter.protect(subject), shelter)
    )
    page = _with_slots(page, shelter, shown_preheader)
    made_html = shelter.restore(_inlined(page))
    made_text = _published_text(body, text, shelter, numbered)
    fields = frozenset().union(*map(sandbox.names, (subject, made_html, made_text))) - RESERVED
    return Published(
        subject=" ".join(subject.split()),
        html=made_html,
        text=made_text,
        links=numbered.all(),
        fields=tuple(sorted(fields)),
    )


def render(
    published: Published,
    fields: Mapping[str, str],
    *,
    links: Callable[[int], str] | Sequence[str],
    pixel: str = "",
    footer_html: str = "",
    footer_text: str = "",
) -> Rendered:
    """One recipient's mail. Raises TemplateError when a field is missing.

    fields: plain text; escaped in html, a value of several lines keeps its lines. links: number -> URL,
    or the URLs in order of their numbers. pixel: its URL, "" leaves it out (spec 45 O4).
    footer_html: trusted, from `footer`.
    """
    link = links if callable(links) else _nth(links)
    common = {**fields, "link": link, "pixel": pixel}
    html_values = {**common, "footer": Markup(footer_html)}  # noqa: S704  made by `footer`, which escapes
    text = sandbox.render(published.text, {**common, "footer": footer_text}, is_html=False)
    return Rendered(
        subject=sandbox.render(published.subject, common, is_html=False),
        html=sandbox.render(published.html, html_values, is_html=True),
        text=plaintext.rewrapped(text),
    )


def _framed(body: str, layout: Layout, title: str, shelter: Shelter) -> str:
    if _has_footer(body, shelter):  # the author chose the place
        layout = replace(layout, source=_FOOTER.sub("", layout.source))
    return shelter.protect(wrap(body, layout, title=title))


def _with_slots(page: str, shelter: Shelter, preheader: str) -> str:
    """Preheader first in the body, footer where the page wants it or else at the end, pixel last."""
    opened, closed = _BODY_OPEN.search(page), _last(_BODY_CLOSE, page)
    if opened is None or closed is None:
        page = f"<html><body>{page}</body></html>" if opened is None and closed is None else page
        opened, closed = _BODY_OPEN.search(page), _last(_BODY_CLOSE, page)
    if opened is None or closed is None:
        raise TemplateError(0, "body_not_closed")
    inside = page[opened.end() : closed.start()]
    if not _has_footer(page, shelter):
        inside += shelter.keep("{{ footer }}")
    if preheader.strip():
        hidden = f'<div style="{_PREHEADER_STYLE}">{escape(preheader.strip())}{_PREHEADER_FILL}</div>'
        inside = shelter.keep(shelter.restore(hidden)) + inside
    inside += shelter.keep(_PIXEL)
    return page[: opened.end()] + inside + page[closed.start() :]


def _has_footer(page: str, shelter: Shelter) -> bool:
    return any(_FOOTER.fullmatch(shelter.tag(match[1])) for match in shelter.word.finditer(page))


def _inlined(page: str) -> str:
    doctype = _DOCTYPE.match(page)
    made: str = Premailer(
        page[doctype.end() :] if doctype else page,
        base_url=None,
        disable_link_rewrites=True,
        strip_important=False,
        keep_style_tags=True,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        allow_network=False,
        allow_loading_external_files=False,
    ).transform(pretty_print=False)
    return (
        (doctype[0].strip() if doctype else "<!DOCTYPE html>")
        + "\n"
        + _DOCTYPE.sub("", made, count=1).lstrip()
    )


def _published_text(body: str, text: str | None, shelter: Shelter, numbered: links.Numbered) -> str:
    if text is None or not text.strip():
        page = plaintext.from_html(body, shelter, numbered)
    else:
        page = links.rewrite_text(shelter.protect(text), shelter, numbered)
    if not _has_footer(page, shelter):
        page = f"{page.rstrip()}\n\n{shelter.keep('{{ footer }}')}"
    return shelter.restore(plaintext.laid_out(page, shelter))


def _nth(urls: Sequence[str]) -> Callable[[int], str]:
    return lambda no: urls[no - 1]


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return max(pattern.finditer(text), key=lambda match: match.start(), default=None)


def _without_empty_lines(body: str, shelter: Shelter) -> str:
    """A line or paragraph that is one field goes when the field is empty (spec 40 section 4.5)."""
    word = shelter.word.pattern
    lone = re.compile(rf"(?P<p><p\b[^>]*>\s*{word}\s*</p>)|(?<=>)\s*{word}\s*<br\s*/?>", re.IGNORECASE)

    def guarded(match: re.Match[str]) -> str:
        field = FIELD_TAG.match(shelter.tag(match[2] or match[3]))
        if field is None:
            return match[0]
        return f"{shelter.keep(f'{{% if {field[1]} %}}')}{match[0]}{shelter.keep('{% endif %}')}"

    return lone.sub(guarded, body)
