"""Words for what stands against publishing a scenario."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask
from flask_babel import force_locale

from campaigns.rules.scenarios import Problem
from campaigns.web import scenario_words

RULES = Path(__file__).parents[2] / "campaigns" / "rules"
# Whatever the rules may say: Problem("code", ...), a code that is yielded, or one that is chosen between two.
CODES = sorted(
    {
        code
        for name in ("scenario_checks", "flow_checks", "conditions")
        for code in re.findall(
            r'(?:Problem\(|yield |yield mail, |yield branch, |code = |else )"([a-z]+_[a-z_]+|loop|unreachable)"',
            (RULES / f"{name}.py").read_text(encoding="utf-8"),
        )
    }
)
ARGS = {
    "day": "2026-11-24",
    "earliest": "2026-12-10",
    "other": "3a",
    "most": 60,
    "kind": "letter",
    "every": 4,
    "info": 3,
    "months": 4,
    "waited": 20,
    "n": 7,
    "all": 9,
    "mail_code": "empty",
    "classes": "A・B",
    "product": "商材",
    "title": "題名",
    "status": "draft",
    "missing": "legal_name",
    "tone": "info",
    "content_tone": "sales_light",
}


def test_the_codes_are_found() -> None:
    assert {"loop", "sales_too_early", "values_missing", "invite_too_late", "purpose_missing"} <= set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_every_problem_has_words_in_both_languages(app: Flask, code: str) -> None:
    words = {}
    for locale in ("ja", "en"):
        with app.test_request_context(), force_locale(locale):
            words[locale] = scenario_words.problem(Problem(code, 1, ARGS))
    assert code not in words.values()
    assert words["ja"] != words["en"]
    assert not any("%(" in text or "2026-11-24" in text for text in words.values())
