"""When mails are read: mails sent in each hour of the week, and those in which a person clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.report_rows import Cell, Facts, binds, counted, month

_FACTS = f"""
select d.id as delivery_id, d.person_id, d.sent_at as at, coalesce(d.product_id, 0) as product_id,
       {month("d.sent_at")} as month, coalesce(c.title, '') as what,
       extract(isodow from d.sent_at at time zone :zone)::int - 1 as weekday,
       extract(hour from d.sent_at at time zone :zone)::int as hour, {{clicked}} as clicked_human
  from deliveries d left join contents c on c.id = d.content_id {{touches}}
 where d.state = 'sent' and d.class <> 'transactional' and d.sent_at >= :since and d.sent_at < :until
   and (:product = 0 or d.product_id = :product) and {{near}}
"""  # noqa: S608 - constants
_CLICK = "tp.kind = 'mail_click' and tp.validity > 0"
_EACH = f"exists (select 1 from touchpoints tp where tp.delivery_id = d.id and {_CLICK})"  # noqa: S608
_ALL = f"""left join (
    select distinct tp.delivery_id from touchpoints tp where {_CLICK} and tp.delivery_id is not null
  ) t on t.delivery_id = d.id"""  # noqa: S608
MEASURES: Mapping[str, str] = {"sent": "true", "clicked_human": "f.clicked_human"}
DIMS: Mapping[str, str] = {"weekday": "f.weekday = :weekday", "hour": "f.hour = :hour"}
ROWS = Facts(
    _FACTS.replace("{clicked}", _EACH).replace("{touches}", ""), MEASURES, DIMS, {"clicked_human": _EACH}
)
COUNTED = Facts(
    _FACTS.replace("{clicked}", "t.delivery_id is not null").replace("{touches}", _ALL), MEASURES, DIMS
)


@dataclass(frozen=True, slots=True)
class Hours:
    """Mails of one hour of the week in one month. weekday: 0 is Monday."""

    month: int
    product_id: int
    weekday: int
    hour: int
    figures: Mapping[str, int]


COUNT = f"""
select f.month, f.product_id, f.weekday, f.hour, {counted(MEASURES)}
  from ({COUNTED.query()}) f group by 1, 2, 3, 4
"""  # noqa: S608 - constants


def count(tx: Connection, *, since: datetime, until: datetime, zone: str) -> list[Hours]:
    values = binds(Cell("times", "sent", since, until), zone)
    return [
        Hours(
            row.month,
            row.product_id,
            row.weekday,
            row.hour,
            {name: row._mapping[name] for name in MEASURES},
        )
        for row in tx.execute(text(COUNT), values)
    ]
