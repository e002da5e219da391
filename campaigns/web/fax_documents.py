"""Fax documents: written once, seen as the sheet that arrives, kept or taken off the list."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.rules.faxes import BODY_MAX, POINTS_MAX, TITLE_MAX
from campaigns.services import aim_fax, fax_sheet, pdf, send_faxes, write_fax
from campaigns.services.fax_sheet import Sheet, SheetError, To
from campaigns.storage import fax_documents, faxes, products, tasks, timeline
from campaigns.storage.fax_documents import Document
from campaigns.web import fax_words
from campaigns.web.faxes import pages
from campaigns.web.session import me, needs

__all__ = ["pages"]


@pages.get("/documents/new")
@needs()
def document_new_GET() -> ResponseReturnValue:
    return _editor(None, form={}, errors={})


@pages.post("/documents/new")
@needs()
def document_new_POST() -> ResponseReturnValue:
    values, errors = _document_values()
    if errors:
        return _editor(None, form=request.form, errors=errors), 422
    id = write_fax.add(_parts(), values, user_id=me().id, now=_now())
    flash(_("保存しました。右の見本で確かめてください。"), "ok")
    return redirect(url_for(".document_GET", document_id=id), code=303)


@pages.get("/documents/<int:document_id>")
@needs()
def document_GET(document_id: int) -> ResponseReturnValue:
    return _editor(_document(document_id), form={}, errors={})


@pages.post("/documents/<int:document_id>")
@needs()
def document_POST(document_id: int) -> ResponseReturnValue:
    found = _document(document_id)
    values, errors = _document_values()
    if errors:
        return _editor(found, form=request.form, errors=errors), 422
    version = request.form.get("version", 0, type=int)
    if not write_fax.save(_parts(), found.id, values, version=version, user_id=me().id, now=_now()):
        return _editor(_document(document_id), form=request.form, errors={}, is_stale=True), 409
    flash(_("保存しました。右の見本で確かめてください。"), "ok")
    return redirect(url_for(".document_GET", document_id=found.id), code=303)


@pages.post("/documents/<int:document_id>/retire")
@needs()
def retire_POST(document_id: int) -> ResponseReturnValue:
    found = _document(document_id)
    values = {"is_retired": True}
    write_fax.save(_parts(), found.id, values, version=found.version, user_id=me().id, now=_now())
    flash(_("原稿「%(title)s」を一覧から外しました。送った記録は残っています。", title=found.title), "ok")
    return redirect(url_for(".list_GET"), code=303)


@pages.get("/documents/<int:document_id>/sheet.<any(pdf, png):kind>")
@needs()
def sheet_GET(document_id: int, kind: str) -> ResponseReturnValue:
    """A sample; with a task the sheet for whom it is about, or, if it goes by mail, the text alone."""
    found = _document(document_id)
    with _parts().engine.connect() as tx:
        task = tasks.get(tx, request.args.get("task", 0, type=int))
        product_id = found.product_id or (task.product_id if task is not None else None)
        sheet = aim_fax.sheet_of(tx, found, product_id)
    to: To | None = fax_sheet.SAMPLE
    if task is not None and task.kind == "mail":
        to = None
    elif task is not None:
        to = To(task.company, task.department, rule.salutation([task.name]), rule.key(task.fax))
    return _sheet(sheet, to, kind, f"fax-{found.id}" if to else f"document-{found.id}")


@pages.get("/items/<int:item_id>.<any(pdf, png):kind>")
@needs()
def item_GET(item_id: int, kind: str) -> ResponseReturnValue:
    """The sheet of one number, as it went out."""
    with _parts().engine.connect() as tx:
        item = faxes.item(tx, item_id) or abort(404)
        batch = faxes.batch(tx, item.batch_id) or abort(404)
    on = (item.handed_at or _now()).astimezone(_parts().settings.tz).date()
    return _sheet(Sheet.from_json(batch.sheet), send_faxes.to_of(item), kind, f"fax-{item.id}", on=on)


def _sheet(sheet: Sheet, to: To | None, kind: str, name: str, on: date | None = None) -> ResponseReturnValue:
    day = on or _now().astimezone(_parts().settings.tz).date()
    try:
        data = fax_sheet.draw(sheet, to, on=day).data
        if kind == "png":
            picture = pdf.picture(data, page=request.args.get("page", 1, type=int) - 1)
            return Response(picture, content_type="image/png")
    except (SheetError, IndexError):
        abort(404)
    answer = Response(data, content_type="application/pdf")
    answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer


def _editor(
    found: Document | None,
    *,
    form: Mapping[str, str],
    errors: Mapping[str, str],
    is_stale: bool = False,
) -> str:
    parts = _parts()
    with parts.engine.connect() as tx:
        sold, _events = timeline.choices(tx)
        senders = products.senders(tx)
        sheet = aim_fax.sheet_of(tx, found, found.product_id) if found is not None else None
    pages_n, problem = 0, ""
    if sheet is not None:
        try:
            pages_n = fax_sheet.draw(
                sheet, fax_sheet.SAMPLE, on=_now().astimezone(parts.settings.tz).date()
            ).pages
        except SheetError as error:
            problem = fax_words.sheet_error(error)
    return render_template(
        "web/faxes/document.html",
        found=found,
        form=form,
        errors=errors,
        is_stale=is_stale,
        products=sold,
        senders=[(one.id, one.name or one.legal_name) for one in senders],
        sheet=sheet,
        pages=pages_n,
        problem=problem,
        words=fax_words,
    )


def _document_values() -> tuple[dict[str, object], dict[str, str]]:
    form = request.form
    values: dict[str, object] = {
        "title": " ".join(form.get("title", "").split())[:TITLE_MAX],
        "body": form.get("body", "").replace("\r\n", "\n").strip()[:BODY_MAX],
        "points": form.get("points", "").replace("\r\n", "\n").strip()[:POINTS_MAX],
        "product_id": form.get("product", type=int),
        "sender_profile_id": form.get("sender", type=int),
    }
    errors = {
        name: str(fax_words.ERRORS[f"{name}_missing"]) for name in ("title", "body") if not values[name]
    }
    odd = pdf.missing(f"{values['title']} {values['body']} {values['points']}")
    if odd:
        errors["body"] = _("印刷できない文字があります：%(said)s", said=odd)
    return values, errors


def _document(document_id: int) -> Document:
    with _parts().engine.connect() as tx:
        found = fax_documents.get(tx, document_id)
    if found is None:
        abort(404)
    return found


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
