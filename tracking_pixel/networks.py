"""Networks of scanners, learned from condemned visits.

A scanner serves many companies, so a network is learned once visits to mails of two companies were condemned from
it. One company's own network is never learned: its people sit behind it, next to their virus scanner. Hands at a
page clear a network as well: where people are, one cannot tell them from the machine by their address.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tracking_pixel.bots import CONDEMNING, Judged, Verdict
from tracking_pixel.events import Event, EventKind

LEARNED_DOMAINS = 2
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen of a network. domains: of the recipients whose mails it scanned, not yet outdated.

    machines_until, people_until: 30 days after a condemned visit, after hands at a page; None if never seen.
    """

    net: str
    domains: int
    machines_until: datetime | None
    people_until: datetime | None


@dataclass(frozen=True, slots=True)
class Lesson:
    """One sighting that teaches. is_person: hands at a page, else a condemned visit."""

    net: str
    is_person: bool
    at: datetime

    @property
    def until(self) -> datetime:
        return self.at + KEPT


def lessons(events: Sequence[Event], judged: Sequence[Judged]) -> set[Lesson]:
    """What the events of one delivery teach about the networks they came from; for each the last of its kind."""
    last: dict[tuple[str, bool], datetime] = {}
    for event, verdict in zip(events, judged, strict=True):
        is_person = event.kind is EventKind.BEAT and event.has_input
        is_machine = verdict.verdict is Verdict.SCANNER and not set(CONDEMNING).isdisjoint(verdict.reasons)
        if event.net and (is_person or (is_machine and event.kind in (EventKind.CLICK, EventKind.PROBE))):
            key = (event.net, is_person)
            last[key] = max(event.at, last.get(key, event.at))
    return {Lesson(net, is_person, at) for (net, is_person), at in last.items()}


def scanners(seen: Iterable[Evidence], *, now: datetime) -> dict[str, datetime]:
    """The networks to be suspected, and until when."""
    found = {}
    for one in seen:
        is_cleared = one.people_until is not None and one.people_until > now
        if one.domains >= LEARNED_DOMAINS and one.machines_until is not None and not is_cleared:
            found[one.net] = one.machines_until
    return {net: until for net, until in found.items() if until > now}
