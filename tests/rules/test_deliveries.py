from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules.deliveries import (
    BACKOFF,
    COUNTING,
    DATED,
    FINAL,
    HOLDING,
    SendFacts,
    State,
    is_silenced,
    may_send,
    retry_at,
)  # fmt: skip
from campaigns.rules.schedule import parse_month

NOW = datetime(2026, 11, 10, 3, 0, tzinfo=UTC)
NOV = parse_month("2026-11")


def asked(now: datetime = NOW, **facts) -> tuple[bool, str | None, str | None]:
    facts.setdefault("slot_month", NOV)
    decision = may_send(SendFacts(**facts), now=now)
    return decision.ok, decision.reason, decision.state


def test_an_ordinary_mail_may_go():
    assert asked() == (True, None, None)


@pytest.mark.parametrize(
    ("facts", "reason", "state"),
    [
        ({"address_status": "hard"}, "address_hard", "suppressed"),
        ({"address_status": "complaint"}, "address_complaint", "suppressed"),
        ({"refusal": "refused_global"}, "refused_global", "suppressed"),
        ({"refusal": "refused_product"}, "refused_product", "suppressed"),
        ({"refusal": "refused_new_products"}, "refused_new_products", "suppressed"),
        ({"has_consent": False}, "no_consent", "no_consent"),
        ({"lead_state": "with_sales"}, "lead_with_sales", "carried_over"),
        ({"lead_state": "paused"}, "lead_paused", "carried_over"),
        ({"lead_state": "excluded"}, "person_excluded", "cancelled"),
        ({"hold": "scenario_paused"}, "scenario_paused", "carried_over"),
        ({"hold": "product_paused"}, "product_paused", "carried_over"),
        ({"hold": "scenario_ended"}, "scenario_ended", "cancelled"),
        ({"is_product_active": False}, "product_inactive", "cancelled"),
        ({"is_profile_complete": False}, "profile_incomplete", "retry"),
        ({"valid_until": date(2026, 11, 9)}, "expired", "expired"),
        ({"slot_month": NOV - 1}, "month_passed", "carried_over"),
        (
            {"tone": "sales_hard", "company_class": "D", "recent_tones": ("info",) * 3},
            "tone_hard",
            "carried_over",
        ),
        ({"tone": "sales_light", "recent_tones": ("info",) * 2}, "tone_ratio", "carried_over"),
    ],
)
def test_each_single_fact_stops_a_mail_and_says_why(facts, reason, state):
    assert asked(**facts) == (False, reason, state)


@pytest.mark.parametrize("status", ["ok", "soft", "unknown"])
def test_a_soft_bounce_does_not_forbid(status):
    assert asked(address_status=status)[0]


def test_an_answer_to_the_person_s_own_act_needs_no_marketing_consent_and_no_slot():
    asked_for = {
        "is_transactional": True,
        "refusal": "refused_global",
        "has_consent": False,
        "slot_month": None,
    }
    assert asked(**asked_for) == (True, None, None)
    assert asked(**asked_for, address_status="complaint")[1] == "address_complaint"
    assert asked(**asked_for, is_profile_complete=False)[1] == "profile_incomplete"


def test_a_mail_that_slips_over_midnight_in_tokyo_needs_the_new_month_s_slot():
    last = datetime(2026, 11, 30, 14, 59, 59, tzinfo=UTC)
    assert asked(last)[0]
    assert asked(last + timedelta(seconds=1)) == (False, "month_passed", "carried_over")


def test_the_last_day_of_validity_is_a_day_in_tokyo():
    until = date(2026, 11, 10)
    assert asked(datetime(2026, 11, 10, 14, 59, tzinfo=UTC), valid_until=until)[0]
    assert not asked(datetime(2026, 11, 10, 15, 0, tzinfo=UTC), valid_until=until)[0]


def test_a_refusal_is_told_before_anything_a_marketer_could_mend():
    assert (
        asked(refusal="refused_product", is_product_active=False, lead_state="with_sales")[1]
        == "refused_product"
    )


def test_only_sent_and_in_doubt_count():
    assert {"sent", "in_doubt"} == COUNTING
    assert COUNTING < HOLDING
    assert FINAL | DATED | {State.HANDING} == set(State)
    assert not FINAL & DATED


def test_retries_back_off_and_end():
    waits = [retry_at(n, now=NOW) for n in range(1, len(BACKOFF) + 2)]
    assert waits[-1] is None
    assert waits[:-1] == sorted(w for w in waits if w)
    assert waits[0] == NOW + timedelta(minutes=5)
    with pytest.raises(ValueError, match="from 1"):
        retry_at(0, now=NOW)


@pytest.mark.parametrize(
    ("state", "stage", "silenced"),
    [
        ("planned", "offered", True),
        ("retry", "with_sales", True),
        ("planned", "nurturing", False),
        ("planned", "", False),
        ("sent", "offered", False),
        ("carried_over", "hot", False),
    ],
)
def test_a_planned_mail_is_silenced_while_the_lead_asks_or_is_with_sales(state, stage, silenced):
    assert is_silenced(state, stage) is silenced
