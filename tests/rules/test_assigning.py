from __future__ import annotations

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.assigning import By, Given, Member, Waiting, prefecture_of, share

TODAY = date(2026, 11, 24)
CALLER = Member(1, "inside_sales")
OTHER = Member(2, "inside_sales")
VISITOR = Member(3, "field_sales")
TOKYO = Member(4, "inside_sales", frozenset({"東京都"}))


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("東京都千代田区1-2-3", "東京都"),
        ("〒430-0000 静岡県浜松市中央区1-2-3", "静岡県"),
        ("４３０００００　京都府京都市", "京都府"),
        ("神奈川県横浜市", "神奈川県"),
        ("千代田区1-2-3", ""),
        ("", ""),
        ("1-2-3 Chiyoda, Tokyo", ""),
    ],
)
def test_an_address_names_its_prefecture(address: str, found: str) -> None:
    assert prefecture_of(address) == found


@pytest.mark.parametrize(
    ("why", "task", "members", "found"),
    [
        ("the owner takes it", Waiting(9, "inside", 2), [CALLER, OTHER], Given(2, By.OWNER)),
        ("an owner of no sales team does too", Waiting(9, "inside", 7), [CALLER, Member(7, "marketer")], Given(7, By.OWNER)),
        ("the other team's owner does not", Waiting(9, "inside", 3), [CALLER, VISITOR], Given(1, By.TURN)),
        (
            "an owner who is away does not",
            Waiting(9, "inside", 2),
            [CALLER, Member(2, "inside_sales", away_until=date(2026, 11, 25))],
            Given(1, By.TURN),
        ),
        (
            "an owner who is back today does",
            Waiting(9, "inside", 2),
            [CALLER, Member(2, "inside_sales", away_until=TODAY)],
            Given(2, By.OWNER),
        ),
        ("the territory's own", Waiting(9, "inside", None, "東京都千代田区"), [CALLER, TOKYO], Given(4, By.TERRITORY)),
        ("who has another territory does not", Waiting(9, "inside", None, "大阪府"), [TOKYO, CALLER], Given(1, By.TURN)),
        ("rather than nobody he does", Waiting(9, "inside", None, "大阪府"), [TOKYO], Given(4, By.TURN)),
        (
            "who has fewest for a day's work",
            Waiting(9, "inside"),
            [Member(1, "inside_sales", open=9, per_day=10), Member(2, "inside_sales", open=12, per_day=30)],
            Given(2, By.TURN),
        ),
        ("a visit is the field's", Waiting(9, "field"), [CALLER, VISITOR], Given(3, By.TURN)),
        ("who takes none is left out", Waiting(9, "field"), [Member(3, "field_sales", per_day=0)], None),
        ("nobody there", Waiting(9, "field"), [CALLER], None),
    ],
)  # fmt: skip
def test_a_task_becomes_somebodys(
    why: str, task: Waiting, members: list[Member], found: Given | None
) -> None:
    assert share([task], members, today=TODAY).get(9) == found, why


def test_tasks_are_dealt_round_by_room() -> None:
    members = [Member(1, "inside_sales", per_day=10), Member(2, "inside_sales", per_day=20)]
    dealt = share([Waiting(n, "inside") for n in range(30)], members, today=TODAY)
    assert sorted(one.user_id for one in dealt.values()) == [1] * 10 + [2] * 20


people = st.lists(
    st.builds(
        Member,
        id=st.integers(1, 8),
        role=st.sampled_from(["inside_sales", "field_sales", "marketer"]),
        territory=st.sampled_from([frozenset(), frozenset({"東京都"}), frozenset({"大阪府"})]),
        per_day=st.integers(0, 30),
        open=st.integers(0, 50),
        away_until=st.sampled_from([None, date(2026, 11, 1), date(2026, 12, 1)]),
    ),
    max_size=8,
    unique_by=lambda one: one.id,
)
work = st.lists(
    st.builds(
        Waiting,
        id=st.integers(1, 40),
        team=st.sampled_from(["inside", "field"]),
        owner_id=st.none() | st.integers(1, 9),
        address=st.sampled_from(["", "東京都港区", "大阪府堺市", "沖縄県那覇市"]),
    ),
    max_size=30,
    unique_by=lambda one: one.id,
)


@given(people, work, st.integers(0, 9))
def test_nobody_away_full_of_zero_or_of_the_other_team_is_given_anything(
    members: list[Member], tasks: list[Waiting], seed: int
) -> None:
    found = share(tasks, members, today=TODAY)
    by_id = {one.id: one for one in members}
    for task in tasks:
        one = found.get(task.id)
        team = [m for m in members if m.role == {"inside": "inside_sales", "field": "field_sales"}[task.team]]
        if one is None:
            assert not [m for m in team if m.is_there(TODAY) and m.per_day]
            continue
        who = by_id[one.user_id]
        assert who.is_there(TODAY)
        assert who in team or (one.by is By.OWNER and who.role == "marketer")
        assert who.per_day or one.by is By.OWNER
    shuffled, others = list(tasks), list(members)
    random.Random(seed).shuffle(shuffled)
    random.Random(seed).shuffle(others)
    assert share(shuffled, others, today=TODAY) == found
