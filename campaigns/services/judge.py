"""Judge: what the events of a mail mean, as touchpoints and ranks.

Everything known of a delivery is judged together, after its requests have come to rest, and again when something
new is learned: a later request, hands at a page, a network. Twice the same changes nothing: a touchpoint counts
once by its source key, and only its verdict moves. Source: design 1, 3, 4; spec 2.5, spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.key_pages import is_key
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.storage import ranks, touchpoints, tracking, verdicts
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.tracking import NET_DAYS, Mailed, Stored
from tracking_pixel import bots, links, networks
from tracking_pixel.bots import Judged, Known, Verdict
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK
from tracking_pixel.networks import Lesson

CHUNK = 1000
# Agents and networks are forgotten after 90 days, so what is older keeps the verdict it has.
JUDGED = timedelta(days=NET_DAYS - 1)


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did. mails: judged; people: whose touchpoints changed; leads: ranked."""

    mails: int = 0
    people: int = 0
    leads: int = 0


def is_due(parts: Parts, *, now: datetime) -> bool:
    with parts.engine.connect() as tx:
        return verdicts.is_due(tx, now=now)


def due(parts: Parts, *, now: datetime, limit: int = CHUNK) -> Done:
    """Judge every mail whose verdict is due, and rank the people concerned."""
    total = Done()
    while True:
        with parts.engine.begin() as tx:
            ids = verdicts.take(tx, now=now, limit=limit)
            if not ids:
                return total
            moved = _judge(tx, ids, own=parts.settings.origins(), now=now)
            # Should this process end before the ranks are made, the next tick finds them due.
            ranks.ask_again(tx, moved, at=now)
        ranked = rerank.people(parts, moved, now=now)
        total = Done(total.mails + len(ids), total.people + len(moved), total.leads + ranked.leads)


@dataclass(frozen=True, slots=True)
class _Case:
    """A delivery with its events, oldest first, and what was found of each."""

    mail: Mailed
    rows: Sequence[Stored]
    judged: Sequence[Judged]

    @property
    def events(self) -> list[Event]:
        return [row.event for row in self.rows]

    @property
    def moved(self) -> list[tuple[Stored, Judged]]:
        pairs = zip(self.rows, self.judged, strict=True)
        return [pair for pair in pairs if (pair[0].verdict, pair[0].reasons) != _spelled(pair[1])]


def _spelled(judged: Judged) -> tuple[str, tuple[str, ...]]:
    return (judged.verdict.value, judged.reasons)


def _judge(tx: Connection, ids: Sequence[int], *, own: Collection[str], now: datetime) -> list[int]:
    """Judge these deliveries; returns the people whose ranks may move."""
    mails = tracking.mailed(tx, ids)
    rows = tracking.of_deliveries(tx, sorted(mails))
    nets = {row.event.net for of in rows.values() for row in of} - {""}
    scanners = networks.scanners(verdicts.evidence(tx, nets, now=now), now=now)
    sites = _scripted(tx, own, now=now)
    known = Known(sites=sites, scanners=scanners)
    cases = [_case(mails[id], of, known, now=now) for id, of in rows.items()]
    tracking.judge(tx, [(row.id, judged) for case in cases for row, judged in case.moved])
    _learn(tx, cases, scanners, now=now)
    touches = {case.mail.delivery_id: touches_of(case.mail, case.events, case.judged) for case in cases}
    changed = set(touchpoints.put(tx, [touch for of in touches.values() for touch in of], now=now))
    clicked = [id for id, of in touches.items() if any(_is_click(touch) for touch in of)]
    tracking.mailboxes_work(tx, clicked, now=now)
    # An open never counts, so it moves nobody's rank.
    acted = {touch.person_id for of in touches.values() for touch in of if touch.kind is not Kind.MAIL_OPEN}
    return sorted(changed & acted)


def _scripted(tx: Connection, own: Collection[str], *, now: datetime) -> set[str]:
    """Our own sites whose pages are seen to carry the script."""
    mine = {links.origin(site) for site in own} - {""}
    return mine & {links.origin(site) for site in verdicts.scripted_sites(tx, now=now)} if mine else set()


