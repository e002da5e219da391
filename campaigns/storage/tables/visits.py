"""Visits to our own sites: which browser is whose, what pages are about, and what visitors are told.

The views themselves are tracking events.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from campaigns.storage.tables.columns import at, flag, metadata, ref, row_id, version, words

# Whose a browser is, from `at` on until its next row; the first also for the 90 days before.
visitor_ties = Table(
    "visitor_ties",
    metadata,
    row_id(),
    words("visitor", pii="net"),
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    words("how"),  # click, form
    words("source"),  # what tied it: click:<delivery>:<reference>, form:...
    at("at"),
    UniqueConstraint("visitor", "source"),
    Index("ix_visitor_ties_visitor_at", "visitor", "at"),
)

# What the pages of our sites are about. site: its origin, empty: any. pattern: the beginning of a path, or with *.
page_rules = Table(
    "page_rules",
    metadata,
    row_id(),
    words("site"),
    words("pattern"),
    ref("product_id", "products", null=True),  # null: all products
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    flag("is_key"),
    ref("created_by", "users", null=True),
    at("created_at"),
    version(),
    UniqueConstraint("site", "pattern"),
)

# How each of IKUSEI_SITES measures. ask: only after the visitor has agreed.
sites = Table(
    "sites",
    metadata,
    Column("origin", Text, primary_key=True),
    words("mode", default="notice"),  # notice, ask
    ref("changed_by", "users", null=True),
    at("changed_at"),
    CheckConstraint("mode in ('notice', 'ask')", name="mode"),
)

# What visitors are told and asked. The newest is shown; the older ones stay as proof.
consent_texts = Table(
    "consent_texts",
    metadata,
    row_id(),
    words("ja"),
    words("en"),
    words("ask_ja"),  # on sites that ask first
    words("ask_en"),
    ref("created_by", "users", null=True),
    at("created_at"),
)

# What was counted and not stored: more than anybody reads.
visit_floods = Table(
    "visit_floods",
    metadata,
    Column("day", Date, primary_key=True),
    Column("site", Text, primary_key=True),
    Column("n", BigInteger, nullable=False, server_default=text("0")),
)
