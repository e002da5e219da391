"""The import wizard: file, columns, confirmation, done; and taking an import back.

Nothing is written about people before the last press. Each page works without a script.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import quote

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules import columns, drafts
from campaigns.rules.imports import BASES, KIND_FIELDS, KINDS, UNDO, BatchKind, Settings
from campaigns.rules.reasons import Reason
from campaigns.rules.texts import DELIMITERS, ListError
from campaigns.services import add_event, classify, enrol, import_list, import_pages, import_undo, rerank
from campaigns.services.import_list import Imported, ImportRefused
from campaigns.web import import_words as words
from campaigns.web.session import needs
from campaigns.web.words import KINDS as KIND_WORDS
from campaigns.web.words import word

pages = Blueprint("imports", __name__, url_prefix="/imports")
ERRORS_SHOWN = 50


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


@pages.errorhandler(ImportRefused)
def refused(error: ImportRefused) -> ResponseReturnValue:
    """A page of a batch that is gone, written or taken back: to the list, with the reason."""
    flash(" ".join(word(words.REFUSED, reason.code) for reason in error.reasons), "error")
    return redirect(url_for(".start_GET"))


@pages.get("")
@needs("marketer")
def start_GET() -> ResponseReturnValue:
    return _start({}, {})


def _start(form: dict[str, str], errors: dict[str, str]) -> str:
    batches = import_pages.recent(_parts())
    return render_template("web/imports/start.html", batches=batches, words=words, form=form, errors=errors)


@pages.post("")
@needs("marketer")
def start_POST() -> ResponseReturnValue:
    sent = request.files.get("file")
    pasted = request.form.get("cells", "")
    kind = BatchKind.REFUSALS if request.form.get("kind") == BatchKind.REFUSALS else BatchKind.PEOPLE
    has_file = sent is not None and bool(sent.filename)
    data = sent.read() if sent is not None and has_file else pasted.encode()
    name = (sent.filename or "") if sent is not None and has_file else ""
    try:
        batch_id = import_list.read(
            _parts(), data=data, file_name=name, user_id=current_user.id, now=_parts().clock.now(), kind=kind
        )
    except ListError as error:
        shown = {"cells": pasted, "kind": kind.value}
        return _start(shown, {"file" if has_file or not pasted else "cells": words.list_error(error)}), 422
    return redirect(url_for(".columns_GET", batch_id=batch_id))


@pages.get("/<int:batch_id>/columns")
@needs("marketer")
def columns_GET(batch_id: int) -> ResponseReturnValue:
    return _columns(batch_id, "")


def _columns(batch_id: int, error: str) -> str:
    batch, settings, rows = import_list.sample(_parts(), batch_id)
    samples = [
        [row.cells[place] if place < len(row.cells) else "" for row in rows]
        for place in range(len(settings.mapping))
    ]
    return render_template(
        "web/imports/columns.html",
        batch=batch,
        settings=settings,
        samples=samples,
        fields=[("", _("取り込まない"))] + [(name, word(words.FIELDS, name)) for name in columns.fields()],
        words=words,
        error=error,
    )


@pages.post("/<int:batch_id>/columns")
@needs("marketer")
def columns_POST(batch_id: int) -> ResponseReturnValue:
    form, parts = request.form, _parts()
    try:
        if form.get("action") == "reread":
            import_list.reread(
                parts,
                batch_id,
                encoding=form.get("encoding", ""),
                # The page offers these alone; anything else is no list's delimiter.
                delimiter=form["delimiter"] if form.get("delimiter") in DELIMITERS else DELIMITERS[0],
                header_line=form.get("header_line", 0, type=int),
            )
            return redirect(url_for(".columns_GET", batch_id=batch_id))
        batch, settings, _rows = import_list.sample(parts, batch_id)
        chosen = [form.get(f"column-{place}", "") for place in range(len(settings.mapping))]
        twice = {name for name in chosen if name and chosen.count(name) > 1}
        if twice:
            names = " / ".join(word(words.FIELDS, name) for name in sorted(twice))
            return _columns(batch_id, _("同じ項目を2つの列に対応付けています：%(names)s", names=names)), 422
        known = set(columns.fields())
        settings = replace(settings, mapping=tuple(name if name in known else "" for name in chosen))
        if batch.kind is BatchKind.PEOPLE and not settings.kind_field:
            settings = _with_kind_column(batch_id, settings)
        import_list.preview(parts, batch_id, settings=settings, now=parts.clock.now())
    except ListError as error:
        return _columns_or_start(batch_id, words.list_error(error))
    return redirect(url_for(".confirm_GET", batch_id=batch_id))


def _columns_or_start(batch_id: int, error: str) -> ResponseReturnValue:
    try:
        return _columns(batch_id, error), 422
    except ListError:
        return _start({}, {"file": error}), 422


def _with_kind_column(batch_id: int, settings: Settings) -> Settings:
    """Where the list has a column of ranks, its values suggest the touches."""
    if "temperature" not in settings.mapping:
        return settings
    found = import_list.values(_parts(), batch_id, settings, name="temperature")
    guesses = {value: drafts.guess_kind(value) for value, _n in found}
    if not any(value and kind for value, kind in guesses.items()):
        return settings
    chosen = {value: kind.value for value, kind in guesses.items() if kind}
    return replace(
        settings, kind_field="temperature", kind_values=chosen, kind=settings.kind or "card_exchange"
    )


@pages.get("/<int:batch_id>/confirm")
@needs("marketer")
def confirm_GET(batch_id: int) -> ResponseReturnValue:
    return _confirm(batch_id, asked=False)


def _confirm(batch_id: int, *, asked: bool, changed: bool = False) -> ResponseReturnValue:
    """asked: the button was pressed, so open questions are shown as errors."""
    parts = _parts()
    batch, preview = import_list.shown(parts, batch_id)
    if batch.state == "imported":
        return redirect(url_for(".done_GET", batch_id=batch_id))
    if batch.state != "previewed":
        return redirect(url_for(".columns_GET", batch_id=batch_id))
    settings = import_list.settings_of(batch)
    show_all = request.args.get("all") == "1"
    choices = import_pages.choices(parts)
    return render_template(
        "web/imports/confirm.html",
        batch=batch,
        preview=preview,
        settings=settings,
        results=words.RESULTS if batch.kind is BatchKind.PEOPLE else words.REFUSAL_RESULTS,
        errors=import_pages.errors(parts, batch_id, limit=None if show_all else ERRORS_SHOWN),
        remarks=import_pages.remarks(parts, batch_id),
        events=choices.events,
        products=choices.products,
        kinds=[(kind.value, word(KIND_WORDS, kind)) for kind in KINDS],
        kind_fields=[name for name in KIND_FIELDS if name in settings.mapping],
        kind_values=_values(batch_id, settings),
        bases=[(basis, word(words.BASES, basis)) for basis in BASES],
        questions=_questions(preview.problems),
        asked=asked,
        changed=changed,
        words=words,
        cell=_cell(settings),
    ), (422 if asked and preview.problems else 200)


def _values(batch_id: int, settings: Settings) -> list[tuple[str, int]]:
    if not settings.kind_field:
        return []
    return import_list.values(_parts(), batch_id, settings, name=settings.kind_field)


def _questions(problems: tuple[Reason, ...]) -> dict[str, str]:
    """Field of the form -> what is asked there."""
    return {words.QUESTIONS[p.code][0]: str(words.QUESTIONS[p.code][1]) for p in problems}


def _cell(settings: Settings):  # type: ignore[no-untyped-def]
    """The cell of a row by field, as in the list: cell(row, "company")."""
    places = {name: place for place, name in enumerate(settings.mapping) if name}

    def cell(row: import_pages.Row, *names: str) -> str:
        found = (row.cells[places[n]] for n in names if n in places and places[n] < len(row.cells))
        return " ".join(filter(None, found))

    return cell


@pages.post("/<int:batch_id>/confirm")
@needs("marketer")
def confirm_POST(batch_id: int) -> ResponseReturnValue:
    """Recount with the answers; with the button "import" write, unless the answers changed what was shown."""
    parts, now = _parts(), _parts().clock.now()
    batch, before = import_list.shown(parts, batch_id)
    if batch.state == "imported":
        return _finish(import_list.confirm(parts, batch_id, now=now, user_id=current_user.id))
    old = import_list.settings_of(batch)
    settings = _answers(old)
    if settings == old and batch.state == "previewed":
        preview = before
    else:
        preview = import_list.preview(parts, batch_id, settings=settings, now=now)
    if request.form.get("action") != "import":
        return redirect(url_for(".confirm_GET", batch_id=batch_id))
    if preview.problems:
        return _confirm(batch_id, asked=True)
    if preview.counts != before.counts:
        return _confirm(batch_id, asked=True, changed=True)
    return _finish(import_list.confirm(parts, batch_id, now=now, user_id=current_user.id))


def _answers(old: Settings) -> Settings:
    form = request.form
    new_event = form.get("event_name", "").strip()[:200]
    event_id = form.get("event_id", type=int)
    if new_event:
        starts_on, ends_on = _day("event_starts_on"), _day("event_ends_on")
        event_id = add_event.met(
            _parts(),
            name=new_event,
            starts_on=starts_on,
            ends_on=ends_on,
            user_id=current_user.id,
            now=_parts().clock.now(),
        )
    allowed = {kind.value for kind in KINDS}
    kind_field = form.get("kind_field", "")
    values = zip(form.getlist("kind_value"), form.getlist("kind_of"), strict=False)
    return replace(
        old,
        event_id=event_id,
        product_id=form.get("product_id", type=int),
        kind=form["kind"] if form.get("kind") in allowed else "",
        kind_field=kind_field if kind_field in old.mapping else "",
        kind_values={value: kind for value, kind in values if kind in allowed},
        basis=form["basis"] if form.get("basis") in BASES else "",
        purpose_published="purpose_published" in form,
        organiser_terms="organiser_terms" in form,
        wording=form.get("wording", "").strip()[:4000],
        third_party="third_party" in form,
        giver=form.get("giver", "").strip()[:200],
        given_on=form.get("given_on", ""),
        scope="product" if form.get("scope") == "product" else "global",
    )


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        return None


def _finish(done: Imported) -> ResponseReturnValue:
    """What follows an import: scenarios and ranks. Each is harmless to repeat, so a second press may."""
    parts, now = _parts(), _parts().clock.now()
    classify.run(parts, now=now)  # a scenario's audience is by class, so new companies need theirs first
    if done.product_id is not None:
        enrol.people(parts, done.person_ids, now=now, product_id=done.product_id)
    rerank.people(parts, done.person_ids, now=now)
    return redirect(url_for(".done_GET", batch_id=done.batch_id))


@pages.get("/<int:batch_id>")
@needs("marketer")
def done_GET(batch_id: int) -> ResponseReturnValue:
    parts = _parts()
    batch, preview = import_list.shown(parts, batch_id)
    if batch.kind is BatchKind.TOUCHES:
        return redirect(url_for("touch_lists.list_GET", batch_id=batch_id))
    if batch.state in ("read", "previewed"):
        return redirect(url_for(".confirm_GET", batch_id=batch_id))
    until = batch.imported_at + UNDO if batch.imported_at else None
    return render_template(
        "web/imports/done.html",
        batch=batch,
        preview=preview,
        results=words.RESULTS if batch.kind is BatchKind.PEOPLE else words.REFUSAL_RESULTS,
        until=until,
        may_undo=until is not None and parts.clock.now() <= until and batch.state == "imported",
        days_left=max(0, (until - parts.clock.now()) // timedelta(days=1)) if until else 0,
        words=words,
    )


@pages.post("/<int:batch_id>/undo")
@needs("marketer")
def undo_POST(batch_id: int) -> ResponseReturnValue:
    parts, now = _parts(), _parts().clock.now()
    undone = import_undo.run(parts, batch_id, now=now, user_id=current_user.id)
    rerank.people(parts, undone.person_ids, now=now)
    if not undone.again:
        text = _(
            "取り消しました。担当者%(n)s名を取り除き、予定の配信%(m)s通を止めました。",
            n=undone.removed,
            m=undone.cancelled,
        )
        if undone.kept:
            text += _("その後にメールや連絡のあった%(n)s名は残しました。", n=undone.kept)
        flash(text, "ok")
    return redirect(url_for(".done_GET", batch_id=batch_id))


@pages.get("/<int:batch_id>/errors.csv")
@needs("marketer")
def errors_GET(batch_id: int) -> ResponseReturnValue:
    batch, _preview = import_list.shown(_parts(), batch_id)
    data = import_list.errors_csv(_parts(), batch_id, words=words.by_code())
    stem = (batch.file_name.rsplit(".", 1)[0] or "list").replace("\r", "").replace("\n", "")
    answer = make_response(data)
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(stem + '_errors.csv')}"
    return answer
