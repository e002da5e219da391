"""The call list and the call desk: who is called next, why now, and what came of it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult, OutcomeError
from campaigns.services import (
    call_desk,
    finish_task,
    hold_call,
    record_call,
    roll_up,
    show_call,
)
from campaigns.services.call_desk import Queue
from campaigns.services.record_call import CannotUndo, NoSuchTask, TaskTaken
from campaigns.storage import products, timeline
from campaigns.storage import tasks as stored_tasks
from campaigns.storage.calls import OpenCall
from campaigns.web import call_form, lead_words
from campaigns.web.session import me, needs

pages = Blueprint("calls", __name__, url_prefix="/calls")
KINDS = ("call", "fax", "visit", "mail", "check")
PAGE = 50
NEXT_SHOWN = 5
ID_DIGITS = 17
# Who makes calls gets those that are theirs or nobody's; anybody else looks at all.
CALLERS = ("inside_sales",)


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    kind = request.args.get("kind", "call")
    if kind not in KINDS:
        abort(404)
    parts, now, product_id = _parts(), _now(), request.args.get("product", type=int)
    with parts.engine.connect() as tx:
        counts = stored_tasks.open_counts(tx)
        names = products.names(tx)
    common = {
        "kind": kind,
        "kinds": KINDS,
        "counts": counts,
        "products": names,
        "product_id": product_id,
        "words": lead_words,
        "undoable": record_call.undoable(parts, user_id=me().id, now=now),
        "now_at": now,
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
    first = max(0, request.args.get("from", 0, type=int))
    queue = _queue(hours_only=False, product_id=product_id, rank=rank, first=first, most=PAGE)
    return render_template(
        "web/calls/list.html",
        queue=queue,
        lines=queue.lines,
        first=first,
        page=PAGE,
        rank=rank,
        **common,
    )


@pages.get("/desk")
@needs()
def next_GET() -> ResponseReturnValue:
    """Take the next call; without one, tell what the others wait for."""
    parts, now, skipped = _parts(), _now(), _skipped()
    for left in skipped:
        hold_call.leave(parts, left, user_id=me().id)
    hours_only = request.args.get("hours") != "all"
    task_id = hold_call.next(
        parts,
        user_id=me().id,
        token=secrets.token_urlsafe(9),
        now=now,
        product_id=_product_id(),
        skip=tuple(skipped),
        hours_only=hours_only,
        everybodys=_is_everybodys(),
    )
    if task_id is not None:
        return redirect(url_for(".desk_GET", task_id=task_id, **_kept()))
    return render_template(
        "web/calls/empty.html",
        queue=_queue(hours_only=hours_only, most=0),
        words=lead_words,
        undoable=record_call.undoable(parts, user_id=me().id, now=now),
        now_at=now,
        skipped=skipped,
        kept=_kept(),
        is_everybodys=_is_everybodys(),
    )


@pages.get("/<int:task_id>")
@needs()
def desk_GET(task_id: int) -> ResponseReturnValue:
    return _desk(task_id, form=None, errors={})


@pages.post("/<int:task_id>")
@needs()
def desk_POST(task_id: int) -> ResponseReturnValue:
    form, parts = request.form, _parts()
    typed = call_form.read(form, zone=parts.settings.tz)
    if typed.errors:
        return _desk(task_id, form=form, errors=typed.errors), 422
    try:
        done = record_call.record(
            parts,
            task_id=task_id,
            version=form.get("version", 0, type=int),
            result=CallResult(typed.result),
            note=typed.note,
            next_at=typed.next_at,
            named_month=typed.named_month,
            user_id=me().id,
            now=_now(),
        )
    except OutcomeError as error:
        return _desk(task_id, form=form, errors={"on": str(call_form.TIME_ERRORS[error.code])}), 422
    except TaskTaken as taken:
        return _taken(task_id, taken)
    except NoSuchTask:
        abort(404)
    flash(_("記録しました：%(result)s", result=lead_words.RESULTS[typed.result]), "at-desk")
    if done.effect.ask_mail_scope:
        flash(_ask_mail_scope(done.person_id), "info")
    return redirect(url_for(".next_GET", **_kept()), code=303)


@pages.post("/<int:task_id>/hold")
@needs()
def hold_POST(task_id: int) -> ResponseReturnValue:
    """The page is still open. 409: the call is somebody else's by now."""
    is_held = hold_call.beat(_parts(), task_id, token=request.form.get("token", ""), now=_now())
    return "", 204 if is_held else 409


