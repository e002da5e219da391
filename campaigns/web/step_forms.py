"""The form of one row: what a browser sent, as the services want it, with what is wrong in words."""

from __future__ import annotations

import re
from datetime import date

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.rules import scenarios as rule
from campaigns.rules.conditions import MAX_WATCH_DAYS, Condition
from campaigns.rules.flow import MAILS, TASKS
from campaigns.rules.scenarios import Step
from campaigns.rules.tones import Tone
from campaigns.services.design import Row
from campaigns.web import step_words as words
from campaigns.web.asked import number

TITLE_MAX = 100
VALUES_MAX = 30
DAYS_MAX = 365


def as_form(row: Row | Step) -> MultiDict[str, str]:
    """A stored row as its form would bring it."""
    condition = row.condition or Condition("clicked")
    form = MultiDict(
        {
            "kind": row.kind,
            "offset_months": str(row.offset_months),
            "want_day": str(row.want_day),
            "tone": row.tone,
            "content_id": str(row.content_id or ""),
            "valid_until": str(row.valid_until or ""),
            "event_id": str(row.event_id or ""),
            "title": row.title,
            "who": row.who,
            "due_days": str(row.due_days),
            "wait_days": str(row.wait_days),
            "goto_key": row.goto_key,
            "on": condition.on,
            "of": condition.of,
        }
    )
    form.setlist("values", list(condition.values))
    return form


def row(form: MultiDict[str, str]) -> tuple[Row, dict[str, str]]:
    """The row as the form brings it, and what is wrong by field; what a kind does not use is left out."""
    read = _Reader(form)
    kind = form.get("kind", "")
    if kind not in words.KINDS:
        read.errors["kind"] = _("行の種類を選んでください。")
        kind = "mail"
    is_mail = kind in MAILS
    condition = read.condition() if kind == "branch" else None
    watches = condition is not None and condition.on in words.REACTIONS
    is_dated = is_mail or (condition is not None and not watches)
    made = Row(
        offset_months=read.whole("offset_months", 0, rule.MAX_OFFSET_MONTHS) if is_dated else 0,
        want_day=read.whole("want_day", 1, 31, default=10) if is_dated else 10,
        tone=read.tone() if is_mail else Tone.INFO.value,
        content_id=read.id("content_id") if is_mail else None,
        valid_until=read.date("valid_until") if is_mail else None,
        kind=kind,
        title=form.get("title", "").strip()[:TITLE_MAX] if kind in TASKS or kind == "wait" else "",
        goto_key=form.get("goto_key", "")[:40] if kind not in ("branch", "shelf") else "",
        condition=condition,
        wait_days=read.whole("wait_days", 1, MAX_WATCH_DAYS if watches else DAYS_MAX, default=7)
        if kind == "wait" or watches
        else 0,
        who=read.who() if kind in TASKS else "",
        due_days=read.whole("due_days", 1, 60, default=5) if kind in TASKS else 5,
        event_id=read.id("event_id") if kind == "invite" else None,
    )
    return made, read.errors


class _Reader:
    """Reads fields and keeps what is wrong with them."""

    def __init__(self, form: MultiDict[str, str]) -> None:
        self.form = form
        self.errors: dict[str, str] = {}

    def whole(self, name: str, low: int, high: int, *, default: int = 0) -> int:
        typed = self.form.get(name, "").strip()
        if not typed:
            return default
        try:
            found = int(typed)
        except ValueError:
            found = low - 1
        if low <= found <= high:
            return found
        self.errors[name] = _("%(low)sから%(high)sまでの数字で入力してください。", low=low, high=high)
        return default

    def date(self, name: str) -> date | None:
        typed = self.form.get(name, "")
        try:
            return date.fromisoformat(typed) if typed else None
        except ValueError:
            self.errors[name] = _("日付の形になっていません。")
            return None

    def id(self, name: str) -> int | None:
        try:
            return number(self.form[name]) if self.form.get(name) else None
        except ValueError:
            self.errors[name] = _("一覧から選んでください。")
            return None

    def tone(self) -> str:
        try:
            return Tone(self.form.get("tone", Tone.INFO.value)).value
        except ValueError:
            self.errors["tone"] = _("トーンを選んでください。")
            return Tone.INFO.value

    def who(self) -> str:
        given = self.form.get("who", "")
        return given if given in words.WHO else "inside"

    def condition(self) -> Condition:
        on = self.form.get("on", "clicked")
        if on not in words.ON:
            self.errors["on"] = _("条件を選んでください。")
            on = "clicked"
        if on in words.REACTIONS:
            return Condition(on, self.form.get("of", "")[:40], ())
        typed = re.split(r"[、,\n]", self.form.get("values_more", ""))
        values = [value.strip() for value in (*self.form.getlist("values"), *typed) if value.strip()]
        return Condition(on, "", tuple(dict.fromkeys(values))[:VALUES_MAX])
