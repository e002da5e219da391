"""Incoming mail: told apart by structure, read in any charset, never an exception."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.bounces import ReturnedKind
from mailer.inbound import InboundKind, parse

HEAD = (
    b"From: =?utf-8?B?5bGx55Sw?= <Yamada@Buyer.example>\r\nTo: Saeki <saeki@minori.example>, x@y.example\r\n"
)


def mail(*lines: str, body: bytes = b"hello") -> bytes:
    return HEAD + "\r\n".join(lines).encode() + b"\r\n\r\n" + body


DSN = b"""From: MAILER-DAEMON@mx.buyer.example (Mail Delivery System)
To: b+v1.TOKEN@mail.minori.example
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

I am sorry.

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.buyer.example

Final-Recipient: rfc822; gone@buyer.example
Original-Recipient: rfc822;gone@buyer.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mail.buyer.example
Diagnostic-Code: smtp; 550 5.1.1 <gone@buyer.example>:
    Recipient address rejected: User unknown

Final-Recipient: rfc822; slow@buyer.example
Action: delayed
Status: 4.4.1

--B
Content-Type: message/rfc822

Message-ID: <d77.1@mail.minori.example>
To: gone@buyer.example
Subject: x

y
--B--
"""


def test_a_delivery_status_notification_names_who_failed() -> None:
    got = parse(DSN)
    assert got.kind is InboundKind.BOUNCE
    assert got.returned is not None
    assert got.returned.kind is ReturnedKind.BOUNCE
    assert got.returned.original_message_id == "d77.1@mail.minori.example"
    assert got.returned.reporting_mta == "mx.buyer.example"
    (failed,) = got.returned.recipients
    assert (failed.address, failed.hard, failed.status, failed.reason) == (
        "gone@buyer.example",
        True,
        "5.1.1",
        "user_unknown",
    ), "the one that is only delayed is no bounce"
    assert failed.words == "550 5.1.1 <gone@buyer.example>: Recipient address rejected: User unknown"


def test_the_notification_reads_the_same_with_crlf() -> None:
    assert parse(DSN.replace(b"\n", b"\r\n")).returned == parse(DSN).returned


def test_a_receipt_of_delivery_is_neither_a_bounce_nor_a_reply() -> None:
    raw = DSN.replace(b"Action: failed", b"Action: delivered").replace(b"Action: delayed", b"Action: relayed")
    assert parse(raw).kind is InboundKind.AUTO_REPLY


def test_a_complaint_is_told_from_a_bounce() -> None:
    raw = DSN.replace(b"report-type=delivery-status", b"report-type=feedback-report").replace(
        b"message/delivery-status", b"message/feedback-report"
    )
    assert parse(raw).kind is InboundKind.COMPLAINT
    auth = raw.replace(b"Reporting-MTA: dns", b"Feedback-Type: auth-failure\nReporting-MTA: dns")
    assert parse(auth).kind is InboundKind.UNKNOWN, "a report about our own set-up refuses for nobody"
    abuse = raw.replace(b"Reporting-MTA: dns", b"Feedback-Type: abuse\nReporting-MTA: dns")
    assert parse(abuse).kind is InboundKind.COMPLAINT


@pytest.mark.parametrize(
    ("lines", "kind"),
    [
        (("Subject: Re: x", "In-Reply-To: <d1@m.example>"), InboundKind.REPLY),
        (("Subject: 返信: 資料について",), InboundKind.REPLY),
        (("Subject: x", "References: <a@b.example> <d1@m.example>"), InboundKind.REPLY),
        (("Subject: x",), InboundKind.UNKNOWN),
        (
            ("Subject: Re: x", "In-Reply-To: <d1@m.example>", "Auto-Submitted: auto-replied"),
            InboundKind.AUTO_REPLY,
        ),
        (("Subject: Re: x", "In-Reply-To: <d1@m.example>", "Auto-Submitted: no"), InboundKind.REPLY),
        (("Subject: 自動返信: 不在のお知らせ", "In-Reply-To: <d1@m.example>"), InboundKind.AUTO_REPLY),
        (("Subject: Out of Office: x",), InboundKind.AUTO_REPLY),
        (("Subject: x", "X-Autoreply: yes"), InboundKind.AUTO_REPLY),
        (("Subject: x", "X-Failed-Recipients: a@b.example"), InboundKind.BOUNCE),
        (("Subject: [x] Undelivered Mail", "Return-Path: <>"), InboundKind.BOUNCE),
        (("Subject: メールエラー通知",), InboundKind.BOUNCE),
        (("Subject: Re: the undelivered parcel", "In-Reply-To: <d1@m.example>"), InboundKind.REPLY),
    ],
)
def test_kinds_are_told_apart(lines: tuple[str, ...], kind: InboundKind) -> None:
    assert parse(mail(*lines)).kind is kind


def test_a_reply_tells_who_what_and_to_which_mail() -> None:
    got = parse(
        mail("Subject: Re: =?utf-8?B?6LOH5paZ?=", "In-Reply-To: <d1@m.example>", "Message-ID: <r@b.example>")
    )
    assert got.from_address == "yamada@buyer.example"
    assert got.to_addresses == ("saeki@minori.example", "x@y.example")
    assert (got.subject, got.message_id, got.in_reply_to) == ("Re: 資料", "r@b.example", "d1@m.example")
    assert got.text == "hello"


@pytest.mark.parametrize(
    ("charset", "octets", "expected"),
    [
        ("iso-2022-jp", "お世話になります。ABC".encode("iso2022_jp"), "お世話になります。ABC"),
        ("iso-2022-jp", b"\x1b$B-j-!\x1b(B\x1b$B$_$N$j\x1b(B", "㈱①みのり"),
        ("iso-2022-jp", b"\x1b(I6E\x1b(B ok", "ｶﾅ ok"),
        ("iso-2022-jp", b'\x1b$B$"\r\nplain', "あ\n"),
        ("shift_jis", "㈱髙橋①".encode("cp932"), "㈱髙橋①"),
        ("euc-jp", "日本語".encode("euc_jp"), "日本語"),
        ("us-ascii", "日本語".encode(), "日本語"),
        ("klingon", "日本語".encode("cp932"), "日本語"),
        ("utf-8", b"\xff\xfe broken", "broken"),
    ],
)
def test_text_is_read_in_the_charset_it_really_has(charset: str, octets: bytes, expected: str) -> None:
    lines = (
        "Subject: x",
        f"Content-Type: text/plain; charset={charset}",
        "Content-Transfer-Encoding: base64",
    )
    assert expected in parse(mail(*lines, body=base64.encodebytes(octets))).text


def test_subjects_are_read_raw_encoded_and_split_inside_a_character() -> None:
    jis = b"=?ISO-2022-JP?B?" + base64.b64encode(b"\x1b$B-jF|K\\\x1b(B") + b"?="
    assert parse(b"Subject: " + jis + b"\r\n\r\n").subject == "㈱日本"
    assert parse(b"Subject: \x1b$BF|K\\\x1b(B\r\n\r\n").subject == "日本"
    assert parse("Subject: 件名\r\n\r\n".encode("cp932")).subject == "件名"
    octets = "件名".encode()
    split = (
        b"=?utf-8?B?"
        + base64.b64encode(octets[:4])
        + b"?=\r\n =?utf-8?B?"
        + base64.b64encode(octets[4:])
        + b"?="
    )
    assert parse(b"Subject: " + split + b"\r\n\r\n").subject == "件名"


def test_html_only_mail_has_a_text() -> None:
    body = "<style>x{}</style><p>一行目<br>二行目 &amp; 三</p>".encode()
    got = parse(mail("Subject: x", "Content-Type: text/html; charset=utf-8", body=body))
    assert got.text == "一行目\n二行目 & 三"


@given(st.binary(max_size=2000))
def test_no_octets_raise(raw: bytes) -> None:
    for octets in (raw, HEAD + raw, b"Content-Type: " + raw):
        assert parse(octets).kind in InboundKind


@given(st.integers(0, len(DSN)), st.integers(0, len(DSN)), st.binary(max_size=40))
def test_no_damaged_notification_raises(start: int, end: int, rubbish: bytes) -> None:
    assert parse(DSN[: min(start, end)] + rubbish + DSN[max(start, end) :]).kind in InboundKind
