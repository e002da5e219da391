"""Products, sender profiles, and what sales say about each product."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, text, update

from campaigns.storage import audience, samples
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Product:
    """One product as it is edited. gate: win rate from 0 to 1; expected_amount_yen: whole yen."""

    id: int
    name: str
    family: str
    price_band: str
    list_key: str
    unsubscribe_label: str
    purchase_cycle_days: int
    gate: float
    expected_amount_yen: int
    priority: int
    colour_no: int
    sender_profile_id: int | None
    owner_user_id: int | None
    is_active: bool
    version: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A product in the list, with what hangs on it."""

    id: int
    name: str
    family: str
    colour_no: int
    priority: int
    purchase_cycle_days: int
    is_active: bool
    sender: str | None
    owner: str | None
    leads: int
    hot: int
    scenarios: int
    refusals: int
    is_paused: bool
    appetite: str | None
    capacity_per_week: int | None
    set_at: datetime | None


_p = t.products.c
_COLUMNS = (
    _p.id, _p.name, _p.family, _p.price_band, _p.list_key, _p.unsubscribe_label, _p.purchase_cycle_days, _p.gate,
    _p.expected_amount_yen, _p.priority, _p.colour_no, _p.sender_profile_id, _p.owner_user_id, _p.is_active,
    _p.version,
)  # fmt: skip

LISTED = """
select pr.id, pr.name, pr.family, pr.colour_no, pr.priority, pr.purchase_cycle_days, pr.is_active,
       sp.name as sender, u.name as owner, coalesce(l.n, 0) as leads, coalesce(l.hot, 0) as hot,
       (select count(*) from scenarios s where s.product_id = pr.id and s.status = 'active'
           and s.kind = 'scenario') as scenarios,
       coalesce(r.n, 0) as refusals, pr.is_paused,
       st.appetite, st.capacity_per_week, st.set_at
  from products pr
  left join sender_profiles sp on sp.id = pr.sender_profile_id
  left join users u on u.id = pr.owner_user_id
  left join (select q.product_id, sum(q.n) as n, sum(q.n) filter (where q.rank = 'hot') as hot
               from unnest(cast(:ids as bigint[]), cast(:ranks as text[]), cast(:n as int[])) as q(product_id, rank, n)
              group by 1) l on l.product_id = pr.id
  left join (select product_id, count(*) as n from suppressions where lifted_at is null and scope = 'product'
              group by product_id) r on r.product_id = pr.id
  left join lateral (select appetite, capacity_per_week, set_at from sales_team_states x
                      where x.product_id = pr.id and x.team = 'field' order by set_at desc, id desc limit 1) st on true
 order by pr.family = '', pr.family, pr.is_active desc, pr.priority, pr.name, pr.id
"""


class Leads(NamedTuple):
    """How many people of a product stand in a rank."""

    product_id: int
    rank: str
    n: int


LEADS = """
select l.product_id, l.rank, count(*) as n
  from product_leads l join people p on p.id = l.person_id and p.merged_into is null group by l.product_id, l.rank
"""


def listed(tx: Connection, counted: Sequence[Leads] | None = None) -> list[Listed]:
    """counted: as they were counted before, where counting them now would take too long."""
    found = leads(tx) if counted is None else counted
    told = {
        "ids": [one.product_id for one in found],
        "ranks": [one.rank for one in found],
        "n": [one.n for one in found],
    }
    return [Listed(**row._mapping) for row in tx.execute(text(LISTED), told)]


def leads(tx: Connection) -> list[Leads]:
    """One pass over everybody's lists."""
    return [Leads(*row) for row in tx.execute(text(f"{LEADS} order by 1, 2"))]


@dataclass(frozen=True, slots=True)
class Course:
    """A scenario of a product. people: enrolled and not yet through."""

    id: int
    name: str
    status: str
    published_no: int
    people: int


