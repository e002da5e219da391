"""What a branch asks, and what people answer with what they did and who they are."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import conditions
from campaigns.rules.conditions import Condition, Facts, On, Sign
from campaigns.rules.touchpoints import Kind

DAY = date(2026, 11, 10).toordinal()
SENT = (("first", DAY - 30), ("second", DAY))


def said(
    on: str, *signs: Sign, after: int = 0, of: str = "", sent: tuple[tuple[str, int], ...] = SENT
) -> bool | None:
    facts = Facts(sent=sent, signs=signs)
    return conditions.answer(Condition(on, of), facts, wait_days=7, today=DAY + after)


@pytest.mark.parametrize(
    ("on", "sign", "expected"),
    [
        ("clicked", "clicked", True),
        ("clicked", "opened", None),
        ("opened", "opened", True),
        # Who clicked or answered has opened the mail, with images switched off as well.
        ("opened", "clicked", True),
        ("opened", "replied", True),
        ("opened", "visited", None),
        ("visited", "visited", True),
        ("visited", "clicked", None),
        ("replied", "replied", True),
        ("replied", "clicked", None),
        # An opened mail alone is no reaction; anything louder is one.
        ("no_reaction", "opened", None),
        ("no_reaction", "clicked", False),
        ("no_reaction", "visited", False),
        ("no_reaction", "replied", False),
        ("no_reaction", "other", False),
        # A rank that moved is no reaction, and up is not down.
        ("no_reaction", "rank_fell", None),
        ("rank_rose", "rank_rose", True),
        ("rank_rose", "rank_fell", None),
        ("rank_fell", "rank_fell", True),
        ("rank_fell", "clicked", None),
    ],
)
def test_a_sign_answers_what_it_shows(on: str, sign: str, expected: bool | None) -> None:
    assert said(on, Sign(sign, "second", DAY + 1), after=1) is expected


@pytest.mark.parametrize(
    ("day", "after", "expected"),
    [(0, 0, True), (7, 7, True), (8, 8, False), (-1, 3, None), (5, 20, True)],
)
def test_only_the_days_after_the_mail_count(day: int, after: int, expected: bool | None) -> None:
    assert said("clicked", Sign("clicked", "second", DAY + day), after=after) is expected


def test_silence_is_known_when_the_days_are_over_and_no_earlier() -> None:
    assert said("clicked", after=7) is None
    assert said("clicked", after=8) is False
    assert said("no_reaction", after=7) is None
    assert said("no_reaction", after=8) is True
    facts = Facts(sent=SENT)
    assert conditions.ask_on(Condition("clicked"), facts, wait_days=7) == DAY + 8


def test_the_mail_that_is_watched_is_the_last_one_or_the_one_that_was_named() -> None:
    click = Sign("clicked", "first", DAY - 25)
    assert said("clicked", click, of="first") is True
    assert said("clicked", click, of="second") is None
    assert said("clicked", click) is None
    again = (("first", DAY - 30), ("second", DAY), ("third", DAY + 2))
    assert conditions.watched(Condition("clicked"), Facts(sent=again)) == ("third", DAY + 2)


def test_a_visit_may_belong_to_no_mail_but_not_to_another_one() -> None:
    assert said("visited", Sign("visited", "", DAY + 1), after=1) is True
    assert said("visited", Sign("visited", "first", DAY + 1), after=1) is None


def test_a_mail_that_never_went_out_has_no_echo() -> None:
    for on in ("opened", "clicked", "visited", "replied"):
        assert said(on, sent=()) is False
        assert said(on, of="gone") is False
    assert said("no_reaction", sent=()) is True


@pytest.mark.parametrize(
    ("on", "values", "expected"),
    [
        ("rank", ("hot", "warm"), True),
        ("rank", ("nurture",), False),
        ("class", ("A", "C1"), True),
        ("class", ("-",), False),
        ("industry", ("食品", "電機"), True),
        ("industry", ("電機",), False),
        ("size", ("100-299",), True),
        ("role", ("技術",), False),
        ("role", ("購買",), True),
        ("luck", ("good",), False),
    ],
)
def test_what_somebody_is_holds_when_one_value_does(on: str, values: tuple[str, ...], expected: bool) -> None:
    facts = Facts(rank="warm", company_class="C1", industry="食品", size="100-299", role="購買")
    assert conditions.answer(Condition(on, "", values), facts, wait_days=0, today=DAY) is expected


def test_an_unknown_industry_is_no_value() -> None:
    assert conditions.answer(Condition("industry", "", ("食品",)), Facts(), wait_days=0, today=DAY) is False


@pytest.mark.parametrize(
    ("kind", "sign"),
    [
        (Kind.MAIL_OPEN, "opened"),
        (Kind.MAIL_CLICK, "clicked"),
        (Kind.MAIL_REPLY, "replied"),
        (Kind.WEB_VIEW, "visited"),
        (Kind.WEB_VIEW_KEY, "visited"),
        (Kind.DOC_REQUEST, "visited"),
        (Kind.BOOTH_TALK, "other"),
        (Kind.CALL_CONNECTED, "other"),
        (Kind.CALL_TRIED, ""),
        (Kind.FAX_SENT, ""),
    ],
)
def test_each_touch_is_a_sign_or_none(kind: Kind, sign: str) -> None:
    assert conditions.sign_of(kind.value) == sign


@pytest.mark.parametrize("kind", [Kind.SEMINAR_APPLY, Kind.RSVP_YES, Kind.RSVP_MAYBE, Kind.RSVP_NO])
def test_an_answer_by_the_link_of_a_mail_is_a_click_in_it(kind: Kind) -> None:
    assert conditions.sign_of(kind.value, by_mail=True) == "clicked"
    assert conditions.sign_of(kind.value) == "visited"


@given(st.sampled_from(list(On)), st.text(max_size=5), st.lists(st.text(max_size=5)))
def test_a_condition_is_kept_as_it_was_written(on: On, of: str, values: list[str]) -> None:
    condition = Condition(on.value, of, tuple(values))
    assert conditions.from_json(conditions.to_json(condition)) == condition


def test_no_condition_is_kept_as_nothing() -> None:
    assert conditions.to_json(None) == {}
    assert conditions.from_json({}) is None


@pytest.mark.parametrize(
    ("old", "new", "on"),
    [
        ("unobserved", "nurture", "rank_rose"),
        ("nurture", "hot", "rank_rose"),
        ("declined", "unobserved", "rank_rose"),
        ("hot", "warm", "rank_fell"),
        ("nurture", "unobserved", "rank_fell"),
        ("warm", "declined", "rank_fell"),
    ],
)
def test_a_rank_rises_towards_hot_and_falls_away_from_it(old: str, new: str, on: str) -> None:
    assert conditions.move_of(old, new) == on