@pages.post("/<int:task_id>/leave")
@needs()
def leave_POST(task_id: int) -> ResponseReturnValue:
    """The page is being left: others may call."""
    hold_call.leave(_parts(), task_id, user_id=me().id, token=request.form.get("token", ""))
    return "", 204


@pages.post("/undo")
@needs()
def undo_POST() -> ResponseReturnValue:
    try:
        last = record_call.undo(_parts(), user_id=me().id, now=_now())
    except CannotUndo:
        flash(_("取り消せる記録がありません。取り消せるのは、ご自分の60秒以内の記録です。"), "warn")
        return redirect(url_for(".next_GET"), code=303)
    flash(_("「%(result)s」の記録を取り消しました。", result=lead_words.RESULTS[last.result]), "at-desk")
    return redirect(url_for(".desk_GET", task_id=last.task_id), code=303)


@pages.post("/tasks/<int:task_id>")
@needs()
def task_POST(task_id: int) -> ResponseReturnValue:
    """A fax sent, a visit made, something checked."""
    form = request.form
    try:
        finish_task.run(
            _parts(),
            task_id=task_id,
            version=form.get("version", 0, type=int),
            outcome=form.get("outcome", ""),
            note=form.get("note", "").strip()[: call_form.NOTE_MAX],
            user_id=me().id,
            now=_now(),
        )
    except TaskTaken as taken:
        flash(_("このアクションは、先に%(who)sさんが終えています。", who=taken.by or "–"), "info")
    except NoSuchTask:
        abort(404)
    except KeyError:
        abort(400)
    else:
        flash(_("記録しました。"), "ok")
    return redirect(url_for(".list_GET", kind=form.get("kind", "fax")), code=303)


def _desk(
    task_id: int, *, form: Mapping[str, str] | None, errors: Mapping[str, str], stale: TaskTaken | None = None
) -> str | Response:
    """form: as it was sent, else what was typed before an undo."""
    parts, now, token = _parts(), _now(), secrets.token_urlsafe(9)
    card = show_call.run(parts, task_id, now=now, user_id=me().id)
    if card is None:
        return _over(task_id)
    held = hold_call.open(parts, task_id, user_id=me().id, token=token, now=now)
    skipped = _skipped() | {task_id}
    return render_template(
        "web/calls/desk.html",
        card=card,
        call=card.line.call,
        numbers=_numbers(card.line.call),
        held=held,
        is_mine=held is not None and held.user_id == me().id,
        token=token,
        coming=call_desk.coming(
            parts,
            user_id=me().id,
            now=now,
            n=NEXT_SHOWN,
            skip=tuple(skipped),
            product_id=_product_id(),
            everybodys=_is_everybodys(),
        ),
        left_shown=call_desk.LEFT_SHOWN,
        form=call_form.drafted(card.draft, zone=parts.settings.tz) if form is None else form,
        errors=errors,
        stale=stale,
        words=lead_words,
        kept=_kept(),
        skip=",".join(str(id) for id in sorted(skipped)),
        undoable=record_call.undoable(parts, user_id=me().id, now=now),
        now_at=now,
    )


def _numbers(call: OpenCall) -> list[tuple[str, str]]:
    """Every number with what it is, the nearest to the person first; a number that stands twice is one."""
    named = {call.mobile: _("携帯"), call.tel: _("代表"), call.tel_direct: _("直通")}
    return [(named[one], one) for one in dict.fromkeys((call.tel_direct, call.tel, call.mobile)) if one]


