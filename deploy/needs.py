"""What the tests need from the system: looked for, installed where that is allowed, else named.

Reads deploy/apt.txt. Exits with 1 and the list when something is missing and cannot be installed. Servers
among it (Postfix, Dovecot) are only installed, never started: the tests run them from folders of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def _is_file(*paths: str) -> bool:
    return any(Path(path).exists() for path in paths)


# package -> what proves that it is there
PROOFS = {
    "chromium": lambda: bool(shutil.which("chromium")),
    "dovecot-imapd": lambda: _is_file("/usr/lib/dovecot/imap"),
    "dovecot-lmtpd": lambda: _is_file("/usr/lib/dovecot/lmtp"),
    "dovecot-pop3d": lambda: _is_file("/usr/lib/dovecot/pop3"),
    "fonts-noto-cjk": lambda: any(Path("/usr/share/fonts").rglob("NotoSansCJK*")),
    "nginx-light": lambda: bool(shutil.which("nginx")),
    "postfix": lambda: _is_file("/usr/sbin/smtp-sink", "/usr/lib/postfix/sbin/smtp-sink"),
    "poppler-utils": lambda: bool(shutil.which("pdftoppm")),
    "spamassassin": lambda: bool(shutil.which("spamassassin")),
    "wrk": lambda: bool(shutil.which("wrk")),
}
# Only benchmarks measure against these: without them the tests run all the same.
FOR_BENCHES = ("nginx-light", "wrk")
# Debian asks this program before it starts a service of a package it installs; 101 says no.
POLICY = Path("/usr/sbin/policy-rc.d")


def missing(names: list[str]) -> list[str]:
    return [name for name in names if not PROOFS[name]()]


@contextmanager
def nothing_starts() -> Iterator[None]:
    """No installed package starts its service meanwhile. A policy that stands already is the machine's own."""
    try:
        with POLICY.open("x") as file:
            file.write("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    except OSError:
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            POLICY.unlink()


def install(names: list[str]) -> None:
    """By apt; what could not be installed is seen afterwards."""
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    print("installing for the tests:", *names, flush=True)  # noqa: T201
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names]
    with nothing_starts():
        subprocess.run(["apt-get", "update", "-qq"], check=False, env=environment)  # noqa: S607
        subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL)  # noqa: S603


def main() -> int:
    names = Path(__file__).with_name("apt.txt").read_text().split()
    wanted = missing(names)
    if wanted and os.geteuid() == 0 and shutil.which("apt-get"):
        # Apart: a name that apt does not know would keep back all that stand beside it.
        for some in ([n for n in wanted if n not in FOR_BENCHES], [n for n in wanted if n in FOR_BENCHES]):
            if some:
                install(some)
        wanted = missing(names)
    if set(wanted) & set(FOR_BENCHES):
        print("benchmarks of the tracker need", *FOR_BENCHES, file=sys.stderr)  # noqa: T201
        wanted = [name for name in wanted if name not in FOR_BENCHES]
    if wanted:
        print(  # noqa: T201
            f"the tests need {', '.join(wanted)}: apt-get install {' '.join(wanted)}", file=sys.stderr
        )
        return 1
    if os.geteuid() != 0:
        print(  # noqa: T201
            "left out without root: tests/e2e/test_real_mail.py (a real Postfix runs as root only)",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
