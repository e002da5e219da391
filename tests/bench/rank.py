"""Ranks of a large house: from all touchpoints, from the running sums, for one new touch, and what falls due at once.

python -m tests.bench.rank [--leads 1000000] [--touches 300] [--sample 2000] [--database-url URL] --json

Half as many people as leads, each in two products, ten touchpoints a lead (one of them of no product, which counts
half for both), written in the order of time, as they come. Everything is written and committed durably.

first_s        every lead ranked for the first time, a rank change each, with reasons
recompute_s    sums of all leads made anew from the touchpoints, every rank looked at, those that moved written
sums_s         every score, win rate and rank from the running sums alone, those that moved written
rescore_s      the night's writing of every score as it has decayed by then (no bar)
checked        leads whose score was computed from their touches by the rules and from the sums by the database
difference     the largest difference among them, and between the two recomputations
one_touch_ms   a touch entered by hand, until its commit: median of --touches, with tasks, alerts and audit
due_per_s      leads ranked a second whose decay, trigger or cycle ends this morning
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.scores import engagement
from campaigns.rules.touchpoints import Kind
from campaigns.services import calibrate, record_touch, rerank
from campaigns.storage import ranks, standings, touchpoints
from tests.bench.installation import installation
from tests.services.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
PER_LEAD = 10
DUE = 100_000
BARS = {"recompute_s": 30.0, "sums_s": 5.0, "one_touch_ms": 5.0}
KINDS: tuple[str, ...] = (
    "mail_click",
    "mail_click",
    "web_view",
    "web_view",
    "web_view_key",
    "mail_open",
    "badge_scan",
)
KINDS += (
    "mail_click",
    "web_view",
    "doc_request",
    "card_exchange",
    "booth_talk",
    "call_connected",
    "mail_reply",
)

# The indexes are made after the rows; nothing else differs from rows that came one by one.
INDEXES = """
select indexname, indexdef from pg_indexes where tablename = 'touchpoints' and indexname like 'ix_touchpoints_%'
   and indexname <> 'ix_touchpoints_person_id_at' order by indexname
"""
PEOPLE = (
    "insert into companies (name, core_key, class, created_at)"
    " select 'C' || n, 'C' || n, 'E', :now from generate_series(1, :people / 4 + 1) n",
    "insert into people (full_name, tel, created_at) select '試験 ' || n, '03-0000-0000', :now"
    "  from generate_series(1, :people) n",
    "insert into affiliations (person_id, company_id) select id, 1 + id / 4 from people where id <= :people",
    "insert into product_leads (person_id, product_id, state, acquired_at, created_at)"
    " select p.id, r.id, 'nurturing', cast(:now as timestamptz) - interval '800 days', :now from people p, products r",
    "analyze",
)
TOUCH = """
insert into touchpoints (source_key, person_id, company_id, product_id, kind, channel, depth, at, validity, active_s,
       created_at)
select 't:' || :n || ':' || l.id, l.person_id, 1 + l.person_id / 4, case when :n < 9 then l.product_id end, k.kind, '',
       0, at, case when mod(hashint8(l.id * 31 + :n), 10) = 0 then 0 else 1 end,
       case when k.kind like 'web%' then mod(abs(hashint8(l.id + :n)), 240) else 0 end, at
  from product_leads l,
       lateral (select (cast(:kinds as text[]))[1 + mod(abs(hashint8(l.id * 7 + :n)), :kinds_n)] as kind) k,
       lateral (select cast(:now as timestamptz) - make_interval(secs =>
                 ((9 - :n) * 70 + mod(abs(hashint8(l.id * 13 + :n)), 70)) * 86400.0
                 + mod(abs(hashint8(l.id * 17 + :n)), 86400)) as at) t
 where :n < 9 or l.product_id = 1
