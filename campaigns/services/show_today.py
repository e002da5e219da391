"""Show one person's day: who is called, visited and answered today, what came back, what colleagues wrote.

Each reader sees what is theirs; a sales manager sees the team besides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services.edit_task import LEADERS
from campaigns.storage import attempts, diary, reports, task_lists, today, workload
from campaigns.storage.attempts import Today as Called
from campaigns.storage.reports import Alert, Task
from campaigns.storage.task_lists import Filter
from campaigns.storage.tasks import Task as Waiting
from campaigns.storage.today import Passed, Visits
from campaigns.storage.users import User
from campaigns.storage.workload import Workload

SALES = ("inside_sales", "field_sales", "sales_manager")
# Shown in parts of their own, so that the list of the other actions does not tell them twice.
APART = ("call", "fax", "reply")
CALLS_SHOWN, VISITS_SHOWN, PASSED_SHOWN, REPLIES_SHOWN, ALERTS_SHOWN = 5, 20, 5, 8, 6
OWED_SHOWN = 5  # visits without a report: how many there are is said beside
BACK_DAYS = 14
# What a colleague wrote or asked of the reader.
WRITTEN = (
    "mention", "comment", "catalogue_asked", "catalogue_named", "catalogue_declined", "catalogue_wished",
    "catalogue_given", "catalogue_kept", "event_given",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Day:
    """calls: the first of calls_left due today, those that were promised by their hour. tasks: the other actions, of
    total. replies: all that are waited for, the first due first. fax: how many. diary: things of today in the reader's daily report; None where none is expected.
    late: own actions that are overdue. team: for who leads, whoever of sales has work."""

    day: date
    calls: Sequence[Task]
    calls_left: int
    called: Called
    visits: Visits
    offered: Sequence[Passed]
    came_back: Sequence[Passed]
    replies: Sequence[Waiting]
    tasks: Sequence[Task]
    total: int
    fax: int
    written: Sequence[Alert]
    diary: int | None
    late: int
    team: Sequence[Workload]


def run(parts: Parts, user: User, *, now: datetime, page: int, size: int) -> Day:
    """page: of the other actions, from 1."""
    zone = parts.settings.tz
    day = now.astimezone(zone).date()
    start = datetime.combine(day, time(), tzinfo=zone)
    tomorrow = start + timedelta(days=1)
    leads = user.role in LEADERS
    with parts.engine.connect() as tx:

        def count(kind: str = "", without: Sequence[str] = ()) -> int:
            return today.count(
                tx,
                kind=kind,
                without=without,
                unagreed=True,
                user_id=user.id,
                now=now,
                tomorrow=tomorrow,
                most=reports.MANY,
            )

        return Day(
            day=day,
            calls=reports.today(
                tx, user_id=user.id, now=now, tomorrow=tomorrow, limit=CALLS_SHOWN, kind="call"
            ),
            calls_left=count("call"),
            called=attempts.today(tx, user_id=user.id, day=start),
            visits=today.visits(
                tx, user_id=user.id, now=now, tomorrow=tomorrow, limit=VISITS_SHOWN, owed=OWED_SHOWN
            ),
            offered=_offered(tx, user, now=now),
            came_back=_came_back(tx, user, now=now),
            replies=task_lists.page(
                tx,
                Filter(whose="mine", kind="reply"),
                me=user.id,
                now=now,
                today=start,
                tomorrow=tomorrow,
                limit=REPLIES_SHOWN,
            ),
            tasks=reports.today(
                tx,
                user_id=user.id,
                now=now,
                tomorrow=tomorrow,
                limit=size,
                offset=(page - 1) * size,
                without=APART,
                unagreed=True,
            ),
            total=count(without=APART),
            fax=count("fax"),
            written=reports.alerts(tx, user_id=user.id, only_unseen=True, limit=ALERTS_SHOWN, kinds=WRITTEN),
            diary=_diary(tx, user, since=start, until=tomorrow, zone=str(zone)),
            late=task_lists.count(
                tx, Filter(whose="mine", show="late"), me=user.id, now=now, today=start, tomorrow=tomorrow
            ),
            team=[one for one in workload.every(tx, today=start, since=start) if one.role in SALES]
            if leads
            else (),
        )


def _offered(tx: Connection, user: User, *, now: datetime) -> Sequence[Passed]:
    """Who sells answers their own and those of nobody; who leads sees all."""
    if user.role not in ("field_sales", *LEADERS):
        return ()
    return today.offered(tx, user_id=user.id, is_for_all=user.role in LEADERS, now=now, limit=PASSED_SHOWN)


def _came_back(tx: Connection, user: User, *, now: datetime) -> Sequence[Passed]:
    """What sales returned concerns whoever nurtures: the product's owner, and inside sales and leaders for all."""
    if user.role == "field_sales":
        return ()
    return today.came_back(
        tx,
        user_id=user.id,
        is_for_all=user.role != "marketer",
        since=now - timedelta(days=BACK_DAYS),
        now=now,
        limit=PASSED_SHOWN,
    )


def _diary(tx: Connection, user: User, *, since: datetime, until: datetime, zone: str) -> int | None:
    if user.role not in SALES:
        return None
    return sum(diary.days(tx, since=since, until=until, zone=zone, user_id=user.id).values())
