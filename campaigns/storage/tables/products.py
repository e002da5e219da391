"""What is sold: products, their families and senders, and what calibrates them."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, Float, Index, Integer, Table, Text, text
from sqlalchemy.dialects.postgresql import ARRAY

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

sender_profiles = Table(
    "sender_profiles",
    metadata,
    row_id(),
    words("name"),
    words("legal_name"),
    words("postal_address"),
    words("inquiry"),  # telephone or mail for complaints and questions (LAW-06)
    words("from_name"),
    words("from_address"),
    words("reply_to"),  # the owner's mailbox: replies reach it
    words("return_path_domain"),
    words("privacy_url"),
    words("smtp_account"),  # by name (IKUSEI_SMTP_URL); empty: every account by its weight
    Column("warmup_from", Date, nullable=True),  # a new domain: daily ceilings that grow from this day
    number("warmup_first", 50),
    version(),
)

# What the products of a family share: a value here holds for each that has none of its own.
product_families = Table(
    "product_families",
    metadata,
    row_id(),
    Column("name", Text, nullable=False, unique=True),
    json("defaults"),
    version(),
)

# Values stand here as they are in force; `own` names those the product does not inherit.
products = Table(
    "products",
    metadata,
    row_id(),
    Column("name", Text, nullable=False, unique=True),
    words("family"),
    words("price_band"),
    words("list_key"),  # ASCII, in List-Id: stable for ever
    words("unsubscribe_label"),
    number("purchase_cycle_days", 365),
    Column("gate", Float, nullable=False, server_default=text("0.20")),
    Column("band_edges", ARRAY(Float), nullable=False, server_default=text("'{0,8,20,35,55}'")),
    Column("prior_rates", ARRAY(Float), nullable=False, server_default=text("'{.02,.06,.12,.22,.35}'")),
    Column("expected_amount_yen", BigInteger, nullable=False, server_default=text("0")),
    number("priority", 5),
    number("colour_no", 1),
    json("action_matrix"),
    json("target_profile"),
    json("hot_rules"),
    json("windows", "[]"),  # [[570, 690], ...] minutes after midnight; empty: the shipped hours
    number("tone_every", 4),
    Column("own", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    ref("sender_profile_id", "sender_profiles", null=True),
    ref("owner_user_id", "users", null=True),
    flag("is_active", True),
    flag("is_paused"),  # its mails wait, month by month; is_active false ends them
    words("paused_reason"),
    at("created_at"),
    version(),
    CheckConstraint("purchase_cycle_days between 30 and 1095", name="purchase_cycle_days"),
)

# Dated: a replay asks what was known on a day.
calibrations = Table(
    "calibrations",
    metadata,
    row_id(),
    ref("product_id", "products"),
    at("at"),
    Column("rates", ARRAY(Float), nullable=False),
    Column("resolved", ARRAY(Integer), nullable=False),
    Column("won", ARRAY(Integer), nullable=False),
    Column("warm_cut", Float, nullable=True),
    words("state", default="accepted"),  # accepted: in force from `at`; proposed: waits for a yes; dismissed
    json("rules"),  # cycle_days, gate, edges, hot_rules: the product's at that instant
    ref("decided_by", "users", null=True),
    at("decided_at", null=True),
    Index("ix_calibrations_product_id_at", "product_id", "at"),
)

sales_team_states = Table(
    "sales_team_states",
    metadata,
    row_id(),
    words("team", default="field"),
    ref("product_id", "products"),
    words("appetite", default="normal"),
    number("capacity_per_week", 5),
    ref("set_by", "users", null=True),
    at("set_at"),
    Index("ix_sales_team_states_product_id_set_at", "product_id", "set_at"),
)
