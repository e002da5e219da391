"""Events from the stream into the database, until every verdict is given, touchpoints stand and ranks have moved.

The traffic is the labelled crowd of tests/tracking_pixel (people, and the scanners between them and their mail),
with more pages and beats for those who read on; the house has as many people as mails, with leads for two products.
The workers are `ikusei worker`, two of them. Beside the clock's time it states processor time, which other work on
the machine does not change. python -m tests.bench.observe [--people 200000] --json
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from campaigns import jobs
from campaigns.parts import STREAM, Parts
from campaigns.rules.schedule import month_of
from campaigns.services import accounts, judge, observe, rerank
from tests import world
from tests.bench import large_house, processes
from tests.bench.installation import House, house
from tests.tracking_pixel import crowd, profiles
from tests.tracking_pixel.crowd import Mail
from tracking_pixel.events import Event, EventKind

PEOPLE = 200_000
ALONE = 20_000  # people whose events one process takes in alone, for the parts
SEED = 11
ENTRY = 50  # events of one entry of the stream
STEP = 4000  # events that the one process takes in at once
NOW = crowd.START + timedelta(days=24)
BEATS = 4  # of a page that is read, on average, after the first
LIMIT_S = 600
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Report:
    """Events a second by the clock; processor time in microseconds an event.

    *_us: of the workers' Python, of PostgreSQL, of Redis, all processes together. take_us, judge_us, rank_us: Python
    and PostgreSQL of one process alone: storing, verdicts with touchpoints, ranks with their leads. per_s_by_cpu:
    what two processors could do if nothing else ran. kinds: share of each kind of event. checked: leads whose score
    was computed again from all their touches. load: one minute's of the machine, before.
    """

    events_per_s: float
    per_s_by_cpu: float
    python_us: float
    postgres_us: float
    redis_us: float
    take_us: tuple[float, float]
    judge_us: tuple[float, float]
    rank_us: tuple[float, float]
    events: int
    seconds: float
    mails: int
    touchpoints: int
    leads_ranked: int
    ranks_moved: int
    checked: int
    wrong: int
    lost: int
    kinds: dict[str, float]
    people: int
    load: float


def measure(*, people: int, alone: int = ALONE, seed: int = SEED) -> Report:
    load = os.getloadavg()[0]
    mails = traffic(people + alone, seed=seed)
    with house(sites=crowd.OWN_SITE, workers=2) as own:
        fill(own.parts, mails)
        parts = _alone(own, mails[people:])
        return _together(own, mails[:people], parts, load=load)


def traffic(people: int, *, seed: int) -> list[Mail]:
    """A mail to everybody, and what people and machines did with it."""
    draw = random.Random(seed)
    mails = crowd.mails(seed, people, *profiles.written())
    for mail in mails:
        for view in [one for one in mail.events if one.kind is EventKind.VIEW and one.uid in mail.people]:
            mail.events += _reading(draw, mail, view)
        mail.events = [event for event in mail.events if event.at < NOW]
    return mails


def _reading(draw: random.Random, mail: Mail, view: Event) -> Iterator[Event]:
    """Who reads on: beats every 15 s, and every second time another page."""
    page, at = replace(view, kind=EventKind.BEAT, active_s=15.0, has_input=True), view.at
    for name in "pq" if draw.random() < 0.5 else "p":
        if name != view.visit[-1]:
            at += timedelta(seconds=5)
            page = replace(page, url=f"{crowd.OWN_SITE}/price/", visit=f"{view.visit[:-1]}{name}")
            yield replace(
                page, uid=f"{mail.id}-{page.visit}", kind=EventKind.VIEW, at=at, active_s=0.0, has_input=False
            )
        for n in range(int(draw.expovariate(1 / BEATS))):
            at += timedelta(seconds=15)
            yield replace(page, uid=f"{mail.id}-{page.visit}-{n}", at=at)


DELIVERIES = (
    "update addresses set email = 'p' || id || '@company' || (id - 1) / 20 || '.example',"
    " email_key = 'p' || id || '@company' || (id - 1) / 20 || '.example'",
    "update product_leads l set rank = case when t.at > cast(:now as timestamptz) - interval '365 days'"
    " then 'nurture' else 'unobserved' end, depth_max = 1, last_touch_at = t.at, acquired_at = t.at,"
    " next_change_at = case when t.at > cast(:now as timestamptz) - interval '364 days' then t.at + interval '365 days' end"
    " from touchpoints t where t.person_id = l.person_id",
    "insert into deliveries (id, origin, person_id, address_id, product_id, content_id, step_key, month, state,"
    " send_at, sent_at, created_at) overriding system value select n, 'bench:' || n, n, n, 1 + n % 2, :content, 'K1', :month, 'sent', s, s, s"
    " from unnest(cast(:ids as bigint[]), cast(:sent as timestamptz[])) q(n, s)",
    "select setval(pg_get_serial_sequence('deliveries', 'id'), (select max(id) from deliveries))",
    "vacuum analyze",
)


def fill(parts: Parts, mails: Sequence[Mail]) -> None:
    """As many people as mails, each with a badge scan, a lead or two, and the mail."""
    parts.clock.move_to(NOW)
    accounts.create_first(
        parts, email="a@maker.example", name="A", password="correct horse battery", locale="ja", now=NOW
    )
    with parts.engine.begin() as tx:
        products = [world.product(tx, f"商材 {n}", list_key=f"p{n}") for n in (1, 2)]
        contents = [world.scenario(tx, one)[2] for one in products]
        tx.execute(text("update contents set tags = array['検査', '省人化']"))
    values = {"people": len(mails), "now": NOW, "small": 2000}
    large_house.run(parts, large_house.PEOPLE, values)
    more: dict[str, Any] = {"content": contents[0][0], "month": month_of(NOW)}
    more |= {"ids": [mail.id for mail in mails], "sent": [mail.sent_at for mail in mails]}
    large_house.run(parts, DELIVERIES, {"now": NOW, **more})


# --- two workers ---------------------------------------------------------------------------------------------------


def _together(
    own: House, mails: Sequence[Mail], alone: dict[str, tuple[float, float]], *, load: float
) -> Report:
    parts = own.parts
    events = sorted((event for mail in mails for event in mail.events), key=lambda event: event.at)
    raws = [event.to_bytes() for event in events]
    with processes.workers(parts.settings, 2) as pids:
        for start in range(0, len(raws), 100 * ENTRY):
            _push(parts, raws[start : start + 100 * ENTRY])
        before, began = _spent(own, pids), time.monotonic()
        _wait(parts)
        seconds = time.monotonic() - began
        spent = [after - one for after, one in zip(_spent(own, pids), before, strict=True)]
    found = _found(parts, len(mails))
    python, postgres, redis_ = (one / len(events) * 1e6 for one in spent)
    checked, wrong = _checked(parts)
    return Report(
        events_per_s=round(len(events) / seconds),
        per_s_by_cpu=round(2e6 / (python + postgres + redis_)),
        python_us=round(python, 1),
        postgres_us=round(postgres, 1),
        redis_us=round(redis_, 1),
        **alone,  # type: ignore[arg-type]
        events=len(events),
        seconds=round(seconds, 1),
        mails=sum(bool(mail.events) for mail in mails),
        touchpoints=found["touchpoints"],
        leads_ranked=found["ranked"],
        ranks_moved=found["moved"],
        checked=checked,
        wrong=wrong,
        lost=len(events) - found["judged"],
        kinds={kind.value: round(n / len(events), 3) for kind, n in Counter(e.kind for e in events).items()},
        people=len(mails),
        load=round(load, 2),
    )


def _push(parts: Parts, raws: Sequence[bytes]) -> None:
    pipe = parts.redis.pipeline(transaction=False)
    for start in range(0, len(raws), ENTRY):
        group = raws[start : start + ENTRY]
        pipe.xadd(STREAM, {str(n).encode(): raw for n, raw in enumerate(group)})
    pipe.execute()


def _wait(parts: Parts) -> None:
    """What the scheduler does, until nothing waits any more."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        now = parts.clock.now()
        if parts.redis.xlen(STREAM) or judge.is_due(parts, now=now):
            jobs.ask(parts, "observe")
        elif not _is_open(parts):
            return
        time.sleep(0.05)
    log = (parts.settings.folder / "worker.log").read_text()
    raise SystemExit(f"still waiting: {_left(parts)}\n{log[-6000:]}")


