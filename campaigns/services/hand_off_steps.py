"""Steps of a hand-off on the person's timeline: offered, taken on, sent back, opportunity, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules.touchpoints import Kind
from campaigns.storage import hand_offs, touchpoints
from campaigns.storage.touchpoints import NewTouch


def offered(tx: Connection, made: Sequence[tuple[int, int]], *, now: datetime) -> None:
    """Sales were offered these leads. made: (hand-off, lead)."""
    people = hand_offs.people_of(tx, [hand_off_id for hand_off_id, _ in made])
    rows = [
        NewTouch(
            source_key=f"hand_off:{hand_off_id}:{Kind.HANDED_OVER}:{now.isoformat()}",
            person_id=person_id,
            product_id=product_id,
            kind=Kind.HANDED_OVER,
            at=now,
        )
        for hand_off_id, (person_id, product_id) in people.items()
    ]
    touchpoints.put(tx, rows, now=now)


def note(
    tx: Connection,
    kind: Kind,
    *,
    source: str,
    person_id: int,
    product_id: int,
    words: str,
    user_id: int | None,
    now: datetime,
) -> None:
    """One step. source: what it belongs to, `hand_off:5` or `opportunity:7`; the same kind of it may come again."""
    row = NewTouch(
        source_key=f"{source}:{kind}:{now.isoformat()}",
        person_id=person_id,
        product_id=product_id,
        kind=kind,
        at=now,
        note=words,
        actor_id=user_id,
    )
    touchpoints.put(tx, [row], now=now)
