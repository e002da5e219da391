"""The tracker: a bare WSGI callable in front of the application.

`/o/TOKEN.gif` answers the pixel, whatever the token; `/c/TOKEN` redirects to the signed target; `/t.js`
and `/b` are the page beacon; everything else goes to `fallback`. No cookie is ever set, no database is
asked, and no answer waits for anything but the event's storage. Source: spec 45, A7 and A8.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from tracking_pixel import BadTarget, BadToken, Expired, links
from tracking_pixel.counts import Count, Counts
from tracking_pixel.events import (
    BEAT_S,
    INPUT_FRESH_S,
    MAX_TITLE,
    MAX_UA,
    MAX_URL,
    Event,
    EventKind,
    cut,
    is_visitor,
    net_of,
    new_uid,
)
from tracking_pixel.floods import MAIL_PER_DAY, Floods
from tracking_pixel.links import Visit
from tracking_pixel.page_script import served
from tracking_pixel.pages import not_found
from tracking_pixel.tokens import Signer, TokenKind

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
MAX_BODY = 8192
MAX_BEATS = 480  # two hours of a page: more is a machine

PIXEL_HEADERS = [
    ("Content-Type", "image/gif"),
    ("Content-Length", str(len(GIF))),
    ("Cache-Control", "no-store, no-cache, must-revalidate, private, max-age=0"),
    ("Pragma", "no-cache"),
    ("Cross-Origin-Resource-Policy", "cross-origin"),
    ("X-Robots-Tag", "noindex"),
]
_CLICK_HEADERS = [
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
]


class Sink(Protocol):
    """Where events go: a Stream, or a list with a method in tests."""

    def push(self, event: Event, *, wait: bool = True) -> bool: ...


class Tracker:
    """The WSGI application.

    now: aware UTC. sites: the origins whose pages carry the beacon. trusted_hops: how many proxies of our
    own stand in front, each of which appends to X-Forwarded-For; 0 trusts the socket alone.
    """

    def __init__(
        self,
        signer: Signer,
        stream: Sink,
        *,
        now: Callable[[], datetime],
        fallback: WSGIApplication | None = None,
        sites: Collection[str] = (),
        trusted_hops: int = 0,
        counts: Counts | None = None,
    ) -> None:
        self._counts = counts or Counts()
        self._signer = signer
        self._stream = stream
        self._now = now
        self._fallback = fallback
        self._sites = frozenset(links.origin(site) for site in sites) - {""}
        self._trusted_hops = trusted_hops
        self._script = served()
        self._floods = Floods()
        self._mail_floods = Floods(per_day=MAIL_PER_DAY, shares=False)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path: str = environ.get("PATH_INFO", "")
        if path.startswith("/o/"):
            return self._open(environ, start_response, path)
        if path.startswith("/c/"):
            return self._click(environ, start_response, path)
        if path == "/b":
            return self._beat(environ, start_response)
        if path == "/t.js":
            return self._beacon(start_response)
        if self._fallback is not None:
            return self._fallback(environ, start_response)
        return not_found(environ, start_response)

    def opened(self, environ: WSGIEnvironment, path: str) -> Event | None:
        """The open that this request for a pixel stands for; the picture is the answer in any case."""
        if environ.get("REQUEST_METHOD") != "GET" or not path.endswith(".gif"):
            return None
        try:
            read = self._signer.read(path[3:-4], TokenKind.OPEN)
        except BadToken:
            self._counts.add(Count.BAD_TOKEN)
            return None
        return self._event(environ, EventKind.OPEN, read.ids[0])

    def clicked(self, environ: WSGIEnvironment, path: str) -> tuple[Event, str] | None:
        """The click and where it goes. HEAD goes there too but is no click, only a sign of a machine (spec 45, C3)."""
        method = environ.get("REQUEST_METHOD")
        if method not in ("GET", "HEAD"):
            self._counts.add(Count.BAD_METHOD)
            return None
        try:
            read = self._signer.read(path[3:], TokenKind.CLICK)
            delivery_id, link_no, flags = read.ids
            url = links.target(read.tail.decode("ascii"))
        except BadToken:
            self._counts.add(Count.BAD_TOKEN)
            return None
        except (BadTarget, ValueError):
            self._counts.add(Count.BAD_TARGET)
            return None
        ref = int.from_bytes(os.urandom(6), "big")
        event = self._event(
            environ,
            EventKind.CLICK if method == "GET" else EventKind.PROBE,
            delivery_id,
            link_no=link_no,
            url=url,
            method=method,
            visit=f"{ref:x}" if method == "GET" else "",
            refuses="1" in (environ.get("HTTP_DNT"), environ.get("HTTP_SEC_GPC")),
        )
        if flags & links.FORM or (flags & links.LANDING and links.origin(url) in self._sites):
            visit = links.visit_token(self._signer, Visit(delivery_id, ref), now=self._now())
            url = links.with_visit(url, visit)
        return event, url

    def _open(self, environ: WSGIEnvironment, start: StartResponse, path: str) -> list[bytes]:
        """Always the picture. If-None-Match is not looked at: a 304 would be no picture."""
        event = self.opened(environ, path)
        if event is not None:
            self._stream.push(event, wait=False)
        start("200 OK", list(PIXEL_HEADERS))
        return [GIF]

    def _click(self, environ: WSGIEnvironment, start: StartResponse, path: str) -> Iterable[bytes]:
        click = self.clicked(environ, path)
        if click is None:
            return not_found(environ, start)
        event, url = click
        self._stream.push(event, wait=event.kind is EventKind.CLICK)
        start("302 Found", click_headers(url))
        return [b""]

    def _beacon(self, start: StartResponse) -> list[bytes]:
        start(
            "200 OK",
            [
                ("Content-Type", "text/javascript; charset=utf-8"),
                ("Content-Length", str(len(self._script))),
                ("Cache-Control", "public, max-age=3600"),
                ("Cross-Origin-Resource-Policy", "cross-origin"),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
        return [self._script]

    def _beat(self, environ: WSGIEnvironment, start: StartResponse) -> list[bytes]:
        site = environ.get("HTTP_ORIGIN", "")
        method = environ.get("REQUEST_METHOD")
        # Browsers name the page's origin on every POST across origins, so a missing one is no browser.
        if links.origin(site) not in self._sites:
            self._counts.add(Count.FOREIGN_SITE)
            return _answer(start, "403 Forbidden", "")
        if method == "OPTIONS":
            return _answer(start, "204 No Content", site)
        if method != "POST":
            self._counts.add(Count.BAD_METHOD)
            return _answer(start, "405 Method Not Allowed", site)
        body = _body(environ)
        if body is None:
            self._counts.add(Count.LONG_BODY)
            return _answer(start, "413 Content Too Large", site)
        event = self._read_beat(environ, body, links.origin(site))
        if event is None:
            self._counts.add(Count.BAD_BEAT)
            return _answer(start, "400 Bad Request", site)
        # What is too much is answered alike.
        if self._allows(event, time.monotonic()):
            self._stream.push(event, wait=False)
        else:
            self._counts.add(Count.BEAT_FLOOD)
        return _answer(start, "204 No Content", site)

    def _allows(self, event: Event, at: float) -> bool:
        """Nobody has signed that a browser came by itself: its network is asked; else the mail that led here."""
        if event.delivery_id:
            return self._mail_floods.allows(str(event.delivery_id), at)
        return self._floods.allows(event.net, at)

    def _read_beat(self, environ: WSGIEnvironment, body: bytes, site: str) -> Event | None:
        """The view or beat in this body; None for anything that our script would not send."""
        try:
            row = json.loads(body)
            is_touch = row["t"] == "touch"
            kind = EventKind.BEAT if is_touch else EventKind(row["t"])
            visitor = row.get("w", "")
            visit = self._visit(row.get("k", ""), visitor)
            number, page, url, title = row["n"], row["v"], row["u"], row.get("i", "")
            is_visible, idle_s = row["s"] is True, float(row["l"])
            if kind not in (EventKind.VIEW, EventKind.BEAT) or not _is_page(page):
                return None
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= MAX_BEATS:
                return None
            if not isinstance(title, str) or links.origin(url) != site:
                return None
        except (BadToken, KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError):
            return None
        has_input = kind is EventKind.BEAT and is_visible and 0 <= idle_s <= INPUT_FRESH_S
        # The first touch of a page says at once that a person is there; its seconds come with the beats.
        return self._event(
            environ,
            kind,
            visit.delivery_id if visit else 0,
            # The same beat sent again is the same event.
            uid=f"{kind.value}:{f'{visit.delivery_id}:{visit.ref:x}' if visit else f'v:{visitor}'}.{page}:{number}",
            visit=f"{visit.ref:x}.{page}" if visit else page,
            # Queries of our own sites may hold what somebody typed: only the path is kept.
            url=cut(url.partition("?")[0].partition("#")[0], MAX_URL),
            title=cut(title, MAX_TITLE),
            method="POST",
            active_s=float(BEAT_S) if has_input and not is_touch else 0.0,
            has_input=has_input,
            visitor=visitor,
        )

    def _visit(self, token: str, visitor: object) -> Visit | None:
        """The click that led here; None where a browser came by itself. BadToken, ValueError for neither."""
        if visitor != "" and not is_visitor(visitor):
            raise ValueError("visitor")
        if token or not visitor:
            try:
                return links.read_visit(self._signer, token, now=self._now())
            except Expired:
                # The browser's clock runs late: it is the same browser, only the mail is too long ago.
                if not visitor:
                    raise
        return None

    def _event(self, environ: WSGIEnvironment, kind: EventKind, delivery_id: int, **more: Any) -> Event:
        return sighting(environ, kind, delivery_id, at=self._now(), trusted_hops=self._trusted_hops, **more)


def click_headers(url: str) -> list[tuple[str, str]]:
    """Of the redirect to this address."""
    return [("Location", url), ("Content-Length", "0"), *_CLICK_HEADERS]


def sighting(
    environ: WSGIEnvironment,
    kind: EventKind,
    delivery_id: int,
    *,
    at: datetime,
    trusted_hops: int,
    uid: str = "",
    **more: Any,
) -> Event:
    """An event of this request: who called, with what agent."""
    return Event(
        uid=uid or new_uid(),
        kind=kind,
        delivery_id=delivery_id,
        at=at,
        ua=cut(environ.get("HTTP_USER_AGENT", ""), MAX_UA),
        net=net_of(_caller(environ, trusted_hops)),
        **more,
    )


def _caller(environ: WSGIEnvironment, trusted_hops: int) -> str:
    """The caller's address as the outermost proxy of our own saw it; what stands before is hearsay."""
    remote: str = environ.get("REMOTE_ADDR", "")
    if trusted_hops < 1:
        return remote
    seen = [part.strip() for part in environ.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    return seen[-trusted_hops] if len(seen) >= trusted_hops else remote


def _is_page(page: object) -> bool:
    """session.page, each of 1 to 24 letters, digits, - or _."""
    if not isinstance(page, str) or not page.isascii():
        return False
    parts = page.split(".")
    return len(parts) == 2 and all(
        0 < len(part) <= 24 and part.replace("-", "").replace("_", "0").isalnum() for part in parts
    )


def _body(environ: WSGIEnvironment) -> bytes | None:
    """At most 8 kB; None when there is more, or nobody says how much."""
    try:
        length = int(environ.get("CONTENT_LENGTH") or -1)
    except ValueError:
        return None
    if not 0 <= length <= MAX_BODY:
        return None
    body: bytes = environ["wsgi.input"].read(length)
    return body


def _answer(start: StartResponse, status: str, site: str) -> list[bytes]:
    headers = [("Cache-Control", "no-store"), ("Vary", "Origin")]
    if site:
        headers += [
            ("Access-Control-Allow-Origin", site),
            # sendBeacon always goes with credentials; without this the browser logs an error on each page.
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Methods", "POST"),
            ("Access-Control-Allow-Headers", "Content-Type"),
            ("Access-Control-Max-Age", "86400"),
        ]
    if not status.startswith("204"):
        headers.append(("Content-Length", "0"))
    start(status, headers)
    return [b""]
