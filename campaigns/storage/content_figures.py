"""How contents did: mails sent, people who reacted, people who refused; and who has not seen what yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaigns.rules.contents import Figures

# A refusal belongs to the mail it was pressed in; a bounce is no refusal.
FIGURES = """
select q.content_id, sum(q.sent)::int as sent, sum(q.reacted)::int as reacted, sum(q.refused)::int as refused,
       sum(q.reacted_all)::int as reacted_all
  from (
       select content_id, count(*) as sent, 0 as reacted, 0 as refused, 0 as reacted_all from deliveries
        where state = 'sent' and class <> 'transactional' and content_id is not null group by 1
        union all
       select d.content_id, 0, count(distinct t.person_id) filter (where t.validity > 0), 0,
              count(distinct t.person_id)
         from touchpoints t join deliveries d on d.id = t.delivery_id
        where t.depth > 0 and d.content_id is not null group by 1
        union all
       select d.content_id, 0, 0, count(distinct s.key_hash), 0
         from suppressions s join deliveries d on d.id = s.delivery_id
        where s.reason not in ('bounce', 'admin', 'erasure', 'import') and d.content_id is not null
        group by 1) q
 group by q.content_id
"""
# One row a person and content: uq_deliveries_person_content.
SEEN = """
select l.product_id, d.content_id, count(*) as n
  from deliveries d join product_leads l on l.person_id = d.person_id
 where d.content_id is not null and d.class <> 'transactional'
   and d.state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')
 group by 1, 2
"""


@dataclass(frozen=True, slots=True)
class Audience:
    """leads: people by product. seen: people of a product who got a content, by (product, content)."""

    leads: Mapping[int, int]
    seen: Mapping[tuple[int, int], int]

    def unseen(self, product_id: int, content_id: int) -> int:
        return self.leads.get(product_id, 0) - self.seen.get((product_id, content_id), 0)


def count(tx: Connection) -> dict[int, Figures]:
    """The figures by content; one statement."""
    return {content_id: Figures(*rest) for content_id, *rest in tx.execute(text(FIGURES))}


def audience(tx: Connection) -> Audience:
    """Who has seen what; two statements."""
    leads = {
        row.product_id: row.n
        for row in tx.execute(text("select product_id, count(*) as n from product_leads group by 1"))
    }
    return Audience(leads, {(row.product_id, row.content_id): row.n for row in tx.execute(text(SEEN))})
