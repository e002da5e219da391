"""Entries kept on disk while the database is away: sent once, with the time at which they came."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.services import keep_entries, show_form
from campaigns.services.submit_form import Sent
from tests import world
from tests.services.test_submit_form import SLOWLY, Made, make


@pytest.fixture
def form(parts: Parts, now: datetime) -> Made:
    return make(parts, now, product_id=world.build(parts, count=1).product)


def sent(form: Made, **more: str) -> Sent:
    token = show_form.show(form.parts, form.key, now=form.now).token
    fields = {"email": "suzuki@kakegawa.example", "company": "掛川精工株式会社"} | more
    return Sent(token=token, fields={name: [value] for name, value in fields.items()}, net="192.0.2.0/24")


def test_what_came_while_the_database_was_away_becomes_one_entry_with_its_time(form: Made) -> None:
    one, at = sent(form), form.now + SLOWLY
    assert keep_entries.spool(form.parts, form.key, one, now=at)
    assert keep_entries.spool(form.parts, form.key, one, now=at)  # the button pressed twice
    assert (keep_entries.waiting(form.parts), form.count("form_entries")) == (2, 0)
    keep_entries.drain(form.parts, now=at + timedelta(minutes=5))
    (entry,) = form.rows("select state, at, answers, net from form_entries")
    assert (entry.state, entry.at, entry.net) == ("done", at, "192.0.2.0/24")
    assert entry.answers["company"] == "掛川精工株式会社"
    assert keep_entries.waiting(form.parts) == 0
    assert keep_entries.drain(form.parts, now=at) == 0


def test_the_file_stays_while_the_database_is_away(form: Made) -> None:
    keep_entries.spool(form.parts, form.key, sent(form), now=form.now + SLOWLY)
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(OperationalError):
        keep_entries.drain(replace(form.parts, engine=nowhere), now=form.now + SLOWLY)
    assert keep_entries.waiting(form.parts) == 1


def test_only_pages_of_ours_are_kept_and_nobody_else_reads_the_file(form: Made) -> None:
    assert not keep_entries.spool(form.parts, form.key, replace(sent(form), token="x"), now=form.now)
    assert keep_entries.waiting(form.parts) == 0
    keep_entries.spool(form.parts, form.key, sent(form), now=form.now)
    file = form.parts.settings.folder / "spool" / "form-entries.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_flood_does_not_fill_the_disk(form: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep_entries, "BYTES_MAX", 1000)
    one = sent(form)
    assert [keep_entries.spool(form.parts, form.key, one, now=form.now) for _ in range(5)][-1] is False


def test_what_cannot_be_read_or_taken_holds_up_nobody(form: Made) -> None:
    at = form.now + SLOWLY
    keep_entries.spool(form.parts, "nosuchform", sent(form), now=at)
    keep_entries.spool(form.parts, form.key, sent(form, email="no address"), now=at)
    file = form.parts.settings.folder / "spool" / "form-entries.jsonl"
    with file.open("ab") as out:
        out.write(b'{"key": \n')
    keep_entries.spool(form.parts, form.key, sent(form), now=at)
    assert keep_entries.drain(form.parts, now=at) == 1
    assert form.states() == ["done"]
