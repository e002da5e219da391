"""Contents: the list with its filters, themes, the evergreen shelf, and each content's way through its states."""

from __future__ import annotations

from datetime import datetime
from functools import partial

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules import contents as rule
from campaigns.rules.contents import Status
from campaigns.rules.scenarios import ContentKind
from campaigns.rules.tones import Tone
from campaigns.services import author, collect, count_contents
from campaigns.storage import scenarios
from campaigns.storage import shelf as shelved
from campaigns.web import content_lists as lists
from campaigns.web import content_words as told_words
from campaigns.web import scenario_words as words
from campaigns.web.mails import safe_back
from campaigns.web.session import needs
from campaigns.web.words import language

pages = Blueprint("contents", __name__, url_prefix="/mails")


@pages.get("")
@needs("marketer")
def list_GET() -> ResponseReturnValue:
    found = collect.listing(_parts())
    told = count_contents.read(_parts())
    wanted = lists.wanted(request.args)
    lines = [line for line in found.lines if wanted.fits(line)]
    shown, pager = lists.page(lines, wanted, url=partial(url_for, ".list_GET"))
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
    return render_template(
        "web/mails/list.html",
        lines=shown,
        total=sum(line.status != Status.IDEA for line in found.lines),
        pager=pager,
        filters=lists.filters(found.lines, wanted, products, url=partial(url_for, ".list_GET")),
        is_narrowed=wanted.is_narrowed,
        told=told,
        alarms=lists.alarms(shown, found.lines, told.figures),
        steps=found.steps,
        products=products,
        starters=author.starters(),
        words=words,
        told_words=told_words,
    )


@pages.get("/themes")
@needs("marketer")
def themes_GET() -> ResponseReturnValue:
    """Themes with their rates, and what a product tells: the mix of kinds."""
    found = collect.listing(_parts())
    told = count_contents.read(_parts())
    return render_template(
        "web/mails/themes.html",
        themes=lists.themes(found.lines, told.figures),
        mixes=lists.mixes(found.lines),
        told=told,
        words=words,
        told_words=told_words,
        sent_min=rule.SENT_MIN,
    )


@pages.get("/shelf")
@needs("marketer")
def shelf_GET() -> ResponseReturnValue:
    """What stands on the evergreen shelf, by product, with how many people have not seen it."""
    found = collect.listing(_parts())
    told = count_contents.read(_parts())
    with _parts().engine.connect() as tx:
        products, _events = scenarios.choices(tx)
        on_shelf = shelved.content_ids(tx)
    return render_template(
        "web/mails/shelf.html",
        shelves=lists.shelves(found.lines, products, told.audience, on_shelf),
        questions=lists.questions(found.lines, on_shelf),
        told=told,
        words=words,
        told_words=told_words,
    )


@pages.post("/<int:content_id>/status")
@needs("marketer")
def status_POST(content_id: int) -> ResponseReturnValue:
    """Approve, retire, take up again."""
    status = request.form.get("status", "")
    if status not in (Status.DRAFT, Status.APPROVED, Status.RETIRED):
        abort(400)
    try:
        collect.set_status(_parts(), content_id, Status(status), user_id=current_user.id, now=_now())
    except collect.Refused as refused:
        flash(str(told_words.REFUSED[refused.code]), "error")
    else:
        flash(str(told_words.DONE[status]), "ok")
    return redirect(safe_back(request.form.get("back", "")) or url_for(".list_GET"), code=303)


@pages.post("/<int:content_id>/copy")
@needs("marketer")
def copy_POST(content_id: int) -> ResponseReturnValue:
    new = collect.copy(_parts(), content_id, user_id=current_user.id, now=_now())
    flash(
        _(
            "複製しました。別の内容として扱うため、元の内容が届いた人にも届きます。中身を書き替えてお使いください。"
        ),
        "info",
    )
    return redirect(url_for("mails.edit_GET", content_id=new), code=303)


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    starter = request.form.get("starter", "")
    product_id = request.form.get("product_id", type=int)
    if starter in author.starters():
        content_id = author.from_starter(
            _parts(),
            starter,
            product_id=product_id,
            user_id=current_user.id,
            now=_now(),
            lang=language(),
        )
    else:
        content_id = author.create(
            _parts(),
            title=_("新しいメール"),
            kind=ContentKind.GENERAL,
            tone=Tone.INFO,
            product_id=product_id,
            user_id=current_user.id,
            now=_now(),
        )
    return redirect(url_for("mails.edit_GET", content_id=content_id))


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
