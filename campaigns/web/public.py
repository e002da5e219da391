"""Pages for recipients: stop, change, undo; how personal data is used. Opened from mails, by anybody.

The signed token is the authority: no login, no cookie, no CSRF token. GET and HEAD change nothing, since
scanners follow every link. While the database is away a press is kept on disk before it is confirmed.
Source: spec 3.4; RFC 8058; design 7.
"""

from __future__ import annotations

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules.subscriptions import mask
from campaigns.services import refusal_list, refuse, sender_profiles
from campaigns.services.refuse import RefuseError
from campaigns.storage.refusal_list import Settings
from tracking_pixel import BadToken
from tracking_pixel.app import sighting
from tracking_pixel.events import EventKind
from tracking_pixel.tokens import TokenKind

pages = Blueprint("public", __name__)

AWAY = (OperationalError, InterfaceError, PoolTimeout)
ACTS = frozenset(
    {"product", "global", "less", "unmeasured"}
    | {"undo_product", "undo_global", "undo_less", "undo_unmeasured"}
)
MAX_BODY = 16 * 1024


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


@pages.before_request
def _small() -> None:
    """A press is a few bytes; and nobody here is logged in, so no session is read."""
    request.max_content_length = MAX_BODY
    g.asks_nobody = True


def _delivery(token: str) -> int | None:
    try:
        return _parts().signer.read(token, TokenKind.UNSUBSCRIBE).ids[0]
    except (BadToken, IndexError):
        return None


def _note_fetch(delivery_id: int) -> None:
    parts = _parts()
    seen = sighting(
        request.environ,
        EventKind.UNSUBSCRIBE,
        delivery_id,
        at=parts.clock.now(),
        trusted_hops=0,  # the proxies of our own are taken off already
        method=request.method,
    )
    parts.stream.push(seen, wait=False)


def _settings(delivery_id: int) -> tuple[Settings | None, bool]:
    """The recipient's settings, and whether the database could be asked."""
    try:
        return refusal_list.settings(_parts(), delivery_id), True
    except AWAY:
        return None, False


def _not_found() -> ResponseReturnValue:
    return render_template("public/not_found.html", settings=None, token=""), 404


def _page(template: str, token: str, settings: Settings | None, **more: object) -> Response:
    answer = make_response(
        render_template(
            template, token=token, settings=settings, masked=mask(settings.email) if settings else "", **more
        )
    )
    answer.headers["X-Robots-Tag"] = "noindex"
    # The address of this page is somebody's key: it goes to no other site.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@pages.get("/u/<token>")
def stop_GET(token: str) -> ResponseReturnValue:
    """The page. It changes nothing, and it opens without a database too.

    That it was fetched is noted: scanners fetch it along with a mail's links, and are known by that.
    """
    delivery_id = _delivery(token)
    if delivery_id is None:
        return _not_found()
    _note_fetch(delivery_id)
    settings, asked = _settings(delivery_id)
    if asked and settings is None:
        return _not_found()
    return _page("public/unsubscribe.html", token, settings)


@pages.post("/u/<token>")
def stop_POST(token: str) -> ResponseReturnValue:
    """One press, or the one-click POST of a mailbox provider."""
    parts, delivery_id = _parts(), _delivery(token)
    if delivery_id is None:
        return _not_found()
    is_one_click = request.form.get("List-Unsubscribe", "").strip() == "One-Click"
    act = "one_click" if is_one_click else request.form.get("scope", "")
    if act == "undo":
        act = f"undo_{request.form.get('of', 'product')}"
    if not is_one_click and act not in ACTS:
        # A POST that says nothing is a person whose form was lost on the way: show it again, change nothing.
        settings, _asked = _settings(delivery_id)
        return _page("public/unsubscribe.html", token, settings), 400
    now, reason = parts.clock.now(), "one_click" if is_one_click else "user_link"
    is_kept = False
    try:
        refuse.act_on(parts, delivery_id=delivery_id, act=act, reason=reason, now=now)
    except RefuseError:
        return _not_found()
    except AWAY:
        refuse.spool(parts, delivery_id=delivery_id, act=act, reason=reason, now=now)
        is_kept = True
    if is_one_click:
        return "OK\n", 200, {"Content-Type": "text/plain; charset=utf-8"}
    settings, _asked = _settings(delivery_id)
    return _page("public/done.html", token, settings, act=act, is_kept=is_kept)


@pages.errorhandler(OSError)
def _disk_full(error: OSError) -> ResponseReturnValue:
    """Neither database nor disk took the wish: say so, rather than promise."""
    current_app.logger.error("a refusal could not be kept: %s", type(error).__name__)
    words = _(
        "ただいま受け付けられませんでした。お手数ですが、少し待ってからもう一度押すか、メールにある連絡先へお知らせください。"
    )
    return render_template("public/not_found.html", settings=None, token="", words=words), 503


@pages.get("/stay")
def stay_GET() -> ResponseReturnValue:
    """Where "go on" in a mail leads. The click has told it on its way here; this page knows nobody, and thanks."""
    answer = make_response(render_template("public/stay.html", settings=None, token=""))
    answer.headers["X-Robots-Tag"] = "noindex"
    return answer


@pages.get("/privacy")
def privacy_GET() -> ResponseReturnValue:
    """How personal data is used, with what is true for this installation."""
    try:
        senders = sender_profiles.disclosed(_parts())
    except AWAY:
        senders = []
    return render_template("public/privacy.html", senders=senders, settings=None, token="")
