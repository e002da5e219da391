"""Review classes: new rules with their effect, the monthly list, owners for managed accounts, mailboxes to be got.

Errors: RulesError (rules.classes), Stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import classes as rules
from campaigns.rules.classes import Rules
from campaigns.rules.schedule import month_of
from campaigns.services import classify, count_classes
from campaigns.services.classify import Classified
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, classes, closed_days, users
from campaigns.storage.classes import Difference, Figures, HouseRules, Incomplete, Ownerless, Review

SHOWN = 100
TASKS_AT_ONCE = 200
TASK_DUE_IN = 5  # business days


class Stale(RuntimeError):
    """Somebody else saved the rules first."""


@dataclass(frozen=True, slots=True)
class Overview:
    """The page of the classes. differing, ownerless: how many there are; the lists hold the first of them.
    completeness: None while a big house's is being counted."""

    rules: HouseRules
    figures: dict[str, Figures]
    completeness: dict[str, tuple[int, int]] | None
    differing: int
    differences: tuple[Difference, ...]
    ownerless: tuple[Ownerless, ...]
    reviews: tuple[Review, ...]


def overview(parts: Parts, *, now: datetime) -> Overview:
    month = month_of(now, parts.settings.tz)
    with parts.engine.connect() as tx:
        return Overview(
            rules=classes.rules(tx),
            figures=classes.figures(tx),
            completeness=count_classes.completeness(parts, tx),
            differing=classes.waiting(tx, month=month),
            differences=tuple(classes.differences(tx, month=month, limit=SHOWN)),
            ownerless=tuple(classes.ownerless(tx, limit=SHOWN)),
            reviews=tuple(classes.reviews(tx)),
        )


def set_rules(
    parts: Parts, new: Rules, *, label_c1: str, label_c2: str, version: int, user_id: int, now: datetime
) -> Classified:
    """Write the rules and class everybody by them at once: whoever saves has seen what moves. Raises Stale."""
    with parts.engine.begin() as tx:
        old = classes.rules(tx)
        saved = HouseRules(new, label_c1.strip()[:40], label_c2.strip()[:40], version)
        if not classes.save_rules(tx, saved):
            raise Stale
        changes: dict[str, tuple[object, object]] = {
            "class_basis": (old.rules.basis.value, new.basis.value),
            "class_cut_a": (old.rules.cuts[0], new.cuts[0]),
            "class_cut_b": (old.rules.cuts[1], new.cuts[1]),
            "class_label_c1": (old.label_c1, saved.label_c1),
            "class_label_c2": (old.label_c2, saved.label_c2),
        }
        audit.note(tx, noun="house", noun_id=1, action="classes", user_id=user_id, now=now, changes=changes)
        if old.rules == new:
            return Classified(0, ())
        return classify.within(tx, parts, now=now, user_id=user_id, at_once=True)


def decide(
    parts: Parts, company_ids: Sequence[int] | None, *, accepts: bool, user_id: int, now: datetime
) -> int:
    """Accept or keep these companies' classes, or all that wait (None); returns how many were decided."""
    month = month_of(now, parts.settings.tz)
    with parts.engine.begin() as tx:
        classes.lock(tx)
        accepted = classes.accept(tx, company_ids, month=month) if accepts else []
        remaining = [] if accepts else classes.keep(tx, company_ids, month=month)
        for company_id, old, new in accepted:
            audit.note(
                tx,
                noun="company",
                noun_id=company_id,
                action="class_review",
                user_id=user_id,
                now=now,
                changes={"class": (old, new)},
            )
        if accepted or remaining:
            classes.count_review(
                tx, month=month, accepted=len(accepted), kept=len(remaining), user_id=user_id, now=now
            )
    return len(accepted) + len(remaining)


def give_owner(
    parts: Parts, company_ids: Sequence[int], *, owner_user_id: int, user_id: int, now: datetime
) -> int:
    """Somebody leads these accounts from now on; returns how many. Raises LookupError for an unknown user."""
    with parts.engine.begin() as tx:
        owner = users.find(tx, owner_user_id)
        if owner is None or not owner.is_active:
            raise LookupError(owner_user_id)
        classes.lock(tx)
        done = classes.give_owner(
            tx,
            company_ids,
            user_id=owner.id,
            stays_field=rules.goes_to_field(owner.role, was=True),
            becomes_field=rules.goes_to_field(owner.role, was=False),
        )
        for company_id, left in done:
            audit.note(
                tx,
                noun="company",
                noun_id=company_id,
                action="edit",
                user_id=user_id,
                now=now,
                changes={"owner_user_id": (left, owner.id)},
            )
        if done:
            classify.within(tx, parts, now=now, user_id=user_id)
    return len(done)


def incomplete(parts: Parts, cls: str, *, after: int = 0) -> list[Incomplete]:
    """Companies of D or E that we cannot write to; one more than are shown, if there are more."""
    with parts.engine.connect() as tx:
        return classes.incomplete(tx, cls=cls, after=after, limit=SHOWN + 1)


def ask_for_addresses(parts: Parts, company_ids: Sequence[int], *, user_id: int, now: datetime) -> int:
    """Tasks to get a mailbox, for whom we know somebody; returns how many are new."""
    with parts.engine.begin() as tx:
        today = now.astimezone(parts.settings.tz).date()
        day = closed_days.load(tx).add_business_days(today, TASK_DUE_IN)
        due_at = datetime.combine(day, DUE_TIME, tzinfo=parts.settings.tz)
        done = classes.add_address_tasks(
            tx, company_ids[:TASKS_AT_ONCE], due_at=due_at, user_id=user_id, now=now
        )
        if done:
            audit.note(
                tx,
                noun="companies",
                noun_id=None,
                action="get_address",
                user_id=user_id,
                now=now,
                changes={"tasks": (None, done)},
            )
    return done
