"""Freeze: a version's mails, every variant checked, inlined and rendered once, as publishing stores them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.scenarios import Scenario, Step, Version
from campaigns.rules.tone_lint import Loud
from campaigns.services import proof
from campaigns.storage import contents, outgoing, publishing, reach
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
class Mail:
    """One variant of a row's mail, made ready to be sent many times."""

    step: Step
    variant: Variant
    published: Published


@dataclass(frozen=True, slots=True)
class Made:
    """All mails of a version, and what stands against some of them."""

    mails: list[Mail]
    problems: list[MailProblem]


def run(tx: Connection, parts: Parts, scenario: Scenario, rows: Sequence[Step]) -> Made:
    """Every variant of every row, checked, inlined and rendered once with sample values."""
    found = contents.variants_of(tx, {step.content_id for step in rows if step.content_id})
    sample = outgoing.sample(tx, person_id=None, product_id=scenario.product_id)
    gaps = reach.gaps(tx, product_id=scenario.product_id)
    made = Made([], [])
    for step in rows:
        variants = [v for v in found.get(step.content_id or 0, ()) if v.subject or v.html or v.text]
        made.problems.extend(_lonely_roles(step, variants))
        for variant in variants:
            seen = proof.read(parts, variant, sample, gaps)
            made.problems.extend(_at(step, variant, p) for p in seen.problems if p.level is not Level.NOTICE)
            made.problems.extend(_loud(step, variant, one) for one in seen.loud)
            if seen.published is not None:
                made.mails.append(Mail(step, variant, seen.published))
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


def as_row(mail: Mail, draft: Version, now: datetime) -> dict[str, object]:
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


def rewritten(tx: Connection, before: Version, made: Made) -> frozenset[str]:
    """KEYs whose mails would leave with other words than those that are frozen."""
    frozen = publishing.frozen(tx, before.id)
    found = set()
    for mail in made.mails:
        was = frozen.get((mail.step.key, mail.variant.lang, mail.variant.buying_role))
        if was != (mail.published.subject, mail.published.html, mail.published.text):
            found.add(mail.step.key)
    return frozenset(found)
