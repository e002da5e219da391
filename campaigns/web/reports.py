"""Reports: what came of mails, scenarios, themes, events and people; each number leads to the rows behind it."""

from __future__ import annotations

from datetime import date, datetime
from functools import partial

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.reports import MONTH_FIRST, Period
from campaigns.rules.schedule import month_label, month_of, parse_month
from campaigns.services import export_report, show_load, show_report
from campaigns.services.count_reports import Told
from campaigns.services.show_report import NUMBERS, Asked, Number
from campaigns.storage import cohort_report, events, mail_report, products, scenario_report
from campaigns.storage.report_rows import Line
from campaigns.web import (
    exports,
    report_actions,
    report_events,
    report_mails,
    report_overview,
    report_people,
    report_scenarios,
    report_themes,
    report_times,
)
from campaigns.web.report_mails import Names
from campaigns.web.report_tables import Page, address, again
from campaigns.web.report_words import PAGES, PERIODS, ROW_HEADS, measure_word, when_word
from campaigns.web.scenario_words import CLASSES, CONTENT_KINDS
from campaigns.web.session import needs
from campaigns.web.words import RANKS, TASKS, month_name, word

pages = Blueprint("reports", __name__, url_prefix="/reports")
PAGE = 50
DIM_MAX = 2000
# Reports that show all of time by themselves.
WITHOUT_PERIOD = frozenset({"overview", "events"})
# What belongs to no product.
WITHOUT_PRODUCT = frozenset({"load"})


@pages.get("")
@needs()
def overview_GET() -> ResponseReturnValue:
    asked = _asked()
    everything = Asked(Period.ALL, asked.product_id)
    happened = _told("overview", everything)
    page = report_overview.overview(
        happened,
        _told("mails", everything),
        _told("funnel", everything),
        _told("forgotten", everything),
        _names(_parts()),
        asked,
        today=_today(),
        this=month_of(_now(), _parts().settings.tz),
    )
    return _answer(page, happened, asked)


@pages.get("/mails")
@needs()
def mails_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("mails", asked)
    return _answer(report_mails.mails(told, _names(_parts()), asked), told, asked)


@pages.get("/mails/<mail>")
@needs()
def mail_GET(mail: str) -> ResponseReturnValue:
    asked, key = _asked(), report_mails.key_of(mail)
    if key is None:
        abort(404)
    told = _told("mails", asked)
    page = report_mails.mail(told, _told("links", asked), key, _names(_parts()), asked)
    return _answer(page, told, asked)


@pages.get("/scenarios")
@needs()
def scenarios_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("scenarios", asked)
    return _answer(report_scenarios.scenarios(told, _names(_parts()).scenarios, asked), told, asked)


@pages.get("/scenarios/<int:id>")
@needs()
def scenario_GET(id: int) -> ResponseReturnValue:
    asked, names = _asked(), _names(_parts())
    if id not in names.scenarios:
        abort(404)
    with _parts().engine.connect() as tx:
        steps = scenario_report.steps(tx, id)
    told = _told("scenarios", asked)
    page = report_scenarios.scenario(
        told, _told("mails", asked), id, names.scenarios[id], steps, names, asked
    )
    return _answer(page, told, asked)


@pages.get("/themes")
@needs()
def themes_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("mails", asked)
    return _answer(report_themes.themes(told, _names(_parts()), asked), told, asked)


@pages.get("/events")
@needs()
def events_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("events", asked)
    with _parts().engine.connect() as tx:
        known = cohort_report.events(tx)
    return _answer(report_events.events(told, known, asked, today=_today()), told, asked)


@pages.get("/events/<int:id>")
@needs()
def event_GET(id: int) -> ResponseReturnValue:
    asked = _asked()
    with _parts().engine.connect() as tx:
        found = next((one for one in cohort_report.events(tx) if one.id == id), None)
    if found is None:
        abort(404)
    told = _told("events", asked)
    return _answer(report_events.event(told, found, asked, today=_today()), told, asked)


