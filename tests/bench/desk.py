"""The call desk in a large house: the order of a call list, the next call, the page that shows it.

python -m tests.bench.desk [--people 1000000] [--calls 100000] [--rounds 60] [--database-url URL] --json

People in two products, three touchpoints each, every tenth with an open call; a fifth of the calls waits for a date, a
tenth was promised, some leads have asked for something, some have nothing observed. Everything is committed durably.

order_10000_ms   the whole order of a list of 10,000 calls, from the stored lines to the last place: median
order_page_ms    the first page of the list of --calls, with what the others wait for: median
next_record_ms   the next call taken and held, and all that its page shows: median of --rounds, each recorded
next_p95_ms      its 95th percentile
take_ms          of that: choosing and holding the call
record_ms        noting a result, until its commit
settle_ms        all that follows from a result, rank included
tidy_s           the minute's look at the lines
lines_s          every line made anew, as the night does it
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.callorder import Desk
from campaigns.rules.outcomes import CallResult
from campaigns.services import call_desk, hold_call, line_calls, record_call, settle_calls, show_call
from tests.bench.installation import installation
from tests.services.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LIST = 10_000
BARS = {"order_10000_ms": 100.0, "next_record_ms": 100.0}
FILL = (
    "insert into companies (name, core_key, class, created_at)"
    " select 'C' || n, 'C' || n, (array['A', 'B', 'C1', 'D', 'E'])[1 + n % 5], :now"
    "  from generate_series(1, :people / 4 + 1) n",
    "insert into people (full_name, tel, created_at) select '試験 ' || n, '03-0000-0000', :now"
    "  from generate_series(1, :people) n",
    "insert into affiliations (person_id, company_id) select id, 1 + id / 4 from people where id <= :people",
    "insert into product_leads (person_id, product_id, state, rank, score, p_win, last_touch_at, acquired_at, created_at)"
    " select p.id, r.id, 'nurturing',"
    "        case when mod(p.id, 7) = 0 then 'unobserved' when mod(p.id, 3) = 0 then 'warm' else 'nurture' end,"
    "        mod(abs(hashint8(p.id)), 1000) / 10.0, mod(abs(hashint8(p.id * 3 + r.id)), 60) / 100.0,"
    "        cast(:now as timestamptz) - make_interval(mins => mod(abs(hashint8(p.id * 5)), 200000)), :now, :now"
    "  from people p, products r",
    "insert into touchpoints (source_key, person_id, company_id, product_id, kind, channel, depth, at, validity, active_s,"
    "       created_at) select 'b:' || k || ':' || p.id, p.id, 1 + p.id / 4, 1,"
    "       case when k = 0 and mod(p.id, 500) = 0 then 'inquiry' when k = 1 then 'web_view' else 'mail_click' end, '', 0,"
    "       cast(:now as timestamptz) - make_interval(hours => 24 * k + mod(abs(hashint8(p.id + k)), 900)), 1, 40, :now"
    "  from generate_series(0, 2) k, people p where p.id <= :people",
    "insert into tasks (kind, person_id, company_id, product_id, lead_id, state, cause, due_at, created_at, not_before,"
    "       promised_at, tries) select 'call', l.person_id, 1 + l.person_id / 4, l.product_id, l.id, 'open', 'warm_deep',"
    "       :now, :now, case when mod(l.id, 10) = 3 then cast(:now as timestamptz) + interval '5 days' end,"
    "       case when mod(l.id, 10) = 4 then cast(:now as timestamptz) + make_interval(hours => mod(l.id, 300)::int) end,"
    "       mod(l.id, 4) from product_leads l"
    "  where l.product_id = 1 and mod(l.person_id, greatest(:people / :calls, 1)) = 0",
)


@dataclass(slots=True)
class Report:
    people: int
    calls: int = 0
    order_10000_ms: float = 0.0
    order_page_ms: float = 0.0
    next_record_ms: float = 0.0
    next_p95_ms: float = 0.0
    take_ms: float = 0.0
    record_ms: float = 0.0
    settle_ms: float = 0.0
    tidy_s: float = 0.0
    lines_s: float = 0.0
    cpu_ms: dict[str, float] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)


def timed(work: Callable[[], object], *, rounds: int = 1) -> float:
    """Median milliseconds on the clock."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(taken), 2)


