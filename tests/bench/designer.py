"""The designer's pages at 1,000,000 people: medians in ms, as a browser on the same machine would wait.

python -m tests.bench.designer [--people 1000000] [--database-url URL] --json
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import accounts, count_rows, design
from campaigns.web import app as web
from tests import world
from tests.bench.installation import house

NOW = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)
ROUNDS = 15
FILL = (
    "insert into companies (name, core_key, class, industry, employees_band, created_at)"
    " select 'C' || n, 'C' || n, 'E', '製造業', '100-299', :now from generate_series(1, :people / 4) n",
    "insert into addresses (email, email_key, key_hash, status, created_at)"
    " select 'p' || n || '@c.example', 'p' || n || '@c.example', decode(md5(n::text), 'hex'), 'ok', :now"
    " from generate_series(1, :people) n",
    "insert into people (family, given, full_name, name_key, address_id, created_at)"
    " select 'F', 'G' || id, 'F G' || id, 'FG' || id, id, :now from addresses order by id",
    "insert into affiliations (person_id, company_id, buying_role)"
    " select id, 1 + id % (:people / 4), (array['窓口', '技術', '決裁', ''])[1 + id % 4] from people",
    "insert into consents (address_id, person_id, basis, obtained_at, recorded_at)"
    " select id, id, 'card_written', :now, :now from people",
    "insert into product_leads (person_id, product_id, state, rank, created_at)"
    " select p.id, r.id, 'nurturing', 'nurture', :now from people p, products r",
    "analyze",
)
# Everybody of the scenario stands somewhere, with the mails of the rows before and reactions of every fourth.
ONGOING = (
    "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month, due_month,"
    " created_at) select l.person_id, l.product_id, s.id, v.id, 1 + l.id % 4, 24300, 24300, :now"
    "   from product_leads l, scenarios s join scenario_versions v on v.scenario_id = s.id",
    "insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, step_key, month, state,"
    " send_at, sent_at, created_at)"
    " select 'd:' || e.id || s.key, e.person_id, e.person_id, e.product_id, e.id, s.key, 24300 + s.position,"
    "        'sent', :now, :now, :now"
    "   from enrollments e join steps s on s.version_id = e.version_id and s.position < e.position",
    "insert into touchpoints (source_key, person_id, kind, channel, depth, at, created_at, delivery_id)"
    " select 't:' || id, person_id, 'mail_click', 'online', 2, :now, :now, id from deliveries where id % 4 = 0",
    "vacuum analyze",
)


def fill(parts: Parts, people: int) -> int:
    """People, leads, a scenario in force with everybody under way, and a draft of it; the scenario's id."""
    accounts.create_first(
        parts, email="a@maker.example", name="A", password="correct horse battery", locale="ja", now=NOW
    )
    with parts.engine.begin() as tx:
        product = world.product(tx)
        scenario, _version, _contents = world.scenario(tx, product, offsets=(0, 1, 2, 3))
    values = {"people": people, "now": NOW}
    _run(parts, FILL, values)
    _run(parts, ONGOING, values)
    design.add_row(parts, scenario, kind="branch", user_id=1, now=NOW)
    return scenario


def _run(parts: Parts, queries: Sequence[str], values: dict[str, object]) -> None:
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        for query in queries:
            tx.execute(text(query), values)


def median_ms(client: FlaskClient, address: str) -> float:
    took = []
    for number in range(ROUNDS + 2):
        began = time.perf_counter()
        answer = client.get(address)
        if number >= 2:  # the first ones compile templates and warm the pool
            took.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, (address, answer.status_code)
    return round(statistics.median(took), 1)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--database-url", default="")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    changed = {"database_url": asked.database_url} if asked.database_url else {}
    with ExitStack() as stack:
        parts = stack.enter_context(house(**changed)).parts
        scenario = fill(parts, asked.people)
        began = time.monotonic()
        count_rows.run(parts, now=parts.clock.now())
        count_s = time.monotonic() - began
        app = web.create(parts)
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = "1:1", True
        key = design.load(parts, scenario, now=NOW).steps[1].key
        base = f"/scenarios/{scenario}"
        figures = {
            "people": asked.people,
            "design_ms": median_ms(client, base),
            "edit_ms": median_ms(client, f"{base}?edit={key}"),
            "list_ms": median_ms(client, "/scenarios"),
            "publish_ms": median_ms(client, f"{base}/publish"),
            "head_ms": median_ms(client, f"{base}/head"),
            "count_job_s": round(count_s, 1),
        }
    print(json.dumps(figures) if asked.json else figures)


if __name__ == "__main__":
    main()
