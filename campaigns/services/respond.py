"""Respond: what a mail sets off in a simulated person: drawn reactions, a new rank, and the tasks that follow.

The rank and the action matrix are those of `rerank`. What nobody can foresee is left out: a task is taken to be done
on the day it falls due and to bring no news, so the same person is not called again for as long as after such a
call. Calls to silent people come from the day's quota, whoever they are, and are not among these. A hand-off needs
the win rate that sales ask for today; how many a week they take is not asked.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from campaigns.rules import actions, conditions, handoff
from campaigns.rules.actions import LeadFacts
from campaigns.rules.chances import Drawn
from campaigns.rules.conditions import Sign
from campaigns.rules.ranks import WARM_FLOOR, ProductRules, Rank, Ranked, rank
from campaigns.rules.schedule import month_of_day
from campaigns.rules.simulating import TASKS, Event
from campaigns.rules.touchpoints import Kind, Touch
from campaigns.services import follow_rank
from campaigns.services.members import Going, Lead, Member, World

# In the order of `Drawn`: the touch and what a branch calls it.
REACTIONS = tuple(
    (kind, conditions.sign_of(kind)) for kind in (Kind.MAIL_OPEN, Kind.MAIL_CLICK, Kind.MAIL_REPLY)
)
CALLED = (Kind.CALL_CONNECTED, Kind.CALL_INTEREST)
HELD = frozenset({Rank.HOT, Rank.WARM})  # who keeps this rank is called again after a rest


def react(one: Member, going: Going, drawn: Drawn, day: int, world: World, log: list[Event]) -> None:
    """A person's reactions to one mail, on the morning of a day."""
    at = world.morning(day)
    for came, (kind, on) in zip(drawn[:3], REACTIONS, strict=True):
        if not came:
            continue
        one.touches.append(Touch(kind, at, going.product))
        for enrollment in one.enrolled:
            key = going.step_key if enrollment == going.enrollment else ""
            one.signs.setdefault(enrollment, []).append(Sign(on, key, day))
    if drawn.clicks or drawn.replies:
        one.silent = 0
        rank_anew(one, going.product, at, world, log)
        one.look_ahead()


def age(one: Member, now: datetime, world: World, log: list[Event]) -> None:
    """Ranks that time alone may have moved by now."""
    if one.next_change is None or one.next_change > now:
        return
    for product, lead in one.leads.items():
        if lead.next_change is not None and lead.next_change <= now:
            rank_anew(one, product, now, world, log)
    one.look_ahead()


def rank_anew(one: Member, product_id: int, now: datetime, world: World, log: list[Event]) -> None:
    """A lead's rank and stage at an instant, and the tasks that follow from it."""
    lead, product = one.leads.get(product_id), world.products.get(product_id)
    if lead is None or product is None:
        return
    today = now.astimezone(world.base.zone).date()
    rules = world.rules_on(today.toordinal(), product_id, one.industry)
    ranked = rank(one.touches, rules, now=now, refusal=lead.refusal, acquired_at=lead.acquired_at)
    lead.next_change = _next_change(ranked, product_id, today, world)
    is_offered = _act(one, product_id, lead, ranked, rules, now, today, world, log)
    stage = _stage(lead.stage, ranked.rank, is_offered=is_offered)
    if lead.rank == ranked.rank and lead.stage == stage:
        return
    mine = [row for row in one.enrolled.values() if row.product_id == product_id]
    if lead.rank != ranked.rank:
        day, word = today.toordinal(), ranked.rank.value
        log.append(Event(one.row.id, 0, product_id, month_of_day(today), day, "rank", word))
        for row in mine:
            one.signs.setdefault(row.id, []).append(Sign(conditions.move_of(lead.rank, word), "", day))
    lead.rank, lead.stage = ranked.rank.value, stage
    for row in mine:
        one.enrolled[row.id] = row._replace(rank=lead.rank, stage=stage)


