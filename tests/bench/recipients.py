"""What people do with the mails that reach them: exactly what was drawn for their month, through HTTP and replies."""

from __future__ import annotations

import os
import re
import smtplib
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path

from sqlalchemy import text

from campaigns.demo.recipients import BROWSER, REPLY, Letter, read
from campaigns.parts import Parts
from campaigns.rules import chances
from campaigns.rules.chances import Drawn, Rates
from campaigns.rules.schedule import month_of
from campaigns.services import trace

_RETURN_PATH = re.compile(rb"X-Envelope-From: <?(bounce\+[^>\s]+)")
HANDS = 8  # requests at once: a click waits for its event to be stored


@dataclass(frozen=True, slots=True)
class Received:
    """A mail in somebody's mailbox. month: in which it arrived, day: an ordinal."""

    person: int
    product: int
    key: str
    content: int | None
    month: int
    day: int


class _Stay(urllib.request.HTTPRedirectHandler):
    """The pages behind the links are nobody's here."""

    def redirect_request(self, *_: object) -> None:
        return None


@dataclass(slots=True)
class Mailboxes:
    """All recipients behind one catcher. rates, seed: of the draws; got: every mail in its order."""

    parts: Parts
    smtp: tuple[str, int]
    rates: Mapping[int, Rates]
    seed: int
    got: list[Received] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _acts: dict[int, list[tuple[Letter, Drawn]]] = field(default_factory=lambda: defaultdict(list))
    _after: str = ""

    def look(self, now: datetime) -> int:
        """Read what has arrived, and draw what comes of it on the morning after; how many mails there were."""
        arrived = dict(filter(None, map(self._address, self._new())))
        if not arrived:
            return 0
        with self.parts.engine.connect() as tx:
            rows = tx.execute(
                text(
                    "select id, person_id, product_id, step_key, content_id from deliveries"
                    " where id = any(:ids) and class <> 'transactional' order by id"
                ),
                {"ids": sorted(arrived)},
            ).all()
        zone = self.parts.settings.tz
        month, day = month_of(now, zone), now.astimezone(zone).date().toordinal()
        for row in rows:
            self.got.append(Received(row.person_id, row.product_id, row.step_key, row.content_id, month, day))
            drawn = chances.draw(
                self.rates[row.product_id],
                seed=self.seed,
                person=row.person_id,
                product=row.product_id,
                month=month,
            )
            if drawn != chances.NOTHING:
                path = arrived[row.id]
                letter = read(path.stem, path.read_bytes())
                assert letter is not None
                self._acts[day + 1].append((letter, drawn))
        return len(rows)

    def waits(self, day: int) -> bool:
        """Whether somebody does something on that day."""
        return day in self._acts

    def act(self, day: int) -> None:
        """Open, click, answer, unsubscribe: whatever was drawn for that morning."""
        acts = self._acts.pop(day, [])
        with ThreadPoolExecutor(HANDS) as hands:
            list(hands.map(lambda one: self._read(*one), acts))
        for letter, drawn in acts:
            if drawn.replies:
                self._answer(letter)
            for name in drawn._fields:
                self.counts[name] += getattr(drawn, name)
        for letter, drawn in acts:
            if drawn.unsubscribes:
                self._open(letter.leave, body=b"List-Unsubscribe=One-Click")

    def _address(self, path: Path) -> tuple[int, Path] | None:
        """A mail by its delivery, as its signed return address names it; None for notices and answers."""
        found = _RETURN_PATH.search(path.read_bytes()[:1000])
        read = trace.token(self.parts, found[1].decode()) if found is not None else None
        return (read[1], path) if read is not None else None

    def _new(self) -> list[Path]:
        folder = self.parts.catcher_folder
        if not folder.is_dir():
            return []  # before the first mail
        names = sorted(name for name in os.listdir(folder) if name.endswith(".eml") and name > self._after)
        self._after = names[-1] if names else self._after
        return [folder / name for name in names]

    def _read(self, letter: Letter, drawn: Drawn) -> None:
        if drawn.opens:
            self._open(letter.pixel)
        if drawn.clicks:
            self._open(next(url for url in letter.links if "/c/" in url))

    def _answer(self, letter: Letter) -> None:
        answer = EmailMessage(policy=policy.SMTP)
        answer["From"], answer["To"] = letter.to, letter.reply_to
        answer["Subject"] = f"Re: {letter.subject}"
        answer["Message-ID"] = f"<{letter.key}@customer.example>"
        answer["In-Reply-To"] = letter.message_id
        answer.set_content(REPLY)
        with smtplib.SMTP(*self.smtp, timeout=10) as server:
            server.send_message(answer)

    def _open(self, url: str, body: bytes | None = None) -> None:
        headers = {"User-Agent": BROWSER, "Accept-Language": "ja"}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        opener = urllib.request.build_opener(_Stay)
        try:
            with opener.open(urllib.request.Request(url, data=body, headers=headers), timeout=30) as answer:
                answer.read()
        except urllib.error.HTTPError as error:
            error.close()
            if error.code != 302:
                raise
