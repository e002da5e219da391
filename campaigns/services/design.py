"""Design: change a scenario's draft, its mails and its course. Each function is one transaction.

Rows are named by their KEY, since editing a published scenario opens a draft in which ids differ.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import audience_checks, designing, flow, scenario_checks
from campaigns.rules import remedies as remedy
from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.designing import Missing
from campaigns.rules.remedies import Waiting
from campaigns.rules.scenarios import MAX_STEPS, Problem, Scenario, Setting, Step, Version
from campaigns.rules.workdays import Calendar
from campaigns.services import author, check_mails, furnish, wake
from campaigns.services.author import Gone, Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage import (
    audit,
    closed_days,
    contents,
    designs,
    events,
    reach,
    remedies,
    scenarios,
    step_counts,
    steps,
)
from campaigns.storage.contents import Content
from campaigns.storage.designs import Event, Undoable
from campaigns.storage.reach import Reach
from campaigns.storage.step_counts import Figures

# What a new row starts with, where its kind asks for more than the defaults.
_FIRST: Mapping[str, Step] = {
    "call": Step(0, "", 0, kind="call", who="inside"),
    "fax": Step(0, "", 0, kind="fax", who="inside"),
    "visit": Step(0, "", 0, kind="visit", who="field"),
    "wait": Step(0, "", 0, kind="wait", wait_days=7),
    "branch": Step(0, "", 0, kind="branch", wait_days=7, condition=Condition("clicked")),
}


ROWS_MAX = 3 * MAX_STEPS  # of a draft; room to copy whole branches and tidy up before publishing


class Full(Exception):
    """A table that no page could show any more would come of it."""


def first_row(kind: str) -> Step:
    """A new row of that kind, before anybody wrote anything into it."""
    return _FIRST.get(kind, Step(0, "", 0, kind=kind))


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a scenario's head, as the form brings them."""

    name: str
    purpose: str
    goal_kind: str
    classes: tuple[str, ...]
    event_id: int | None
    audience: Audience = EVERYBODY


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one row, as the form brings them; what a kind does not use stays at its default."""

    offset_months: int
    want_day: int
    tone: str
    content_id: int | None
    valid_until: date | None
    kind: str = "mail"
    title: str = ""
    goto_key: str = ""
    condition: Condition | None = None
    wait_days: int = 0
    who: str = ""
    due_days: int = 5
    event_id: int | None = None


@dataclass(frozen=True, slots=True)
class Design:
    """A scenario as the designer shows it. version: the draft, or the one in force when there is no draft.

    left_out: who would come in without one of the audience's conditions, by condition; is_about: estimated.
    roles: buying roles with words of their own, by content. undoable: what undo would take back.
    """

    scenario: Scenario
    version: Version
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    figures: Figures
    reach: Reach
    left_out: Mapping[str, int]
    is_about: bool
    contents: tuple[Content, ...]
    events: tuple[Event, ...]
    roles: Mapping[int, tuple[str, ...]]
    undoable: Undoable | None


def create(
    parts: Parts,
    *,
    product_id: int,
    head: Head,
    pattern: str,
    user_id: int | None,
    now: datetime,
    lang: str = "ja",
) -> int:
    """A new scenario; a shipped pattern brings its first rows with a starter mail each. lang: of their titles."""
    with parts.engine.begin() as tx:
        scenario_id = scenarios.create(
            tx,
            product_id=product_id,
            name=head.name,
            purpose=head.purpose,
            goal_kind=head.goal_kind,
            classes=head.classes,
            event_id=head.event_id,
            audience=head.audience,
            user_id=user_id,
            now=now,
        )
        draft = scenarios.open_draft(tx, scenario_id)
        rows = furnish.rows(tx, pattern, product_id=product_id, user_id=user_id, now=now, lang=lang)
        designs.replace(tx, draft.id, rows)
        audit.note(tx, noun="scenario", noun_id=scenario_id, action="create", user_id=user_id, now=now)
    return scenario_id


def load(parts: Parts, scenario_id: int, *, now: datetime) -> Design:
    """Everything the designer shows. Raises Gone."""
    with parts.engine.connect() as tx:
        scenario = _scenario(tx, scenario_id)
        version = scenarios.draft(tx, scenario_id) or scenarios.published(tx, scenario_id)
        if version is None:
            raise Gone
        rows, today = steps.of(tx, version.id), _today(parts, now)
        figures, calendar = step_counts.read(tx, scenario_id), closed_days.load(tx)
        reached = step_counts.read_reach(tx, scenario)
        return Design(
            scenario,
            version,
            rows,
            by_line(
                *scenario_checks.check(scenario, rows, setting=setting(tx, scenario), today=today),
                *_remedies(rows, figures.waits, calendar=calendar, today=today),
                *check_mails.run(tx, parts, scenario, rows),
                *of_people(tx, scenario, rows, reached),
            ),
            figures,
            reached,
            *remedies.left_out(tx, scenario),
            contents.for_product(tx, scenario.product_id),
            designs.events(tx, today=today, chosen=[row.event_id for row in rows if row.event_id]),
            designs.roles(tx, [row.content_id for row in rows if row.content_id]),
            designs.last(tx, scenario_id),
        )


def _remedies(
    rows: Sequence[Step], waits: Mapping[str, Sequence[Waiting]], *, calendar: Calendar, today: date
) -> tuple[Problem, ...]:
    """What would reach more of those who stand at these rows."""
    return tuple(
        replace(problem, label=label)
        for step, label in zip(rows, flow.labels(rows), strict=True)
        for problem in remedy.check(step, waits.get(step.key, ()), calendar=calendar, today=today)
    )


def by_line(*problems: Problem) -> tuple[Problem, ...]:
    """The head's first, then row by row."""
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def of_people(
    tx: Connection, scenario: Scenario, rows: Sequence[Step], reached: Reach
) -> tuple[Problem, ...]:
    """Warnings about the audience, as far as it is counted."""
    if not reached.is_known:
        return ()
    people = audience_checks.People(
        reached.everybody,
        reached.can_send,
        reached.readers,
        has_leads=bool(reached.everybody) or reach.has_leads(tx, scenario.product_id),
        read=reached.read,
    )
    return tuple(audience_checks.check(scenario, rows, people))


