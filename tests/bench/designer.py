"""Every page around the designer in a large house, asked for as a browser asks; and the jobs that count for them.

python -m tests.bench.designer [--people 1000000] [--database-url URL] [--only publish] --json

Each page is asked for in rounds, one after another, and its best round counts: other work on the machine makes a
round slower, never quicker. `missed` names the pages whose median is above BAR_MS.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import (
    approve,
    count_contents,
    count_deliveries,
    count_home,
    count_leads,
    count_reports,
    count_rows,
    count_waiting,
    design,
    run_broadcasts,
    self_audit,
    show_calendar,
)
from campaigns.web import app as web
from tests.bench import large_house
from tests.bench.installation import house
from tests.bench.large_house import NOW, LargeHouse

BAR_MS = 100
ROUNDS, TIMES = 3, 9


@dataclass(frozen=True, slots=True)
class Page:
    """Of the best round, in ms. first_ms: the very first request, with its templates to compile."""

    median_ms: float
    p95_ms: float
    first_ms: float


@dataclass(frozen=True, slots=True)
class Report:
    """jobs_s: what passes over everybody, seconds each; load: one minute's of the machine, before the pages."""

    people: int
    load: float
    jobs_s: Mapping[str, float]
    pages: Mapping[str, Page]
    missed: tuple[str, ...]


JOBS: Mapping[str, Callable[[Parts], object]] = {
    "count_rows": lambda parts: count_rows.run(parts, now=NOW),
    "count_waiting": lambda parts: count_waiting.run(parts, now=NOW),
    "count_contents": lambda parts: count_contents.run(parts, now=NOW),
    "count_deliveries": lambda parts: count_deliveries.run(parts, now=NOW),
    "count_home": lambda parts: count_home.run(parts, now=NOW),
    "count_approvals": lambda parts: approve.recount(parts, now=NOW),
    "count_leads": lambda parts: count_leads.run(parts, now=NOW),
    "count_reports": lambda parts: count_reports.run(parts, now=NOW),
    "broadcasts": lambda parts: run_broadcasts.run(parts, now=NOW),
    "calendar": lambda parts: show_calendar.refresh(parts, now=NOW),
    "self_audit": lambda parts: self_audit.renew(parts, now=NOW),
}


def addresses(parts: Parts, ids: LargeHouse) -> dict[str, str]:
    """The pages by name."""
    key = design.load(parts, ids.scenario, now=NOW).steps[1].key
    scenario, product = f"/scenarios/{ids.scenario}", f"/products/{ids.product}"
    behind = {
        f"people_{show}": f"{scenario}/rows/{key}/people?show={show}"
        for show in ("waiting", "sent", "held", "reacted", "tasks")
    }
    return {
        "scenarios": "/scenarios",
        "head": f"{scenario}/head",
        "design": scenario,
        "row_edit": f"{scenario}?edit={key}",
        "publish": f"{scenario}/publish",
        **behind,
        "scenario_new": "/scenarios/new",
        "simulation_start": f"{scenario}/simulation",
        "simulation": f"/scenarios/{ids.simulated}/simulation/{ids.simulation}",
        "simulation_csv": f"/scenarios/{ids.simulated}/simulation/{ids.simulation}.csv",
        "contents": "/mails",
        "content": f"/mails/{ids.content}",
        "content_frame": f"/mails/{ids.content}/frame",
        "content_themes": "/mails/themes",
        "shelf": "/mails/shelf",
        "ideas": "/ideas",
        "products": "/products/",
        "product": product,
        "fitting": f"{product}/fitting",
        "product_basics": f"{product}/basics",
        "product_copy": f"{product}/copy",
        "family": f"/products/families/{ids.family}",
        "defaults": "/products/defaults",
        "held": "/deliveries?show=held",
        "held_of_product": "/deliveries?show=held&product=2",
        "held_of_scenario": f"/deliveries?show=held&scenario={ids.scenario + 1}",
        "held_of_row": f"/deliveries?show=held&scenario={ids.scenario + 1}&step={key}",
        "deliveries": "/deliveries",
        "deliveries_all": "/deliveries?month=all",
        "why": f"/deliveries/why/{ids.person}",
        "approvals": "/approvals",
        "calendar": "/calendar",
        "calendar_month": "/calendar?month=2026-12",
        "calendar_day": "/calendar/2026-11-25",
        "calendar_past_day": "/calendar/2026-11-04",
        "broadcasts": "/broadcasts",
        "broadcast_new": "/broadcasts/new",
        "broadcast_draft": f"/broadcasts/{ids.draft}",
        "broadcast_edit": f"/broadcasts/{ids.draft}/edit",
        "broadcast_count": f"/broadcasts/count?product_id={product.rpartition('/')[2]}&classes=E&classes=D",
        "broadcast_sending": f"/broadcasts/{ids.sending}",
        "report": "/reports",
        "report_mails": "/reports/mails",
        "report_mail": f"/reports/mails/{ids.scenario}.K1.1",
        "report_scenarios": "/reports/scenarios",
        "report_scenario": f"/reports/scenarios/{ids.scenario}",
        "report_themes": "/reports/themes",
        "report_events": "/reports/events",
        "report_event": "/reports/events/1",
        "report_funnel": "/reports/funnel?period=all",
        "report_interest": "/reports/interest",
        "report_times": "/reports/times",
        "report_rows_mail": f"/reports/people?report=mails&cell=clicked_human&scenario={ids.scenario}&step=K1&content=1",
        "report_rows_funnel": "/reports/people?report=funnel&cell=reached_qualified&period=all",
        "report_rows_event": "/reports/people?report=events&cell=won_3&event=1",
        "person": f"/people/{ids.person}",
        "home": "/",
        "today": "/today",
    }


