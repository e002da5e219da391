"""Broadcast: write one, ask for it, answer for it, withdraw it. Each function is one transaction.

More than half of all people at once is a mass mailing, and asks for a second person: another user than the one
who asked. Without product or theme it cannot go at all. Source: S2-14, S2-15.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import broadcasts as rule
from campaigns.rules import merge_fields, planning
from campaigns.rules.broadcasts import EDITABLE, Plan, Problem, State
from campaigns.rules.scenarios import Scenario
from campaigns.services import hold, proof
from campaigns.services.author import Gone, Stale
from campaigns.services.hold import Kind, Target
from campaigns.storage import (
    alerts,
    audit,
    broadcast_figures,
    broadcasts,
    closed_days,
    contents,
    events,
    outgoing,
    reach,
    scenarios,
    step_counts,
)
from campaigns.storage.broadcast_figures import Figures
from campaigns.storage.broadcasts import Broadcast
from campaigns.storage.holds import Reach as Ended
from campaigns.storage.reach import Reach
from mailer.compose import Level

ANSWER_MAX = 500
RATE_DAYS = 365
LIVE = 20_000  # people; beyond it a page shows the figures as they were counted last


class BroadcastError(ValueError):
    """code: own_request, reason_missing, not_asked, not_editable, not_running, no_longer_possible."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ahead:
    """What would happen: whom it reaches, what stands against it, how many the sample needs.

    rate, rate_n: human clicks per mail of the product's past, from how many mails (0: an assumption).
    mark: of its mails as they stand; who approves sends it back, so that nobody answers for words he never saw.
    """

    broadcast: Broadcast
    reach: Reach
    problems: tuple[Problem, ...]
    rate: float
    rate_n: int
    proposed_n: int
    mark: str


def save(
    parts: Parts, id: int | None, plan: Plan, *, version: int, user_id: int | None, now: datetime
) -> int:
    """Write a draft down, as far as it is; its id. Raises Stale, Gone, BroadcastError."""
    with parts.engine.begin() as tx:
        if id is None:
            id = broadcasts.create(tx, plan, user_id=user_id, now=now)
            audit.note(tx, noun="broadcast", noun_id=id, action="create", user_id=user_id, now=now)
        else:
            found = _locked(tx, id, version)
            if found.state not in EDITABLE:
                raise BroadcastError("not_editable")
            broadcasts.set_state(tx, id, State.DRAFT)
        broadcasts.write(tx, id, plan)
        people = reach.everybody(tx, _head(tx, id))
        broadcasts.set_counts(tx, id, people=people, everybody=broadcasts.everybody(tx))
    return id


def ahead(parts: Parts, id: int, *, now: datetime) -> Ahead:
    """Look before sending; writes nothing. Raises Gone."""
    with parts.engine.connect() as tx:
        found = _get(tx, id)
        reached = step_counts.read_reach(tx, _head(tx, id))
        rate, n = broadcast_figures.click_rate(
            tx, found.plan.product_id or 0, since=now - timedelta(days=RATE_DAYS)
        )
        # As it was counted when it was saved: the groups of many people are counted by the minute's work.
        people = reached.everybody if reached.is_known else found.people
        problems = _problems(tx, parts, found, people=people, now=now)
        return Ahead(found, reached, problems, rate, n, rule.sample_size(rate), _mark(tx, found))


def ask(
    parts: Parts, id: int, *, version: int, user_id: int | None, now: datetime
) -> tuple[State, tuple[Problem, ...]]:
    """Let it go, or ask a second person where it reaches more than half of all people.

    The new state, and what stands against it (then nothing changed). Raises Stale, Gone, BroadcastError.
    """
    with parts.engine.begin() as tx:
        found = _locked(tx, id, version)
        if found.state not in EDITABLE:
            raise BroadcastError("not_editable")
        people, everybody = reach.everybody(tx, _head(tx, id)), broadcasts.everybody(tx)
        problems = _problems(tx, parts, found, people=people, now=now)
        if problems:
            return State(found.state), problems
        mass = rule.needs_second(people, everybody)
        state = State.ASKED if mass else State.APPROVED
        broadcasts.set_counts(tx, id, people=people, everybody=everybody)
        broadcasts.set_state(
            tx, id, state, asked_by=user_id, asked_at=now, answered_by=None, answered_at=None, answer=""
        )
        if mass:
            alerts.tell_approvers(tx, id, people=people, by=user_id, now=now)
        _note(tx, id, "ask" if mass else "send", user_id, now, people=people, everybody=everybody)
    return state, ()


