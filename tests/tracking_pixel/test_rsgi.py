"""The tracker on an event loop answers as it does behind WSGI."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from tracking_pixel.app import Tracker
from tracking_pixel.counts import Count, Counts
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import Links, Visit, visit_token
from tracking_pixel.rsgi import LoopTracker
from tracking_pixel.tokens import Signer

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
HOST, SITE = "https://m.example.co.jp", "https://www.example.co.jp"
SIGNER = Signer({1: b"k" * 32}, current=1)
LINKS = Links(SIGNER, HOST, sites=[SITE])
CLICK = LINKS.click_url(7, 2, "https://www.partner.example/").removeprefix(HOST)
LANDING = LINKS.click_url(7, 1, f"{SITE}/case/").removeprefix(HOST)
PIXEL = LINKS.open_url(7).removeprefix(HOST)
BEAT = (
    f'{{"k":"{visit_token(SIGNER, Visit(7, 255), now=NOW)}","t":"beat","v":"s.p","n":3,"u":"{SITE}/","s":true,"l":1}}'
).encode()
AGENT = {"user-agent": "Mozilla/5.0 (X11) Firefox/132.0"}


class Headers(dict[str, str]):
    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


@dataclass
class Scope:
    path: str
    method: str = "GET"
    headers: Headers = field(default_factory=Headers)
    query_string: str = ""
    client: str = "203.0.113.77:4433"


@dataclass
class Answered:
    """RSGI's end of the connection."""

    body: bytes = b""
    got: tuple[int, dict[str, str], bytes] = (0, {}, b"")
    is_read: bool = False

    async def __call__(self) -> bytes:
        self.is_read = True
        return self.body

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.got = (status, dict(headers), b"")

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.got = (status, dict(headers), body)


@dataclass
class HeardWriter:
    """A writer that keeps what it is told, and whether somebody waited."""

    is_stored: bool = True
    counts: Counts = field(default_factory=Counts)
    events: list[Event] = field(default_factory=list)
    waits: list[bool] = field(default_factory=list)

    def push(self, event: Event, *, wait: bool = False) -> bool:
        self.events.append(event)
        self.waits.append(False)
        return False

    def stored(self, raw: bytes) -> asyncio.Future[bool]:
        self.events.append(Event.from_bytes(raw))
        self.waits.append(True)
        done = asyncio.get_running_loop().create_future()
        done.set_result(self.is_stored)
        return done


def ask(
    scope: Scope, *, body: bytes = b"", writer: HeardWriter | None = None
) -> tuple[Answered, HeardWriter]:
    writer = writer or HeardWriter()
    tracker = Tracker(SIGNER, writer, now=lambda: NOW, sites=[SITE], counts=writer.counts)
    answer = Answered(body)
    asyncio.run(LoopTracker(tracker, writer).__rsgi__(scope, answer))  # type: ignore[arg-type]
    return answer, writer


@pytest.mark.parametrize(
    ("path", "method", "headers", "body"),
    [
        (PIXEL, "GET", {}, b""),
        (PIXEL, "HEAD", {}, b""),
        ("/o/forged.gif", "GET", {}, b""),
        (CLICK, "GET", {}, b""),
        (CLICK, "GET", {"dnt": "1"}, b""),
        (CLICK, "HEAD", {}, b""),
        (CLICK, "POST", {}, b""),
        (CLICK[:-1], "GET", {"accept-language": "en"}, b""),
        ("/t.js", "GET", {}, b""),
        ("/b", "POST", {"origin": SITE, "content-length": str(len(BEAT))}, BEAT),
        ("/b", "OPTIONS", {"origin": SITE}, b""),
        ("/b", "POST", {"origin": "https://evil.example", "content-length": "2"}, b"{}"),
        ("/b", "POST", {"origin": SITE, "content-length": "2"}, b"{}"),
        ("/b", "POST", {"origin": SITE}, b""),
        ("/b", "POST", {"origin": SITE, "content-length": "9999"}, b""),
        ("/b", "POST", {"origin": SITE, "content-length": "-1"}, b""),
        ("/b", "POST", {"origin": SITE, "content-length": "٣"}, b""),
        ("/elsewhere", "GET", {}, b""),
    ],
)
def test_it_answers_and_hears_the_same_as_behind_wsgi(
    heard: Any, call: Any, path: str, method: str, headers: dict[str, str], body: bytes
) -> None:
    counts = Counts()
    behind = Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE], counts=counts)
    extra = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    if "content-length" in headers:
        extra["CONTENT_LENGTH"] = headers["content-length"]
    elif method == "POST":
        extra["CONTENT_LENGTH"] = ""
    wanted = call(behind, path, method=method, body=body, **extra)
    answer, writer = ask(Scope(path, method, Headers(AGENT | headers)), body=body)
    assert answer.got == (wanted.status, wanted.headers, wanted.body)
    assert [_known(event) for event in writer.events] == [_known(event) for event in heard.events]
    assert writer.waits == heard.waits
    assert writer.counts.taken() == counts.taken()


def _known(event: Event) -> tuple[Any, ...]:
    """All but what is drawn anew each time."""
    return (
        event.kind,
        event.delivery_id,
        event.link_no,
        event.url,
        event.ua,
        event.net,
        event.at,
        event.refuses,
    )


def test_a_landing_token_names_the_click_that_was_stored() -> None:
    answer, writer = ask(Scope(LANDING, headers=Headers(AGENT)))
    status, headers, _ = answer.got
    assert status == 302
    assert headers["Location"].startswith(f"{SITE}/case/?ik=")
    assert (writer.events[0].kind, writer.waits) == (EventKind.CLICK, [True])


def test_a_click_that_nothing_stored_in_time_is_answered_and_counted() -> None:
    answer, writer = ask(Scope(CLICK), writer=HeardWriter(is_stored=False))
    assert answer.got[0] == 302
    assert writer.counts.of(Count.LATE) == 1


def test_a_body_that_is_too_long_is_not_even_read() -> None:
    headers = Headers({"origin": SITE, "content-length": "8193"})
    answer, writer = ask(Scope("/b", "POST", headers), body=b"x" * 8193)
    assert (answer.got[0], answer.is_read) == (413, False)
    assert writer.counts.of(Count.LONG_BODY) == 1


@pytest.mark.parametrize(
    ("client", "net"),
    [("203.0.113.77:4433", "203.0.113.0/24"), ("[2001:db8::1]:99", "2001:db8::/48"), ("", "")],
)
def test_the_callers_network_is_read_from_its_address_and_port(client: str, net: str) -> None:
    _, writer = ask(Scope(PIXEL, client=client))
    assert writer.events[0].net == net
