"""An empty installation of its own: embedded servers with durable settings, as in real use."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from campaigns import embedded
from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.settings import Settings
from campaigns.storage import schema


@dataclass(slots=True)
class House:
    """Parts over servers that may be stopped, killed and started again."""

    home: Path
    parts: Parts
    servers: dict[str, embedded.Server]

    def start(self, name: str) -> None:
        """Start a server that has ended; one that was killed may need a moment to let go of its memory."""
        make = {"postgres": embedded.postgres, "valkey": embedded.valkey}[name]
        for last in (False, False, True):
            try:
                self.servers[name] = make(self.home)
                return
            except embedded.EmbeddedError:
                if last:
                    raise


@contextmanager
def house(**changed: object) -> Iterator[House]:
    """Servers and parts, stopped and removed afterwards."""
    home = Path(tempfile.mkdtemp(prefix="ikusei-own-"))
    home.chmod(0o755)  # PostgreSQL runs as another user under root
    servers = {"valkey": embedded.valkey(home)}
    try:
        if not changed.get("database_url"):  # else the database is somebody else's
            servers["postgres"] = embedded.postgres(home)
            changed["database_url"] = servers["postgres"].url
        settings = Settings(  # type: ignore[arg-type]
            var=str(home / "var"),
            redis_url=servers["valkey"].url,
            keys="1:" + "5a" * 32,
            **changed,
        )
        settings.folder.mkdir()
        parts = composition.build(settings)
        schema.migrate(parts.engine)
        made = House(home, parts, servers)
        yield made
        parts.engine.dispose()
        parts.redis.close()
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def installation(**changed: object) -> Iterator[Parts]:
    """The parts alone."""
    with house(**changed) as made:
        yield made.parts