def _left(parts: Parts) -> dict[str, Any]:
    query = (
        "select (select count(*) from verdicts_due) as verdicts, (select min(due_at) from verdicts_due) as due,"
        " (select count(*) from product_leads where next_change_at <= :now) as ranks"
    )
    with parts.engine.connect() as tx:
        found = dict(tx.execute(text(query), {"now": NOW}).one()._mapping)
    return found | {"entries": parts.redis.xlen(STREAM)}


def _is_open(parts: Parts) -> bool:
    """Verdicts or ranks that are still to come."""
    query = (
        "select exists (select 1 from verdicts_due) or exists (select 1 from verdict_claims)"
        " or exists (select 1 from product_leads where next_change_at <= :now)"
    )
    with parts.engine.connect() as tx:
        return bool(tx.execute(text(query), {"now": NOW}).scalar())


def _found(parts: Parts, people: int) -> dict[str, int]:
    query = (
        "select (select count(*) from tracking_events where verdict <> '' and person_id <= :n) as judged,"
        " (select count(*) from touchpoints where delivery_id is not null and person_id <= :n) as touchpoints,"
        " (select count(*) from product_leads where ranked_at is not null and person_id <= :n) as ranked,"
        " (select count(*) from rank_changes c join product_leads l on l.id = c.lead_id"
        "   where l.person_id <= :n and c.at >= :since) as moved"
    )
    with parts.engine.connect() as tx:
        row = tx.execute(text(query), {"n": people, "since": NOW}).one()
        return dict(row._mapping)


