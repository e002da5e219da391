"""What to do next: leads with their ranks, tasks, calls, hand-offs and alerts."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Float, ForeignKey, Index, Table, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB

from campaigns.storage.tables.columns import at, flag, json, metadata, number, ref, row_id, version, words

product_leads = Table(
    "product_leads",
    metadata,
    row_id(),
    ref("person_id", "people"),
    ref("origin_person_id", "people", null=True),
    ref("product_id", "products"),
    words(
        "state", default="new"
    ),  # new nurturing hot offered with_sales opportunity won lost waiting paused excluded
    words("rank", default="unobserved"),
    Column("score", Float, nullable=False, server_default=text("0")),
    json("breakdown"),
    json("reasons", "[]"),
    Column("p_win", Float, nullable=False, server_default=text("0")),
    number("depth_max"),
    at("acquired_at", null=True),
    at("last_touch_at", null=True),
    at("refused_until", null=True),
    at("no_call_before", null=True),
    at("no_hand_off_before", null=True),
    number("recycles"),
    number("shallow_recycles"),  # those in a row that found no deeper touch than the one before
    number("recycle_depth"),  # the depth reached when it last came back
    at("next_change_at", null=True),
    at("ranked_at", null=True),
    flag(
        "is_stale"
    ),  # touches, or what they are worth, have changed since: its sums (lead_sums) no longer hold
    words("selection_stage"),
    words("timeframe"),
    at("paused_until", null=True),  # nobody acts on it and no mail goes out until then
    words("pause_reason", pii="text"),
    ref("import_batch_id", "import_batches", null=True, index=True),
    at("created_at"),
    version(),
    UniqueConstraint("person_id", "product_id"),
    Index("ix_product_leads_product_id_rank", "product_id", "rank", "score", "id"),
    Index("ix_product_leads_next_change_at", "next_change_at"),
    Index("ix_product_leads_paused_until", "paused_until", postgresql_where=text("paused_until is not null")),
)

# What a lead's touches come to, so that a rank needs no touch: sums of their points in each group, decayed to one
# fixed instant (rules.ranks.EPOCH), and when each depth was last reached. Apart from product_leads, since whoever
# ranks all leads anew rewrites every row of it and none of the leads' indexes.
lead_sums = Table(
    "lead_sums",
    metadata,
    Column("lead_id", BigInteger, ForeignKey("product_leads.id", ondelete="CASCADE"), primary_key=True),
    *(
        Column(name, Float, nullable=False, server_default=text("0"))
        for name in ("mail", "web", "form", "event", "talk")
    ),
    *(at(f"depth{n}_at", null=True) for n in range(1, 6)),
    at("first_at", null=True),  # the first sign
    at("next_at", null=True),  # the first touch that lies ahead; from then on the row is old
    json("asked", None),  # {kind: instant}: the last touch of each kind that makes hot at once
)

rank_changes = Table(
    "rank_changes",
    metadata,
    row_id(),
    ref("lead_id", "product_leads", index=True),
    at("at"),
    words("old"),
    words("new"),
    Column("score", Float, nullable=False),
    Column("p_win", Float, nullable=False),
    json("reasons", "[]"),  # the three strongest
    json("why", "[]"),  # ids of the touchpoints that weighed most, oldest first
    Index("ix_rank_changes_at", "at"),  # what moved on a day
)

tasks = Table(
    "tasks",
    metadata,
    row_id(),
    words("kind"),  # call, fax, visit, mail, check, intro, reply, review
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    ref("company_id", "companies", null=True),
    ref("product_id", "products", null=True),
    ref("lead_id", "product_leads", null=True, index=True),
    words("team", default="inside"),
    ref("assignee_id", "users", null=True),
    words("state", default="open"),  # open, done, snoozed, cancelled
    words("cause"),  # the row of the action matrix: hot_deep, warm_shallow ...; step: of a scenario
    ref("enrollment_id", "enrollments", null=True, index=True),
    words("step_key"),
    json("why", "[]"),  # ids of the touchpoints that caused it
    number("priority", 3),
    at("due_at"),
    at("not_before", null=True),
    at("promised_at", null=True),
    number("tries"),
    words("outcome"),
    words("note", pii="text"),
    # What was typed with a result that was taken back: {user_id, note, next_at, named_month}, until the next result
    # or its end.
    Column("draft", JSONB, nullable=True, info={"pii": "text"}),
    at("created_at"),
    ref("created_by", "users", null=True),  # who asked for it by hand
    at("reminded_at", null=True),  # its assignee was told that it is late
    at("escalated_at", null=True),  # and then the sales manager
    at("done_at", null=True),
    ref("done_by", "users", null=True),
    version(),
    Index(
        "uq_tasks_open",
        "lead_id",
        "kind",
        unique=True,
        postgresql_where=text("state in ('open', 'snoozed') and lead_id is not null"),
    ),
    Index("ix_tasks_open_due_at", "due_at", postgresql_where=text("state = 'open'")),
    Index("ix_tasks_calls", "id", postgresql_where=text("kind = 'call' and state = 'open'")),
    Index("ix_tasks_open_assignee_id", "assignee_id", "due_at", postgresql_where=text("state = 'open'")),
    # Nobody's, in the order in which they are looked through.
    Index(
        "ix_tasks_free",
        "promised_at",
        "priority",
        "due_at",
        "id",
        postgresql_where=text("state = 'open' and assignee_id is null"),
    ),
    Index("ix_tasks_done_at", "done_at"),
)

call_attempts = Table(
    "call_attempts",
    metadata,
    row_id(),
    ref("task_id", "tasks", index=True),
    ref("person_id", "people", index=True),
    at("at"),
    words("result"),
    words("note", pii="text"),
    at("next_at", null=True),
    Column("named_month", Date, nullable=True),  # when the person means to buy (not_now)
    ref("user_id", "users", null=True),
    at(
        "settles_at", null=True
    ),  # its effects leave then, and until then it can be taken back; null: they have left
    words("source_key"),  # the line of a file it was read from
    flag("is_hour_known", True),  # false: read from a file that names no time, so it says nothing about hours
    Index("ix_call_attempts_at", "at"),
    Index("ix_call_attempts_settles_at", "settles_at", postgresql_where=text("settles_at is not null")),
    Index(
        "uq_call_attempts_waiting", "task_id", unique=True, postgresql_where=text("settles_at is not null")
    ),
    Index(
        "uq_call_attempts_source_key", "source_key", unique=True, postgresql_where=text("source_key <> ''")
    ),
)

hand_offs = Table(
    "hand_offs",
    metadata,
    row_id(),
    ref("lead_id", "product_leads", index=True),
    ref("product_id", "products"),
    words("team", default="field"),
    words("state"),  # proposed, held, offered, accepted, returned, withdrawn, won, lost, no_deal, timeout
    words("held_reason"),
    Column("p_win", Float, nullable=False),
    Column("bar", Float, nullable=False),
    flag("asked_by_customer"),
    json("reasons", "[]"),
    ref("by_user_id", "users", null=True),  # who handed it over by hand; null: the gate
    words("by_words", pii="text"),  # and why
    ref("rep_user_id", "users", null=True),
    at("due_at", null=True),  # of an offer: until when sales answer
    at("told_at", null=True),
    at("reminded_at", null=True),
    at("escalated_at", null=True),
    at("accepted_at", null=True),
    words("returned_code"),  # why it came back: one of a list, or what took the offer back
    words("returned_reason", pii="text"),  # and in the rep's own words
    at("created_at"),
    at("resolved_at", null=True),
    Index("ix_hand_offs_product_id_created_at", "product_id", "created_at"),
    # Offers that wait for an answer, the first due first.
    Index("ix_hand_offs_due_at", "due_at", postgresql_where=text("state = 'offered'")),
)

# A hot signal reaches a person: the badge counts these until somebody has seen them.
alerts = Table(
    "alerts",
    metadata,
    row_id(),
    at("at"),
    # hot, surge, reply, refused_by_reply, in_doubt, complaint, complaint_rate, scenario_paused, sender_fault
    words("kind"),
    ref("person_id", "people", null=True),
    ref("product_id", "products", null=True),
    ref("lead_id", "product_leads", null=True),
    ref("user_id", "users", null=True),
    json("args"),
    at("seen_at", null=True),
    Index("ix_alerts_unseen", "user_id", postgresql_where=text("seen_at is null")),
    Index("ix_alerts_kind_at", "kind", "at"),  # told today already?
)
