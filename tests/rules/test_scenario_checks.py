"""What stands against publishing a scenario: its head, its rows, and what breaks on a path."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from campaigns.rules import flow
from campaigns.rules.conditions import Condition
from campaigns.rules.scenario_checks import check, errors
from campaigns.rules.scenarios import MAX_STEPS, Scenario, Setting, Step
from tests.rules.flows import flows
from tests.rules.rows import SCENARIO, row, rows

TODAY = date(2026, 11, 24)
SOUND = Setting()
RANK = Condition("rank", values=("hot", "warm"))
SALES = {"tone": "sales_light"}


def codes(
    *steps: Step, scenario: Scenario = SCENARIO, setting: Setting = SOUND
) -> list[tuple[str, int | None]]:
    return [(p.code, p.line) for p in check(scenario, steps, setting=setting, today=TODAY)]


def test_a_sound_scenario_has_no_problem() -> None:
    assert codes(row(1), row(2), row(3), row(4, tone="sales_light", content_tone="sales_light")) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "  "}, "purpose_missing"),
        ({"goal_kind": ""}, "goal_missing"),
        ({"goal_kind": "mail_open"}, "goal_missing"),
        ({"classes": ()}, "classes_missing"),
    ],
)
def test_a_head_that_lacks_something_is_refused(changes: dict[str, Any], code: str) -> None:
    found = check(replace(SCENARIO, **changes), [row(1)], setting=Setting(), today=TODAY)
    assert [p.code for p in errors(found)] == [code]


def test_an_online_goal_is_warned_about_but_allowed() -> None:
    found = check(replace(SCENARIO, goal_kind="doc_request"), [row(1)], setting=Setting(), today=TODAY)
    assert [(p.code, p.is_error) for p in found] == [("goal_online", False)]


def test_field_sales_classes_are_pointed_out_because_the_owner_has_to_agree() -> None:
    found = check(replace(SCENARIO, classes=("A", "C1")), [row(1)], setting=Setting(), today=TODAY)
    assert [(p.code, p.args, p.is_error) for p in found] == [("classes_of_field", {"classes": "A"}, False)]


def test_no_rows_an_ended_product_and_an_incomplete_sender_are_refused() -> None:
    setting = Setting(is_product_active=False, missing_disclosure=("postal_address",))
    assert codes(setting=setting) == [
        ("product_ended", None),
        ("sender_incomplete", None),
        ("no_steps", None),
    ]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ((0, 1, 2), []),
        ((0, 0), [("same_month", 2)]),
        ((0, 2, 1), [("month_goes_back", 3)]),
        ((0, 2), []),
        ((0, 3), [("long_silence", 2)]),
        ((0, 61), [("month_out_of_range", 2), ("long_silence", 2)]),
    ],
)
def test_months_go_up_and_nobody_is_forgotten(
    offsets: tuple[int, ...], expected: list[tuple[str, int]]
) -> None:
    assert codes(*(row(n, offset_months=o) for n, o in enumerate(offsets, 1))) == expected


def test_each_row_needs_its_own_written_mail() -> None:
    assert codes(row(1, content_id=None)) == [("content_missing", 1)]
    assert codes(row(1, has_mail=False)) == [("content_without_mail", 1)]
    assert codes(row(1), row(2, content_id=1)) == [("content_twice", 2)]
    assert codes(row(1, valid_until=date(2026, 11, 23))) == [("already_expired", 1)]
    assert codes(row(1, valid_until=TODAY)) == []


# Source: spec 3.3, the worked sequences: [] no, [i,i,i] yes, [i,i,s] no, [s,i,i,i] yes.
@pytest.mark.parametrize(
    ("tones", "expected"),
    [
        ("s", [("sales_too_early", 1)]),
        ("iis", [("sales_too_early", 3)]),
        ("iiis", []),
        ("iiisiis", [("sales_too_often", 7)]),
        ("iiisiiis", []),
    ],
)
def test_one_mail_in_four_may_be_slightly_sales_coloured(tones: str, expected: list[tuple[str, int]]) -> None:
    words = {"i": "info", "s": "sales_light"}
    assert codes(*(row(n, tone=words[t]) for n, t in enumerate(tones, 1))) == expected


@pytest.mark.parametrize("company_class", ["C1", "C2", "D", "E", "-"])
def test_hard_selling_is_never_for_these_classes(company_class: str) -> None:
    scenario = replace(SCENARIO, classes=(company_class,))
    steps = (row(1), row(2), row(3), row(4, tone="sales_hard"))
    assert ("sales_hard_for_class", 4) in codes(*steps, scenario=scenario)


def test_hard_selling_to_a_and_b_keeps_the_ratio() -> None:
    scenario = replace(SCENARIO, classes=("A", "B"))
    steps = (row(1), row(2), row(3), row(4, tone="sales_hard"))
    assert [p.code for p in errors(check(scenario, steps, setting=Setting(), today=TODAY))] == []


def test_a_row_cannot_call_a_sales_mail_information() -> None:
    assert codes(row(1), row(2), row(3), row(4, content_tone="sales_light")) == [("tone_hidden", 4)]


def test_a_row_without_any_mail_or_with_too_many_rows_is_refused() -> None:
    assert codes(*rows("fax")) == [("no_mail", None)]
    many = rows("mail", *["fax"] * MAX_STEPS)
    assert codes(*many) == [("too_many_steps", None)]


def test_a_problem_names_its_row_as_the_table_does() -> None:
    steps = rows("mail", "branch", "  yes call", ("  else fax", {"who": ""}), "mail")
    found = check(SCENARIO, steps, setting=SOUND, today=TODAY)
    assert [(p.code, p.line, p.label) for p in found] == [("who_missing", 4, "2b")]


# Each flow with what is wrong with it, by line.
@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (rows("mail", "branch", "  yes call", "mail"), []),
        # Targets and circles.
        (rows("mail", "jump"), [("jump_without_target", 2)]),
        (rows("mail", ("wait", {"goto_key": "gone"})), [("target_missing", 2)]),
        (rows("mail", ("fax", {"goto_key": "k1"})), [("loop", 2)]),
        (rows("mail", ("jump", {"goto_key": "k2"})), [("loop", 2)]),
        (rows("mail", "branch", ("  yes wait", {"goto_key": "k2"})), [("loop", 3)]),
        (rows("mail", ("branch", {"goto_key": "k1"}), "  yes wait"), [("loop", 2)]),
        (rows(("jump", {"goto_key": "k3"}), "mail", "mail"), [("unreachable", 2)]),
        (rows("mail", "shelf", "fax"), [("unreachable", 3)]),
        (rows("mail", ("fax", {"goto_key": "end"}), "fax"), [("unreachable", 3)]),
        # Branches.
        (rows("mail", "branch", "mail"), [("branch_empty", 2)]),
        (rows("mail", ("branch", {"condition": None}), "  yes fax"), [("condition_missing", 2)]),
        (rows("mail", ("branch", {"condition": Condition("luck")}), "  yes fax"), [("condition_missing", 2)]),
        (rows("mail", ("branch", {"wait_days": 0}), "  yes fax"), [("watch_out_of_range", 2)]),
        (rows("mail", ("branch", {"condition": Condition("role")}), "  yes fax"), [("values_missing", 2)]),
        (
            rows("mail", ("branch", {"condition": Condition("class", values=("Z",))}), "  yes fax"),
            [("value_unknown", 2)],
        ),
        (rows("mail", ("branch", {"condition": Condition("industry", values=("食品",))}), "  yes fax"), []),
        (rows("branch", "  yes fax", "mail"), [("no_mail_before", 1)]),
        (rows("mail", ("branch", {"condition": Condition("opened", "gone")}), "  yes fax"), [("watched_missing", 2)]),
        (
            rows("mail", ("branch", {"condition": Condition("opened", "k4")}), "  yes fax", "mail"),
            [("watched_not_before", 2)],
        ),
        # Rows that are not where they say.
        ((row(1), row(2, parent_key="gone", arm="yes")), [("row_lost", 2)]),
        (
            (
                row(1), row(2, kind="branch"), row(3, kind="fax", parent_key="k2", arm="yes"),
                row(4, kind="fax"), row(5, kind="fax", parent_key="k2", arm="yes"),
            ),
            [("row_out_of_place", 4)],
        ),
        (
            (
                row(1), row(2, kind="branch"), row(3, kind="fax", parent_key="k2", arm="yes"),
                row(4, kind="fax", parent_key="k2", arm="else"), row(5, kind="fax", parent_key="k2", arm="yes"),
            ),
            [("row_out_of_place", 4)],
        ),
        # Single rows.
        (rows("mail", "letter"), [("kind_unknown", 2)]),
        (rows("mail", ("wait", {"wait_days": 0})), [("wait_out_of_range", 2)]),
        (rows("mail", ("fax", {"due_days": 0})), [("due_out_of_range", 2)]),
        (rows(("mail", {"want_day": 32})), [("day_out_of_range", 1)]),
        # Months along each path: arms share them, what merges goes on behind both.
        (
            rows(
                "mail", "branch", ("  yes mail", {"offset_months": 1}), ("  else mail", {"offset_months": 1}),
                ("mail", {"offset_months": 2}),
            ),
            [],
        ),
        (
            rows(
                "mail", "branch", ("  yes mail", {"offset_months": 2}), ("  else mail", {"offset_months": 1}),
                ("mail", {"offset_months": 2}),
            ),
            [("same_month", 5)],
        ),
        (rows("mail", ("jump", {"goto_key": "k4"}), "fax", "mail"), [("unreachable", 3)]),
        (
            rows("mail", ("branch", {"condition": RANK, "offset_months": 4}), "  yes mail", "fax"),
            [("month_goes_back", 3)],
        ),
        (
            rows(("mail", {"offset_months": 5}), ("branch", {"condition": RANK, "offset_months": 4}), "  yes fax"),
            [("month_goes_back", 2)],
        ),
        # The same content may stand in both arms, but not before and behind.
        (rows("mail", "branch", "  yes mail", ("  else mail", {"content_id": 3, "offset_months": 1})), []),
        (rows("mail", "branch", "  yes mail", ("mail", {"content_id": 1})), [("content_twice", 4)]),
        (rows("mail", "branch", "  yes mail", ("mail", {"content_id": 3})), [("content_twice", 4)]),
        # The tone along each path: the short way counts.
        (rows("mail", "mail", "mail", "branch", "  yes fax", ("mail", SALES)), []),
        (rows("mail", "mail", "branch", "  yes mail", ("mail", SALES)), [("sales_too_early", 5)]),
        (
            rows("mail", "mail", "mail", "branch", ("  yes mail", SALES), "mail", "mail", "mail", ("mail", SALES)),
            [],
        ),
        (
            rows("mail", "mail", "mail", "branch", ("  yes mail", SALES), "mail", "mail", ("mail", SALES)),
            [("sales_too_often", 8)],
        ),
        # Calls that nobody asked for.
        (rows("mail", "call"), [("call_unasked", 2)]),
        (rows("mail", "fax"), []),
        (rows("mail", "branch", "  yes fax", "visit"), [("call_unasked", 4)]),
        (rows("mail", "branch", "  else call"), [("call_unasked", 3)]),
        (rows("mail", ("branch", {"condition": Condition("no_reaction")}), "  else call"), []),
        (rows("mail", ("branch", {"condition": Condition("opened")}), "  yes call"), [("call_unasked", 3)]),
        (rows("mail", ("branch", {"condition": RANK}), "  yes call"), []),
        (rows("mail", ("branch", {"condition": Condition("rank", values=("nurture",))}), "  yes call"),
         [("call_unasked", 3)]),
        (rows("mail", ("branch", {"condition": Condition("class", values=("A", "B"))}), "  yes visit"), []),
    ],
)  # fmt: skip
def test_a_flow_is_checked_row_by_row_and_path_by_path(
    steps: tuple[Step, ...], expected: list[tuple[str, int]]
) -> None:
    quiet = {"long_silence"}
    assert [found for found in codes(*steps) if found[0] not in quiet] == expected


def test_warnings_do_not_stand_against_publishing() -> None:
    found = check(SCENARIO, rows("mail", "call"), setting=SOUND, today=TODAY)
    assert [p.code for p in found] == ["call_unasked"]
    assert errors(found) == ()


@pytest.mark.parametrize(
    ("event_on", "valid_until", "offset", "want", "expected"),
    [
        (None, None, 1, 10, ["invite_without_event"]),
        ("2027-01-28", None, 1, 10, []),
        (None, "2027-01-20", 1, 10, []),
        ("2026-11-24", None, 0, 24, []),
        ("2026-11-23", None, 0, 10, ["event_past"]),
        ("2027-01-28", "2027-01-29", 1, 10, ["valid_after_event"]),
        ("2027-01-28", "2026-11-23", 1, 10, ["already_expired"]),
        # Who starts now gets it on 10 February, or on 31 January: after the day.
        ("2027-01-28", None, 3, 10, ["invite_too_late"]),
        ("2027-01-28", None, 2, 31, ["invite_too_late"]),
        ("2028-02-29", None, 15, 31, []),
        ("2028-02-28", None, 15, 31, ["invite_too_late"]),
    ],
)
def test_an_invitation_comes_before_the_day_it_invites_to(
    event_on: str | None, valid_until: str | None, offset: int, want: int, expected: list[str]
) -> None:
    step = row(
        1,
        kind="invite",
        event_id=1 if event_on else None,
        event_on=date.fromisoformat(event_on) if event_on else None,
        valid_until=date.fromisoformat(valid_until) if valid_until else None,
        offset_months=offset,
        want_day=want,
    )
    found = check(SCENARIO, [step], setting=SOUND, today=TODAY)
    assert [p.code for p in found] == expected
    assert all(p.is_error for p in found)


def test_an_invitation_to_an_event_without_a_day_asks_for_one() -> None:
    found = check(SCENARIO, [row(1, kind="invite", event_id=1)], setting=SOUND, today=TODAY)
    assert [(p.code, p.is_error) for p in found] == [("invite_without_date", True)]


def test_a_late_invitation_may_stay_in_a_scenario_that_runs() -> None:
    step = row(1, kind="invite", event_on=date(2026, 12, 1), offset_months=3)
    found = check(replace(SCENARIO, published_no=2), [step], setting=SOUND, today=TODAY)
    assert [(p.code, p.is_error) for p in found] == [("invite_too_late", False)]


@given(flows(forward=False))
@settings(max_examples=200, deadline=None)
def test_whatever_the_designer_makes_can_be_checked(steps: tuple[Step, ...]) -> None:
    found = check(SCENARIO, steps, setting=SOUND, today=TODAY)
    labels = dict(zip((s.position for s in steps), flow.labels(steps), strict=True))
    assert all(p.label == labels[p.line] for p in found if p.line is not None)
    assert not {"row_lost", "row_out_of_place"} & {p.code for p in found}


@given(flows(forward=False))
@settings(max_examples=200, deadline=None)
def test_a_flow_without_circles_ends_on_every_path_and_shows_every_row(steps: tuple[Step, ...]) -> None:
    wrong = {p.code for p in check(SCENARIO, steps, setting=SOUND, today=TODAY)}
    graph = flow.graph(steps)
    reach = flow.reach(graph)
    assert ("loop" in wrong) == any(position in ahead for position, ahead in reach.items())
    come = {graph.first} | reach[graph.first] if steps else set()
    assert ("unreachable" in wrong) == (come != set(graph.nodes))
    if "loop" not in wrong:
        assert _longest(graph, graph.first) <= len(steps)


def _longest(graph: flow.Graph, first: int) -> int:
    """Rows on the longest path; runs for ever in a circle."""
    known: dict[int, int] = {flow.END: 0}

    def of(position: int) -> int:
        if position not in known:
            known[position] = 1 + max(of(way) for way in graph.node(position).ways)
        return known[position]

    return of(first)


@given(flows(most=9))
@settings(max_examples=200, deadline=None)
def test_what_is_said_of_paths_is_what_listing_them_all_finds(steps: tuple[Step, ...]) -> None:
    """The walk with a state against every single path, on flows small enough to list them."""
    tones = ["info", "sales_light"]
    told = tuple(replace(s, tone=tones[s.id % 2 if s.key[-1] in "369" else 0]) for s in steps)
    told = tuple(replace(s, content_id=s.position // 3 + 1) if s.content_id else s for s in told)
    every = 3
    found = check(SCENARIO, told, setting=Setting(tone_every=every), today=TODAY)
    graph, wanted = flow.graph(told), set[tuple[str, int]]()
    come = flow.reach(graph)[graph.first] | {graph.first} if told else set()
    said = {(p.code, p.line) for p in found if p.line in come}
    for path in _paths(graph, graph.first, ()):
        mails = [graph.node(p).step for p in path if graph.node(p).step.kind in flow.MAILS]
        for place, mail in enumerate(mails):
            before = mails[max(0, place - every + 1) : place]
            if mail.tone != "info" and (len(before) < every - 1 or any(m.tone != "info" for m in before)):
                wanted.add(("sales", mail.position))
            if any(m.content_id == mail.content_id for m in mails[:place]):
                wanted.add(("content_twice", mail.position))
            if place and mails[place - 1].offset_months == mail.offset_months:
                wanted.add(("same_month", mail.position))
    assert {(c, n) for c, n in said if c in ("content_twice", "same_month")} == {
        w for w in wanted if w[0] != "sales"
    }
    assert {n for c, n in said if c.startswith("sales_too")} == {n for c, n in wanted if c == "sales"}


def _paths(graph: flow.Graph, position: int, before: tuple[int, ...]) -> list[tuple[int, ...]]:
    if position == flow.END:
        return [before]
    ways = sorted(set(graph.node(position).ways))
    return [path for way in ways for path in _paths(graph, way, (*before, position))]


@pytest.mark.parametrize(
    ("wait", "watch", "of", "is_over"),
    [(20, 7, "", True), (7, 7, "", True), (6, 7, "", False), (20, 7, "k1", False)],
)
def test_a_branch_behind_a_longer_wait_watches_nothing(wait: int, watch: int, of: str, is_over: bool) -> None:
    branch = ("branch", {"wait_days": watch, "condition": Condition("clicked", of)})
    found = codes(*rows("mail", ("wait", {"wait_days": wait}), branch, "  yes fax"))
    assert (("watch_over", 3) in found) is is_over


def test_a_loop_hides_no_other_finding_of_a_row() -> None:
    early = ("mail", {"tone": "sales_light"})
    assert codes(*rows("mail", early)) == [("sales_too_early", 2)]
    assert codes(*rows("mail", early, ("jump", {"goto_key": "k1"}))) == [("sales_too_early", 2), ("loop", 3)]
