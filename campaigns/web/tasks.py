"""Actions: everything that people have to do, whose it is and until when; made, changed and called off by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules import actions
from campaigns.services import comment, edit_task, finish_task, invite_person, show_tasks
from campaigns.services.comment import CommentError
from campaigns.services.edit_task import KINDS, NotYours, Stale, TaskError, Wanted
from campaigns.services.invite_person import InviteError
from campaigns.services.record_call import NoSuchTask, TaskTaken
from campaigns.storage import comments, companies, fax_documents, tasks, timeline
from campaigns.storage.comments import Comment
from campaigns.storage.task_lists import Filter
from campaigns.storage.tasks import Task
from campaigns.web import lead_words, tracking_words
from campaigns.web.session import me, needs

pages = Blueprint("tasks", __name__, url_prefix="/tasks")
PAGE = 50
WHOSE = {"mine": _l("自分"), "free": _l("担当者未定"), "team": _l("全員")}
SHOWN = {"all": _l("すべて"), "today": _l("今日まで"), "late": _l("期限超過")}
LABELS = {
    "kind": _l("アクション"), "on": _l("期日"), "at": _l("約束の時刻"), "assignee": _l("担当"),
    "product": _l("商材"), "note": _l("内容"), "reason": _l("取り消す理由"), "words": _l("コメント"),
}  # fmt: skip
ERRORS = {
    "kind unknown": _l("アクションを選んでください。"),
    "kind do_not_call": _l("この方は電話を断っています。メールや訪問など、ほかの方法を選んでください。"),
    "kind phone_invalid": _l("電話番号が違っています。担当者のページで直すと、電話を選べます。"),
    "kind no_phone": _l("電話番号がありません。担当者のページで登録すると、電話を選べます。"),
    "kind excluded": _l("対象外の方です。アクションは作れません。"),
    "kind do_not_fax": _l("この方はFAXを断っています。ほかの方法を選んでください。"),
    "kind no_fax": _l("送れるFAX番号がありません。担当者のページで登録すると、FAXを選べます。"),
    "on missing": _l("期日を入れてください。"),
    "on odd": _l("日付は 2026-11-26 の形で入れてください。"),
    "on past": _l("過ぎた日です。今日からあとの日を入れてください。"),
    "on far": _l("2年より先の日は入れられません。"),
    "at odd": _l("時刻は 14:00 の形で入れてください。"),
    "at past": _l("過ぎた時刻です。これからの時刻を入れてください。"),
    "assignee unknown": _l("いま使用中の利用者から選んでください。"),
    "product unknown": _l("この方の見込みにない商材です。選び直してください。"),
    "product open": _l("この商材の同じアクションが、すでに開いています。新しくは作りませんでした。"),
    "reason missing": _l("取り消す理由を入れてください。"),
}
INVITES = {
    "no_event": _l("案内できる個展・セミナーがなくなりました。終わったか、もう本人に届いています。"),
    "no_mail": _l(
        "この個展・セミナーの案内メールは、まだ送り始めていません。電話などで案内するか、案内先のページで用意してください。"
    ),
    "left_out": _l(
        "この方は案内メールの対象に入っていません（条件に合わないか、配信停止か、届くアドレスがありません）。電話などで案内してください。"
    ),
}
NOTHING: Mapping[str, str] = {}


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    parts, now, wanted = _parts(), _now(), _filter()
    page = max(1, request.args.get("page", 1, type=int))
    found = show_tasks.run(parts, wanted, user=me(), now=now, page=page, size=PAGE)
    return render_template(
        "web/tasks/list.html",
        found=found,
        wanted=wanted,
        page=page,
        size=PAGE,
        whose=WHOSE,
        shown=SHOWN,
        kinds=KINDS,
        users=_users(),
        words=lead_words,
        link=_link,
        **_days(),
    )


@pages.get("/new")
@needs()
def new_GET() -> ResponseReturnValue:
    """For a person; for a company its people to choose from."""
    if person_id := request.args.get("person", type=int):
        return _new_page(person_id, form=request.args, errors=NOTHING)
    with _parts().engine.connect() as tx:
        company = companies.get(tx, request.args.get("company", 0, type=int)) or abort(404)
        members = companies.members(tx, company.id)
    return render_template("web/tasks/whom.html", company=company, members=members, words=lead_words)


@pages.post("/new")
@needs()
def new_POST() -> ResponseReturnValue:
    parts, form = _parts(), request.form
    person_id = form.get("person", 0, type=int)
    wanted, errors = _wanted(form)
    try:
        if errors:
            raise TaskError(errors)
        task_id, caution = edit_task.add(parts, person_id, wanted, user_id=me().id, now=_now())
    except TaskError as error:
        return _new_page(person_id, form=form, errors=_said(error.errors)), 422
    except LookupError:
        abort(404)
    flash(_("アクションを追加しました。"), "ok")
    if caution:
        flash(str(lead_words.CAUTIONS[caution]), "warn")
    return redirect(url_for(".task_GET", task_id=task_id), code=303)


def _new_page(person_id: int, *, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    person, leads = edit_task.about(_parts(), person_id) or abort(404)
    return render_template(
        "web/tasks/new.html",
        person=person,
        leads=leads,
        form=form,
        errors=errors,
        labels=LABELS,
        kinds=KINDS,
        users=_users(),
        cautions={
            lead.product_id: caution
            for lead in leads
            if (caution := edit_task.caution(leads, kind="call", product_id=lead.product_id))
        },
        caution_words=lead_words.CAUTIONS,
        words=lead_words,
        today=_today(),
    )


@pages.get("/<int:task_id>")
@needs()
def task_GET(task_id: int) -> ResponseReturnValue:
    return _page(_task(task_id), form=NOTHING, errors=NOTHING)


@pages.post("/<int:task_id>")
@needs()
def task_POST(task_id: int) -> ResponseReturnValue:
    """When, whose, what for."""
    form, task = request.form, _task(task_id)
    wanted, errors = _wanted(form, kind=task.kind, product_id=task.product_id)
    try:
        if errors:
            raise TaskError(errors)
        edit_task.change(_parts(), task_id, wanted, version=_version(), user=me(), now=_now())
    except TaskError as error:
        return _page(task, form=form, errors=_said(error.errors)), 422
    except Stale as stale:
        return _page(stale.task, form=form, errors=NOTHING, is_stale=True), 409
    except NotYours:
        abort(403)
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".task_GET", task_id=task_id), code=303)


@pages.post("/<int:task_id>/take")
@needs()
def take_POST(task_id: int) -> ResponseReturnValue:
    try:
        edit_task.take(_parts(), task_id, version=_version(), user=me(), now=_now())
    except LookupError:
        abort(404)
    except Stale as stale:
        return _page(stale.task, form=NOTHING, errors=NOTHING, is_stale=True), 409
    flash(_("あなたの担当にしました。"), "ok")
    return redirect(url_for(".task_GET", task_id=task_id), code=303)


@pages.post("/<int:task_id>/cancel")
@needs()
def cancel_POST(task_id: int) -> ResponseReturnValue:
    try:
        edit_task.cancel(
            _parts(),
            task_id,
            version=_version(),
            reason=request.form.get("reason", ""),
            user=me(),
            now=_now(),
        )
    except TaskError as error:
        return _page(_task(task_id), form=request.form, errors=_said(error.errors)), 422
    except LookupError:
        abort(404)
    except Stale as stale:
        return _page(stale.task, form=request.form, errors=NOTHING, is_stale=True), 409
    except NotYours:
        abort(403)
    flash(_("アクションを取り消しました。"), "ok")
    return redirect(url_for(".list_GET"), code=303)


@pages.post("/<int:task_id>/end")
@needs()
def end_POST(task_id: int) -> ResponseReturnValue:
    """What came of it."""
    form = request.form
    try:
        finish_task.run(
            _parts(),
            task_id=task_id,
            version=_version(),
            outcome=form.get("outcome", ""),
            note=form.get("note", "").strip()[: edit_task.NOTE_MAX],
            user_id=me().id,
            now=_now(),
        )
    except TaskTaken:
        return _page(_task(task_id), form=form, errors=NOTHING, is_stale=True), 409
    except NoSuchTask:
        abort(404)
    except KeyError:
        abort(400)
    flash(_("記録しました。"), "ok")
    return redirect(url_for(".list_GET"), code=303)


@pages.post("/<int:task_id>/invite")
@needs()
def invite_POST(task_id: int) -> ResponseReturnValue:
    """The event's invitation to this one person."""
    try:
        is_sent = invite_person.run(_parts(), task_id, version=_version(), user_id=me().id, now=_now())
    except InviteError as error:
        flash(str(INVITES[error.code]), "warn")
        return redirect(url_for(".task_GET", task_id=task_id), code=303)
    except TaskTaken:
        return _page(_task(task_id), form=NOTHING, errors=NOTHING, is_stale=True), 409
    except NoSuchTask:
        abort(404)
    told = _("案内メールを送る人に加えました。月に1通の上限のなかで送ります。")
    flash(told if is_sent else _("担当営業の了承を待って、案内メールを送ります。"), "ok")
    return redirect(url_for(".list_GET"), code=303)


