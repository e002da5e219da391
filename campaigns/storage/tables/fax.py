"""Faxes: what is sent, to which numbers, what came of it, and the numbers that want none."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

fax_documents = Table(
    "fax_documents",
    metadata,
    row_id(),
    words("title"),
    words("body"),
    words("points"),  # a line each, on the second page if they find no room on the first
    ref("product_id", "products", null=True),
    ref("sender_profile_id", "sender_profiles", null=True),  # null: the product's
    flag("is_retired"),
    ref("created_by", "users", null=True),
    at("created_at"),
    version(),
)

fax_batches = Table(
    "fax_batches",
    metadata,
    row_id(),
    ref("document_id", "fax_documents"),
    ref("product_id", "products"),
    words("way"),  # gateway: by mail through a fax gateway; list: as a file for a service
    json("sheet"),  # title, body, points, sender, return_number as they were sent
    json("left_out", "{}"),  # reason -> how many people
    at("stopped_at", null=True),
    ref("created_by", "users", null=True),
    at("created_at"),
)

# One row a number: several people behind one fax machine get one sheet with all their names.
fax_items = Table(
    "fax_items",
    metadata,
    row_id(),
    ref("batch_id", "fax_batches"),
    words("number", pii="phone"),  # digits
    ref("company_id", "companies", null=True),
    ref("product_id", "products"),
    words(
        "state", default="waiting"
    ),  # waiting, handed (the outbox has its mail, or a file its row), stopped
    Column("delivery_id", BigInteger, nullable=True, unique=True),  # its mail to the gateway
    words("result"),  # ok, busy, no_answer, wrong, voice, no_paper: as the service told
    at("result_at", null=True),
    number("pages"),
    ref("retry_of", "fax_items", null=True),
    words("stopped_for"),  # why it was stopped: refused, excluded, by_hand, unprintable, too_long
    at("handed_at", null=True),
    # It went: the gateway's mail left, somebody said the list was sent, or a result says it arrived. A result that
    # says otherwise takes it back: what counts is sent_at with no result or ok.
    at("sent_at", null=True),
    at("created_at"),
    UniqueConstraint("batch_id", "number"),
    CheckConstraint("state in ('waiting', 'handed', 'stopped')", name="state"),
    Index("ix_fax_items_waiting", "id", postgresql_where=text("state = 'waiting'")),
    # The cap of its own: one a company and product in three months.
    Index("ix_fax_items_company_id_product_id", "company_id", "product_id", "created_at"),
    Index("ix_fax_items_number", "number", "created_at"),
    Index(
        "ix_fax_items_unsent",
        "delivery_id",
        postgresql_where=text(
            "state = 'handed' and sent_at is null and result = '' and delivery_id is not null"
        ),
    ),
)

fax_item_people = Table(
    "fax_item_people",
    metadata,
    Column("item_id", BigInteger, ForeignKey("fax_items.id", ondelete="CASCADE"), primary_key=True),
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True, index=True),
    ref("origin_person_id", "people", null=True),
    Column("task_id", BigInteger, ForeignKey("tasks.id", ondelete="SET NULL"), nullable=True, index=True),
)

fax_refusals = Table(
    "fax_refusals",
    metadata,
    row_id(),
    Column("number", Text, nullable=False, unique=True, info={"pii": "phone"}),  # digits
    words("evidence", pii="text"),  # how the wish reached us: the sheet that came back, a call
    ref("user_id", "users", null=True),
    at("at"),
)
