from __future__ import annotations

import os
from datetime import timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import deliver, self_audit, sweep
from mailer.journal import Journal, JournalDir
from mailer.transports import MemoryTransport
from tests import world
from tests.conftest import NOW


class Killed(BaseException):
    """What a SIGKILL looks like from outside: nothing after it runs."""


class Dying(MemoryTransport):
    """Hands over one, begins a second and dies."""

    def send_batch(self, items, *, journal, before_body, on_result):  # type: ignore[no-untyped-def]
        todo = list(items)
        journal.handing(todo[0].id)
        self._store(todo[0], todo[0].body())
        journal.answered(todo[0].id, 250, "ok")
        journal.handing(todo[1].id)
        raise Killed


@pytest.fixture
def abandoned(parts: Parts) -> Parts:
    """Four deliveries in the hands of a worker that died after one answer and one begun body."""
    made = world.build(parts, count=4)
    world.planned(parts, made, send_at=NOW)
    with pytest.raises(Killed):
        deliver.batch(parts, now=NOW, transport=Dying())
    assert world.states(parts) == {"handing": 4}
    return parts


def test_answered_is_sent_begun_is_in_doubt_and_untouched_is_planned_again(abandoned: Parts) -> None:
    assert sweep.run(abandoned, now=NOW) == 4
    assert world.states(abandoned) == {"sent": 1, "in_doubt": 1, "planned": 2}
    assert sweep.run(abandoned, now=NOW) == 0
    assert self_audit.run(abandoned, now=NOW).is_sound
    with abandoned.engine.connect() as tx:
        assert tx.execute(text("select verdict from claims")).scalar() == "swept:trusted"


def test_a_living_workers_claim_is_left_alone(parts: Parts) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    seen: list[int] = []

    class Watching(MemoryTransport):
        def send_batch(self, items, *, journal, before_body, on_result):  # type: ignore[no-untyped-def]
            seen.append(sweep.run(parts, now=NOW + timedelta(days=1)))
            super().send_batch(items, journal=journal, before_body=before_body, on_result=on_result)

    deliver.batch(parts, now=NOW, transport=Watching())
    assert seen == [0]
    assert world.states(parts) == {"sent": 2}


def test_a_missing_journal_puts_the_whole_batch_in_doubt(abandoned: Parts) -> None:
    for path in abandoned.journal_folder.glob("*.journal"):
        path.unlink()
    sweep.run(abandoned, now=NOW)
    assert world.states(abandoned) == {"in_doubt": 4}


def test_another_boot_is_not_trusted(abandoned: Parts) -> None:
    with abandoned.engine.begin() as tx:
        tx.execute(text("update claims set boot_id = 'yesterday'"))
    sweep.run(abandoned, now=NOW)
    assert world.states(abandoned) == {"in_doubt": 4}


def test_another_hosts_claim_waits_for_its_lease(abandoned: Parts) -> None:
    with abandoned.engine.begin() as tx:
        tx.execute(text("update claims set journal_dir = 'elsewhere'"))
    assert sweep.run(abandoned, now=NOW) == 0
    assert world.states(abandoned) == {"handing": 4}
    with abandoned.engine.begin() as tx:
        tx.execute(text("update claims set lease_until = now() - interval '1 second'"))
    sweep.run(abandoned, now=NOW)
    assert world.states(abandoned) == {"in_doubt": 4}


def test_an_empty_claims_journal_is_harmless(parts: Parts) -> None:
    Journal.create(JournalDir(parts.journal_folder), "stray-token-1234", 5).close()
    assert sweep.run(parts, now=NOW) == 0


def test_a_mailbox_refused_to_a_dead_worker_is_marked(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)

    class Refused(MemoryTransport):
        def send_batch(self, items, *, journal, before_body, on_result):  # type: ignore[no-untyped-def]
            journal.answered(next(iter(items)).id, 550, "5.1.1 no such user")
            raise Killed

    with pytest.raises(Killed):
        deliver.batch(parts, now=NOW, transport=Refused())
    sweep.run(parts, now=NOW)
    with parts.engine.connect() as tx:
        assert tx.execute(text("select status from addresses")).scalar() == "hard"


def test_an_old_journal_without_a_claim_is_removed_and_a_locked_one_stays(parts: Parts) -> None:
    directory = JournalDir(parts.journal_folder)
    Journal.create(directory, "stray-token-1234", 5).close()
    held = Journal.create(directory, "held-token-12345", 5)
    for token in directory.tokens():
        os.utime(directory.file(token), (1, 1))
    sweep.run(parts, now=NOW)
    assert directory.tokens() == ["held-token-12345"]
    held.close()


def test_a_claim_that_cannot_be_settled_keeps_no_other_waiting(
    abandoned: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    with abandoned.engine.begin() as tx:
        tx.execute(
            text(
                "insert into claims (token, host, journal_dir, boot_id, worker, size, claimed_at, lease_until)"
                " select '..', host, journal_dir, boot_id, worker, 1, claimed_at - interval '1 hour', lease_until"
                " from claims"
            )
        )
    assert sweep.run(abandoned, now=NOW) == 4
    assert world.states(abandoned) == {"sent": 1, "in_doubt": 1, "planned": 2}


@pytest.mark.parametrize("size", [0, 500])
def test_a_journal_that_was_emptied_sends_nothing_twice(abandoned: Parts, size: int) -> None:
    [file] = abandoned.journal_folder.glob("*.journal")
    os.truncate(file, size)
    assert sweep.run(abandoned, now=NOW) == 4
    assert world.states(abandoned) == {"in_doubt": 4}