@pages.get("/funnel")
@needs()
def funnel_GET() -> ResponseReturnValue:
    asked = _asked()
    told, this = _told("funnel", asked), month_of(_now(), _parts().settings.tz)
    entered = _told("entered", Asked(Period.ALL, asked.product_id))
    return _answer(report_people.stages(told, entered, asked, this=this), told, asked)


@pages.get("/interest")
@needs()
def interest_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("interest", asked)
    return _answer(report_people.interest(told, asked), told, asked)


@pages.get("/actions")
@needs()
def actions_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("actions", asked)
    return _answer(report_actions.actions(told, asked), told, asked)


@pages.get("/whiffs")
@needs()
def whiffs_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("whiffs", asked)
    with _parts().engine.connect() as tx:
        names = dict(products.names(tx, only_active=False))
    return _answer(report_actions.whiffs(told, asked, names), told, asked)


@pages.get("/load")
@needs()
def load_GET() -> ResponseReturnValue:
    asked = _asked()
    people = show_load.run(_parts(), asked, now=_now())
    return _answer(report_actions.load(people, asked), Told(people), asked)


@pages.get("/times")
@needs()
def times_GET() -> ResponseReturnValue:
    asked = _asked()
    told = _told("times", asked)
    return _answer(report_times.times(told, asked), told, asked)


# --- the rows behind a number -----------------------------------------------------------------------------------------


@pages.get("/people")
@needs()
def people_GET() -> ResponseReturnValue:
    parts, now, number = _parts(), _now(), _number()
    if request.args.get("format") == "csv":
        return _lines_csv(number)
    offset = max(0, request.args.get("from", 0, type=int))
    lines, total = show_report.lines(parts, number, now=now, limit=PAGE + 1, offset=offset)
    asked = number.asked
    head, is_day = when_word(number.report, number.measure)
    return render_template(
        "web/reports/people.html",
        lines=lines[:PAGE],
        total=total,
        offset=offset,
        has_more=len(lines) > PAGE,
        number=number,
        what=_said(number),
        when=month_name(asked.month) if asked.month is not None else PERIODS[asked.period],
        product=_product_name(asked.product_id),
        is_timeless=number.report in show_report.TIMELESS,
        heads=(*ROW_HEADS, head),
        is_day=is_day,
        link=partial(again, request.path, request.args.to_dict() | {"from": None, "format": None}),
        back=request.referrer if _is_ours(request.referrer) else "/reports",
        step=PAGE,
    )


def _lines_csv(number: Number) -> Response:
    zone = _parts().settings.tz
    when, is_day = when_word(number.report, number.measure)

    def cells(line: Line) -> list[object]:
        at = exports.touched(line.at, zone)
        return [line.person, line.company, line.product, line.what, at.partition(" ")[0] if is_day else at]

    data = export_report.lines(
        _parts(),
        number,
        head=[*(str(name) for name in ROW_HEADS), when],
        cells=cells,
        user_id=current_user.id,
        now=_now(),
    )
    return _file(data, f"report-{number.report}-{number.measure}.csv")


def _number() -> Number:
    """The number somebody pressed; an address that no page of ours makes is not found."""
    report, measure = request.args.get("report", ""), request.args.get("cell", "")
    facts = show_report.facts(report)
    if facts is None or measure not in facts.measures:
        abort(404)
    dims: dict[str, str | int] = {}
    for name in facts.dims:
        if name in request.args and name in NUMBERS:
            value = request.args.get(name, type=int)
            if value is None:
                abort(404)
            dims[name] = value
        elif name in request.args:
            dims[name] = request.args.get(name, "")[:DIM_MAX]
    if facts.needed and facts.needed not in dims:
        abort(404)
    return Number(report, measure, _asked(), dims)


