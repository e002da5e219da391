"""Forms of the designer: what a browser sent, as the services want it, with what is missing in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from flask_babel import gettext as _
from werkzeug.datastructures import MultiDict

from campaigns.rules import scenarios as rule
from campaigns.rules.audience import FIELDS, WITHIN, Audience
from campaigns.rules.scenarios import Scenario
from campaigns.services.design import Head
from campaigns.web import scenario_words as words

VALUES_MAX = 40


def as_form(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "purpose": scenario.purpose,
        "goal_kind": scenario.goal_kind,
        "classes": scenario.classes,
        "event_id": str(scenario.event_id or ""),
        "version": scenario.version,
        **{name: getattr(scenario.audience, name) for name in FIELDS},
    }


def classes(form: Mapping[str, object]) -> tuple[str, ...]:
    given = form.getlist("classes") if isinstance(form, MultiDict) else form.get("classes", ())
    return tuple(c for c in rule.CLASSES if isinstance(given, (list, tuple)) and c in given)


def audience(form: Mapping[str, object]) -> Audience:
    """The further conditions: boxes, and what was typed beside them (industries_more, bands_more)."""
    chosen = {}
    for name in FIELDS:
        given = form.getlist(name) if isinstance(form, MultiDict) else form.get(name, ())
        more = re.split(r"[、,\n]", str(form.get(f"{name}_more", "")))
        values = [
            v.strip() for v in (*(given if isinstance(given, (list, tuple)) else ()), *more) if v.strip()
        ]
        chosen[name] = tuple(dict.fromkeys(values))[:VALUES_MAX]
    made = Audience(**chosen)
    within = [days for days in made.within if days in WITHIN][:1]
    return replace(made, within=tuple(within) if made.asks_for_moves else ())


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
        audience=audience(form),
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
