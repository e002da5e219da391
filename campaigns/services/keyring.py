"""The keys that sign, as a worker asks for them: once a batch, a few microseconds while nothing changed.

    signer = keyring.of(parts).signer_for("news.minori.example")     # DkimSigner or None: send unsigned

d= is the From domain or the nearest parent domain that has active keys, so that it is aligned (RFC 7489
section 3.1.1). Every call looks at the age of the domain's `keys.json`, so all workers of a host sign with
a new key from their next batch on.
"""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from campaigns.parts import Parts
from campaigns.services import dkim_keys
from campaigns.services.dkim_keys import KeyState
from mailer.errors import DkimError
from mailer.sign import DkimKey, DkimSigner

log = structlog.get_logger()

_Mark = tuple[int, int, int]
_UNREAD: _Mark = (-1, -1, -1)  # like no file's, so the next batch tries again
_rings: dict[Path, Keyring] = {}


class Keyring:
    """The active keys below one folder. Never raises: a key that is broken is logged and left out."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._place = folder, str(folder)
        self._kept: dict[str, tuple[_Mark | None, DkimSigner | None]] = {}

    def signer_for(self, domain: str) -> DkimSigner | None:
        """Who signs for this From domain; None: nobody, it goes out unsigned."""
        try:
            name = dkim_keys.tidy(domain)
        except DkimError:
            return None
        while "." in name:
            signer = self._own(name)
            if signer is not None:
                return signer
            name = name.partition(".")[2]
        return None

    def _own(self, domain: str) -> DkimSigner | None:
        mark = self._mark(domain)
        if mark is None:
            self._kept.pop(domain, None)
            return None
        kept = self._kept.get(domain)
        if kept is None or kept[0] != mark:
            signer, is_whole = self._read(domain, kept[1] if kept is not None else None)
            kept = (mark if is_whole else _UNREAD, signer)
            self._kept[domain] = kept
        return kept[1]

    def _mark(self, domain: str) -> _Mark | None:
        """Changes with every change of the domain's keys; None: it has none."""
        try:
            stat = os.stat(f"{self._place}/{domain}/{dkim_keys.INDEX}")  # a Path would cost ten times as much
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            return 0, 0, 0  # it is there, and reading it tells what is wrong
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _read(self, domain: str, before: DkimSigner | None) -> tuple[DkimSigner | None, bool]:
        """The signer as it stands on disk, and whether all of it could be read; if nothing could, the last one."""
        try:
            active = [key for key in dkim_keys.stored(self.folder, domain) if key.state is KeyState.ACTIVE]
        except DkimError as error:
            log.error("DKIM keys cannot be read", domain=domain, error=str(error), signs=before is not None)
            return before, False
        loaded: list[DkimKey] = []
        for key in active:
            try:
                loaded.append(dkim_keys.load(self.folder, key))
            except DkimError as error:
                log.error("a DKIM key cannot be read", domain=domain, selector=key.selector, error=str(error))
        if not loaded:
            return (before if active else None), not active
        return DkimSigner(loaded), len(loaded) == len(active)


def of(parts: Parts) -> Keyring:
    """The kept ring of this process."""
    folder = dkim_keys.folder_of(parts.settings)
    if folder not in _rings:
        _rings[folder] = Keyring(folder)
    return _rings[folder]
