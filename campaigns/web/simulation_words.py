"""Words and figures of a simulation: findings, chart data and one person's year, in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules import simulating
from campaigns.rules.schedule import first_day
from campaigns.rules.simulating import Event
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
TASK_ICONS = {"call": "phone", "visit": "walk", "fax": "printer"}


def month(value: int) -> str:
    """Dec or 12月; January with its year."""
    return str(format_date(first_day(value), "MMM" if value % 12 else _("y年M月")))


def percent(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".")


def shown(one: Simulation, products: Mapping[int, Named]) -> dict[str, Any]:
    """Everything the page shows: key figures, findings, table rows and the data of the charts."""
    r = one.result
    excess = simulating.over(r)
    rows = _rows(r, products)
    return {
        "sent": sum(r["sent"]),
        "each": sum(r["sent"]) / r["people"] if r["people"] else 0,
        "held": sum(map(sum, r["held"].values())),
        "hot": simulating.ranks_at(r, "end")["hot"],
        "calls": sum(r["tasks"]["call"]),
        "excess": len(excess),
        "rows": rows,
        "ranks": [
            (rank, *(simulating.ranks_at(r, when)[rank] for when in ("now", "half", "end")))
            for rank in simulating.RANKS
        ],
        "mail_finding": _mail_finding(r, products),
        "rank_finding": _rank_finding(r),
        "call_finding": _call_finding(excess),
        "charts": _charts(r, products, rows),
    }


def _name(products: Mapping[int, Named], id: int | str) -> str:
    found = products.get(int(id))
    return found.name if found else str(_("他商材"))


def _rows(r: Mapping[str, Any], products: Mapping[int, Named]) -> list[tuple[str, list[int]]]:
    """The table behind the pictures: a name and a figure for each month."""
    return [
        (_("送信"), r["sent"]),
        *((_("保留：%(name)sが先", name=_name(products, id)), row) for id, row in r["held"].items()),
        *((_("待つ：%(why)s", why=plain(code)), row) for code, row in r["waits"].items()),
        *((_("送らない：%(why)s", why=plain(code)), row) for code, row in r["not_sent"].items()),
        *((str(name), r["tasks"][kind]) for kind, name in TASKS.items()),
        (_("電話の受入枠"), r["capacity"]),
    ]


def _mail_finding(r: Mapping[str, Any], products: Mapping[int, Named]) -> str:
    found = simulating.most_held(r)
    if found is None:
        return str(_("他の商材に枠をゆずる月はありません。"))
    at, product, n = found
    finding: str = _(
        "%(month)sは%(name)sが%(n)s名の枠を先に使います。",
        month=month(at),
        name=_name(products, product),
        n=f"{n:,}",
    )
    return finding


def _rank_finding(r: Mapping[str, Any]) -> str:
    now, end = simulating.ranks_at(r, "now"), simulating.ranks_at(r, "end")
    finding: str = _(
        "今すぐ客は%(a)s名から%(b)s名に、お悩み客は%(c)s名から%(d)s名になります。",
        a=f"{now['hot']:,}", b=f"{end['hot']:,}", c=f"{now['warm']:,}", d=f"{end['warm']:,}",
    )  # fmt: skip
    return finding


def _call_finding(excess: Sequence[tuple[int, int]]) -> str:
    if not excess:
        return str(_("どの月も受入枠に収まります。"))
    months = _("・").join(month(at) for at, _n in excess)
    finding: str = _("%(months)sは枠を超えます。超えた分は翌月に回ります。", months=months)
    return finding


def _sum(rows: Sequence[Sequence[int]], places: int) -> list[int]:
    return [sum(row[place] for row in rows) for place in range(places)]


def _charts(
    r: Mapping[str, Any], products: Mapping[int, Named], rows: Sequence[tuple[str, Sequence[int]]]
) -> dict[str, Any]:
    size = len(r["months"])
    series = [{"name": _("送信"), "kind": "sent", "data": r["sent"]}]
    for id, row in r["held"].items():
        colour = (int(products[int(id)].more) - 1) % 3 + 1 if int(id) in products else 1
        name = _("保留：%(name)sが先", name=_name(products, id))
        series.append({"name": name, "kind": f"p{colour}", "data": row})
    if r["waits"]:
        series.append(
            {"name": _("間隔や割合で待つ"), "kind": "wait", "data": _sum([*r["waits"].values()], size)}
        )
    if r["not_sent"]:
        series.append({"name": _("送らない"), "kind": "off", "data": _sum([*r["not_sent"].values()], size)})
    calls, room = r["tasks"]["call"], r["capacity"]
    return {
        "months": [month(one) for one in r["months"]],
        "mails": series,
        "mails_label": _("毎月の送信・保留・送らない人数。下の数字の表と同じ内容です。"),
        "ranks": {"now_half": r["now_half"], "half_end": r["half_end"]},
        "rank_names": [[rank, word(RANKS, rank)] for rank in simulating.RANKS],  # in this order
        "ranks_label": _("見込度ごとの人数の、いま・6か月後・12か月後の移り変わり。"),
        "within": {"name": _("枠の中"), "data": [min(a, b) for a, b in zip(calls, room, strict=True)]},
        "over": {"name": _("超過"), "data": [max(a - b, 0) for a, b in zip(calls, room, strict=True)]},
        "room": {"name": _("受入枠"), "data": room},
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
    for at, events in found.items():
        own = [event for event in events if event.product == one.product_id]
        others = [event for event in events if event not in own and event.what in ("sent", "task")]
        lines = list(dict.fromkeys(_line(event, one, products, titles) for event in own + others))
        kinds = {event.what for event in own}
        box = next((kind for kind in ("sent", "task", "held", "not_sent") if kind in kinds), "none")
        made.append((month(at), box, lines or [("minus", _("なし"))]))
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
