"""What lies ahead of a person: every row that may come, once, with both arms of an open branch."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given

from campaigns.rules import flow, outlook
from campaigns.rules.conditions import Condition, Facts, Sign
from campaigns.rules.outlook import Place, Stop
from campaigns.rules.scenarios import Step
from campaigns.rules.schedule import parse_month
from tests.rules.flows import flows
from tests.rules.rows import row

NOV = parse_month("2026-11")
TODAY = date(2026, 11, 24).toordinal()


def at(position: int, **changed: Any) -> Place:
    values: dict[str, Any] = {
        "entered": TODAY, "start_month": NOV, "due_month": NOV, "floor": NOV, "every_months": 1,
        "facts": Facts(start_month=NOV), "today": TODAY,
    }  # fmt: skip
    return Place(position=position, **(values | changed))


# 1 mail, 2 branch (clicked 1): yes 3 call; else 4 mail of month 1; 5 mail of month 2, 6 shelf
TREE = (
    row(1, key="a"),
    row(2, key="b", kind="branch", condition=Condition("clicked"), wait_days=7),
    row(3, key="c", kind="call", who="inside", parent_key="b", arm="yes"),
    row(4, key="d", offset_months=1, parent_key="b", arm="else"),
    row(5, key="e", offset_months=2),
    row(6, key="f", kind="shelf"),
)


def told(stops: tuple[Stop, ...]) -> list[Any]:
    """Rows by key, a branch with the rows of its arms."""
    return [
        {stop.step.key: {arm.name: told(arm.stops) for arm in stop.arms}} if stop.arms else stop.step.key
        for stop in stops
    ]


def test_both_arms_of_an_open_branch_are_told_and_what_follows_them_once() -> None:
    assert told(outlook.stops(TREE, at(1))) == ["a", {"b": {"yes": ["c"], "else": ["d"]}}, "e", "f"]


def test_who_stands_in_an_arm_is_told_nothing_of_the_other() -> None:
    assert told(outlook.stops(TREE, at(4))) == ["d", "e", "f"]


def test_months_are_the_earliest_free_ones_and_follow_the_longer_arm() -> None:
    found = outlook.stops(TREE, at(2, floor=NOV + 1))
    [branch, mail, shelf] = found
    assert branch.arms[1].stops[0].month == NOV + 1
    assert (mail.month, shelf.month) == (NOV + 2, NOV + 3)
    slow = outlook.stops(TREE, at(2, floor=NOV + 1, every_months=2))
    assert [stop.month for stop in slow[1:]] == [NOV + 3, NOV + 5]


def test_a_month_whose_mail_a_branch_decides_names_the_branch_and_the_arm() -> None:
    found = outlook.chances(outlook.stops(TREE, at(1)))
    assert {m - NOV: [(c.step.key, c.arm) for c in chances] for m, chances in found.items()} == {
        0: [("a", "")], 1: [("d", "else")], 2: [("e", "")], 3: [("f", "")],
    }  # fmt: skip


def branch(stops: tuple[Stop, ...]) -> tuple[list[bool], int]:
    [found] = [stop for stop in stops if stop.arms]
    return [arm.is_likely for arm in found.arms], found.until


def test_a_reaction_is_open_until_its_day_and_known_once_it_came() -> None:
    sent = (("a", TODAY - 2),)
    waiting = Facts(start_month=NOV, sent=sent)
    assert branch(outlook.stops(TREE, at(2, facts=waiting))) == ([False, False], TODAY + 6)
    clicked = Facts(start_month=NOV, sent=sent, signs=(Sign("clicked", "a", TODAY - 1),))
    assert branch(outlook.stops(TREE, at(2, facts=clicked))) == ([True, False], 0)
    assert branch(outlook.stops(TREE, at(1, facts=clicked))) == ([False, False], 0), "it is still ahead"


def test_a_rank_shows_which_arm_would_come_as_things_stand() -> None:
    steps = (
        row(
            1,
            key="b",
            kind="branch",
            condition=Condition("rank", values=("hot", "warm")),
            offset_months=2,
            want_day=31,
        ),
        row(2, key="c", kind="call", who="inside", parent_key="b", arm="yes"),
    )
    warm = outlook.stops(steps, at(1, facts=Facts(start_month=NOV, rank="warm")))
    assert branch(warm) == ([True, False], date(2027, 1, 31).toordinal())
    assert warm[0].arms[0].stops[0].left_out == ""
    cold = outlook.stops(steps, at(1, facts=Facts(start_month=NOV, rank="nurture")))
    assert branch(cold)[0] == [False, True]
    assert cold[0].arms[0].stops[0].left_out == "rank"


def test_an_arm_that_leads_elsewhere_says_where() -> None:
    steps = (
        row(1, key="b", kind="branch", condition=Condition("no_reaction"), wait_days=7),
        row(2, key="c", kind="fax", who="inside", parent_key="b", arm="yes", goto_key="f"),
        row(3, key="d", kind="jump", parent_key="b", arm="else", goto_key="end"),
        row(4, key="e", offset_months=2),
        row(5, key="f", kind="shelf"),
    )  # fmt: skip
    [found, shelf] = outlook.stops(steps, at(1))
    assert [(arm.name, arm.goes_to) for arm in found.arms] == [("yes", ""), ("else", "end")]
    assert shelf.step.key == "f", "nobody comes to e any more"


def test_a_wait_ends_a_fixed_time_after_the_mail_before_it() -> None:
    steps = (row(1, key="w", kind="wait", wait_days=14), row(2, key="a"))
    facts = Facts(start_month=NOV, sent=(("x", TODAY - 4),))
    [wait, _mail] = outlook.stops(steps, at(1, entered=TODAY - 10, facts=facts))
    assert wait.until == TODAY + 10
    assert outlook.stops((row(1), *(row(2, kind="wait", wait_days=3),)), at(1))[1].until == 0


def _positions(stops: tuple[Stop, ...]) -> list[int]:
    return [
        p for s in stops for p in (s.step.position, *(q for arm in s.arms for q in _positions(arm.stops)))
    ]


@given(flows())
def test_every_row_that_may_come_is_told_exactly_once(steps: tuple[Step, ...]) -> None:
    graph = flow.graph(steps)
    if graph.first == flow.END:
        return
    ways = flow.reach(graph)
    if any(position in rows for position, rows in ways.items()):
        return
    found = _positions(outlook.stops(steps, at(graph.first)))
    wanted = {graph.first} | set(ways[graph.first])
    assert len(found) == len(set(found))
    assert set(found) == {p for p in wanted if graph.node(p).step.kind != flow.JUMP}
