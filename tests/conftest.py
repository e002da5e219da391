"""Real parts for the suite: one embedded PostgreSQL and one Valkey a run.

IKUSEI_TEST_DATABASE_URL and IKUSEI_TEST_REDIS_URL point the suite at other servers. The database is
migrated once; `tx` is one transaction rolled back, `parts` is a whole installation whose tables are
emptied before the test.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import Connection, Engine, create_engine, text

from campaigns import embedded
from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.services import render
from campaigns.settings import Settings
from campaigns.storage import schema, tables

# The same examples in every run, so that a red run is the change's own; HYPOTHESIS_PROFILE=search looks for new ones.
hypothesis.settings.register_profile("same", derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# A finalizer that complains within another test has nobody to answer to, and its words would mix into what a
# command under test prints.
sys.unraisablehook = lambda _: None

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # Tuesday, 10:00 in Tokyo


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="ikusei-test-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user under root
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database_url(home: Path) -> Iterator[str]:
    given = os.environ.get("IKUSEI_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = embedded.postgres(home, durable=False)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def redis_url(home: Path) -> Iterator[str]:
    given = os.environ.get("IKUSEI_TEST_REDIS_URL")
    if given:
        yield given
        return
    server = embedded.valkey(home)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def migrated(database_url: str) -> Iterator[Engine]:
    engine = create_engine(database_url)
    schema.migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def tx(migrated: Engine) -> Iterator[Connection]:
    """One transaction, rolled back at the end."""
    with migrated.connect() as connection:
        outer = connection.begin()
        yield connection
        outer.rollback()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def settings(home: Path, tmp_path: Path, database_url: str, redis_url: str) -> Settings:
    return Settings(
        var=str(tmp_path / "var"),
        database_url=database_url,
        redis_url=redis_url,
        keys="1:" + "5a" * 32,
        resolver="none",
    )


@pytest.fixture
def parts(settings: Settings, migrated: Engine) -> Iterator[Parts]:
    """An empty installation: every table emptied, the queue flushed, the clock at NOW."""
    settings.folder.mkdir(parents=True, exist_ok=True)
    names = ", ".join(f'"{table.name}"' for table in tables.metadata.sorted_tables)
    with migrated.begin() as tx:
        tx.execute(text(f"truncate {names} restart identity cascade"))
    schema.migrate(migrated)
    built = composition.build(settings)
    render._KEPT.clear()  # ids start anew here, which they never do in an installation
    built.redis.flushdb()
    built.clock.move_to(NOW)
    yield built
    built.engine.dispose()
    built.redis.close()


@pytest.fixture
def settings_with(settings: Settings):  # type: ignore[no-untyped-def]
    """Settings with some fields changed: settings_with(smtp_url=...)."""
    return lambda **changed: replace(settings, **changed)
