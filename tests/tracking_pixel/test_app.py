import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tracking_pixel.app import GIF, MAX_BODY, Tracker
from tracking_pixel.events import EventKind
from tracking_pixel.links import Links, Visit, read_visit, visit_token
from tracking_pixel.tokens import Signer, TokenKind

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
SITE = "https://www.example.co.jp"
SIGNER = Signer({1: b"k" * 32}, current=1)
LINKS = Links(SIGNER, "https://m.example.co.jp", sites=[SITE])


def path(url: str) -> str:
    return url.removeprefix("https://m.example.co.jp")


@pytest.fixture
def tracker(heard: Any) -> Tracker:
    return Tracker(SIGNER, heard, now=lambda: NOW, sites=[SITE])


def test_an_open_is_answered_by_a_picture_that_no_cache_keeps(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    answer = call(tracker, path(LINKS.open_url(7)), HTTP_IF_NONE_MATCH='"x"', HTTP_IF_MODIFIED_SINCE="now")
    assert (answer.status, answer.body, len(answer.body)) == (200, GIF, 43)
    assert answer.headers["Content-Type"] == "image/gif"
    assert "no-store" in answer.headers["Cache-Control"]
    assert not {"Set-Cookie", "ETag", "Last-Modified", "Location"} & set(answer.headers)
    [event] = heard.events
    assert (event.kind, event.delivery_id, event.net, event.at) == (EventKind.OPEN, 7, "203.0.113.0/24", NOW)
    assert heard.waits == [False]


@pytest.mark.parametrize("name", ["", "x", "x.gif", "../../etc/passwd.gif", "あ.gif", "A" * 9000 + ".gif"])
def test_a_forged_pixel_is_still_a_picture_and_nothing_is_recorded(
    tracker: Tracker, heard: Any, call: Any, name: str
) -> None:
    answer = call(tracker, f"/o/{name}")
    assert (answer.status, answer.body) == (200, GIF)
    assert heard.events == []


def test_a_head_of_the_pixel_is_no_open(tracker: Tracker, heard: Any, call: Any) -> None:
    assert call(tracker, path(LINKS.open_url(7)), method="HEAD").status == 200
    assert heard.events == []


def test_a_click_goes_to_the_signed_target_and_is_stored_before_the_answer(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    answer = call(tracker, path(LINKS.click_url(7, 2, "https://www.partner.example/a%20b?x=1&y=%E3%81%82")))
    assert answer.status == 302
    assert answer.headers["Location"] == "https://www.partner.example/a%20b?x=1&y=%E3%81%82"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    [event] = heard.events
    assert (event.kind, event.delivery_id, event.link_no) == (EventKind.CLICK, 7, 2)
    assert heard.waits == [True]


def test_a_head_redirects_and_is_noted_but_is_no_click(tracker: Tracker, heard: Any, call: Any) -> None:
    answer = call(tracker, path(LINKS.click_url(7, 2, "https://www.partner.example/")), method="HEAD")
    assert (answer.status, answer.headers["Location"]) == (302, "https://www.partner.example/")
    [event] = heard.events
    assert (event.kind, event.method, event.link_no, event.visit) == (EventKind.PROBE, "HEAD", 2, "")
    assert heard.waits == [False]


@pytest.mark.parametrize(
    ("headers", "refuses"),
    [({}, False), ({"HTTP_DNT": "1"}, True), ({"HTTP_SEC_GPC": "1"}, True), ({"HTTP_DNT": "0"}, False)],
)
def test_a_click_notes_that_its_browser_refuses_to_be_tracked(
    tracker: Tracker, heard: Any, call: Any, headers: dict[str, str], refuses: bool
) -> None:
    call(tracker, path(LINKS.click_url(7, 2, "https://www.partner.example/")), **headers)
    assert heard.events[0].refuses is refuses


def test_a_click_to_our_own_site_carries_a_landing_token_that_names_this_click(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    answer = call(tracker, path(LINKS.click_url(7, 1, f"{SITE}/case/#top")))
    head, token = answer.headers["Location"].removesuffix("#top").split("?ik=")
    assert head == f"{SITE}/case/"
    visit = read_visit(SIGNER, token, now=NOW)
    assert (visit.delivery_id, f"{visit.ref:x}") == (7, heard.events[0].ref)


def test_a_click_to_a_form_of_our_own_carries_the_token_that_fills_it_in(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    base = LINKS.open_url(1).partition("/o/")[0]
    answer = call(tracker, path(LINKS.click_url(7, 1, f"{base}/form/abcdefghjk")))
    head, token = answer.headers["Location"].split("?ik=")
    assert head == f"{base}/form/abcdefghjk"
    assert read_visit(SIGNER, token, now=NOW).delivery_id == 7


@pytest.mark.parametrize(
    ("accepted", "lang"), [("", "ja"), ("en-US,en;q=0.9", "en"), ("fr,ja;q=0.5,en;q=0.4", "ja")]
)
def test_an_edited_click_is_a_page_in_the_readers_language_and_goes_nowhere(
    tracker: Tracker, heard: Any, call: Any, accepted: str, lang: str
) -> None:
    real = path(LINKS.click_url(7, 1, "https://www.partner.example/"))
    for edited in (real[:-1], real + "A", real[:9] + "_" + real[10:], real + "?x", "/c/", "/c//evil.example"):
        answer = call(tracker, edited, HTTP_ACCEPT_LANGUAGE=accepted)
        assert answer.status == 404
        assert f'<html lang="{lang}">'.encode() in answer.body
        assert "Location" not in answer.headers
    assert heard.events == []


def test_even_a_genuine_signature_does_not_lead_to_another_scheme(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    for bad in (b"javascript:alert(1)", b"//evil.example", b"https://a.example/\r\nX: y", b"\xff"):
        token = SIGNER.sign(TokenKind.CLICK, 7, 1, 0, tail=bad)
        assert call(tracker, f"/c/{token}").status == 404
    for ids in ((), (7,), (7, 1), (7, 1, 0, 0)):
        token = SIGNER.sign(TokenKind.CLICK, *ids, tail=b"https://a.example/")
        assert call(tracker, f"/c/{token}").status == 404
    assert heard.events == []


def test_a_posted_click_is_refused(tracker: Tracker, heard: Any, call: Any) -> None:
    url = path(LINKS.click_url(7, 1, "https://www.partner.example/"))
    assert call(tracker, url, method="POST").status == 404
    assert heard.events == []


def body(**changed: Any) -> bytes:
    row = {"k": visit_token(SIGNER, Visit(7, 255), now=NOW), "t": "beat", "v": "sess.page", "n": 3}
    row |= {"u": f"{SITE}/price/?mail=someone", "i": "価格", "s": True, "l": 2}
    return json.dumps({key: value for key, value in (row | changed).items() if value is not None}).encode()


def beat(call: Any, tracker: Tracker, raw: bytes, origin: str = SITE) -> Any:
    return call(tracker, "/b", method="POST", body=raw, HTTP_ORIGIN=origin)


def test_a_beat_is_recorded_with_its_page_and_without_the_query(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    answer = beat(call, tracker, body())
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (204, SITE)
    [event] = heard.events
    assert (event.kind, event.delivery_id, event.visit) == (EventKind.BEAT, 7, "ff.sess.page")
    assert (event.url, event.title) == (f"{SITE}/price/", "価格")
    assert (event.active_s, event.has_input) == (15.0, True)


def test_the_same_beat_twice_is_one_event_by_its_name(tracker: Tracker, heard: Any, call: Any) -> None:
    beat(call, tracker, body())
    beat(call, tracker, body())
    beat(call, tracker, body(n=4))
    assert len({event.uid for event in heard.events}) == 2


def test_the_first_touch_of_a_page_tells_of_hands_and_is_worth_no_seconds(
    tracker: Tracker, heard: Any, call: Any
) -> None:
    assert beat(call, tracker, body(t="touch", l=0)).status == 204
    [event] = heard.events
    assert (event.kind, event.active_s, event.has_input) == (EventKind.BEAT, 0.0, True)


@pytest.mark.parametrize("changed", [{"s": False}, {"l": 31}, {"l": -1}, {"t": "view"}])
def test_a_hidden_or_untouched_page_is_worth_nothing(
    tracker: Tracker, heard: Any, call: Any, changed: dict[str, Any]
) -> None:
    assert beat(call, tracker, body(**changed)).status == 204
    assert (heard.events[0].active_s, heard.events[0].has_input) == (0.0, False)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[1]",
        b"\xff",
        b"[" * 8000,
        body(k=SIGNER.sign(TokenKind.OPEN, 7)),
        body(k="x"),
        body(k=7),
        body(k=None),
        body(t="click"),
        body(t="open"),
        body(v="no dot"),
        body(v="a.b.c"),
        body(v="a" * 25 + ".b"),
        body(v="a.<b>"),
        body(n=481),
        body(n=-1),
        body(n=1.5),
        body(n=True),
        body(i=["x"]),
        body(l="NaNs"),
        body(u="https://evil.example/"),
        body(u=7),
        body(k=visit_token(SIGNER, Visit(7, 255), now=NOW - timedelta(days=31))),
    ],
)
def test_a_body_that_our_script_would_not_send_is_refused(
    tracker: Tracker, heard: Any, call: Any, raw: bytes
) -> None:
    assert beat(call, tracker, raw).status == 400
    assert heard.events == []


def test_a_large_body_or_one_of_unknown_length_is_not_read(tracker: Tracker, heard: Any, call: Any) -> None:
    assert beat(call, tracker, b" " * (MAX_BODY + 1)).status == 413
    for length in ("", "-5", "many", "99999999999"):
        answer = call(tracker, "/b", method="POST", body=body(), HTTP_ORIGIN=SITE, CONTENT_LENGTH=length)
        assert answer.status == 413
    assert heard.events == []


@pytest.mark.parametrize(
    "origin", ["", "null", "https://evil.example", f"{SITE}.evil.example", "http://www.example.co.jp"]
)
def test_pages_of_other_sites_cannot_send_beats(tracker: Tracker, heard: Any, call: Any, origin: str) -> None:
    answer = beat(call, tracker, body(), origin)
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert heard.events == []


def test_a_preflight_is_answered_and_a_get_is_not_a_beat(tracker: Tracker, heard: Any, call: Any) -> None:
    assert call(tracker, "/b", method="OPTIONS", HTTP_ORIGIN=SITE).status == 204
    assert call(tracker, "/b", HTTP_ORIGIN=SITE).status == 405
    assert heard.events == []


def test_the_beacon_is_small_and_sets_no_cookie(tracker: Tracker, call: Any) -> None:
    answer = call(tracker, "/t.js")
    assert answer.status == 200
    assert len(answer.body) < 3000
    assert b"document.cookie" not in answer.body


def test_everything_else_goes_to_the_application_behind(heard: Any, call: Any) -> None:
    def behind(environ: Any, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
        return [b"behind"]

    tracker = Tracker(SIGNER, heard, now=lambda: NOW, fallback=behind)
    for other in ("/", "/u/token", "/open", "/t.js.map", "/b/", "/o", "/c"):
        assert call(tracker, other).body == b"behind"
    assert call(Tracker(SIGNER, heard, now=lambda: NOW), "/u/x").status == 404


@pytest.mark.parametrize(
    ("hops", "forwarded", "net"),
    [
        (0, "198.51.100.9", "203.0.113.0/24"),
        (1, "198.51.100.9", "198.51.100.0/24"),
        (1, "192.0.2.1, 198.51.100.9", "198.51.100.0/24"),
        (2, "192.0.2.1, 198.51.100.9", "192.0.2.0/24"),
        (2, "198.51.100.9", "203.0.113.0/24"),
        (1, "", "203.0.113.0/24"),
        (1, "rubbish", ""),
    ],
)
def test_the_callers_address_is_believed_only_from_our_own_proxies(
    heard: Any, call: Any, hops: int, forwarded: str, net: str
) -> None:
    tracker = Tracker(SIGNER, heard, now=lambda: NOW, trusted_hops=hops)
    call(tracker, path(LINKS.open_url(7)), HTTP_X_FORWARDED_FOR=forwarded)
    assert heard.events[0].net == net
