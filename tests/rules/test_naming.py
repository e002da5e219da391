"""What people call a product: its whole name, or a word of it that only it has."""

from __future__ import annotations

import pytest

from campaigns.rules.naming import by_name, by_word, nearest, word_key

ROWS = [
    (1, "外観検査装置 EyeLine"),
    (2, "外観検査装置　EyeLine Pro"),
    (3, "計量ポンプ DosePump"),
    (4, "小型プレス"),
]


@pytest.mark.parametrize(
    ("told", "id"),
    [
        ("外観検査装置 EyeLine", 1),
        ("外観検査装置EYELINE", 1),
        ("dosepump", 3),
        ("ＤｏｓｅＰｕｍｐ", 3),
        ("計量ポンプ", 3),
        ("Pro", 2),
        ("小型プレス", 4),
        ("EyeLine", None),
        ("外観検査装置", None),
        ("Dose", None),
        ("", None),
    ],
)
def test_a_product_is_found_by_its_name_or_by_a_word_that_only_it_has(told: str, id: int | None) -> None:
    assert by_word(ROWS).get(word_key(told)) == id


def test_a_whole_name_goes_before_a_word_of_another() -> None:
    assert by_word([(1, "大型 プレス"), (2, "プレス")])["プレス"] == 2


def test_events_are_found_by_their_whole_name_alone() -> None:
    assert "計量ポンプ" not in by_name(ROWS)


def test_the_likest_names_are_told_first() -> None:
    assert nearest("Dosepumpe", [name for _id, name in ROWS])[0] == "計量ポンプ DosePump"
    assert len(nearest("x", [str(n) for n in range(50)])) == 5
