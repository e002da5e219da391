"""Mails a second through `deliver.batch` into Postfix's smtp-sink, against `smtp-source -d -s 10` into the same.

Durable embedded PostgreSQL, bodies of 15 kB, one worker's loop in this process, without DKIM.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import deliver
from mailer import inline
from mailer.transports import transport_for
from tests import world
from tests.bench.installation import installation

MAILS = int(os.environ.get("MAILS", "10000"))
BODY = 15_000  # octets of the whole mail, HTML, text and headers


@contextmanager
def sink() -> Iterator[int]:
    """An smtp-sink on a free port; yields the port."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    command = [
        shutil.which("smtp-sink") or "/usr/sbin/smtp-sink",
        "-u",
        "nobody",
        f"127.0.0.1:{port}",
        "1000",
    ]
    if os.geteuid():
        del command[1:3]
    process = subprocess.Popen(command)
    try:
        for _ in range(100):
            time.sleep(0.05)
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
        yield port
    finally:
        process.terminate()
        process.wait()


def limit(port: int) -> float:
    """Mails a second of Postfix's own source, ten sessions, connections kept."""
    source = shutil.which("smtp-source") or "/usr/sbin/smtp-source"
    began = time.monotonic()
    subprocess.run(
        [source, "-d", "-s", "10", "-l", str(BODY), "-m", str(MAILS), f"127.0.0.1:{port}"], check=True
    )
    return MAILS / (time.monotonic() - began)


def long_mail(parts: Parts, product: int) -> None:
    """Make the published mails as long as real ones: eight links and text up to about 15 kB on the wire."""
    lines = "".join(
        f'<p>事例{n}: 検査の時間を半分にした工場の話です。<a href="https://minori.example/{n}">続きを読む</a></p>'
        for n in range(8)
    )
    frozen = inline.publish(
        "<p>{{ 宛名 }}</p>" + lines + "<p>" + "外観検査の手順をまとめました。" * 48 + "</p>", subject="便り"
    )
    links = [{"no": link.no, "url": link.url, "text": link.text} for link in frozen.links]
    with parts.engine.begin() as tx:
        tx.execute(
            text("update published_mails set html = :html, text = :text, links = cast(:links as jsonb)"),
            {"html": frozen.html, "text": frozen.text, "links": json.dumps(links)},
        )


def main() -> None:
    with installation() as parts, sink() as port:
        made = world.build(parts, count=0)
        with parts.engine.begin() as tx:
            people = world.people(tx, parts, MAILS, product=made.product)
        made = world.World(made.product, made.scenario, made.version, made.contents, people)
        long_mail(parts, made.product)
        now = datetime.now(UTC)
        world.planned(parts, made, send_at=now - timedelta(minutes=5))
        with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
            tx.execute(text("vacuum analyze"))
        top = limit(port)
        way = transport_for(f"smtp://127.0.0.1:{port}?starttls=none")
        began, cpu = time.monotonic(), time.process_time()
        while deliver.batch(parts, now=now, transport=way):
            pass
        took, cpu = time.monotonic() - began, time.process_time() - cpu
        way.close()
        assert world.states(parts) == {"sent": MAILS}, world.states(parts)
    rate = MAILS / took
    print(
        f"deliver: {rate:.0f} mails/s of 15 kB with everything ({rate / top:.2f} of smtp-source's {top:.0f}/s);"
        f" {1000 * cpu / MAILS:.2f} s of CPU per 1,000 mails"
    )


if __name__ == "__main__":
    main()
