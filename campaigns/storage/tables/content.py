"""What is told: contents, scenarios with their versions and rows, broadcasts, simulations, frozen mails."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

contents = Table(
    "contents",
    metadata,
    row_id(),
    words("title"),
    words(
        "kind", default="industry"
    ),  # industry, cost_saving, case_study, general, product, thanks, permission
    words("tone", default="info"),  # info, sales_light, sales_hard
    ref("product_id", "products", null=True, index=True),
    words("status", default="approved"),  # idea, draft, approved, retired
    words("idea", pii="text"),  # the idea inbox: what somebody wrote down, before there is a mail
    words("source_dept"),
    Column("tags", ARRAY(Text), nullable=False, server_default=text("'{}'")),
    flag("is_evergreen"),  # on the shelf a scenario may end in
    at("created_at"),
    ref("created_by", "users", null=True),
    version(),
)

content_variants = Table(
    "content_variants",
    metadata,
    row_id(),
    ref("content_id", "contents"),
    words("lang", default="ja"),
    words("buying_role"),  # '' serves every role without a variant of its own
    words("subject"),
    words("preheader"),
    words("html"),
    words("text"),  # '' : made from the HTML
    words("format", default="html"),  # html, mjml: what `html` is written in
    version(),
    UniqueConstraint("content_id", "lang", "buying_role"),
)

images = Table(
    "images",
    metadata,
    row_id(),
    words("name"),
    words("mime"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("bytes", LargeBinary, nullable=False),
    number("width"),
    number("height"),
    ref("created_by", "users", null=True),
    at("created_at"),
)

# What a mail links to instead of carrying it.
files = Table(
    "files",
    metadata,
    row_id(),
    words("name"),
    words("mime"),
    Column("sha256", Text, nullable=False, unique=True),
    Column("bytes", LargeBinary, nullable=False),
    ref("created_by", "users", null=True),
    at("created_at"),
)

scenarios = Table(
    "scenarios",
    metadata,
    row_id(),
    ref("product_id", "products", index=True),
    words("kind", default="scenario"),  # scenario, broadcast: one mail on one day, by the same law
    words("name"),
    words("purpose"),
    words("goal_kind"),
    Column("classes", ARRAY(Text), nullable=False, server_default=text("'{C1,D,E,-}'")),
    ref("event_id", "events", null=True),  # audience: people met there; null: everybody of the classes
    json(
        "audience"
    ),  # further: {"industries": [...], "bands": [...], "roles": [...], "ranks": [...], "rose", "fell", "within"}
    words("status", default="draft"),  # draft, active, paused, ended
    number("published_no"),
    at("created_at"),
    ref("created_by", "users", null=True),
    version(),
)

scenario_versions = Table(
    "scenario_versions",
    metadata,
    row_id(),
    ref("scenario_id", "scenarios"),
    number("no", 1),
    at("published_at", null=True),  # null: the draft
    ref("published_by", "users", null=True),
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
    row_id(),
    ref("version_id", "scenario_versions"),
    words("key"),  # survives versions: part of a delivery's origin
    number("position", 1),
    words("kind", default="mail"),
    number("offset_months"),
    number("want_day", 10),
    words("tone", default="info"),
    ref("content_id", "contents", null=True),
    Column("valid_until", Date, nullable=True),
    words("title"),  # what a call, a visit or a wait is about
    words("parent_key"),  # the branch it belongs to; '' is the trunk
    words("arm"),  # yes, else: of that branch
    words("goto_key"),  # where it goes on: '' by the table's order, 'end', or a KEY
    json("condition"),  # of a branch
    number("wait_days"),  # of a wait; of a branch: how long it watches
    words("who"),  # '' by itself; inside, field, owner
    number("due_days", 5),  # business days a task has
    ref("event_id", "events", null=True),  # what an invitation invites to
    UniqueConstraint("version_id", "key"),
    UniqueConstraint("version_id", "position", deferrable=True, initially="DEFERRED"),
)

# What the designer's undo goes back to: the rows before each change.
design_history = Table(
    "design_history",
    metadata,
    row_id(),
    ref("scenario_id", "scenarios", index=True),
    ref("user_id", "users", null=True),
    at("at"),
    words("label"),
    json("rows", "[]"),
)

# The figures beside a scenario's rows, where counting them anew takes too long for a page.
step_counts = Table(
    "step_counts",
    metadata,
    Column("scenario_id", BigInteger, ForeignKey("scenarios.id"), primary_key=True),
    Column("step_key", Text, primary_key=True),  # '' : the whole scenario
    number("waiting"),
    number("sent"),
    number("held"),
    number("unsent"),
    number("reacted"),
    number("tasks"),
    number("reacted_all"),
    json("more"),
    at("counted_at"),
)

# A broadcast is a scenario of kind `broadcast`; here stands what only a broadcast has.
broadcasts = Table(
    "broadcasts",
    metadata,
    Column("scenario_id", BigInteger, ForeignKey("scenarios.id"), primary_key=True),
    words("theme"),
    Column("send_on", Date, nullable=True),
    words("state", default="draft"),  # draft, asked, approved, refused, testing, sending, done, cancelled
    number("people"),  # of its audience when it was asked
    number("everybody"),  # of all people then
    words("ab"),  # '', subject, content
    number("sample_n"),  # people of each arm, fixed beforehand
    number("wait_hours", 48),
    at("decide_at", null=True),
    words("winner"),  # a, b
    at("decided_at", null=True),
    json("result"),
    ref("asked_by", "users", null=True),
    at("asked_at", null=True),
    ref("answered_by", "users", null=True),
    at("answered_at", null=True),
    words("answer"),
    version(),
    # Asked for on every page: the menu counts what waits for a second person.
    Index("ix_broadcasts_asked", "asked_by", postgresql_where=text("state = 'asked'")),
)

simulations = Table(
    "simulations",
    metadata,
    row_id(),
    ref("scenario_id", "scenarios", index=True),
    ref("version_id", "scenario_versions", null=True),
    ref("user_id", "users", null=True),
    words("state", default="waiting"),  # waiting, running, done, cancelled, failed
    Column("seed", BigInteger, nullable=False, server_default=text("0")),
    json("rates"),
    number("done"),
    number("total"),
    json("result"),
    words("error"),
    at("created_at"),
    at("began_at", null=True),
    at("told_at", null=True),  # its worker's last sign of life, by the database's own clock
    at("ended_at", null=True),
)

# A mail as it was frozen at publishing: CSS inlined once, links numbered.
published_mails = Table(
    "published_mails",
    metadata,
    row_id(),
    ref("content_id", "contents"),
    ref("version_id", "scenario_versions", null=True, index=True),
    words("step_key"),
    words("lang", default="ja"),
    words("buying_role"),
    words("subject"),
    words("preheader"),
    words("html"),
    words("text"),
    json("links", "[]"),
    at("published_at"),
    UniqueConstraint("version_id", "step_key", "lang", "buying_role"),
)
