"""What comes back by mail: replies, refusals, bounces, complaints, and rubbish."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import intake, mailbox, take_bounce
from campaigns.services.mailbox import MailboxError
from mailer.bounces import Recipient, Side
from tests.services.world import World
from tracking_pixel.tokens import TokenKind


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def person(world: World) -> int:
    return world.person(touches=[("badge_scan", 60)])


@pytest.fixture
def delivery(world: World, person: int) -> int:
    return world.delivery(person)


def address(world: World, delivery: int, kind: TokenKind = TokenKind.REPLY) -> str:
    name = "unsubscribe" if kind is TokenKind.STOP else kind.value
    return f"{name}+{world.parts.signer.sign(kind, delivery)}@reply.maker.example"


def mail(
    text: str, *, subject: str = "Re: 小型プレスの事例", id: str = "<1@customer.example>", **headers: str
) -> bytes:
    message = EmailMessage()
    message["From"] = "試験 一郎 <p1@customer1.example>"
    message["Subject"] = subject
    message["In-Reply-To"] = "<x@maker.example>"
    if id:
        message["Message-ID"] = id
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message.as_bytes()


def dsn(action: str, status: str, *, id: str = "<dsn@mx.example>") -> bytes:
    return f"""From: MAILER-DAEMON@mx.example
To: bounce@maker.example
Message-ID: {id}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

It did not work.
--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; p1@customer1.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} said no

--B--
""".encode()


def arf(kind: str) -> bytes:
    return f"""From: fbl@mx.example
Message-ID: <arf-{kind}@mx.example>
Subject: complaint
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

A report.
--B
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: Example/1.0
Version: 1

