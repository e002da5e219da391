"""A real Postfix of this machine's package: own configuration, own queue, loopback only, a free port.

It plays both the sending company's server and its recipients': mails for its mailbox domains go to an LMTP
server, mails for other domains to whatever port is named for them, and what fails comes back as Postfix's
own delivery reports. Relaying wants STARTTLS and a login, as any provider's server does.

Risk taken: Postfix runs as root or not at all, so this does too; it touches nothing outside its folder.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.certificates import Certificates

DAEMONS = Path("/usr/lib/postfix/sbin")
LIFETIME_S = 6  # what cannot be delivered for this long is given up
WARN_S = 2  # after this the sender is told that it takes longer


class RigError(RuntimeError):
    """A server of the rig did not start: the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Postfix:
    """A running Postfix."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        path = self.folder / "mail.log"
        return path.read_text(errors="replace") if path.exists() else ""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def missing() -> list[str]:
    """What this machine lacks for a real Postfix, in words; empty when nothing."""
    lacks = [] if (DAEMONS / "master").exists() else ["the package postfix"]
    return lacks if os.geteuid() == 0 else [*lacks, "root (Postfix runs as nobody else)"]


@contextmanager
def postfix(
    folder: Path,
    certificates: Certificates,
    *,
    mailboxes: Sequence[str],
    aliases: Mapping[str, str],
    routes: Mapping[str, int],
    lmtp_port: int,
    auth_port: int,
) -> Iterator[Postfix]:
    """mailboxes: addresses kept behind lmtp_port; their domains are ours, other users of them unknown.

    aliases: address -> mailbox. routes: other domain -> port of its server. auth_port: Dovecot's logins.
    """
    port = free_port()
    config = _configured(
        folder, certificates, port=port, auth_port=auth_port, lmtp_port=lmtp_port, mailboxes=mailboxes
    )
    _table(config / "mailboxes", {name: name for name in mailboxes})
    _table(config / "aliases", aliases)
    _table(config / "routes", {name: f"smtp:[127.0.0.1]:{to}" for name, to in routes.items()})
    with (folder / "start.log").open("ab") as sink:
        # The check makes the queue's folders; the master is started by itself, so that its id is known.
        subprocess.run(["/usr/sbin/postfix", "-c", str(config), "check"], check=True, stderr=sink)
        process = subprocess.Popen(
            [str(DAEMONS / "master"), "-c", str(config), "-s"],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    made = Postfix(folder, port, process)
    try:
        wait_for(port, process, lambda: (folder / "start.log").read_text(errors="replace") + made.log)
        yield made
    finally:
        stop(process)


def _configured(
    folder: Path,
    certificates: Certificates,
    *,
    port: int,
    auth_port: int,
    lmtp_port: int,
    mailboxes: Sequence[str],
) -> Path:
    """main.cf and master.cf; returns the folder that holds them. No name is ever looked up in the DNS."""
    config, queue, data = folder / "config", folder / "queue", folder / "data"
    for path in (config, queue, data):
        path.mkdir(mode=0o755)
    shutil.chown(data, "postfix")  # the only folder that is Postfix's own; the queue's are made at its start
    main = {
        "compatibility_level": "3.6",
        "queue_directory": queue,
        "data_directory": data,
        "command_directory": "/usr/sbin",
        "daemon_directory": DAEMONS,
        "maillog_file": folder / "mail.log",
        "maillog_file_prefixes": folder,
        "myhostname": "mx.minori.example",
        "mydestination": "",
        "alias_maps": "",
        "alias_database": "",
        "local_recipient_maps": "",
        "inet_interfaces": "127.0.0.1",
        "inet_protocols": "ipv4",
        "disable_dns_lookups": "yes",
        "smtpd_peername_lookup": "no",
        "recipient_delimiter": "+",
        "virtual_mailbox_domains": " ".join(sorted({name.rpartition("@")[2] for name in mailboxes})),
        "virtual_mailbox_maps": f"texthash:{config}/mailboxes",
        "virtual_alias_maps": f"texthash:{config}/aliases",
        "virtual_transport": f"lmtp:inet:127.0.0.1:{lmtp_port}",
        "transport_maps": f"texthash:{config}/routes",
        "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
        "smtpd_tls_security_level": "may",
        "smtpd_tls_auth_only": "yes",
        "smtpd_tls_cert_file": certificates.server,
        "smtpd_tls_key_file": certificates.key,
        "smtpd_sasl_auth_enable": "yes",
        "smtpd_sasl_type": "dovecot",
        "smtpd_sasl_path": f"inet:127.0.0.1:{auth_port}",
        "maximal_queue_lifetime": f"{LIFETIME_S}s",
        "bounce_queue_lifetime": f"{LIFETIME_S}s",
        "delay_warning_time": f"{WARN_S}s",
        "minimal_backoff_time": "1s",
        "maximal_backoff_time": "1s",
        "queue_run_delay": "1s",
        "notify_classes": "",
    }
    (config / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in main.items()))
    (config / "master.cf").write_text(f"127.0.0.1:{port} inet n - n - - smtpd\n" + SERVICES)
    return config


# Postfix's own list of services, none of them under chroot. lmtp notes the address that the mail was sent to
# before an alias sent it on (X-Original-To), as virtual(8) does by itself.
SERVICES = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp flags=DORX
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def _table(path: Path, rows: Mapping[str, str]) -> None:
    path.write_text("".join(f"{name} {value}\n" for name, value in rows.items()))


@contextmanager
def sinks(answers: Mapping[str, Sequence[str]]) -> Iterator[dict[str, int]]:
    """An smtp-sink for each domain, with its options; yields domain -> port."""
    with ExitStack() as stack:
        yield {domain: stack.enter_context(_sink(options)) for domain, options in answers.items()}


@contextmanager
def _sink(options: Sequence[str]) -> Iterator[int]:
    port = free_port()
    command = [shutil.which("smtp-sink") or "/usr/sbin/smtp-sink", *options]
    if os.geteuid() == 0:
        command += ["-u", "nobody"]
    command += [f"127.0.0.1:{port}", "100"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(port, process, lambda: "smtp-sink ended")
        yield port
    finally:
        stop(process)


def wait_for(port: int, process: subprocess.Popen[bytes], log: object, *, limit_s: float = 20) -> None:
    """Until somebody listens on the port. Raises RigError with log()'s last lines."""
    limit = time.monotonic() + limit_s
    while time.monotonic() < limit and process.poll() is None:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    stop(process)
    raise RigError(str(log() if callable(log) else log)[-2000:])


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server that we started, and with it the processes that it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # its own session: whoever of it still waits for a client
