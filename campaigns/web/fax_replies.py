"""What came back by fax: the boxes ticked on a sheet, written down by whoever holds it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.faxes import printed
from campaigns.services import reply_fax
from campaigns.services.reply_fax import ReplyError
from campaigns.storage import faxes
from campaigns.web import fax_words, words
from campaigns.web.fax_documents import pages
from campaigns.web.session import me, needs

__all__ = ["pages"]


@pages.get("/items/<int:item_id>/reply")
@needs()
def reply_GET(item_id: int) -> ResponseReturnValue:
    return _page(item_id, errors={})


@pages.post("/items/<int:item_id>/reply")
@needs()
def reply_POST(item_id: int) -> ResponseReturnValue:
    form = request.form
    try:
        done = reply_fax.run(
            _parts(),
            item_id,
            person_id=form.get("person", 0, type=int),
            wishes=form.getlist("wish"),
            stops=bool(form.get("stops")),
            note=form.get("note", ""),
            user_id=me().id,
            now=_now(),
        )
    except ReplyError as error:
        field = "person" if error.code == "who" else "wish"
        return _page(item_id, errors={field: str(fax_words.REPLIES[error.code])}), 422
    except LookupError:
        abort(404)
    told = [str(words.word(words.TASKS, kind)) for kind in done.kinds]
    flash(_("返信を記録しました。"), "ok")
    if told:
        flash(_("アクションを追加しました：%(kinds)s", kinds=str(_("・")).join(told)), "ok")
    if done.has_stopped:
        flash(_("この番号には、今後FAXを送りません。"), "ok")
    return redirect(url_for("people.person_GET", person_id=done.person_id), code=303)


def _page(item_id: int, *, errors: Mapping[str, str]) -> str:
    with _parts().engine.connect() as tx:
        item = faxes.item(tx, item_id) or abort(404)
        batch = faxes.batch(tx, item.batch_id) or abort(404)
    if item.state in ("waiting", "stopped"):
        abort(404)
    return render_template(
        "web/faxes/reply.html",
        item=item,
        batch=batch,
        form=request.form,
        chosen=request.form.getlist("wish"),
        errors=errors,
        words=fax_words,
        printed=printed,
        labels=fax_words.LABELS,
        note_max=reply_fax.NOTE_MAX,
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