def _case(mail: Mailed, rows: Sequence[Stored], known: Known, *, now: datetime) -> _Case:
    old = [row for row in rows if row.event.at < now - JUDGED and row.verdict]
    new = rows[len(old) :]
    judged = [Judged(Verdict(row.verdict), row.reasons) for row in old]
    return _Case(
        mail, rows, [*judged, *bots.judge([row.event for row in new], sent_at=mail.sent_at, known=known)]
    )


def _learn(tx: Connection, cases: Sequence[_Case], before: Collection[str], *, now: datetime) -> None:
    """Write what the new verdicts teach of networks; clicks from those learned or cleared are judged again."""
    taught: list[tuple[str, Lesson]] = []
    for case in cases:
        # Each event teaches once: when it gets that verdict.
        new = [pair for pair in case.moved if pair[0].verdict != pair[1].verdict.value]
        found = networks.lessons([row.event for row, _ in new], [judged for _, judged in new])
        taught += [(case.mail.domain, lesson) for lesson in found]
    verdicts.learn(tx, taught)
    nets = {lesson.net for _, lesson in taught}
    after = networks.scanners(verdicts.evidence(tx, nets, now=now), now=now)
    verdicts.judge_again(tx, set(after) ^ (set(before) & nets), now=now)


def _is_click(touch: NewTouch) -> bool:
    return touch.kind is Kind.MAIL_CLICK and touch.validity > 0


# --- events as touchpoints ---------------------------------------------------------------------------------------


def touches_of(mail: Mailed, events: Sequence[Event], judged: Sequence[Judged]) -> list[NewTouch]:
    """The touchpoints of one delivery's events: one for all opens, one a link, one a page view."""
    groups: dict[str, list[tuple[Event, Judged]]] = {}
    for event, verdict in zip(events, judged, strict=True):
        key = _source_key(event)
        if key:
            groups.setdefault(key, []).append((event, verdict))
    return [_touch(mail, key, pairs) for key, pairs in groups.items()]


def _source_key(event: Event) -> str:
    if event.kind is EventKind.OPEN:
        return f"open:{event.delivery_id}"
    if event.kind is EventKind.CLICK:
        return "" if event.link_no == TRAP_LINK else f"click:{event.delivery_id}:{event.link_no}"
    if event.kind in (EventKind.VIEW, EventKind.BEAT):
        return f"view:{event.delivery_id}:{event.visit}"
    return ""  # nobody followed a link


def _touch(mail: Mailed, key: str, pairs: Sequence[tuple[Event, Judged]]) -> NewTouch:
    """One touchpoint of all events with its key: the first by a person, else the first.

    A page whose view was lost, while its beats arrived, is a view from its first beat on.
    """
    humans = [pair for pair in pairs if pair[1].verdict is Verdict.HUMAN]
    event, judged = min(humans or pairs, key=lambda pair: (pair[0].at, pair[0].uid))
    beats = [other for other, _ in pairs if other.kind is EventKind.BEAT]
    return NewTouch(
        source_key=key,
        person_id=mail.person_id,
        kind=_kind(event),
        at=event.at,
        product_id=mail.product_id,
        delivery_id=mail.delivery_id,
        validity=1.0 if humans else 0.0,
        validity_reason=_reason(judged),
        active_s=sum(beat.active_s for beat in beats),
        url=event.url,
        title=event.title,
    )


def _kind(event: Event) -> Kind:
    if event.kind is EventKind.OPEN:
        return Kind.MAIL_OPEN
    if event.kind is EventKind.CLICK:
        return Kind.MAIL_CLICK
    return Kind.WEB_VIEW_KEY if is_key(event.url, event.title) else Kind.WEB_VIEW


def _reason(judged: Judged) -> str:
    """`verdict:rule,rule`; empty for a person against whom nothing speaks."""
    if judged.verdict is Verdict.HUMAN and not judged.reasons:
        return ""
    return f"{judged.verdict.value}:{','.join(judged.reasons)}".rstrip(":")
