"""The reports on scenarios: who came in and where they stand; and on one scenario, step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.broadcasts import Arm, decide
from campaigns.rules.reports import CASES_MIN, rate
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked, add_up
from campaigns.storage.scenario_report import STATUSES as STANDS
from campaigns.storage.scenario_report import Named, Step
from campaigns.web.report_mails import COLUMNS, GROUPS, Names, cells, foot
from campaigns.web.report_tables import (
    Chart,
    Column,
    Figure,
    Page,
    Table,
    address,
    behind,
    count,
    share,
    words,
)
from campaigns.web.report_words import STATUSES
from campaigns.web.scenario_words import GOALS, STATUS
from campaigns.web.words import number, percent, word

LOOKS = {"active": "brand", "asked": "p3", "paused": "wait", "done": "p1", "stopped": "off"}
CHARTED = 10
TERMS = (
    (_l("参加した人"), _l("その期間にシナリオに入った人です。進行中＋了承待ち＋休止中＋最後まで届いた＋途中で終了＝参加した人。")),
    (_l("ゴール"), _l("参加した日からあとに、シナリオのゴールとした接点（この商材か、商材を問わないもの）が記録された人です。")),
    (STATUSES["stopped"], _l("配信停止・不達・対象外になったこと、または公開や操作で終わったことによるものです。")),
)  # fmt: skip


def scenarios(told: Told, named: Mapping[int, Named], asked: Asked) -> Page:
    """Every scenario and broadcast with people who came in."""
    found = add_up(told.rows, lambda row: row.scenario_id)
    ordered = sorted(found.items(), key=lambda pair: (-pair[1]["people"], pair[0]))
    rows = [_row(id, figures, named, asked) for id, figures in ordered]
    total: Counter[str] = Counter()
    for _id, figures in ordered:
        total.update(figures)
    table = Table(
        _("シナリオごとの人数"),
        _columns(),
        rows,
        note=_("左の「参加した人」は、右の5つの状態の合計と同じです。1人が2つのシナリオに参加すると、それぞれに数えます。"),
        foot=[words(str(_("合計"))), *_cells(total, lambda measure: behind("scenarios", measure, asked))],
    )  # fmt: skip
    return Page(
        "scenarios",
        _("シナリオ"),
        *_found(ordered, named),
        _chart([(named[id].name, figures) for id, figures in ordered if id in named]),
        _("参加した人が、いまどこにいるか"),
        (table,) if rows else (),
        TERMS,
        _("この期間にシナリオに参加した人はいません。"),
    )


def _columns() -> tuple[Column, ...]:
    return (
        Column(_("シナリオ"), is_number=False),
        Column(_("参加した人")),
        *(Column(STATUSES[name]) for name in STANDS),
        Column(_("ゴール")),
        Column(_("ゴールの率")),
    )


def _row(id: int, figures: Counter[str], named: Mapping[int, Named], asked: Asked) -> list[Figure]:
    one = named.get(id)
    href = url_for("reports.scenario_GET", id=id, **address(asked))
    sub = ""
    if one:
        kind = str(_("一斉配信")) if one.kind == "broadcast" else word(STATUS, one.status)
        goal = str(_("ゴール：%(goal)s", goal=word(GOALS, one.goal_kind))) if one.goal_kind else ""
        sub = _("・").join(part for part in (kind, goal) if part)
    name = words(one.name if one else str(id), href, sub=sub)
    return [name, *_cells(figures, lambda measure: behind("scenarios", measure, asked, scenario=id))]


def _cells(figures: Counter[str], href: object) -> list[Figure]:
    lead = href if callable(href) else None
    shown = [count(figures[name], lead(name) if lead else "") for name in ("people", *STANDS, "reached")]
    return [*shown, share(rate(figures["reached"], figures["people"]))]


def _found(rows: Sequence[tuple[int, Counter[str]]], named: Mapping[int, Named]) -> tuple[str, str]:
    people = sum(figures["people"] for _id, figures in rows)
    reached = sum(figures["reached"] for _id, figures in rows)
    if not people:
        return "", ""
    said = str(
        _("のべ%(people)s名が参加し、%(n)s名（%(rate)s）がゴールの接点に進みました。", people=number(people),
          n=number(reached), rate=percent(reached / people, 1))
    )  # fmt: skip
    if len(rows) == 1:
        gone = rows[0][1]["stopped"]
        return said, str(
            _("途中で終わった人は%(n)s名（%(rate)s）です。", n=number(gone), rate=percent(gone / people, 1))
        )
    known = [(id, figures) for id, figures in rows if figures["people"] >= CASES_MIN and id in named]
    most = max(known, key=lambda pair: pair[1]["stopped"] / pair[1]["people"], default=None)
    if most is None or not most[1]["stopped"]:
        return said, ""
    left = most[1]["stopped"] / most[1]["people"]
    return said, str(
        _("途中で終わった人の割合が最も大きいのは「%(name)s」（%(rate)s）です。", name=named[most[0]].name,
          rate=percent(left, 1))
    )  # fmt: skip


def _chart(rows: Sequence[tuple[str, Counter[str]]]) -> Chart | None:
    most = rows[:CHARTED]
    if not most:
        return None
    series = [
        {
            "name": str(STATUSES[name]),
            "look": LOOKS[name],
            "data": [figures[name] for _name, figures in most],
        }
        for name in STANDS
        if any(figures[name] for _name, figures in most)
    ]
    return Chart(
        "sides",
        [name for name, _figures in most],
        series,
        _("シナリオに参加した人の、いまの状態ごとの人数。下の表と同じ内容です。"),
    )


# --- one scenario ---------------------------------------------------------------------------------------------------


def scenario(
    told: Told, mails: Told, id: int, one: Named, steps: Sequence[Step], names: Names, asked: Asked
) -> Page:
    """Where its people stand, row by row, and what each of its mails did."""
    rows = [row for row in told.rows if row.scenario_id == id]
    figures = add_up(rows, lambda _row: 0).get(0, Counter())
    sent = add_up(
        [row for row in mails.rows if row.scenario_id == id], lambda row: (row.step_key, row.content_id)
    )
    tables = []
    if figures["people"]:
        tables.append(
            Table(
                _("参加した人"),
                _columns(),
                [[words(one.name), *_cells(figures, lambda m: behind("scenarios", m, asked, scenario=id))]],
                note=_("左の「参加した人」は、右の5つの状態の合計と同じです。"),
            )
        )
        tables.append(_standing(rows, id, steps, asked))
    if sent:
        tables.append(_mails(sent, id, steps, names, asked))
    return Page(
        "scenarios",
        one.name,
        *(_tested(one, sent) or _found([(id, figures)], {id: one})),
        _chart([(one.name, figures)]) if figures["people"] else None,
        _("参加した人が、いまどこにいるか"),
        tables,
        TERMS,
        _("この期間に参加した人も、送信したメールもありません。"),
        facts=word(GOALS, one.goal_kind) if one.goal_kind else "",
        up=(_("シナリオ"), url_for("reports.scenarios_GET", **address(asked))),
    )


def _standing(rows: Sequence[object], id: int, steps: Sequence[Step], asked: Asked) -> Table:
    """Those under way, by the row they stand at; rows of an older version come last."""
    standing = {key: f for key, f in add_up(rows, lambda row: row.step_key).items() if key}
    titles = {step.key: f"{step.position}. {step.title}" for step in steps}
    order = [step.key for step in steps] + [key for key in standing if key not in titles]
    under_way = ("active", "asked", "paused")
    return Table(
        _("進行中の人がいる行"),
        (Column(_("行"), is_number=False), Column(_("いる人")), *(Column(STATUSES[name]) for name in under_way)),
        [
            [
                words(titles.get(key) or str(_("以前の版の行"))),
                *(
                    count(standing[key][name], behind("scenarios", name, asked, scenario=id, step=key))
                    for name in ("people", *under_way)
                ),
            ]
            for key in order
            if key in standing
        ],
        facts=_("この行を待っている人です"),
        id="standing",
    )  # fmt: skip


def _mails(
    sent: Mapping[tuple[str, int], Counter[str]], id: int, steps: Sequence[Step], names: Names, asked: Asked
) -> Table:
    places = {step.key: step.position for step in steps}

    def line(step: str, content: int, figures: Counter[str]) -> list[Figure]:
        href = url_for(
            "reports.mail_GET", mail=f"{id}.{step}.{content}", **address(asked)
        )  # fmt: skip
        name = words(names.title((id, step, content)), href, sub=step if step in ("A", "B") else "")
        dims: dict[str, str | int] = {"scenario": id, "step": step, "content": content}
        return [name, *cells(figures, lambda measure: behind("mails", measure, asked, **dims))]

    ordered = sorted(sent.items(), key=lambda pair: (places.get(pair[0][0], len(places) + 1), pair[0]))
    return Table(
        _("ステップごとのメール"),
        COLUMNS,
        [line(step, content, figures) for (step, content), figures in ordered],
        foot=foot(sent.values(), lambda measure: behind("mails", measure, asked, scenario=id)),
        groups=GROUPS,
        note=_("期間は、参加した人では参加した日、メールでは送信した日で数えます。"),
        id="steps",
    )


def _tested(one: Named, sent: Mapping[tuple[str, int], Counter[str]]) -> tuple[str, str] | None:
    """What an A/B test of a broadcast says, by human clicks alone."""
    if not one.ab:
        return None
    arms: dict[str, Counter[str]] = {"A": Counter(), "B": Counter()}
    for (step, _content), figures in sent.items():
        if step in arms:
            arms[step].update(figures)
    a, b = (Arm(arms[key]["sent"], arms[key]["clicked_human"]) for key in "AB")
    if not a.sent or not b.sent:
        return None
    said = str(
        _("人がクリックした割合は、A %(a)s（%(an)s通）、B %(b)s（%(bn)s通）です。", a=percent(a.rate, 1),
          an=number(a.sent), b=percent(b.rate, 1), bn=number(b.sent))
    )  # fmt: skip
    verdict = decide(a, b)
    if verdict.is_tie:
        return said, str(_("この差は偶然の範囲です。"))
    return said, str(_("%(arm)sがよく、この差は偶然ではありません。", arm=verdict.winner.upper()))
