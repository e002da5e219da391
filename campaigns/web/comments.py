"""Comments on the diary and on catalogues, and a comment made into a task."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import comment
from campaigns.services.author import Gone
from campaigns.services.comment import CommentError
from campaigns.web import tracking_words
from campaigns.web.catalogue_page import Opened
from campaigns.web.catalogue_page import render as page_of
from campaigns.web.session import me, needs, safe_next

pages = Blueprint("comments", __name__, url_prefix="/comments")


@pages.post("")
@needs()
def add_POST() -> ResponseReturnValue:
    form = request.form
    on_kind, on_id = form.get("on_kind", ""), form.get("on_id", 0, type=int)
    try:
        comment.add(
            _parts(),
            on_kind,
            on_id,
            words=form.get("words", ""),
            mentions=[id for id in form.getlist("mention", type=int) if id is not None],
            user=me(),
            now=_now(),
        )
    except CommentError as error:
        said = str(tracking_words.COMMENT_ERRORS[error.code])
        catalogue_id = form.get("catalogue", type=int)
        if catalogue_id is not None:
            opened = Opened(f"comment:{on_kind}:{on_id}", form, {"words": said})
            return page_of(catalogue_id, opened), 422
        flash(said, "warn")
    except Gone:
        abort(404)
    return redirect(safe_next(form.get("next")), code=303)


@pages.post("/<int:comment_id>/task")
@needs()
def task_POST(comment_id: int) -> ResponseReturnValue:
    """What was advised becomes the next action of who presses."""
    try:
        comment.make_task(_parts(), comment_id, user=me(), now=_now())
    except CommentError as error:
        flash(str(tracking_words.COMMENT_ERRORS[error.code]), "warn")
    except Gone:
        abort(404)
    else:
        flash(_("次のアクションにしました。今日やることに出ます。"), "ok")
    return redirect(safe_next(request.form.get("next")), code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
