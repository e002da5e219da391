"""Who came to each stage of the funnel in which month."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.storage import funnel_report
from tests.services.world import World


def test_each_month_tells_who_came_to_a_stage_in_it(parts: Parts, now: datetime) -> None:
    world = World.build(parts, now)
    last = now - timedelta(days=31)
    people = [world.person() for _n in range(4)]
    world.run("update people set created_at = :then", then=now - timedelta(days=400))
    world.run("update companies set class = 'A'")
    for n, person in enumerate(people):
        lead = {"p": person, "q": world.press_id, "at": last if n else now}
        world.run(
            "insert into product_leads (person_id, product_id, created_at) values (:p, :q, :at)", **lead
        )
    leads = [world.lead(person).id for person in people]
    for lead_id in leads[1:3]:
        world.run(
            "insert into rank_changes (lead_id, at, old, new, score, p_win) values (:l, :at, 'warm', 'hot', 1, 1)",
            l=lead_id, at=last,
        )  # fmt: skip
    world.run(
        "insert into hand_offs (lead_id, product_id, state, p_win, bar, created_at, resolved_at)"
        " values (:l, :q, 'won', .3, .2, :at, :now)",
        l=leads[1], q=world.press_id, at=last, now=now,
    )  # fmt: skip
    with parts.engine.connect() as tx:
        found = funnel_report.entered(
            tx, since=now - timedelta(days=200), until=now + timedelta(days=1), zone="Asia/Tokyo"
        )
    by = {(one.product_id, one.month): {k: v for k, v in one.figures.items() if v} for one in found}
    this, before = month_of(now), month_of(last)
    assert by[0, before] == {"prospect": 3, "qualified": 2}
    assert by[0, this] == {"prospect": 1, "customer": 1, "loyal": 1}
    assert by[world.press_id, before] == by[0, before]
    assert len(by) == 4
