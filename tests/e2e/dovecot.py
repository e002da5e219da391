"""A real Dovecot of this machine's package: mailboxes by LMTP, IMAP and POP3, and the logins of Postfix.

Own configuration, own folder, loopback only, free ports.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.e2e.certificates import Certificates
from tests.e2e.postfix import free_port, stop, wait_for

PASSWORD = "no secret % / @"  # holds what a URL must escape


@dataclass(frozen=True, slots=True)
class Ports:
    """lmtp and auth are for Postfix; imap and pop3 speak plainly, imaps and pop3s in TLS."""

    lmtp: int
    auth: int
    imap: int
    imaps: int
    pop3: int
    pop3s: int

    def imap_url(self, user: str) -> str:
        """For the setting that names the mailbox."""
        return f"imaps://{quote(user, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.imaps}/INBOX"

    def pop3_url(self, user: str) -> str:
        """The same by POP3."""
        return f"pop3s://{quote(user, safe='')}:{quote(PASSWORD, safe='')}@127.0.0.1:{self.pop3s}"


def missing() -> list[str]:
    """What this machine lacks, in words; empty when nothing."""
    parts = {"dovecot-imapd": "imap", "dovecot-pop3d": "pop3", "dovecot-lmtpd": "lmtp"}
    lacks = [name for name, file in parts.items() if not Path("/usr/lib/dovecot", file).exists()]
    return [f"the package {name}" for name in lacks]


@contextmanager
def dovecot(
    folder: Path, certificates: Certificates, *, users: Sequence[str], quotas_kb: Mapping[str, int]
) -> Iterator[Ports]:
    """users: addresses, each a mailbox with PASSWORD. quotas_kb: the room of those that have little."""
    ports = Ports(*(free_port() for _ in range(6)))
    root = os.geteuid() == 0
    (folder / "mail").mkdir(mode=0o777)
    (folder / "mail").chmod(0o777)
    lines = [
        f"{user}:{{PLAIN}}{PASSWORD}::::::"
        + (f"userdb_quota_rule=*:storage={quotas_kb[user]}K" if user in quotas_kb else "")
        for user in users
    ]
    (folder / "users").write_text("\n".join(lines) + "\n")
    config = folder / "dovecot.conf"
    config.write_text(CONFIG.format(folder=folder, ports=ports, certificates=certificates, **_owner(root)))
    with (folder / "start.log").open("ab") as sink:
        process = subprocess.Popen(
            ["/usr/sbin/dovecot", "-F", "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )
    try:
        for port in (ports.lmtp, ports.auth, ports.imap, ports.pop3):
            wait_for(port, process, lambda: _logged(folder))
        yield ports
    finally:
        stop(process)


def _owner(root: bool) -> dict[str, str]:
    """Under root the package's own users; else everything is the caller's."""
    if root:
        return {"internal": "dovecot", "login": "dovenull", "mail": "nobody", "group": "nogroup", "jail": ""}
    me, group = str(os.getuid()), str(os.getgid())
    return {"internal": me, "login": me, "mail": me, "group": group, "jail": "chroot ="}


def _logged(folder: Path) -> str:
    paths = [folder / "start.log", folder / "dovecot.log"]
    return "".join(path.read_text(errors="replace") for path in paths if path.exists())


# A full mailbox refuses at once (quota_full_tempfail), so that it comes back as a report of its own.
CONFIG = """\
protocols = imap pop3 lmtp
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {internal}
default_login_user = {login}
mail_location = maildir:{folder}/mail/%Lu
mail_plugins = quota
first_valid_uid = 1
ssl = yes
ssl_cert = <{certificates.server}
ssl_key = <{certificates.key}
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {folder}/users
}}
userdb {{
  driver = passwd-file
  args = {folder}/users
  default_fields = uid={mail} gid={group} home={folder}/mail/%Lu
}}
plugin {{
  quota = maildir:User quota
}}
recipient_delimiter = +
quota_full_tempfail = no
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {ports.lmtp}
  }}
}}
service auth {{
  inet_listener {{
    address = 127.0.0.1
    port = {ports.auth}
  }}
}}
service imap-login {{
  {jail}
  inet_listener imap {{
    port = {ports.imap}
  }}
  inet_listener imaps {{
    port = {ports.imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  {jail}
  inet_listener pop3 {{
    port = {ports.pop3}
  }}
  inet_listener pop3s {{
    port = {ports.pop3s}
    ssl = yes
  }}
}}
"""
