"""Foresee the cuts: how the score of each product's top tenth moves in the months to come, from a sample.

Above the cut a lead is warm, and each night it is made anew from the scores of all leads. People are simulated a
mailbox at a time, so what all of them come to is found first: some are lived through, and their scores added up
night by night. An audience that is no larger than the sample is all of it. Source: spec 2.5.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, time

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.calibrating import cut_of
from campaigns.rules.chances import Rates
from campaigns.rules.scores import totals
from campaigns.services import read_members, simulate
from campaigns.services.members import Cut, Member, Setting, World
from campaigns.services.simulate import Step
from campaigns.storage import ranks, snapshot

SAMPLE = 2_000  # people; a tenth of them stands above the cut, which makes it good to some 3 %
# Days between two values: as good as a sample is, a score fades by 7 % in four weeks at a purchase cycle of a year.
# Where the sample is everybody: a week, and less for fewer people, for the same cost.
EVERY, EVERY_OF_ALL = 28, 7
# Who is warm gets other mails, which moves the cut a little: found out where the sample is everybody.
ROUNDS, ROUNDS_OF_ALL = 1, 2
NIGHT = time(0, 1)  # when it is made


def add(
    parts: Parts,
    wanted: Setting,
    *,
    now: datetime,
    rates: Mapping[int, Rates],
    step: Step = lambda done, total: None,
) -> Setting:
    """What is simulated, with the cuts to come. step: told (0, people) again and again; it may raise `Cancelled`."""
    with simulate.looking(parts) as tx, simulate.uncollected():
        ids, is_all = snapshot.sample(tx, most=SAMPLE)
        every = max(EVERY_OF_ALL * len(ids) // SAMPLE, 1) if is_all else EVERY
        for _ in range(ROUNDS_OF_ALL if is_all else ROUNDS):
            who = simulate.audience(tx, wanted, now=now, only=ids)
            shared = simulate.world(tx, parts, wanted, now=now, rates=rates, crowds=who.crowds)
            members: dict[int, Member] = {}
            # Whoever takes part in other scenarios alone reacts as well, and moves the cut.
            for part in simulate.parts_of(snapshot.mailboxes(tx, ids)):
                step(0, len(ids))
                lived = simulate.live(tx, part, shared, wanted, who.new)
                members |= {one.row.id: one for one in lived.members}
            rest = [id for id in ids if id not in members]
            members |= _read(tx, rest, shared, wanted)
            wanted = replace(wanted, cuts=_cuts([members[id] for id in ids], shared, every))
    return wanted


def _read(tx: Connection, ids: Sequence[int], shared: World, wanted: Setting) -> dict[int, Member]:
    """People who get no mail, as they stand: their scores count as well."""
    found = {}
    for start in range(0, len(ids), simulate.PART):
        boxes = [(id,) for id in ids[start : start + simulate.PART]]
        for [one] in read_members.read(tx, boxes, shared, wanted, frozenset()):
            found[one.row.id] = one
    return found


def _cuts(members: Sequence[Member], shared: World, every: int) -> dict[int, Cut]:
    """By product: the values of nights so many days apart, from tonight on."""
    first = shared.base.clock.day + 1
    moments = [shared.at(day, NIGHT) for day in range(first, shared.last + every, every)]
    found = {}
    for id, product in shared.products.items():
        leads = [one for one in members if id in one.leads and one.leads[id].stage not in ranks.CLOSED]
        touched = [one for one in leads if any(touch.product_id in (id, None) for touch in one.touches)]
        if not touched:
            continue
        silent = [0.0] * (len(leads) - len(touched))
        share = product.rules.top_share
        nights = zip(*(_scores(one, id, shared, moments) for one in touched), strict=True)
        values = [cut_of([*night, *silent], share=share) or 0.0 for night in nights]
        found[id] = Cut(first, every, tuple(values))
    return found


def _scores(one: Member, product: int, shared: World, moments: Sequence[datetime]) -> list[float]:
    """Somebody's score in each of these nights. moments: their instants."""
    rules = shared.products[product].rules_for(one.industry)
    return totals(
        one.touches,
        product_id=product,
        cycle_days=rules.cycle_days,
        moments=moments,
        table=rules.table,
    )
