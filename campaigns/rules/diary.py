"""The diary that is the daily report: what an entry holds, which talks leave a touch, who is mentioned.

Source: S0-13, S0-22 to S0-24.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from campaigns.rules.touchpoints import Kind

TEXT_MAX = 4000
MET_MAX = 20
AHEAD = timedelta(minutes=5)  # clocks differ
BACK = timedelta(days=366)


class EntryKind(StrEnum):
    CALL = "call"
    VISIT = "visit"
    SHOW = "show"
    INTERNAL = "internal"
    OTHER = "other"


# A talk with somebody is a touch of theirs as well, typed once.
TOUCHES: Mapping[EntryKind, Kind] = {
    EntryKind.CALL: Kind.CALL_CONNECTED,
    EntryKind.VISIT: Kind.VISIT,
    EntryKind.SHOW: Kind.BOOTH_TALK,
}


class DiaryError(ValueError):
    """field: where; code: text_missing, too_long, kind_unknown, in_the_future, too_old, met_unknown, met_too_many,
    company_unknown, product_unknown, next_odd, next_past, next_nobody."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field, self.code = field, code


def check(*, text: str, kind: str, at: datetime, met: Sequence[int], now: datetime) -> EntryKind:
    """What every entry must keep to. Raises DiaryError."""
    if not text.strip():
        raise DiaryError("text", "text_missing")
    if len(text) > TEXT_MAX:
        raise DiaryError("text", "too_long")
    if kind not in list(EntryKind):
        raise DiaryError("kind", "kind_unknown")
    if at > now + AHEAD:
        raise DiaryError("at", "in_the_future")
    if at < now - BACK:
        raise DiaryError("at", "too_old")
    if len(met) > MET_MAX:
        raise DiaryError("met", "met_too_many")
    return EntryKind(kind)


def mentioned(text: str, users: Sequence[tuple[int, str]]) -> list[int]:
    """Users whom a text names by @: the whole name, or a family name that only one of them has.

    users: (id, name), the family name first, as in 森下 健.
    """
    found = []
    families = [name.split()[0] for _, name in users if name.split()]
    for id, name in users:
        words = name.split()
        if not words:
            continue
        names = {name, "".join(words)}
        if families.count(words[0]) == 1:
            names.add(words[0])
        spelled = "|".join(re.escape(one) for one in sorted(names, key=len, reverse=True))
        # A name ends where no further letter of the Latin alphabet follows: Japanese puts 。 or さん behind it.
        if re.search(rf"[@＠](?:{spelled})(?![A-Za-z0-9])", text):
            found.append(id)
    return found
