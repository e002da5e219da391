"""Opportunities: one statement each. Amounts are whole yen, forecasts whole per cent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

# What a form may change; a result goes by `close`.
EDITABLE = (
    "owner_user_id", "name", "amount_yen", "stage", "forecast", "expected_on", "rival_risk", "lost_to",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opportunity:
    """An opportunity with the names around it. result: "" while it is open.

    forecast: 0..100. lost_to: the rival, feared while it is open, the winner after the result `rival`.
    contract_ends_on: of what the company has bought elsewhere.
    """

    id: int
    version: int
    name: str
    company_id: int | None
    company: str
    product_id: int
    product: str
    colour_no: int
    lead_id: int | None
    person_id: int | None
    person: str
    hand_off_id: int | None
    owner_user_id: int | None
    owner: str
    amount_yen: int
    stage: str
    forecast: int
    expected_on: date | None
    rival_risk: bool
    result: str
    lost_to: str
    contract_ends_on: date | None
    reason: str
    closed_at: datetime | None
    created_at: datetime

    @property
    def weighted_yen(self) -> int:
        return self.amount_yen * self.forecast // 100


SELECT = """
select o.id, o.version, o.name, o.company_id, coalesce(co.name, '') as company, o.product_id, pr.name as product,
       pr.colour_no, o.lead_id, l.person_id, coalesce(p.full_name, '') as person, o.hand_off_id, o.owner_user_id,
       coalesce(u.name, '') as owner, o.amount_yen, o.stage, o.forecast, o.expected_on, o.rival_risk, o.result,
       o.lost_to, o.contract_ends_on, o.reason, o.closed_at, o.created_at
  from opportunities o
  join products pr on pr.id = o.product_id
  left join companies co on co.id = o.company_id
  left join product_leads l on l.id = o.lead_id
  left join people p on p.id = l.person_id
  left join users u on u.id = o.owner_user_id
"""


def _all(tx: Connection, rest: str, **values: object) -> list[Opportunity]:
    return [Opportunity(**row._mapping) for row in tx.execute(text(SELECT + rest), values)]


def get(tx: Connection, opportunity_id: int, *, lock: bool = False) -> Opportunity | None:
    """One opportunity; lock: until the transaction ends."""
    rest = " where o.id = :id" + (" for update of o" if lock else "")
    return next(iter(_all(tx, rest, id=opportunity_id)), None)


def of_hand_off(tx: Connection, hand_off_id: int) -> Opportunity | None:
    return next(iter(_all(tx, " where o.hand_off_id = :id", id=hand_off_id)), None)


def of_company(tx: Connection, company_id: int) -> list[Opportunity]:
    """A company's opportunities, open ones first, then the newest result."""
    return _all(
        tx,
        " where o.company_id = :id order by o.result <> '', o.expected_on nulls last, o.closed_at desc, o.id desc",
        id=company_id,
    )


def open_of_lead(tx: Connection, lead_id: int) -> list[Opportunity]:
    return _all(tx, " where o.lead_id = :id and o.result = '' order by o.id", id=lead_id)


def add(
    tx: Connection,
    *,
    company_id: int | None,
    product_id: int,
    lead_id: int | None,
    hand_off_id: int | None,
    owner_user_id: int | None,
    name: str,
    amount_yen: int,
    stage: str,
    forecast: int,
    expected_on: date | None,
    now: datetime,
) -> int | None:
    """A new opportunity; None where the hand-off has one already (uq_opportunities_hand_off_id)."""
    return tx.execute(
        text(
            "insert into opportunities (company_id, product_id, lead_id, hand_off_id, owner_user_id, name,"
            " amount_yen, stage, forecast, expected_on, created_at)"
            " values (:company_id, :product_id, :lead_id, :hand_off_id, :owner_user_id, :name, :amount_yen,"
            " :stage, :forecast, :expected_on, :now) on conflict (hand_off_id) do nothing returning id"
        ),
        {
            "company_id": company_id,
            "product_id": product_id,
            "lead_id": lead_id,
            "hand_off_id": hand_off_id,
            "owner_user_id": owner_user_id,
            "name": name,
            "amount_yen": amount_yen,
            "stage": stage,
            "forecast": forecast,
            "expected_on": expected_on,
            "now": now,
        },
    ).scalar()


