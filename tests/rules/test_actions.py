from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules.actions import MATRIX, Kind, LeadFacts, Row, next_actions, remeasure_quota
from campaigns.rules.ranks import Rank, Ranked
from campaigns.rules.reasons import Reason
from campaigns.rules.workdays import Calendar

FRIDAY = date(2026, 11, 20)  # the Monday after it is a holiday
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
FACTS = LeadFacts(FRIDAY, Calendar(), has_phone=True, has_fax=True, company_class="E")
OVER = Reason("p_win_over_gate", {"p_win": 0.25})


def ranked(rank: Rank, depth: int = 3, *reasons: Reason, trigger_until=None) -> Ranked:
    return Ranked(rank, 40.0, 0.25, depth, reasons, trigger_until)


HOT = ranked(Rank.HOT, 3, OVER)
SHALLOW = ranked(Rank.WARM, 2, Reason("top_share"))
SILENT = ranked(Rank.UNOBSERVED, 0, Reason("silent"))


def asked(lead: Ranked, **facts) -> list[tuple[str, str]]:
    found = next_actions(lead, replace(FACTS, **facts))
    return [(action.kind.value, action.due_on.isoformat()) for action in found]


def test_hot_is_handed_over_and_called_within_one_business_day():
    assert asked(HOT) == [("handoff", "2026-11-20"), ("call", "2026-11-24")]


def test_a_visit_is_made_only_once_the_gate_let_the_lead_through():
    assert ("visit", "2026-11-30") in asked(HOT, has_been_offered=True)
    assert "handoff" not in [kind for kind, _ in asked(HOT, has_been_offered=True)]
    assert "visit" not in [kind for kind, _ in asked(HOT)]


def test_warm_and_deep_is_called_within_five_business_days():
    assert asked(ranked(Rank.WARM, 3, Reason("top_share"))) == [("call", "2026-11-30")]


def test_warm_and_shallow_gets_material_first_and_then_a_call():
    assert asked(SHALLOW) == [("fax", "2026-11-24"), ("call", "2026-11-30")]


@pytest.mark.parametrize("no_fax", [{"has_fax": False}, {"do_not_fax": True}])
def test_who_can_get_no_fax_gets_the_material_by_mail_and_then_the_call(no_fax):
    found = next_actions(SHALLOW, replace(FACTS, **no_fax))
    assert [(one.kind, one.has_material) for one in found] == [(Kind.MAIL, True), (Kind.CALL, False)]
    assert asked(SHALLOW, has_mail=False, **no_fax) == [("call", "2026-11-30")]


@pytest.mark.parametrize("sent", [{"open_kinds": frozenset({"fax"})}, {"last_fax_on": FRIDAY}])
def test_material_that_went_by_fax_is_not_mailed_as_well(sent):
    assert asked(SHALLOW, **sent) == [("call", "2026-11-30")]


def test_a_mail_without_material_goes_beside_the_fax():
    rows = (
        Row("warm_shallow", Rank.WARM, Kind.FAX, 1, 3, has_material=True),
        Row("warm_shallow", Rank.WARM, Kind.MAIL, 1, 3),
    )
    assert [one.kind for one in next_actions(SHALLOW, FACTS, matrix=rows)] == [Kind.FAX, Kind.MAIL]


def test_warm_and_deep_is_invited_where_an_event_lies_ahead():
    deep = ranked(Rank.WARM, 3, Reason("top_share"))
    assert asked(deep, may_invite=True) == [("call", "2026-11-30"), ("invite", "2026-11-30")]
    assert "invite" not in dict(asked(SHALLOW, may_invite=True))


def test_a_shallow_lead_over_the_gate_is_called_within_one_business_day():
    assert asked(ranked(Rank.WARM, 2, OVER)) == [("call", "2026-11-24")]


def test_the_silent_are_faxed_once_per_half_year():
    assert asked(SILENT, last_fax_on=FRIDAY - timedelta(days=181)) == []
    assert asked(SILENT, last_fax_on=FRIDAY - timedelta(days=182))[0][0] == "fax"


def test_everybody_else_is_faxed_once_per_three_months():
    assert asked(SHALLOW, last_fax_on=date(2026, 8, 20)) == [("call", "2026-11-30")]
    assert asked(SHALLOW, last_fax_on=date(2026, 8, 19))[0][0] == "fax"


def test_the_silent_are_called_by_quota_and_faxed():
    assert asked(SILENT) == [("fax", "2026-11-30")]
    assert asked(SILENT, may_remeasure=True) == [("call", "2026-11-30"), ("fax", "2026-11-30")]
    assert remeasure_quota(20) == 4


@pytest.mark.parametrize("rank", [Rank.NURTURE, Rank.DECLINED])
def test_nurture_and_declined_are_left_in_peace(rank):
    everything = {"may_remeasure": True, "has_been_offered": True}
    assert asked(ranked(rank, 4, OVER), **everything) == []


