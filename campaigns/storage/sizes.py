"""Whether an installation has outgrown counting while a page waits: beyond BIG rows a job keeps the figures."""

from __future__ import annotations

from sqlalchemy import Connection, text

BIG = 3_000

# Both stop at the first row beyond it.
QUERY = """
select (select count(*) from (select 1 from deliveries limit :most) q) > :big
    or (select count(*) from (select 1 from product_leads limit :most) q) > :big
"""


def is_big(tx: Connection) -> bool:
    """Of the whole house: more than BIG deliveries, or people in lists."""
    return bool(tx.execute(text(QUERY), {"big": BIG, "most": BIG + 1}).scalar_one())
