"""Forms: what visitors fill in, its published versions, what was sent, and how often it was looked at."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKey, Index, Table, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

# `design` is what visitors see, frozen by a version. The other columns say how entries are handled: they bind at once.
forms = Table(
    "forms",
    metadata,
    row_id(),
    Column("public_key", Text, nullable=False, unique=True),  # in its address; tells nothing
    words("kind"),  # doc_request, seminar_apply, newsletter, inquiry, quote_request
    words("name"),
    words("state", default="draft"),  # draft, open, closed
    json("design"),
    number("published_no"),
    ref("product_id", "products", null=True, index=True),
    ref("event_id", "events", null=True, index=True),
    ref("owner_user_id", "users", null=True),
    ref("file_id", "files", null=True),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    flag("tells_owner"),
    Column("closes_on", Date, nullable=True),  # the last day, in the installation's zone
    number("capacity", None, null=True),
    flag("has_waiting_list"),
    ref("created_by", "users", null=True),
    at("created_at"),
    version(),
)

form_versions = Table(
    "form_versions",
    metadata,
    row_id(),
    ref("form_id", "forms"),
    number("no", None),
    json("design"),
    json("snapshot"),  # language -> the page as it was shown (LAW-03)
    ref("published_by", "users", null=True),
    at("published_at"),
    UniqueConstraint("form_id", "no"),
)

form_entries = Table(
    "form_entries",
    metadata,
    row_id(),
    Column("entry_key", Text, nullable=False, unique=True),  # of the page that was sent: twice is one entry
    ref("form_id", "forms"),
    ref("version_id", "form_versions", index=True),
    # done, waiting (list), pending (until confirmed), aside (a machine's?), expired, dropped
    words("state"),
    words("lang", default="ja"),
    Column("answers", JSONB, nullable=False, server_default=text("'{}'::jsonb"), info={"pii": "text"}),
    Column("differences", JSONB, nullable=False, server_default=text("'{}'::jsonb"), info={"pii": "text"}),
    json("reasons", "[]"),  # why it is kept aside
    ref("person_id", "people", null=True, index=True),
    ref("origin_person_id", "people", null=True),
    ref("consent_id", "consents", null=True),
    flag("consents"),
    words("awaits"),  # what the confirmation brings: all, consent; empty: nothing is asked
    Column("delivery_id", BigInteger, nullable=True),  # the mail whose link led here
    words("visitor", pii="net"),
    words("ua", pii="net"),
    words("net", pii="net"),
    at("at"),
    at("confirmed_at", null=True),
    ref("decided_by", "users", null=True),  # who released or dropped it
    Index("ix_form_entries_form_id_state_at", "form_id", "state", "at"),
    # Whoever has not confirmed within two weeks is let go.
    Index(
        "ix_form_entries_unconfirmed", "at", postgresql_where=text("awaits <> '' and confirmed_at is null")
    ),
)

# A day's figures of a form. refused: sent so often from one place that it was not even kept.
form_days = Table(
    "form_days",
    metadata,
    Column("form_id", BigInteger, ForeignKey("forms.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    number("views"),
    number("starts"),
    number("refused"),
)