def _checked(parts: Parts) -> tuple[int, int]:
    """Leads ranked, computed again from all their touches at that instant: how many, and how many differ."""
    from campaigns.rules.scores import engagement
    from campaigns.storage import ranks, touchpoints

    with parts.engine.connect() as tx:
        rows = tx.execute(
            text(
                "select person_id, product_id, score, ranked_at from product_leads where ranked_at is not null"
                " order by md5(id::text) limit 2000"
            )
        ).all()
        touches = touchpoints.of_people(tx, sorted({row.person_id for row in rows}))
        products = ranks.products(tx, [1, 2], now=NOW)
    wrong = 0
    for row in rows:
        rules = products[row.product_id].rules
        of = touches.get(row.person_id, [])
        again = engagement(of, product_id=row.product_id, cycle_days=rules.cycle_days, now=row.ranked_at)
        wrong += abs(again.total - row.score) > 1e-9
    return len(rows), wrong


# --- processor time ------------------------------------------------------------------------------------------------


def _spent(own: House, pids: Sequence[int]) -> tuple[float, float, float]:
    """Seconds of processor time so far: of these processes, of PostgreSQL, of Redis."""
    workers = sum(processes.cpu_s(pid) for pid in pids)
    return (
        workers,
        _family_s(own.servers["postgres"].process.pid),
        processes.cpu_s(own.servers["valkey"].process.pid),
    )


def _family_s(pid: int) -> float:
    """A process, its living children, and those that have ended."""
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid:
            total += sum(int(one) for one in fields[11:15]) / _TICKS
        elif int(fields[1]) == pid:
            total += (int(fields[11]) + int(fields[12])) / _TICKS
    return total


# --- one process, part by part -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Meter:
    """Processor time of a part: Python's and PostgreSQL's."""

    own: House
    python: float = 0.0
    postgres: float = 0.0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        before = _own_s(), _family_s(self.own.servers["postgres"].process.pid)
        yield
        self.python += _own_s() - before[0]
        self.postgres += _family_s(self.own.servers["postgres"].process.pid) - before[1]


def _own_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _alone(own: House, mails: Sequence[Mail]) -> dict[str, tuple[float, float]]:
    events = sorted((event for mail in mails for event in mail.events), key=lambda event: event.at)
    take, rank, whole = _Meter(own), _Meter(own), _Meter(own)
    gc.freeze()  # as a worker does; the crowd's own events are no part of the work
    with take():
        for start in range(0, len(events), STEP):
            observe.take(own.parts, events[start : start + STEP], now=NOW)
    with _metered(rerank, "for_people", rank), whole():
        judge.due(own.parts, now=NOW)
    each = 1e6 / len(events)
    return {
        "take_us": (round(take.python * each, 1), round(take.postgres * each, 1)),
        "judge_us": (
            round((whole.python - rank.python) * each, 1),
            round((whole.postgres - rank.postgres) * each, 1),
        ),
        "rank_us": (round(rank.python * each, 1), round(rank.postgres * each, 1)),
    }


@contextmanager
def _metered(module: Any, name: str, meter: _Meter) -> Iterator[None]:
    genuine: Callable[..., Any] = getattr(module, name)

    def metered(*args: Any, **more: Any) -> Any:
        with meter():
            return genuine(*args, **more)

    setattr(module, name, metered)
    try:
        yield
    finally:
        setattr(module, name, genuine)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = asdict(measure(people=options.people, seed=options.seed))
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
