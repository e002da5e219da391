"""The demo's recipients: a process of its own that knows only the raw mails that reached it.

It reads the caught files, takes links from the mail's own HTML and headers, and behaves: some never open,
readers open, some of them click and browse, eager ones come back and answer, scanners fetch every link at
once, and a few leave one product. Who does what is decided by the address alone, so a run can be repeated.
It knows the time because everybody has a clock: it asks the practice clock.
"""

from __future__ import annotations

import email
import hashlib
import heapq
import json
import re
import smtplib
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path

BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
REPLY = "ご案内をありがとうございます。\n来期の設備計画で検討しています。一度お話を伺えますか。\n"
LINK = re.compile(r'<a\b[^>]*href="(https?://[^"]+)"[^>]*>')
PIXEL = re.compile(r'src="(https?://[^"]+/o/[^"]+)"')


class Habit(StrEnum):
    """What a recipient does with a mail."""

    SILENT = "silent"
    OPENER = "opener"
    READER = "reader"
    EAGER = "eager"
    SCANNED = "scanned"  # a gateway of the company fetches every link; the person never looks
    LEAVER = "leaver"


SHARES = (
    (Habit.SCANNED, 14),
    (Habit.LEAVER, 8),
    (Habit.EAGER, 5),
    (Habit.READER, 22),
    (Habit.OPENER, 21),
    (Habit.SILENT, 30),
)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as it arrived."""

    key: str
    to: str
    sender: str
    reply_to: str
    subject: str
    message_id: str
    list_id: str
    html: str
    links: tuple[str, ...]
    hidden: tuple[str, ...]  # no person sees these; a machine that fetches everything does not know
    pixel: str
    leave: str


@dataclass(order=True)
class Act:
    """Something a recipient will do at an instant."""

    at: datetime
    no: int
    do: Callable[[], None] = field(compare=False)


class Crowd:
    """All recipients behind one mail server."""

    def __init__(self, *, smtp: str, seed: int) -> None:
        parsed = urllib.parse.urlsplit(smtp)
        self._smtp = (parsed.hostname or "127.0.0.1", parsed.port or 25)
        self._seed = seed
        self._base = ""
        self._acts: list[Act] = []
        self._count = 0
        self._answered: set[str] = set()
        self._left: set[str] = set()
        self.now: datetime | None = None

    def receive(self, letter: Letter) -> None:
        """A mail arrived: decide what comes of it, and when."""
        self._base = _origin(letter.leave or letter.pixel or letter.links[0])
        habit, now = self.habit(letter.to), self.ask_time()
        hours = 1 + self._draw(letter.to, letter.subject, "hours") % 60
        if habit is Habit.SCANNED:
            self._later(now, lambda: self._scan(letter))
        elif habit is not Habit.SILENT:
            self._later(now + timedelta(hours=hours, minutes=7), lambda: self._read(letter, habit))

    def habit(self, address: str) -> Habit:
        """Whole companies sit behind a scanner, so its share goes by domain; the rest by address."""
        domain = self._draw(address.rpartition("@")[2], "domain") % 100
        if domain < SHARES[0][1]:
            return Habit.SCANNED
        place = self._draw(address, "habit") % sum(share for _, share in SHARES[1:])
        for habit, share in SHARES[1:]:
            if place < share:
                return habit
            place -= share
        return Habit.SILENT

    def act(self) -> int:
        """Do everything whose time has come; returns how many acts were done."""
        now, done = self.ask_time(), 0
        while self._acts and self._acts[0].at <= now:
            heapq.heappop(self._acts).do()
            done += 1
        return done

    def next_at(self) -> datetime | None:
        return self._acts[0].at if self._acts else None

    def ask_time(self) -> datetime:
        """The practice clock; before the first mail nobody asks."""
        answer = self._open(f"{self._base}/practice/clock", method="GET")
        self.now = datetime.fromisoformat(json.loads(answer)["now"])
        return self.now

    def _later(self, at: datetime, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._acts, Act(at, self._count, do))

    def _draw(self, *words: str) -> int:
        text = "\0".join((str(self._seed), *words)).encode()
        return int.from_bytes(hashlib.blake2b(text, digest_size=6).digest())

    def _scan(self, letter: Letter) -> None:
        """A gateway: HEAD and GET on every link and picture, the unsubscribe link as well, within a second."""
        for url in (*letter.links, *letter.hidden, letter.pixel, letter.leave):
            if url:
                self._open(url, method="HEAD", follow=False)
                self._open(url, method="GET", follow=False)

    def _read(self, letter: Letter, habit: Habit) -> None:
        if letter.pixel:
            self._open(letter.pixel, method="GET")
        if habit is Habit.LEAVER:
            self._leave(letter)
        elif habit is Habit.READER and self._draw(letter.to, letter.subject, "click") % 3:
            self._click(letter, pages=1)
        elif habit is Habit.EAGER:
            self._click(letter, pages=2)
            if letter.to not in self._answered and self._draw(letter.to, letter.subject, "answer") % 2:
                self._answered.add(letter.to)
                assert self.now is not None
                self._later(self.now + timedelta(hours=2), lambda: self._answer(letter))

    def _click(self, letter: Letter, *, pages: int) -> None:
        """Follow a link like a person: one after the other, and stay on the page."""
        links = [url for url in letter.links if "/c/" in url]
        visitor = f"{self._draw(letter.to, 'browser'):021d}"
        # Some look at the site by themselves first; who they are is known once they follow a link.
        if not self._draw(letter.to, letter.subject, "looks") % 4:
            self._browse(f"{self._base}/practice/site/eyeline", "", visitor, beats=2)
        for place, url in enumerate(links[:pages]):
            landed = self._open(url, method="GET", landed=True)
            token = urllib.parse.parse_qs(urllib.parse.urlsplit(landed).query).get("ik", [""])[0]
            if token:
                self._browse(
                    landed, token, visitor, beats=1 + self._draw(letter.to, letter.subject, str(place)) % 6
                )

    def _browse(self, landed: str, token: str, visitor: str, *, beats: int) -> None:
        """What /t.js would send: the view, then a beat every 15 s with the last input a moment ago."""
        page = f"{self._draw(landed, token, visitor) % 10**9:x}"
        url = landed.partition("?")[0]
        for number in range(beats + 1):
            body = {
                "k": token,
                "w": visitor,
                "t": "beat" if number else "view",
                "v": f"{page}.{page}",
                "n": number,
                "u": url,
                "i": "",
                "s": True,
                "l": 3,
            }
            self._open(f"{self._base}/b", method="POST", body=json.dumps(body).encode(), origin=_origin(url))

    def _leave(self, letter: Letter) -> None:
        """Open the page, press the first button: this product only."""
        if letter.to in self._left or not letter.leave:
            return
        self._left.add(letter.to)
        self._open(letter.leave, method="GET")
        self._open(letter.leave, method="POST", body=b"scope=product", form=True)

    def _answer(self, letter: Letter) -> None:
        answer = EmailMessage(policy=policy.SMTP)
        answer["From"], answer["To"] = letter.to, letter.reply_to or letter.sender
        answer["Subject"] = f"Re: {letter.subject}"
        answer["Message-ID"] = f"<{self._draw(letter.key, 'reply'):x}@{letter.to.rpartition('@')[2]}>"
        answer["In-Reply-To"] = letter.message_id
        answer.set_content(REPLY)
        with smtplib.SMTP(*self._smtp, timeout=10) as server:
            server.send_message(answer)

    def _open(
        self,
        url: str,
        *,
        method: str,
        body: bytes | None = None,
        origin: str = "",
        form: bool = False,
        follow: bool = True,
        landed: bool = False,
    ) -> str:
        """One request as a browser makes it; returns the body, or with landed=True the final address."""
        headers = {"User-Agent": BROWSER, "Accept-Language": "ja"}
        if origin:
            headers |= {"Origin": origin, "Content-Type": "text/plain;charset=UTF-8"}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        request = urllib.request.Request(url, data=body, method=method, headers=headers)  # noqa: S310
        opener = urllib.request.build_opener() if follow else urllib.request.build_opener(_Stay)
        try:
            with opener.open(request, timeout=15) as answer:
                return str(answer.url) if landed else answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            if follow:
                raise
            error.close()
            return ""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Scanners look at a redirect and do not follow it."""

    def redirect_request(self, *_: object) -> None:
        return None