def setting(tx: Connection, scenario: Scenario) -> Setting:
    """What surrounds a scenario, for its validation."""
    is_active, tone_every, items = scenarios.setting(tx, scenario.product_id)
    missing = (
        ("profile",) if items is None else tuple(name for name, value in items.items() if not value.strip())
    )
    return Setting(is_product_active=is_active, missing_disclosure=missing, tone_every=tone_every)


def save_head(
    parts: Parts, scenario_id: int, *, version: int, head: Head, user_id: int | None, now: datetime
) -> None:
    """Change the head. Raises Stale when somebody else saved first, Gone."""
    with parts.engine.begin() as tx:
        old = _scenario(tx, scenario_id)
        saved = scenarios.save(
            tx,
            scenario_id,
            version=version,
            name=head.name,
            purpose=head.purpose,
            goal_kind=head.goal_kind,
            classes=head.classes,
            event_id=head.event_id,
            audience=head.audience,
        )
        if not saved:
            raise Stale(old)
        step_counts.ask_again(tx, scenario_id)
        changes = {f: (getattr(old, f), getattr(head, f)) for f in Head.__dataclass_fields__}
        audit.note(
            tx, noun="scenario", noun_id=scenario_id, action="save", user_id=user_id, now=now, changes=changes
        )
    wake.ask(parts, "count")


def add_row(
    parts: Parts,
    scenario_id: int,
    *,
    kind: str = "mail",
    after: str = "",
    before: str = "",
    into: tuple[str, str] | None = None,
    user_id: int | None,
    now: datetime,
) -> str:
    """A new row behind or before another, in an arm, or as the last; later mails make room. Its key."""
    key = _key()
    new = replace(first_row(kind), key=key)

    def edit(_tx: Connection, rows: Sequence[Step]) -> Sequence[Step]:
        return designing.insert(rows, new, after=after, before=before, into=into)

    _change(parts, scenario_id, "add", edit, user_id=user_id, now=now)
    return key


def mark(row: Row | Step) -> str:
    """What a row holds, as its form carries it along: who saves later learns that it changed meanwhile."""
    held = "\n".join(repr(getattr(row, field)) for field in Row.__dataclass_fields__)
    return blake2b(held.encode(), digest_size=8).hexdigest()


def save_row(
    parts: Parts, scenario_id: int, key: str, row: Row, *, was: str = "", user_id: int | None, now: datetime
) -> None:
    """Change a row. was: the mark of the row when its form was shown, "" when unknown.

    Raises Gone, Stale; Invalid where it names another product's content, or what was deleted meanwhile.
    """

    def edit(tx: Connection, rows: Sequence[Step]) -> Sequence[Step]:
        step = _row(rows, key)
        _check_choices(tx, scenario_id, row)
        if was and mark(step) not in (was, mark(row)):
            raise Stale(step)
        changes = {name: getattr(row, name) for name in Row.__dataclass_fields__}
        return designing.change(rows, key, **changes)

    _change(parts, scenario_id, "save", edit, user_id=user_id, now=now)


def _check_choices(tx: Connection, scenario_id: int, row: Row) -> None:
    if row.content_id is not None:
        content = contents.get(tx, row.content_id)
        if content is None or content.product_id not in (None, _scenario(tx, scenario_id).product_id):
            raise Invalid({"content_id": "unknown"})
    if row.event_id is not None and not events.names(tx, [row.event_id]):
        raise Invalid({"event_id": "unknown"})


def delete_row(parts: Parts, scenario_id: int, key: str, *, user_id: int | None, now: datetime) -> str:
    """Take a row out of the draft, a branch with its arms; the key of the row to look at next. Raises Gone."""
    near = ""

    def edit(_tx: Connection, rows: Sequence[Step]) -> Sequence[Step]:
        nonlocal near
        left = designing.remove(rows, key)
        near = left[min(_row(rows, key).position, len(left)) - 1].key if left else ""
        return left

    _change(parts, scenario_id, "delete", edit, user_id=user_id, now=now)
    return near


