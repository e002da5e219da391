"""Tracking events as they came in, and the deliveries that they belong to.

Raw events are kept, so that a later event can judge an earlier one again; agents and networks only for
90 days (LAW-27).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from tracking_pixel.bots import Judged
from tracking_pixel.events import Event, EventKind

# Newest events of one delivery that are judged together; a flood beyond it keeps its first verdict.
JUDGED_MAX = 2000
KEPT_MAX = 5000
NET_DAYS = 90


@dataclass(frozen=True, slots=True)
class Mailed:
    """The delivery behind an event. sent_at: when the receiving server took it, or None. domain: of its mailbox."""

    delivery_id: int
    person_id: int
    product_id: int | None
    sent_at: datetime | None
    domain: str


def mailed(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, Mailed]:
    """Who got these mails. People who do not want to be tracked are left out, and so are their events."""
    rows = tx.execute(
        text(
            "select d.id, coalesce(p.merged_into, p.id) as person_id, d.product_id, d.sent_at,"
            " coalesce(a.domain, '') as domain"
            " from deliveries d join people p on p.id = d.person_id left join addresses a on a.id = d.address_id"
            " where d.id = any(:ids) and not p.do_not_track"
        ),
        {"ids": list(delivery_ids)},
    )
    return {row.id: Mailed(*row) for row in rows}


def add(tx: Connection, events: Sequence[Event], people: dict[int, int]) -> int:
    """Store these events; those stored before, by uid, change nothing. people: person of a delivery.

    A delivery keeps at most 5,000 events: more come from nobody who reads a mail. Returns the new rows.
    """
    if not events:
        return 0
    done = tx.execute(
        text(
            """
            insert into tracking_events
                   (uid, kind, delivery_id, person_id, link_no, url, title, visit, active_s, has_input,
                    refuses, method, ua, net, at)
            select q.* from unnest(cast(:uid as text[]), cast(:kind as text[]), cast(:delivery_id as bigint[]),
                   cast(:person_id as bigint[]), cast(:link_no as int[]), cast(:url as text[]),
                   cast(:title as text[]), cast(:visit as text[]), cast(:active_s as float[]),
                   cast(:has_input as boolean[]), cast(:refuses as boolean[]), cast(:method as text[]), cast(:ua as text[]), cast(:net as text[]),
                   cast(:at as timestamptz[]))
              as q(uid, kind, delivery_id, person_id, link_no, url, title, visit, active_s, has_input, refuses,
                   method, ua, net, at)
             where q.delivery_id not in (
                   select delivery_id from tracking_events where delivery_id = any(:delivery_id)
                    group by delivery_id having count(*) >= :most)
            on conflict (uid) do nothing
            """
        ),
        {
            "uid": [event.uid for event in events],
            "kind": [event.kind.value for event in events],
            "delivery_id": [event.delivery_id for event in events],
            "person_id": [people[event.delivery_id] for event in events],
            "link_no": [event.link_no for event in events],
            "url": [event.url for event in events],
            "title": [event.title for event in events],
            "visit": [event.visit for event in events],
            "active_s": [float(event.active_s) for event in events],
            "has_input": [event.has_input for event in events],
            "refuses": [event.refuses for event in events],
            "method": [event.method for event in events],
            "ua": [event.ua for event in events],
            "net": [event.net for event in events],
            "at": [event.at for event in events],
            "most": KEPT_MAX,
        },
    )
    return done.rowcount


@dataclass(frozen=True, slots=True)
class Stored:
    """An event as stored, with the verdict it has so far ("" for none)."""

    id: int
    event: Event
    verdict: str
    reasons: tuple[str, ...]


def of_deliveries(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, list[Stored]]:
    """Events of these deliveries, oldest first. Index ix_tracking_events_delivery_id."""
    rows = tx.execute(
        text(
            """
            select e.id, e.uid, e.kind, e.delivery_id, e.link_no, e.url, e.title, e.visit, e.active_s,
                   e.has_input, e.refuses, e.method, e.ua, e.net, e.at, e.verdict, e.reasons
              from unnest(cast(:ids as bigint[])) as q(delivery_id)
              cross join lateral (
                   select * from tracking_events t where t.delivery_id = q.delivery_id
                    order by t.at desc, t.id desc limit :most) e
             order by e.at, e.id
            """
        ),
        {"ids": list(delivery_ids), "most": JUDGED_MAX},
    )
    found: dict[int, list[Stored]] = {}
    for row in rows:
        event = Event(
            uid=row.uid,
            kind=EventKind(row.kind),
            delivery_id=row.delivery_id,
            at=row.at,
            link_no=row.link_no,
            url=row.url,
            title=row.title,
            ua=row.ua,
            net=row.net,
            method=row.method,
            visit=row.visit,
            active_s=row.active_s,
            has_input=row.has_input,
            refuses=row.refuses,
        )
        found.setdefault(row.delivery_id, []).append(Stored(row.id, event, row.verdict, tuple(row.reasons)))
    return found


def judge(tx: Connection, verdicts: Sequence[tuple[int, Judged]]) -> None:
    """Write verdicts by event id."""
    if verdicts:
        tx.execute(
            text(
                "update tracking_events e set verdict = q.verdict, reasons = cast(q.reasons as jsonb)"
                " from unnest(cast(:id as bigint[]), cast(:verdict as text[]), cast(:reasons as text[]))"
                " as q(id, verdict, reasons) where e.id = q.id"
            ),
            {
                "id": [id for id, _ in verdicts],
                "verdict": [judged.verdict.value for _, judged in verdicts],
                "reasons": [json.dumps(judged.reasons) for _, judged in verdicts],
            },
        )


def arrived(tx: Connection, delivery_ids: Sequence[int], *, now: datetime) -> int:
    """An event proves that these mails arrived: what was in doubt is sent. Returns how many were resolved."""
    done = tx.execute(
        text(
            "update deliveries set state = 'sent', reason = 'seen', settled_at = :now,"
            " sent_at = coalesce(sent_at, :now) where id = any(:ids) and state = 'in_doubt'"
        ),
        {"ids": list(delivery_ids), "now": now},
    )
    return done.rowcount


def mailboxes_work(tx: Connection, delivery_ids: Sequence[int], *, now: datetime) -> None:
    """A person clicked in these mails, so their mailboxes are read."""
    if delivery_ids:
        tx.execute(
            text(
                "update addresses a set status = 'ok', status_reason = 'clicked', status_at = :now"
                " from deliveries d where d.id = any(:ids) and a.id = d.address_id and a.status = 'unknown'"
            ),
            {"ids": list(delivery_ids), "now": now},
        )


def forget_callers(tx: Connection, *, now: datetime) -> int:
    """Agents and networks older than 90 days are emptied. Index ix_tracking_events_at."""
    done = tx.execute(
        text("update tracking_events set ua = '', net = '' where at < :edge and (ua <> '' or net <> '')"),
        {"edge": now - timedelta(days=NET_DAYS)},
    )
    return done.rowcount
