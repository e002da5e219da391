from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.rules import calibrating, ranks, scores
from campaigns.rules.calibrating import calibrate
from campaigns.rules.ranks import EDGES, ProductRules, Rank, Refusal, Signs, band_of
from campaigns.rules.reasons import Reason
from campaigns.rules.scores import engagement
from campaigns.rules.touchpoints import Kind, Touch

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
P = 7
E8_RATES = calibrate([(1, 60), (2, 30), (1, 20), (5, 18), (6, 12)])


def touch(
    kind: Kind, age: float = 0.0, *, active_s: float = 0, validity: float = 1.0, product=P, id=0
) -> Touch:
    return Touch(kind, NOW - timedelta(days=age), product, validity, active_s, id)


def score(*touches: Touch, cycle: int = 365) -> float:
    return round(engagement(touches, product_id=P, cycle_days=cycle, now=NOW).total, 3)


def view(active_s: float) -> Touch:
    return touch(Kind.WEB_VIEW, active_s=active_s)


def test_e1_a_view_is_worth_little_however_long_the_tab_stood_open():
    assert score(view(45)) == 2.128
    assert score(view(1800)) == 2.786
    assert score(view(60), view(60), view(60)) == 5.906


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("badge_scan", 2.912),
        ("card_exchange", 7.393),
        ("booth_talk", 16.484),
        ("booth_talk_prospect", 25.171),
    ],
)
def test_e2_one_touch_of_today(kind, expected):
    assert score(touch(Kind(kind))) == expected


@pytest.mark.parametrize(
    ("age", "cycle", "expected"),
    [
        (0, 365, 25.171),
        (30, 365, 23.227),
        (90, 365, 19.592),
        (182.5, 365, 14.766),
        (365, 365, 8.027),
        (0, 730, 25.171),
        (30, 730, 24.189),
        (90, 730, 22.284),
        (182.5, 730, 19.521),
        (365, 730, 14.766),
    ],
)
def test_e3_decay_follows_the_purchase_cycle(age, cycle, expected):
    assert score(touch(Kind.BOOTH_TALK_PROSPECT, age), cycle=cycle) == expected


@pytest.mark.parametrize(("n", "expected"), [(1, 3.402), (3, 7.585), (10, 11.572), (100, 12.0)])
def test_e4_clicks_saturate(n, expected):
    assert score(*[touch(Kind.MAIL_CLICK)] * n) == expected


def test_e5_scanner_clicks_count_once_they_are_upgraded_to_human():
    assert score(*[touch(Kind.MAIL_CLICK, validity=0.0)] * 8) == 0.0
    assert score(*[touch(Kind.MAIL_CLICK)] * 8) == 11.166


def test_e6_the_worked_example_part_by_part():
    touches = [
        touch(Kind.BOOTH_TALK, 120, id=1),
        touch(Kind.MAIL_CLICK, 60, id=2),
        touch(Kind.WEB_VIEW_KEY, 60, active_s=75, id=3),
        touch(Kind.WEB_VIEW, 60, active_s=40, id=4),
        touch(Kind.DOC_REQUEST, 20, id=5),
        touch(Kind.CALL_CONNECTED, 10, id=6),
    ]
    found = engagement(touches, product_id=P, cycle_days=365, now=NOW)
    assert {i: round(x, 3) for i, x in found.by_touch} == {
        1: 12.679, 2: 3.185, 3: 4.313, 4: 1.769, 5: 13.903, 6: 11.553,
    }  # fmt: skip
    assert round(found.total, 3) == 42.408
    assert band_of(found.total) == 3


@pytest.mark.parametrize(
    ("kinds", "expected", "band"),
    [
        (["booth_talk_prospect", "doc_request"], 38.443, 3),
        (["inquiry", "web_view_key", "web_view_key"], 37.064, 3),
        (["mail_click"] * 99 + ["web_view"] * 99, 31.999, 2),
        (["visit"], 28.348, 2),
        (["badge_scan"] + ["mail_click"] * 6, 13.288, 1),
    ],
)
def test_e6b_mixtures(kinds, expected, band):
    found = score(*[touch(Kind(k)) for k in kinds])
    assert found == expected
    assert band_of(found) == band


