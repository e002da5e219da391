from datetime import UTC, datetime, timedelta

import pytest

from tracking_pixel import BadTarget, BadToken, Expired
from tracking_pixel.links import (
    FORM,
    LANDING,
    Links,
    Visit,
    origin,
    read_visit,
    target,
    visit_token,
    with_visit,
)
from tracking_pixel.tokens import Signer, TokenKind

SIGNER = Signer({1: b"k" * 32}, current=1)
NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "//evil.example/",
        "\\\\evil.example",
        "http:\\\\evil.example",
        "https:/evil.example",
        "https://",
        "https:///path",
        "https://good.example\\@evil.example/",
        "https://good.example@evil.example/",
        "https://user:pass@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "ftp://files.example/",
        " https://a.example/",
        "https://a.example/\r\nSet-Cookie: a=b",
        "https://a.example/\nx",
        "https://a.example/a b",
        "https://a.example/\x00",
        "https://a.example/\u2028",
        "https://a.example:999999/",
        "https://a%2eexample/",
        "https://" + "a" * 2000 + ".example/",
        "https://.example..//\u3002\u3002/",
    ],
)
def test_what_is_no_plain_web_address_is_refused(url: str) -> None:
    with pytest.raises(BadTarget):
        target(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://www.example.co.jp/a%20b?x=1&amp=2&y=%E3%81%82#z", None),
        ("http://127.0.0.1:8080/x?u=https://b.example/", None),
        ("https://[2001:db8::1]:8443/", None),
        ("https://a.example?q", None),
        ("HTTPS://a.example/", None),
        (
            "https://a.example/導入事例?種類=油圧",
            "https://a.example/%E5%B0%8E%E5%85%A5%E4%BA%8B%E4%BE%8B?%E7%A8%AE%E9%A1%9E=%E6%B2%B9%E5%9C%A7",
        ),
        ("https://日本語.example/あ%20", "https://xn--wgv71a119e.example/%E3%81%82%20"),
    ],
)
def test_a_target_keeps_its_escaped_parts_byte_for_byte(url: str, expected: str | None) -> None:
    assert target(url) == (expected or url)
    assert target(target(url)) == target(url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://WWW.Example.co.jp:443/x", "https://www.example.co.jp"),
        ("http://a.example:8080", "http://a.example:8080"),
        ("null", ""),
        ("", ""),
        ("https://a.example:port/", ""),
        ("javascript://a.example", ""),
    ],
)
def test_an_origin_is_written_as_a_browser_writes_it(url: str, expected: str) -> None:
    assert origin(url) == expected


def test_the_landing_token_goes_before_the_fragment() -> None:
    assert with_visit("https://a.example/x#part", "T") == "https://a.example/x?ik=T#part"
    assert with_visit("https://a.example/x?a=1#part", "T") == "https://a.example/x?a=1&ik=T#part"


def test_a_visit_ends_after_thirty_days_and_never_begins_in_the_future() -> None:
    token = visit_token(SIGNER, Visit(7, 99), now=NOW)
    assert read_visit(SIGNER, token, now=NOW + timedelta(days=30)) == Visit(7, 99)
    with pytest.raises(Expired):
        read_visit(SIGNER, token, now=NOW + timedelta(days=31))
    with pytest.raises(Expired):
        read_visit(SIGNER, token, now=NOW - timedelta(days=2))
    with pytest.raises(BadToken):
        read_visit(SIGNER, SIGNER.sign(TokenKind.OPEN, 7), now=NOW)


def test_only_links_to_our_own_sites_carry_the_landing_flag() -> None:
    links = Links(SIGNER, "https://m.example.co.jp/", sites=["https://www.example.co.jp/"])
    ours = links.click_url(7, 1, "https://www.example.co.jp/case/")
    theirs = links.click_url(7, 2, "https://www.partner.example/")
    assert ours.startswith("https://m.example.co.jp/c/")
    read = SIGNER.read(ours.rpartition("/")[2], TokenKind.CLICK)
    assert (read.ids, read.tail) == ((7, 1, LANDING), b"https://www.example.co.jp/case/")
    assert SIGNER.read(theirs.rpartition("/")[2], TokenKind.CLICK).ids == (7, 2, 0)


def test_a_link_to_a_form_of_the_link_host_says_so_and_no_other_page_of_it_does() -> None:
    links = Links(SIGNER, "https://m.example.co.jp/")
    for url, flags in (
        ("https://m.example.co.jp/form/abc", FORM),
        ("https://m.example.co.jp/forms", 0),
        ("https://m.example.co.jp.evil.example/form/abc", 0),
    ):
        token = links.click_url(7, 1, url).rpartition("/")[2]
        assert SIGNER.read(token, TokenKind.CLICK).ids == (7, 1, flags)


def test_the_addresses_of_a_mail_name_their_delivery_and_nothing_personal() -> None:
    links = Links(SIGNER, "https://m.example.co.jp")
    assert SIGNER.read(links.open_url(7).rpartition("/")[2][:-4], TokenKind.OPEN).ids == (7,)
    assert SIGNER.read(links.unsubscribe_url(7).rpartition("/")[2], TokenKind.UNSUBSCRIBE).ids == (7,)
    reply = links.reply_address(7, "reply.example.co.jp")
    assert SIGNER.read(reply[len("reply+") : reply.index("@")], TokenKind.REPLY).ids == (7,)
    bounce = links.bounce_address(7, "reply.example.co.jp")
    assert SIGNER.read(bounce[len("bounce+") : bounce.index("@")], TokenKind.BOUNCE).ids == (7,)
