"""Publish: freeze a scenario's draft, its mails inlined once, and let those who wait go on in it.

Nothing is half-published: one transaction, and it is refused with line and message when a rule or a
template stands against it. Whom it enrols is `enrol.audience`'s business, after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import blake2b

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import scenarios as rule
from campaigns.rules.scenarios import Scenario, Step, Version
from campaigns.rules.schedule import month_of
from campaigns.rules.tone_lint import Loud
from campaigns.services import design, proof
from campaigns.services.author import Gone
from campaigns.services.proof import freeze as freeze
from campaigns.services.proof import layout_of as layout_of
from campaigns.storage import audit, contents, outgoing, publishing, reach, scenarios, steps
from campaigns.storage.contents import Variant
from mailer import compose
from mailer.compose import Level
from mailer.inline import Published


@dataclass(frozen=True, slots=True)
class MailProblem:
    """What is wrong with one mail: at which row, in which variant and part, at which line of that part."""

    line: int
    content_id: int
    title: str
    lang: str
    buying_role: str
    part: str
    part_line: int
    code: str
    args: Mapping[str, str]
    level: Level

    @property
    def is_error(self) -> bool:
        return self.level is Level.ERROR


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written. problems: of the scenario; mails: of its mails. unread: nothing stands against it
    but warnings that nobody has said to have read."""

    problems: tuple[rule.Problem, ...]
    mails: tuple[MailProblem, ...]
    unread: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """no: the version now in force. moved: people who wait in it from now on."""

    no: int
    mails: int
    moved: int


@dataclass(frozen=True, slots=True)
class Ahead:
    """What publishing would do, and what stands against it."""

    problems: tuple[rule.Problem, ...]
    mails: tuple[MailProblem, ...]
    waiting: int

    @property
    def may_publish(self) -> bool:
        return not rule.errors(self.problems) and not any(p.is_error for p in self.mails)

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
        made = _mails(tx, parts, scenario, rows)
        return Ahead(
            _problems(tx, parts, scenario, rows, now=now),
            tuple(made.problems),
            scenarios.waiting(tx, scenario_id),
        )


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
    move_waiting: bool = True,
    read: str | None = None,
) -> Done | Refused:
    """Publish the draft. move_waiting: people under way go on in the new version, else in theirs.

    read: the mark of the warnings that were read (`Ahead.warnings`); None for a caller that shows none.
    """
    with parts.engine.begin() as tx:
        if scenarios.get(tx, scenario_id, lock=True) is None:
            raise Gone
        scenario, draft = _find(tx, scenario_id)
        rows = steps.of(tx, draft.id)
        made = _mails(tx, parts, scenario, rows)
        problems = _problems(tx, parts, scenario, rows, now=now)
        if rule.errors(problems) or any(p.is_error for p in made.problems):
            return Refused(problems, tuple(made.problems))
        if read is not None and read != warnings(made.problems):
            return Refused(problems, tuple(made.problems), unread=True)
        before = scenarios.published(tx, scenario_id)
        if not draft.is_draft or not publishing.freeze(tx, draft, user_id=user_id, now=now):
            raise Gone
        publishing.add_published_mails(tx, [_as_row(mail, draft, now) for mail in made.mails])
        moved = 0
        if before is not None and move_waiting:
            moved = _move(tx, parts, before, draft, rows, now=now)
        publishing.plan_soon(tx, scenario_id, today=now.astimezone(parts.settings.tz).date())
        audit.note(
            tx,
            noun="scenario",
            noun_id=scenario_id,
            action="publish",
            user_id=user_id,
            now=now,
            changes={"version": (before.no if before else None, draft.no)},
        )
    return Done(draft.no, len(made.mails), moved)


def _find(tx: Connection, scenario_id: int) -> tuple[Scenario, Version]:
    scenario = scenarios.get(tx, scenario_id)
    draft = scenarios.draft(tx, scenario_id)
    if scenario is None or draft is None:
        raise Gone
    return scenario, draft


