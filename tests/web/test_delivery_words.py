"""Words for why a mail waits."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask
from flask_babel import force_locale

from campaigns.rules.explaining import Held
from campaigns.web import delivery_words


@pytest.mark.parametrize(
    "code",
    [
        *("throttled", "warm_up", "account_rests", "account_missing", "smtp_away", "smtp_temporary"),
        *("tired", "resting", "permission_first", "permission_asked", "shelf_instead", "planned_anew"),
    ],
)
def test_every_reason_to_wait_has_words_in_both_languages(app: Flask, code: str) -> None:
    words = {}
    for locale in ("ja", "en"):
        with app.test_request_context(), force_locale(locale):
            words[locale] = delivery_words.plain(code)
    assert code not in words.values()
    assert words["ja"] != words["en"]
    assert words["en"].isascii()


def test_what_waits_for_a_pause_to_end_names_no_day(app: Flask) -> None:
    with app.test_request_context(), force_locale("ja"):
        paused = delivery_words.held(Held("scenario_paused", until=date(2026, 11, 24)))
        resting = delivery_words.held(Held("resting", until=date(2026, 12, 22)))
    assert paused == "シナリオが一時停止中です"
    assert resting.startswith("12月22日まで保留")
