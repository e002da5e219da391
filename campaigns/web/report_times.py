"""The report on the hour of the week: when people click, and whether that can be said yet."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.reports import CASES_MIN, Hour, best_hour, rate
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked, add_up
from campaigns.web.report_tables import Column, Page, Table, behind, count, share, words
from campaigns.web.report_words import weekday
from campaigns.web.words import number, percent

TINTS = 5  # the palest to the strongest
TERMS = (
    (_l("率"), _l("その曜日と時刻に送ったメールのうち、あとで人がクリックしたものの割合です。クリックした時刻ではありません。")),
    (_l("おすすめの出し方"), _l("ほかの時間との差が、比べた数を考えに入れても偶然では説明できないときだけ示します。")),
    (_l("灰色の数字"), _l("20通に満たない時間です。率は出しますが、比べません。")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Square:
    """One hour of the week. tint: 0 for none, then 1 to TINTS by its rate; few: too few mails to compare."""

    sent: int
    rate: float | None
    sent_href: str
    clicked_href: str
    clicked: int
    tint: int
    is_few: bool
    is_best: bool


def times(told: Told, asked: Asked) -> Page:
    """Seven days by the hours in which anything was sent."""
    found = add_up(told.rows, lambda row: (row.weekday, row.hour))
    hours = [Hour(day, hour, f["sent"], f["clicked_human"]) for (day, hour), f in sorted(found.items())]
    best = best_hour(hours)
    columns = range(min((h.hour for h in hours), default=9), max((h.hour for h in hours), default=17) + 1)
    days = [day for day in range(7) if day < 5 or any(h.weekday == day for h in hours)]
    known = [h.clicked / h.sent for h in hours if h.sent >= CASES_MIN]
    squares = {
        (h.weekday, h.hour): Square(
            h.sent,
            h.clicked / h.sent,
            behind("times", "sent", asked, weekday=h.weekday, hour=h.hour),
            behind("times", "clicked_human", asked, weekday=h.weekday, hour=h.hour),
            h.clicked,
            _tint(h.clicked / h.sent, known) if h.sent >= CASES_MIN else 0,
            h.sent < CASES_MIN,
            h == best,
        )
        for h in hours
    }
    table = Table(
        _("数字の表"),
        (
            Column(_("曜日"), is_number=False),
            Column(_("時"), is_number=False),
            Column(_("送信")),
            Column(_("人のクリック")),
            Column(_("率")),
            Column(_("本当の率の範囲")),
        ),
        [
            [
                words(weekday(h.weekday)),
                words(_clock(h.hour)),
                count(h.sent, squares[h.weekday, h.hour].sent_href),
                count(h.clicked, squares[h.weekday, h.hour].clicked_href),
                share(rate(h.clicked, h.sent), kind="zero" if h.sent < CASES_MIN else ""),
                words(_range(h)),
            ]
            for h in hours
        ],
        look="folded",
        note=_("送信をすべての時間で足すと、この期間に送ったメールの全体になります。"),
    )
    return Page(
        "times",
        _("送る時間"),
        *_said(hours, best),
        tables=(table,) if hours else (),
        terms=TERMS,
        empty=_("この期間に送信したメールはありません。"),
        parts={
            "days": [(weekday(day), [squares.get((day, hour)) for hour in columns]) for day in days],
            "hours": [_clock(hour) for hour in columns],
            "tints": range(1, TINTS + 1),
            "lowest": percent(min(known), 1) if known else "",
            "highest": percent(max(known), 1) if known else "",
        },
    )


def named(day: int, hour: int) -> str:
    """火曜 10時台 / Tue 10:00."""
    return str(_("%(day)s曜 %(hour)s", day=weekday(day), hour=_clock(hour))) if 0 <= day < 7 else ""


def _clock(hour: int) -> str:
    return str(_("%(n)s時台", n=hour))


def _range(hour: Hour) -> str:
    found = rate(hour.clicked, hour.sent)
    return f"{percent(found.low, 1)}{_('〜')}{percent(found.high, 1)}"


def _tint(value: float, known: list[float]) -> int:
    """From the lowest to the highest of the compared rates; all the same tint where they do not differ."""
    low, high = min(known), max(known)
    return 1 if high == low else 1 + round((TINTS - 1) * (value - low) / (high - low))


def _said(hours: list[Hour], best: Hour | None) -> tuple[str, str]:
    if not hours:
        return "", ""
    total: Counter[str] = Counter()
    for hour in hours:
        total.update({"sent": hour.sent, "clicked": hour.clicked})
    overall = percent(total["clicked"] / total["sent"], 1)
    if best is None:
        enough = sum(hour.sent >= CASES_MIN for hour in hours)
        why = (
            _("比べられるだけ送った時間（%(n)s通以上）が、まだ2つありません。", n=CASES_MIN)
            if enough < 2
            else _("時間による差は、偶然の範囲です。送る時間を変える理由にはなりません。")
        )
        return (
            str(_("おすすめできる時間は、まだありません。全体の率は%(rate)sです。", rate=overall)),
            str(why),
        )
    own = rate(best.clicked, best.sent)
    return (
        str(
            _("%(day)s曜の%(hour)sがおすすめです。%(n)s通のうち%(rate)sが人にクリックされました（全体は%(all)s）。",
              day=weekday(best.weekday), hour=_clock(best.hour), n=number(best.sent), rate=percent(own.value, 1),
              all=overall)
        ),
        str(_("ほかの時間との差は偶然では説明できません。ただし、時間によって送る相手や内容が違うこともあります。")),
    )  # fmt: skip
