"""Hand over: sales take a lead, send it back with a reason, or end it without an opportunity.

What comes of it with an amount is an opportunity (`pursue`, `close_deal`). Source: spec 2.3, 3.5, 3.7.

Errors: HandOffMoved (somebody has answered already), ReasonMissing, OutOfBounds (this person must not be handed
over), LookupError.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.handoff import ReturnCode
from campaigns.rules.opportunities import HAND_OFF_STATES, Ending, Result
from campaigns.rules.touchpoints import Kind
from campaigns.services import hand_off_steps, rerank, settle_lead
from campaigns.services.settle_lead import Settled
from campaigns.storage import audit, hand_offs, leads, tasks, users
from campaigns.storage.gate import Candidate
from campaigns.storage.hand_offs import HandOff

# Sales take what they are offered, and may take what the gate holds.
TAKEN_FROM = frozenset({"offered", "proposed", "held"})
SENT_BACK_FROM = frozenset({"offered", "accepted"})
SELLERS = frozenset({"field_sales", "sales_manager"})


class HandOffMoved(RuntimeError):
    """state: what stands now."""

    def __init__(self, state: str) -> None:
        super().__init__(state)
        self.state = state


class ReasonMissing(ValueError):
    """A return needs a reason: it trains the bands."""


class OutOfBounds(ValueError):
    """code: excluded (left, competitor, student), merged, declined, out_of_reach (neither mail nor phone)."""

    def __init__(self, code: str, *, name: str) -> None:
        super().__init__(code)
        self.code, self.name = code, name


def accept(parts: Parts, hand_off_id: int, *, user_id: int, now: datetime) -> HandOff:
    """A rep takes the lead: mass mails about it rest, and inside sales let go of it."""
    with parts.engine.begin() as tx:
        found = _locked(tx, hand_off_id, TAKEN_FROM)
        check(found, now=now)
        reader = users.find(tx, user_id)
        # Who is no seller takes it for the one it is offered to.
        rep = user_id if reader and reader.role in SELLERS else None
        hand_offs.accept(tx, hand_off_id, rep_user_id=rep, now=now)
        leads.settle(tx, found.lead_id, state="with_sales")
        tasks.cancel_of_lead(
            tx, found.lead_id, kinds=("call", "fax", "mail", "invite"), outcome="with_sales", now=now
        )
        _finish(tx, parts, found, "accepted", Kind.TAKEN_ON, user_id=user_id, now=now)
    return found


def send_back(
    parts: Parts,
    hand_off_id: int,
    *,
    code: str,
    words: str = "",
    seen: str,
    user_id: int | None,
    now: datetime,
) -> HandOff:
    """Sales do not want it, and say why. It is nurtured again, and rests before the next hand-off.

    seen: the state that the page showed, so that nobody sends back what a colleague has just accepted.
    """
    if code not in set(ReturnCode) or (code == ReturnCode.OTHER and not words.strip()):
        raise ReasonMissing
    with parts.engine.begin() as tx:
        found = _locked(tx, hand_off_id, SENT_BACK_FROM & {seen})
        if found.opportunity_id is not None:
            # The opportunity says how it ended; a second answer would contradict it.
            raise HandOffMoved("opportunity")
        hand_offs.resolve(tx, hand_off_id, state="returned", code=code, reason=words.strip(), now=now)
        settle_lead.returned(tx, Settled.of_hand_off(found), now=now)
        _finish(tx, parts, found, "returned", Kind.SENT_BACK, words=words, user_id=user_id, now=now)
    return found


def end(parts: Parts, hand_off_id: int, ending: Ending, *, user_id: int | None, now: datetime) -> HandOff:
    """Nothing came of it, and there was never an amount. An order needs one: `close_deal`."""
    assert ending.result is not Result.WON
    with parts.engine.begin() as tx:
        found = _locked(tx, hand_off_id, frozenset({"accepted"}))
        if found.opportunity_id is not None:
            raise HandOffMoved("opportunity")
        state = HAND_OFF_STATES[ending.result]
        hand_offs.resolve(tx, hand_off_id, state=state, reason=ending.reason or ending.rival, now=now)
        settle_lead.ended(tx, parts, Settled.of_hand_off(found), ending, now=now)
        words = ending.rival or ending.reason
        _finish(tx, parts, found, state, Kind.DEAL_LOST, words=words, user_id=user_id, now=now)
    return found


def forget(parts: Parts, *, now: datetime) -> int:
    """Hand-offs that sales have had for a whole cycle without an opportunity are over; returns how many."""
    with parts.engine.connect() as tx:
        ids = hand_offs.forgotten(tx, now=now)
    for hand_off_id in ids:
        with parts.engine.begin() as tx:
            found = hand_offs.get(tx, hand_off_id, lock=True)
            if found is None or found.state != "accepted":
                continue
            hand_offs.resolve(tx, hand_off_id, state="timeout", now=now)
            settle_lead.returned(tx, Settled.of_hand_off(found), now=now)
            _finish(tx, parts, found, "timeout", Kind.SENT_BACK, user_id=None, now=now)
    return len(ids)


def name_rep(parts: Parts, hand_off_id: int, *, rep_user_id: int, user_id: int, now: datetime) -> HandOff:
    """The manager's choice; the rep hears of it within a minute."""
    with parts.engine.begin() as tx:
        found = _locked(tx, hand_off_id, frozenset({"offered", "accepted"}))
        if rep_user_id not in {id for id, _ in hand_offs.reps(tx)}:
            raise LookupError(rep_user_id)
        hand_offs.name_rep(tx, hand_off_id, rep_user_id=rep_user_id)
        changes: dict[str, tuple[object, object]] = {"rep_user_id": (found.rep_user_id, rep_user_id)}
        audit.note(
            tx,
            noun="hand_off",
            noun_id=hand_off_id,
            action="name_rep",
            user_id=user_id,
            now=now,
            changes=changes,
        )
    return found


def check(found: HandOff, *, now: datetime) -> None:
    """Raises OutOfBounds where nobody may sell to this person."""
    if code := out_of_bounds(found, now=now):
        raise OutOfBounds(code, name=found.name)


def out_of_bounds(found: HandOff | Candidate, *, now: datetime) -> str:
    """Why nobody may sell to this person (see OutOfBounds); "" where somebody may."""
    if found.is_merged:
        return "merged"
    if found.excluded_reason:
        return "excluded"
    if found.rank == "declined" or (found.refused_until is not None and found.refused_until > now):
        return "declined"
    return "out_of_reach" if found.is_out_of_reach else ""


def _locked(tx: Connection, hand_off_id: int, states: frozenset[str]) -> HandOff:
    found = hand_offs.get(tx, hand_off_id, lock=True)
    if found is None:
        raise LookupError(hand_off_id)
    if found.state not in states:
        raise HandOffMoved(found.state)
    return found


def _finish(
    tx: Connection,
    parts: Parts,
    found: HandOff,
    state: str,
    kind: Kind,
    *,
    words: str = "",
    user_id: int | None,
    now: datetime,
) -> None:
    """The line on the timeline, the one in the log, and the rank."""
    hand_off_steps.note(
        tx,
        kind,
        source=f"hand_off:{found.id}",
        person_id=found.person_id,
        product_id=found.product_id,
        words=words,
        user_id=user_id,
        now=now,
    )
    audit.note(
        tx,
        noun="hand_off",
        noun_id=found.id,
        action=state,
        user_id=user_id,
        now=now,
        changes={"state": (found.state, state), "reason": ("", words)},
    )
    rerank.for_people(
        tx, [found.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
    )
