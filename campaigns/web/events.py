"""Events: exhibitions, private shows and seminars; the list, a new one, its form. Its own page is `event_page`.

`back` leads to the designer's row that asked for an event; the new one stands chosen there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.events import COST_MAX, COSTS_MAX, NAME_MAX, SEATS_MAX, WORDS_MAX, Cost, Kind, Plan
from campaigns.services import add_event
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage.events import Event
from campaigns.web.event_words import KINDS, LABELS, WRONG
from campaigns.web.mails import safe_back
from campaigns.web.session import me, needs

pages = Blueprint("events", __name__, url_prefix="/events")

DAYS = ("starts_on", "ends_on", "apply_by")
COST_ROWS = 4  # blank lines of the form, so that costs can be entered without a script


@pages.get("")
@needs()
def index_GET() -> ResponseReturnValue:
    parts = _parts()
    found = add_event.listing(parts, now=parts.clock.now())
    show = request.args.get("show", "") or ("ahead" if found.ahead or not found.over else "over")
    return render_template(
        "web/events/index.html",
        found=found,
        lines={"ahead": found.ahead, "over": found.over}.get(show, (*found.ahead, *found.over)),
        show=show if show in ("ahead", "over") else "all",
        kinds=KINDS,
    )


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _form(None, {"kind": Kind.EXHIBITION.value, "owner_user_id": me().id}, back=_back())


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts, (plan, errors) = _parts(), _typed()
    try:
        if errors:
            raise Invalid(errors)
        event_id = add_event.run(parts, plan, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _form(None, _again(), errors=error.errors, back=_back()), 422
    flash(_("「%(name)s」を登録しました。", name=plan.name), "ok")
    back = _chosen(_back(), event_id)
    return redirect(back or url_for("event_page.show_GET", event_id=event_id), code=303)


@pages.get("/<int:event_id>/edit")
@needs("marketer")
def edit_GET(event_id: int) -> ResponseReturnValue:
    return _form(event_id, _shown(add_event.find(_parts(), event_id)))


@pages.post("/<int:event_id>/edit")
@needs("marketer")
def edit_POST(event_id: int) -> ResponseReturnValue:
    parts, (plan, errors) = _parts(), _typed()
    add_event.find(parts, event_id)
    try:
        if errors:
            raise Invalid(errors)
        version = request.form.get("version", 0, type=int)
        add_event.change(parts, event_id, plan, version=version, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _form(event_id, _again(), errors=error.errors), 422
    except Stale as error:
        stored = cast(Event, error.now)
        mine = {**_again(), "version": stored.version}
        return _form(event_id, mine, theirs=_shown(stored)), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for("event_page.show_GET", event_id=event_id), code=303)


def _form(
    event_id: int | None,
    values: Mapping[str, object],
    *,
    errors: Mapping[str, str] | None = None,
    theirs: Mapping[str, object] | None = None,
    back: str = "",
) -> str:
    parts = _parts()
    lines = add_event.listing(parts, now=parts.clock.now())
    one = next((line for line in (*lines.ahead, *lines.over) if line.id == event_id), None)
    return render_template(
        "web/events/edit.html",
        event_id=event_id,
        heading=one.plan.name if one else _("展示会・施策を登録"),
        values=values,
        errors={field: str(WRONG[code]) for field, code in (errors or {}).items()},
        theirs=theirs or {},
        scenarios=one.scenarios if one else (),
        owners=[("", _("担当者未定")), *((user.id, user.name) for user in add_event.owners(parts))],
        kinds=list(KINDS.items()),
        labels=LABELS,
        cost_rows=COST_ROWS,
        back=back,
    )


def _typed() -> tuple[Plan, dict[str, str]]:
    """The form as a plan, and what of it could not be read."""
    form = request.form
    errors: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for name in DAYS:
        try:
            days[name] = date.fromisoformat(form[name]) if form.get(name) else None
        except ValueError:
            errors[name], days[name] = "not_a_day", None
    costs = _costs()
    if costs is None:
        errors["cost_yen"] = "not_money"
    capacity = _seats(form.get("capacity", ""))
    owners = {user.id for user in add_event.owners(_parts())}
    owner = form.get("owner_user_id", type=int)
    plan = Plan(
        name=" ".join(form.get("name", "").split())[:NAME_MAX],
        kind=form.get("kind", ""),
        venue=" ".join(form.get("venue", "").split())[:NAME_MAX],
        owner_user_id=owner if owner in owners else None,
        costs=costs or (),
        capacity=capacity,
        has_waiting_list=capacity is not None and form.get("has_waiting_list") == "1",
        follow_up=form.get("follow_up", "").strip()[:WORDS_MAX],
        **days,
    )
    return plan, errors


def _costs() -> tuple[Cost, ...] | None:
    """The lines of the costs; blank ones are none. None when an amount is no money."""
    lines = [
        (" ".join(label.split())[:NAME_MAX], yen_of(typed))
        for label, typed in zip(
            [*request.form.getlist("cost_label"), ""], [*request.form.getlist("cost_yen"), ""], strict=False
        )
    ][:COSTS_MAX]
    if any(yen is None for _label, yen in lines):
        return None
    return tuple(Cost(label, yen) for label, yen in lines if yen)


def yen_of(typed: str) -> int | None:
    """An amount as somebody types it: 3,000,000 or ３００００００円; 0 for blank, None for what is none."""
    bare = re.sub(r"[,\s¥]|円$", "", unicodedata.normalize("NFKC", typed).strip())
    if not bare:
        return 0
    return int(bare) if re.fullmatch(r"[0-9]{1,12}", bare) and int(bare) <= COST_MAX else None


def _seats(typed: str) -> int | None:
    """Seats as somebody types them; None for blank, 0, which is refused, for what is no number."""
    bare = unicodedata.normalize("NFKC", typed).strip().removesuffix("名").replace(",", "")
    if not bare:
        return None
    return int(bare) if re.fullmatch(r"[0-9]{1,6}", bare) and int(bare) <= SEATS_MAX else 0


def _again() -> dict[str, object]:
    """The form as it was typed, with its lines of costs."""
    form = request.form
    lines = zip([*form.getlist("cost_label"), ""], [*form.getlist("cost_yen"), ""], strict=False)
    return {**form, "costs": [{"label": label, "yen": yen} for label, yen in lines if label or yen]}


def _shown(event: Event) -> dict[str, object]:
    values = {name: value if value is not None else "" for name, value in asdict(event.plan).items()}
    return {**values, "version": event.version}


def _back() -> str:
    return safe_back(request.values.get("back", ""))


def _chosen(back: str, event_id: int) -> str:
    """The address to go back to, with the event that is to stand chosen there; '' without one."""
    if not back:
        return ""
    at = urlsplit(back)
    query = "&".join(filter(None, [at.query, urlencode({"event": event_id})]))
    return urlunsplit(at._replace(query=query))


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
