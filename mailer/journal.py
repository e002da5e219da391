"""The hand-over journal: which bodies were begun and which were answered, readable after a crash.

One file a batch, named by the claim's token, in a local directory:

    J 1 <directory id> <boot id> <expected count>
    H 41            before the first byte of mail 41's body
    A 41 250 Ok     after the server's answer

Risky assumptions, each made safe: records are written into preallocated space, so a full disk fails
at `create`, before anything is claimed; where a file system breaks that promise, the process dies of it at
`handing`, before the body, and the sweep settles. A killed process leaves what it wrote in the page cache;
a power cut may not, so a journal of another boot is not trusted. A free lock means that the writer is
gone, because flock dies with its process. A torn last record means the process died while writing it:
a torn H is a body that never began, a torn A leaves its H, which is in doubt. POSIX only.
Source: design section 3.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import re
import subprocess
import sys
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from mailer.errors import JournalError

_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")
_TEXT_MAX = 160  # octets of the server's words kept in a record
_RECORD_ROOM = 24 + 24 + 5 + _TEXT_MAX + 16  # one H and one A with a 19-digit id
_HEAD_ROOM = 160
_LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Answered:
    """The server replied: settle by its code."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The body began and no reply is on record: in doubt."""


@dataclass(frozen=True, slots=True)
class Untouched:
    """No byte of the body left: may be planned again."""


Verdict = Answered | Begun | Untouched


class JournalDir:
    """A directory of journals with an identity of its own, so that a look-alike is noticed.

    id: made once, kept in the file `id`. boot_id: of the running system.
    """

    __slots__ = ("boot_id", "id", "path")

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.id = _directory_id(self.path)
        self.boot_id = boot_id()

    def tokens(self) -> list[str]:
        """Tokens of the journals that lie here, oldest first: strays are for the sweep."""
        found = [p for p in self.path.glob("*.journal") if _TOKEN.match(p.stem)]
        return [p.stem for p in sorted(found, key=_mtime)]

    def file(self, token: str) -> Path:
        """Where the journal of a claim lies."""
        if not _TOKEN.match(token):
            raise JournalError(f"not a token: {token!r}")
        return self.path / f"{token}.journal"


class Journal:
    """The writer's side. Make it with `Journal.create` before the claim is committed."""

    __slots__ = ("_begun", "_end", "_expected", "_fd", "_path", "_room")

    def __init__(self, fd: int, path: Path, end: int, expected: int) -> None:
        self._fd = fd
        self._path = path
        # Written through memory: two system calls a mail, each of which gives the interpreter away, were a
        # twentieth of a mail's time. The pages are the kernel's, so they outlive the process like written ones.
        self._room = mmap.mmap(fd, 0)
        self._end = end
        self._expected = expected
        self._begun = 0

    @classmethod
    def create(cls, directory: JournalDir, token: str, expected_count: int) -> Journal:
        """A new, locked, preallocated journal. Raises FileExistsError for a token used twice."""
        path = directory.file(token)
        head = f"J 1 {directory.id} {directory.boot_id} {expected_count}\n".encode("ascii")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _allocate(fd, _size(expected_count))
            _write_at(fd, head, 0)
            return cls(fd, path, len(head), expected_count)
        except BaseException:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise

    def handing(self, id: int) -> None:
        """Record that the body of this mail starts now. If this raises, it must not start."""
        if self._begun >= self._expected:
            raise JournalError("more bodies than the claim holds")
        self._begun += 1
        self._append(b"H %d\n" % id)

    def answered(self, id: int, code: int, text: str) -> None:
        """Record the server's reply."""
        words = " ".join(text.split()).encode("utf-8", "replace").replace(b"\0", b"")[:_TEXT_MAX]
        self._append(b"A %d %d %s\n" % (id, code, words))

    def close(self) -> None:
        """Give the lock up and leave the file: what a crash would do."""
        if self._fd >= 0:
            self._room.close()
            os.close(self._fd)
            self._fd = -1

    def close_and_unlink(self) -> None:
        """After every mail of the claim is settled and committed."""
        if self._fd >= 0:
            self._path.unlink(missing_ok=True)
            self.close()

    def _append(self, record: bytes) -> None:
        if self._fd < 0:
            raise JournalError("the journal is closed")
        end = self._end + len(record)
        if end >= len(self._room):
            raise JournalError("the journal is full")
        self._room[self._end : end] = record
        self._end = end