def _sends(task: Task) -> dict[str, object]:
    """What the task would send: the event to invite to, or the material about the product."""
    if task.state not in ("open", "snoozed"):
        return {}
    if task.kind == "invite" and task.lead_id is not None:
        return {"event": invite_person.ahead(_parts(), task.lead_id, now=_now())}
    if task.kind in ("mail", "fax") and task.product_id is not None:
        with _parts().engine.connect() as tx:
            return {"material": fax_documents.of_product(tx, task.product_id)}
    return {}


@pages.post("/<int:task_id>/comments")
@needs()
def comment_POST(task_id: int) -> ResponseReturnValue:
    """Advice from whoever knows the customer; whose action it is and who is named hear of it."""
    form, task = request.form, _task(task_id)
    try:
        comment_id = comment.add(
            _parts(),
            "task",
            task_id,
            words=form.get("words", ""),
            mentions=form.getlist("mention", type=int),
            user=me(),
            now=_now(),
        )
    except CommentError as error:
        errors = {"words": str(tracking_words.COMMENT_ERRORS[error.code])}
        return _page(task, form=form, errors=errors), 422
    return redirect(url_for(".task_GET", task_id=task_id) + f"#comment-{comment_id}", code=303)


def _page(task: Task, *, form: Mapping[str, str], errors: Mapping[str, str], is_stale: bool = False) -> str:
    return render_template(
        "web/tasks/task.html",
        task=task,
        form=form,
        errors=errors,
        labels=LABELS,
        users=_users(),
        is_open=task.state in ("open", "snoozed"),
        may_edit=edit_task.may_edit(task, me()),
        caution=lead_words.CAUTIONS.get(actions.caution(task.rank, task.kind), "") if task.lead_id else "",
        is_stale=is_stale,
        words=lead_words,
        said=_said_of(task),
        mention_parts=tracking_words.mention_parts,
        **_sends(task),
        **_days(),
    )


