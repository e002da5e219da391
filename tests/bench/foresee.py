"""The simulation against what then really happens: the same mails to the same people in the same months.

A scenario is simulated as a draft, published, and the same months are lived for real with the same draws as
reactions; see `living`. `python -m tests.bench.foresee --people 2000 --months 12 --seed 7 --json`
"""

from __future__ import annotations

import argparse
import json
import os
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, time, timedelta
from time import monotonic
from zoneinfo import ZoneInfo

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.schedule import first_day, last_day, month_label, month_of
from campaigns.rules.simulating import Event
from campaigns.services import foresee_cuts, render, simulate
from tests.bench import audience, living
from tests.bench.audience import House
from tests.bench.installation import installation
from tests.bench.living import Life
from tests.bench.recipients import Mailboxes, Received

START = datetime(2026, 9, 24, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo
BEFORE = 1  # months that the other products have run when the scenario is simulated
RATES = Rates(open=0.35, click=0.08, reply=0.015, unsubscribe=0.006)
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that somebody got or would get. what: the row's KEY, and the content's id."""

    person: int
    product: int
    what: str
    month: int


@dataclass(frozen=True, slots=True)
class Report:
    """foreseen, happened: mails. same: share of those foreseen or happened that are both, 0..1.

    missing: foreseen and never came; extra: came unforeseen; other_month: the same mail in another month.
    reactions: by kind, of all months lived. load: one minute's of the machine, before.
    """

    people: int
    months: int
    seed: int
    foreseen: int
    happened: int
    same: float
    missing: int
    extra: int
    other_month: int
    people_differing: int
    reactions: dict[str, int]
    differences: tuple[str, ...]
    simulated_s: float
    lived_s: float
    load: float


def measure(
    *,
    people: int,
    months: int,
    seed: int,
    before: int = BEFORE,
    rates: Rates = RATES,
    database_url: str = "",
) -> Report:
    """See `Report`. before: months that two products have run; rates: of all products, for the draws."""
    changed = {"database_url": database_url} if database_url else {}
    base = f"http://127.0.0.1:{living.free_port()}"
    with installation(base_url=base, resolver="none", log_level="ERROR", **changed) as parts:
        render._KEPT.clear()  # of another installation in this process, whose ids are the same
        return compared(parts, people=people, months=months, seed=seed, before=before, rates=rates)


def compared(parts: Parts, *, people: int, months: int, seed: int, before: int, rates: Rates) -> Report:
    """Foresee and live; parts: an empty installation with a port in its base URL."""
    load, zone = os.getloadavg()[0], parts.settings.tz
    parts.clock.move_to(START)
    month = month_of(START, zone) + before
    house = audience.build(parts, people=people, seminar=last_day(month + 4), now=parts.clock.now())
    given = dict.fromkeys(house.products, rates)
    with living.outside(parts) as catcher:
        mailboxes = Mailboxes(parts, ("127.0.0.1", catcher.port), given, seed)
        life = Life(parts, mailboxes)
        began = monotonic()
        if before:
            life.until(_sunday(month, parts.settings.tz))
        now, seen = parts.clock.now(), len(mailboxes.got)
        asked = monotonic()
        events = foreseen(parts, house, given, months=months, seed=seed, now=now)
        simulated_s = monotonic() - asked
        audience.bring_out(parts, house.first, user=house.user, now=now)
        life.until(datetime.combine(last_day(month + months), time(23, 59), tzinfo=parts.settings.tz))
        lived_s = monotonic() - began - simulated_s
    return report(
        parts,
        events,
        mailboxes.got[seen:],
        people=people,
        months=months,
        seed=seed,
        reactions=dict(mailboxes.counts),
        simulated_s=round(simulated_s, 1),
        lived_s=round(lived_s, 1),
        load=round(load, 2),
    )


def _sunday(month: int, zone: ZoneInfo) -> datetime:
    """Ten past ten on a Sunday late in the month: all who react to what they got have done so."""
    day = first_day(month) + timedelta(days=20)
    day += timedelta(days=6 - day.weekday())
    return datetime.combine(day, time(10, 10), tzinfo=zone)


def foreseen(
    parts: Parts, house: House, rates: Mapping[int, Rates], *, months: int, seed: int, now: datetime
) -> list[Event]:
    """Everybody's coming months: as if the draft were published, and of those whom it is not for."""
    known: set[int] = set()
    found: list[Event] = []
    for scenario in (house.first, *house.running):
        with parts.engine.connect() as tx:
            wanted = simulate.setting(tx, scenario, seed=seed)
        assert wanted is not None
        wanted = foresee_cuts.add(parts, replace(wanted, months=months), now=now, rates=rates)
        for lived in simulate.run(parts, wanted, now=now, rates=rates):
            new = {one.row.id for one in lived.members} - known
            found += [event for event in lived.log if event.person in new]
            known |= new
    return found


def report(parts: Parts, events: Sequence[Event], got: Sequence[Received], **known: object) -> Report:
    said = [Mail(e.person, e.product, f"{e.code}/{e.content}", e.month) for e in events if e.what == "sent"]
    came = [Mail(r.person, r.product, f"{r.key}/{r.content}", r.month) for r in got]
    missing, extra = Counter(said) - Counter(came), Counter(came) - Counter(said)
    moved = _others(missing) & _others(extra)
    both, either = (Counter(said) & Counter(came)).total(), (Counter(said) | Counter(came)).total()
    differing = {mail.person for mail in (missing + extra)}
    return Report(
        foreseen=len(said),
        happened=len(came),
        same=round(both / either, 5) if either else 1.0,
        missing=missing.total() - moved.total(),
        extra=extra.total() - moved.total(),
        other_month=moved.total(),
        people_differing=len(differing),
        differences=tuple(_worded(parts, events, missing, extra)),
        **known,  # type: ignore[arg-type]
    )


def _others(mails: Counter[Mail]) -> Counter[tuple[int, int, str]]:
    """The same whatever the month."""
    found: Counter[tuple[int, int, str]] = Counter()
    for mail, n in mails.items():
        found[mail.person, mail.product, mail.what] += n
    return found


def _worded(parts: Parts, events: Sequence[Event], missing: Counter[Mail], extra: Counter[Mail]) -> list[str]:
    """The first difference of each of the first ten people, and what either side says of that month."""
    first: dict[int, list[tuple[int, str, Mail]]] = defaultdict(list)
    for word, mails in (("foreseen only", missing), ("happened only", extra)):
        for mail in mails:
            first[mail.person].append((mail.month, word, mail))
    lines = []
    for person in sorted(first, key=lambda id: (min(first[id])[0], id))[:SHOWN]:
        month, word, mail = min(first[person], key=lambda one: (one[0], one[1]))
        about = [
            f"{e.product}:{e.what} {e.code}"
            for e in events
            if e.person == person and e.month == month and e.what != "rank"
        ]
        lines.append(
            f"person {person}, {month_label(month)}: {word} {mail.what} of product {mail.product};"
            f" foreseen: {', '.join(about) or 'nothing'}; in the outbox: {_outbox(parts, person, month)}"
        )
    return lines


def _outbox(parts: Parts, person: int, month: int) -> str:
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text(
                "select product_id, step_key, state, reason from deliveries"
                " where person_id = :p and month = :m and class <> 'transactional' order by id"
            ),
            {"p": person, "m": month},
        ).all()
    return ", ".join(f"{r.product_id}:{r.step_key} {r.state} {r.reason}".strip() for r in rows) or "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--months", type=int, default=simulate.MONTHS)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--before", type=int, default=BEFORE, help="months that two products have run before")
    parser.add_argument(
        "--database-url", default="", help="an empty database; without it an embedded one is made"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(
        people=options.people,
        months=options.months,
        seed=options.seed,
        before=options.before,
        database_url=options.database_url,
    )
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False))
        return
    for name, value in asdict(found).items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
