"""The overview of all reports: what changed this month, and what to look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import url_for
from flask_babel import gettext as _

from campaigns.rules import contents as refusals
from campaigns.rules.reports import Period, Rate, Stage, differ, funnel, rate, weakest
from campaigns.services.count_reports import FORGOTTEN_DAYS, Told
from campaigns.services.show_report import Asked, add_up
from campaigns.web.report_mails import Names, by_mail, spelled
from campaigns.web.report_tables import Chart, Column, Figure, Page, Table, behind, count, words
from campaigns.web.report_words import HAPPENED, STAGES, UNITS
from campaigns.web.words import month_name, number, percent

SHOWN_MONTHS = 12
COMPARED = 3  # whole months on either side of a comparison


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of this month, beside the same days of the month before."""

    name: str
    icon: str
    unit: str
    n: int
    before: int
    href: str
    before_href: str


@dataclass(frozen=True, slots=True)
class Look:
    """One thing to look at. kind: warn, info, ok."""

    kind: str
    icon: str
    text: str
    reason: str
    href: str
    action: str


def overview(
    happened: Told, mails: Told, people: Told, forgotten: Told, names: Names, asked: Asked, *, today: date, this: int
) -> Page:  # fmt: skip
    """happened, mails: of all months, for the product; people: the funnel of everybody."""
    by_month = add_up(happened.rows, lambda row: (row.name, row.month))
    product = asked.product_id
    now, last = Asked(Period.THIS, product), Asked(Period.LAST, product)
    tiles = [
        Tile(
            str(label),
            icon,
            str(UNITS[name]),
            by_month.get((name, this), Counter())["all"],
            by_month.get((name, this - 1), Counter())["days"],
            behind(f"overview_{name}", "all", now),
            behind(f"overview_{name}", "all", last, days=today.day),
        )
        for name, (label, icon) in HAPPENED.items()
        if not (product and name == "came")
    ]
    sent = add_up(mails.rows, lambda row: row.month)
    months = list(range(this - SHOWN_MONTHS + 1, this + 1))
    rates = {month: _rate(sent, [month]) for month in months}
    looks = _looks(sent, mails, people, forgotten, names, asked, this)
    first = next((month for month in months if rates[month].n), this + 1)
    charted = range(first, this + 1)  # nothing can be read from the months before the first mail
    some = any(tile.n or tile.before for tile in tiles) or bool(charted)
    return Page(
        "overview",
        _("レポート"),
        *_changed(sent, this),
        chart=_chart(charted, rates) if charted else None,
        chart_title=_("送った月ごとの、人がクリックした割合"),
        tables=(_table(months, by_month, asked),) if some else (),
        empty=_("まだ何も起きていません。リストを取り込み、シナリオを公開すると、ここに毎月の動きが出ます。"),
        facts=str(_("今月は%(day)s日まで。先月は同じ日までと比べます", day=today.day)),
        parts={"tiles": tiles if some else [], "looks": looks},
    )  # fmt: skip


def _rate(sent: Mapping[int, Counter[str]], months: Sequence[int]) -> Rate:
    found = [sent.get(month, Counter()) for month in months]
    return rate(sum(f["clicked_human"] for f in found), sum(f["sent"] for f in found))


def _changed(sent: Mapping[int, Counter[str]], this: int) -> tuple[str, str]:
    """The last whole months against those before: this month's mails may still be clicked."""
    late = _rate(sent, range(this - COMPARED, this))
    early = _rate(sent, range(this - 2 * COMPARED, this - COMPARED))
    if late.value is None or early.value is None:
        return "", ""
    span = str(
        _("人がクリックした割合は、%(a)s〜%(b)sに送ったメールで%(late)s、その前の3か月で%(early)sでした。",
          a=month_name(this - COMPARED, short=True), b=month_name(this - 1, short=True),
          late=percent(late.value, 1), early=percent(early.value, 1))
    )  # fmt: skip
    if not differ(late, early):
        return span, str(_("この差は偶然の範囲です。"))
    return span, str(
        _("上がっています。この差は偶然ではありません。")
        if late.value > early.value
        else _("下がっています。この差は偶然ではありません。")
    )


