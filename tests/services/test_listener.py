"""The listener: takes what is ours, refuses the rest, confirms only what is stored, and outlives its clients."""

from __future__ import annotations

import asyncio
import smtplib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import create_engine

from campaigns import listener as entry
from campaigns.listener import Listener
from campaigns.parts import Parts
from campaigns.services import intake
from campaigns.settings import SettingsError, listening, read
from tests.services.test_intake import address, dsn, mail
from tests.services.world import World
from tracking_pixel.tokens import TokenKind

Connect = Callable[[], smtplib.SMTP]


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def delivery(world: World) -> int:
    return world.delivery(world.person())


@contextmanager
def running(parts: Parts, address: str = "127.0.0.1:0") -> Iterator[Listener]:
    """A listener in a thread with an event loop of its own."""
    found: list[Listener] = []
    ready, stop = threading.Event(), threading.Event()

    async def main() -> None:
        listener = Listener(parts, address)
        await listener.start()
        found.append(listener)
        ready.set()
        while not stop.is_set():
            await asyncio.sleep(0.01)
        await listener.stop()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    try:
        assert ready.wait(10)
        yield found[0]
    finally:
        stop.set()
        thread.join(10)


@pytest.fixture
def smtp(parts: Parts) -> Iterator[Connect]:
    with running(parts) as listener:
        yield lambda: smtplib.SMTP("127.0.0.1", listener.port, timeout=10)


@pytest.fixture
def lmtp(parts: Parts) -> Iterator[Connect]:
    with running(parts, "lmtp://127.0.0.1:0") as listener:
        yield lambda: smtplib.LMTP("127.0.0.1", listener.port)


def results(world: World) -> list[str]:
    return [row.result for row in world.rows("select result from inbound_mails order by id")]


def test_a_bounce_is_stored_before_it_is_confirmed(world: World, delivery: int, smtp: Connect) -> None:
    to = address(world, delivery, TokenKind.BOUNCE)
    with smtp() as client:
        client.sendmail("", [to], dsn("failed", "5.1.1"))
        assert results(world) == ["hard_bounce"]
        client.sendmail("", [to], dsn("failed", "5.1.1"))
    assert results(world) == ["hard_bounce"]
    assert world.rows("select status from addresses")[0].status == "hard"


def test_replies_and_unsubscriptions_come_in_too(world: World, delivery: int, smtp: Connect) -> None:
    with smtp() as client:
        client.sendmail("p1@customer1.example", [address(world, delivery)], mail("返信です"))
        client.sendmail(
            "p1@customer1.example",
            [address(world, delivery, TokenKind.STOP)],
            mail("", subject="unsubscribe", id="<u@customer1.example>"),
        )
    assert results(world) == ["reply", "unsubscribed"]


@pytest.mark.parametrize(
    "to",
    [
        "sales@maker.example",
        "postmaster",
        "bounce+aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@maker.example",
        "bounce+@maker.example",
        "reply+" + "a" * 500 + "@maker.example",
        "someone@elsewhere.example",
        "ü+😀@maker.example",
    ],
)
def test_nobody_else_is_served(world: World, smtp: Connect, to: str) -> None:
    with smtp() as client:
        client.ehlo()
        client.docmd("MAIL", "FROM:<> SMTPUTF8")
        code, _text = client.docmd("RCPT", f"TO:<{to}>") if to.isascii() else _raw(client, f"RCPT TO:<{to}>")
        assert code in (550, 501, 500, 553)
        assert client.docmd("DATA")[0] == 503
    assert results(world) == []


def _raw(client: smtplib.SMTP, line: str) -> tuple[int, bytes]:
    client.send(line.encode() + b"\r\n")
    return client.getreply()


def test_a_forged_and_a_genuine_recipient_in_one_mail(world: World, delivery: int, smtp: Connect) -> None:
    with smtp() as client:
        refused = client.sendmail(
            "", [address(world, delivery, TokenKind.BOUNCE), "x@y.example"], dsn("failed", "5.1.1")
        )
    assert refused["x@y.example"][0] == 550
    assert results(world) == ["hard_bounce"]


def test_lmtp_answers_for_each_recipient(world: World, lmtp: Connect) -> None:
    sent = [world.delivery(world.person()) for _ in range(3)]
    client: Any = lmtp()
    client.ehlo()
    client.mail("")
    for delivery in sent:
        assert client.rcpt(address(world, delivery, TokenKind.BOUNCE))[0] == 250
    assert client.docmd("DATA")[0] == 354
    client.send(dsn("failed", "5.1.1").replace(b"\n", b"\r\n") + b"\r\n.\r\n")
    assert [client.getreply()[0] for _ in sent] == [250, 250, 250]
    client.quit()
    assert results(world) == ["hard_bounce"] * 3


def test_while_the_database_is_away_the_mail_stays_with_its_server(
    parts: Parts, world: World, delivery: int
) -> None:
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )

    class Still:
        def now(self) -> datetime:
            return world.now

    away = replace(parts, engine=nowhere, clock=Still())  # type: ignore[arg-type]
    with running(away) as listener, smtplib.SMTP("127.0.0.1", listener.port, timeout=10) as client:
        with pytest.raises(smtplib.SMTPDataError) as caught:
            client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], dsn("failed", "5.1.1"))
        assert caught.value.smtp_code == 451


