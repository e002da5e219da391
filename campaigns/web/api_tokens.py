"""Settings: tokens with which other programs write and read touches. A token is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules.entering import BY_HAND
from campaigns.services import api_tokens
from campaigns.services.api_tokens import A_MINUTE, READ, SCOPES, WRITE, TokenError
from campaigns.web.api import MESSAGES
from campaigns.web.session import me, needs

pages = Blueprint("api_tokens", __name__, url_prefix="/api-tokens")
SCOPE_WORDS = {READ: _l("接点を読む"), WRITE: _l("接点を書き込む")}
ERRORS = {
    "name_missing": ("name", _l("何が使うトークンか、名前を入れてください。")),
    "scope_missing": ("scopes", _l("できることを1つ以上選んでください。")),
}


@pages.get("")
@needs("admin")
def index_GET() -> ResponseReturnValue:
    return _page()


def _page(
    *, made: str = "", errors: Mapping[str, str] | None = None, form: Mapping[str, str] | None = None
) -> str:
    parts = _parts()
    return render_template(
        "web/api_tokens/index.html",
        tokens=api_tokens.every(parts),
        made=made,
        errors=errors or {},
        form=form or {},
        scopes=[(scope, SCOPE_WORDS[scope]) for scope in SCOPES],
        words_of=SCOPE_WORDS,
        address=f"{parts.settings.base_url}/api/touchpoints",
        a_minute=A_MINUTE,
        kinds=[kind.value for kind in BY_HAND],
        messages=MESSAGES,
    )


@pages.post("")
@needs("admin")
def index_POST() -> ResponseReturnValue:
    """Not followed by a redirect: the token stands on this answer and nowhere else."""
    form = request.form
    try:
        made = api_tokens.make(
            _parts(), name=form.get("name", ""), scopes=form.getlist("scopes"), user_id=me().id, now=_now()
        )
    except TokenError as error:
        field, text = ERRORS[error.code]
        return _page(errors={field: str(text)}, form=form), 422
    return _page(made=made)


@pages.post("/<int:token_id>/revoke")
@needs("admin")
def revoke_POST(token_id: int) -> ResponseReturnValue:
    parts = _parts()
    if not any(token.id == token_id for token in api_tokens.every(parts)):
        abort(404)
    api_tokens.revoke(parts, token_id, user_id=me().id, now=_now())
    flash(_("トークンを無効にしました。いまから使えません。"), "ok")
    return redirect(url_for(".index_GET"), code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
