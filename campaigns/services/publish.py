"""Publish: freeze a scenario's draft, its mails inlined once, and let those who wait go on in it.

Nothing is half-published: one transaction, and it is refused with line and message when a rule or a
template stands against it. Whom it enrols is `enrol.audience`'s business, after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import blake2b

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import flow, scenario_checks, versions
from campaigns.rules import scenarios as rule
from campaigns.rules.scenarios import Scenario, Step, Version
from campaigns.rules.schedule import month_of
from campaigns.rules.versions import Change, Choice, Kind
from campaigns.services import design, freeze_mails
from campaigns.services.author import Gone
from campaigns.services.freeze_mails import Made, MailProblem
from campaigns.services.proof import freeze as freeze
from campaigns.services.proof import layout_of as layout_of
from campaigns.storage import (
    audit,
    overdue,
    publishing,
    scenarios,
    step_counts,
    steps,
)
from campaigns.storage.reach import Reach
from mailer.compose import Level


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written. problems: of the scenario; mails: of its mails. unread: nothing stands against it
    but warnings that nobody has said to have read. changed: it is not what was looked at any more."""

    problems: tuple[rule.Problem, ...]
    mails: tuple[MailProblem, ...]
    unread: bool = False
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """no: the version now in force. moved: people who wait in it from now on, skipped: of them those who were taken
    past their row; kept: people who go on by the version before it."""

    no: int
    mails: int
    moved: int = 0
    skipped: int = 0
    kept: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row that the new version changes. label: as in the designer, of the new version where the row lives on.

    waiting: people who wait at it; planned: of their mails those that have a date and have not left.
    """

    change: Change
    label: str
    waiting: int
    planned: int

    @property
    def asks(self) -> bool:
        """Whether somebody has to be asked what becomes of them."""
        return self.change.asks and self.waiting + self.planned > 0


@dataclass(frozen=True, slots=True)
class Ahead:
    """What publishing would do, and what stands against it.

    reach: the audience, as the designer shows it. rows: what changes against the version in force, empty before
    the first; elsewhere: people who wait at rows that stay as they are, and go on in the new version.
    counted_at: None when the figures are of this moment. mark: of head, rows and mails as they stand: whoever
    publishes sends it back, so that nothing goes out that a colleague changed after the look.
    """

    problems: tuple[rule.Problem, ...]
    mails: tuple[MailProblem, ...]
    reach: Reach
    rows: tuple[Row, ...] = ()
    elsewhere: int = 0
    counted_at: datetime | None = None
    mark: str = ""

    @property
    def may_publish(self) -> bool:
        return not scenario_checks.errors(self.problems) and not any(p.is_error for p in self.mails)

    @property
    def warnings(self) -> str:
        """A mark of the mails' warnings, which whoever publishes sends back as read; "" without any. Another
        warning is another mark, so nobody takes responsibility for what came up after the look."""
        return warnings(self.mails)


def ahead(parts: Parts, scenario_id: int, *, now: datetime) -> Ahead:
    """Look before publishing; writes nothing. Raises Gone."""
    with parts.engine.connect() as tx:
        scenario, draft = _find(tx, scenario_id)
        rows = steps.of(tx, draft.id)
        made = freeze_mails.run(tx, parts, scenario, rows)
        reached = step_counts.read_reach(tx, scenario)
        problems = _problems(tx, parts, scenario, rows, now=now)
        found = Ahead(
            design.by_line(*problems, *design.of_people(tx, scenario, rows, reached)),
            tuple(made.problems),
            reached,
            mark=_mark(scenario, rows, made),
        )
        before = scenarios.published(tx, scenario_id)
        if before is None:
            return found
        compared = versions.changes(
            steps.of(tx, before.id), rows, rewritten=freeze_mails.rewritten(tx, before, made)
        )
        return _counted(tx, found, before, compared, rows)


def _counted(
    tx: Connection, found: Ahead, before: Version, compared: Sequence[Change], rows: Sequence[Step]
) -> Ahead:
    """With the people who wait in each row; in big scenarios as they were counted last."""
    figures = step_counts.read(tx, before.scenario_id)
    if figures.at is None and figures.is_known:
        waiting, planned = publishing.waiting_at(tx, before.id), publishing.planned_at(tx, before.id)
        at = {c.key: waiting.get(c.old.position, 0) for c in compared if c.old}
    else:
        planned, at = {}, {key: row.waiting for key, row in figures.rows.items()}
    labels = dict(zip((step.key for step in rows), flow.labels(rows), strict=True))
    return replace(
        found,
        rows=tuple(
            Row(c, labels.get(c.key, ""), at.get(c.key, 0) if c.old else 0, planned.get(c.key, 0))
            for c in compared
            if c.kind is not Kind.SAME
        ),
        elsewhere=sum(at.get(c.key, 0) for c in compared if c.kind is Kind.SAME),
        counted_at=figures.at,
    )


def _mark(scenario: Scenario, rows: Sequence[Step], made: Made) -> str:
    """See `Ahead.mark`."""
    lines = [
        str(scenario.version),
        *(f"{row.key} {row.parent_key} {row.arm} {design.mark(row)}" for row in rows),
    ]
    for mail in made.mails:
        told, words = mail.variant, mail.published
        lines += [
            mail.step.key,
            told.lang,
            told.buying_role,
            told.preheader,
            words.subject,
            words.html,
            words.text,
        ]
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()


def warnings(mails: Iterable[MailProblem]) -> str:
    """See `Ahead.warnings`."""
    lines = sorted(
        f"{p.content_id} {p.lang} {p.buying_role} {p.part} {p.part_line} {p.code}"
        for p in mails
        if p.level is Level.WARNING
    )
    return blake2b("\n".join(lines).encode(), digest_size=8).hexdigest() if lines else ""


def run(
    parts: Parts,
    scenario_id: int,
    *,
    user_id: int | None,
    now: datetime,
    choices: Mapping[str, Choice] | None = None,
    read: str | None = None,
    seen: str | None = None,
) -> Done | Refused:
    """Publish the draft. choices: what becomes of those who wait at a row, by its KEY; they move without one.

    read: the mark of the warnings that were read (`Ahead.warnings`); None for a caller that shows none.
    seen: the mark of what was looked at (`Ahead.mark`); None for a caller that shows nothing.
    """
    with parts.engine.begin() as tx:
        if scenarios.get(tx, scenario_id, lock=True) is None:
            raise Gone
        scenario, draft = _find(tx, scenario_id)
        rows = steps.of(tx, draft.id)
        made = freeze_mails.run(tx, parts, scenario, rows)
        problems = _problems(tx, parts, scenario, rows, now=now)
        if scenario_checks.errors(problems) or any(p.is_error for p in made.problems):
            return Refused(problems, tuple(made.problems))
        if seen is not None and seen != _mark(scenario, rows, made):
            return Refused(problems, tuple(made.problems), changed=True)
        if read is not None and read != warnings(made.problems):
            return Refused(problems, tuple(made.problems), unread=True)
        before = scenarios.published(tx, scenario_id)
        if not draft.is_draft or not publishing.freeze(tx, draft, user_id=user_id, now=now):
            raise Gone
        publishing.add_published_mails(tx, [freeze_mails.as_row(mail, draft, now) for mail in made.mails])
        done = Done(draft.no, len(made.mails))
        if before is not None:
            old = steps.of(tx, before.id)
            compared = versions.changes(old, rows, rewritten=freeze_mails.rewritten(tx, before, made))
            chosen = {c.key: (choices or {}).get(c.key, Choice.MOVE) for c in compared if c.asks}
            moved, skipped = _move(tx, parts, before, draft, old, rows, chosen, now=now)
            kept = sum(publishing.waiting_at(tx, before.id).values())
            done = replace(done, moved=moved, skipped=skipped, kept=kept)
        publishing.plan_soon(tx, scenario_id, today=_today(parts, now))
        audit.note(
            tx,
            noun="scenario",
            noun_id=scenario_id,
            action="publish",
            user_id=user_id,
            now=now,
            changes={"version": (before.no if before else None, draft.no)},
        )
    return done


def _find(tx: Connection, scenario_id: int) -> tuple[Scenario, Version]:
    scenario = scenarios.get(tx, scenario_id)
    draft = scenarios.draft(tx, scenario_id)
    if scenario is None or draft is None:
        raise Gone
    return scenario, draft


def _problems(
    tx: Connection, parts: Parts, scenario: Scenario, rows: Sequence[Step], *, now: datetime
) -> tuple[rule.Problem, ...]:
    return scenario_checks.check(
        scenario, rows, setting=design.setting(tx, scenario), today=_today(parts, now)
    )


def _move(
    tx: Connection,
    parts: Parts,
    before: Version,
    draft: Version,
    old: Sequence[Step],
    rows: Sequence[Step],
    chosen: Mapping[str, Choice],
    *,
    now: datetime,
) -> tuple[int, int]:
    """People under way go on where it was chosen; how many moved, and how many of them past their row. chosen: by
    KEY, of the rows that changed.

    A mail of a changed row that has its date but has not left is put back first: its people wait at that row.
    """
    today = _today(parts, now)
    publishing.lock_people(tx, before.id)
    changed = [key for key, choice in chosen.items() if choice is not Choice.KEEP]
    overdue.put_back(
        tx,
        overdue.planned_at(tx, before.id, changed) if changed else (),
        reason="version_changed",
        now=now,
        today=today,
        zone=parts.settings.zone,
    )
    waiting = publishing.waiting_at(tx, before.id)
    skips = {step.position for step in old if chosen.get(step.key) is Choice.SKIP}
    moved = publishing.move_enrollments(
        tx,
        old_version_id=before.id,
        new_version_id=draft.id,
        moves=versions.moves(old, rows, chosen),
        end=len(rows) + 1,
        month=month_of(now, parts.settings.tz),
        today=today,
    )
    publishing.close_gone(tx, draft.id, now=now)
    return moved, sum(n for position, n in waiting.items() if position in skips)


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.settings.tz).date()
