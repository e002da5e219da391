"""Writing many rows at once: COPY, and ids reserved before the rows are written.

Measured: 100,000 rows in 1.8 s by COPY, 72 s through an ORM (design 4).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, text

from campaigns.storage import tables as t


def copy(tx: Connection, table: str, columns: Sequence[str], values: Iterable[Sequence[object]]) -> None:
    """Write rows by COPY. An identity column may be among the columns: COPY takes it as given."""
    if table not in t.metadata.tables:
        raise ValueError(table)
    cursor = tx.connection.cursor()
    names = ", ".join(f'"{name}"' for name in columns)
    with cursor.copy(f"copy {table} ({names}) from stdin") as out:
        for row in values:
            out.write_row(row)
    cursor.close()


def reserve(tx: Connection, table: str, count: int) -> list[int]:
    """Ids that nobody else will get, for rows that refer to each other before they are written."""
    if not count:
        return []
    found = tx.execute(
        text("select nextval(pg_get_serial_sequence(:name, 'id')) as id from generate_series(1, :count)"),
        {"name": table, "count": count},
    )
    return [int(row.id) for row in found]


def json_text(value: object) -> str:
    # PostgreSQL's jsonb holds no NUL, and lone surrogates are no text.
    return json.dumps(value, ensure_ascii=False, default=str).replace("\\u0000", "")