def answer(
    parts: Parts,
    id: int,
    *,
    yes: bool,
    reason: str,
    version: int,
    user_id: int | None,
    now: datetime,
    seen: str | None = None,
) -> State:
    """The second person's word. seen: the mark of the mails that were looked at (`Ahead.mark`), None for a caller
    that shows none. Raises BroadcastError, Gone; Stale, also where a mail was rewritten after the look."""
    reason = reason.strip()[:ANSWER_MAX]
    with parts.engine.begin() as tx:
        found = _locked(tx, id, version)
        if found.state != State.ASKED:
            raise BroadcastError("not_asked")
        if user_id is None or user_id == found.asked_by:
            raise BroadcastError("own_request")
        if not yes and not reason:
            raise BroadcastError("reason_missing")
        if yes and seen is not None and seen != _mark(tx, found):
            raise Stale(found)
        if yes and _problems(tx, parts, found, people=found.people, now=now):
            raise BroadcastError("no_longer_possible")
        state = State.APPROVED if yes else State.REFUSED
        broadcasts.set_state(tx, id, state, answered_by=user_id, answered_at=now, answer=reason)
        alerts.answered(tx, id, now=now)
        alerts.tell_asker(tx, id, user_id=found.asked_by, yes=yes, reason=reason, now=now)
        _note(tx, id, "approve" if yes else "refuse", user_id, now, reason=reason)
    return state


def withdraw(parts: Parts, id: int, *, version: int, user_id: int | None, now: datetime) -> None:
    """Take a request back: it may be changed again. Raises BroadcastError, Stale, Gone."""
    with parts.engine.begin() as tx:
        if _locked(tx, id, version).state != State.ASKED:
            raise BroadcastError("not_asked")
        broadcasts.set_state(tx, id, State.DRAFT)
        alerts.answered(tx, id, now=now)
        _note(tx, id, "withdraw", user_id, now)


def cancel(parts: Parts, id: int, *, reason: str, user_id: int | None, now: datetime) -> Ended:
    """End what has not left yet, for good. Raises HoldError (reason_missing), BroadcastError."""
    with parts.engine.begin() as tx:
        found = broadcasts.get(tx, id, lock=True)
        if found is None or found.state not in rule.RUNNING:
            raise BroadcastError("not_running")
        if not reason.strip():
            raise BroadcastError("reason_missing")
        broadcasts.set_state(tx, id, State.CANCELLED, answer=reason.strip()[:ANSWER_MAX])
    return hold.stop(parts, Target(Kind.SCENARIO, id), reason=reason, user_id=user_id, now=now)


def freeze(tx: Connection, parts: Parts, found: Broadcast) -> tuple[list[dict[str, object]], list[str]]:
    """The mails of its rows made ready to be sent, and the codes of what stands against them."""
    keys = {"A": found.plan.content_id, "B": found.plan.content_b_id}
    variants = contents.variants_of(tx, {id for id in keys.values() if id})
    sample = outgoing.sample(tx, person_id=None, product_id=found.plan.product_id)
    gaps = reach.gaps(tx, product_id=found.plan.product_id)
    rows: list[dict[str, object]] = []
    wrong: list[str] = []
    for key, content_id in keys.items():
        for variant in variants.get(content_id or 0, ()):
            if not (variant.subject or variant.html or variant.text):
                continue
            if key == "A" and not variant.subject:
                wrong.append("subject_missing")
            seen = proof.read(parts, variant, sample, gaps)
            wrong += [p.message_code for p in seen.problems if p.level is Level.ERROR]
            if seen.published is None:
                continue
            rows.append(
                {
                    "content_id": content_id,
                    "step_key": key,
                    "lang": variant.lang,
                    "buying_role": variant.buying_role,
                    "subject": seen.published.subject,
                    "preheader": variant.preheader,
                    "html": seen.published.html,
                    "text": seen.published.text,
                    "links": [asdict(link) for link in seen.published.links],
                }
            )
    return rows, wrong


