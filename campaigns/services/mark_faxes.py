"""Mark faxes as sent: what the gateway has got, and lists of which somebody says that they went.

Its task is done by that, and the person has the touch fax_sent; a result that says otherwise takes both back
(import_fax_results). Source: spec 6.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import audit, fax_results, faxes, touchpoints
from campaigns.storage.fax_results import Behind
from campaigns.storage.touchpoints import NewTouch

CHUNK = 500  # numbers of a transaction


def run(parts: Parts, *, now: datetime) -> int:
    """Everything that the gateway has got since the last time; how many numbers."""
    total = 0
    while True:
        with parts.engine.begin() as tx:
            behind = fax_results.gone(tx, limit=CHUNK, now=now)
            _sent(tx, parts, behind, user_id=None, now=now)
        total += len({one.item_id for one in behind})
        if not behind:
            return total


def confirm(parts: Parts, batch_id: int, *, user_id: int, now: datetime) -> int:
    """A list has gone out: all its numbers but those that refused meanwhile; how many. Raises LookupError."""
    total = 0
    while True:
        with parts.engine.begin() as tx:
            if faxes.batch(tx, batch_id) is None:
                raise LookupError(batch_id)
            behind = fax_results.confirm(tx, batch_id, limit=CHUNK, now=now)
            n = len({one.item_id for one in behind})
            _sent(tx, parts, behind, user_id=user_id, now=now)
            if n:
                audit.note(tx, noun="fax_batch", noun_id=batch_id, action="confirm", user_id=user_id, now=now,
                           changes={"numbers": (None, n)})  # fmt: skip
        total += n
        if not n:
            return total


def _sent(
    tx: Connection, parts: Parts, behind: Sequence[Behind], *, user_id: int | None, now: datetime
) -> None:
    if not behind:
        return
    people = [one.person_id for one in behind]
    fax_results.lock_leads(tx, people)
    arrived(tx, behind, user_id=user_id, now=now)
    rank(tx, parts, people, now=now)


def arrived(tx: Connection, behind: Sequence[Behind], *, user_id: int | None, now: datetime) -> None:
    """Their tasks are done, and everybody has the touch. The leads are locked."""
    ids = [one.task_id for one in behind if one.task_id is not None]
    fax_results.end_tasks(tx, ids, outcome="sent", user_id=user_id, now=now)
    touch(tx, behind, user_id=user_id, now=now)


def touch(
    tx: Connection,
    behind: Sequence[Behind],
    *,
    has_arrived: bool = True,
    user_id: int | None,
    now: datetime,
) -> None:
    """The touch fax_sent of everybody behind these numbers, or its end."""
    touchpoints.put(
        tx,
        [
            NewTouch(
                source_key=f"fax:{one.item_id}:{one.person_id}",
                person_id=one.person_id,
                kind=Kind.FAX_SENT,
                at=one.at,
                product_id=one.product_id,
                task_id=one.task_id,
                validity=1.0 if has_arrived else 0.0,
                validity_reason="" if has_arrived else "not_arrived",
                actor_id=user_id,
            )
            for one in behind
        ],
        now=now,
    )


def rank(tx: Connection, parts: Parts, person_ids: Sequence[int], *, now: datetime) -> None:
    """Ranks of these people, a thousand at a time."""
    ids = sorted(set(person_ids))
    for start in range(0, len(ids), rerank.CHUNK):
        part = ids[start : start + rerank.CHUNK]
        rerank.for_people(tx, part, now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
