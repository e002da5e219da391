"""The reports on mails and on one mail: what was sent, and what came back from people and from machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules import contents as refusals
from campaigns.rules.reports import CASES_MIN, differ, rate
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked, add_up
from campaigns.storage.mail_report import Content
from campaigns.storage.scenario_report import Named
from campaigns.web.report_tables import (
    Chart,
    Column,
    Figure,
    Page,
    Table,
    address,
    behind,
    count,
    duration,
    share,
    words,
)
from campaigns.web.report_words import MAIL_TERMS, MAILS
from campaigns.web.words import number, percent

Key = tuple[int, str, int]  # scenario, step, content
CHARTED = 10
COMPLAINTS_BAR = 0.001  # of what was sent: mailbox providers turn away senders above it (spec 45)
COLUMNS = (
    Column(_l("メール"), is_number=False),
    Column(MAILS["sent"]),
    Column(MAILS["returned"]),
    Column(MAILS["opened"], MAIL_TERMS["opened"]),
    Column(_l("すべて"), MAIL_TERMS["clicked_human"]),
    Column(_l("人"), MAIL_TERMS["clicked_human"]),
    Column(_l("率（人）")),
    Column(MAILS["visited"], MAIL_TERMS["visited"]),
    Column(MAILS["replied"]),
    Column(MAILS["talked"], MAIL_TERMS["talked"]),
    Column(MAILS["refused"], MAIL_TERMS["refused"]),
    Column(_l("迷惑報告")),
)
GROUPS = (("", 1), (_l("配信"), 3), (_l("クリック"), 3), (_l("その後"), 3), (_l("停止・報告"), 2))


@dataclass(frozen=True, slots=True)
class Names:
    """What contents and scenarios are called."""

    contents: Mapping[int, Content]
    scenarios: Mapping[int, Named]

    def title(self, key: Key) -> str:
        content = self.contents.get(key[2])
        return content.title if content and content.title else self.scenario(key[0]) or str(_("（件名なし）"))

    def clear(self, key: Key, among: Iterable[Key]) -> str:
        """The title; with its scenario where others of these have the same."""
        title = self.title(key)
        if sum(self.title(other) == title for other in among) < 2:
            return title
        return str(_("%(what)s（%(of)s）", what=title, of=self.scenario(key[0])))

    def scenario(self, scenario_id: int) -> str:
        found = self.scenarios.get(scenario_id)
        return found.name if found else ""


def by_mail(told: Told) -> dict[Key, Counter[str]]:
    """The most recent mails are not told apart from older ones: one line a mail, the most sent first."""
    found = add_up(told.rows, lambda row: (row.scenario_id, row.step_key, row.content_id))
    return dict(sorted(found.items(), key=lambda pair: (-pair[1]["sent"], pair[0])))


def mails(told: Told, names: Names, asked: Asked) -> Page:
    """Every mail of the period."""
    found = by_mail(told)

    def line(key: Key, figures: Counter[str]) -> list[Figure]:
        dims: dict[str, str | int] = {"scenario": key[0], "step": key[1], "content": key[2]}
        mail = url_for("reports.mail_GET", mail=spelled(key), **address(asked))
        name = words(names.title(key), mail, sub=names.scenario(key[0]))
        return [name, *cells(figures, lambda measure: behind("mails", measure, asked, **dims))]

    table = Table(
        _("メールごとの数字"),
        COLUMNS,
        [line(*pair) for pair in found.items()],
        facts=_("1行＝1つのシナリオの、1つのステップの、1つの内容"),
        note=_("合計は上の行の和です。率はどれも「送信」に対する割合です。"),
        foot=foot(found.values(), lambda measure: behind("mails", measure, asked)),
        groups=GROUPS,
    )
    finding, reason = _best(found, names.title)
    return Page(
        "mails",
        _("メール"),
        finding,
        reason,
        chart([(names.clear(key, found), figures) for key, figures in found.items()]),
        _("クリックされた割合：人と機械"),
        (table,) if found else (),
        [(MAILS[name], meaning) for name, meaning in MAIL_TERMS.items()],
        _("この期間に送信したメールはありません。"),
    )


def cells(figures: Mapping[str, int], href: Callable[[str], str]) -> list[Figure]:
    """The columns of COLUMNS after the name."""
    sent = figures["sent"]

    def one(measure: str, kind: str = "") -> Figure:
        return count(figures[measure], href(measure), kind=kind if figures[measure] else "")

    is_alarming = refusals.alarm(refusals.Figures(sent, 0, figures["refused"]), usual=0.0) is not None
    return [
        one("sent"),
        one("returned"),
        one("opened"),
        one("clicked"),
        one("clicked_human"),
        share(rate(figures["clicked_human"], sent)),
        one("visited"),
        one("replied"),
        one("talked"),
        one("refused", "bad" if is_alarming else ""),
        one("complained", "bad" if figures["complained"] > COMPLAINTS_BAR * sent else ""),
    ]


def foot(rows: Iterable[Counter[str]], href: Callable[[str], str]) -> list[Figure]:
    total: Counter[str] = Counter()
    for figures in rows:
        total.update(figures)
    return [words(str(_("合計"))), *cells(total, href)]


def _best(found: Mapping[Key, Counter[str]], title: Callable[[Key], str]) -> tuple[str, str]:
    """What a reader should know first of these mails, and how sure it is."""
    total: Counter[str] = Counter()
    for figures in found.values():
        total.update(figures)
    if not total["sent"]:
        return "", ""
    known = [(key, f) for key, f in found.items() if f["sent"] >= CASES_MIN]
    best = max(known, key=lambda pair: pair[1]["clicked_human"] / pair[1]["sent"], default=None)
    overall = str(
        _(
            "%(sent)s通のうち、人がクリックしたのは%(n)s通（%(rate)s）です。機械も含めると%(all)s通になります。",
            sent=number(total["sent"]), n=number(total["clicked_human"]),
            rate=percent(total["clicked_human"] / total["sent"], 1), all=number(total["clicked"]),
        )
    )  # fmt: skip
    if best is None or len(known) < 2:
        return overall, str(_("%(n)s通に満たないメールは、率を比べるには少なすぎます。", n=CASES_MIN))
    key, own = best
    mine = rate(own["clicked_human"], own["sent"])
    rest = rate(total["clicked_human"] - own["clicked_human"], total["sent"] - own["sent"])
    if not differ(mine, rest):
        return overall, str(_("メールごとの率の差は、偶然の範囲です。"))
    return overall, str(
        _("最もクリックされたのは「%(title)s」（%(rate)s）で、ほかのメールとの差は偶然ではありません。",
          title=title(key), rate=percent(mine.value, 1))
    )  # fmt: skip


def chart(rows: Sequence[tuple[str, Counter[str]]]) -> Chart | None:
    """Share of mails clicked: by people, and by machines alone."""
    most = [(name, figures) for name, figures in rows if figures["sent"]][:CHARTED]
    if not most:
        return None

    def of(figures: Counter[str], n: int) -> float:
        return round(100 * n / figures["sent"], 1)

    return Chart(
        "sides",
        [name for name, _figures in most],
        [
            {"name": _("人"), "look": "brand", "data": [of(f, f["clicked_human"]) for _n, f in most]},
            {
                "name": _("機械だけ"),
                "look": "machine",
                "data": [of(f, f["clicked"] - f["clicked_human"]) for _n, f in most],
            },
        ],
        _("送信に対するクリックの割合を、人と機械に分けて示します。下の表と同じ内容です。"),
        "%",
    )


# --- one mail -------------------------------------------------------------------------------------------------------

SUMS = (
    (_l("配信"), ("sent", "arrived", "returned_hard", "returned_soft")),
    (_l("開封（参考）"), ("opened", "opened_proxy", "opened_scanner", "opened_unknown")),
    (_l("クリック"), ("clicked", "clicked_human")),
    (_l("その後"), ("visited", "active_s", "replied", "talked")),
    (_l("停止・報告"), ("refused", "refused_product", "refused_all", "complained")),
)


def mail(told: Told, links: Told, key: Key, names: Names, asked: Asked) -> Page:
    """Everything of one mail, and its links."""
    dims: dict[str, str | int] = {"scenario": key[0], "step": key[1], "content": key[2]}
    figures = by_mail(told).get(key, Counter())
    rows = []
    for group, measures in SUMS:
        for place, measure in enumerate(measures):
            n = figures[measure]
            shown = (
                duration(n)
                if measure == "active_s"
                else count(n, behind("mails", measure, asked, **dims), kind="")
            )
            of = Figure("", "") if measure in ("sent", "active_s") else share(rate(n, figures["sent"]))
            rows.append(
                [Figure(str(group) if not place else "", str(group)), words(str(MAILS[measure])), shown, of]
            )
    own = add_up(
        [row for row in links.rows if (row.scenario_id, row.step_key, row.content_id) == key],
        lambda row: row.url,
    )
    table = Table(
        _("このメールの数字"),
        (Column("", is_number=False), Column(_("数えたもの"), is_number=False), Column(_("通数")), Column(_("送信に対して"))),
        rows,
        look="blocks",
        note=_("届いた＋不達（恒久）＋不達（一時）＝送信。代理取得＋自動巡回＋不明＝開封。数字を押すと、内訳が開きます。"),
    )  # fmt: skip
    clicks = Table(
        _("リンクごとのクリック"),
        (Column(_("リンク"), is_number=False), Column(_("クリック（すべて）")), Column(_("クリック（人）"))),
        [
            [
                words(url),
                count(found["clicked"], behind("links", "clicked", asked, **dims, url=url)),
                count(found["clicked_human"], behind("links", "clicked_human", asked, **dims, url=url)),
            ]
            for url, found in sorted(own.items(), key=lambda pair: -pair[1]["clicked_human"])
        ],
        facts=_("1通の中の同じリンクは、何度押しても1回"),
        note=_("2つのリンクを押した人は、それぞれに数えます。そのため、上の「クリック」の通数より多くなることがあります。"),
        id="links",
    )  # fmt: skip
    return Page(
        "mails",
        names.title(key),
        *_said(figures),
        None,
        "",
        (table, *((clicks,) if own else ())) if figures["sent"] else (),
        [(MAILS[name], meaning) for name, meaning in MAIL_TERMS.items()],
        _("この期間には送信していません。期間を広げてご覧ください。"),
        facts=names.scenario(key[0]),
        up=(_("メール"), url_for("reports.mails_GET", **address(asked))),
    )


def _said(figures: Counter[str]) -> tuple[str, str]:
    sent, human = figures["sent"], figures["clicked_human"]
    if not sent:
        return "", ""
    found = rate(human, sent)
    return (
        str(_("人がクリックしたのは%(sent)s通のうち%(n)s通（%(rate)s）です。", sent=number(sent), n=number(human),
              rate=percent(found.value, 1))),
        str(_("この通数から言えるのは、%(low)sから%(high)sの間です。", low=percent(found.low, 1),
              high=percent(found.high, 1))),
    )  # fmt: skip


def spelled(key: Key) -> str:
    """12.K1.34"""
    return f"{key[0]}.{key[1]}.{key[2]}"


def key_of(text: str) -> Key | None:
    """The mail of such a word; None for what is none."""
    scenario, _dot, rest = text.partition(".")
    step, _dot, content = rest.rpartition(".")
    if text.count(".") < 2 or not (
        scenario.isdecimal() and content.isdecimal() and len(scenario) < 19 and len(content) < 19
    ):
        return None
    return int(scenario), step, int(content)