def _ask_mail_scope(person_id: int) -> Markup:
    """Told on the next person's desk, so it names whom it is about and leads to the list of refusals.

    About this product nothing goes out any more; whether mail about others does is asked only where any may.
    """
    with _parts().engine.connect() as tx:
        person = timeline.person(tx, person_id)
        has_refused = any(one.scope == "global" for one in timeline.refusals(tx, person_id))
        has_agreed = bool(timeline.consents(tx, person_id))
    name = person.name if person and person.name else _("（氏名なし）")
    is_dead = person is None or not person.email or person.email_status in ("hard", "complaint")
    if person is None or is_dead or has_refused or not has_agreed:
        return Markup(_("%(name)s様の電話のお断りを記録しました。", name=Markup.escape(name)))  # noqa: S704 - escaped
    return Markup(  # noqa: S704 - both parts are escaped
        _(
            "%(name)s様の電話のお断りを記録しました。ほかの商材のメールは続きます。それも止めるご希望なら、%(link)sしてください。"
        )
    ) % {
        "name": Markup.escape(name),
        "link": Markup('<a href="{}">{}</a>').format(
            url_for("refusals.index_GET", add=1, email=person.email), _("受信拒否者リストに登録")
        ),
    }


def _over(task_id: int) -> str | Response:
    """The page of a call that is open no more."""
    parts = _parts()
    with parts.engine.connect() as tx:
        task = stored_tasks.get(tx, task_id)
    if task is None:
        abort(404)
    if task.kind != "call":
        return redirect(url_for(".list_GET", kind=task.kind))
    undoable = record_call.undoable(parts, user_id=me().id, now=_now())
    return render_template(
        "web/calls/over.html",
        task=task,
        words=lead_words,
        undoable=undoable if undoable and undoable.task_id == task_id else None,
        now_at=_now(),
    )


def _taken(task_id: int, taken: TaskTaken) -> ResponseReturnValue:
    """Somebody was quicker. What was typed stays on the page, and can still be kept as a touch."""
    parts = _parts()
    with parts.engine.connect() as tx:
        task = stored_tasks.get(tx, task_id)
    if task is None:
        abort(404)
    if show_call.run(parts, task_id, now=_now(), user_id=me().id) is not None:
        return _desk(task_id, form=request.form, errors={}, stale=taken), 409
    page = render_template("web/calls/over.html", task=task, taken=taken, form=request.form, words=lead_words)
    return page, 409


def _queue(
    *,
    hours_only: bool,
    product_id: int | None = None,
    rank: str = "",
    first: int = 0,
    most: int | None = None,
) -> Queue:
    return call_desk.queue(
        _parts(),
        now=_now(),
        user_id=me().id,
        product_id=product_id,
        rank=rank,
        hours_only=hours_only,
        first=first,
        most=most,
    )


def _is_everybodys() -> bool:
    """Whether a colleague's calls are offered as well: to who asks for it, and to who is no caller."""
    return request.args.get("whose") == "all" or me().role not in CALLERS


def _file(data: bytes, name: str, charset: str) -> Response:
    answer = Response(data, content_type=f"text/csv; charset={charset}")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _product_id() -> int | None:
    return request.values.get("product", type=int)


def _skipped() -> set[int]:
    """Ids left out for now. What is no id was never a call's."""
    wanted = request.args.get("skip", "").split(",")[:200]
    return {int(one) for one in wanted if one.isdecimal() and len(one) < ID_DIGITS}


def _kept() -> dict[str, Any]:
    """Choices that go along from call to call."""
    return {
        name: request.args[name] for name in ("skip", "hours", "whose", "product") if request.args.get(name)
    }


def _link(**changed: str | int | None) -> str:
    """The list with some of its choices changed; a change begins at the first row."""
    values: dict[str, str | int | None] = {k: v for k, v in request.args.items() if k != "from"}
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