def read(key: str, raw: bytes) -> Letter | None:
    """A letter from raw bytes; None for what is no marketing mail (answers, notices to staff)."""
    mail = email.message_from_bytes(raw, policy=policy.default)
    part = mail.get_body(("html",))
    html = part.get_content() if part is not None else ""
    leave = re.search(r"<(https?://[^>]+)>", str(mail.get("List-Unsubscribe", "")).replace("\n", ""))
    if leave is None:
        return None
    links: dict[str, bool] = {}
    for tag in LINK.finditer(html):
        links.setdefault(tag[1].replace("&amp;", "&"), "display:none" in tag[0])
    links.pop(leave[1], None)
    pixel = PIXEL.search(html)
    return Letter(
        key=key,
        to=str(mail["To"]).rpartition("<")[2].rstrip(">").strip(),
        sender=str(mail["From"]).rpartition("<")[2].rstrip(">").strip(),
        reply_to=str(mail.get("Reply-To", "")).rpartition("<")[2].rstrip(">").strip(),
        subject=str(mail["Subject"]),
        message_id=str(mail["Message-ID"]),
        list_id=str(mail.get("List-Id", "")),
        html=html,
        links=tuple(url for url, is_hidden in links.items() if not is_hidden),
        hidden=tuple(url for url, is_hidden in links.items() if is_hidden),
        pixel=pixel[1].replace("&amp;", "&") if pixel else "",
        leave=leave[1],
    )


def _origin(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def run(folder: Path, *, smtp: str, state: Path, seed: int, until: Callable[[], bool]) -> None:
    """Watch the folder of caught mails until told to stop; `state` tells what is read and what comes next."""
    crowd, seen = Crowd(smtp=smtp, seed=seed), set[str]()
    while not until():
        new = sorted(path for path in folder.glob("*.eml") if path.name not in seen)
        for path in new:
            letter = read(path.stem, path.read_bytes())
            if letter is not None:
                crowd.receive(letter)
            seen.add(path.name)
        done = crowd.act() if crowd.next_at() else 0
        upcoming = crowd.next_at()
        note = {
            "seen": len(seen),
            "next": upcoming.isoformat() if upcoming else None,
            "now": crowd.now.isoformat() if crowd.now else None,
        }
        part = state.with_suffix(".part")
        part.write_text(json.dumps(note))
        part.replace(state)
        if not new and not done:
            time.sleep(0.05)
