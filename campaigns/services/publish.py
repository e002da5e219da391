"""Publish: freeze a scenario's draft, its mails inlined once, and let those who wait go on in it.

Nothing is half-published: one transaction, and it is refused with line and message when a rule or a
template stands against it. Whom it enrols is `enrol.audience`'s business, after the commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import merge_fields
from campaigns.rules import scenarios as rule
from campaigns.rules.merge_fields import Bond, Recipient
from campaigns.rules.scenarios import Scenario, Step, Version
from campaigns.rules.schedule import month_of
from campaigns.services import design
from campaigns.services.author import Gone
from campaigns.storage import audit, contents, outgoing, publishing, scenarios, steps
from campaigns.storage.contents import Variant
from mailer import compose, inline
from mailer.compose import Level
from mailer.errors import TemplateError
from mailer.inline import Published
from mailer.layout import Layout

_BASE = Path(__file__).resolve().parents[2] / "templates" / "mail" / "base.html"
_LEGAL_FORMS = ("株式会社", "有限会社", "合同会社", "㈱", "㈲", "(株)", "（株）")


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
    is_error: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written. problems: of the scenario; mails: of its mails."""

    problems: tuple[rule.Problem, ...]
    mails: tuple[MailProblem, ...]


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


def ahead(parts: Parts, scenario_id: int, *, now: datetime) -> Ahead:
    """Look before publishing; writes nothing. Raises Gone."""
    with parts.engine.connect() as tx:
        scenario, draft = _find(tx, scenario_id)
        rows = steps.of(tx, draft.id)
        made = _mails(tx, scenario, rows)
        return Ahead(
            _problems(tx, parts, scenario, rows, now=now),
            tuple(made.problems),
            scenarios.waiting(tx, scenario_id),
        )


def run(
    parts: Parts, scenario_id: int, *, user_id: int | None, now: datetime, move_waiting: bool = True
) -> Done | Refused:
    """Publish the draft. move_waiting: people under way go on in the new version, else in theirs."""
    with parts.engine.begin() as tx:
        if scenarios.get(tx, scenario_id, lock=True) is None:
            raise Gone
        scenario, draft = _find(tx, scenario_id)
        rows = steps.of(tx, draft.id)
        made = _mails(tx, scenario, rows)
        problems = _problems(tx, parts, scenario, rows, now=now)
        if rule.errors(problems) or any(p.is_error for p in made.problems):
            return Refused(problems, tuple(made.problems))
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


def _mails(tx: Connection, scenario: Scenario, rows: Sequence[Step]) -> _Made:
    """Every variant of every row, checked, inlined and rendered once with sample values."""
    found = contents.variants_of(tx, {step.content_id for step in rows if step.content_id})
    profile = outgoing.sample(tx, person_id=None, product_id=scenario.product_id).profile
    layout = layout_of(profile.legal_name if profile else "", scenario.product_name)
    made = _Made([], [])
    for step in rows:
        variants = [v for v in found.get(step.content_id or 0, ()) if v.subject or v.html or v.text]
        made.problems.extend(_lonely_roles(step, variants))
        for variant in variants:
            published, problems = freeze(variant, layout)
            made.problems.extend(_at(step, variant, problem) for problem in problems)
            if published is not None:
                made.mails.append(_Mail(step, variant, published))
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
                True,
            )


def freeze(variant: Variant, layout: Layout) -> tuple[Published | None, list[compose.Problem]]:
    """A variant made ready to be sent many times, or None, with everything that was found."""
    samples = [sample_fields(variant.lang), sample_fields(variant.lang, is_empty=True)]
    problems = compose.check(
        variant.subject, variant.preheader, variant.html, variant.text or None, samples[0]
    )
    if not compose.is_publishable(problems):
        return None, problems
    try:
        published = inline.publish(
            variant.html,
            subject=variant.subject,
            preheader=variant.preheader,
            text=variant.text or None,
            layout=layout_in(layout, variant.lang),
        )
        for fields in samples:
            inline.render(published, fields, links=[link.url for link in published.links])
    except TemplateError as error:
        detail = {"detail": error.message}
        return None, [*problems, compose.Problem(compose.Part.HTML, error.line, "syntax", detail)]
    return published, problems


def sample_fields(lang: str, *, is_empty: bool = False) -> dict[str, str]:
    """Values that stand for a recipient; is_empty: for the one about whom nothing is known."""
    somebody = Recipient(
        company="株式会社見本製作所",
        department="生産技術部",
        title="課長",
        family="見本",
        full_name="見本 太郎",
    )
    return merge_fields.build(
        Recipient() if is_empty else somebody,
        None if is_empty else Bond("card_exchange", "見本展"),
        sender="" if is_empty else "見本商事 差出 花子",
        product="" if is_empty else "見本商材",
        lang=lang,
    )


def layout_of(legal_name: str, tagline: str) -> Layout:
    """The engine's frame around an author's body."""
    company = legal_name
    for form in _LEGAL_FORMS:
        company = company.replace(form, "")
    return Layout(source=_base(), company=company.strip(), tagline=tagline)


def layout_in(layout: Layout, lang: str) -> Layout:
    return Layout(source=layout.source, company=layout.company, tagline=layout.tagline, language=lang)


@lru_cache(maxsize=1)
def _base() -> str:
    return _BASE.read_text(encoding="utf-8")


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
        problem.level is Level.ERROR,
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