def _next_change(ranked: Ranked, product_id: int, today: date, world: World) -> datetime | None:
    """When the rank may be another: whoever is near the cut is asked again after the next night."""
    found = ranked.next_change_at
    if product_id in world.cuts and (ranked.score >= WARM_FLOOR or ranked.rank in HELD):
        tomorrow = world.at(today.toordinal() + 1)
        return tomorrow if found is None else min(found, tomorrow)
    return found


def _stage(stage: str, ranked: Rank, *, is_offered: bool) -> str:
    """The sales stage, which the rank moves in and out of `hot` and the gate into `offered`."""
    if is_offered:
        return "offered"
    if ranked is Rank.HOT and stage in follow_rank.OPEN_STATES:
        return "hot"
    return "nurturing" if ranked is not Rank.HOT and stage == "hot" else stage


def _act(
    one: Member,
    product_id: int,
    lead: Lead,
    ranked: Ranked,
    rules: ProductRules,
    now: datetime,
    today: date,
    world: World,
    log: list[Event],
) -> bool:
    """Tasks of the action matrix; whether the lead goes to sales."""
    if ranked.rank is Rank.UNOBSERVED or lead.stage in actions.HANDS_OFF:
        return False
    facts = _facts(one, product_id, lead, today, world)
    matrix = world.products[product_id].matrix
    found = actions.next_actions(ranked, facts, matrix=matrix, triggers=rules.triggers)
    is_offered = False
    if any(action.kind is actions.Kind.HANDOFF for action in found):
        is_offered = _passes(ranked, product_id, now, world)
        if is_offered:
            lead.is_offered = True
            facts = replace(facts, has_been_offered=True)
            found = actions.next_actions(ranked, facts, matrix=matrix, triggers=rules.triggers)
    for action in found:
        if action.kind in TASKS:
            note_task(one, 0, product_id, action.kind.value, action.due_on, log)
    rest = lead.no_call_before
    if ranked.rank in HELD and rest > today.toordinal() and not is_offered:
        again = world.at(rest)
        lead.next_change = again if lead.next_change is None else min(lead.next_change, again)
    return is_offered


def _facts(one: Member, product_id: int, lead: Lead, today: date, world: World) -> LeadFacts:
    day, ways = today.toordinal(), one.ways
    called = [touch.at for touch in one.touches if touch.kind in CALLED]
    faxed = [t.at for t in one.touches if t.kind is Kind.FAX_SENT and t.product_id == product_id]
    last_fax = max((at.astimezone(world.base.zone).date().toordinal() for at in faxed), default=0)
    return LeadFacts(
        today=today,
        calendar=world.base.clock.calendar,
        company_class=one.row.company_class,
        industry=one.industry,
        band=one.size,
        state="excluded" if one.row.is_excluded else lead.stage,
        has_phone=ways.has_phone,
        has_fax=ways.has_fax,
        do_not_call=ways.do_not_call,
        do_not_fax=ways.do_not_fax,
        open_kinds=frozenset(kind for kind, due in lead.open.items() if due >= day),
        last_fax_on=_date(max(lead.last_fax, last_fax)),
        last_call_at=max(called, default=None),
        no_call_before=_date(lead.no_call_before),
        no_hand_off_before=_date(lead.no_hand_off_before),
        has_been_offered=lead.is_offered,
        rank_before=lead.rank,
        zone=world.base.zone,
    )


def _date(day: int) -> date | None:
    return date.fromordinal(day) if day else None


def _passes(ranked: Ranked, product_id: int, now: datetime, world: World) -> bool:
    """Whether the hand-off gate lets a hot lead through."""
    if any(reason.code in follow_rank.EXPLICIT for reason in ranked.reasons):
        return True
    return ranked.p_win >= handoff.bar(world.teams[product_id], now=now)


def note_task(
    one: Member, enrollment: int, product_id: int, kind: str, due_on: date, log: list[Event]
) -> None:
    """A task that falls due on a day, after which the same is not asked again for a while."""
    due = due_on.toordinal()
    log.append(Event(one.row.id, enrollment, product_id, month_of_day(due_on), due, "task", kind))
    lead = one.leads.get(product_id)
    if lead is not None:
        lead.take_up(kind, due)
