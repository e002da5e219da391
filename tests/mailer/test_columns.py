"""Wrapping Japanese: two columns a character, signs kept where they belong, words whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.columns import width, wrap, wrapped


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("日本", 4),
        ("ｶﾅ", 2),
        ("㈱①～", 6),
        ("𠮷", 2),
        ("髙a", 3),
        ("〇〇", 4),
        ("が", 2),
    ],
)
def test_width_counts_columns(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("あいうえおか", ["あいうえお", "か"]),
        ("あいうえお。か", ["あいうえお。", "か"]),
        ("あいうえ「か」", ["あいうえ", "「か」"]),
        ("あいう abcd efgh", ["あいう", "abcd efgh"]),
        ("abcdefghijklmnop あ", ["abcdefghijklmnop", "あ"]),
        ("  あいうえおか", ["  あいうえ", "おか"]),
        ("あいう https://a.example/", ["あいう", "https://a.example/"]),
    ],
)
def test_lines_break_where_a_typesetter_would(line: str, lines: list[str]) -> None:
    assert wrap(line, limit=10) == lines


@given(st.text(alphabet="あい、。「」（） aZ/9𠮷🌱-ー", max_size=200))
def test_no_line_is_too_long_and_nothing_but_blanks_is_lost(line: str) -> None:
    made = wrap(line, limit=20)
    assert "".join(made).replace(" ", "") == line.replace(" ", "")
    assert tuple(wrap(line)) == wrapped(line)
    for part in made:
        hanging = part.rstrip("、。」）ー- ")
        has_long_word = any(len(word) > 20 for word in part.replace("あ", " ").replace("い", " ").split())
        assert width(hanging) <= 20 or has_long_word or not hanging
