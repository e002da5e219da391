"""What came back: tracking events, touchpoints, mails and providers' reports."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

from campaigns.storage.tables.columns import at, flag, id_of, json, metadata, number, ref, row_id, words

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
    # The browser, as our script names it on its site. Where no mail led there, delivery_id is null.
    words("visitor", pii="net"),
    Index("ix_tracking_events_at", "at"),
    Index("ix_tracking_events_visitor", "visitor", "at", postgresql_where=text("visitor <> ''")),
    # Clicks from a network that was learned or cleared are judged again.
    Index("ix_tracking_events_net", "net", "at", postgresql_where=text("kind = 'click' and net <> ''")),
    # What is read on our sites.
    Index("ix_tracking_events_views", "at", postgresql_where=text("kind = 'view'")),
    # Which sites carry our script, by what their pages reported last after a click.
    Index("ix_tracking_events_led", "at", postgresql_where=text("kind = 'view' and delivery_id is not null")),
    # Each event but an open gets its verdict later. With room on its page that rewrites no index.
    postgresql_with={"fillfactor": 55},
)

# What came where events are expected and is none, kept 90 days for who looks for the cause. reason: a code.
set_aside_events = Table(
    "set_aside_events",
    metadata,
    row_id(),
    at("at"),
    words("reason"),
    words("raw", pii="text"),  # what is no text in it is written as escapes
    Index("ix_set_aside_events_at", "at"),
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

# Deliveries that a worker is judging; those of a worker that died are due again at `until`.
verdict_claims = Table(
    "verdict_claims",
    metadata,
    row_id(),
    Column("delivery_ids", ARRAY(BigInteger), nullable=False),
    at("until"),
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

# Every second event writes one, and a foreign key costs 10 us a row (five of them: two thirds of the whole), more
# where two workers hold the same product. What is deleted takes its touches along by itself (storage/deletion).
touchpoints = Table(
    "touchpoints",
    metadata,
    row_id(),
    Column("source_key", Text, nullable=False, unique=True),
    ref("person_id", "people"),
    id_of("origin_person_id", null=True),
    id_of("company_id", null=True, index=True),
    id_of("product_id", null=True),
    ref("event_id", "events", null=True),
    id_of("delivery_id", null=True),
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
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),  # themes, as they were then
    words("note", pii="text"),
    id_of("actor_id", null=True),
    ref("import_batch_id", "import_batches", null=True),
    at("created_at"),
    at(
        "judged_at", null=True
    ),  # when its verdict or its active seconds last became others: a replay must know
    Index("ix_touchpoints_person_id_at", "person_id", "at"),
    # Most touches come from mails and pages, and have neither.
    Index("ix_touchpoints_event_id", "event_id", postgresql_where=text("event_id is not null")),
    Index(
        "ix_touchpoints_import_batch_id",
        "import_batch_id",
        postgresql_where=text("import_batch_id is not null"),
    ),
    # Signals of a company's people in the last weeks: when several stir, somebody is told.
    Index(
        "ix_touchpoints_company_signals",
        "company_id",
        "at",
        postgresql_where=text("depth >= 2 and validity > 0 and company_id is not null"),
    ),
    # When a person was last called or faxed: asked of each lead about which somebody may act.
    Index(
        "ix_touchpoints_contacts",
        "person_id",
        "at",
        postgresql_where=text("kind in ('call_connected', 'call_interest', 'fax_sent')"),
    ),
    # What people entered themselves, by day: their daily report.
    Index(
        "ix_touchpoints_entered_at",
        "at",
        postgresql_where=text("actor_id is not null and import_batch_id is null and channel = 'offline'"),
    ),
    # The touches of a mail; without it each delivery that an undone import deletes reads all of this table.
    Index("ix_touchpoints_delivery_id", "delivery_id", postgresql_where=text("delivery_id is not null")),
)

# A touch that somebody recorded in error: it stays, counts for nothing, and says why.
touch_reversals = Table(
    "touch_reversals",
    metadata,
    Column("touch_id", BigInteger, ForeignKey("touchpoints.id", ondelete="CASCADE"), primary_key=True),
    words("reason", pii="text"),
    ref("user_id", "users", null=True),
    at("at"),
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
