"""Post: put a mail that is not from a scenario into the outbox (an answer, a notice, a test mail).

Such a mail is transactional: it takes no slot. It goes the same way as every other, through claim and
journal, so it is sent at most once and never silently lost.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from campaigns.rules.schedule import month_of
from campaigns.storage.tables import deliveries, delivery_bodies


@dataclass(frozen=True, slots=True)
class File:
    """What goes with a mail. type: its content type; text/calendar with its method is another form of the text."""

    name: str
    type: str
    data: bytes


def queue(
    tx: Connection,
    *,
    origin: str,
    to: str,
    subject: str,
    text: str,
    html: str = "",
    now: datetime,
    person_id: int | None = None,
    address_id: int | None = None,
    product_id: int | None = None,
    wrap: Callable[[int, str], str] | None = None,
    file: File | None = None,
    from_address: str = "",
) -> int | None:
    """Queue one mail; returns its delivery id, or None if this origin was queued before.

    origin: why the mail exists, `tx:<noun>:<id>`; the same reason never sends twice. wrap: puts what only the
    delivery knows, its tracked links, into text and HTML. from_address: sender and envelope instead of the profile's.
    """
    id = tx.execute(
        insert(deliveries)
        .values(
            {
                "origin": origin,
                "class": "transactional",
                "person_id": person_id,
                "address_id": address_id,
                "product_id": product_id,
                "month": month_of(now),
                "send_at": now,
                "state": "planned",
                "reason": "answer",
                "created_at": now,
            }
        )
        .on_conflict_do_nothing(index_elements=["origin"])
        .returning(deliveries.c.id)
    ).scalar()
    if id is not None:
        if wrap is not None:
            text, html = wrap(id, text), wrap(id, html)
        tx.execute(
            insert(delivery_bodies).values(
                delivery_id=id,
                to_address=to,
                subject=subject,
                text=text,
                html=html,
                file_name=file.name if file else "",
                file_type=file.type if file else "",
                file=file.data if file else None,
                from_address=from_address,
            )
        )
    return id
