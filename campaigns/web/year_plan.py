"""The plan of a year: its events month by month with what came of them, and the target against orders and pipeline."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of_day
from campaigns.services import add_event, show_event, show_report
from campaigns.services.author import Stale
from campaigns.services.show_event import Year
from campaigns.services.show_report import Asked, add_up
from campaigns.storage.event_plans import Target
from campaigns.storage.events import Line
from campaigns.web import event_words, menu
from campaigns.web.events import yen_of
from campaigns.web.session import me, needs

pages = Blueprint("year_plan", __name__, url_prefix="/events/year")
YEARS = range(2000, 2100)


@dataclass(frozen=True, slots=True)
class Row:
    """One event of the year. figures: people, taken, won, yen, as far as its two years have come."""

    line: Line
    figures: dict[str, int]


@pages.get("")
@needs()
def show_GET() -> ResponseReturnValue:
    return _page()


@pages.post("/target")
@needs("marketer", "sales_manager")
def target_POST() -> ResponseReturnValue:
    form = request.form
    yen = yen_of(form.get("yen", ""))
    starts = form.get("starts", 0, type=int)
    if yen is None:
        return _page(error=str(event_words.WRONG["not_money"]), typed=form.get("yen", "")), 422
    try:
        version = form.get("version", 0, type=int)
        show_event.save_target(_parts(), Target(yen, starts, version))
    except ValueError:
        return _page(error=str(event_words.WRONG["out_of_range"]), typed=form.get("yen", "")), 422
    except Stale:
        said = _("ほかの人が先に変更しました。いまの値を確かめて、もう一度保存してください。")
        return _page(error=said, typed=form.get("yen", "")), 409
    flash(_("目標を保存しました。"), "ok")
    return redirect(url_for(".show_GET", year=form.get("year", type=int) or None), code=303)


def _page(*, error: str = "", typed: str | None = None) -> str:
    parts = _parts()
    now = parts.clock.now()
    wanted = request.values.get("year", type=int)
    year = show_event.year(parts, wanted if wanted in YEARS else None, now=now)
    months = _months(parts, year)
    rows = [row for _month, held in months for row in held]
    return render_template(
        "web/events/year.html",
        year=year,
        months=months,
        totals={name: sum(row.figures[name] for row in rows) for name in ("people", "taken", "won", "yen")},
        cost=sum(row.line.plan.cost_yen for row in rows),
        this_month=month_of_day(now.astimezone(parts.settings.tz).date()),
        shares=_shares(year),
        kinds=event_words.KINDS,
        error=error,
        typed=typed,
        may_plan=me().role in menu.MARKETING | menu.LEADING,
        may_read=me().role in menu.MARKETING,
    )


def _months(parts: Parts, year: Year) -> list[tuple[int, list[Row]]]:
    """The twelve months (year * 12 + month - 1) with their events, by their days."""
    now = parts.clock.now()
    told = show_report.read(parts, "events", Asked(), now=now)
    found = add_up(told.rows, lambda row: row.event_id)
    lines = add_event.listing(parts, now=now)
    held: dict[int, list[Row]] = {}
    for line in sorted((*lines.ahead, *lines.over), key=lambda line: (str(line.plan.starts_on), line.id)):
        if line.plan.starts_on is not None and year.first <= line.plan.starts_on < year.end:
            figures = found.get(line.id, Counter())
            row = Row(
                line,
                {
                    "people": figures["people"],
                    "taken": figures["taken_24"],
                    "won": figures["won_24"],
                    "yen": figures["yen_24"],
                },
            )
            held.setdefault(month_of_day(line.plan.starts_on), []).append(row)
    first = month_of_day(year.first)
    return [(month, held.get(month, [])) for month in range(first, first + 12)]


def _shares(year: Year) -> list[tuple[str, int, float]]:
    """The bar of the target: orders, open opportunities by their forecasts, what is missing; with their shares."""
    won, expected = year.pipeline.won_yen, year.pipeline.expected_yen
    whole = max(year.target.yen, won + expected)
    missing = max(0, year.target.yen - won - expected)
    parts = (("won", won), ("expected", expected), ("missing", missing))
    return [(name, yen, yen / whole if whole else 0.0) for name, yen in parts]


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
