"""Publishing a scenario: what the new version changes, who waits in each changed row, and what becomes of them."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules import flow
from campaigns.rules.versions import Choice
from campaigns.services import enrol, publish
from campaigns.services.author import Gone
from campaigns.services.publish import Refused
from campaigns.storage import scenarios as stored
from campaigns.storage import step_counts, steps
from campaigns.web import scenario_words as words
from campaigns.web import version_words
from campaigns.web.session import needs

pages = Blueprint("publishing", __name__, url_prefix="/scenarios")


@pages.get("/<int:scenario_id>/publish")
@needs("marketer", "admin")
def publish_GET(scenario_id: int) -> ResponseReturnValue:
    try:
        return _page(scenario_id)
    except Gone:
        return _nothing_to_publish(scenario_id)


@pages.post("/<int:scenario_id>/publish")
@needs("marketer", "admin")
def publish_POST(scenario_id: int) -> ResponseReturnValue:
    parts, now = _parts(), _now()
    try:
        done = publish.run(
            parts,
            scenario_id,
            user_id=current_user.id,
            now=now,
            choices=_choices(request.form),
            read=request.form.get("read", ""),
        )
    except Gone:
        return _nothing_to_publish(scenario_id)
    if isinstance(done, Refused):
        if done.unread:
            flash(_("メールの注意を読み、確認の欄に印を付けてから公開してください。"), "error")
        return _page(scenario_id), 422
    # After the commit: whom it is for joins now, the planner decides when each mail goes.
    new = enrol.audience(parts, scenario_id, now=now)
    flash(
        _(
            "第%(no)s版を公開しました。メール%(mails)s通を固定し、%(new)s名を登録しました。",
            no=done.no,
            mails=done.mails,
            new=new,
        ),
        "ok",
    )
    if done.moved:
        flash(_("進行中の%(n)s名は、新しい版で続けます。", n=f"{done.moved:,}"), "ok")
    return _back(scenario_id)


def _choices(form: MultiDict[str, str]) -> dict[str, Choice]:
    """What was chosen for each row, by its KEY; an unknown word is as good as none."""
    known = set(Choice)
    return {
        name.removeprefix("row-"): Choice(value)
        for name, value in form.items()
        if name.startswith("row-") and value in known
    }


def _page(scenario_id: int) -> str:
    parts = _parts()
    ahead = publish.ahead(parts, scenario_id, now=_now())
    with parts.engine.connect() as tx:
        scenario, draft = stored.get(tx, scenario_id), stored.draft(tx, scenario_id)
        if scenario is None or draft is None:
            raise Gone
        reach = step_counts.read_reach(tx, scenario)
        rows = steps.of(tx, draft.id)
    return render_template(
        "web/scenarios/publish.html",
        scenario=scenario,
        no=draft.no,
        ahead=ahead,
        reach=reach,
        keys={step.position: step.key for step in rows},
        labels={step.position: label for step, label in zip(rows, flow.labels(rows), strict=True)},
        chosen=_choices(request.form),
        words=words,
        said=version_words,
    )


def _nothing_to_publish(scenario_id: int) -> ResponseReturnValue:
    """A second press, or a colleague's: the scenario stands as it was published. Raises Gone without one."""
    with _parts().engine.connect() as tx:
        if stored.get(tx, scenario_id) is None:
            raise Gone
    flash(_("公開する変更はありません。すでに公開されています。"), "info")
    return _back(scenario_id)


def _back(scenario_id: int) -> ResponseReturnValue:
    return redirect(url_for("scenarios.design_GET", scenario_id=scenario_id), code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