"""


@dataclass(slots=True)
class Report:
    """Seconds on the clock; cpu_s: of this process alone, by phase."""

    leads: int
    touchpoints: int = 0
    fill_s: float = 0.0
    first_s: float = 0.0
    recompute_s: float = 0.0
    moved: int = 0
    sums_s: float = 0.0
    sums_ratio: float = 0.0
    rescore_s: float = 0.0
    checked: int = 0
    difference: float = 0.0
    one_touch_ms: float = 0.0
    one_touch_p95_ms: float = 0.0
    due_per_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)


@contextmanager
def timed(report: Report, name: str) -> Iterator[None]:
    began, used = time.perf_counter(), _cpu()
    yield
    setattr(report, name, round(time.perf_counter() - began, 3))
    report.cpu_s[name] = round(_cpu() - used, 3)


def _cpu() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    return own.ru_utime + own.ru_stime


def fill(parts: Parts, leads: int) -> int:
    """People, leads and their touches; returns how many touches there are."""
    World.build(parts, NOW)
    values = {"now": NOW, "people": leads // 2, "kinds": list(KINDS), "kinds_n": len(KINDS)}
    with parts.engine.begin() as tx:
        for statement in PEOPLE:
            tx.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        slow = tx.execute(text(INDEXES)).all()
        for index in slow:
            tx.execute(text(f"drop index {index.indexname}"))
        for n in range(PER_LEAD):
            tx.execute(text(TOUCH), {"n": n, **{k: v for k, v in values.items() if k != "people"}})
        for index in slow:
            tx.execute(text(index.indexdef))
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))
        return int(tx.execute(text("select count(*) from touchpoints")).scalar_one())


def scores(parts: Parts, *, now: datetime, until: int) -> dict[int, float]:
    """Every score from the sums, by the database."""
    with parts.engine.connect() as tx:
        products = ranks.products(tx, standings.products(tx), now=now)
        return standings.scores(tx, products, after=0, until=until, now=now)


def differ(parts: Parts, found: dict[int, float], *, now: datetime, sample: int) -> float:
    """The largest difference to the rules' own arithmetic over the touches."""
    ids = random.Random(1).sample(sorted(found), min(sample, len(found)))
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text("select id, person_id, product_id from product_leads where id = any(:ids)"), {"ids": ids}
        ).all()
        products = ranks.products(tx, standings.products(tx), now=now)
        touches = touchpoints.of_people(tx, sorted({row.person_id for row in rows}))
    worst = 0.0
    for row in rows:
        rules = products[row.product_id].rules
        score = engagement(
            touches.get(row.person_id, []),
            product_id=row.product_id,
            cycle_days=rules.cycle_days,
            now=now,
            table=rules.table,
        ).total
        worst = max(worst, abs(score - found[row.id]))
    return worst


def one_touch(parts: Parts, *, people: int, times: int, now: datetime) -> list[float]:
    """Milliseconds of each touch entered by hand."""
    draw, took = random.Random(2), []
    for n in range(times + 5):
        kind = draw.choice((Kind.BADGE_SCAN, Kind.CARD_EXCHANGE, Kind.BOOTH_TALK, Kind.DOC_REQUEST))
        person, product = draw.randrange(1, people), draw.choice((1, 2, None))
        began = time.perf_counter()
        record_touch.run(
            parts, person_id=person, kind=kind, at=now, key=f"b{n}", product_id=product, user_id=1, now=now
        )
        took.append((time.perf_counter() - began) * 1000)
    return took[5:]


def due(parts: Parts, *, now: datetime) -> float:
    """Leads a second."""
    with parts.engine.begin() as tx:
        tx.execute(text("update product_leads set next_change_at = null"))
        tx.execute(
            text("update product_leads set next_change_at = :now where id <= :n"), {"now": now, "n": DUE}
        )
    began = time.perf_counter()
    done = rerank.due(parts, now=now + timedelta(minutes=1))
    return done.leads / (time.perf_counter() - began)


def run(parts: Parts, *, leads: int, touches: int, sample: int) -> Report:
    report = Report(leads)
    with timed(report, "fill_s"):
        report.touchpoints = fill(parts, leads)
    with timed(report, "first_s"):
        rerank.people(parts, range(1, leads // 2 + 1), now=NOW)
    calibrate.run(parts, now=NOW)
    rerank.everybody(parts, now=NOW)
    _vacuum(parts)
    now = NOW + timedelta(days=1)
    with timed(report, "sums_s"):
        report.moved = rerank.everybody(parts, now=now).moved
    before = scores(parts, now=now, until=leads)
    with timed(report, "recompute_s"):
        calibrate.sum_up(parts, now=now, whole=True)
        rerank.everybody(parts, now=now)
    after = scores(parts, now=now, until=leads)
    report.checked = len(after)
    report.difference = max(
        max(abs(after[id] - before[id]) for id in after), differ(parts, after, now=now, sample=sample)
    )
    report.sums_ratio = round(report.sums_s / report.recompute_s, 3)
    with timed(report, "rescore_s"):
        calibrate.rescore(parts, now=now)
    _vacuum(parts)
    took = one_touch(parts, people=leads // 2, times=touches, now=now)
    report.one_touch_ms = round(statistics.median(took), 2)
    report.one_touch_p95_ms = round(statistics.quantiles(took, n=20)[18], 2)
    report.due_per_s = round(due(parts, now=now + timedelta(hours=1)), 1)
    report.missed = [name for name, bar in BARS.items() if getattr(report, name) > bar]
    report.missed += ["difference"] if report.difference > 1e-9 else []
    return report


def _vacuum(parts: Parts) -> None:
    """What the server's own vacuum does within minutes."""
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze product_leads, lead_sums, touchpoints"))


def main() -> None:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--leads", type=int, default=1_000_000)
    options.add_argument("--touches", type=int, default=300, help="touches entered one by one")
    options.add_argument("--sample", type=int, default=2_000, help="leads checked against the rules")
    options.add_argument("--database-url", default="")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    with installation(database_url=chosen.database_url) as parts:
        report = run(parts, leads=chosen.leads, touches=chosen.touches, sample=chosen.sample)
    if chosen.json:
        print(json.dumps(asdict(report)))
        return
    for name, value in asdict(report).items():
        print(f"{name:18} {value}")


if __name__ == "__main__":
    main()
