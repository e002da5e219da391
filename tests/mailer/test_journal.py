"""The journal after every kind of end."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from mailer import journal
from mailer.errors import JournalError
from mailer.journal import Answered, Begun, Journal, JournalDir, Untouched, verdict

TOKEN = "claim-0001"


@pytest.fixture
def folder(tmp_path: Path) -> JournalDir:
    return JournalDir(tmp_path / "journal")


def read(folder: JournalDir, **other: str) -> journal.Reading:
    ids = {"directory_id": folder.id, "boot_id": folder.boot_id} | other
    return journal.read(folder, TOKEN, **ids)


def test_answered_begun_and_untouched_are_told_apart(folder: JournalDir) -> None:
    written = Journal.create(folder, TOKEN, 4)
    written.handing(41)
    written.answered(41, 250, "2.0.0 Ok: queued\r\nas 4F2")
    written.handing(42)
    written.answered(43, 550, "5.1.1 unknown")
    written.close()
    with read(folder) as reading:
        assert (reading.trust, reading.reason) == (True, "trusted")
        assert verdict(reading, [41, 42, 43, 44]) == {
            41: Answered(250, "2.0.0 Ok: queued as 4F2"),
            42: Begun(),
            43: Answered(550, "5.1.1 unknown"),
            44: Untouched(),
        }


def test_a_living_writer_keeps_the_reader_out(folder: JournalDir) -> None:
    written = Journal.create(folder, TOKEN, 1)
    reading = read(folder)
    assert (reading.trust, reading.reason, reading.locked) == (False, "locked", True)
    written.close_and_unlink()
    assert read(folder).reason == "missing"


def test_two_sweeps_cannot_read_the_same_journal_at_once(folder: JournalDir) -> None:
    Journal.create(folder, TOKEN, 1).close()
    with read(folder) as first:
        assert first.trust
        assert read(folder).locked
    with read(folder) as again:
        assert again.trust
        again.unlink()
    assert folder.tokens() == []


@pytest.mark.parametrize(
    ("other", "reason"),
    [({"directory_id": "another"}, "other_directory"), ({"boot_id": "another"}, "other_boot")],
)
def test_another_directory_or_boot_is_not_trusted(
    folder: JournalDir, other: dict[str, str], reason: str
) -> None:
    Journal.create(folder, TOKEN, 1).close()
    reading = read(folder, **other)
    assert (reading.trust, reading.reason) == (False, reason)
    assert verdict(reading, [1, 2]) == {1: Begun(), 2: Begun()}


def test_a_claim_of_an_earlier_boot_is_in_doubt_after_a_restart(folder: JournalDir) -> None:
    Journal.create(folder, TOKEN, 1).close()
    before = folder.boot_id
    folder.boot_id = "after the restart"
    reading = journal.read(folder, TOKEN, directory_id=folder.id, boot_id=before)
    assert (reading.trust, reading.reason) == (False, "other_boot")


def test_a_missing_journal_is_not_trusted(folder: JournalDir) -> None:
    assert read(folder).reason == "missing"


def test_a_token_is_used_once(folder: JournalDir) -> None:
    Journal.create(folder, TOKEN, 1)
    with pytest.raises(FileExistsError):
        Journal.create(folder, TOKEN, 1)


@pytest.mark.parametrize("token", ["", "short", "../../etc/passwd", "a/b/c/d/e/f", "x" * 65, "claim 0001"])
def test_a_token_cannot_leave_the_directory(folder: JournalDir, token: str) -> None:
    with pytest.raises(JournalError):
        Journal.create(folder, token, 1)


def test_space_for_every_record_is_taken_at_the_start(folder: JournalDir) -> None:
    written = Journal.create(folder, TOKEN, 500)
    size = folder.file(TOKEN).stat().st_size
    for id in range(2**63 - 500, 2**63):
        written.handing(id)
        written.answered(id, 451, "あ" * 500)
    assert folder.file(TOKEN).stat().st_size == size
    assert os.stat(folder.file(TOKEN)).st_blocks * 512 >= size
    with pytest.raises(JournalError):
        written.handing(1)
    written.close()
    with read(folder) as reading:
        assert len(reading.answers) == 500


def test_a_full_disk_fails_the_claim_and_leaves_no_file(
    folder: JournalDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space"):
        Journal.create(folder, TOKEN, 500)
    assert folder.tokens() == []


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(b"H 2", Untouched()), (b"H 2\nA 2 25", Begun()), (b"H 2\nA 2 250 O", Begun()), (b"", Untouched())],
)
def test_a_torn_last_record_counts_as_not_written(folder: JournalDir, tail: bytes, expected: object) -> None:
    written = Journal.create(folder, TOKEN, 2)
    written.handing(1)
    written._append(tail)
    written.close()
    with read(folder) as reading:
        assert verdict(reading, [1, 2]) == {1: Begun(), 2: expected}


@pytest.mark.parametrize("record", [b"rubbish\n", b"H x\n", b"A 1\n", b"A 1 ok fine\n", b"H 1 2\n", b"\n"])
def test_a_damaged_journal_puts_the_whole_batch_in_doubt(folder: JournalDir, record: bytes) -> None:
    written = Journal.create(folder, TOKEN, 2)
    written._append(record)
    written.close()
    with read(folder) as reading:
        assert (reading.trust, reading.reason) == (False, "damaged")
        assert verdict(reading, [1]) == {1: Begun()}


def test_the_directory_keeps_its_id(folder: JournalDir) -> None:
    assert JournalDir(folder.path).id == folder.id
    assert JournalDir(folder.path.parent / "other").id != folder.id
    assert JournalDir(folder.path).boot_id == folder.boot_id


def test_a_killed_process_leaves_a_readable_journal_and_a_free_lock(folder: JournalDir) -> None:
    program = """
        import sys, time
        from mailer.journal import Journal, JournalDir
        written = Journal.create(JournalDir(sys.argv[1]), sys.argv[2], 1000)
        for id in range(1, 301):
            written.handing(id)
            if id < 300:
                written.answered(id, 250, "ok")
        print("ready", flush=True)
        time.sleep(60)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder.path), TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        assert read(folder).locked
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)
    with read(folder) as reading:
        assert reading.trust
        verdicts = verdict(reading, range(1, 1001))
    assert [id for id, v in verdicts.items() if v == Begun()] == [300]
    assert sum(1 for v in verdicts.values() if v == Untouched()) == 700


