"""Judge: what the events of a mail mean, as touchpoints and ranks.

Everything known of a delivery is judged together, after its requests have come to rest, and again when something
new is learned: a later request, hands at a page, a network. Twice the same changes nothing: a touchpoint counts
once by its source key, and only its verdict moves. Source: design 1, 3, 4; spec 2.5, spec 45, A7 and A8.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.rules.page_rules import PageRules
from campaigns.rules.touchpoints import Kind
from campaigns.services import rerank
from campaigns.services.rerank import Reranked
from campaigns.storage import page_rules, touchpoints, tracking, verdicts
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.tracking import KEPT_DAYS, Mailed, Stored
from campaigns.storage.verdicts import Claim
from tracking_pixel import bots, links, networks
from tracking_pixel.bots import Judged, Known, Verdict
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK
from tracking_pixel.networks import Lesson

CHUNK = 1000
# Events go after 90 days, so what was judged by older ones keeps the verdict it has.
JUDGED = timedelta(days=KEPT_DAYS - 1)


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did. mails: judged; people: whose ranks may have moved; leads: ranked."""

    mails: int = 0
    people: int = 0
    leads: int = 0


def is_due(parts: Parts, *, now: datetime) -> bool:
    with parts.engine.connect() as tx:
        return verdicts.is_due(tx, now=now)


def due(parts: Parts, *, now: datetime, limit: int = CHUNK) -> Done:
    """Judge every mail whose verdict is due, and rank the people concerned; two workers share the mails.

    A worker that dies leaves its claim, and the mails are due again some minutes later.
    """
    total = Done()
    while True:
        with parts.engine.begin() as tx:
            claim = verdicts.claim(tx, now=now, limit=limit)
        if claim is None:
            return total
        done = _judge_claim(parts, claim, now=now)
        total = Done(total.mails + done.mails, total.people + done.people, total.leads + done.leads)


def _judge_claim(parts: Parts, claim: Claim, *, now: datetime) -> Done:
    for is_last in (False, False, True):
        try:
            with parts.engine.begin() as tx:
                if not verdicts.settle(tx, claim):
                    return Done()
                moved = _judge(tx, claim.delivery_ids, own=parts.settings.origins(), now=now)
                ranked = _rank(tx, moved, parts, now=now)
            return Done(len(claim.delivery_ids), len(moved), ranked.leads)
        except OperationalError as error:
            # A deadlock with somebody at the call desk or a planner: the other goes first.
            if is_last or getattr(error.orig, "sqlstate", "") not in ("40P01", "40001"):
                raise
    raise AssertionError("unreachable")


def _rank(tx: Connection, people: Sequence[int], parts: Parts, *, now: datetime) -> Reranked:
    settings = parts.settings
    return rerank.for_people(tx, people, now=now, zone=settings.tz, base_url=settings.base_url)


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
        return [
            (row, judged)
            for row, judged in pairs
            if row.verdict != judged.verdict or row.reasons != _spelled(judged.reasons)
        ]


@lru_cache(maxsize=4096)
def _spelled(reasons: tuple[str, ...]) -> str:
    """As the database tells them again."""
    return json.dumps(reasons)


def _judge(tx: Connection, ids: Sequence[int], *, own: Collection[str], now: datetime) -> list[int]:
    """Judge these deliveries; returns the people whose ranks may move."""
    mails = tracking.mailed(tx, ids)
    rows = tracking.of_deliveries(tx, sorted(mails))
    nets = {row.event.net for of in rows.values() for row in of} - {""}
    scanners = networks.scanners(verdicts.evidence(tx, nets, now=now), now=now)
    known = Known(sites=_scripted(tx, own, now=now), scanners=scanners)
    cases = [_case(mails[id], of, known, now=now) for id, of in rows.items()]
    moved = [(case.mail, case.moved) for case in cases]
    tracking.judge(tx, [(row.id, judged) for _, pairs in moved for row, judged in pairs])
    _learn(tx, moved, scanners, now=now)
    pages = page_rules.load(tx)
    touches = [touch for case in cases for touch in touches_of(case.mail, case.events, case.judged, pages)]
    changed = touchpoints.put(tx, touches, now=now, since=now - JUDGED)
    clicked = {touch.delivery_id for touch in touches if touch.validity > 0 and touch.kind is Kind.MAIL_CLICK}
    tracking.mailboxes_work(tx, sorted(id for id in clicked if id is not None), now=now)
    return sorted(set(changed))


def _scripted(tx: Connection, own: Collection[str], *, now: datetime) -> set[str]:
    """Our own sites whose pages are seen to carry the script."""
    mine = {links.origin(site) for site in own} - {""}
    return mine & {links.origin(site) for site in verdicts.scripted_sites(tx, now=now)} if mine else set()


