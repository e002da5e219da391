"""Whole mails, Japanese and English, as bytes. Set SNAPSHOTS=write to accept a wanted change."""

from __future__ import annotations

import email
import email.policy
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailer import mime
from mailer.message import Mail
from tests.mailer import samples

SNAPSHOTS = Path(__file__).parent / "snapshots"
CASES = [("ja", samples.japanese), ("en", samples.english)]


@pytest.mark.parametrize(("language", "make"), CASES)
def test_the_whole_mail_is_as_it_was(language: str, make: Callable[[], Mail]) -> None:
    raw = mime.encode(make())
    path = SNAPSHOTS / f"{language}.eml"
    if os.environ.get("SNAPSHOTS") == "write":
        path.write_bytes(raw)
    assert raw.decode("ascii").split("\r\n") == path.read_bytes().decode("ascii").split("\r\n")


@pytest.mark.parametrize(("language", "make"), CASES)
def test_the_stored_mail_reads_as_text_first_and_html_last(language: str, make: Callable[[], Mail]) -> None:
    raw = (SNAPSHOTS / f"{language}.eml").read_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert not parsed.defects
    assert parsed.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in parsed.iter_parts()] == ["text/plain", "text/html"]
    mail = make()
    text, html = (part.get_content().replace("\r\n", "\n") for part in parsed.iter_parts())
    assert text == mail.text
    assert html == mail.html
    assert parsed["Subject"] == mail.subject


@pytest.mark.parametrize(("language", "make"), CASES)
def test_both_parts_hold_all_five_items_and_the_refusal_stands_at_its_link(
    language: str, make: Callable[[], Mail]
) -> None:
    said = samples.disclosure(language)
    mail = make()
    for part in (mail.html.replace("&#39;", "'"), "".join(mail.text.split("\n"))):
        for item in (said.legal_name, said.postal_address, said.inquiry, said.origin_sentence):
            assert item.replace(" ", "") in part.replace(" ", "")
        assert said.unsubscribe_url is not None
        link = part.index(said.unsubscribe_url)
        sentence = "停止できます。" if language == "ja" else "stop them at any time here:"
        assert 0 < link - part.index(sentence) < 120


@pytest.mark.parametrize(("language", "make"), CASES)
def test_text_lines_are_at_most_35_full_width_characters(language: str, make: Callable[[], Mail]) -> None:
    from mailer.columns import width

    for line in make().text.split("\n"):
        assert width(line) <= 72 or "https://" in line, line
