"""The action matrix: what is stored is what acts, the closest row wins, and some cells stay shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules import matrix
from campaigns.rules.actions import MATRIX, LeadFacts, Row, moved, next_actions
from campaigns.rules.ranks import Rank, Ranked
from campaigns.rules.reasons import Reason
from campaigns.rules.workdays import Calendar

FACTS = LeadFacts(date(2026, 11, 20), Calendar(), has_phone=True, has_fax=True, company_class="E")
DEEP = Ranked(Rank.WARM, 40.0, 0.1, 3, (Reason("top_share"),))
CALM = Ranked(Rank.NURTURE, 4.0, 0.02, 1, (Reason("any_touch"),))
HOT_CALL = matrix.made("hot_deep", "call", 1, 1)


def test_the_shipped_matrix_is_stored_as_nothing_and_read_back_as_itself() -> None:
    assert matrix.stored(MATRIX) == {}
    assert matrix.rows({}) == MATRIX
    assert matrix.check(MATRIX) == ()


def test_an_edited_matrix_comes_back_as_it_was_stored() -> None:
    edited = (*MATRIX, matrix.made("warm_deep", "visit", 3, 2, industries=["食品機械"], classes=["C1"]))
    assert matrix.rows(matrix.stored(edited)) == edited


def test_of_two_rows_of_one_kind_the_one_with_more_conditions_holds() -> None:
    rows = (
        matrix.made("warm_deep", "call", 5, 3),
        matrix.made("warm_deep", "call", 1, 1, industries=["食品機械"]),
        matrix.made("warm_deep", "call", 2, 2, industries=["食品機械"], bands=["100-299"]),
    )
    found = [
        [action.priority for action in next_actions(DEEP, replace(FACTS, industry=industry, band=band), matrix=rows)]
        for industry, band in (("", ""), ("食品機械", ""), ("食品機械", "100-299"))
    ]  # fmt: skip
    assert found == [[3], [1], [2]]


def test_a_nurture_lead_gets_material_where_the_matrix_says_so_but_never_a_call() -> None:
    assert next_actions(CALM, FACTS) == ()
    rows = (
        matrix.made("nurture", "fax", 5, 5, has_material=True),
        matrix.made("nurture", "call", 1, 1),
        matrix.made("nurture", "visit", 1, 1),
    )
    assert [action.kind for action in next_actions(CALM, FACTS, matrix=rows)] == ["fax"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (matrix.made("nurture", "call", 1, 1), "nurture_call"),
        (matrix.made("nurture", "visit", 1, 1), "nurture_visit"),
        (matrix.made("silent", "visit", 1, 1), "silent_visit"),
        (matrix.made("silent", "mail", 1, 1), "silent_mail"),
        (matrix.made("warm_deep", "handoff", 1, 1), "handoff_not_hot"),
        (matrix.made("warm_deep", "call", 61, 1), "due_out_of_range"),
        (matrix.made("warm_deep", "call", 1, 0), "priority_out_of_range"),
        (HOT_CALL, "row_twice"),
    ],
)
def test_a_wrong_row_is_named(row: Row, code: str) -> None:
    assert [(bad.code, bad.line) for bad in matrix.check((HOT_CALL, row))] == [(code, 2)]


def test_a_hot_lead_keeps_a_call_without_conditions() -> None:
    only_some = (matrix.made("hot_deep", "call", 1, 1, classes=["A"]),)
    assert [bad.code for bad in matrix.check(only_some)] == ["hot_without_call"]


MOVES = (
    ("hot from warm", "warm", Rank.HOT, "rose_hot"),
    ("hot for the first time", "unobserved", Rank.HOT, "rose_hot"),
    ("warm from below", "nurture", Rank.WARM, "rose_warm"),
    ("warm from hot", "hot", Rank.WARM, "fell_hot"),
    ("nurture from hot", "hot", Rank.NURTURE, "fell_hot"),
    ("nurture from warm", "warm", Rank.NURTURE, "fell_warm"),
    ("nurture from silence", "unobserved", Rank.NURTURE, ""),
    ("silence from nurture", "nurture", Rank.UNOBSERVED, ""),
    ("where it was", "hot", Rank.HOT, ""),
    ("nobody asks", "", Rank.HOT, ""),
)


@pytest.mark.parametrize(("before", "rank", "cell"), [case[1:] for case in MOVES], ids=[c[0] for c in MOVES])
def test_a_move_has_its_own_cell(before: str, rank: Rank, cell: str) -> None:
    assert moved(before, rank) == cell


FELL = replace(FACTS, rank_before="hot", last_call_at=None)


def kinds(ranked: Ranked, facts: LeadFacts, *rows: Row) -> list[str]:
    return [f"{action.kind} {action.cause}" for action in next_actions(ranked, facts, matrix=rows)]


def test_who_cools_down_unheard_gets_a_mail_from_a_rep_by_the_shipped_matrix() -> None:
    assert [(a.kind, a.cause) for a in next_actions(CALM, FELL)] == [("mail", "fell_hot")]
    assert next_actions(CALM, FACTS) == ()
    for days, found in ((60, []), (61, ["mail"])):
        at = datetime(2026, 11, 20, 1, tzinfo=UTC) - timedelta(days=days)
        assert [a.kind for a in next_actions(CALM, replace(FELL, last_call_at=at))] == found


def test_a_fall_calls_somebody_who_is_still_warm_and_leaves_the_others_in_peace() -> None:
    row = matrix.made("fell_hot", "call", 2, 1)
    assert kinds(DEEP, FELL, row) == ["call fell_hot"]
    assert kinds(CALM, FELL, row) == []


def test_of_a_move_and_a_standing_the_move_speaks_for_its_kind() -> None:
    rows = (matrix.made("warm_deep", "call", 5, 3), matrix.made("rose_warm", "call", 1, 1))
    assert kinds(DEEP, replace(FACTS, rank_before="nurture"), *rows) == ["call rose_warm"]
    assert kinds(DEEP, replace(FACTS, rank_before="warm"), *rows) == ["call warm_deep"]
