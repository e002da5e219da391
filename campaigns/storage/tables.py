"""Every table of Ikusei, once.

What must never change later stands here from the first migration:

- instants are `Instant` (aware UTC; a naive value is refused), days are DATE, months are
  `year * 12 + month - 1` in the installation's zone, money is integer yen;
- ids are BIGINT identities and are never reused, since signed links carry them for ever;
- personal data is marked: `info={"pii": "name" | "address" | "phone" | "text" | "net"}`; erasure, the
  data export and the log test walk these marks;
- rows about a person keep `origin_person_id`, so that a merge can be undone;
- rows that people edit carry `version`.

Constraints come before checks: the monthly cap, the origin of a mail and the claims are UNIQUE keys.
Source: design 3, 6; spec 2.1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    Dialect,
    Float,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TIMESTAMP
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An instant: aware UTC in, aware UTC out. A naive datetime raises ValueError."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", BigInteger, Identity(always=True), primary_key=True)


def _ref(name: str, target: str, *, null: bool = False, index: bool = False) -> Column[int]:
    return Column(name, BigInteger, ForeignKey(f"{target}.id"), nullable=null, index=index)


def _id_of(name: str, *, null: bool = False, index: bool = False) -> Column[int]:
    """An id without a foreign key: only in the two tables of the planner's hot path, which say why."""
    return Column(name, BigInteger, nullable=null, index=index)


def _text(name: str, *, pii: str | None = None, null: bool = False, default: str | None = "") -> Column[str]:
    info = {"pii": pii} if pii else {}
    server = None if null or default is None else text(f"'{default}'")
    return Column(name, Text, nullable=null, server_default=server, info=info)


def _at(name: str, *, null: bool = False) -> Column[datetime]:
    return Column(name, Instant, nullable=null)


def _int(name: str, default: int | None = 0, *, null: bool = False) -> Column[int]:
    return Column(
        name, Integer, nullable=null, server_default=None if default is None else text(str(default))
    )


def _flag(name: str, default: bool = False) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def _json(name: str, default: str | None = "{}") -> Column[Any]:
    if default is None:
        return Column(name, JSONB, nullable=True)
    return Column(name, JSONB, nullable=False, server_default=text(f"'{default}'::jsonb"))


def _version() -> Column[int]:
    return _int("version", 1)


# --- who uses it -----------------------------------------------------------------------------------------

users = Table(
    "users",
    metadata,
    _id(),
    Column("email", Text, nullable=False, unique=True, info={"pii": "address"}),
    _text("name", pii="name"),
    _text("password_hash"),
    _text("role", default="marketer"),  # admin, marketer, inside_sales
    _text("locale", default="ja"),
    _flag("is_active", True),
    _flag("single_keys", True),
    _int("session_no", 1),  # counts up at a change of password: older sessions end
    _at("created_at"),
    _at("seen_at", null=True),
    _version(),
)

audit_log = Table(
    "audit_log",
    metadata,
    _id(),
    _at("at"),
    _ref("user_id", "users", null=True),
    _text("noun"),
    Column("noun_id", BigInteger, nullable=True),
    _text("action"),
    Index("ix_audit_log_noun_noun_id", "noun", "noun_id"),
)

# Values of changed fields live apart, so that erasing a person does not tear holes into the log.
audit_values = Table(
    "audit_values",
    metadata,
    _id(),
    _ref("audit_id", "audit_log", index=True),
    _text("field"),
    _text("old", pii="text", null=True),
    _text("new", pii="text", null=True),
)

export_log = Table(
    "export_log",
    metadata,
    _id(),
    _at("at"),
    _ref("user_id", "users", null=True),
    _text("kind"),
    _json("filter"),
    _int("rows"),
    Column("person_ids", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),
)

# One row each: the clock of a practice installation, the stop counter, the cap.
clock = Table(
    "clock",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("offset_s", Float, nullable=False, server_default=text("0")),
    _at("moved_at", null=True),
    CheckConstraint("id = 1", name="one_row"),
)

stops = Table(
    "stops",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    Column("n", BigInteger, nullable=False, server_default=text("0")),
    _flag("paused"),  # the marketer's "stop everything"
    _text("paused_reason"),
    CheckConstraint("id = 1", name="one_row"),
)

house = Table(
    "house",
    metadata,
    Column("id", SmallInteger, primary_key=True),
    _int("cap_max", 1),
    _text("cap_reason"),
    _int("call_capacity_per_day", 20),
    _ref("owner_user_id", "users", null=True),
    _at("last_nightly_at", null=True),
    _json("product_defaults"),  # what products inherit unless their family or they themselves say otherwise
    _version(),
    CheckConstraint("id = 1", name="one_row"),
    CheckConstraint("cap_max between 1 and 3", name="cap_max"),
    CheckConstraint("cap_max = 1 or cap_reason <> ''", name="cap_reason"),
)

