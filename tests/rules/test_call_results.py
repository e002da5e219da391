import pytest

from campaigns.rules.call_results import Draft, missing, places, read
from campaigns.rules.outcomes import CallResult
from campaigns.rules.reasons import Reason
from campaigns.rules.schedule import TOKYO

HEAD = ("順位", "架電回数", "結果", "対応者", "通話メモ", "次回予定日", "見込みID", "架電日時")
AT = places(HEAD)


def row(**cells: str) -> tuple[str, ...]:
    given = {"順位": "1", "架電回数": "2", "見込みID": "17", **cells}
    return tuple(given.get(head, "") for head in HEAD)


def test_the_columns_are_found_by_their_heads_and_what_lacks_is_named():
    assert AT == {"calls": 1, "result": 2, "by": 3, "note": 4, "next": 5, "lead": 6, "called": 7}
    assert missing(places(("結果", "会社名"))) == ["見込みID"]
    assert missing(AT) == []


@pytest.mark.parametrize(
    ("word", "result"),
    [
        ("不通・留守電", CallResult.NO_ANSWER),
        ("留守電・不通", CallResult.NO_ANSWER),
        ("担当不在（再）", CallResult.ABSENT),
        ("受付NG", CallResult.GATEKEEPER),
        ("通電（情報収集）", CallResult.TALKED),
        ("アポ", CallResult.APPOINTMENT),
        ("再コール", CallResult.CALLBACK),
        ("現アナ", CallResult.WRONG),
        ("call back", CallResult.CALLBACK),
        ("dnc", CallResult.DNC),
        (" 興味あり ", CallResult.INTEREST),
    ],
)
def test_results_are_read_in_the_words_of_the_trade(word, result):
    found = read(row(結果=word), AT, year=2026)
    assert isinstance(found, Draft)
    assert found.result == result


def test_every_result_can_be_written_by_its_code():
    assert [read(row(結果=one.value), AT, year=2026).result for one in CallResult] == list(CallResult)


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"結果": "かけた"}, "result_unknown"),
        ({"結果": "不通", "見込みID": ""}, "lead_missing"),
        ({"結果": "不通", "見込みID": "abc"}, "lead_missing"),
        ({"結果": "不通", "見込みID": "9" * 40}, "lead_missing"),
        ({"結果": "再架電", "次回予定日": "来週"}, "date_odd"),
        ({"結果": "再架電", "次回予定日": "2026/13/40"}, "date_odd"),
        ({"結果": "不通", "架電日時": "きのう"}, "called_odd"),
    ],
)
def test_what_cannot_be_read_says_why(cells, code):
    found = read(row(**cells), AT, year=2026)
    assert isinstance(found, Reason)
    assert found.code == code


def test_a_row_without_a_result_was_not_called():
    assert read(row(通話メモ="あとで"), AT, year=2026) is None
    assert read((), AT, year=2026) is None


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        ("2026/11/26 14:00", "2026-11-26T14:00:00+09:00"),
        ("2026-11-26 9:05", "2026-11-26T09:05:00+09:00"),
        ("11月26日", "2026-11-26T09:30:00+09:00"),
        ("", None),
    ],
)
def test_a_day_alone_begins_with_the_hour_of_calling(cell, at):
    found = read(row(結果="再架電", 次回予定日=cell), AT, year=2026)
    instant = found.next_at(TOKYO)
    assert (instant.isoformat() if instant else None) == at


@pytest.mark.parametrize(
    ("cell", "at", "clock"),
    [
        ("2026/11/20 18:05", "2026-11-20T18:05:00+09:00", "18:05"),
        ("2026-11-20 00:00:00", "2026-11-20T12:00:00+09:00", ""),
        ("11月20日", "2026-11-20T12:00:00+09:00", ""),
        ("", None, ""),
    ],
)
def test_a_call_whose_file_names_no_time_has_no_hour(cell, at, clock):
    found = read(row(結果="不通", 架電日時=cell), AT, year=2026)
    called = found.called_at(TOKYO)
    assert (called.isoformat() if called else None, found.called_clock) == (at, clock)


def test_the_same_row_has_the_same_key_and_another_has_another():
    one, same, other = (read(row(結果="不通", 通話メモ=note), AT, year=2026) for note in ("a", "a", "b"))
    assert one.key == same.key != other.key
