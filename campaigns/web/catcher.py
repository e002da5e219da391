"""The mail catcher's pages: what practice mode sent, as it arrived. In earnest there is no catcher: 404."""

from __future__ import annotations

from flask import Blueprint, Response, abort, current_app, render_template, request
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.web.security import as_preview
from campaigns.web.session import needs
from mailer import catcher
from mailer.catcher import Parsed

pages = Blueprint("catcher", __name__, url_prefix="/caught")
PAGE = 50


@pages.before_request
def practice_only() -> None:
    if not _parts().settings.practice:
        abort(404)


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    """Newest first; `before` is the key of the last line seen."""
    before = request.args.get("before")
    found = catcher.messages(_parts().catcher_folder, before=before, limit=PAGE + 1)
    return render_template("web/catcher/list.html", lines=found[:PAGE], more=len(found) > PAGE, before=before)


@pages.get("/<key>")
@needs()
def mail_GET(key: str) -> ResponseReturnValue:
    mail = _read(key)
    shown = {name.lower(): value for name, value in mail.headers}
    return render_template("web/catcher/mail.html", key=key, mail=mail, shown=shown)


@pages.get("/<key>/html")
@needs()
def html_GET(key: str) -> ResponseReturnValue:
    return as_preview(_read(key).html or "")


@pages.get("/<key>/raw")
@needs()
def raw_GET(key: str) -> ResponseReturnValue:
    answer = Response(_read(key).raw, mimetype="text/plain")
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def _read(key: str) -> Parsed:
    found = catcher.read(_parts().catcher_folder, key)
    if found is None:
        abort(404)
    return found


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
