"""Settle a lead after sales: who comes back is nurtured again and woken at the right time, who bought is a customer.

Source: spec 2.2, 3.7. The caller ranks the person afterwards, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import recycling
from campaigns.rules.handoff import REST_DAYS
from campaigns.rules.opportunities import Ending, Result
from campaigns.rules.recycling import Recycle
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import closed_days, leads, tasks
from campaigns.storage.hand_offs import HandOff
from campaigns.storage.tasks import NewTask

# Whatever stands open for a lead that sales had: with the result it has lost its ground.
SALES_KINDS = ("visit", "reply", "call", "fax")


@dataclass(frozen=True, slots=True)
class Settled:
    """A lead as its settling needs it."""

    lead_id: int
    person_id: int
    company_id: int | None
    product_id: int
    cycle_days: int
    depth_max: int
    recycle: Recycle

    @classmethod
    def of_hand_off(cls, found: HandOff) -> Settled:
        return cls(
            found.lead_id,
            found.person_id,
            found.company_id,
            found.product_id,
            found.cycle_days,
            found.depth_max,
            Recycle(found.shallow_recycles, found.recycle_depth),
        )


def returned(tx: Connection, one: Settled, *, now: datetime) -> None:
    """It came back unwanted: no hand-off for a while, unless a talk or a request deepens it. Calls may go on."""
    tasks.cancel_of_lead(tx, one.lead_id, kinds=("visit", "reply"), outcome="returned", now=now)
    leads.settle(
        tx,
        one.lead_id,
        state="nurturing",
        no_hand_off_before=now + timedelta(days=REST_DAYS),
        recycle=recycling.again(one.recycle, depth=one.depth_max),
    )


def ended(tx: Connection, parts: Parts, one: Settled, ending: Ending, *, now: datetime) -> None:
    """How it ended with this lead."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    tasks.cancel_of_lead(tx, one.lead_id, kinds=SALES_KINDS, outcome=ending.result.value, now=now)
    if ending.result is Result.WON:
        leads.settle(tx, one.lead_id, state="won")
        return
    recycle = recycling.again(one.recycle, depth=one.depth_max)
    wake = recycling.wake_on(
        ending.result,
        today=today,
        cycle_days=one.cycle_days,
        contract_ends_on=ending.contract_ends_on,
        fiscal_month=ending.fiscal_month,
    )
    assert wake is not None
    day = closed_days.load(tx).next_business_day(wake)
    start = datetime.combine(day, time(), tzinfo=zone)
    leads.settle(
        tx,
        one.lead_id,
        state="nurturing",
        no_hand_off_before=start,
        no_call_before=start,
        recycle=recycle,
    )
    # Three times in vain: information mails alone, until something deepens it.
    if not recycle.is_in_pool:
        _wake(tx, one, ending, day, zone=zone, now=now)


def _wake(tx: Connection, one: Settled, ending: Ending, day: date, *, zone: ZoneInfo, now: datetime) -> None:
    follow = NewTask(
        kind="call",
        cause=f"recycle_{ending.result.value}",
        due_at=datetime.combine(day, DUE_TIME, tzinfo=zone),
        not_before=datetime.combine(day, time(), tzinfo=zone),
        note=ending.rival or ending.reason,
    )
    tasks.add(
        tx,
        [follow],
        person_id=one.person_id,
        company_id=one.company_id,
        product_id=one.product_id,
        lead_id=one.lead_id,
        why=(),
        now=now,
    )
