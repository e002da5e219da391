"""A branch on "opened": an open that no machine is known to have made answers it, though it raises no rank."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol, judge, observe
from tests.services.test_advance import MAIL, MORNING, flow, go, rows
from tracking_pixel.events import Event, EventKind

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36"
YES, ELSE = 3, 4


@pytest.mark.parametrize(
    ("agent", "position"),
    [(BROWSER, YES), ("Mozilla/5.0", ELSE), ("Mozilla/5.0 GoogleImageProxy", ELSE), ("", ELSE)],
)
def test_an_open_answers_a_branch_unless_a_machine_made_it(parts: Parts, agent: str, position: int) -> None:
    made = flow(
        parts,
        MAIL,
        {"kind": "branch", "wait_days": 7, "condition": {"on": "opened", "of": "", "values": []}},
        {"kind": "mail", "parent_key": "K2", "arm": "yes", "offset_months": 1},
        {"kind": "mail", "parent_key": "K2", "arm": "else", "offset_months": 1},
    )
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0)
    opened = MORNING + timedelta(days=7)
    with parts.engine.begin() as tx:
        delivery = tx.execute(
            text("update deliveries set state = 'sent', sent_at = send_at returning id")
        ).scalar_one()
    event = Event(uid="o1", kind=EventKind.OPEN, delivery_id=delivery, at=opened, ua=agent)
    observe.take(parts, [event], now=opened)
    judge.due(parts, now=opened + timedelta(minutes=5))
    go(parts, 7, 14)
    assert rows(parts, "select position from enrollments") == [(position,)]
    assert rows(parts, "select distinct rank from product_leads") == [("unobserved",)]
