"""Design: change a scenario's draft, its mails and its course. Each function is one transaction.

Rows are named by their KEY, since editing a published scenario opens a draft in which ids differ.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import scenarios as rule
from campaigns.rules.scenarios import Problem, Scenario, Setting, Step, Version
from campaigns.rules.tones import Tone
from campaigns.services import author
from campaigns.services.author import Gone, Stale
from campaigns.storage import audit, contents, reach, scenarios, steps
from campaigns.storage.contents import Content
from campaigns.storage.reach import Reach
from campaigns.storage.steps import RowCount


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of a scenario's head, as the form brings them."""

    name: str
    purpose: str
    goal_kind: str
    classes: tuple[str, ...]
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """The fields of one row, as the form brings them."""

    offset_months: int
    want_day: int
    tone: str
    content_id: int | None
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Design:
    """A scenario as the designer shows it. version: the draft, or the one in force when there is no draft."""

    scenario: Scenario
    version: Version
    steps: tuple[Step, ...]
    problems: tuple[Problem, ...]
    counts: Mapping[str, RowCount]
    enrolled: Mapping[str, int]
    reach: Reach
    contents: tuple[Content, ...]


def create(
    parts: Parts, *, product_id: int, head: Head, pattern: str, user_id: int | None, now: datetime
) -> int:
    """A new scenario; a shipped pattern brings its first rows with a starter mail each."""
    with parts.engine.begin() as tx:
        scenario_id = scenarios.create(
            tx,
            product_id=product_id,
            name=head.name,
            purpose=head.purpose,
            goal_kind=head.goal_kind,
            classes=head.classes,
            event_id=head.event_id,
            user_id=user_id,
            now=now,
        )
        draft = scenarios.open_draft(tx, scenario_id)
        for position, step in enumerate(rule.pattern(pattern).steps, start=1):
            content_id = author.add_starter(tx, step.starter, product_id=product_id, user_id=user_id, now=now)
            steps.add(
                tx,
                draft.id,
                key=_key(),
                position=position,
                offset_months=step.offset_months,
                want_day=step.want_day,
                tone=step.tone,
                content_id=content_id,
            )
        audit.note(tx, noun="scenario", noun_id=scenario_id, action="create", user_id=user_id, now=now)
    return scenario_id


def load(parts: Parts, scenario_id: int, *, now: datetime) -> Design:
    """Everything the designer shows. Raises Gone."""
    with parts.engine.connect() as tx:
        scenario = _scenario(tx, scenario_id)
        version = scenarios.draft(tx, scenario_id) or scenarios.published(tx, scenario_id)
        if version is None:
            raise Gone
        rows = steps.of(tx, version.id)
        return Design(
            scenario,
            version,
            rows,
            rule.check(scenario, rows, setting=setting(tx, scenario), today=_today(parts, now)),
            steps.counts(tx, scenario_id),
            scenarios.enrolled(tx, scenario_id),
            reach.count(
                tx,
                scenario_id=scenario_id,
                product_id=scenario.product_id,
                classes=scenario.classes,
                event_id=scenario.event_id,
            ),
            contents.for_product(tx, scenario.product_id),
        )


def setting(tx: Connection, scenario: Scenario) -> Setting:
    """What surrounds a scenario, for its validation."""
    is_active, items = scenarios.setting(tx, scenario.product_id)
    missing = (
        ("profile",) if items is None else tuple(name for name, value in items.items() if not value.strip())
    )
    return Setting(is_product_active=is_active, missing_disclosure=missing)


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
        )
        if not saved:
            raise Stale(old)
        changes = {f: (getattr(old, f), getattr(head, f)) for f in Head.__dataclass_fields__}
        audit.note(
            tx, noun="scenario", noun_id=scenario_id, action="save", user_id=user_id, now=now, changes=changes
        )


def add_row(parts: Parts, scenario_id: int, *, after: str | None = None) -> str:
    """A new row at the end or behind a row; later rows make room in the months. Its key."""
    with parts.engine.begin() as tx:
        draft, rows = _draft(tx, scenario_id)
        place = _index(rows, after) + 1 if after else len(rows)
        offset, day = rule.next_row(rows[:place])
        _make_room(tx, draft, rows[place:], offset)
        key = _key()
        steps.add(
            tx,
            draft.id,
            key=key,
            position=place + 1,
            offset_months=offset,
            want_day=day,
            tone=Tone.INFO.value,
            content_id=None,
        )
    return key


