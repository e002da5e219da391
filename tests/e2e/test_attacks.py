"""What an evening in production brings: servers that go and come back, a full disk, midnight, a refusal."""

from __future__ import annotations

import errno
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of
from campaigns.services import deliver, refuse, self_audit
from mailer.catcher import Catcher
from mailer.journal import Journal
from mailer.transports import transport_for
from tests import world
from tests.bench.installation import house
from tests.conftest import NOW
from tests.e2e import kills

pytestmark = pytest.mark.e2e


def due(parts: Parts, mails: int, *, at: datetime | None = None) -> list[int]:
    """So many mails to as many people, due five minutes ago."""
    made = world.build(parts, count=0)
    with parts.engine.begin() as tx:
        people = world.people(tx, parts, mails, product=made.product)
    made = world.World(made.product, made.scenario, made.version, made.contents, people)
    return world.planned(parts, made, send_at=at or parts.clock.now() - timedelta(minutes=5))


@contextmanager
def sink(parts: Parts, *, rate: float | None = None, port: int = 0) -> Iterator[Catcher]:
    catcher = Catcher(parts.settings.folder / "caught", port=port, max_rate=rate)
    catcher.start()
    (parts.settings.folder / "catcher.url").write_text(catcher.url + "\n")
    try:
        yield catcher
    finally:
        catcher.stop()


@contextmanager
def crew(parts: Parts, *, workers: int = 1, schedulers: int = 1) -> Iterator[None]:
    """Real processes; ended by their own handles."""
    names = ["worker"] * workers + ["scheduler"] * schedulers
    processes = [kills.start(parts, name) for name in names]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def arrived(parts: Parts) -> Counter[bytes]:
    """Message-IDs at the sink."""
    mails = (path.read_bytes() for path in (parts.settings.folder / "caught").glob("*.eml"))
    return Counter(re.search(rb"(?im)^Message-ID:\s*(\S+)", mail)[1] for mail in mails)  # type: ignore[index]


def nothing_lost_or_doubled(parts: Parts, mails: int, *, in_doubt: int) -> None:
    ids, states = arrived(parts), world.states(parts)
    assert max(ids.values()) == 1, "a mail came twice"
    assert states.get("in_doubt", 0) <= in_doubt, states
    assert states.get("sent", 0) + states.get("in_doubt", 0) == mails, states
    assert len(ids) >= states["sent"]
    assert self_audit.run(parts, now=parts.clock.now()).is_sound


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_database_that_goes_and_comes_back_doubles_and_loses_nothing(how: str) -> None:
    with house() as own, sink(own.parts, rate=40):
        due(own.parts, 120)
        with crew(own.parts):
            assert kills.wait_for(lambda: len(arrived(own.parts)) > 25, 10)
            server = own.servers["postgres"]
            if how == "stopped":
                server.stop()
            else:
                server.process.kill()
                server.process.wait()
            time.sleep(0.8)
            own.start("postgres")
            own.parts.engine.dispose()
            back, before = time.monotonic(), len(arrived(own.parts))
            assert kills.wait_for(lambda: len(arrived(own.parts)) > before + 4, 10)
            assert time.monotonic() - back < 5
            assert kills.wait_for(lambda: not kills.under_way(own.parts), 12)
        nothing_lost_or_doubled(own.parts, 120, in_doubt=2)


def test_a_killed_redis_stops_no_mail_for_long() -> None:
    with house(batch=20) as own, sink(own.parts, rate=40):
        due(own.parts, 120)
        with crew(own.parts):
            assert kills.wait_for(lambda: len(arrived(own.parts)) > 25, 10)
            own.servers["valkey"].process.kill()
            own.servers["valkey"].process.wait()
            time.sleep(1.0)
            own.start("valkey")
            back, before = time.monotonic(), len(arrived(own.parts))
            assert kills.wait_for(lambda: len(arrived(own.parts)) > before + 4, 12)
            assert time.monotonic() - back < 8
            assert kills.wait_for(lambda: not kills.under_way(own.parts), 12)
        nothing_lost_or_doubled(own.parts, 120, in_doubt=0)


def test_a_server_that_hangs_up_for_good_leaves_dates_and_goes_on_when_it_is_back(parts: Parts) -> None:
    due(parts, 40, at=NOW)
    folder = parts.settings.folder / "caught"
    with sink(parts, rate=20) as first:
        way = transport_for(first.url)
        ender = threading.Thread(
            target=lambda: kills.wait_for(lambda: len(list(folder.glob("*.eml"))) >= 8, 10) and first.stop()
        )
        ender.start()
        deliver.batch(parts, now=NOW, transport=way)
        ender.join()
    with parts.engine.connect() as tx:
        waiting = tx.execute(
            text("select reason, send_at, attempts from deliveries where state = 'retry'")
        ).all()
    assert len(waiting) > 20
    assert {(row.reason, row.attempts) for row in waiting} == {("smtp_away", 0)}
    assert all(NOW < row.send_at <= NOW + timedelta(minutes=10) for row in waiting)
    later = NOW + timedelta(minutes=11)
    parts.clock.move_to(later)
    with sink(parts, port=first.port):
        deliver.batch(parts, now=later, transport=way)
    way.close()
    nothing_lost_or_doubled(parts, 40, in_doubt=2)