--B--
""".encode()


def take(world: World, delivery: int, raw: bytes, kind: TokenKind = TokenKind.REPLY) -> str:
    return intake.take(world.parts, raw, [address(world, delivery, kind)], now=world.now)


def touch_of_reply(world: World) -> Any:
    rows = world.rows("select * from touchpoints where kind = 'mail_reply'")
    assert len(rows) == 1
    return rows[0]


def test_a_reply_is_a_touch_rings_and_reaches_the_owner(world: World, person: int, delivery: int) -> None:
    assert take(world, delivery, mail("興味があります。仕様書をいただけますか。")) == "reply"
    touch = touch_of_reply(world)
    assert (touch.person_id, touch.product_id, touch.depth, touch.validity) == (
        person,
        world.press_id,
        3,
        1.0,
    )
    assert world.lead(person).breakdown["talk"] > 15
    [alert] = world.rows("select * from alerts where kind = 'reply'")
    assert (alert.person_id, alert.user_id) == (person, world.owner_id)
    [body] = world.rows(
        "select b.* from delivery_bodies b join deliveries d on d.id = delivery_id and origin like 'tx:reply:%'"
    )
    assert body.to_address == "sales@maker.example"
    assert "仕様書をいただけますか" in body.text
    assert "p1@customer1.example" in body.text
    [row] = world.rows("select * from inbound_mails")
    assert (row.kind, row.result, row.delivery_id) == ("reply", "reply", delivery)


def test_the_same_reply_twice_is_one(world: World, delivery: int) -> None:
    raw = mail("よろしくお願いします")
    assert [take(world, delivery, raw) for _ in range(3)] == ["reply", "known", "known"]
    bare = mail("Message-IDのない返信です", id="")
    assert [take(world, delivery, bare) for _ in range(2)] == ["reply", "known"]
    assert len(world.rows("select 1 from touchpoints where kind = 'mail_reply'")) == 2


def test_a_strangers_copy_of_a_message_id_does_not_hide_a_reply(
    world: World, person: int, delivery: int
) -> None:
    other = world.delivery(world.person())
    assert take(world, other, mail("一通目")) == "reply"
    assert take(world, delivery, mail("二通目")) == "reply"


@pytest.mark.parametrize("text", ["今後の配信を停止してください", "不要です。", "Please UNSUBSCRIBE me"])
def test_a_reply_that_says_stop_stops_everything_and_scores_nothing(
    world: World, person: int, delivery: int, text: str
) -> None:
    assert take(world, delivery, mail(text)) == "refused"
    [refusal] = world.rows("select * from suppressions where lifted_at is null and scope = 'global'")
    assert refusal.reason == "reply"
    touch = touch_of_reply(world)
    assert (touch.validity, touch.validity_reason) == (0.0, "refusal")
    [check] = [task for task in world.tasks(person) if task.kind == "check"]
    assert check.cause == "refused_by_reply"
    assert text.split("。")[0] in check.note
    assert len(world.rows("select 1 from alerts where kind = 'refused_by_reply'")) == 1
    assert len(world.rows("select 1 from deliveries where origin like 'tx:reply:%'")) == 1


def test_an_out_of_office_note_is_ignored(world: World, person: int, delivery: int) -> None:
    assert take(world, delivery, mail("不在にしております", Auto_Submitted="auto-replied")) == "ignored"
    assert (
        take(world, delivery, mail("自動返信です。停止中です。", id="<2@c.example>", subject="自動返信"))
        == "ignored"
    )
    assert world.rows("select 1 from touchpoints where kind = 'mail_reply'") == []
    assert world.rows("select 1 from suppressions") == []


@pytest.mark.parametrize(
    ("action", "status", "result", "address_status", "bounce"),
    [
        ("failed", "5.1.1", "hard_bounce", "hard", "hard"),
        ("failed", "5.2.2", "soft_bounce", "soft", "soft"),
        ("failed", "4.4.1", "soft_bounce", "soft", "soft"),
        ("failed", "5.7.1", "policy", "unknown", ""),
        ("delayed", "4.4.1", "delayed", "unknown", ""),
    ],
)
def test_a_bounce_is_a_fact_about_its_mail_and_mailbox(
    world: World,
    person: int,
    delivery: int,
    action: str,
    status: str,
    result: str,
    address_status: str,
    bounce: str,
) -> None:
    assert take(world, delivery, dsn(action, status), TokenKind.BOUNCE) == result
    [sent] = world.rows("select * from deliveries where id = :d", d=delivery)
    assert (sent.state, sent.bounce) == ("sent", bounce)
    [box] = world.rows("select status from addresses")
    assert box.status == address_status
    checks = [task.cause for task in world.tasks(person) if task.kind == "check"]
    assert checks == (["address_dead"] if result == "hard_bounce" else [])
    assert world.rows("select 1 from suppressions") == [], "a bounce is no refusal"


def test_a_bounce_resolves_what_was_in_doubt(world: World, person: int) -> None:
    doubtful = world.delivery(person, state="in_doubt")
    take(world, doubtful, dsn("failed", "5.1.1"), TokenKind.BOUNCE)
    assert world.rows("select state from deliveries where id = :d", d=doubtful)[0].state == "sent"


def test_a_dead_mailbox_does_not_become_soft_again(world: World, person: int, delivery: int) -> None:
    take(world, delivery, dsn("failed", "5.1.1"), TokenKind.BOUNCE)
    take(world, delivery, dsn("failed", "5.2.2", id="<later@mx.example>"), TokenKind.BOUNCE)
    assert world.rows("select status from addresses")[0].status == "hard"
    assert world.rows("select bounce from deliveries where id = :d", d=delivery)[0].bounce == "hard"
    assert len(world.tasks(person)) == 1


def test_a_complaint_stops_everything_and_a_report_about_servers_does_not(
    world: World, person: int, delivery: int
) -> None:
    assert take(world, delivery, arf("auth-failure"), TokenKind.BOUNCE) == "ignored"
    assert world.rows("select 1 from suppressions") == []
    assert take(world, delivery, arf("abuse"), TokenKind.BOUNCE) == "complaint"
    assert [row.scope for row in world.rows("select scope from suppressions")] == ["global"]
    assert world.rows("select status from addresses")[0].status == "complaint"


def test_a_forged_token_is_counted_and_nothing_of_the_mail_is_kept(world: World, delivery: int) -> None:
    real = address(world, delivery, TokenKind.BOUNCE)
    forged = [real[:12] + ("a" if real[12] != "a" else "b") + real[13:], "bounce+" + "a" * 40 + "@x.example"]
    crossed = real.replace("bounce+", "reply+")
    for n, to in enumerate([*forged, crossed, "someone@maker.example", "", "reply+@x"]):
        raw = dsn("failed", "5.1.1", id=f"<{n}@mx.example>")
        assert intake.take(world.parts, raw, [to], now=world.now) == "bad_token"
    assert world.rows("select bounce from deliveries")[0].bounce == ""
    assert {
        row.subject + row.text + row.from_address for row in world.rows("select * from inbound_mails")
    } == {""}


def test_a_folded_token_is_still_read(world: World, delivery: int) -> None:
    to = address(world, delivery).upper()
    assert intake.take(world.parts, mail("大文字になりました"), [to], now=world.now) == "reply"


@pytest.mark.parametrize(
    "raw", [b"", b"\x00" * 500, b"\xff\xfe\xfd", b"Subject: \xff\x00\r\n\r\n\x00\xed\xa0\xbd", b"\r\n" * 5000]
)
def test_rubbish_becomes_a_row_and_stops_nothing(world: World, delivery: int, raw: bytes) -> None:
    assert take(world, delivery, raw) in ("reply", "ignored", "unclear")
    assert len(world.rows("select 1 from inbound_mails")) == 1


def test_a_reply_to_a_mail_without_a_person_reaches_the_owner_all_the_same(world: World) -> None:
    world.run(
        "insert into deliveries (origin, class, product_id, state, send_at, created_at)"
        " values ('tx:test:1', 'transactional', :p, 'sent', :n, :n)",
        p=world.press_id,
        n=world.now,
    )
    [row] = world.rows("select id from deliveries")
    assert take(world, row.id, mail("テスト送信への返信")) == "reply"
    assert len(world.rows("select 1 from deliveries where origin like 'tx:reply:%'")) == 1


def test_the_owners_autoresponder_cannot_start_a_loop(world: World, delivery: int) -> None:
    take(world, delivery, mail("よろしくお願いします"))
    [forward] = world.rows("select id from deliveries where origin like 'tx:reply:%'")
    assert take(world, forward.id, mail("ただいま会議中です", id="<auto@maker.example>")) == "ignored"
    assert len(world.rows("select 1 from deliveries where origin like 'tx:reply:%'")) == 1


def test_the_line_of_our_own_recipient_decides_else_the_worst() -> None:
    def one(address: str, side: Side, reason: str) -> Recipient:
        return Recipient(address, side, "", "", reason, "")

    dead, full = one("a@x.example", Side.HARD, "user_unknown"), one("b@x.example", Side.SOFT, "mailbox_full")
    late = one("c@x.example", Side.SOFT, "delayed")
    assert take_bounce.fact_of((full, dead), "").side is Side.HARD
    assert take_bounce.fact_of((full, dead), "B@x.example").reason == "mailbox_full"
    assert take_bounce.fact_of((late, dead), "c@x.example").reason == "user_unknown"
    assert take_bounce.fact_of((), "a@x.example").reason == "unclear"


def keep(world: World, name: str, raw: bytes, *to: str) -> None:
    folder = world.parts.catcher_folder
    folder.mkdir(parents=True, exist_ok=True)
    head = "".join(f"X-Envelope-To: {one}\r\n" for one in to)
    (folder / f"{name}-{'0' * 32}.eml").write_bytes(
        f"X-Envelope-From: p1@customer1.example\r\n{head}".encode() + raw
    )


def test_replies_are_found_in_the_catchers_folder_among_our_own_mails(
    world: World, person: int, delivery: int
) -> None:
    keep(world, "0000000001", mail("われわれの案内", id="<out@maker.example>"), "p1@customer1.example")
    keep(world, "0000000002", mail("返信です"), address(world, delivery))
    assert intake.run(world.parts, now=world.now) == {"reply": 1}
    assert intake.run(world.parts, now=world.now) == {}
    keep(world, "0000000003", mail("もう一通", id="<3@c.example>"), address(world, delivery))
    assert intake.run(world.parts, now=world.now + timedelta(minutes=1)) == {"reply": 1}
    (world.parts.settings.folder / "intake.position").unlink()
    assert intake.run(world.parts, now=world.now) == {"known": 2}, "without its position it recognises all"


class _Imap(socketserver.StreamRequestHandler):
    """As much of an IMAP server as a reader of unread mails needs."""

    def handle(self) -> None:
        box: dict[int, tuple[bytes, bool]] = self.server.box  # type: ignore[attr-defined]
        self.wfile.write(b"* OK ready\r\n")
        while line := self.rfile.readline():
            tag, _, rest = line.strip().partition(b" ")
            words = rest.upper().split()
            if words[:2] == [b"UID", b"SEARCH"]:
                unread = b" ".join(b"%d" % uid for uid, (_, seen) in box.items() if not seen)
                self.wfile.write(b"* SEARCH " + unread + b"\r\n")
            elif words[:2] == [b"UID", b"FETCH"]:
                raw = box[int(words[2])][0]
                self.wfile.write(b"* 1 FETCH (UID %s BODY[]<0> {%d}\r\n%s)\r\n" % (words[2], len(raw), raw))
            elif words[:2] == [b"UID", b"STORE"]:
                box[int(words[2])] = (box[int(words[2])][0], True)
            elif words[0] == b"CAPABILITY":
                self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n")
            elif words[0] == b"SELECT":
                self.wfile.write(b"* %d EXISTS\r\n" % len(box))
            elif words[0] == b"LOGIN" and b'"SECRET"' not in words:
                self.wfile.write(tag + b" NO wrong\r\n")
                continue
            self.wfile.write(tag + b" OK done\r\n")
            if words[0] == b"LOGOUT":
                return


@pytest.fixture
def imap() -> Iterator[Any]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Imap) as server:
        server.daemon_threads = True
        server.box = {}  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_unread_mails_of_an_imap_mailbox_are_taken_and_marked(world: World, delivery: int, imap: Any) -> None:
    imap.box[4] = (mail("返信です", To=f"営業部 <{address(world, delivery)}>"), False)
    imap.box[9] = (mail("宣伝", id="<spam@x.example>", To="sales@maker.example"), False)
    url = f"imap://user:secret@127.0.0.1:{imap.server_address[1]}/INBOX"
    parts = replace(world.parts, settings=replace(world.parts.settings, mailbox_url=url))
    assert intake.run(parts, now=world.now) == {"reply": 1, "bad_token": 1}
    assert all(seen for _, seen in imap.box.values())
    assert intake.run(parts, now=world.now) == {}


def test_a_mailbox_that_cannot_be_read_stops_nothing(world: World, imap: Any) -> None:
    port = imap.server_address[1]
    for url in (
        f"imap://user:wrong@127.0.0.1:{port}/INBOX",
        "imap://u:p@127.0.0.1:1/INBOX",
        "imap://u:p@mail.example/",
    ):
        parts = replace(world.parts, settings=replace(world.parts.settings, mailbox_url=url))
        assert intake.run(parts, now=world.now) == {}


def test_a_password_never_travels_unprotected_to_another_machine() -> None:
    with pytest.raises(MailboxError, match="imaps"):
        list(mailbox.imap("imap://user:secret@mail.example/INBOX"))


def test_recipients_are_read_from_whatever_header_names_them() -> None:
    raw = b"Delivered-To: a@x.example\r\nTo: B <b@x.example>, c@x.example\r\nCc: d@x.example\r\n\r\n"
    assert mailbox.recipients(raw) == ("a@x.example", "b@x.example", "c@x.example", "d@x.example")
