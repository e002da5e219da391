"""DKIM keys on disk: making, activating, retiring them.

    <folder>/<domain>/<selector>.pem    the private key, mode 0600
    <folder>/<domain>/keys.json         algorithm, dates and state of each selector

A key is first `new` (publish its record), then `active` (signs), then `retired`: it signs no more, but its
record stays published for 7 days, because mail under way is still verified. `keys.json` is replaced whole,
so a worker that reads it meets the old state or the new one, never half of one.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from campaigns.settings import Settings
from mailer import addresses
from mailer.errors import DkimError, HeaderError
from mailer.sign import Algorithm, DkimKey

INDEX = "keys.json"
KEPT = timedelta(days=7)  # a retired key's record stays published


class KeyState(StrEnum):
    """new: to be published, signs nothing yet. active: signs. retired: still published."""

    NEW = "new"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One selector of a domain. changed_at: when it came into its state; both aware, UTC."""

    domain: str
    selector: str
    algorithm: Algorithm
    state: KeyState
    made_at: datetime
    changed_at: datetime

    def is_published(self, now: datetime) -> bool:
        """Whether its record belongs into DNS."""
        return self.state is not KeyState.RETIRED or now < self.changed_at + KEPT


def folder_of(settings: Settings) -> Path:
    """Where the keys of this installation lie."""
    chosen = settings.dkim_folder
    return Path(chosen).resolve() if chosen else settings.folder / "keys" / "dkim"


def tidy(domain: str) -> str:
    """A domain as its folder and d= are named: A-labels, small letters. Raises DkimError."""
    try:
        name = addresses.domain(domain.strip().rstrip(".")).lower()
    except HeaderError:
        name = ""
    if "." not in name:
        raise DkimError(f"{domain!r} is no mail domain, for example minori.example")
    return name


def domains(folder: Path) -> list[str]:
    """Every domain that has keys."""
    try:
        return sorted(entry.name for entry in folder.iterdir() if (entry / INDEX).is_file())
    except OSError:
        return []


def stored(folder: Path, domain: str) -> list[StoredKey]:
    """The keys of a domain, oldest first; none is an empty list. Raises DkimError for a file that is broken."""
    path = folder / domain / INDEX
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["keys"]
        keys = [
            StoredKey(
                domain=domain,
                selector=str(row["selector"]),
                algorithm=Algorithm(row["algorithm"]),
                state=KeyState(row["state"]),
                made_at=_instant(row["made_at"]),
                changed_at=_instant(row["changed_at"]),
            )
            for row in rows
        ]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise DkimError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DkimError(f"{path} is broken: {error!r}") from error
    return sorted(keys, key=lambda key: (key.made_at, key.selector))


def load(folder: Path, key: StoredKey) -> DkimKey:
    """The key itself. Raises DkimError."""
    path = folder / key.domain / f"{key.selector}.pem"
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise DkimError(f"{path} cannot be read: {error.strerror}") from error
    return DkimKey.load(pem, domain=key.domain, selector=key.selector)


def make(
    folder: Path, domain: str, *, algorithms: Sequence[Algorithm] = tuple(Algorithm), now: datetime
) -> list[StoredKey]:
    """New keys that do not sign yet. Raises DkimError, also when some are already waiting."""
    domain = tidy(domain)
    with _locked(folder, domain):
        known = stored(folder, domain)
        waiting = {key.algorithm for key in known if key.state is KeyState.NEW}
        if waiting & set(algorithms):
            raise DkimError(
                f"new keys of {domain} are waiting already: publish and activate them, or retire them"
            )
        made = []
        for algorithm in algorithms:
            selector = _selector(folder / domain, algorithm, now)
            key = DkimKey.generate(algorithm, domain=domain, selector=selector)
            _write(folder / domain / f"{selector}.pem", key.pem(), mode=0o600)
            made.append(StoredKey(domain, selector, algorithm, KeyState.NEW, now, now))
        _write_index(folder, domain, [*known, *made])
    return made


