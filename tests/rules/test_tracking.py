"""Fields of a catalogue as people type them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from campaigns.rules import asica, tracking
from campaigns.rules.asica import Stage
from campaigns.rules.tracking import FieldError

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("typed", "yen"),
    [
        ("", None),
        ("15000000", 15_000_000),
        ("15,000,000円", 15_000_000),
        ("1,500万円", 15_000_000),
        ("１．５億", 150_000_000),
        ("0.5万", 5_000),
        ("¥22M", 22_000_000),
        ("0", 0),
    ],
)
def test_a_budget_is_read_as_people_write_money(typed: str, yen: int | None) -> None:
    assert tracking.money("budget_min_yen", typed) == yen


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("-5万", "money_odd"),
        ("約2千万", "money_odd"),
        ("0.00005万", "money_odd"),
        ("99999999億", "money_large"),
    ],
)
def test_a_budget_that_is_no_sum_of_yen_says_why(typed: str, code: str) -> None:
    with pytest.raises(FieldError) as caught:
        tracking.money("budget_min_yen", typed)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("field", "form", "code"),
    [
        ("budget", {"budget_min_yen": "2千万", "budget_max_yen": "1千万"}, "money_order"),
        ("expected", {"expected_month": "2027-13"}, "month_odd"),
        ("expected", {"expected_month": "", "certainty": "high"}, "certainty_alone"),
        ("expected", {"expected_month": "2027-04", "certainty": "sure"}, "unknown"),
        ("ringi", {"ringi_state": "dancing"}, "unknown"),
        ("ringi", {"ringi_state": "approved", "ringi_on": "2027-02-30"}, "date_odd"),
        ("rival_risk", {"rival_risk": "?"}, "unknown"),
        ("decider", {"decider_id": "somebody"}, "unknown"),
        ("profile", {"profile": "x" * 2001}, "too_long"),
    ],
)
def test_what_a_field_cannot_hold_says_where_and_why(field: str, form: dict[str, str], code: str) -> None:
    with pytest.raises(FieldError) as caught:
        tracking.read(field, form)
    assert caught.value.code == code


def test_a_field_gives_all_its_columns_and_only_those() -> None:
    told = tracking.read("expected", {"expected_month": "2027年4月", "certainty": "mid", "profile": "x"})
    assert told.values == {"expected_month": 2027 * 12 + 3, "certainty": "mid"}
    ringi = tracking.read(
        "ringi", {"ringi_state": "circulating", "ringi_on": "2027-01-18", "ringi_route": " 部長 "}
    )
    assert ringi.values == {
        "ringi_state": "circulating",
        "ringi_on": date(2027, 1, 18),
        "ringi_route": "部長",
    }


@pytest.mark.parametrize(
    ("role", "user_id", "may"),
    [
        ("admin", 9, True),
        ("sales_manager", 9, True),
        ("field_sales", 7, True),
        ("field_sales", 9, False),
        ("marketer", 9, False),
    ],
)
def test_the_owner_and_who_leads_sales_write_on_a_catalogue(role: str, user_id: int, may: bool) -> None:
    assert tracking.may_edit(role=role, user_id=user_id, owner_id=7) is may
    assert tracking.may_edit(role="inside_sales", user_id=7, owner_id=None) is False


def test_roles_that_nobody_has_are_named_in_the_order_of_the_specification() -> None:
    assert tracking.uncovered(frozenset({"窓口", "技術", "影響者"})) == ("利用", "購買", "経理", "決裁")


def test_a_catalogue_is_stale_from_the_first_moment_beyond_its_days() -> None:
    assert (NOW - tracking.stale_since(NOW, days=14)).days == 14


@pytest.mark.parametrize(
    ("to", "now_at", "answered", "lacks"),
    [
        (Stage.SOLUTION, Stage.ASSIGNMENT, (), True),
        (Stage.ACTION, Stage.ASSIGNMENT, (), True),
        (Stage.SOLUTION, Stage.ASSIGNMENT, ("complaints",), True),
        (Stage.SOLUTION, Stage.ASSIGNMENT, ("impact",), False),
        (Stage.ASSIGNMENT, Stage.SOLUTION, (), False),
        (Stage.INSPECTION, Stage.SOLUTION, (), False),
    ],
)
def test_leaving_assignment_while_its_five_prompts_are_empty_asks_first(
    to: Stage, now_at: Stage, answered: tuple[str, ...], lacks: bool
) -> None:
    assert asica.lacks_assignment(to, now_at=now_at, answered=answered) is lacks


def test_each_stage_has_the_prompts_of_the_specification() -> None:
    assert [len(asica.PROMPTS[stage]) for stage in Stage] == [6, 5, 4, 5, 4]


@pytest.mark.parametrize(
    ("note", "roles", "more", "less"),
    [
        ("", (), "決裁", ""),
        ("購買", ("購買",), "購買・決裁", ""),
        (
            "購買・経理\n来月の会議で",
            ("購買", "経理"),
            "購買・経理・決裁\n来月の会議で",
            "経理\n来月の会議で",
        ),
        ("部長を紹介してほしい", (), "決裁\n部長を紹介してほしい", ""),
    ],
)
def test_the_roles_of_an_introduction_stand_in_the_first_line_and_the_words_below(
    note: str, roles: tuple[str, ...], more: str, less: str
) -> None:
    assert tracking.asked_roles(note) == roles
    assert tracking.with_role(note, "決裁") == more
    if roles:
        assert tracking.without_role(note, "購買") == less
