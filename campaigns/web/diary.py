"""The diary: the daily reports of everybody, one day, one month as a list, one day on paper; and writing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.parts import Parts
from campaigns.rules import entering
from campaigns.rules.diary import DiaryError
from campaigns.services import daily_report, write_diary
from campaigns.services.write_diary import NEXT, Next, Told
from campaigns.storage import companies, timeline
from campaigns.storage.companies import CompanyLine
from campaigns.storage.diary_feed import Item
from campaigns.web import lead_words, tracking_words, words
from campaigns.web.catalogue_page import Opened, place, place_text
from campaigns.web.catalogue_page import render as page_of
from campaigns.web.session import me, needs

pages = Blueprint("diary", __name__, url_prefix="/diary")
FIELDS = {"next": "next_on", "at": "day"}
MATCHES = 8  # companies of a name that are offered


@pages.get("")
@needs()
def list_GET() -> ResponseReturnValue:
    return _page()


@pages.post("")
@needs()
def list_POST() -> ResponseReturnValue:
    """Write an entry, from a catalogue's page or from this one."""
    form = request.form.copy()
    catalogue_id = form.get("catalogue", type=int)
    look = form.get("look", "")
    if look == "other":
        form["company"] = ""
    matches = _named(form) if catalogue_id is None and not form.get("company") else None
    if matches is not None and len(matches) == 1:
        form["company"] = str(matches[0].id)
    elif matches is not None:
        code = "company_many" if matches else "company_none"
        said = {"company": str(tracking_words.DIARY_ERRORS[code])}
        return _page(form=form, errors=said, matches=matches), 422
    if look:
        return _page(form=form)
    try:
        told = _told(form)
        written = write_diary.run(_parts(), told, user_id=me().id, now=_now())
    except DiaryError as error:
        said = {FIELDS.get(error.field, error.field): str(tracking_words.DIARY_ERRORS[error.code])}
        if catalogue_id is not None:
            return page_of(catalogue_id, Opened("diary", form, said)), 422
        return _page(form=form, errors=said), 422
    if written is None:
        flash(_("この日報は、すでに書かれています。"), "info")
    if catalogue_id is not None:
        target = url_for("catalogues.catalogue_GET", catalogue_id=catalogue_id, _anchor="diary")
    else:
        day = told.at.astimezone(_parts().settings.tz).date()
        target = url_for(".list_GET", user=me().id, day=day.isoformat())
    return redirect(target, code=303)


@pages.get("/day.pdf")
@needs()
def paper_GET() -> ResponseReturnValue:
    """One person's day on paper."""
    parts, now = _parts(), _now()
    user_id = request.args.get("user", me().id, type=int)
    day = _day(request.args.get("day", "")) or _today()
    found = daily_report.show(parts, user_id=user_id, day=day, month=day, limit=daily_report.DAY_MAX, now=now)
    name = found.name
    if not name:
        abort(404)
    head = (_("時刻"), _("種類"), _("企業・相手"), _("内容と次の予定"))
    data = daily_report.paper(
        _("日報　%(name)s", name=name),
        _("%(day)s・%(n)s件", day=words.day(day), n=len(found.items)),
        head,
        [_row(item, found) for item in reversed(found.items)],
        foot=_("日報　%(name)s　%(day)s", name=name, day=words.day(day)),
        empty=_("この日の記録はありません。"),
    )
    file = f"nippo_{day.isoformat()}_{user_id}.pdf"
    return Response(
        data,
        mimetype="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{file}"'},
    )


