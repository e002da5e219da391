"""Lines kept on disk until the database is back: appended with fsync, taken all at once.

One lock file beside it keeps writers and the taker apart, since the file itself is unlinked. A line torn by
a power cut was never confirmed to anybody; the next one begins on a line of its own.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def append(path: Path, line: bytes) -> None:
    """Write and fsync one line. OSError when the disk is full: then nothing may be confirmed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path), open(path, "ab", opener=_private) as file:
        is_new = file.tell() == 0
        file.write(b"\n" + line + b"\n")
        file.flush()
        os.fsync(file.fileno())
        if is_new:
            _sync_folder(path.parent)


def _private(path: str, flags: int) -> int:
    """Nobody but its owner reads what people have written."""
    return os.open(path, flags, 0o600)


def count(path: Path) -> int:
    """How many lines wait."""
    try:
        return len(_lines(path))
    except FileNotFoundError:
        return 0


@contextmanager
def taken(path: Path) -> Iterator[list[bytes]]:
    """All lines, oldest first; the file goes when the block ends well and stays when it raises."""
    if not path.exists():
        yield []
        return
    with _locked(path):
        try:
            lines = _lines(path)
        except FileNotFoundError:
            lines = []  # another one was quicker
        yield lines
        if lines:
            path.unlink()
            _sync_folder(path.parent)


def _lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines() if line.strip()]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
