"""The call list and the call desk: who is called next, why now, and what came of it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult, OutcomeError
from campaigns.services import call_desk, export_calls, export_faxes, finish_task, roll_up, show_call
from campaigns.services.call_desk import CannotUndo, NoSuchTask, Queue, TaskTaken
from campaigns.services.export_calls import Encoding, Preset, Row
from campaigns.storage import leads as stored_leads
from campaigns.storage import tasks as stored_tasks
from campaigns.web import exports, lead_words
from campaigns.web.session import needs

pages = Blueprint("calls", __name__, url_prefix="/calls")
KINDS = ("call", "fax", "visit", "mail", "check")
PAGE = 50
NEXT_SHOWN = 5
NOTE_MAX = 4000
ID_DIGITS = 17
UNDO_ERRORS = {
    "nothing": _l("取り消せる記録がありません。取り消せるのは、ご自分の10分以内の記録です。"),
    "moved": _l("そのあとに変更があったため、取り消せません。記録はそのまま残っています。"),
}


@pages.get("")
@needs("inside_sales", "marketer")
def list_GET() -> ResponseReturnValue:
    kind = request.args.get("kind", "call")
    if kind not in KINDS:
        abort(404)
    parts, now, product_id = _parts(), _now(), request.args.get("product", type=int)
    with parts.engine.connect() as tx:
        counts = stored_tasks.open_counts(tx)
        boards = stored_leads.board(tx)
    common = {
        "kind": kind,
        "kinds": KINDS,
        "counts": counts,
        "boards": boards,
        "product_id": product_id,
        "words": lead_words,
        "undoable": call_desk.undoable(parts, user_id=current_user.id, now=now),
        "link": _link,
    }
    if kind == "visit":
        visits, committees = roll_up.visits(parts, now=now, product_id=product_id)
        return render_template("web/calls/tasks.html", tasks=visits, committees=committees, **common)
    if kind != "call":
        with parts.engine.connect() as tx:
            found = stored_tasks.open_of(tx, kind, now=now, product_id=product_id)
        return render_template("web/calls/tasks.html", tasks=found, committees={}, **common)
    rank = request.args.get("rank", "")
    queue = _queue(hours_only=False, product_id=product_id, rank=rank)
    first = max(0, request.args.get("from", 0, type=int))
    return render_template(
        "web/calls/list.html",
        queue=queue,
        lines=queue.lines[first : first + PAGE],
        first=first,
        page=PAGE,
        rank=rank,
        **common,
    )


@pages.get("/desk")
@needs("inside_sales", "marketer")
def next_GET() -> ResponseReturnValue:
    """The next call; without one, what the others wait for."""
    skipped = _skipped()
    queue = _queue(hours_only=request.args.get("hours") != "all")
    line = next((line for line in queue.lines if line.call.task_id not in skipped), None)
    if line is not None:
        return redirect(url_for(".desk_GET", task_id=line.call.task_id, **_kept()))
    undoable = call_desk.undoable(_parts(), user_id=current_user.id, now=_now())
    return render_template(
        "web/calls/empty.html", queue=queue, words=lead_words, undoable=undoable, skipped=skipped
    )


@pages.get("/<int:task_id>")
@needs("inside_sales", "marketer")
def desk_GET(task_id: int) -> ResponseReturnValue:
    return _desk(task_id, form={}, errors={})


@pages.post("/<int:task_id>")
@needs("inside_sales", "marketer")
def desk_POST(task_id: int) -> ResponseReturnValue:
    form, errors = request.form, {}
    result = form.get("result", "")
    if result not in list(CallResult):
        errors["result"] = _("結果を1つ選んでください。")
    next_at = _instant(form.get("on", ""), form.get("at", ""), errors)
    if next_at is not None and next_at <= _now() and result in ("callback", "appointment"):
        errors["on"] = _("過ぎた日時です。これからの日時を入れてください。")
    if errors:
        return _desk(task_id, form=form, errors=errors), 422
    named = _day(form.get("on", ""))
    try:
        done = call_desk.record(
            _parts(),
            task_id=task_id,
            version=form.get("version", 0, type=int),
            result=CallResult(result),
            note=form.get("note", "").strip()[:NOTE_MAX],
            next_at=next_at,
            named_month=named.replace(day=1) if named and result == "not_now" else None,
            user_id=current_user.id,
            now=_now(),
        )
    except OutcomeError:
        errors["on"] = _("再架電は、約束の日付と時刻が必要です。")
        return _desk(task_id, form=form, errors=errors), 422
    except TaskTaken as taken:
        return _taken(task_id, taken)
    except NoSuchTask:
        abort(404)
    flash(_("記録しました：%(result)s", result=lead_words.RESULTS[result]), "ok")
    if done.effect.ask_mail_scope:
        flash(
            _(
                "電話を断られました。メールも停止するかは別に伺い、希望があれば受信拒否者リストに登録してください。"
            ),
            "info",
        )
    return redirect(url_for(".next_GET", **_kept()), code=303)


@pages.post("/undo")
@needs("inside_sales", "marketer")
def undo_POST() -> ResponseReturnValue:
    try:
        last = call_desk.undo(_parts(), user_id=current_user.id, now=_now())
    except CannotUndo as error:
        flash(UNDO_ERRORS[error.code], "warn")
        return redirect(url_for(".next_GET"), code=303)
    flash(_("「%(result)s」の記録を取り消しました。", result=lead_words.RESULTS[last.result]), "ok")
    # The words that were typed stay: only the result was the slip.
    return redirect(url_for(".desk_GET", task_id=last.task_id, note=last.note or None), code=303)


@pages.post("/tasks/<int:task_id>")
@needs("inside_sales", "marketer")
def task_POST(task_id: int) -> ResponseReturnValue:
    """A fax sent, a visit made, something checked."""
    form = request.form
    try:
        finish_task.run(
            _parts(),
            task_id=task_id,
            version=form.get("version", 0, type=int),
            outcome=form.get("outcome", ""),
            note=form.get("note", "").strip()[:NOTE_MAX],
            user_id=current_user.id,
            now=_now(),
        )
    except TaskTaken as taken:
        flash(_("この作業は、先に%(who)sさんが終えています。", who=taken.by or "–"), "info")
    except NoSuchTask:
        abort(404)
    except KeyError:
        abort(400)
    else:
        flash(_("記録しました。"), "ok")
    return redirect(url_for(".list_GET", kind=form.get("kind", "fax")), code=303)


@pages.get("/export")
@needs("inside_sales", "marketer")
def export_GET() -> ResponseReturnValue:
    """What the file will hold, before it leaves; cells that an old code page cannot write are named."""
    found, preset, encoding = _export()
    written = export_calls.write(found, preset=preset, encoding=encoding, cells=_cells(preset))
    return render_template(
        "web/calls/export.html", found=found, preset=preset, encoding=encoding, written=written, link=_link
    )


@pages.post("/export")
@needs("inside_sales", "marketer")
def export_POST() -> ResponseReturnValue:
    found, preset, encoding = _export()
    wanted: dict[str, object] = {
        "product": _product_id(),
        "rank": request.values.get("rank", ""),
        "preset": preset.value,
    }
    now = _now()
    export_calls.note(_parts(), found, wanted=wanted, user_id=current_user.id, now=now)
    written = export_calls.write(found, preset=preset, encoding=encoding, cells=_cells(preset))
    return _file(
        written.data, f"calls-{now.astimezone(_parts().settings.tz):%Y%m%d-%H%M}.csv", encoding.value
    )


@pages.post("/faxes.csv")
@needs("inside_sales", "marketer")
def faxes_POST() -> ResponseReturnValue:
    now = _now()
    made = export_faxes.run(_parts(), product_id=_product_id(), user_id=current_user.id, now=now)
    return _file(made.data, f"faxes-{now.astimezone(_parts().settings.tz):%Y%m%d}.csv", "cp932")


def _desk(
    task_id: int, *, form: object, errors: dict[str, str], stale: TaskTaken | None = None
) -> str | Response:
    parts, now = _parts(), _now()
    card = show_call.run(parts, task_id, now=now, user_id=current_user.id)
    if card is None:
        with parts.engine.connect() as tx:
            task = stored_tasks.get(tx, task_id)
        if task is None:
            abort(404)
        if task.kind != "call":
            return redirect(url_for(".list_GET", kind=task.kind))
        return render_template("web/calls/over.html", task=task, words=lead_words)
    queue = _queue(hours_only=False)
    skipped = _skipped() | {task_id}
    coming = [line for line in queue.lines if line.call.task_id not in skipped]
    return render_template(
        "web/calls/desk.html",
        card=card,
        call=card.line.call,
        place=next((line.place for line in queue.lines if line.call.task_id == task_id), None),
        coming=coming[:NEXT_SHOWN],
        left=len(coming),
        queue=queue,
        form=form,
        errors=errors,
        stale=stale,
        words=lead_words,
        kept=_kept(),
        skip=",".join(str(id) for id in sorted(skipped)),
        undoable=call_desk.undoable(parts, user_id=current_user.id, now=now),
    )


def _taken(task_id: int, taken: TaskTaken) -> ResponseReturnValue:
    """Somebody was quicker. What was typed stays on the page, and can still be kept as a touch."""
    parts = _parts()
    with parts.engine.connect() as tx:
        task = stored_tasks.get(tx, task_id)
    if task is None:
        abort(404)
    if task.state == "open":
        return _desk(task_id, form=request.form, errors={}, stale=taken), 409
    page = render_template("web/calls/over.html", task=task, taken=taken, form=request.form, words=lead_words)
    return page, 409


def _queue(*, hours_only: bool, product_id: int | None = None, rank: str = "") -> Queue:
    return call_desk.queue(
        _parts(),
        now=_now(),
        user_id=current_user.id,
        product_id=product_id,
        rank=rank,
        hours_only=hours_only,
    )


def _export() -> tuple[list[Row], Preset, Encoding]:
    try:
        preset = Preset(request.values.get("preset", Preset.FULL))
        encoding = Encoding(request.values.get("encoding", Encoding.UTF8))
    except ValueError:
        abort(400)
    rank = request.values.get("rank", "")
    queue = _queue(hours_only=False, product_id=_product_id(), rank=rank)
    return export_calls.rows(_parts(), queue.lines), preset, encoding


def _cells(preset: Preset):  # type: ignore[no-untyped-def]
    zone = _parts().settings.tz
    return lambda row: exports.cells(row, preset=preset, zone=zone)


def _file(data: bytes, name: str, charset: str) -> Response:
    answer = Response(data, content_type=f"text/csv; charset={charset}")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _product_id() -> int | None:
    return request.values.get("product", type=int)


def _instant(day: str, at: str, errors: dict[str, str]) -> datetime | None:
    """Date and time as typed, in the installation's zone; None when either is missing."""
    if not day and not at:
        return None
    found = _day(day)
    if day and found is None:
        errors["on"] = _("日付は 2026-11-26 の形で入れてください。")
    if found is None or not at:
        return None
    try:
        return datetime.combine(found, time.fromisoformat(at), tzinfo=_parts().settings.tz)
    except ValueError:
        errors["on"] = _("時刻は 14:00 の形で入れてください。")
        return None


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _skipped() -> set[int]:
    """Ids left out for now. What is no id was never a call's."""
    wanted = request.args.get("skip", "").split(",")[:200]
    return {int(one) for one in wanted if one.isdecimal() and len(one) < ID_DIGITS}


def _kept() -> dict[str, Any]:
    """Choices that go along from call to call."""
    return {name: request.args[name] for name in ("skip", "hours") if request.args.get(name)}


def _link(**changed: str | int | None) -> str:
    """The list with some of its choices changed; a change begins at the first row."""
    values: dict[str, str | int | None] = {k: v for k, v in request.args.items() if k != "from"}
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
