"""Home: the six processes, today's work, alerts."""

from __future__ import annotations

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.services import approve, overview, run_simulations, show_rank_health, show_today
from campaigns.storage.reports import Alert, Task
from campaigns.web import hand_off_words, lead_words, rank_health_words, words
from campaigns.web.session import me, needs, owner_id

pages = Blueprint("home", __name__)
PAGE = 20


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def reason(task: Task) -> str:
    """Why this task is here: a promise, a note, the touches behind it, or the row of the matrix."""
    if task.note:
        return task.note
    if task.promised_at is not None:
        return str(_("%(when)sに約束しました。", when=words.moment(task.promised_at)))
    if task.steps:
        return " → ".join(f"{words.short_day(s.at)} {words.word(words.KINDS, s.kind)}" for s in task.steps)
    return lead_words.cause(task.cause)


def alert_reasons(alert: Alert) -> list[str]:
    """Why it rings, where its kind does not say it."""
    return [lead_words.reason(one) for one in alert.args.get("reasons", ())] if alert.kind == "surge" else []


def when(task: Task) -> tuple[str, bool]:
    """The word of the first column, and whether it is pressing."""
    now = _parts().clock.now()
    if task.promised_at is not None:
        return words.clock_time(task.promised_at), True
    if any(step.kind in ("inquiry", "quote_request") for step in task.steps):
        return _("問い合わせ"), True
    late = task.due_at.astimezone(words.zone()).date() < now.astimezone(words.zone()).date()
    return (_("期限超過"), True) if late else (_("本日中"), False)


@pages.app_context_processor
def _names() -> dict[str, object]:
    return {"task_reason": reason, "task_when": when, "alert_reasons": alert_reasons}


@pages.get("/")
@needs()
def home_GET() -> ResponseReturnValue:
    parts = _parts()
    now = parts.clock.now()
    return render_template(
        "web/home/home.html",
        home=overview.home(parts, user_id=me().id, now=now),
        rank_alarms=show_rank_health.alarms(parts, now=now),
        rank_words=rank_health_words,
        **_asked(),
    )


@pages.get("/today")
@needs()
def today_GET() -> ResponseReturnValue:
    parts = _parts()
    page = max(1, request.args.get("page", 1, type=int))
    return render_template(
        "web/home/today.html",
        day=show_today.run(parts, me(), now=parts.clock.now(), page=page, size=PAGE),
        words=lead_words,
        hand_offs=hand_off_words,
        page=page,
        size=PAGE,
        simulations=run_simulations.under_way(parts),
        **_asked(),
    )


def _asked() -> dict[str, object]:
    """What waits for the reader's yes: as an owner, or as the second person of a broadcast."""
    parts = _parts()
    is_marketer = me().role in ("marketer", "admin")
    return {
        "approvals": approve.counts(parts, owner_id=owner_id(), now=parts.clock.now()),
        "requests": overview.requests(parts, user_id=me().id) if is_marketer else (),
    }


@pages.get("/alerts")
@needs()
def alerts_GET() -> ResponseReturnValue:
    return render_template("web/home/alerts.html", alerts=overview.alerts(_parts(), user_id=me().id))


@pages.post("/alerts")
@needs()
def alerts_POST() -> ResponseReturnValue:
    parts = _parts()
    up_to = request.form.get("up_to", 0, type=int)
    overview.see_alerts(parts, user_id=me().id, up_to=up_to, now=parts.clock.now())
    return redirect(url_for("home.alerts_GET"))


@pages.get("/badge")
def badge_GET() -> ResponseReturnValue:
    """The bell's number, asked every 20 s. A session that has ended changes nothing on the page."""
    if not current_user.is_authenticated:
        return "", 204
    parts = _parts()
    n = overview.waiting(parts, user_id=me().id, now=parts.clock.now()).alerts
    return f'<span class="n">{words.number(n)}</span>' if n else ""
