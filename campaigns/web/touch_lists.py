"""Lists of touches: file or pasted cells, one page that shows what would become of each row, the result, the undo."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from urllib.parse import quote

from flask import Blueprint, current_app, flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules.entering import BY_HAND, SYNONYMS
from campaigns.rules.imports import UNDO, Settings
from campaigns.rules.reasons import Reason
from campaigns.rules.sheets import csv_of
from campaigns.rules.texts import ListError
from campaigns.rules.touch_lists import FIELDS
from campaigns.rules.touchpoints import Kind
from campaigns.services import import_list, import_pages, import_touches, import_undo, rerank, wake
from campaigns.services.import_list import ImportRefused
from campaigns.web import import_words, words
from campaigns.web.session import me, needs

pages = Blueprint("touch_lists", __name__, url_prefix="/touches/lists")
AT_ONCE = 1000  # people whose ranks are moved while the page waits; more are ranked by a worker
FIELD_WORDS: words.Table = {
    "email": _l("メールアドレス"),
    "name": _l("氏名"),
    "family": _l("姓"),
    "given": _l("名前（名）"),
    "company": _l("会社名"),
    "tel": _l("電話番号"),
    "kind": _l("接点の種別"),
    "day": _l("日付"),
    "clock": _l("時刻"),
    "product": _l("商材"),
    "event": _l("展示会・施策"),
    "note": _l("メモ"),
}
REASONS: words.Table = {
    "who_missing": _l("どなたかわかりません。メールアドレスか、氏名と会社名を入れてください。"),
    "person_unknown": _l("登録されていない方です。先に名簿の取込で登録してください。"),
    "person_ambiguous": _l("同じ方が2名以上見つかりました。メールアドレスで指定してください。"),
    "kind_missing": _l("接点の種別がありません。"),
    "kind_unknown": _l("知らない種別です。「種別に使える言葉」から選んでください。"),
    "day_missing": _l("日付がありません。"),
    "date_odd": _l("日付が読めません。2026/11/24 の形で入れてください。"),
    "in_the_future": _l("これからの日付です。あったことだけを取り込めます。"),
    "product_unknown": _l("登録されていない商材です。商材の名前を確かめてください。"),
    "event_unknown": _l("登録されていない展示会・施策です。名前を確かめてください。"),
    "stands_already": _l("同じ接点がもう記録されています。"),
}
MISSING: words.Table = {
    "who_column_missing": _l(
        "どなたかを示す列（メールアドレス、または氏名と会社名、または電話番号）を選んでください。"
    ),
    "kind_column_missing": _l("接点の種別の列を選ぶか、すべての行の種別を決めてください。"),
    "day_column_missing": _l("日付の列を選んでください。"),
}


@pages.errorhandler(ImportRefused)
def refused(error: ImportRefused) -> ResponseReturnValue:
    """A list that is gone, written or taken back: to the start, with the reason."""
    said = {**import_words.REFUSED, **MISSING}
    flash(" ".join(words.word(said, reason.code) for reason in error.reasons), "error")
    return redirect(url_for(".start_GET"))


def reason(found: Reason) -> str:
    if found.code == "duplicate_of":
        return str(_("%(line)s行目と同じ接点です。", line=found.args.get("line")))
    said = words.word({**import_words.REASONS, **REASONS}, found.code)
    if found.args.get("known"):
        return str(_("%(said)s登録されている名前：%(names)s", said=said, names=found.args["known"]))
    return said


@pages.get("")
@needs("marketer")
def start_GET() -> ResponseReturnValue:
    return _start("", {})


def _start(cells: str, errors: dict[str, str]) -> str:
    return render_template(
        "web/touches/lists.html",
        batches=import_touches.recent(_parts()),
        states=import_words.STATES,
        cells=cells,
        errors=errors,
        kinds=[(words.word(words.KINDS, kind), _others(kind)) for kind in BY_HAND],
    )


def _others(kind: Kind) -> list[str]:
    """Some further words for a kind, of the reader's language."""
    is_english = words.language() == "en"
    shown = words.word(words.KINDS, kind).lower()
    return [word for word in SYNONYMS[kind] if word.isascii() == is_english and word != shown][:4]


@pages.post("")
@needs("marketer")
def start_POST() -> ResponseReturnValue:
    sent, pasted = request.files.get("file"), request.form.get("cells", "")
    has_file = sent is not None and bool(sent.filename)
    data = sent.read() if sent is not None and has_file else pasted.encode()
    name = (sent.filename or "") if sent is not None and has_file else ""
    try:
        batch_id = import_touches.read(_parts(), data=data, file_name=name, user_id=me().id, now=_now())
    except ListError as error:
        field = "file" if has_file or not pasted else "cells"
        return _start(pasted, {field: import_words.list_error(error)}), 422
    return redirect(url_for(".list_GET", batch_id=batch_id), code=303)


