"""QR codes as pictures inside a page: dark squares on white, sharp at any size and on paper."""

from __future__ import annotations

import io

import segno
from markupsafe import Markup


def svg(text: str, *, label: str = "") -> Markup:
    """The code as inline SVG, as wide as its place. label: what screen readers say; '' when a word stands beside it."""
    return Markup(_drawn(text)) if not label else Markup(_drawn(text, label))  # noqa: S704 - made here


def file(text: str) -> bytes:
    """The code as an SVG file, for print."""
    out = io.BytesIO()
    _code(text).save(out, kind="svg", scale=8, border=4)
    return out.getvalue()


def _drawn(text: str, label: str = "") -> str:
    drawn = _code(text).svg_inline(omitsize=True, border=2, svgclass="qr", lineclass=None)
    told = f'role="img" aria-label="{Markup.escape(label)}"' if label else 'aria-hidden="true"'
    return drawn.replace("<svg ", f"<svg {told} ", 1)


def _code(text: str) -> segno.QRCode:
    # A quarter of it may be scratched or folded; a badge hangs by a band all day.
    return segno.make_qr(text, error="q")