def _looks(
    sent: Mapping[int, Counter[str]], mails: Told, people: Told, forgotten: Told, names: Names, asked: Asked, this: int
) -> list[Look]:  # fmt: skip
    """What asks for a look, the most urgent first."""
    found = [*_tiring(mails, names, asked, this), *_falling(sent, asked, this)]
    left = add_up(forgotten.rows, lambda _row: 0).get(0, Counter())["all"]
    if left:
        found.append(
            Look(
                "warn", "hourglass", str(_("%(n)s名が忘れられています。", n=number(left))),
                str(_("連絡してよい人なのに、%(n)s日のあいだ接点がなく、予定もありません。", n=FORGOTTEN_DAYS)),
                url_for("reports.forgotten_GET"), str(_("一覧を見る")),
            )
        )  # fmt: skip
    steps = funnel(add_up(people.rows, lambda _row: 0).get(0, Counter()))
    worst = weakest(steps)
    if worst is not None and worst.passed is not None and worst.stage is not Stage.POTENTIAL:
        before = steps[steps.index(worst) - 1]
        found.append(
            Look(
                "info", "filter",
                str(_("「%(a)s」から「%(b)s」へ進む人が最も少なく、%(rate)sです。", a=STAGES[before.stage],
                      b=STAGES[worst.stage], rate=percent(worst.passed.value, 1))),
                str(_("%(n)s名のうち%(k)s名です。", n=number(worst.passed.n), k=number(worst.passed.k))),
                url_for("reports.funnel_GET", period=Period.ALL.value, product=asked.product_id or None),
                str(_("段階を見る")),
            )
        )  # fmt: skip
    return found


def _tiring(mails: Told, names: Names, asked: Asked, this: int) -> list[Look]:
    """Mails of the last three months that too many people stop (S2-17)."""
    recent = Told([row for row in mails.rows if row.month > this - COMPARED])
    looks = []
    for key, figures in by_mail(recent).items():
        one = refusals.Figures(figures["sent"], 0, figures["refused"])
        if refusals.alarm(one, usual=0.0) is None:
            continue
        looks.append(
            Look(
                "warn", "ban",
                str(_("「%(title)s」は%(rate)sの人に停止されました。", title=names.title(key),
                      rate=percent(one.refusal_rate, 2))),
                str(_("%(n)s通のうち%(k)s通です。目安の0.5%%を超えています。内容か相手を見直してください。",
                      n=number(one.sent), k=number(one.refused))),
                url_for("reports.mail_GET", mail=spelled(key), period=Period.LAST_3.value,
                        product=asked.product_id or None),
                str(_("メールを見る")),
            )
        )  # fmt: skip
    return looks[:2]


def _falling(sent: Mapping[int, Counter[str]], asked: Asked, this: int) -> list[Look]:
    late = _rate(sent, range(this - COMPARED, this))
    early = _rate(sent, range(this - 2 * COMPARED, this - COMPARED))
    if late.value is None or early.value is None or late.value >= early.value or not differ(late, early):
        return []
    return [
        Look(
            "warn", "arrow-down", str(_("人がクリックする割合が下がっています。")),
            str(_("%(early)sから%(late)sになりました。どのテーマが読まれているかを見て、次の内容を選んでください。",
                  early=percent(early.value, 1), late=percent(late.value, 1))),
            url_for("reports.themes_GET", period=Period.LAST_6.value, product=asked.product_id or None),
            str(_("テーマを見る")),
        )
    ]  # fmt: skip


def _chart(months: Sequence[int], rates: Mapping[int, Rate]) -> Chart:
    return Chart(
        "line",
        [month_name(month, short=True) for month in months],
        [
            {
                "name": str(_("人がクリックした割合")),
                "look": "brand",
                "data": [
                    None if (found := rates[month].value) is None else round(100 * found, 1)
                    for month in months
                ],
            }
        ],
        str(_("送った月ごとの、人がクリックしたメールの割合。")),
        "%",
    )  # fmt: skip


def _table(months: Sequence[int], by_month: Mapping[tuple[str, int], Counter[str]], asked: Asked) -> Table:
    """Each month's numbers."""
    shown = [name for name in HAPPENED if not (asked.product_id and name == "came")]

    def line(month: int) -> list[Figure]:
        own = Asked(product_id=asked.product_id, month=month)
        figures = {name: by_month.get((name, month), Counter())["all"] for name in shown}
        return [
            words(month_name(month)),
            *(count(n, behind(f"overview_{name}", "all", own)) for name, n in figures.items()),
        ]

    return Table(
        _("月ごとの動き"),
        (Column(_("月"), is_number=False), *(Column(HAPPENED[name][0]) for name in shown)),
        [line(month) for month in reversed(months)],
        note=_("起きた日の月に数えます。"),
        look="folded",
    )
