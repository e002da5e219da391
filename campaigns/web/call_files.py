"""The call list as a file: out as CSV or Excel, and results back in from such a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules.call_results import HEADS, WORDS
from campaigns.rules.outcomes import CallResult
from campaigns.rules.reasons import Reason
from campaigns.rules.texts import ListError
from campaigns.services import call_desk, export_calls, import_call_results
from campaigns.services.export_calls import Format, Preset, Row
from campaigns.services.import_list import ImportRefused
from campaigns.storage import next_actions
from campaigns.web import exports, import_words, lead_words, words
from campaigns.web.session import me, needs

pages = Blueprint("call_files", __name__, url_prefix="/calls")
REASONS = {
    "result_unknown": _l("知らない結果です：「%(word)s」。「結果に使える言葉」から選んでください。"),
    "lead_missing": _l("見込みIDがありません。出力したファイルの行を、そのまま使ってください。"),
    "lead_unknown": _l("見込みID %(id)s の見込みがありません。"),
    "date_odd": _l("次回予定日が読めません：「%(word)s」。2026/11/26 14:00 の形で入れてください。"),
    "number_refused": _l("架電禁止・番号違い・退職の方です。結果は取り込めません。"),
    "no_call_open": _l("この見込みの架電は、もう開いていません。"),
    "called_since": _l("出力のあとに%(by)sさんが「%(result)s」と記録しています（%(at)s）。"),
    "caller_unknown": _l("対応者「%(name)s」は登録されていません。名前を合わせるか、空にしてください。"),
    "caller_twice": _l("対応者「%(name)s」は2人以上います。名前の代わりにメールアドレスを入れてください。"),
    "called_odd": _l("架電日時が読めません：「%(word)s」。2026/11/26 14:00 の形で入れてください。"),
    "call_ahead": _l("架電日時がこれからの日時になっています。日付を確かめてください。"),
    "call_long_ago": _l("架電日時が1年以上前です。年を確かめてください。"),
    "callback_at_missing": _l("再架電には、次回予定日が必要です。"),
    "in_the_past": _l("次回予定日が過ぎています。これからの日時を入れてください。"),
    "too_far": _l("次回予定日が先すぎます。年を確かめてください。"),
    "duplicate_of": _l("%(line)s行目と同じ見込みです。"),
    "read_before": _l("前に取り込んだ行です。"),
}


def reason(found: Reason) -> str:
    args = dict(found.args)
    if found.code == "called_since":
        args["result"] = words.word(lead_words.RESULTS, str(args["result"]))
    return str(REASONS[found.code]) % args


@pages.get("/export")
@needs()
def export_GET() -> ResponseReturnValue:
    """What the file will hold, before it leaves; cells that an old code page cannot write are named."""
    found, preset, format = _export()
    written = export_calls.write(found, preset=preset, format=format, cells=_cells(preset))
    return render_template(
        "web/calls/export.html", found=found, preset=preset, format=format, written=written
    )


@pages.post("/export")
@needs()
def export_POST() -> ResponseReturnValue:
    found, preset, format = _export()
    wanted: dict[str, object] = {
        "product": request.values.get("product", type=int),
        "rank": request.values.get("rank", ""),
        "preset": preset.value,
        "format": format.value,
    }
    now = _now()
    export_calls.note(_parts(), found, wanted=wanted, user_id=me().id, now=now)
    written = export_calls.write(found, preset=preset, format=format, cells=_cells(preset))
    name = f"calls-{now.astimezone(_parts().settings.tz):%Y%m%d-%H%M}.{format.ending}"
    answer = Response(written.data, content_type=format.content_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@pages.errorhandler(ImportRefused)
def refused(error: ImportRefused) -> ResponseReturnValue:
    """A file that is gone: to the start, with the reason."""
    flash(" ".join(words.word(import_words.REFUSED, one.code) for one in error.reasons), "error")
    return redirect(url_for(".results_GET"))


@pages.get("/results")
@needs()
def results_GET() -> ResponseReturnValue:
    return _results("")


@pages.post("/results")
@needs()
def results_POST() -> ResponseReturnValue:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _results(_("ファイルを選んでください。")), 422
    try:
        batch_id = import_call_results.read(
            _parts(), data=sent.read(), file_name=sent.filename, user_id=me().id, now=_now()
        )
    except ListError as error:
        if error.code == "heads_missing":
            told = _(
                "列「%(names)s」がありません。出力したファイルを使ってください。", names=error.values["names"]
            )
            return _results(told), 422
        return _results(import_words.list_error(error)), 422
    return redirect(url_for(".result_GET", batch_id=batch_id), code=303)


@pages.get("/results/<int:batch_id>")
@needs()
def result_GET(batch_id: int) -> ResponseReturnValue:
    """What would become of each row, before anything is written; afterwards, what became of it."""
    found = import_call_results.shown(_parts(), batch_id)
    with _parts().engine.connect() as tx:
        rows = (*found.errors, *found.sample)
        people = next_actions.names(tx, [row.person_id for row in rows if row.person_id is not None])
    return render_template(
        "web/calls/result_rows.html",
        found=found,
        people=people,
        reason=reason,
        words=lead_words,
        moment=lambda draft: " ".join(part for part in (draft["on"], draft["clock"]) if part),
        called=lambda draft: f"{draft.get('called_on', '')} {draft.get('called_clock', '')}".strip(),
    )


@pages.post("/results/<int:batch_id>")
@needs()
def result_POST(batch_id: int) -> ResponseReturnValue:
    n = import_call_results.confirm(_parts(), batch_id, user_id=me().id, now=_now())
    flash(
        _("%(n)s件の結果を記録しました。", n=n) if n else _("新しく記録した結果はありません。"),
        "ok" if n else "info",
    )
    return redirect(url_for(".result_GET", batch_id=batch_id), code=303)


def _results(error: str) -> str:
    said = {
        result: [word for word, one in WORDS.items() if one is result and word != result.value]
        for result in CallResult
    }
    return render_template("web/calls/results.html", error=error, said=said, words=lead_words, heads=HEADS)


def _export() -> tuple[list[Row], Preset, Format]:
    try:
        preset = Preset(request.values.get("preset", Preset.FULL))
        format = Format(request.values.get("format", Format.XLSX))
    except ValueError:
        abort(400)
    queue = call_desk.queue(
        _parts(),
        now=_now(),
        user_id=me().id,
        product_id=request.values.get("product", type=int),
        rank=request.values.get("rank", ""),
        hours_only=False,
    )
    return export_calls.rows(_parts(), queue.lines), preset, format


def _cells(preset: Preset) -> Callable[[Row], Sequence[object]]:
    zone = _parts().settings.tz
    return lambda row: exports.cells(row, preset=preset, zone=zone)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
