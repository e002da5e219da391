"""The parts of a running process, put together once: settings in, `Parts` out.

A service takes `parts` first and uses what it needs; nothing here opens a connection by itself.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import redis
from sqlalchemy import Engine, create_engine

from campaigns import embedded
from campaigns.clock import Clock
from campaigns.rates import SharedRates
from campaigns.settings import Settings
from tracking_pixel.spool import Spool
from tracking_pixel.stream import Stream
from tracking_pixel.tokens import Signer

STREAM = "ikusei:events"
QUEUE = "ikusei"


@dataclass(frozen=True)
class Parts:
    """What a process is made of."""

    settings: Settings
    engine: Engine
    redis: redis.Redis
    clock: Clock
    signer: Signer
    secret: bytes

    @cached_property
    def stream(self) -> Stream:
        """Events on their way in; spooled to disk while Redis is away."""
        return Stream(self.redis, STREAM, Spool(self.settings.folder / "spool"))

    @cached_property
    def rates(self) -> SharedRates:
        """How fast mails may go, shared by all workers; kept by this process alone while Redis is away."""
        return SharedRates(self.redis, self.settings.limits(), workers=self.settings.workers)

    @property
    def journal_folder(self) -> Path:
        return self.settings.folder / "journal"

    @property
    def catcher_folder(self) -> Path:
        return self.settings.folder / "caught"

    def key_hash(self, email_key: str) -> bytes:
        """Keyed hash of a mailbox: what is left of it after an erasure, so a refusal survives."""
        return hmac.new(self.secret, b"address\0" + email_key.encode(), hashlib.sha256).digest()


def build(settings: Settings) -> Parts:
    """Parts for these settings; embedded servers must be running where no URL is given."""
    text = settings.keys or embedded.keys(settings.folder)
    signing = parse_keys(text)
    engine = create_engine(
        settings.database_url or embedded_database_url(settings),
        pool_size=8,
        max_overflow=4,
        pool_pre_ping=True,
        pool_use_lifo=True,  # the same few connections, which know the statements of the send path already
        pool_timeout=5,
        hide_parameters=True,  # a logged database error must not carry people's addresses (LAW-28)
        connect_args={"connect_timeout": 3, "options": "-c jit=off -c synchronous_commit=on"},
    )
    connection = redis.Redis.from_url(
        settings.redis_url or embedded_redis_url(settings), socket_timeout=5, socket_connect_timeout=1
    )
    oldest = signing[min(signing)]
    return Parts(
        settings=settings,
        engine=engine,
        redis=connection,
        clock=Clock(engine, travels=settings.practice),
        signer=Signer(signing, current=next(iter(signing))),
        # The hash of refusals must never change: it stays with the oldest key when keys rotate.
        secret=hashlib.blake2b(b"ikusei address hash", key=oldest, digest_size=32).digest(),
    )


def parse_keys(text: str) -> dict[int, bytes]:
    """Keys "2:hex,1:hex" as {id: bytes}, the signing one first. Raises ValueError."""
    keys: dict[int, bytes] = {}
    for part in text.replace("\n", ",").split(","):
        if part.strip():
            number, _, digits = part.strip().partition(":")
            key = bytes.fromhex(digits)
            if not 1 <= int(number) <= 255 or len(key) < 16:
                raise ValueError("a key is ID:HEX with an id of 1 to 255 and at least 32 hex digits")
            keys[int(number)] = key
    if not keys:
        raise ValueError("no signing key")
    return keys


def embedded_database_url(settings: Settings) -> str:
    return (settings.folder / "database.url").read_text().strip()


def embedded_redis_url(settings: Settings) -> str:
    return (settings.folder / "redis.url").read_text().strip()