def test_e7_a_committee_of_many_faint_people_is_still_faint():
    assert scores.committee([40], roles=1) == 40.0
    assert scores.committee([10, 40, 25], roles=3) == 63.0
    assert round(scores.committee([5] * 10, roles=1), 2) == 9.99


def test_e8_calibration_mixes_counts_and_priors():
    assert [round(r, 3) for r in E8_RATES] == [0.017, 0.065, 0.073, 0.257, 0.432]
    assert calibrate([(0, 0)] * 5) == pytest.approx((0.02, 0.06, 0.12, 0.22, 0.35))


def test_e8c_a_higher_band_is_never_worse():
    found = calibrate([(3, 60), (1, 30), (4, 20), (2, 18), (6, 12)])
    assert [round(r, 3) for r in found] == [0.044, 0.044, 0.162, 0.162, 0.432]


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), min_size=5, max_size=5))
def test_calibrated_rates_never_fall_and_stay_rates(pairs):
    found = calibrate([(min(pair), max(pair)) for pair in pairs])
    assert all(a <= b + 1e-12 for a, b in pairwise(found))
    assert all(0 <= r <= 1 for r in found)


def test_an_edge_belongs_to_the_band_above():
    assert [band_of(s) for s in (0, 7.999, 8, 20, 34.999, 35, 55, 222)] == [0, 0, 1, 2, 2, 3, 4, 4]


RECENT = NOW - timedelta(days=5)


@pytest.mark.parametrize(
    ("case", "gate", "cut", "expected"),
    [
        (Signs(75, 3, RECENT), 0.20, None, Rank.HOT),
        (Signs(75, 2, RECENT), 0.20, None, Rank.WARM),
        (Signs(50, 3, RECENT), 0.20, None, Rank.HOT),
        (Signs(50, 3, RECENT, True), 0.30, 40.0, Rank.WARM),
        (Signs(30, 3, RECENT, True), 0.20, 25.0, Rank.WARM),
        (Signs(30, 3, RECENT, True), 0.20, 30.0, Rank.NURTURE),
        (Signs(30, 3, RECENT, True), 0.20, 35.0, Rank.NURTURE),
        (Signs(30, 3, RECENT, False), 0.20, 25.0, Rank.NURTURE),
        (Signs(7.9, 3, RECENT, True), 0.20, 1.0, Rank.NURTURE),
        (Signs(8, 0, NOW - timedelta(days=400)), 0.20, 1.0, Rank.UNOBSERVED),
        (Signs(75, 4, RECENT, refused_until=NOW + timedelta(days=1)), 0.20, 1.0, Rank.DECLINED),
        (Signs(1, 1, RECENT, triggers=((Kind.INQUIRY, NOW),)), 0.20, None, Rank.HOT),
    ],
)
def test_e9_from_signs_to_a_rank(case, gate, cut, expected):
    rules = ProductRules(P, gate=gate, rates=E8_RATES, warm_cut=cut)
    word, reasons = ranks.decide(case, rules, now=NOW)
    assert word == expected
    assert reasons


def rank(*touches: Touch, at: datetime = NOW, refusal=None, cut=None, cycle=365) -> ranks.Ranked:
    rules = ProductRules(P, cycle_days=cycle, rates=E8_RATES, warm_cut=cut)
    return ranks.rank(touches, rules, now=at, refusal=refusal)


def test_nobody_seen_at_all_is_unobserved_not_the_lowest():
    assert rank().rank == Rank.UNOBSERVED
    assert rank().next_change_at is None


def test_a_document_request_alone_is_nurture():
    assert rank(touch(Kind.DOC_REQUEST)).rank == Rank.NURTURE


