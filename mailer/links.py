"""The links of a mail: found before anything rewrites the page, numbered from 1, one number a URL."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlsplit

from mailer.errors import TemplateError
from mailer.tags import Shelter

HREF = re.compile(
    r"""(?P<open><(?:a|area)\b(?:[^<>"']|"[^"]*"|'[^']*')*?\shref\s*=\s*)(?P<value>"[^"]*"|'[^']*'|[^\s>"']+)""",
    re.IGNORECASE,
)
_CLOSE = re.compile(r"</a\s*>", re.IGNORECASE)
_MARKUP = re.compile(r"<[^>]*>")
_ALT = re.compile(r"""<img\b[^>]*?\salt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
PLAIN_URL = re.compile(r"https?://[^\s<>\"'「」『』（）、。　]+")
_TRAILING = ".,;:!?)]}"
_OTHER_SCHEMES = ("mailto", "tel")


@dataclass(frozen=True, slots=True)
class Link:
    """One tracked link. no: from 1, the same in html and text. text: what the reader sees."""

    no: int
    url: str
    text: str


class Numbered:
    """Hands out the numbers."""

    def __init__(self) -> None:
        self._by_url: dict[str, Link] = {}

    def number(self, url: str, text: str) -> int:
        """The number of a URL; the first text stays."""
        link = self._by_url.get(url)
        if link is None or (not link.text and text):
            link = Link(link.no if link else len(self._by_url) + 1, url, text)
            self._by_url[url] = link
        return link.no

    def all(self) -> tuple[Link, ...]:
        """In order of their numbers."""
        return tuple(sorted(self._by_url.values(), key=lambda link: link.no))


def fault(url: str) -> str | None:
    """Why a URL may not stand in a mail, as a code; None when it may.

    Control characters and backslashes are refused: `java\\nscript:` and `https:\\\\evil` pass scheme tests.
    Source: spec 45 C1.
    """
    if not url:
        return "link_empty"
    if any(c <= " " or c in "\\\x7f\u2028\u2029" for c in url):
        return "link_characters"
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return "link_invalid"
    if parts.scheme in _OTHER_SCHEMES:
        return None
    if parts.scheme not in ("http", "https"):
        return "link_scheme"
    if not host or parts.username is not None:
        return "link_host"
    return None


def is_tracked(url: str) -> bool:
    """Web pages are tracked; places in the mail, mail addresses and telephone numbers are not."""
    return urlsplit(url).scheme in ("http", "https")


def value_of(match: re.Match[str]) -> str:
    """The URL an href holds, entities undone."""
    return unescape(match["value"].strip("\"'")).strip()


def rewrite_html(html: str, shelter: Shelter, numbered: Numbered) -> str:
    """Every tracked href becomes a word for `{{ link(n) }}`. html: with its tags sheltered.

    A URL that holds a field (the unsubscribe link of the footer) differs a recipient and is left alone.
    """

    def swap(match: re.Match[str]) -> str:
        url = value_of(match)
        if url.startswith("#") or shelter.has_tag(url):
            return match[0]
        code = fault(url)
        if code is not None:
            raise TemplateError(html.count("\n", 0, match.start()) + 1, f"{code} {url[:200]}")
        if not is_tracked(url):
            return match[0]
        no = numbered.number(url, label(html, match.end(), shelter))
        return f'{match["open"]}"{shelter.keep(f"{{{{ link({no}) }}}}")}"'

    return HREF.sub(swap, html)


def rewrite_text(text: str, shelter: Shelter, numbered: Numbered) -> str:
    """The same for URLs written out in a text part."""

    def swap(match: re.Match[str]) -> str:
        url = match[0].rstrip(_TRAILING)
        rest = match[0][len(url) :]
        if shelter.has_tag(url) or fault(url) is not None:
            return match[0]
        return shelter.keep(f"{{{{ link({numbered.number(url, '')}) }}}}") + rest

    return PLAIN_URL.sub(swap, text)


def label(html: str, start: int, shelter: Shelter) -> str:
    """What stands between <a ...> and </a>, tags dropped, pictures by their alt."""
    opened = html.find(">", start)
    closed = _CLOSE.search(html, start)
    if opened < 0 or closed is None:
        return ""
    inner = html[opened + 1 : closed.start()]
    inner = _ALT.sub(lambda m: f"{m[1] or m[2] or ''}<", inner)
    words = unescape(_MARKUP.sub("", inner.replace("<<", "<")))
    return " ".join(shelter.restore(words).split())[:200]
