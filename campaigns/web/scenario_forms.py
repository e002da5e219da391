"""Forms of the designer: what a browser sent, as the services want it, with what is missing in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.rules import scenarios as rule
from campaigns.rules.scenarios import Scenario
from campaigns.rules.tones import Tone
from campaigns.services.design import Head, Row
from campaigns.web import scenario_words as words
from campaigns.web.asked import number


def as_form(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "purpose": scenario.purpose,
        "goal_kind": scenario.goal_kind,
        "classes": scenario.classes,
        "event_id": str(scenario.event_id or ""),
        "version": scenario.version,
    }


def classes(form: Mapping[str, object]) -> tuple[str, ...]:
    given = form.getlist("classes") if isinstance(form, MultiDict) else form.get("classes", ())
    return tuple(c for c in rule.CLASSES if isinstance(given, (list, tuple)) and c in given)


def head(form: MultiDict[str, str]) -> tuple[Head, dict[str, str]]:
    """The head as the form brings it, and what is missing in it."""
    pattern = form.get("pattern", "")
    purpose = form.get("purpose", "").strip()
    if not purpose and pattern in words.PATTERNS and pattern != "blank":
        purpose = str(words.PATTERNS[pattern][0])
    made = Head(
        name=form.get("name", "").strip()[:200],
        purpose=purpose[:1000],
        goal_kind=form.get("goal_kind", ""),
        classes=classes(form),
        event_id=form.get("event_id", type=int),
    )
    errors: dict[str, str] = {}
    if not made.purpose:
        errors["purpose"] = _("シナリオの目的を書いてください。")
    if not made.name:
        errors["name"] = _("シナリオの名前を書いてください。")
    if made.goal_kind not in rule.GOALS:
        errors["goal_kind"] = _("ゴールとする接点を選んでください。")
    if not made.classes:
        errors["classes"] = _("配信対象の管理区分を1つ以上選んでください。")
    return made, errors


def row(form: Mapping[str, str]) -> Row | None:
    """A row as the form brings it; None when a number is no number or out of bounds."""
    try:
        made = Row(
            offset_months=int(form["offset_months"]),
            want_day=int(form["want_day"]),
            tone=Tone(form["tone"]).value,
            content_id=number(form["content_id"]) if form.get("content_id") else None,
            valid_until=date.fromisoformat(form["valid_until"]) if form.get("valid_until") else None,
        )
    except (KeyError, ValueError):
        return None
    return made if 0 <= made.offset_months <= rule.MAX_OFFSET_MONTHS and 1 <= made.want_day <= 31 else None
