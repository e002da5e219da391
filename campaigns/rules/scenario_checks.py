"""What must be true of a scenario before it is published: head, rows one by one, and all paths through them.

Whatever holds along a path is asked of every path, by walking the flow with a small state instead of listing
paths, of which there are too many. Source: S0-03, S1-07, S1-19, S4-13 to S4-22; spec 3.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from campaigns.rules import flow, flow_checks, schedule
from campaigns.rules.flow import MAILS, TASKS, WAIT
from campaigns.rules.scenarios import (
    CLASSES,
    FIELD_CLASSES,
    GOALS,
    MAX_OFFSET_MONTHS,
    MAX_STEPS,
    Problem,
    Scenario,
    Setting,
    Step,
)
from campaigns.rules.tones import Tone, is_hard_class
from campaigns.rules.touchpoints import KINDS, Channel, Kind
from campaigns.rules.workdays import clamp_day

MAX_WAIT_DAYS = 365
MAX_DUE_DAYS = 60
WHO = frozenset({"inside", "field", "owner"})
_TONE_WEIGHT = {Tone.INFO.value: 0, Tone.SALES_LIGHT.value: 1, Tone.SALES_HARD.value: 2}


def check(scenario: Scenario, steps: Sequence[Step], *, setting: Setting, today: date) -> tuple[Problem, ...]:
    """Everything wrong with a scenario, head first, then by line. today: in the installation's zone."""
    labels = dict(zip((step.position for step in steps), flow.labels(steps), strict=True))
    found = [*_check_rows(scenario, steps, today=today), *_check_tones(scenario.classes, steps)]
    found += flow_checks.check(steps, labels=labels, every=setting.tone_every)
    return (
        *_check_head(scenario, steps, setting),
        *(replace(p, label=labels[p.line or 0]) for p in sorted(found, key=lambda p: p.line or 0)),
    )


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(problem for problem in problems if problem.is_error)


def _check_head(scenario: Scenario, steps: Sequence[Step], setting: Setting) -> Iterator[Problem]:
    if not scenario.purpose.strip():
        yield Problem("purpose_missing", None, {})
    if scenario.goal_kind not in GOALS:
        yield Problem("goal_missing", None, {})
    elif KINDS[Kind(scenario.goal_kind)].channel is Channel.ONLINE:
        # A deal is closed face to face; an online goal is allowed, but said aloud (S0-03).
        yield Problem("goal_online", None, {"kind": scenario.goal_kind}, is_error=False)
    if not scenario.classes:
        yield Problem("classes_missing", None, {})
    elif FIELD_CLASSES & set(scenario.classes):
        yield Problem(
            "classes_of_field",
            None,
            {"classes": "・".join(c for c in CLASSES if c in FIELD_CLASSES & set(scenario.classes))},
            is_error=False,
        )
    if not setting.is_product_active:
        yield Problem("product_ended", None, {"product": scenario.product_name})
    if setting.missing_disclosure:
        yield Problem("sender_incomplete", None, {"missing": ",".join(setting.missing_disclosure)})
    if not steps:
        yield Problem("no_steps", None, {})
    elif not any(step.kind in MAILS for step in steps):
        yield Problem("no_mail", None, {})
    if len(steps) > MAX_STEPS:
        yield Problem("too_many_steps", None, {"most": MAX_STEPS})


def _check_rows(scenario: Scenario, steps: Sequence[Step], *, today: date) -> Iterator[Problem]:
    for step in steps:
        if step.kind not in flow.KINDS:
            yield Problem("kind_unknown", step.position, {"kind": step.kind})
        elif step.kind in MAILS:
            yield from _check_content(step)
            yield from _check_dates(step, today=today)
        elif step.kind in TASKS:
            if step.who not in WHO:
                yield Problem("who_missing", step.position, {})
            if not 1 <= step.due_days <= MAX_DUE_DAYS:
                yield Problem("due_out_of_range", step.position, {"most": MAX_DUE_DAYS})
        elif step.kind == WAIT and not 1 <= step.wait_days <= MAX_WAIT_DAYS:
            yield Problem("wait_out_of_range", step.position, {"most": MAX_WAIT_DAYS})
        if flow_checks.is_dated(step):
            yield from _check_range(step)
        if step.kind == "invite":
            yield from _check_invitation(scenario, step, today=today)


def _check_range(step: Step) -> Iterator[Problem]:
    if not 0 <= step.offset_months <= MAX_OFFSET_MONTHS:
        yield Problem("month_out_of_range", step.position, {"most": MAX_OFFSET_MONTHS})
    if not 1 <= step.want_day <= 31:
        yield Problem("day_out_of_range", step.position, {})


def _check_content(step: Step) -> Iterator[Problem]:
    if step.content_id is None:
        yield Problem("content_missing", step.position, {})
        return
    if step.content_status != "approved":
        # An idea or a draft is not told before a marketer said yes; what is retired is not told again (S4-18).
        args = {"title": step.content_title, "status": step.content_status}
        yield Problem("content_not_approved", step.position, args)
    if not step.has_mail:
        yield Problem("content_without_mail", step.position, {"title": step.content_title})


def _check_dates(step: Step, *, today: date) -> Iterator[Problem]:
    if step.valid_until is not None and step.valid_until < today:
        yield Problem("already_expired", step.position, {"day": step.valid_until.isoformat()})


def _check_invitation(scenario: Scenario, step: Step, *, today: date) -> Iterator[Problem]:
    """An invitation needs a day after which it is not sent, and must be able to come before it."""
    last = step.last_day
    if last is None:
        code = "invite_without_date" if step.event_id else "invite_without_event"
        yield Problem(code, step.position, {})
        return
    if step.event_on is not None and step.event_on < today:
        yield Problem("event_past", step.position, {"day": step.event_on.isoformat()})
    elif step.event_on is not None and step.valid_until is not None and step.valid_until > step.event_on:
        yield Problem("valid_after_event", step.position, {"day": step.event_on.isoformat()})
    if last < today or not 0 <= step.offset_months <= MAX_OFFSET_MONTHS:
        return
    month = schedule.month_of_day(today) + step.offset_months
    earliest = clamp_day(month // 12, month % 12 + 1, step.want_day)
    if earliest > last:
        # Those who started earlier may still get it, so a scenario that runs already may keep the row.
        args = {"day": last.isoformat(), "earliest": earliest.isoformat()}
        yield Problem("invite_too_late", step.position, args, is_error=not scenario.published_no)


def _check_tones(classes: Sequence[str], steps: Sequence[Step]) -> Iterator[Problem]:
    barred = [c for c in classes if not is_hard_class(c)]
    for step in steps:
        if step.kind not in MAILS:
            continue
        if _TONE_WEIGHT.get(step.tone, 2) < _TONE_WEIGHT.get(step.content_tone, 2):
            args = {"tone": step.tone, "content_tone": step.content_tone}
            yield Problem("tone_hidden", step.position, args)
        if step.tone == Tone.SALES_HARD and barred:
            yield Problem("sales_hard_for_class", step.position, {"classes": "・".join(barred)})
