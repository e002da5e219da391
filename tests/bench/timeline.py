"""The page of one person with 500 touchpoints, through Flask and the database. Aim: below 200 ms (S3-07).

The limit of the same run is an answer of the same application that asks no database: /static.
"""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime

from flask.testing import FlaskClient

from campaigns.services import rerank
from campaigns.storage import users
from campaigns.web import app as web
from tests.bench.installation import house
from tests.services.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOUCHES, RUNS = 500, 40
KINDS = ("mail_click", "web_view", "web_view_key", "call_connected", "doc_request", "booth_talk", "mail_open")


def took_ms(client: FlaskClient, path: str) -> list[float]:
    """Milliseconds of each of RUNS answers, the first (cold caches) left out."""
    found = []
    for _ in range(RUNS + 1):
        start = time.perf_counter()
        page = client.get(path)
        found.append((time.perf_counter() - start) * 1000)
        assert page.status_code == 200, path
    return found[1:]


def main() -> None:
    with house() as made:
        parts = made.parts
        parts.clock.move_to(NOW)
        world = World.build(parts, NOW)
        person = world.person(touches=[(KINDS[n % len(KINDS)], n * 0.7) for n in range(TOUCHES)])
        for _ in range(200):
            world.person(touches=[("badge_scan", 10), ("web_view", 3)])
        rerank.people(parts, range(1, 202), now=NOW)
        with parts.engine.begin() as tx:
            user_id = users.add(
                tx,
                email="a@maker.example",
                name="計測",
                role="admin",
                locale="ja",
                password_hash="-",
                now=NOW,
            )
        client = web.create(parts).test_client()
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = f"{user_id}:1", True
        floor = statistics.median(took_ms(client, "/static/people.css"))
        pages = {"the last 40": f"/people/{person}", "all 500": f"/people/{person}?show=all&older=1"}
        for name, path in pages.items():
            took = took_ms(client, path)
            middle = statistics.median(took)
            print(
                f"timeline: a person with {TOUCHES} touches, {name} shown: {middle:.0f} ms, worst {max(took):.0f} ms"
                f" ({middle / floor:.0f} times a static file, {floor:.1f} ms)"
            )


if __name__ == "__main__":
    main()
