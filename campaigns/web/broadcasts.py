"""Broadcasts: write one, look at whom it reaches, send it or ask a second person, see what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules import broadcasts as rule
from campaigns.rules.audience import Audience
from campaigns.rules.broadcasts import Plan, State
from campaigns.rules.ranks import ORDER
from campaigns.rules.scenarios import CLASSES, DEFAULT_CLASSES
from campaigns.services import broadcast, run_broadcasts
from campaigns.services.author import Gone, Stale
from campaigns.services.broadcast import BroadcastError
from campaigns.storage import audience, broadcast_figures, contents, reach, scenarios
from campaigns.storage import broadcasts as stored
from campaigns.storage.broadcasts import Broadcast
from campaigns.web import broadcast_words as words
from campaigns.web import scenario_words
from campaigns.web.session import needs

pages = Blueprint("broadcasts", __name__, url_prefix="/broadcasts")
AT_ONCE = 2_000  # people who are enrolled while the page waits; more are the next minute's work


@pages.get("")
@needs("marketer")
def list_GET() -> ResponseReturnValue:
    with _parts().engine.connect() as tx:
        lines, themes = stored.listing(tx), broadcast_figures.themes(tx)
    return render_template("web/broadcasts/list.html", lines=lines, themes=themes, words=words)


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _form_page(None, Plan(), {})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    return _save(None)


@pages.get("/count")
@needs("marketer")
def count_GET() -> ResponseReturnValue:
    """How many the form's conditions find, for the line beside them."""
    plan = _plan(request.args)
    if plan.product_id is None:
        return render_template("web/broadcasts/_count.html", found=None)
    with _parts().engine.connect() as tx:
        found = reach.fitting(
            tx,
            product_id=plan.product_id,
            classes=plan.classes,
            event_id=plan.event_id,
            wanted=plan.audience,
            told=reach.Contents((plan.content_id,), True) if plan.content_id else reach.NOTHING,
        )
        everybody = stored.everybody(tx, about=found.is_about)
    return render_template(
        "web/broadcasts/_count.html",
        found=found,
        everybody=everybody,
        is_mass=rule.needs_second(found.people, everybody),
    )


@pages.get("/<int:id>")
@needs("marketer")
def show_GET(id: int) -> ResponseReturnValue:
    return _show_page(id)


@pages.get("/<int:id>/edit")
@needs("marketer")
def edit_GET(id: int) -> ResponseReturnValue:
    found = _found(id)
    if found.state not in rule.EDITABLE:
        return _refused(id, "not_editable")
    return _form_page(found, found.plan, {})


@pages.post("/<int:id>/edit")
@needs("marketer")
def edit_POST(id: int) -> ResponseReturnValue:
    return _save(_found(id))


@pages.post("/<int:id>/ask")
@needs("marketer")
def ask_POST(id: int) -> ResponseReturnValue:
    try:
        state, problems = broadcast.ask(_parts(), id, version=_version(), user_id=current_user.id, now=_now())
    except Stale:
        return _stale(id)
    except BroadcastError as error:
        return _refused(id, error.code)
    if problems:
        return _show_page(id), 422
    if state is State.ASKED:
        flash(_("承認を依頼しました。ほかの人が承認するまで、1通も送りません。"), "ok")
    else:
        _launch(id)
    return redirect(url_for(".show_GET", id=id), code=303)


@pages.post("/<int:id>/<any(approve, refuse):word>")
@needs("marketer")
def answer_POST(id: int, word: str) -> ResponseReturnValue:
    try:
        broadcast.answer(
            _parts(),
            id,
            yes=word == "approve",
            reason=request.form.get("reason", ""),
            version=_version(),
            user_id=current_user.id,
            now=_now(),
            seen=request.form.get("seen"),
        )
    except Stale:
        return _stale(id)
    except BroadcastError as error:
        return _show_page(id, error=str(words.ERRORS[error.code])), 422
    if word == "approve":
        _launch(id)
    else:
        flash(_("差し戻しました。理由は依頼した人に伝わります。"), "ok")
    return redirect(url_for(".show_GET", id=id), code=303)


@pages.post("/<int:id>/withdraw")
@needs("marketer")
def withdraw_POST(id: int) -> ResponseReturnValue:
    try:
        broadcast.withdraw(_parts(), id, version=_version(), user_id=current_user.id, now=_now())
    except Stale:
        return _stale(id)
    except BroadcastError as error:
        return _refused(id, error.code)
    flash(_("依頼を取り下げ、下書きに戻しました。"), "ok")
    return redirect(url_for(".show_GET", id=id), code=303)


@pages.post("/<int:id>/cancel")
@needs("marketer")
def cancel_POST(id: int) -> ResponseReturnValue:
    reason = request.form.get("reason", "")
    try:
        done = broadcast.cancel(_parts(), id, reason=reason, user_id=current_user.id, now=_now())
    except BroadcastError as error:
        return _show_page(id, error=str(words.ERRORS[error.code])), 422
    flash(_("中止しました。まだ出ていないメール%(mails)s通を取りやめました。", mails=f"{done.mails:,}"), "ok")
    return redirect(url_for(".show_GET", id=id), code=303)


