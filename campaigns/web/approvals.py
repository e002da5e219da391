"""The owner's yes: who may join a scenario, and which planned mails may go, at companies a field rep leads."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.services import approve
from campaigns.web.session import me, needs, owner_id
from campaigns.web.words import number

pages = Blueprint("approvals", __name__, url_prefix="/approvals")
MOST = 10**9  # no page begins further down


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    return _page()


@pages.post("/people")
@needs()
def people_POST() -> ResponseReturnValue:
    """Yes or no for the chosen ones, for one of them, for those shown, or for all of a scenario."""
    word, _sep, one = request.form.get("say", "").partition(":")
    if word not in ("yes", "no"):
        return _page(), 422
    scenario_id = request.form.get("scenario", type=int) if request.form.get("all") else None
    ids = None if scenario_id else _ids(one)
    if scenario_id is None and not ids:
        flash(_("了承する人を選んでください。"), "error")
        return _page(), 422
    done = approve.answer(
        _parts(),
        yes=word == "yes",
        ids=ids,
        scenario_id=scenario_id,
        owner_id=owner_id(),
        user_id=me().id,
        now=_now(),
    )
    if not done:
        flash(_("すでに回答されているため、何も変えていません。"), "info")
    elif word == "yes":
        flash(_("%(n)s名の登録を了承しました。次の判定から、メールの予定に入ります。", n=number(done)), "ok")
    else:
        flash(_("%(n)s名の登録を見送りました。このシナリオのメールは送りません。", n=number(done)), "ok")
    return redirect(url_for(".list_GET"), code=303)


@pages.post("/mails/<int:delivery_id>")
@needs()
def veto_POST(delivery_id: int) -> ResponseReturnValue:
    done = approve.veto(
        _parts(),
        delivery_id,
        reason=request.form.get("reason", ""),
        owner_id=owner_id(),
        user_id=me().id,
        now=_now(),
    )
    if done:
        flash(_("このメールを見送りました。月間枠は空き、シナリオは次の行から続きます。"), "ok")
    else:
        flash(_("このメールは、すでに送ったか取りやめになっています。"), "info")
    return redirect(url_for(".list_GET", _anchor="mails"), code=303)


def _ids(one: str) -> list[int]:
    """The enrolments that are meant: one by its number, all that were shown, or those that were chosen."""
    if one.isdecimal():
        return [int(one)]
    return request.form.getlist("shown" if one == "shown" else "id", type=int)


def _page() -> str:
    people, mails = (min(max(0, request.args.get(name, 0, type=int)), MOST) for name in ("people", "mails"))
    found = approve.page(_parts(), owner_id=owner_id(), now=_now(), people_from=people, mails_from=mails)
    return render_template(
        "web/approvals/list.html", found=found, mine=owner_id() is not None, size=approve.SHOWN
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
