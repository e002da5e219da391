"""ASICA sheets on a catalogue's page: another product, an answer, a move."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, redirect, request, url_for
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.services import write_asica
from campaigns.services.author import Gone
from campaigns.services.edit_catalogue import NotYours
from campaigns.services.write_asica import AsicaError
from campaigns.web import tracking_words
from campaigns.web.catalogue_page import Opened
from campaigns.web.catalogue_page import render as page_of
from campaigns.web.session import me, needs

pages = Blueprint("asica", __name__, url_prefix="/catalogues/<int:catalogue_id>/sheets")


@pages.post("")
@needs()
def sheet_POST(catalogue_id: int) -> ResponseReturnValue:
    """A sheet for one more product."""
    product_id = request.form.get("product", 0, type=int)
    try:
        write_asica.add_sheet(_parts(), catalogue_id, product_id=product_id, user=me(), now=_now())
    except AsicaError as error:
        return page_of(catalogue_id, Opened("sheet:new", request.form, _said("product", error))), 422
    except NotYours:
        abort(403)
    except Gone:
        abort(404)
    return redirect(_back(catalogue_id, product_id), code=303)


@pages.post("/<int:sheet_id>/answers")
@needs()
def answer_POST(catalogue_id: int, sheet_id: int) -> ResponseReturnValue:
    form = request.form
    stage, prompt = form.get("stage", ""), form.get("prompt", "")
    try:
        write_asica.answer(
            _parts(),
            catalogue_id,
            sheet_id,
            stage=stage,
            prompt=prompt,
            words=form.get("words", ""),
            seen=form.get("seen", 0, type=int),
            user=me(),
            now=_now(),
        )
    except AsicaError as error:
        is_stale = error.code == "stale"
        opened = Opened(
            f"answer:{prompt}", form, {} if is_stale else _said("words", error), is_stale=is_stale
        )
        return page_of(catalogue_id, opened), 409 if is_stale else 422
    except NotYours:
        abort(403)
    except Gone:
        abort(404)
    return redirect(_back(catalogue_id, form.get("sheet", type=int), stage), code=303)


@pages.post("/<int:sheet_id>/moves")
@needs()
def move_POST(catalogue_id: int, sheet_id: int) -> ResponseReturnValue:
    form = request.form
    try:
        write_asica.move(
            _parts(),
            catalogue_id,
            sheet_id,
            to=form.get("to", ""),
            why=form.get("why", ""),
            version=form.get("version", 0, type=int),
            forced="forced" in form,
            user=me(),
            now=_now(),
        )
    except AsicaError as error:
        asks = form.get("to", "") if error.code == "assignment_empty" else ""
        opened = Opened("move", form, _said("move", error), asks_force=asks)
        return page_of(catalogue_id, opened), 409 if error.code == "stale" else 422
    except NotYours:
        abort(403)
    except Gone:
        abort(404)
    return redirect(_back(catalogue_id, form.get("sheet", type=int)), code=303)


def _said(field: str, error: AsicaError) -> dict[str, str]:
    return {field: str(tracking_words.ASICA_ERRORS[error.code])}


def _back(catalogue_id: int, product_id: int | None, stage: str | None = None) -> str:
    return url_for(
        "catalogues.catalogue_GET", catalogue_id=catalogue_id, sheet=product_id, stage=stage, _anchor="asica"
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
