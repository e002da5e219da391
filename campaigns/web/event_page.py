"""An event's own page: its days and costs, its people by filter, invitations, thanks, gaps, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.events import Answer
from campaigns.services import (
    answer_event,
    export_event,
    follow_event,
    invite_event,
    show_event,
    show_report,
)
from campaigns.services.answer_event import AnswerError
from campaigns.services.follow_event import FollowError
from campaigns.services.invite_event import InviteError
from campaigns.services.show_event import PAGE, Seen
from campaigns.services.show_report import Asked
from campaigns.storage import cohort_report, event_people
from campaigns.web import broadcast_words, event_words, exports, lead_words, menu, report_events
from campaigns.web.report_tables import Figure, Table
from campaigns.web.session import me, needs

pages = Blueprint("event_page", __name__, url_prefix="/events")


@pages.get("/<int:event_id>")
@needs()
def show_GET(event_id: int) -> ResponseReturnValue:
    return _page(event_id)


@pages.get("/<int:event_id>/people.csv")
@needs("marketer", "sales_manager")
def csv_GET(event_id: int) -> ResponseReturnValue:
    parts, show = _parts(), request.args.get("show", "met")
    moment = partial(exports.moment, zone=parts.settings.tz)
    words = export_event.Words(event_words.head(), lambda line: event_words.cells(line, moment))
    data = export_event.run(parts, event_id, show=show, words=words, user_id=me().id, now=parts.clock.now())
    name = f"event-{event_id}-{show}.csv"
    return Response(
        data, mimetype="text/csv", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


@pages.post("/<int:event_id>/owner")
@needs()
def owner_POST(event_id: int) -> ResponseReturnValue:
    parts = _parts()
    owner = request.form.get("owner", 0, type=int) or me().id
    try:
        done = follow_event.own(parts, event_id, _chosen(), owner_id=owner, by=me(), now=parts.clock.now())
    except FollowError as error:
        return _page(event_id, show="gaps", error=_said(error)), 422
    flash(_("%(n)s社の担当を決めました。", n=done.done), "ok")
    return _back(event_id, "gaps")


@pages.post("/<int:event_id>/action")
@needs()
def action_POST(event_id: int) -> ResponseReturnValue:
    parts, show = _parts(), request.form.get("show", "gaps")
    if show not in follow_event.CAUSES:
        abort(400)
    kind = request.form.get("kind", "")
    try:
        done = follow_event.act(
            parts, event_id, show, _chosen(), kind=kind, user_id=me().id, now=parts.clock.now()
        )
    except FollowError as error:
        return _page(event_id, show=show, error=_said(error)), 422
    flash(_("%(n)s名のアクションを作りました。", n=done.done), "ok")
    if done.cautioned:
        said = _("うち%(n)s名は、そのうち客か、お断りになった方です。", n=done.cautioned)
        flash(f"{said} {lead_words.CAUTIONS['nurture']}", "warn")
    if done.done < done.asked:
        flash(
            _(
                "%(n)s名は作りませんでした。電話できない（番号がない・架電禁止）か、同じアクションがもうあります。",
                n=done.asked - done.done,
            ),
            "info",
        )
    return _back(event_id, show)


@pages.post("/<int:event_id>/came")
@needs()
def came_POST(event_id: int) -> ResponseReturnValue:
    parts, chosen = _parts(), _chosen() or []
    show = request.form.get("show", "signed")
    if not chosen:
        return _page(event_id, show=show, error=str(event_words.ERRORS["nobody"])), 422
    done = follow_event.came(parts, event_id, chosen, user_id=me().id, now=parts.clock.now())
    flash(_("%(n)s名の来場を記録しました。", n=done.done), "ok")
    return _back(event_id, show)


@pages.post("/<int:event_id>/answer")
@needs()
def answer_POST(event_id: int) -> ResponseReturnValue:
    """What somebody said on the phone; or a seat for somebody who waits."""
    parts, form = _parts(), request.form
    person_id, show = form.get("person", 0, type=int), form.get("show", "invited")
    said, now = form.get("answer", ""), parts.clock.now()
    try:
        if said == "seat":
            answer_event.seat(parts, event_id, person_id, user_id=me().id, now=now)
        elif said in list(Answer):
            answer_event.by_staff(parts, event_id, person_id, Answer(said), user_id=me().id, now=now)
        else:
            abort(400)
    except AnswerError as error:
        return _page(event_id, show=show, error=str(event_words.ERRORS[error.code])), 422
    flash(_("席を用意し、メールで知らせました。") if said == "seat" else _("回答を記録しました。"), "ok")
    return _back(event_id, show)


@pages.post("/<int:event_id>/invite")
@needs("marketer")
def invite_POST(event_id: int) -> ResponseReturnValue:
    return _mailing(event_id, invite_event.run)


@pages.post("/<int:event_id>/thank")
@needs("marketer")
def thank_POST(event_id: int) -> ResponseReturnValue:
    return _mailing(event_id, invite_event.thank)


@pages.post("/<int:event_id>/thank/<int:scenario_id>/late")
@needs("marketer")
def late_POST(event_id: int, scenario_id: int) -> ResponseReturnValue:
    parts = _parts()
    n = invite_event.thank_late(parts, scenario_id, user_id=me().id, now=parts.clock.now())
    flash(_("%(n)s名をお礼メールに加えました。1人ずつ、順に予定へ入ります。", n=n), "ok")
    return _back(event_id, "met")


@pages.post("/<int:event_id>/<any(close, reopen):word>")
@needs("marketer", "sales_manager")
def close_POST(event_id: int, word: str) -> ResponseReturnValue:
    parts = _parts()
    act = follow_event.close if word == "close" else follow_event.reopen
    try:
        act(parts, event_id, user_id=me().id, now=parts.clock.now())
    except FollowError as error:
        return _page(event_id, show="gaps" if error.code == "gaps" else "", error=_said(error)), 422
    flash(_("クローズしました。") if word == "close" else _("クローズを取り消しました。"), "ok")
    return _back(event_id, "")


def _mailing(event_id: int, draft: object) -> ResponseReturnValue:
    """Draft an invitation or a thank-you mail, and go where it is looked at and sent."""
    parts = _parts()
    assert callable(draft)
    try:
        id = draft(
            parts, event_id, request.form.get("product", 0, type=int), user_id=me().id, now=parts.clock.now()
        )
    except InviteError as error:
        return _page(event_id, error=str(event_words.ERRORS[error.code])), 422
    return redirect(url_for("broadcasts.show_GET", id=id), code=303)


def _page(event_id: int, *, show: str = "", error: str = "") -> str:
    parts, now = _parts(), _parts().clock.now()
    show = show or request.args.get("show", "")
    offset = max(0, request.args.get("from", 0, type=int))
    seen = show_event.run(parts, event_id, show=show, offset=min(offset, 10**6), now=now)
    return render_template(
        "web/events/show.html",
        seen=seen,
        event=seen.event,
        plan=seen.event.plan,
        offset=offset,
        step=PAGE,
        error=error,
        words=event_words,
        broadcast_words=broadcast_words,
        shows=_chips(seen),
        acts=follow_event.KINDS,
        tables=_results(seen),
        owners=[(user.id, user.name) for user in follow_event.members(parts)],
        leaders=tracking.LEADERS,
    )


def _chips(seen: Seen) -> list[tuple[str, str, int]]:
    """Filters that have people or say something by having none: name, words, how many."""
    always = {"met", "gaps", seen.show}
    always |= {"invited", "signed"} if not seen.is_over or seen.counts["invited"] else set()
    hidden = set() if seen.is_over else {"no_show"} - {seen.show}
    return [
        (name, str(words), seen.counts[name])
        for name, words in event_words.SHOWS.items()
        if name not in hidden and (seen.counts[name] or name in always)
    ]


def _results(seen: Seen) -> list[Table]:
    """What came of the people met, at 3, 6, 12 and 24 months, and what that cost; the numbers lead on for who may see
    reports."""
    parts, now = _parts(), _parts().clock.now()
    plan = seen.event.plan
    one = cohort_report.Event(seen.event.id, plan.name, plan.kind, plan.starts_on, plan.cost_yen)
    told = show_report.read(parts, "events", Asked(), now=now)
    today = now.astimezone(parts.settings.tz).date()
    if not seen.days.horizons or seen.days.horizons[0][1] > today:
        return []
    page = report_events.event(told, one, Asked(), today=today)
    if me().role in menu.MARKETING:
        return list(page.tables)
    return [replace(table, rows=[[_bare(one) for one in row] for row in table.rows]) for table in page.tables]


def _bare(figure: Figure) -> Figure:
    return replace(figure, href="")


def _chosen() -> list[int] | None:
    """The people who are ticked; None for everybody of the list."""
    if request.form.get("all") == "1":
        return None
    return [
        int(one)
        for one in request.form.getlist("person")
        if one.isascii() and one.isdigit() and len(one) < 19
    ][:1000]


def _said(error: FollowError) -> str:
    if error.code == "gaps":
        return str(
            _(
                "担当も次のアクションもない人が%(n)s名いるため、クローズできません。下の一覧で決めてください。",
                n=error.n,
            )
        )
    return str(event_words.ERRORS[error.code])


def _back(event_id: int, show: str) -> ResponseReturnValue:
    show = show if show in event_people.SETS else ""
    return redirect(url_for(".show_GET", event_id=event_id, show=show or None), code=303)


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
