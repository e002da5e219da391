"""Simulations: asked for, under way, done; the sums of their result as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.chances import Rates


@dataclass(frozen=True, slots=True)
class Simulation:
    """One simulation. state: waiting, running, done, cancelled, failed; done of total people."""

    id: int
    scenario_id: int
    scenario_name: str
    product_id: int
    product_name: str
    version_no: int
    state: str
    seed: int
    rates: dict[int, Rates]
    done: int
    total: int
    result: dict[str, Any]
    error: str
    created_at: datetime
    began_at: datetime | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.state in ("waiting", "running")


def add(
    tx: Connection,
    scenario_id: int,
    *,
    version_id: int,
    user_id: int | None,
    seed: int,
    rates: Mapping[str, object],
    now: datetime,
) -> int:
    return int(
        tx.execute(
            text(
                "insert into simulations (scenario_id, version_id, user_id, seed, rates, created_at)"
                " values (:s, :v, :u, :seed, cast(:rates as jsonb), :now) returning id"
            ),
            {
                "s": scenario_id,
                "v": version_id,
                "u": user_id,
                "seed": seed,
                "rates": json.dumps(rates),
                "now": now,
            },
        ).scalar_one()
    )


SELECT = """
select m.id, m.scenario_id, sc.name as scenario_name, sc.product_id, pr.name as product_name, v.no as version_no,
       m.state, m.seed, m.rates, m.done, m.total, m.result, m.error, m.created_at, m.began_at, m.ended_at
  from simulations m
  join scenarios sc on sc.id = m.scenario_id
  join products pr on pr.id = sc.product_id
  left join scenario_versions v on v.id = m.version_id
"""


def get(tx: Connection, id: int) -> Simulation | None:
    return _one(tx, SELECT + " where m.id = :id", id=id)


def latest(tx: Connection, scenario_id: int) -> Simulation | None:
    """The last one of a scenario. Index ix_simulations_scenario_id."""
    return _one(tx, SELECT + " where m.scenario_id = :s order by m.id desc limit 1", s=scenario_id)


def under_way(tx: Connection) -> list[Simulation]:
    rows = tx.execute(text(SELECT + " where m.state in ('waiting', 'running') order by m.id"))
    return [_made(row) for row in rows]


def _one(tx: Connection, query: str, **values: object) -> Simulation | None:
    row = tx.execute(text(query), values).one_or_none()
    return None if row is None else _made(row)


def _made(row: Any) -> Simulation:
    rates = {int(id): Rates(**one) for id, one in row.rates.items()}
    return Simulation(**{**row._mapping, "rates": rates, "version_no": row.version_no or 0})


# A worker tells every second how far it is. The real time counts, whatever a practice clock says.
_GONE = "state = 'running' and told_at < clock_timestamp() - interval '2 minutes'"
TAKE = f"""
update simulations set state = 'running', began_at = :now, told_at = clock_timestamp(), done = 0
 where id = (select id from simulations where state = 'waiting' or {_GONE}
       order by id limit 1 for update skip locked)
returning id
"""  # noqa: S608 - a constant


# Whatever ends its worker again and again must not do so for ever.
GIVE_UP = f"""
update simulations set state = 'failed', ended_at = :now, error = 'WorkerGone'
 where {_GONE} and created_at < :now - interval '1 hour'
"""  # noqa: S608 - a constant


def take(tx: Connection, *, now: datetime) -> Simulation | None:
    """The next one to work on, now running; None without any. One whose worker went away is begun anew, for an hour."""
    tx.execute(text(GIVE_UP), {"now": now})
    id = tx.execute(text(TAKE), {"now": now}).scalar()
    return None if id is None else get(tx, id)


def tell(tx: Connection, id: int, *, done: int, total: int) -> bool:
    """Note the progress; False if it was cancelled."""
    query = "update simulations set done = :done, total = :total, told_at = clock_timestamp() where id = :id and state = 'running'"
    return tx.execute(text(query), {"id": id, "done": done, "total": total}).rowcount == 1


def end_waiting(tx: Connection, scenario_id: int, *, user_id: int | None, now: datetime) -> None:
    """What this user asked of this scenario before, and nobody has begun, is not wanted any more."""
    tx.execute(
        text(
            "update simulations set state = 'cancelled', ended_at = :now"
            " where scenario_id = :s and state = 'waiting' and user_id is not distinct from :u"
        ),
        {"s": scenario_id, "u": user_id, "now": now},
    )


def put_back(tx: Connection, id: int) -> None:
    """A worker that must stop leaves it to the next one."""
    tx.execute(
        text("update simulations set state = 'waiting' where id = :id and state = 'running'"), {"id": id}
    )


def end(
    tx: Connection,
    id: int,
    state: str,
    *,
    now: datetime,
    result: Mapping[str, object] | None = None,
    error: str = "",
) -> bool:
    """False if it had ended before."""
    done = tx.execute(
        text(
            "update simulations set state = :state, ended_at = :now, error = :error,"
            " result = cast(:result as jsonb) where id = :id and state in ('waiting', 'running')"
        ),
        {"id": id, "state": state, "now": now, "error": error, "result": json.dumps(result or {})},
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Named:
    """A product's or a person's name. more: the product's colour number, or the person's company."""

    id: int
    name: str
    more: str


def products(tx: Connection) -> dict[int, Named]:
    rows = tx.execute(text("select id, name, cast(colour_no as text) from products"))
    return {id: Named(id, name, colour) for id, name, colour in rows}


def contents(tx: Connection, ids: Sequence[int]) -> dict[int, str]:
    """Titles of contents."""
    rows = tx.execute(text("select id, title from contents where id = any(:ids)"), {"ids": list(ids)})
    return {row.id: row.title for row in rows}


FIND = """
select p.id, p.full_name, coalesce(co.name, '')
  from people p
  join product_leads l on l.person_id = p.id and l.product_id = :product
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.merged_into is null and (cast(:id as bigint) is null or p.id = :id)
   and (:q = '' or strpos(p.full_name, :q) > 0 or strpos(co.name, :q) > 0)
 order by p.id limit :n
"""


def find(
    tx: Connection, product_id: int, *, query: str = "", id: int | None = None, limit: int = 1
) -> list[Named]:
    """People of a product by a part of their or their company's name, or by id."""
    rows = tx.execute(text(FIND), {"product": product_id, "q": query, "id": id, "n": limit})
    return [Named(*row) for row in rows]
