"""What the people of a company read and ask about: the strongest themes, with how many people stand behind each."""

from __future__ import annotations

from datetime import datetime, timedelta

from campaigns.parts import Parts
from campaigns.rules import interests
from campaigns.rules.interests import Interest
from campaigns.storage import interests as stored

TOP = 5
HALF_LIVES = 6  # older touches weigh less than a sixtieth


def run(parts: Parts, company_id: int, *, now: datetime) -> tuple[Interest, ...]:
    since = now - timedelta(days=HALF_LIVES * interests.USUAL_CYCLE_DAYS / 2)
    with parts.engine.connect() as tx:
        reads = stored.of_company(tx, company_id, since=since)
    return interests.profile(reads, now=now, top=TOP)
