"""Deliveries: every due mail in exactly one state with its reason; doubts answered; pause and stop in reach."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.schedule import month_label, month_of, parse_month
from campaigns.services import (
    count_deliveries,
    explain,
    export_deliveries,
    hold,
    self_audit,
    settle_doubt,
    watch,
)
from campaigns.services.count_deliveries import Told
from campaigns.services.explain import Month
from campaigns.services.hold import HoldError, Kind, Target
from campaigns.storage import deliveries as stored
from campaigns.storage.deliveries import CARE, CLASSES, GROUPS, UNSENT, Filter, Line
from campaigns.web import delivery_words as words
from campaigns.web import explain_words, outlook_words
from campaigns.web.session import needs
from campaigns.web.words import STATES, word

pages = Blueprint("deliveries", __name__, url_prefix="/deliveries")
PAGE = 50
QUERY_MAX = 2000
WHY_BACK, WHY_MOST, WHY_AHEAD = 6, 36, 3  # months of a person's explanation
# Filter names of the chips that take several groups.
_CHIPS = {"unsent": UNSENT, "care": CARE, "all": ()}


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    parts, now = _parts(), _now()
    wanted, chip = _filter()
    offset = max(0, request.args.get("from", 0, type=int))
    this = month_of(now, parts.settings.tz)
    told = count_deliveries.read(parts, wanted, this=this)
    counts = {**told.groups, "held": told.groups["held"] + told.held}
    with parts.engine.connect() as tx:
        lines = _lines(tx, wanted, told, offset=offset)
        doubts, doubted = stored.in_doubt(tx)
        months = stored.months(tx)
        products = stored.products(tx)
        scenarios = stored.running_scenarios(tx)
    chosen = [g for g in GROUPS if not wanted.groups or g in wanted.groups]
    return render_template(
        "web/deliveries/list.html",
        wanted=wanted,
        chip=chip,
        counts=counts,
        told=told,
        total=sum(counts.values()),
        unsent=sum(counts[g] for g in UNSENT),
        care=sum(counts[g] for g in CARE),
        shown=sum(counts[g] for g in chosen),
        lines=lines,
        sending=watch.run(parts, now=now),
        held=hold.held(parts),
        scenarios=scenarios,
        doubts=doubts,
        doubted=doubted,
        months=sorted({*months, this}, reverse=True),
        month_label=month_label,
        products=products,
        offset=offset,
        page=PAGE,
        audit=self_audit.read(parts, now=now),
        now=now,
        words=words,
        link=_link,
    )


def _lines(tx: Connection, wanted: Filter, told: Told, *, offset: int) -> Sequence[Line]:
    """A page of the table: the deliveries, and behind them those who wait without one."""
    found = stored.page(tx, wanted, offset=offset, limit=PAGE)
    if not told.held or len(found) == PAGE or (wanted.groups and "held" not in wanted.groups):
        return found
    before = sum(n for group, n in told.groups.items() if not wanted.groups or group in wanted.groups)
    skip = max(0, offset - before)
    return (*found, *stored.held_page(tx, wanted, offset=skip, limit=PAGE - len(found)))


@pages.get("/deliveries.csv")
@needs("marketer")
def csv_GET() -> ResponseReturnValue:
    wanted, _chip = _filter()
    zone = _parts().settings.tz

    def moment(value: datetime | None) -> str:
        return value.astimezone(zone).strftime("%Y-%m-%d %H:%M") if value else ""

    def cells(line: Line) -> list[object]:
        return [
            line.id,
            line.company,
            line.name,
            line.to,
            line.title,
            line.product_name,
            word(STATES, line.state),
            words.reason(line),
            line.until or moment(line.send_at if line.state in ("planned", "retry") else None),
            moment(line.sent_at),
            line.smtp_code,
            line.smtp_text,
        ]

    head = (
        _("番号"),
        _("企業"),
        _("担当者"),
        _("メールアドレス"),
        _("メール"),
        _("商材"),
        _("状態"),
        _("理由"),
        _("次の判定"),
        _("送信日時"),
        _("応答コード"),
        _("応答"),
    )
    data = export_deliveries.run(
        _parts(), wanted, head=head, cells=cells, user_id=current_user.id, now=_now()
    )
    name = f"deliveries-{month_label(wanted.month) if wanted.month else 'all'}.csv"
    answer = Response(data, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


@pages.get("/why/<int:person_id>")
@needs()
def why_GET(person_id: int) -> ResponseReturnValue:
    """Month by month, why this person did or did not get a mail, and what comes next."""
    parts, now = _parts(), _now()
    this = month_of(now, parts.settings.tz)
    back = max(1, min(request.args.get("months", WHY_BACK, type=int), WHY_MOST))
    try:
        found = explain.person(parts, person_id, first=this - back + 1, last=this + WHY_AHEAD, now=now)
    except explain.Unknown:
        abort(404)
    return render_template(
        "web/deliveries/why.html",
        found=found,
        months=_since_first(found.months),
        person=found.person,
        back=back,
        most=WHY_MOST,
        words=explain_words,
        outlook=outlook_words,
    )


def _since_first(months: Sequence[Month]) -> list[Month]:
    """Newest first, without the months before the one in which the person's first scenario begins."""
    begun = [
        place
        for place, month in enumerate(months)
        if any(one.why is None or one.why.code != "not_yet_enrolled" for one in month.entries)
    ]
    return list(reversed(months[max(0, begun[0] - 1) if begun else -1 :]))


