"""Whatever an author pastes into the editor: the press answers in time, and goes on working."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from mailer import press_process
from mailer.findings import Level, is_publishable
from mailer.press import Job, Press, Pressed

FIELDS = {"宛名": "浜名 太郎 様", "会社名": "浜名テクノ", "部署名": ""}
EMPTY = dict.fromkeys(FIELDS, "")
LONG = dict.fromkeys(FIELDS, "長" * 600)
GOOD = "<p>{{ 宛名 }}</p><p>いつもお世話になっております。今月のお知らせです。</p>"


def job(html: str, *, format: str = "html", text: str = "") -> Job:
    return Job("件名", "前置き", html, text, [FIELDS, EMPTY, LONG], format=format)


@pytest.fixture(scope="module")
def strict() -> Iterator[Press]:
    """A press with little time, so that the tests of its limit are short."""
    made = Press(cpu_s=1.5, wall_s=20)
    yield made
    made.close()


def codes(pressed: Pressed) -> list[str]:
    return [p.message_code for p in pressed.problems if p.level is not Level.NOTICE]


def test_a_good_mail_comes_back_ready_to_be_sent(strict: Press) -> None:
    pressed = strict.run(job(GOOD))
    assert codes(pressed) == []
    assert pressed.published is not None
    assert "{{ 宛名 }}" in pressed.published.html
    assert pressed.unguarded == {"宛名": 1}


@pytest.mark.parametrize(
    "html",
    ["<!--" * 50_000, '<img "' * 33_000, "<style" * 33_000, '<a "' * 49_000],
    ids=["comments", "quotes", "styles", "anchors"],
)
def test_a_source_that_takes_too_long_is_refused_and_the_next_one_is_served(strict: Press, html: str) -> None:
    slow = strict.run(job(html))
    assert slow.published is None
    assert codes(slow) == ["too_slow"]
    assert strict.run(job(GOOD)).published is not None


@pytest.mark.parametrize(
    ("html", "code"),
    [
        ("{{ 会社名 }}" * 1_999, "output_too_large"),
        ("<b>" * 30_000 + "</b>" * 20_000, "tags_too_deep"),
        ("<p>x</p>" * 30_000, "too_long"),
        ("<table>" * 28_000, "tags_too_deep"),
    ],
)
def test_what_would_be_too_large_for_someone_is_refused(strict: Press, html: str, code: str) -> None:
    pressed = strict.run(job(html))
    assert pressed.published is None
    assert code in codes(pressed)


@pytest.mark.parametrize(
    "html",
    [
        "<mjml><mj-body>" + "<mj-wrapper>" * 5_000 + "</mj-wrapper>" * 5_000 + "</mj-body></mjml>",
        "<mjml><mj-body><mj-raw>" + "<b>" * 9_000 + "</b>" * 9_000 + "</mj-raw></mj-body></mjml>",
        "<mjml><mj-body><mj-raw>" + "&" * 150_000 + "</mj-raw></mj-body></mjml>",
        "<mjml" * 20_000,
        "<mjml><mj-body><mj-section " + 'a="b" ' * 20_000 + "/></mj-body></mjml>",
        "<mjml>\x00</mjml>",
        "<mjml><![CDATA[</mjml>",
        "<mjml><!DOCTYPE x [<!ENTITY a 'b'>]><mj-body>&a;</mj-body></mjml>",
    ],
)
def test_hostile_mjml_ends_nothing(strict: Press, html: str) -> None:
    strict.run(job(html, format="mjml"))
    assert strict.run(job(GOOD)).published is not None


def test_a_process_that_died_while_idle_is_replaced(strict: Press) -> None:
    strict.run(job(GOOD))
    (idle,) = strict._idle
    os.kill(idle.pid, signal.SIGKILL)
    idle.wait()
    assert strict.run(job(GOOD)).published is not None


def test_a_process_that_dies_at_work_is_a_finding(strict: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a crash in a library would: here the limit on memory ends it."""
    monkeypatch.setattr("mailer.press._exchange", lambda _process, _line: b"")
    assert codes(strict.run(job(GOOD))) == ["too_slow"]


def test_the_process_knows_no_secret_of_ours(strict: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IKUSEI_KEYS", "1:" + "5a" * 32)
    strict.close()
    strict.run(job(GOOD))
    (idle,) = strict._idle
    with open(f"/proc/{idle.pid}/environ", "rb") as environ:
        assert b"IKUSEI" not in environ.read()


def test_a_text_part_of_a_picture_alone_is_called_empty() -> None:
    pressed = press_process.press(job('<p><img src="https://a.example/x.png" alt=""></p>'))
    assert codes(pressed) == ["text_empty"]
    assert is_publishable(pressed.problems)


def test_a_fault_of_a_library_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("mailer.inline.publish", broken)
    answer = press_process.answer(job(GOOD))
    assert answer["published"] is None
    assert answer["problems"][-1]["message_code"] == "not_readable"
