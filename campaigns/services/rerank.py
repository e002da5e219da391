"""Rerank: touchpoints in, ranks with reasons out, and what people should do about them.

Everything is computed again from the touches, so running it twice changes nothing. A rank moves for the
people who were touched, for those whose `next_change_at` has come, and for all near the cut at night.
Source: spec 2.5.5, 3.5, 3.6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.rules import actions, handoff
from campaigns.rules.actions import Action, LeadFacts
from campaigns.rules.handoff import Offer
from campaigns.rules.ranks import WARM_FLOOR, ProductRules, Rank, Ranked, band_of, rank
from campaigns.rules.reasons import Reason
from campaigns.rules.schedule import TOKYO
from campaigns.rules.touchpoints import Touch, relevance
from campaigns.rules.workdays import Calendar
from campaigns.services import calibrate, notices
from campaigns.storage import closed_days, gate, next_actions, ranks, touchpoints, tracking, verdicts
from campaigns.storage.gate import HandOff
from campaigns.storage.next_actions import Alert, NewTask
from campaigns.storage.ranks import Lead, Product, Ranking

CHUNK = 1000
# A rank computed for this instant is not asked again before the next tick, however near its next change.
NOT_BEFORE = timedelta(minutes=1)
WHY_MAX = 5
DUE_TIME = time(17, 30)
EXPLICIT = ("trigger_inquiry", "trigger_quote_request")
# Stages that the rank itself moves; all others are people's decisions.
OPEN_STATES = ("new", "nurturing")


@dataclass(frozen=True, slots=True)
class Reranked:
    """What a run did. leads: computed; moved: with a new rank."""

    leads: int = 0
    moved: int = 0
    tasks: int = 0
    offered: int = 0
    alerts: int = 0

    def __add__(self, other: Reranked) -> Reranked:
        return Reranked(
            self.leads + other.leads,
            self.moved + other.moved,
            self.tasks + other.tasks,
            self.offered + other.offered,
            self.alerts + other.alerts,
        )


@dataclass(frozen=True, slots=True)
class _One:
    """A lead with its fresh rank."""

    lead: Lead
    product: Product
    rules: ProductRules
    ranked: Ranked
    touches: Sequence[Touch]
    facts: LeadFacts


def people(
    parts: Parts,
    person_ids: Iterable[int],
    *,
    now: datetime,
    remeasure: Collection[int] = frozenset(),
) -> Reranked:
    """Rank all leads of these people, a transaction for each thousand."""
    ids = sorted(set(person_ids))
    total = Reranked()
    for start in range(0, len(ids), CHUNK):
        total += _chunk(parts, ids[start : start + CHUNK], now=now, remeasure=remeasure)
    return total


def _chunk(parts: Parts, ids: Sequence[int], *, now: datetime, remeasure: Collection[int]) -> Reranked:
    for is_last in (False, False, True):
        try:
            with parts.engine.begin() as tx:
                return for_people(
                    tx,
                    ids,
                    now=now,
                    zone=parts.settings.tz,
                    base_url=parts.settings.base_url,
                    remeasure=remeasure,
                )
        except OperationalError as error:
            # A deadlock with somebody at the call desk: the other goes first, and we compute again.
            if is_last or getattr(error.orig, "sqlstate", "") not in ("40P01", "40001"):
                raise
    raise AssertionError("unreachable")


def for_people(
    tx: Connection,
    person_ids: Sequence[int],
    *,
    now: datetime,
    zone: ZoneInfo = TOKYO,
    base_url: str = "",
    remeasure: Collection[int] = frozenset(),
) -> Reranked:
    """Rank all leads of these people inside the caller's transaction, and write what follows from it.

    remeasure: leads that may be called although they are silent (the day's quota). At most a thousand
    people at a time. base_url: for the link in the notice to the owner.
    """
    ids = sorted(set(person_ids))
    if not ids:
        return Reranked()
    ranks.ensure(tx, ids, now=now)
    all_leads = ranks.leads(tx, ids)
    products = ranks.products(tx, sorted({lead.product_id for lead in all_leads}), now=now)
    touches = touchpoints.of_people(tx, ids)
    today, calendar = now.astimezone(zone).date(), closed_days.load(tx)
    ones = [
        _one(
            lead,
            products[lead.product_id],
            touches.get(lead.person_id, []),
            now=now,
            today=today,
            zone=zone,
            calendar=calendar,
        )
        for lead in all_leads
    ]
    offers, offered = _pass_gate(tx, ones, now=now, today=today, zone=zone)
    gate.put(tx, offers, now=now)
    tasks = [task for one in ones for task in _tasks(one, offered, remeasure, zone=zone)]
    declined = [one.lead.id for one in ones if one.ranked.rank is Rank.DECLINED]
    next_actions.cancel(tx, [one.lead.id for one in ones], declined, now=now)
    made = next_actions.add_tasks(tx, tasks, now=now)
    moved = ranks.save(tx, [_ranking(one, offered, now=now) for one in ones], now=now)
    alerts = [_alert(one) for one in ones if _is_news(one)]
    alert_ids = next_actions.add_alerts(tx, alerts, now=now)
    notices.hot(tx, alerts, alert_ids, products, now=now, base_url=base_url)
    return Reranked(len(ones), len(moved), len(made), len(offered), len(alerts))


def _one(
    lead: Lead,
    product: Product,
    touches: Sequence[Touch],
    *,
    now: datetime,
    today: date,
    zone: ZoneInfo,
    calendar: Calendar,
) -> _One:
    rules = product.rules_for(lead.industry)
    ranked = rank(touches, rules, now=now, refusal=lead.refusal, acquired_at=lead.acquired_at)
    facts = LeadFacts(
        today=today,
        calendar=calendar,
        company_class=lead.company_class,
        industry=lead.industry,
        band=lead.band,
        state="excluded" if lead.is_excluded else lead.state,
        has_phone=lead.has_phone,
        has_fax=lead.has_fax,
        do_not_call=lead.do_not_call,
        do_not_fax=lead.do_not_fax,
        open_kinds=lead.open_kinds,
        last_fax_on=_day(lead.last_fax_at, zone),
        last_call_at=lead.last_call_at,
        no_call_before=_day(lead.no_call_before, zone),
        no_hand_off_before=_day(lead.no_hand_off_before, zone),
        has_been_offered=lead.has_been_offered,
        zone=zone,
    )
    return _One(lead, product, rules, ranked, touches, facts)


def _day(at: datetime | None, zone: ZoneInfo) -> date | None:
    return at.astimezone(zone).date() if at else None


def _pass_gate(
    tx: Connection, ones: Sequence[_One], *, now: datetime, today: date, zone: ZoneInfo
) -> tuple[list[HandOff], set[int]]:
    """What the gate says about every lead that asks for a rep; the ids of those let through."""
    asking = {
        one.lead.id: one
        for one in ones
        if any(action.kind == actions.Kind.HANDOFF for action in _actions(one, one.facts))
    }
    if not asking:
        return [], set()
    monday = datetime.combine(today - timedelta(days=today.weekday()), time(), tzinfo=zone)
    teams = gate.teams(tx, [one.product.id for one in asking.values()], week=monday, now=now)
    rows: list[HandOff] = []
    for product_id, team in teams.items():
        group = [one for one in asking.values() if one.product.id == product_id]
        offers = [Offer(one.lead.id, one.ranked.p_win, _is_explicit(one.ranked)) for one in group]
        bar = handoff.bar(team, now=now)
        rows += [_hand_off(asking[p.lead_id], p, bar) for p in handoff.place(offers, team, now=now)]
    return rows, {row.lead_id for row in rows if row.state == "offered"}


def _actions(one: _One, facts: LeadFacts) -> tuple[Action, ...]:
    return actions.next_actions(one.ranked, facts, matrix=one.product.matrix, triggers=one.rules.triggers)


def _is_explicit(ranked: Ranked) -> bool:
    """The customer asked: an inquiry or a request for a quote is handed over at once."""
    return any(reason.code in EXPLICIT for reason in ranked.reasons)


def _hand_off(one: _One, placed: handoff.Placed, bar: float) -> HandOff:
    band = band_of(one.ranked.score, one.rules.edges)
    known = Reason("at_hand_off", {"score": round(one.ranked.score, 3), "band": band})
    return HandOff(
        lead_id=one.lead.id,
        product_id=one.product.id,
        state="offered" if placed.offered else "held",
        held_reason="" if placed.offered else placed.reason.code,
        p_win=one.ranked.p_win,
        bar=bar,
        asked_by_customer=_is_explicit(one.ranked),
        reasons=(placed.reason, *one.ranked.reasons, known),
    )


def _tasks(
    one: _One, offered: Collection[int], remeasure: Collection[int], *, zone: ZoneInfo
) -> list[NewTask]:
    """Tasks of the action matrix for one lead. Silent leads get theirs from the day's quota alone."""
    if one.ranked.rank is Rank.UNOBSERVED and one.lead.id not in remeasure:
        return []
    facts = replace(
        one.facts,
        has_been_offered=one.facts.has_been_offered or one.lead.id in offered,
        may_remeasure=one.lead.id in remeasure,
    )
    found = _actions(one, facts)
    return [_task(one, action, zone=zone) for action in found if action.kind != actions.Kind.HANDOFF]


def _task(one: _One, action: Action, *, zone: ZoneInfo) -> NewTask:
    return NewTask(
        lead_id=one.lead.id,
        kind=action.kind.value,
        team=action.team,
        cause=action.cause,
        why=why(one.ranked, one.touches),
        priority=action.priority,
        due_at=datetime.combine(action.due_on, DUE_TIME, tzinfo=zone),
    )


def why(ranked: Ranked, touches: Sequence[Touch]) -> tuple[int, ...]:
    """The touchpoints behind a rank: the five that weigh most today, oldest first."""
    weights = {id: left for id, left in ranked.engagement.by_touch if left > 0} if ranked.engagement else {}
    heavy = sorted(weights, key=lambda id: (-weights[id], -id))[:WHY_MAX]
    at = {touch.id: touch.at for touch in touches}
    return tuple(sorted(heavy, key=lambda id: (at[id], id)))


def _ranking(one: _One, offered: Collection[int], *, now: datetime) -> Ranking:
    ranked = one.ranked
    parts = ranked.engagement.by_group if ranked.engagement else {}
    later = ranked.next_change_at
    return Ranking(
        lead_id=one.lead.id,
        state=_state(one, offered),
        rank=ranked.rank.value,
        score=ranked.score,
        p_win=ranked.p_win,
        depth_max=ranked.depth_max,
        breakdown={group.value: round(points, 3) for group, points in parts.items()},
        reasons=ranked.reasons,
        last_touch_at=_last_sign(one.touches, one.rules, now=now),
        next_change_at=None if later is None else max(later, now + NOT_BEFORE),
    )


def _state(one: _One, offered: Collection[int]) -> str:
    """The sales stage: the rank moves a lead in and out of `hot`, the gate into `offered`."""
    if one.lead.id in offered:
        return "offered"
    if one.ranked.rank is Rank.HOT and one.lead.state in OPEN_STATES:
        return "hot"
    if one.ranked.rank is not Rank.HOT and one.lead.state == "hot":
        return "nurturing"
    return one.lead.state


def _last_sign(touches: Sequence[Touch], rules: ProductRules, *, now: datetime) -> datetime | None:
    signs = (
        touch.at
        for touch in touches
        if touch.at <= now
        and rules.table[touch.kind].is_sign
        and relevance(touch.product_id, product_id=rules.product_id)
    )
    return max(signs, default=None)


def _is_news(one: _One) -> bool:
    """Newly hot, or hot already and asking once more."""
    if one.ranked.rank is not Rank.HOT or one.facts.state in ("won", "excluded"):
        return False
    if one.lead.rank != Rank.HOT:
        return True
    until = max((str(r.args.get("until", "")) for r in one.ranked.reasons), default="")
    before = max((str(r.args.get("until", "")) for r in one.lead.reasons), default="")
    return bool(until) and until > before


def _alert(one: _One) -> Alert:
    return Alert(
        kind="hot",
        person_id=one.lead.person_id,
        product_id=one.product.id,
        lead_id=one.lead.id,
        user_id=one.product.owner_user_id,
        args={
            "reasons": [reason.as_json() for reason in one.ranked.reasons],
            "p_win": one.ranked.p_win,
            "why": list(why(one.ranked, one.touches)),
        },
    )


def due(parts: Parts, *, now: datetime) -> Reranked:
    """Rank whom time alone may have moved: decay, a trigger's end, the end of a cycle or a refusal."""
    total = Reranked()
    while True:
        with parts.engine.connect() as tx:
            ids = ranks.due(tx, now=now, limit=CHUNK)
        if not ids:
            return total
        total += people(parts, ids, now=now)


def nightly(parts: Parts, *, now: datetime) -> Reranked:
    """The night's work: each product's warm cut and win rates, the leads near the cut, the silent ones.

    Silent leads get a fifth of the day's calls, since only talking measures them again.
    """
    zone = parts.settings.tz
    calibrate.run(parts, now=now)
    with parts.engine.begin() as tx:
        tracking.forget_callers(tx, now=now)
        verdicts.forget(tx, now=now)
    total = _near_the_cut(parts, now=now)
    day = datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone)
    with parts.engine.connect() as tx:
        quota = actions.remeasure_quota(next_actions.call_capacity(tx))
        chosen = next_actions.remeasure(tx, day=day, quota=quota)
    return total + people(parts, chosen.values(), now=now, remeasure=frozenset(chosen))


def _near_the_cut(parts: Parts, *, now: datetime) -> Reranked:
    total, after = Reranked(), 0
    while True:
        with parts.engine.connect() as tx:
            ids = ranks.near_the_cut(tx, after, floor=WARM_FLOOR, limit=CHUNK)
        if not ids:
            return total
        after = ids[-1]
        total += people(parts, ids, now=now)
