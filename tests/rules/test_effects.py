"""What another action matrix would ask of a lead, beside the present one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import matrix
from campaigns.rules.actions import MATRIX, Kind, LeadFacts, Row, next_actions
from campaigns.rules.effects import differ
from campaigns.rules.ranks import Rank, Ranked
from campaigns.rules.reasons import Reason
from campaigns.rules.workdays import Calendar

FACTS = LeadFacts(date(2026, 11, 24), Calendar(), has_phone=True, has_fax=True, company_class="E")
DEEP = Ranked(Rank.WARM, 40.0, 0.1, 3, (Reason("top_share"),))
HOT = Ranked(Rank.HOT, 60.0, 0.4, 4, (Reason("p_win_over_gate"),))
CALM = Ranked(Rank.NURTURE, 4.0, 0.02, 1, (Reason("any_touch"),))
SILENT = Ranked(Rank.UNOBSERVED, 0.0, 0.02, 0, (Reason("silent"),))


def rows(*more: Row, without: str = "") -> tuple[Row, ...]:
    return (*(row for row in MATRIX if f"{row.cause} {row.kind}" != without), *more)


@pytest.mark.parametrize(
    ("why", "lead", "facts", "new", "added", "removed", "moved"),
    [
        ("nothing changes", DEEP, {}, rows(), [], [], []),
        ("a fax more", DEEP, {}, rows(matrix.made("warm_deep", "fax", 0, 2)), ["fax"], [], []),
        ("one open already is not added", DEEP, {"open_kinds": frozenset({"fax"})},
         rows(matrix.made("warm_deep", "fax", 0, 2)), [], [], []),
        ("no more calls", DEEP, {}, rows(without="warm_deep call"), [], ["call"], []),
        ("sooner", DEEP, {}, rows(matrix.made("warm_deep", "call", 1, 1), without="warm_deep call"), [], [], ["call"]),
        ("sooner, but one is open", DEEP, {"open_kinds": frozenset({"call"})},
         rows(matrix.made("warm_deep", "call", 1, 1), without="warm_deep call"), [], [], []),
        ("another industry's row", DEEP, {"industry": "化学"},
         rows(matrix.made("warm_deep", "mail", 1, 1, industries=["食品"])), [], [], []),
        ("nobody calls who only reads, whatever the row", CALM, {}, rows(matrix.made("nurture", "call", 1, 1)), [], [], []),
        ("a fax to who only reads", CALM, {}, rows(matrix.made("nurture", "fax", 1, 1)), ["fax"], [], []),
        ("a silent lead as one of the quota", SILENT, {}, rows(without="silent call"), [], ["call"], []),
        ("no visit after the gate", HOT, {}, rows(without="hot_deep visit"), [], ["visit"], []),
        ("a lead in sales' hands is nobody's", HOT, {"state": "with_sales"}, rows(without="hot_deep call"), [], [], []),
    ],
)  # fmt: skip
def test_a_matrix_differs_by_what_it_asks(
    why: str,
    lead: Ranked,
    facts: dict[str, object],
    new: tuple[Row, ...],
    added: list[str],
    removed: list[str],
    moved: list[str],
) -> None:
    found = differ(lead, replace(FACTS, **facts), old=MATRIX, new=new)  # type: ignore[arg-type]
    said = [[str(action.kind) for action in part] for part in (found.added, found.removed, found.moved)]
    assert said == [added, removed, moved], why


any_row = st.builds(
    matrix.made,
    st.sampled_from(["hot_deep", "warm_deep", "nurture", "silent"]),
    st.sampled_from(["call", "fax", "visit", "mail"]),
    st.integers(0, 5),
    st.integers(1, 5),
    classes=st.sampled_from([(), ("E",), ("A",)]),
)
any_matrix = st.lists(any_row, max_size=6).map(tuple)


@given(
    st.sampled_from([DEEP, HOT, CALM, SILENT]),
    any_matrix,
    any_matrix,
    st.frozensets(st.sampled_from(list(Kind))),
)
def test_what_is_added_is_what_the_new_matrix_asks_and_back_again_takes_it_away(
    lead: Ranked, old: tuple[Row, ...], new: tuple[Row, ...], opened: frozenset[Kind]
) -> None:
    facts = replace(FACTS, open_kinds=frozenset(kind.value for kind in opened))
    there, back = differ(lead, facts, old=old, new=new), differ(lead, facts, old=new, new=old)
    gone = {action.kind for action in back.removed}
    assert {action.kind for action in there.added} == gone - opened
    assert not differ(lead, facts, old=new, new=new).added
    asked = next_actions(lead, replace(facts, may_remeasure=True), matrix=new)
    if lead.rank != Rank.HOT:
        before = {a.kind for a in next_actions(lead, replace(facts, may_remeasure=True), matrix=old)}
        assert {a.kind for a in there.added} == {a.kind for a in asked} - before
