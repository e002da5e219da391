"""Tracking catalogues: the list, one company's sheet, its fields edited in place, its owner."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.asica import Stage
from campaigns.rules.tracking import FieldError, Mode
from campaigns.services import ask_introduction, edit_catalogue, list_catalogues, nominate
from campaigns.services.ask_introduction import CannotAsk
from campaigns.services.author import Gone
from campaigns.services.edit_catalogue import NotYours, Stale
from campaigns.services.nominate import NominationError
from campaigns.storage.catalogue_list import Filter
from campaigns.web import tracking_words
from campaigns.web.catalogue_page import Opened
from campaigns.web.catalogue_page import render as page_of
from campaigns.web.session import me, needs

pages = Blueprint("catalogues", __name__, url_prefix="/catalogues")
PAGE = 50
Q_MAX = 100


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    args, now = request.args, _now()
    page = max(1, args.get("page", 1, type=int))
    show = args.get("show", "")
    wanted = Filter(
        owner_id=me().id if args.get("mine") else args.get("owner", type=int),
        unowned=show == "unowned",
        risky=show == "risky",
        stage=args.get("stage", "") if args.get("stage") in list(Stage) else "",
        product_id=args.get("product", type=int),
        month=args.get("month", type=int),
        q="".join(args.get("q", "").split())[:Q_MAX],
    )
    found = list_catalogues.run(
        _parts(), wanted, only_stale=show == "stale", limit=PAGE, offset=(page - 1) * PAGE, now=now
    )
    return render_template(
        "web/catalogues/list.html",
        found=found,
        wanted=wanted,
        show=show,
        q=args.get("q", "").strip()[:Q_MAX],
        mine=bool(args.get("mine")),
        page=page,
        size=PAGE,
        stages=list(Stage),
        says=tracking_words,
        link=_link,
    )


@pages.post("")
@needs()
def draft_POST() -> ResponseReturnValue:
    """A catalogue for a company that nobody has talked to at a booth."""
    try:
        catalogue_id = edit_catalogue.draft(
            _parts(), request.form.get("company", 0, type=int), user=me(), now=_now()
        )
    except Gone:
        abort(404)
    return redirect(url_for(".catalogue_GET", catalogue_id=catalogue_id), code=303)


@pages.get("/<int:catalogue_id>")
@needs()
def catalogue_GET(catalogue_id: int) -> ResponseReturnValue:
    return page_of(catalogue_id)


@pages.post("/<int:catalogue_id>/fields/<field>")
@needs()
def field_POST(catalogue_id: int, field: str) -> ResponseReturnValue:
    if field not in tracking.FIELDS:
        abort(404)
    form = request.form
    try:
        edit_catalogue.save(
            _parts(),
            catalogue_id,
            field,
            form,
            version=form.get("version", 0, type=int),
            user=me(),
            now=_now(),
        )
    except FieldError as error:
        said = {error.column: str(tracking_words.FIELD_ERRORS[error.code])}
        return page_of(catalogue_id, Opened(field, form, said)), 422
    except Stale:
        return page_of(catalogue_id, Opened(field, form, is_stale=True)), 409
    except NotYours:
        abort(403)
    except Gone:
        abort(404)
    return redirect(_back(catalogue_id, f"c-{field}"), code=303)


@pages.post("/<int:catalogue_id>/extras")
@needs()
def extra_POST(catalogue_id: int) -> ResponseReturnValue:
    form = request.form
    extra_id = form.get("extra", type=int)
    name = f"extra:{extra_id or 'new'}"
    try:
        if extra_id is not None and "remove" in form:
            gone_id = edit_catalogue.drop_extra(
                _parts(),
                catalogue_id,
                extra_id,
                version=form.get("version", 0, type=int),
                user=me(),
                now=_now(),
            )
            return redirect(_back(catalogue_id, "catalogue", gone=gone_id), code=303)
        edit_catalogue.save_extra(
            _parts(),
            catalogue_id,
            extra_id,
            label=form.get("label", ""),
            value=form.get("value", ""),
            version=form.get("version", 0, type=int),
            user=me(),
            now=_now(),
        )
    except FieldError as error:
        said = {error.column: str(tracking_words.FIELD_ERRORS[error.code])}
        return page_of(catalogue_id, Opened(name, form, said)), 422
    except Stale:
        return page_of(catalogue_id, Opened(name, form, is_stale=True)), 409
    except NotYours:
        abort(403)
    except Gone:
        abort(404)
    return redirect(_back(catalogue_id, "catalogue"), code=303)


@pages.post("/<int:catalogue_id>/owner")
@needs()
def owner_POST(catalogue_id: int) -> ResponseReturnValue:
    """By one's own word, a colleague's or a manager's."""
    try:
        named = nominate.run(
            _parts(),
            catalogue_id,
            nominee_id=request.form.get("user", 0, type=int),
            by=me(),
            now=_now(),
        )
    except NominationError as error:
        flash(str(tracking_words.NOMINATION_ERRORS[error.code]), "warn")
    except Gone:
        abort(404)
    else:
        said = {
            "self": _("担当になりました。"),
            "peer": _("推薦を送りました。ご本人が引き受けると、担当が替わります。"),
            "manager": _("担当を指名しました。"),
        }
        wished = _("希望を送りました。いまの担当か営業管理職が了承すると、担当が替わります。")
        flash(wished if named.mode is Mode.SELF and named.waits else said[named.mode.value], "ok")
    return redirect(_back(catalogue_id), code=303)