def test_opens_faxes_and_calls_in_vain_do_not_make_a_silent_lead_seen():
    mine = [touch(Kind.MAIL_OPEN), touch(Kind.FAX_SENT), touch(Kind.CALL_TRIED)]
    assert rank(*mine, touch(Kind.BADGE_SCAN, 400)).rank == Rank.UNOBSERVED


def test_a_thousand_clicks_and_pages_never_make_anybody_hot():
    many = [touch(Kind.MAIL_CLICK)] * 1000 + [touch(Kind.WEB_VIEW_KEY, active_s=1800)] * 1000
    found = rank(*many, touch(Kind.BOOTH_TALK, 900))
    assert found.score < 35
    assert found.rank != Rank.HOT


def test_an_inquiry_is_hot_for_thirty_days():
    asked = touch(Kind.INQUIRY)
    assert rank(asked).rank == Rank.HOT
    assert rank(asked).reasons[0].code == "trigger_inquiry"
    assert rank(asked).trigger_until == NOW + timedelta(days=30)
    assert rank(asked, at=NOW + timedelta(days=30)).rank != Rank.HOT


def test_a_short_trigger_is_told_beside_a_longer_one():
    found = rank(touch(Kind.CALL_INTEREST), touch(Kind.INQUIRY))
    assert [r.code for r in found.reasons[:2]] == ["trigger_call_interest", "trigger_inquiry"]


def test_a_scanner_cannot_ask_for_a_quote():
    assert rank(touch(Kind.QUOTE_REQUEST, validity=0.0)).rank == Rank.UNOBSERVED


def test_another_product_s_touches_do_not_count():
    assert rank(touch(Kind.QUOTE_REQUEST, product=8)).rank == Rank.UNOBSERVED
    assert score(touch(Kind.VISIT, product=8)) == 0
    assert 0 < score(touch(Kind.VISIT, product=None)) < score(touch(Kind.VISIT))


def test_two_products_with_two_cycles_rank_the_same_events_differently():
    old = touch(Kind.BOOTH_TALK, 100, product=None)
    short = ranks.rank([old], ProductRules(1, cycle_days=90), now=NOW)
    long = ranks.rank([old], ProductRules(2, cycle_days=730), now=NOW)
    assert (short.rank, long.rank) == (Rank.UNOBSERVED, Rank.NURTURE)


def test_a_refusal_beats_an_earlier_trigger_and_a_later_trigger_ends_the_refusal():
    refused = Refusal(NOW - timedelta(days=2))
    assert rank(touch(Kind.INQUIRY, 3), refusal=refused).rank == Rank.DECLINED
    assert rank(touch(Kind.INQUIRY, 1), refusal=refused).rank == Rank.HOT


def test_a_refusal_ends_after_one_cycle_or_on_the_named_date():
    refused = Refusal(NOW - timedelta(days=364))
    assert rank(touch(Kind.BADGE_SCAN, 10), refusal=refused).rank == Rank.DECLINED
    assert rank(touch(Kind.BADGE_SCAN, 10), refusal=refused, at=NOW + timedelta(days=1)).rank == Rank.NURTURE
    named = Refusal(NOW - timedelta(days=2), until=NOW + timedelta(days=3))
    found = rank(touch(Kind.BADGE_SCAN, 10), refusal=named)
    assert (found.rank, found.next_change_at) == (Rank.DECLINED, NOW + timedelta(days=3))


def test_touches_of_the_future_wait_for_their_moment():
    later = touch(Kind.VISIT, -2)
    found = rank(later)
    assert (found.score, found.rank) == (0, Rank.UNOBSERVED)
    assert found.next_change_at == later.at


def test_the_cut_leaves_ties_out():
    scores = [float(n) for n in range(1, 101)]
    cut = calibrating.cut_of(scores)
    assert sum(s > cut for s in scores) == 10
    assert sum(s > calibrating.cut_of([5.0] * 50) for s in [5.0] * 50) == 0
    assert calibrating.cut_of([]) is None
    assert calibrating.cut_of([3.0]) == 3.0


