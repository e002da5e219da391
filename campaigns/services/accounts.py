"""Accounts: the first one, login, passwords, and who may do what.

AccountError carries a code that the pages word: email_odd, email_taken, password_short, password_wrong,
name_missing, role_unknown, last_admin, stale, calls_odd.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from campaigns.parts import Parts
from campaigns.storage import audit, users
from campaigns.storage.users import User

ROLES = ("admin", "marketer", "inside_sales", "field_sales", "sales_manager")
PASSWORD_MIN = 12
CALLS_MAX = 300
# Longer ones only cost the server time; nobody types them.
PASSWORD_MAX = 200
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")
_hasher = PasswordHasher()


class AccountError(ValueError):
    """What is wrong, as a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def has_users(parts: Parts) -> bool:
    """Whether the first account has been made."""
    with parts.engine.connect() as tx:
        return users.count(tx) > 0


def create_first(
    parts: Parts, *, email: str, name: str, password: str, locale: str, now: datetime
) -> User | None:
    """The first account, an admin; None when somebody else was quicker, in this moment or before."""
    email, name = _email(email), _name(name)
    hashed = _hash(password)
    with parts.engine.begin() as tx:
        users.lock_first(tx)
        if users.count(tx):
            return None
        user_id = users.add(
            tx, email=email, name=name, role="admin", locale=locale, password_hash=hashed, now=now
        )
        assert user_id is not None
        users.name_owner(tx, user_id)
        audit.note(tx, noun="user", noun_id=user_id, action="first", user_id=user_id, now=now)
        return users.find(tx, user_id)


def login(parts: Parts, *, email: str, password: str, now: datetime) -> User | None:
    """The user whose address and password these are. An unknown address takes as long as a wrong password."""
    with parts.engine.connect() as tx:
        found = users.with_hash(tx, _key(email))
    user, kept = found if found else (None, _nobody())
    right = _is_right(kept, password)
    if user is None or not right or not user.is_active:
        return None
    with parts.engine.begin() as tx:
        if _hasher.check_needs_rehash(kept):
            users.change(tx, user.id, password_hash=_hasher.hash(password))
        users.seen(tx, user.id, now=now)
        audit.note(tx, noun="user", noun_id=user.id, action="login", user_id=user.id, now=now)
    return user


def of_session(parts: Parts, *, user_id: int, session_no: int) -> User | None:
    """The user of a session that is still good: active, and no new password since."""
    with parts.engine.connect() as tx:
        user = users.find(tx, user_id)
    return user if user and user.is_active and user.session_no == session_no else None


def set_password(parts: Parts, *, email: str, password: str, now: datetime) -> bool:
    """Set a password from the shell; False when nobody has this address. Raises AccountError."""
    hashed = _hash(password)
    with parts.engine.begin() as tx:
        found = users.with_hash(tx, _key(email))
        if found is None:
            return False
        users.set_password(tx, found[0].id, hashed)
        audit.note(tx, noun="user", noun_id=found[0].id, action="password_by_shell", user_id=None, now=now)
    return True


def change_password(parts: Parts, user: User, *, old: str, new: str, now: datetime) -> User:
    """One's own password; all other sessions end. Raises AccountError."""
    hashed = _hash(new)
    with parts.engine.begin() as tx:
        found = users.with_hash(tx, user.email)
        if found is None or not _is_right(found[1], old):
            raise AccountError("password_wrong")
        users.set_password(tx, user.id, hashed)
        audit.note(tx, noun="user", noun_id=user.id, action="password", user_id=user.id, now=now)
        changed = users.find(tx, user.id)
    assert changed is not None
    return changed


def every(parts: Parts) -> list[User]:
    with parts.engine.connect() as tx:
        return users.every(tx)


def left_behind(parts: Parts) -> dict[int, tuple[int, int]]:
    """(companies, catalogues) that still name somebody who has left, by user: they wait for an owner."""
    with parts.engine.connect() as tx:
        return users.left_behind(tx)


def add(
    parts: Parts, *, email: str, name: str, role: str, password: str, locale: str, by: User, now: datetime
) -> int:
    """A new user. Raises AccountError."""
    email, name = _email(email), _name(name)
    _check_role(role)
    hashed = _hash(password)
    with parts.engine.begin() as tx:
        user_id = users.add(
            tx, email=email, name=name, role=role, locale=locale, password_hash=hashed, now=now
        )
        if user_id is None:
            raise AccountError("email_taken")
        changes: dict[str, tuple[object, object]] = {"email": (None, email), "role": (None, role)}
        audit.note(tx, noun="user", noun_id=user_id, action="add", user_id=by.id, now=now, changes=changes)
    return user_id


def change(
    parts: Parts,
    user_id: int,
    *,
    name: str,
    role: str,
    is_active: bool,
    password: str = "",
    version: int,
    by: User,
    now: datetime,
) -> None:
    """Change a user; somebody must stay who can. password: "" leaves it. Raises AccountError."""
    name = _name(name)
    _check_role(role)
    hashed = _hash(password) if password else ""
    with parts.engine.begin() as tx:
        others = users.other_admins(tx, user_id)
        before = users.find(tx, user_id)
        if before is None:
            raise AccountError("stale")
        loses_admin = before.role == "admin" and before.is_active and not (role == "admin" and is_active)
        if loses_admin and not others:
            raise AccountError("last_admin")
        if not users.change(tx, user_id, version=version, name=name, role=role, is_active=is_active):
            raise AccountError("stale")
        if hashed:
            users.set_password(tx, user_id, hashed)
        changes: dict[str, tuple[object, object]] = {
            "name": (before.name, name),
            "role": (before.role, role),
            "is_active": (before.is_active, is_active),
        }
        if hashed:
            changes["password"] = ("", "new")
        audit.note(tx, noun="user", noun_id=user_id, action="change", user_id=by.id, now=now, changes=changes)


def set_language(parts: Parts, user: User, locale: str) -> None:
    with parts.engine.begin() as tx:
        users.change(tx, user.id, locale=locale)


def set_own(
    parts: Parts, user: User, *, name: str, single_keys: bool, calls_per_day: str = "", call_mail: bool = True
) -> None:
    """What anybody may set about themselves. calls_per_day: as typed; "" is the house's. Raises AccountError."""
    own = unicodedata.normalize("NFKC", calls_per_day).strip()
    if own and not (own.isdecimal() and 0 < int(own[:4]) <= CALLS_MAX and len(own) < 4):
        raise AccountError("calls_odd")
    with parts.engine.begin() as tx:
        users.change(
            tx,
            user.id,
            name=_name(name),
            single_keys=single_keys,
            calls_per_day=int(own) if own else None,
            call_mail=call_mail,
        )


def _key(email: str) -> str:
    return unicodedata.normalize("NFKC", email).strip().lower()


def _email(email: str) -> str:
    key = _key(email)
    if len(key) > 254 or not _EMAIL.fullmatch(key):
        raise AccountError("email_odd")
    return key


def _name(name: str) -> str:
    name = " ".join(name.split())[:100]
    if not name:
        raise AccountError("name_missing")
    return name


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise AccountError("role_unknown")


def _hash(password: str) -> str:
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise AccountError("password_short")
    return _hasher.hash(password)


def _is_right(kept: str, password: str) -> bool:
    try:
        return _hasher.verify(kept, password[:PASSWORD_MAX])
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash that no password opens: an unknown address must not answer faster than a known one."""
    return _hasher.hash("nobody has this password " + "x" * PASSWORD_MAX)
