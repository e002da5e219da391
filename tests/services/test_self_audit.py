"""What the nightly audit calls a violation, and what says by itself why it waits."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import self_audit
from tests import world

DECEMBER = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)


def unseen(parts: Parts) -> int:
    return self_audit.run(parts, now=DECEMBER).found["unseen"]


def test_a_mail_of_november_that_waits_in_december_says_why(parts: Parts) -> None:
    made = world.build(parts, count=1)
    [delivery] = world.planned(parts, made, send_at=world.START)
    with parts.engine.begin() as tx:
        tx.execute(text("update enrollments set position = 1, due_month = start_month"))
        tx.execute(text("delete from mail_slots"))
        tx.execute(text("update deliveries set state = 'cancelled', send_at = null"))
    assert unseen(parts) == 1
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "update deliveries set state = 'carried_over', reason = 'gap', until = '2026-12-07' where id = :id"
            ),
            {"id": delivery},
        )
    assert unseen(parts) == 0, "it was put back at the hand-over, and its row says so"