def test_reasons_survive_storage():
    for reason in rank(touch(Kind.INQUIRY), touch(Kind.VISIT)).reasons:
        assert Reason.from_json(reason.as_json()) == reason


touches = st.lists(
    st.builds(
        touch,
        st.sampled_from(list(Kind)),
        st.floats(0, 900),
        active_s=st.floats(0, 4000),
        validity=st.sampled_from([0.0, 1.0]),
        product=st.sampled_from([P, P, None, 8]),
    ),
    max_size=12,
)


@given(touches, st.sampled_from([Kind.WEB_VIEW, Kind.WEB_VIEW_KEY]), st.floats(0, 700), st.floats(0, 4000))
def test_adding_a_view_never_lowers_the_score(some, kind, age, active_s):
    one_more = touch(kind, age, active_s=active_s)
    before = engagement(some, product_id=P, cycle_days=365, now=NOW).total
    after = engagement([*some, one_more], product_id=P, cycle_days=365, now=NOW).total
    assert after >= before


@settings(max_examples=300, deadline=None)
@given(
    touches,
    st.sampled_from([90, 365, 730]),
    st.sampled_from([None, 3.0, 12.0, 30.0]),
    st.sampled_from([None, 1, 50, 300]),
    st.floats(0.0, 1.0),
)
def test_time_alone_never_changes_a_rank_before_its_next_change(some, cycle, cut, refused_age, share):
    rules = ProductRules(P, cycle_days=cycle, rates=E8_RATES, warm_cut=cut)
    refusal = Refusal(NOW - timedelta(days=refused_age)) if refused_age else None
    found = ranks.rank(some, rules, now=NOW, refusal=refusal)
    horizon = found.next_change_at or NOW + timedelta(days=2000)
    assert horizon >= NOW
    # Just before, and anywhere on the way, everything a screen shows is the same.
    last = horizon - timedelta(microseconds=1)
    for at in (min(NOW + (horizon - NOW) * share, last), last):
        if at >= NOW:
            later = ranks.rank(some, rules, now=at, refusal=refusal)
            assert (later.rank, later.depth_max, later.p_win) == (found.rank, found.depth_max, found.p_win)


def test_next_change_walks_from_step_to_step_and_ends():
    mine = [touch(Kind.QUOTE_REQUEST), touch(Kind.BOOTH_TALK, 10), touch(Kind.MAIL_CLICK, 3)]
    at, seen = NOW, []
    for _ in range(40):
        found = rank(*mine, at=at, cut=9.0)
        seen.append(found.rank)
        if found.next_change_at is None:
            break
        at = max(found.next_change_at, at + timedelta(minutes=1))
    assert found.next_change_at is None
    assert seen[0] == Rank.HOT
    assert seen[-1] == Rank.UNOBSERVED
    assert len(seen) < 15
    assert list(EDGES) == sorted(EDGES)


TOUCHES = st.lists(
    st.builds(
        touch,
        st.sampled_from(Kind),
        st.floats(-60, 900, allow_nan=False),
        active_s=st.floats(0, 400),
        validity=st.sampled_from([0.0, 0.4, 1.0]),
        product=st.sampled_from([P, P + 1, None]),
    ),
    max_size=12,
)


@given(TOUCHES, st.integers(30, 1100), st.lists(st.floats(-30, 400, allow_nan=False), max_size=5))
def test_scores_of_many_instants_are_the_same_as_one_by_one_to_the_last_bit(touches, cycle, days):
    moments = [NOW + timedelta(days=day) for day in days]
    singly = [engagement(touches, product_id=P, cycle_days=cycle, now=now).total for now in moments]
    assert scores.totals(touches, product_id=P, cycle_days=cycle, moments=moments) == singly
