"""Rows of a scenario's month table. Only a draft's rows may change: every statement says so.

The month and the day belong to the place in the table; what is told belongs to the row and moves with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from campaigns.rules.scenarios import Step
from campaigns.storage import tables as t


@dataclass(frozen=True, slots=True)
class RowCount:
    """What happened at one row, over all versions."""

    waiting: int = 0
    sent: int = 0
    held: int = 0
    reacted: int = 0
    tasks: int = 0


def of(tx: Connection, version_id: int) -> tuple[Step, ...]:
    """The rows of a version, in order, each with what is known of its mail."""
    s, c, cv = t.steps, t.contents, t.content_variants
    # A mail counts as written when some variant has a subject and a body; its text may be made from it.
    has_mail = (
        select(cv.c.id).where(cv.c.content_id == s.c.content_id, cv.c.subject != "", cv.c.html != "").exists()
    )
    rows = tx.execute(
        select(
            s.c.id,
            s.c.key,
            s.c.position,
            s.c.offset_months,
            s.c.want_day,
            s.c.tone,
            s.c.content_id,
            func.coalesce(c.c.title, "").label("content_title"),
            func.coalesce(c.c.kind, "").label("content_kind"),
            func.coalesce(c.c.tone, "info").label("content_tone"),
            has_mail.label("has_mail"),
            s.c.valid_until,
            s.c.kind,
        )
        .outerjoin(c, c.c.id == s.c.content_id)
        .where(s.c.version_id == version_id)
        .order_by(s.c.position)
    )
    return tuple(Step(**row._mapping) for row in rows)


def add(
    tx: Connection,
    version_id: int,
    *,
    key: str,
    position: int,
    offset_months: int,
    want_day: int,
    tone: str,
    content_id: int | None,
    valid_until: date | None = None,
) -> int:
    """A row at that position of a draft; the rows from there on move down. The new row's id."""
    s = t.steps
    tx.execute(
        update(s)
        .where(s.c.version_id == version_id, s.c.position >= position, in_draft())
        .values(position=s.c.position + 1)
    )
    return int(
        tx.execute(
            insert(s)
            .values(
                version_id=version_id,
                key=key,
                position=position,
                offset_months=offset_months,
                want_day=want_day,
                tone=tone,
                content_id=content_id,
                valid_until=valid_until,
            )
            .returning(s.c.id)
        ).scalar_one()
    )


def save(tx: Connection, version_id: int, step_id: int, **changes: object) -> bool:
    """Change fields of a draft's row; False when it is gone or frozen by now."""
    s = t.steps
    done = tx.execute(
        update(s).where(s.c.id == step_id, s.c.version_id == version_id, in_draft()).values(**changes)
    )
    return done.rowcount == 1


def remove(tx: Connection, version_id: int, step_id: int) -> bool:
    """Take a draft's row out; those below move up."""
    s = t.steps
    position = tx.execute(
        delete(s).where(s.c.id == step_id, s.c.version_id == version_id, in_draft()).returning(s.c.position)
    ).scalar_one_or_none()
    if position is None:
        return False
    tx.execute(
        update(s)
        .where(s.c.version_id == version_id, s.c.position > position)
        .values(position=s.c.position - 1)
    )
    return True


def swap(tx: Connection, version_id: int, a: Step, b: Step) -> None:
    """Two rows of a draft change places; months and days stay with the place, contents move."""
    s = t.steps
    for step, place in ((a, b), (b, a)):
        tx.execute(
            update(s)
            .where(s.c.id == step.id, s.c.version_id == version_id, in_draft())
            .values(position=place.position, offset_months=place.offset_months, want_day=place.want_day)
        )


def in_draft() -> ColumnElement[bool]:
    """The row's version is not published yet."""
    v = t.scenario_versions
    return t.steps.c.version_id.in_(select(v.c.id).where(v.c.published_at.is_(None)))


HELD = ("carried_over", "suppressed", "no_consent", "expired", "cancelled", "failed", "retry", "in_doubt")


def counts(tx: Connection, scenario_id: int) -> dict[str, RowCount]:
    """What happened at each row, by its key, over all versions; three statements however many people."""
    d, e, s, tp = t.deliveries, t.enrollments, t.steps, t.touchpoints
    waiting_at = tx.execute(
        select(s.c.key, func.count())
        .join(e, and_(e.c.version_id == s.c.version_id, e.c.position == s.c.position))
        .where(e.c.scenario_id == scenario_id, e.c.status == "active")
        .group_by(s.c.key)
    )
    mails = tx.execute(
        select(
            d.c.step_key,
            func.count().filter(d.c.state == "sent"),
            func.count().filter(d.c.state.in_(HELD)),
        )
        .join(e, e.c.id == d.c.enrollment_id)
        .where(e.c.scenario_id == scenario_id)
        .group_by(d.c.step_key)
    )
    reacted = tx.execute(
        select(d.c.step_key, func.count(func.distinct(tp.c.person_id)))
        .join(tp, tp.c.delivery_id == d.c.id)
        .join(e, e.c.id == d.c.enrollment_id)
        .where(e.c.scenario_id == scenario_id, tp.c.validity > 0, tp.c.depth > 0)
        .group_by(d.c.step_key)
    )
    wait: dict[str, int] = dict(tuple(row) for row in waiting_at)
    sent = {key: (a, b) for key, a, b in mails}
    react: dict[str, int] = dict(tuple(row) for row in reacted)
    return {
        key: RowCount(
            waiting=wait.get(key, 0),
            sent=sent.get(key, (0, 0))[0],
            held=sent.get(key, (0, 0))[1],
            reacted=react.get(key, 0),
        )
        for key in {*wait, *sent, *react}
    }
