"""Follow a rank: what people should do about it. Tasks of the action matrix, the gate to sales, and alerts.

Asked for the leads about which somebody may act; whose rank is quiet costs nothing here. Source: spec 3.5, 3.6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.rules import actions, handoff
from campaigns.rules.actions import Action, LeadFacts
from campaigns.rules.handoff import Offer
from campaigns.rules.ranks import ProductRules, Rank, Ranked, band_of
from campaigns.rules.reasons import Reason
from campaigns.rules.scores import engagement
from campaigns.rules.touchpoints import Touch
from campaigns.rules.workdays import Calendar
from campaigns.services import assign, hand_off_steps, notices
from campaigns.storage import closed_days, event_invites, gate, lead_facts, leads, next_actions, touchpoints
from campaigns.storage.gate import HandOff
from campaigns.storage.lead_facts import Facts
from campaigns.storage.next_actions import Alert, NewTask
from campaigns.storage.ranks import Lead, Product

WHY_MAX = 5
DUE_TIME = time(17, 30)
EXPLICIT = ("trigger_inquiry", "trigger_quote_request")
# Stages that the rank itself moves; all others are people's decisions.
OPEN_STATES = ("new", "nurturing")
HELD = (Rank.HOT, Rank.WARM)


@dataclass(frozen=True, slots=True)
class Fresh:
    """A lead with its fresh rank."""

    lead: Lead
    product: Product
    rules: ProductRules
    ranked: Ranked

    @property
    def has_moved(self) -> bool:
        return self.lead.rank != self.ranked.rank


@dataclass(frozen=True, slots=True)
class Followed:
    """What was done. offered: leads let through to sales. why: touchpoints that weigh most, by lead. told: (user, person)
    of the alerts. resting: leads that sales sent back, and that wait. woken: leads whose pause, or whose waiting for a
    reply of which sales know nothing, a request by the customer has ended.
    """

    tasks: int = 0
    alerts: int = 0
    offered: frozenset[int] = frozenset()
    why: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    told: frozenset[tuple[int | None, int | None]] = frozenset()
    resting: frozenset[int] = frozenset()
    woken: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class _One:
    """A lead about which somebody may act. before: as it stands until now."""

    lead: Lead
    product: Product
    rules: ProductRules
    ranked: Ranked
    before: Facts
    facts: LeadFacts


def may_act(one: Fresh, remeasure: Collection[int]) -> bool:
    """Whether anybody might do something about it: else neither facts nor tasks are looked at."""
    rank = one.ranked.rank
    if rank in HELD or one.lead.has_tasks or one.lead.id in remeasure:
        return True
    if rank is Rank.NURTURE and any(row.rank is Rank.NURTURE for row in one.product.matrix):
        return True
    return one.lead.rank in HELD or one.lead.state == "hot"


def run(
    tx: Connection,
    ones: Sequence[Fresh],
    products: Mapping[int, Product],
    *,
    remeasure: Collection[int],
    now: datetime,
    zone: ZoneInfo,
    base_url: str,
    told: Collection[tuple[int | None, int | None]] = (),
) -> Followed:
    """Do what follows from these ranks. The leads are locked. told: (user, person) who hear of it by another notice."""
    acting = [one for one in ones if may_act(one, remeasure)]
    moved = [one for one in ones if one.has_moved]
    if not acting:
        return Followed(why=_why(tx, moved, now=now))
    facts = lead_facts.of(tx, [one.lead.id for one in acting])
    today, calendar = now.astimezone(zone).date(), closed_days.load(tx)
    loud = [_one(one, facts[one.lead.id], today=today, zone=zone, calendar=calendar) for one in acting]
    woken = _hear(tx, loud, now=now, zone=zone)
    offers, offered = _pass_gate(tx, loud, now=now, today=today, zone=zone)
    asking = {row.lead_id for row in offers}
    gate.release(tx, [one.lead.id for one in loud if one.before.is_held and one.lead.id not in asking])
    hand_off_steps.offered(tx, gate.put(tx, offers, now=now), now=now)
    declined = [one.lead.id for one in loud if one.ranked.rank is Rank.DECLINED]
    if busy := [one.lead.id for one in loud if one.lead.has_tasks]:
        cooled = [one.lead.id for one in loud if one.ranked.rank is Rank.NURTURE]
        next_actions.cancel(tx, busy, declined, cooled, now=now)
    invitable = may_invite(
        tx, [(one.lead.id, one.ranked.rank, one.product.matrix) for one in loud], today=today
    )
    asked = [(one, action) for one in loud for action in _asked(one, offered, remeasure, invitable)]
    news = [one for one in loud if _is_news(one)]
    why = _why(tx, [*moved, *(one for one, _ in asked), *news], now=now)
    tasks = [_task(one, action, why[one.lead.id], zone=zone) for one, action in asked]
    made = next_actions.add_tasks(tx, tasks, now=now)
    assign.new(tx, made, today=today)
    alerts = [
        _alert(one, why[one.lead.id])
        for one in news
        if (one.product.owner_user_id, one.lead.person_id) not in told
    ]
    alert_ids = next_actions.add_alerts(tx, alerts, now=now)
    notices.tell(tx, "hot", alerts, alert_ids, products, now=now, base_url=base_url)
    heard = frozenset((alert.user_id, alert.person_id) for alert in alerts)
    resting = frozenset(one.lead.id for one in loud if one.facts.is_resting)
    return Followed(len(made), len(alerts), frozenset(offered), why, heard, resting, woken)


def _why(tx: Connection, ones: Sequence[Fresh | _One], *, now: datetime) -> dict[int, tuple[int, ...]]:
    """The touchpoints behind these ranks, by lead: the five that weigh most today, oldest first."""
    if not ones:
        return {}
    touches = touchpoints.of_people(tx, sorted({one.lead.person_id for one in ones}))
    return {one.lead.id: _heaviest(touches.get(one.lead.person_id, []), one.rules, now=now) for one in ones}


def _heaviest(touches: Sequence[Touch], rules: ProductRules, *, now: datetime) -> tuple[int, ...]:
    spent = engagement(
        touches, product_id=rules.product_id, cycle_days=rules.cycle_days, now=now, table=rules.table
    )
    weights = {id: left for id, left in spent.by_touch if left > 0}
    heavy = sorted(weights, key=lambda id: (-weights[id], -id))[:WHY_MAX]
    at = {touch.id: touch.at for touch in touches}
    return tuple(sorted(heavy, key=lambda id: (at[id], id)))


def _one(one: Fresh, before: Facts, *, today: date, zone: ZoneInfo, calendar: Calendar) -> _One:
    lead = one.lead
    asked = _is_later(one.ranked.reasons, before.reasons, EXPLICIT)
    # An offer that stands is the rep's to answer, as an accepted one is.
    is_ours = not before.is_with_sales and not before.has_been_offered
    ends = asked and (lead.state == "paused" or (lead.state == "waiting" and is_ours))
    state = "nurturing" if ends else lead.state
    facts = facts_of(before, state=state, rank=lead.rank, today=today, zone=zone, calendar=calendar)
    return _One(lead, one.product, one.rules, one.ranked, before, replace(facts, has_asked_anew=asked))


def _hear(tx: Connection, ones: Sequence[_One], *, now: datetime, zone: ZoneInfo) -> frozenset[int]:
    """The customer asks while nobody would act: a pause ends, a reply has come. Returns the leads that are free again;
    of those that sales have, the rep's reminder is due today."""
    asked = [one for one in ones if one.facts.has_asked_anew and one.lead.state in ("paused", "waiting")]
    woken = frozenset(one.lead.id for one in asked if one.facts.state == "nurturing")
    if woken:
        leads.wake(tx, sorted(woken), outcome="answered", now=now)
    if theirs := [one.lead.id for one in asked if one.lead.state == "waiting" and one.lead.id not in woken]:
        due_at = datetime.combine(now.astimezone(zone).date(), DUE_TIME, tzinfo=zone)
        leads.hasten_replies(tx, theirs, due_at=due_at)
    return woken


