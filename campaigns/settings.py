"""Settings: one frozen dataclass, read from the environment.

Every field has a line in `docs/settings.md` (a test compares them). Importing this reads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

PREFIX = "IKUSEI_"


class SettingsError(ValueError):
    """A setting that cannot work, named with what to write instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. Each field is read from IKUSEI_<NAME IN CAPITALS>."""

    var: str = "var"  # folder for data: embedded database, journal, spool, caught mail, keys
    database_url: str = ""  # postgresql://... ; empty: the embedded PostgreSQL under var/
    redis_url: str = ""  # redis://... or unix://... ; empty: the embedded Valkey under var/
    smtp_url: str = ""  # smtp://user:secret@host:587?starttls=require ; empty: the local mail catcher
    base_url: str = "http://127.0.0.1:8000"  # what recipients' links begin with; https for the outside
    listen: str = "127.0.0.1:8000"  # where the web server listens
    zone: str = "Asia/Tokyo"  # the installation's months and days
    keys: str = ""  # signing keys "2:hex,1:hex", the first signs; empty: made once under var/keys
    sites: str = ""  # own web sites whose pages carry /t.js, as origins with commas between
    imap_url: str = ""  # imaps://user:secret@host/INBOX for replies and bounces; empty: the catcher's folder
    reply_domain: str = ""  # domain of reply+TOKEN@ and bounce+TOKEN@; empty: the sender's own domain
    workers: int = 1  # worker processes under `ikusei up`
    mail_rate: int = 0  # mails a second at the most, a worker; 0: no limit
    batch: int = 500  # deliveries a claim
    trusted_hops: int = 0  # own proxies in front, each of which appends to X-Forwarded-For
    log_level: str = "INFO"

    @property
    def practice(self) -> bool:
        """Nothing leaves this machine: mail goes to the catcher. Only then may the clock be moved."""
        return not self.smtp_url

    @property
    def may_send(self) -> bool:
        """To the outside only with links that recipients' browsers and mailbox providers trust."""
        return self.practice or self.is_https

    @property
    def folder(self) -> Path:
        return Path(self.var).resolve()

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def host(self) -> str:
        return urlsplit(self.base_url).hostname or "localhost"

    @property
    def is_https(self) -> bool:
        return urlsplit(self.base_url).scheme == "https"

    def origins(self) -> tuple[str, ...]:
        return tuple(part.strip().rstrip("/") for part in self.sites.split(",") if part.strip())


def read(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings of this process. Raises SettingsError with the name of what is wrong."""
    env = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for field in fields(Settings):
        raw = env.get(PREFIX + field.name.upper())
        if raw is not None:
            values[field.name] = _parse(field.name, raw, field.type)
    unknown = {name for name in env if name.startswith(PREFIX)} - {
        PREFIX + field.name.upper() for field in fields(Settings)
    }
    if unknown:
        raise SettingsError(f"unknown setting {', '.join(sorted(unknown))}: see docs/settings.md")
    settings = Settings(**values)  # type: ignore[arg-type]
    _check(settings)
    return settings


def _parse(name: str, raw: str, kind: object) -> object:
    label = PREFIX + name.upper()
    if kind == "int":
        try:
            return int(raw)
        except ValueError:
            raise SettingsError(f"{label}={raw!r} is not a whole number") from None
    return raw.strip()


def _check(settings: Settings) -> None:
    try:
        settings.tz  # noqa: B018
    except Exception as error:
        raise SettingsError(f"IKUSEI_ZONE={settings.zone!r} is no time zone") from error
    if urlsplit(settings.base_url).scheme not in ("http", "https"):
        raise SettingsError(f"IKUSEI_BASE_URL={settings.base_url!r} must begin with https:// or http://")
    if not 1 <= settings.workers <= 64:
        raise SettingsError("IKUSEI_WORKERS must be from 1 to 64")
    if not 1 <= settings.batch <= 5000:
        raise SettingsError("IKUSEI_BATCH must be from 1 to 5000")