def save(tx: Connection, opportunity_id: int, values: Mapping[str, object], *, version: int) -> bool:
    """Write changed fields; False when somebody else saved since that version."""
    names = [name for name in EDITABLE if name in values]
    sets = "".join(f"{name} = :{name}, " for name in names)
    done = tx.execute(
        text(f"update opportunities set {sets} version = version + 1 where id = :id and version = :version"),  # noqa: S608
        {**{name: values[name] for name in names}, "id": opportunity_id, "version": version},
    )
    return done.rowcount == 1


def close(
    tx: Connection,
    opportunity_id: int,
    *,
    result: str,
    amount_yen: int,
    lost_to: str,
    contract_ends_on: date | None,
    reason: str,
    now: datetime,
) -> None:
    """How it ended. An order is certain, and nothing else is expected any more."""
    tx.execute(
        text(
            "update opportunities set result = :result, amount_yen = :amount, lost_to = :lost_to,"
            " contract_ends_on = :ends_on, reason = :reason, closed_at = :now, rival_risk = false,"
            " forecast = case when :result = 'won' then 100 else 0 end, version = version + 1 where id = :id"
        ),
        {
            "id": opportunity_id,
            "result": result,
            "amount": amount_yen,
            "lost_to": lost_to,
            "ends_on": contract_ends_on,
            "reason": reason,
            "now": now,
        },
    )


def reopen(tx: Connection, opportunity_id: int, *, forecast: int) -> None:
    """A result given by mistake is taken back."""
    tx.execute(
        text(
            "update opportunities set result = '', closed_at = null, contract_ends_on = null, reason = '',"
            " deal_before = null,"
            " forecast = :forecast, version = version + 1 where id = :id"
        ),
        {"id": opportunity_id, "forecast": forecast},
    )


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed to. result: open, closed, won, lost, rival, no_deal. month: its first day; of the
    expected order while it is open, of the result afterwards."""

    result: str = "open"
    owner_user_id: int | None = None
    product_id: int | None = None
    stage: str = ""
    month: date | None = None
    only_at_risk: bool = False


WHERE = """
 where case :result when 'open' then o.result = '' when 'closed' then o.result <> '' else o.result = :result end
   and (cast(:owner as bigint) is null or o.owner_user_id = :owner)
   and (cast(:product as bigint) is null or o.product_id = :product)
   and (:stage = '' or o.stage = :stage)
   and (not :at_risk or o.rival_risk)
   and (cast(:month as date) is null or case when o.result = ''
          then o.expected_on >= :month and o.expected_on < cast(:month as date) + interval '1 month'
          else o.closed_at at time zone :zone >= :month
               and o.closed_at at time zone :zone < cast(:month as date) + interval '1 month' end)
"""


def _values(wanted: Filter, zone: str) -> dict[str, object]:
    return {
        "result": wanted.result,
        "owner": wanted.owner_user_id,
        "product": wanted.product_id,
        "stage": wanted.stage,
        "month": wanted.month,
        "at_risk": wanted.only_at_risk,
        "zone": zone,
    }


def page(tx: Connection, wanted: Filter, *, zone: str, limit: int, offset: int = 0) -> list[Opportunity]:
    """Open ones by the day they are expected, ended ones from the newest result."""
    order = (
        " order by o.expected_on nulls last, o.id"
        if wanted.result == "open"
        else " order by o.closed_at desc, o.id"
    )
    return _all(tx, WHERE + order + " limit :n offset :skip", **_values(wanted, zone), n=limit, skip=offset)


@dataclass(frozen=True, slots=True)
class Sum:
    """n opportunities, their amounts, and the amounts by their forecasts."""

    n: int
    amount_yen: int
    weighted_yen: int


TOTAL = """
select count(*) as n, coalesce(sum(o.amount_yen), 0) as amount,
       coalesce(sum(o.amount_yen * o.forecast / 100), 0) as weighted
  from opportunities o
