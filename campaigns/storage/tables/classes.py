"""Customer classes: the monthly review of who moved between A, B and C."""

from __future__ import annotations

from sqlalchemy import Column, Integer, Table

from campaigns.storage.tables.columns import at, metadata, number, ref

class_reviews = Table(
    "class_reviews",
    metadata,
    Column("month", Integer, primary_key=True, autoincrement=False),  # year * 12 + month - 1
    at("opened_at"),
    number("differing"),  # suggestions that waited when it was opened
    number("accepted"),
    number("kept"),
    at("closed_at", null=True),
    ref("closed_by", "users", null=True),
)
