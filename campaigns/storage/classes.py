"""Customer classes: the house's rules, what waits for the review, who has no owner, whom we cannot write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from campaigns.rules.classes import REP_ROLES, Basis, Class, Customer, Rules
from campaigns.rules.figures import Known
from campaigns.storage.users import NO_OWNER

# Classes follow from all companies: whoever writes them, or what they follow from, takes this before the first row, so
# that two who each hold one company and class the rest never wait for one another.
LOCK = 4_918_275_503
MANAGED = ("A", "B", "C1", "C2")
UNMANAGED = ("D", "E")


def lock(tx: Connection) -> None:
    tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})


@dataclass(frozen=True, slots=True)
class HouseRules:
    """The rules in force. label_c1, label_c2: the house's own words, "" for the usual ones."""

    rules: Rules
    label_c1: str
    label_c2: str
    version: int


def rules(tx: Connection) -> HouseRules:
    row = tx.execute(
        text(
            "select class_basis, class_cut_a, class_cut_b, class_label_c1, class_label_c2, version from house"
        )
    ).one()
    cuts = (row.class_cut_a, row.class_cut_b)
    return HouseRules(
        Rules(Basis(row.class_basis), cuts), row.class_label_c1, row.class_label_c2, row.version
    )


def save_rules(tx: Connection, new: HouseRules) -> bool:
    """Write; False when somebody else wrote since `version`."""
    done = tx.execute(
        text(
            "update house set class_basis = :basis, class_cut_a = :a, class_cut_b = :b, class_label_c1 = :c1,"
            " class_label_c2 = :c2, version = version + 1 where version = :version"
        ),
        {
            "basis": new.rules.basis.value,
            "a": new.rules.cuts[0],
            "b": new.rules.cuts[1],
            "c1": new.label_c1,
            "c2": new.label_c2,
            "version": new.version,
        },
    )
    return bool(done.rowcount)


@dataclass(frozen=True, slots=True)
class Standing:
    """A company as the classes find it. cls, suggested: as they stand until now."""

    customer: Customer
    cls: Class
    suggested: str
    loss_making: bool
    is_locked: bool


# Whom the rule may move: current customers, and those whose class does not fit their last deal. The many others, D and
# E for good, are not read. Whoever is E once had a contact; that it went is no reason to look at each. A rep who left
# still counts here: the account waits for the next one among the managed ones, instead of sinking out of sight.
_OWNER_SELLS = "co.owner_user_id in (select id from users where role = any(:reps))"
STANDINGS = f"""
select co.id, co.last_deal_on, co.profit_12m_yen, co.sales_12m_yen, co.class, co.suggested_class, co.loss_making,
       co.class_locked, co.has_field_rep or ({_OWNER_SELLS}) is true as has_rep, co.has_field_rep,
       exists (select 1 from affiliations f where f.company_id = co.id)
         or exists (select 1 from touchpoints t where t.company_id = co.id) as is_contact
  from companies co
 where co.has_field_rep or {_OWNER_SELLS} or co.last_deal_on >= :since
    or co.suggested_class <> '' or co.loss_making
    or (co.last_deal_on is not null and co.class <> 'D')
    or (co.last_deal_on is null and co.class <> 'E'
        and (co.class <> '-' or exists (select 1 from affiliations f where f.company_id = co.id)
             or exists (select 1 from touchpoints t where t.company_id = co.id)))
 order by co.id
"""  # noqa: S608 - constants


def standings(tx: Connection, *, since: date) -> list[Standing]:
    """Every company that may move; one statement. since: from when on a deal makes a current customer."""
    return [
        Standing(
            Customer(
                id=row.id,
                last_deal_on=row.last_deal_on,
                profit_12m=row.profit_12m_yen,
                sales_12m=row.sales_12m_yen,
                has_rep=row.has_rep,
                is_field=row.has_field_rep,
                is_contact=row.is_contact,
            ),
            Class(row._mapping["class"]),
            row.suggested_class,
            row.loss_making,
            row.class_locked,
        )
        for row in tx.execute(text(STANDINGS), {"since": since, "reps": list(REP_ROLES)})
    ]


def count(tx: Connection) -> int:
    return int(tx.execute(text("select count(*) from companies")).scalar_one())


@dataclass(frozen=True, slots=True)
class Set:
    """What becomes of a company: its class now, and the one that is suggested ("" for none)."""

    company_id: int
    cls: Class
    suggested: str
    loss_making: bool


