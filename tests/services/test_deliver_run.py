"""Rounds one after the other: lanes, claiming ahead, being told to stop."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import carry, deliver, post
from campaigns.services.deliver import Lane
from mailer.receipts import Handover, Item, Receipt
from mailer.transports import MemoryTransport
from tests import world
from tests.conftest import NOW


class Paced(MemoryTransport):
    """Takes its time for each mail, and tells when it has begun."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s
        self.begun = threading.Event()

    def send_batch(
        self,
        items: Iterable[Item],
        *,
        journal: Handover,
        before_body: Callable[[int], bool],
        on_result: Callable[[Receipt], None],
    ) -> None:
        def slowly(id: int) -> bool:
            self.begun.set()
            time.sleep(self.wait_s)
            return before_body(id)

        super().send_batch(items, journal=journal, before_body=slowly, on_result=on_result)


def small(parts: Parts, size: int) -> Parts:
    return replace(parts, settings=replace(parts.settings, batch=size))


def rows(parts: Parts, query: str) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query))]


def answer(parts: Parts, n: int) -> None:
    with parts.engine.begin() as tx:
        post.queue(
            tx,
            origin=f"tx:doc:{n}",
            to="wakabayashi@hamana-techno.example",
            subject="資料をお送りします",
            text="ご請求ありがとうございます。",
            now=parts.clock.now() - timedelta(minutes=1),
        )


def test_every_batch_goes_once_and_leaves_neither_claim_nor_journal(parts: Parts) -> None:
    made = world.build(parts, count=23)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    way = MemoryTransport()
    assert deliver.run(small(parts, 5), transport=way) == 23
    assert len({kept.id for kept in way.sent}) == len(way.sent) == 23
    assert world.states(parts) == {"sent": 23}
    assert rows(parts, "select count(*), count(settled_at), sum(size) from claims") == [(5, 5, 23)]
    assert list(parts.journal_folder.glob("*.journal")) == []


def test_the_next_batch_is_claimed_while_one_is_on_its_way(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=12)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    claimed_during: list[bool] = []
    under_way = threading.Event()
    whole = carry.claim
    hand_over = carry.Round.hand_over

    def claim(*args: object, **kwargs: object) -> object:
        claimed_during.append(under_way.is_set())
        return whole(*args, **kwargs)  # type: ignore[arg-type]

    def handed(self: carry.Round, way: object) -> None:
        under_way.set()
        hand_over(self, way)  # type: ignore[arg-type]
        time.sleep(0.1)
        under_way.clear()

    monkeypatch.setattr(carry, "claim", claim)
    monkeypatch.setattr(carry.Round, "hand_over", handed)
    assert deliver.run(small(parts, 3), transport=MemoryTransport()) == 12
    assert claimed_during.count(True) >= 2


def test_told_to_stop_it_ends_the_mail_under_way_and_gives_back_the_rest(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carry, "OFTEN_S", -1.0)
    made = world.build(parts, count=20)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    stop, way = threading.Event(), Paced(0.05)
    running = threading.Thread(target=lambda: deliver.run(small(parts, 8), until=stop.is_set, transport=way))
    running.start()
    way.begun.wait(10)
    stop.set()
    running.join(10)
    assert not running.is_alive()
    states = world.states(parts)
    assert set(states) <= {"sent", "planned"}
    assert states.get("sent", 0) == len(way.sent)
    assert states["planned"] >= 10
    assert rows(parts, "select count(*) from claims where settled_at is null") == [(0,)]
    assert deliver.run(parts, transport=way) == states["planned"]
    assert world.states(parts) == {"sent": 20}


def test_a_broken_hand_over_leaves_its_batch_to_the_sweep_and_gives_back_the_one_ahead(parts: Parts) -> None:
    made = world.build(parts, count=6)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))

    class Breaks(MemoryTransport):
        rounds = 0

        def send_batch(self, items, **kwargs):  # type: ignore[no-untyped-def]
            self.rounds += 1
            if self.rounds == 2:
                raise RuntimeError("out of the blue")
            super().send_batch(items, **kwargs)

    with pytest.raises(RuntimeError, match="out of the blue"):
        deliver.run(small(parts, 2), transport=Breaks())
    assert world.states(parts) == {"sent": 2, "handing": 2, "planned": 2}


def test_answers_do_not_wait_behind_a_campaign(parts: Parts) -> None:
    made = world.build(parts, count=40)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5))
    campaign = Paced(0.05)
    running = threading.Thread(target=lambda: deliver.run(parts, lane=Lane.BULK, transport=campaign))
    running.start()
    campaign.begun.wait(10)
    answer(parts, 1)
    express = MemoryTransport()
    assert deliver.run(parts, lane=Lane.EXPRESS, transport=express) == 1
    assert [kept.rcpt_to for kept in express.sent] == ["wakabayashi@hamana-techno.example"]
    assert len(campaign.sent) < 40
    running.join(20)
    assert len(campaign.sent) == 40


def test_the_campaign_lane_leaves_answers_to_the_express_lane(parts: Parts) -> None:
    answer(parts, 1)
    assert deliver.run(parts, lane=Lane.BULK, transport=MemoryTransport()) == 0
    assert deliver.is_due(parts, now=parts.clock.now(), lane=Lane.EXPRESS)


def test_a_day_is_added_up_as_its_mails_are_settled(parts: Parts) -> None:
    made = world.build(parts, count=4)
    world.planned(parts, made, send_at=NOW - timedelta(minutes=5), count=3)
    deliver.run(parts, transport=MemoryTransport())
    assert rows(
        parts, "select day::text, product_id, scenario_id, sent, failed, in_doubt from mail_days"
    ) == [("2026-11-24", made.product, made.scenario, 3, 0, 0)]
    answer(parts, 1)
    deliver.run(parts, transport=MemoryTransport(answer=550))
    assert rows(parts, "select sent, failed from mail_days where product_id = 0") == [(0, 1)]