def _problems(
    tx: Connection, parts: Parts, found: Broadcast, *, people: int, now: datetime
) -> tuple[Problem, ...]:
    problems = list(
        rule.check(
            found.plan,
            people=people,
            earliest=planning.first_day(now, zone=parts.settings.tz),
            calendar=closed_days.load(tx),
            zone=parts.settings.tz,
        )
    )
    is_active, _, legal = scenarios.setting(tx, found.plan.product_id or 0)
    if not is_active:
        problems.append(Problem("product_id", "product_ended", {}))
    if legal is None or not all(legal.values()):
        problems.append(Problem("product_id", "sender_incomplete", {}))
    for field in ("content_id", "content_b_id"):
        content = contents.get(tx, getattr(found.plan, field) or 0)
        if content is not None and content.product_id not in (None, found.plan.product_id):
            problems.append(Problem(field, "other_product", {}))
    problems += _invites(tx, found)
    if found.plan.content_id:
        rows, wrong = freeze(tx, parts, found)
        if wrong:
            problems.append(Problem("content_id", "mail_broken", {"code": wrong[0]}))
        elif not any(row["step_key"] == "A" for row in rows):
            problems.append(Problem("content_id", "mail_empty", {}))
    return tuple(problems)


def _invites(tx: Connection, found: Broadcast) -> list[Problem]:
    """What stands against an invitation: its event is over or closed by then; a mail that asks for an answer without
    inviting to anything."""
    plan = found.plan
    told = {id for id in (plan.content_id, plan.content_b_id) if id}
    words = " ".join(v.html + v.text for one in contents.variants_of(tx, told).values() for v in one)
    if plan.invites_to is None:
        asks = any(re.search(r"{{\s*" + name + r"\b", words) for name in merge_fields.ANSWERS)
        return [Problem("invites_to", "answers_without_event", {})] if asks else []
    event = events.get(tx, plan.invites_to)
    last = event.plan.answer_by if event else None
    if plan.send_on is not None and last is not None and plan.send_on > last:
        return [Problem("send_on", "after_event", {"day": last})]
    return []


def _mark(tx: Connection, found: Broadcast) -> str:
    """See `Ahead.mark`."""
    told = [id for id in (found.plan.content_id, found.plan.content_b_id) if id]
    variants = contents.variants_of(tx, set(told))
    return " ".join(f"{id}:{v.id}.{v.version}" for id in told for v in variants.get(id, ()))


def _head(tx: Connection, id: int) -> Scenario:
    head: Scenario | None = scenarios.get(tx, id)
    if head is None:
        raise Gone
    return head


def _get(tx: Connection, id: int) -> Broadcast:
    found = broadcasts.get(tx, id)
    if found is None:
        raise Gone
    return found


def _locked(tx: Connection, id: int, version: int) -> Broadcast:
    found = broadcasts.get(tx, id, lock=True)
    if found is None:
        raise Gone
    if found.version != version:
        raise Stale(found)
    return found


def _note(tx: Connection, id: int, action: str, user_id: int | None, now: datetime, **told: object) -> None:
    changes = {name: (None, value) for name, value in told.items()}
    audit.note(tx, noun="broadcast", noun_id=id, action=action, user_id=user_id, now=now, changes=changes)


def figures(parts: Parts, found: Broadcast) -> tuple[Figures | None, datetime | None]:
    """What became of its people, and when that was counted (None: now). No figures while many are to be counted."""
    kept = found.result.get("counted_at")
    if found.people > LIVE:
        if not kept:
            return None, None
        return Figures(found.result["buckets"], found.result["arms"]), datetime.fromisoformat(kept)
    with parts.engine.connect() as tx:
        return broadcast_figures.figures(tx, found.id), None
