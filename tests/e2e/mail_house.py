"""Postfix and Dovecot together, as the sending company and its recipients have them.

minori.example is the company: what comes to bounce+, reply+ and unsubscribe+ lands in one mailbox.
hamana-techno.example is a customer with two mailboxes, one of them full. Other domains refuse, each in
its own way, after Postfix has taken the mail: these come back as its delivery reports.
"""

from __future__ import annotations

import email
import imaplib
import shutil
import smtplib
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from urllib.parse import quote

from tests.e2e import certificates, dovecot, postfix
from tests.e2e.certificates import Certificates
from tests.e2e.dovecot import PASSWORD, Ports
from tests.e2e.postfix import Postfix

INBOX = "inbox@minori.example"
LOGIN = "ikusei@minori.example"
OWNER = "saeki@minori.example"
READER = "p1@hamana-techno.example"
FULL = "full@hamana-techno.example"
CLOSED_PORT = 1  # nobody listens there
# What a domain's server says, in smtp-sink's options.
REFUSALS = {
    "gone.example": ("-f", "RCPT", "-B", "550 5.1.1 User unknown in virtual mailbox table"),
    "late.example": ("-r", "RCPT", "-b", "451 4.3.2 Please try again later"),
    "strict.example": ("-f", "DATA", "-B", "554 5.7.1 Message rejected due to local policy"),
}


@dataclass(frozen=True, slots=True)
class MailHouse:
    """A running pair. smtp_url: to hand mails over, with STARTTLS and a login."""

    certificates: Certificates
    postfix: Postfix
    dovecot: Ports

    @property
    def smtp_url(self) -> str:
        user = f"{quote(LOGIN, safe='')}:{quote(PASSWORD, safe='')}"
        return f"smtp://{user}@127.0.0.1:{self.postfix.port}?starttls=require"

    def mails(self, user: str) -> list[bytes]:
        """Everything in a mailbox, raw, read over IMAP, oldest first."""
        with self._logged_in(user) as box:
            _, found = box.search(None, "ALL")
            return [_raw(box.fetch(number.decode(), "(BODY.PEEK[])")[1]) for number in found[0].split()]

    def wait_for(self, user: str, count: int, *, limit_s: float = 15) -> list[bytes]:
        """The mailbox as soon as it holds that many."""
        limit = time.monotonic() + limit_s
        while len(found := self.mails(user)) < count:
            assert time.monotonic() < limit, self.postfix.log[-3000:]
            time.sleep(0.2)
        return found

    def empty(self, user: str) -> None:
        """Remove everything from a mailbox."""
        with self._logged_in(user) as box:
            _, found = box.search(None, "ALL")
            for number in found[0].split():
                box.store(number.decode(), "+FLAGS", r"(\Deleted)")
            box.expunge()

    def send(self, message: EmailMessage, *, to: str, sender: str) -> None:
        """A mail from outside: no login, and only our own domains are taken."""
        with smtplib.SMTP("127.0.0.1", self.postfix.port) as smtp:
            smtp.send_message(message, from_addr=sender, to_addrs=[to])

    @contextmanager
    def _logged_in(self, user: str) -> Iterator[imaplib.IMAP4_SSL]:
        context = ssl.create_default_context(cafile=self.certificates.authority)
        with imaplib.IMAP4_SSL("127.0.0.1", self.dovecot.imaps, ssl_context=context) as box:
            box.login(user, PASSWORD)
            box.select()
            yield box


def _raw(answer: list[object]) -> bytes:
    return next(bytes(part[1]) for part in answer if isinstance(part, tuple))


def parsed(raw: bytes) -> EmailMessage:
    """The mail as a mail program reads it."""
    message = email.message_from_bytes(raw, policy=default)
    assert isinstance(message, EmailMessage)
    return message


@contextmanager
def mail_house() -> Iterator[MailHouse]:
    """Both servers, ended and removed afterwards."""
    # A short path: Dovecot's unix sockets lie below it.
    home = Path(tempfile.mkdtemp(prefix="ikusei-mail-", dir="/tmp"))
    home.chmod(0o755)
    made = certificates.make(home)
    users = (INBOX, LOGIN, OWNER, READER, FULL)
    for name in ("postfix", "dovecot"):
        (home / name).mkdir(mode=0o755)
    try:
        with (
            dovecot.dovecot(home / "dovecot", made, users=users, quotas_kb={FULL: 1}) as ports,
            postfix.sinks(REFUSALS) as routes,
            postfix.postfix(
                home / "postfix",
                made,
                mailboxes=users,
                aliases={f"{name}@minori.example": INBOX for name in ("bounce", "reply", "unsubscribe")},
                routes=routes | {"dead.example": CLOSED_PORT},
                lmtp_port=ports.lmtp,
                auth_port=ports.auth,
            ) as server,
        ):
            yield MailHouse(made, server, ports)
    finally:
        shutil.rmtree(home, ignore_errors=True)