def _said(number: Number) -> str:
    """What the number is called, and of what it is: クリック（人）・便り1."""
    names, dims = _names(_parts()), number.dims
    said = [measure_word(number.report, number.measure)]
    if "content" in dims:
        key = (int(dims.get("scenario", 0)), str(dims.get("step", "")), int(dims["content"]))
        said.append(names.title(key))
    elif "scenario" in dims:
        said.append(names.scenario(int(dims["scenario"])))
    if "event" in dims:
        with _parts().engine.connect() as tx:
            said += events.names(tx, [int(dims["event"])]).values()
    if "kind" in dims:
        said.append(word(TASKS if number.report == "actions" else CONTENT_KINDS, dims["kind"]))
    if "rank" in dims:
        said.append(word(RANKS, dims["rank"]))
    if "team" in dims:
        said.append(word(report_actions.TEAMS, dims["team"]))
    if "code" in dims:
        said.append(report_actions.reason(str(dims["code"])))
    if "class" in dims:
        said.append(word(CLASSES, dims["class"]))
    if "weekday" in dims and "hour" in dims:
        said.append(report_times.named(int(dims["weekday"]), int(dims["hour"])))
    if "days" in dims:
        said.append(str(_("%(n)s日まで", n=dims["days"])))
    said += [str(dims[name]) for name in ("tag", "url") if name in dims]
    return str(_("・")).join(part for part in said if part)


# --- what every report has --------------------------------------------------------------------------------------------


def _answer(page: Page, told: Told, asked: Asked) -> ResponseReturnValue:
    if request.args.get("format") == "csv":
        return _page_csv(page, asked)
    with _parts().engine.connect() as tx:
        known = products.names(tx, only_active=False)
    return render_template(
        "web/reports/report.html",
        r=page,
        told=told,
        asked=asked,
        tabs=PAGES,
        periods={} if page.name in WITHOUT_PERIOD else PERIODS,
        products=() if page.name in WITHOUT_PRODUCT else known,
        product=_product_name(asked.product_id),
        kept=address(asked),
        link=partial(again, request.path, address(asked)),
        tab=lambda name: again(url_for(f"reports.{name}_GET"), address(asked)),
        when=month_name(asked.month) if asked.month is not None else PERIODS[asked.period],
    )


def _page_csv(page: Page, asked: Asked) -> Response:
    period = month_label(asked.month) if asked.month is not None else asked.period.value
    data = export_report.table(
        _parts(),
        page.name,
        [table.lines() for table in page.tables],
        wanted={"path": request.path, "period": period, "product": asked.product_id},
        user_id=current_user.id,
        now=_now(),
    )
    return _file(data, f"report-{page.name}.csv")


def _file(data: bytes, name: str) -> Response:
    answer = Response(data, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _asked() -> Asked:
    """Period, month and product of the address; what is none of ours is the usual."""
    text = request.args.get("period", "")
    period = Period(text) if text in list(Period) else Period.LAST_12
    return Asked(period, max(0, request.args.get("product", 0, type=int)), _month())


def _month() -> int | None:
    """The month of the address; None for none, and for one that no number of ours can be of."""
    try:
        month = parse_month(request.args.get("month", ""))
    except ValueError:
        return None
    return month if MONTH_FIRST <= month <= month_of(_now(), _parts().settings.tz) else None


def _told(name: str, asked: Asked) -> Told:
    return show_report.read(_parts(), name, asked, now=_now())


def _names(parts: Parts) -> Names:
    with parts.engine.connect() as tx:
        return Names(mail_report.contents(tx), scenario_report.named(tx))


def _product_name(product_id: int) -> str:
    if not product_id:
        return ""
    with _parts().engine.connect() as tx:
        return dict(products.names(tx, only_active=False)).get(product_id, "")


def _is_ours(address: str | None) -> bool:
    return bool(address) and str(address).startswith(request.host_url + "reports")


def _today() -> date:
    return _now().astimezone(_parts().settings.tz).date()


def _now() -> datetime:
    return _parts().clock.now()


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
