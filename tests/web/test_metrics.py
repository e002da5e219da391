"""Figures for Prometheus: they parse, they are true, and strangers do not see them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from campaigns import rates
from campaigns.parts import STREAM, Parts
from campaigns.services import hold
from campaigns.services import metrics as figures_of
from campaigns.services.hold import Kind, Target
from campaigns.settings import SettingsError, read
from campaigns.web import app as web
from campaigns.web import metrics
from mailer.throttle import Limits, Result
from tests import world

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
TOKEN = "t" * 24


def figures(raw: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(raw)
        for sample in family.samples
    }


def plain(raw: str, name: str) -> float:
    return figures(raw)[name, ()]


def test_the_figures_parse_and_tell_what_the_database_and_redis_hold(app: Flask, parts: Parts) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=NOW - timedelta(seconds=90))
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機", list_key="axis")
        tx.execute(
            text(
                "insert into mail_days (day, product_id, scenario_id, sent, failed, in_doubt, soft, hard, complaints)"
                " values ('2026-11-23', :p, 1, 100, 3, 1, 4, 2, 1), ('2026-11-24', :p, 2, 20, 0, 0, 0, 0, 0)"
            ),
            {"p": made.product},
        )
    parts.redis.xadd(STREAM, {"e": "x"})
    parts.redis.rpush("rq:queue:ikusei", "a", "b")
    parts.redis.sadd("rq:workers", "rq:worker:host-1")
    parts.redis.hset(
        "rq:worker:host-1", "last_heartbeat", (datetime.now(UTC) - timedelta(seconds=7)).isoformat()
    )
    parts.redis.set("ikusei:ticked", (NOW - timedelta(seconds=30)).isoformat())
    hold.pause(parts, Target(Kind.PRODUCT, other), reason="", user_id=None, now=NOW)
    rates.SharedRates(parts.redis, Limits.parse("")).report(
        {"docomo.ne.jp": Result(throttled=1, reason="throttled", code=421, text="4.7.0 slow down")},
        now_s=NOW.timestamp(),
    )
    parts.clock.move_to(NOW)
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    raw, found = answer.text, figures(answer.text)
    product = (("product", "外観検査装置 EyeLine"), ("product_id", str(made.product)))
    assert found["ikusei_mails_sent_total", product] == 120
    assert found["ikusei_mails_failed_total", product] == 3
    assert found["ikusei_bounces_hard_total", product] == 2
    assert found["ikusei_bounces_soft", product] == 4
    assert found["ikusei_mails_complaints_total", product] == 1
    assert plain(raw, "ikusei_queue_due_mails") == 3
    assert 90 <= plain(raw, "ikusei_queue_oldest_due_seconds") < 150
    assert plain(raw, "ikusei_event_stream_length") == 1
    assert plain(raw, "ikusei_jobs_waiting") == 2
    assert plain(raw, "ikusei_workers") == 1
    assert 6 < found["ikusei_worker_heartbeat_seconds", (("worker", "host-1"),)] < 60
    assert 30 <= plain(raw, "ikusei_scheduler_tick_seconds") < 90
    assert found["ikusei_paused", (("scope", "product"),)] == 1
    assert found["ikusei_paused", (("scope", "all"),)] == 0
    assert found["ikusei_domain_breaker", (("domain", "docomo.ne.jp"),)] == 2
    assert plain(raw, "ikusei_redis_up") == 1


def test_redis_away_is_a_figure_and_the_rest_stands(
    app: Flask, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from redis.exceptions import ConnectionError as Away

    def gone(*_args: object, **_more: object) -> None:
        raise Away("away")

    monkeypatch.setattr(parts.redis, "pipeline", gone)
    raw = app.test_client().get("/metrics").text
    assert plain(raw, "ikusei_redis_up") == 0
    assert plain(raw, "ikusei_queue_due_mails") == 0
    assert "ikusei_jobs_waiting" not in raw


def test_a_hostile_name_stays_one_label(app: Flask, parts: Parts) -> None:
    name = 'x"} 1\nikusei_redis_up 7\\'
    with parts.engine.begin() as tx:
        id = world.product(tx, name)
        tx.execute(
            text(
                "insert into mail_days (day, product_id, scenario_id, sent) values ('2026-11-23', :p, 1, 5)"
            ),
            {"p": id},
        )
    found = figures(app.test_client().get("/metrics").text)
    assert found["ikusei_mails_sent_total", (("product", name), ("product_id", str(id)))] == 5
    assert found["ikusei_redis_up", ()] == 1


def make(parts: Parts, **changed: object) -> Flask:
    made = web.create(replace(parts, settings=replace(parts.settings, **changed)))  # type: ignore[arg-type]
    made.config["PROPAGATE_EXCEPTIONS"] = False
    return made


def test_without_a_token_only_this_host_may_look(parts: Parts) -> None:
    client = make(parts).test_client()
    for place in ("127.0.0.1", "127.8.0.1", "::1"):
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": place}).status_code == 200, place
    for place in ("192.0.2.7", "10.0.0.1", "", "x", "2001:db8::1"):
        assert client.get("/metrics", environ_base={"REMOTE_ADDR": place}).status_code == 404, place
    for header in metrics.FORWARDED:
        assert client.get("/metrics", headers={header: "127.0.0.1"}).status_code == 404, header
    assert client.post("/metrics").status_code in (400, 405)


def test_behind_https_this_host_needs_the_token_too(parts: Parts) -> None:
    assert make(parts, base_url="https://mail.example").test_client().get("/metrics").status_code == 404


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {TOKEN} ", 200),
        ("", 404),
        ("Bearer", 404),
        (f"Basic {TOKEN}", 404),
        (TOKEN, 404),
        (f"Bearer {TOKEN}x", 404),
        ("Bearer é", 404),
    ],
)
def test_with_a_token_only_who_brings_it_may_look(parts: Parts, given: str, status: int) -> None:
    client = make(parts, metrics_token=TOKEN, base_url="https://mail.example").test_client()
    headers = {"Authorization": given} if given else {}
    answer = client.get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    assert answer.status_code == status


def test_a_token_that_can_be_guessed_is_refused() -> None:
    with pytest.raises(SettingsError, match="IKUSEI_METRICS_TOKEN"):
        read({"IKUSEI_METRICS_TOKEN": "short"})


def test_an_impatient_server_costs_one_reading(
    app: Flask, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[float] = []
    real: Callable[..., object] = figures_of.run

    def counted(*args: object, **more: object) -> object:
        asked.append(time.monotonic())
        return real(*args, **more)

    monkeypatch.setattr(figures_of, "run", counted)
    client = app.test_client()
    assert len({client.get("/metrics").text for _ in range(5)}) == 1
    assert len(asked) == 1
    monkeypatch.setattr(metrics, "KEPT_S", 0.0)
    app.extensions.pop(metrics.KEPT)
    client.get("/metrics")
    client.get("/metrics")
    assert len(asked) == 3