def courses(tx: Connection, product_id: int) -> list[Course]:
    """Scenarios of a product, the running ones first. Big ones are counted by a job (step_counts), the others here.

    Index ix_enrollments_scenario_id.
    """
    rows = tx.execute(
        text(
            """
            select s.id, s.name, s.status, s.published_no,
                   case when c.scenario_id is null
                        then (select count(*) from enrollments e where e.scenario_id = s.id and e.status = 'active')
                        else coalesce((c.more->'enrolled'->>'active')::int, 0) end as people
              from scenarios s left join step_counts c on c.scenario_id = s.id and c.step_key = ''
             where s.product_id = :product and s.kind = 'scenario'
             order by array_position(array['active','paused','draft','ended'], s.status), s.name, s.id
            """
        ),
        {"product": product_id},
    )
    return [Course(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Fitting:
    """People of a class who fit a target profile; leads: those known for the product already."""

    company_class: str
    people: int
    leads: int


FITTING = f"""
select coalesce(co.class, '-') as company_class, count(*) as people, count(l.id) as leads
  from {{people}}
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
  left join product_leads l on l.person_id = p.id and l.product_id = :product
 where p.merged_into is null and p.excluded_reason = ''
   and (cardinality(cast(:classes as text[])) = 0 or coalesce(co.class, '-') = any(:classes))
   and {audience.fits("cast(:profile as jsonb)")}
 group by 1 order by array_position(array['A','B','C1','C2','D','E','-'], coalesce(co.class, '-'))
"""  # noqa: S608 - the parts are constants


FITTING_OF = 4_096  # people looked at where there are many
_DRAWN = "unnest(cast(:ids as bigint[])) u(id) join people p on p.id = u.id"


def fitting(
    tx: Connection, product_id: int, profile: Mapping[str, Sequence[str]]
) -> tuple[list[Fitting], bool]:
    """Everybody who fits, by class, and whether that is an estimate from a sample of many."""
    values: dict[str, object] = {
        "product": product_id,
        "classes": list(profile.get("classes", ())),
        "profile": json.dumps({name: list(v) for name, v in profile.items() if name != "classes"}),
    }
    sample = samples.draw(tx, product_id=None, most=FITTING_OF)
    if sample is None:
        rows = tx.execute(text(FITTING.format(people="people p")), values)
        return [Fitting(**row._mapping) for row in rows], False
    rows = tx.execute(text(FITTING.format(people=_DRAWN)), {**values, "ids": list(sample.ids)})
    return [
        Fitting(row.company_class, sample.whole(row.people), sample.whole(row.leads)) for row in rows
    ], True


def colours(tx: Connection) -> dict[int, int]:
    """How many products in use have which colour."""
    query = "select colour_no, count(*) as n from products where is_active group by colour_no"
    return {row.colour_no: row.n for row in tx.execute(text(query))}


def names(tx: Connection, *, only_active: bool = True) -> list[tuple[int, str]]:
    """(id, name) for choices."""
    query = select(_p.id, _p.name).order_by(_p.priority, _p.name)
    return [(row.id, row.name) for row in tx.execute(query.where(_p.is_active) if only_active else query)]


def find(tx: Connection, product_id: int) -> Product | None:
    row = tx.execute(select(*_COLUMNS).where(_p.id == product_id)).first()
    return None if row is None else Product(**row._mapping)


def is_name_taken(tx: Connection, name: str, *, besides: int | None = None) -> bool:
    found = tx.execute(select(_p.id).where(_p.name == name)).scalar()
    return found is not None and found != besides


def is_list_key_taken(tx: Connection, list_key: str) -> bool:
    return tx.execute(select(_p.id).where(_p.list_key == list_key)).first() is not None


def add(tx: Connection, values: Mapping[str, object], *, now: datetime) -> int:
    return int(tx.execute(insert(t.products).values(**values, created_at=now).returning(_p.id)).scalar_one())


def save(tx: Connection, product_id: int, values: Mapping[str, object], *, version: int) -> bool:
    """False when somebody saved since this version was read."""
    done = tx.execute(
        update(t.products)
        .where(_p.id == product_id, _p.version == version)
        .values(**values, version=_p.version + 1)
    )
    return done.rowcount == 1


# --- sender profiles -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sender:
    """A sender profile; the law wants name, postal address and where to complain (LAW-06)."""

    id: int
    name: str
    legal_name: str
    postal_address: str
    inquiry: str
    from_name: str
    from_address: str
    reply_to: str
    return_path_domain: str
    privacy_url: str
    smtp_account: str
    warmup_from: date | None
    warmup_first: int
    version: int

    @property
    def missing(self) -> tuple[str, ...]:
        """What must be filled in before any mail may go out. The way to refuse is added by the engine."""
        wanted = ("legal_name", "postal_address", "inquiry", "from_address")
        return tuple(name for name in wanted if not getattr(self, name).strip())


_s = t.sender_profiles.c
_SENDER = (
    _s.id, _s.name, _s.legal_name, _s.postal_address, _s.inquiry, _s.from_name, _s.from_address, _s.reply_to,
    _s.return_path_domain, _s.privacy_url, _s.smtp_account, _s.warmup_from, _s.warmup_first, _s.version,
)  # fmt: skip


def senders(tx: Connection) -> list[Sender]:
    return [Sender(**row._mapping) for row in tx.execute(select(*_SENDER).order_by(_s.id))]


def sender(tx: Connection, sender_id: int) -> Sender | None:
    row = tx.execute(select(*_SENDER).where(_s.id == sender_id)).first()
    return None if row is None else Sender(**row._mapping)


def sender_of(tx: Connection, product_id: int | None) -> Sender | None:
    """Who writes about a product; about none, the first profile of the house, as for mails (storage/outgoing)."""
    chosen = select(t.products.c.sender_profile_id).where(t.products.c.id == product_id).scalar_subquery()
    first = select(func.min(_s.id)).scalar_subquery()
    row = tx.execute(select(*_SENDER).where(_s.id == func.coalesce(chosen, first))).one_or_none()
    return None if row is None else Sender(**row._mapping)


def sender_use(tx: Connection) -> dict[int, list[str]]:
    """Names of the products behind each profile."""
    rows = tx.execute(
        select(_p.sender_profile_id, _p.name).where(_p.sender_profile_id.is_not(None)).order_by(_p.name)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.sender_profile_id, []).append(row.name)
    return found


def add_sender(tx: Connection, values: Mapping[str, object]) -> int:
    return int(tx.execute(insert(t.sender_profiles).values(**values).returning(_s.id)).scalar_one())


def save_sender(tx: Connection, sender_id: int, values: Mapping[str, object], *, version: int) -> bool:
    done = tx.execute(
        update(t.sender_profiles)
        .where(_s.id == sender_id, _s.version == version)
        .values(**values, version=_s.version + 1)
    )
    return done.rowcount == 1


# --- what sales say --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TeamWord:
    """What sales said on a day about how much they take. A replay asks what was known then, so none is overwritten."""

    appetite: str
    capacity_per_week: int
    set_by: str | None
    set_at: datetime


def team_words(tx: Connection, product_id: int, *, limit: int = 5) -> list[TeamWord]:
    """Newest first."""
    s, u = t.sales_team_states.c, t.users.c
    rows = tx.execute(
        select(s.appetite, s.capacity_per_week, u.name.label("set_by"), s.set_at)
        .select_from(t.sales_team_states.outerjoin(t.users, u.id == s.set_by))
        .where(s.product_id == product_id, s.team == "field")
        .order_by(s.set_at.desc(), s.id.desc())
        .limit(limit)
    )
    return [TeamWord(**row._mapping) for row in rows]


def add_team_word(
    tx: Connection, product_id: int, *, appetite: str, capacity_per_week: int, user_id: int, now: datetime
) -> None:
    tx.execute(
        insert(t.sales_team_states).values(
            team="field",
            product_id=product_id,
            appetite=appetite,
            capacity_per_week=capacity_per_week,
            set_by=user_id,
            set_at=now,
        )
    )
