"""What waits for a yes: counted at once for one owner, kept for everybody in a big house."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import approve, count_approvals, kept
from campaigns.storage import sizes
from campaigns.storage.approvals import Counts
from tests import world
from tests.world import START


@pytest.fixture
def waiting(parts: Parts) -> world.World:
    """Three people at companies that a field rep leads, each with a planned mail."""
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=START + timedelta(hours=2))
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set class = 'A'"))
    parts.redis.delete(f"ikusei:kept:{count_approvals.NAME}")
    return made


def everybody(parts: Parts) -> Counts:
    return approve.counts(parts, owner_id=None, now=START)


def test_a_small_house_is_counted_while_the_page_waits(parts: Parts, waiting: world.World) -> None:
    assert everybody(parts) == Counts(people=0, mails=3)
    assert not approve.recount(parts, now=START)
    assert kept.read(parts, count_approvals.NAME) is None


def test_a_big_house_shows_what_the_job_counted(
    parts: Parts, waiting: world.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BIG", 0)
    assert everybody(parts) == Counts(people=0, mails=3)  # no job has counted yet
    assert approve.recount(parts, now=START)
    with parts.engine.begin() as tx:
        tx.execute(text("update deliveries set state = 'cancelled'"))
    assert everybody(parts) == Counts(people=0, mails=3)
    assert approve.recount(parts, now=START + count_approvals.EVERY)
    assert everybody(parts) == Counts(people=0, mails=0)


def test_one_owner_sees_this_moment_in_a_big_house_too(
    parts: Parts, waiting: world.World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BIG", 0)
    approve.recount(parts, now=START)
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set owner_user_id = null"))
    assert approve.counts(parts, owner_id=1, now=START) == Counts(people=0, mails=0)
