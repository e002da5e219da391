"""Which product gets the one mail of a month, and why the others wait (spec 3.1 to 3.3)."""

import random
from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest

from campaigns.rules import candidates, schedule
from campaigns.rules.candidates import Candidate, Situation, choose
from campaigns.rules.schedule import parse_month
from campaigns.rules.tones import blocked_tone
from campaigns.rules.workdays import Calendar

CAL = Calendar()
NOV = parse_month("2026-11")


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def iso(ordinal: int) -> str:
    return date.fromordinal(ordinal).isoformat()


def candidate(id: int, *, product: int | None = None, waiting: int = 0, **more) -> Candidate:
    more.setdefault("want_day", 10)
    return Candidate(id, product or id, NOV - waiting, **more)


def situation(**more) -> Situation:
    more.setdefault("earliest", day("2026-11-01"))
    return Situation(more.pop("month", NOV), calendar=CAL, **more)


def test_the_order_of_the_worked_example():
    end = day("2026-11-30")
    four = [
        candidate(1, rank="nurture", priority=1),
        candidate(2, rank="warm", priority=5),
        candidate(3, rank="unobserved", priority=9, waiting=3),
        candidate(4, rank="nurture", valid_until=end),
    ]
    order = []
    left = list(four)
    while left:
        won = choose(left, ctx=situation()).winner
        assert won is not None
        order.append(won.product_id)
        left = [c for c in left if c.enrollment_id != won.enrollment_id]
    assert order == [3, 4, 2, 1]
    choice = choose(four, ctx=situation())
    assert {c.enrollment_id: c.reason for c in choice.carried} == dict.fromkeys((1, 2, 4), "starved")
    assert all(c.by_product_id == 3 for c in choice.carried)
    assert {iso(c.until) for c in choice.carried} == {"2026-12-07"}
    assert {c.month for c in choice.carried} == {NOV + 1}


@pytest.mark.parametrize(
    ("better", "worse", "reason"),
    [
        ({"waiting": 4}, {"waiting": 3}, "starved"),
        ({"valid_until": day("2026-11-30")}, {"rank": "hot"}, "expiring"),
        ({"rank": "hot", "priority": 9}, {"rank": "warm"}, "rank"),
        ({"priority": 1}, {"priority": 2, "waiting": 2}, "priority"),
        ({"waiting": 2}, {"waiting": 1}, "waiting"),
        ({}, {}, "product_id"),
    ],
)
def test_the_reason_is_the_first_difference(better, worse, reason):
    choice = choose([candidate(2, product=9, **worse), candidate(1, **better)], ctx=situation())
    assert choice.winner is not None
    assert (choice.winner.product_id, choice.winner.reason) == (1, reason)
    assert [(c.enrollment_id, c.reason, c.by_product_id) for c in choice.carried] == [(2, reason, 1)]


def test_a_mail_that_is_still_good_next_month_does_not_jump_the_queue():
    choice = choose(
        [candidate(1, priority=5), candidate(2, priority=6, valid_until=day("2026-12-01"))], ctx=situation()
    )
    assert choice.winner is not None
    assert choice.winner.product_id == 1


def test_one_alone_wins_alone_on_its_wanted_day():
    choice = choose([candidate(1, want_day=22)], ctx=situation())
    assert choice.winner == candidates.Winner(1, 1, day("2026-11-24"), "alone")
    assert choice.carried == choice.blocked == ()


def test_nobody_due_is_an_empty_choice():
    assert choose([], ctx=situation()) == candidates.Choice()


def test_the_month_is_taken_once():
    choice = choose([candidate(1), candidate(2)], ctx=situation(taken=(8,)))
    assert choice.winner is None
    assert {(c.reason, c.by_product_id) for c in choice.carried} == {("month_taken", 8)}


