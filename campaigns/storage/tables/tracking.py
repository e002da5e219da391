"""Tracking catalogues: what is known of a company on one sheet, its ASICA sheets, the diary and the comments.

A catalogue's fields stand in one row; `marks` says of each field how often it was changed, by whom and when, so
that two people may write different fields at once and a conflict in one is seen. What is written as history
(ringi, ASICA, diary, comments, owners) is only ever added to. Source: S0-07, S0-13 to S0-24; spec 2.1, 2.4.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words


def _goes_with(name: str, target: str, *, index: bool = True) -> Column[int]:
    """What stands on a thing goes with it: a catalogue with its company, when an import is taken back."""
    key = ForeignKey(f"{target}.id", ondelete="CASCADE")
    return Column(name, BigInteger, key, nullable=False, index=index)


def _left_by(name: str, target: str) -> Column[int]:
    """Who or what may go without taking along the row that names it."""
    key = ForeignKey(f"{target}.id", ondelete="SET NULL")
    return Column(name, BigInteger, key, nullable=True, index=True)


catalogues = Table(
    "catalogues",
    metadata,
    row_id(),
    Column(
        "company_id",
        BigInteger,
        ForeignKey("companies.id", ondelete="CASCADE"),
        nullable=False,
        unique=True,
    ),
    ref("owner_user_id", "users", null=True),
    words("owner_mode"),  # self, peer, manager; empty: taken over from the company
    words("profile", pii="text"),
    number("expected_month", None, null=True),  # year * 12 + month - 1
    words("certainty"),  # low, mid, high
    Column("budget_min_yen", BigInteger, nullable=True),
    Column("budget_max_yen", BigInteger, nullable=True),
    _left_by("decider_id", "people"),
    _left_by("contact_id", "people"),
    words("culture", pii="text"),
    words("competitors"),
    words("rival_risk"),  # none, low, mid, high; empty: nobody has judged
    words("equipment", pii="text"),
    words("ringi_state", default="none"),  # none, preparing, circulating, approved, sent_back, rejected
    Column("ringi_on", Date, nullable=True),
    words("ringi_route", pii="text"),
    json("marks"),  # {field: {"v": how often changed, "by": user id, "at": instant}}
    flag("is_draft", True),  # nobody has written on it yet
    at("touched_at"),  # when somebody last wrote on it, or last talked to somebody there
    at("created_at"),
    CheckConstraint("budget_min_yen <= budget_max_yen", name="budget"),
    Index("ix_catalogues_touched_at", "touched_at", "id"),
    Index("ix_catalogues_owner_user_id", "owner_user_id", "touched_at"),
    Index(
        "ix_catalogues_expected_month", "expected_month", postgresql_where=text("expected_month is not null")
    ),
)

# Fields that a house adds to a catalogue by itself.
catalogue_extras = Table(
    "catalogue_extras",
    metadata,
    row_id(),
    _goes_with("catalogue_id", "catalogues"),
    words("label"),
    words("value", pii="text"),
    ref("edited_by", "users", null=True),
    at("edited_at"),
    version(),
)

# Each state that a ringi went through, as it was told.
ringi_log = Table(
    "ringi_log",
    metadata,
    row_id(),
    _goes_with("catalogue_id", "catalogues"),
    words("state"),
    Column("ringi_on", Date, nullable=True),
    words("route", pii="text"),
    ref("user_id", "users", null=True),
    at("at"),
)

# Who was to follow the company, by whose word. state: stands, asked, declined, ended.
catalogue_owners = Table(
    "catalogue_owners",
    metadata,
    row_id(),
    _goes_with("catalogue_id", "catalogues"),
    ref("user_id", "users"),
    words("mode"),  # self, peer, manager
    words("state"),
    ref("by_user_id", "users", null=True),
    at("at"),
    at("answered_at", null=True),
    # One is asked at a time.
    Index("uq_catalogue_owners_asked", "catalogue_id", unique=True, postgresql_where=text("state = 'asked'")),
)

asica_sheets = Table(
    "asica_sheets",
    metadata,
    row_id(),
    _goes_with("catalogue_id", "catalogues", index=False),
    ref("product_id", "products", index=True),
    words("stage", default="assignment"),  # assignment, solution, inspection, consent, action
    at("stage_at"),
    version(),
    UniqueConstraint("catalogue_id", "product_id"),
)

# Answers and moves, never changed: the newest answer to a prompt is what holds.
asica_entries = Table(
    "asica_entries",
    metadata,
    row_id(),
    _goes_with("sheet_id", "asica_sheets"),
    words("kind"),  # answer, move
    words("stage"),  # of the prompt, or the one moved to
    words("prompt"),  # answers only
    words("text", pii="text"),  # the answer, or why the stage was changed
    words("moved_from"),  # moves only
    flag("is_forced"),  # moved on although nothing was written
    ref("user_id", "users", null=True),
    at("at"),
    # They stand in the daily report as well.
    Index("ix_asica_entries_user_id_at", "user_id", "at"),
    Index("ix_asica_entries_at", "at"),
)

# The diary is the daily report. day: whose report it stands in.
diary_entries = Table(
    "diary_entries",
    metadata,
    row_id(),
    words("entry_key", default=None),  # names its form, or what it came from, for ever
    ref("company_id", "companies", null=True),
    ref("product_id", "products", null=True),
    ref("user_id", "users"),
    words("kind"),  # call, visit, show, internal, other
    Column("met", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),  # people
    words("text", pii="text"),
    at("at"),
    at("created_at"),
    _left_by("task_id", "tasks"),  # what is to be done next
    UniqueConstraint("entry_key"),
    Index("ix_diary_entries_company_id_at", "company_id", "at"),
    Index("ix_diary_entries_user_id_at", "user_id", "at"),
    Index("ix_diary_entries_at", "at"),
)

# on_kind: catalogue, diary, asica, attempt, touch, task; on_id: of that row.
comments = Table(
    "comments",
    metadata,
    row_id(),
    ref("company_id", "companies", null=True),
    words("on_kind"),
    Column("on_id", BigInteger, nullable=False),
    words("text", pii="text"),
    Column("mentions", ARRAY(BigInteger), nullable=False, server_default=text("'{}'")),  # users
    ref("user_id", "users"),
    at("at"),
    _left_by("task_id", "tasks"),  # made from it
    Index("ix_comments_on_kind_on_id", "on_kind", "on_id"),
    Index("ix_comments_company_id_at", "company_id", "at"),
)
