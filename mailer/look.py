"""A rendered mail as other screens show it: dark in two ways, and without its pictures. For previews only.

Some mail programs honour the mail's own dark colours (Apple Mail, Outlook for Mac), others invert what they
get (the Gmail and Outlook apps), and many hold pictures back until asked. These are likenesses, no
emulators: what is unreadable here is unreadable there.
"""

from __future__ import annotations

import re

_DARK_QUERY = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_LIGHT_QUERY = re.compile(r"@media\s*\(\s*prefers-color-scheme\s*:\s*light\s*\)", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)
_BODY = re.compile(r"<body\b", re.IGNORECASE)
_IMAGE_SRC = re.compile(r"""(<img\b[^>]{0,4000}?\s)src\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)""", re.IGNORECASE)
_BACKGROUND = re.compile(r"url\([^)]{0,2000}\)", re.IGNORECASE)

_HONOURED = "<style>html{background:#121816;color-scheme:dark}</style>"
# Pictures are turned back, as the programs leave them as they are.
_INVERTED = (
    "<style>html{background:#fff;filter:invert(.92) hue-rotate(180deg)}"
    "img,video{filter:invert(1) hue-rotate(180deg)}</style>"
)
_NO_IMAGES = (
    "<style>img{display:inline-block;min-width:24px;min-height:18px;border:1px solid #c4cec8;"
    "background:#f4f6f3;color:#455355;font:12px sans-serif}</style>"
)


def as_seen(html: str, look: str) -> str:
    """The page as this look shows it; any other word leaves it as it is."""
    if look == "dark":
        return _with(_LIGHT_QUERY.sub("@media not all", _DARK_QUERY.sub("@media all", html)), _HONOURED)
    light = _LIGHT_QUERY.sub("@media all", _DARK_QUERY.sub("@media not all", html))
    if look == "inverted":
        return _with(light, _INVERTED)
    if look == "no_images":
        return _with(_BACKGROUND.sub("none", _IMAGE_SRC.sub(r"\1", light)), _NO_IMAGES)
    return light


def _with(html: str, style: str) -> str:
    """The page with one more style, at the end of its head."""
    for place in (_HEAD_END, _BODY):
        if match := place.search(html):
            return html[: match.start()] + style + html[match.start() :]
    return style + html
