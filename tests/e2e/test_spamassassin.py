"""Every mail that we ship, made by the code that sends, judged by SpamAssassin without the network."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from campaigns import parts as composition
from campaigns.demo import texts
from campaigns.parts import Parts
from campaigns.services import author, deliver, publish
from campaigns.storage.contents import Variant
from mailer.transports import MemoryTransport
from tests import world

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

LIMIT = 1.0
STATUS = re.compile(
    r"^X-Spam-Status: \w+, score=(-?[\d.]+) required=\S+(.*?)^(?=\S)", re.MULTILINE | re.DOTALL
)
TESTS = re.compile(r"tests=([\w,\s]+?)(?=\sautolearn|\sversion|\Z)")


@dataclass(frozen=True, slots=True)
class Shipped:
    """A mail that comes with the project, and the language of the person who gets it."""

    name: str
    lang: str
    words: dict[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    score: float
    rules: tuple[str, ...]


def shipped() -> list[Shipped]:
    """The starters for readers of both languages, and the sample maker's mails."""
    mails = [
        Shipped(f"starter {code}", lang, author.read_starter(code)[1])
        for code in author.starters()
        for lang in ("ja", "en")
    ]
    for product in (texts.EYELINE, texts.VX500):
        for letter in product.letters:
            words = {
                "subject": letter.subject,
                "preheader": letter.preheader,
                "html": letter.html("https://www.minori.example"),
                "text": "",
            }
            mails.append(Shipped(f"demo {letter.title}", "ja", words))
    return mails


@pytest.fixture
def live(parts: Parts) -> Iterator[Parts]:
    """The same database, as an installation that sends for real."""
    settings = replace(parts.settings, smtp_url="smtp://127.0.0.1:1", base_url="https://links.minori.example")
    built = composition.build(settings)
    yield built
    built.engine.dispose()
    built.redis.close()


def sent(parts: Parts, mails: list[Shipped]) -> list[bytes]:
    """Each mail as a person of its language gets it, in the order given."""
    made = world.build(parts, count=len(mails))
    ids = world.planned(parts, made, send_at=parts.clock.now())
    with parts.engine.begin() as tx:
        tx.execute(text("update consents set obtained_at = '2026-01-05', recorded_at = '2026-01-05'"))
        for id, mail in zip(sorted(ids), mails, strict=True):
            number = frozen(tx, made, mail)
            tx.execute(
                text("update deliveries set published_mail_id = :mail where id = :id"),
                {"mail": number, "id": id},
            )
            tx.execute(
                text(
                    "update people set preferred_lang = :lang where id ="
                    " (select person_id from deliveries where id = :id)"
                ),
                {"lang": mail.lang, "id": id},
            )
    way = MemoryTransport()
    while deliver.batch(parts, now=parts.clock.now(), transport=way):
        pass
    assert world.states(parts) == {"sent": len(mails)}
    return [kept.raw for kept in sorted(way.sent, key=lambda kept: kept.id)]


def frozen(tx: Connection, made: world.World, mail: Shipped) -> int:
    """Published by the code that publishes."""
    variant = Variant(
        0,
        0,
        mail.lang,
        "",
        mail.words["subject"],
        mail.words["preheader"],
        mail.words["html"],
        mail.words["text"],
        0,
        format=mail.words.get("format", "html"),
    )
    ready, problems = publish.freeze(variant, publish.layout_of("株式会社みのり精機", "外観検査装置"))
    assert ready is not None, (mail.name, problems)
    number = world.published_mail(tx, made.contents[0], made.version, mail.name + mail.lang)
    tx.execute(
        text(
            "update published_mails set lang = :lang, subject = :subject, html = :html, text = :text,"
            " links = cast(:links as jsonb) where id = :id"
        ),
        {
            "id": number,
            "lang": mail.lang,
            "subject": ready.subject,
            "html": ready.html,
            "text": ready.text,
            "links": json.dumps([{"no": x.no, "url": x.url, "text": x.text} for x in ready.links]),
        },
    )
    return number


def judge(mails: list[bytes], folder: Path) -> list[Judged]:
    """SpamAssassin's scores, in the order given; one run for all of them, with a home of its own."""
    home = folder / "home"
    home.mkdir()
    paths = []
    for number, raw in enumerate(mails):
        paths.append(folder / f"{number:03}.eml")
        paths[-1].write_bytes(raw)
    done = subprocess.run(
        ["spamassassin", "-t", "-L", *map(str, paths)],
        capture_output=True,
        check=True,
        env=os.environ | {"HOME": str(home), "LC_ALL": "C"},
    )
    found = judged(done.stdout.decode("utf-8", "replace"))
    assert len(found) == len(mails), done.stderr.decode("utf-8", "replace")
    return found


def judged(output: str) -> list[Judged]:
    """The X-Spam-Status of each mail of an output."""
    found = []
    for score, rest in STATUS.findall(output):
        names = TESTS.search(rest)
        rules = "".join(names[1].split()).split(",") if names else []
        found.append(Judged(float(score), tuple(rules)))
    return found


# The line every SpamAssassin counts 1,000 points for, so that a score that cannot rise is noticed.
GTUBE = (
    b"From: a@minori.example\r\nTo: b@minori.example\r\nSubject: x\r\n\r\n"
    b"XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
)


def test_every_shipped_mail_scores_at_most_one_point(live: Parts, tmp_path: Path) -> None:
    assert shutil.which("spamassassin"), "deploy/apt.txt names the package"
    mails = shipped()
    *scores, known_spam = judge([*sent(live, mails), GTUBE], tmp_path)
    assert known_spam.score > 900
    for mail, score in zip(mails, scores, strict=True):
        print(f"{score.score:5.1f}  {mail.name} ({mail.lang}): {', '.join(score.rules)}")
    names = [f"{mail.name} ({mail.lang})" for mail in mails]
    assert not {name: score for name, score in zip(names, scores, strict=True) if score.score > LIMIT}
    assert len(mails) >= 13
