"""Edit a catalogue: one field at a time, in place, with who changed it and when. Source: S0-16, S0-18, S0-32, S3-03.

Errors: Gone (no such catalogue), NotYours (its owner and who leads sales edit), Stale (somebody changed this field
first), rules.tracking.FieldError.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.tracking import FieldError
from campaigns.services import draft_catalogues, warn_rival
from campaigns.services.author import Gone
from campaigns.storage import audit, catalogues, company_people
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.users import User


class NotYours(RuntimeError):
    """Only its owner and who leads sales edit a catalogue."""


class Stale(RuntimeError):
    """Somebody else changed this field first. current: what stands now."""

    def __init__(self, current: Catalogue) -> None:
        super().__init__(f"catalogue {current.id} has moved")
        self.current = current


def draft(parts: Parts, company_id: int, *, user: User, now: datetime) -> int:
    """The catalogue of a company, made by hand where there is none; returns its id. Raises Gone."""
    with parts.engine.begin() as tx:
        if not company_people.is_company(tx, company_id):
            raise Gone
        made = draft_catalogues.for_companies(tx, [company_id], now=now)
        found = catalogues.of_company(tx, company_id)
        assert found is not None
        if made:
            audit.note(
                tx, noun="catalogue", noun_id=found.id, action="draft", user_id=user.id, now=now, changes={}
            )
    return found.id


def save(
    parts: Parts,
    catalogue_id: int,
    field: str,
    form: Mapping[str, str],
    *,
    version: int,
    user: User,
    now: datetime,
) -> None:
    """Save one field as it was typed. version: of that field, as the page showed it."""
    told = tracking.read(field, form)
    with parts.engine.begin() as tx:
        old = hold(tx, catalogue_id, user=user)
        if field in ("decider", "contact"):
            _check_person(tx, old, told.values)
        changes = {name: (getattr(old, name), new) for name, new in told.values.items()}
        if old.mark(field).version != version:
            raise Stale(old)
        if all(before == after for before, after in changes.values()):
            return
        if not catalogues.save(
            tx, catalogue_id, field, told.values, version=version, user_id=user.id, now=now
        ):
            raise Stale(old)
        audit.note(
            tx,
            noun="catalogue",
            noun_id=catalogue_id,
            action="edit",
            user_id=user.id,
            now=now,
            changes=changes,
        )
        _follow(tx, parts, old, field, told.values, user=user, now=now)


def _check_person(tx: Connection, old: Catalogue, values: Mapping[str, object]) -> None:
    [(column, person_id)] = values.items()
    if isinstance(person_id, int) and not company_people.works_at(tx, person_id, old.company_id):
        raise FieldError(column, "unknown")


def _follow(
    tx: Connection,
    parts: Parts,
    old: Catalogue,
    field: str,
    values: Mapping[str, object],
    *,
    user: User,
    now: datetime,
) -> None:
    """What a changed field brings: the log of the ringi, the role of a decider, the alarm about a rival."""
    if field == "ringi":
        catalogues.log_ringi(tx, old.id, values, user_id=user.id, now=now)
    roles = {"decider": "決裁", "contact": "窓口"}
    person_id = values.get(f"{field}_id")
    if field in roles and isinstance(person_id, int):
        company_people.give_role(tx, person_id, old.company_id, role=roles[field])
    risk = values.get("rival_risk")
    if isinstance(risk, str) and tracking.is_feared(risk) and not tracking.is_feared(old.rival_risk):
        warn_rival.run(
            tx,
            parts,
            company_id=old.company_id,
            person_id=old.contact_id or old.decider_id,
            rival=old.competitors,
            user_id=user.id,
            now=now,
        )


def save_extra(
    parts: Parts,
    catalogue_id: int,
    extra_id: int | None,
    *,
    label: str,
    value: str,
    version: int,
    user: User,
    now: datetime,
) -> None:
    """A field of one's own: added or changed. FieldError: label_missing, value_missing, too_long, too_many."""
    label, value = " ".join(label.split()), value.strip()
    if not label:
        raise FieldError("label", "label_missing")
    if len(label) > tracking.LABEL_MAX:
        raise FieldError("label", "too_long")
    if not value:
        raise FieldError("value", "value_missing")
    if len(value) > tracking.TEXT_MAX:
        raise FieldError("value", "too_long")
    with parts.engine.begin() as tx:
        old = hold(tx, catalogue_id, user=user)
        standing = catalogues.extras(tx, catalogue_id)
        before = next((one for one in standing if one.id == extra_id), None)
        if extra_id is None:
            if len(standing) >= tracking.EXTRAS_MAX:
                raise FieldError("label", "too_many")
            catalogues.add_extra(tx, catalogue_id, label=label, value=value, user_id=user.id, now=now)
        elif not catalogues.save_extra(
            tx,
            catalogue_id,
            extra_id,
            label=label,
            value=value,
            version=version,
            user_id=user.id,
            now=now,
        ):
            raise Stale(old)
        catalogues.touch(tx, [old.company_id], now=now)
        audit.note(
            tx,
            noun="catalogue",
            noun_id=catalogue_id,
            action="extra",
            user_id=user.id,
            now=now,
            changes={label: (before.value if before else None, value)},
        )


def drop_extra(
    parts: Parts, catalogue_id: int, extra_id: int, *, version: int, user: User, now: datetime
) -> int:
    """Take a field of one's own away. Returns the line of the audit log that keeps what it held."""
    with parts.engine.begin() as tx:
        old = hold(tx, catalogue_id, user=user)
        gone = catalogues.drop_extra(tx, catalogue_id, extra_id, version=version)
        if gone is None:
            raise Stale(old)
        catalogues.touch(tx, [old.company_id], now=now)
        label, value = gone
        return audit.note(
            tx,
            noun="catalogue",
            noun_id=catalogue_id,
            action="extra_gone",
            user_id=user.id,
            now=now,
            changes={label: (value, None)},
        )


def hold(tx: Connection, catalogue_id: int, *, user: User) -> Catalogue:
    """The catalogue, for this user to write on; nobody else does until the transaction ends. Raises Gone, NotYours."""
    found = catalogues.get(tx, catalogue_id, lock=True)
    if found is None:
        raise Gone
    if not tracking.may_edit(role=user.role, user_id=user.id, owner_id=found.owner_user_id):
        raise NotYours
    return found
