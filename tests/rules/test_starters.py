"""The scenarios that ship break none of the rules that they come with."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from campaigns.rules import merge_fields, scenario_checks, starters, tone_lint
from campaigns.rules.scenarios import Scenario, Setting, Step
from campaigns.rules.starters import PATTERNS, Pattern

TODAY = date(2026, 11, 24)
MAILS = Path(__file__).parents[2] / "templates" / "mail" / "starters"
FULL = [p for p in PATTERNS if p.code in ("exhibition", "document_request", "dormant", "seminar", "care")]
OWN = sorted({row.starter for pattern in FULL for row in pattern.rows if row.starter})


def head_of(starter: str) -> dict[str, str]:
    path = next(path for path in MAILS.iterdir() if path.stem == starter)
    top = path.read_text(encoding="utf-8").partition("\n\n")[0]
    return dict(line.split(": ", 1) for line in top.splitlines())


def body_of(starter: str) -> str:
    path = next(path for path in MAILS.iterdir() if path.stem == starter)
    return path.read_text(encoding="utf-8").partition("\n\n")[2]


def steps_of(pattern: Pattern) -> list[Step]:
    made = []
    for position, row in enumerate(pattern.rows, 1):
        head = head_of(row.starter) if row.starter else {}
        invites = row.kind == "invite"
        made.append(
            Step(
                id=position,
                key=row.key,
                position=position,
                offset_months=row.offset_months,
                want_day=row.want_day,
                tone=row.tone,
                content_id=position if row.starter else None,
                content_title=head.get("title", ""),
                content_kind=head.get("kind", ""),
                content_tone=head.get("tone", "info"),
                has_mail=bool(row.starter),
                valid_until=date(2027, 1, 29) if invites else None,
                event_id=1 if invites else None,
                event_on=date(2027, 1, 29) if invites else None,
                kind=row.kind,
                title=row.title,
                parent_key=row.parent_key,
                arm=row.arm,
                goto_key=row.goto_key,
                condition=row.condition,
                wait_days=row.wait_days,
                who=row.who,
                due_days=row.due_days,
            )
        )
    return made


def scenario_of(pattern: Pattern) -> Scenario:
    return Scenario(1, 1, "装置", "名", "目的", pattern.goal_kind, pattern.classes, None, None, "draft", 0, 1)


@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p.rows], ids=lambda p: p.code)
def test_a_shipped_scenario_breaks_no_rule(pattern: Pattern) -> None:
    found = scenario_checks.check(scenario_of(pattern), steps_of(pattern), setting=Setting(), today=TODAY)
    assert scenario_checks.errors(found) == ()


def test_the_check_above_can_fail() -> None:
    pattern = PATTERNS[0]
    steps = [replace(step, tone="sales_hard") for step in steps_of(pattern)]
    assert scenario_checks.errors(
        scenario_checks.check(scenario_of(pattern), steps, setting=Setting(), today=TODAY)
    )


def test_the_library_holds_the_five_purposes_and_a_blank_page() -> None:
    codes = [pattern.code for pattern in PATTERNS]
    assert {"exhibition", "document_request", "dormant", "seminar", "care", "blank"} <= set(codes)
    assert starters.pattern("nonsense").code == "blank"


@pytest.mark.parametrize("pattern", FULL, ids=lambda p: p.code)
def test_a_full_course_branches_calls_somebody_and_ends_on_the_shelf(pattern: Pattern) -> None:
    kinds = [row.kind for row in pattern.rows]
    assert kinds[-1] == "shelf"
    assert "branch" in kinds
    assert "call" in kinds
    keys = [row.key for row in pattern.rows]
    assert len(set(keys)) == len(keys)
    assert all(row.title for row in pattern.rows if row.kind in ("call", "visit", "fax"))
    assert all(bool(row.title) == bool(row.title_en) and row.title_en.isascii() for row in pattern.rows)
    assert all(row.who for row in pattern.rows if row.kind in ("call", "visit", "fax"))


def test_no_mail_is_told_in_two_courses() -> None:
    told = [row.starter for pattern in FULL for row in pattern.rows if row.starter]
    assert len(told) == len(set(told)), "one person may be in two scenarios of a product"
    assert 15 <= len(told) <= 25


@pytest.mark.parametrize("starter", OWN)
def test_a_starter_is_long_enough_to_be_read_and_says_nothing_loudly(starter: str) -> None:
    head, body = head_of(starter), body_of(starter)
    text = re.sub(r"<[^>]+>|\s", "", body)
    assert 400 <= len(text) <= 900
    assert not tone_lint.findings({"subject": head["subject"], "preheader": head["preheader"], "body": body})
    assert re.findall(r"\{\{ (\S+) \}\}", body)[0] == "宛名"
    assert set(re.findall(r"\{\{ (\S+) \}\}", body)) <= set(merge_fields.NAMES)


def test_each_course_says_how_we_know_each_other() -> None:
    for pattern in FULL:
        bodies = [body_of(row.starter) for row in pattern.rows if row.starter]
        assert any("ご縁" in body or "お使いいただき" in body or "ご請求いただき" in body for body in bodies)


def test_the_mails_of_a_scenarios_own_course_are_proposed_first() -> None:
    codes = ("care_contact", "exhibition_case", "exhibition_hot", "exhibition_thanks", "useful")
    found = starters.in_order(codes, ["thanks", "read", "checklist", "x1"])
    assert found == ("exhibition_thanks", "exhibition_case", "exhibition_hot", "care_contact", "useful")
    assert starters.in_order(codes, ["x1"]) == codes
