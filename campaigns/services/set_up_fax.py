"""Set up the mail-to-fax gateway: its domain, the address it knows us by, our number, and how many a minute.

FaxError.code, of everything about faxes: no_document, no_product, nobody, gateway_off; of settings: gateway_odd,
from_odd, number_odd, rate_odd.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from re import fullmatch

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.storage import audit, faxes

RATE, RATE_MOST = 10, 120
DOMAIN = r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"


class FaxError(ValueError):
    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Settings:
    """gateway: domain, "" for lists alone. from_address: the one the gateway knows us by. return_number: digits."""

    gateway: str = ""
    from_address: str = ""
    return_number: str = ""
    per_minute: int = RATE

    @property
    def is_on(self) -> bool:
        return bool(self.gateway and self.from_address)


def settings(parts: Parts) -> Settings:
    with parts.engine.connect() as tx:
        return load(tx)


def load(tx: Connection) -> Settings:
    return Settings(**faxes.settings(tx))


def save(parts: Parts, new: Settings, *, user_id: int | None, now: datetime) -> None:
    """Raises FaxError."""
    if new.gateway and not fullmatch(DOMAIN, new.gateway):
        raise FaxError("gateway_odd")
    if (new.gateway or new.from_address) and not fullmatch(
        r"[^@\s]{1,64}@" + DOMAIN, new.from_address.lower()
    ):
        raise FaxError("from_odd")
    if new.return_number and not rule.is_number(new.return_number):
        raise FaxError("number_odd")
    if not 1 <= new.per_minute <= RATE_MOST:
        raise FaxError("rate_odd")
    with parts.engine.begin() as tx:
        old = load(tx)
        values = {
            name: getattr(new, name) for name in ("gateway", "from_address", "return_number", "per_minute")
        }
        faxes.save_settings(tx, values)
        changes = {
            name: (getattr(old, name), value) for name, value in values.items() if getattr(old, name) != value
        }
        audit.note(tx, noun="house", noun_id=1, action="fax", user_id=user_id, now=now, changes=changes)
