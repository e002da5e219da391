"""Publishing a scenario: what the new version changes, who waits in each changed row, and what becomes of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

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
from campaigns.services.freeze_mails import MailProblem
from campaigns.services.publish import Done, Refused
from campaigns.storage import scenarios as stored
from campaigns.storage import step_counts, steps
from campaigns.web import scenario_words as words
from campaigns.web import version_words
from campaigns.web.session import needs
from campaigns.web.words import number

pages = Blueprint("publishing", __name__, url_prefix="/scenarios")


@pages.get("/<int:scenario_id>/publish")
@needs("marketer")
def publish_GET(scenario_id: int) -> ResponseReturnValue:
    try:
        return _page(scenario_id)
    except Gone:
        return _nothing_to_publish(scenario_id)


@pages.post("/<int:scenario_id>/publish")
@needs("marketer")
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
            seen=request.form.get("seen"),
        )
    except Gone:
        return _nothing_to_publish(scenario_id)
    if isinstance(done, Refused):
        if done.changed:
            flash(
                _(
                    "確認の画面を開いたあとで、内容が変わりました。下の内容を確かめて、もう一度公開してください。"
                ),
                "warn",
            )
        if done.unread:
            flash(_("メールの注意を読み、確認の欄に印を付けてから公開してください。"), "error")
        return _page(scenario_id), 422
    # After the commit: whom it is for joins now, the planner decides when each mail goes.
    new = enrol.audience(parts, scenario_id, now=now)
    flash(_told(scenario_id, done, new=new), "ok")
    if done.moved or done.kept:
        flash(version_words.went_on(done), "ok")
    return _back(scenario_id)


def _told(scenario_id: int, done: Done, *, new: int) -> str:
    """What was published, and for how many: the numbers that the page showed before."""
    with _parts().engine.connect() as tx:
        scenario = stored.get(tx, scenario_id)
        reach = step_counts.read_reach(tx, scenario) if scenario else None
    said = str(_("第%(no)s版を公開しました。メール%(mails)s通を固定しました。", no=done.no, mails=done.mails))
    if new or not (done.moved or done.kept):
        said += str(_("%(new)s名を新しく登録しました。", new=number(new)))
    if reach and reach.is_known and reach.at is None:
        said += str(
            _(
                "いま送れるのは、対象%(all)s名のうち%(n)s名です。",
                all=number(reach.everybody),
                n=number(reach.can_send),
            )
        )
    return said


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
        rows = steps.of(tx, draft.id)
    return render_template(
        "web/scenarios/publish.html",
        scenario=scenario,
        no=draft.no,
        ahead=ahead,
        reach=ahead.reach,
        mails=_by_mail(ahead.mails),
        keys={step.position: step.key for step in rows},
        labels={step.position: label for step, label in zip(rows, flow.labels(rows), strict=True)},
        chosen=_choices(request.form),
        words=words,
        said=version_words,
    )


def _by_mail(problems: Sequence[MailProblem]) -> list[list[MailProblem]]:
    """What is wrong with each mail, the mails in the order of the table."""
    return [list(group) for _key, group in groupby(problems, key=lambda p: (p.line, p.content_id))]


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