def _launch(id: int) -> None:
    """A small one begins at once; a large one with the next minute's work."""
    if _found(id).people <= AT_ONCE:
        run_broadcasts.launch(_parts(), id, now=_now())
    flash(_("送信を始めました。1人ずつ、月の枠と間隔を守って予定に入ります。"), "ok")


def _save(found: Broadcast | None) -> ResponseReturnValue:
    plan = _plan(request.form, found)
    with _parts().engine.connect() as tx:
        products, events = scenarios.choices(tx)
    if plan.invites_to not in dict(events):
        plan = replace(plan, invites_to=None)
    if plan.product_id not in dict(products):  # ended or deleted while the form was open
        plan = replace(plan, product_id=None)
    errors = {
        name: str(words.PROBLEMS[f"{name}_missing"])
        for name in ("name", "product_id", "theme")
        if not getattr(plan, name)
    }
    if errors:
        return _form_page(found, plan, errors), 422
    try:
        id = broadcast.save(
            _parts(),
            found.id if found else None,
            plan,
            version=_version(),
            user_id=current_user.id,
            now=_now(),
        )
    except Stale as stale:
        now = stale.now if isinstance(stale.now, Broadcast) else found
        return _form_page(now, plan, {}, is_stale=True), 409
    except BroadcastError as error:
        return _refused(found.id if found else 0, error.code)
    return redirect(url_for(".show_GET", id=id), code=303)


def _plan(form: MultiDict[str, str], found: Broadcast | None = None) -> Plan:
    """The form as it was sent: what is no date or no number is not there."""
    ab = form.get("ab", "")
    mails = {row.id: row.tone for row in _mails(found)}
    content_id = form.get("content_id", type=int)
    return Plan(
        name=form.get("name", "").strip()[:200],
        product_id=form.get("product_id", type=int),
        theme=form.get("theme", "").strip()[:100],
        classes=tuple(c for c in CLASSES if c in form.getlist("classes")),
        event_id=form.get("event_id", type=int),
        invites_to=form.get("invites_to", type=int),
        audience=Audience(
            **{name: tuple(form.getlist(name))[:100] for name in ("industries", "bands", "roles", "ranks")}
        ),
        content_id=content_id if content_id in mails else None,
        content_tone=mails.get(content_id or 0, "info"),
        send_on=_date(form.get("send_on", "")),
        valid_until=_date(form.get("valid_until", "")),
        ab=ab if ab in words.AB else "",
        content_b_id=form.get("content_b_id", type=int)
        if form.get("content_b_id", type=int) in mails
        else None,
        subject_b=form.get("subject_b", "").strip()[:200],
        sample_n=max(0, min(form.get("sample_n", 0, type=int), 1_000_000)),
        wait_hours=min(rule.WAIT_HOURS, key=lambda hours: abs(hours - form.get("wait_hours", 48, type=int))),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _form_page(
    found: Broadcast | None, plan: Plan, errors: Mapping[str, str], *, is_stale: bool = False
) -> str:
    with _parts().engine.connect() as tx:
        products, events = scenarios.choices(tx)
        industries, bands = audience.seen(tx)
        themes = stored.known_themes(tx)
    return render_template(
        "web/broadcasts/edit.html",
        found=found,
        plan=plan,
        errors=errors,
        is_stale=is_stale,
        products=products,
        events=events,
        industries=industries,
        bands=bands,
        roles=[role for role in contents.ROLES if role],
        ranks=list(ORDER),
        classes=CLASSES,
        default_classes=DEFAULT_CLASSES,
        themes=themes,
        mails=_mails(found),
        hours=rule.WAIT_HOURS,
        words=words,
        scenario_words=scenario_words,
    )


def _show_page(id: int, *, error: str = "") -> str:
    found = _found(id)
    is_open = found.state in (*rule.EDITABLE, State.ASKED.value)
    ahead = broadcast.ahead(_parts(), id, now=_now()) if is_open else None
    figures, counted_at = (None, None) if is_open else broadcast.figures(_parts(), found)
    return render_template(
        "web/broadcasts/show.html",
        found=found,
        plan=found.plan,
        ahead=ahead,
        figures=figures,
        counted_at=counted_at,
        error=error,
        words=words,
        scenario_words=scenario_words,
        editable=rule.EDITABLE,
        running=rule.RUNNING,
    )


def _refused(id: int, code: str) -> ResponseReturnValue:
    flash(str(words.ERRORS[code]), "error")
    return redirect(url_for(".show_GET", id=id), code=303)


def _stale(id: int) -> ResponseReturnValue:
    flash(_("ほかの人が先に変更しました。いまの内容を確かめて、もう一度押してください。"), "warn")
    return redirect(url_for(".show_GET", id=id), code=303)


def _found(id: int) -> Broadcast:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, id)
    if found is None:
        raise Gone
    return found


def _mails(found: Broadcast | None) -> list[stored.Choice]:
    with _parts().engine.connect() as tx:
        return stored.mails(tx, chosen=found.plan.content_id if found else None)


def _version() -> int:
    return int(request.form.get("version", 0, type=int))


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
