"""Check mails: what publishing would refuse about the mails of a draft, as far as a page can afford to know it.

Marks that nobody filled in are looked for each time. The rest takes the press 30 ms a mail, so a page asks it of a
few mails only and remembers the answer for as long as the words stay the same; a mail that no page has asked about
yet is checked when the scenario is published, as all are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import flow, placeholders
from campaigns.rules.reasons import Value
from campaigns.rules.scenarios import Problem, Scenario, Step
from campaigns.services import proof
from campaigns.storage import contents, outgoing
from campaigns.storage.contents import Variant
from campaigns.storage.outgoing import Outgoing
from campaigns.storage.reach import Gaps
from mailer.findings import Level, Part
from mailer.findings import Problem as Finding

PRESSED_MAX = 2  # mails a page asks the press about
KEPT_MAX = 2_000
_NO_GAPS = Gaps(0, {})

Key = tuple[Variant, str, str, str]
# Errors by the words and by what the house adds to them. Filled by several threads: each writes whole answers.
_answers: dict[Key, tuple[Finding, ...]] = {}


@dataclass(slots=True)
class _Budget:
    """How many mails may still be pressed for this page."""

    left: int


def run(tx: Connection, parts: Parts, scenario: Scenario, rows: Sequence[Step]) -> tuple[Problem, ...]:
    """An error for each row whose mail would be refused, with the first thing that is wrong with it."""
    wanted = {step.content_id for step in rows if step.kind in flow.MAILS and step.content_id}
    if not wanted:
        return ()
    found = contents.variants_of(tx, wanted)
    sample = outgoing.sample(tx, person_id=None, product_id=scenario.product_id)
    budget = _Budget(PRESSED_MAX)
    problems = []
    for step, label in zip(rows, flow.labels(rows), strict=True):
        variants = [v for v in found.get(step.content_id or 0, ()) if v.subject or v.html or v.text]
        errors = [one for variant in variants for one in _errors(parts, variant, sample, budget)]
        if errors:
            problems.append(_problem(step, label, errors))
    return tuple(problems)


def _problem(step: Step, label: str, errors: Sequence[Finding]) -> Problem:
    if all(one.message_code == "placeholder" for one in errors):
        return Problem("mail_unfinished", step.position, {"n": len(errors)}, label=label)
    first = next(one for one in errors if one.message_code != "placeholder")
    args: dict[str, Value] = {**first.args, "n": len(errors), "mail_code": first.message_code}
    return Problem("mail_wrong", step.position, args, label=label)


def _errors(parts: Parts, variant: Variant, sample: Outgoing, budget: _Budget) -> Iterator[Finding]:
    texts = {part.value: getattr(variant, part.value) for part in Part}
    left = placeholders.left(texts)
    if left:
        for one in left:
            yield Finding(Part(one.part), one.line, "placeholder", {"words": one.words})
        return
    legal_name = sample.profile.legal_name if sample.profile else ""
    key = (variant, legal_name, sample.product_name, parts.settings.base_url)
    if key not in _answers and budget.left:
        budget.left -= 1
        read = proof.read(parts, variant, sample, _NO_GAPS)
        _keep(key, tuple(p for p in read.problems if p.level is Level.ERROR))
    yield from _answers.get(key, ())


def _keep(key: Key, errors: tuple[Finding, ...]) -> None:
    """Not when the press was short of time: it may have it the next time."""
    if any(one.message_code == "too_slow" for one in errors):
        return
    if len(_answers) >= KEPT_MAX:
        _answers.clear()
    _answers[key] = errors