def facts_of(
    before: Facts, *, state: str, rank: str, today: date, zone: ZoneInfo, calendar: Calendar
) -> LeadFacts:
    """What the action matrix asks about a lead. state, rank: as it stands until now."""
    return LeadFacts(
        today=today,
        calendar=calendar,
        company_class=before.company_class,
        industry=before.industry,
        band=before.band,
        state="excluded" if before.is_excluded else state,
        has_phone=before.has_phone,
        has_fax=before.has_fax,
        has_mail=before.has_mail,
        do_not_call=before.do_not_call,
        do_not_fax=before.do_not_fax,
        open_kinds=before.open_kinds,
        last_fax_on=_day(before.last_fax_at, zone),
        last_call_at=before.last_call_at,
        no_call_before=_day(before.no_call_before, zone),
        no_hand_off_before=_day(before.no_hand_off_before, zone),
        is_in_pool=before.recycle.is_in_pool,
        has_deepened=before.has_deepened,
        has_been_offered=before.has_been_offered,
        rank_before=rank,
        zone=zone,
    )


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
        rows += [_hand_off(asking[p.lead_id], p, bar, zone) for p in handoff.place(offers, team, now=now)]
    return rows, {row.lead_id for row in rows if row.state == "offered"}


def _actions(one: _One, facts: LeadFacts) -> tuple[Action, ...]:
    return actions.next_actions(one.ranked, facts, matrix=one.product.matrix, triggers=one.rules.triggers)


