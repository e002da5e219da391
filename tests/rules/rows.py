"""Rows for the tests of flows: sound mails a month apart, unless told otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from campaigns.rules import flow
from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import Scenario, Step

SCENARIO = Scenario(
    id=1,
    product_id=1,
    product_name="外観検査装置",
    name="展示会後フォロー",
    purpose="展示会の参加者から有望な見込み客を絞り込む",
    goal_kind="visit",
    classes=("C1", "D", "E", "-"),
    event_id=None,
    event_name=None,
    status="draft",
    published_no=0,
    version=1,
)
CLICKED = Condition("clicked")


def row(position: int, **changes: Any) -> Step:
    """A row of a kind; mails have their own written content, tasks somebody who does them."""
    is_mail = changes.get("kind", "mail") in flow.MAILS
    base = Step(
        id=position,
        key=f"k{position}",
        position=position,
        offset_months=position - 1 if is_mail else 0,
        content_id=position if is_mail else None,
        content_title=f"内容{position}" if is_mail else "",
        has_mail=is_mail,
        who="inside" if changes.get("kind") in flow.TASKS else "",
        wait_days=7 if changes.get("kind") in (flow.WAIT, flow.BRANCH) else 0,
        condition=CLICKED if changes.get("kind") == flow.BRANCH else None,
    )
    return replace(base, **changes)


def rows(*drawn: str | tuple[str, dict[str, Any]]) -> tuple[Step, ...]:
    """A flow from its lines, as the table shows it: '  yes call' stands in the yes arm of the branch above it.

    Each line: two spaces a level of arms, the arm inside one, the kind, and an own KEY after a colon if wanted
    ("mail:a"). Fields that differ come beside it. Months of mails go up with the lines.
    """
    made: list[Step] = []
    open_branches: list[str] = []
    month = 0
    for position, line in enumerate(drawn, start=1):
        text, changes = line if isinstance(line, tuple) else (line, {})
        level = (len(text) - len(text.lstrip())) // 2
        arm, _, what = text.strip().rpartition(" ")
        kind, _, key = what.partition(":")
        key = key or f"k{position}"
        fields: dict[str, Any] = {"kind": kind, "key": key, "arm": arm}
        fields["parent_key"] = open_branches[level - 1] if level else ""
        if kind in flow.MAILS:
            fields["offset_months"], month = month, month + 1
        made.append(row(position, **(fields | changes)))
        open_branches[level:] = [key] if kind == flow.BRANCH else []
    return tuple(made)
