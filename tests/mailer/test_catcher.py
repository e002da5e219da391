"""The catcher and the transports, with real sockets and files."""

from __future__ import annotations

import smtplib
import ssl
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mailer import catcher, mime
from mailer.catcher import Catcher
from mailer.receipts import Item, NoJournal, Outcome, Receipt, Transport
from mailer.transports import MaildirTransport, MemoryTransport, transport_for
from tests.mailer import samples

RAW = mime.encode(samples.japanese())


def hand_over(transport: Transport, *batch: Item) -> list[Receipt]:
    got: list[Receipt] = []
    transport.send_batch(batch, journal=NoJournal(), before_body=lambda id: id != 99, on_result=got.append)
    transport.close()
    return got


def item(id: int, raw: bytes = RAW) -> Item:
    return Item(id, "b+v1.TOKEN@mail.minori.example", f"lead{id}@buyer.example", raw)


def test_what_is_sent_is_kept_as_it_was(tmp_path: Path) -> None:
    with Catcher(tmp_path / "caught") as server:
        got = hand_over(transport_for(server.url), *(item(id) for id in range(1, 31)))
    assert {receipt.outcome for receipt in got} == {Outcome.ACCEPTED}
    listed = catcher.messages(server.directory)
    assert len(listed) == 30
    assert {c.rcpt_to for c in listed} == {(f"lead{id}@buyer.example",) for id in range(1, 31)}
    newest = listed[0]
    assert newest.key > listed[1].key
    assert newest.subject == "目視検査を3割減らした、電装部品メーカーの進め方"
    assert newest.from_ == "みのり精機 佐伯 美和 <saeki@minori.example>"
    assert newest.mail_from == "b+v1.TOKEN@mail.minori.example"
    read = catcher.read(server.directory, newest.key)
    assert read is not None
    assert read.raw == RAW
    assert read.text is not None
    assert read.text.startswith("浜名テクノ工業株式会社\n生産技術部　若林 拓也 様\n")
    assert read.html is not None
    assert "記録を読む（PDF）" in read.html
    assert ("List-Id", "<inspection.minori.example>") in read.headers


@pytest.mark.parametrize(
    ("date", "is_own"),
    [
        (b"Mon, 30 Nov 2026 09:15:00 +0900", True),
        (b"Mon, 30 Nov 2026 09:15:00", False),
        (b"the day after", False),
        (b"Mon, 30 Nov 2026 09:15:00 +9999999999", False),
    ],
)
def test_a_mail_is_listed_with_the_time_of_whoever_sent_it(tmp_path: Path, date: bytes, is_own: bool) -> None:
    head, rest = RAW.split(b"Date: ", 1)
    raw = head + b"Date: " + date + b"\r\n" + rest.split(b"\r\n", 1)[1]
    with Catcher(tmp_path / "caught") as server:
        hand_over(transport_for(server.url), item(1, raw))
    at = catcher.messages(server.directory)[0].at
    if is_own:
        assert at == datetime(2026, 11, 30, 0, 15, tzinfo=UTC)
    else:
        assert abs(at - datetime.now(UTC)) < timedelta(minutes=5)


def test_the_list_goes_by_pages_and_by_what_is_new(tmp_path: Path) -> None:
    with Catcher(tmp_path) as server:
        hand_over(transport_for(server.url, lanes=1), *(item(id) for id in range(1, 6)))
        first = catcher.messages(tmp_path, limit=2)
        second = catcher.messages(tmp_path, limit=2, before=first[-1].key)
        assert [c.rcpt_to[0] for c in first + second] == [f"lead{id}@buyer.example" for id in (5, 4, 3, 2)]
        hand_over(transport_for(server.url), item(6))
        assert [c.rcpt_to[0] for c in catcher.messages(tmp_path, after=first[0].key)] == [
            "lead6@buyer.example"
        ]
    assert catcher.clear(tmp_path) == 6
    assert catcher.messages(tmp_path) == []


def test_a_catcher_that_starts_again_goes_on_counting(tmp_path: Path) -> None:
    for id in (1, 2):
        with Catcher(tmp_path) as server:
            hand_over(transport_for(server.url), item(id))
    assert [c.key[:10] for c in catcher.messages(tmp_path)] == ["0000000002", "0000000001"]


@pytest.mark.parametrize("key", ["", "..", "../../etc/passwd", "x.eml", "0000000001-" + "0" * 32 + ".eml"])
def test_a_key_that_is_none_reads_nothing(tmp_path: Path, key: str) -> None:
    assert catcher.read(tmp_path, key) is None


