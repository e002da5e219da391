"""Rows of a scenario's month table, as everybody reads them; `designs` writes them."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, func, select

from campaigns.rules import conditions
from campaigns.rules.scenarios import Step
from campaigns.storage import tables as t


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
            func.coalesce(c.c.status, "approved").label("content_status"),
            s.c.valid_until,
            s.c.kind,
            s.c.title,
            s.c.parent_key,
            s.c.arm,
            s.c.goto_key,
            s.c.condition,
            s.c.wait_days,
            s.c.who,
            s.c.due_days,
            s.c.event_id,
            t.events.c.starts_on.label("event_on"),
            t.events.c.apply_by,
        )
        .outerjoin(c, c.c.id == s.c.content_id)
        .outerjoin(t.events, t.events.c.id == s.c.event_id)
        .where(s.c.version_id == version_id)
        .order_by(s.c.position)
    )
    return tuple(Step(**{**row._mapping, "condition": conditions.from_json(row.condition)}) for row in rows)


def in_draft() -> ColumnElement[bool]:
    """The row's version is not published yet."""
    v = t.scenario_versions
    return t.steps.c.version_id.in_(select(v.c.id).where(v.c.published_at.is_(None)))
