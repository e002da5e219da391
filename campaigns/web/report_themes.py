"""The report on themes: what is read, by theme and by kind of content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from flask_babel import gettext as _

from campaigns.rules.reports import CASES_MIN, differ, rate
from campaigns.services.count_reports import Told
from campaigns.services.show_report import Asked
from campaigns.storage.mail_report import Content
from campaigns.web.report_mails import COLUMNS, GROUPS, Names, cells, chart, foot
from campaigns.web.report_tables import Column, Figure, Page, Table, behind, words
from campaigns.web.report_words import MAIL_TERMS, MAILS
from campaigns.web.scenario_words import CONTENT_KINDS
from campaigns.web.words import number, percent, word


def themes(told: Told, names: Names, asked: Asked) -> Page:
    """What is read: by theme, where a mail with two counts in both, and by kind, where each counts once."""
    by_tag: dict[str, Counter[str]] = {}
    by_kind: dict[str, Counter[str]] = {}
    none = Content("", "", ())
    for row in told.rows:
        content = names.contents.get(row.content_id, none)
        by_kind.setdefault(content.kind, Counter()).update(row.figures)
        for tag in content.tags:
            by_tag.setdefault(tag, Counter()).update(row.figures)
    tables = []
    if by_tag:
        tables.append(
            _table(
                _("テーマごと"), _("テーマ"), by_tag, lambda tag: tag,
                lambda tag, measure: behind("mails", measure, asked, tag=tag),
                note=_("テーマが2つあるメールは両方に数えるため、足しても全体にはなりません。テーマは、いまの内容に付いているものです。"),
            )
        )  # fmt: skip
    if by_kind:
        tables.append(
            _table(
                _("内容の種類ごと"), _("種類"), by_kind, lambda kind: word(CONTENT_KINDS, kind) if kind else str(_("内容なし")),
                lambda kind, measure: behind("mails", measure, asked, kind=kind), id="kinds",
                note=_("1通は1つの種類に入ります。足すと、送信したメールの全体になります。"),
                total=foot(by_kind.values(), lambda measure: behind("mails", measure, asked)),
            )
        )  # fmt: skip
    finding, reason = _best_theme(by_tag)
    return Page(
        "themes",
        _("テーマ"),
        finding,
        reason,
        chart(sorted(by_tag.items(), key=lambda pair: -pair[1]["clicked_human"])),
        _("クリックされた割合：人と機械"),
        tables,
        [(MAILS[name], meaning) for name, meaning in MAIL_TERMS.items()],
        _("この期間に送信したメールはありません。"),
    )


def _table(
    title: str, head: str, rows: Mapping[str, Counter[str]], name: Callable[[str], str],
    href: Callable[[str, str], str], *, note: str, id: str = "numbers", total: Sequence[Figure] = (),
) -> Table:  # fmt: skip
    ordered = sorted(rows.items(), key=lambda pair: (-pair[1]["clicked_human"], -pair[1]["sent"], pair[0]))
    return Table(
        title,
        (Column(head, is_number=False), *COLUMNS[1:]),
        [
            [words(name(key)), *cells(figures, lambda measure, key=key: href(key, measure))]  # type: ignore[misc]
            for key, figures in ordered
        ],
        note=note,
        foot=total,
        groups=GROUPS,
        id=id,
    )


def _best_theme(rows: Mapping[str, Counter[str]]) -> tuple[str, str]:
    known = {tag: rate(f["clicked_human"], f["sent"]) for tag, f in rows.items() if f["sent"] >= CASES_MIN}
    if not rows:
        return "", ""
    if not known:
        return str(_("どのテーマも、比べるにはまだ通数が足りません。")), ""
    best = max(known, key=lambda tag: known[tag].value or 0.0)
    said = _("最も読まれているテーマは「%(tag)s」で、%(n)s通のうち%(rate)sが人にクリックされました。",
             tag=best, n=number(known[best].n), rate=percent(known[best].value, 1))  # fmt: skip
    others = [found for tag, found in known.items() if tag != best]
    if others and all(differ(known[best], other) for other in others):
        return str(said), str(_("ほかのテーマとの差は、偶然ではありません。"))
    return str(said), str(_("ほかのテーマとの差は、まだ偶然の範囲かもしれません。"))
