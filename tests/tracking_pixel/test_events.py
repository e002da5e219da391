from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_pixel import BadEvent
from tracking_pixel.events import MAX_TITLE, MAX_UA, Event, EventKind, net_of

AT = datetime(2026, 11, 24, 1, 0, 0, 123456, tzinfo=UTC)


def test_an_event_survives_the_wire() -> None:
    event = Event(
        uid="beat:7:ff.s.p:3",
        kind=EventKind.BEAT,
        delivery_id=7,
        at=AT,
        link_no=0,
        url="https://www.example.co.jp/導入事例",
        title="導入事例 ㈱髙島",
        ua="Mozilla/5.0",
        net="203.0.113.0/24",
        method="POST",
        visit="ff.s.p",
        active_s=15.0,
        has_input=True,
        refuses=True,
        visitor="V-isitor_0123456",
    )
    assert Event.from_bytes(event.to_bytes()) == event
    assert event.ref == "ff"


def test_hostile_lengths_and_control_characters_are_cut() -> None:
    event = Event(
        uid="a", kind=EventKind.OPEN, delivery_id=1, at=AT, ua="x" * 90_000, title="a\r\nb\x00\ud800" * 9000
    )
    read = Event.from_bytes(event.to_bytes())
    assert len(read.ua) == MAX_UA
    assert len(read.title) <= MAX_TITLE
    assert not set(read.title) & set("\r\n\x00")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 9000,
        b'{"i":"a","k":"open","d":1}',
        b'{"i":"a","k":"buy","d":1,"t":1}',
        b'{"i":"a b","k":"open","d":1,"t":1}',
        b'{"i":"a\\n","k":"open","d":1,"t":1}',
        b'{"i":"a","k":"open","d":-1,"t":1}',
        b'{"i":"a","k":"open","d":true,"t":1}',
        b'{"i":"a","k":"open","d":1,"t":99999999999999999999}',
        b'{"i":"a","k":"open","d":1,"t":9000000000000000000}',
        b'{"i":"a","k":"open","d":1,"t":1,"n":["x"]}',
        b'{"i":"a","k":"click","d":1,"t":1,"l":2147483648}',
        b'{"i":"a","k":"open","d":1,"t":1,"s":NaN}',
        b'{"i":"a","k":"view","d":0,"t":1,"w":"short"}',
        b'{"i":"a","k":"view","d":0,"t":1,"w":7}',
        b'{"i":"a","k":"view","d":0,"t":1,"w":"' + b"x" * 41 + b'"}',
        b'{"i":"a","k":"view","d":0,"t":1,"w":"0123456789abcdef\\n"}',
        b'{"i":"a","k":"open","d":1,"t":1,"n":"' + b"x" * 20_000 + b'"}',
    ],
)
def test_bytes_that_are_no_event_are_a_bad_event(raw: bytes) -> None:
    with pytest.raises(BadEvent):
        Event.from_bytes(raw)


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_else(raw: bytes) -> None:
    try:
        event = Event.from_bytes(raw)
    except BadEvent:
        return
    assert Event.from_bytes(event.to_bytes()) == event


def test_a_beat_is_never_worth_more_than_fifteen_seconds() -> None:
    raw = b'{"i":"a","k":"beat","d":1,"t":1,"s":86400}'
    assert Event.from_bytes(raw).active_s == 15.0


@pytest.mark.parametrize(
    ("ip", "net"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_only_the_network_of_an_address_is_kept(ip: str, net: str) -> None:
    assert net_of(ip) == net
