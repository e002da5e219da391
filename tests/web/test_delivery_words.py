"""Words for why a mail waits."""

from __future__ import annotations

import pytest
from flask import Flask
from flask_babel import force_locale

from campaigns.web import delivery_words


@pytest.mark.parametrize(
    "code", ["throttled", "warm_up", "account_rests", "account_missing", "smtp_away", "smtp_temporary"]
)
def test_every_reason_to_wait_has_words_in_both_languages(app: Flask, code: str) -> None:
    words = {}
    for locale in ("ja", "en"):
        with app.test_request_context(), force_locale(locale):
            words[locale] = delivery_words.plain(code)
    assert code not in words.values()
    assert words["ja"] != words["en"]
    assert words["en"].isascii()
