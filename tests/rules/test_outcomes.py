from datetime import UTC, date, datetime, timedelta

import pytest

from campaigns.rules.outcomes import Call, CallResult, OutcomeError, effect_of
from campaigns.rules.touchpoints import KINDS, Kind
from campaigns.rules.workdays import Calendar

FRIDAY = date(2026, 11, 20)
TUESDAY = date(2026, 11, 24)  # Monday 23 is a holiday
CAL = Calendar()
PROMISE = datetime(2026, 11, 26, 5, 0, tzinfo=UTC)


def effect(result: str, **call):
    call.setdefault("hour", 10)
    return effect_of(CallResult(result), Call(FRIDAY, **call), calendar=CAL)


def test_there_are_thirteen_results_and_each_has_an_effect():
    assert len(CallResult) == 13
    for result in CallResult:
        assert effect(result, named_at=PROMISE)


@pytest.mark.parametrize("result", list(CallResult))
def test_only_talking_scores(result):
    scored = {
        "talked": Kind.CALL_CONNECTED,
        "interest": Kind.CALL_INTEREST,
        "appointment": Kind.CALL_INTEREST,
    }
    touch = effect(result, named_at=PROMISE).touch
    assert touch == scored.get(result, Kind.CALL_TRIED)
    assert KINDS[touch].is_sign is (result in scored)


@pytest.mark.parametrize("result", ["no_answer", "absent"])
def test_an_unanswered_call_is_tried_again_at_another_time_of_day(result):
    morning, afternoon = effect(result, hour=10), effect(result, hour=15)
    assert (morning.retry_on, morning.retry_band) == (TUESDAY, "afternoon")
    assert (afternoon.retry_on, afternoon.retry_band) == (TUESDAY, "morning")
    assert morning.keeps_task_open


def test_after_six_tries_the_lead_rests_for_sixty_days():
    assert effect("no_answer", tries=4).keeps_task_open
    last = effect("no_answer", tries=5)
    assert not last.keeps_task_open
    assert (last.lead_state, last.no_call_before) == ("nurturing", FRIDAY + timedelta(days=60))


@pytest.mark.parametrize("result", ["talked", "gatekeeper"])
def test_no_appointment_goes_back_to_nurturing_the_same_day(result):
    found = effect(result)
    assert (found.lead_state, found.no_call_before) == ("nurturing", FRIDAY + timedelta(days=90))
    assert found.declined_until is None


def test_only_an_explicit_refusal_declines_and_it_does_not_stop_mail():
    declining = [r for r in CallResult if effect(r, named_at=PROMISE).declined_until]
    assert declining == [CallResult.REFUSED]
    found = effect("refused", cycle_days=540)
    assert found.declined_until == FRIDAY + timedelta(days=540)
    assert found.ask_mail_scope
    assert not found.do_not_call


def test_asked_material_goes_out_today_and_a_call_follows_three_business_days_later():
    by_fax, by_mail = effect("material", has_fax=True), effect("material")
    assert [(f.kind, f.due_on) for f in by_fax.follow_ups] == [("fax", FRIDAY), ("call", date(2026, 11, 26))]
    assert by_mail.follow_ups[0].kind == "mail"


def test_a_call_back_is_a_promise_with_a_time():
    assert effect("callback", named_at=PROMISE).callback_at == PROMISE
    with pytest.raises(OutcomeError) as caught:
        effect("callback")
    assert caught.value.code == "callback_at_missing"


def test_not_now_sleeps_until_three_months_before_the_named_month():
    found = effect("not_now", named_month=date(2027, 9, 15))
    assert found.timeframe == date(2027, 9, 1)
    assert [(f.kind, f.due_on) for f in found.follow_ups] == [("call", date(2027, 6, 1))]
    assert found.no_call_before == date(2027, 6, 1)


def test_a_named_month_that_is_close_is_called_soon_and_none_named_rests_ninety_days():
    assert effect("not_now", named_month=date(2027, 1, 1)).no_call_before == TUESDAY
    assert effect("not_now").no_call_before == FRIDAY + timedelta(days=90)


def test_an_appointment_makes_a_visit_on_its_day():
    visit = effect("appointment", named_at=PROMISE).follow_ups[0]
    assert (visit.kind, visit.at) == ("visit", PROMISE)
    early = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # half past eight in Tokyo, on the 26th
    assert effect("appointment", named_at=early).follow_ups[0].due_on == date(2026, 11, 26)
    assert effect("appointment").follow_ups[0].due_on == date(2026, 11, 30)


def test_wrong_number_left_and_do_not_call_mark_what_they_are_about():
    assert effect("wrong").phone_invalid
    left = effect("left")
    assert left.person_excluded
    assert [f.reason for f in left.follow_ups] == ["find_successor"]
    assert effect("dnc").do_not_call
    assert effect("dnc").declined_until is None
