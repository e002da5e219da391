"""What an answer makes of a delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from campaigns.services import settle
from campaigns.storage import claims
from mailer.receipts import Outcome, Receipt, Stage
from tests.conftest import NOW


@pytest.mark.parametrize(
    "words", ["Domain not found", "5.1.0 Address rejected", "5.1.2 we do not know this host", "User unknown"]
)
def test_a_refused_sender_never_costs_the_recipient_the_address(words: str) -> None:
    """Said at MAIL these are about our own address, however much they sound like a dead mailbox."""
    at_mail = settle.ended(Receipt(1, Outcome.PERMANENT, 550, words, Stage.MAIL), 0, at=NOW)
    assert (at_mail.state, at_mail.is_gone) == ("failed", False)


@pytest.mark.parametrize("stage", [Stage.RCPT, Stage.DATA, Stage.BODY])
def test_a_mailbox_that_does_not_exist_is_gone_at_every_later_stage(stage: Stage) -> None:
    receipt = Receipt(1, Outcome.PERMANENT, 550, "5.1.1 user unknown", stage)
    assert settle.ended(receipt, 0, at=NOW).is_gone


def test_a_claim_is_closed_once(tx: Connection) -> None:
    """A commit whose answer was lost is tried again, and finds nothing in hand any more."""
    claims.note_claim(
        tx,
        token="t1",
        host="h",
        journal_dir="d",
        boot_id="b",
        worker="w",
        size=3,
        now=NOW,
        lease_until=NOW + timedelta(minutes=15),
    )
    claims.close_claim(tx, "t1", sent=3, verdict="handed", now=NOW)
    claims.close_claim(tx, "t1", sent=0, verdict="handed", now=NOW)
    assert tx.execute(text("select sent from claims where token = 't1'")).scalar_one() == 3
