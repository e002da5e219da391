"""Close a deal: won, lost, lost to a rival, or nobody got it; and take a result back that was given by mistake.

A result settles the hand-off, the lead and the company's last deal in one transaction, and calibrates the bands.
Source: spec 2.1, 3.7, S0-32. Errors: FormError, Stale, LookupError, CannotReopen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import opportunities as rules
from campaigns.rules.opportunities import HAND_OFF_STATES, Ending, Result
from campaigns.rules.recycling import Recycle
from campaigns.rules.touchpoints import Kind
from campaigns.services import hand_off_steps, rerank, settle_lead
from campaigns.services.pursue import Stale
from campaigns.services.settle_lead import Settled
from campaigns.storage import audit, hand_offs, last_deals, leads, opportunities, tasks
from campaigns.storage.opportunities import Opportunity

# Of an order that is taken back nobody knows the forecast any more.
REOPENED_FORECAST = 50


class CannotReopen(RuntimeError):
    """It is open, or the lead has gone on since."""


def run(
    parts: Parts,
    opportunity_id: int,
    form: Mapping[str, str],
    *,
    version: int,
    user_id: int | None,
    now: datetime,
) -> Opportunity:
    """Write how it ended, and all that follows; returns it as it was."""
    ending = rules.ending(form, today=now.astimezone(parts.settings.tz).date())
    with parts.engine.begin() as tx:
        old = opportunities.get(tx, opportunity_id)
        if old is None:
            raise LookupError(opportunity_id)
        # The person's leads first, as ranks lock them.
        buyer = opportunities.buyer(tx, old.lead_id) if old.lead_id is not None else None
        old = opportunities.get(tx, opportunity_id, lock=True)
        assert old is not None
        if old.version != version or old.result:
            raise Stale(old)
        opportunities.close(
            tx,
            opportunity_id,
            result=ending.result.value,
            amount_yen=ending.amount_yen or old.amount_yen,
            lost_to=ending.rival,
            contract_ends_on=ending.contract_ends_on,
            reason=ending.reason,
            now=now,
        )
        if old.hand_off_id is not None:
            hand_offs.resolve(tx, old.hand_off_id, state=HAND_OFF_STATES[ending.result], reason="", now=now)
        _note(tx, old, ending, user_id=user_id, now=now)
        if buyer is not None:
            settled = Settled(
                buyer.lead_id,
                buyer.person_id,
                old.company_id,
                buyer.product_id,
                buyer.cycle_days,
                buyer.depth_max,
                Recycle(buyer.shallow_recycles, buyer.recycle_depth),
            )
            settle_lead.ended(tx, parts, settled, ending, now=now)
            rerank.for_people(
                tx, [buyer.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
            )
        if ending.result is Result.WON:
            last_deals.note(tx, opportunity_id, zone=parts.settings.zone)
    return old


def reopen(parts: Parts, opportunity_id: int, *, version: int, user_id: int | None, now: datetime) -> None:
    """Take the result back: the opportunity is open, sales have the lead, the company the last deal it had without it."""
    with parts.engine.begin() as tx:
        old = opportunities.get(tx, opportunity_id)
        if old is None:
            raise LookupError(opportunity_id)
        buyer = opportunities.buyer(tx, old.lead_id) if old.lead_id is not None else None
        old = opportunities.get(tx, opportunity_id, lock=True)
        assert old is not None
        if old.version != version:
            raise Stale(old)
        if not old.result or (buyer is not None and buyer.state not in ("won", "nurturing", "hot")):
            raise CannotReopen
        last_deals.forget(tx, opportunity_id, zone=parts.settings.zone)
        opportunities.reopen(tx, opportunity_id, forecast=REOPENED_FORECAST)
        if old.hand_off_id is not None:
            hand_offs.reopen(tx, old.hand_off_id)
        changes: dict[str, tuple[object, object]] = {"result": (old.result, "")}
        audit.note(
            tx,
            noun="opportunity",
            noun_id=opportunity_id,
            action="reopen",
            user_id=user_id,
            now=now,
            changes=changes,
        )
        if buyer is not None:
            leads.settle(tx, buyer.lead_id, state="opportunity")
            tasks.cancel_of_lead(tx, buyer.lead_id, kinds=("call",), outcome="reopened", now=now)
            rerank.for_people(
                tx, [buyer.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
            )


def _note(tx: Connection, old: Opportunity, ending: Ending, *, user_id: int | None, now: datetime) -> None:
    """The line on the timeline and the one in the log."""
    changes: dict[str, tuple[object, object]] = {
        "result": ("", ending.result.value),
        "amount_yen": (old.amount_yen, ending.amount_yen or old.amount_yen),
        "lost_to": (old.lost_to, ending.rival),
        "contract_ends_on": (None, ending.contract_ends_on),
        "reason": ("", ending.reason),
    }
    audit.note(
        tx, noun="opportunity", noun_id=old.id, action="close", user_id=user_id, now=now, changes=changes
    )
    if old.person_id is not None:
        hand_off_steps.note(
            tx,
            Kind.ORDER if ending.result is Result.WON else Kind.DEAL_LOST,
            source=f"opportunity:{old.id}",
            person_id=old.person_id,
            product_id=old.product_id,
            words=_words(old, ending),
            user_id=user_id,
            now=now,
        )


def _words(old: Opportunity, ending: Ending) -> str:
    if ending.result is Result.WON:
        return old.name
    return " ".join(filter(None, (ending.rival, ending.reason)))
