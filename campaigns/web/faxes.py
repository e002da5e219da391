"""Faxes: batches, who gets one, and the results that come back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.rules.faxes import ListError
from campaigns.rules.texts import ListError as TextError
from campaigns.rules.texts import decode, guess_encoding
from campaigns.services import (
    aim_fax,
    export_faxes,
    fax_sheet,
    import_fax_results,
    mark_faxes,
    send_faxes,
    set_up_fax,
)
from campaigns.services.aim_fax import RANKS, Prepared, Wanted
from campaigns.services.fax_sheet import SheetError
from campaigns.services.set_up_fax import FaxError
from campaigns.storage import fax_documents, fax_recipients, faxes, tasks, timeline
from campaigns.storage.faxes import Item
from campaigns.web import fax_words
from campaigns.web.session import me, needs

pages = Blueprint("faxes", __name__, url_prefix="/faxes")
PAGE = 30
ITEMS_SHOWN = 300
MANY = frozenset({"marketer", "sales_manager", "admin"})


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    page = max(1, request.args.get("page", 1, type=int))
    with _parts().engine.connect() as tx:
        found = faxes.batches(tx, limit=PAGE + 1, offset=(page - 1) * PAGE)
        documents = fax_documents.listed(tx)
        waiting = tasks.open_counts(tx).get("fax", 0)
    return render_template(
        "web/faxes/list.html",
        batches=found[:PAGE],
        has_more=len(found) > PAGE,
        page=page,
        documents=documents,
        fax_tasks=waiting,
        words=fax_words,
    )


# --- batches


@pages.get("/new")
@needs()
def new_GET() -> ResponseReturnValue:
    """Choose; then see how many numbers it is, before anything is sent."""
    return _new(errors={})


@pages.post("/new")
@needs()
def new_POST() -> ResponseReturnValue:
    wanted = _wanted()
    if wanted is None:
        return _new(errors={"document": str(fax_words.ERRORS["no_document"])}), 422
    if wanted.ranks and not _may_send_many():
        abort(403)
    way = "gateway" if request.form.get("way") == "gateway" else "list"
    try:
        batch_id = send_faxes.start(_parts(), wanted, way=way, user_id=me().id, now=_now())
    except FaxError as error:
        return _new(errors={"document": str(fax_words.ERRORS[error.code])}), 422
    except SheetError as error:
        return _new(errors={"document": fax_words.sheet_error(error)}), 422
    if way == "gateway":
        flash(_("送信を始めました。順に送ります。"), "ok")
    return redirect(url_for(".batch_GET", batch_id=batch_id), code=303)


@pages.get("/<int:batch_id>")
@needs()
def batch_GET(batch_id: int) -> ResponseReturnValue:
    state = request.args.get("state", "")
    with _parts().engine.connect() as tx:
        batch = faxes.batch(tx, batch_id) or abort(404)
        items = [item for item in faxes.items(tx, batch_id) if not state or item.state == state]
    return render_template(
        "web/faxes/batch.html",
        batch=batch,
        items=items[:ITEMS_SHOWN],
        total=sum(batch.states.values()),
        shown=len(items),
        state=state,
        may_retry=sum(batch.states.get(one, 0) for one in rule.MAY_RETRY),
        first=next((item for item in items[:ITEMS_SHOWN] if _may_draw(item)), None),
        may_draw=_may_draw,
        hours=rule.HOURS,
        words=fax_words,
        printed=rule.printed,
        salutation=rule.salutation,
    )


@pages.post("/<int:batch_id>/list")
@needs()
def file_POST(batch_id: int) -> ResponseReturnValue:
    try:
        made = export_faxes.run(_parts(), batch_id, user_id=me().id, now=_now())
    except LookupError:
        abort(404)
    answer = Response(made.data, content_type=made.type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{made.name}"'
    return answer


@pages.post("/<int:batch_id>/sent")
@needs()
def sent_POST(batch_id: int) -> ResponseReturnValue:
    """Somebody says that the list has gone."""
    try:
        n = mark_faxes.confirm(_parts(), batch_id, user_id=me().id, now=_now())
    except LookupError:
        abort(404)
    flash(_("%(n)s件を送信済みにしました。FAXのアクションは終わりました。", n=n), "ok")
    return redirect(url_for(".batch_GET", batch_id=batch_id), code=303)


@pages.post("/<int:batch_id>/stop")
@needs()
def stop_POST(batch_id: int) -> ResponseReturnValue:
    try:
        n = send_faxes.stop(_parts(), batch_id, user_id=me().id, now=_now())
    except LookupError:
        abort(404)
    flash(_("送信待ちの%(n)s件を止めました。送ったものはそのままです。", n=n), "ok")
    return redirect(url_for(".batch_GET", batch_id=batch_id), code=303)


@pages.post("/<int:batch_id>/retry")
@needs()
def retry_POST(batch_id: int) -> ResponseReturnValue:
    try:
        new_id = send_faxes.retry(_parts(), batch_id, user_id=me().id, now=_now())
    except LookupError:
        abort(404)
    except FaxError as error:
        flash(str(fax_words.ERRORS[error.code]), "warn")
        return redirect(url_for(".batch_GET", batch_id=batch_id), code=303)
    flash(_("届かなかった番号を、もう一度送ります。"), "ok")
    return redirect(url_for(".batch_GET", batch_id=new_id), code=303)


# --- results


@pages.get("/results")
@needs()
def results_GET() -> ResponseReturnValue:
    return render_template("web/faxes/results.html", rows=None, text="", error="", words=fax_words)


@pages.post("/results")
@needs()
def results_POST() -> ResponseReturnValue:
    """The first press shows what the list would do; the second, with the same words, does it."""
    form, sent = request.form, request.files.get("file")
    try:
        data = sent.read() if sent is not None and sent.filename else b""
        text = decode(data, guess_encoding(data)) if data else form.get("text", "")
        if form.get("apply"):
            rows = import_fax_results.run(_parts(), text, user_id=me().id, now=_now())
            flash(_("%(n)s件の結果を取り込みました。", n=sum(not row.error for row in rows)), "ok")
            return redirect(url_for(".list_GET"), code=303)
        rows = import_fax_results.preview(_parts(), text, now=_now())
    except ListError as error:
        told = fax_words.LISTS[error.code]
    except (TextError, ValueError):
        told = fax_words.LISTS["unreadable"]
    else:
        return render_template(
            "web/faxes/results.html", rows=rows, text=text, error="", words=fax_words, printed=rule.printed
        )
    page = render_template(
        "web/faxes/results.html", rows=None, text=form.get("text", ""), error=told, words=fax_words
    )
    return page, 422


def _may_draw(item: Item) -> bool:
    """Whether the sheet of this number can be shown as it is printed."""
    return item.stopped_for != "too_long" and not fax_sheet.odd(send_faxes.to_of(item))


def _may_send_many() -> bool:
    """Everybody of a rank is a mass sending, as a broadcast is."""
    return me().role in MANY


def _wanted() -> Wanted | None:
    """What was chosen so far; None while a document or a product is missing."""
    args = request.values
    document_id, product_id = args.get("document", type=int), args.get("product", type=int)
    if not document_id or not product_id:
        return None
    ranks = tuple(rank for rank in args.getlist("rank") if rank in RANKS)
    return Wanted(document_id, product_id, ranks if args.get("who") == "ranks" else ())


def _new(errors: Mapping[str, str]) -> str:
    parts, wanted = _parts(), _wanted()
    ready: Prepared | None = None
    told = dict(errors)
    if wanted is not None and not told:
        try:
            if request.values.get("who") == "ranks" and not wanted.ranks:
                told["rank"] = _("見込度を1つ以上選んでください。")
            else:
                ready = aim_fax.run(parts, wanted, now=_now())
        except FaxError as error:
            told["document"] = str(fax_words.ERRORS[error.code])
        except SheetError as error:
            told["document"] = fax_words.sheet_error(error)
    with parts.engine.connect() as tx:
        documents = fax_documents.listed(tx)
        sold, _events = timeline.choices(tx)
    return render_template(
        "web/faxes/new.html",
        documents=documents,
        products=sold,
        wanted=wanted,
        ranks=request.values.getlist("rank"),
        who=request.values.get("who", "tasks"),
        all_ranks=RANKS,
        may_many=_may_send_many(),
        hours=rule.HOURS,
        ready=ready,
        most=fax_recipients.LIMIT,
        settings=set_up_fax.settings(parts),
        errors=told,
        words=fax_words,
        printed=rule.printed,
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
