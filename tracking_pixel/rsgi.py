"""The tracker on an event loop, for processes that do nothing else: granian's RSGI.

The same Tracker reads the requests; only waiting differs. Behind WSGI each waiting click holds a thread, and 48
threads that a stored group wakes at once fight for the interpreter: 7,300 clicks a second on 2 cores. Here a click
is a coroutine that waits for its group's future: 20,000.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import TYPE_CHECKING, Any, Protocol

from tracking_pixel.app import GIF, MAX_BODY, PIXEL_HEADERS, Tracker, click_headers
from tracking_pixel.counts import Count
from tracking_pixel.events import EventKind
from tracking_pixel.pages import not_found
from tracking_pixel.writer import Writer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment


class Scope(Protocol):
    """What RSGI tells of a request. headers: get, get_all and items; what is no ASCII is not among them."""

    path: str
    query_string: str
    method: str
    client: str
    headers: Any


class HTTPProtocol(Protocol):
    """How it takes the answer, and gives the body."""

    async def __call__(self) -> bytes: ...
    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None: ...
    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None: ...


class LoopTracker:
    """tracker: reads requests, and hands what needs no waiting to the same writer."""

    def __init__(self, tracker: Tracker, writer: Writer) -> None:
        self._tracker = tracker
        self._writer = writer

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._writer.start(loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._writer.close())

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        path, headers = scope.path, scope.headers
        environ: WSGIEnvironment = {
            "PATH_INFO": path,
            "REQUEST_METHOD": scope.method,
            "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
            "HTTP_USER_AGENT": headers.get("user-agent") or "",
            "HTTP_X_FORWARDED_FOR": ",".join(headers.get_all("x-forwarded-for")),
        }
        if path.startswith("/o/"):
            event = self._tracker.opened(environ, path)
            if event is not None:
                self._writer.push(event)
            protocol.response_bytes(200, PIXEL_HEADERS, GIF)
        elif path.startswith("/c/"):
            await self._click(scope, protocol, environ)
        else:
            await _answer(scope, protocol, environ, self._tracker)

    async def _click(self, scope: Scope, protocol: HTTPProtocol, environ: WSGIEnvironment) -> None:
        environ["HTTP_DNT"] = scope.headers.get("dnt")
        environ["HTTP_SEC_GPC"] = scope.headers.get("sec-gpc")
        click = self._tracker.clicked(environ, environ["PATH_INFO"])
        if click is None:
            await _answer(scope, protocol, environ, not_found)
            return
        event, url = click
        if event.kind is not EventKind.CLICK:
            self._writer.push(event)
        elif not await self._writer.stored(event.to_bytes()):
            self._writer.counts.add(Count.LATE)
        protocol.response_empty(302, click_headers(url))


async def _answer(
    scope: Scope, protocol: HTTPProtocol, environ: WSGIEnvironment, application: WSGIApplication
) -> None:
    """What a WSGI application that does not wait answers: page script, beats, the page that says there is nothing."""
    for name, value in scope.headers.items():
        environ.setdefault(f"HTTP_{name.upper().replace('-', '_')}", value)
    environ["QUERY_STRING"] = scope.query_string
    environ["CONTENT_LENGTH"] = environ.get("HTTP_CONTENT_LENGTH", "")
    environ["wsgi.input"] = BytesIO(await _body(environ, protocol))
    seen: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None, /) -> Any:
        seen[:] = (int(status[:3]), headers)

    chunks = application(environ, start)
    status, headers = seen
    protocol.response_bytes(status, headers, b"".join(chunks))


async def _body(environ: WSGIEnvironment, protocol: HTTPProtocol) -> bytes:
    """What was sent, if its length is told and the tracker would take it."""
    length: str = environ["CONTENT_LENGTH"]
    if length.isascii() and length.isdecimal() and len(length) < 6 and 0 < int(length) <= MAX_BODY:
        return await protocol()
    return b""
