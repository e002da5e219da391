"""Who was it, a person or a machine? Rules as a table; every verdict carries its reasons.

Clicks start as human. Each sign adds weight: 0.5 makes a click suspected, 1.0 a scanner's. Opens never
speak for a person: image proxies fetch for everybody (spec 45, O1). A beat with hands at the page that a
click led to overrules every sign against that click, and only that click.
All judging is done over everything known of one delivery, so a later burst judges earlier clicks again.
Source: spec 45, A7 and A8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK

EARLY_S = 10
BURST_S = 5
BURST_LINKS = 3
TRAP_S = 20
SUSPECTED = 0.5
SCANNER = 1.0


class Verdict(StrEnum):
    HUMAN = "human"
    SUSPECTED = "suspected"
    SCANNER = "scanner"
    MACHINE = "machine"  # of opens: an image proxy
    UNKNOWN = "unknown"  # of opens: anybody's guess


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and the codes of the rules that led to it."""

    verdict: Verdict
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signs:
    """What the rules look at: one click among all clicks of its delivery."""

    click: Event
    clicks: Sequence[Event]
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    code: str
    weight: float
    holds: Callable[[Signs], bool]


def _is_crawler(signs: Signs) -> bool:
    return is_crawler(signs.click.ua)


def _is_early(signs: Signs) -> bool:
    # Also before: the server's acceptance is stored a moment after the scanner behind it has the mail.
    return signs.sent_at is not None and (signs.click.at - signs.sent_at).total_seconds() < EARLY_S


def _is_burst(signs: Signs) -> bool:
    """Three links or more within five seconds, this click among them."""
    near = [other for other in signs.clicks if abs((other.at - signs.click.at).total_seconds()) <= BURST_S]
    for first in near:
        window = [other for other in near if 0 <= (other.at - first.at).total_seconds() <= BURST_S]
        if signs.click in window and len({other.link_no for other in window}) >= BURST_LINKS:
            return True
    return False


def _is_trapped(signs: Signs) -> bool:
    return any(
        other.link_no == TRAP_LINK and abs((other.at - signs.click.at).total_seconds()) <= TRAP_S
        for other in signs.clicks
    )


CLICK_RULES: tuple[Rule, ...] = (
    Rule("head", 0.5, lambda signs: signs.click.method == "HEAD"),
    Rule("crawler", 1.0, _is_crawler),
    Rule("no_agent", 0.5, lambda signs: not signs.click.ua.strip()),
    Rule("early", 0.5, _is_early),
    Rule("burst", 1.0, _is_burst),
    Rule("trap", 1.0, _is_trapped),
)

# Agents of image proxies, lower case. Apple's fetches all pictures of all mails under a bare "Mozilla/5.0".
PROXIES = (
    ("googleimageproxy", "proxy_google"),
    ("yahoomailproxy", "proxy_yahoo"),
    ("yahoocachesystem", "proxy_yahoo"),
    ("outlookimageproxy", "proxy_outlook"),
)


def judge(events: Sequence[Event], *, sent_at: datetime | None) -> list[Judged]:
    """A verdict for each event of one delivery, in the order given.

    sent_at: when the receiving server accepted the mail; None when not known.
    """
    clicks = [event for event in events if event.kind is EventKind.CLICK]
    touched = {event.visit for event in events if event.kind is EventKind.BEAT and event.has_input}
    refs = {visit.partition(".")[0] for visit in touched} - {""}
    by_click = {click.uid: _judge_click(Signs(click, clicks, sent_at), refs) for click in clicks}
    led = {click.ref: by_click[click.uid] for click in clicks if click.ref}
    return [_judge_one(event, by_click, led, touched) for event in events]


def _judge_one(
    event: Event, by_click: dict[str, Judged], led: dict[str, Judged], touched: set[str]
) -> Judged:
    if event.kind is EventKind.CLICK:
        return by_click[event.uid]
    if event.kind is EventKind.OPEN:
        return judge_open(event.ua)
    return _judge_page(event, led.get(event.ref), touched)


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


def _judge_click(signs: Signs, refs: set[str]) -> Judged:
    hits = [rule for rule in CLICK_RULES if rule.holds(signs)]
    if not hits:
        return Judged(Verdict.HUMAN)
    reasons = tuple(rule.code for rule in hits)
    if signs.click.ref in refs:
        return Judged(Verdict.HUMAN, (*reasons, "input_on_page"))
    weight = sum(rule.weight for rule in hits)
    return Judged(Verdict.SCANNER if weight >= SCANNER else Verdict.SUSPECTED, reasons)


def _judge_page(event: Event, click: Judged | None, touched: set[str]) -> Judged:
    """A view or beat: hands at the page speak for a person, a machine's click against it."""
    if event.visit in touched:
        return Judged(Verdict.HUMAN, ("input_on_page",))
    if is_crawler(event.ua):
        return Judged(Verdict.SCANNER, ("crawler",))
    if click and click.verdict in (Verdict.SCANNER, Verdict.SUSPECTED):
        return Judged(click.verdict, ("after_machine_click", *click.reasons))
    return Judged(Verdict.HUMAN)


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
