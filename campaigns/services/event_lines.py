"""What a mail says of an event: its name, its days, its place. No page's language is at hand, so the words stand here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from campaigns.rules.events import Plan

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {"when": "日時：{when}", "where": "場所：{where}"},
    "en": {"when": "When: {when}", "where": "Where: {where}"},
}
_WEEKDAYS = "月火水木金土日"


def of(event: Plan, lang: str) -> list[str]:
    """The lines of a mail; days and place only where they are known."""
    words, lines = WORDS.get(lang, WORDS["ja"]), [event.name]
    if event.starts_on is not None:
        lines.append(words["when"].format(when=days(event, lang)))
    if event.venue:
        lines.append(words["where"].format(where=event.venue))
    return lines


def days(event: Plan, lang: str) -> str:
    """The event's days, as its reader writes them."""
    found = [day(one, lang) for one in (event.starts_on, event.ends_on) if one is not None]
    return ("〜" if lang == "ja" else " - ").join(dict.fromkeys(found))


def day(on: date, lang: str) -> str:
    """One day with its weekday."""
    if lang == "ja":
        return f"{on.year}年{on.month}月{on.day}日（{_WEEKDAYS[on.weekday()]}）"
    return f"{on:%a} {on.day} {on:%b} {on.year}"
