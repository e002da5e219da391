"""Words and figures of a simulation: findings, chart data and one person's year, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules import simulating
from campaigns.rules.schedule import first_day
from campaigns.rules.simulating import Desk, Event
from campaigns.storage.simulations import Named, Simulation
from campaigns.web.delivery_words import plain
from campaigns.web.words import RANKS, word

REACTIONS = {
    "open": _l("開封"),
    "click": _l("クリック"),
    "reply": _l("返信"),
    "unsubscribe": _l("この商材の配信停止"),
}
TASKS = {"call": _l("電話"), "visit": _l("訪問"), "fax": _l("FAX")}
FEW_MAILS = 4  # a year and person: less than one in three months
MONTHS_NAMED = 4  # more in a sentence are no longer read
TASK_ICONS = {"call": "phone", "visit": "walk", "fax": "printer"}


def month(value: int) -> str:
    """Dec or 12月; January with its year."""
    return str(format_date(first_day(value), "MMM" if value % 12 else _("y年M月")))


def months(r: Mapping[str, Any]) -> list[str]:
    """What the columns are called: the rest of this month, then twelve more."""
    return [str(_("今月")), *map(month, r["months"][1:])]


def percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".")


def shown(one: Simulation, products: Mapping[int, Named]) -> dict[str, Any]:
    """Everything the page shows: key figures, findings, table rows and the data of the charts."""
    r = one.result
    desks = simulating.desks(r)
    rows = _rows(r, desks, products)
    return {
        "sent": sum(r["sent"]),
        "each": _each(r),
        "held": sum(map(sum, r["held"].values())),
        "hot": simulating.ranks_at(r, "end")["hot"],
        "calls": sum(r["tasks"]["call"]),
        "excess": sum(desk.left > 0 for desk in desks),
        "rows": rows,
        "ranks": [
            (rank, *(simulating.ranks_at(r, when)[rank] for when in ("now", "half", "end")))
            for rank in simulating.RANKS
        ],
        "mail_finding": _mail_finding(r, products),
        "rank_finding": _rank_finding(r),
        "call_finding": _call_finding(desks),
        "charts": _charts(r, desks, products),
    }


def _each(r: Mapping[str, Any]) -> float:
    """Mails a person and year."""
    return sum(r["sent"]) / r["people"] if r["people"] else 0.0


def _first(r: Mapping[str, Any], products: Mapping[int, Named], id: int | str) -> str:
    """Who goes first: another product, or another scenario of this one."""
    if int(id) == r["product"]:
        return str(_("この商材の別のシナリオ"))
    return _name(products, id)


def _name(products: Mapping[int, Named], id: int | str) -> str:
    found = products.get(int(id))
    return found.name if found else str(_("他商材"))


def _rows(
    r: Mapping[str, Any], desks: Sequence[Desk], products: Mapping[int, Named]
) -> list[tuple[str, list[int]]]:
    """The table behind the pictures: a name and a figure for each month."""
    return [
        (_("送信"), r["sent"]),
        *((_("保留：%(name)sが先", name=_first(r, products, id)), row) for id, row in r["held"].items()),
        *((_("待つ：%(why)s", why=plain(code)), row) for code, row in r["waits"].items()),
        *((plain(code), row) for code, row in r["not_sent"].items()),
        *(
            (_("%(rank)s（月末の人数）", rank=word(RANKS, rank)), row)
            for rank, row in r["ranks"].items()
            if any(row)
        ),
        *((str(name), r["tasks"][kind]) for kind, name in TASKS.items()),
        (_("電話の受入枠"), r["capacity"]),
        (_("電話：前月からの持ち越し"), [desk.waiting for desk in desks]),
        (_("電話：枠を超えて翌月へ"), [desk.left for desk in desks]),
    ]


def _mail_finding(r: Mapping[str, Any], products: Mapping[int, Named]) -> str:
    """What a marketer should know first: few mails, what keeps most of them, or who goes first."""
    each, lost, held = _each(r), simulating.most_not_sent(r), simulating.most_held(r)
    said: list[str] = []
    if each < FEW_MAILS:
        said.append(_("12か月で1名あたり%(n)s通しか届きません。", n=f"{each:.1f}"))
    if lost and lost[1] > sum(map(sum, r["held"].values())):
        said.append(
            _(
                "送れない理由で最も多いのは「%(why)s」で、のべ%(n)s名です。",
                why=plain(lost[0]),
                n=f"{lost[1]:,}",
            )
        )
    elif held:
        at, product, n = held
        name = _first(r, products, product)
        said.append(
            _("%(month)sは%(name)sが%(n)s名の枠を先に使います。", month=month(at), name=name, n=f"{n:,}")
        )
    return "".join(said) or str(_("他の商材に枠をゆずる月はありません。"))


def _rank_finding(r: Mapping[str, Any]) -> str:
    now, end = simulating.ranks_at(r, "now"), simulating.ranks_at(r, "end")
    said = [
        str(_("%(rank)sは%(a)s名から%(b)s名", rank=word(RANKS, rank), a=f"{now[rank]:,}", b=f"{end[rank]:,}"))
        for rank in ("hot", "warm")
        if now[rank] or end[rank]
    ]
    if not said:
        return str(_("12か月のうちに、今すぐ客・お悩み客になる人は見込まれません。"))
    finding: str = _("%(what)sになります。", what=_("、").join(said))
    return finding


def _call_finding(desks: Sequence[Desk]) -> str:
    over = [desk for desk in desks if desk.left]
    if not any(desk.new for desk in desks):
        return str(_("12か月のうちに、電話の予定は生まれません。"))
    if not over:
        return str(_("どの月も受入枠に収まります。"))
    most = max(over, key=lambda desk: desk.left)
    finding: str = _(
        "%(n)sか月で枠を超え、残りは翌月に持ち越します。最も多いのは%(at)sの%(calls)s件です。",
        n=len(over), at=month(most.month), calls=f"{most.left:,}",
    )  # fmt: skip
    if len(over) <= MONTHS_NAMED:
        months = _("・").join(month(desk.month) for desk in over)
        finding = _(
            "%(months)sは枠を超え、残りは翌月に持ち越します。最も多いのは%(at)sの%(n)s件です。",
            months=months, at=month(most.month), n=f"{most.left:,}",
        )  # fmt: skip
    if desks[-1].left:
        finding += _("最後の月にも%(n)s件が残ります。", n=f"{desks[-1].left:,}")
    return finding


def _sum(rows: Sequence[Sequence[int]], places: int) -> list[int]:
    return [sum(row[place] for row in rows) for place in range(places)]


def _charts(r: Mapping[str, Any], desks: Sequence[Desk], products: Mapping[int, Named]) -> dict[str, Any]:
    size = len(r["months"])
    series = [{"name": _("送信"), "kind": "sent", "data": r["sent"]}]
    for id, row in r["held"].items():
        colour = (int(products[int(id)].more) - 1) % 3 + 1 if int(id) in products else 1
        name = _("保留：%(name)sが先", name=_first(r, products, id))
        series.append({"name": name, "kind": f"p{colour}", "data": row})
    if r["waits"]:
        series.append(
            {"name": _("間隔や割合で待つ"), "kind": "wait", "data": _sum([*r["waits"].values()], size)}
        )
    if r["not_sent"]:
        series.append({"name": _("送らない"), "kind": "off", "data": _sum([*r["not_sent"].values()], size)})
    return {
        "months": months(r),
        "mails": series,
        "mails_label": _("毎月の送信・保留・送らない人数。下の数字の表と同じ内容です。"),
        "ranks": {"now_half": r["now_half"], "half_end": r["half_end"]},
        "rank_names": [[rank, word(RANKS, rank)] for rank in simulating.RANKS],  # in this order
        "ranks_label": _("見込度ごとの人数の、いま・6か月後・12か月後の移り変わり。"),
        "waited": {"name": _("前月からの分"), "data": [desk.done_waiting for desk in desks]},
        "within": {"name": _("その月の分"), "data": [desk.done_new for desk in desks]},
        "over": {"name": _("翌月へ持ち越し"), "data": [desk.left for desk in desks]},
        "room": {"name": _("受入枠"), "data": r["capacity"]},
        "calls_label": _("毎月の電話の件数と、架電担当の受入枠。"),
    }


def year(
    found: Mapping[int, Sequence[Event]],
    one: Simulation,
    products: Mapping[int, Named],
    titles: Mapping[int, str],
) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(month, kind of the box, [(icon, words)]) of one person's year. titles: of contents.

    Of another product only the mail that comes instead and its calls: that it waits is no news here.
    """
    made = []
    names = months(one.result)
    for name, events in zip(names, found.values(), strict=True):
        own = [event for event in events if event.product == one.product_id]
        others = [event for event in events if event not in own and event.what in ("sent", "task")]
        lines = list(dict.fromkeys(_line(event, one, products, titles) for event in own + others))
        kinds = {event.what for event in own}
        box = next((kind for kind in ("sent", "task", "held", "not_sent") if kind in kinds), "none")
        made.append((name, box, lines or [("minus", _("なし"))]))
    return made


def _line(
    event: Event, one: Simulation, products: Mapping[int, Named], titles: Mapping[int, str]
) -> tuple[str, str]:
    other = "" if event.product == one.product_id else _name(products, event.product)
    if event.what == "sent":
        return "mail", other or titles.get(event.content or 0) or _("この商材のメール")
    if event.what == "held":
        first = _name(products, event.by) if event.by and event.by != event.product else plain(event.code)
        return "clock-pause", _("保留：%(why)s", why=first)
    if event.what == "task":
        return TASK_ICONS[event.code], str(TASKS[event.code])
    if event.what == "rank":
        return "arrow-right", word(RANKS, event.code)
    if event.what == "refused":
        return "ban", _("配信停止")
    return "minus", plain(event.code)
