from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import StatementError

from campaigns.storage import schema, tables


def test_the_migrated_database_is_what_the_code_says(tx: Connection) -> None:
    assert schema.difference(tx) == []


def test_a_naive_instant_is_refused(tx: Connection) -> None:
    with pytest.raises(StatementError, match="time zone"):
        tx.execute(insert(tables.events).values(name="x", created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


def test_one_row_tables_have_their_row(tx: Connection) -> None:
    for table in (tables.clock, tables.stops, tables.house):
        assert tx.execute(select(table.c.id)).scalars().all() == [1]


def test_names_addresses_phones_and_free_text_are_marked_as_personal() -> None:
    marked = {
        f"{table.name}.{column.name}"
        for table in tables.metadata.sorted_tables
        for column in table.columns
        if column.info.get("pii")
    }
    must = {"people.family", "people.full_name", "people.tel", "addresses.email", "touchpoints.note"}
    must |= {"inbound_mails.text", "tasks.note", "audit_values.old", "import_rows.cells", "users.email"}
    must |= {"form_entries.visitor", "tracking_events.visitor", "visitor_ties.visitor"}
    assert must <= marked
