"""The reports on the work of sales: what came of each action, hand-offs that led nowhere, what each has to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.reports import CASES_MIN, Rate, differ, rate
from campaigns.services.count_reports import Told
from campaigns.services.show_load import Load
from campaigns.services.show_report import Asked, add_up
from campaigns.storage.action_report import CONNECT_DAYS, MEET_DAYS
from campaigns.web import hand_off_words
from campaigns.web.report_tables import Chart, Column, Figure, Page, Table, behind, count, share, words
from campaigns.web.words import RANKS, ROLES, TASKS, number, percent, short_day, word

RANK_ORDER = ("hot", "warm", "nurture", "unobserved", "declined")
KIND_ORDER = ("call", "fax", "visit", "mail", "invite", "intro")
RESULTS = {"connected": _l("会話"), "met": _l("アポイント"), "won": _l("受注")}
ACTION_TERMS = (
    (_l("件数"), _l("電話は1回かけるごとに1件、訪問は行った1回を1件、FAXは送った相手ごとに1件、ほかは終えたアクション1つを1件と数えます。取り消したものは含みません。")),
    (_l("見込度"), _l("そのアクションをしたときの見込度です。")),
    (_l("会話"), _l("電話は相手か受付と話せた件数、訪問は会えた件数、ほかは30日以内に同じ商材の会話（通話・訪問・説明員との対応など）があった件数です。")),
    (_l("アポイント"), _l("その電話で約束したか、60日以内に同じ方と、同じ商材で訪問の約束ができた件数です。")),
    (_l("受注"), _l("そのあとに同じ見込みから受注した件数です。新しいアクションほど、まだこれからです。")),
    (_l("率の灰色"), _l("20件に満たない率です。たまたまのことが多いため、比べません。")),
)  # fmt: skip
assert (CONNECT_DAYS, MEET_DAYS) == (30, 60), "the terms above tell these days"


def actions(told: Told, asked: Asked) -> Page:
    """Action by rank: how many led to a talk, an appointment, an order."""
    cells = add_up(told.rows, lambda row: (row.rank, row.kind))
    keys = [(rank, kind) for rank in RANK_ORDER for kind in KIND_ORDER if (rank, kind) in cells]

    def line(key: tuple[str, str]) -> list[Figure]:
        rank, kind = key
        found = cells[key]
        dims = {"rank": rank, "kind": kind}
        made = [words(str(word(RANKS, rank))), words(str(word(TASKS, kind)))]
        made.append(count(found["done"], behind("actions", "done", asked, **dims)))
        for name in RESULTS:
            made.append(count(found[name], behind("actions", name, asked, **dims)))
            made.append(_rate(rate(found[name], found["done"])))
        return made

    table = Table(
        _("アクションと見込度ごとの結果"),
        (
            Column(_("見込度"), is_number=False),
            Column(_("アクション"), is_number=False),
            Column(_("件数")),
            *(column for label in RESULTS.values() for column in (Column(label), Column(_("率")))),
        ),
        [line(key) for key in keys],
        note=_("率は、左の件数に対する割合です。どの数字からも、もとのアクションを開けます。"),
    )
    return Page(
        "actions",
        _("アクションの成果"),
        *_best(cells),
        chart=_chart(cells),
        chart_title=_("見込度ごとに、アポイントにつながった割合"),
        tables=(table,) if keys else (),
        terms=ACTION_TERMS,
        empty=_("この期間に終えたアクションはありません。"),
        facts=str(_("同じ見込度の人に、どのアクションがよく効いたか")),
    )


def _rate(found: Rate) -> Figure:
    return share(found, kind="" if found.n >= CASES_MIN else "zero")


def _best(cells: Mapping[tuple[str, str], Counter[str]]) -> tuple[str, str]:
    """Which action leads to an appointment more often than the others of the same rank, where chance is no reason."""
    found = []
    for rank in RANK_ORDER:
        tried = {kind: rate(cells[rank, kind]["met"], cells[rank, kind]["done"])
                 for kind in KIND_ORDER if (rank, kind) in cells and cells[rank, kind]["done"] >= CASES_MIN}  # fmt: skip
        if len(tried) < 2:
            continue
        ordered = sorted(tried, key=lambda kind: -(tried[kind].value or 0))
        first, second = tried[ordered[0]], tried[ordered[1]]
        if differ(first, second):
            found.append((rank, ordered[0], first, ordered[1], second))
    if not found:
        return (
            str(_("どのアクションがよいかは、まだ言えません。")),
            str(
                _(
                    "同じ見込度で20件以上のアクションが2種類そろい、差が偶然とは言えないときに、ここに示します。"
                )
            ),
        )
    rank, kind, first, other, second = max(found, key=lambda one: one[2].value or 0)
    said = _(
        "%(rank)sには、%(kind)sがアポイントにつながりやすいようです（%(a)s、%(other)sは%(b)s）。",
        rank=word(RANKS, rank), kind=word(TASKS, kind), a=percent(first.value, 1), other=word(TASKS, other),
        b=percent(second.value, 1),
    )  # fmt: skip
    return str(said), str(_("同じ条件の人に両方を試して比べると、さらに確かになります。"))


def _chart(cells: Mapping[tuple[str, str], Counter[str]]) -> Chart | None:
    """Only what can be compared: a bar of three cases would be read as a finding."""
    cells = {key: one for key, one in cells.items() if one["done"] >= CASES_MIN}
    if len(cells) < 2:
        return None
    kinds = [kind for kind in KIND_ORDER if any(key[1] == kind for key in cells)]
    ranks = [rank for rank in RANK_ORDER if any(key[0] == rank for key in cells)]
    looks = ("brand", "p1", "p2", "p3", "wait")
    return Chart(
        "sides",
        [f"{word(RANKS, rank)} {word(TASKS, kind)}" for rank in ranks for kind in kinds if (rank, kind) in cells],
        [
            {
                "name": str(RESULTS["met"]),
                "look": looks[0],
                "data": [
                    round(100 * cells[rank, kind]["met"] / cells[rank, kind]["done"], 1)
                    if cells[rank, kind]["done"] else 0
                    for rank in ranks for kind in kinds if (rank, kind) in cells
                ],
            }
        ],
        str(_("見込度とアクションごとに、アポイントにつながった割合を示します。下の表と同じ内容です。")),
        "%",
    )  # fmt: skip


TEAMS = {"field": _l("フィールドセールス"), "inside": _l("インサイドセールス")}
ENDS = {
    "returned": _l("差戻し"), "lost": _l("失注・他決"), "no_deal": _l("見送り"), "timeout": _l("期間満了"),
}  # fmt: skip
WHIFF_TERMS = (
    (_l("終わった引き渡し"), _l("営業に引き渡し、結果が出たものです。営業が対応しているものは含みません。")),
    (_l("空振り"), _l("受注に至らなかった引き渡しです。差戻し、失注・他決、見送り、期間満了（購買サイクルのあいだ結果が出なかったもの）を含みます。")),
)  # fmt: skip


def whiffs(told: Told, asked: Asked, names: Mapping[int, str]) -> Page:
    """Hand-offs without an order: by product and team, by reason, by month."""
    total = add_up(told.rows, lambda _row: 0).get(0, Counter())
    by_group = add_up(told.rows, lambda row: (row.product_id, row.team))
    by_code = add_up((row for row in told.rows if row.figures["whiff"]), lambda row: row.code)
    by_month = add_up(told.rows, lambda row: row.month)

    def line(product_id: int, team: str) -> list[Figure]:
        found, one = by_group[product_id, team], Asked(asked.period, product_id, asked.month)
        return [
            words(names.get(product_id, "–")),
            words(str(word(TEAMS, team))),
            *(
                count(found[name], behind("whiffs", name, one, team=team))
                for name in ("ended", "won", "whiff")
            ),
            _rate(rate(found["whiff"], found["ended"])),
            *(count(found[name], behind("whiffs", name, one, team=team)) for name in ENDS),
        ]

    groups = Table(
        _("商材とチームごと"),
        (
            Column(_("商材"), is_number=False), Column(_("チーム"), is_number=False), Column(_("終わった引き渡し")),
            Column(_("受注")), Column(_("空振り")), Column(_("空振りの割合")), *(Column(one) for one in ENDS.values()),
        ),
        [line(*key) for key in sorted(by_group, key=lambda key: (-by_group[key]["whiff"], key))],
        note=_("受注＋空振り＝終わった引き渡しです。"),
    )  # fmt: skip
    reasons = Table(
        _("空振りの理由"),
        (Column(_("理由"), is_number=False), Column(_("件数")), Column(_("空振りのうち"))),
        [
            [
                words(reason(code)),
                count(by_code[code]["whiff"], behind("whiffs", "whiff", asked, code=code)),
                share(rate(by_code[code]["whiff"], total["whiff"])),
            ]
            for code in sorted(by_code, key=lambda code: (-by_code[code]["whiff"], code))
        ],
        id="reasons",
    )
    months = Table(
        _("月ごと"),
        (Column(_("月"), is_number=False), Column(_("終わった引き渡し")), Column(_("受注")), Column(_("空振り")),
         Column(_("空振りの割合"))),
        [
            [
                words(f"{month // 12}/{month % 12 + 1}"),
                *(count(by_month[month][name], behind("whiffs", name, Asked(asked.period, asked.product_id, month)))
                  for name in ("ended", "won", "whiff")),
                _rate(rate(by_month[month]["whiff"], by_month[month]["ended"])),
            ]
            for month in sorted(by_month, reverse=True)
        ],
        id="months",
        look="folded",
    )  # fmt: skip
    return Page(
        "whiffs",
        _("空振り"),
        *_worst(total, by_code),
        tables=(groups, reasons, months) if total["ended"] else (),
        terms=WHIFF_TERMS,
        empty=_("この期間に結果の出た引き渡しはありません。"),
        facts=str(_("営業に引き渡して、受注に至らなかったもの")),
    )


def reason(code: str) -> str:
    known = {**ENDS, **hand_off_words.RETURNS, **hand_off_words.WITHDRAWN}
    return str(word(known, code))


def _worst(total: Counter[str], by_code: Mapping[str, Counter[str]]) -> tuple[str, str]:
    if not total["ended"]:
        return "", ""
    found = rate(total["whiff"], total["ended"])
    said = str(
        _("結果の出た引き渡し%(n)s件のうち、%(k)s件（%(rate)s）が空振りでした。", n=number(total["ended"]),
          k=number(total["whiff"]), rate=percent(found.value))
    )  # fmt: skip
    if not by_code:
        return said, ""
    code = max(by_code, key=lambda one: by_code[one]["whiff"])
    return said, str(
        _("最も多い理由は「%(what)s」（%(n)s件）です。", what=reason(code), n=number(by_code[code]["whiff"]))
    )


LOAD_TERMS = (
    (_l("開いている"), _l("いま担当しているアクションです。期日が先のものも含みます。")),
    (_l("1日の電話"), _l("期間の営業日1日あたりにかけた電話の平均です。")),
    (_l("枠に対して"), _l("開いているアクションを、1日に受け持てる件数で割ったものです。5日を超えると、1週間では終わりません。")),
)  # fmt: skip
FULL_DAYS = 5  # a week of work lies ahead


def load(people: Sequence[Load], asked: Asked) -> Page:
    """What each of sales has, did and can do (S1-20)."""

    def line(one: Load) -> list[Figure]:
        late = url_for("tasks.list_GET", user=one.id, show="late")
        days = one.days_of_work
        return [
            words(one.name, url_for("staff.list_GET", user=one.id), sub=str(word(ROLES, one.role))),
            count(one.open, url_for("tasks.list_GET", user=one.id)),
            count(one.late, late, kind="bad" if one.late else ""),
            count(one.done),
            Figure(f"{one.calls_a_day:.1f}", number(one.calls_a_day, 1), kind="" if one.calls_a_day else "zero"),
            count(one.per_day),
            Figure("", "–", kind="zero") if days is None else Figure(
                f"{days:.1f}", str(_("%(n)s日分", n=number(days, 1))), kind="bad" if days > FULL_DAYS else ""
            ),
            words(str(_("%(day)sから出社", day=short_day(one.away_until))) if one.away_until else str(_("出社"))),
        ]  # fmt: skip

    table = Table(
        _("一人ずつの仕事"),
        (
            Column(_("名前"), is_number=False), Column(_("開いている")), Column(_("期限超過")), Column(_("済み")),
            Column(_("1日の電話")), Column(_("1日の枠")), Column(_("枠に対して")), Column(_("状態"), is_number=False),
        ),
        [line(one) for one in people],
        foot=[
            words(str(_("合計"))), count(sum(one.open for one in people)), count(sum(one.late for one in people)),
            count(sum(one.done for one in people)),
            Figure("", number(sum(one.calls_a_day for one in people), 1)),
            count(sum(one.per_day for one in people)), words(""), words(""),
        ] if people else (),
    )  # fmt: skip
    return Page(
        "load",
        _("担当の負荷"),
        *_fullest(people),
        tables=(table,) if people else (),
        terms=LOAD_TERMS,
        empty=_("営業の利用者がまだいません。"),
        facts=str(_("「済み」と「1日の電話」は期間の中、ほかはいまの数です")),
    )


def _fullest(people: Sequence[Load]) -> tuple[str, str]:
    full = [one for one in people if (one.days_of_work or 0) > FULL_DAYS]
    free = [one for one in people if one.per_day and not one.open and one.away_until is None]
    if not people:
        return "", ""
    if not full:
        return str(_("枠を大きく超えている人はいません。")), ""
    most = max(full, key=lambda one: one.days_of_work or 0)
    said = str(
        _(
            "%(name)sさんに、枠の%(days)s日分のアクションがあります。",
            name=most.name,
            days=number(most.days_of_work, 1),
        )
    )
    return said, str(
        _("手の空いている人が%(n)s名います。担当を移せます。", n=len(free)) if free
        else _("担当の割り振りか、1日の枠を見直してください。")
    )  # fmt: skip
