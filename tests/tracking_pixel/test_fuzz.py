"""Forged, cut, replayed and reordered: 100,000 tokens and events, none accepted that we did not make, no crash."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from tracking_pixel import BadEvent, BadToken
from tracking_pixel.app import Tracker
from tracking_pixel.bots import Judged, judge
from tracking_pixel.events import Event, EventKind, is_visitor
from tracking_pixel.links import Links, Visit, visit_token
from tracking_pixel.tokens import IN_ADDRESS, Signer, TokenKind

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SITE = "https://www.maker.example"
SIGNER = Signer({1: b"k" * 32, 2: b"l" * 32}, current=2)
STRANGER = Signer({1: b"x" * 32, 2: b"y" * 32}, current=2)
LINKS = Links(SIGNER, "https://m.example", sites=[SITE])
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
TOKENS, REQUESTS, EVENTS, BEATS = 60_000, 10_000, 30_000, 5_000


def _genuine(draw: random.Random) -> tuple[str, TokenKind]:
    kind = draw.choice(list(TokenKind))
    ids = [draw.choice((0, 1, 127, 128, draw.getrandbits(40))) for _ in range(draw.randint(1, 3))]
    return SIGNER.sign(kind, *ids, tail=b"https://a.example/" if kind is TokenKind.CLICK else b""), kind


def _swapped(draw: random.Random, token: str) -> str:
    at = draw.randrange(len(token))
    return token[:at] + draw.choice(LETTERS) + token[at + 1 :]


def _joined(draw: random.Random, token: str) -> str:
    """The head of one genuine token and the end of another."""
    other, at = _genuine(draw)[0], draw.randrange(1, len(token))
    return token[:at] + other[at:] if token[:at] != other[:at] else token + other


FORGERIES: tuple[Callable[[random.Random, str], str], ...] = (
    _swapped,
    _joined,
    lambda draw, token: token[: draw.randrange(len(token))],
    lambda draw, token: token[draw.randrange(1, len(token)) :],
    lambda draw, token: token + draw.choice(LETTERS) * draw.randint(1, 5),
    lambda draw, token: "".join(draw.sample(token, len(token))),
    lambda draw, token: "".join(draw.choices(LETTERS, k=draw.randint(0, 60))),
    lambda draw, token: STRANGER.sign(draw.choice(list(TokenKind)), draw.getrandbits(30)),
    lambda draw, token: token + draw.choice(("=", "\n", "\x00", "あ", "%00", "/../")),
    lambda draw, token: f"{chr(draw.randrange(0x20, 0x2FFF))}{token}",
)


def _forged(count: int, seed: int) -> Iterator[tuple[str, str, TokenKind]]:
    """A genuine token of a kind, and what was made of it."""
    draw = random.Random(seed)
    for number in range(count):
        token, kind = _genuine(draw)
        yield token, FORGERIES[number % len(FORGERIES)](draw, token), kind


def test_no_forged_or_cut_token_is_accepted() -> None:
    accepted = []
    for genuine, forged, kind in _forged(TOKENS, 1):
        # A swap may put back what was there; tokens in addresses are read without regard to case.
        if forged == genuine or (kind in IN_ADDRESS and forged.lower() == genuine):
            continue
        try:
            SIGNER.read(forged, kind)
        except BadToken:
            continue
        accepted.append((genuine, forged, kind))
    assert accepted == []


def test_no_token_of_another_kind_is_accepted() -> None:
    draw = random.Random(2)
    for _ in range(2000):
        token, kind = _genuine(draw)
        for other in TokenKind:
            try:
                SIGNER.read(token, other)
            except BadToken:
                continue
            assert other is kind


def test_no_request_with_a_forged_token_is_recorded_and_none_fails(heard: Any, call: Any) -> None:
    tracker = Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE])
    draw = random.Random(3)
    for genuine, forged, _ in _forged(REQUESTS, 4):
        if forged == genuine:
            continue
        path = draw.choice(("/o/{}.gif", "/c/{}", "/c/{}?x=1")).format(forged)
        answer = call(tracker, path, method=draw.choice(("GET", "HEAD")))
        assert answer.status in (200, 404), path
        assert "Location" not in answer.headers
    assert heard.events == []


def test_no_beat_with_a_forged_landing_token_is_recorded_with_or_without_a_visitor(
    heard: Any, call: Any
) -> None:
    """A browser that came by itself needs no token; one that shows a token must show a genuine one."""
    tracker = Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE])
    draw = random.Random(7)
    for number in range(BEATS):
        token = visit_token(SIGNER, Visit(draw.randrange(10**6), draw.getrandbits(48)), now=NOW)
        forged = FORGERIES[number % len(FORGERIES)](draw, token)
        if forged in (token, ""):
            continue
        row = {
            "k": forged,
            "t": draw.choice(("view", "beat", "touch")),
            "v": "s.p",
            "n": 3,
            "u": f"{SITE}/",
            "i": "",
        }
        row |= {"s": True, "l": 1, "w": draw.choice(("", "0123456789abcdef"))}
        body = json.dumps(row).encode()
        assert call(tracker, "/b", method="POST", body=body, HTTP_ORIGIN=SITE).status == 400, body
    assert heard.events == []


def test_a_mutilated_beat_is_refused_or_becomes_an_event_within_bounds(heard: Any, call: Any) -> None:
    tracker = Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE])
    draw = random.Random(8)
    token = visit_token(SIGNER, Visit(7, 255), now=NOW)
    row = {"k": token, "t": "beat", "v": "s.p", "n": 3, "u": f"{SITE}/a/", "i": "題", "s": True, "l": 1}
    for _ in range(BEATS):
        raw = bytearray(json.dumps(row | {"w": draw.choice(("", "0123456789abcdef"))}).encode())
        for _ in range(draw.randint(1, 3)):
            at = draw.randrange(len(raw))
            raw[at : at + draw.randrange(3)] = draw.choice(
                (b"", b'"', b"}", b"[[", b"\x00", b"9" * 30, b"\xff", b"1e999")
            )
        assert call(tracker, "/b", method="POST", body=bytes(raw), HTTP_ORIGIN=SITE).status in (204, 400)
    for event in heard.events:
        assert event.delivery_id in (0, 7)
        assert event.visitor == "" or is_visitor(event.visitor)
        assert Event.from_bytes(event.to_bytes()) == event


def test_a_replayed_beat_is_the_same_event_and_a_replayed_landing_token_ages(heard: Any, call: Any) -> None:
    token = visit_token(SIGNER, Visit(7, 255), now=NOW)
    body = b'{"k":"%s","t":"beat","v":"s.p","n":3,"u":"%s/","i":"","s":true,"l":1}'
    raw = body % (token.encode(), SITE.encode())
    for days, status in ((0, 204), (0, 204), (30, 204), (31, 400), (-2, 400)):
        tracker = Tracker(SIGNER, heard, now=lambda days=days: NOW + timedelta(days=days), sites=[SITE])
        assert call(tracker, "/b", method="POST", body=raw, HTTP_ORIGIN=SITE).status == status
    assert len({event.uid for event in heard.events}) == 1


def _event(draw: random.Random, number: int) -> Event:
    kind = draw.choice(list(EventKind))
    return Event(
        uid=f"p-{number:x}",
        kind=kind,
        delivery_id=draw.randrange(5),
        at=NOW + timedelta(seconds=draw.uniform(-1e7, 1e7) if draw.random() < 0.2 else draw.uniform(0, 60)),
        link_no=draw.choice((None, 0, 1, 2, 2**31 - 1)),
        url=draw.choice(("", f"{SITE}/a/", "javascript:alert(1)", "http://[", "//x")),
        ua=draw.choice(("", "curl/8", "Mozilla/5.0", "Mozilla/5.0 (X11) Firefox/145.0")),
        net=draw.choice(("", "192.0.2.0/24", "198.51.100.0/24")),
        method=draw.choice(("GET", "HEAD", "POST")),
        visit=draw.choice(("", "ab", "ab.s.p", ".", "..", "cd.s.p")),
        active_s=draw.choice((0.0, 15.0)),
        has_input=draw.random() < 0.2,
        visitor=draw.choice(("", "", "0123456789abcdef", "x" * 40)),
    )


def test_a_mutilated_event_is_refused_or_read_whole_and_crashes_nothing() -> None:
    draw = random.Random(5)
    for number in range(EVENTS):
        raw = bytearray(_event(draw, number).to_bytes())
        for _ in range(draw.randint(1, 4)):
            at = draw.randrange(len(raw))
            how = draw.randrange(4)
            if how == 0:
                raw[at] = draw.randrange(256)
            elif how == 1:
                del raw[at:]
            elif how == 2:
                del raw[at : at + draw.randint(1, 20)]
            else:
                raw[at:at] = draw.choice(
                    (b'"', b"}", b"[[[", b"\x00", b"9" * 30, b'"d":-1,', b"\xff", b"null")
                )
            if not raw:
                break
        try:
            read = Event.from_bytes(bytes(raw))
        except BadEvent:
            continue
        assert Event.from_bytes(read.to_bytes()) == read
        assert read.delivery_id >= 0
        assert read.visitor == "" or is_visitor(read.visitor)
        assert read.at.tzinfo is UTC


def test_replayed_and_reordered_events_are_judged_alike_and_crash_nothing() -> None:
    draw = random.Random(6)
    for number in range(300):
        events = [_event(draw, number * 100 + n) for n in range(draw.randint(1, 30))]
        first = _by_uid(events)
        draw.shuffle(events)
        assert _by_uid(events) == first
        assert _by_uid([*events, *events]) == first


def _by_uid(events: list[Event]) -> dict[str, Judged]:
    return dict(zip((event.uid for event in events), judge(events, sent_at=NOW), strict=True))
