"""Tracking events as they came in, and the deliveries that they belong to.

Raw events are kept for 90 days, so that a later event can judge an earlier one again (LAW-27). They are many:
rows go in by COPY and come out as plain tuples.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, text

from campaigns.storage import bulk
from tracking_pixel.bots import Judged
from tracking_pixel.events import Event, EventKind

# Newest events of one delivery that are judged together; a flood beyond it keeps its first verdict.
JUDGED_MAX = 2000
KEPT_MAX = 5000
KEPT_DAYS = 90
# Events that one transaction deletes.
DELETED_AT_ONCE = 20_000

_KINDS = {kind.value: kind for kind in EventKind}


class Mailed(NamedTuple):
    """The delivery behind an event. sent_at: when the receiving server took it, or None. domain: of its mailbox.

    tags: themes of its content. is_in_doubt: nobody knows yet whether it arrived. was_soft: its mailbox has soft
    bounces to its name, and this mail is none of them.
    """

    delivery_id: int
    person_id: int
    product_id: int | None
    sent_at: datetime | None
    domain: str
    tags: tuple[str, ...]
    is_in_doubt: bool
    was_soft: bool


MAILED = """
select d.id, coalesce(p.merged_into, p.id), d.product_id, d.sent_at, coalesce(a.domain, ''),
       coalesce(c.tags, '{}'), d.state = 'in_doubt',
       d.bounce = '' and coalesce(a.soft_count > 0 or a.status = 'soft', false)
  from deliveries d
  join people p on p.id = d.person_id
  left join addresses a on a.id = d.address_id
  left join contents c on c.id = d.content_id
 where d.id = any(cast(:ids as bigint[])) and not p.do_not_track
"""


def mailed(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, Mailed]:
    """Who got these mails. People who do not want to be tracked are left out, and so are their events."""
    found = bulk.rows(tx, MAILED, {"ids": bulk.as_array(delivery_ids)})
    return {row[0]: Mailed._make((*row[:5], tuple(row[5]), *row[6:])) for row in found}


def unknown(tx: Connection, delivery_ids: Collection[int]) -> set[int]:
    """Those of these ids that are no delivery's."""
    if not delivery_ids:
        return set()
    query = "select id from deliveries where id = any(cast(:ids as bigint[]))"
    found = bulk.rows(tx, query, {"ids": bulk.as_array(delivery_ids)})
    return set(delivery_ids) - {row[0] for row in found}


COLUMNS = (
    *("uid", "kind", "delivery_id", "person_id", "link_no", "url", "title", "visit", "active_s", "has_input"),
    *("refuses", "method", "ua", "net", "at", "visitor", "verdict", "reasons"),
)


def add(
    tx: Connection,
    events: Sequence[Event],
    people: Mapping[int, int],
    judged: Mapping[str, Judged] | None = None,
) -> int:
    """Store these events; those stored before, by uid, change nothing. Returns the new rows.

    people: person of a delivery. judged: verdicts by uid, as far as they can be told at once. A delivery keeps at
    most 5,000 events: more come from nobody who reads a mail. Raises psycopg.errors.UniqueViolation when another
    transaction stores one of them at this moment; the caller begins again.
    """
    fresh = {event.uid: event for event in events}
    for uid in _known(tx, list(fresh)):
        del fresh[uid]
    full = _full(tx, {event.delivery_id for event in fresh.values()} - {0})
    # In the order of their ids, so that two who store the same ones never wait for each other.
    rows = sorted((one for one in fresh.values() if one.delivery_id not in full), key=lambda one: one.uid)
    if rows:
        values = (_values(event, people, (judged or {}).get(event.uid)) for event in rows)
        bulk.copy(tx, "tracking_events", COLUMNS, values)
    return len(rows)


def _values(event: Event, people: Mapping[int, int], judged: Judged | None) -> tuple[object, ...]:
    return (
        event.uid,
        str(event.kind),
        event.delivery_id or None,
        people.get(event.delivery_id),
        event.link_no,
        event.url,
        event.title,
        event.visit,
        event.active_s,
        event.has_input,
        event.refuses,
        event.method,
        event.ua,
        event.net,
        event.at.isoformat(),
        event.visitor,
        str(judged.verdict) if judged else "",
        json.dumps(judged.reasons) if judged else "[]",
    )


def _known(tx: Connection, uids: Sequence[str]) -> list[str]:
    """Those of these events that are stored already. Index uq_tracking_events_uid."""
    query = "select uid from tracking_events where uid = any(cast(:uids as text[]))"
    return [row[0] for row in bulk.rows(tx, query, {"uids": bulk.as_texts(uids)})]


