"""The evergreen shelf: approved contents as frozen mails of no version, for whoever reached its row.

A frozen mail of the shelf has no version and the key `shelf`; one that was taken away or replaced has the key
`shelf_old`, since mails that went out point at it. Source: S1-11.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, insert, text

from campaigns.storage import tables as t

KEY, OLD_KEY = "shelf", "shelf_old"


def replace(tx: Connection, content_id: int, mails: Sequence[Mapping[str, object]], *, now: datetime) -> None:
    """From now on the shelf tells this content in these words; none: it is off the shelf.

    mails: lang, buying_role, subject, preheader, html, text, links.
    """
    tx.execute(
        text(
            "update published_mails set step_key = :old"
            " where content_id = :id and version_id is null and step_key = :key"
        ),
        {"old": OLD_KEY, "key": KEY, "id": content_id},
    )
    if mails:
        rows = [{**mail, "content_id": content_id, "step_key": KEY, "published_at": now} for mail in mails]
        tx.execute(insert(t.published_mails), rows)


def held(tx: Connection, *, product_id: int) -> frozenset[int]:
    """Contents that the shelf gives to people of a product."""
    rows = tx.execute(
        text(
            "select distinct c.id from published_mails m join contents c on c.id = m.content_id"
            " where m.version_id is null and m.step_key = :key and c.is_evergreen and c.status = 'approved'"
            "   and c.kind not in ('thanks', 'permission')"
            "   and (c.product_id = :product or c.product_id is null)"
        ),
        {"key": KEY, "product": product_id},
    )
    return frozenset(rows.scalars())


def content_ids(tx: Connection) -> frozenset[int]:
    """Contents that stand on the shelf."""
    rows = tx.execute(
        text("select distinct content_id from published_mails where version_id is null and step_key = :key"),
        {"key": KEY},
    )
    return frozenset(rows.scalars())