def _is_explicit(ranked: Ranked) -> bool:
    """The customer asked: an inquiry or a request for a quote is handed over at once."""
    return any(reason.code in EXPLICIT for reason in ranked.reasons)


def _hand_off(one: _One, placed: handoff.Placed, bar: float, zone: ZoneInfo) -> HandOff:
    due_on = handoff.answer_due(one.facts.today, one.facts.calendar)
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
        rep_user_id=one.before.rep_user_id,
        due_at=datetime.combine(due_on, DUE_TIME, tzinfo=zone) if placed.offered else None,
    )


def may_invite(
    tx: Connection, leads: Sequence[tuple[int, Rank, Sequence[actions.Row]]], *, today: date
) -> frozenset[int]:
    """Leads for whom an event lies ahead. leads: id, rank and matrix; asked of those alone whom a row may invite."""
    asked = [
        id
        for id, rank, rows in leads
        if any(
            row.kind is actions.Kind.INVITE and (row.rank is rank or row.cause in actions.MOVES)
            for row in rows
        )
    ]
    return event_invites.leads(tx, asked, today=today)


def _asked(
    one: _One, offered: Collection[int], remeasure: Collection[int], invitable: Collection[int]
) -> list[Action]:
    """What the action matrix asks for one lead. Silent leads get theirs from the day's quota alone."""
    if one.ranked.rank is Rank.UNOBSERVED and one.lead.id not in remeasure:
        return []
    facts = replace(
        one.facts,
        has_been_offered=one.facts.has_been_offered or one.lead.id in offered,
        may_remeasure=one.lead.id in remeasure,
        may_invite=one.lead.id in invitable,
    )
    return [action for action in _actions(one, facts) if action.kind != actions.Kind.HANDOFF]


def _task(one: _One, action: Action, why: tuple[int, ...], *, zone: ZoneInfo) -> NewTask:
    return NewTask(
        lead_id=one.lead.id,
        kind=action.kind.value,
        team=action.team,
        cause=action.cause,
        why=why,
        priority=action.priority,
        due_at=datetime.combine(action.due_on, DUE_TIME, tzinfo=zone),
    )


def stage(one: Fresh, done: Followed) -> str:
    """The sales stage: the rank moves a lead in and out of `hot`, the gate into `offered`."""
    state = "nurturing" if one.lead.id in done.woken else one.lead.state
    # What came back from sales, and nothing has deepened since: what made it hot is old.
    if one.lead.id in done.resting and state in OPEN_STATES:
        return "nurturing"
    if one.lead.id in done.offered:
        return "offered"
    if one.ranked.rank is Rank.HOT and state in OPEN_STATES:
        return "hot"
    if one.ranked.rank is not Rank.HOT and state == "hot":
        return "nurturing"
    return state


def _is_news(one: _One) -> bool:
    """Newly hot, or hot already and asking once more."""
    if one.ranked.rank is not Rank.HOT or one.facts.state == "excluded":
        return False
    if one.facts.state == "won":
        return one.facts.has_asked_anew
    if one.lead.rank != Rank.HOT:
        return True
    return _is_later(one.ranked.reasons, one.before.reasons)


def _is_later(reasons: Sequence[Reason], before: Sequence[Reason], codes: Sequence[str] = ()) -> bool:
    """Whether a sign that keeps a lead hot until a day has come anew; codes: of these alone. Each kind by itself: a
    quote request keeps it hot for longer than an inquiry that comes after it."""
    ends = {reason.code: str(reason.args.get("until", "")) for reason in before}
    return any(
        str(reason.args.get("until", "")) > ends.get(reason.code, "")
        for reason in reasons
        if not codes or reason.code in codes
    )


def _alert(one: _One, why: tuple[int, ...]) -> Alert:
    return Alert(
        kind="hot",
        person_id=one.lead.person_id,
        product_id=one.product.id,
        lead_id=one.lead.id,
        user_id=one.product.owner_user_id,
        args={
            "reasons": [reason.as_json() for reason in one.ranked.reasons],
            "p_win": one.ranked.p_win,
            "why": list(why),
        },
    )
