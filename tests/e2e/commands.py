"""`ikusei COMMAND` as a user starts it, on the servers of a test."""

from __future__ import annotations

import os
import subprocess
import sys

from campaigns.parts import Parts


def started(parts: Parts, command: str, **settings: str) -> subprocess.Popen[bytes]:
    """The running command; what it says stands on its stderr. settings: further environment."""
    own = {
        "IKUSEI_VAR": parts.settings.var,
        "IKUSEI_DATABASE_URL": parts.settings.database_url,
        "IKUSEI_REDIS_URL": parts.settings.redis_url,
        "IKUSEI_KEYS": parts.settings.keys,
        **settings,
    }
    environment = {name: value for name, value in os.environ.items() if not name.startswith("IKUSEI_")}
    return subprocess.Popen(
        [sys.executable, "-m", "campaigns.commands", command],
        env=environment | own,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
