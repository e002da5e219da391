"""Settings: one frozen dataclass, read from the environment.

Every field has a line in `docs/settings.md` (a test compares them). Importing this reads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from mailer import accounts
from mailer.accounts import Account
from mailer.throttle import Limits

PREFIX = "IKUSEI_"
SECRET_MIN = 16


class SettingsError(ValueError):
    """A setting that cannot work, named with what to write instead."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. Each field is read from IKUSEI_<NAME IN CAPITALS>."""

    var: str = "var"  # folder for data: embedded database, journal, spool, caught mail, keys
    database_url: str = ""  # postgresql://... ; empty: the embedded PostgreSQL under var/
    redis_url: str = ""  # redis://... or unix://... ; empty: the embedded Valkey under var/
    # smtp://user:secret@host:587?starttls=require&name=main ; several with blanks between; empty: the catcher
    smtp_url: str = ""
    base_url: str = "http://127.0.0.1:8000"  # what recipients' links begin with; https for the outside
    listen: str = "127.0.0.1:8000"  # where the web server listens
    tracker: str = ""  # HOST:PORT of a tracker of its own beside the web server; empty: the web server's
    zone: str = "Asia/Tokyo"  # the installation's months and days
    keys: str = ""  # signing keys "2:hex,1:hex", the first signs; empty: made once under var/keys
    sites: str = ""  # own web sites whose pages carry /t.js, as origins with commas between
    mailbox_url: str = (
        ""  # imaps://user:secret@host/INBOX or pop3s://... for replies and bounces; empty: none
    )
    listener: str = ""  # 127.0.0.1:2525 (SMTP) or lmtp://127.0.0.1:2524 takes replies and bounces; empty: off
    ses_topics: str = ""  # ARNs of the SNS topics whose posts to /hooks/ses are believed; empty: off
    sendgrid_key: str = ""  # public key of SendGrid's signed event webhook, for /hooks/sendgrid; empty: off
    postmark_secret: str = ""  # password, or last part, of the address /hooks/postmark; empty: off
    mailgun_key: str = ""  # Mailgun's HTTP webhook signing key, for /hooks/mailgun; empty: off
    hook_secret: str = ""  # shared secret of the generic signed webhook, /hooks/signed; empty: off
    reply_domain: str = ""  # domain of reply+TOKEN@ and bounce+TOKEN@; empty: the sender's own domain
    dkim_folder: str = ""  # DKIM keys; empty: keys/dkim under var/. The same for all hosts that send
    resolver: str = ""  # DNS servers to ask, "192.0.2.1,192.0.2.2:5353"; empty: the system's; none: nobody
    workers: int = 1  # worker processes under `ikusei up`
    domain_rates: str = ""  # "docomo.ne.jp=2/s,gmail.com=600/min,*=0" over the cautious defaults
    mail_rate: int = 0  # mails a second at the most, a worker; 0: no limit
    batch: int = 500  # deliveries a claim
    trusted_hops: int = 0  # own proxies in front, each of which appends to X-Forwarded-For
    metrics_token: str = ""  # who brings it may read /metrics; empty: only this host, without https
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
        """Our own sites. In practice mode without any, the sample site that this installation shows itself."""
        sites = self.sites or (self.base_url if self.practice else "")
        return tuple(part.strip().rstrip("/").lower() for part in sites.split(",") if part.strip())

    def accounts(self) -> tuple[Account, ...]:
        """The SMTP accounts, () in practice mode. Raises AccountError, which never shows a password."""
        return accounts.parse(self.smtp_url)

    def limits(self) -> Limits:
        """How fast mails may go to a domain and through an account. Raises ValueError."""
        return Limits.parse(self.domain_rates, accounts={a.name: a.rate_per_s for a in self.accounts()})

    def resolvers(self) -> tuple[tuple[str, int], ...] | None:
        """(address, port) of the DNS servers to ask; () the system's, None: do not ask. Raises ValueError."""
        if self.resolver == "none":
            return None
        found = []
        for part in self.resolver.replace(",", " ").split():
            host, _, port = part.rpartition(":") if part.count(":") == 1 else (part, "", "")
            number = int(port) if port else 53
            if not 1 <= number <= 65535:
                raise ValueError(part)
            found.append((str(ip_address(host)), number))
        return tuple(found)


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
    try:
        settings.resolvers()
    except ValueError:
        raise SettingsError(
            f"IKUSEI_RESOLVER={settings.resolver!r} must be IP addresses with commas between, or none"
        ) from None
    _check_intake(settings)
    try:
        settings.accounts()
    except ValueError as error:
        raise SettingsError(f"IKUSEI_SMTP_URL: {error}") from None
    try:
        settings.limits()
    except ValueError as error:
        raise SettingsError(f"IKUSEI_DOMAIN_RATES: {error}") from None
    if not 1 <= settings.workers <= 64:
        raise SettingsError("IKUSEI_WORKERS must be from 1 to 64")
    if not 1 <= settings.batch <= 5000:
        raise SettingsError("IKUSEI_BATCH must be from 1 to 5000")


def _check_intake(settings: Settings) -> None:
    scheme = urlsplit(settings.mailbox_url).scheme
    if settings.mailbox_url and scheme not in ("imaps", "pop3s", "imap", "pop3"):
        raise SettingsError("IKUSEI_MAILBOX_URL must begin with imaps:// or pop3s://")
    if settings.tracker:
        host, _, port = settings.tracker.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise SettingsError(f"IKUSEI_TRACKER={settings.tracker!r} must be HOST:PORT")
    if settings.listener:
        try:
            listening(settings.listener)
        except ValueError:
            raise SettingsError(
                f"IKUSEI_LISTENER={settings.listener!r} must be HOST:PORT, smtp://HOST:PORT or lmtp://HOST:PORT"
            ) from None
    for name in ("postmark_secret", "mailgun_key", "hook_secret", "metrics_token"):
        # What can be guessed refuses mail for anybody, or shows who writes to whom.
        if 0 < len(getattr(settings, name)) < SECRET_MIN:
            raise SettingsError(f"IKUSEI_{name.upper()} must have at least {SECRET_MIN} characters")


def listening(text: str) -> tuple[bool, str, int]:
    """(is LMTP, host, port) of a listener's address. Raises ValueError."""
    parts = urlsplit(text if "://" in text else f"smtp://{text}")
    if parts.scheme not in ("smtp", "lmtp") or not parts.hostname or parts.port is None:
        raise ValueError(text)
    return parts.scheme == "lmtp", parts.hostname, parts.port
