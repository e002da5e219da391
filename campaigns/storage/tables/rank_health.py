"""How ranks spread and move, day by day, and surges already told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Float, ForeignKey, Index, Integer, Table, Text, text

from campaigns.storage.tables.columns import at, metadata, number, ref, row_id, words

# The people of each rank when the day ended: two years are read without a look at a million leads' changes.
rank_days = Table(
    "rank_days",
    metadata,
    Column("product_id", BigInteger, ForeignKey("products.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("rank", Text, primary_key=True),
    Column("leads", Integer, nullable=False),
)

# How many went from one rank to another on a day.
rank_moves = Table(
    "rank_moves",
    metadata,
    Column("product_id", BigInteger, ForeignKey("products.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    Column("old", Text, primary_key=True),
    Column("new", Text, primary_key=True),
    Column("leads", Integer, nullable=False),
)

# The last surge of a company (of a lead, where no company is known) for a product: told once in two weeks.
surges = Table(
    "surges",
    metadata,
    row_id(),
    ref("product_id", "products"),
    ref("company_id", "companies", null=True),
    ref("lead_id", "product_leads", index=True),  # whose signal it was
    at("at"),
    words("reason"),  # silent, colleagues
    number("people", 1),
    Column("score", Float, nullable=False, server_default=text("0")),  # the buying committee's
    Index(
        "uq_surges_company", "company_id", "product_id", unique=True,
        postgresql_where=text("company_id is not null"),
    ),
    Index("uq_surges_lead", "lead_id", unique=True, postgresql_where=text("company_id is null")),
)  # fmt: skip
