"""Rerank: touchpoints in, ranks with reasons out.

Everything can be computed again from the touches, so running it twice changes nothing. For people who were touched
the running sums of their leads are made anew from their touches; for those whom time alone moves (`next_change_at`)
the sums that stand are enough. What people should do about a rank is `follow_rank`. Source: spec 2.5.5.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.rules import actions
from campaigns.rules.ranks import Rank, rank_seen
from campaigns.rules.schedule import TOKYO
from campaigns.rules.scores import decay
from campaigns.services import calibrate, follow_rank, line_calls, surge
from campaigns.services.follow_rank import Followed, Fresh
from campaigns.storage import closed_days, lead_sums, next_actions, ranks, standings, verdicts
from campaigns.storage.lead_sums import Sums
from campaigns.storage.ranks import Lead, Product, Ranking

log = structlog.get_logger()

CHUNK = 1000
LEADS_CHUNK = 1_000_000  # leads of one look at all standings; each look reads the whole table
# A rank computed for this instant is not asked again before the next tick, however near its next change.
NOT_BEFORE = timedelta(minutes=1)


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


def people(
    parts: Parts,
    person_ids: Iterable[int],
    *,
    now: datetime,
    remeasure: Collection[int] = frozenset(),
    touched: bool = True,
) -> Reranked:
    """Rank all leads of these people, a transaction for each thousand. touched: see `for_people`."""
    ids = sorted(set(person_ids))
    total = Reranked()
    for start in range(0, len(ids), CHUNK):
        total += _chunk(parts, ids[start : start + CHUNK], now=now, remeasure=remeasure, touched=touched)
    return total


def _chunk(
    parts: Parts, ids: Sequence[int], *, now: datetime, remeasure: Collection[int], touched: bool
) -> Reranked:
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
                    touched=touched,
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
    touched: bool = True,
    pairs: Collection[tuple[int, int]] | None = None,
    told: Collection[tuple[int | None, int | None]] = (),
) -> Reranked:
    """Rank all leads of these people inside the caller's transaction, and write what follows from it.

    remeasure: leads that may be called although they are silent (the day's quota). At most a thousand
    people at a time. base_url: for the link in the notice to the owner. touched: False when no touchpoint of theirs
    has changed since they were ranked; then none is read. pairs: (person, product) of all new touches, where the
    caller knows them: where each has its lead, none is looked for. told: (user, person) who hear of these touches by
    another notice, and get no alert as well.
    """
    ids = sorted(set(person_ids))
    if not ids:
        return Reranked()
    ranks.plan_once(tx)
    leads = _leads(tx, ids, now=now, may_be_new=touched, pairs=pairs)
    products = ranks.products(tx, sorted({lead.product_id for lead in leads}), now=now)
    fresh = _rank(tx, leads, products, now=now, touched=touched)
    done = follow_rank.run(
        tx, fresh, products, remeasure=remeasure, now=now, zone=zone, base_url=base_url, told=told
    )
    moved = ranks.save(tx, [_ranking(one, done, now=now) for one in fresh], now=now)
    if done.tasks or any(one.lead.has_tasks for one in fresh):
        line_calls.for_people(tx, ids, now=now)
    if touched:
        surge.run(tx, ids, now=now, base_url=base_url, told={*told, *done.told})
    return Reranked(len(fresh), len(moved), done.tasks, len(done.offered), done.alerts)


def _leads(
    tx: Connection,
    ids: Sequence[int],
    *,
    now: datetime,
    may_be_new: bool,
    pairs: Collection[tuple[int, int]] | None,
) -> list[Lead]:
    """These people's leads, locked; those that touches ask for are made."""
    if may_be_new and pairs is None:
        ranks.ensure(tx, ids, now=now)
    leads = ranks.leads(tx, ids)
    if pairs and not {(lead.person_id, lead.product_id) for lead in leads}.issuperset(pairs):
        ranks.ensure(tx, ids, now=now)
        leads = ranks.leads(tx, ids)
    return leads


def _rank(
    tx: Connection, leads: Sequence[Lead], products: Mapping[int, Product], *, now: datetime, touched: bool
) -> list[Fresh]:
    """Each lead with its rank of this instant."""
    ids = [lead.id for lead in leads]
    sums: dict[int, Sums] = {} if touched else lead_sums.read(tx, ids, now=now)
    sums |= lead_sums.rebuild(tx, [id for id in ids if id not in sums], products.values(), now=now)
    left = {id: decay(now, cycle_days=product.rules.cycle_days) for id, product in products.items()}
    # The rare facts are asked for only where somebody once refused, or a product has rules for some industries.
    no = [lead.id for lead in leads if lead.refused_until is not None]
    refused = ranks.refused(tx, no) if no else {}
    special = any(product.variants for product in products.values())
    industries = ranks.industries(tx, [lead.person_id for lead in leads]) if special else {}
    found = []
    for lead in leads:
        product, mine = products[lead.product_id], sums[lead.id]
        rules = product.rules_for(industries.get(lead.person_id, ""))
        ranked = rank_seen(
            mine.seen,
            mine.at(left[product.id]),
            rules,
            now=now,
            refusal=ranks.refusal(lead.refused_until, refused.get(lead.id), rules.cycle_days),
            acquired_at=lead.acquired_at,
        )
        found.append(Fresh(lead, product, rules, ranked))
    return found


def _ranking(one: Fresh, done: Followed, *, now: datetime) -> Ranking:
    ranked, later = one.ranked, one.ranked.next_change_at
    return Ranking(
        lead_id=one.lead.id,
        state=follow_rank.stage(one, done),
        rank=ranked.rank.value,
        score=ranked.score,
        p_win=ranked.p_win,
        depth_max=ranked.depth_max,
        breakdown={str(group): round(points, 3) for group, points in ranked.by_group.items()},
        reasons=ranked.reasons,
        why=done.why.get(one.lead.id, ()),
        last_touch_at=ranked.last_touch_at,
        next_change_at=None if later is None else max(later, now + NOT_BEFORE),
    )


def due(parts: Parts, *, now: datetime) -> Reranked:
    """Rank whom time alone may have moved: decay, a trigger's end, the end of a cycle or a refusal."""
    total = Reranked()
    while True:
        with parts.engine.connect() as tx:
            ids = ranks.due(tx, now=now, limit=CHUNK)
        if not ids:
            return total
        total += people(parts, ids, now=now, touched=False)


def nightly(parts: Parts, *, now: datetime) -> Reranked:
    """The night's work: each product's warm cut and win rates, the leads that these move, the silent ones.

    Silent leads get a fifth of the day's calls, since only talking measures them again. Nobody calls on a day off, and
    what is still open of earlier days takes the place of new ones.
    """
    zone = parts.settings.tz
    calibrate.run(parts, now=now)
    with parts.engine.begin() as tx:
        verdicts.forget(tx, now=now)
    total = everybody(parts, now=now)
    calibrate.rescore(parts, now=now)
    check_sums(parts, now=now)
    day = datetime.combine(now.astimezone(zone).date(), time(), tzinfo=zone)
    with parts.engine.connect() as tx:
        if not closed_days.load(tx).is_business_day(day.date()):
            return total
        quota = actions.remeasure_quota(next_actions.call_capacity(tx))
        chosen = next_actions.remeasure(tx, day=day, quota=quota)
    return total + people(parts, chosen.values(), now=now, remeasure=frozenset(chosen), touched=False)


def check_sums(parts: Parts, *, now: datetime, sample: int = 2_000) -> int:
    """Compare some leads' sums with their touches, others every night; what differs is told, and made anew at once."""
    with parts.engine.connect() as tx:
        products = ranks.products(tx, standings.products(tx), now=now)
        one_in = max(1, standings.last_id(tx) // sample)
        rest = now.toordinal() % one_in
        wrong = lead_sums.wrong(tx, products.values(), one_in=one_in, rest=rest, now=now)
    if wrong:
        log.error("rank sums differ from the touches", people=wrong[:20], count=len(wrong))
        people(parts, wrong, now=now)
    return len(wrong)


def everybody(parts: Parts, *, now: datetime) -> Reranked:
    """Look at every lead's rank from its running sums, and rank anew whom a calibration, a cut or a rule moves.

    Those held at the gate come first, the likeliest of them in one go: whatever room sales have is theirs.
    """
    with parts.engine.connect() as tx:
        held = standings.held(tx, limit=CHUNK)
    total = people(parts, held, now=now, touched=False)
    with parts.engine.connect() as tx:
        products = ranks.products(tx, standings.products(tx, only_active=True), now=now)
        last = standings.last_id(tx)
    busy = [id for id, one in products.items() if any(row.rank is Rank.NURTURE for row in one.matrix)]
    for after in range(0, last, LEADS_CHUNK):
        with parts.engine.connect() as tx:
            ids = standings.moved(tx, products, busy=busy, after=after, until=after + LEADS_CHUNK, now=now)
        total += people(parts, ids, now=now, touched=False)
    return total
