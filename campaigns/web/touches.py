"""Touches that people record: who, what, in their words. Product and day are filled in already.

From a person's page, or from the search that 今日やること and the phone's bar lead to. A touch recorded in error is
taken back with its reason; it stays where it was. Source: S0-28.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules import entering
from campaigns.rules.entering import BY_HAND, GROUPS, NOTE_MAX, REASON_MAX, TouchError
from campaigns.rules.touchpoints import KINDS, Kind
from campaigns.services import record_touch
from campaigns.storage import directory, timeline
from campaigns.storage.directory import Filter, PersonLine
from campaigns.web import lead_words
from campaigns.web.session import me, needs

pages = Blueprint("touches", __name__)
FOUND = 8
Q_MAX = 100
GROUP_WORDS = {
    "talk": _l("会話"),
    "asked": _l("お申し込み・ご依頼"),
    "event": _l("展示会・セミナー"),
    "ours": _l("こちらからの連絡"),
}
ERRORS = {
    "in_the_future": _l("これからの日時です。あったことだけを記録してください。"),
    "kind_by_machine": _l("この種別は自動で記録されます。別の種別を選んでください。"),
}
REASONS = (
    _l("人を間違えた"),
    _l("種別か日付を間違えた"),
    _l("二重に記録した"),
    _l("実際にはなかった"),
)


@pages.get("/touches")
@needs()
def who_GET() -> ResponseReturnValue:
    """Who was it? Found while typing with a script, by a press without one."""
    q = request.args.get("q", "").strip()[:Q_MAX]
    page = "web/touches/_found.html" if request.headers.get("HX-Request") else "web/touches/who.html"
    return render_template(page, q=q, people=_found(q), words=lead_words)


def _found(q: str) -> list[PersonLine]:
    if not q:
        return []
    with _parts().engine.connect() as tx:
        return directory.page(tx, Filter(q=q), limit=FOUND)


@pages.get("/people/<int:person_id>/touch")
@needs()
def new_GET(person_id: int) -> ResponseReturnValue:
    """again: a touch that was taken back, to be recorded rightly; what it said is filled in."""
    again = request.args.get("again", type=int)
    before = record_touch.look(_parts(), again) if again else None
    if before is None or before.person_id != person_id:
        return _form(person_id, form=request.args, errors={})
    said = {"kind": before.kind, "note": before.note}
    said |= {"product": str(before.product_id or ""), "event": str(before.event_id or "")}
    return _form(person_id, form=said, errors={})


@pages.post("/people/<int:person_id>/touch")
@needs()
def new_POST(person_id: int) -> ResponseReturnValue:
    form, errors, parts, now = request.form, {}, _parts(), _now()
    kind = form.get("kind", "")
    if kind not in BY_HAND:
        errors["kind"] = _("種別を選んでください。")
    try:
        day = datetime.fromisoformat(form.get("on", ""))
        clock = time.fromisoformat(form["at"]) if form.get("at") else None
    except ValueError:
        errors["on"] = _("日付は 2026-11-26 の形で入れてください。")
    if errors:
        return _form(person_id, form=form, errors=errors), 422
    try:
        done = record_touch.run(
            parts,
            person_id=_person(person_id).id,
            kind=Kind(kind),
            at=entering.instant(day, clock, zone=parts.settings.tz, now=now),
            key=form.get("key", "")[:64] or secrets.token_hex(8),
            product_id=form.get("product", type=int),
            event_id=form.get("event", type=int),
            note=form.get("note", "").strip()[:NOTE_MAX],
            user_id=me().id,
            now=now,
        )
    except TouchError as error:
        field = "on" if error.code == "in_the_future" else "kind"
        return _form(person_id, form=form, errors={field: str(ERRORS[error.code])}), 422
    return redirect(
        url_for(
            "people.person_GET",
            person_id=person_id,
            product=form.get("product") or None,
            recorded=done.id,
        ),
        code=303,
    )


@pages.get("/touches/<int:touch_id>")
@needs()
def touch_GET(touch_id: int) -> ResponseReturnValue:
    """One touch with where it comes from; here it is taken back."""
    touch = record_touch.look(_parts(), touch_id)
    if touch is None:
        abort(404)
    return render_template(
        "web/touches/touch.html", touch=touch, reasons=[(str(one), one) for one in REASONS], words=lead_words
    )


@pages.post("/touches/<int:touch_id>/withdraw")
@needs()
def withdraw_POST(touch_id: int) -> ResponseReturnValue:
    form = request.form
    reason = (form.get("other", "").strip() or form.get("reason", "").strip())[:REASON_MAX]
    done = record_touch.withdraw(
        _parts(), touch_id, reason=reason or str(_("理由なし")), user_id=me().id, now=_now()
    )
    if done is None:
        abort(404)
    if not done.may_be_withdrawn:
        flash(_("この接点は取り消せないか、もう取り消されています。"), "warn")
        return redirect(url_for(".touch_GET", touch_id=touch_id), code=303)
    flash(_("接点を取り消しました。見込度も元に戻しています。"), "ok")
    if form.get("again"):
        return redirect(url_for(".new_GET", person_id=done.person_id, again=done.id), code=303)
    return redirect(url_for("people.person_GET", person_id=done.person_id), code=303)


@dataclass(frozen=True, slots=True)
class _Start:
    """What the form begins with. product: the person's own, or the only one."""

    day: str
    key: str
    product: int | None


def _form(person_id: int, *, form: Mapping[str, str], errors: Mapping[str, str]) -> str:
    parts, person = _parts(), _person(person_id)
    with parts.engine.connect() as tx:
        products, events = timeline.choices(tx)
        leads = [lead.product_id for lead in timeline.leads(tx, person_id)]
    sold = [id for id, _name in products]
    product = entering.default_product([id for id in leads if id in sold], sold)
    return render_template(
        "web/touches/new.html",
        person=person,
        form=form,
        errors=errors,
        groups=[(GROUP_WORDS[name], [(k, KINDS[k].depth) for k in kinds]) for name, kinds in GROUPS.items()],
        products=products,
        events=events,
        start=_Start(f"{_now().astimezone(parts.settings.tz):%Y-%m-%d}", secrets.token_hex(8), product),
        words=lead_words,
    )


def _person(person_id: int) -> timeline.Person:
    with _parts().engine.connect() as tx:
        found = timeline.person(tx, person_id)
    if found is None:
        abort(404)
    return found


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
