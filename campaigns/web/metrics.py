"""GET /metrics in the text format of Prometheus.

It shows product names and recipients' domains, so it is no public page: with IKUSEI_METRICS_TOKEN only who
brings the token (`Authorization: Bearer ...`), without one only this host itself. Who may not see it learns
nothing: 404. Behind a proxy of the same host everybody seems to be this host; such an installation has an
https base URL, or the request a forwarding header, and then the token is a must.
"""

from __future__ import annotations

import hmac
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from flask import Blueprint, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from campaigns.parts import Parts
from campaigns.services import metrics
from campaigns.services.metrics import OnTheWay, Snapshot, Throttled

pages = Blueprint("metrics", __name__)

# Several servers that ask, and an impatient one, cost the database one reading in this time.
KEPT_S = 5.0
FORWARDED = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")
KEPT = "ikusei_metrics"


class _Kept:
    """The last text, shared by the threads of this process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.text = b""
        self.until = float("-inf")


@pages.get("/metrics")
def metrics_GET() -> Response:
    parts: Parts = current_app.extensions["ikusei"]
    if not _may_see(parts):
        abort(404)
    kept: _Kept = current_app.extensions.setdefault(KEPT, _Kept())
    with kept.lock:
        if time.monotonic() >= kept.until:
            kept.text = text(metrics.run(parts, now=parts.clock.now()))
            kept.until = time.monotonic() + KEPT_S
        return Response(kept.text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def _may_see(parts: Parts) -> bool:
    token = parts.settings.metrics_token
    if token:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        return kind.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())
    if parts.settings.is_https or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def text(snapshot: Snapshot) -> bytes:
    """A snapshot as Prometheus reads it."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(snapshot))
    return generate_latest(registry)


class _Figures(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        yield from _mails(self._snapshot)
        yield from _queue(self._snapshot)
        redis = self._snapshot.redis
        yield _gauge("ikusei_redis_up", "1 while Redis answers", float(redis is not None))
        if redis is not None:
            yield from _on_the_way(redis)


def _mails(snapshot: Snapshot) -> Iterator[Metric]:
    labels = ["product", "product_id"]
    names = {
        "sent": "Mails that a mail server has taken",
        "failed": "Mails that could not be delivered",
        "in_doubt": "Mails whose end was not known after the hand-over",
        "hard": "Returned mails: the mailbox does not exist",
        "complaints": "Reports as spam",
    }
    for field, words in names.items():
        name = {"hard": "ikusei_bounces_hard"}.get(field, f"ikusei_mails_{field}")
        family = CounterMetricFamily(name, words, labels=labels)
        for row in snapshot.products:
            family.add_metric([row.name, str(row.product_id)], getattr(row, field))
        yield family
    # A soft bounce may turn out to be a hard one later: it can go down, so it is no counter.
    soft = GaugeMetricFamily("ikusei_bounces_soft", "Returned mails: for the time being", labels=labels)
    for row in snapshot.products:
        soft.add_metric([row.name, str(row.product_id)], row.soft)
    yield soft


def _queue(snapshot: Snapshot) -> Iterator[Metric]:
    queue = snapshot.queue
    yield _gauge("ikusei_queue_due_mails", "Mails whose time has come and that wait", queue.due)
    yield _gauge(
        "ikusei_queue_oldest_due_seconds", "Since when the oldest due mail waits", snapshot.oldest_due_s
    )
    yield _gauge("ikusei_handing_mails", "Mails in a worker's hands", queue.handing)
    yield _gauge("ikusei_claims_open", "Batches in workers' hands", queue.claims)
    yield _gauge("ikusei_claim_oldest_seconds", "Age of the oldest open batch", snapshot.oldest_claim_s)
    yield _gauge("ikusei_refusals_on_disk", "Refusals that wait for the database", snapshot.spooled_refusals)
    stops = CounterMetricFamily(
        "ikusei_stops", "Refusals, pauses, stops: each made running batches ask again"
    )
    stops.add_metric([], queue.stops)
    yield stops
    paused = GaugeMetricFamily(
        "ikusei_paused", "What staff paused: everything, products, scenarios", labels=["scope"]
    )
    paused.add_metric(["all"], float(queue.is_paused))
    paused.add_metric(["product"], queue.paused_products)
    paused.add_metric(["scenario"], queue.paused_scenarios)
    yield paused


def _on_the_way(redis: OnTheWay) -> Iterator[Metric]:
    yield _gauge("ikusei_event_stream_length", "Opens, clicks and page views in the stream", redis.events)
    yield _gauge("ikusei_jobs_waiting", "Jobs that no worker has begun", redis.jobs)
    yield _gauge("ikusei_jobs_failed", "Jobs that failed and are kept for a look", redis.failed_jobs)
    yield _gauge("ikusei_workers", "Workers that are registered", len(redis.heartbeats))
    beats = GaugeMetricFamily(
        "ikusei_worker_heartbeat_seconds", "Since the worker's last sign of life", labels=["worker"]
    )
    for worker, age_s in redis.heartbeats.items():
        beats.add_metric([worker], age_s)
    yield beats
    if redis.tick_s is not None:
        yield _gauge(
            "ikusei_scheduler_tick_seconds", "Since the minute of the scheduler's last tick", redis.tick_s
        )
    ignored = CounterMetricFamily(
        "ikusei_tracker_ignored",
        "Requests that the trackers ignored, events spooled or lost",
        labels=["what"],
    )
    for what, number in redis.ignored.items():
        ignored.add_metric([what], number)
    yield ignored
    yield from _throttle("domain", redis.domains)
    yield from _throttle("account", redis.accounts)


def _throttle(what: str, known: Sequence[Throttled]) -> Iterator[Metric]:
    """Domains, or our own ways out, that have a limit or had trouble lately."""
    states = GaugeMetricFamily(
        f"ikusei_{what}_breaker", "0 flows, 1 tries with one mail, 2 waits", labels=[what]
    )
    rates = GaugeMetricFamily(f"ikusei_{what}_rate_per_second", "Mails a second that may go", labels=[what])
    for one in known:
        states.add_metric([one.name], {"closed": 0, "half_open": 1, "open": 2}[one.state])
        if one.rate_per_s is not None:
            rates.add_metric([one.name], one.rate_per_s)
    yield states
    yield rates


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
