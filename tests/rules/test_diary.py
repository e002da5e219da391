"""The diary's own rules: what an entry needs, whom a comment calls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import diary
from campaigns.rules.diary import DiaryError

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
USERS = [(1, "森下 健"), (2, "野村 誠"), (3, "野村 愛"), (4, "Ann Lee")]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"text": "  "}, "text_missing"),
        ({"text": "x" * 4001}, "too_long"),
        ({"kind": "party"}, "kind_unknown"),
        ({"at": NOW + timedelta(hours=1)}, "in_the_future"),
        ({"at": NOW - timedelta(days=400)}, "too_old"),
        ({"met": list(range(21))}, "met_too_many"),
    ],
)
def test_an_entry_that_cannot_be_says_why(changed: dict[str, object], code: str) -> None:
    with pytest.raises(DiaryError) as caught:
        diary.check(**({"text": "話した", "kind": "visit", "at": NOW, "met": [], "now": NOW} | changed))  # type: ignore[arg-type]
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("@森下 先に限度見本を", [1]),
        ("＠森下さんへ", [1]),
        ("@野村 どちら", []),  # two of that name: nobody is guessed
        ("@野村 愛 さん、@野村誠", [2, 3]),
        ("@Ann に聞く。@Anna ではない", [4]),
        ("森下さん", []),
        ("mail@森下.example", [1]),
    ],
)
def test_a_comment_calls_whom_it_names(text: str, called: list[int]) -> None:
    assert diary.mentioned(text, USERS) == called


@given(st.text())
def test_any_text_can_be_looked_through_for_names(text: str) -> None:
    assert set(diary.mentioned(text, USERS)) <= {1, 2, 3, 4}
