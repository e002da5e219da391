"""The people who work here: an admin adds them, gives them a role, and takes the key back."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import accounts
from campaigns.services.accounts import AccountError
from campaigns.web.session import ERRORS, FIELDS, me, needs
from campaigns.web.words import language

pages = Blueprint("team", __name__, url_prefix="/team")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _page(*, errors: Mapping[str, str], form: Mapping[str, str], edited: int | None = None) -> str:
    return render_template(
        "web/team/index.html",
        users=accounts.every(_parts()),
        left=accounts.left_behind(_parts()),
        errors=errors,
        form=form,
        edited=edited,
    )


@pages.get("/", strict_slashes=False)
@needs("admin")
def index_GET() -> ResponseReturnValue:
    edited = request.args.get("user", type=int)
    return _page(errors={}, form={}, edited=edited)


@pages.post("/", strict_slashes=False)
@needs("admin")
def index_POST() -> ResponseReturnValue:
    """Add somebody."""
    parts, form = _parts(), request.form
    try:
        accounts.add(
            parts,
            email=form.get("email", ""),
            name=form.get("name", ""),
            role=form.get("role", ""),
            password=form.get("password", ""),
            locale=language(),
            by=me(),
            now=parts.clock.now(),
        )
    except AccountError as error:
        return _page(errors={FIELDS[error.code]: str(ERRORS[error.code])}, form=form), 422
    flash(_("利用者を追加しました。最初のパスワードを本人に伝えてください。"), "ok")
    return redirect(url_for("team.index_GET"))


@pages.post("/<int:user_id>")
@needs("admin")
def edit_POST(user_id: int) -> ResponseReturnValue:
    parts, form = _parts(), request.form
    if not any(user.id == user_id for user in accounts.every(parts)):
        abort(404)
    try:
        accounts.change(
            parts,
            user_id,
            name=form.get("name", ""),
            role=form.get("role", ""),
            is_active="is_active" in form,
            password=form.get("password", ""),
            version=form.get("version", 0, type=int),
            by=me(),
            now=parts.clock.now(),
        )
    except AccountError as error:
        errors = {FIELDS[error.code]: str(ERRORS[error.code])}
        status = 409 if error.code == "stale" else 422
        return _page(errors=errors, form={}, edited=user_id), status
    flash(_("保存しました。"), "ok")
    return redirect(url_for("team.index_GET"))
