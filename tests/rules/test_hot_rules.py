"""Hot criteria: the same events, another product, another rank (S2-19)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from campaigns.rules import hot_rules
from campaigns.rules.ranks import TRIGGERS, ProductRules, Rank, rank
from campaigns.rules.touchpoints import KINDS, Kind, Touch

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
REQUEST = [Touch(Kind.DOC_REQUEST, NOW - timedelta(days=3), 1, id=1)]
WATCHED: dict[str, Any] = {"kinds": {"doc_request": {"days": 14}}}


def ranked(stored: dict[str, Any], *, industry: str = "", age: int = 0) -> Any:
    fitting = (one for names, one in hot_rules.variants(stored) if industry in names)
    mine = next(fitting, hot_rules.criteria(stored))
    rules = ProductRules(1, table=mine.table, triggers=mine.triggers)
    return rank(REQUEST, rules, now=NOW + timedelta(days=age))


def test_two_products_give_different_ranks_for_the_same_events() -> None:
    assert ranked({}).rank is Rank.NURTURE
    hot = ranked(WATCHED)
    assert hot.rank is Rank.HOT
    assert hot.reasons[0].code == "trigger_doc_request"


def test_a_trigger_of_a_product_ends_after_its_own_days() -> None:
    assert ranked(WATCHED, age=10).rank is Rank.HOT
    assert ranked(WATCHED, age=11).rank is Rank.NURTURE
    assert ranked(WATCHED).next_change_at <= REQUEST[0].at + timedelta(days=14)


def test_points_of_a_product_change_its_score_alone() -> None:
    assert ranked({"kinds": {"doc_request": {"points": 30}}}).score > ranked({}).score + 5


def test_one_industry_has_criteria_of_its_own() -> None:
    stored = {"variants": [{"industries": ["食品機械"], "kinds": {"doc_request": {"days": 14}}}]}
    assert ranked(stored, industry="食品機械").rank is Rank.HOT
    assert ranked(stored, industry="電機").rank is Rank.NURTURE


def test_a_shipped_trigger_can_be_switched_off() -> None:
    off = hot_rules.criteria({"kinds": {"inquiry": {"days": 0}}})
    assert set(off.triggers) == set(TRIGGERS) - {Kind.INQUIRY}
    assert hot_rules.criteria({}).table is KINDS


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ({"mail_click": {"days": 30}}, "online_trigger"),
        ({"web_view_key": {"depth": 3}}, "online_too_deep"),
        ({"mail_open": {"points": 5}}, "not_editable"),
        ({"fax_sent": {"points": 5}}, "not_editable"),
        ({"visit": {"points": 0}}, "points_out_of_range"),
        ({"visit": {"points": 101}}, "points_out_of_range"),
        ({"visit": {"depth": 6}}, "depth_out_of_range"),
        ({"visit": {"days": 366}}, "days_out_of_range"),
    ],
)
def test_a_wrong_criterion_is_named(kinds: dict[str, Any], code: str) -> None:
    assert [bad.code for bad in hot_rules.check({"kinds": kinds})] == [code]
    inside = hot_rules.check({"variants": [{"industries": [], "kinds": kinds}]})
    assert [(bad.code, bad.variant) for bad in inside] == [("industry_missing", 0), (code, 0)]


def test_only_what_differs_is_stored() -> None:
    typed = {
        "inquiry": {"points": 40.0, "depth": 4, "days": 30},
        "visit": {"points": 35.0, "depth": 5, "days": 0},
    }
    assert hot_rules.differing(typed, hot_rules.SHIPPED) == {"visit": {"depth": 5}}
