"""The calendar: what goes out when, by product; planned mails on another day; the house's own closed days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.rescheduling import PAUSE_MAX_DAYS, Closed, ClosedTooLong
from campaigns.rules.schedule import WINDOWS, month_label, month_of, month_of_day, parse_month
from campaigns.services import reschedule, show_calendar
from campaigns.services.reschedule import Moved
from campaigns.storage.calendar import Entry
from campaigns.web import calendar_words as words
from campaigns.web.session import needs
from campaigns.web.words import day as day_in_words
from campaigns.web.words import short_day

pages = Blueprint("calendar", __name__, url_prefix="/calendar")
PAGE = 50
YEARS = 10  # back and ahead
NOTE_MAX = 60


@dataclass(frozen=True, slots=True)
class Line:
    """What a day's cell says of a product: all its mails of a kind."""

    kind: str
    name: str
    colour_no: int
    is_broadcast: bool
    n: int


@pages.get("")
@needs()
def month_GET() -> ResponseReturnValue:
    return _month_page(_month(request.args.get("month", "")))


@pages.get("/<day>")
@needs()
def day_GET(day: str) -> ResponseReturnValue:
    return _day_page(_day(day))


@pages.post("/<day>/move")
@needs("marketer")
def move_POST(day: str) -> ResponseReturnValue:
    from_, ids = _day(day), request.form.getlist("id", type=int)
    by_id = "id" in request.form or request.form.get("what") == "mails"
    try:
        to = date.fromisoformat(request.form.get("to", ""))
    except ValueError:
        return _day_page(from_, error=_("動かす先の日付を入力してください。")), 422
    if by_id and not ids:
        return _day_page(from_, error=_("動かすメールに印を付けてください。")), 422
    done = reschedule.move(
        _parts(),
        from_,
        to,
        ids=ids if by_id else None,
        scenario_id=None if by_id else request.form.get("scenario", type=int),
        step_key="" if by_id else request.form.get("step", ""),
        user_id=current_user.id,
        now=_now(),
    )
    if isinstance(done, Closed):
        return _day_page(from_, error=words.refused(done)), 422
    _say(done)
    return redirect(url_for(".day_GET", day=to.isoformat() if done.n else day), code=303)


@pages.post("/own")
@needs("marketer")
def own_POST() -> ResponseReturnValue:
    """An own closed day, or a day worked although it is a holiday."""
    kind = "open" if request.form.get("kind") == "open" else "closed"
    note = request.form.get("note", "").strip()[:NOTE_MAX]
    month = _month(request.form.get("month", ""))
    try:
        day = _near(date.fromisoformat(request.form.get("day", "")))
    except ValueError:
        return _month_page(month, error=_("日付を入力してください。")), 422
    if kind == "closed" and day < _today():
        return _month_page(month, error=_("過ぎた日は休業日にできません。")), 422
    expected = show_calendar.expected(_parts(), day, now=_now()) if kind == "closed" else 0
    try:
        done = reschedule.close(_parts(), day, kind=kind, note=note, user_id=current_user.id, now=_now())
    except ClosedTooLong:
        text = _("休業日が%(n)s日を超えて続いてしまいます。間に営業日を残してください。", n=PAUSE_MAX_DAYS)
        return _month_page(month, error=text), 422
    if kind == "open":
        flash(_("%(day)sを営業日にしました。", day=day_in_words(day)), "ok")
    else:
        flash(_("%(day)sを休業日にしました。", day=day_in_words(day)), "ok")
        if done.n or done.stayed:
            _say(done)
        elif not expected:
            flash(_("この日に予定していたメールはありませんでした。"), "info")
        if expected:
            flash(_("この日の見込み%(n)s通は、ほかの営業日に移りました。", n=f"{expected:,}"), "info")
    return redirect(url_for(".month_GET", month=month_label(month_of_day(day))), code=303)


@pages.post("/own/<day>/remove")
@needs("marketer")
def own_remove_POST(day: str) -> ResponseReturnValue:
    found = _day(day)
    if reschedule.reopen(_parts(), found, user_id=current_user.id, now=_now()):
        flash(
            _("%(day)sの登録を取り消しました。予定したメールは動かしていません。", day=day_in_words(found)),
            "ok",
        )
    else:
        flash(_("この日の登録は、すでにありません。"), "info")
    return redirect(url_for(".month_GET", month=month_label(month_of_day(found))), code=303)


def _say(done: Moved) -> None:
    if done.n:
        flash(
            _("%(n)s通を%(days)sに移しました。", n=f"{done.n:,}", days=words.days(sorted(done.days))),
            "ok",
        )
    if done.stayed:
        flash(words.stayed(done.stayed), "warn" if done.n else "error")
    if not done.n and not done.stayed:
        flash(_("動かせるメールがありませんでした。すでに送信が始まったか、動かしたあとです。"), "info")


def _month_page(month: int, *, error: str = "") -> str:
    found = show_calendar.month(_parts(), month, now=_now())
    first = found.days[0].day
    blanks = first.weekday()
    weeks = [None] * blanks + list(found.days)
    weeks += [None] * (-len(weeks) % 7)
    return render_template(
        "web/calendar/month.html",
        found=found,
        weeks=[weeks[n : n + 7] for n in range(0, len(weeks), 7)],
        lines={day.day: _lines(day.entries) for day in found.days},
        month_label=month_label,
        this=month_of(_now(), _parts().settings.tz),
        windows=WINDOWS,
        words=words,
        error=error,
        form=request.form,
    )


def _lines(entries: Iterable[Entry]) -> list[Line]:
    """A day's entries by product and kind, what was sent first."""
    sums: dict[tuple[str, str, int, bool], int] = defaultdict(int)
    for entry in entries:
        sums[entry.kind, entry.product_name, entry.colour_no, entry.is_broadcast] += entry.n
    lines = [Line(*key, n) for key, n in sums.items()]
    order = list(words.KIND_ICONS)
    return sorted(lines, key=lambda line: order.index(line.kind))


def _day_page(day: date, *, error: str = "") -> str:
    scenario, offset = request.args.get("scenario", type=int), max(0, request.args.get("from", 0, type=int))
    found = show_calendar.day(
        _parts(),
        day,
        kind=request.args.get("show", ""),
        scenario_id=scenario,
        step_key=request.args.get("step", ""),
        offset=offset,
        size=PAGE,
        now=_now(),
    )
    return render_template(
        "web/calendar/day.html",
        found=found,
        day=day,
        before=day - timedelta(days=1),
        after=day + timedelta(days=1),
        month=month_of_day(day),
        month_label=month_label,
        scenario=scenario,
        step=request.args.get("step", ""),
        offset=offset,
        page=PAGE,
        words=words,
        error=error,
        to=request.form.get("to", found.instead[-1].isoformat() if found.instead else ""),
        chosen_ids=set(request.form.getlist("id", type=int)),
        short=short_day,
    )


def _month(label: str) -> int:
    this = month_of(_now(), _parts().settings.tz)
    try:
        month = parse_month(label) if label else this
    except ValueError:
        abort(404)
    if abs(month - this) > YEARS * 12:
        abort(404)
    return month


def _day(text: str) -> date:
    try:
        return _near(date.fromisoformat(text))
    except ValueError:
        abort(404)


def _near(day: date) -> date:
    """Raises ValueError for a day that no calendar of ours reaches."""
    if abs(day.year - _today().year) > YEARS:
        raise ValueError(day)
    return day


def _today() -> date:
    return _now().astimezone(_parts().settings.tz).date()


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
