from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import faxes
from campaigns.rules.faxes import ListError, Result

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "digits", "is_number"),
    [
        ("03-1234-5678", "0312345678", True),
        ("０３（１２３４）５６７８", "0312345678", True),
        ("+81 3 1234 5678", "0312345678", True),
        ("+81-(0)3-1234-5678", "0312345678", True),
        ("050-1234-5678", "05012345678", True),
        ("050-1234-567", "0501234567", False),
        ("090-1234-5678", "09012345678", False),  # a mobile phone is no fax
        ("1234-5678", "12345678", False),
        ("001-81-3-1234", "0018131234", False),  # abroad
        ("なし", "", False),
        ("", "", False),
    ],
)
def test_a_number_is_its_digits_however_it_is_written(written: str, digits: str, is_number: bool) -> None:
    assert faxes.key(written) == digits
    assert faxes.is_number(digits) is is_number


@given(st.from_regex(r"0[1-46-9][0-9]{8}", fullmatch=True), st.text("-() 　‐ー－（）", max_size=8))
def test_marks_between_the_digits_never_change_the_key(digits: str, marks: str) -> None:
    written = "".join(d + (marks[n : n + 1]) for n, d in enumerate(digits))
    assert faxes.key(written) == digits
    assert faxes.key(faxes.printed(digits)) == digits


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["山田 太郎"], "山田 太郎様"),
        (["山田", "佐藤"], "山田様・佐藤様"),
        (["山田", "", "山田"], "山田様"),
        ([""], "ご担当者様"),
        ([], "ご担当者様"),
    ],
)
def test_everybody_behind_a_number_is_named_once(names: list[str], said: str) -> None:
    assert faxes.salutation(names) == said


def test_a_result_list_is_read_line_by_line_and_every_odd_line_says_why() -> None:
    text = (
        "FAX送信結果\r\n\r\n"
        "管理番号,FAX番号,結果,送信日時,枚数\r\n"
        "12,03-1234-5678,OK,2026/11/24 09:30,1\r\n"
        ",０３－１２３４－９９９９,話し中,2026-11-24 09:31:10,\r\n"
        "x,123,OK,,\r\n"
        "13,,？？,,\r\n"
        "14,,,,\r\n"
        "15,,番号違い,きのう,\r\n"
        "16,,音声応答,2027/01/01 00:00,\r\n"
        "\r\n"
        ",,用紙切れ,,\r\n"
    )
    found = faxes.read(faxes.csv_rows(text), zone=TOKYO, now=NOW)
    assert [(line.no, line.error) for line in found] == [
        (4, ""),
        (5, ""),
        (6, "number_odd"),
        (7, "result_odd"),
        (8, "result_missing"),
        (9, "at_odd"),
        (10, "at_future"),
        (12, "number_missing"),
    ]
    first, second = found[:2]
    assert (first.id, first.result, first.pages) == (12, Result.OK, 1)
    assert first.at == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    assert (second.number, second.result) == ("0312349999", Result.BUSY)


@pytest.mark.parametrize(
    ("text", "code"),
    [("", "empty"), ("\n \n", "empty"), ("会社,結果\nA,OK\n", "no_head"), ("何か\n", "no_head")],
)
def test_a_list_that_cannot_be_read_says_why(text: str, code: str) -> None:
    with pytest.raises(ListError) as error:
        faxes.read(faxes.csv_rows(text), zone=TOKYO, now=NOW)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("n", "files"),
    [
        (0, [("", 0)]),
        (3000, [("", 3000)]),
        (3001, [("_01", 3000), ("_02", 1)]),
        (6500, [("_01", 3000), ("_02", 3000), ("_03", 500)]),
    ],
)
def test_a_file_holds_3000_rows_and_the_next_begins_where_it_ends(
    n: int, files: list[tuple[str, int]]
) -> None:
    found = list(faxes.parts_of(n))
    assert [(ending, len(rows)) for ending, rows in found] == files
    assert [no for _ending, rows in found for no in rows] == list(range(n))
