"""Words of the calendar: why a day is closed, why a mail stays, what a day's mails are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.rules.rescheduling import Closed
from campaigns.rules.workdays import holiday_name
from campaigns.services.show_calendar import Day
from campaigns.web.words import Table, language, short_day, word

KINDS: Table = {
    "sent": _l("送信済み"),
    "planned": _l("送信予定"),
    "expected": lazy_pgettext("calendar", "見込み"),
    "last_day": _l("案内の最終日"),
    "broadcast": _l("一斉配信（まだ始まっていない）"),
}
KIND_ICONS = {
    "sent": "circle-check",
    "planned": "clock",
    "expected": "hourglass",
    "last_day": "calendar-x",
    "broadcast": "speakerphone",
}
STAYED: Table = {
    "gap_before": _l("前のメールとの間隔が足りない"),
    "gap_after": _l("次のメールとの間隔が足りない"),
    "expired": _l("案内の期限を過ぎる"),
    "notice": _l("担当営業が確かめる2営業日がなくなる"),
    "no_day": _l("その月に動かせる営業日がない"),
}
WEEKDAYS = (
    lazy_pgettext("weekday", "月"),
    lazy_pgettext("weekday", "火"),
    lazy_pgettext("weekday", "水"),
    lazy_pgettext("weekday", "木"),
    lazy_pgettext("weekday", "金"),
    lazy_pgettext("weekday", "土"),
    lazy_pgettext("weekday", "日"),
)


def closed(day: Day) -> str:
    """Why nothing goes on a day, or what is special about it; "" for a common one."""
    if day.own is not None and day.own.kind == "closed":
        return str(day.own.note or _("自社の休業日"))
    name = holiday_name(day.day, language="en_US" if language() == "en" else "ja")
    if day.own is not None:
        return str(_("営業日（%(note)s）", note=day.own.note or name or _("休日出勤")))
    if name:
        return name
    return str(_("年末年始") if day.closed_by == "year_end" else "")


def days(found: Iterable[date]) -> str:
    """11/27・11/30."""
    return str(_("・").join(short_day(day) for day in found))


def refused(found: Closed) -> str:
    """Why the day cannot be, and which can."""
    said = {
        "past": _("%(day)sには、もう送れません。", day=short_day(found.day)),
        "other_month": _("月をまたいでは動かせません。1人に月1通の枠は、この月のものです。"),
        "closed": _("%(day)sは休みの日です。", day=short_day(found.day)),
    }[found.code]
    if not found.instead:
        return str(said + _("この月には、動かせる営業日が残っていません。"))
    return str(said + _("近い営業日は %(days)s です。", days=days(found.instead)))


def stayed(found: Mapping[str, int]) -> str:
    """3通は元の日のままです：前のメールとの間隔が足りない 2通 ..."""
    why = _("、").join(
        _("%(why)s %(n)s通", why=word(STAYED, code), n=f"{n:,}") for code, n in sorted(found.items())
    )
    return str(_("%(n)s通は元の日のままです（%(why)s）。", n=f"{sum(found.values()):,}", why=why))


def hour(minute: int) -> str:
    """9:30 of 570."""
    return f"{minute // 60}:{minute % 60:02d}"
