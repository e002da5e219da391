"""Postfix's own sink and source: where mails go in a benchmark, and how fast they could go at the most."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_COUNT = re.compile(rb"mesg=(\d+)")


def _tool(name: str) -> str:
    return shutil.which(name) or f"/usr/sbin/{name}"


@dataclass(frozen=True, slots=True)
class Sink:
    """port: on loopback. file: the sink's running counters, empty unless it counts."""

    port: int
    file: Path

    def taken(self) -> int:
        """Whole messages taken so far, by a counting sink."""
        found = _COUNT.findall(self.file.read_bytes())
        return max(map(int, found), default=0)


@contextmanager
def sink(*, counting: bool = False, options: tuple[str, ...] = ()) -> Iterator[Sink]:
    """An smtp-sink on a free port. counting: it tells what it took, which costs it a write a mail."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    command = [_tool("smtp-sink"), *(("-c",) if counting else ()), *options]
    if not os.geteuid():
        command += ["-u", "nobody"]
    with tempfile.NamedTemporaryFile() as output:
        process = subprocess.Popen([*command, f"127.0.0.1:{port}", "1000"], stdout=output)
        try:
            _wait(port)
            yield Sink(port, Path(output.name))
        finally:
            process.terminate()
            process.wait()


def limit(port: int, *, count: int, octets: int) -> float:
    """Mails a second of Postfix's own source, ten sessions, connections kept."""
    began = time.monotonic()
    command = [_tool("smtp-source"), "-d", "-s", "10", "-l", str(octets), "-m", str(count)]
    subprocess.run([*command, f"127.0.0.1:{port}"], check=True)
    return count / (time.monotonic() - began)


def _wait(port: int) -> None:
    for _ in range(100):
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("smtp-sink does not start")
