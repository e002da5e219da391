"""What came back: tracking events, touchpoints, mails and providers' reports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Float, Index, PrimaryKeyConstraint, Table, Text, text

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, words

tracking_events = Table(
    "tracking_events",
    metadata,
    row_id(),
    Column("uid", Text, nullable=False, unique=True),
    words("kind"),  # open, click, probe, unsubscribe, view, beat
    Column("delivery_id", BigInteger, nullable=True, index=True),
    Column("person_id", BigInteger, nullable=True),
    number("link_no", None, null=True),
    words("url"),
    words("title"),
    words("visit"),
    Column("active_s", Float, nullable=False, server_default=text("0")),
    flag("has_input"),
    flag("refuses"),
    words("method"),
    words("ua", pii="net"),
    words("net", pii="net"),
    at("at"),
    words("verdict"),  # human, suspected, scanner, machine, unknown; empty: not yet judged
    json("reasons", "[]"),
    Index("ix_tracking_events_at", "at"),
    # Clicks from a network that was learned or cleared are judged again.
    Index("ix_tracking_events_net", "net", "at", postgresql_where=text("kind = 'click' and net <> ''")),
    # Which sites carry our script, by what their pages reported last.
    Index("ix_tracking_events_views", "at", postgresql_where=text("kind = 'view'")),
)

# Deliveries whose verdict waits until their requests have come to rest. first_at: since when.
verdicts_due = Table(
    "verdicts_due",
    metadata,
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    at("first_at"),
    at("due_at"),
    Index("ix_verdicts_due_due_at", "due_at"),
)

# What was seen of a network in mails to one domain: condemned visits, and hands at a page. Outdated after 30 days.
scanner_networks = Table(
    "scanner_networks",
    metadata,
    words("net"),
    words("domain"),
    number("visits"),
    number("people"),
    at("machines_until", null=True),
    at("people_until", null=True),
    PrimaryKeyConstraint("net", "domain"),
)

touchpoints = Table(
    "touchpoints",
    metadata,
    row_id(),
    Column("source_key", Text, nullable=False, unique=True),
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    ref("company_id", "companies", null=True, index=True),
    ref("product_id", "products", null=True),
    ref("event_id", "events", null=True, index=True),
    ref("delivery_id", "deliveries", null=True),
    Column("task_id", BigInteger, nullable=True),
    words("kind"),
    words("channel"),  # online, offline
    number("depth"),
    at("at"),
    Column("validity", Float, nullable=False, server_default=text("1")),
    words("validity_reason"),
    Column("active_s", Float, nullable=False, server_default=text("0")),
    words("url"),
    words("title"),
    words("note", pii="text"),
    ref("actor_id", "users", null=True),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    Index("ix_touchpoints_person_id_at", "person_id", "at"),
    # The touches of a mail; without it each delivery that an undone import deletes reads all of this table.
    Index("ix_touchpoints_delivery_id", "delivery_id", postgresql_where=text("delivery_id is not null")),
)

inbound_mails = Table(
    "inbound_mails",
    metadata,
    row_id(),
    Column("message_key", Text, nullable=False, unique=True),
    words("kind"),
    ref("person_id", "people", null=True),
    Column("delivery_id", BigInteger, nullable=True),
    words("from_address", pii="address"),
    words("subject", pii="text"),
    words("text", pii="text"),
    words("result"),
    at("at"),
)

# What providers tell by webhook (and what the listener could not place): each event once, as it came.
returned_events = Table(
    "returned_events",
    metadata,
    row_id(),
    words("source"),  # ses, sendgrid, postmark, mailgun, signed
    Column("event_key", Text, nullable=False, unique=True),
    words("kind"),  # bounce, complaint, delayed, unsubscribe, delivered, other
    words("result"),
    Column("delivery_id", BigInteger, nullable=True),
    words("address", pii="address"),
    words("reason"),
    words("raw", pii="text"),
    at("at"),
)