def _said_of(task: Task) -> list[Comment]:
    with _parts().engine.connect() as tx:
        return comments.on(tx, [("task", task.id)]).get(("task", task.id), [])


def _wanted(
    form: Mapping[str, str], *, kind: str = "", product_id: int | None = None
) -> tuple[Wanted, dict[str, str]]:
    """What was typed, and what of it is no value. kind, product_id: of a task that stands."""
    errors: dict[str, str] = {}
    on: date | None = None
    at: time | None = None
    if day := form.get("on", "").strip():
        try:
            on = date.fromisoformat(day)
        except ValueError:
            errors["on"] = "odd"
    if clock := form.get("at", "").strip():
        try:
            at = time.fromisoformat(clock).replace(tzinfo=None)
        except ValueError:
            errors["at"] = "odd"
    wanted = Wanted(
        kind=kind or form.get("kind", ""),
        on=on,
        at=at,
        product_id=product_id if kind else request.form.get("product", type=int),
        assignee_id=request.form.get("assignee", type=int),
        note=form.get("note", "").strip(),
    )
    return wanted, errors


def _said(errors: Mapping[str, str]) -> dict[str, str]:
    return {field: str(ERRORS[f"{field} {code}"]) for field, code in errors.items()}


def _filter() -> Filter:
    args = request.args
    whose, show, kind = args.get("whose", "mine"), args.get("show", "all"), args.get("kind", "")
    return Filter(
        whose=whose if whose in WHOSE else "mine",
        show=show if show in SHOWN else "all",
        kind=kind if kind in KINDS else "",
        user_id=args.get("user", type=int),
    )


def _link(**changed: Any) -> str:
    """The list with some of its choices changed; a change begins at the first page."""
    values: dict[str, Any] = {name: value for name, value in request.args.items() if name != "page"}
    return url_for(".list_GET", **{**values, **changed})


def _task(task_id: int) -> Task:
    with _parts().engine.connect() as tx:
        return tasks.get(tx, task_id) or abort(404)


def _users() -> list[tuple[int, str]]:
    with _parts().engine.connect() as tx:
        return list(timeline.users(tx))


def _days() -> dict[str, object]:
    return {"today": _today(), "zone": _parts().settings.tz}


def _today() -> date:
    return _now().astimezone(_parts().settings.tz).date()


def _version() -> int:
    return int(request.form.get("version", 0, type=int))


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
