"""Tell of late tasks by mail: on the morning of a business day, one mail a reader, with all that the bell has told.

Whoever has the tasks gets those; a manager gets those that have not moved since. Words stand here as in `notices`: no
request and no reader's page is at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, time
from itertools import groupby

from campaigns.parts import Parts
from campaigns.services import event_lines, post
from campaigns.storage import closed_days, lateness
from campaigns.storage.lateness import Told

FROM, UNTIL = time(8, 30), time(11, 0)
LINES_MAX = 20

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "subject": "期限を過ぎたアクション {n}件：{first}",
        "mine": "期限を過ぎたアクションがあります。今日進められないものは、期限を改めるか、ほかの担当者に渡してください。",
        "team": "期限を過ぎたまま進んでいないアクションです。担当者に確かめるか、担当を決め直してください。",
        "line": "・{due}期限　{kind}：{who}",
        "who": "{company} {name} 様",
        "alone": "{name} 様",
        "of": "（{product}）",
        "by": "　担当：{assignee}",
        "nobody": "　担当なし",
        "more": "ほか{n}件",
        "list": "一覧：{url}",
    },
    "en": {
        "subject": "Late actions ({n}): {first}",
        "mine": "These actions of yours are late. What you cannot do today, please put on another day or give to a colleague.",
        "team": "These actions are late and have not moved. Please ask who has them, or give them to somebody else.",
        "line": "- due {due}, {kind}: {who}",
        "who": "{name}, {company}",
        "alone": "{name}",
        "of": " ({product})",
        "by": ", with {assignee}",
        "nobody": ", with nobody",
        "more": "and {n} more",
        "list": "List: {url}",
    },
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "call": "電話", "fax": "FAX送付", "visit": "訪問", "mail": "メール", "invite": "来場案内", "check": "内容の確認",
        "intro": "紹介依頼", "reply": "返事の確認", "review": "見直し",
    },
    "en": {
        "call": "call", "fax": "fax", "visit": "visit", "mail": "mail", "invite": "invitation", "check": "check",
        "intro": "introduction", "reply": "reply to wait for", "review": "review",
    },
}  # fmt: skip
PAGES = {"mine": "tasks?show=late", "team": "tasks?show=late&whose=team"}


def run(parts: Parts, *, now: datetime) -> int:
    """Queue the mails that are due; returns how many. Asked every minute, it sends each reader one a day."""
    local = now.astimezone(parts.settings.tz)
    if not FROM <= local.time() < UNTIL:
        return 0
    day = local.date()
    with parts.engine.begin() as tx:
        calendar = closed_days.load(tx)
        if not calendar.is_business_day(day):
            return 0
        before = calendar.add_business_days(day, -1)
        today = datetime.combine(day, time(), tzinfo=parts.settings.tz)
        found = lateness.told(
            tx,
            since=today - (day - before),
            today=today,
            before=before,
            day=day,
            most=LINES_MAX,
        )
        queued = 0
        for _id, group in groupby(found, key=lambda one: one.reader_id):
            mine = list(group)
            subject, text = write(mine, parts)
            made = post.queue(
                tx,
                origin=lateness.origin(mine[0].reader_id, day),
                to=mine[0].email,
                subject=subject,
                text=text,
                now=now,
            )
            queued += made is not None
    return queued


def write(mine: Sequence[Told], parts: Parts) -> tuple[str, str]:
    """Subject and text for one reader: their own first, then what waits for the manager."""
    locale = mine[0].locale if mine[0].locale in WORDS else "ja"
    words = WORDS[locale]
    text: list[str] = []
    n = 0
    for is_team, group in groupby(mine, key=lambda one: one.is_team):
        part, lines = "team" if is_team else "mine", list(group)
        n += lines[0].n
        text += [words[part], "", *_lines(lines, locale, parts)]
        text += ["", words["list"].format(url=f"{parts.settings.base_url}/{PAGES[part]}"), ""]
    first = " ".join(part for part in (mine[0].company, mine[0].name) if part)
    return words["subject"].format(n=n, first=first), "\n".join(text)


def _lines(found: Sequence[Told], locale: str, parts: Parts) -> Iterable[str]:
    words, kinds = WORDS[locale], KINDS[locale]
    for one in found:
        who = words["who" if one.company else "alone"].format(company=one.company, name=one.name)
        if one.product:
            who += words["of"].format(product=one.product)
        if one.is_team:
            who += words["by"].format(assignee=one.assignee) if one.assignee else words["nobody"]
        due = event_lines.day(one.due_at.astimezone(parts.settings.tz).date(), locale)
        yield words["line"].format(due=due, kind=kinds.get(one.kind, one.kind), who=who)
    if found[0].n > len(found):
        yield words["more"].format(n=found[0].n - len(found))
