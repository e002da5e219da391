"""Where counting takes longer than a page may, pages say so, until a job has counted."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import count_deliveries, count_home, count_leads, self_audit
from campaigns.storage import sizes
from tests.services.test_count_deliveries import house
from tests.world import World

__all__ = ["house"]


def test_the_pages_of_a_big_house_say_that_they_are_being_counted(
    client: FlaskClient, parts: Parts, house: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BIG", 0)
    for name in (count_deliveries.NAME, count_home.NAME, self_audit.NAME, count_leads.NAME):
        parts.redis.delete(f"ikusei:kept:{name}")
    assert "数えています" in client.get("/").text
    assert "自己点検をしているところ" in client.get("/deliveries").text
    now = parts.clock.now()
    for run in (count_deliveries.run, count_home.run, self_audit.renew, count_leads.run):
        assert run(parts, now=now)
    assert "数えています" not in client.get("/").text
    assert "自己点検をしているところ" not in client.get("/deliveries").text
