"""Comment on what a colleague wrote or did: whoever knows the customer says so, and the advice becomes a task.

Errors: Gone, CommentError(code): empty, too_long, nobody (no person there a task could be about), not_yours.
Source: S0-23.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import diary as rule
from campaigns.rules import tracking
from campaigns.services import tell_staff, write_diary
from campaigns.services.author import Gone
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, catalogues, closed_days, comments, companies, diary, tasks, timeline
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.tasks import NewTask
from campaigns.storage.users import User

TEXT_MAX = 2000
TASK_DAYS = 3  # business days


class CommentError(ValueError):
    """What is wrong, as a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def add(
    parts: Parts,
    on_kind: str,
    on_id: int,
    *,
    words: str,
    mentions: Sequence[int] = (),
    user: User,
    now: datetime,
) -> int:
    """A comment; the owner, the writer of the thing and everybody mentioned are told. mentions: beside those whom
    the text names by @."""
    said = words.replace("\r\n", "\n").strip()
    if not said:
        raise CommentError("empty")
    if len(said) > TEXT_MAX:
        raise CommentError("too_long")
    with parts.engine.begin() as tx:
        about = diary.where_it_stands(tx, on_kind, on_id)
        if about is None:
            raise Gone
        known = timeline.users(tx)
        ids = {id for id, _ in known}
        named = sorted({*(id for id in mentions if id in ids), *rule.mentioned(said, known)})
        comment_id = comments.add(
            tx,
            company_id=about.company_id,
            on_kind=on_kind,
            on_id=on_id,
            words=said,
            mentions=named,
            user_id=user.id,
            now=now,
        )
        found = catalogues.of_company(tx, about.company_id) if about.company_id is not None else None
        if found is not None:
            catalogues.touch(tx, [found.company_id], now=now)
        page = _page(parts, found, about, on_kind, on_id, comment_id)
        _tell(tx, parts, found, about, comment_id, said, named, page=page, user=user, now=now)
    return comment_id


def _tell(
    tx: Connection,
    parts: Parts,
    found: Catalogue | None,
    about: diary.About,
    comment_id: int,
    said: str,
    named: Sequence[int],
    *,
    page: str,
    user: User,
    now: datetime,
) -> None:
    """Who is mentioned by name hears of it once, as mentioned; nobody hears of their own words."""
    owners = {id for id in (found.owner_user_id if found else None, about.user_id) if id is not None}
    company = companies.get(tx, about.company_id) if about.company_id is not None else None
    for kind, readers in (("mention", set(named) - {user.id}), ("comment", owners - set(named) - {user.id})):
        tell_staff.run(
            tx,
            kind,
            sorted(readers),
            args={"page": page, "name": company.name if company else user.name, "by": user.name},
            key=str(comment_id),
            page=page,
            words=said,
            base_url=parts.settings.base_url,
            now=now,
        )


def _page(
    parts: Parts, found: Catalogue | None, about: diary.About, on_kind: str, on_id: int, comment_id: int
) -> str:
    """Where the comment is read: its task, the company's catalogue, else the report of the day it is about."""
    if on_kind == "task":
        base = f"/tasks/{on_id}"
    elif found is not None:
        base = f"/catalogues/{found.id}"
    else:
        day = about.at.astimezone(parts.settings.tz).date().isoformat() if about.at else ""
        base = f"/diary?user={about.user_id or 'all'}&day={day}"
    return f"{base}#comment-{comment_id}"


def make_task(parts: Parts, comment_id: int, *, user: User, now: datetime) -> int:
    """What a colleague advised, as the next action of who takes it up. Twice makes one task."""
    with parts.engine.begin() as tx:
        found = comments.get(tx, comment_id, lock=True)
        if found is None:
            raise Gone
        if found.task_id is not None:
            return found.task_id
        catalogue = catalogues.of_company(tx, found.company_id) if found.company_id is not None else None
        owner_id = catalogue.owner_user_id if catalogue else None
        about = diary.where_it_stands(tx, found.on_kind, found.on_id)
        writer = about.user_id if about else None
        may = tracking.may_edit(role=user.role, user_id=user.id, owner_id=owner_id)
        if not (may or user.id in found.mentions or user.id == writer):
            raise CommentError("not_yours")
        person_id = write_diary.somebody(tx, found.company_id, of=about.people if about else ())
        if person_id is None:
            raise CommentError("nobody")
        today = now.astimezone(parts.settings.tz).date()
        due_on = closed_days.load(tx).add_business_days(today, TASK_DAYS)
        [task_id] = tasks.add(
            tx,
            [
                NewTask(
                    kind="check",
                    cause="comment",
                    due_at=datetime.combine(due_on, DUE_TIME, tzinfo=parts.settings.tz),
                    note=f"{found.user}: {found.text}",
                    assignee_id=user.id,
                    created_by=user.id,
                )
            ],
            person_id=person_id,
            company_id=found.company_id,
            product_id=None,
            lead_id=None,
            why=(),
            now=now,
        )
        comments.made_into(tx, comment_id, task_id)
        audit.note(
            tx,
            noun="comment",
            noun_id=comment_id,
            action="task",
            user_id=user.id,
            now=now,
            changes={"task_id": (None, task_id)},
        )
    return task_id
