"""Who uses Ikusei: users, the logs, the clock, closed days, and figures kept for pages."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

users = Table(
    "users",
    metadata,
    row_id(),
    Column("email", Text, nullable=False, unique=True, info={"pii": "address"}),
    words("name", pii="name"),
    words("password_hash"),
    words("role", default="marketer"),  # admin, marketer, inside_sales, field_sales, sales_manager
    words("locale", default="ja"),
    flag("is_active", True),
    flag("single_keys", True),
    number("calls_per_day", None, null=True),  # own target; null: that of the house
    flag("call_mail", True),  # the morning's call list by mail
    number("calendar_no"),  # of the secret calendar address; 0: none. Counting up ends the older one
    number("session_no", 1),  # counts up at a change of password: older sessions end
    at("created_at"),
    at("seen_at", null=True),
    # Whose work is whose: prefectures, empty for any; tasks that the person is given a day; away until that day.
    Column("territory", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    number("tasks_per_day", 20),
    Column("away_until", Date, nullable=True),
    version(),
)

# Programs that may write and read touchpoints. The token itself is shown once and kept nowhere.
api_tokens = Table(
    "api_tokens",
    metadata,
    row_id(),
    words("name"),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    words("hint"),  # its last four signs, to tell one from another
    Column("scopes", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # touches:read, touches:write
    ref("created_by", "users", null=True),
    at("created_at"),
    at("used_at", null=True),
    ref("revoked_by", "users", null=True),
    at("revoked_at", null=True),
)

audit_log = Table(
    "audit_log",
    metadata,
    row_id(),
    at("at"),
    ref("user_id", "users", null=True),
    words("noun"),
    Column("noun_id", BigInteger, nullable=True),
    words("action"),
    Index("ix_audit_log_noun_noun_id", "noun", "noun_id"),
)

# Values of changed fields live apart, so that erasing a person does not tear holes into the log.
audit_values = Table(
    "audit_values",
    metadata,
    row_id(),
    ref("audit_id", "audit_log", index=True),
    words("field"),
    words("old", pii="text", null=True),
    words("new", pii="text", null=True),
)

export_log = Table(
    "export_log",
    metadata,
    row_id(),
    at("at"),
    ref("user_id", "users", null=True),
    words("kind"),
    json("filter"),
    number("rows"),
    Column("person_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
)

# One row each: the clock of a practice installation, the stop counter, the cap.
clock = Table(
    "clock",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("offset_s", Float, nullable=False, server_default=text("0")),
    at("moved_at", null=True),
    CheckConstraint("id = 1", name="one_row"),
)

stops = Table(
    "stops",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("n", BigInteger, nullable=False, server_default=text("0")),
    flag("paused"),  # the marketer's "stop everything"
    words("paused_reason"),
    CheckConstraint("id = 1", name="one_row"),
)

house = Table(
    "house",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    number("cap_max", 1),
    words("cap_reason"),
    number("call_capacity_per_day", 20),
    number("stale_days", 14),  # a tracking catalogue nobody wrote on for longer is told of
    Column(
        "year_target_yen", BigInteger, nullable=False, server_default=text("0")
    ),  # orders wanted in a business year
    number("year_starts", 4),  # the month in which a business year begins
    number("escalate_after_days", 2),  # business days that a task may be late before somebody is told
    ref("owner_user_id", "users", null=True),
    at("last_nightly_at", null=True),
    json("fax"),  # gateway, from_address, return_number, per_minute
    words("class_basis", default="profit"),  # profit, sales
    Column("class_cut_a", Float, nullable=False, server_default=text("0.8")),
    Column("class_cut_b", Float, nullable=False, server_default=text("0.95")),
    words("class_label_c1"),  # the house's own words for C1 and C2; "" for the usual ones
    words("class_label_c2"),
    json("product_defaults"),  # what products inherit unless their family or they themselves say otherwise
    version(),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("year_starts between 1 and 12", name="year_starts"),
    CheckConstraint("cap_max between 1 and 3", name="cap_max"),
    CheckConstraint("cap_max = 1 or cap_reason <> ''", name="cap_reason"),
)

# Own closed days, and days worked although the rules close them.
closed_days = Table(
    "closed_days",
    metadata,
    Column("day", Date, primary_key=True),
    words("kind", default="closed"),  # closed, open
    words("note"),
    ref("created_by", "users", null=True),
    at("created_at"),
)

# The calendar's figures, kept where counting them takes too long for a page.
calendar_counts = Table(
    "calendar_counts",
    metadata,
    Column("kind", Text, primary_key=True),  # planned, expected
    Column("day", Date, primary_key=True),  # expected: the wanted day, before the business calendar moves it
    Column("product_id", BigInteger, ForeignKey("products.id"), primary_key=True),
    Column("scenario_id", BigInteger, primary_key=True, autoincrement=False),  # 0: none
    Column("step_key", Text, primary_key=True),
    number("n"),
    at("counted_at"),
)

# Who waits for a mail, counted by the minute's work where the people are too many to be counted for a page.
waiting_counts = Table(
    "waiting_counts",
    metadata,
    Column(
        "product_id", BigInteger, primary_key=True, autoincrement=False
    ),  # 0: the count itself, with its time
    Column("by_product_id", BigInteger, primary_key=True, autoincrement=False),  # 0: no product goes first
    Column("reason", Text, primary_key=True),
    Column("until", Date, nullable=True),
    number("n"),
    at("counted_at"),
)
