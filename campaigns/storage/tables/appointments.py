"""Visits that are agreed on, who takes part, and who introduced us to whom."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from campaigns.storage.tables.columns import at, flag, metadata, number, ref, row_id, version, words

appointments = Table(
    "appointments",
    metadata,
    row_id(),
    Column("task_id", BigInteger, ForeignKey("tasks.id", ondelete="SET NULL"), nullable=True, index=True),
    ref("person_id", "people", index=True),  # with whom it was made
    ref("origin_person_id", "people", null=True),
    ref("company_id", "companies", null=True, index=True),
    ref("product_id", "products", null=True),
    Column(
        "lead_id", BigInteger, ForeignKey("product_leads.id", ondelete="SET NULL"), nullable=True, index=True
    ),
    ref("owner_user_id", "users", null=True),
    at("starts_at"),
    at("ends_at"),
    words("place"),
    words("note", pii="text"),
    words("state", default="planned"),  # planned, held, cancelled
    Column("uid", Text, nullable=False, unique=True),  # in calendars, for ever
    number("sequence"),  # counts up with every change that calendars must learn
    words("result"),  # talked, interest, quote, order_near, absent, refused: the report
    words("report", pii="text"),
    ref("reported_by", "users", null=True),
    at("reported_at", null=True),
    ref("created_by", "users", null=True),
    at("created_at"),
    version(),
    CheckConstraint("state in ('planned', 'held', 'cancelled')", name="state"),
    CheckConstraint("ends_at > starts_at", name="order"),
    Index("ix_appointments_starts_at", "starts_at"),
    # Past ones without a report: few, and asked for on every list.
    Index("ix_appointments_planned", "starts_at", postgresql_where=text("state = 'planned'")),
    Index("uq_appointments_task", "task_id", unique=True, postgresql_where=text("state = 'planned'")),
)

# Theirs. The person the appointment was made with stands here as well.
appointment_guests = Table(
    "appointment_guests",
    metadata,
    Column("appointment_id", BigInteger, ForeignKey("appointments.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True, index=True),
    ref("origin_person_id", "people", null=True),
    flag("is_invited"),  # the .ics goes to them, too
)

# Ours; each gets the .ics.
appointment_staff = Table(
    "appointment_staff",
    metadata,
    Column("appointment_id", BigInteger, ForeignKey("appointments.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", BigInteger, ForeignKey("users.id"), primary_key=True, index=True),
)

introductions = Table(
    "introductions",
    metadata,
    row_id(),
    ref("from_person_id", "people", index=True),
    ref("to_person_id", "people", index=True),
    Column("day", Date, nullable=False),
    words("note", pii="text"),
    ref("user_id", "users", null=True),
    at("created_at"),
    UniqueConstraint("from_person_id", "to_person_id"),
    CheckConstraint("from_person_id <> to_person_id", name="two"),
)
