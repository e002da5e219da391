"""Planning a month for everybody: three products want each person, five past mails stand behind each.

Two planners in processes of their own, all reads, decisions and writes included, against an ORM loop that does the
same for a sample in the same run (`plan_orm`), and the tick of a planner who finds nobody due.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from statistics import median
from typing import Any

from sqlalchemy import text

from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.services import enrol, plan, self_audit
from campaigns.settings import Settings
from tests import world
from tests.bench import plan_orm
from tests.bench.installation import installation

SAMPLE = 3_000
MORNING = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)  # 06:01 of 20 November in Tokyo

FILL = (
    "insert into companies (name, core_key, class, created_at)"
    " select 'C' || n, 'C' || n, 'E', :now from generate_series(1, :people / 4) n",
    "insert into addresses (email, email_key, key_hash, status, created_at)"
    " select 'p' || n || '@c.example', 'p' || n || '@c.example', decode(md5(n::text), 'hex'), 'ok', :now"
    " from generate_series(1, :people) n",
    "insert into people (family, given, full_name, name_key, address_id, created_at)"
    " select 'F', 'G' || id, 'F G' || id, 'FG' || id, id, :now from addresses order by id",
    "insert into affiliations (person_id, company_id) select id, 1 + id % (:people / 4) from people",
    "insert into consents (address_id, person_id, basis, obtained_at, recorded_at)"
    " select id, id, 'card_written', :now, :now from people",
    "insert into suppressions (key_hash, address_id, person_id, scope, product_id, reason, at)"
    " select key_hash, id, id, 'product', :first, 'user_link', :now from addresses where id % 50 = 0",
    "insert into product_leads (person_id, product_id, state, rank, created_at)"
    " select p.id, r.id, 'nurturing', (array['warm', 'nurture', 'unobserved'])[1 + (p.id + r.id) % 3], :now"
    " from people p, products r",
    "insert into touchpoints (source_key, person_id, kind, channel, depth, at, created_at)"
    " select 'b' || p.id || '/' || n, p.id, 'badge_scan', 'offline', 1, cast(:now as timestamptz) - n * interval '40 days', :now"
    " from people p, generate_series(1, 3) n",
    # Five counted mails a person of the months before, month after month as they were sent, each with its slot.
    "insert into deliveries (origin, person_id, address_id, product_id, tone, month, state, send_at, sent_at, created_at)"
    " select 'old:' || p.id || '/' || n, p.id, p.id, :first, 'info', :month - n, 'sent', at, at, at"
    " from generate_series(2, 6) n, people p, lateral (select cast(:now as timestamptz) - n * interval '30 days' as at) x"
    " order by n desc, p.id",
    "insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
    " select person_id, address_id, product_id, month, 1, id from deliveries",
    "vacuum analyze",
)


def fill(parts: Parts, people: int) -> None:
    """People, leads, consents, refusals, touches and history; enrolled in three scenarios."""
    with parts.engine.begin() as tx:
        products = [world.product(tx, f"商材 {n}", list_key=f"p{n}", priority=n) for n in (1, 2, 3)]
        numbers = [world.scenario(tx, product)[0] for product in products]
    values = {"people": people, "now": MORNING, "month": month_of(MORNING), "first": products[0]}
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        for query in FILL:
            tx.execute(text(query), values)
    for number in numbers:
        enrol.audience(parts, number, now=MORNING)
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))


@dataclass(frozen=True, slots=True)
class Report:
    """idle_tick_ms: median of a run with nobody due; first_tick_ms: the one right after the full plan.

    plan_s: all of it by `planners` processes, vacuum included. orm_ratio: rate of plan_s to that of the ORM loop.
    planner_cpu_s: of the planners' own processes; load: one minute's load average of the machine before.
    """

    people: int
    planners: int
    plan_s: float
    people_per_s: float
    planner_cpu_s: float
    idle_tick_ms: float
    first_tick_ms: float
    orm_people_per_s: float
    orm_ratio: float
    waiting: int
    states: dict[str, int]
    load: float


def measure(*, people: int, planners: int, database_url: str = "", sample: int = SAMPLE) -> Report:
    """Fill, time the ORM loop on a sample, then all the others; see `Report`."""
    with installation(database_url=database_url) as parts:
        fill(parts, people + sample)
        with parts.engine.connect() as tx:
            ids = list(
                tx.execute(text("select id from people where id > :n order by id"), {"n": people}).scalars()
            )
        orm_s = _timed(lambda: plan_orm.run(parts, ids, now=MORNING))
        load = os.getloadavg()[0]
        began = time.monotonic()
        found = _plan(parts, planners)
        plan_s = time.monotonic() - began
        ticks = [_timed(lambda: plan.run(parts, now=MORNING)) for _ in range(101)]
        audit = self_audit.run(parts, now=MORNING)
        if not audit.is_sound:
            raise SystemExit(f"the states do not add up: {audit}")
    planned = sum((Counter(one["states"]) for one in found), Counter())
    return Report(
        people=people,
        planners=planners,
        plan_s=round(plan_s, 2),
        people_per_s=round(people / plan_s),
        planner_cpu_s=round(sum(one["cpu_s"] for one in found), 2),
        idle_tick_ms=round(median(ticks) * 1000, 2),
        first_tick_ms=round(ticks[0] * 1000, 2),
        orm_people_per_s=round(sample / orm_s, 1),
        orm_ratio=round(people / plan_s / (sample / orm_s), 1),
        waiting=sum(one["waiting"] for one in found),
        states=dict(planned),
        load=round(load, 2),
    )


def _timed(run: Callable[[], object]) -> float:
    began = time.monotonic()
    run()
    return time.monotonic() - began


def _plan(parts: Parts, planners: int) -> list[dict[str, Any]]:
    """Planners in processes of their own, as workers are; what each did."""
    with get_context("spawn").Pool(planners) as pool:
        return pool.map(_planner, [parts.settings] * planners, chunksize=1)


def _planner(settings: Settings) -> dict[str, Any]:
    parts = composition.build(settings)
    before = os.times()
    done = plan.run(parts, now=MORNING)
    spent = os.times()
    parts.engine.dispose()
    cpu_s = spent.user + spent.system - before.user - before.system
    return {"people": done.people, "states": dict(done.states), "waiting": done.waiting, "cpu_s": cpu_s}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--planners", type=int, default=2)
    parser.add_argument(
        "--database-url", default="", help="an empty database; without it an embedded one is made"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = measure(people=options.people, planners=options.planners, database_url=options.database_url)
    if options.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
