"""The form of the call desk: what was typed with a result, what of it cannot be, and what was typed before an undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.outcomes import DATED, CallResult
from campaigns.storage.attempts import Draft
from campaigns.web import lead_words

NOTE_MAX = 4000
TIME_ERRORS = {
    "callback_at_missing": _l("再架電は、約束の日付と時刻が必要です。"),
    "in_the_past": _l("過ぎた日時です。これからの日時を入れてください。"),
    "too_far": _l("先すぎる日時です。年を確かめてください。"),
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A result as it was typed. next_at: the promised instant. named_month: first day of the month named (not_now).

    errors: by field (result, on), in the reader's words; with one of them nothing is recorded.
    """

    result: str
    note: str
    next_at: datetime | None
    named_month: date | None
    errors: Mapping[str, str]


def read(form: Mapping[str, str], *, zone: ZoneInfo) -> Typed:
    result = form.get("result", "")
    day, clock = form.get("on", "").strip(), form.get("at", "").strip()
    on, at = _day(day), _clock(clock)
    errors: dict[str, str] = {}
    if result not in list(CallResult):
        errors["result"] = _("結果を1つ選んでください。")
    if day and on is None:
        errors["on"] = _("日付は 2026-11-26 の形で入れてください。")
    elif clock and at is None:
        errors["on"] = _("時刻は 14:00 の形で入れてください。")
    elif not errors:
        errors.update(_does_not_fit(result, has_day=on is not None, has_clock=at is not None))
    is_not_now = result == CallResult.NOT_NOW
    return Typed(
        result=result,
        note=form.get("note", "").strip()[:NOTE_MAX],
        next_at=datetime.combine(on, at, tzinfo=zone) if on and at and not is_not_now else None,
        named_month=on.replace(day=1) if on and is_not_now else None,
        errors=errors,
    )


def _does_not_fit(result: str, *, has_day: bool, has_clock: bool) -> dict[str, str]:
    """A day that the result has no use for would be forgotten without a word."""
    if result not in DATED and (has_day or has_clock):
        told = _(
            "「%(result)s」に日時は入れられません。約束の日時なら「再架電」を選び、違えば日時を消してください。",
            result=lead_words.RESULTS[result],
        )
        return {"on": told}
    if has_clock and not has_day:
        return {"on": _("日付も入れてください。")}
    if result == CallResult.APPOINTMENT and has_day and not has_clock:
        return {"on": _("訪問の時刻も入れてください。まだ決まっていなければ、日付を消してください。")}
    return {}


def drafted(draft: Draft | None, *, zone: ZoneInfo) -> dict[str, str]:
    """The fields as they were before the undo."""
    if draft is None:
        return {}
    at = draft.next_at.astimezone(zone) if draft.next_at else None
    day = at.date() if at else draft.named_month
    return {
        "note": draft.note,
        "on": day.isoformat() if day else "",
        "at": f"{at:%H:%M}" if at else "",
    }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _clock(text: str) -> time | None:
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        return None