@pages.get("/month.csv")
@needs()
def csv_GET() -> ResponseReturnValue:
    """A month as CSV: of one user, or of everybody."""
    user_id = request.args.get("user", type=int)
    month = _day(request.args.get("month", "") + "-01") or _today()
    head = [_("日付"), _("時刻"), _("営業"), _("種類"), _("企業"), _("会った人"), _("商材"), _("内容"), _("次の予定"), _("期限")]  # fmt: skip
    data = daily_report.export(
        _parts(), user_id=user_id, month=month, head=head, cells=_cells, by=me().id, now=_now()
    )
    file = f"nippo_{month.isoformat()[:7]}{f'_{user_id}' if user_id else ''}.csv"
    return Response(
        data,
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _named(form: Mapping[str, str]) -> list[CompanyLine] | None:
    """The companies of a name that was typed, at most so many; one of exactly this name alone. None: no name."""
    name = form.get("company_name", "").strip()[:100]
    if not name:
        return None
    with _parts().engine.connect() as tx:
        found = companies.page(tx, q=name, limit=MATCHES)
    exact = [one for one in found if "".join(one.name.split()) == "".join(name.split())]
    return exact if len(exact) == 1 else found


def _page(
    *,
    form: MultiDict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    matches: Sequence[CompanyLine] = (),
) -> str:
    args, now, parts = request.args, _now(), _parts()
    everybody = args.get("user") == "all"
    user_id = None if everybody else args.get("user", me().id, type=int)
    company_id = form.get("company", type=int) if form is not None else args.get("company", type=int)
    day = _day(args.get("day", ""))
    found = daily_report.show(
        parts,
        user_id=user_id,
        day=day,
        company_id=company_id,
        product_id=args.get("product", type=int),
        before=place(args.get("before", "")),
        month=day or _today(),
        now=now,
    )
    with parts.engine.connect() as tx:
        members = companies.members(tx, company_id) if company_id is not None else []
        mentioned = timeline.users(tx)
    return render_template(
        "web/diary/list.html",
        found=found,
        user_id=user_id,
        everybody=everybody,
        rest=place_text(found.rest),
        day=day,
        today=_today(),
        product_id=args.get("product", type=int),
        members=members,
        matches=matches,
        mentioned=mentioned,
        form=form,
        errors=errors or {},
        is_mine=user_id == me().id,
        says=tracking_words,
        words=lead_words,
        next_kinds=NEXT,
        chosen_product=None,
        mention_parts=tracking_words.mention_parts,
        weekday=tracking_words.weekday,
        weekday_of=tracking_words.weekday_of,
        months=_months(day or _today()),
        key=now.strftime("%Y%m%d%H%M%S%f"),
        link=_link,
    )


def _months(day: date) -> dict[str, str]:
    """The month's name, the first day of the one before, and of the one after if it has come."""
    first, last = daily_report.month_of(day)
    after = last + timedelta(days=1)
    return {
        "name": words.month_name(day.year * 12 + day.month - 1),
        "before": (first - timedelta(days=1)).isoformat(),
        "after": after.isoformat() if after <= _today() else "",
    }


def _told(form: MultiDict[str, str]) -> Told:
    """The form, read. Raises DiaryError."""
    zone = _parts().settings.tz
    day_text, clock = form.get("day", "").strip(), form.get("clock", "").strip()
    at = _now()
    if day_text or clock:
        day = _day(day_text) if day_text else _today()
        hour = _clock(clock) if clock else None
        if day is None or (clock and hour is None):
            raise DiaryError("at", "at_odd")
        at = entering.instant(datetime.combine(day, time(), tzinfo=zone), hour, zone=zone, now=_now())
    product = form.get("product", "")
    return Told(
        key=form.get("key", "")[:80],
        kind=form.get("kind", ""),
        text=form.get("text", ""),
        at=at,
        company_id=form.get("company", type=int),
        product_id=int(product) if product.isascii() and product.isdigit() and len(product) < 16 else None,
        met=tuple(id for id in form.getlist("met", type=int) if id is not None),
        next=_next(),
    )


def _next() -> Next | None:
    form = request.form
    kind, on, note = form.get("next_kind", ""), form.get("next_on", "").strip(), form.get("next_note", "")
    if not (kind or note.strip()):
        return None
    day = _day(on)
    hour = _clock(form.get("next_at", "").strip())
    if not kind or day is None or (form.get("next_at", "").strip() and hour is None):
        raise DiaryError("next", "next_odd")
    return Next(kind, day, hour, note[:2000])


def _row(item: Item, found: daily_report.Report) -> list[str]:
    """A line of the paper."""
    people = _("・").join(one["name"] for one in item.people)
    said = [_text(item) or "–"]
    if item.task:
        said.append(_("次：%(what)s", what=_next_words(item)))
    said += [f"{one.user}：{one.text}" for one in item.comments(found.said)]
    what = words.word(tracking_words.DONE, item.kind)
    return [words.clock_time(item.at), what, "\n".join(filter(None, (item.company, people))), "\n".join(said)]


def _cells(item: Item) -> list[object]:
    zone = _parts().settings.tz
    at = item.at.astimezone(zone)
    due = item.task["due_at"][:10] if item.task else ""
    return [
        at.date().isoformat(),
        f"{at.hour}:{at.minute:02d}",
        item.user,
        words.word(tracking_words.DONE, item.kind),
        item.company,
        _("・").join(one["name"] for one in item.people),
        item.product,
        _text(item),
        _next_words(item) if item.task else "",
        due,
    ]


def _text(item: Item) -> str:
    """What was said or written, each on a line of its own."""
    if item.written:
        return "\n".join(tracking_words.written(one) for one in item.written)
    return "\n".join(filter(None, (_result(item), item.text)))


def _result(item: Item) -> str:
    """How a call ended."""
    if not item.result:
        return ""
    if item.on_kind == "attempt":
        return words.word(lead_words.RESULTS, item.result)
    return words.word(words.KINDS, item.result)


def _next_words(item: Item) -> str:
    assert item.task is not None
    kind = words.word(words.TASKS, item.task["kind"])
    note = item.task["note"]
    return f"{kind} {note}" if note else kind


def _link(**changed: str | int | None) -> str:
    values: dict[str, str | int | None] = {k: v for k, v in request.args.items() if k != "before"}
    return url_for(".list_GET", **{**values, **changed})  # type: ignore[arg-type]


def _day(text: str) -> date | None:
    """A day that somebody may have worked on; the ends of the calendar cannot be reckoned with."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 2000 <= found.year <= 2100 else None


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text) if len(text) in (5, 8) else None
    except ValueError:
        return None


def _today() -> date:
    return _now().astimezone(_parts().settings.tz).date()


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
