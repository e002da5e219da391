"""Marks of a starter that only its author can fill in."""

from __future__ import annotations

import pytest

from campaigns.rules import placeholders


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("【記入：展示会の名前】で", ["【記入：展示会の名前】"]),
        ("【 記入:a】と【fill in: b】", ["【 記入:a】", "【fill in: b】"]),
        ("【重要】お知らせ", []),
        ("【テスト】", []),
        ("【記入：閉じない", ["【記入：閉じない"]),
        ('<a href="https://fill-in.example/case">読む</a>', ["https://fill-in.example/case"]),
        ('<a href="https://minori.example/">読む</a>', []),
    ],
)
def test_what_is_left_to_fill_in_is_found_and_nothing_else(text: str, marks: list[str]) -> None:
    assert [one.words for one in placeholders.left({"html": text})] == marks


def test_each_is_named_with_its_part_and_line() -> None:
    found = placeholders.left({"subject": "【記入：月日】", "html": "<p>\n</p>\n【記入：場所】"})
    assert [(one.part, one.line) for one in found] == [("subject", 1), ("html", 3)]


def test_a_text_of_nothing_but_marks_is_read_at_once() -> None:
    assert len(placeholders.left({"html": "【記入：" * 200_000})) == placeholders.FOUND_MAX
