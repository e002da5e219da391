"""Why a touch counts as a machine's, in words."""

from __future__ import annotations

import pytest
from flask import Flask

from campaigns.parts import Parts
from campaigns.web import app as web
from campaigns.web import doubt_words
from tests.bench import bots as bench
from tests.tracking_pixel import crowd, profiles


@pytest.fixture
def app(parts: Parts) -> Flask:
    return web.create(parts)


def test_every_reason_that_a_verdict_gives_has_its_words() -> None:
    mails = crowd.mails(1, 4000, *profiles.written())
    given = {reason for judged in bench.judge(mails)[0].values() for one in judged for reason in one.reasons}
    assert {"trap", "head", "burst", "echo", "no_beat", "input_on_page", "learned_network"} <= given
    assert given <= set(doubt_words.REASONS)


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("", ""),
        ("refusal", ""),
        ("scanner:trap", "目に見えないリンクまで開いた"),
        ("suspected:early,pair,no_beat", "届いてから30秒たっていない、2つのリンクをほぼ同時に開いた"),
        ("human:early,input_on_page", "開いたページで操作があった"),
        ("machine:proxy_apple", "Appleが画像を先に読み込んだ"),
        ("scanner:unheard_of", ""),
    ],
)
def test_the_strongest_reasons_are_told_and_of_a_person_what_cleared_them(
    app: Flask, reason: str, says: str
) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "ja"}):
        assert doubt_words.why(reason) == says


def test_a_scanner_is_told_from_a_suspicion(app: Flask) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "ja"}):
        assert doubt_words.doubt("scanner:trap") == "自動巡回・点数なし"
        assert doubt_words.doubt("suspected:early") == "自動巡回の疑い・点数なし"
