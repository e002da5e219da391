"""Who was it, a person or a machine? Judged over everything known of one delivery; every verdict has its reasons.

Requests for a mail's links that follow each other within 12 s are one visit. What no person does (following a
link that cannot be seen, a HEAD, fetching the unsubscribe page along with the rest, three links in 10 s) condemns
the whole visit, the click that looked harmless included. Softer signs make a click suspected. Suspected weighs
nothing, until hands at the page to which that very click led overrule whatever spoke against it. Where the page
carries our script, hands are to be expected, so a click without them stays suspected.

Opens never speak for a person: image proxies fetch for everybody (spec 45, O1). No address is suspect for belonging
to a hosting company, nor for being busy: whole companies share one way out.
Source: spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from tracking_pixel import links
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK

VISIT_GAP_S = 12
BURST_S = 10
BURST_LINKS = 3
# A mail must be fetched, seen, opened and read before a person follows its link.
EARLY_S = 30
# Two pages wanted at once: a person looks at the first before asking for the second.
PAIR_S = 2
# A checker between reader and page asks for the same link, from its own place.
ECHO_S = 30

HITS = frozenset({EventKind.CLICK, EventKind.PROBE, EventKind.UNSUBSCRIBE})


class Verdict(StrEnum):
    HUMAN = "human"
    SUSPECTED = "suspected"
    SCANNER = "scanner"
    MACHINE = "machine"  # of opens: an image proxy
    UNKNOWN = "unknown"  # of opens, and of an unsubscribe page that was fetched alone: anybody's guess


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and the codes of what led to it, the strongest first."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beyond the delivery.

    sites: origins whose pages are seen to carry our script. scanners: networks learned from condemned visits,
    each with the instant until which that holds.
    """

    sites: Collection[str] = frozenset()
    scanners: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = Known()
# What condemns a visit is learned of its networks too; a crawler's name is its own affair.
CONDEMNING = ("trap", "head", "unsubscribe", "burst")

# Agents of image proxies, lower case. Apple's fetches all pictures of all mails under a bare "Mozilla/5.0".
PROXIES = (
    ("googleimageproxy", "proxy_google"),
    ("yahoomailproxy", "proxy_yahoo"),
    ("yahoocachesystem", "proxy_yahoo"),
    ("outlookimageproxy", "proxy_outlook"),
)


def judge(events: Sequence[Event], *, sent_at: datetime | None, known: Known = NOTHING) -> list[Judged]:
    """A verdict for each event of one delivery, in the order given.

    sent_at: when the receiving server accepted the mail; None when not known.
    """
    touched = {event.visit for event in events if event.kind is EventKind.BEAT and event.has_input}
    hands = {visit.partition(".")[0] for visit in touched} - {""}
    hits = sorted((event for event in events if event.kind in HITS), key=_order)
    verdicts = _judge_hits(hits, hands, sent_at, known)
    led = {hit.ref: verdicts[hit.uid] for hit in hits if hit.ref}
    return [_judge_one(event, verdicts, led, touched) for event in events]


def _order(event: Event) -> tuple[datetime, str]:
    return (event.at, event.uid)


def _judge_one(
    event: Event, verdicts: Mapping[str, Judged], led: Mapping[str, Judged], touched: Collection[str]
) -> Judged:
    if event.kind in HITS:
        return verdicts[event.uid]
    if event.kind is EventKind.OPEN:
        return judge_open(event.ua)
    return _judge_page(event, led.get(event.ref), touched)


# --- requests for the links of a mail --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Around:
    """What is known around the hits of a delivery. hits: oldest first. hands: clicks that led to a touched page.

    condemned: what condemns the visit of each hit, by uid. machines: callers (network and agent) of condemned
    visits, each with the links it has. people: callers who touched a page.
    """

    hits: Sequence[Event]
    hands: Collection[str]
    condemned: Mapping[str, tuple[str, ...]]
    machines: Mapping[tuple[str, str], Collection[int | None]]
    people: Collection[tuple[str, str]]
    sent_at: datetime | None
    known: Known


def _judge_hits(
    hits: Sequence[Event], hands: Collection[str], sent_at: datetime | None, known: Known
) -> dict[str, Judged]:
    """A verdict for each hit, by its uid. hits: oldest first. hands: clicks that led to a touched page."""
    condemned = {hit.uid: codes for visit in _visits(hits) for codes in [_condemns(visit)] for hit in visit}
    people = {_caller(hit) for hit in hits if hit.ref in hands} if hands else set()
    machines: dict[tuple[str, str], set[int | None]] = {}
    for hit in hits:
        if condemned[hit.uid] and not (hands and hit.ref in hands):
            machines.setdefault(_caller(hit), set()).add(hit.link_no)
    around = _Around(hits, hands, condemned, machines, people, sent_at, known)
    found = {hit.uid: _judge_hit(hit, around) for hit in hits}
    for echo in _echoes(hits, found):
        found[echo.uid] = Judged(Verdict.SUSPECTED, ("echo",))
    return found


def _judge_hit(hit: Event, around: _Around) -> Judged:
    condemning = (*around.condemned[hit.uid], *(["crawler"] if is_crawler(hit.ua) else []))
    if around.hands and hit.ref and hit.ref in around.hands:
        return Judged(Verdict.HUMAN, (*condemning, *_doubts(hit, around), "input_on_page"))
    if hit.kind is not EventKind.CLICK:
        return Judged(Verdict.SCANNER if condemning else Verdict.UNKNOWN, condemning)
    expected = not hit.refuses and links.origin(hit.url) in around.known.sites
    reasons = (*condemning, *_doubts(hit, around), *(["no_beat"] if expected else []))
    if condemning or not reasons:
        return Judged(Verdict.SCANNER if condemning else Verdict.HUMAN, reasons)
    # Who has touched one page of the mail's is a person, also where the script stays silent.
    if _caller(hit) in around.people:
        return Judged(Verdict.HUMAN, (*reasons, "known_caller"))
    return Judged(Verdict.SUSPECTED, reasons)