def move_row(
    parts: Parts, scenario_id: int, key: str, *, up: bool, user_id: int | None, now: datetime
) -> None:
    """A row moves one place, into and out of arms on its way; at the end of the table nothing happens."""

    def edit(_tx: Connection, rows: Sequence[Step]) -> Sequence[Step]:
        return designing.move(rows, key, up=up)

    _change(parts, scenario_id, "move", edit, user_id=user_id, now=now)


def duplicate_row(parts: Parts, scenario_id: int, key: str, *, user_id: int | None, now: datetime) -> str:
    """A copy behind the row, with copies of its mails, since nobody gets the same item twice. Its key."""
    new = ""

    def edit(tx: Connection, rows: Sequence[Step]) -> Sequence[Step]:
        nonlocal new
        there = {step.key for step in rows}
        changed, new = designing.duplicate(rows, key, new_key=_key)
        return [
            step
            if step.key in there or step.content_id is None
            else replace(step, content_id=author.copy(tx, step.content_id, user_id=user_id, now=now))
            for step in changed
        ]

    _change(parts, scenario_id, "duplicate", edit, user_id=user_id, now=now)
    return new


def undo(parts: Parts, scenario_id: int, *, change: int | None = None) -> str | None:
    """Take the last change back; the key of a row that it brought back or changed ("" when only rows went).

    change: which one was shown (`Undoable.id`). None when that is not the last one any more: a second press, or a
    colleague's change since; or when there is nothing to take back: never beyond the last publishing.
    """
    with parts.engine.begin() as tx:
        _scenario(tx, scenario_id, lock=True)
        undoable = designs.last(tx, scenario_id)
        if undoable is None or change not in (None, undoable.id):
            return None
        in_force = scenarios.published(tx, scenario_id)
        draft = scenarios.open_draft(tx, scenario_id)
        before = {step.key: mark(step) for step in steps.of(tx, draft.id)}
        designs.restore(tx, draft.id, undoable)
        changed = (step.key for step in steps.of(tx, draft.id) if before.get(step.key) != mark(step))
        key = next(changed, "")
        if in_force is not None and designs.is_same(tx, draft.id, in_force.id):
            scenarios.drop_draft(tx, draft.id)
    return key


def discard(parts: Parts, scenario_id: int, *, user_id: int | None, now: datetime) -> bool:
    """Go back to the version in force; undo brings the draft again. False when there is nothing to go back to."""
    with parts.engine.begin() as tx:
        _scenario(tx, scenario_id, lock=True)
        draft, in_force = scenarios.draft(tx, scenario_id), scenarios.published(tx, scenario_id)
        if draft is None or in_force is None:
            return False
        designs.remember(tx, scenario_id, draft.id, label="discard", user_id=user_id, now=now)
        scenarios.drop_draft(tx, draft.id)
        audit.note(tx, noun="scenario", noun_id=scenario_id, action="discard", user_id=user_id, now=now)
        return True


def _change(
    parts: Parts,
    scenario_id: int,
    label: str,
    edit: Callable[[Connection, Sequence[Step]], Sequence[Step]],
    *,
    user_id: int | None,
    now: datetime,
) -> None:
    """Put the rows that `edit` makes in the place of the draft's, and keep the old ones for undo. Raises Full."""
    with parts.engine.begin() as tx:
        # The scenario's lock keeps two editors from opening two drafts or losing each other's rows.
        _scenario(tx, scenario_id, lock=True)
        shown = scenarios.draft(tx, scenario_id) or scenarios.published(tx, scenario_id)
        rows = steps.of(tx, shown.id) if shown else ()
        try:
            new = tuple(edit(tx, rows))
        except Missing:
            raise Gone from None
        if new == rows:
            return
        if len(new) > max(len(rows), ROWS_MAX):
            raise Full
        draft = scenarios.open_draft(tx, scenario_id)
        designs.remember(tx, scenario_id, draft.id, label=label, user_id=user_id, now=now)
        designs.replace(tx, draft.id, new)


def _scenario(tx: Connection, scenario_id: int, *, lock: bool = False) -> Scenario:
    found = scenarios.get(tx, scenario_id, lock=lock)
    if found is None:
        raise Gone
    return found


def _row(rows: Sequence[Step], key: str) -> Step:
    for step in rows:
        if step.key == key:
            return step
    raise Gone


def _key() -> str:
    return secrets.token_hex(4)


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.settings.tz).date()


def as_step(step: Step, row: Row, content: Content | None, event: Event | None) -> Step:
    """A row as it would be after saving, for the live sentence under it."""
    changes = {name: getattr(row, name) for name in Row.__dataclass_fields__}
    return replace(
        step,
        **changes,
        content_title=content.title if content else "",
        content_kind=content.kind if content else "",
        event_on=event.starts_on if event else None,
        apply_by=event.apply_by if event else None,
    )
