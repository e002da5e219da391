"""A product's new leads: people who fit its target profile, or were met at an event, counted before they are added."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.inheritance import Level
from campaigns.services import add_leads, inherit
from campaigns.services.add_leads import Done
from campaigns.services.inherit import Holder
from campaigns.web.products import pages
from campaigns.web.session import me, needs
from campaigns.web.words import number

__all__ = ["pages"]


@pages.get("/<int:id>/leads")
@needs("marketer")
def leads_GET(id: int) -> ResponseReturnValue:
    """event: only who was met there, whether they fit the profile or not."""
    holder = _holder(id)
    event_id = request.args.get("event", type=int)
    ahead = add_leads.ahead(_parts(), id, _profile(holder), event_id=event_id)
    return render_template(
        "web/products/leads.html", holder=holder, ahead=ahead, event_id=event_id, most=add_leads.AT_ONCE
    )


@pages.post("/<int:id>/leads")
@needs("marketer")
def leads_POST(id: int) -> ResponseReturnValue:
    holder, parts = _holder(id), _parts()
    event_id = request.form.get("event", type=int)
    done = add_leads.run(
        parts, id, _profile(holder), event_id=event_id, user_id=me().id, now=parts.clock.now()
    )
    flash(_said(done), "ok" if done.people else "info")
    return redirect(url_for(".leads_GET", id=id, event=event_id), code=303)


def _said(done: Done) -> str:
    if not done.people:
        return str(_("新しく見込み客になる人はいませんでした。"))
    said = str(_("%(n)s名を見込み客にしました。", n=number(done.people)))
    if done.enrolled:
        said += str(_("うち%(n)s名は、配信中のシナリオに加わりました。", n=number(done.enrolled)))
    if done.has_more:
        said += str(_("まだ残りがいます。もう一度押すと続けます。"))
    return said


def _profile(holder: Holder) -> Mapping[str, Any]:
    return cast(Mapping[str, Any], holder.value("target_profile"))


def _holder(id: int) -> Holder:
    return inherit.load(_parts(), Level.PRODUCT, id) or abort(404)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