def measured(client: FlaskClient, address: str) -> Page:
    """The best of ROUNDS rounds, after one request alone."""
    first = _asked_ms(client, address)
    rounds = [sorted(_asked_ms(client, address) for _ in range(TIMES)) for _ in range(ROUNDS)]
    best = min(rounds, key=statistics.median)
    p95 = statistics.quantiles(best, n=20, method="inclusive")[-1]
    return Page(round(statistics.median(best), 1), round(p95, 1), round(first, 1))


def _asked_ms(client: FlaskClient, address: str) -> float:
    began = time.perf_counter()
    answer = client.get(address)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, (address, answer.status_code, answer.headers.get("Location"))
    return took


def report(
    parts: Parts,
    jobs: Mapping[str, Callable[[Parts], object]],
    addresses: Callable[[], Mapping[str, str]],
    *,
    people: int,
    only: str = "",
) -> Report:
    """The jobs, then the pages (name to address, asked for after the jobs) whose name has `only` in it."""
    took = {}
    for name, job in jobs.items():
        began = time.monotonic()
        job(parts)
        took[name] = round(time.monotonic() - began, 2)
    load = round(os.getloadavg()[0], 2)
    client = web.create(parts).test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    pages = {name: measured(client, address) for name, address in addresses().items() if only in name}
    missed = tuple(name for name, page in pages.items() if page.median_ms > BAR_MS)
    return Report(people, load, took, pages, missed)


def run(
    words: str | None,
    fill: Callable[[Parts, int], LargeHouse],
    jobs: Mapping[str, Callable[[Parts], object]],
    addresses: Callable[[Parts, LargeHouse], Mapping[str, str]],
    *,
    people: int,
) -> None:
    """The command of a bench of pages. words: its help; people: as many unless asked otherwise."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=people)
    parser.add_argument("--database-url", default="", help="an empty database, else an embedded one is made")
    parser.add_argument("--only", default="", help="pages whose name has this in it")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    changed = {"database_url": asked.database_url} if asked.database_url else {}
    with house(**changed) as made:
        parts = made.parts
        ids = fill(parts, asked.people)
        found = report(parts, jobs, lambda: addresses(parts, ids), people=asked.people, only=asked.only)
    if asked.json:
        print(json.dumps(asdict(found)))
        return
    print(f"{found.people:,} people, load {found.load}; jobs in s: {found.jobs_s}")
    for name, page in found.pages.items():
        print(f"{'!' if name in found.missed else ' '} {name:20} {page.median_ms:8.1f} {page.p95_ms:8.1f} ms")


if __name__ == "__main__":
    run(__doc__, large_house.fill, JOBS, addresses, people=100_000)
