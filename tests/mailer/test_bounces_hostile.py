"""Whatever is fed to the reader, it answers, soon, with something fit to store."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.bounces import REASONS, ReturnedKind, files, read, voices
from mailer.bounces.read import _read

HEAD = b"From: MAILER-DAEMON@x.example\nSubject: Undelivered mail\nTo: a@minori.example\n"
MIXED = HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n"
FIELDS = b"Final-Recipient: rfc822; a%d@b.example\nAction: failed\nStatus: 5.1.1\n\n"
STATUS = HEAD + b"Content-Type: message/delivery-status\n\n"
BIG = {
    "one line": HEAD + b"\n" + b"a" * 10_000_000,
    "many lines": HEAD + b"\n" + b"550 user unknown <a@b.example>\n" * 300_000,
    "at signs": HEAD + b"\n" + b"@a" * 500_000,
    "dots": HEAD + b"\n" + b"a@" + b"a." * 500_000,
    "addresses": HEAD + b"\n" + b"x@y.example," * 80_000,
    "dashes": HEAD + b"\n" + (b"-" * 60 + b"\n") * 100_000,
    "quotes": HEAD + b"\n" + b'"<[(' * 200_000,
    "nested parts": HEAD
    + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(3000)),
    "nested mails": HEAD + b"Content-Type: message/rfc822\n\n" * 5000,
    "parts": MIXED + b"--b\nContent-Type: text/plain\n\nhello\n" * 30_000,
    "recipients": STATUS + b"".join(FIELDS % i for i in range(10_000)),
    "blank folds": STATUS + b"Diagnostic-Code: x\n" + b" \t\n" * 100_000,
    "subject": b"Subject: " + b"out of " * 500_000 + b"\n\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?=41?= " * 100_000 + b"\n\nx",
    "failed recipients": HEAD
    + b"X-Failed-Recipients: "
    + b",".join(b"a%d@b.example" % i for i in range(50_000))
    + b"\n\nx",
    "tags": HEAD + b"Content-Type: text/html\n\n" + b"<div" * 500_000,
    "comments": HEAD + b"Content-Type: text/html\n\n" + b"<!--" * 500_000,
    "headers": HEAD + b"\n" + b"Received: x\n" * 50_000,
    "folded header": HEAD + b"\nReceived: x\n" + b" y\n" * 90_000,
    "japanese": HEAD + b"Content-Type: text/plain; charset=iso-2022-jp\n\n" + b'\x1b$B$"\x1b(B' * 100_000,
    "boundary": HEAD + b'Content-Type: multipart/mixed; boundary="' + b"a" * 100_000 + b'"\n\n--a\n',
}


@pytest.mark.parametrize("name", BIG)
def test_a_hostile_mail_is_answered_in_bounded_time(name: str) -> None:
    begin = time.process_time()
    got = _read(BIG[name])
    # A second at most on a slow machine; without its bounds each of these takes minutes or all memory.
    assert time.process_time() - begin < 5
    assert len(got.recipients) <= 100


@given(st.binary(max_size=3000))
def test_no_octets_raise(raw: bytes) -> None:
    for octets in (raw, HEAD + raw, HEAD + b"\n" + raw, STATUS + raw, MIXED + b"--b\n" + raw):
        assert _read(octets).kind in ReturnedKind
    assert files.read_all(raw)


@given(st.text(max_size=300))
def test_what_is_told_can_be_stored_and_shown(text: str) -> None:
    raw = STATUS + b"Final-Recipient: rfc822; a@b.example\nAction: failed\nDiagnostic-Code: smtp; "
    for one in read(raw + text.encode("utf-8", "replace")).recipients:
        assert one.reason in REASONS
        assert one.words.isprintable() or not one.words
        one.words.encode("utf-8")
        one.address.encode("utf-8")


def test_control_signs_do_not_reach_a_terminal() -> None:
    got = read(
        STATUS
        + b"Final-Recipient: rfc822; a@b.example\nAction: failed\nDiagnostic-Code: smtp; 550 \x1b[2Jgone\x07\n"
    )
    assert got.recipients[0].words == "550 [2Jgone"


def test_the_other_voice_may_fail() -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            raise IndexError(name)

    assert voices.flufl(Broken()) == []  # type: ignore[arg-type]


def test_nothing_is_a_bounce_that_only_looks_official() -> None:
    assert read(b"").kind is ReturnedKind.OTHER
    assert read(b"\0" * 100).kind is ReturnedKind.OTHER
    assert read(b"Content-Type: multipart/report; report-type=delivery-status\n\n").kind is ReturnedKind.OTHER
    assert read(b"From: MAILER-DAEMON@x.example\n\nhello").kind is ReturnedKind.OTHER


def test_a_mailbox_of_several_mails_is_read_mail_by_mail() -> None:
    one = b"From MAILER-DAEMON  Wed Nov  4 09:30:00 2026\n" + STATUS + FIELDS
    both = files.read_all(one % 1 + b"\n" + one % 2)
    assert [r.address for returned in both for r in returned.recipients] == ["a1@b.example", "a2@b.example"]
    assert files.gravest(both) is ReturnedKind.BOUNCE
    assert len(files.mails(HEAD + b"\nFrom x Wed Nov  4 09:30:00 2026\nA: b\n")) == 1
