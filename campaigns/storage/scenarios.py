"""Scenarios, their versions and rows. A published version is never written again.

Every statement that changes a row names `published_at is null`, so that a frozen version stays frozen
even when two people work at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, select, text, update

from campaigns.rules import audience as audiences
from campaigns.rules.audience import EVERYBODY, Audience
from campaigns.rules.scenarios import Scenario, Version
from campaigns.storage import steps
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class Line:
    """One scenario in the list: how many rows, people under way, mails sent."""

    id: int
    name: str
    product_id: int
    product_name: str
    colour_no: int
    purpose: str
    status: str
    published_no: int
    has_draft: bool
    rows: int
    people: int
    sent: int


def create(
    tx: Connection,
    *,
    product_id: int,
    name: str,
    purpose: str,
    goal_kind: str,
    classes: Sequence[str],
    event_id: int | None,
    audience: Audience = EVERYBODY,
    user_id: int | None,
    now: datetime,
) -> int:
    """A new scenario with an empty draft; its id."""
    scenario_id: int = tx.execute(
        insert(t.scenarios)
        .values(
            product_id=product_id,
            name=name,
            purpose=purpose,
            goal_kind=goal_kind,
            classes=list(classes),
            event_id=event_id,
            audience=audiences.to_json(audience),
            created_by=user_id,
            created_at=now,
        )
        .returning(t.scenarios.c.id)
    ).scalar_one()
    tx.execute(insert(t.scenario_versions).values(scenario_id=scenario_id, no=1))
    return scenario_id


def listing(tx: Connection) -> tuple[Line, ...]:
    """Every scenario with its counts, the running ones first."""
    s, p, v = t.scenarios, t.products, t.scenario_versions
    latest = (
        select(
            v.c.scenario_id,
            func.max(v.c.id).label("version_id"),
            func.bool_or(v.c.published_at.is_(None)).label("draft"),
        )
        .group_by(v.c.scenario_id)
        .subquery()
    )
    rows = select(t.steps.c.version_id, func.count().label("n")).group_by(t.steps.c.version_id).subquery()
    # Big scenarios are counted by a job (step_counts); only the others are counted here.
    kept = t.step_counts
    total = (
        select(
            kept.c.scenario_id,
            func.max(case((kept.c.step_key == "", kept.c.more["enrolled"]["active"].as_integer()))).label(
                "n"
            ),
            func.sum(kept.c.sent).label("sent"),
        )
        .group_by(kept.c.scenario_id)
        .subquery()
    )
    e, d = t.enrollments, t.deliveries
    people = select(func.count()).where(e.c.scenario_id == s.c.id, e.c.status == "active").scalar_subquery()
    sent = (
        select(func.count())
        .join_from(e, d, d.c.enrollment_id == e.c.id)
        .where(e.c.scenario_id == s.c.id, d.c.state == "sent")
        .scalar_subquery()
    )
    order = case(
        (s.c.status == "active", 0), (s.c.status == "paused", 1), (s.c.status == "draft", 2), else_=3
    )
    found = tx.execute(
        select(
            s.c.id,
            s.c.name,
            s.c.product_id,
            p.c.name.label("product_name"),
            p.c.colour_no,
            s.c.purpose,
            s.c.status,
            s.c.published_no,
            latest.c.draft.label("has_draft"),
            func.coalesce(rows.c.n, 0).label("rows"),
            case((total.c.scenario_id.is_(None), people), else_=func.coalesce(total.c.n, 0)).label("people"),
            case((total.c.scenario_id.is_(None), sent), else_=total.c.sent).label("sent"),
        )
        .join(p, p.c.id == s.c.product_id)
        .join(latest, latest.c.scenario_id == s.c.id)
        .outerjoin(rows, rows.c.version_id == latest.c.version_id)
        .outerjoin(total, total.c.scenario_id == s.c.id)
        .where(s.c.kind == "scenario")
        .order_by(order, s.c.id.desc())
    )
    return tuple(Line(**row._mapping) for row in found)


def get(tx: Connection, scenario_id: int, *, lock: bool = False) -> Scenario | None:
    """The head of a scenario. lock: hold its row until the transaction ends."""
    s, p, e = t.scenarios, t.products, t.events
    query = (
        select(
            s.c.id,
            s.c.product_id,
            p.c.name.label("product_name"),
            s.c.name,
            s.c.purpose,
            s.c.goal_kind,
            s.c.classes,
            s.c.event_id,
            e.c.name.label("event_name"),
            s.c.status,
            s.c.published_no,
            s.c.version,
            s.c.audience,
        )
        .join(p, p.c.id == s.c.product_id)
        .outerjoin(e, e.c.id == s.c.event_id)
        .where(s.c.id == scenario_id)
    )
    row = tx.execute(query.with_for_update(of=s) if lock else query).one_or_none()
    if row is None:
        return None
    told = {"classes": tuple(row.classes), "audience": audiences.from_json(row.audience)}
    return Scenario(**{**row._mapping, **told})


def is_broadcast(tx: Connection, scenario_id: int) -> bool:
    """Whether the row of that id is a broadcast, which has pages of its own."""
    kind = select(t.scenarios.c.kind).where(t.scenarios.c.id == scenario_id)
    return tx.execute(kind).scalar_one_or_none() == "broadcast"


def save(
    tx: Connection,
    scenario_id: int,
    *,
    version: int,
    name: str,
    purpose: str,
    goal_kind: str,
    classes: Sequence[str],
    event_id: int | None,
    audience: Audience = EVERYBODY,
) -> bool:
    """Change the head; False when somebody else saved first."""
    s = t.scenarios
    changed = tx.execute(
        update(s)
        .where(s.c.id == scenario_id, s.c.version == version)
        .values(
            name=name,
            purpose=purpose,
            goal_kind=goal_kind,
            classes=list(classes),
            event_id=event_id,
            audience=audiences.to_json(audience),
            version=s.c.version + 1,
        )
    )
    return changed.rowcount == 1


def draft(tx: Connection, scenario_id: int) -> Version | None:
    """The version that may still change, if there is one."""
    v = t.scenario_versions
    return _version(tx, v.c.scenario_id == scenario_id, v.c.published_at.is_(None))


def published(tx: Connection, scenario_id: int) -> Version | None:
    """The version in force."""
    v = t.scenario_versions
    return _version(tx, v.c.scenario_id == scenario_id, v.c.published_at.is_not(None))


def _version(tx: Connection, *where: Any) -> Version | None:
    v = t.scenario_versions
    row = tx.execute(
        select(v.c.id, v.c.scenario_id, v.c.no, v.c.published_at)
        .where(*where)
        .order_by(v.c.no.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else Version(row.id, row.scenario_id, row.no, row.published_at is None)


def open_draft(tx: Connection, scenario_id: int) -> Version:
    """The draft; made as a copy of the version in force when there is none. Rows keep their keys."""
    found = draft(tx, scenario_id)
    if found is not None:
        return found
    base = published(tx, scenario_id)
    v, s = t.scenario_versions, t.steps
    no = 1 if base is None else base.no + 1
    version_id = tx.execute(insert(v).values(scenario_id=scenario_id, no=no).returning(v.c.id)).scalar_one()
    if base is not None:
        names = [c.name for c in s.c if c.name not in ("id", "version_id")]
        copied = select(func.cast(version_id, s.c.version_id.type), *(s.c[n] for n in names)).where(
            s.c.version_id == base.id
        )
        tx.execute(insert(s).from_select(["version_id", *names], copied))
    return Version(version_id, scenario_id, no, True)


def drop_draft(tx: Connection, version_id: int) -> None:
    """Forget a draft and its rows; a published version stays."""
    v = t.scenario_versions
    tx.execute(delete(t.steps).where(t.steps.c.version_id == version_id, steps.in_draft()))
    tx.execute(delete(v).where(v.c.id == version_id, v.c.published_at.is_(None)))


def waiting(tx: Connection, scenario_id: int) -> int:
    """People under way in a scenario."""
    e = t.enrollments
    return int(
        tx.execute(
            select(func.count()).where(e.c.scenario_id == scenario_id, e.c.status == "active")
        ).scalar_one()
    )


def enrolled(tx: Connection, scenario_id: int) -> dict[str, int]:
    """People of a scenario by the status of their enrollment."""
    e = t.enrollments
    rows = tx.execute(
        select(e.c.status, func.count().label("n")).where(e.c.scenario_id == scenario_id).group_by(e.c.status)
    )
    return {row.status: row.n for row in rows}


def choices(tx: Connection) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str], ...]]:
    """Active products and all events as (id, name), for the form."""
    p, e = t.products, t.events
    products = tx.execute(select(p.c.id, p.c.name).where(p.c.is_active).order_by(p.c.priority, p.c.id))
    events = tx.execute(select(e.c.id, e.c.name).order_by(e.c.starts_on.desc().nulls_last(), e.c.id.desc()))
    return tuple((a, b) for a, b in products), tuple((a, b) for a, b in events)


def running(tx: Connection, product_id: int) -> int:
    """How many scenarios of a product take people in."""
    query = (
        "select count(*) from scenarios where product_id = :id and kind = 'scenario' and status = 'active'"
    )
    return int(tx.execute(text(query), {"id": product_id}).scalar_one())


def setting(tx: Connection, product_id: int) -> tuple[bool, int, Mapping[str, str] | None]:
    """Whether the product is active, one mail in how many may sell, its sender's legal items (None: no profile)."""
    p, f = t.products, t.sender_profiles
    row = tx.execute(
        select(
            p.c.is_active,
            p.c.tone_every,
            f.c.id,
            f.c.legal_name,
            f.c.postal_address,
            f.c.inquiry,
            f.c.from_name,
            f.c.from_address,
        )
        .outerjoin(f, f.c.id == p.c.sender_profile_id)
        .where(p.c.id == product_id)
    ).one()
    if row.id is None:
        return row.is_active, row.tone_every, None
    return (
        row.is_active,
        row.tone_every,
        {
            name: row._mapping[name]
            for name in ("legal_name", "postal_address", "inquiry", "from_name", "from_address")
        },
    )
