"""Opportunities: what sales hope to sell, and how it ended."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Index, Table, UniqueConstraint, text

from campaigns.storage.tables.columns import at, flag, metadata, number, ref, row_id, version, words

opportunities = Table(
    "opportunities",
    metadata,
    row_id(),
    ref("company_id", "companies", null=True, index=True),
    ref("product_id", "products"),
    ref("lead_id", "product_leads", null=True, index=True),
    ref("hand_off_id", "hand_offs", null=True),
    ref("owner_user_id", "users", null=True),
    words("name"),
    Column("amount_yen", BigInteger, nullable=False, server_default=text("0")),
    words("stage", default="hearing"),  # hearing, proposal, trial, quote, approval
    number("forecast"),
    Column("expected_on", Date, nullable=True),
    flag("rival_risk"),  # a rival may get the order
    words("result"),  # "" while it is open; won, lost, rival, no_deal
    words("lost_to"),  # the rival: feared while it is open, the winner afterwards
    Column("contract_ends_on", Date, nullable=True),  # of what they bought elsewhere
    words("reason", pii="text"),
    at("closed_at", null=True),
    Column(
        "deal_before", Date, nullable=True
    ),  # of an order: the company's last deal as known without any order
    at("created_at"),
    version(),
    UniqueConstraint("hand_off_id"),
    CheckConstraint("forecast between 0 and 100", name="forecast"),
    CheckConstraint("amount_yen >= 0", name="amount_yen"),
    CheckConstraint("(result = '') = (closed_at is null)", name="closed"),
    # The list of what is open, the next to come first.
    Index("ix_opportunities_open", "expected_on", "id", postgresql_where=text("result = ''")),
    Index("ix_opportunities_closed_at", "closed_at", postgresql_where=text("result <> ''")),
)
