"""Events: exhibitions, private shows and seminars; the list, a new one, its form.

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
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules.events import COST_MAX, NAME_MAX, Kind, Plan
from campaigns.services import add_event
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage.events import Event
from campaigns.web.mails import safe_back
from campaigns.web.session import me, needs

pages = Blueprint("events", __name__, url_prefix="/events")

KINDS = {
    Kind.EXHIBITION.value: _l("展示会"),
    Kind.PRIVATE_SHOW.value: _l("個展（プライベートショー）"),
    Kind.SEMINAR.value: _l("セミナー"),
}
LABELS = {
    "name": _l("名称"),
    "kind": _l("種類"),
    "starts_on": _l("初日"),
    "ends_on": _l("最終日"),
    "venue": _l("場所"),
    "apply_by": _l("申込締切"),
    "owner_user_id": _l("担当"),
    "cost_yen": _l("施策費用"),
}
WRONG = {
    "missing": _l("名称を入力してください。例：ミライ工場展2027"),
    "unknown": _l("種類を選んでください。"),
    "first_day_missing": _l("最終日だけでは日程になりません。初日も入力してください。"),
    "before_first_day": _l("最終日が初日より前です。初日かその後の日にしてください。"),
    "after_last_day": _l("申込締切が会期の後です。最終日までの日にしてください。"),
    "taken": _l("同じ名称と初日の施策が、もう登録されています。一覧から開いて直してください。"),
    "not_money": _l("費用を円の数字で入力してください。例：3,000,000"),
    "not_a_day": _l("日付の形になっていません。例：2027-01-28"),
}
DAYS = ("starts_on", "ends_on", "apply_by")


@pages.get("")
@needs("marketer")
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
        return _form(None, request.form, errors=error.errors, back=_back()), 422
    flash(_("「%(name)s」を登録しました。", name=plan.name), "ok")
    return redirect(_chosen(_back(), event_id) or url_for(".index_GET"), code=303)


@pages.get("/<int:event_id>")
@needs("marketer")
def edit_GET(event_id: int) -> ResponseReturnValue:
    return _form(event_id, _shown(add_event.find(_parts(), event_id)))


@pages.post("/<int:event_id>")
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
        return _form(event_id, request.form, errors=error.errors), 422
    except Stale as error:
        stored = cast(Event, error.now)
        mine = {**request.form, "version": stored.version}
        return _form(event_id, mine, theirs=_shown(stored)), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for(".index_GET"), code=303)


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
    cost = _yen(form.get("cost_yen", ""))
    if cost is None:
        errors["cost_yen"] = "not_money"
    owners = {user.id for user in add_event.owners(_parts())}
    owner = form.get("owner_user_id", type=int)
    plan = Plan(
        name=" ".join(form.get("name", "").split())[:NAME_MAX],
        kind=form.get("kind", ""),
        venue=" ".join(form.get("venue", "").split())[:NAME_MAX],
        owner_user_id=owner if owner in owners else None,
        cost_yen=cost or 0,
        **days,
    )
    return plan, errors


def _yen(typed: str) -> int | None:
    """An amount as somebody types it: 3,000,000 or ３００００００円; 0 for blank, None for what is none."""
    bare = re.sub(r"[,\s¥]|円$", "", unicodedata.normalize("NFKC", typed).strip())
    if not bare:
        return 0
    return int(bare) if re.fullmatch(r"[0-9]{1,12}", bare) and int(bare) <= COST_MAX else None


def _shown(event: Event) -> dict[str, object]:
    values = {name: value if value is not None else "" for name, value in asdict(event.plan).items()}
    return {**values, "cost_yen": values["cost_yen"] or "", "version": event.version}


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
