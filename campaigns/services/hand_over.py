"""Hand over: sales take a lead, send it back with a reason, or say how it ended.

Results calibrate the bands and the trust in us; what comes back is nurtured again. Source: spec 2.3, 3.5, 3.7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import handoff
from campaigns.rules.handoff import Appetite
from campaigns.services import rerank
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, closed_days, gate, leads, tasks
from campaigns.storage.leads import HandOff
from campaigns.storage.tasks import NewTask

REST_DAYS = 60
FISCAL_MONTH = 4
LEAD_MONTHS = 3


class Answer(StrEnum):
    """What sales can say. no_deal: 見送り, nobody got the order."""

    ACCEPTED = "accepted"
    RETURNED = "returned"
    WON = "won"
    LOST = "lost"
    NO_DEAL = "no_deal"


FROM: dict[Answer, frozenset[str]] = {
    Answer.ACCEPTED: frozenset({"offered", "proposed", "held"}),
    Answer.RETURNED: frozenset({"offered", "accepted"}),
    Answer.WON: frozenset({"accepted", "offered"}),
    Answer.LOST: frozenset({"accepted", "offered"}),
    Answer.NO_DEAL: frozenset({"accepted", "offered"}),
}
STATE = {
    Answer.ACCEPTED: "with_sales",
    Answer.RETURNED: "nurturing",
    Answer.WON: "won",
    Answer.LOST: "lost",
    Answer.NO_DEAL: "nurturing",
}


class HandOffMoved(RuntimeError):
    """Somebody has answered already. state: what stands now."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class ReasonMissing(ValueError):
    """A return needs a reason: it trains the bands."""


@dataclass(frozen=True, slots=True)
class GateFacts:
    """What the gate panel tells of a product. trust, bar 0..1; left: places of this week."""

    product_id: int
    appetite: Appetite
    trust: float
    wins: int
    resolved: int
    bar: float
    capacity: int
    left: int
    is_stale: bool


def gates(parts: Parts, product_ids: Sequence[int], *, now: datetime) -> dict[int, GateFacts]:
    """Trust, bar and places left of each product. Source: spec 3.5, panel text."""
    local = now.astimezone(parts.settings.tz)
    monday = datetime.combine(local.date() - timedelta(days=local.weekday()), time(), tzinfo=local.tzinfo)
    # The gate's advisory lock ends with this transaction, which writes nothing.
    with parts.engine.begin() as tx:
        teams = gate.teams(tx, product_ids, week=monday, now=now)
    return {
        product_id: GateFacts(
            product_id=product_id,
            appetite=handoff.appetite_now(team, now=now),
            trust=handoff.trust(team.wins, team.resolved),
            wins=team.wins,
            resolved=team.resolved,
            bar=handoff.bar(team, now=now),
            capacity=team.capacity_per_week,
            left=max(0, team.capacity_per_week - team.handed_this_week),
            is_stale=team.set_at is not None and now - team.set_at > handoff.STALE,
        )
        for product_id, team in teams.items()
    }


def answer(
    parts: Parts,
    hand_off_id: int,
    answer: Answer,
    *,
    reason: str = "",
    user_id: int | None,
    now: datetime,
) -> HandOff:
    """Move a hand-off, its lead and the rank in one transaction; returns the hand-off as it was.

    Raises HandOffMoved, ReasonMissing, LookupError.
    """
    if answer is Answer.RETURNED and not reason.strip():
        raise ReasonMissing
    with parts.engine.begin() as tx:
        found = leads.hand_off(tx, hand_off_id, lock=True)
        if found is None:
            raise LookupError(hand_off_id)
        if found.state not in FROM[answer]:
            raise HandOffMoved(found.state)
        leads.move_hand_off(
            tx,
            hand_off_id,
            state=answer.value,
            returned_reason=reason if answer is Answer.RETURNED else "",
            resolved_at=None if answer is Answer.ACCEPTED else now,
        )
        _settle_lead(tx, parts, found, answer, reason, now=now)
        audit.note(
            tx,
            noun="hand_off",
            noun_id=hand_off_id,
            action=answer.value,
            user_id=user_id,
            now=now,
            changes={"state": (found.state, answer.value), "reason": ("", reason)},
        )
        rerank.for_people(
            tx, [found.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
    return found


def _settle_lead(
    tx: Connection, parts: Parts, found: HandOff, answer: Answer, reason: str, *, now: datetime
) -> None:
    zone = parts.settings.tz
    comes_back = answer in (Answer.RETURNED, Answer.LOST, Answer.NO_DEAL)
    leads.settle(
        tx,
        found.lead_id,
        state=STATE[answer],
        no_hand_off_before=now + timedelta(days=REST_DAYS) if answer is Answer.RETURNED else None,
        is_recycled=comes_back,
    )
    if answer is Answer.WON and found.company_id is not None:
        leads.note_deal(tx, found.company_id, on=now.astimezone(zone).date())
    if answer is not Answer.RETURNED:
        # Sales speak with this person now: a second voice from inside sales would be one too many.
        tasks.cancel_of_lead(tx, found.lead_id, kinds=("call", "fax"), outcome="with_sales", now=now)
    wake = wake_on(answer, today=now.astimezone(zone).date(), cycle_days=found.cycle_days)
    if wake is not None:
        day = closed_days.load(tx).next_business_day(wake)
        follow = NewTask(
            kind="call",
            cause=f"recycle_{answer.value}",
            due_at=datetime.combine(day, DUE_TIME, tzinfo=zone),
            not_before=datetime.combine(day, time(), tzinfo=zone),
            note=reason,
        )
        tasks.add(
            tx,
            [follow],
            person_id=found.person_id,
            company_id=found.company_id,
            product_id=found.product_id,
            lead_id=found.lead_id,
            why=(),
            now=now,
        )


def wake_on(answer: Answer, *, today: date, cycle_days: int) -> date | None:
    """When a lost lead is called again: half a cycle; without a budget, three months before April."""
    if answer is Answer.LOST:
        return today + timedelta(days=cycle_days // 2)
    if answer is Answer.NO_DEAL:
        month = FISCAL_MONTH - LEAD_MONTHS
        wake = date(today.year, month, 1)
        return wake if wake > today else date(today.year + 1, month, 1)
    return None
