"""Scripts of random faults against a real server that knows what it took: nothing doubled, nothing made up.

Each run draws its faults from a seed, so a failure names the run to repeat. In some runs the process is
killed in the middle; then the journal alone must tell the same.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer import journal
from mailer.journal import Answered, Begun, Journal, JournalDir, Untouched
from mailer.receipts import Item, Outcome, Receipt, Stage
from mailer.smtp import SmtpTransport
from tests.mailer.fault_smtp import (
    CLOSE,
    HALF,
    OFFERS,
    SILENT,
    TAKEN_CLOSE,
    Answer,
    FaultServer,
    Late,
    Turn,
)

RUNS, MAILS = 200, 30
BODY = b"Subject: x\r\n\r\n" + b"hello\r\n" * 40
REPLIES = (
    "421 4.7.0 try again later",
    "450 4.2.1 later",
    "451 4.3.0 local error",
    "452 4.3.1 insufficient system storage",
    "500 what",
    "550 5.1.1 no such user",
    "550 5.7.1 refused",
    "552 5.2.3 too big",
    "554 5.7.1 spam",
    "250 ok",
    "354 go on",
    "250 ok\r\n250 ok",
    "354 go on\r\n250 kept",
    "999 ?",
    "100 wait",
    "no reply at all",
    "25",
    "250-begun\r\n250 ended",
    "450-half of it",
    "",
    "250 ok\r\nrubbish",
)
VERBS = ("MAIL", "RCPT", "DATA", HALF, "BODY", "RSET")


class Killed(BaseException):
    """The process is gone: nothing after this may be relied on but the journal."""


def script(seed: int) -> Callable[[Turn], Answer]:
    """Faults by recipient, verb and try; a few connections greet badly."""
    dice = random.Random(seed)
    plan: dict[tuple[str, str], list[Answer]] = {}
    much = dice.choice([0.05, 0.2, 0.6])
    silences = 2 if seed % 20 == 0 else 0

    def drawn(verb: str) -> Answer:
        nonlocal silences
        kind = dice.random()
        if kind < 0.25:
            return CLOSE
        if kind < 0.35 and verb == "BODY":
            return TAKEN_CLOSE
        if kind < 0.37 and silences:
            silences -= 1
            return SILENT
        if kind < 0.4:
            return Late(dice.random() * 0.01, dice.choice(REPLIES))
        return dice.choice(REPLIES)

    for n in range(MAILS):
        for verb in VERBS:
            plan[f"m{n}", verb] = [drawn(verb) if dice.random() < much / 3 else None for _ in range(3)]
    greets = [
        dice.choice([CLOSE, "421 busy", "554 go away", "x"]) if dice.random() < 0.1 else None for _ in "x" * 9
    ]

    def fault(turn: Turn) -> Answer:
        if turn.verb == "CONNECT":
            return greets[turn.connection % len(greets)]
        who = (turn.rcpt or turn.sender).partition("@")[0]
        planned = plan.get((who, turn.verb))
        return planned[min(turn.tries, len(planned)) - 1] if planned else None

    return fault


def items(count: int = MAILS) -> list[Item]:
    return [Item(n, f"m{n}@minori.example", f"m{n}@buyer{n % 5}.example", BODY) for n in range(count)]


@pytest.mark.parametrize("block", range(10))
def test_random_faults_never_double_a_mail_nor_make_up_an_answer(block: int, tmp_path: Path) -> None:
    directory = JournalDir(tmp_path)
    for seed in range(block * RUNS // 10, (block + 1) * RUNS // 10):
        run(seed, directory)


def run(seed: int, directory: JournalDir) -> None:
    dice = random.Random(seed + 10_000)
    kill_at = dice.randrange(MAILS) if seed % 4 == 0 else -1
    offers = OFFERS if dice.random() < 0.8 else OFFERS[1:]
    receipts: dict[int, Receipt] = {}
    handed: set[int] = set()
    wrong: list[str] = []
    written = Journal.create(directory, f"token-{seed:05}", MAILS)

    class Watched:
        def handing(self, id: int) -> None:
            handed.add(id)
            written.handing(id)

        def answered(self, id: int, code: int, text: str) -> None:
            if kill_at >= 0 and len(receipts) == kill_at and dice.random() < 0.5:
                raise Killed  # the answer came, and was not written down
            written.answered(id, code, text)

    def note(receipt: Receipt) -> None:
        if receipt.id in receipts:
            wrong.append(f"two receipts for {receipt.id}")
        receipts[receipt.id] = receipt
        if len(receipts) == kill_at:
            raise Killed

    def before_body(rcpt: str, line: bytes) -> None:
        # A server that says too much may take a command of ours for the body it asked for.
        if BODY.startswith(line) and int(rcpt[1:].partition("@")[0]) not in handed:
            wrong.append(f"the body of {rcpt} began before its record")

    stopped = {n for n in range(MAILS) if dice.random() < 0.05}
    asked: dict[int, int] = {}

    def may(id: int) -> bool:
        asked[id] = asked.get(id, 0) + 1
        return not (id in stopped and asked[id] > id % 2)

    killed = False
    with FaultServer(script(seed), offers=offers, before_body=before_body) as server:
        way = SmtpTransport(server.url, timeout_s=0.15, final_timeout_s=0.15, lanes=1 + seed % 3)
        try:
            way.send_batch(items(), journal=Watched(), before_body=may, on_result=note)
        except Killed:
            killed = True
        way.close()
    written.close()
    with journal.read(
        directory, f"token-{seed:05}", directory_id=directory.id, boot_id=directory.boot_id
    ) as reading:
        told = journal.verdict(reading, range(MAILS))

    assert reading.trust, seed
    assert not wrong, (seed, wrong)
    assert killed or sorted(receipts) == list(range(MAILS)), seed
    for n in range(MAILS):
        who, where = f"m{n}@buyer{n % 5}.example", (seed, n, receipts.get(n), told[n])
        taken, whole = server.taken[who], server.whole[who]
        assert taken <= whole <= 1, ("a second body", where)
        by_receipt(receipts.get(n), taken, whole, n in handed, where, killed=killed)
        by_journal(told[n], taken, n in handed, where)


def by_receipt(
    receipt: Receipt | None, taken: int, whole: int, begun: bool, where: object, *, killed: bool
) -> None:
    """What was taken is accepted or in doubt; what is accepted was taken; before the body nothing can be in doubt."""
    if receipt is None:
        assert killed, where
        return
    if taken:
        assert receipt.outcome in (Outcome.ACCEPTED, Outcome.IN_DOUBT), ("taken, and not known", where)
    if receipt.outcome is Outcome.ACCEPTED:
        assert taken, ("made up", where)
    if receipt.outcome is Outcome.IN_DOUBT:
        assert begun, where
    if receipt.outcome is Outcome.WITHHELD:
        assert not begun, where
        assert not whole, where
    if receipt.outcome in (Outcome.TEMPORARY, Outcome.PERMANENT):
        assert begun == (receipt.stage is Stage.BODY), where


def by_journal(told: journal.Verdict, taken: int, begun: bool, where: object) -> None:
    """The sweep, which has the journal alone, must come to nothing else."""
    if isinstance(told, Answered) and told.code // 100 == 2:
        assert taken, ("made up", where)
    if taken:
        assert isinstance(told, Begun) or (isinstance(told, Answered) and told.code // 100 == 2), where
    if begun:
        assert not isinstance(told, Untouched), where
    elif isinstance(told, Begun):
        raise AssertionError(where)
