"""What a new version changes, and where the people of the old one go on: nobody is left at a row that is gone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.scenarios import Step
from campaigns.rules.versions import Choice, Kind, changes, moves


def table(*keys: str, **fields: Any) -> tuple[Step, ...]:
    """Mail rows, a month each; fields: of all of them."""
    return tuple(
        replace(Step(id=n, key=key, position=n, offset_months=n - 1, content_id=ord(key[0])), **fields)
        for n, key in enumerate(keys, start=1)
    )


def kinds(old: str, new: str) -> dict[str, str]:
    flat = {"offset_months": 0}
    return {c.key: c.kind.value for c in changes(table(*old, **flat), table(*new, **flat))}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("ABC", "ABC", {"A": "same", "B": "same", "C": "same"}),
        ("ABC", "ABXC", {"A": "same", "B": "same", "X": "added", "C": "same"}),
        ("ABC", "AC", {"A": "same", "B": "removed", "C": "same"}),
        ("ABC", "CAB", {"C": "moved", "A": "same", "B": "same"}),
        ("ABCD", "BCDA", {"B": "same", "C": "same", "D": "same", "A": "moved"}),
        ("", "A", {"A": "added"}),
        ("AB", "", {"A": "removed", "B": "removed"}),
    ],
)
def test_each_row_is_told_by_its_key(old: str, new: str, found: dict[str, str]) -> None:
    assert kinds(old, new) == found


def test_removed_rows_stand_where_they_stood() -> None:
    assert [c.key for c in changes(table("A", "B", "C"), table("A", "C"))] == ["A", "B", "C"]
    assert [c.key for c in changes(table("A", "B", "C"), table("B", "C"))] == ["A", "B", "C"]
    assert [c.key for c in changes(table("A", "B", "C"), table("X"))] == ["A", "B", "C", "X"]


@pytest.mark.parametrize(
    ("field", "value"),
    [("want_day", 25), ("offset_months", 9), ("content_id", 99), ("tone", "sales_light"), ("kind", "call"),
     ("wait_days", 3), ("who", "inside"), ("title", "別件"), ("goto_key", "end")],
)  # fmt: skip
def test_a_changed_field_is_named(field: str, value: object) -> None:
    old = table("A", "B")
    [change] = [
        c for c in changes(old, (old[0], replace(old[1], **{field: value}))) if c.kind is not Kind.SAME
    ]  # type: ignore[arg-type]
    assert (change.key, change.kind, change.fields) == ("B", Kind.CHANGED, (field,))
    assert change.asks


def test_a_mail_that_was_rewritten_is_a_change_although_its_row_is_the_same() -> None:
    old = table("A", "B")
    found = {c.key: c.fields for c in changes(old, old, rewritten=frozenset({"B"}))}
    assert found == {"A": (), "B": ("words",)}


def test_a_row_that_leaves_its_branch_has_moved() -> None:
    old = table("A", "B")
    new = (old[0], replace(old[1], parent_key="A", arm="yes"))
    assert [c.kind for c in changes(old, new)] == [Kind.SAME, Kind.MOVED]


def test_each_choice_leads_where_it_says() -> None:
    old, new = table("A", "B", "C"), table("A", "X", "B", "C")
    chosen = {"A": Choice.KEEP, "B": Choice.SKIP}
    assert [(m.old, m.new, m.shift, m.is_same) for m in moves(old, new, chosen)] == [
        (2, 4, 2, False),  # behind B
        (3, 4, 1, True),
    ]


def test_skipping_the_last_row_is_the_end() -> None:
    old = table("A", "B")
    assert moves(old, old, {"B": Choice.SKIP})[1].new == 0


def test_skipping_a_branch_goes_on_behind_both_of_its_arms() -> None:
    rows = (
        Step(1, "F", 1, kind="branch"),
        Step(2, "Y", 2, kind="call", parent_key="F", arm="yes"),
        Step(3, "N", 3, kind="call", parent_key="F", arm="else"),
        Step(4, "Z", 4, offset_months=1),
    )
    assert moves(rows, rows, {"F": Choice.SKIP})[0].new == 4


def test_a_wait_that_changed_begins_anew() -> None:
    old = (Step(1, "W", 1, kind="wait", wait_days=7),)
    assert moves(old, old, {})[0].is_same
    assert not moves(old, (replace(old[0], wait_days=3),), {})[0].is_same


@st.composite
def edits(draw: st.DrawFn) -> tuple[tuple[Step, ...], tuple[Step, ...], dict[str, Choice]]:
    """An old table, any rearrangement of some of its rows with new ones between, any choices."""
    old = table(*"ABCDEFGH"[: draw(st.integers(1, 8))])
    kept = draw(st.lists(st.sampled_from([s.key for s in old]), unique=True))
    keys = draw(st.permutations([*kept, *draw(st.lists(st.sampled_from("VWXYZ"), unique=True))]))
    choices = draw(st.dictionaries(st.sampled_from([s.key for s in old]), st.sampled_from(list(Choice))))
    return old, table(*keys), choices


@given(edits())
def test_everybody_goes_on_at_a_row_that_is_there_or_is_done_or_was_kept(
    case: tuple[tuple[Step, ...], tuple[Step, ...], dict[str, Choice]],
) -> None:
    old, new, choices = case
    found = {move.old: move for move in moves(old, new, choices)}
    places = {step.position for step in new}
    for step in old:
        if choices.get(step.key) is Choice.KEEP:
            assert step.position not in found
            continue
        move = found[step.position]
        assert move.new == 0 or move.new in places
        at = next((s.key for s in new if s.position == move.new), "")
        lives = any(s.key == step.key for s in new)
        if lives:
            assert (at == step.key) is (choices.get(step.key, Choice.MOVE) is Choice.MOVE)
        else:
            assert at != step.key


@given(edits())
def test_every_row_of_both_versions_is_told_once(
    case: tuple[tuple[Step, ...], tuple[Step, ...], dict[str, Choice]],
) -> None:
    old, new, _choices = case
    found = changes(old, new)
    assert sorted(c.key for c in found) == sorted({s.key for s in (*old, *new)})
    assert [c.key for c in found if c.new] == [s.key for s in new]
    order = [c.key for c in found if c.kind in (Kind.SAME, Kind.CHANGED)]
    assert order == [s.key for s in old if s.key in order], "what did not move kept its order"
