"""The outbox: enrolments, the planner's queue, deliveries and what becomes of them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from campaigns.storage.tables.columns import at, id_of, json, metadata, number, ref, row_id, words

enrollments = Table(
    "enrollments",
    metadata,
    row_id(),
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    ref("product_id", "products"),
    ref("scenario_id", "scenarios", index=True),
    ref("version_id", "scenario_versions"),
    number("position", 1),  # the next step
    number("start_month", 0),
    number("due_month", 0),  # months waiting = this month - due_month
    Column("due_on", Date, nullable=True),  # a wait or a branch under way: the day it is asked again
    Column("entered_on", Date, nullable=True),  # the day the pointer came to its step
    number("round", 1),  # of the evergreen shelf
    words("status", default="active"),  # active, asked (the owner's yes is awaited), paused, done, stopped
    words("reason"),
    at("answered_at", null=True),
    ref("answered_by", "users", null=True),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    UniqueConstraint("person_id", "scenario_id"),
    Index("ix_enrollments_active", "person_id", postgresql_where=text("status = 'active'")),
    Index("ix_enrollments_asked", "scenario_id", postgresql_where=text("status = 'asked'")),
)

# The planner's narrow queue. plan_at is a hint: early is harmless, so whatever changes a person's
# prospects just moves it to today.
pace = Table(
    "pace",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True),
    Column("plan_at", Date, nullable=False),
    Column("next_free_on", Date, nullable=True),
    number("every_months", 1),
    # Who gave way at the last decision, written with its date: {enrolment: [reason, product that goes first]}.
    Column("held", JSONB, nullable=True),
    Index("ix_pace_plan_at", "plan_at", "person_id"),
)

# No foreign keys, here and in mail_slots: the planner writes only ids that it has just read under the person's
# lock, and nothing it names is ever deleted but by the undoing of an import, which takes the same lock. Each key
# costs a look-up and a lock of the other row, and planners would queue for the row of the one product.
deliveries = Table(
    "deliveries",
    metadata,
    row_id(),
    Column("origin", Text, nullable=False, unique=True),
    words("class", default="counted"),  # counted, courtesy, transactional
    id_of("person_id", null=True, index=True),
    id_of("origin_person_id", null=True),
    id_of("address_id", null=True),
    id_of("product_id", null=True),
    id_of("enrollment_id", null=True, index=True),
    id_of("content_id", null=True),
    id_of("published_mail_id", null=True),
    words("step_key"),
    words("tone", default="info"),
    number("month"),
    Column("valid_until", Date, nullable=True),
    at("send_at", null=True),
    words("state"),
    words("reason"),
    json("reason_args"),
    Column("until", Date, nullable=True),
    number("attempts"),
    Column("claim_token", Text, nullable=True),
    number("smtp_code", None, null=True),
    words("smtp_text"),
    at("sent_at", null=True),
    at("settled_at", null=True),
    words("bounce", default=""),  # '', soft, hard: facts about a sent delivery, not states of it
    at("bounced_at", null=True),
    words("bounce_text", pii="text"),  # status and the server's words
    at("complained_at", null=True),
    words("account"),  # the SMTP account that took it, by name
    at("created_at"),
    # What waits to be sent: small, and the only part the claim reads.
    Index("ix_deliveries_due", "send_at", "id", postgresql_where=text("state in ('planned', 'retry')")),
    Index(
        "ix_deliveries_due_express",
        "send_at",
        "id",
        postgresql_where=text("state in ('planned', 'retry') and class = 'transactional'"),
    ),
    Index("ix_deliveries_month_state", "month", "state"),
    # What a past day sent (the calendar). It grows at its right end only.
    Index("ix_deliveries_sent_at", "sent_at", "id", postgresql_where=text("state = 'sent'")),
    Index("ix_deliveries_handing", "claim_token", postgresql_where=text("state = 'handing'")),
    # The last counted mails of a person (tone, month) without touching the heap.
    Index(
        "ix_deliveries_counted",
        "person_id",
        "sent_at",
        postgresql_include=["month", "tone"],
        postgresql_where=text("class <> 'transactional' and state in ('sent', 'in_doubt')"),
    ),
    # Never the same item twice to one person (S4-18).
    Index(
        "uq_deliveries_person_content",
        "person_id",
        "content_id",
        unique=True,
        postgresql_where=text(
            "class <> 'transactional' and state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')"
        ),
    ),
    CheckConstraint(
        "state in ('planned','handing','sent','retry','failed','in_doubt','carried_over','suppressed',"
        "'no_consent','expired','cancelled')",
        name="state",
    ),
    CheckConstraint("state <> 'retry' or send_at is not null", name="retry_dated"),
    CheckConstraint("state <> 'carried_over' or until is not null", name="carried_dated"),
)

# The body of a mail that is not from a scenario (answers, notices to staff): rendered when written.
delivery_bodies = Table(
    "delivery_bodies",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id"), primary_key=True),
    words("to_address", pii="address"),
    words("subject", pii="text"),
    words("text", pii="text"),
    words("html", pii="text"),
    # One file may go with it: a fax's sheet, an appointment for the reader's calendar.
    words("file_name"),
    words("file_type"),
    Column("file", LargeBinary, nullable=True, info={"pii": "text"}),
    words("from_address"),  # sender and envelope; empty: the sender profile's
)

mail_slots = Table(
    "mail_slots",
    metadata,
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    id_of("person_id"),
    id_of("origin_person_id", null=True),
    id_of("address_id"),
    id_of("product_id"),
    Column("month", Integer, nullable=False),
    Column("slot_no", SmallInteger, nullable=False),
    UniqueConstraint("person_id", "month", "slot_no"),
    UniqueConstraint("address_id", "month", "slot_no"),
    UniqueConstraint("person_id", "product_id", "month"),
)

claims = Table(
    "claims",
    metadata,
    Column("token", Text, primary_key=True),
    words("host"),
    words("journal_dir"),
    words("boot_id"),
    words("worker"),
    number("size"),
    at("claimed_at"),
    at("lease_until"),
    at("settled_at", null=True),
    number("sent"),
    words("verdict"),
    # How fast mail flows: the last minute and hour, a row a batch.
    Index("ix_claims_settled_at", "settled_at"),
    Index("ix_claims_open", "claimed_at", postgresql_where=text("settled_at is null")),
)

# What a day brought, added up at settling: rates, complaint alarms and metrics count no deliveries.
# Ids of 0 stand for none, so that they can be part of a key.
mail_days = Table(
    "mail_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scenario_id", BigInteger, primary_key=True, autoincrement=False),
    number("sent"),
    number("failed"),
    number("in_doubt"),
    number("soft"),
    number("hard"),
    number("complaints"),
)

# Mails of a sender profile that were let out on a day while its domain is warmed up.
sender_days = Table(
    "sender_days",
    metadata,
    Column("sender_profile_id", BigInteger, ForeignKey("sender_profiles.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    number("taken"),
)
