"""Every page of inside sales, field sales and managers in a large house, asked for as a browser asks.

python -m tests.bench.sales [--people 1000000] [--database-url URL] [--only catalogue] --json

The large house of `tests.bench.large_house`, and with it faxes, appointments, opportunities, catalogues with sheets
and diary, comments, calls that were made, answers to invitations. Pages are measured as `tests.bench.designer` does;
`missed` names those whose median is above its BAR_MS. The bars of the call desk are `tests.bench.desk`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import (
    chase_hand_offs,
    classify,
    escalate,
    line_calls,
    tell_callers,
    tell_stale,
)
from tests.bench import designer, large_house
from tests.bench.large_house import LargeHouse

FILL = (
    "insert into users (email, name, role, created_at)"
    " select 'u' || n || '@maker.example', '営業 ' || n, (array['field_sales', 'inside_sales', 'sales_manager'])[1 + n % 3],"
    "        :now from generate_series(1, 40) n",
    "update companies set owner_user_id = 2 + id % 40, fax = '03-' || 1000 + id % 9000 || '-' || 1000 + id / 9000,"
    "       tel = '03-0000-0000', profit_12m_yen = case when class in ('A', 'B', 'C1', 'C2') then id % 977 * 10000 else 0 end,"
    "       last_deal_on = case when class in ('A', 'B', 'C1', 'C2') then cast('2026-06-01' as date) end",
    "update product_leads set score = mod(abs(hashint8(id)), 1000) / 10.0, p_win = mod(abs(hashint8(id * 3)), 60) / 100.0,"
    "       last_touch_at = cast(:now as timestamptz) - make_interval(mins => mod(abs(hashint8(id * 5)), 500000))",
    "insert into tasks (kind, person_id, company_id, product_id, lead_id, state, cause, due_at, created_at, assignee_id,"
    "       done_at) select (array['call', 'call', 'call', 'fax', 'visit'])[1 + l.id % 5], l.person_id, f.company_id,"
    "       l.product_id, l.id, case when l.id % 3 = 0 then 'open' else 'done' end, 'warm_deep',"
    "       cast(:now as timestamptz) + (l.id % 21 - 14) * interval '1 day', :now, 2 + l.id % 40,"
    "       case when l.id % 3 > 0 then cast(:now as timestamptz) - (l.id % 200) * interval '1 day' end"
    "  from product_leads l join affiliations f on f.person_id = l.person_id where l.rank = 'warm'"
    "    on conflict do nothing",
    "insert into call_attempts (task_id, person_id, at, result, note, user_id)"
    " select id, person_id, done_at, (array['talked', 'no_answer', 'absent', 'interest'])[1 + id % 4], '来期に検討', 2 + id % 40"
    "   from tasks where kind = 'call' and state = 'done' and done_at is not null and cause = 'warm_deep'",
    "insert into touchpoints (source_key, person_id, company_id, product_id, kind, channel, depth, at, created_at, actor_id)"
    " select 'c:' || id, person_id, company_id, product_id, 'call_connected', 'offline', 3, done_at, done_at, 2 + id % 40"
    "   from tasks where kind = 'call' and done_at is not null and id % 4 = 0",
    "insert into catalogues (company_id, owner_user_id, profile, expected_month, certainty, touched_at, created_at)"
    " select id, 2 + id % 40, '工場3棟', case when id % 3 = 0 then 24324 + id::int % 12 end, '',"
    "        cast(:now as timestamptz) - (id % 60) * interval '1 day', :now from companies where id % 5 < 2",
    "insert into asica_sheets (catalogue_id, product_id, stage, stage_at)"
    " select id, 1 + id % 2, (array['assignment', 'solution', 'inspection', 'consent'])[1 + id % 4], touched_at"
    "   from catalogues",
    "insert into asica_entries (sheet_id, kind, stage, prompt, text, user_id, at)"
    " select id, 'answer', 'assignment', 'needs', '目視検査の人手', 2 + id % 40, stage_at from asica_sheets",
    "insert into diary_entries (entry_key, company_id, product_id, user_id, kind, text, at, created_at)"
    " select 'k' || id || ':' || n, company_id, 1, 2 + (id + n) % 40, 'visit', '話した',"
    "        cast(:now as timestamptz) - (id % 300 + n) * interval '1 day', :now"
    "   from catalogues, generate_series(1, 3) n where id % 4 = 0",
    "insert into comments (company_id, on_kind, on_id, text, user_id, at)"
    " select company_id, 'diary', id, '次は価格を', 2 + id % 40, at from diary_entries where id % 3 = 0",
    "insert into opportunities (company_id, product_id, lead_id, owner_user_id, name, amount_yen, stage, forecast,"
    "       expected_on, result, closed_at, created_at)"
    " select f.company_id, l.product_id, l.id, 2 + l.id % 40, '更新', 3000000 + l.id % 100 * 100000, 'proposal', 30,"
    "        cast('2026-11-01' as date) + (l.id % 300)::int, case when l.id % 3 = 0 then '' when l.id % 3 = 1 then 'won'"
    "        else 'lost' end, case when l.id % 3 > 0 then cast(:now as timestamptz) - (l.id % 700) * interval '1 day' end,"
    "        cast(:now as timestamptz) - interval '800 days'"
    "   from product_leads l join affiliations f on f.person_id = l.person_id where l.rank = 'hot' and l.id % 3 < 3",
    "insert into appointments (person_id, company_id, product_id, lead_id, owner_user_id, starts_at, ends_at, place, state,"
    "       uid, created_at) select l.person_id, f.company_id, l.product_id, l.id, 2 + l.id % 40, q.at,"
    "       q.at + interval '1 hour', '先方', case when q.at < :now then 'held' else 'planned' end, 'u' || l.id, :now"
    "  from product_leads l join affiliations f on f.person_id = l.person_id,"
    "       lateral (select cast(:now as timestamptz) + (mod(abs(hashint8(l.id)), 400) - 380) * interval '1 day') q(at)"
    " where l.rank = 'hot'",
    "insert into fax_documents (title, body, points, product_id, created_at) values ('案内', '本文', '要点', 1, :now)",
    "insert into fax_batches (document_id, product_id, way, created_at) values (1, 1, 'list', :now)",
    "insert into fax_items (batch_id, number, company_id, product_id, state, handed_at, created_at)"
    " select 1, fax, min(id), 1, 'handed', :now, cast(:now as timestamptz) - interval '200 days'"
    "   from companies where id % 10 = 0 group by fax",
    "insert into events (kind, name, starts_on, cost_yen, created_at)"
    " select 'exhibition', '展示会 ' || n, '2026-04-01', 3000000, :now from generate_series(7, 500) n",
    "update touchpoints set event_id = 1 + person_id % 500 where event_id between 1 and 5",
    "update events set starts_on = cast('2026-10-01' as date) - (id * 2)::int",
)
NOW = large_house.NOW + timedelta(hours=4, minutes=30)  # 10:31 in Tokyo: calls are made
JOBS: Mapping[str, Callable[[Parts], object]] = {
    **{
        name: designer.JOBS[name]
        for name in ("count_approvals", "count_leads", "count_home", "count_reports")
    },
    "line_calls": lambda parts: line_calls.everything(parts, now=NOW),
    "tidy_calls": lambda parts: line_calls.tidy(parts, now=NOW),
    "tell_callers": lambda parts: tell_callers.run(parts, now=NOW),
    "escalate": lambda parts: escalate.run(parts, now=NOW),
    "chase_hand_offs": lambda parts: chase_hand_offs.run(parts, now=NOW),
    "tell_stale": lambda parts: tell_stale.run(parts, now=NOW),
    "classify": lambda parts: classify.run(parts, now=NOW),
}


def fill(parts: Parts, people: int) -> LargeHouse:
    """The large house with what sales have done in it."""
    ids = large_house.fill(parts, people)
    parts.clock.move_to(NOW)
    large_house.run(parts, (*FILL, "vacuum analyze"), {"now": NOW})
    return ids


def addresses(parts: Parts, ids: LargeHouse) -> dict[str, str]:
    """The pages by name."""
    with parts.engine.connect() as tx:
        company, catalogue, opportunity, appointment = (
            tx.execute(text(query)).scalar_one()
            for query in (
                "select company_id from catalogues where id = 40",
                "select 40",
                "select min(id) from opportunities where result = ''",
                "select min(id) from appointments where state = 'planned'",
            )
        )
        task = tx.execute(text("select min(task_id) from call_lines")).scalar_one()
    return {
        "today": "/today",
        "tasks": "/tasks",
        "tasks_late": "/tasks?whose=all&show=late",
        "task_new": f"/tasks/new?person={ids.person}",
        "calls": "/calls",
        "calls_product": f"/calls?product={ids.product}",
        "call": f"/calls/{task}",
        "faxes": "/faxes",
        "fax_batch": "/faxes/1",
        "fax_new": "/faxes/new?document=1",
        "fax_by_rank": "/faxes/new?document=1&product=1&who=ranks&rank=warm",
        "fax_refusals": "/faxes/refusals",
        "appointments": "/appointments",
        "appointment": f"/appointments/{appointment}",
        "hand_offs": "/hand-offs",
        "trust": "/hand-offs/trust",
        "opportunities": "/opportunities",
        "opportunity": f"/opportunities/{opportunity}",
        "catalogues": "/catalogues",
        "catalogues_stage": "/catalogues?stage=consent",
        "catalogues_stale": "/catalogues?show=stale",
        "catalogue": f"/catalogues/{catalogue}",
        "companies": "/companies",
        "company": f"/companies/{company}",
        "diary": "/diary",
        "diary_of_all": "/diary?user=all",
        "classes": "/classes",
        "classes_missing": "/classes/missing",
        "events": "/events",
        "event": "/events/1",
        "events_year": "/events/year",
        "report_actions": "/reports/actions",
        "report_whiffs": "/reports/whiffs",
        "report_load": "/reports/load",
        "report_forgotten": "/reports/forgotten",
        "report_funnel": "/reports/funnel",
        "rank_health": "/leads/health",
        "product_matrix": f"/products/{ids.product}/matrix",
    }


if __name__ == "__main__":
    designer.run(__doc__, fill, JOBS, addresses, people=1_000_000)
