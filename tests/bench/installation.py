"""An empty installation for a benchmark: embedded servers with durable settings, as in real use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from campaigns import embedded
from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.settings import Settings
from campaigns.storage import schema


@contextmanager
def installation(**changed: object) -> Iterator[Parts]:
    """Parts over servers of their own, stopped and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="ikusei-bench-"))
    home.chmod(0o755)
    servers = [embedded.postgres(home), embedded.valkey(home)]
    try:
        settings = Settings(  # type: ignore[arg-type]
            var=str(home / "var"),
            database_url=servers[0].url,
            redis_url=servers[1].url,
            keys="1:" + "5a" * 32,
            **changed,
        )
        settings.folder.mkdir()
        parts = composition.build(settings)
        schema.migrate(parts.engine)
        yield parts
        parts.engine.dispose()
    finally:
        for server in reversed(servers):
            server.stop()
        shutil.rmtree(home, ignore_errors=True)