def _visits(hits: Sequence[Event]) -> Iterator[list[Event]]:
    """Hits chained by gaps of at most 12 s, whoever called: a scanner asks from several places at once."""
    visit: list[Event] = []
    for hit in hits:
        if visit and _seconds(visit[-1], hit) > VISIT_GAP_S:
            yield visit
            visit = []
        visit.append(hit)
    if visit:
        yield visit


def _condemns(visit: Sequence[Event]) -> tuple[str, ...]:
    """What in this visit no person does."""
    codes = []
    if any(hit.link_no == TRAP_LINK for hit in visit):
        codes.append("trap")
    if any(hit.method == "HEAD" for hit in visit):
        codes.append("head")
    pages = sum(hit.kind is EventKind.UNSUBSCRIBE for hit in visit)
    if 0 < pages < len(visit):
        codes.append("unsubscribe")
    if len(visit) >= BURST_LINKS and _links_within(visit, BURST_S) >= BURST_LINKS:
        codes.append("burst")
    return tuple(codes)


def _links_within(visit: Sequence[Event], seconds: float) -> int:
    """The most different links asked for within so many seconds."""
    asked = [hit for hit in visit if hit.link_no is not None]
    most = start = 0
    for end, hit in enumerate(asked):
        while _seconds(asked[start], hit) > seconds:
            start += 1
        most = max(most, len({one.link_no for one in asked[start : end + 1]}))
    return most


def _doubts(click: Event, around: _Around) -> Iterator[str]:
    """Softer signs: a person may look like this now and then."""
    if around.known.scanners.get(click.net, click.at) > click.at:
        yield "learned_network"
    # A machine goes on to links that it does not have yet; the reader behind it wants one that it has had.
    had = around.machines.get(_caller(click))
    if had is not None and click.link_no not in had:
        yield "same_caller"
    # Also before: the server's acceptance is stored a moment after the scanner behind it has the mail.
    if around.sent_at is not None and (click.at - around.sent_at).total_seconds() < EARLY_S:
        yield "early"
    if len(around.hits) > 1 and any(
        other.link_no != click.link_no
        and other.kind is EventKind.CLICK
        and abs(_seconds(other, click)) <= PAIR_S
        for other in around.hits
    ):
        yield "pair"
    if not click.ua.strip():
        yield "no_agent"


def _echoes(hits: Sequence[Event], found: Mapping[str, Judged]) -> Iterator[Event]:
    """Clicks that repeat somebody else's: the same link within 30 s from elsewhere is one click, not two.

    Of a reader and the checker behind, the first who asked stands for both, unless hands tell which one it is.
    """
    last: dict[int | None, Event] = {}
    for hit in hits:
        if hit.kind is not EventKind.CLICK or found[hit.uid].verdict is not Verdict.HUMAN:
            continue
        first = last.get(hit.link_no)
        if first is None or _seconds(first, hit) > ECHO_S or _caller(first) == _caller(hit):
            last[hit.link_no] = hit
        elif not found[hit.uid].reasons:
            yield hit
        elif not found[first.uid].reasons:
            yield first
            last[hit.link_no] = hit


def _caller(event: Event) -> tuple[str, str]:
    return (event.net, event.ua)


def _seconds(first: Event, then: Event) -> float:
    return (then.at - first.at).total_seconds()


# --- opens and pages ---------------------------------------------------------------------------------------------


def judge_open(ua: str) -> Judged:
    """Opens are machine or unknown; even a known mail program may have fetched in advance."""
    agent = ua.strip().lower()
    if agent == "mozilla/5.0":
        return Judged(Verdict.MACHINE, ("proxy_apple",))
    for part, code in PROXIES:
        if part in agent:
            return Judged(Verdict.MACHINE, (code,))
    if not agent:
        return Judged(Verdict.MACHINE, ("no_agent",))
    if is_crawler(ua):
        return Judged(Verdict.MACHINE, ("crawler",))
    return Judged(Verdict.UNKNOWN)


def _judge_page(event: Event, click: Judged | None, touched: Collection[str]) -> Judged:
    """A view or beat: hands at the page speak for a person, a machine's click against it."""
    if event.visit in touched:
        return Judged(Verdict.HUMAN, ("input_on_page",))
    if is_crawler(event.ua):
        return Judged(Verdict.SCANNER, ("crawler",))
    if click and click.verdict in (Verdict.SCANNER, Verdict.SUSPECTED):
        return Judged(click.verdict, ("after_machine_click", *click.reasons))
    return Judged(Verdict.HUMAN)


def judge_visit(ua: str, *, has_input: bool) -> Judged:
    """A page that no mail led to. Anybody may load one, so hands alone speak for a person."""
    if has_input:
        return Judged(Verdict.HUMAN, ("input_on_page",))
    return (
        Judged(Verdict.SCANNER, ("crawler",)) if is_crawler(ua) else Judged(Verdict.SUSPECTED, ("no_input",))
    )


# --- agents ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def is_crawler(ua: str) -> bool:
    """Does the agent call itself a crawler? Loaded at the first question: 1,400 patterns take a while."""
    if not ua.strip():
        return False
    return bool(_detector().is_crawler(ua))


@lru_cache(maxsize=1)
def _detector() -> Any:
    from crawlerdetect import CrawlerDetect

    return CrawlerDetect()
