"""Text for old Windows programs."""

import pytest

from campaigns.rules.cp932 import writable


@pytest.mark.parametrize("text", ["髙﨑①㈱Ⅲ－彅", "ｱｲｳ", "A-1 通常"])
def test_what_windows_can_write_stays(text: str) -> None:
    assert writable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("𠮷田", "吉田"),
        ("㍿北", "株式会社北"),
        ("1—2", "1―2"),
        ("¥5", "￥5"),
        ("é", "〓"),
        ("鷗剝", "鴎剥"),
    ],
)
def test_what_it_cannot_is_replaced_where_one_can_see_it(text: str, shown: str) -> None:
    assert writable(text) == shown
    shown.encode("cp932")
