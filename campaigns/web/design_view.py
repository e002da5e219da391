"""What the designer's page shows beside the rows: how deep a row stands, the flow picture, roles without words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask_babel import gettext as _

from campaigns.rules import flow
from campaigns.rules.flow import MAILS, TASKS
from campaigns.rules.scenarios import Step
from campaigns.services.design import Design
from campaigns.storage.step_counts import RowCount
from campaigns.web import flow_svg
from campaigns.web.flow_svg import Picture, Place, Way
from campaigns.web.step_words import KINDS, Course
from campaigns.web.words import number


@dataclass(frozen=True, slots=True)
class RoleGap:
    """A buying role of the audience. own: mails with words of its own, of all mails; first: one without."""

    role: str
    people: int
    own: int
    mails: int
    first: Step | None


def depths(steps: Sequence[Step]) -> dict[str, int]:
    """How many branches each row stands in."""
    found: dict[str, int] = {}
    for step in steps:
        found[step.key] = found[step.parent_key] + 1 if step.parent_key in found else 0
    return found


def role_gaps(found: Design) -> tuple[RoleGap, ...]:
    """Buying roles of the audience, most people first, with how many mails speak to them in particular."""
    mails = [step for step in found.steps if step.kind in MAILS and step.content_id]
    lines = []
    for role, people in sorted(found.reach.roles.items(), key=lambda pair: -pair[1]):
        without = [s for s in mails if role not in found.roles.get(s.content_id or 0, ())]
        if role and mails:
            lines.append(
                RoleGap(role, people, len(mails) - len(without), len(mails), without[0] if without else None)
            )
    return tuple(lines)


def pictures(found: Design, course: Course, *, editing: str) -> tuple[Picture, Picture]:
    """The flow with the table's numbers: beside the table, and with room for the titles on paper."""
    counts = found.figures.rows
    places = [
        Place(
            key=step.key,
            label=course.labels[step.key],
            kind=step.kind,
            parent=step.parent_key,
            arm=step.arm,
            title=_title(step, course),
            note=_("編集中") if step.key == editing else _note(step, counts.get(step.key, RowCount())),
            is_open=step.kind in MAILS and not step.has_mail,
        )
        for step in found.steps
    ]
    reached = {step.key: _reached(step, counts.get(step.key, RowCount())) for step in found.steps}
    waiting = {key: count.waiting for key, count in counts.items()}
    ways = _ways(found.steps)
    told = flow_svg.people(ways, reached=_inflow(ways, reached), waiting=waiting)
    printed = flow_svg.layout(places, told, label_max=flow_svg.PRINTED_LABEL_MAX)
    return flow_svg.layout(places, told), printed


def _ways(steps: Sequence[Step]) -> list[Way]:
    graph, keys = flow.graph(steps), {step.position: step.key for step in steps}
    plain = flow.graph([replace(step, goto_key="") for step in steps])
    ways = []
    for step in steps:
        node, straight = graph.node(step.position), plain.node(step.position)
        if step.kind == "branch":
            ways.append(Way(step.key, keys.get(node.yes, ""), "yes"))
            ways.append(Way(step.key, keys.get(node.other, ""), "else"))
        elif step.kind != "shelf":
            ways.append(Way(step.key, keys.get(node.next, ""), is_jump=node.next != straight.next))
    return ways


def _inflow(ways: Sequence[Way], reached: dict[str, int]) -> dict[str, int]:
    """Rows that count nothing of their own are reached by whoever left the rows before."""
    full = dict(reached)
    for way in ways:
        if way.to and not reached.get(way.to) and not way.arm:
            full[way.to] = max(full.get(way.to, 0), full.get(way.start, 0))
    return full


def _reached(step: Step, count: RowCount) -> int:
    return count.waiting + (count.sent if step.kind in MAILS else count.tasks if step.kind in TASKS else 0)


def _title(step: Step, course: Course) -> str:
    if step.kind in TASKS or step.kind in ("shelf", "wait", "jump"):
        return (
            str(KINDS[step.kind])
            if step.kind != "jump"
            else "→ " + course.labels.get(step.goto_key, str(_("終わり")) if step.goto_key == "end" else "")
        )
    return course.titles[step.key]


def _note(step: Step, count: RowCount) -> str:
    if step.kind in MAILS and count.sent:
        return str(_("%(n)s通", n=number(count.sent)))
    if step.kind in TASKS and count.tasks:
        return str(_("%(n)s件", n=number(count.tasks)))
    return str(_("%(n)s名待ち", n=number(count.waiting))) if count.waiting else ""