"""


def total(tx: Connection, wanted: Filter, *, zone: str) -> Sum:
    row = tx.execute(
        text(TOTAL + WHERE),
        _values(wanted, zone),
    ).one()
    return Sum(int(row.n), int(row.amount), int(row.weighted))


COUNTS = """
select count(*) filter (where o.result = '') as open, count(*) filter (where o.result = '' and o.rival_risk) as risk,
       count(*) filter (where o.result <> '') as closed, count(*) filter (where o.result = 'won') as won,
       count(*) filter (where o.result = 'lost') as lost, count(*) filter (where o.result = 'rival') as rival,
       count(*) filter (where o.result = 'no_deal') as no_deal
  from opportunities o
 where (cast(:owner as bigint) is null or o.owner_user_id = :owner)
   and (cast(:product as bigint) is null or o.product_id = :product)
"""


def counts(tx: Connection, wanted: Filter) -> dict[str, int]:
    """How many there are of each result, and open ones at risk, for the same rep and product."""
    values = {"owner": wanted.owner_user_id, "product": wanted.product_id}
    return {name: int(n) for name, n in tx.execute(text(COUNTS), values).one()._mapping.items()}


def lead_for(tx: Connection, person_id: int, product_id: int, *, now: datetime) -> int:
    """The person's lead for the product, made where there was none, and locked."""
    tx.execute(
        text(
            "insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at, created_at)"
            " values (:person, :person, :product, 'nurturing', :now, :now)"
            " on conflict (person_id, product_id) do nothing"
        ),
        {"person": person_id, "product": product_id, "now": now},
    )
    return int(
        tx.execute(
            text(
                "select id from product_leads where person_id = :person and product_id = :product for update"
            ),
            {"person": person_id, "product": product_id},
        ).scalar_one()
    )


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who stands behind a lead, as settling and notices need it."""

    lead_id: int
    person_id: int
    company_id: int | None
    product_id: int
    cycle_days: int
    depth_max: int
    shallow_recycles: int
    recycle_depth: int
    state: str


def buyer(tx: Connection, lead_id: int) -> Buyer | None:
    """The lead with its company, its person's leads locked as ranks do."""
    tx.execute(
        text(
            "select id from product_leads where person_id = (select person_id from product_leads where id = :id)"
            " order by id for update"
        ),
        {"id": lead_id},
    )
    row = tx.execute(
        text(
            "select l.id as lead_id, l.person_id, f.company_id, l.product_id,"
            " pr.purchase_cycle_days as cycle_days, l.depth_max, l.shallow_recycles, l.recycle_depth, l.state"
            " from product_leads l join products pr on pr.id = l.product_id"
            " left join affiliations f on f.person_id = l.person_id and f.is_current where l.id = :id"
        ),
        {"id": lead_id},
    ).first()
    return Buyer(**row._mapping) if row else None


@dataclass(frozen=True, slots=True)
class Note:
    """A change of an opportunity, as the log has it. changes: field -> (old, new)."""

    at: datetime
    user: str
    action: str
    changes: Mapping[str, tuple[str | None, str | None]]


def history(tx: Connection, opportunity_id: int) -> list[Note]:
    """What became of it, the newest first. Index ix_audit_log_noun_noun_id."""
    rows = tx.execute(
        text(
            "select a.at, coalesce(u.name, '') as user, a.action,"
            " coalesce(jsonb_object_agg(v.field, jsonb_build_array(v.old, v.new)) filter (where v.id is not null),"
            " '{}') as changes from audit_log a left join users u on u.id = a.user_id"
            " left join audit_values v on v.audit_id = a.id"
            " where a.noun = 'opportunity' and a.noun_id = :id group by a.id, u.name order by a.at desc, a.id desc"
        ),
        {"id": opportunity_id},
    )
    return [
        Note(row.at, row.user, row.action, {field: (pair[0], pair[1]) for field, pair in row.changes.items()})
        for row in rows
    ]