@pages.post("/<int:delivery_id>/<any(arrived, lost):word>")
@needs("marketer")
def doubt_POST(delivery_id: int, word: str) -> ResponseReturnValue:
    arrived = word == "arrived"
    done = settle_doubt.answer(_parts(), delivery_id, arrived=arrived, user_id=current_user.id, now=_now())
    if not done:
        flash(_("この1通は、すでに解決しています。"), "info")
    elif arrived:
        flash(_("「届いた」と記録しました。月間枠は使ったままです。"), "ok")
    else:
        flash(_("「届いていない」と記録し、月間枠を空けました。同じメールは送り直しません。"), "ok")
    return redirect(_back(), code=303)


@pages.post("/pause")
@needs("marketer")
def pause_POST() -> ResponseReturnValue:
    what = _target(request.form.get("of", "all"))
    reason = request.form.get("reason", "").strip()
    try:
        done = hold.pause(_parts(), what, reason=reason, user_id=current_user.id, now=_now())
    except HoldError:
        abort(404)
    if done:
        flash(words.PAUSED[what.kind], "ok")
    else:
        flash(_("すでに止まっているか、動いていないため、何も変えていません。"), "info")
    return redirect(_after(what), code=303)


@pages.post("/resume")
@needs("marketer")
def resume_POST() -> ResponseReturnValue:
    what = _target(request.form.get("of", "all"))
    try:
        done = hold.resume(_parts(), what, user_id=current_user.id, now=_now())
    except HoldError:
        abort(404)
    if done:
        flash(words.RESUMED[what.kind], "ok")
    else:
        flash(_("一時停止していないため、何も変えていません。"), "info")
    return redirect(_after(what), code=303)


@pages.get("/stop")
@needs("marketer")
def stop_GET() -> ResponseReturnValue:
    """The question before a stop, with the number of mails and people it ends."""
    return _stop_page(_target(request.args.get("of", "all")))


@pages.post("/stop")
@needs("marketer")
def stop_POST() -> ResponseReturnValue:
    what, reason = _target(request.form.get("of", "")), request.form.get("reason", "").strip()
    try:
        done = hold.stop(_parts(), what, reason=reason, user_id=current_user.id, now=_now())
    except HoldError as error:
        if error.code == "gone":
            abort(404)
        return _stop_page(what, error=_("理由を入力してください。記録に残ります。")), 422
    flash(
        _("停止しました。メール%(mails)s通を取りやめ、%(people)s名の参加を終えました。",
          mails=f"{done.mails:,}", people=f"{done.people:,}"),
        "ok",
    )  # fmt: skip
    return redirect(_after(what), code=303)


def _stop_page(what: Target, *, error: str = "") -> str:
    try:
        ahead = hold.ahead(_parts(), what)
    except HoldError:
        abort(404)
    with _parts().engine.connect() as tx:
        products, scenarios = stored.products(tx), stored.running_scenarios(tx)
    return render_template(
        "web/deliveries/stop.html",
        ahead=ahead,
        of=_of(what),
        at=request.values.get("at", ""),
        reason=request.form.get("reason", ""),
        error=error,
        products=products,
        scenarios=scenarios,
        back=_after(what),
    )


def _target(text: str) -> Target:
    try:
        return hold.target(text)
    except HoldError:
        abort(404)


def _of(what: Target) -> str:
    return what.kind if what.id is None else f"{what.kind}:{what.id}"


def _after(what: Target) -> str:
    """Back to where the button was pressed: the scenario's or product's own page, or the list as it was."""
    if request.values.get("at") == "page" and what.kind is Kind.SCENARIO:
        return url_for("scenarios.design_GET", scenario_id=what.id)
    if request.values.get("at") == "page" and what.kind is Kind.PRODUCT:
        return url_for("products.product_GET", id=what.id)
    return _back()


def _filter() -> tuple[Filter, str]:
    """What the address asks for; month: "2026-11", "all", else this month."""
    args = request.args
    label = args.get("month", "")
    try:
        month = (
            None
            if label == "all"
            else parse_month(label)
            if label
            else month_of(_now(), _parts().settings.tz)
        )
    except ValueError:
        abort(404)
    chip = args.get("show", "all")
    if chip not in _CHIPS and chip not in GROUPS:
        abort(404)
    kind = args.get("kind", "scenario")
    if kind not in CLASSES:
        abort(404)
    wanted = Filter(
        month=month,
        product_id=args.get("product", type=int),
        groups=_CHIPS.get(chip, (chip,)),
        kind=kind,
        scenario_id=args.get("scenario", type=int),
        step_key=args.get("step") or None,
    )
    return wanted, chip


def _link(endpoint: str = ".list_GET", **changed: str | int | None) -> str:
    """This page with some of its choices changed; a change of choice begins at the first row."""
    values: dict[str, str | int | None] = {key: value for key, value in request.args.items() if key != "from"}
    return url_for(endpoint, **{**values, **changed})  # type: ignore[arg-type]


def _back() -> str:
    """The list as it was; a query that no page of ours wrote is left out, since it goes into a header."""
    query = request.form.get("query", "")
    is_ours = query.isascii() and query.isprintable() and len(query) <= QUERY_MAX
    return url_for(".list_GET") + (f"?{query}" if query and is_ours else "")


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
