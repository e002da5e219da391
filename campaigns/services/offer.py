"""Offer a lead to sales by hand: what the gate says is shown, and whoever goes against it says why.

It is an offer like the gate's, with its three business days, and uses a place of the week as one of the gate's does:
sales said how many they take, whoever chooses them. Source: spec 3.5, S2-10, S2-13.

Errors: OutOfBounds (this person must not be handed over), OfferError (what stands in the way, or is missing),
LookupError.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import handoff
from campaigns.rules.handoff import Offer
from campaigns.rules.ranks import Rank, band_of
from campaigns.rules.reasons import Reason
from campaigns.services import hand_off_steps, hand_over, sales_word
from campaigns.services.follow_rank import DUE_TIME, EXPLICIT
from campaigns.services.hand_over import OutOfBounds
from campaigns.services.sales_word import Gate
from campaigns.storage import audit, closed_days, gate, hand_offs, leads, tasks
from campaigns.storage.gate import Candidate, HandOff

WORDS_MAX = 500
# Stages from which nobody hands over: who has bought is a customer, who waits or rests is left alone.
CLOSED = frozenset({"won", "waiting", "paused"})


class OfferError(ValueError):
    """code: offered, accepted, opportunity, won, waiting, paused (as it stands); product_off (it is sold no more); words
    (the reason is missing); rep (nobody who sells)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Look:
    """What is known before somebody is offered. verdict: what the gate says: asked, over_bar, under_bar, no_capacity,
    not_hot (it looks at 今すぐ客 alone), resting (it came back lately). barred: why nobody may (see the errors)."""

    one: Candidate
    gate: Gate
    verdict: str
    barred: str
    reps: tuple[tuple[int, str], ...]

    @property
    def needs_words(self) -> bool:
        return self.verdict not in ("asked", "over_bar")


def look(parts: Parts, person_id: int, product_id: int, *, now: datetime) -> Look | None:
    """Whom it is about, and what the gate says; None for nobody we have, or nobody's lead for the product."""
    with parts.engine.connect() as tx:
        return _look(tx, parts, person_id, product_id, now=now)


def _look(tx: Connection, parts: Parts, person_id: int, product_id: int, *, now: datetime) -> Look | None:
    one = gate.candidate(tx, person_id, product_id)
    if one is None or one.lead_id is None:
        return None
    seen = sales_word.read(tx, parts, product_id, now=now)
    barred = hand_over.out_of_bounds(one, now=now) or _in_the_way(one)
    return Look(one, seen, _verdict(one, seen, now=now), barred, tuple(hand_offs.reps(tx)))


def _in_the_way(one: Candidate) -> str:
    if not one.is_product_active:
        return "product_off"
    if one.has_opportunity or one.state == "opportunity":
        return "opportunity"
    if one.hand_off in ("offered", "accepted"):
        return one.hand_off
    return one.state if one.state in CLOSED else ""


def _verdict(one: Candidate, seen: Gate, *, now: datetime) -> str:
    is_explicit = any(reason.code in EXPLICIT for reason in one.reasons)
    if one.rank != Rank.HOT:
        return "not_hot"
    if not is_explicit and one.no_hand_off_before is not None and one.no_hand_off_before > now:
        return "resting"
    assert one.lead_id is not None
    [placed] = handoff.place([Offer(one.lead_id, one.p_win, is_explicit)], seen.team, now=now)
    return placed.reason.code


def run(
    parts: Parts,
    person_id: int,
    product_id: int,
    *,
    words: str,
    rep_user_id: int | None,
    user_id: int,
    now: datetime,
) -> Look:
    """Offer the lead to sales; returns what was known. Two at once make one offer.

    rep_user_id: None for whom the manager names.
    """
    with parts.engine.begin() as tx:
        leads.lock(tx, person_id)
        # Behind this lock the places of the week are counted, as the gate counts them.
        gate.teams(tx, [product_id], week=sales_word.week_start(parts, now), now=now)
        seen = _look(tx, parts, person_id, product_id, now=now)
        if seen is None:
            raise LookupError(person_id)
        _check(seen, words=words, rep_user_id=rep_user_id, now=now)
        made = gate.put(
            tx, [_hand_off(tx, parts, seen, words.strip(), rep_user_id, user_id, now=now)], now=now
        )
        hand_off_steps.offered(tx, made, now=now)
        assert seen.one.lead_id is not None
        leads.settle(tx, seen.one.lead_id, state="offered")
        tasks.cancel_of_lead(tx, seen.one.lead_id, kinds=("fax",), outcome="offered", now=now)
        changes: dict[str, tuple[object, object]] = {
            "state": (seen.one.hand_off, "offered"),
            "gate": (None, seen.verdict),
            "reason": ("", words.strip()),
        }
        audit.note(
            tx, noun="hand_off", noun_id=made[0][0], action="offer", user_id=user_id, now=now, changes=changes
        )
    return seen


def _check(seen: Look, *, words: str, rep_user_id: int | None, now: datetime) -> None:
    if code := hand_over.out_of_bounds(seen.one, now=now):
        raise OutOfBounds(code, name=seen.one.name)
    if seen.barred:
        raise OfferError(seen.barred)
    if seen.needs_words and not words.strip():
        raise OfferError("words")
    if rep_user_id is not None and rep_user_id not in {id for id, _ in seen.reps}:
        raise OfferError("rep")


def _hand_off(
    tx: Connection,
    parts: Parts,
    seen: Look,
    words: str,
    rep_user_id: int | None,
    user_id: int,
    *,
    now: datetime,
) -> HandOff:
    one, zone = seen.one, parts.settings.tz
    assert one.lead_id is not None
    due_on = handoff.answer_due(now.astimezone(zone).date(), closed_days.load(tx))
    known = Reason("at_hand_off", {"score": round(one.score, 3), "band": band_of(one.score, one.band_edges)})
    return HandOff(
        lead_id=one.lead_id,
        product_id=one.product_id,
        state="offered",
        held_reason="",
        p_win=one.p_win,
        bar=seen.gate.bar,
        asked_by_customer=seen.verdict == "asked",
        reasons=(Reason(seen.verdict), *one.reasons, known),
        rep_user_id=rep_user_id,
        due_at=datetime.combine(due_on, DUE_TIME, tzinfo=zone),
        by_user_id=user_id,
        by_words=words[:WORDS_MAX],
    )
