"""Rows are added, moved, copied and taken out; up and down lead through the arms and are each other's inverse."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import designing
from campaigns.rules.designing import Missing
from campaigns.rules.scenarios import Step


def rows(*told: str) -> tuple[Step, ...]:
    """ "A", "B*" (a branch), "B.yes:C" (C in the yes arm of B); mails a month apart, branches not dated."""
    made: list[Step] = []
    for place, text in enumerate(told):
        home, _, name = text.rpartition(":")
        parent, _, arm = home.partition(".")
        kind = "branch" if name.endswith("*") else "mail"
        month = place if kind == "mail" else 0
        made.append(Step(0, name.rstrip("*"), place + 1, month, 10, kind=kind, parent_key=parent, arm=arm))
    return tuple(made)


def shown(steps: tuple[Step, ...]) -> list[str]:
    return [f"{s.parent_key}.{s.arm}:{s.key}" if s.parent_key else s.key for s in steps]


TABLE = rows("A", "B*", "B.yes:C", "B.yes:D", "B.else:E", "F")


def test_a_row_goes_down_through_both_arms_and_out_again() -> None:
    seen, steps = [], TABLE
    for _ in range(8):
        steps = designing.move(steps, "A", up=False)
        seen.append(shown(steps).index(next(line for line in shown(steps) if line.endswith("A"))))
    path = []
    steps = TABLE
    for _ in range(7):
        steps = designing.move(steps, "A", up=False)
        path.append(next(line for line in shown(steps) if line.endswith("A")))
    assert path == ["B.yes:A", "B.yes:A", "B.yes:A", "B.else:A", "B.else:A", "A", "A"]
    assert shown(steps)[-1] == "A", "at the end of the table it stays"
    assert seen == sorted(seen)


def test_a_branch_takes_its_arms_along() -> None:
    assert shown(designing.move(TABLE, "B", up=True)) == ["B", "B.yes:C", "B.yes:D", "B.else:E", "A", "F"]
    assert shown(designing.remove(TABLE, "B")) == ["A", "F"]


def test_two_mails_that_change_places_leave_the_month_with_the_place() -> None:
    steps = designing.move(rows("A", "B", "C"), "B", up=True)
    assert [(s.key, s.offset_months) for s in steps] == [("B", 0), ("A", 1), ("C", 2)]


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ({}, "N at 7"),
        ({"after": "A"}, "N at 2"),
        ({"before": "A"}, "N at 1"),
        ({"after": "B"}, "N at 6"),
        ({"into": ("B", "yes")}, "B.yes:N at 5"),
        ({"into": ("B", "else")}, "B.else:N at 6"),
        ({"after": "C"}, "B.yes:N at 4"),
    ],
)
def test_a_new_row_stands_where_it_was_asked_for(where: dict[str, object], line: str) -> None:
    steps = designing.insert(TABLE, Step(0, "N", 0, kind="call"), **where)  # type: ignore[arg-type]
    place = next(i for i, s in enumerate(steps, start=1) if s.key == "N")
    assert f"{shown(steps)[place - 1]} at {place}" == line
    assert [s.position for s in steps] == list(range(1, 8))


def test_a_new_mail_takes_the_next_month_and_later_mails_make_room() -> None:
    steps = designing.insert(rows("A", "B", "C"), Step(0, "N", 0), after="A")
    assert [(s.key, s.offset_months) for s in steps] == [("A", 0), ("N", 1), ("B", 2), ("C", 3)]


def test_only_the_mails_without_room_move_on() -> None:
    wide = tuple(replace(s, offset_months=m) for s, m in zip(rows("A", "B", "C"), (0, 1, 6), strict=True))
    steps = designing.insert(wide, Step(0, "N", 0), after="A")
    assert [s.offset_months for s in steps] == [0, 1, 2, 6]


def test_the_arms_are_exclusive_so_each_makes_room_for_itself() -> None:
    steps = rows("A", "B*", "B.yes:C", "B.else:D", "E")
    steps = tuple(replace(s, offset_months={"C": 1, "D": 1, "E": 2}.get(s.key, 0)) for s in steps)
    made = designing.insert(steps, Step(0, "N", 0), after="C")
    assert {s.key: s.offset_months for s in made} == {"A": 0, "B": 0, "C": 1, "N": 2, "D": 1, "E": 3}


def test_a_copied_branch_has_arms_of_its_own_and_its_jumps_stay_inside() -> None:
    steps = tuple(replace(s, goto_key="E" if s.key == "D" else "") for s in TABLE)
    numbers = count(1)
    copied, key = designing.duplicate(steps, "B", new_key=lambda: f"N{next(numbers)}")
    assert key == "N1"
    assert shown(copied) == [
        "A", "B", "B.yes:C", "B.yes:D", "B.else:E", "N1", "N1.yes:N2", "N1.yes:N3", "N1.else:N4", "F",
    ]  # fmt: skip
    assert next(s for s in copied if s.key == "N3").goto_key == "N4"


def test_a_branch_that_becomes_a_mail_lets_its_rows_go_on_behind_it() -> None:
    assert shown(designing.change(TABLE, "B", kind="mail")) == ["A", "B", "C", "D", "E", "F"]


def test_an_empty_arm_is_shown_as_a_place() -> None:
    assert [(s.key if s else None, p, a) for s, p, a in designing.spots(rows("A", "B*", "B.yes:C"))] == [
        ("A", "", ""), ("B", "", ""), ("C", "B", "yes"), (None, "B", "else"),
    ]  # fmt: skip


def test_a_key_that_is_gone_is_said_to_be_missing() -> None:
    with pytest.raises(Missing):
        designing.move(TABLE, "Z", up=True)
    with pytest.raises(Missing):
        designing.insert(TABLE, Step(0, "N", 0), into=("A", "yes"))


@st.composite
def tables(draw: st.DrawFn) -> tuple[Step, ...]:
    """Tables as the designer makes them: row by row, somewhere."""
    steps: tuple[Step, ...] = ()
    for number in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(["mail", "call", "branch", "wait"]))
        where: dict[str, object] = {}
        branches = [s.key for s in steps if s.kind == "branch"]
        if branches and draw(st.booleans()):
            where = {"into": (draw(st.sampled_from(branches)), draw(st.sampled_from(designing.ARMS)))}
        elif steps and draw(st.booleans()):
            where = {"before": draw(st.sampled_from(steps)).key}
        steps = designing.insert(steps, Step(0, f"K{number}", 0, kind=kind), **where)  # type: ignore[arg-type]
    return steps


@given(steps=tables(), data=st.data())
def test_down_takes_back_up(steps: tuple[Step, ...], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(steps)).key
    up = designing.move(steps, key, up=True)
    if up != steps:
        assert designing.move(up, key, up=False) == steps
    down = designing.move(steps, key, up=False)
    if down != steps:
        assert designing.move(down, key, up=True) == steps


@given(steps=tables(), data=st.data())
def test_no_row_is_ever_lost_or_doubled_by_moving(steps: tuple[Step, ...], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(steps)).key
    moved = designing.move(steps, key, up=data.draw(st.booleans()))
    assert sorted(s.key for s in moved) == sorted(s.key for s in steps)
    assert [s.position for s in moved] == list(range(1, len(moved) + 1))
    assert designing.flat(designing.tree(moved)) == moved


@given(steps=tables())
def test_a_table_that_is_read_and_written_stays_as_it_is(steps: tuple[Step, ...]) -> None:
    assert designing.flat(designing.tree(steps)) == steps
