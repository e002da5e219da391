"""Around events: those that come every month, the mails about one, and what the invited answered."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from campaigns.storage.tables.columns import (
    at,
    flag,
    id_of,
    json,
    metadata,
    number,
    ref,
    row_id,
    version,
    words,
)

# What next month's event is made from, with its invitation; each event keeps its series and month (events.series_id).
event_series = Table(
    "event_series",
    metadata,
    row_id(),
    words("name"),
    words("kind", default="private_show"),
    words("rule", default="weekday"),  # weekday: the nth of the month; day: a day of the month
    number("nth", 2),  # 1 to 4, 5: the last
    number("weekday", 2),  # 0 is Monday
    number("day", 1),
    words("venue"),
    ref("owner_user_id", "users", null=True),
    json("costs", "[]"),
    number("capacity", None, null=True),
    flag("has_waiting_list"),
    number("apply_days", None, null=True),  # sign-up ends so many days before; null: on the day
    ref("product_id", "products", null=True),  # of the invitation; null: none is made
    ref("content_id", "contents", null=True),  # copied for each month, since nobody gets the same mail twice
    Column("classes", ARRAY(Text), nullable=False, server_default=text("'{C1,D,E,-}'")),
    json("audience"),
    id_of(
        "met_event_id", null=True
    ),  # only people met there; without a key, since events refer to their series
    number("invite_days", 21),  # the invitation goes so many days before
    at("stopped_at", null=True),
    ref("created_by", "users", null=True),
    at("created_at"),
    version(),
)

# Invitations and thank-you mails as broadcasts. One thank-you mail an event and product: a second press finds it.
event_mailings = Table(
    "event_mailings",
    metadata,
    Column("scenario_id", BigInteger, ForeignKey("scenarios.id"), primary_key=True),
    ref("event_id", "events", index=True),
    ref("product_id", "products"),
    words("purpose"),  # invitation, thanks
    Index(
        "uq_event_mailings_thanks",
        "event_id",
        "product_id",
        unique=True,
        postgresql_where=text("purpose = 'thanks'"),
    ),
)

event_answers = Table(
    "event_answers",
    metadata,
    row_id(),
    ref("event_id", "events"),
    ref("person_id", "people", index=True),
    ref("origin_person_id", "people", null=True),
    words("answer"),  # yes, maybe, no
    flag("is_waiting"),  # a yes without a seat
    Column("delivery_id", BigInteger, nullable=True),  # the mail whose link was pressed last
    ref("answered_by", "users", null=True),  # staff who wrote it down; null: the person
    at("at"),
    UniqueConstraint("event_id", "person_id"),
    CheckConstraint("answer in ('yes', 'maybe', 'no')", name="answer"),
    CheckConstraint("not is_waiting or answer = 'yes'", name="waiting"),
)