@pytest.mark.parametrize(
    "state", ["with_sales", "opportunity", "won", "lost", "waiting", "paused", "excluded"]
)
@pytest.mark.parametrize("lead", [HOT, SHALLOW, SILENT])
def test_nobody_else_acts_on_a_lead_that_is_with_a_rep_or_resting(state, lead):
    assert asked(lead, state=state, may_remeasure=True) == []


@pytest.mark.parametrize("lead", [HOT, SHALLOW, SILENT])
def test_do_not_call_and_do_not_fax_are_kept(lead):
    found = asked(lead, do_not_call=True, do_not_fax=True, may_remeasure=True, has_been_offered=True)
    assert {kind for kind, _ in found} <= {"handoff", "visit", "mail"}


def test_without_a_number_there_is_no_call():
    assert asked(HOT, has_phone=False) == [("handoff", "2026-11-20")]


def test_what_is_open_is_not_asked_twice():
    assert asked(HOT, open_kinds=frozenset({"call", "handoff"})) == []


def test_promised_silence_is_kept_until_its_day():
    assert "call" not in dict(asked(HOT, no_call_before=FRIDAY + timedelta(days=1)))
    assert "call" in dict(asked(HOT, no_call_before=FRIDAY))
    assert "handoff" not in dict(asked(HOT, no_hand_off_before=FRIDAY + timedelta(days=60)))


def test_a_fresh_call_is_not_repeated_unless_the_customer_asks_after_it():
    called = NOW - timedelta(hours=1)
    assert "call" not in dict(asked(HOT, last_call_at=called))
    assert "call" in dict(asked(HOT, last_call_at=NOW - timedelta(days=10)))
    for asked_at, expected in ((called + timedelta(minutes=5), True), (called - timedelta(minutes=5), False)):
        until = asked_at + timedelta(days=30)
        inquiry = ranked(
            Rank.HOT, 4, Reason("trigger_inquiry", {"until": until.isoformat()}), trigger_until=until
        )
        assert ("call" in dict(asked(inquiry, last_call_at=called))) is expected


def test_field_customers_belong_to_the_field_team():
    def teams(cls: str) -> dict[str, str]:
        found = next_actions(HOT, replace(FACTS, company_class=cls, has_been_offered=True))
        return {action.kind.value: action.team for action in found}

    assert teams("C2") == {"call": "field", "visit": "field"}
    assert teams("C1") == {"call": "inside", "visit": "field"}


def test_an_action_carries_the_reasons_of_the_rank_and_the_row_that_made_it():
    call = next_actions(HOT, FACTS)[-1]
    assert (call.cause, call.why, call.priority) == ("hot_deep", (OVER,), 1)


def test_rows_can_ask_for_class_size_and_industry():
    only = Row(
        "hot_deep", Rank.HOT, Kind.MAIL, 2, 4, frozenset({"E"}), frozenset({"100-299"}), frozenset({"食品"})
    )
    fits = replace(FACTS, band="100-299", industry="食品")
    assert [a.kind for a in next_actions(HOT, fits, matrix=(only,))] == [Kind.MAIL]
    for other in ({"band": "1-9"}, {"industry": "鉄鋼"}, {"company_class": "A"}):
        assert next_actions(HOT, replace(fits, **other), matrix=(only,)) == ()


def test_the_default_matrix_never_asks_anything_of_nurture_or_declined():
    assert {row.rank for row in MATRIX}.isdisjoint({Rank.NURTURE, Rank.DECLINED})


def test_a_silent_lead_whose_mailbox_takes_no_mail_is_asked_for_an_address():
    quiet = {"may_remeasure": True, "has_fax": False}
    assert [kind for kind, _ in asked(SILENT, **quiet)] == ["call"]
    assert [kind for kind, _ in asked(SILENT, has_mail=False, **quiet)] == ["call", "check"]


RESTS = {"no_hand_off_before": date(2027, 1, 20)}
POOLED = {"is_in_pool": True}


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, {"handoff", "call"}),
        (RESTS, {"call"}),  # sales sent it back: inside sales may still qualify it
        (RESTS | {"has_deepened": True}, {"handoff", "call"}),
        (POOLED, set()),
        (POOLED | {"has_deepened": True}, {"handoff", "call"}),
    ],
)
def test_what_came_back_rests_until_something_deepens_it(more, kinds):
    assert {kind for kind, _ in asked(HOT, **more)} == kinds


@pytest.mark.parametrize(
    ("facts", "wanted"),
    [
        ({"has_asked_anew": True}, [("call", "2026-11-24")]),
        ({"has_asked_anew": True, "has_phone": False}, [("mail", "2026-11-24")]),
        ({"has_asked_anew": True, "do_not_call": True}, [("mail", "2026-11-24")]),
        ({"has_asked_anew": True, "do_not_call": True, "has_mail": False}, []),
        ({"has_asked_anew": False}, []),
    ],
)
def test_a_customer_who_asks_anew_is_called_or_written_to(facts, wanted):
    assert asked(HOT, state="won", **facts) == wanted
    assert asked(HOT, **facts | {"state": "with_sales"}) == []
