"""Beats of browsers that no mail led here: what is taken, and how much."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracking_pixel.app import Tracker
from tracking_pixel.events import Event, EventKind
from tracking_pixel.floods import ALL_BURST, BURST, MAIL_PER_DAY, NETS_MAX, PER_DAY, PER_S, Floods
from tracking_pixel.links import Visit, visit_token
from tracking_pixel.page_script import served
from tracking_pixel.tokens import Signer

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SITE = "https://www.example.co.jp"
SIGNER = Signer({1: b"k" * 32}, current=1)
VISITOR = "0123456789abcdefghijk"


@pytest.fixture
def send(heard: Any, call: Any) -> Callable[..., int]:
    """send(t="beat", ...) posts a body of our script; returns the status."""
    tracker = Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE])

    def do(ip: str = "203.0.113.7", **changed: Any) -> int:
        row = {
            "w": VISITOR,
            "t": "view",
            "v": "s.p",
            "n": 0,
            "u": f"{SITE}/price/?q=1",
            "i": "価格",
            "s": True,
        }
        raw = json.dumps(row | {"l": 1} | changed).encode()
        answer = call(tracker, "/b", method="POST", body=raw, HTTP_ORIGIN=SITE, REMOTE_ADDR=ip)
        return int(answer.status)

    return do


def test_a_view_without_a_mail_names_the_browser_and_no_delivery(send: Any, heard: Any) -> None:
    assert send() == 204
    [event] = heard.events
    assert (event.kind, event.delivery_id, event.visitor) == (EventKind.VIEW, 0, VISITOR)
    assert (event.visit, event.url, event.title) == ("s.p", f"{SITE}/price/", "価格")
    assert Event.from_bytes(event.to_bytes()) == event


def test_a_view_after_a_click_names_the_mail_and_the_browser(send: Any, heard: Any) -> None:
    token = visit_token(SIGNER, Visit(7, 255), now=NOW)
    assert send(k=token) == 204
    assert (heard.events[0].delivery_id, heard.events[0].visitor, heard.events[0].ref) == (7, VISITOR, "ff")


def test_a_token_past_its_time_leaves_a_browser_that_came_by_itself(send: Any, heard: Any) -> None:
    assert send(k=visit_token(SIGNER, Visit(7, 255), now=NOW - timedelta(days=40))) == 204
    assert heard.events[0].delivery_id == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"w": ""},
        {"w": "short"},
        {"w": "x" * 41},
        {"w": VISITOR + "\n"},
        {"w": "../" * 7},
        {"w": ["0123456789abcdef"]},
        {"w": None},
        {"k": "forged"},
        {"k": 7},
        {"k": ["x"]},
        {"v": "s.p.q"},
        {"u": "https://evil.example/"},
        {"t": "click"},
    ],
)
def test_what_our_script_would_not_send_is_refused(send: Any, heard: Any, changed: Any) -> None:
    assert send(**changed) == 400
    assert heard.events == []


def test_the_same_beat_of_a_browser_twice_is_one_event_by_its_name(send: Any, heard: Any) -> None:
    for _ in range(2):
        send(t="beat", n=3)
    send(t="beat", n=4)
    assert len({event.uid for event in heard.events}) == 2


def test_a_flood_from_one_network_is_answered_and_not_stored(send: Any, heard: Any) -> None:
    assert {send(w=f"{n:021d}") for n in range(int(BURST) * 2)} == {204}
    assert len(heard.events) <= BURST + 5 * PER_S
    assert send(ip="198.51.100.1") == 204
    assert heard.events[-1].net == "198.51.100.0/24", "another network is not held back"
    assert send(k=visit_token(SIGNER, Visit(7, 255), now=NOW)) == 204
    assert heard.events[-1].delivery_id == 7, "who came by a mail is not held back"


def test_a_flood_by_one_mail_is_answered_and_not_stored(send: Any, heard: Any) -> None:
    token = visit_token(SIGNER, Visit(7, 255), now=NOW)
    assert {send(k=token, v=f"s.p{n}") for n in range(int(BURST) * 2)} == {204}
    assert len(heard.events) <= BURST + 5 * PER_S
    assert send(k=visit_token(SIGNER, Visit(8, 255), now=NOW)) == 204
    assert heard.events[-1].delivery_id == 8, "another mail is not held back"
    assert send() == 204
    assert not heard.events[-1].delivery_id, "nor is a browser that came by itself"


def test_the_readers_of_all_mails_together_have_no_limit() -> None:
    floods = Floods(per_day=MAIL_PER_DAY, shares=False)
    assert all(floods.allows(str(mail), 0.0) for mail in range(2 * int(ALL_BURST)))
    taken = sum(floods.allows("1", second / 10) for second in range(864_00))
    assert MAIL_PER_DAY <= taken <= MAIL_PER_DAY * 2


def test_a_network_may_go_on_as_time_passes_but_not_all_day() -> None:
    floods = Floods()
    assert sum(floods.allows("a", 0.0) for _ in range(1000)) == BURST
    assert sum(floods.allows("a", 10.0) for _ in range(1000)) == 10 * PER_S
    assert not floods.allows("a", 5.0), "a clock that stands still gives nothing"
    taken = sum(floods.allows("b", second / 10) for second in range(864_00))
    assert PER_DAY <= taken <= PER_DAY * 1.2


def test_a_million_networks_do_not_fill_the_memory() -> None:
    floods = Floods()
    for number in range(NETS_MAX + 500):
        floods.allows(str(number), float(number))
    assert len(floods._nets) == NETS_MAX


def test_the_script_as_served_is_below_3_kb_and_holds_no_comment() -> None:
    script = served()
    assert len(script) < 3000
    assert b"// " not in script
    assert b"/*" not in script
    assert b"cookie" not in script
