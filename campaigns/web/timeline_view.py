"""The timeline as rows of fixed height, so that one line can join the touches from depth to depth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from campaigns.services.show_person import Shown, View
from campaigns.storage.timeline import Change
from campaigns.web import lead_words, words

# Heights in px, the same as in people.css.
TOUCH_H, CHANGE_H, MONTH_H = 50, 54, 27


@dataclass(frozen=True, slots=True)
class Row:
    """A row: month (its name), change (of rank) or touch."""

    kind: str
    text: str = ""
    shown: Shown | None = None
    change: Change | None = None


@dataclass(frozen=True, slots=True)
class Timeline:
    """rows, newest first; line: points "x,y" of the stem in columns (0..6) and px; height in px."""

    rows: tuple[Row, ...]
    line: str
    height: int


def rows(touches: Sequence[Shown], changes: Sequence[Change], *, zone: ZoneInfo) -> Timeline:
    """Touches and changes of rank by month. Changes older than the last touch shown are left out."""
    oldest = touches[-1].touch.at if touches else None
    items: list[tuple[datetime, Shown | Change]] = [(one.touch.at, one) for one in touches]
    items += [(change.at, change) for change in changes if oldest is None or change.at >= oldest]
    # Of one instant the change stands above the touch that caused it: newest first.
    items.sort(key=lambda item: (item[0], isinstance(item[1], Change)), reverse=True)
    found: list[Row] = []
    points: list[str] = []
    y, month = 0, ""
    for at, item in items:
        name = month_of(at, zone)
        if name != month:
            found.append(Row("month", text=name))
            month, y = name, y + MONTH_H
        if isinstance(item, Change):
            found.append(Row("change", change=item))
            y += CHANGE_H
        else:
            found.append(Row("touch", shown=item))
            if not item.touch.reversal:
                points.append(f"{item.touch.depth + 0.5:g},{y + TOUCH_H / 2:g}")
            y += TOUCH_H
    return Timeline(tuple(found), " ".join(points), y)


def month_of(at: datetime, zone: ZoneInfo) -> str:
    local = at.astimezone(zone)
    return words.month_name(local.year * 12 + local.month - 1)


@dataclass(frozen=True, slots=True)
class Why:
    """A reason and its date, "" when it has none."""

    text: str
    day: str


def reasons(view: View, *, now: datetime) -> list[Why]:
    """Three reasons: what the rank says of itself, then the touches that weigh most."""
    ranked = words.short_day(view.lead.ranked_at or now)
    found = [Why(lead_words.reason(stored), ranked) for stored in view.lead.reasons]
    for shown in view.heavy:
        days = (now - shown.touch.at).days
        kind = words.word(words.KINDS, shown.touch.kind)
        when = _("本日") if days == 0 else _("%(n)s日前", n=days)
        found.append(Why(_("%(kind)s（%(when)s）", kind=kind, when=when), words.short_day(shown.touch.at)))
    return found[:3]
