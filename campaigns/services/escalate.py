"""Escalate late tasks: to whoever has them, then, a business day later, to the sales manager; each once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import lateness
from campaigns.storage import closed_days, next_actions, workload
from campaigns.storage import lateness as stored
from campaigns.storage.lateness import Late
from campaigns.storage.next_actions import Alert

TASKS_NAMED = 20


def run(parts: Parts, *, now: datetime) -> int:
    """Tell of what has become late; how many alerts were written. Run twice, it tells nothing twice."""
    zone = parts.settings.tz
    today = now.astimezone(zone).date()
    with parts.engine.begin() as tx:
        calendar = closed_days.load(tx)
        if not lateness.is_told_today(today, calendar):
            return 0
        usual, hot = workload.late_days(tx), lateness.HOT_DAYS

        def before(days: int) -> datetime:
            return lateness.late_before(today, calendar, days, zone)

        up = stored.escalate(
            tx,
            usual=before(usual + lateness.MANAGER_AFTER),
            hot=before(hot + lateness.MANAGER_AFTER),
            now=now,
        )
        late = stored.remind(tx, usual=before(max(usual, hot)), hot=before(hot), now=now)
        up += stored.escalate_nobodys(tx, now=now)
        mine: dict[int, list[Late]] = defaultdict(list)
        for task in late:
            if task.assignee_id is not None:
                mine[task.assignee_id].append(task)
        theirs = dict.fromkeys(stored.managers(tx), up) if up else {}
        alerts = [*_alerts("task_late", mine), *_alerts("task_escalated", theirs)]
        next_actions.add_alerts(tx, alerts, now=now)
    return len(alerts)


def _alerts(kind: str, by_user: Mapping[int, Sequence[Late]]) -> list[Alert]:
    """One line a reader, however many tasks it is about."""
    made = []
    for user_id, tasks in by_user.items():
        people = list(dict.fromkeys(task.person_id for task in tasks))
        only = people[0] if len(people) == 1 else None
        args: dict[str, object] = {
            "name": tasks[0].name,
            "n": len(people),
            "tasks": [task.id for task in tasks[:TASKS_NAMED]],
        }
        made.append(Alert(kind, only, None, None, user_id, args))
    return made
