"""Draft catalogues: whoever was talked to at a booth, or visited, gets a tracking catalogue for their company.

Those who write touches call this in their own transaction, after the touches. Twice changes nothing.
Source: S0-14.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from campaigns.rules.tracking import DRAFTING
from campaigns.storage import draft_catalogues


class Touch(Protocol):
    """What is asked of a touch here."""

    @property
    def person_id(self) -> int: ...

    @property
    def kind(self) -> str: ...


def for_touches(tx: Connection, touches: Iterable[Touch], *, now: datetime) -> int:
    """For the companies of those among these touches that ask for a catalogue; returns how many are new."""
    people = sorted({touch.person_id for touch in touches if touch.kind in DRAFTING})
    return for_companies(tx, draft_catalogues.companies_of(tx, people), now=now) if people else 0


def for_companies(tx: Connection, company_ids: Iterable[int], *, now: datetime) -> int:
    """For these companies; one that stands has been touched now. Returns how many are new."""
    ids = sorted(set(company_ids))
    return draft_catalogues.put(tx, ids, now=now) if ids else 0
