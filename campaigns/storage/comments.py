"""Comments: on a catalogue, a diary entry, a call, a visit or a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Comment:
    """mentions: users named in it, by id. task_id: what was made from it; task_done: whether that is over."""

    id: int
    company_id: int | None
    on_kind: str
    on_id: int
    text: str
    mentions: Mapping[int, str]
    user_id: int
    user: str
    at: datetime
    task_id: int | None
    task_done: bool


ALL = """
select c.id, c.company_id, c.on_kind, c.on_id, c.text, c.user_id, u.name as user, c.at, c.task_id,
       coalesce(t.state not in ('open', 'snoozed'), false) as task_done,
       (select coalesce(jsonb_object_agg(m.id, m.name), '{}') from users m where m.id = any(c.mentions)) as mentions
  from comments c join users u on u.id = c.user_id left join tasks t on t.id = c.task_id
"""


def on(tx: Connection, things: Sequence[tuple[str, int]]) -> dict[tuple[str, int], list[Comment]]:
    """By thing, oldest first. Index ix_comments_on_kind_on_id."""
    if not things:
        return {}
    rows = tx.execute(
        text(
            ALL + " join unnest(cast(:kinds as text[]), cast(:ids as bigint[])) as q(kind, id)"
            " on q.kind = c.on_kind and q.id = c.on_id order by c.at, c.id"
        ),
        {"kinds": [kind for kind, _ in things], "ids": [id for _, id in things]},
    )
    found: dict[tuple[str, int], list[Comment]] = {}
    for row in rows:
        found.setdefault((row.on_kind, row.on_id), []).append(_comment(row))
    return found


def get(tx: Connection, comment_id: int, *, lock: bool = False) -> Comment | None:
    row = tx.execute(
        text(ALL + f" where c.id = :id{' for update of c' if lock else ''}"), {"id": comment_id}
    ).one_or_none()
    return None if row is None else _comment(row)


def _comment(row: object) -> Comment:
    values = dict(row._mapping)  # type: ignore[attr-defined]
    values["mentions"] = {int(id): name for id, name in values["mentions"].items()}
    return Comment(**values)


def add(
    tx: Connection,
    *,
    company_id: int | None,
    on_kind: str,
    on_id: int,
    words: str,
    mentions: Sequence[int],
    user_id: int,
    now: datetime,
) -> int:
    return int(
        tx.execute(
            text(
                "insert into comments (company_id, on_kind, on_id, text, mentions, user_id, at)"
                " values (:company, :kind, :on, :text, :mentions, :user, :now) returning id"
            ),
            {
                "company": company_id,
                "kind": on_kind,
                "on": on_id,
                "text": words,
                "mentions": list(mentions),
                "user": user_id,
                "now": now,
            },
        ).scalar_one()
    )


def made_into(tx: Connection, comment_id: int, task_id: int) -> None:
    tx.execute(
        text("update comments set task_id = :task where id = :id"), {"task": task_id, "id": comment_id}
    )