def test_a_higher_cap_lets_another_product_in_but_never_the_same_twice():
    ctx = situation(taken=(1,), cap_max=2, next_free_on=day("2026-11-17"))
    choice = choose([candidate(1, rank="hot"), candidate(2)], ctx=ctx)
    assert choice.winner is not None
    assert (choice.winner.product_id, iso(choice.winner.day)) == (2, "2026-11-17")
    assert [(b.enrollment_id, b.reason) for b in choice.blocked] == [(1, "product_taken")]
    assert (schedule.gap_days(1), schedule.gap_days(2), schedule.gap_days(3)) == (21, 7, 7)


@pytest.mark.parametrize(("gap", "want", "following"), [(21, 1, "2027-02-19"), (30, 10, "2027-03-10")])
def test_21_days_move_the_day_where_30_would_skip_february(gap, want, following):
    free = (date(2027, 1, 29) + timedelta(days=gap)).toordinal()
    for month in (parse_month("2027-02"), parse_month("2027-03")):
        ctx = situation(month=month, earliest=schedule.first_day(month).toordinal(), next_free_on=free)
        choice = choose([Candidate(1, 1, parse_month("2027-02"), want)], ctx=ctx)
        if choice.winner is not None:
            break
        assert [c.reason for c in choice.carried] == ["gap"]
    assert choice.winner is not None
    assert iso(choice.winner.day) == following
    assert schedule.GAP_DAYS == 21


def test_where_rolling_30_days_would_mail_twice_in_january_and_in_may_the_month_is_taken():
    rolling = [date(2026, 1, 1) + timedelta(days=30 * n) for n in range(12)]
    months = Counter(map(schedule.month_of_day, rolling))
    assert [schedule.month_label(m) for m, n in months.items() if n > 1] == ["2026-01", "2026-05"]
    taken: set[int] = set()
    lost = []
    for on in rolling:
        month = schedule.month_of_day(on)
        ctx = situation(month=month, earliest=on.toordinal(), taken=(1,) if month in taken else ())
        choice = choose([Candidate(1, 1, month, on.day)], ctx=ctx)
        lost += [(on.isoformat(), c.reason) for c in choice.carried]
        taken.add(month)
    assert lost == [("2026-01-31", "month_taken"), ("2026-05-31", "month_taken")]


@pytest.mark.parametrize("first", ["2026-01-01", "2026-01-05"])
def test_a_year_of_monthly_mails_never_doubles_and_never_skips(first):
    start = date.fromisoformat(first)
    sent, free = [], 0
    for month in range(schedule.month_of_day(start), schedule.month_of_day(start) + 36):
        want = random.Random(month).randint(1, 31)
        ctx = situation(month=month, earliest=schedule.first_day(month).toordinal(), next_free_on=free)
        won = choose([Candidate(1, 1, month, want)], ctx=ctx).winner
        if won:
            sent.append(won.day)
            free = won.day + schedule.GAP_DAYS
    months = Counter(schedule.month_of_day(date.fromordinal(d)) for d in sent)
    assert set(months.values()) == {1}
    assert len(months) == 36
    assert all(b - a >= 21 for a, b in pairwise(sent))


def test_a_gap_beyond_the_month_carries_over():
    choice = choose([candidate(1)], ctx=situation(next_free_on=day("2026-12-03")))
    assert [(c.reason, c.by_product_id) for c in choice.carried] == [("gap", None)]


def test_no_business_day_left_carries_over_instead_of_mailing_on_a_holiday():
    choice = choose([candidate(1)], ctx=situation(month=NOV + 1, earliest=day("2026-12-29")))
    assert [(c.reason, iso(c.until)) for c in choice.carried] == [("month_over", "2027-01-06")]


def test_a_late_step_goes_on_the_next_business_day_of_the_month():
    choice = choose([candidate(1, want_day=3)], ctx=situation(earliest=day("2026-11-21")))
    assert choice.winner is not None
    assert iso(choice.winner.day) == "2026-11-24"


def test_a_missed_month_is_lost_and_never_doubled():
    choice = choose([candidate(1, waiting=2), candidate(2, waiting=2)], ctx=situation())
    assert choice.winner is not None
    assert len(choice.carried) == 1


