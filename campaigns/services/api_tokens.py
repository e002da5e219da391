"""Tokens for other programs: made by an admin, shown once, revoked at once; and who may come in with one.

Only the hash is kept: a token is 32 random bytes, so a fast hash is enough.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import cast

import redis

from campaigns.parts import Parts
from campaigns.storage import api_tokens, audit
from campaigns.storage.api_tokens import Token

READ, WRITE = "touches:read", "touches:write"
SCOPES = (READ, WRITE)
PREFIX = "ikusei_"
NAME_MAX = 100
A_MINUTE = 120  # requests of one token
TRIES_A_MINUTE = 20  # wrong tokens from one address


class TokenError(ValueError):
    """code: name_missing, scope_missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class NotAdmitted(Exception):
    """code: no_token, unknown_token, no_scope, too_often."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def every(parts: Parts) -> list[Token]:
    with parts.engine.connect() as tx:
        return api_tokens.every(tx)


def make(parts: Parts, *, name: str, scopes: Sequence[str], user_id: int | None, now: datetime) -> str:
    """A new token, told this once. Raises TokenError."""
    name, chosen = name.strip()[:NAME_MAX], [scope for scope in SCOPES if scope in scopes]
    if not name:
        raise TokenError("name_missing")
    if not chosen:
        raise TokenError("scope_missing")
    token = PREFIX + secrets.token_urlsafe(32)
    with parts.engine.begin() as tx:
        id = api_tokens.add(
            tx, name=name, token_hash=_hash(token), hint=token[-4:], scopes=chosen, user_id=user_id, now=now
        )
        changes = {"name": (None, name), "scopes": (None, " ".join(chosen))}
        audit.note(tx, noun="api_token", noun_id=id, action="make", user_id=user_id, now=now, changes=changes)
    return token


def revoke(parts: Parts, token_id: int, *, user_id: int | None, now: datetime) -> bool:
    with parts.engine.begin() as tx:
        done = api_tokens.revoke(tx, token_id, user_id=user_id, now=now)
        if done:
            audit.note(tx, noun="api_token", noun_id=token_id, action="revoke", user_id=user_id, now=now)
    return done


def admit(parts: Parts, header: str, *, scope: str, address: str, now: datetime) -> Token:
    """The token of an Authorization header that may do this. Raises NotAdmitted."""
    kind, _blank, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise NotAdmitted("no_token")
    # Who guesses is stopped before the database is asked.
    if _count(parts, f"tries:{address}", now=now, by=0) >= TRIES_A_MINUTE:
        raise NotAdmitted("too_often")
    with parts.engine.begin() as tx:
        found = api_tokens.by_hash(tx, _hash(token.strip()))
        if found is not None:
            api_tokens.used(tx, found.id, now=now)
    if found is None:
        _count(parts, f"tries:{address}", now=now)
        raise NotAdmitted("unknown_token")
    if scope not in found.scopes:
        raise NotAdmitted("no_scope")
    if _count(parts, f"token:{found.id}", now=now) > A_MINUTE:
        raise NotAdmitted("too_often")
    return found


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _count(parts: Parts, name: str, *, now: datetime, by: int = 1) -> int:
    """How often within this minute. Redis away: nobody is turned away for that."""
    key = f"ikusei:api:{name}:{int(now.timestamp()) // 60}"
    with suppress(redis.RedisError):
        pipe = parts.redis.pipeline(transaction=False)
        pipe.incrby(key, by)
        pipe.expire(key, 120)
        return int(cast(int, pipe.execute()[0]))
    return 0