def test_killed_at_any_moment_at_most_one_body_is_in_doubt(folder: JournalDir) -> None:
    program = """
        import sys
        from mailer.journal import Journal, JournalDir
        written = Journal.create(JournalDir(sys.argv[1]), sys.argv[2], 200_000)
        print("ready", flush=True)
        for id in range(1, 200_001):
            written.handing(id)
            written.answered(id, 250, "2.0.0 Ok: queued as 4F2A")
    """
    for round in range(4):
        token = f"killed-{round:04}"
        command = [sys.executable, "-c", textwrap.dedent(program), str(folder.path), token]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.02 + round * 0.011)
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
        with journal.read(folder, token, directory_id=folder.id, boot_id=folder.boot_id) as reading:
            assert reading.trust
            assert reading.answers
            doubtful = reading.begun - reading.answers.keys()
            assert doubtful <= {max(reading.begun)}
            assert reading.begun == set(range(1, max(reading.begun) + 1))
            reading.unlink()


@pytest.mark.parametrize("size", [0, 10, 300])
def test_a_file_that_was_cut_afterwards_proves_nothing(folder: JournalDir, size: int) -> None:
    written = Journal.create(folder, TOKEN, 2)
    written.handing(1)
    written.close()
    os.truncate(folder.file(TOKEN), size)
    with read(folder) as reading:
        assert (reading.trust, reading.reason) == (False, "damaged")
        assert verdict(reading, [1, 2]) == {1: Begun(), 2: Begun()}


def test_records_behind_a_hole_prove_nothing(folder: JournalDir) -> None:
    written = Journal.create(folder, TOKEN, 100)
    for id in range(1, 101):
        written.handing(id)
        written.answered(id, 250, "2.0.0 Ok: queued as 4F2A and kept there for a while")
    written.close()
    with folder.file(TOKEN).open("r+b") as file:
        file.seek(4096 - 1000)
        file.write(b"\0" * 1000)  # a page that was lost
    with read(folder) as reading:
        assert (reading.trust, reading.reason) == (False, "damaged")


def test_a_disk_that_shrinks_under_it_ends_the_process_before_the_body(folder: JournalDir) -> None:
    program = """
        import os, sys
        from mailer.journal import Journal, JournalDir
        folder = JournalDir(sys.argv[1])
        written = Journal.create(folder, sys.argv[2], 1000)
        os.truncate(folder.file(sys.argv[2]), 0)
        written.handing(1)
        print("body", flush=True)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(folder.path), TOKEN]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (-signal.SIGBUS, "")
    with read(folder) as reading:
        assert reading.reason == "damaged"


def test_without_memory_for_it_a_journal_leaves_neither_file_nor_lock(
    folder: JournalDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*args: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr("mailer.journal.mmap.mmap", none)
        with pytest.raises(OSError, match="allocate"):
            Journal.create(folder, "token-without-room", 3)
    assert folder.tokens() == []
    Journal.create(folder, "token-without-room", 3).close_and_unlink()