@dataclass(slots=True)
class Reading:
    """What a journal tells. Holds the lock until `close` or `unlink`; usable in a `with`.

    trust: whether the records decide; else the whole batch is in doubt. reason: trusted, missing,
    locked (the writer lives), other_directory, other_boot, damaged.
    answers: id -> reply. begun: ids with an H record.
    """

    trust: bool
    reason: str
    locked: bool = False
    answers: dict[int, Answered] = field(default_factory=dict)
    begun: frozenset[int] = frozenset()
    _fd: int = -1
    _path: Path | None = None

    def close(self) -> None:
        """Give the lock back and leave the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def unlink(self) -> None:
        """After the batch is settled from this reading: remove the file, then the lock."""
        if self._fd >= 0 and self._path is not None:
            self._path.unlink(missing_ok=True)
        self.close()

    def __enter__(self) -> Reading:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read(directory: JournalDir, token: str, *, directory_id: str, boot_id: str) -> Reading:
    """The journal of a claim, through the locked handle.

    directory_id, boot_id: as the claim's row has them; both must be this directory's and this boot's.
    """
    if directory_id != directory.id:
        return Reading(False, "other_directory")
    path = directory.file(token)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return Reading(False, "missing")
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return Reading(False, "locked", locked=True)
        if os.fstat(fd).st_nlink == 0:  # the writer settled and unlinked between our open and our lock
            os.close(fd)
            return Reading(False, "missing")
        reading = _parse(_read_all(fd), directory_id=directory_id, boot_id=boot_id)
        if reading.trust and boot_id != directory.boot_id:
            reading = Reading(False, "other_boot")
    except BaseException:
        with suppress(OSError):
            os.close(fd)
        raise
    reading._fd, reading._path = fd, path
    return reading


def verdict(reading: Reading, ids: Iterable[int]) -> Mapping[int, Verdict]:
    """What became of each mail of the batch; of an untrusted journal everything is Begun."""
    if not reading.trust:
        return {id: Begun() for id in ids}
    return {id: reading.answers.get(id) or (Begun() if id in reading.begun else Untouched()) for id in ids}


def boot_id() -> str:
    """An id of this run of the operating system; where there is none, one that never matches again."""
    with suppress(OSError):
        return _LINUX_BOOT_ID.read_text(encoding="ascii").strip()
    if sys.platform == "darwin":
        with suppress(OSError, subprocess.SubprocessError):
            command = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=5)  # noqa: S603
            return done.stdout.strip()
    return f"unknown-{uuid.uuid4()}"


def _parse(octets: bytes, *, directory_id: str, boot_id: str) -> Reading:
    written = octets.split(b"\0", 1)[0]
    lines = written.split(b"\n")
    lines.pop()  # empty, or a torn record: see the module's docstring
    # The head and all the room stand before the claim's commit. Where they are gone the file was cut or emptied
    # afterwards, and its records with them: no record is no proof then that nothing was handed over.
    head = lines[0].split(b" ") if lines else []
    if len(head) != 5 or head[:2] != [b"J", b"1"] or not head[4].isdigit():
        return Reading(False, "damaged")
    if len(octets) < _size(int(head[4])) or octets[len(written) + _RECORD_ROOM :].strip(b"\0"):
        return Reading(False, "damaged")
    if head[2] != directory_id.encode():
        return Reading(False, "other_directory")
    if head[3] != boot_id.encode():
        return Reading(False, "other_boot")
    answers: dict[int, Answered] = {}
    begun: set[int] = set()
    try:
        for line in lines[1:]:
            mark, id, *rest = line.split(b" ", 3)
            if mark == b"H" and not rest:
                begun.add(int(id))
            elif mark == b"A" and rest:
                text = rest[1].decode("utf-8", "replace") if len(rest) > 1 else ""
                answers[int(id)] = Answered(int(rest[0]), text)
            else:
                return Reading(False, "damaged")
    except ValueError:
        return Reading(False, "damaged")
    return Reading(True, "trusted", answers=answers, begun=frozenset(begun))


def _directory_id(path: Path) -> str:
    """Made once: written aside and linked, so two processes that start together agree."""
    target = path / "id"
    with suppress(FileNotFoundError):
        return target.read_text(encoding="ascii").strip()
    mine = path / f".id-{uuid.uuid4().hex}"
    mine.write_text(f"{uuid.uuid4()}\n", encoding="ascii")
    with suppress(FileExistsError):
        os.link(mine, target)
    mine.unlink()
    return target.read_text(encoding="ascii").strip()


def _size(count: int) -> int:
    """Octets of a journal for so many mails."""
    return _HEAD_ROOM + count * _RECORD_ROOM


def _allocate(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    else:  # macOS: real zeros are as good, only slower
        _write_at(fd, b"\0" * size, 0)


def _write_at(fd: int, octets: bytes, offset: int) -> None:
    """All of it or OSError: pwrite may write less than it was given."""
    done = 0
    while done < len(octets):
        done += os.pwrite(fd, octets[done:], offset + done)


def _read_all(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0