@pages.get("/template.csv")
@needs("marketer")
def template_GET() -> ResponseReturnValue:
    """A list to fill in: the heads and two rows that show how."""
    heads = [
        words.word(FIELD_WORDS, name)
        for name in ("email", "name", "company", "kind", "day", "product", "note")
    ]
    today = f"{_now().astimezone(_parts().settings.tz):%Y/%m/%d}"
    rows = [
        heads,
        ["taro@example.com", "", "", words.word(words.KINDS, "visit"), today, "", ""],
        ["", _("山田 太郎"), _("例示工業株式会社"), words.word(words.KINDS, "call_connected"), today, "", ""],
    ]
    answer = make_response(csv_of(rows))
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = 'attachment; filename="touches.csv"'
    return answer


@pages.get("/<int:batch_id>")
@needs("marketer")
def list_GET(batch_id: int) -> ResponseReturnValue:
    return _page(batch_id)


def _page(batch_id: int, error: str = "") -> str:
    parts = _parts()
    found = import_touches.shown(parts, batch_id)
    batch = found.batch
    until = batch.imported_at + UNDO if batch.imported_at else None
    choices = import_pages.choices(parts)
    return render_template(
        "web/touches/list.html",
        found=found,
        batch=batch,
        settings=found.settings,
        error=error or " ".join(words.word(MISSING, one.code) for one in found.missing),
        fields=[("", _("取り込まない"))] + [(name, words.word(FIELD_WORDS, name)) for name in FIELDS],
        kinds=[("", _("列の値による"))] + [(kind.value, words.word(words.KINDS, kind)) for kind in BY_HAND],
        products=[("", _("商材を問わない"))] + [(one.id, one.name) for one in choices.products],
        events=[("", _("なし"))] + [(one.id, import_words.event(one)) for one in choices.events],
        until=until,
        may_undo=until is not None and _now() <= until and batch.state == "imported",
        cell=_cell(found.settings),
        day=lambda told: words.short_day(date.fromisoformat(told)),
        reason=reason,
    )


def _cell(settings: Settings):  # type: ignore[no-untyped-def]
    """The cells of a row by field, as in the list: cell(row, "name", "company")."""
    places = {name: place for place, name in enumerate(settings.mapping) if name}

    def cell(row: import_pages.Row, *names: str) -> str:
        return " ".join(
            row.cells[places[n]] for n in names if n in places and places[n] < len(row.cells)
        ).strip()

    return cell


@pages.post("/<int:batch_id>")
@needs("marketer")
def list_POST(batch_id: int) -> ResponseReturnValue:
    """Read the list anew as the form says; with the button "import" write it, unless the form changed the rows."""
    parts, now, form = _parts(), _now(), request.form
    before = import_touches.shown(parts, batch_id)
    if before.batch.state == "imported":
        return redirect(url_for(".list_GET", batch_id=batch_id), code=303)
    mapping = tuple(form.get(f"column-{place}", "") for place in range(len(before.settings.labels)))
    twice = {name for name in mapping if name and mapping.count(name) > 1}
    if twice:
        names = _("、").join(words.word(FIELD_WORDS, name) for name in sorted(twice))
        return _page(batch_id, _("同じ項目を2つの列に対応付けています：%(names)s", names=names)), 422
    settings = replace(
        before.settings,
        mapping=tuple(name if name in FIELDS else "" for name in mapping),
        kind=form["kind"] if form.get("kind") in BY_HAND else "",
        product_id=form.get("product_id", type=int),
        event_id=form.get("event_id", type=int),
    )
    if settings != before.settings:
        try:
            import_touches.preview(parts, batch_id, settings, now=now)
        except ListError as error:
            return _page(batch_id, import_words.list_error(error)), 422
        if form.get("action") == "import":
            flash(_("内容が変わったため、もう一度数えました。確かめて、取り込んでください。"), "info")
        return redirect(url_for(".list_GET", batch_id=batch_id), code=303)
    if form.get("action") == "import":
        done = import_touches.confirm(parts, batch_id, user_id=me().id, now=now)
        if len(done.person_ids) <= AT_ONCE:
            rerank.people(parts, done.person_ids, now=now)
        else:
            wake.ask(parts, "rerank")
    return redirect(url_for(".list_GET", batch_id=batch_id), code=303)


@pages.post("/<int:batch_id>/undo")
@needs("marketer")
def undo_POST(batch_id: int) -> ResponseReturnValue:
    parts, now = _parts(), _now()
    import_touches.shown(parts, batch_id)  # none but a list of touches
    undone = import_undo.run(parts, batch_id, now=now, user_id=me().id)
    rerank.people(parts, undone.person_ids, now=now)
    flash(_("取り消しました。この一覧の接点を取り除き、見込度を計算し直しました。"), "ok")
    return redirect(url_for(".list_GET", batch_id=batch_id), code=303)


@pages.get("/<int:batch_id>/errors.csv")
@needs("marketer")
def errors_GET(batch_id: int) -> ResponseReturnValue:
    found = import_touches.shown(_parts(), batch_id)
    said = {code: str(text) for code, text in {**import_words.REASONS, **REASONS}.items()}
    data = import_list.errors_csv(_parts(), batch_id, words=said, errors=said.keys())
    stem = (found.batch.file_name.rsplit(".", 1)[0] or "touches").replace("\r", "").replace("\n", "")
    answer = make_response(data)
    answer.headers["Content-Type"] = "text/csv; charset=utf-8"
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(stem + '_errors.csv')}"
    return answer


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