@pages.post("/<int:catalogue_id>/owner/answer")
@needs()
def answer_POST(catalogue_id: int) -> ResponseReturnValue:
    accepts = request.form.get("answer") == "yes"
    try:
        mode = nominate.answer(_parts(), catalogue_id, accepts=accepts, user=me(), now=_now())
    except NominationError as error:
        flash(str(tracking_words.NOMINATION_ERRORS[error.code]), "warn")
    except Gone:
        abort(404)
    else:
        if mode is Mode.SELF:
            said = (
                _("担当を替えました。希望した方に知らせました。")
                if accepts
                else _("担当はそのままです。希望した方に知らせました。")
            )
        else:
            said = (
                _("担当を引き受けました。") if accepts else _("担当を断りました。推薦した方に知らせました。")
            )
        flash(said, "ok")
    return redirect(_back(catalogue_id), code=303)


@pages.post("/<int:catalogue_id>/introduction")
@needs()
def introduction_POST(catalogue_id: int) -> ResponseReturnValue:
    """Ask who is known there to introduce who is missing."""
    try:
        asked = ask_introduction.run(
            _parts(), catalogue_id, role=request.form.get("role", ""), user=me(), now=_now()
        )
    except CannotAsk:
        flash(_("紹介をお願いできる担当者がいません。先にこの企業の担当者を登録してください。"), "warn")
    except Gone:
        abort(404)
    else:
        flash(
            _("%(name)s様への紹介依頼を、次のアクションに入れました。", name=asked.name)
            if asked.is_new
            else _("%(name)s様への紹介依頼は、すでに次のアクションにあります。", name=asked.name),
            "ok" if asked.is_new else "info",
        )
    return redirect(_back(catalogue_id), code=303)


def _back(catalogue_id: int, place: str = "", *, gone: int | None = None) -> str:
    """The page again, with the sheet and the stage that were looked at."""
    form = request.form
    return url_for(
        ".catalogue_GET",
        catalogue_id=catalogue_id,
        sheet=form.get("sheet") or None,
        stage=form.get("stage") or None,
        gone=gone,
        _anchor=place or None,
    )


def _link(**changed: str | int | None) -> str:
    values: dict[str, str | int | None] = {k: v for k, v in request.args.items() if k != "page"}
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