def test_an_expired_step_leaves_the_month_to_the_next():
    old = candidate(1, rank="hot", valid_until=day("2026-11-05"))
    choice = choose([old, candidate(2)], ctx=situation(earliest=day("2026-11-06")))
    assert choice.blocked == (candidates.Blocked(1, "expired", None),)
    assert choice.winner is not None
    assert choice.winner.product_id == 2


def test_an_invitation_that_would_arrive_after_the_event_is_expired():
    late = candidate(1, want_day=20, valid_until=day("2026-11-15"))
    assert choose([late], ctx=situation()).blocked[0].reason == "expired"
    pushed = candidate(1, want_day=10, valid_until=day("2026-11-15"))
    assert choose([pushed], ctx=situation(next_free_on=day("2026-11-16"))).blocked[0].reason == "expired"


def test_who_may_not_be_mailed_is_out_before_the_order_and_starves_nobody():
    refused = candidate(1, rank="hot", waiting=9, block="refused_product")
    choice = choose([refused, candidate(2)], ctx=situation())
    assert choice.winner is not None
    assert (choice.winner.product_id, choice.winner.reason) == (2, "alone")
    assert choice.blocked == (candidates.Blocked(1, "refused_product", None),)


def test_a_step_of_next_month_does_not_go_early():
    early = Candidate(1, 1, NOV + 1, 10)
    assert [b.reason for b in choose([early], ctx=situation()).blocked] == ["not_due"]


def test_a_tone_blocked_step_waits_and_the_next_info_takes_the_month():
    sales = candidate(1, rank="hot", tone="sales_light")
    choice = choose([sales, candidate(2)], ctx=situation(recent_tones=("info", "info")))
    assert choice.winner is not None
    assert choice.winner.product_id == 2
    assert [(b.reason, iso(b.until or 0)) for b in choice.blocked] == [("tone_ratio", "2026-12-07")]


INFO, S = "info", "sales_light"


@pytest.mark.parametrize(
    ("newest_first", "expected"),
    [
        ((), "tone_ratio"),
        ((INFO, INFO, INFO), None),
        ((S, INFO, INFO), "tone_ratio"),
        ((INFO, INFO, INFO, S), None),
        ((INFO, INFO), "tone_ratio"),
    ],
)
def test_one_mail_in_four_may_be_sales_coloured(newest_first, expected):
    assert blocked_tone(S, recent=newest_first, company_class="E", rank="warm") == expected
    assert blocked_tone(INFO, recent=newest_first, company_class="E", rank="warm") is None


@pytest.mark.parametrize(
    ("every", "infos", "expected"),
    [
        (3, 1, "tone_ratio"),
        (3, 2, None),
        (4, 2, "tone_ratio"),
        (4, 3, None),
        (12, 10, "tone_ratio"),
        (12, 11, None),
    ],
)
def test_a_product_may_choose_one_in_three_to_one_in_twelve(every, infos, expected):
    light = candidate(1, tone=S, tone_every=every)
    choice = choose([light], ctx=situation(recent_tones=(INFO,) * infos + (S,)))
    assert (choice.blocked[0].reason if choice.blocked else None) == expected


@pytest.mark.parametrize(
    ("cls", "rank", "expected"),
    [
        ("C1", "hot", "tone_hard"),
        ("C2", "hot", "tone_hard"),
        ("D", "hot", "tone_hard"),
        ("E", "hot", "tone_hard"),
        ("-", "hot", "tone_hard"),
        ("A", "nurture", "tone_hard"),
        ("A", "unobserved", "tone_hard"),
        ("A", "warm", "tone_hard"),
        ("A", "hot", None),
    ],
)
def test_hard_sales_never_reach_c_d_e_nor_anybody_who_is_not_asking(cls, rank, expected):
    assert blocked_tone("sales_hard", recent=(INFO, INFO, INFO), company_class=cls, rank=rank) == expected


