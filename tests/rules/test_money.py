"""Amounts as people write them."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.money import YEN_MAX, MoneyError, read_yen


@pytest.mark.parametrize(
    ("text", "yen"),
    [
        ("0", 0),
        ("12,345,678円", 12_345_678),
        ("１２３４", 1234),
        ("￥１，２００", 1200),
        ("¥1200", 1200),
        ("1,234万円", 12_340_000),
        ("１．５億円", 150_000_000),
        ("2百万", 2_000_000),
        ("300千円", 300_000),
        (" 18 000 ", 18_000),
        ("10兆", YEN_MAX),
    ],
)
def test_amounts_are_read_as_they_are_written(text: str, yen: int) -> None:
    assert read_yen(text) == yen


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "odd"),
        ("約100万円", "odd"),
        ("1,23,456", "odd"),
        ("12,34", "odd"),
        ("１万２千", "odd"),
        ("--5", "odd"),
        ("1e9", "odd"),
        ("0.5円", "broken"),
        ("1.23456万円", "broken"),
        ("-300", "negative"),
        ("△３００", "negative"),
        ("10兆1円", "odd"),
        ("10,000,000,000,001", "too_big"),
        ("9" * 400, "too_big"),
        ("99999999999999999999億円", "too_big"),
    ],
)
def test_what_is_no_amount_says_why(text: str, code: str) -> None:
    with pytest.raises(MoneyError, match=code):
        read_yen(text)


@pytest.mark.parametrize("text", ["-1,200", "△1,200", "▲1200円", "−1200", "¥-1200", "-¥1,200"])
def test_a_loss_is_read_where_there_may_be_one(text: str) -> None:
    assert read_yen(text, may_be_negative=True) == -1200


@given(st.integers(-YEN_MAX, YEN_MAX))
def test_what_is_printed_is_read_back(yen: int) -> None:
    assert read_yen(f"{yen:,}円", may_be_negative=True) == yen


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_an_error(text: str) -> None:
    with suppress(MoneyError):
        assert abs(read_yen(text, may_be_negative=True)) <= YEN_MAX
