"""The base layout around an author's body. Slots are `[[ name ]]`, so the body's own tags stay untouched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

_SLOT = re.compile(r"\[\[ (\w+) \]\]")
_WHOLE_PAGE = re.compile(r"<(?:!doctype|html|body)\b", re.IGNORECASE)

BARE = """<!DOCTYPE html>
<html lang="[[ language ]]"><head><meta charset="utf-8">\
<meta name="viewport" content="width=device-width, initial-scale=1"><title>[[ title ]]</title></head>
<body>
[[ body ]]
{{ footer }}
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """source: templates/mail/base.html. company stands in the band, tagline beside it, smaller."""

    source: str = BARE
    company: str = ""
    tagline: str = ""
    language: str = "ja"


def is_whole_page(html: str) -> bool:
    """An author who brings a page of their own gets no layout around it."""
    return _WHOLE_PAGE.search(html) is not None


def wrap(body: str, layout: Layout, *, title: str = "") -> str:
    """The page. Everything but the body is escaped; title may hold sheltered tags."""
    values = {
        "body": body,
        "title": escape(title),
        "company": escape(layout.company),
        "tagline": escape(layout.tagline),
        "language": escape(layout.language),
    }
    return _SLOT.sub(lambda match: values.get(match[1], ""), layout.source)
