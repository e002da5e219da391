"""Sender profiles: who writes, with the items the law wants in every mail, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import cast

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.services import catalogue
from campaigns.services.catalogue import Invalid, Stale
from campaigns.storage.products import Sender
from campaigns.web.products import error_words
from campaigns.web.session import me, needs

pages = Blueprint("senders", __name__, url_prefix="/senders")

LABELS = {
    "name": _l("この情報の呼び名"),
    "legal_name": _l("氏名・名称"),
    "postal_address": _l("住所"),
    "inquiry": _l("苦情・問い合わせ先"),
    "from_name": _l("差出人の表示名"),
    "from_address": _l("差出人アドレス"),
    "reply_to": _l("返信の届く先"),
    "return_path_domain": _l("不達メールを受けるドメイン"),
    "privacy_url": _l("個人情報の取り扱いのURL"),
}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _form(
    sender_id: int | None,
    values: Mapping[str, object],
    *,
    errors: Mapping[str, str],
    theirs: Mapping[str, object],
    missing: tuple[str, ...] = (),
) -> str:
    return render_template(
        "web/senders/edit.html",
        sender_id=sender_id,
        values=values,
        errors=error_words(errors),
        theirs=theirs,
        labels=LABELS,
        missing=missing,
    )


@pages.get("/", strict_slashes=False)
@needs("marketer")
def index_GET() -> ResponseReturnValue:
    return render_template("web/senders/index.html", senders=catalogue.senders(_parts()))


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _form(None, {}, errors={}, theirs={})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts = _parts()
    try:
        sender_id = catalogue.add_sender(parts, request.form, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _form(None, request.form, errors=error.errors, theirs={}), 422
    flash(_("送信者情報を登録しました。"), "ok")
    return redirect(url_for("senders.edit_GET", sender_id=sender_id))


@pages.get("/<int:sender_id>")
@needs("marketer")
def edit_GET(sender_id: int) -> ResponseReturnValue:
    sender = catalogue.sender(_parts(), sender_id) or abort(404)
    return _form(sender_id, asdict(sender), errors={}, theirs={}, missing=sender.missing)


@pages.post("/<int:sender_id>")
@needs("marketer")
def edit_POST(sender_id: int) -> ResponseReturnValue:
    parts = _parts()
    if catalogue.sender(parts, sender_id) is None:
        abort(404)
    version = request.form.get("version", 0, type=int)
    try:
        catalogue.save_sender(
            parts, sender_id, request.form, version=version, user_id=me().id, now=parts.clock.now()
        )
    except Invalid as error:
        return _form(sender_id, request.form, errors=error.errors, theirs={}), 422
    except Stale as error:
        theirs = asdict(cast(Sender, error.now))
        mine = {**request.form, "version": error.now.version}
        return _form(sender_id, mine, errors={}, theirs=theirs), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for("senders.edit_GET", sender_id=sender_id))