# Own closed days, and days worked although the rules close them.
closed_days = Table(
    "closed_days",
    metadata,
    Column("day", Date, primary_key=True),
    _text("kind", default="closed"),  # closed, open
    _text("note"),
    _ref("created_by", "users", null=True),
    _at("created_at"),
)

# The calendar's figures, kept where counting them takes too long for a page.
calendar_counts = Table(
    "calendar_counts",
    metadata,
    Column("kind", Text, primary_key=True),  # planned, expected
    Column("day", Date, primary_key=True),  # expected: the wanted day, before the business calendar moves it
    Column("product_id", BigInteger, ForeignKey("products.id"), primary_key=True),
    Column("scenario_id", BigInteger, primary_key=True, autoincrement=False),  # 0: none
    Column("step_key", Text, primary_key=True),
    _int("n"),
    _at("counted_at"),
)

# Who waits for a mail, counted by the minute's work where the people are too many to be counted for a page.
waiting_counts = Table(
    "waiting_counts",
    metadata,
    Column(
        "product_id", BigInteger, primary_key=True, autoincrement=False
    ),  # 0: the count itself, with its time
    Column("by_product_id", BigInteger, primary_key=True, autoincrement=False),  # 0: no product goes first
    Column("reason", Text, primary_key=True),
    Column("until", Date, nullable=True),
    _int("n"),
    _at("counted_at"),
)

# --- what is sold ----------------------------------------------------------------------------------------

sender_profiles = Table(
    "sender_profiles",
    metadata,
    _id(),
    _text("name"),
    _text("legal_name"),
    _text("postal_address"),
    _text("inquiry"),  # telephone or mail for complaints and questions (LAW-06)
    _text("from_name"),
    _text("from_address"),
    _text("reply_to"),  # the owner's mailbox: replies reach it
    _text("return_path_domain"),
    _text("privacy_url"),
    _text("smtp_account"),  # by name (IKUSEI_SMTP_URL); empty: every account by its weight
    Column("warmup_from", Date, nullable=True),  # a new domain: daily ceilings that grow from this day
    _int("warmup_first", 50),
    _version(),
)

# What the products of a family share: a value here holds for each that has none of its own.
product_families = Table(
    "product_families",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _json("defaults"),
    _version(),
)

