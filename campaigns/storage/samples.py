"""A sample of people, for figures that are only roughly wanted at once and would take a pass over everybody.

One person out of each stretch of ids, drawn by a hash: spread evenly over all imports (a sample of table blocks
would miss an import of 5,000 people), the same people each time, and no more of them the more people there are.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaigns.storage.sizes import BIG

TRIED = 4  # ids looked up for each that is wanted: many people are in no list of the product


@dataclass(frozen=True, slots=True)
class Sample:
    """ids: of people, merged ones included. stands_for: how many people each stands for."""

    ids: tuple[int, ...]
    stands_for: float

    def whole(self, n: int) -> int:
        """How many of all it means that n of the sample do."""
        return round(n * self.stands_for)


# The look-ups stay look-ups, by the key of people or uq_product_leads_person_id_product_id: without the LIMIT
# the database may prefer to read the whole table.
DRAWN = """
select q.id, count(*) over () as found
  from (select n * :stretch + 1 + (hashint8extended(n, :stretch) & 9223372036854775807) % :stretch as id
          from generate_series(0, cast(:top as bigint) / :stretch) n) q
 cross join lateral ({known} limit 1) known
 order by hashint8extended(q.id, 0) limit :most
"""
_KNOWN = {
    True: "select 1 from people p where p.id = q.id",
    False: "select 1 from product_leads l where l.person_id = q.id and l.product_id = :product",
}

# The leads of the people :ids of the product, each by uq_product_leads_person_id_product_id.
LEADS = (
    "(select x.* from unnest(cast(:ids as bigint[])) u(id) cross join lateral (select * from product_leads"
    " where person_id = u.id and product_id = :product limit 1) x)"
)


def draw(tx: Connection, *, product_id: int | None, most: int) -> Sample | None:
    """A sample of a product's people, or of all; None where they are so few that all may be counted.

    most: people in it. Of 1,000, a half of everybody is told within 3 % of all, a twentieth within 1.4 %.
    """
    table = "people" if product_id is None else "product_leads where product_id = :product"
    probe = f"select count(*) from (select 1 from {table} limit :n) q"  # noqa: S608 - constants
    if tx.execute(text(probe), {"product": product_id, "n": BIG + 1}).scalar_one() <= BIG:
        return None
    top = int(tx.execute(text("select max(id) from people")).scalar_one())
    # A power of two: the stretches, and so the people, stay the same until there are twice as many.
    stretch = 1
    while top > stretch * most * TRIED:
        stretch *= 2
    query = DRAWN.format(known=_KNOWN[product_id is None])
    values = {"stretch": stretch, "top": top, "product": product_id, "most": most}
    rows = tx.execute(text(query), values).all()
    if not rows:
        return Sample((), 0.0)
    return Sample(tuple(row.id for row in rows), stretch * rows[0].found / len(rows))
