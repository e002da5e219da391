"""The reports on people: the funnel in the seeds' words, and what people are interested in."""

from __future__ import annotations

from collections import Counter

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.reports import CASES_MIN, Pace, Stage, Step, funnel, paces, rate, slowest, weakest
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked, add_up
from campaigns.web.report_tables import Chart, Column, Figure, Page, Table, behind, count, share, words
from campaigns.web.report_words import STAGE_TERMS, STAGES
from campaigns.web.scenario_words import CLASSES
from campaigns.web.words import number, percent, word

CHARTED = 12
CLASS_LOOKS = {"A": "brand", "B": "p1", "C1": "p2", "C2": "p3", "D": "wait", "E": "machine", "-": "off"}
FUNNEL_TERMS = (
    *((STAGES[stage], meaning) for stage, meaning in STAGE_TERMS.items()),
    (_l("進んだ割合"), _l("1つ前の段階まで来た人のうち、この段階まで来た人の割合です。")),
    (
        _l("先月の割合・中央値"),
        _l(
            "先月その段階へ来た人を、先月1つ前の段階へ来た人で割ったものと、その前の12か月の中央値です。名簿に加わった時期は問いません。"
        ),
    ),
)


# Who can do something about a stage: the six jobs of S2-23 in this installation's roles.
STAGE_OWNERS = {
    Stage.POTENTIAL: _l("マーケティング（集客・名簿）"),
    Stage.PROSPECT: _l("マーケティング（シナリオ・コンテンツ）"),
    Stage.QUALIFIED: _l("インサイドセールス"),
    Stage.CUSTOMER: _l("フィールドセールス"),
    Stage.LOYAL: _l("担当営業・営業管理職"),
}


def stages(told: Told, entered: Told, asked: Asked, *, this: int) -> Page:
    """Everybody who came in the period, in the furthest stage reached until now. entered: who came to each stage by
    month; the last whole month is held against each stage's own twelve before it."""
    here = add_up(told.rows, lambda _row: 0).get(0, Counter())
    steps = funnel(here)
    worst = weakest(steps)
    pace = {one.stage: one for one in paces(_by_month(entered), last=this - 1)}
    slow = slowest(pace.values())
    total = steps[0].reached

    def line(step: Step) -> list[Figure]:
        passed = share(step.passed) if step.passed else Figure("", "–", kind="zero")
        if step is worst:
            passed = Figure(passed.value, passed.text, sub=str(_("最も小さい")), kind="bad")
        return [
            words(str(STAGES[step.stage])),
            count(step.reached, behind("funnel", f"reached_{step.stage}", asked)),
            passed,
            count(step.here, behind("funnel", f"here_{step.stage}", asked)),
            *_pace(pace.get(step.stage), is_slow=slow is not None and step.stage is slow.stage),
            words(str(STAGE_OWNERS[step.stage])),
        ]

    table = Table(
        _("段階ごとの人数"),
        (
            Column(_("段階"), is_number=False),
            Column(_("ここまで来た人")),
            Column(_("進んだ割合")),
            Column(_("いまこの段階の人")),
            Column(_("先月の割合"), _("先月に1つ前の段階へ来た人に対する、先月この段階へ来た人の割合です。")),
            Column(_("12か月の中央値")),
            Column(_("受け持ち"), is_number=False),
        ),
        [line(step) for step in steps],
        note=_("「いまこの段階の人」を足すと、名簿にいる%(n)s名になります。", n=number(total)),
    )
    return Page(
        "funnel",
        _("顧客の段階"),
        *_worst(steps, worst, slow),
        tables=(table,) if total else (),
        terms=FUNNEL_TERMS,
        empty=_("この期間に名簿に加わった人はいません。"),
        facts=str(_("この期間に名簿に加わった人が、いままでにどこまで進んだか")),
        parts={
            "steps": [
                (
                    str(STAGES[step.stage]),
                    step,
                    step is worst,
                    step.reached / total if total else 0.0,
                    behind("funnel", f"reached_{step.stage}", asked),
                )
                for step in steps
            ]
        },
    )


def _by_month(entered: Told) -> dict[int, Counter[str]]:
    return add_up(entered.rows, lambda row: row.month)


def _pace(one: Pace | None, *, is_slow: bool) -> tuple[Figure, Figure]:
    """Last month's rate and the stage's own median; the one furthest below is marked."""
    none = Figure("", "–", kind="zero")
    if one is None:
        return none, none
    now = words(percent(one.value, 1), kind="" if one.n >= CASES_MIN else "zero")
    if is_slow:
        now = Figure(now.value, now.text, sub=str(_("中央値を最も下回る")), kind="bad")
    return now, none if one.median is None else words(percent(one.median, 1))


def _slow(slow: Pace | None) -> str:
    if slow is None or slow.median is None:
        return ""
    return str(
        _("先月は「%(b)s」が、いつもの月を最も下回りました（%(now)s、12か月の中央値は%(median)s）。受け持ちは%(who)sです。",
          b=STAGES[slow.stage], now=percent(slow.value, 1), median=percent(slow.median, 1),
          who=STAGE_OWNERS[slow.stage])
    )  # fmt: skip


