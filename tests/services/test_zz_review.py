from __future__ import annotations
from datetime import UTC, datetime, timedelta
import pytest
from sqlalchemy import text
from campaigns.parts import Parts
from campaigns.services import carry, deliver, settle
from mailer.transports import MemoryTransport
from mailer.receipts import *
from tests import world
from tests.conftest import NOW
from tests.services.test_deliver import rows
from tests.services.test_deliver_run import small


def test_two_mails_of_two_past_months(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    with parts.engine.begin() as tx:
        p2 = world.product(tx, "P2", list_key="p2")
        _, version, contents = world.scenario(tx, p2)
        tx.execute(text("insert into product_leads (person_id, product_id, state, created_at) values (:p, :q, 'nurturing', :n)"), {"p": made.people[0], "q": p2, "n": NOW})
        sc = tx.execute(text("select max(id) from scenarios")).scalar()
    other = world.World(p2, sc, version, contents, made.people)
    december = datetime(2026, 12, 20, 1, 0, tzinfo=UTC)
    world.planned(parts, other, send_at=december)
    january = datetime(2027, 1, 5, 1, 0, tzinfo=UTC)
    parts.clock.move_to(january)
    deliver.batch(parts, now=january, transport=MemoryTransport())
    print(rows(parts, "select state, reason, month from deliveries order by id"))


def test_settle_fails_next_is_left(parts: Parts, monkeypatch) -> None:
    made = world.build(parts, count=8)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    whole = carry.Round.settle
    n = []
    def fail(self):
        n.append(1)
        if len(n) == 1:
            self.leave()
            raise RuntimeError("once")
        whole(self)
    monkeypatch.setattr(carry.Round, "settle", fail)
    with pytest.raises(RuntimeError):
        deliver.run(small(parts, 2), transport=MemoryTransport())
    from campaigns.services import sweep
    sweep.run(parts, now=NOW)
    print(world.states(parts), list(parts.journal_folder.glob("*.journal")))


def test_mail_stage(parts: Parts) -> None:
    r = Receipt(1, Outcome.PERMANENT, 550, "Domain not found", Stage.MAIL)
    print(settle.verdict(r), settle._is_gone(settle.ended(r, 0, at=NOW)))
    r = Receipt(1, Outcome.PERMANENT, 550, "5.1.0 Address rejected", Stage.MAIL)
    print(settle.verdict(r), settle._is_gone(settle.ended(r, 0, at=NOW)))
    r = Receipt(1, Outcome.PERMANENT, 553, "5.1.2 we do not know you", Stage.MAIL)
    print(settle.verdict(r), settle._is_gone(settle.ended(r, 0, at=NOW)))