def test_a_disk_that_fills_up_lets_nothing_leave_unrecorded(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(parts, 10, at=NOW)
    whole, written = Journal.handing, []

    def full(self: Journal, id: int) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(id)
        whole(self, id)

    monkeypatch.setattr(Journal, "handing", full)
    with sink(parts) as catcher:
        way = transport_for(catcher.url)
        deliver.batch(parts, now=NOW, transport=way)
        assert sum(arrived(parts).values()) == 3
        assert world.states(parts) == {"sent": 3, "retry": 7}
        with parts.engine.connect() as tx:
            assert tx.execute(
                text("select distinct reason from deliveries where state = 'retry'")
            ).scalars().all() == ["no_journal"]

        def no_room(*_: object) -> Journal:
            raise OSError(errno.ENOSPC, "No space left on device")

        later = NOW + timedelta(minutes=6)
        parts.clock.move_to(later)
        with monkeypatch.context() as still:
            still.setattr(Journal, "create", no_room)
            assert deliver.run(parts, transport=way) == 0
        assert world.states(parts) == {"sent": 3, "retry": 7}
        monkeypatch.setattr(Journal, "handing", whole)
        deliver.batch(parts, now=later, transport=way)
        way.close()
    nothing_lost_or_doubled(parts, 10, in_doubt=0)


def test_two_schedulers_and_three_workers_share_the_work_without_a_double(
    parts: Parts, settings_with
) -> None:  # type: ignore[no-untyped-def]
    from campaigns import parts as composition

    small = composition.build(settings_with(batch=15))
    due(parts, 240)
    with sink(parts, rate=80), crew(small, workers=3, schedulers=2):
        assert kills.wait_for(lambda: not kills.under_way(parts), 14)
    small.engine.dispose()
    small.redis.close()
    nothing_lost_or_doubled(parts, 240, in_doubt=0)
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(distinct worker) from claims")).scalar() == 3


def test_a_refusal_during_a_batch_holds_every_body_that_would_start_a_second_later(parts: Parts) -> None:
    ids = due(parts, 100)
    with sink(parts, rate=25), crew(parts):
        assert kills.wait_for(lambda: len(arrived(parts)) > 5, 10)
        # 25 mails a second: whoever is 30 places further on has more than a second to go.
        late = ids[len(arrived(parts)) + 30 :]
        for id in late[:10]:
            refuse.record(parts, delivery_id=id, scope="global", reason="user_link", now=parts.clock.now())
        assert kills.wait_for(lambda: len(arrived(parts)) > 30, 10)
        with parts.engine.begin() as tx:
            tx.execute(text("update stops set paused = true, n = n + 1"))
        time.sleep(1.0)
        held = len(arrived(parts))
        time.sleep(1.0)
        # At most the bodies that were under way in the two connections.
        assert len(arrived(parts)) <= held + 2
        with parts.engine.begin() as tx:
            tx.execute(text("update stops set paused = false, n = n + 1"))
        assert kills.wait_for(lambda: not kills.under_way(parts), 12)
    assert world.states(parts) == {"sent": 90, "suppressed": 10}
    assert max(arrived(parts).values()) == 1
    assert self_audit.run(parts, now=parts.clock.now()).is_sound


def test_midnight_of_the_last_day_during_a_batch_moves_the_rest_to_the_new_month(parts: Parts) -> None:
    before = datetime(2026, 11, 30, 14, 59, 30, tzinfo=UTC)
    after = before + timedelta(minutes=1)
    due(parts, 60, at=before - timedelta(minutes=1))
    parts.clock.move_to(before)
    with sink(parts, rate=30) as catcher:
        way = transport_for(catcher.url)
        mover = threading.Thread(
            target=lambda: (
                kills.wait_for(lambda: len(arrived(parts)) >= 15, 10) and parts.clock.move_to(after)
            )
        )
        mover.start()
        deliver.batch(parts, now=parts.clock.now(), transport=way)
        mover.join()
        november = world.states(parts)["sent"]
        assert 15 <= november < 30
        assert deliver.batch(parts, now=parts.clock.now(), transport=way) == 60 - november
        way.close()
    nothing_lost_or_doubled(parts, 60, in_doubt=0)
    with parts.engine.connect() as tx:
        rows = tx.execute(
            text("select d.sent_at, s.month from mail_slots s join deliveries d on d.id = s.delivery_id")
        ).all()
    slipped = [row for row in rows if month_of(row.sent_at) != row.month]
    assert len(slipped) <= 2, "only what was in the two connections at midnight may keep the old month"
    assert {row.month for row in rows} == {2026 * 12 + 10, 2026 * 12 + 11}
