"""What every answer carries, and every error's page, in one place.

Scripts, styles and pictures come from this host alone and no script stands inside a page. A view may set
a header itself (a mail's preview does: `as_preview`); what it set stays.
"""

from __future__ import annotations

import secrets
import traceback

import structlog
from flask import Flask, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from redis.exceptions import RedisError
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from campaigns.parts import Parts

log = structlog.get_logger()

# Widths of bars are style attributes; a style element needs the answer's nonce.
POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'{nonce}; style-src-attr 'unsafe-inline'; "
    "script-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
PREVIEW = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src 'self' data: https:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
KNOWN = (400, 403, 404, 405, 413, 429, 500, 503)


def register(app: Flask, parts: Parts) -> None:
    """Headers and error pages for this application."""

    @app.after_request
    def headers(answer: Response) -> Response:
        nonce = f" 'nonce-{g.nonce}'" if g.get("nonce") else ""
        answer.headers.setdefault("Content-Security-Policy", POLICY.format(nonce=nonce))
        answer.headers.setdefault("X-Content-Type-Options", "nosniff")
        if not g.get("is_framed_by_policy"):
            answer.headers.setdefault("X-Frame-Options", "DENY")
        answer.headers.setdefault("Referrer-Policy", "same-origin")
        answer.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if not request.path.startswith(("/static/", "/image/")):
            answer.headers.setdefault("Cache-Control", "no-store")
        if parts.settings.is_https:
            answer.headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return answer

    app.jinja_env.globals["nonce"] = nonce
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    for away in (OperationalError, InterfaceError, PoolTimeout, RedisError):
        app.register_error_handler(away, _away)
    for misfit in (DataError, IntegrityError):
        app.register_error_handler(misfit, _misfit)
    app.register_error_handler(Exception, _bug)


def nonce() -> str:
    """This answer's nonce, for the one style element of a page."""
    if not g.get("nonce"):
        g.nonce = secrets.token_urlsafe(12)
    return str(g.nonce)


def as_preview(body: str) -> Response:
    """A mail shown inside a page of ours: no script, no form, no frame of others; inline style is allowed."""
    answer = make_response(body)
    answer.headers["Content-Security-Policy"] = PREVIEW
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _csrf(error: CSRFError) -> ResponseReturnValue:
    return _page(
        400, _("ページが古くなっていました"), _("何も変更していません。戻って、もう一度押してください。")
    )


def _http(error: HTTPException) -> ResponseReturnValue:
    code = error.code or 500
    if code < 400:
        return error
    try:
        title, text = _words(code)
    except (OperationalError, InterfaceError, PoolTimeout) as away:
        # The reader's language is asked of the database, which is away.
        return _away(away)
    answer = make_response(_page(code, title, text))
    for name, value in error.get_headers():
        if name.lower() in ("retry-after", "allow"):
            answer.headers[name] = value
    return answer


def _away(error: Exception) -> ResponseReturnValue:
    g.is_failing = True
    log.warning("a part is away", error=type(error).__name__, path=request.path)
    title, text = _words(503)
    answer = make_response(_page(503, title, text))
    answer.headers["Retry-After"] = "30"
    return answer


def _misfit(error: DataError | IntegrityError) -> ResponseReturnValue:
    """What was sent names a row that is gone, or fits no column: the database took nothing of it.

    23503 is a foreign key; anything else that breaks a rule of the schema is a bug of ours.
    """
    if isinstance(error, IntegrityError) and getattr(error.orig, "sqlstate", "") != "23503":
        return _bug(error)
    g.is_failing = True
    log.warning("a value fits no column", error=type(error.orig).__name__, path=request.path)
    title, text = _words(400)
    return _page(400, title, text)


def _bug(error: Exception) -> ResponseReturnValue:
    g.is_failing = True
    # The lines without their values: a message or a local may hold an address (LAW-28).
    trace = "".join(traceback.format_tb(error.__traceback__)[-8:])
    log.error("a page failed", path=request.path, error=type(error).__name__, trace=trace)
    title, text = _words(500)
    return _page(500, title, text)


def _page(code: int, title: str, text: str) -> tuple[str, int]:
    g.is_failing = True
    return render_template("web/errors/error.html", code=code, title=title, text=text), code


def _words(code: int) -> tuple[str, str]:
    """What happened, and what is safe."""
    words = {
        400: (_("送られた内容を読めませんでした"), _("何も変更していません。")),
        403: (_("この操作をする権限がありません"), _("必要なときは管理者に依頼してください。何も変更していません。")),
        404: (_("ページが見つかりません"), _("アドレスが変わったか、対象が削除されています。")),
        405: (_("この開き方はできません"), _("何も変更していません。ページの中のボタンから操作してください。")),
        413: (_("ファイルが大きすぎます"), _("何も取り込んでいません。分けてから、もう一度お試しください。")),
        429: (_("回数が多すぎます"), _("少し待ってから、もう一度お試しください。")),
        500: (_("内部で問題が起きました"), _("途中の変更は取り消しました。配信の記録は失われていません。")),
        503: (
            _("データベースに接続できません"),
            _("配信の記録は失われていません。送信は止まり、つながると続きから始まります。30秒ほど待って開き直してください。"),
        ),
    }  # fmt: skip
    return words.get(code, words[400] if code < 500 else words[500])
