"""Bring a database to the newest migration, and write the next one.

Migrations only go forward. The one-row tables (clock, stops, house) get their row here, once.
"""

from __future__ import annotations

from pathlib import Path

from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, text
from sqlalchemy.dialects.postgresql import insert

from campaigns.storage import tables

FOLDER = Path(__file__).parent / "migrations"
LOCK = 4_918_275_501  # two starts at once: the second waits


def migrate(engine: Engine, *, to: str = "head") -> None:
    """Run what is missing, in one transaction, one process at a time."""
    with engine.begin() as tx:
        tx.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
        command.upgrade(_config(tx), to)
        for table in (tables.clock, tables.stops, tables.house):
            tx.execute(insert(table).values(id=1).on_conflict_do_nothing())


def difference(tx: Connection) -> list[object]:
    """What the tables in code have that the migrated database has not: empty in a sound tree."""
    context = MigrationContext.configure(tx, opts={"target_metadata": tables.metadata})
    return list(autogenerate.compare_metadata(context, tables.metadata))


def revise(tx: Connection, *, message: str, number: str) -> None:
    """Write the migration from the database's schema to the tables in code, to be read and mended by hand."""
    command.revision(_config(tx), message=message, rev_id=number, autogenerate=True)


def _config(tx: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["connection"] = tx
    return config
