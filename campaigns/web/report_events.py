"""The reports on events: what became of the people met there, and what one of them cost (S1-09, S1-13)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from campaigns.rules.reports import HORIZONS, is_over, months_after, rate, unit_cost
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked, add_up
from campaigns.storage.cohort_report import Event
from campaigns.web.event_words import KINDS
from campaigns.web.report_tables import (
    Chart,
    Column,
    Figure,
    Page,
    Table,
    address,
    behind,
    count,
    money,
    wait,
    words,
)
from campaigns.web.report_words import COHORT_TERMS, COHORTS
from campaigns.web.words import day, full_day, number, percent, short_day, word

GROWN = ("reachable", "touched", "hot", "handed", "taken", "won")
MONEY_TERMS = (
    (
        _l("受注額"),
        _l("受注した案件の金額の合計です。案件を作らずに受注とした分は、商材の「見込み金額」で数えます。"),
    ),
    (_l("単価"), _l("施策費用を人数で割った額です。費用の記録がない施策では計算しません。")),
    (_l("まだ"), _l("その月数がまだたっていません。0ではなく、これから決まる数字です。")),
)
TERMS = (*((COHORTS[name], meaning) for name, meaning in COHORT_TERMS.items()), *MONEY_TERMS)


def events(told: Told, known: Sequence[Event], asked: Asked, *, today: date) -> Page:
    """Every event with people, each as far as its time has come."""
    found = add_up(told.rows, lambda row: row.event_id)
    met = [event for event in known if event.id in found]
    table = Table(
        _("展示会・施策ごとの成果"),
        (
            Column(_("展示会・施策"), is_number=False),
            Column(_("費用")),
            Column(COHORTS["people"], COHORT_TERMS["people"]),
            Column(_("リード獲得単価")),
            Column(_("経過"), _("ここまでの数字です。")),
            *(Column(COHORTS[name], COHORT_TERMS[name]) for name in ("hot", "handed", "taken", "won")),
            Column(_("受注額")),
        ),
        [_line(event, found[event.id], asked, today) for event in met],
        facts=_("最後に過ぎた区切り（3・6・12・24か月後）までの数字"),
        note=_("1人が2つの施策で接点を持つと、それぞれに数えます。"),
    )
    return Page(
        "events",
        pgettext("menu", "展示会・施策"),
        *_said(met, found, today),
        None,
        "",
        (table,) if met else (),
        TERMS,
        _("接点のある展示会・施策はまだありません。リストを取り込むときに施策を選ぶと、ここで2年先まで追えます。"),
    )  # fmt: skip


def _base(event: Event) -> date | None:
    return event.starts_on


def _over(event: Event, *, today: date) -> int:
    """The last horizon that has passed, 0 for none yet. An event without a day is followed from its first touches."""
    base = _base(event)
    passed = [n for n in HORIZONS if base is not None and is_over(base, n, today=today)]
    return passed[-1] if passed else 0


def _line(event: Event, figures: Counter[str], asked: Asked, today: date) -> list[Figure]:
    months = _over(event, today=today)
    people = figures["people"]
    href = url_for("reports.event_GET", id=event.id, **address(asked))
    held = f"{word(KINDS, event.kind)}{_('・')}{day(event.starts_on) if event.starts_on else _('日程未定')}"
    head = [
        words(event.name, href, sub=held),
        money(event.cost_yen or None),
        count(people, behind("events", "people", asked, event=event.id)),
        money(unit_cost(event.cost_yen, people)),
    ]
    if not months:
        return [*head, words(str(_("3か月未満")), kind="wait"), *(wait() for _n in range(5))]
    return [
        *head,
        words(str(_("%(n)sか月", n=months))),
        *(
            count(figures[f"{name}_{months}"], behind("events", f"{name}_{months}", asked, event=event.id))
            for name in ("hot", "handed", "taken", "won")
        ),
        money(figures[f"yen_{months}"]),
    ]  # fmt: skip


def _said(met: Sequence[Event], found: Mapping[int, Counter[str]], today: date) -> tuple[str, str]:
    if not met:
        return "", ""
    young = [event for event in met if _over(event, today=today) < HORIZONS[-1]]
    people = sum(found[event.id]["people"] for event in met)
    said = str(
        _("%(n)s件の展示会・施策で、のべ%(people)s名と出会いました。", n=len(met), people=number(people))
    )
    if young:
        return said, str(
            _("%(n)s件は2年がたっていません。展示会の成果は2年先まで出るため、いまの数字だけで評価しないでください。", n=len(young))
        )  # fmt: skip
    return said, ""


# --- one event --------------------------------------------------------------------------------------------------------


def event(told: Told, one: Event, asked: Asked, *, today: date) -> Page:
    """One event at 3, 6, 12 and 24 months."""
    figures = add_up([row for row in told.rows if row.event_id == one.id], lambda _row: 0).get(0, Counter())
    base = _base(one)
    over = [n for n in HORIZONS if base is not None and is_over(base, n, today=today)]
    people = figures["people"]

    def at(measure: str, n: int) -> Figure:
        if n not in over:
            return wait()
        return count(
            figures[f"{measure}_{n}"],
            behind("events", f"{measure}_{n}", asked, event=one.id),
            sub=percent(rate(figures[f"{measure}_{n}"], people).value, 1),
        )

    rows = [[words(str(COHORTS[name])), *(at(name, n) for n in HORIZONS)] for name in GROWN]
    table = Table(
        _("3・6・12・24か月後の成果"),
        (Column(_("数えたもの"), is_number=False), *_horizons(base)),
        rows,
        facts=_("獲得した人 %(n)s名に対する割合つき", n=number(people)),
        note=_("右へ行くほど期間が長く、左の人も含みます（「連絡できる」だけは減ります）。"),
    )
    costs = Table(
        _("かかった費用と受注"),
        table.columns,
        _costs(one, figures, over),
        facts=_("施策費用 %(yen)s", yen=money(one.cost_yen or None).text)
        if one.cost_yen
        else _("施策費用の記録がありません。施策の編集で入力すると、1名・1件あたりの費用を計算します"),
        id="costs",
    )
    finding = ""
    if over:
        finding = str(
            _("%(n)sか月後までに、%(people)s名のうち%(hot)s名が今すぐ客になり、%(handed)s名を営業へ引き渡し、%(won)s名から受注しました。",
              n=over[-1], people=number(people), hot=number(figures[f"hot_{over[-1]}"]),
              handed=number(figures[f"handed_{over[-1]}"]), won=number(figures[f"won_{over[-1]}"]))
        )  # fmt: skip
    coming = next((n for n in HORIZONS if n not in over), None)
    reason = ""
    if coming and base:
        reason = str(
            _("次の区切りは%(day)s（%(n)sか月後）です。", day=full_day(months_after(base, coming)), n=coming)
        )
    return Page(
        "events",
        one.name,
        finding or str(_("%(people)s名と出会いました。成果の数字はこれからです。", people=number(people))),
        reason,
        _chart(figures, over),
        _("時間とともに育った人数"),
        (table, costs) if people else (),
        TERMS,
        _("この施策で接点のある人は、まだいません。"),
        facts=f"{word(KINDS, one.kind)}{_('・')}{day(one.starts_on) if one.starts_on else _('日程未定')}",
        up=(pgettext("menu", "展示会・施策"), url_for("reports.events_GET", **address(asked))),
    )


def _horizons(base: date | None) -> tuple[Column, ...]:
    """Each horizon with its day."""
    return tuple(
        Column(_("%(n)sか月後", n=n), sub=short_day(months_after(base, n)) if base else _("日程未定"))
        for n in HORIZONS
    )


def _costs(one: Event, figures: Counter[str], over: Sequence[int]) -> list[list[Figure]]:
    def row(name: str, of: str) -> list[Figure]:
        return [
            words(name),
            *(
                money(unit_cost(one.cost_yen, figures[of.format(n=n)])) if n in over else wait()
                for n in HORIZONS
            ),
        ]

    amounts = [money(figures[f"yen_{n}"]) if n in over else wait() for n in HORIZONS]
    return [
        row(str(_("リード獲得単価")), "people"),
        row(str(_("案件1件あたりの費用")), "taken_{n}"),
        row(str(_("受注1件あたりの費用")), "won_{n}"),
        [words(str(_("受注額"))), *amounts],
    ]


def _chart(figures: Counter[str], over: Sequence[int]) -> Chart | None:
    if not over:
        return None
    looks = {"touched": "p1", "hot": "red", "handed": "p2", "won": "brand"}
    return Chart(
        "line",
        [str(_("%(n)sか月後", n=n)) for n in HORIZONS],
        [
            {
                "name": str(COHORTS[name]),
                "look": look,
                "data": [figures[f"{name}_{n}"] if n in over else None for n in HORIZONS],
            }
            for name, look in looks.items()
        ],
        _("月数ごとの、反応・今すぐ客・引き渡し・受注の人数。下の表と同じ内容です。"),
    )
