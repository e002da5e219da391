"""Loud words are found where they stand, with something softer to put there."""

from __future__ import annotations

import re

import pytest

from campaigns.rules import tone_lint


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("こんなにすばらしい製品です", "すばらしい"),
        ("業界最高の精度", "業界最高"),
        ("今だけのご案内", "今だけ"),
        ("必見の事例", "必見"),
        ("絶対に失敗しない", "絶対に"),
        ("No.1 の実績", "No.1"),
        ("今すぐ申し込み", "今すぐ申し込み"),
        ("新製品★★", "★★"),
        ("This is an amazing product", "amazing"),
        ("Act now and save", "Act now"),
        ("A must-see demo", "must-see"),
        ("100% guaranteed", "100%"),
    ],
)
def test_phrases_of_both_languages(words: str, found: str) -> None:
    first = tone_lint.findings({"subject": words})[0]
    assert first.word == found
    assert first.softer
    assert words[first.start : first.end].strip() == found


def test_the_softer_words_are_not_loud_themselves() -> None:
    for phrase in (*tone_lint.JA, *tone_lint.EN):
        assert tone_lint.findings({"body": phrase.softer}) == ()


def test_every_pattern_compiles_and_matches_no_empty_text() -> None:
    for phrase in (*tone_lint.JA, *tone_lint.EN):
        assert re.search(phrase.pattern, "") is None


def test_the_place_counts_over_tags_and_lines() -> None:
    source = '<p class="絶対">あ</p>\n<!-- 必見 -->\n{{ 今だけ }}<b>必見</b>'
    (one,) = tone_lint.findings({"body": source})
    assert (one.line, source[one.start : one.end]) == (3, "必見")


def test_the_same_word_twice_is_two_places() -> None:
    assert [f.start for f in tone_lint.findings({"body": "必見と必見"})] == [0, 3]


@pytest.mark.parametrize("text", ["<style" * 33_000, "{{" * 100_000, "<!--" * 50_000, "必見" * 100_000])
def test_hostile_text_takes_one_pass(text: str) -> None:
    assert len(tone_lint.findings({"body": text})) <= tone_lint.FINDINGS_MAX
