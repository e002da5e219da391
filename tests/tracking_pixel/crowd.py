"""Labelled traffic: people and the machines between them and their mail. A simulation, not recorded data.

Every parameter is drawn from a range, once a company, since each runs its product in its own way; `profiles.py`
holds the ranges of the products that the rules were written against and of those that they were not. What a
request is labelled as is never seen by the rules.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK

START = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
OWN_SITE = "https://www.maker.example"  # carries our script
OTHER_SITE = "https://www.partner.example"
BROWSERS = tuple(
    f"Mozilla/5.0 ({system}) {engine}"
    for system in (
        "Windows NT 10.0; Win64; x64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "iPhone; CPU iPhone OS 18_1 like Mac OS X",
    )
    for engine in (
        *(f"AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 Safari/537.36" for n in (139, 141, 142)),
        "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
        "Gecko/20100101 Firefox/145.0",
    )
)
TOOLS = ("python-requests/2.32.3", "Go-http-client/1.1", "")
APPLE = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Profile:
    """A product that touches mails. Ranges; shares are 0 to 1, times seconds.

    scans: mails looked at. delay: after delivery (or after the reader's opening, click). picks: share of the links.
    whole: mails in which every link is taken instead. gap: between requests. trap, leaves: hidden link, unsubscribe
    page, in those mails. heads: mails asked by HEAD as well. renders: pages on which the script runs. places: networks
    in use; strays: requests from a network never seen again. tools: agent is no browser's. echoes: reader's clicks
    that are checked from elsewhere, before (negative) or after. carries: readers who come through its networks.
    """

    name: str
    kind: str = "gateway"  # gateway; client: on the reader's own machine; echo: checks clicks; pixel: fetches pictures
    scans: Range = (0.5, 1.0)
    delay: Range = (0.0, 30.0)
    picks: Range = (1.0, 1.0)
    whole: Range = (0.0, 0.0)
    gap: Range = (0.05, 0.5)
    trap: Range = (0.0, 0.0)
    leaves: Range = (0.0, 0.0)
    heads: Range = (0.0, 0.0)
    renders: Range = (0.0, 0.0)
    places: Range = (2, 6)
    strays: Range = (0.0, 0.1)
    carries: Range = (0.0, 0.0)
    tools: Range = (0.0, 0.0)
    echoes: Range = (0.0, 0.0)
    echo_after: Range = (-1.0, 15.0)
    agent: str = ""


@dataclass(frozen=True, slots=True)
class People:
    """How people behave, as ranges. clicks: mails clicked in. median_min, spread: of the lognormal time to a click.

    touches: pages of ours touched before they are left. refuses: say so in a header. blocks: stop the script in
    silence. tabs: open three links at once.
    """

    clicks: Range = (0.04, 0.10)
    opens: Range = (0.3, 0.6)
    median_min: Range = (30, 120)
    spread: Range = (1.4, 1.9)
    touches: Range = (0.97, 1.0)
    refuses: Range = (0.0, 0.03)
    blocks: Range = (0.0, 0.015)
    tabs: Range = (0.0, 0.01)
    own_site: Range = (0.4, 0.8)


@dataclass(slots=True)
class Mail:
    """One delivery. people: uids of what people did. profile: the machine that may touch it."""

    id: int
    domain: str
    profile: str
    sent_at: datetime
    links: tuple[str, ...]
    events: list[Event] = field(default_factory=list)
    people: set[str] = field(default_factory=set)

    @property
    def clicks(self) -> list[Event]:
        return [
            event for event in self.events if event.kind is EventKind.CLICK and event.link_no != TRAP_LINK
        ]


def mails(
    seed: int, count: int, profiles: Sequence[tuple[float, Profile | None]], people: People, *, size: int = 20
) -> list[Mail]:
    """Mails to companies, `size` people each. profiles: with the share of companies behind each."""
    draw = random.Random(seed)
    found: list[Mail] = []
    chosen = draw.choices([one for _, one in profiles], [share for share, _ in profiles], k=count // size)
    nets = {profile.name: _places(draw, profile) for _, profile in profiles if profile}
    for number, profile in enumerate(chosen):
        house = _House(draw, number, profile, nets.get(profile.name, ()) if profile else (), people)
        found += [house.mail(len(found) + n + 1) for n in range(size)]
    return found


def _places(draw: random.Random, profile: Profile) -> tuple[str, ...]:
    """A product's networks, which all its customers share."""
    return tuple(_net(draw) for _ in range(round(draw.uniform(*profile.places))))


def _net(draw: random.Random) -> str:
    return f"{draw.randint(1, 223)}.{draw.randint(0, 255)}.{draw.randint(0, 255)}.0/24"


class _House:
    """A company with its people and what it runs: parameters drawn once."""

    def __init__(
        self, draw: random.Random, number: int, profile: Profile | None, nets: Sequence[str], people: People
    ):
        self._draw, self._profile = draw, profile
        self._domain = f"company{number}.example"
        self._own_net = _net(draw)
        self._nets = nets
        self._at = _drawn(draw, people, ("clicks", "opens", "median_min", "spread", "touches", "refuses"))
        self._at |= _drawn(draw, people, ("blocks", "tabs", "own_site"))
        if profile:
            names = ("scans", "delay", "picks", "whole", "gap", "trap", "leaves", "heads", "renders")
            self._has = _drawn(draw, profile, (*names, "strays", "carries", "tools", "echoes"))

    def mail(self, id: int) -> Mail:
        draw = self._draw
        site = OWN_SITE if draw.random() < self._at["own_site"] else OTHER_SITE
        links = tuple(f"{site}/page{n}/" for n in range(1, draw.randint(2, 7)))
        mail = Mail(
            id,
            self._domain,
            self._profile.name if self._profile else "none",
            START + timedelta(seconds=draw.uniform(0, 20 * 86400)),
            links,
        )
        if self._profile and self._profile.kind in ("gateway", "pixel"):
            self._scan(mail, draw.uniform(0, self._has["delay"] * 2), self._nets)
        self._read(mail)
        return mail

    def _scan(self, mail: Mail, after_s: float, nets: Sequence[str], *, agent: str = "") -> None:
        """What the machine asks for, beginning so many seconds after delivery."""
        draw, has, profile = self._draw, self._has, self._profile
        assert profile
        if draw.random() > has["scans"]:
            return
        if draw.random() < has["tools"]:
            agent = draw.choice(TOOLS)
        agent = profile.agent or agent or draw.choice(BROWSERS)
        if profile.kind == "pixel":
            self._add(mail, EventKind.OPEN, after_s, draw.choice(nets), agent)
            return
        numbers = list(range(1, len(mail.links) + 1))
        is_whole = draw.random() < has["whole"]
        if not is_whole:
            numbers = sorted(draw.sample(numbers, max(1, round(has["picks"] * len(numbers)))))
        if draw.random() < has["trap"]:
            numbers.append(TRAP_LINK)
        is_head = draw.random() < has["heads"]
        at = after_s
        for number in numbers:
            net = self._place(nets)
            if is_head:
                self._add(mail, EventKind.PROBE, at, net, agent, link_no=number)
                at += draw.uniform(0, has["gap"])
            self._click(mail, number, at, net, agent, renders=draw.random() < has["renders"])
            at += draw.expovariate(1 / has["gap"])
        if draw.random() < has["leaves"]:
            self._add(mail, EventKind.UNSUBSCRIBE, at, self._place(nets), agent)

    def _place(self, nets: Sequence[str]) -> str:
        assert self._profile
        is_stray = self._profile.kind == "gateway" and self._draw.random() < self._has["strays"]
        return _net(self._draw) if is_stray else self._draw.choice(nets)

    # --- people ---

    def _read(self, mail: Mail) -> None:
        draw, at = self._draw, self._at
        agent = draw.choice(BROWSERS)
        net = self._own_net if draw.random() < 0.7 else _net(draw)  # the rest is at home or under way
        if self._profile and draw.random() < self._has["carries"]:
            net = draw.choice(self._nets)
        clicks = draw.random() < at["clicks"]
        opened = math.exp(draw.gauss(math.log(at["median_min"] * 60), at["spread"]))
        if clicks or draw.random() < at["opens"]:
            if draw.random() < 0.5:  # many programs show no pictures
                mail.people.add(self._add(mail, EventKind.OPEN, opened, net, agent))
            if self._profile and self._profile.kind == "client" and net == self._own_net:
                self._scan(mail, opened + draw.uniform(0, self._has["delay"]), (net,), agent=agent)
        if not clicks:
            return
        numbers = draw.sample(range(1, len(mail.links) + 1), min(len(mail.links), draw.choice((1, 1, 1, 2))))
        tabs = draw.random() < at["tabs"]
        if tabs:
            numbers = list(range(1, len(mail.links) + 1))[:3]
        refuses, blocks = draw.random() < at["refuses"], draw.random() < at["blocks"]
        when = opened + 3 + draw.expovariate(1 / 25)
        for number in numbers:
            self._follow(mail, number, when, net, agent, refuses=refuses, blocks=blocks)
            when += draw.uniform(1, 3) if tabs else 15 + draw.expovariate(1 / 90)

    def _follow(
        self, mail: Mail, number: int, when: float, net: str, agent: str, *, refuses: bool, blocks: bool
    ) -> None:
        draw = self._draw
        is_silent = refuses or blocks
        touches = not is_silent and draw.random() < self._at["touches"]
        uids = self._click(
            mail, number, when, net, agent, renders=not is_silent, touches=touches, refuses=refuses
        )
        mail.people |= uids
        if draw.random() < 0.02:  # a second press
            mail.people |= self._click(mail, number, when + 0.4, net, agent, renders=False, refuses=refuses)
        profile = self._profile
        if profile and draw.random() < self._has["echoes"]:
            after = draw.uniform(*profile.echo_after)
            self._click(
                mail, number, when + after, draw.choice(self._nets), draw.choice(BROWSERS), renders=False
            )

    def _click(
        self,
        mail: Mail,
        number: int,
        when: float,
        net: str,
        agent: str,
        *,
        renders: bool,
        touches: bool = False,
        refuses: bool = False,
    ) -> set[str]:
        url = mail.links[number - 1] if number else OTHER_SITE
        ref = f"{self._draw.getrandbits(48):x}"
        uids = {
            self._add(
                mail,
                EventKind.CLICK,
                when,
                net,
                agent,
                link_no=number,
                url=url,
                visit=ref,
                refuses=refuses,
            )
        }
        if renders and url.startswith(OWN_SITE):
            page = {"visit": f"{ref}.s.p", "url": url, "method": "POST"}
            uids.add(self._add(mail, EventKind.VIEW, when + 1.5, net, agent, **page))
            if touches:
                later = when + 2 + self._draw.expovariate(1 / 4)
                uids.add(self._add(mail, EventKind.BEAT, later, net, agent, has_input=True, **page))
        return uids

    def _add(self, mail: Mail, kind: EventKind, after_s: float, net: str, agent: str, **more: object) -> str:
        uid = f"{mail.id}-{len(mail.events)}"
        if kind is EventKind.PROBE:
            more["method"] = "HEAD"
        at = mail.sent_at + timedelta(seconds=after_s)
        mail.events.append(Event(uid, kind, mail.id, at, net=net, ua=agent, **more))  # type: ignore[arg-type]
        return uid


def _drawn(draw: random.Random, of: Profile | People, names: Sequence[str]) -> dict[str, float]:
    """One value for each named range; delays and gaps are means."""
    values: Mapping[str, Range] = {name: getattr(of, name) for name in names}
    return {name: draw.uniform(low, high) for name, (low, high) in values.items()}