def test_less_often_and_fatigue_slow_down():
    assert [schedule.rhythm(1, n)[0] for n in (0, 5, 6, 11, 12, 99)] == [1, 1, 2, 2, 6, 6]
    assert schedule.rhythm(2, 0) == (2, "less_often")
    assert schedule.rhythm(2, 6) == (2, "less_often")
    assert schedule.rhythm(1, 6) == (2, "tired")
    assert schedule.rhythm(2, 12) == (6, "resting")
    ctx = situation(last_month=NOV - 1, every=2)
    held = choose([candidate(1)], ctx=ctx)
    assert [(c.reason, c.month, iso(c.until)) for c in held.carried] == [
        ("less_often", NOV + 1, "2026-12-07")
    ]
    assert choose([candidate(1)], ctx=situation(last_month=NOV - 2, every=2)).winner is not None
    second = situation(last_month=NOV, every=2, taken=(9,), cap_max=2)
    assert choose([candidate(1)], ctx=second).winner is None


@pytest.mark.parametrize(("silent", "mails"), [(0, 12), (5, 12), (6, 6), (11, 6), (12, 2), (40, 2)])
def test_who_never_reacts_gets_a_mail_every_second_month_then_two_a_year(silent, mails):
    sent, last = 0, NOV - 6
    for month in range(NOV, NOV + 12):
        ctx = situation(
            month=month,
            earliest=schedule.first_day(month).toordinal(),
            last_month=last,
            every=schedule.rhythm(1, silent)[0],
        )
        if choose([Candidate(1, 1, NOV, 10)], ctx=ctx).winner is not None:
            sent, last = sent + 1, month
    assert sent == mails


@pytest.mark.parametrize("n", range(2, 11))
def test_with_n_products_nobody_waits_longer_than_n_plus_1_months(n):
    rng = random.Random(n)
    for _ in range(25):
        due = dict.fromkeys(range(1, n + 1), NOV)
        fixed = {p: (rng.choice(["hot", "warm", "nurture", "unobserved"]), rng.randint(1, 9)) for p in due}
        for month in range(NOV, NOV + 36):
            last = schedule.last_day(month).toordinal()
            asking = [
                Candidate(p, p, due[p], 10, fixed[p][0], fixed[p][1], "info", last * (rng.random() < 0.4))
                for p in due
            ]
            ctx = situation(month=month, earliest=schedule.first_day(month).toordinal())
            choice = choose(asking, ctx=ctx)
            assert choice.winner is not None
            assert len(choice.carried) == n - 1
            assert max(month - d for d in due.values()) <= n + 1
            due[choice.winner.product_id] = month + 1


def test_every_candidate_ends_in_exactly_one_place():
    rng = random.Random(11)
    for _ in range(500):
        asking = [
            Candidate(
                i,
                rng.randint(1, 4),
                NOV - rng.randint(-1, 5),
                rng.randint(1, 31),
                rng.choice(["hot", "warm", "nurture", "unobserved", "declined"]),
                tone=rng.choice(["info", "info", "sales_light", "sales_hard"]),
                valid_until=rng.choice([0, day("2026-11-08"), day("2026-12-20")]),
                block=rng.choice([None, None, None, "no_consent"]),
            )
            for i in range(rng.randint(0, 6))
        ]
        ctx = situation(
            earliest=day("2026-10-28") + rng.randint(0, 40),
            next_free_on=rng.choice([0, day("2026-11-12"), day("2026-12-02")]),
            taken=rng.choice([(), (1,), (1, 2)]),
            cap_max=rng.choice([1, 2]),
            last_month=rng.choice([0, NOV - 1]),
            every=rng.choice([1, 2]),
        )
        choice = choose(asking, ctx=ctx)
        placed = [*([choice.winner] if choice.winner else []), *choice.carried, *choice.blocked]
        assert sorted(p.enrollment_id for p in placed) == [c.enrollment_id for c in asking]
        assert all(c.until > ctx.earliest for c in choice.carried)
        if choice.winner:
            assert ctx.earliest <= choice.winner.day <= schedule.last_day(NOV).toordinal()
            assert choice.winner.day >= ctx.next_free_on
            assert CAL.is_business_day(date.fromordinal(choice.winner.day))
