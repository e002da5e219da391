"""Which row comes after which, and where a person stands in the flow on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules import designing, flow, schedule
from campaigns.rules.conditions import Condition, Facts, Sign
from campaigns.rules.flow import END, LeftOut, Place
from campaigns.rules.scenarios import Step
from tests.rules.flows import flows
from tests.rules.rows import row, rows

MONTH = schedule.parse_month("2026-11")
RANK = {"condition": Condition("rank", values=("hot", "warm")), "wait_days": 0}


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


TODAY = day("2026-11-24")
PICTURE = rows(
    "mail:thanks",
    "mail:case",
    "branch:click",
    "  yes call:call",
    ("  else jump:on", {"goto_key": "useful"}),
    "mail:useful",
    ("invite:show", {"valid_until": date(2027, 1, 20)}),
    ("branch:rank", RANK | {"offset_months": 4}),
    "  yes call:compare",
    "  else shelf:shelf",
)


def test_rows_are_called_as_the_table_shows_them() -> None:
    assert flow.labels(PICTURE) == ("1", "2", "3", "3a", "3b", "4", "5", "6", "6a", "6b")


def test_nested_rows_go_on_with_digits_and_letters_and_the_alphabet_does_not_end() -> None:
    nested = rows(
        "branch", "  yes mail", "  yes branch", "    yes branch", "      else mail", "  else mail", "mail"
    )
    assert flow.labels(nested) == ("1", "1a", "1b", "1b1", "1b1a", "1c", "2")
    many = rows("branch", *["  yes wait"] * 28)
    assert flow.labels(many)[-3:] == ("1z", "1aa", "1ab")


def test_a_row_whose_branch_is_gone_belongs_to_the_trunk() -> None:
    lost = (row(1), row(2, parent_key="gone", arm="yes"), row(3))
    assert flow.labels(lost) == ("1", "2", "3")
    assert flow.graph(lost).node(1).next == 2


def ways(steps: tuple[Step, ...]) -> dict[int, tuple[int, ...]]:
    return {position: node.ways for position, node in flow.graph(steps).nodes.items()}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), {}),
        (rows("mail"), {1: (0,)}),
        (rows("mail", "wait", "mail"), {1: (2,), 2: (3,), 3: (0,)}),
        (PICTURE, {1: (2,), 2: (3,), 3: (4, 5), 4: (6,), 5: (6,), 6: (7,), 7: (8,), 8: (9, 10), 9: (0,), 10: (0,)}),
        # An empty arm merges at once.
        (rows("branch", "  else mail", "mail"), {1: (3, 2), 2: (3,), 3: (0,)}),
        # Where an inner branch ends its arm, both go on behind the outer one.
        (
            rows("branch", "  yes branch", "    yes mail", "  else mail", "mail"),
            {1: (2, 4), 2: (3, 5), 3: (5,), 4: (5,), 5: (0,)},
        ),
        # The goto of a branch is where its arms merge; that of a row in an arm wins over it.
        (
            rows(("branch", {"goto_key": "k5"}), "  yes mail", ("  yes mail", {"goto_key": "end"}), "mail", "mail"),
            {1: (2, 5), 2: (3,), 3: (0,), 4: (5,), 5: (0,)},
        ),
        # The shelf ends a path, whatever stands behind it; an unknown target is none.
        (rows(("shelf", {"goto_key": "k2"}), ("mail", {"goto_key": "gone"}), "mail"), {1: (0,), 2: (3,), 3: (0,)}),
    ],
)  # fmt: skip
def test_after_a_row_comes_its_target_or_the_next_of_its_list_or_what_follows_the_branch(
    steps: tuple[Step, ...], expected: dict[int, tuple[int, ...]]
) -> None:
    assert ways(steps) == expected


def walk(
    steps: tuple[Step, ...], position: int, *, on: int = TODAY, entered: int = TODAY, **facts: Any
) -> Any:
    known = Facts(start_month=MONTH, **facts)
    return flow.advance(flow.graph(steps), Place(position, entered), known, today=on)


def test_a_mail_an_invitation_the_shelf_and_the_end_stop_the_walk() -> None:
    for steps in (rows("mail"), rows("invite"), rows("shelf"), ()):
        assert walk(steps, 1 if steps else END) == flow.Arrival(Place(1 if steps else END, TODAY))
    assert walk(rows("wait", "mail"), END) == flow.Arrival(Place(END, TODAY))


@pytest.mark.parametrize(
    ("entered", "sent", "on", "place", "ask_on"),
    [
        ("2026-11-10", None, "2026-11-16", 1, "2026-11-17"),
        ("2026-11-10", None, "2026-11-17", 2, None),
        # The days begin with the mail before, if that goes later than the row was come to.
        ("2026-11-05", "2026-11-10", "2026-11-16", 1, "2026-11-17"),
        ("2026-11-12", "2026-11-10", "2026-11-17", 1, "2026-11-19"),
        ("2026-12-28", None, "2027-01-03", 1, "2027-01-04"),
        ("2028-02-25", None, "2028-03-02", 1, "2028-03-03"),
        ("2027-02-25", None, "2027-03-04", 2, None),
    ],
)
def test_a_wait_counts_calendar_days_from_the_row_or_the_mail_before(
    entered: str, sent: str | None, on: str, place: int, ask_on: str | None
) -> None:
    mails = (("m", day(sent)),) if sent else ()
    found = walk(rows("wait", "mail"), 1, on=day(on), entered=day(entered), sent=mails)
    assert (found.place.position, found.ask_on) == (place, day(ask_on) if ask_on else 0)
    assert found.place.entered == (day(on) if place == 2 else day(entered))


SENT = (("thanks", day("2026-11-04")), ("case", day("2026-11-10")))


def test_a_click_is_answered_at_once_and_silence_when_the_days_are_over() -> None:
    waiting = walk(PICTURE, 3, on=day("2026-11-17"), sent=SENT)
    assert (waiting.place.position, waiting.ask_on) == (3, day("2026-11-18"))
    clicked = (Sign("clicked", "case", day("2026-11-12")),)
    called = walk(PICTURE, 3, on=day("2026-11-12"), sent=SENT, signs=clicked, rank="warm")
    assert [(task.step_key, task.kind, task.who) for task in called.tasks] == [("call", "call", "inside")]
    assert (called.place.position, called.passed) == (6, (3, 4))
    silent = walk(PICTURE, 3, on=day("2026-11-18"), sent=SENT)
    assert (silent.place.position, silent.passed, silent.tasks) == (6, (3, 5), ())


def test_a_branch_with_a_day_waits_for_it_and_then_asks_as_of_that_day() -> None:
    early = walk(PICTURE, 8, on=day("2027-03-09"), rank="hot")
    assert (early.place.position, early.ask_on) == (8, day("2027-03-10"))
    assert walk(PICTURE, 8, on=day("2027-03-10"), rank="hot").passed == (8, 9)
    assert walk(PICTURE, 8, on=day("2027-03-10"), rank="nurture").place.position == 10


@pytest.mark.parametrize(
    ("month", "want", "expected"),
    [("2026-11", 31, "2027-02-28"), ("2027-11", 31, "2028-02-29"), ("2026-09", 31, "2026-12-31")],
)
def test_the_day_of_a_branch_is_clamped_to_the_end_of_its_month(month: str, want: int, expected: str) -> None:
    steps = rows(("branch", RANK | {"offset_months": 3, "want_day": want}), "  yes mail")
    facts = Facts(start_month=schedule.parse_month(month))
    found = flow.advance(flow.graph(steps), Place(1, TODAY), facts, today=day(expected) - 1)
    assert found.ask_on == day(expected)
    assert flow.advance(flow.graph(steps), Place(1, TODAY), facts, today=day(expected)).ask_on == 0


@pytest.mark.parametrize(
    ("kind", "rank", "company_class", "reason"),
    [
        ("call", "hot", "C1", ""),
        ("call", "warm", "-", ""),
        ("call", "nurture", "C1", "rank"),
        ("visit", "unobserved", "E", "rank"),
        ("visit", "nurture", "A", ""),
        ("call", "declined", "A", "declined"),
        ("fax", "nurture", "C1", ""),
        ("fax", "declined", "C1", "declined"),
    ],
)
def test_nobody_is_called_before_asking_for_it_except_customers_of_the_field(
    kind: str, rank: str, company_class: str, reason: str
) -> None:
    found = walk(rows(kind, "mail"), 1, rank=rank, company_class=company_class)
    assert found.left_out == ((LeftOut(1, reason),) if reason else ())
    assert len(found.tasks) == (0 if reason else 1)
    assert found.place.position == 2, "the flow goes on at once, with a task or without"


def test_a_draft_that_runs_in_a_circle_still_ends() -> None:
    circle = rows(("jump", {"goto_key": "k2"}), ("jump", {"goto_key": "k1"}))
    assert walk(circle, 1).place.position == END


def test_a_branch_without_a_condition_goes_the_other_way() -> None:
    assert walk(rows(("branch", {"condition": None}), "  yes mail", "  else mail"), 1).place.position == 3


def test_people_wait_at_the_same_row_after_rows_were_put_in_front() -> None:
    old = rows("mail:a", "mail:b")
    assert flow.resume_positions(old, rows("mail:new", "mail:a", "mail:b")) == {1: 2, 2: 3}


def test_people_at_a_deleted_row_go_to_the_next_one_and_never_back() -> None:
    old = rows("mail:a", "mail:b", "mail:c")
    assert flow.resume_positions(old, rows("mail:a", ("mail:c", {"offset_months": 2})))[2] == 2
    assert flow.resume_positions(old, rows("mail:c", "mail:a"))[2] == END, "a was done, all rows are done"
    assert flow.resume_positions(old, ()) == {1: END, 2: END, 3: END}


def test_people_at_a_deleted_row_get_what_was_put_in_its_place_but_no_mail_of_an_earlier_month() -> None:
    old = rows("mail:a", ("mail:b", {"offset_months": 3}), ("mail:c", {"offset_months": 4}))
    late = rows("mail:a", ("mail:n", {"offset_months": 1}), ("mail:c", {"offset_months": 4}))
    assert flow.resume_positions(old, late)[2] == 3
    same = rows("mail:a", ("mail:n", {"offset_months": 3}), ("mail:c", {"offset_months": 4}))
    assert flow.resume_positions(old, same)[2] == 2


def test_people_of_an_arm_stay_in_their_arm() -> None:
    old = rows("mail:a", "branch:b", "  yes call:y1", "  yes wait:y2", "  else wait:e1", "mail:z")
    new = rows(
        "mail:a", "branch:b", "  yes call:y1", "  yes wait:y3", "  else wait:e2", "  else wait:e3", "mail:z"
    )
    moves = flow.resume_positions(old, new)
    assert moves[4] == 4, "y2 is gone: behind y1"
    assert moves[5] == 5, "e1 is gone: the first row of its own arm, not of the other one"


def test_a_row_that_left_its_branch_takes_its_people_along() -> None:
    old = rows("mail:a", "branch:b", "  yes mail:y", "mail:z")
    new = rows("mail:a", "mail:y", "mail:z")
    assert flow.resume_positions(old, new) == {1: 1, 2: 2, 3: 2, 4: 3}


@given(flows(), flows())
@settings(max_examples=150, deadline=None)
def test_who_waits_at_a_deleted_row_never_comes_to_a_row_that_may_be_done(
    old: tuple[Step, ...], new: tuple[Step, ...]
) -> None:
    moves = flow.resume_positions(old, new)
    assert set(moves) == {step.position for step in old}
    at = {step.key: step.position for step in new}
    reach_old, reach_new = flow.reach(flow.graph(old)), flow.reach(flow.graph(new))
    for step in old:
        place = moves[step.position]
        if step.key in at:
            assert place == at[step.key]
            continue
        done = {at[o.key] for o in old if step.position in reach_old[o.position] and o.key in at}
        if place != END:
            assert place not in done
            assert not done & reach_new[place]


@given(flows())
@settings(deadline=None)
def test_the_same_version_moves_nobody(steps: tuple[Step, ...]) -> None:
    assert flow.resume_positions(steps, steps) == {step.position: step.position for step in steps}


FACTS = st.builds(
    Facts,
    start_month=st.just(MONTH),
    rank=st.sampled_from(["hot", "warm", "nurture", "unobserved", "declined"]),
    company_class=st.sampled_from(["A", "C1", "-"]),
)


@given(flows(), FACTS, st.data())
@settings(max_examples=200, deadline=None)
def test_who_walks_a_whole_flow_meets_its_rows_in_order_and_skips_no_mail(
    steps: tuple[Step, ...], facts: Facts, data: st.DataObject
) -> None:
    graph = flow.graph(steps)
    place, today, path = Place(graph.first, TODAY), TODAY, []
    for _ in range(4 * len(steps) + 4):
        came = flow.advance(graph, place, facts, today=today)
        assert not any(graph.node(p).step.kind in flow.MAILS for p in came.passed), "no mail is passed"
        assert {t.position for t in came.tasks} <= set(came.passed)
        path += came.passed
        if came.ask_on:
            assert came.ask_on > today, "asked again later, or it had been decided"
            assert flow.advance(graph, came.place, facts, today=today) == flow.Arrival(
                came.place, ask_on=came.ask_on
            ), "asking early is harmless"
            today, place = came.ask_on, came.place
            continue
        node = graph.nodes.get(came.place.position)
        if node is None or node.step.kind == flow.SHELF:
            break
        path.append(came.place.position)
        sent = (*facts.sent, (node.step.key, today + 1))
        reacted = data.draw(st.booleans())
        signs = (*facts.signs, Sign("clicked", node.step.key, today + 2)) if reacted else facts.signs
        facts = facts._replace(sent=sent, signs=signs)
        place, today = Place(node.next, today + 1), today + 2
    else:
        raise AssertionError("the walk has no end")
    assert len(set(path)) == len(path), "no row twice"
    for before, after in pairwise(path):
        assert after in graph.node(before).ways, "row after row, along the ways of the flow"


@given(flows())
@settings(deadline=None)
def test_the_table_shows_what_the_designer_moves(steps: tuple[Step, ...]) -> None:
    """Both read the same tree out of the flat rows."""
    assert designing.flat(designing.tree(steps)) == steps
    assert len(set(flow.labels(steps))) == len(steps)
    assert flow.labels([replace(step, goto_key="") for step in steps]) == flow.labels(steps)
