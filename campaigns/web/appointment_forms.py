"""An appointment's form: with whom, when and where, for a new one and for another time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time, timedelta

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules.appointments import LENGTH, NOTE_MAX, PLACE_MAX, AppointmentError
from campaigns.services import appoint
from campaigns.services.appoint import Stale, Wanted
from campaigns.storage import appointments as stored
from campaigns.storage import directory, participants, tasks, timeline
from campaigns.storage.appointments import Appointment
from campaigns.storage.directory import Filter
from campaigns.web import appointment_words as words
from campaigns.web.appointments import day_of, found_or_404, pages
from campaigns.web.session import me, needs

__all__ = ["pages"]
FOUND = 8


@pages.get("/appointments/new")
@needs()
def new_GET() -> ResponseReturnValue:
    """With whom first; then when and where. A task or a read .ics fills in what it knows."""
    person_id = request.args.get("person", type=int)
    if person_id is None:
        return _who()
    return _form(person_id, None, form=MultiDict(request.args), errors={}, is_first=True)


@pages.post("/appointments/new")
@needs()
def new_POST() -> ResponseReturnValue:
    form = request.form
    person_id = form.get("person", 0, type=int)
    try:
        id = appoint.run(_parts(), _wanted(person_id, None), user_id=me().id, now=_now())
    except AppointmentError as error:
        return _form(person_id, None, form=form, errors=_told(error)), 422
    flash(_("訪問の予定を作りました。参加者に予定（.ics）をメールで送ります。"), "ok")
    return redirect(url_for(".show_GET", appointment_id=id), code=303)


@pages.get("/appointments/<int:appointment_id>/edit")
@needs()
def edit_GET(appointment_id: int) -> ResponseReturnValue:
    found = found_or_404(appointment_id)
    return _form(found.person_id, found, form=_typed(found), errors={})


@pages.post("/appointments/<int:appointment_id>/edit")
@needs()
def edit_POST(appointment_id: int) -> ResponseReturnValue:
    found, form = found_or_404(appointment_id), request.form
    try:
        appoint.change(
            _parts(),
            found.id,
            _wanted(found.person_id, found.owner_user_id),
            version=form.get("version", 0, type=int),
            user_id=me().id,
            now=_now(),
        )
    except AppointmentError as error:
        return _form(found.person_id, found, form=form, errors=_told(error)), 422
    except Stale:
        return _form(found.person_id, found_or_404(appointment_id), form=form, errors={}, is_stale=True), 409
    flash(_("予定を変えました。参加者に変更をメールで送ります。"), "ok")
    return redirect(url_for(".show_GET", appointment_id=found.id), code=303)


def _who() -> str:
    q = request.args.get("q", "").strip()[:100]
    kept = {
        name: request.args[name] for name in ("on", "at", "until", "place", "note") if request.args.get(name)
    }
    with _parts().engine.connect() as tx:
        found = directory.page(tx, Filter(q=q), limit=FOUND) if q else []
    return render_template("web/appointments/who.html", q=q, people=found, kept=kept)


def _form(
    person_id: int,
    found: Appointment | None,
    *,
    form: Mapping[str, str],
    errors: Mapping[str, str],
    is_first: bool = False,
    is_stale: bool = False,
) -> str:
    parts = _parts()
    with parts.engine.connect() as tx:
        person = timeline.person(tx, person_id) or abort(404)
        sold, _events = timeline.choices(tx)
        users = timeline.users(tx)
        meant = participants.meant(tx, person_id, None)
        colleagues = participants.people_of(tx, person.company_id) if person.company_id else []
        task_id = request.values.get("task", type=int)
        task = tasks.get(tx, task_id) if task_id else None
        lead_products = [lead.product_id for lead in timeline.leads(tx, person_id)]
    start = MultiDict(form)
    if is_first:
        start = _start(person_id, task, meant.address if meant else "", lead_products, start)
    return render_template(
        "web/appointments/form.html",
        person=person,
        one=found,
        form=start,
        chosen_staff=start.getlist("staff"),
        chosen_guests=start.getlist("guest"),
        invited=start.getlist("invite"),
        colleagues=colleagues,
        products=sold,
        users=users,
        task_id=task.id if task and task.person_id == person_id else None,
        errors=errors,
        is_stale=is_stale,
        words=words,
    )


def _start(
    person_id: int,
    task: tasks.Task | None,
    address: str,
    lead_products: list[int],
    given: MultiDict[str, str],
) -> MultiDict[str, str]:
    """What the form begins with: the task's promise or the next full hour but one, the company's address."""
    zone = _parts().settings.tz
    promised = task.promised_at if task is not None else None
    at = (promised or _now() + timedelta(days=1)).astimezone(zone)
    if promised is None:
        at = at.replace(hour=10, minute=0)
    start: MultiDict[str, str] = MultiDict(
        {
            "on": f"{at:%Y-%m-%d}",
            "at": f"{at:%H:%M}",
            "until": f"{at + LENGTH:%H:%M}",
            "place": address,
            "product": str(
                (task.product_id if task else None) or (lead_products[0] if lead_products else "")
            ),
        }
    )
    for name in ("on", "at", "until", "place", "note", "product"):
        if given.get(name):
            start[name] = given[name]
    if given.get("at") and not given.get("until"):
        start["until"] = ""
    start.setlist("staff", [str((task.assignee_id if task else None) or me().id)])
    start.setlist("guest", [str(person_id)])
    return start


def _typed(found: Appointment) -> MultiDict[str, str]:
    """An appointment as its form."""
    zone = _parts().settings.tz
    with _parts().engine.connect() as tx:
        staff, guests = participants.staff(tx, found.id), participants.guests(tx, found.id)
    at, until = found.starts_at.astimezone(zone), found.ends_at.astimezone(zone)
    form: MultiDict[str, str] = MultiDict(
        {
            "on": f"{at:%Y-%m-%d}",
            "at": f"{at:%H:%M}",
            "until": f"{until:%H:%M}",
            "place": found.place,
            "note": found.note,
            "product": str(found.product_id or ""),
        }
    )
    owner = [found.owner_user_id] if found.owner_user_id else []
    form.setlist("staff", [str(id) for id in dict.fromkeys([*owner, *(one.id for one in staff)])])
    form.setlist("guest", [str(one.id) for one in guests])
    form.setlist("invite", [str(one.id) for one in guests if one.is_invited])
    return form


def _wanted(person_id: int, owner_id: int | None) -> Wanted:
    """owner_id: keeps it while taking part; a new one is its task's assignee's, else one's own. Raises
    AppointmentError for times that cannot be read."""
    form, zone = request.form, _parts().settings.tz
    day, at, until = day_of(form.get("on", "")), _clock(form.get("at", "")), _clock(form.get("until", ""))
    if day is None or at is None:
        raise AppointmentError({"starts": "missing"})
    if form.get("until") and until is None:
        raise AppointmentError({"ends": "odd"})
    starts_at = datetime.combine(day, at, tzinfo=zone)
    staff = [int(one) for one in form.getlist("staff") if one.isdecimal() and len(one) < 17]
    people = [int(one) for one in form.getlist("guest") if one.isdecimal() and len(one) < 17]
    invited = [int(one) for one in form.getlist("invite") if one.isdecimal() and len(one) < 17]
    task = _visit_of(person_id)
    owners = (owner_id, task.assignee_id if task is not None else None, me().id)
    return Wanted(
        person_id=person_id,
        starts_at=starts_at,
        ends_at=datetime.combine(day, until, tzinfo=zone) if until is not None else starts_at + LENGTH,
        place=form.get("place", "").strip()[:PLACE_MAX],
        product_id=form.get("product", type=int),
        owner_user_id=next((id for id in (*owners, *staff) if id in staff), None),
        staff=tuple(staff),
        guests=tuple(id for id in people if id != person_id),
        invited=tuple(invited),
        note=form.get("note", "").strip()[:NOTE_MAX],
        task_id=task.id if task is not None else None,
    )


def _visit_of(person_id: int) -> tasks.Task | None:
    """The open visit this date is for, where the form came from one."""
    task_id = request.form.get("task", type=int)
    if task_id is None:
        return None
    with _parts().engine.connect() as tx:
        task = tasks.get(tx, task_id)
        taken = stored.of_task(tx, task_id)
    fits = task is not None and task.kind == "visit" and task.state == "open" and task.person_id == person_id
    return task if fits and taken is None else None


def _told(error: AppointmentError) -> dict[str, str]:
    return {field: str(words.ERRORS[f"{field} {code}"]) for field, code in error.errors.items()}


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