def mark(row: Row | Step) -> str:
    """What a row holds, as its form carries it along: who saves later learns that it changed meanwhile."""
    return "/".join(str(getattr(row, field) or "") for field in Row.__dataclass_fields__)


def save_row(parts: Parts, scenario_id: int, key: str, row: Row, *, was: str = "") -> None:
    """Change a row. was: the mark of the row when its form was shown, "" when unknown. Raises Gone, Stale."""
    with parts.engine.begin() as tx:
        draft, rows = _draft(tx, scenario_id)
        step = rows[_index(rows, key)]
        if was and mark(step) not in (was, mark(row)):
            raise Stale(step)
        changes = {field: getattr(row, field) for field in Row.__dataclass_fields__}
        if not steps.save(tx, draft.id, step.id, **changes):
            raise Gone


def delete_row(parts: Parts, scenario_id: int, key: str) -> None:
    """Take a row out of the draft. Raises Gone."""
    with parts.engine.begin() as tx:
        draft, rows = _draft(tx, scenario_id)
        steps.remove(tx, draft.id, rows[_index(rows, key)].id)


def move_row(parts: Parts, scenario_id: int, key: str, *, up: bool) -> None:
    """A row changes places with its neighbour; at the end of the table nothing happens."""
    with parts.engine.begin() as tx:
        draft, rows = _draft(tx, scenario_id)
        here = _index(rows, key)
        there = here - 1 if up else here + 1
        if 0 <= there < len(rows):
            steps.swap(tx, draft.id, rows[here], rows[there])


def duplicate_row(parts: Parts, scenario_id: int, key: str, *, user_id: int | None, now: datetime) -> str:
    """A copy a month later with a copy of its mail, since nobody gets the same item twice. Its key."""
    with parts.engine.begin() as tx:
        draft, rows = _draft(tx, scenario_id)
        place = _index(rows, key)
        step = rows[place]
        _make_room(tx, draft, rows[place + 1 :], step.offset_months + 1)
        copied = step.content_id and author.copy(tx, step.content_id, user_id=user_id, now=now)
        new = _key()
        steps.add(
            tx,
            draft.id,
            key=new,
            position=place + 2,
            offset_months=step.offset_months + 1,
            want_day=step.want_day,
            tone=step.tone,
            content_id=copied,
            valid_until=step.valid_until,
        )
    return new


def discard(parts: Parts, scenario_id: int, *, user_id: int | None, now: datetime) -> bool:
    """Forget the draft of a published scenario; False when there is nothing to go back to."""
    with parts.engine.begin() as tx:
        draft, in_force = scenarios.draft(tx, scenario_id), scenarios.published(tx, scenario_id)
        if draft is None or in_force is None:
            return False
        scenarios.drop_draft(tx, draft.id)
        audit.note(tx, noun="scenario", noun_id=scenario_id, action="discard", user_id=user_id, now=now)
        return True


def _make_room(tx: Connection, draft: Version, later: Sequence[Step], offset: int) -> None:
    """Later rows move on where the months would no longer go up."""
    for step in later:
        if step.offset_months > offset:
            return
        offset += 1
        steps.save(tx, draft.id, step.id, offset_months=offset)


def _draft(tx: Connection, scenario_id: int) -> tuple[Version, tuple[Step, ...]]:
    # The scenario's lock keeps two editors from opening two drafts or one position.
    _scenario(tx, scenario_id, lock=True)
    draft = scenarios.open_draft(tx, scenario_id)
    return draft, steps.of(tx, draft.id)


def _scenario(tx: Connection, scenario_id: int, *, lock: bool = False) -> Scenario:
    found = scenarios.get(tx, scenario_id, lock=lock)
    if found is None:
        raise Gone
    return found


def _index(rows: Sequence[Step], key: str) -> int:
    for index, step in enumerate(rows):
        if step.key == key:
            return index
    raise Gone


def _key() -> str:
    return secrets.token_hex(4)


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.settings.tz).date()


def as_step(step: Step, row: Row, content: Content | None) -> Step:
    """A row as it would be after saving, for the live sentence under it."""
    return replace(
        step,
        offset_months=row.offset_months,
        want_day=row.want_day,
        tone=row.tone,
        content_id=row.content_id,
        content_title=content.title if content else "",
        content_kind=content.kind if content else "",
        valid_until=row.valid_until,
    )