@pytest.mark.parametrize(
    "rubbish",
    [
        b"",
        b"\r\n",
        b"no headers at all \xff\xfe\x00",
        b"Subject: =?utf-8?B?!!!?=\r\nFrom: <<<>>>\r\nDate: never\r\n\r\n\xff",
        b"Content-Type: multipart/alternative\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=klingon\r\nContent-Transfer-Encoding: base64\r\n\r\n%%%",
        b"Subject: " + b"x" * 900 + b"\r\n\r\n" + b".\r\n" * 50,
        b"From: a\r\n b\r\n\tc\r\n: nameless\r\n\r\nx",
    ],
)
def test_rubbish_is_kept_and_shown(tmp_path: Path, rubbish: bytes) -> None:
    with Catcher(tmp_path) as server:
        got = hand_over(transport_for(server.url), item(1, rubbish))
    assert got[0].outcome is Outcome.ACCEPTED
    (caught,) = catcher.messages(tmp_path)
    assert catcher.read(tmp_path, caught.key) is not None


def test_a_foreign_client_can_use_it_and_several_recipients_are_one_mail(tmp_path: Path) -> None:
    with Catcher(tmp_path) as server, smtplib.SMTP(server.host, server.port) as client:
        client.sendmail("a@b.example", ["c@d.example", "e@f.example"], "Subject: x\r\n\r\ny")
        assert client.has_extn("pipelining")
    (caught,) = catcher.messages(tmp_path)
    assert caught.rcpt_to == ("c@d.example", "e@f.example")


def test_a_slow_catcher_is_slow(tmp_path: Path) -> None:
    import time

    with Catcher(tmp_path, max_rate=50) as server:
        began = time.monotonic()
        hand_over(transport_for(server.url), *(item(id, b"x") for id in range(20)))
        assert time.monotonic() - began >= 0.3


def test_a_taken_port_is_an_error_at_start(tmp_path: Path) -> None:
    with Catcher(tmp_path) as server, pytest.raises(OSError, match="address"):
        Catcher(tmp_path, port=server.port).start()


def test_the_memory_transport_keeps_withholds_and_refuses() -> None:
    memory = MemoryTransport(lambda it: {2: 450, 3: 550, 4: 0}.get(it.id, 250))
    got = hand_over(memory, *(item(id) for id in (1, 2, 3, 4, 99)))
    assert [(r.id, r.outcome) for r in got] == [
        (1, Outcome.ACCEPTED),
        (2, Outcome.TEMPORARY),
        (3, Outcome.PERMANENT),
        (4, Outcome.IN_DOUBT),
        (99, Outcome.WITHHELD),
    ]
    assert [kept.raw for kept in memory.sent] == [RAW]


def test_the_maildir_holds_whole_mails(tmp_path: Path) -> None:
    transport = transport_for(f"file://{tmp_path}/box")
    assert isinstance(transport, MaildirTransport)
    got = hand_over(transport, item(1), item(2))
    assert [r.outcome for r in got] == [Outcome.ACCEPTED] * 2
    files = list((tmp_path / "box" / "new").iterdir())
    assert len(files) == 2
    assert all(file.read_bytes().endswith(RAW) for file in files)
    assert not list((tmp_path / "box" / "tmp").iterdir())


@pytest.mark.parametrize(
    "url", ["", "http://x.example", "file:///", "smtp://", "smtp://x.example?starttls=maybe"]
)
def test_an_unknown_transport_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match=r"SMTP URL|transport|starttls"):
        transport_for(url)


def _certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert = folder / "cert.pem"
    cert.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    private = folder / "key.pem"
    form = serialization.PrivateFormat.PKCS8
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, private)
    return server, ssl.create_default_context(cafile=str(cert))


class _Box:
    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.lock = threading.Lock()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.bodies.append(envelope.original_content)
        return "250 ok"


def test_starttls_and_login_with_a_certificate_that_is_checked(tmp_path: Path) -> None:
    server_context, client_context = _certificate(tmp_path)
    seen: list[tuple[bytes, bytes]] = []

    def log_in(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=True)

    box = _Box()
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=_free_port(),
        tls_context=server_context,
        require_starttls=True,
        authenticator=log_in,
        auth_required=True,
    )
    controller.start()
    try:
        url = f"smtp://user:p%40ss@localhost:{controller.port}?starttls=require"
        got = hand_over(transport_for(url, context=client_context, timeout_s=5), item(1), item(2))
        refused = hand_over(transport_for(url, timeout_s=5), item(3))
    finally:
        controller.stop()
    assert [r.outcome for r in got] == [Outcome.ACCEPTED] * 2
    assert box.bodies == [RAW] * 2
    assert set(seen) == {(b"user", b"p@ss")}
    assert refused[0].outcome is Outcome.TEMPORARY, "a certificate nobody vouches for is not accepted"


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
