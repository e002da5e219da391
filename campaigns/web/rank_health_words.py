"""Words and chart data of the rank health page: what the numbers say, first."""

from __future__ import annotations

from itertools import dropwhile
from typing import Any

from flask_babel import gettext as _

from campaigns.rules import rank_health as rule
from campaigns.rules.rank_health import Spread
from campaigns.services.show_rank_health import Band, Health, Quota
from campaigns.storage.leads import RANKS
from campaigns.web import words


def rank(code: str) -> str:
    return words.word(words.RANKS, code)


def alarm(code: str) -> tuple[str, str]:
    """What rings, and what to do about it."""
    said = {
        "lowest_share": (
            _("3か月続けて、月末の%(share)s超がまだまだ客です。", share=words.percent(rule.LOWEST_SHARE)),
            _("断りの根拠を確かめ、期限が来た人から会って測り直しましょう。"),
        ),
        "few_promising": (
            _(
                "3か月続けて、月末の今すぐ客とお悩み客が合わせて%(share)s未満です。",
                share=words.percent(rule.PROMISING_SHARE),
            ),
            _("未観測の人への再測定の電話を増やし、購買サイクルと基準が商材に合っているかを見直しましょう。"),
        ),
    }
    return said.get(code, (code, ""))


def finding(health: Health) -> str:
    """The sentence above the picture."""
    one = health.latest
    if one is None or not one.total:
        return str(_("この商材の見込み客は、まだいません。"))
    said: str = _(
        "%(day)sの終わりに、今すぐ客とお悩み客は%(top)s、まだまだ客は%(low)s、未観測は%(silent)sです。",
        day=words.short_day(one.day),
        top=words.percent(one.share(*rule.PROMISING), 1),
        low=words.percent(one.share(rule.LOWEST), 1),
        silent=words.percent(one.share("unobserved"), 1),
    )
    return said


def flow_finding(health: Health) -> str:
    """Where most went, and whether more rose than fell."""
    if not health.flows:
        return str(_("この30日に、見込度が変わった人はいません。"))
    up = sum(n for (old, new), n in health.flows.items() if RANKS.index(new) < RANKS.index(old))
    down = sum(health.flows.values()) - up
    (old, new), n = max(health.flows.items(), key=lambda item: (item[1], item[0]))
    said: str = _(
        "上がったのは%(up)s件、下がったのは%(down)s件です。最も多いのは「%(old)s」から「%(new)s」への%(n)s件です。",
        up=words.number(up),
        down=words.number(down),
        old=rank(old),
        new=rank(new),
        n=words.number(n),
    )
    return said


def quota(one: Quota) -> str:
    done = one.done
    if not one.per_day:
        return str(_("1日の架電数が決まっていないため、再測定の枠がありません。"))
    said: str = _(
        "枠は1日%(day)s件、この30日で%(room)s件です。全商材で%(made)s件（%(share)s）を使いました。",
        day=words.number(one.per_day),
        room=words.number(one.room),
        made=words.number(done.made),
        share=words.percent(done.made / one.room if one.room else 0.0),
    )
    return said


def band(one: Band) -> str:
    if one.below is None:
        return str(_("%(n)s以上", n=words.number(one.from_score)))
    return str(_("%(a)s以上%(b)s未満", a=words.number(one.from_score), b=words.number(one.below)))


def month(spread_day: Any) -> str:
    """2026/10, short enough for a column of two years."""
    return f"{spread_day.year}/{spread_day.month}"


def share(spread: Spread | None, code: str) -> str:
    return words.percent(spread.share(code), 1) if spread and spread.total else "–"


def charts(health: Health) -> dict[str, Any]:
    """Data of the pictures, from the first month with anybody in it; the tables on the page hold the same numbers."""
    ends = list(dropwhile(lambda end: end[1] is None or not end[1].total, health.ends))
    return {
        "months": [month(day) for day, _spread in ends],
        "ranks": [
            {
                "rank": code,
                "name": rank(code),
                "data": [
                    round(spread.share(code) * 100, 2) if spread and spread.total else None
                    for _day, spread in ends
                ],
            }
            for code in RANKS
        ],
        "cuts": {
            "name": _("お悩み客になるスコア"),
            "days": [month(day) for day, _cut in health.cuts],
            "data": [None if cut is None else round(cut, 2) for _day, cut in health.cuts],
        },
    }