def put(tx: Connection, rows: Sequence[Set]) -> None:
    """Write these in one UPDATE."""
    if not rows:
        return
    tx.execute(
        text(
            "update companies co set class = q.class, suggested_class = q.suggested, loss_making = q.loss,"
            " kept_month = case when q.suggested = co.suggested_class then co.kept_month end"
            " from unnest(cast(:ids as bigint[]), cast(:classes as text[]), cast(:suggested as text[]),"
            " cast(:losses as bool[])) as q(id, class, suggested, loss) where co.id = q.id"
        ),
        {
            "ids": [row.company_id for row in rows],
            "classes": [row.cls.value for row in rows],
            "suggested": [row.suggested for row in rows],
            "losses": [row.loss_making for row in rows],
        },
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """A class with what its companies bring. Money in yen over the last 12 months."""

    companies: int = 0
    profit_yen: int = 0
    sales_yen: int = 0
    losses: int = 0
    locked: int = 0
    ownerless: int = 0


_OWNERLESS = NO_OWNER.format(column="co.owner_user_id")
FIGURES = f"""
select class, count(*) as companies, sum(profit_12m_yen) as profit_yen, sum(sales_12m_yen) as sales_yen,
       count(*) filter (where loss_making) as losses, count(*) filter (where class_locked) as locked,
       count(*) filter (where {_OWNERLESS}) as ownerless
  from companies co group by class
"""  # noqa: S608 - constants


def figures(tx: Connection) -> dict[str, Figures]:
    rows = tx.execute(text(FIGURES))
    return {
        row._mapping["class"]: Figures(
            int(row.companies),
            int(row.profit_yen),
            int(row.sales_yen),
            int(row.losses),
            int(row.locked),
            int(row.ownerless),
        )
        for row in rows
    }


@dataclass(frozen=True, slots=True)
class Difference:
    """A company whose figures suggest another class."""

    company_id: int
    name: str
    cls: str
    suggested: str
    owner: str
    has_field_rep: bool
    profit_12m_yen: int
    sales_12m_yen: int
    last_deal_on: date | None


WAITS = "suggested_class <> '' and not class_locked and kept_month is distinct from :month"
DIFFERENCES = f"""
select co.id as company_id, co.name, co.class as cls, co.suggested_class as suggested, coalesce(u.name, '') as owner,
       co.has_field_rep, co.profit_12m_yen, co.sales_12m_yen, co.last_deal_on
  from companies co left join users u on u.id = co.owner_user_id
 where {WAITS} order by co.profit_12m_yen desc, co.id limit :n
"""  # noqa: S608 - index ix_companies_suggested


def differences(tx: Connection, *, month: int, limit: int) -> list[Difference]:
    """What waits for this month's review, the largest first. month: year * 12 + month - 1."""
    rows = tx.execute(text(DIFFERENCES), {"month": month, "n": limit})
    return [Difference(**row._mapping) for row in rows]


def waiting(tx: Connection, *, month: int) -> int:
    return int(
        tx.execute(text(f"select count(*) from companies where {WAITS}"), {"month": month}).scalar_one()  # noqa: S608
    )


def accept(tx: Connection, company_ids: Sequence[int] | None, *, month: int) -> list[tuple[int, str, str]]:
    """Take on what is suggested, for these companies or for all that wait; returns (company, old, new)."""
    rows = tx.execute(
        text(
            f"with q as (select id, class as old from companies where {WAITS}"  # noqa: S608
            " and (cast(:ids as bigint[]) is null or id = any(:ids)) for update)"
            " update companies co set class = co.suggested_class, suggested_class = ''"
            " from q where co.id = q.id returning co.id, q.old, co.class as new"
        ),
        {"month": month, "ids": None if company_ids is None else list(company_ids)},
    )
    return [(row.id, row.old, row.new) for row in rows]


def keep(tx: Connection, company_ids: Sequence[int] | None, *, month: int) -> list[int]:
    """Leave these as they are for this month, or all that wait; returns them."""
    rows = tx.execute(
        text(
            f"update companies set kept_month = :month where {WAITS}"  # noqa: S608
            " and (cast(:ids as bigint[]) is null or id = any(:ids)) returning id"
        ),
        {"month": month, "ids": None if company_ids is None else list(company_ids)},
    )
    return sorted(row.id for row in rows)


@dataclass(frozen=True, slots=True)
class Review:
    """The review of a month."""

    month: int
    opened_at: datetime
    differing: int
    accepted: int
    kept: int
    closed_at: datetime | None
    closed_by: str


def open_review(tx: Connection, *, month: int, differing: int, now: datetime) -> None:
    """The month's review, once."""
    tx.execute(
        text(
            "insert into class_reviews (month, opened_at, differing) values (:month, :now, :n)"
            " on conflict (month) do nothing"
        ),
        {"month": month, "now": now, "n": differing},
    )


def count_review(
    tx: Connection, *, month: int, accepted: int, kept: int, user_id: int | None, now: datetime
) -> None:
    """What was decided; the review is closed by whoever decides the last one."""
    open_review(tx, month=month, differing=accepted + kept, now=now)
    tx.execute(
        text(
            "update class_reviews set accepted = accepted + :accepted, kept = kept + :kept,"
            " closed_at = case when :left = 0 then cast(:now as timestamptz) end,"
            " closed_by = case when :left = 0 then cast(:me as bigint) end where month = :month"
        ),
        {
            "month": month,
            "accepted": accepted,
            "kept": kept,
            "left": waiting(tx, month=month),
            "me": user_id,
            "now": now,
        },
    )


def reviews(tx: Connection, *, limit: int = 6) -> list[Review]:
    """The last months' reviews, the newest first."""
    rows = tx.execute(
        text(
            "select r.month, r.opened_at, r.differing, r.accepted, r.kept, r.closed_at,"
            " coalesce(u.name, '') as closed_by from class_reviews r left join users u on u.id = r.closed_by"
            " order by r.month desc limit :n"
        ),
        {"n": limit},
    )
    return [Review(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Ownerless:
    """A managed account that nobody leads. left: who did, and works here no more."""

    company_id: int
    name: str
    cls: str
    profit_12m_yen: int
    last_deal_on: date | None
    people: int
    left: str


OWNERLESS = f"""
select co.id as company_id, co.name, co.class as cls, co.profit_12m_yen, co.last_deal_on,
       (select count(*) from affiliations f where f.company_id = co.id and f.is_current) as people,
       coalesce((select u.name from users u where u.id = co.owner_user_id), '') as left
  from companies co where co.class = any(:managed) and {_OWNERLESS}
 order by co.class, co.profit_12m_yen desc, co.id limit :n
"""  # noqa: S608 - constants


def ownerless(tx: Connection, *, limit: int) -> list[Ownerless]:
    """Managed accounts without an owner, A first. Index ix_companies_class."""
    rows = tx.execute(text(OWNERLESS), {"managed": list(MANAGED), "n": limit})
    return [Ownerless(**row._mapping) for row in rows]


GIVE_OWNER = f"""
with q as (select id, owner_user_id as old from companies co where id = any(:ids) and {_OWNERLESS} for update)
update companies co set owner_user_id = :user, version = version + 1,
       has_field_rep = case when co.has_field_rep then cast(:stays as bool) else cast(:becomes as bool) end
  from q where co.id = q.id returning co.id, q.old
"""  # noqa: S608 - constants


def give_owner(
    tx: Connection, company_ids: Sequence[int], *, user_id: int, stays_field: bool, becomes_field: bool
) -> list[tuple[int, int | None]]:
    """Somebody leads these, where nobody who works here did; returns (company, owner before).

    stays_field: whether field sales go on with what they follow; becomes_field: whether they take the rest.
    """
    rows = tx.execute(
        text(GIVE_OWNER),
        {"ids": list(company_ids), "user": user_id, "stays": stays_field, "becomes": becomes_field},
    )
    return sorted((row.id, row.old) for row in rows)


# A mailbox that takes mail, of somebody whose name is known and who still works there.
REACHED = """
exists (select 1 from affiliations f
          join people p on p.id = f.person_id and p.merged_into is null and p.excluded_reason = '' and p.full_name <> ''
          join addresses a on a.id = p.address_id and a.status not in ('hard', 'complaint')
         where f.company_id = co.id and f.is_current)
"""


def completeness(tx: Connection) -> dict[str, tuple[int, int]]:
    """(companies, with a name and a mailbox that takes mail) of D and E. Source: S4-11."""
    rows = tx.execute(
        text(
            f"select co.class, count(*) as n, count(*) filter (where {REACHED}) as whole from companies co"  # noqa: S608
            " where co.class = any(:classes) group by co.class"
        ),
        {"classes": list(UNMANAGED)},
    )
    return {row._mapping["class"]: (int(row.n), int(row.whole)) for row in rows}


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A company of D or E that we cannot write to. person_id: whom to ask, None where we know nobody."""

    company_id: int
    name: str
    cls: str
    tel: str
    person_id: int | None
    person: str
    has_task: bool


# A value, not a join: so that it is asked company by company, and no further than the page goes.
INCOMPLETE = f"""
select co.id as company_id, co.name, co.class as cls, coalesce(nullif(p.tel, ''), nullif(p.mobile, ''), co.tel) as tel,
       p.id as person_id, coalesce(p.full_name, '') as person,
       exists (select 1 from tasks t where t.company_id = co.id and t.cause = 'get_address'
                and t.state in ('open', 'snoozed')) as has_task
  from companies co
  left join lateral (
    select p.* from affiliations f join people p on p.id = f.person_id and p.merged_into is null
     where f.company_id = co.id and f.is_current and p.excluded_reason = ''
     order by p.full_name = '', p.do_not_call or p.phone_invalid, p.id limit 1) p on true
 where co.class = :class and co.id > :after and (select {REACHED}) is false
 order by co.id limit :n
"""  # noqa: S608


def incomplete(tx: Connection, *, cls: str, after: int = 0, limit: int) -> list[Incomplete]:
    """Companies of a class that lack a name or a mailbox, from an id on. Index ix_companies_class."""
    rows = tx.execute(text(INCOMPLETE), {"class": cls, "after": after, "n": limit})
    return [Incomplete(**row._mapping) for row in rows]


def add_address_tasks(
    tx: Connection, company_ids: Sequence[int], *, due_at: datetime, user_id: int | None, now: datetime
) -> int:
    """メールアドレス入手: ask whoever we know at these companies; one open task a company. Returns how many."""
    done = tx.execute(
        text(
            """
            insert into tasks (kind, person_id, origin_person_id, company_id, team, state, cause, priority, due_at,
                   created_by, created_at)
            select 'check', p.id, p.id, q.id, 'inside', 'open', 'get_address', 4, :due_at, :me, :now
              from unnest(cast(:ids as bigint[])) as q(id)
              join lateral (
                select p.id from affiliations f join people p on p.id = f.person_id and p.merged_into is null
                 where f.company_id = q.id and f.is_current and p.excluded_reason = ''
                 order by p.full_name = '', p.do_not_call or p.phone_invalid, p.id limit 1) p on true
             where not exists (select 1 from tasks t where t.company_id = q.id and t.cause = 'get_address'
                                  and t.state in ('open', 'snoozed'))
            """
        ),
        {"ids": list(company_ids), "due_at": due_at, "me": user_id, "now": now},
    )
    return int(done.rowcount)


def by_name(
    tx: Connection, numbers: Sequence[str], keys: Sequence[str]
) -> tuple[dict[str, int], Mapping[str, list[Known]]]:
    """Companies by corporate number, and by core name (several may share one). Index ix_companies_core_key."""
    found = tx.execute(
        text("select hojin_no, id from companies where hojin_no = any(:numbers)"),
        {"numbers": list(set(numbers))},
    )
    of_number = {row.hojin_no: int(row.id) for row in found}
    named: dict[str, list[Known]] = {}
    for row in tx.execute(
        text(
            "select core_key, id, legal_form, coalesce(hojin_no, '') as hojin_no from companies"
            " where core_key = any(:keys) order by id"
        ),
        {"keys": list(set(keys))},
    ):
        named.setdefault(row.core_key, []).append(Known(int(row.id), row.legal_form, row.hojin_no))
    return of_number, named


def put_figures(tx: Connection, rows: Sequence[tuple[int, date | None, int | None, int | None]]) -> list[int]:
    """(company, last deal, profit, sales) of a list; None leaves a figure. Returns those that changed."""
    found = tx.execute(
        text(
            "update companies co set last_deal_on = coalesce(q.deal, co.last_deal_on),"
            " profit_12m_yen = coalesce(q.profit, co.profit_12m_yen),"
            " sales_12m_yen = coalesce(q.sales, co.sales_12m_yen), version = co.version + 1"
            " from unnest(cast(:ids as bigint[]), cast(:deals as date[]), cast(:profits as bigint[]),"
            " cast(:sales as bigint[])) as q(id, deal, profit, sales)"
            " where co.id = q.id and (co.last_deal_on, co.profit_12m_yen, co.sales_12m_yen) is distinct from"
            " (coalesce(q.deal, co.last_deal_on), coalesce(q.profit, co.profit_12m_yen),"
            " coalesce(q.sales, co.sales_12m_yen)) returning co.id"
        ),
        {
            "ids": [row[0] for row in rows],
            "deals": [row[1] for row in rows],
            "profits": [row[2] for row in rows],
            "sales": [row[3] for row in rows],
        },
    )
    return sorted(row.id for row in found)
