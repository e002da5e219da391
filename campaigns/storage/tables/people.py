"""Whom we know: companies, people and their mailboxes, and the imports they came with."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

import_batches = Table(
    "import_batches",
    metadata,
    row_id(),
    words("kind", default="people"),  # people, refusals, touches
    words("state", default="read"),  # read, previewed, importing, imported, undone, failed
    words("file_name"),
    words("file_hash"),
    Column("file", LargeBinary, nullable=True, info={"pii": "text"}),
    json("settings"),  # encoding, delimiter, header row, mapping, event, kind, basis ...
    json("counts"),
    words("error"),
    Column("event_id", BigInteger, nullable=True),
    ref("created_by", "users", null=True),
    at("created_at"),
    at("imported_at", null=True),
    at("undone_at", null=True),
    number("rows_done"),
    version(),
    Index("ix_import_batches_file_hash", "file_hash"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("batch_id", BigInteger, ForeignKey("import_batches.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("cells", JSONB, nullable=False, info={"pii": "text"}),
    words("result"),  # new, update, duplicate, review, refused, no_consent, error
    json("reasons", "[]"),  # [{"code": ..., "field": ..., "value": ...}]
    Column("draft", JSONB, nullable=True, info={"pii": "text"}),
    Column("person_id", BigInteger, nullable=True),
    Index("ix_import_rows_batch_id_result", "batch_id", "result"),
)

# What an import changed in rows that stood before, so that it can be taken back.
import_changes = Table(
    "import_changes",
    metadata,
    row_id(),
    ref("batch_id", "import_batches", index=True),
    words("noun"),
    Column("noun_id", BigInteger, nullable=False),
    words("field"),
    Column("old", JSONB, nullable=True, info={"pii": "text"}),
    Column("new", JSONB, nullable=True, info={"pii": "text"}),
)

events = Table(
    "events",
    metadata,
    row_id(),
    words("kind", default="exhibition"),
    words("name"),
    Column("starts_on", Date, nullable=True),
    Column("ends_on", Date, nullable=True),
    words("venue"),
    Column("apply_by", Date, nullable=True),  # the last day to sign up
    ref("owner_user_id", "users", null=True),
    Column("cost_yen", BigInteger, nullable=False, server_default=text("0")),  # the sum of its costs
    json("costs", "[]"),  # [{"label": ..., "yen": ...}]
    number("capacity", None, null=True),  # seats, where its form says none
    flag("has_waiting_list"),
    words("follow_up"),  # how the people met are followed afterwards, in words
    ref("series_id", "event_series", null=True),
    number("series_month", None, null=True),
    at("closed_at", null=True),  # nobody is without owner and next action any more
    ref("closed_by", "users", null=True),
    words("purpose_text"),  # the purpose of use told at collection (LAW-20)
    at("created_at"),
    version(),
    UniqueConstraint("series_id", "series_month"),  # each month's event is made once
)

companies = Table(
    "companies",
    metadata,
    row_id(),
    words("name"),
    words("core_key"),
    words("legal_form"),
    words("form_position", default="none"),
    words("hojin_no", null=True),
    Column("domains", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    words("zip"),
    words("address"),
    words("tel"),
    words("fax"),
    words("url"),
    words("industry"),
    words("employees_band"),
    ref("owner_user_id", "users", null=True),
    flag("has_field_rep"),
    flag("class_locked"),
    words("class", default="-"),  # A, B, C1, C2, D, E, -
    words("suggested_class"),  # by the figures, where it waits for the monthly review; "" for none
    number("kept_month", null=True, default=None),  # in which the class was kept against the suggestion
    flag("loss_making"),
    Column("last_deal_on", Date, nullable=True),
    Column("profit_12m_yen", BigInteger, nullable=False, server_default=text("0")),
    Column("sales_12m_yen", BigInteger, nullable=False, server_default=text("0")),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    version(),
    Index("ix_companies_core_key", "core_key"),
    Index("ix_companies_name", "name", "id"),  # the list of companies
    # Companies that a field rep leads: their owner is asked before mails go.
    Index("ix_companies_field", "owner_user_id", postgresql_where=text("class in ('A', 'B', 'C2')")),
    Index("ix_companies_suggested", "name", postgresql_where=text("suggested_class <> ''")),
    Index("ix_companies_class", "class", "id"),
    Index("uq_companies_hojin_no", "hojin_no", unique=True, postgresql_where=text("hojin_no is not null")),
)

addresses = Table(
    "addresses",
    metadata,
    row_id(),
    words("email", pii="address"),
    Column("email_key", Text, nullable=False, unique=True, info={"pii": "address"}),
    Column("domain", Text, Computed("split_part(email_key, '@', 2)", persisted=True)),
    Column("key_hash", LargeBinary, nullable=False, index=True),  # HMAC of email_key: survives erasure
    words("status", default="unknown"),  # unknown, ok, soft, hard, complaint
    words("status_reason"),
    at("status_at", null=True),
    number("soft_count"),  # soft bounces since the last sign of life
    at("soft_at", null=True),
    Column("next_free_on", Date, nullable=True),  # the gap between counted mails, as a law of the database
    number("every_months", 1),  # the recipient's "less often": 2
    flag("rfc_invalid"),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
)

people = Table(
    "people",
    metadata,
    row_id(),
    words("family", pii="name"),
    words("given", pii="name"),
    words("full_name", pii="name"),
    words("kana", pii="name"),
    words("name_key", pii="name"),
    words("honorific", default="様"),
    words("tel", pii="phone"),
    words("tel_direct", pii="phone"),
    words("mobile", pii="phone"),
    words("fax", pii="phone"),
    flag("phone_invalid"),
    flag("fax_invalid"),
    flag("do_not_call"),
    flag("do_not_fax"),
    flag("do_not_track"),
    words("preferred_lang", default="ja"),
    ref("address_id", "addresses", null=True, index=True),  # the mailbox that is written to
    ref("merged_into", "people", null=True),
    words("note", pii="text"),
    words("excluded_reason"),  # left, competitor, student
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    version(),
    Index("ix_people_name_key", "name_key"),
    Index("ix_people_full_name_trgm", "full_name"),
    Index("ix_people_created_at", "created_at"),  # who came in last, for lists and reports
)

# Further mailboxes of a person; the one in people.address_id is written to.
person_addresses = Table(
    "person_addresses",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True),
    Column("address_id", BigInteger, ForeignKey("addresses.id"), primary_key=True, index=True),
    ref("origin_person_id", "people", null=True),
    ref("import_batch_id", "import_batches", null=True, index=True),
)

affiliations = Table(
    "affiliations",
    metadata,
    row_id(),
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    ref("company_id", "companies", index=True),
    words("site"),
    words("department"),
    words("title"),
    words("buying_role"),
    Column("card_on", Date, nullable=True),
    Column("started_on", Date, nullable=True),
    Column("ended_on", Date, nullable=True),
    flag("is_current", True),
    words("source"),
    ref("import_batch_id", "import_batches", null=True, index=True),
    Index("uq_affiliations_current", "person_id", unique=True, postgresql_where=text("is_current")),
)

match_candidates = Table(
    "match_candidates",
    metadata,
    row_id(),
    ref("a_id", "people"),
    ref("b_id", "people"),
    words("reason"),
    words("state", default="pending"),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    UniqueConstraint("a_id", "b_id"),
    CheckConstraint("a_id < b_id", name="ordered"),
)