def fill(parts: Parts, *, people: int, calls: int) -> int:
    World.build(parts, NOW)
    values = {"now": NOW, "people": people, "calls": calls}
    with parts.engine.begin() as tx:
        for statement in FILL:
            tx.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))
        return int(tx.execute(text("select count(*) from tasks")).scalar_one())


def whole_order(parts: Parts) -> int:
    """The order of everything that is offered; returns how many."""
    with parts.engine.connect() as tx:
        desk = Desk(zone=parts.settings.tz)
        wanted = call_desk.scope(tx, parts, desk, user_id=None, now=NOW)
        return len(call_desk.ordered(tx, wanted, n=10 * LIST))


def order_of_list(parts: Parts) -> float:
    """The order of LIST calls: the other lines are put aside for it, and come back with the night's work."""
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "delete from call_lines where task_id not in (select task_id from call_lines"
                " where not_before is null and promised_at is null order by task_id limit :n)"
            ),
            {"n": LIST},
        )
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze call_lines"))
    found = whole_order(parts)
    if found < 0.9 * LIST:
        raise RuntimeError(f"only {found} of {LIST} calls are offered")
    return timed(lambda: whole_order(parts), rounds=15)


def work_through(parts: Parts, report: Report, *, rounds: int) -> None:
    """One caller's calls, one after another."""
    whole, take, record, settle = [], [], [], []
    now = NOW
    for _ in range(rounds):
        began = time.perf_counter()
        task = hold_call.next(parts, user_id=1, token="bench", now=now)
        assert task is not None
        held = time.perf_counter()
        card = show_call.run(parts, task, now=now, user_id=1)
        hold_call.open(parts, task, user_id=1, token="bench", now=now)
        call_desk.coming(parts, user_id=1, now=now, n=5, skip=(task,))
        shown = time.perf_counter()
        assert card is not None
        record_call.record(
            parts,
            task_id=task,
            version=card.line.call.version,
            result=CallResult.TALKED,
            user_id=1,
            now=now,
        )
        noted = time.perf_counter()
        now += timedelta(seconds=70)
        settle_calls.run(parts, now=now)
        ended = time.perf_counter()
        whole.append(shown - began)
        take.append(held - began)
        record.append(noted - shown)
        settle.append(ended - noted)
    report.next_record_ms = round(1000 * statistics.median(whole), 2)
    report.next_p95_ms = round(1000 * sorted(whole)[int(0.95 * len(whole))], 2)
    report.take_ms = round(1000 * statistics.median(take), 2)
    report.record_ms = round(1000 * statistics.median(record), 2)
    report.settle_ms = round(1000 * statistics.median(settle), 2)


def run(parts: Parts, *, people: int, calls: int, rounds: int) -> Report:
    report = Report(people=people)
    report.calls = fill(parts, people=people, calls=calls)
    report.lines_s = round(timed(lambda: line_calls.everything(parts, now=NOW)) / 1000, 2)
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze call_lines"))
    report.tidy_s = round(timed(lambda: line_calls.tidy(parts, now=NOW)) / 1000, 3)
    report.order_page_ms = timed(
        lambda: call_desk.queue(parts, now=NOW, user_id=1, hours_only=False, most=50), rounds=9
    )
    began = time.process_time()
    work_through(parts, report, rounds=rounds)
    report.cpu_ms["round"] = round(1000 * (time.process_time() - began) / rounds, 2)
    began = time.process_time()
    report.order_10000_ms = order_of_list(parts)
    report.cpu_ms["order_10000"] = round(1000 * (time.process_time() - began) / 16, 2)
    report.missed = [name for name, bar in BARS.items() if getattr(report, name) > bar]
    return report


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--people", type=int, default=1_000_000)
    asked.add_argument("--calls", type=int, default=100_000)
    asked.add_argument("--rounds", type=int, default=60)
    asked.add_argument("--database-url", default="")
    asked.add_argument("--json", action="store_true")
    given = asked.parse_args()
    more = {"database_url": given.database_url} if given.database_url else {}
    with installation(resolver="none", **more) as parts:
        parts.clock.move_to(NOW)
        report = run(parts, people=given.people, calls=given.calls, rounds=given.rounds)
    found = asdict(report)
    print(json.dumps(found) if given.json else "\n".join(f"{k:16} {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
