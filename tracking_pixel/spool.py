"""A folder of events for the time in which Redis is away.

One file a process, `events-<pid>-<uuid>.jsonl`; each group of lines is fsynced before the caller goes on. A line
is the CRC-32 of an event's bytes, a blank and the bytes: one that was torn or spoilt on the disk is left out.
The file is opened, locked and closed for each group, so a drainer may take it at any moment: it renames
the file, then waits for the lock. A writer that finds its file renamed under it starts the next one.
A drainer that died leaves a `.claimed` file, which the next one takes over as soon as its lock is free.
Events may so arrive twice, never not at all; their uid makes the second arrival harmless.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from binascii import crc32
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHUNK = 500


class Spool:
    """Events on disk. The folder is made at the first write."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name: str | None = None
        self._pid = 0

    def append(self, raws: Sequence[bytes]) -> None:
        """Write and fsync events' bytes (no line feed in them). OSError when the disk is full."""
        if not raws:
            return
        lines = b"".join(b"%08x %b\n" % (crc32(raw), raw) for raw in raws)
        with self._locked() as descriptor:
            view = memoryview(lines)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)

    def is_empty(self) -> bool:
        return next(self._files(), None) is None

    def drain(self, into: Callable[[Sequence[bytes]], object]) -> int:
        """Hand every spooled event to `into`, 500 at a time; a file goes only when all of it was taken.

        What `into` raises is passed on, and the file stays for the next time. Returns the events moved.
        What a power cut has torn was never acknowledged to anybody.
        """
        return sum(self._drain_file(path, into) for path in list(self._files()))

    def _drain_file(self, path: Path, into: Callable[[Sequence[bytes]], object]) -> int:
        claimed = path
        if path.suffix != ".claimed":
            claimed = path.with_name(f"{path.name}.{uuid.uuid4().hex}.claimed")
            try:
                path.rename(claimed)
            except FileNotFoundError:  # another drainer was quicker
                return 0
        try:
            descriptor = os.open(claimed, os.O_RDWR)
        except FileNotFoundError:
            return 0
        with os.fdopen(descriptor, "rb") as file:
            # A file just renamed may still be written to for an instant; a claimed one is left to a
            # living drainer.
            mode = fcntl.LOCK_EX | (fcntl.LOCK_NB if claimed is path else 0)
            try:
                fcntl.flock(file, mode)
            except BlockingIOError:
                return 0
            # Between our rename and our lock another drainer may have taken it over and finished it.
            if os.fstat(descriptor).st_nlink == 0:
                return 0
            moved = 0
            for chunk in _chunks(file):
                into(chunk)
                moved += len(chunk)
            claimed.unlink(missing_ok=True)
            return moved

    def _files(self) -> Iterator[Path]:
        try:
            entries = sorted(self._folder.iterdir())
        except FileNotFoundError:
            return
        yield from (path for path in entries if path.name.startswith("events-") and path.suffix in _SUFFIXES)

    @contextmanager
    def _locked(self) -> Iterator[int]:
        while True:
            path = self._path()
            is_new = not path.exists()
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not _is_same(descriptor, path):
                    self._name = None
                    continue
                if is_new:
                    _sync_folder(self._folder)
                yield descriptor
                return
            finally:
                os.close(descriptor)

    def _path(self) -> Path:
        if self._name is None or self._pid != os.getpid():  # a fork must not share its parent's file
            self._folder.mkdir(parents=True, exist_ok=True)
            self._pid = os.getpid()
            self._name = f"events-{self._pid}-{uuid.uuid4().hex}.jsonl"
        return self._folder / self._name


_SUFFIXES = (".jsonl", ".claimed")


def _chunks(file: Iterator[bytes]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    for line in file:
        check, _, raw = line.rstrip(b"\n").partition(b" ")
        if check != b"%08x" % crc32(raw):
            continue
        chunk.append(raw)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
