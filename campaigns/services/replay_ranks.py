"""Replay ranks: from the touchpoints, the dated calibrations and rules, and the refusals, the same ranks come out.

What cannot be replayed is left out and said: a touch whose verdict has moved (`judged_at`) is known as it is now, so its
lead is compared from that instant on; a call or an import that was undone has taken its touches along; of refusals
only the last one's end is kept; a person's industry is today's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.replaying import Difference, History, replay
from campaigns.storage import rank_history, standings

CHUNK = 500


@dataclass(frozen=True, slots=True)
class Report:
    """leads: compared; partly: of these, from a later instant on; changes: stored ones; instants: further ones."""

    leads: int = 0
    partly: int = 0
    changes: int = 0
    instants: int = 0
    differences: tuple[Difference, ...] = ()


def run(parts: Parts, *, person_id: int | None = None, sample: int | None = None, now: datetime) -> Report:
    """Replay one person's leads, about so many leads, or all."""
    leads = partly = changes = instants = 0
    differences: list[Difference] = []
    for one in _histories(parts, person_id=person_id, sample=sample, now=now):
        done = replay(one, until=now)
        leads, changes, instants = leads + 1, changes + done.changes, instants + done.instants
        partly += any(change.at < one.since for change in one.changes)
        differences += done.differences
    return Report(leads, partly, changes, instants, tuple(differences))


def _histories(
    parts: Parts, *, person_id: int | None, sample: int | None, now: datetime
) -> Iterator[History]:
    for ids in _ids(parts, person_id=person_id, sample=sample):
        with parts.engine.connect() as tx:
            found = rank_history.load(tx, ids, now=now)
        yield from found


def _ids(parts: Parts, *, person_id: int | None, sample: int | None) -> Iterator[Sequence[int]]:
    if person_id is not None:
        with parts.engine.connect() as tx:
            ids = rank_history.of_person(tx, person_id)
        if ids:
            yield ids
        return
    with parts.engine.connect() as tx:
        one_in = 1 if sample is None else max(1, standings.last_id(tx) // max(1, sample))
    after = 0
    while True:
        with parts.engine.connect() as tx:
            ids = rank_history.some(tx, after=after, limit=CHUNK, one_in=one_in)
        if not ids:
            return
        after = ids[-1]
        yield ids