# Values stand here as they are in force; `own` names those the product does not inherit.
products = Table(
    "products",
    metadata,
    _id(),
    Column("name", Text, nullable=False, unique=True),
    _text("family"),
    _text("price_band"),
    _text("list_key"),  # ASCII, in List-Id: stable for ever
    _text("unsubscribe_label"),
    _int("purchase_cycle_days", 365),
    Column("gate", Float, nullable=False, server_default=text("0.20")),
    Column("band_edges", ARRAY(Float), nullable=False, server_default=text("'{0,8,20,35,55}'")),
    Column("prior_rates", ARRAY(Float), nullable=False, server_default=text("'{.02,.06,.12,.22,.35}'")),
    Column("expected_amount_yen", BigInteger, nullable=False, server_default=text("0")),
    _int("priority", 5),
    _int("colour_no", 1),
    _json("action_matrix"),
    _json("target_profile"),
    _json("hot_rules"),
    _json("windows", "[]"),  # [[570, 690], ...] minutes after midnight; empty: the shipped hours
    _int("tone_every", 4),
    Column("own", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _ref("sender_profile_id", "sender_profiles", null=True),
    _ref("owner_user_id", "users", null=True),
    _flag("is_active", True),
    _flag("is_paused"),  # its mails wait, month by month; is_active false ends them
    _text("paused_reason"),
    _at("created_at"),
    _version(),
    CheckConstraint("purchase_cycle_days between 30 and 1095", name="purchase_cycle_days"),
)

# Dated: a replay asks what was known on a day.
calibrations = Table(
    "calibrations",
    metadata,
    _id(),
    _ref("product_id", "products"),
    _at("at"),
    Column("rates", ARRAY(Float), nullable=False),
    Column("resolved", ARRAY(Integer), nullable=False),
    Column("won", ARRAY(Integer), nullable=False),
    Column("warm_cut", Float, nullable=True),
    Index("ix_calibrations_product_id_at", "product_id", "at"),
)

sales_team_states = Table(
    "sales_team_states",
    metadata,
    _id(),
    _text("team", default="field"),
    _ref("product_id", "products"),
    _text("appetite", default="normal"),
    _int("capacity_per_week", 5),
    _ref("set_by", "users", null=True),
    _at("set_at"),
    Index("ix_sales_team_states_product_id_set_at", "product_id", "set_at"),
)

# --- whom we know ----------------------------------------------------------------------------------------

import_batches = Table(
    "import_batches",
    metadata,
    _id(),
    _text("kind", default="people"),  # people, refusals
    _text("state", default="read"),  # read, previewed, importing, imported, undone, failed
    _text("file_name"),
    _text("file_hash"),
    Column("file", LargeBinary, nullable=True, info={"pii": "text"}),
    _json("settings"),  # encoding, delimiter, header row, mapping, event, kind, basis ...
    _json("counts"),
    _text("error"),
    Column("event_id", BigInteger, nullable=True),
    _ref("created_by", "users", null=True),
    _at("created_at"),
    _at("imported_at", null=True),
    _at("undone_at", null=True),
    _int("rows_done"),
    _version(),
    Index("ix_import_batches_file_hash", "file_hash"),
)

import_rows = Table(
    "import_rows",
    metadata,
    Column("batch_id", BigInteger, ForeignKey("import_batches.id"), primary_key=True),
    Column("line_no", Integer, primary_key=True),
    Column("cells", JSONB, nullable=False, info={"pii": "text"}),
    _text("result"),  # new, update, duplicate, review, refused, no_consent, error
    _json("reasons", "[]"),  # [{"code": ..., "field": ..., "value": ...}]
    Column("draft", JSONB, nullable=True, info={"pii": "text"}),
    Column("person_id", BigInteger, nullable=True),
    Index("ix_import_rows_batch_id_result", "batch_id", "result"),
)

# What an import changed in rows that stood before, so that it can be taken back.
import_changes = Table(
    "import_changes",
    metadata,
    _id(),
    _ref("batch_id", "import_batches", index=True),
    _text("noun"),
    Column("noun_id", BigInteger, nullable=False),
    _text("field"),
    Column("old", JSONB, nullable=True, info={"pii": "text"}),
    Column("new", JSONB, nullable=True, info={"pii": "text"}),
)

events = Table(
    "events",
    metadata,
    _id(),
    _text("kind", default="exhibition"),
    _text("name"),
    Column("starts_on", Date, nullable=True),
    Column("ends_on", Date, nullable=True),
    _text("venue"),
    Column("cost_yen", BigInteger, nullable=False, server_default=text("0")),
    _text("purpose_text"),  # the purpose of use told at collection (LAW-20)
    _at("created_at"),
    _version(),
)

companies = Table(
    "companies",
    metadata,
    _id(),
    _text("name"),
    _text("core_key"),
    _text("legal_form"),
    _text("form_position", default="none"),
    _text("hojin_no", null=True),
    Column("domains", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _text("zip"),
    _text("address"),
    _text("tel"),
    _text("fax"),
    _text("url"),
    _text("industry"),
    _text("employees_band"),
    _ref("owner_user_id", "users", null=True),
    _flag("has_field_rep"),
    _flag("class_locked"),
    _text("class", default="-"),  # A, B, C1, C2, D, E, -
    _flag("loss_making"),
    Column("last_deal_on", Date, nullable=True),
    Column("profit_12m_yen", BigInteger, nullable=False, server_default=text("0")),
    Column("sales_12m_yen", BigInteger, nullable=False, server_default=text("0")),
    _text("culture"),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    _version(),
    Index("ix_companies_core_key", "core_key"),
    # Companies that a field rep leads: their owner is asked before mails go.
    Index("ix_companies_field", "owner_user_id", postgresql_where=text("class in ('A', 'B', 'C2')")),
    Index("uq_companies_hojin_no", "hojin_no", unique=True, postgresql_where=text("hojin_no is not null")),
)

addresses = Table(
    "addresses",
    metadata,
    _id(),
    _text("email", pii="address"),
    Column("email_key", Text, nullable=False, unique=True, info={"pii": "address"}),
    Column("domain", Text, Computed("split_part(email_key, '@', 2)", persisted=True)),
    Column("key_hash", LargeBinary, nullable=False, index=True),  # HMAC of email_key: survives erasure
    _text("status", default="unknown"),  # unknown, ok, soft, hard, complaint
    _text("status_reason"),
    _at("status_at", null=True),
    _int("soft_count"),  # soft bounces since the last sign of life
    _at("soft_at", null=True),
    Column("next_free_on", Date, nullable=True),  # the gap between counted mails, as a law of the database
    _int("every_months", 1),  # the recipient's "less often": 2
    _flag("rfc_invalid"),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
)

people = Table(
    "people",
    metadata,
    _id(),
    _text("family", pii="name"),
    _text("given", pii="name"),
    _text("full_name", pii="name"),
    _text("kana", pii="name"),
    _text("name_key", pii="name"),
    _text("honorific", default="様"),
    _text("tel", pii="phone"),
    _text("tel_direct", pii="phone"),
    _text("mobile", pii="phone"),
    _text("fax", pii="phone"),
    _flag("phone_invalid"),
    _flag("fax_invalid"),
    _flag("do_not_call"),
    _flag("do_not_fax"),
    _flag("do_not_track"),
    _text("preferred_lang", default="ja"),
    _ref("address_id", "addresses", null=True, index=True),  # the mailbox that is written to
    _ref("merged_into", "people", null=True),
    _text("note", pii="text"),
    _text("excluded_reason"),  # left, competitor, student
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    _version(),
    Index("ix_people_name_key", "name_key"),
    Index("ix_people_full_name_trgm", "full_name"),
)

# Further mailboxes of a person; the one in people.address_id is written to.
person_addresses = Table(
    "person_addresses",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True),
    Column("address_id", BigInteger, ForeignKey("addresses.id"), primary_key=True, index=True),
    _ref("origin_person_id", "people", null=True),
    _ref("import_batch_id", "import_batches", null=True, index=True),
)

affiliations = Table(
    "affiliations",
    metadata,
    _id(),
    _ref("person_id", "people", index=True),
    _ref("origin_person_id", "people", null=True),
    _ref("company_id", "companies", index=True),
    _text("site"),
    _text("department"),
    _text("title"),
    _text("buying_role"),
    Column("card_on", Date, nullable=True),
    Column("started_on", Date, nullable=True),
    Column("ended_on", Date, nullable=True),
    _flag("is_current", True),
    _text("source"),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    Index("uq_affiliations_current", "person_id", unique=True, postgresql_where=text("is_current")),
)

match_candidates = Table(
    "match_candidates",
    metadata,
    _id(),
    _ref("a_id", "people"),
    _ref("b_id", "people"),
    _text("reason"),
    _text("state", default="pending"),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    UniqueConstraint("a_id", "b_id"),
    CheckConstraint("a_id < b_id", name="ordered"),
)

# --- may we write ----------------------------------------------------------------------------------------

consents = Table(
    "consents",
    metadata,
    _id(),
    _ref("address_id", "addresses", index=True),
    _ref("person_id", "people", null=True, index=True),
    _ref("origin_person_id", "people", null=True),
    _text("basis"),  # opt_in, card_written, business_relation, published
    _ref("product_id", "products", null=True),  # null: all products
    _at("obtained_at"),
    _text("method"),
    _text("wording"),
    _json("evidence"),
    _ref("event_id", "events", null=True),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _ref("recorded_by", "users", null=True),
    _at("recorded_at"),
    _at("withdrawn_at", null=True),
)

suppressions = Table(
    "suppressions",
    metadata,
    _id(),
    Column("key_hash", LargeBinary, nullable=False, index=True),
    _ref("address_id", "addresses", null=True, index=True),
    _ref("person_id", "people", null=True, index=True),
    _ref("origin_person_id", "people", null=True),
    _text("scope"),  # product, global, new_products
    _ref("product_id", "products", null=True),
    _text("reason"),  # user_link, one_click, reply, phone, card, complaint, bounce, admin, erasure, import
    _text("evidence", pii="text"),
    _ref("recorded_by", "users", null=True),
    Column("delivery_id", BigInteger, nullable=True),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("at"),
    _at("lifted_at", null=True),
    _text("lifted_reason"),
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

# --- what is told ----------------------------------------------------------------------------------------

contents = Table(
    "contents",
    metadata,
    _id(),
    _text("title"),
    _text("kind", default="industry"),  # industry, cost_saving, case_study, general, product, thanks
    _text("tone", default="info"),  # info, sales_light, sales_hard
    _ref("product_id", "products", null=True, index=True),
    _text("status", default="approved"),  # idea, draft, approved, retired
    _text("idea", pii="text"),  # the idea inbox: what somebody wrote down, before there is a mail
    _text("source_dept"),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    _flag("is_evergreen"),  # on the shelf a scenario may end in
    _at("created_at"),
    _ref("created_by", "users", null=True),
    _version(),
)

content_variants = Table(
    "content_variants",
    metadata,
    _id(),
    _ref("content_id", "contents"),
    _text("lang", default="ja"),
    _text("buying_role"),  # '' serves every role without a variant of its own
    _text("subject"),
    _text("preheader"),
    _text("html"),
    _text("text"),  # '' : made from the HTML
    _text("format", default="html"),  # html, mjml: what `html` is written in
    _version(),
    UniqueConstraint("content_id", "lang", "buying_role"),
)

images = Table(
    "images",
    metadata,
    _id(),
    _text("name"),
    _text("mime"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("bytes", LargeBinary, nullable=False),
    _int("width"),
    _int("height"),
    _ref("created_by", "users", null=True),
    _at("created_at"),
)

# What a mail links to instead of carrying it.
files = Table(
    "files",
    metadata,
    _id(),
    _text("name"),
    _text("mime"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("bytes", LargeBinary, nullable=False),
    _ref("created_by", "users", null=True),
    _at("created_at"),
)

scenarios = Table(
    "scenarios",
    metadata,
    _id(),
    _ref("product_id", "products", index=True),
    _text("kind", default="scenario"),  # scenario, broadcast: one mail on one day, by the same law
    _text("name"),
    _text("purpose"),
    _text("goal_kind"),
    Column("classes", ARRAY(Text), nullable=False, server_default=text("'{C1,D,E,-}'")),
    _ref("event_id", "events", null=True),  # audience: people met there; null: everybody of the classes
    _json("audience"),  # further: {"industries": [...], "bands": [...], "roles": [...], "ranks": [...]}
    _text("status", default="draft"),  # draft, active, paused, ended
    _int("published_no"),
    _at("created_at"),
    _ref("created_by", "users", null=True),
    _version(),
)

scenario_versions = Table(
    "scenario_versions",
    metadata,
    _id(),
    _ref("scenario_id", "scenarios"),
    _int("no", 1),
    _at("published_at", null=True),  # null: the draft
    _ref("published_by", "users", null=True),
    UniqueConstraint("scenario_id", "no"),
    Index(
        "uq_scenario_versions_draft",
        "scenario_id",
        unique=True,
        postgresql_where=text("published_at is null"),
    ),
)

steps = Table(
    "steps",
    metadata,
    _id(),
    _ref("version_id", "scenario_versions"),
    _text("key"),  # survives versions: part of a delivery's origin
    _int("position", 1),
    _text("kind", default="mail"),
    _int("offset_months"),
    _int("want_day", 10),
    _text("tone", default="info"),
    _ref("content_id", "contents", null=True),
    Column("valid_until", Date, nullable=True),
    _text("title"),  # what a call, a visit or a wait is about
    _text("parent_key"),  # the branch it belongs to; '' is the trunk
    _text("arm"),  # yes, else: of that branch
    _text("goto_key"),  # where it goes on: '' by the table's order, 'end', or a KEY
    _json("condition"),  # of a branch
    _int("wait_days"),  # of a wait; of a branch: how long it watches
    _text("who"),  # '' by itself; inside, field, owner
    _int("due_days", 5),  # business days a task has
    _ref("event_id", "events", null=True),  # what an invitation invites to
    UniqueConstraint("version_id", "key"),
    UniqueConstraint("version_id", "position", deferrable=True, initially="DEFERRED"),
)

# What the designer's undo goes back to: the rows before each change.
design_history = Table(
    "design_history",
    metadata,
    _id(),
    _ref("scenario_id", "scenarios", index=True),
    _ref("user_id", "users", null=True),
    _at("at"),
    _text("label"),
    _json("rows", "[]"),
)

# The figures beside a scenario's rows, where counting them anew takes too long for a page.
step_counts = Table(
    "step_counts",
    metadata,
    Column("scenario_id", BigInteger, ForeignKey("scenarios.id"), primary_key=True),
    Column("step_key", Text, primary_key=True),  # '' : the whole scenario
    _int("waiting"),
    _int("sent"),
    _int("held"),
    _int("reacted"),
    _int("tasks"),
    _json("more"),
    _at("counted_at"),
)

# A broadcast is a scenario of kind `broadcast`; here stands what only a broadcast has.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("scenario_id", BigInteger, ForeignKey("scenarios.id"), primary_key=True),
    _text("theme"),
    Column("send_on", Date, nullable=True),
    _text("state", default="draft"),  # draft, asked, approved, refused, testing, sending, done, cancelled
    _int("people"),  # of its audience when it was asked
    _int("everybody"),  # of all people then
    _text("ab"),  # '', subject, content
    _int("sample_n"),  # people of each arm, fixed beforehand
    _int("wait_hours", 48),
    _at("decide_at", null=True),
    _text("winner"),  # a, b
    _at("decided_at", null=True),
    _json("result"),
    _ref("asked_by", "users", null=True),
    _at("asked_at", null=True),
    _ref("answered_by", "users", null=True),
    _at("answered_at", null=True),
    _text("answer"),
    _version(),
)

simulations = Table(
    "simulations",
    metadata,
    _id(),
    _ref("scenario_id", "scenarios", index=True),
    _ref("version_id", "scenario_versions", null=True),
    _ref("user_id", "users", null=True),
    _text("state", default="waiting"),  # waiting, running, done, cancelled, failed
    Column("seed", BigInteger, nullable=False, server_default=text("0")),
    _json("rates"),
    _int("done"),
    _int("total"),
    _json("result"),
    _text("error"),
    _at("created_at"),
    _at("began_at", null=True),
    _at("ended_at", null=True),
)

# A mail as it was frozen at publishing: CSS inlined once, links numbered.
published_mails = Table(
    "published_mails",
    metadata,
    _id(),
    _ref("content_id", "contents"),
    _ref("version_id", "scenario_versions", null=True, index=True),
    _text("step_key"),
    _text("lang", default="ja"),
    _text("buying_role"),
    _text("subject"),
    _text("preheader"),
    _text("html"),
    _text("text"),
    _json("links", "[]"),
    _at("published_at"),
    UniqueConstraint("version_id", "step_key", "lang", "buying_role"),
)

# --- the outbox ------------------------------------------------------------------------------------------

enrollments = Table(
    "enrollments",
    metadata,
    _id(),
    _ref("person_id", "people", index=True),
    _ref("origin_person_id", "people", null=True),
    _ref("product_id", "products"),
    _ref("scenario_id", "scenarios", index=True),
    _ref("version_id", "scenario_versions"),
    _int("position", 1),  # the next step
    _int("start_month", 0),
    _int("due_month", 0),  # months waiting = this month - due_month
    Column("due_on", Date, nullable=True),  # a wait or a branch under way: the day it is asked again
    Column("entered_on", Date, nullable=True),  # the day the pointer came to its step
    _int("round", 1),  # of the evergreen shelf
    _text("status", default="active"),  # active, asked (the owner's yes is awaited), paused, done, stopped
    _text("reason"),
    _at("answered_at", null=True),
    _ref("answered_by", "users", null=True),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    UniqueConstraint("person_id", "scenario_id"),
    Index("ix_enrollments_active", "person_id", postgresql_where=text("status = 'active'")),
    Index("ix_enrollments_asked", "scenario_id", postgresql_where=text("status = 'asked'")),
)

# The planner's narrow queue. plan_at is a hint: early is harmless, so whatever changes a person's
# prospects just moves it to today.
pace = Table(
    "pace",
    metadata,
    Column("person_id", BigInteger, ForeignKey("people.id"), primary_key=True),
    Column("plan_at", Date, nullable=False),
    Column("next_free_on", Date, nullable=True),
    _int("every_months", 1),
    # Who gave way at the last decision, written with its date: {enrolment: [reason, product that goes first]}.
    Column("held", JSONB, nullable=True),
    Index("ix_pace_plan_at", "plan_at", "person_id"),
)

# No foreign keys, here and in mail_slots: the planner writes only ids that it has just read under the person's
# lock, and nothing it names is ever deleted but by the undoing of an import, which takes the same lock. Each key
# costs a look-up and a lock of the other row, and planners would queue for the row of the one product.
deliveries = Table(
    "deliveries",
    metadata,
    _id(),
    Column("origin", Text, nullable=False, unique=True),
    _text("class", default="counted"),  # counted, courtesy, transactional
    _id_of("person_id", null=True, index=True),
    _id_of("origin_person_id", null=True),
    _id_of("address_id", null=True),
    _id_of("product_id", null=True),
    _id_of("enrollment_id", null=True, index=True),
    _id_of("content_id", null=True),
    _id_of("published_mail_id", null=True),
    _text("step_key"),
    _text("tone", default="info"),
    _int("month"),
    Column("valid_until", Date, nullable=True),
    _at("send_at", null=True),
    _text("state"),
    _text("reason"),
    _json("reason_args"),
    Column("until", Date, nullable=True),
    _int("attempts"),
    Column("claim_token", Text, nullable=True),
    _int("smtp_code", None, null=True),
    _text("smtp_text"),
    _at("sent_at", null=True),
    _at("settled_at", null=True),
    _text("bounce", default=""),  # '', soft, hard: facts about a sent delivery, not states of it
    _at("bounced_at", null=True),
    _text("bounce_text", pii="text"),  # status and the server's words
    _at("complained_at", null=True),
    _text("account"),  # the SMTP account that took it, by name
    _at("created_at"),
    # What waits to be sent: small, and the only part the claim reads.
    Index("ix_deliveries_due", "send_at", "id", postgresql_where=text("state in ('planned', 'retry')")),
    Index(
        "ix_deliveries_due_express",
        "send_at",
        "id",
        postgresql_where=text("state in ('planned', 'retry') and class = 'transactional'"),
    ),
    Index("ix_deliveries_month_state", "month", "state"),
    # What a past day sent (the calendar). It grows at its right end only.
    Index("ix_deliveries_sent_at", "sent_at", "id", postgresql_where=text("state = 'sent'")),
    Index("ix_deliveries_handing", "claim_token", postgresql_where=text("state = 'handing'")),
    # The last counted mails of a person (tone, month) without touching the heap.
    Index(
        "ix_deliveries_counted",
        "person_id",
        "sent_at",
        postgresql_include=["month", "tone"],
        postgresql_where=text("class <> 'transactional' and state in ('sent', 'in_doubt')"),
    ),
    # Never the same item twice to one person (S4-18).
    Index(
        "uq_deliveries_person_content",
        "person_id",
        "content_id",
        unique=True,
        postgresql_where=text(
            "class <> 'transactional' and state in ('planned', 'handing', 'sent', 'retry', 'in_doubt')"
        ),
    ),
    CheckConstraint(
        "state in ('planned','handing','sent','retry','failed','in_doubt','carried_over','suppressed',"
        "'no_consent','expired','cancelled')",
        name="state",
    ),
    CheckConstraint("state <> 'retry' or send_at is not null", name="retry_dated"),
    CheckConstraint("state <> 'carried_over' or until is not null", name="carried_dated"),
)

# The body of a mail that is not from a scenario (answers, notices to staff): rendered when written.
delivery_bodies = Table(
    "delivery_bodies",
    metadata,
    Column("delivery_id", BigInteger, ForeignKey("deliveries.id"), primary_key=True),
    _text("to_address", pii="address"),
    _text("subject", pii="text"),
    _text("text", pii="text"),
    _text("html", pii="text"),
)

mail_slots = Table(
    "mail_slots",
    metadata,
    Column("delivery_id", BigInteger, primary_key=True, autoincrement=False),
    _id_of("person_id"),
    _id_of("origin_person_id", null=True),
    _id_of("address_id"),
    _id_of("product_id"),
    Column("month", Integer, nullable=False),
    Column("slot_no", SmallInteger, nullable=False),
    UniqueConstraint("person_id", "month", "slot_no"),
    UniqueConstraint("address_id", "month", "slot_no"),
    UniqueConstraint("person_id", "product_id", "month"),
)

claims = Table(
    "claims",
    metadata,
    Column("token", Text, primary_key=True),
    _text("host"),
    _text("journal_dir"),
    _text("boot_id"),
    _text("worker"),
    _int("size"),
    _at("claimed_at"),
    _at("lease_until"),
    _at("settled_at", null=True),
    _int("sent"),
    _text("verdict"),
    # How fast mail flows: the last minute and hour, a row a batch.
    Index("ix_claims_settled_at", "settled_at"),
    Index("ix_claims_open", "claimed_at", postgresql_where=text("settled_at is null")),
)

# What a day brought, added up at settling: rates, complaint alarms and metrics count no deliveries.
# Ids of 0 stand for none, so that they can be part of a key.
mail_days = Table(
    "mail_days",
    metadata,
    Column("day", Date, primary_key=True),
    Column("product_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scenario_id", BigInteger, primary_key=True, autoincrement=False),
    _int("sent"),
    _int("failed"),
    _int("in_doubt"),
    _int("soft"),
    _int("hard"),
    _int("complaints"),
)

# Mails of a sender profile that were let out on a day while its domain is warmed up.
sender_days = Table(
    "sender_days",
    metadata,
    Column("sender_profile_id", BigInteger, ForeignKey("sender_profiles.id"), primary_key=True),
    Column("day", Date, primary_key=True),
    _int("taken"),
)

# --- what came back --------------------------------------------------------------------------------------

tracking_events = Table(
    "tracking_events",
    metadata,
    _id(),
    Column("uid", Text, nullable=False, unique=True),
    _text("kind"),  # open, click, view, beat
    Column("delivery_id", BigInteger, nullable=True, index=True),
    Column("person_id", BigInteger, nullable=True),
    _int("link_no", None, null=True),
    _text("url"),
    _text("title"),
    _text("visit"),
    Column("active_s", Float, nullable=False, server_default=text("0")),
    _text("method"),
    _text("ua", pii="net"),
    _text("net", pii="net"),
    _at("at"),
    _text("verdict"),  # human, suspected, scanner, machine, unknown
    _json("reasons", "[]"),
    Index("ix_tracking_events_at", "at"),
)

touchpoints = Table(
    "touchpoints",
    metadata,
    _id(),
    Column("source_key", Text, nullable=False, unique=True),
    _ref("person_id", "people", index=True),
    _ref("origin_person_id", "people", null=True),
    _ref("company_id", "companies", null=True, index=True),
    _ref("product_id", "products", null=True),
    _ref("event_id", "events", null=True, index=True),
    _ref("delivery_id", "deliveries", null=True),
    Column("task_id", BigInteger, nullable=True),
    _text("kind"),
    _text("channel"),  # online, offline
    _int("depth"),
    _at("at"),
    Column("validity", Float, nullable=False, server_default=text("1")),
    _text("validity_reason"),
    Column("active_s", Float, nullable=False, server_default=text("0")),
    _text("url"),
    _text("title"),
    _text("note", pii="text"),
    _ref("actor_id", "users", null=True),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    Index("ix_touchpoints_person_id_at", "person_id", "at"),
)

inbound_mails = Table(
    "inbound_mails",
    metadata,
    _id(),
    Column("message_key", Text, nullable=False, unique=True),
    _text("kind"),
    _ref("person_id", "people", null=True),
    Column("delivery_id", BigInteger, nullable=True),
    _text("from_address", pii="address"),
    _text("subject", pii="text"),
    _text("text", pii="text"),
    _text("result"),
    _at("at"),
)

# What providers tell by webhook (and what the listener could not place): each event once, as it came.
returned_events = Table(
    "returned_events",
    metadata,
    _id(),
    _text("source"),  # ses, sendgrid, postmark, mailgun, signed
    Column("event_key", Text, nullable=False, unique=True),
    _text("kind"),  # bounce, complaint, delayed, unsubscribe, delivered, other
    _text("result"),
    Column("delivery_id", BigInteger, nullable=True),
    _text("address", pii="address"),
    _text("reason"),
    _text("raw", pii="text"),
    _at("at"),
)

# --- what to do next -------------------------------------------------------------------------------------

product_leads = Table(
    "product_leads",
    metadata,
    _id(),
    _ref("person_id", "people"),
    _ref("origin_person_id", "people", null=True),
    _ref("product_id", "products"),
    _text(
        "state", default="new"
    ),  # new nurturing hot offered with_sales opportunity won lost waiting paused excluded
    _text("rank", default="unobserved"),
    Column("score", Float, nullable=False, server_default=text("0")),
    _json("breakdown"),
    _json("reasons", "[]"),
    Column("p_win", Float, nullable=False, server_default=text("0")),
    _int("depth_max"),
    _at("acquired_at", null=True),
    _at("last_touch_at", null=True),
    _at("refused_until", null=True),
    _at("no_call_before", null=True),
    _at("no_hand_off_before", null=True),
    _int("recycles"),
    _at("next_change_at", null=True),
    _at("ranked_at", null=True),
    _text("selection_stage"),
    _text("timeframe"),
    _ref("import_batch_id", "import_batches", null=True, index=True),
    _at("created_at"),
    _version(),
    UniqueConstraint("person_id", "product_id"),
    Index("ix_product_leads_product_id_rank", "product_id", "rank"),
    Index("ix_product_leads_next_change_at", "next_change_at"),
)

rank_changes = Table(
    "rank_changes",
    metadata,
    _id(),
    _ref("lead_id", "product_leads", index=True),
    _at("at"),
    _text("old"),
    _text("new"),
    Column("score", Float, nullable=False),
    Column("p_win", Float, nullable=False),
    _json("reasons", "[]"),
)

tasks = Table(
    "tasks",
    metadata,
    _id(),
    _text("kind"),  # call, fax, visit, mail, check
    _ref("person_id", "people", index=True),
    _ref("origin_person_id", "people", null=True),
    _ref("company_id", "companies", null=True),
    _ref("product_id", "products", null=True),
    _ref("lead_id", "product_leads", null=True, index=True),
    _text("team", default="inside"),
    _ref("assignee_id", "users", null=True),
    _text("state", default="open"),  # open, done, snoozed, cancelled
    _text("cause"),  # the row of the action matrix: hot_deep, warm_shallow ...; step: of a scenario
    _ref("enrollment_id", "enrollments", null=True, index=True),
    _text("step_key"),
    _json("why", "[]"),  # ids of the touchpoints that caused it
    _int("priority", 3),
    _at("due_at"),
    _at("not_before", null=True),
    _at("promised_at", null=True),
    _int("tries"),
    _text("outcome"),
    _text("note", pii="text"),
    _at("created_at"),
    _at("done_at", null=True),
    _ref("done_by", "users", null=True),
    _version(),
    Index(
        "uq_tasks_open",
        "lead_id",
        "kind",
        unique=True,
        postgresql_where=text("state in ('open', 'snoozed') and lead_id is not null"),
    ),
    Index("ix_tasks_open_due_at", "due_at", postgresql_where=text("state = 'open'")),
)

call_attempts = Table(
    "call_attempts",
    metadata,
    _id(),
    _ref("task_id", "tasks", index=True),
    _ref("person_id", "people", index=True),
    _at("at"),
    _text("result"),
    _text("note", pii="text"),
    _at("next_at", null=True),
    _ref("user_id", "users", null=True),
)

hand_offs = Table(
    "hand_offs",
    metadata,
    _id(),
    _ref("lead_id", "product_leads", index=True),
    _ref("product_id", "products"),
    _text("team", default="field"),
    _text("state"),  # proposed, held, offered, accepted, returned, won, lost, no_deal, timeout
    _text("held_reason"),
    Column("p_win", Float, nullable=False),
    Column("bar", Float, nullable=False),
    _flag("asked_by_customer"),
    _json("reasons", "[]"),
    _text("returned_reason"),
    _at("created_at"),
    _at("resolved_at", null=True),
    Index("ix_hand_offs_product_id_created_at", "product_id", "created_at"),
)

# A hot signal reaches a person: the badge counts these until somebody has seen them.
alerts = Table(
    "alerts",
    metadata,
    _id(),
    _at("at"),
    # hot, surge, reply, refused_by_reply, in_doubt, complaint, complaint_rate, scenario_paused, sender_fault
    _text("kind"),
    _ref("person_id", "people", null=True),
    _ref("product_id", "products", null=True),
    _ref("lead_id", "product_leads", null=True),
    _ref("user_id", "users", null=True),
    _json("args"),
    _at("seen_at", null=True),
    Index("ix_alerts_unseen", "user_id", postgresql_where=text("seen_at is null")),
    Index("ix_alerts_kind_at", "kind", "at"),  # told today already?
)
