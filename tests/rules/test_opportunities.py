"""What a person says of an opportunity, and how it ended."""

from __future__ import annotations

from datetime import date

import pytest

from campaigns.rules.opportunities import FormError, Result, Stage, draft, ending

TODAY = date(2026, 11, 24)
GOOD = {
    "name": "検査装置2台",
    "stage": "proposal",
    "amount_yen": "1,680万円",
    "forecast": "４０％",
    "expected_on": "2027-03-31",
}


def wrong(read, form: dict[str, str], **more: object) -> dict[str, str]:
    with pytest.raises(FormError) as caught:
        read(form, today=TODAY, **more)
    return caught.value.errors


def test_a_form_is_read_with_its_units() -> None:
    read = draft(GOOD, today=TODAY)
    assert (read.amount_yen, read.forecast, read.stage) == (16_800_000, 40, Stage.PROPOSAL)
    assert read.expected_on == date(2027, 3, 31)


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"name": " "}, {"name": "missing"}),
        ({"stage": "won"}, {"stage": "unknown"}),
        ({"amount_yen": "-1"}, {"amount_yen": "negative"}),
        ({"amount_yen": "20兆"}, {"amount_yen": "too_big"}),
        ({"forecast": "101"}, {"forecast": "odd"}),
        ({"forecast": "高い"}, {"forecast": "odd"}),
        ({"expected_on": "来月"}, {"expected_on": "odd"}),
        ({"expected_on": "2026-11-23"}, {"expected_on": "past"}),
        ({"expected_on": "2226-11-23"}, {"expected_on": "far"}),
    ],
)
def test_what_is_wrong_is_said_at_its_place(changed: dict[str, str], errors: dict[str, str]) -> None:
    assert wrong(draft, GOOD | changed) == errors


def test_everything_wrong_is_said_at_once() -> None:
    assert set(wrong(draft, {"amount_yen": "x", "forecast": "x"})) == {
        "name",
        "stage",
        "amount_yen",
        "forecast",
    }


def test_a_day_that_has_passed_may_stand_but_not_be_set() -> None:
    kept = date(2026, 10, 31)
    assert draft(GOOD | {"expected_on": "2026-10-31"}, today=TODAY, kept_on=kept).expected_on == kept
    assert wrong(draft, GOOD | {"expected_on": "2026-10-30"}, kept_on=kept) == {"expected_on": "past"}


@pytest.mark.parametrize(
    ("form", "errors"),
    [
        ({}, {"result": "missing"}),
        ({"result": "won"}, {"amount_yen": "missing"}),
        ({"result": "won", "amount_yen": "0"}, {"amount_yen": "zero"}),
        ({"result": "rival"}, {"lost_to": "missing"}),
        ({"result": "lost"}, {"reason": "missing"}),
        ({"result": "no_deal"}, {"reason": "missing"}),
        ({"result": "no_deal", "reason": "予算", "fiscal_month": "13"}, {"fiscal_month": "unknown"}),
        (
            {"result": "rival", "lost_to": "光星", "contract_ends_on": "2026-01-01"},
            {"contract_ends_on": "past"},
        ),
    ],
)
def test_a_result_needs_what_the_next_step_is_made_of(form: dict[str, str], errors: dict[str, str]) -> None:
    assert wrong(ending, form) == errors


def test_a_rival_is_kept_by_name() -> None:
    read = ending(
        {"result": "rival", "lost_to": " 光星テック ", "contract_ends_on": "2028-03-31"}, today=TODAY
    )
    assert (read.result, read.rival, read.contract_ends_on) == (Result.RIVAL, "光星テック", date(2028, 3, 31))


def test_words_of_another_result_are_left_out() -> None:
    read = ending({"result": "won", "amount_yen": "100", "lost_to": "光星", "reason": ""}, today=TODAY)
    assert (read.rival, read.amount_yen) == ("", 100)
