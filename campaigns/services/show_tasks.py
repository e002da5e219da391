"""Show open tasks by whose they are, how pressing and of what kind, with the counts beside each choice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from campaigns.parts import Parts
from campaigns.storage import task_lists
from campaigns.storage.task_lists import Filter
from campaigns.storage.tasks import Task
from campaigns.storage.users import User


@dataclass(frozen=True, slots=True)
class Shown:
    """One page. whose, show: choice -> how many, up to task_lists.MANY, within the other choices."""

    tasks: tuple[Task, ...]
    total: int
    whose: Mapping[str, int]
    show: Mapping[str, int]


def run(parts: Parts, wanted: Filter, *, user: User, now: datetime, page: int, size: int) -> Shown:
    """page: from 1."""
    start = datetime.combine(now.astimezone(parts.settings.tz).date(), time(), tzinfo=parts.settings.tz)
    tomorrow = start + timedelta(days=1)
    with parts.engine.connect() as tx:

        def count(one: Filter) -> int:
            return task_lists.count(tx, one, me=user.id, now=now, today=start, tomorrow=tomorrow)

        return Shown(
            tasks=tuple(
                task_lists.page(
                    tx,
                    wanted,
                    me=user.id,
                    now=now,
                    today=start,
                    tomorrow=tomorrow,
                    limit=size,
                    offset=(page - 1) * size,
                )
            ),
            total=count(wanted),
            whose={
                name: count(replace(wanted, whose=name, user_id=None)) for name in ("mine", "free", "team")
            },
            show={name: count(replace(wanted, show=name)) for name in ("all", "today", "late")},
        )
