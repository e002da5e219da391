"""The one page of the tracker: a link that we cannot follow. Two languages, no picture, no script."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>{title}</title>
<style>body{{font:16px/1.8 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1.5em;color:#17211e}}
h1{{font-size:1.3em}}</style></head><body><h1>{title}</h1><p>{text}</p></body></html>
"""
_WORDS = {
    "ja": (
        "このリンクは開けません",
        "アドレスが途中で切れているか、書き換えられています。"
        "お手元のメールのリンクを、もう一度そのまま開いてください。",
    ),
    "en": (
        "This link cannot be opened",
        "Its address was cut short or changed. Please open the link in your mail once more, as it stands.",
    ),
}
_BYTES = {
    lang: _PAGE.format(lang=lang, title=title, text=text).encode() for lang, (title, text) in _WORDS.items()
}


def language(accepted: str) -> str:
    """ja or en, whichever the reader's browser names first; Japanese when it names neither."""
    best, best_weight = "ja", 0.0
    for part in accepted[:500].split(","):
        tag, _, weight_text = part.strip().partition(";q=")
        try:
            weight = float(weight_text) if weight_text else 1.0
        except ValueError:
            continue
        tag = tag.lower().partition("-")[0]
        if tag in _WORDS and weight > best_weight:
            best, best_weight = tag, weight
    return best


def not_found(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
    """404, and nothing about why."""
    body = _BYTES[language(environ.get("HTTP_ACCEPT_LANGUAGE", ""))]
    start_response(
        "404 Not Found",
        [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Robots-Tag", "noindex"),
            ("Vary", "Accept-Language"),
        ],
    )
    return [b"" if environ.get("REQUEST_METHOD") == "HEAD" else body]