def _full(tx: Connection, delivery_ids: set[int]) -> set[int]:
    """Those of these deliveries that keep no more events. Index ix_tracking_events_delivery_id."""
    query = (
        "select q.id from unnest(cast(:ids as bigint[])) as q(id) where exists"
        " (select 1 from tracking_events e where e.delivery_id = q.id offset :most)"
    )
    found = bulk.rows(tx, query, {"ids": bulk.as_array(delivery_ids), "most": KEPT_MAX - 1})
    return {row[0] for row in found}


class Stored(NamedTuple):
    """An event as stored, with the verdict it has so far ("" for none) and its reasons as JSON."""

    id: int
    event: Event
    verdict: str
    reasons: str


# Opens have had their verdict, which hangs on nothing else.
OF_DELIVERIES = """
select e.*
  from unnest(cast(:ids as bigint[])) as q(delivery_id)
  cross join lateral (
       select id, verdict, cast(reasons as text), uid, kind, delivery_id, at, link_no, url, title, ua, net, method,
              visit, active_s, has_input, refuses, visitor
         from tracking_events t where t.delivery_id = q.delivery_id and t.kind <> 'open'
        order by t.at desc, t.id desc limit :most) e
 order by e.at, e.id
"""


def of_deliveries(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, list[Stored]]:
    """Events of these deliveries but opens, oldest first. Index ix_tracking_events_delivery_id."""
    values = {"ids": bulk.as_array(delivery_ids), "most": JUDGED_MAX}
    found: dict[int, list[Stored]] = defaultdict(list)
    for id, verdict, reasons, uid, kind, delivery_id, *rest in bulk.rows(tx, OF_DELIVERIES, values):
        event = Event(uid, _KINDS[kind], delivery_id, *rest)
        found[delivery_id].append(Stored(id, event, verdict, reasons))
    return found


JUDGE = """
update tracking_events e
   set verdict = (cast(:verdicts as text[]))[q.which], reasons = cast((cast(:reasons as text[]))[q.which] as jsonb)
  from unnest(cast(:ids as bigint[]), cast(:which as int[])) as q(id, which)
 where e.id = q.id
"""


def judge(tx: Connection, verdicts: Sequence[tuple[int, Judged]]) -> None:
    """Write verdicts by event id. They differ in few ways, and each of these goes over once."""
    if not verdicts:
        return
    ways: dict[tuple[str, tuple[str, ...]], int] = {}
    which = [ways.setdefault((one.verdict, one.reasons), len(ways) + 1) for _, one in verdicts]
    tx.execute(
        text(JUDGE),
        {
            "ids": bulk.as_array(id for id, _ in verdicts),
            "which": bulk.as_array(which),
            "verdicts": bulk.as_array(verdict for verdict, _ in ways),
            "reasons": bulk.as_texts(json.dumps(reasons) for _, reasons in ways),
        },
    )


def arrived(tx: Connection, delivery_ids: Sequence[int], *, now: datetime) -> int:
    """An event proves that these mails arrived: what was in doubt is sent. Returns how many were resolved."""
    if not delivery_ids:
        return 0
    done = tx.execute(
        text(
            "update deliveries set state = 'sent', reason = 'seen', settled_at = :now,"
            " sent_at = coalesce(sent_at, :now) where id = any(array(select id from deliveries"
            " where id = any(:ids) and state = 'in_doubt' order by id for update))"
        ),
        {"ids": list(delivery_ids), "now": now},
    )
    return done.rowcount


def mailboxes_work(tx: Connection, delivery_ids: Sequence[int], *, now: datetime) -> None:
    """A person clicked in these mails, so their mailboxes are read."""
    if delivery_ids:
        tx.execute(
            text(
                "update addresses set status = 'ok', status_reason = 'clicked', status_at = :now"
                " where id = any(array(select a.id from deliveries d join addresses a on a.id = d.address_id"
                " where d.id = any(:ids) and a.status = 'unknown' order by a.id for update of a))"
            ),
            {"ids": list(delivery_ids), "now": now},
        )


def delete_before(tx: Connection, edge: datetime) -> int:
    """Delete a part of the events from before that instant, the oldest first; 0 when none is left.

    Index ix_tracking_events_at.
    """
    done = tx.execute(
        text(
            "delete from tracking_events where id = any(array(select id from tracking_events where at < :edge"
            " order by at limit :most for update skip locked))"
        ),
        {"edge": edge, "most": DELETED_AT_ONCE},
    )
    return done.rowcount


def kept_since(now: datetime) -> datetime:
    """Events from before that instant go."""
    return now - timedelta(days=KEPT_DAYS)
