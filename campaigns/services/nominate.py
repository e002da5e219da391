"""Who follows a company: by one's own word, by a colleague's (who is named has to say yes), or by a manager's.

Nobody takes a company from a colleague by their own word alone: where somebody follows it, that owner or who leads
sales says yes. Every line stays. Errors: Gone, NominationError(code): unknown, not_sales, already, taken, answered.
Source: S0-19.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.tracking import LEADERS, Mode
from campaigns.services import tell_staff
from campaigns.services.author import Gone
from campaigns.storage import audit, catalogue_owners, catalogues, users
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.users import User


class NominationError(ValueError):
    """Why nobody was named, as a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Named:
    """By whose word, and whether it waits for somebody's yes."""

    mode: Mode
    waits: bool


def run(parts: Parts, catalogue_id: int, *, nominee_id: int, by: User, now: datetime) -> Named:
    """Name somebody; the mode follows from who names whom."""
    with parts.engine.begin() as tx:
        found = catalogues.get(tx, catalogue_id, lock=True)
        if found is None:
            raise Gone
        nominee = users.find(tx, nominee_id)
        if nominee is None or not nominee.is_active:
            raise NominationError("unknown")
        if not tracking.may_follow(nominee.role):
            raise NominationError("not_sales")
        if found.owner_user_id == nominee_id:
            raise NominationError("already")
        mode = _mode(nominee_id, by)
        waits = mode is Mode.PEER or (
            mode is Mode.SELF and by.role not in LEADERS and _is_followed(tx, found)
        )
        if waits:
            _ask(tx, parts, found, nominee_id, mode, by=by, now=now)
        else:
            _give(tx, parts, found, nominee, mode, by=by, now=now)
    return Named(mode, waits)


def answer(parts: Parts, catalogue_id: int, *, accepts: bool, user: User, now: datetime) -> Mode:
    """The answer of who was named by a colleague; of the owner, or who leads sales, to who wishes to follow.
    Returns which of both it was."""
    with parts.engine.begin() as tx:
        found = catalogues.get(tx, catalogue_id, lock=True)
        if found is None:
            raise Gone
        asked = catalogue_owners.asked(tx, catalogue_id)
        if asked is None or not tracking.may_answer(
            mode=asked.mode,
            nominee_id=asked.user_id,
            owner_id=found.owner_user_id,
            role=user.role,
            user_id=user.id,
        ):
            raise NominationError("answered")
        is_wish = asked.mode == Mode.SELF
        if not accepts:
            catalogue_owners.settle(tx, asked.id, state="declined", now=now)
            kind = "catalogue_kept" if is_wish else "catalogue_declined"
            if asked.by_user_id is not None:
                _tell(tx, parts, found, kind, [asked.by_user_id], key=asked.id, by=user, now=now)
            return Mode(asked.mode)
        nominee = users.find(tx, asked.user_id)
        if nominee is None or not nominee.is_active:
            raise NominationError("unknown")
        _end_former(tx, parts, found, to=nominee, heard=user, key=asked.id, now=now)
        catalogue_owners.settle(tx, asked.id, state="stands", now=now)
        _set(tx, found, asked.user_id, Mode(asked.mode), by=user, now=now)
        if is_wish:
            _tell(tx, parts, found, "catalogue_given", [asked.user_id], key=asked.id, by=user, now=now)
    return Mode(asked.mode)


def _mode(nominee_id: int, by: User) -> Mode:
    if nominee_id == by.id:
        return Mode.SELF
    return Mode.MANAGER if by.role in LEADERS else Mode.PEER


def _is_followed(tx: Connection, found: Catalogue) -> bool:
    """Whether somebody who still works here follows it."""
    owner = users.find(tx, found.owner_user_id) if found.owner_user_id is not None else None
    return owner is not None and owner.is_active


def _ask(
    tx: Connection, parts: Parts, found: Catalogue, nominee_id: int, mode: Mode, *, by: User, now: datetime
) -> None:
    made = catalogue_owners.add(tx, found.id, user_id=nominee_id, mode=mode, state="asked", by=by.id, now=now)
    if made is None:
        raise NominationError("taken")
    if mode is Mode.SELF and found.owner_user_id is not None:
        _tell(tx, parts, found, "catalogue_wished", [found.owner_user_id], key=made, by=by, now=now)
    else:
        _tell(tx, parts, found, "catalogue_asked", [nominee_id], key=made, by=by, now=now)


def _give(
    tx: Connection, parts: Parts, found: Catalogue, nominee: User, mode: Mode, *, by: User, now: datetime
) -> None:
    """At once; a question that waits is asked no more."""
    catalogue_owners.close(tx, found.id, states=["asked"], to="withdrawn", now=now)
    made = catalogue_owners.add(tx, found.id, user_id=nominee.id, mode=mode, state="asked", by=by.id, now=now)
    assert made is not None
    _end_former(tx, parts, found, to=nominee, heard=by, key=made, now=now)
    catalogue_owners.settle(tx, made, state="stands", now=now)
    _set(tx, found, nominee.id, mode, by=by, now=now)
    if mode is Mode.MANAGER:
        _tell(tx, parts, found, "catalogue_named", [nominee.id], key=made, by=by, now=now)


def _end_former(
    tx: Connection, parts: Parts, found: Catalogue, *, to: User, heard: User, key: int, now: datetime
) -> None:
    """The owner before hears who follows now, unless it was their own doing. heard: whose word it was."""
    catalogue_owners.close(tx, found.id, states=["stands"], to="ended", now=now)
    if found.owner_user_id not in (None, to.id, heard.id):
        _tell(tx, parts, found, "catalogue_taken", [found.owner_user_id], key=key, by=to, now=now)


def _set(tx: Connection, found: Catalogue, user_id: int, mode: Mode, *, by: User, now: datetime) -> None:
    catalogue_owners.set_owner(tx, found.id, user_id=user_id, mode=mode, now=now)
    changes: dict[str, tuple[object, object]] = {
        "owner_user_id": (found.owner_user_id, user_id),
        "owner_mode": (found.owner_mode, mode.value),
    }
    audit.note(
        tx, noun="catalogue", noun_id=found.id, action="owner", user_id=by.id, now=now, changes=changes
    )


def _tell(
    tx: Connection,
    parts: Parts,
    found: Catalogue,
    kind: str,
    user_ids: list[int],
    *,
    key: int,
    by: User,
    now: datetime,
) -> None:
    tell_staff.run(
        tx,
        kind,
        user_ids,
        args={"catalogue": found.id, "name": found.company, "by": by.name},
        key=str(key),
        page=f"/catalogues/{found.id}",
        base_url=parts.settings.base_url,
        now=now,
    )
