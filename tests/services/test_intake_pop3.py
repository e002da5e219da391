"""A POP3 mailbox: what is ours is deleted once it is stored, what is not stays and is not read twice."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import intake, pop3
from campaigns.services.mailbox import MailboxError
from tests.services.test_intake import address, dsn, mail
from tests.services.world import World
from tracking_pixel.tokens import TokenKind


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def delivery(world: World) -> int:
    return world.delivery(world.person())


class _Pop3(socketserver.StreamRequestHandler):
    """As much of a POP3 server as its readers need. Deletions count at QUIT alone."""

    def handle(self) -> None:
        server: Any = self.server
        box: dict[str, bytes] = server.box
        ids, deleted = list(box), set()
        self.wfile.write(b"+OK ready\r\n")
        while line := self.rfile.readline():
            command, _, rest = line.strip().decode().partition(" ")
            command, number = command.upper(), int(rest.split()[0]) if rest[:1].isdigit() else 0
            server.commands.append(command)
            if command in server.breaks_at:
                return
            if command == "PASS" and rest != "secret":
                self.wfile.write(b"-ERR wrong\r\n")
            elif command == "UIDL":
                self._many([f"{n} {id}".encode() for n, id in enumerate(ids, 1)])
            elif command == "LIST":
                self._many([f"{n} {len(box[id])}".encode() for n, id in enumerate(ids, 1)])
            elif command in ("RETR", "TOP"):
                lines = box[ids[number - 1]].replace(b"\r\n", b"\n").split(b"\n")
                self._many([b"." + one if one.startswith(b".") else one for one in lines])
            else:
                if command == "DELE":
                    deleted.add(ids[number - 1])
                if command == "QUIT":  # before the answer: who has it looks into the box
                    for id in deleted:
                        del box[id]
                self.wfile.write(b"+OK\r\n")
                if command == "QUIT":
                    return

    def _many(self, lines: list[bytes]) -> None:
        self.wfile.write(b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n")


@pytest.fixture
def box() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Pop3) as server:
        server.daemon_threads = True
        server.box, server.commands, server.breaks_at = {}, [], set()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def reading(world: World, box: Any) -> Parts:
    url = f"pop3://user:secret@127.0.0.1:{box.server_address[1]}"
    return replace(world.parts, settings=replace(world.parts.settings, mailbox_url=url))


def to(world: World, delivery: int, kind: TokenKind, raw: bytes) -> bytes:
    return f"Delivered-To: {address(world, delivery, kind)}\r\n".encode() + raw


def test_ours_is_deleted_after_it_is_stored_and_others_stay(
    world: World, delivery: int, box: Any, reading: Parts
) -> None:
    box.box["a"] = to(world, delivery, TokenKind.BOUNCE, dsn("failed", "5.1.1"))
    box.box["b"] = mail("個人宛の手紙です", id="<private@x.example>", To="sales@maker.example")
    box.box["c"] = to(world, delivery, TokenKind.REPLY, mail("..返信です\n.\n点のある行"))
    assert intake.run(reading, now=world.now) == {"hard_bounce": 1, "bad_token": 1, "reply": 1}
    assert list(box.box) == ["b"]
    [row] = world.rows("select text from inbound_mails where result = 'reply'")
    assert "点のある行" in row.text
    box.commands.clear()
    assert intake.run(reading, now=world.now) == {}
    assert "RETR" not in box.commands, "what was left is not fetched again"


def test_a_connection_that_breaks_deletes_nothing_and_stores_once(
    world: World, delivery: int, box: Any, reading: Parts
) -> None:
    box.box["a"] = to(world, delivery, TokenKind.BOUNCE, dsn("failed", "5.1.1"))
    box.breaks_at.add("QUIT")
    assert intake.run(reading, now=world.now) == {"hard_bounce": 1}
    assert list(box.box) == ["a"]
    box.breaks_at.clear()
    assert intake.run(reading, now=world.now) == {"known": 1}
    assert box.box == {}


def test_nothing_is_deleted_that_was_not_stored(
    world: World, delivery: int, box: Any, reading: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.box["a"] = to(world, delivery, TokenKind.REPLY, mail("返信です"))

    def away(*args: object, **values: object) -> str:
        raise intake.AWAY[0]("select", {}, Exception("gone"))

    monkeypatch.setattr(intake, "take", away)
    with pytest.raises(intake.AWAY):
        intake.run(reading, now=world.now)
    assert list(box.box) == ["a"]
    assert "DELE" not in box.commands


def test_one_long_line_does_not_close_the_mailbox(
    world: World, delivery: int, box: Any, reading: Parts
) -> None:
    box.box["a"] = to(
        world, delivery, TokenKind.BOUNCE, dsn("failed", "5.1.1").replace(b"It did", b"x" * 50_000)
    )
    box.box["b"] = to(world, delivery, TokenKind.REPLY, mail("返信です"))
    assert intake.run(reading, now=world.now) == {"hard_bounce": 1, "reply": 1}


def test_a_mailbox_that_cannot_be_read_stops_nothing(world: World, box: Any) -> None:
    port = box.server_address[1]
    for url in (
        f"pop3://user:wrong@127.0.0.1:{port}",
        "pop3://u:p@127.0.0.1:1",
        f"pop3s://u:p@127.0.0.1:{port}",
        "pop3://u:p@mail.example",
    ):
        parts = replace(world.parts, settings=replace(world.parts.settings, mailbox_url=url))
        assert intake.run(parts, now=world.now) == {}
    for command in ("UIDL", "LIST", "RETR", "USER"):
        box.breaks_at.clear()
        box.breaks_at.add(command)
        box.box["a"] = b"x"
        url = f"pop3://user:secret@127.0.0.1:{port}"
        parts = replace(world.parts, settings=replace(world.parts.settings, mailbox_url=url))
        assert intake.run(parts, now=world.now) == {}


def test_a_password_never_travels_unprotected_to_another_machine(world: World) -> None:
    with pytest.raises(MailboxError, match="pop3s"):
        list(pop3.unread("pop3://user:secret@mail.example", seen=world.parts.settings.folder / "seen"))
