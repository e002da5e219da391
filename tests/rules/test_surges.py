"""A silent lead that stirs and colleagues who stir together are told; what we did ourselves is not."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from campaigns.rules.surges import Lead, Sign, Surge, find
from campaigns.rules.touchpoints import Kind

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
LEAD = Lead(id=1, person_id=1, product_id=7, company_id=3, since=NOW - timedelta(days=400))


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def sign(kind: str, days: float, *, person: int = 1, product: int = 7, **more: bool) -> Sign:
    return Sign(int(days * 10_000) + person, person, Kind(kind), ago(days), product, **more)


def surges(
    mine: Sequence[Sign], others: Sequence[Sign] = (), lead: Lead = LEAD, leads: Sequence[Lead] = ()
) -> tuple[Surge, ...]:
    signs = {lead.person_id: list(mine), **{one.person_id: list(mine) for one in leads}}
    return find([lead, *leads], signs, {(3, 7): [*others]}, now=NOW)


def codes(found: tuple[Surge, ...]) -> list[str]:
    return [reason.code for one in found for reason in one.reasons]


SILENCES = (
    ("a request after 60 days", [sign("badge_scan", 60.5), sign("doc_request", 0.1)], True),
    ("a request after 59 days", [sign("badge_scan", 59), sign("doc_request", 0.1)], False),
    ("a key page, which is depth 2", [sign("badge_scan", 90), sign("web_view_key", 0.1)], True),
    ("a click, which is depth 1", [sign("badge_scan", 90), sign("mail_click", 0.1)], False),
    ("a talk of ours", [sign("badge_scan", 90), sign("call_interest", 0.1)], False),
    ("a request soon after our call", [sign("call_connected", 20), sign("doc_request", 0.1)], False),
    ("a click in between", [sign("mail_click", 30), sign("doc_request", 0.1)], False),
    (
        "a click on something else in between",
        [sign("mail_click", 30, product=8), sign("doc_request", 0.1)],
        True,
    ),
    (
        "a general click in between",
        [sign("mail_click", 30, product=8, is_general=True), sign("doc_request", 0.1)],
        False,
    ),
    (
        "the click that led to the page",
        [sign("badge_scan", 90), sign("mail_click", 0.2), sign("web_view_key", 0.1)],
        True,
    ),
    (
        "a click three days before",
        [sign("badge_scan", 90), sign("mail_click", 3.2), sign("web_view_key", 0.1)],
        False,
    ),
    (
        "a burst that began 59 days after",
        [sign("mail_click", 61), sign("mail_click", 2), sign("doc_request", 0.1)],
        False,
    ),
    ("two pages of one visit after a silence", [sign("web_view_key", 0.2), sign("web_view_key", 0.1)], True),
    ("a card from an imported list", [sign("card_exchange", 0.1, is_imported=True)], False),
    ("an old request, uploaded late", [sign("doc_request", 5)], False),
    ("a request about another product", [sign("doc_request", 0.1, product=8)], False),
)


@pytest.mark.parametrize(("mine", "is_told"), [case[1:] for case in SILENCES], ids=[c[0] for c in SILENCES])
def test_who_breaks_a_long_silence_is_told(mine: list[Sign], is_told: bool) -> None:
    assert codes(surges(mine)) == (["silent_then_active"] if is_told else [])


def test_a_person_we_have_just_met_was_never_silent() -> None:
    met = Lead(id=1, person_id=1, product_id=7, company_id=3, since=ago(0.1))
    assert not surges([sign("inquiry", 0.1)], lead=met)


def test_the_silence_is_told_in_days_and_its_signals_by_name() -> None:
    mine = [sign("booth_talk", 83), sign("web_view_key", 0.2), sign("doc_request", 0.1)]
    [one] = surges(mine)
    assert one.reasons[0].args == {"days": 82}
    assert one.touches == (mine[1].touch_id, mine[2].touch_id)
    assert (one.at, one.people) == (mine[2].at, 1)


COLLEAGUES = (
    ("two people within 14 days", [sign("doc_request", 13, person=2)], 2),
    ("a colleague 15 days before", [sign("doc_request", 15, person=2)], 0),
    ("the same person twice", [sign("doc_request", 5)], 0),
    ("three people", [sign("doc_request", 3, person=2), sign("web_view_key", 9, person=4)], 3),
    ("a colleague on an imported list", [sign("booth_talk", 6, person=2, is_imported=True)], 2),
)


@pytest.mark.parametrize(("others", "people"), [c[1:] for c in COLLEAGUES], ids=[c[0] for c in COLLEAGUES])
def test_several_people_of_a_company_are_a_surge(others: list[Sign], people: int) -> None:
    mine = [sign("mail_click", 20), sign("web_view_key", 0.1)]
    found = surges(mine, [*others, mine[1]])
    assert codes(found) == (["colleagues_active"] if people else [])
    if people:
        assert found[0].reasons[0].args == {"people": people, "days": 14}


def test_two_who_stir_together_are_one_surge_of_their_company() -> None:
    second = Lead(id=2, person_id=2, product_id=7, company_id=3, since=ago(300))
    mine = {1: [sign("doc_request", 0.2)], 2: [sign("web_view_key", 0.1, person=2)]}
    [one] = find([LEAD, second], mine, {(3, 7): [*mine[1], *mine[2]]}, now=NOW)
    assert (one.lead_id, one.people, codes((one,))) == (2, 2, ["silent_then_active", "colleagues_active"])
    assert set(one.touches) == {mine[1][0].touch_id, mine[2][0].touch_id}


def test_without_a_company_each_lead_stands_for_itself() -> None:
    alone = [Lead(n, n, 7, None, ago(300)) for n in (1, 2)]
    mine = {n: [sign("doc_request", 0.1, person=n)] for n in (1, 2)}
    found = find(alone, mine, {}, now=NOW)
    assert [one.lead_id for one in found] == [1, 2]