def _worst(steps: tuple[Step, ...], worst: Step | None, slow: Pace | None) -> tuple[str, str]:
    if not steps[0].reached:
        return "", ""
    if worst is None or worst.passed is None:
        return (
            str(_("まだ%(n)s名に満たないため、どの段階が弱いかは言えません。", n=CASES_MIN)),
            "",
        )
    before = steps[steps.index(worst) - 1]
    said = str(
        _("最も進みにくいのは「%(a)s」から「%(b)s」です。%(n)s名のうち%(k)s名（%(rate)s）が進みました。",
          a=STAGES[before.stage], b=STAGES[worst.stage], n=number(worst.passed.n), k=number(worst.passed.k),
          rate=percent(worst.passed.value, 1))
    )  # fmt: skip
    hints = {
        Stage.PROSPECT: _("名簿の人を商材の見込み客に加えると、育成を始められます。"),
        Stage.QUALIFIED: _("関心の深い内容を送り、会って話す機会（来場・訪問・電話）を作ってください。"),
        Stage.CUSTOMER: _("引き渡しのあとの結果と、差戻しの理由を確かめてください。"),
        Stage.LOYAL: _("受注した企業の管理区分と、ほかの商材の提案を見直してください。"),
    }
    return said, _slow(slow) or str(hints.get(worst.stage, ""))


INTEREST_TERMS = (
    (_l("関心のある人"), _l("期間の中に、そのテーマの付いたものを自分で読んだか、申し込んだ人です。機械によるものは数えません。")),
    (_l("テーマ"), _l("読んだ時点で、メールの内容・ページの規則・フォームに付いていたものです。")),
    (_l("管理区分"), _l("いま所属している企業の区分です。")),
)  # fmt: skip


def interest(told: Told, asked: Asked) -> Page:
    """Themes by people, by the class of their company."""
    by_tag = add_up(told.rows, lambda row: row.tag)
    by_cell = add_up(told.rows, lambda row: (row.tag, row.cls))
    classes = [name for name in CLASSES if any(key[1] == name for key in by_cell)]
    ordered = sorted(by_tag, key=lambda tag: (-by_tag[tag]["people"], tag))

    def line(tag: str) -> list[Figure]:
        cells = [
            count(
                by_cell.get((tag, name), Counter())["people"],
                behind("interest", "people", asked, tag=tag, **{"class": name}),
            )
            for name in classes
        ]
        return [
            words(tag),
            count(by_tag[tag]["people"], behind("interest", "people", asked, tag=tag)),
            *cells,
        ]

    table = Table(
        _("テーマごとの人数"),
        (
            Column(_("テーマ"), is_number=False),
            Column(_("関心のある人")),
            *(Column(CLASSES[name]) for name in classes),
        ),
        [line(tag) for tag in ordered],
        note=_("左の人数は、右の管理区分の合計と同じです。1人が2つのテーマを読むと、それぞれに数えるため、縦には足せません。"),
    )  # fmt: skip
    return Page(
        "interest",
        _("関心"),
        *_liked(ordered, by_tag, by_cell),
        chart=Chart(
            "sides",
            ordered[:CHARTED],
            [
                {
                    "name": word(CLASSES, name),
                    "look": CLASS_LOOKS[name],
                    "data": [
                        by_cell.get((tag, name), Counter())["people"] for tag in ordered[:CHARTED]
                    ],
                }
                for name in classes
            ],
            str(_("テーマごとの関心のある人の数を、企業の管理区分に分けて示します。下の表と同じ内容です。")),
        )
        if ordered
        else None,
        chart_title=_("どのテーマに、どの区分の人が関心を持っているか"),
        tables=(table,) if ordered else (),
        terms=INTEREST_TERMS,
        empty=_("この期間には、テーマの付いたものを読んだ人がいません。内容にテーマを付けると、ここに集まります。"),
    )  # fmt: skip


def _liked(
    ordered: list[str], by_tag: dict[str, Counter[str]], by_cell: dict[tuple[str, str], Counter[str]]
) -> tuple[str, str]:
    if not ordered:
        return "", ""
    top = ordered[0]
    said = str(
        _(
            "最も関心を集めているのは「%(tag)s」で、%(n)s名が読んでいます。",
            tag=top,
            n=number(by_tag[top]["people"]),
        )
    )
    key_people = {
        tag: sum(by_cell.get((tag, name), Counter())["people"] for name in ("A", "B")) for tag in ordered
    }
    best = max(key_people, key=lambda tag: key_people[tag])
    if not key_people[best]:
        return said, ""
    found = rate(key_people[best], by_tag[best]["people"])
    return said, str(
        _("管理区分 A・B の人が最も多いのは「%(tag)s」（%(n)s名、%(rate)s）です。", tag=best,
          n=number(key_people[best]), rate=percent(found.value))
    )  # fmt: skip
