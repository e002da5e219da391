"""Visits: the list of today and the week, an appointment with who takes part, and its report."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.appointments import NOTE_MAX, Next, Result
from campaigns.services import appoint, await_reply, introduce, report_visit
from campaigns.services.appoint import Stale
from campaigns.services.await_reply import WaitError
from campaigns.services.report_visit import ReportError
from campaigns.storage import appointments as stored
from campaigns.storage import introductions, participants, timeline
from campaigns.storage.appointments import Appointment
from campaigns.web import appointment_words as words
from campaigns.web import hand_off_words, lead_words
from campaigns.web.session import me, needs

pages = Blueprint("appointments", __name__)
SHOWN = ("today", "week", "report")
WEEKDAYS = 7


@pages.get("/appointments")
@needs()
def list_GET() -> ResponseReturnValue:
    parts, now = _parts(), _now()
    whose = request.args.get("whose", "mine")
    user_id = None if whose == "all" else request.args.get("user", type=int) or me().id
    show = request.args.get("show", "today")
    today = _midnight(now.astimezone(parts.settings.tz).date())
    first = _midnight(_week_start())
    with parts.engine.connect() as tx:
        late = stored.to_report(tx, now=now, user_id=user_id)
        if show == "week":
            found = stored.between(tx, first, first + timedelta(days=WEEKDAYS), user_id=user_id)
        elif show == "report":
            found = late
        else:
            found = stored.between(tx, today, today + timedelta(days=1), user_id=user_id)
        counts = stored.counts(
            tx,
            now=now,
            today=today,
            tomorrow=today + timedelta(days=1),
            week_end=today + timedelta(days=WEEKDAYS),
            user_id=user_id,
        )
        users = timeline.users(tx)
    days = [(first + timedelta(days=n)).date() for n in range(WEEKDAYS)] if show == "week" else []
    zone = parts.settings.tz
    return render_template(
        "web/appointments/list.html",
        found=found,
        late=late,
        by_day={day: [one for one in found if one.starts_at.astimezone(zone).date() == day] for day in days},
        show=show if show in SHOWN else "today",
        whose=whose,
        user_id=user_id,
        users=users,
        counts=counts,
        first=first.date(),
        week=timedelta(days=WEEKDAYS),
        six_days=timedelta(days=WEEKDAYS - 1),
        today=today.date(),
        words=words,
        local=lambda at: at.astimezone(zone),
        **_said(),
    )


@pages.post("/appointments/<int:appointment_id>/cancel")
@needs()
def cancel_POST(appointment_id: int) -> ResponseReturnValue:
    version = request.form.get("version", 0, type=int)
    try:
        appoint.cancel(_parts(), appointment_id, version=version, user_id=me().id, now=_now())
    except LookupError:
        abort(404)
    except Stale:
        flash(_("先にほかの人が変更しています。いまの予定を確かめてください。"), "warn")
    else:
        flash(_("予定を取りやめました。参加者のカレンダーからも消えます。"), "ok")
    return redirect(url_for(".show_GET", appointment_id=appointment_id), code=303)


# --- one, and its report


@pages.get("/appointments/<int:appointment_id>")
@needs()
def show_GET(appointment_id: int) -> ResponseReturnValue:
    return _show(found_or_404(appointment_id), form={}, errors={})


@pages.post("/appointments/<int:appointment_id>")
@needs()
def report_POST(appointment_id: int) -> ResponseReturnValue:
    form, found, errors = request.form, found_or_404(appointment_id), dict[str, str]()
    result, step = form.get("result", ""), form.get("next", "")
    if result not in list(Result):
        errors["result"] = str(words.REPORT_ERRORS["result_missing"])
    if step not in list(Next):
        errors["next"] = str(words.REPORT_ERRORS["next_unknown"])
    next_on = day_of(form.get("next_on", ""))
    if form.get("next_on") and next_on is None:
        errors["next_on"] = str(words.REPORT_ERRORS["day_odd"])
    if errors:
        return _show(found, form=form, errors=errors), 422
    try:
        done = report_visit.run(
            _parts(),
            found.id,
            version=form.get("version", 0, type=int),
            result=Result(result),
            note=form.get("note", "")[:NOTE_MAX],
            next=Next(step),
            next_on=next_on,
            user_id=me().id,
            now=_now(),
        )
    except ReportError as error:
        field = (
            "next_on" if error.code == "day_past" else "next" if error.code == "next_unknown" else "result"
        )
        return _show(found, form=form, errors={field: str(words.REPORT_ERRORS[error.code])}), 422
    except Stale:
        return _show(found_or_404(appointment_id), form=form, errors={}, is_stale=True), 409
    return _after(found, done, next_on)


def _after(found: Appointment, done: report_visit.Reported, next_on: date | None) -> ResponseReturnValue:
    flash(_("訪問を報告しました。"), "ok")
    if done.next is Next.WAIT and done.lead_id is not None:
        try:
            until = await_reply.start(
                _parts(),
                done.lead_id,
                due_on=next_on,
                assignee_id=found.owner_user_id,
                user_id=me().id,
                now=_now(),
            )
            flash(_("返事待ちにしました。%(day)sにお知らせします。", day=until.isoformat()), "info")
        except WaitError as error:
            flash(
                _("返事待ちの期日は、明日から1年以内の日にしてください。返事待ちにはしていません。")
                if error.code in ("past", "far")
                else hand_off_words.no_wait(error.code, found.person),
                "warn",
            )
    if done.next is Next.VISIT:
        return redirect(
            url_for(".new_GET", person=found.person_id, product=found.product_id, task_of=found.id), code=303
        )
    if done.next is Next.HAND_OFF:
        return redirect(
            url_for("people.person_GET", person_id=found.person_id, product=found.product_id), code=303
        )
    return redirect(url_for(".show_GET", appointment_id=found.id), code=303)


@pages.post("/people/<int:person_id>/introduced")
@needs()
def introduced_POST(person_id: int) -> ResponseReturnValue:
    """Who brought us to this person."""
    form = request.form
    try:
        is_new = introduce.run(
            _parts(),
            from_id=form.get("from", 0, type=int),
            to_id=person_id,
            note=form.get("note", ""),
            user_id=me().id,
            now=_now(),
        )
    except LookupError:
        flash(_("紹介してくださった方を、同じ企業の方から選んでください。"), "warn")
    else:
        flash(
            _("紹介者を記録しました。") if is_new else _("この紹介は、すでに記録されています。"),
            "ok" if is_new else "info",
        )
    return redirect(url_for("people.person_GET", person_id=person_id), code=303)


def _show(
    found: Appointment, *, form: Mapping[str, str], errors: Mapping[str, str], is_stale: bool = False
) -> str:
    parts = _parts()
    with parts.engine.connect() as tx:
        staff, guests = participants.staff(tx, found.id), participants.guests(tx, found.id)
        clashes = (
            stored.overlapping(tx, [one.id for one in staff], found.starts_at, found.ends_at, but=found.id)
            if found.state == "planned" and found.ends_at > _now()
            else []
        )
        lacks_decider = introductions.lacks_decider(tx, found.person_id)
    offers = report_visit.offered(parts, found)
    steps = offers[Result(form["result"])] if form.get("result") in list(Result) else offers[Result.TALKED]
    return render_template(
        "web/appointments/show.html",
        one=found,
        staff=staff,
        guests=guests,
        clashes=clashes,
        lacks_decider=lacks_decider,
        steps=[step for step in Next if any(step in found for found in offers.values())],
        proposed=steps[0],
        firsts={result.value: offers[result][0].value for result in Result},
        may_report=found.state == "planned" and found.starts_at <= _now(),
        form=form,
        errors=errors,
        is_stale=is_stale,
        words=words,
        leads=lead_words,
        local=lambda at: at.astimezone(parts.settings.tz),
        **_said(),
    )


def _said() -> dict[str, object]:
    return {"now_at": _now(), "zone": _parts().settings.tz}


def found_or_404(appointment_id: int) -> Appointment:
    with _parts().engine.connect() as tx:
        found = stored.get(tx, appointment_id)
    if found is None:
        abort(404)
    return found


def _week_start() -> date:
    """The Monday of the week asked for, else of this one."""
    day = day_of(request.args.get("week", "")) or _now().astimezone(_parts().settings.tz).date()
    return day - timedelta(days=day.weekday())


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=_parts().settings.tz)


def day_of(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 2100 else None


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