def test_too_large_a_mail_is_refused_and_the_next_one_is_taken(
    world: World, delivery: int, smtp: Connect
) -> None:
    to = address(world, delivery, TokenKind.BOUNCE)
    with smtp() as client:
        client.ehlo()
        assert int(client.esmtp_features["size"]) == 10 * 1024 * 1024
        assert client.mail("", options=["SIZE=99999999"])[0] == 552
        client.rset()
        client.mail("")
        client.rcpt(to)
        client.docmd("DATA")
        for _ in range(11):
            client.send(b"x" * 997 + b"\r\n" + (b"y" * 998 + b"\r\n") * 1050)
        client.send(b".\r\n")
        assert client.getreply()[0] == 552
        client.sendmail("", [to], dsn("failed", "5.1.1"))
    assert results(world) == ["hard_bounce"]


def test_lines_longer_than_the_standard_are_read(world: World, delivery: int, smtp: Connect) -> None:
    raw = dsn("failed", "5.1.1").replace(b"It did not work.", b"x" * 50_000)
    with smtp() as client:
        client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], raw)
    assert results(world) == ["hard_bounce"]


def test_hostile_clients_do_not_stop_it(world: World, delivery: int, smtp: Connect) -> None:
    port = smtp().sock.getpeername()[1]  # type: ignore[union-attr]
    rubbish = [
        b"",
        b"\x00" * 5000,
        b"\xff\xfe\r\n" * 200,
        b"EHLO x\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<\x00\xff>\r\n" * 500,
        b"A" * 200_000,
        b"EHLO x\r\nDATA\r\n.\r\n",
        b"EHLO x\r\nAUTH PLAIN AGEAYg==\r\nVRFY a\r\nEXPN b\r\nHELP\r\nSTARTTLS\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        f"EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<{address(world, delivery)}>\r\nDATA\r\nhalf a mail".encode(),
    ]
    for data in rubbish * 3:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as sock:
            sock.sendall(data)
    with smtp() as client:
        client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], dsn("failed", "5.1.1"))
    assert results(world) == ["hard_bounce"], "half a mail is none"


def test_connections_are_counted_and_given_back(
    world: World, delivery: int, smtp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "CONNECTIONS_MAX", 3)
    held = [smtp() for _ in range(3)]
    with pytest.raises(smtplib.SMTPConnectError) as caught:
        smtp()
    assert caught.value.smtp_code == 421
    for client in held:
        client.close()
    for _ in range(100):
        try:
            with smtp() as client:
                client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], dsn("failed", "5.1.1"))
            break
        except (smtplib.SMTPException, OSError):
            threading.Event().wait(0.02)
    assert results(world) == ["hard_bounce"]


def test_many_at_once_are_all_stored(world: World, smtp: Connect) -> None:
    sent = [world.delivery(world.person()) for _ in range(12)]

    def send(delivery: int) -> None:
        with smtp() as client:
            client.sendmail(
                "",
                [address(world, delivery, TokenKind.BOUNCE)],
                dsn("failed", "5.1.1", id=f"<{delivery}@mx>"),
            )

    threads = [threading.Thread(target=send, args=(delivery,)) for delivery in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results(world) == ["hard_bounce"] * 12


def test_a_mail_that_trips_us_over_is_kept_and_confirmed(
    world: World, delivery: int, smtp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*args: object, **values: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(intake, "take", trip)
    with smtp() as client:
        client.sendmail("", [address(world, delivery)], mail("x"))
    assert len(list((world.parts.settings.folder / "unread").glob("*.eml"))) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("127.0.0.1:2525", (False, "127.0.0.1", 2525)),
        ("lmtp://127.0.0.1:24", (True, "127.0.0.1", 24)),
        ("smtp://[::1]:25", (False, "::1", 25)),
    ],
)
def test_its_address_says_protocol_host_and_port(text: str, found: tuple[bool, str, int]) -> None:
    assert listening(text) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IKUSEI_LISTENER", "2525"),
        ("IKUSEI_LISTENER", "http://127.0.0.1:25"),
        ("IKUSEI_LISTENER", "127.0.0.1:port"),
        ("IKUSEI_HOOK_SECRET", "short"),
        ("IKUSEI_POSTMARK_SECRET", "short"),
        ("IKUSEI_MAILBOX_URL", "https://mail.example"),
    ],
)
def test_a_setting_that_cannot_work_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read({name: value})


def test_a_line_that_never_ends_costs_the_connection_and_not_the_memory(
    world: World, delivery: int, smtp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "DATA_MAX", 1_000_000)
    with socket.create_connection(smtp().sock.getpeername()[:2], timeout=10) as sock:  # type: ignore[union-attr]
        to = address(world, delivery, TokenKind.BOUNCE)
        for words in (b"", b"EHLO x\r\n", b"MAIL FROM:<>\r\n", f"RCPT TO:<{to}>\r\n".encode(), b"DATA\r\n"):
            sock.sendall(words)
            assert sock.recv(4096)[:1] in b"23"
        with pytest.raises((ConnectionResetError, BrokenPipeError)):
            sock.sendall(b"x" * 200_000_000)
    with smtp() as client:
        client.sendmail("", [address(world, delivery, TokenKind.BOUNCE)], dsn("failed", "5.1.1"))
    assert results(world) == ["hard_bounce"]


def test_slow_mails_do_not_hold_all_places_for_ever(
    world: World, delivery: int, smtp: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entry, "DATA_S", 0.5)
    to = address(world, delivery, TokenKind.BOUNCE)
    slow = []
    for _ in range(entry.MAILS_MAX):
        client = smtp()
        client.ehlo()
        client.mail("")
        client.rcpt(to)
        assert client.docmd("DATA")[0] == 354
        slow.append(client)
    with smtp() as client:
        client.sendmail("", [to], dsn("failed", "5.1.1"))
    assert results(world) == ["hard_bounce"]
    for client in slow:
        client.close()