def _problems(
    tx: Connection, parts: Parts, scenario: Scenario, rows: Sequence[Step], *, now: datetime
) -> tuple[rule.Problem, ...]:
    today = now.astimezone(parts.settings.tz).date()
    return rule.check(scenario, rows, setting=design.setting(tx, scenario), today=today)


def _move(
    tx: Connection, parts: Parts, before: Version, draft: Version, rows: Sequence[Step], *, now: datetime
) -> int:
    old = steps.of(tx, before.id)
    offsets = {step.position: step.offset_months for step in rows}
    moves = [
        (step.position, new, offsets.get(new, step.offset_months) - step.offset_months)
        for step, new in ((s, rule.resume_positions(old, rows)[s.position]) for s in old)
    ]
    return publishing.move_enrollments(
        tx,
        old_version_id=before.id,
        new_version_id=draft.id,
        moves=moves,
        end=len(rows) + 1,
        month=month_of(now, parts.settings.tz),
    )


@dataclass(frozen=True, slots=True)
class _Mail:
    step: Step
    variant: Variant
    published: Published


@dataclass(frozen=True, slots=True)
class _Made:
    mails: list[_Mail]
    problems: list[MailProblem]


def _mails(tx: Connection, parts: Parts, scenario: Scenario, rows: Sequence[Step]) -> _Made:
    """Every variant of every row, checked, inlined and rendered once with sample values."""
    found = contents.variants_of(tx, {step.content_id for step in rows if step.content_id})
    sample = outgoing.sample(tx, person_id=None, product_id=scenario.product_id)
    gaps = reach.gaps(tx, product_id=scenario.product_id)
    made = _Made([], [])
    for step in rows:
        variants = [v for v in found.get(step.content_id or 0, ()) if v.subject or v.html or v.text]
        made.problems.extend(_lonely_roles(step, variants))
        for variant in variants:
            seen = proof.read(parts, variant, sample, gaps)
            made.problems.extend(_at(step, variant, p) for p in seen.problems if p.level is not Level.NOTICE)
            made.problems.extend(_loud(step, variant, one) for one in seen.loud)
            if seen.published is not None:
                made.mails.append(_Mail(step, variant, seen.published))
    return made


def _lonely_roles(step: Step, variants: Iterable[Variant]) -> Iterable[MailProblem]:
    """A language with words for one buying role needs words for all others as well."""
    by_lang: dict[str, set[str]] = {}
    for variant in variants:
        by_lang.setdefault(variant.lang, set()).add(variant.buying_role)
    for lang, roles in by_lang.items():
        if "" not in roles:
            yield MailProblem(
                step.position,
                step.content_id or 0,
                step.content_title,
                lang,
                "",
                "variant",
                0,
                "role_only",
                {},
                Level.ERROR,
            )


def _at(step: Step, variant: Variant, problem: compose.Problem) -> MailProblem:
    return MailProblem(
        step.position,
        step.content_id or 0,
        step.content_title,
        variant.lang,
        variant.buying_role,
        problem.part.value,
        problem.line,
        problem.message_code,
        problem.args,
        problem.level,
    )


def _loud(step: Step, variant: Variant, one: Loud) -> MailProblem:
    return MailProblem(
        step.position,
        step.content_id or 0,
        step.content_title,
        variant.lang,
        variant.buying_role,
        one.part,
        one.line,
        "loud",
        {"word": one.word, "suggestion": one.suggestion},
        Level.WARNING,
    )


def _as_row(mail: _Mail, draft: Version, now: datetime) -> dict[str, object]:
    return {
        "content_id": mail.step.content_id,
        "version_id": draft.id,
        "step_key": mail.step.key,
        "lang": mail.variant.lang,
        "buying_role": mail.variant.buying_role,
        "subject": mail.published.subject,
        "preheader": mail.variant.preheader,
        "html": mail.published.html,
        "text": mail.published.text,
        "links": [asdict(link) for link in mail.published.links],
        "published_at": now,
    }
