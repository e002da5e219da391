"""The action matrix: what is stored is what acts, the closest row wins, and some cells stay shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from campaigns.rules import matrix
from campaigns.rules.actions import MATRIX, LeadFacts, Row, next_actions
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
