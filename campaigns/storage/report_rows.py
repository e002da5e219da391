"""The rows behind a report's number: the very facts that were counted, one by one.

A report's facts are one query with a row a counted thing. Its numbers are `count(*) filter (where <measure>)` over
them, and the list behind a number is `where <measure>` over the same, so both agree by their making.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.rules.reports import TALK_DAYS, TALKS

Value = str | int


@dataclass(frozen=True, slots=True)
class Facts:
    """sql yields person_id, at, delivery_id, what, product_id and the columns of the measures and dimensions, from
    binds :since, :until, :product (0: all) and :zone. measures: name -> condition on a row f. dims: name -> condition
    with a bind of its name.

    A list reads no further than its page goes. near: measure or dimension -> condition inside sql, where it says
    {near}, that finds its rows sooner; own: measure -> a sql of its own; needed: a dimension without which nothing
    is listed. when: measure -> the instant on a row f of which it tells, where that is not `at`; it may be unknown.
    """

    sql: str
    measures: Mapping[str, str]
    dims: Mapping[str, str]
    near: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    needed: str = ""
    when: Mapping[str, str] = field(default_factory=dict)

    def query(self, *names: str) -> str:
        """The facts, as those of this measure and these dimensions are found best."""
        sql = next((self.own[name] for name in names if name in self.own), self.sql)
        return sql.replace(
            "{near}", " and ".join(self.near[name] for name in names if name in self.near) or "true"
        )


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of a report. since, until: instants. product_id: 0 for all. dims: of its facts."""

    report: str
    measure: str
    since: datetime
    until: datetime
    product_id: int = 0
    dims: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """One row behind a number. what: the mail, scenario, theme or event it is about. person: '' once erased."""

    person_id: int | None
    person: str
    company: str
    product: str
    what: str
    at: datetime | None
    delivery_id: int | None


LINES = """
select q.person_id, coalesce(p.full_name, '') as person, coalesce(co.name, '') as company,
       coalesce(pr.name, '') as product, q.what, q.at, q.delivery_id
  from ({rows}) q
  left join people p on p.id = q.person_id
  left join affiliations a on a.person_id = q.person_id and a.is_current
  left join companies co on co.id = a.company_id
  left join products pr on pr.id = q.product_id
 order by q.at desc nulls last, q.person_id, q.delivery_id, q.what
"""


def page(tx: Connection, facts: Facts, cell: Cell, *, zone: str, limit: int, offset: int) -> list[Line]:
    """The newest first."""
    when = facts.when.get(cell.measure, "")
    order = f"{when} desc nulls last" if when else "f.at desc"  # the latter in the order of an index
    rows = (
        f"select f.person_id, {when or 'f.at'} as at, f.delivery_id, f.what, f.product_id {_from(facts, cell)}"
        f" order by {order}, f.person_id, f.delivery_id, f.what limit :limit offset :offset"
    )
    values = {**binds(cell, zone), "limit": limit, "offset": offset}
    return [Line(*row) for row in tx.execute(text(LINES.format(rows=rows)), values)]


def total(tx: Connection, facts: Facts, cell: Cell, *, zone: str) -> int:
    query = f"select count(*) {_from(facts, cell)}"
    return int(tx.execute(text(query), binds(cell, zone)).scalar_one())


def _from(facts: Facts, cell: Cell) -> str:
    """All parts are texts of this layer: names are looked up, values are bound."""
    wanted = [facts.measures[cell.measure], *(facts.dims[name] for name in cell.dims)]
    return (
        f"from ({facts.query(cell.measure, *cell.dims)}) f where {' and '.join(f'({one})' for one in wanted)}"
    )


def binds(cell: Cell, zone: str) -> dict[str, object]:
    return {
        "since": cell.since,
        "until": cell.until,
        "product": cell.product_id,
        "zone": zone,
        "talks": list(TALKS),
        "talk_days": TALK_DAYS,
        **cell.dims,
    }


def counted(measures: Mapping[str, str]) -> str:
    """The columns that count these measures over rows f."""
    return ", ".join(f"count(*) filter (where {sql}) as {name}" for name, sql in measures.items())


def month(column: str) -> str:
    """The month (year * 12 + month - 1) of an instant, as SQL, in the zone of the bind :zone."""
    local = f"({column} at time zone :zone)"
    return f"(extract(year from {local}) * 12 + extract(month from {local}) - 1)::int"