def _case(mail: Mailed, rows: Sequence[Stored], known: Known, *, now: datetime) -> _Case:
    old = [row for row in rows if row.event.at < now - JUDGED and row.verdict]
    new = rows[len(old) :]
    judged = [Judged(Verdict(row.verdict), tuple(json.loads(row.reasons))) for row in old]
    return _Case(
        mail, rows, [*judged, *bots.judge([row.event for row in new], sent_at=mail.sent_at, known=known)]
    )


def _learn(
    tx: Connection,
    moved: Sequence[tuple[Mailed, Sequence[tuple[Stored, Judged]]]],
    before: Collection[str],
    *,
    now: datetime,
) -> None:
    """Write what the new verdicts teach of networks; clicks from those learned or cleared are judged again."""
    taught: list[tuple[str, Lesson]] = []
    for mail, pairs in moved:
        # Each event teaches once: when it gets that verdict.
        new = [pair for pair in pairs if pair[0].verdict != pair[1].verdict]
        found = networks.lessons([row.event for row, _ in new], [judged for _, judged in new])
        taught += [(mail.domain, lesson) for lesson in found]
    if not taught:
        return
    verdicts.learn(tx, taught)
    nets = {lesson.net for _, lesson in taught}
    after = networks.scanners(verdicts.evidence(tx, nets, now=now), now=now)
    verdicts.judge_again(tx, set(after) ^ (set(before) & nets), now=now)


# --- events as touchpoints ---------------------------------------------------------------------------------------


def touches_of(
    mail: Mailed, events: Sequence[Event], judged: Sequence[Judged], pages: PageRules
) -> list[NewTouch]:
    """The touchpoints of one delivery's events: one a link, one a page view."""
    groups: dict[str, list[tuple[Event, Judged]]] = {}
    for event, verdict in zip(events, judged, strict=True):
        key = _source_key(event)
        if key:
            groups.setdefault(key, []).append((event, verdict))
    return [_touch_of(mail, key, pairs, pages) for key, pairs in groups.items()]


def _source_key(event: Event) -> str:
    if event.kind is EventKind.CLICK:
        return "" if event.link_no == TRAP_LINK else f"click:{event.delivery_id}:{event.link_no}"
    if event.kind in (EventKind.VIEW, EventKind.BEAT):
        return f"view:{event.delivery_id}:{event.visit}"
    return ""  # nobody followed a link


def _touch_of(mail: Mailed, key: str, pairs: Sequence[tuple[Event, Judged]], pages: PageRules) -> NewTouch:
    """One touchpoint of all events with its key: the first by a person, else the first.

    A page whose view was lost, while its beats arrived, is a view from its first beat on.
    """
    humans = [pair for pair in pairs if pair[1].verdict is Verdict.HUMAN]
    event, judged = min(humans or pairs, key=lambda pair: (pair[0].at, pair[0].uid))
    active_s = sum(other.active_s for other, _ in pairs if other.kind is EventKind.BEAT)
    return touch(mail, key, event, judged, active_s=active_s, pages=pages)


NO_RULES = PageRules(())


def touch(
    mail: Mailed,
    key: str,
    event: Event,
    judged: Judged,
    *,
    active_s: float = 0.0,
    pages: PageRules = NO_RULES,
) -> NewTouch:
    """This event as a touchpoint of who got the mail. A page that belongs to a product counts for that one."""
    product_id, tags, kind = mail.product_id, mail.tags, Kind.MAIL_CLICK
    if event.kind is EventKind.OPEN:
        tags, kind = (), Kind.MAIL_OPEN  # nobody is known to have read anything
    elif event.kind is not EventKind.CLICK:
        page = pages.of(event.url, event.title)
        product_id, tags = page.product_id or product_id, page.tags
        kind = Kind.WEB_VIEW_KEY if page.is_key else Kind.WEB_VIEW
    return NewTouch(
        source_key=key,
        person_id=mail.person_id,
        kind=kind,
        at=event.at,
        product_id=product_id,
        delivery_id=mail.delivery_id,
        validity=1.0 if judged.verdict is Verdict.HUMAN else 0.0,
        validity_reason=_reason(judged),
        active_s=active_s,
        url=event.url,
        title=event.title,
        tags=tags,
    )


def _reason(judged: Judged) -> str:
    """`verdict:rule,rule`; empty for a person against whom nothing speaks."""
    if judged.verdict is Verdict.HUMAN and not judged.reasons:
        return ""
    return f"{judged.verdict}:{','.join(judged.reasons)}".rstrip(":")
