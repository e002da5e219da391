"""The call desk: who has which company on the phone, what orders the call list, when the phone is answered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Index, SmallInteger, Table, Text, text

from campaigns.storage.tables.columns import at, flag, id_of, metadata, number, ref, words


def _task(*, primary_key: bool = False) -> Column[int]:
    return Column(
        "task_id",
        BigInteger,
        ForeignKey("tasks.id", ondelete="CASCADE"),
        primary_key=primary_key,
        autoincrement=False,
        nullable=False,
    )


# Who has a company on the phone. It ends by itself (`until`), so a browser that is closed keeps nobody waiting.
call_locks = Table(
    "call_locks",
    metadata,
    Column("subject", Text, primary_key=True),  # company:5; person:9 where no company is known
    _task(),
    ref("user_id", "users"),
    words("token"),  # of the open page: only it renews and frees the lock
    at("taken_at"),
    at("until"),
    Index("ix_call_locks_task_id", "task_id"),
)

# What orders the open calls, kept narrow, since the next call is chosen among all of them in a few milliseconds.
# Made from tasks, leads, people and touches, and made anew whenever one of these moves; without foreign keys but that
# to the task, since it is rewritten by the thousand.
call_lines = Table(
    "call_lines",
    metadata,
    _task(primary_key=True),
    id_of("person_id", index=True),
    id_of("company_id", null=True),
    id_of("product_id", null=True),
    id_of("assignee_id", null=True),
    words("rank"),
    words("lane"),  # callback, inquiry, value, remeasure: the groups of the call order
    Column("p_win", Float, nullable=False),
    Column("value", Float, nullable=False),  # expected amount / median of the product
    Column("fit", Float, nullable=False),
    number("tries"),
    at("signal_at", null=True),
    at("last_at", null=True),  # last call to the person
    at("not_before", null=True),
    at("promised_at", null=True),
    at("inquiry_at", null=True),
    flag("is_with_sales"),
    flag("is_barred"),
    # Within a lane the greatest weight comes first. In the lane of value a fresh signal adds to it what fades with
    # time: weight + 2^(freshness - now in half-lives), so both parts stand still and both have an index.
    Column("weight", Float, nullable=False),
    Column("freshness", Float, nullable=False),
    Index("ix_call_lines_weight", "lane", text("weight desc"), "task_id"),
    Index("ix_call_lines_freshness", "lane", text("freshness desc"), "task_id"),
    # Counted for the menu on every page.
    Index("ix_call_lines_mine", "assignee_id", postgresql_where=text("not is_barred and not is_with_sales")),
)

# Calls by hour of the day, in the installation's zone, and by class of the company.
call_hours = Table(
    "call_hours",
    metadata,
    Column("hour", SmallInteger, primary_key=True, autoincrement=False),
    Column("class", Text, primary_key=True),
    number("calls"),
    number("connected"),
)
