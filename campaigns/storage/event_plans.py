"""A business year's target, and what stands against it: orders and open opportunities; and how an event is followed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.events import GAP_DEPTH


@dataclass(frozen=True, slots=True)
class Target:
    """yen: orders wanted in a business year, 0 where nobody has said. starts: its first month, 1 to 12. version: of
    the house's row."""

    yen: int
    starts: int
    version: int


def target(tx: Connection) -> Target:
    return Target(*tx.execute(text("select year_target_yen, year_starts, version from house")).one())


def save_target(tx: Connection, new: Target) -> bool:
    """Write; False when somebody else wrote since `version`."""
    done = tx.execute(
        text(
            "update house set year_target_yen = :yen, year_starts = :starts, version = version + 1"
            " where version = :version"
        ),
        {"yen": new.yen, "starts": new.starts, "version": new.version},
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Pipeline:
    """won_yen: orders of the time. open_yen: open opportunities expected in it, expected_yen: by their forecasts; n of
    each. undated: open ones without a day."""

    won: int
    won_yen: int
    open: int
    open_yen: int
    expected_yen: int
    undated: int


# Indexes ix_opportunities_closed_at, ix_opportunities_open.
PIPELINE = """
select w.n as won, w.yen as won_yen, o.n as open, o.yen as open_yen, o.expected as expected_yen, o.undated
  from (select count(*) as n, coalesce(sum(amount_yen), 0)::bigint as yen from opportunities
         where result <> '' and result = 'won' and closed_at >= :since and closed_at < :until) w
 cross join (select count(*) filter (where expected_on < :end) as n,
                    coalesce(sum(amount_yen) filter (where expected_on < :end), 0)::bigint as yen,
                    coalesce(sum(amount_yen * forecast / 100) filter (where expected_on < :end), 0)::bigint
                      as expected,
                    count(*) filter (where expected_on is null) as undated
               from opportunities where result = '') o
"""


def pipeline(tx: Connection, *, since: datetime, until: datetime, end: date) -> Pipeline:
    """Between two instants; end: the day of the second. What is open and overdue still belongs to the time."""
    row = tx.execute(text(PIPELINE), {"since": since, "until": until, "end": end}).one()
    return Pipeline(**row._mapping)


@dataclass(frozen=True, slots=True)
class Following:
    """The people of an event. deep: prospects (S0-01). thanked: who got a thank-you mail since. nurtured: who is in a
    scenario. handed: who has been handed over to sales."""

    people: int
    deep: int
    thanked: int
    nurtured: int
    handed: int


FOLLOWING = f"""
with m as (select t.person_id as id, max(t.depth) as depth from touchpoints t
             join people p on p.id = t.person_id and p.merged_into is null
            where t.event_id = :event and t.validity > 0 group by 1)
select count(*) as people, count(*) filter (where m.depth >= {GAP_DEPTH}) as deep,
       count(*) filter (where exists (
         select 1 from deliveries d where d.person_id = m.id and d.class = 'courtesy' and d.state in ('sent', 'in_doubt')
            and d.sent_at >= :since)) as thanked,
       count(*) filter (where exists (
         select 1 from enrollments e join scenarios s on s.id = e.scenario_id and s.kind = 'scenario'
          where e.person_id = m.id and e.status = 'active')) as nurtured,
       count(*) filter (where exists (
         select 1 from product_leads l join hand_offs h on h.lead_id = l.id and h.created_at >= :since
            and h.state not in ('proposed', 'held', 'withdrawn') where l.person_id = m.id)) as handed
  from m
"""  # noqa: S608 - constants


def following(tx: Connection, event_id: int, *, since: datetime) -> Following:
    """since: the event's first instant. Index ix_touchpoints_event_id."""
    return Following(**tx.execute(text(FOLLOWING), {"event": event_id, "since": since}).one()._mapping)
