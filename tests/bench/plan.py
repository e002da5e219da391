"""Planning a month: 100,000 people x 3 products with 5 past mails each, against the floor of the database.

The floor is one `INSERT ... SELECT` of the same rows (slots, deliveries) into scratch tables with the same
indexes and constraints, in the same run. EXPLAIN=1 prints the plans of the planner's statements.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.services import enrol, plan, self_audit
from campaigns.storage import outbox, planning
from tests import world
from tests.bench.installation import installation

PEOPLE = int(os.environ.get("PEOPLE", "100000"))
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
    # Five counted mails a person of the months before, each with its slot.
    "insert into deliveries (origin, person_id, address_id, product_id, tone, month, state, send_at, sent_at, created_at)"
    " select 'old:' || p.id || '/' || n, p.id, p.id, :first, 'info', :month - n, 'sent', at, at, at"
    " from people p, generate_series(2, 6) n, lateral (select cast(:now as timestamptz) - n * interval '30 days' as at) x",
    "insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
    " select person_id, address_id, product_id, month, 1, id from deliveries",
    "vacuum analyze",
)


def fill(parts: Parts) -> None:
    """People, leads, consents, refusals, touches and history; enrolled in three scenarios."""
    with parts.engine.begin() as tx:
        products = [world.product(tx, f"商材 {n}", list_key=f"p{n}", priority=n) for n in (1, 2, 3)]
        numbers = [world.scenario(tx, product)[0] for product in products]
    values = {"people": PEOPLE, "now": MORNING, "month": month_of(MORNING), "first": products[0]}
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        for query in FILL:
            tx.execute(text(query), values)
    for number in numbers:
        enrol.audience(parts, number, now=MORNING)
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))


def floor(parts: Parts) -> float:
    """Seconds for the same rows written by one statement a table, all constraints and indexes standing."""
    with parts.engine.begin() as tx:
        for table in ("deliveries", "mail_slots"):
            tx.execute(text(f"create table scratch_{table} (like {table} including all)"))
    began = time.monotonic()
    with parts.engine.begin() as tx:
        month = month_of(MORNING)
        tx.execute(
            text(
                "insert into scratch_deliveries overriding system value select * from deliveries where month = :m"
            ),
            {"m": month},
        )
        tx.execute(
            text(
                "insert into scratch_mail_slots overriding system value select * from mail_slots where month = :m"
            ),
            {"m": month},
        )
    return time.monotonic() - began


def explain(tx: Connection) -> None:
    """The plans of the planner's and the sender's reading statements, as run on this data."""
    people = tx.execute(
        text("select array_agg(person_id) from (select person_id from pace limit 10000) x")
    ).scalar()
    ids = tx.execute(
        text("select array_agg(id) from (select id from deliveries where state = 'planned' limit 500) x")
    )
    due = "select person_id from pace where plan_at <= '2026-12-31' order by plan_at, person_id limit 10000"
    for name, query, values in (
        ("due", due, {}),
        ("steps", planning.STEPS, {"people": people}),
        ("history", planning.HISTORY, {"people": people, "month": month_of(MORNING)}),
        ("facts", outbox.FACTS, {"ids": ids.scalar(), "zone": "Asia/Tokyo"}),
    ):
        print(f"--- {name}")
        for row in tx.execute(text(f"explain (analyze, buffers, timing on) {query}"), values):
            print(row[0])


def main() -> None:
    with installation() as parts:
        fill(parts)
        if os.environ.get("EXPLAIN"):
            with parts.engine.connect() as tx:
                explain(tx)
        began = time.monotonic()
        planned = plan.run(parts, now=MORNING)
        took = time.monotonic() - began
        if os.environ.get("EXPLAIN"):
            with parts.engine.connect() as tx:
                explain(tx)
        limit = floor(parts)
        audit = self_audit.run(parts, now=MORNING)
        assert audit.is_sound, audit
    print(
        f"plan: {planned.people} people x 3 products in {took:.1f} s, {planned.people / took:.0f} people/s"
        f" ({took / limit:.1f} times a bare INSERT ... SELECT of the same {sum(planned.states.values())} rows,"
        f" {limit:.1f} s); states {dict(planned.states)}"
    )


if __name__ == "__main__":
    main()
