"""A large house as it stands after some months: everybody in one product, half in a second, a tenth in a third.

Scenarios with everybody under way, mails of the months before with their reactions, a fifth with a mail that is
planned, those who gave way to another product, owners who are asked, refusals, calls, broadcasts and a simulation.
Written straight into the tables: 1,000,000 people take some minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.broadcasts import Plan
from campaigns.rules.schedule import month_of
from campaigns.services import accounts, author, broadcast, collect, design, enrol, run_simulations
from tests import world

NOW = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)  # 06:01 of 20 November in Tokyo
SMALL = 2_000  # people of the scenario that is simulated
CONTENTS, IDEAS = 300, 60

PEOPLE = (
    "insert into events (kind, name, starts_on, created_at)"
    " select 'exhibition', '展示会 ' || n, '2026-04-01', :now from generate_series(1, 6) n",
    "insert into companies (name, core_key, class, industry, employees_band, owner_user_id, created_at)"
    " select 'C' || n, 'C' || n, case when n % 100 < 1 then 'A' when n % 100 < 3 then 'B' when n % 100 < 6 then 'C2'"
    "        when n % 100 < 12 then 'C1' when n % 100 < 30 then 'D' when n % 100 < 90 then 'E' else '-' end,"
    "        (array['製造業','食品','電機','化学','自動車','物流','建設','医療'])[1 + n % 8],"
    "        (array['1-29','30-99','100-299','300-999','1000-'])[1 + n % 5], 1, :now"
    "   from generate_series(1, :people / 4) n",
    "insert into addresses (email, email_key, key_hash, status, created_at)"
    " select 'p' || n || '@c' || n % 5000 || '.example', 'p' || n || '@c' || n % 5000 || '.example',"
    "        decode(md5(n::text), 'hex'), case when n % 40 = 0 then 'hard' else 'ok' end, :now"
    "   from generate_series(1, :people) n",
    "insert into people (family, given, full_name, name_key, address_id, created_at)"
    " select case when id % 30 > 0 then '若林' else '' end, 'G' || id,"
    "        case when id % 30 > 0 then '若林 G' || id else '' end, 'FG' || id, id,"
    "        cast(:now as timestamptz) - (id % 400) * interval '1 day' from addresses order by id",
    "insert into affiliations (person_id, company_id, department, title, buying_role)"
    " select id, 1 + id % (:people / 4), case when id % 3 = 0 then '' else '生産技術部' end,"
    "        case when id % 4 = 0 then '' else '課長' end, (array['窓口','技術','決裁',''])[1 + id % 4] from people",
    "insert into consents (address_id, person_id, basis, obtained_at, recorded_at)"
    " select id, id, 'card_written', :now, :now from people",
    "insert into product_leads (person_id, product_id, state, rank, created_at)"
    " select p.id, r.id, case when p.id % 100 = 7 then 'with_sales' else 'nurturing' end,"
    "        case when p.id % 100 = 3 then 'hot' when p.id % 5 = 1 then 'warm' when p.id % 5 < 4 then 'nurture'"
    "             else 'unobserved' end, :now"
    "   from people p join products r on p.id % (array[1, 2, 10])[r.id] = 0",
    "insert into touchpoints (source_key, person_id, company_id, event_id, kind, channel, depth, at, created_at)"
    " select 'b:' || id, id, 1 + id % (:people / 4), case when id <= :small then 6 else 1 + id % 5 end,"
    "        'badge_scan', 'offline', 1, created_at, created_at from people",
    "insert into suppressions (key_hash, address_id, person_id, scope, product_id, reason, at)"
    " select key_hash, id, id, case when id % 200 = 0 then 'global' else 'product' end,"
    "        case when id % 200 > 0 then 1 end, 'user_link', :now from addresses where id % 50 = 0",
    "analyze",
)
# The mail before a person's row is planned for every fifth, and was not sent to every fiftieth.
UNDER_WAY = (
    "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month, due_month,"
    " status, created_at)"
    " select l.person_id, l.product_id, s.id, v.id, 1 + (l.person_id + l.product_id) % 4,"
    "        :month - (l.person_id + l.product_id)::int % 4, :month + (l.person_id % 5 = 0)::int,"
    "        case when co.class in ('A', 'B', 'C2') then 'asked' when l.person_id % 20 = 9 then 'done' else 'active' end,"
    "        cast(:now as timestamptz) - interval '100 days'"
    "   from product_leads l join scenarios s on s.product_id = l.product_id and s.status = 'active'"
    "   join scenario_versions v on v.scenario_id = s.id"
    "   join affiliations f on f.person_id = l.person_id join companies co on co.id = f.company_id",
    "insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, content_id, published_mail_id,"
    " step_key, month, state, reason, send_at, sent_at, created_at)"
    " select 'enr:' || q.id || '/' || q.key || '/round:1', q.person_id, q.person_id, q.product_id, q.id, q.content_id,"
    "        q.mail_id, q.key, q.in_month, q.state, case when q.state = 'suppressed' then 'lead_with_sales' else '' end,"
    "        q.at, case when q.state = 'sent' then q.at end, q.at"
    "   from (select e.id, e.person_id, e.product_id, s.key, s.content_id, m.id as mail_id,"
    "                case when is_planned then :month else :month - ago end as in_month,"
    "                case when is_planned then 'planned'"
    "                     when ago = 1 and e.person_id % 50 = 1 then 'suppressed' else 'sent' end as state,"
    "                cast(:now as timestamptz) + (e.person_id % 10) * interval '1 day'"
    "                     + case when is_planned then interval '4 hours' else ago * interval '-30 days' end as at"
    "           from enrollments e join steps s on s.version_id = e.version_id and s.position < e.position"
    "           join published_mails m on m.version_id = s.version_id and m.step_key = s.key,"
    # A product's mails are four months older than those of the product before: one mail a month to a person.
    "        lateral (select e.position - s.position + 4 * (e.product_id - 1) as ago) x,"
    "        lateral (select ago = 1 and e.person_id % 5 = 0 as is_planned) y where e.status <> 'asked') q"
    "  order by q.at",
    "insert into pace (person_id, plan_at, held)"
    " select a.person_id, date '2026-12-01' + a.person_id::int % 25,"
    "        case when a.person_id % 3 = 0 then (select jsonb_object_agg(b.id::text,"
    "             jsonb_build_array(case when b.id % 2 = 0 then 'rank' else 'priority' end, 1))"
    "             from enrollments b where b.person_id = a.person_id and b.product_id > 1 and b.status = 'active') end"
    "   from enrollments a where a.product_id = 1 and a.status = 'active'",
    "update contents set tags = (array['省エネ', '保全', '品質'])[1:1 + id % 3] where id <= 12",
    "insert into touchpoints (source_key, person_id, product_id, kind, channel, depth, at, created_at, delivery_id,"
    " url, validity, validity_reason, tags)"
    " select 't:' || d.id, d.person_id, d.product_id, 'mail_click', 'online', 2, d.sent_at, d.sent_at, d.id,"
    "        'https://maker.example/' || d.content_id, (d.person_id % 8 <> 0)::int,"
    "        case when d.person_id % 8 = 0 then 'scanner:honeypot' else '' end, c.tags"
    "   from deliveries d join contents c on c.id = d.content_id where d.state = 'sent' and d.person_id % 4 = 0",
    "insert into touchpoints (source_key, person_id, product_id, kind, channel, depth, at, created_at, delivery_id,"
    " validity, validity_reason) select 'o:' || id, person_id, product_id, 'mail_open', 'online', 0, sent_at, sent_at,"
    " id, 0, case when id % 2 = 0 then 'machine:proxy_apple' else 'unknown' end"
    "   from deliveries where state = 'sent' and person_id % 3 = 0",
    "insert into mail_days (day, product_id, scenario_id, sent)"
    " select (d.sent_at at time zone 'Asia/Tokyo')::date, d.product_id, e.scenario_id, count(*)"
    "   from deliveries d join enrollments e on e.id = d.enrollment_id where d.state = 'sent' group by 1, 2, 3",
    "insert into tasks (kind, person_id, product_id, lead_id, cause, due_at, created_at, state)"
    " select case when l.id % 20 = 0 then 'visit' else 'call' end, l.person_id, l.product_id, l.id, 'hot_deep',"
    "        cast(:now as timestamptz) + (l.id % 9 - 4) * interval '1 day', :now, 'open'"
    "   from product_leads l where l.rank = 'hot' and l.product_id = 1",
    "insert into tasks (kind, person_id, product_id, enrollment_id, step_key, cause, due_at, created_at, state)"
    " select 'call', person_id, product_id, id, 'K2', 'step', :now, :now, 'done'"
    "   from enrollments where product_id = 1 and person_id % 10 = 2",
    "insert into rank_changes (lead_id, at, old, new, score, p_win)"
    " select id, cast(:now as timestamptz) - (id % 60) * interval '1 day', 'warm', rank, 40, 0.2"
    "   from product_leads where rank = 'hot'",
    "update events set cost_yen = 3000000",
    "insert into hand_offs (lead_id, product_id, state, p_win, bar, created_at, resolved_at)"
    " select id, product_id, s.state, 0.3, 0.2, cast(:now as timestamptz) - (id % 50) * interval '1 day',"
    "        case when s.state in ('won', 'lost', 'returned') then cast(:now as timestamptz) end"
    "   from product_leads, lateral (select (array['offered', 'accepted', 'won', 'lost', 'returned'])[1 + id % 5]"
    "        as state) s where rank = 'hot' and id % 2 = 0",
    "insert into alerts (at, kind, person_id, product_id, lead_id)"
    " select :now, 'hot', person_id, product_id, id from product_leads where rank = 'hot' limit 200",
    "insert into match_candidates (a_id, b_id, reason, created_at)"
    " select id, id + 1, 'name', :now from people where id % 500 = 0 and id < :people",
    "insert into audit_log (at, noun, noun_id, action)"
    " select :now, 'person', id, 'edit' from people where id % 5 = 0",
)
SLOTS = (
    "insert into mail_slots (delivery_id, person_id, address_id, product_id, month, slot_no)"
    " select id, person_id, address_id, product_id, month, 1 from deliveries where state in ('sent', 'planned')"
    " order by id",
)
# A broadcast that went to every second person of the first product who had no mail this month.
BROADCAST = (
    "update broadcasts set state = 'sending', people = :people / 2, everybody = :people where scenario_id = :id",
    "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month, due_month,"
    " status, created_at) select l.person_id, 1, :id, v.id, 1, :month, :month, 'done', :now"
    "   from product_leads l join scenario_versions v on v.scenario_id = :id"
    "  where l.product_id = 1 and l.person_id % 2 = 1 and l.person_id % 5 > 0",
    "insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, step_key, month, state, send_at,"
    " sent_at, created_at) select 'enr:' || id || '/A/round:1', person_id, person_id, 1, id, 'A', :month, 'sent',"
    " :now, :now, :now from enrollments where scenario_id = :id",
)


@dataclass(frozen=True, slots=True)
class LargeHouse:
    """Ids of what the pages are about. simulated: a small scenario with a simulation that has ended."""

    scenario: int
    content: int
    product: int
    family: int
    draft: int
    sending: int
    simulated: int
    simulation: int
    person: int


def fill(parts: Parts, people: int) -> LargeHouse:
    """Everything of the module's first lines; the installation's clock is moved to NOW."""
    parts.clock.move_to(NOW)
    accounts.create_first(
        parts, email="a@maker.example", name="A", password="correct horse battery", locale="ja", now=NOW
    )
    with parts.engine.begin() as tx:
        products = [
            world.product(tx, f"商材 {n}", list_key=f"p{n}", priority=n, family="検査") for n in (1, 2, 3)
        ]
        family = world.insert(tx, "product_families", name="検査")
        scenarios = [world.scenario(tx, one, offsets=(0, 1, 2, 3)) for one in products]
        first, _version, contents = scenarios[0]
        tx.execute(text("update scenarios set classes = '{A,B,C1,C2,D,E,-}'"))
    written = _contents(parts)
    values = {"people": people, "now": NOW, "month": month_of(NOW), "small": min(SMALL, people)}
    run(parts, PEOPLE, values)
    run(parts, UNDER_WAY, values)
    draft, sending = (_broadcast(parts, name, contents[0]) for name in ("案内", "年末のご案内"))
    run(parts, BROADCAST, {**values, "id": sending})
    run(parts, (*SLOTS, "vacuum analyze"), {})
    design.add_row(parts, first, kind="branch", user_id=1, now=NOW)
    simulated, simulation = _simulated(parts, products[2])
    return LargeHouse(first, written, products[0], family, draft, sending, simulated, simulation, 30)


def _contents(parts: Parts) -> int:
    """Mails and ideas that no scenario tells, so that lists and choices are long; the last mail's id."""
    written = 0
    for n in range(CONTENTS):
        starter = author.starters()[n % len(author.starters())]
        written = author.from_starter(parts, starter, product_id=None, user_id=1, now=NOW)
    for n in range(IDEAS):
        collect.note_idea(parts, words=f"思いつき {n}", source_dept="", tags=(), user_id=1, now=NOW)
    return written


def _broadcast(parts: Parts, name: str, content_id: int) -> int:
    plan = Plan(
        name=name, product_id=1, theme="年末", content_id=content_id, send_on=(NOW + timedelta(days=7)).date()
    )
    return broadcast.save(parts, None, plan, version=0, user_id=1, now=NOW)


def _simulated(parts: Parts, product: int) -> tuple[int, int]:
    """A scenario for the people of the small event, lived through for a year."""
    with parts.engine.begin() as tx:
        scenario, _version, _contents = world.scenario(tx, product, offsets=(0, 1, 2))
        tx.execute(text("update scenarios set event_id = 6 where id = :id"), {"id": scenario})
    enrol.audience(parts, scenario, now=NOW)
    one = run_simulations.ask(parts, scenario, seed=1, rates=None, user_id=1, now=NOW)
    assert one is not None
    run_simulations.work(parts, now=NOW)
    return scenario, one


def run(parts: Parts, queries: Sequence[str], values: dict[str, object]) -> None:
    """Each statement in a transaction of its own."""
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("set synchronous_commit = off"))
        for query in queries:
            tx.execute(text(query), values)
