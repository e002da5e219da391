"""May we write: consents and refusals."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, Table, text

from campaigns.storage.tables.columns import at, json, metadata, ref, row_id, words

consents = Table(
    "consents",
    metadata,
    row_id(),
    ref("address_id", "addresses", index=True),
    ref("person_id", "people", null=True, index=True),
    ref("origin_person_id", "people", null=True),
    words("basis"),  # opt_in, card_written, business_relation, published
    ref("product_id", "products", null=True),  # null: all products
    at("obtained_at"),
    words("method"),
    words("wording"),
    json("evidence"),
    ref("event_id", "events", null=True),
    ref("import_batch_id", "import_batches", null=True, index=True),
    ref("recorded_by", "users", null=True),
    at("recorded_at"),
    at("withdrawn_at", null=True),
)

suppressions = Table(
    "suppressions",
    metadata,
    row_id(),
    Column("key_hash", LargeBinary, nullable=False, index=True),
    ref("address_id", "addresses", null=True, index=True),
    ref("person_id", "people", null=True, index=True),
    ref("origin_person_id", "people", null=True),
    words("scope"),  # product, global, new_products
    ref("product_id", "products", null=True),
    words("reason"),  # user_link, one_click, reply, phone, card, complaint, bounce, admin, erasure, import
    words("evidence", pii="text"),
    ref("recorded_by", "users", null=True),
    Column("delivery_id", BigInteger, nullable=True),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("at"),
    at("lifted_at", null=True),
    words("lifted_reason"),
    CheckConstraint("(scope = 'product') = (product_id is not null)", name="scope_product"),
    # One live refusal a scope and mailbox: pressing the button twice is one refusal.
    Index(
        "uq_suppressions_live",
        "key_hash",
        "scope",
        text("coalesce(product_id, 0)"),
        unique=True,
        postgresql_where=text("lifted_at is null"),
    ),
)