def activate(folder: Path, domain: str, *, now: datetime) -> tuple[list[StoredKey], list[StoredKey]]:
    """The new keys sign from now on; returns (active, retired).

    A new key retires the active one of its own algorithm: adding Ed25519 leaves RSA signing, which most
    receivers need.
    """
    domain = tidy(domain)
    with _locked(folder, domain):
        known = stored(folder, domain)
        news = [key for key in known if key.state is KeyState.NEW]
        if not news:
            raise DkimError(f"{domain} has no new keys: make them with `ikusei dkim new {domain}`")
        for key in news:
            load(folder, key)  # a key that cannot be read must not replace one that signs
        algorithms = {key.algorithm for key in news}
        active = [replace(key, state=KeyState.ACTIVE, changed_at=now) for key in news]
        retired = [
            replace(key, state=KeyState.RETIRED, changed_at=now)
            for key in known
            if key.state is KeyState.ACTIVE and key.algorithm in algorithms
        ]
        changed = {key.selector: key for key in (*active, *retired)}
        _write_index(folder, domain, [changed.get(key.selector, key) for key in known])
    return active, retired


def retire(folder: Path, domain: str, selector: str, *, now: datetime) -> StoredKey:
    """One key signs no more; a new one that was never used just goes. Raises DkimError."""
    domain = tidy(domain)
    with _locked(folder, domain):
        known = stored(folder, domain)
        found = next((key for key in known if key.selector == selector), None)
        if found is None or found.state is KeyState.RETIRED:
            raise DkimError(f"{domain} has no key {selector!r} that is new or active")
        gone = replace(found, state=KeyState.RETIRED, changed_at=now)
        if found.state is KeyState.NEW:
            gone = replace(gone, changed_at=now - KEPT)  # nothing under way was ever signed with it
        _write_index(folder, domain, [gone if key is found else key for key in known])
    return gone


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return at


def _selector(folder: Path, algorithm: Algorithm, now: datetime) -> str:
    """ik20261124-rsa; a second one of the day gets a number. A selector is never used twice."""
    base = f"ik{now:%Y%m%d}-{'rsa' if algorithm is Algorithm.RSA else 'ed'}"
    name, number = base, 1
    while (folder / f"{name}.pem").exists():
        number += 1
        name = f"{base}{number}"
    return name


@contextmanager
def _locked(folder: Path, domain: str) -> Iterator[None]:
    """One change of a domain's keys at a time, on this host."""
    home = folder / domain
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        home.mkdir(exist_ok=True, mode=0o700)
        _give_to_owner(folder, like=folder.parent)
        _give_to_owner(home, like=folder)
        descriptor = os.open(home, os.O_RDONLY)
    except OSError as error:
        raise DkimError(f"{home} cannot be used: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise DkimError(f"{home} cannot be written: {error.strerror}") from error
    finally:
        os.close(descriptor)


def _write_index(folder: Path, domain: str, keys: Sequence[StoredKey]) -> None:
    rows = [
        asdict(key) | {"made_at": key.made_at.isoformat(), "changed_at": key.changed_at.isoformat()}
        for key in keys
    ]
    for row in rows:
        del row["domain"]
    text = json.dumps({"keys": rows}, indent=2) + "\n"
    _write(folder / domain / INDEX, text.encode(), mode=0o600)


def _write(path: Path, octets: bytes, *, mode: int) -> None:
    """Whole or not at all, on disk before it shows."""
    part = path.with_name(f".{path.name}-{os.getpid()}")
    with suppress(FileNotFoundError):
        part.unlink()
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    _give_to_owner(part, like=path.parent)
    part.replace(path)


def _give_to_owner(path: Path, *, like: Path) -> None:
    """Made by root, a key would be unreadable for the worker's user, and mail would go out unsigned."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
