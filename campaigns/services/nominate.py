"""Who follows a company: by one's own word, by a colleague's (who is named has to say yes), or by a manager's.

Every line stays. Errors: Gone, NominationError(code): not_yours, taken, unknown, already, answered. Source: S0-19.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.tracking import Mode
from campaigns.services import tell_staff
from campaigns.services.author import Gone
from campaigns.storage import audit, catalogue_owners, catalogues, users
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.users import User

LEADERS = ("admin", "sales_manager")


class NominationError(ValueError):
    """Why nobody was named, as a code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def run(parts: Parts, catalogue_id: int, *, nominee_id: int, by: User, now: datetime) -> Mode:
    """Name somebody; the mode follows from who names whom. A colleague's word waits for the answer."""
    with parts.engine.begin() as tx:
        found = catalogues.get(tx, catalogue_id, lock=True)
        if found is None:
            raise Gone
        nominee = users.find(tx, nominee_id)
        if nominee is None or not nominee.is_active:
            raise NominationError("unknown")
        if found.owner_user_id == nominee_id:
            raise NominationError("already")
        mode = _mode(nominee_id, by)
        if mode is Mode.PEER:
            _ask(tx, parts, found, nominee_id, by=by, now=now)
        else:
            _give(tx, parts, found, nominee, mode, by=by, now=now)
    return mode


def answer(parts: Parts, catalogue_id: int, *, accepts: bool, user: User, now: datetime) -> None:
    """The answer of who was named by a colleague."""
    with parts.engine.begin() as tx:
        found = catalogues.get(tx, catalogue_id, lock=True)
        if found is None:
            raise Gone
        asked = catalogue_owners.asked(tx, catalogue_id)
        if asked is None or asked.user_id != user.id:
            raise NominationError("answered")
        if not accepts:
            catalogue_owners.settle(tx, asked.id, state="declined", now=now)
            if asked.by_user_id is not None:
                _tell(
                    tx, parts, found, "catalogue_declined", [asked.by_user_id], key=asked.id, by=user, now=now
                )
            return
        _end_former(tx, parts, found, by=user, key=asked.id, now=now)
        catalogue_owners.settle(tx, asked.id, state="stands", now=now)
        _set(tx, found, user.id, Mode.PEER, by=user, now=now)


def _mode(nominee_id: int, by: User) -> Mode:
    if nominee_id == by.id:
        return Mode.SELF
    return Mode.MANAGER if by.role in LEADERS else Mode.PEER


def _ask(tx: Connection, parts: Parts, found: Catalogue, nominee_id: int, *, by: User, now: datetime) -> None:
    made = catalogue_owners.add(
        tx, found.id, user_id=nominee_id, mode=Mode.PEER, state="asked", by=by.id, now=now
    )
    if made is None:
        raise NominationError("taken")
    _tell(tx, parts, found, "catalogue_asked", [nominee_id], key=made, by=by, now=now)


def _give(
    tx: Connection, parts: Parts, found: Catalogue, nominee: User, mode: Mode, *, by: User, now: datetime
) -> None:
    """At once; a question that waits is asked no more."""
    catalogue_owners.close(tx, found.id, states=["asked"], to="withdrawn", now=now)
    made = catalogue_owners.add(tx, found.id, user_id=nominee.id, mode=mode, state="asked", by=by.id, now=now)
    assert made is not None
    _end_former(tx, parts, found, by=nominee, key=made, now=now)
    catalogue_owners.settle(tx, made, state="stands", now=now)
    _set(tx, found, nominee.id, mode, by=by, now=now)
    if mode is Mode.MANAGER:
        _tell(tx, parts, found, "catalogue_named", [nominee.id], key=made, by=by, now=now)


def _end_former(tx: Connection, parts: Parts, found: Catalogue, *, by: User, key: int, now: datetime) -> None:
    catalogue_owners.close(tx, found.id, states=["stands"], to="ended", now=now)
    if found.owner_user_id is not None and found.owner_user_id != by.id:
        _tell(tx, parts, found, "catalogue_taken", [found.owner_user_id], key=key, by=by, now=now)


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
