"""What one person's day holds beside the tasks: visits, hand-offs, replies, what colleagues wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.reports import NOT_AGREED


@dataclass(frozen=True, slots=True)
class Visit:
    """An appointment of theirs. is_over: it is past and nobody has reported on it."""

    id: int
    starts_at: datetime
    ends_at: datetime
    place: str
    person_id: int
    person: str
    company: str
    product: str
    is_over: bool


@dataclass(frozen=True, slots=True)
class Visits:
    """The first of those ahead and those past. ahead: how many there are today still; past: how many wait for their
    report, of whatever day."""

    lines: Sequence[Visit] = ()
    ahead: int = 0
    past: int = 0


# ix_appointments_planned: what lies ahead and what was not reported on, few of either.
VISITS = """
select a.id, a.starts_at, a.ends_at, a.place, a.person_id, p.full_name as person, coalesce(co.name, '') as company,
       coalesce(pr.name, '') as product, a.ends_at <= :now as is_over,
       count(*) filter (where a.ends_at > :now) over () as ahead, count(*) filter (where a.ends_at <= :now) over () as past
  from appointments a
  join people p on p.id = a.person_id
  left join companies co on co.id = a.company_id
  left join products pr on pr.id = a.product_id
 where a.state = 'planned' and a.starts_at < :tomorrow
   and (a.owner_user_id = :user or exists (select 1 from appointment_staff s
                                            where s.appointment_id = a.id and s.user_id = :user))
 order by is_over, case when a.ends_at > :now then a.starts_at end, a.starts_at desc, a.id limit :limit
"""


def visits(
    tx: Connection, *, user_id: int, now: datetime, tomorrow: datetime, limit: int, owed: int
) -> Visits:
    """Today's in their order, then `owed` of those without a report, the latest first: what lies long behind pushes
    nothing of today off the page."""
    rows = tx.execute(text(VISITS), {"user": user_id, "now": now, "tomorrow": tomorrow, "limit": limit}).all()
    lines = [Visit(*row[:-2]) for row in rows]
    ahead = [line for line in lines if not line.is_over]
    shown = ahead + lines[len(ahead) :][:owed]
    return Visits(shown, rows[0].ahead, rows[0].past) if rows else Visits()


@dataclass(frozen=True, slots=True)
class Passed:
    """A hand-off that waits for an answer, or that came back. at: until when, or when it came back."""

    id: int
    person_id: int
    person: str
    company: str
    product: str
    product_id: int
    colour_no: int
    rank: str
    p_win: float
    at: datetime | None
    code: str
    reason: str
    is_mine: bool
    is_late: bool
    n: int  # how many there are, however many are shown


_PASSED = """
select h.id, l.person_id, p.full_name as person, coalesce(co.name, '') as company, pr.name as product,
       h.product_id, pr.colour_no, l.rank, h.p_win, {at} as at, h.returned_code as code,
       h.returned_reason as reason, coalesce(h.rep_user_id = :user, false) as is_mine,
       coalesce(h.due_at < :now, false) as is_late, count(*) over () as n
  from hand_offs h
  join product_leads l on l.id = h.lead_id
  join people p on p.id = l.person_id
  join products pr on pr.id = h.product_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where {which} limit :limit
"""


def offered(tx: Connection, *, user_id: int, is_for_all: bool, now: datetime, limit: int) -> list[Passed]:
    """Offers that wait for this user's answer; is_for_all: everybody's. ix_hand_offs_due_at."""
    which = """h.state = 'offered' and (:all or h.rep_user_id = :user or h.rep_user_id is null)
      order by h.rep_user_id is distinct from :user, h.due_at nulls last, h.id"""
    return _passed(tx, "h.due_at", which, user_id=user_id, all=is_for_all, now=now, limit=limit)


def came_back(
    tx: Connection, *, user_id: int, is_for_all: bool, since: datetime, now: datetime, limit: int
) -> list[Passed]:
    """Hand-offs that sales returned since then, of products of this user; is_for_all: of every product."""
    which = """h.state = 'returned' and h.resolved_at >= :since and (:all or pr.owner_user_id = :user)
      order by h.resolved_at desc, h.id desc"""
    values = {"user_id": user_id, "all": is_for_all, "now": now, "limit": limit, "since": since}
    return _passed(tx, "h.resolved_at", which, **values)


def _passed(tx: Connection, at: str, which: str, *, user_id: object, **values: object) -> list[Passed]:
    rows = tx.execute(text(_PASSED.format(at=at, which=which)), {"user": user_id, **values})
    return [Passed(**row._mapping) for row in rows]


def count(
    tx: Connection,
    *,
    kind: str = "",
    without: Sequence[str] = (),
    unagreed: bool = False,
    user_id: int,
    now: datetime,
    tomorrow: datetime,
    most: int,
) -> int:
    """Own and nobody's open tasks due by tonight, each counted up to `most`: of a kind, or of all but some;
    unagreed: no visit that has its appointment."""
    which = f"""state = 'open' and due_at < :tomorrow and (not_before is null or not_before <= :now)
      and (:kind = '' or kind = :kind) and kind <> all(:without) and {NOT_AGREED}"""
    parts = (
        f"(select count(*) from (select 1 from tasks where {whose} and {which} limit :most) q)"  # noqa: S608
        for whose in ("assignee_id = :user", "assignee_id is null")
    )
    values = {
        "kind": kind, "without": list(without), "unagreed": unagreed, "user": user_id, "now": now, "tomorrow": tomorrow, "most": most,
    }  # fmt: skip
    return int(tx.execute(text(f"select {' + '.join(parts)}"), values).scalar_one())
