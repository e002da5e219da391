"""Deciding for one person over many months: the laws that must hold whatever is asked (spec 3.1 to 3.3)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns.rules import planning, schedule
from campaigns.rules.decisions import Decider, decide
from campaigns.rules.planning import (
    Ask,
    Held,
    Mail,
    Next,
    Person,
    Today,
    go_on,
    in_place,
    today,
)
from campaigns.rules.workdays import Calendar

TOKYO = ZoneInfo("Asia/Tokyo")
CAL = Calendar()
NOV = schedule.parse_month("2026-11")


def at(text: str, hour: int = 6) -> Today:
    local = datetime.combine(date.fromisoformat(text), time(hour, 1), tzinfo=TOKYO)
    return today(local, zone=TOKYO, calendar=CAL)


def day(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def ask(
    product: int = 1, *, due: int = NOV, want_day: int = 25, after: Next = planning.THE_END, **more
) -> Ask:
    mail = Mail(
        f"K{product}", want_day, more.pop("tone", "info"), more.pop("valid_until", 0), product, next=after
    )
    return Ask(mail, product, due, due, **more)


def test_before_its_day_nothing_is_decided_and_who_is_held_stays_as_it_was():
    found = decide(Person(), [ask()], clock=at("2026-11-02"))
    assert (found.plan_at, found.is_early, found.written) == (day("2026-11-19"), True, ())


@pytest.mark.parametrize(
    ("local", "up_to"),
    [
        ("2026-11-19T05:59:59", "2026-11-18"),  # what was due yesterday is overdue
        ("2026-11-19T06:00:00", "2026-11-19"),
        ("2026-11-19T00:00:00", "2026-11-18"),
    ],
)
def test_a_day_is_decided_at_six_in_the_morning(local, up_to):
    now = datetime.fromisoformat(local).replace(tzinfo=TOKYO).astimezone(UTC)
    assert planning.due_day(now, zone=TOKYO) == date.fromisoformat(up_to)


def test_the_loser_is_held_with_its_reason_and_the_dated_promise():
    found = decide(Person(), [ask(1, rank="nurture"), ask(2, rank="warm")], clock=at("2026-11-19"))
    assert [(w.place, w.state) for w in found.written] == [(1, "planned")]
    assert found.held == (Held(0, "rank", 2),)
    assert found.plan_at == day("2026-12-22")


@pytest.mark.parametrize(
    ("block", "state", "stops", "moves"),
    [
        ("refused_product", "suppressed", True, False),
        ("person_excluded", "cancelled", True, False),
        ("no_consent", "no_consent", False, False),
        ("address_hard", "suppressed", False, False),
        ("content_repeated", "cancelled", False, True),
        ("lead_hot", None, False, False),
        ("lead_with_sales", None, False, False),
        ("shelf_empty", None, False, False),
    ],
)
def test_what_may_not_go_ends_or_waits_and_always_says_why(block, state, stops, moves):
    found = decide(Person(), [ask(block=block)], clock=at("2026-11-19"))
    assert [w.state for w in found.written] == ([state] if state else [])
    assert bool(found.stopped) is stops
    assert bool(found.moves) is moves
    assert bool(found.held) is not (stops or moves)


def test_the_owner_of_an_a_company_sees_the_mail_two_business_days_ahead():
    late = at("2026-11-24", 9)
    (seen,) = decide(Person("A"), [ask()], clock=late).written
    (quick,) = decide(Person("E"), [ask()], clock=late).written
    assert (seen.day, quick.day) == (day("2026-11-26"), day("2026-11-25"))


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (Next(2, "mail", 1, 10), (2, NOV + 1, 0, "active")),
        (Next(2, "mail", 0, 10), (2, NOV + 1, 0, "active")),  # never two in a month
        (Next(2, "mail", 4, 10), (2, NOV + 4, 0, "active")),
        (Next(2, "shelf", 0, 10), (2, NOV + 1, 0, "active")),
        (Next(2, "other"), (2, NOV + 1, day("2026-11-26"), "active")),
        (planning.THE_END, (0, NOV, 0, "done")),
    ],
)
def test_after_a_mail_the_next_row_is_due_in_its_order(after, expected):
    move = go_on(0, ask(after=after), month=NOV, day=day("2026-11-25"))
    assert (move.position, move.due_month, move.due_on, move.status) == expected


SILENT = Person(silent=12, last_month=NOV - 2, every=1)


def question(product: int = 1, **more) -> Ask:
    """The mail that asks whether to go on, in the place of a product's row."""
    row = ask(product).mail
    mail = in_place(row, content_id=90, kind="permission", tone="info")
    assert mail is not None
    return Ask(mail, product, NOV, NOV, **more)


def test_the_question_goes_in_the_place_of_the_row_which_waits_where_it_is():
    found = decide(SILENT, [question()], clock=at("2026-11-19"))
    (won,) = found.written
    assert (won.state, won.reason, won.ask.mail.step_key) == (
        "planned",
        "permission_asked",
        "silent:permission",
    )
    assert found.moves == ()
    assert found.held == (Held(0, "resting", None),)
    assert found.plan_at > day("2026-11-25")


def test_the_question_goes_before_every_other_product_but_for_a_thank_you_mail():
    asks = [ask(1, rank="hot", priority=1), question(2, rank="unobserved", priority=9)]
    found = decide(SILENT, asks, clock=at("2026-11-19"))
    assert [(w.place, w.reason) for w in found.written] == [(1, "permission_asked")]
    assert Held(0, "permission_first", None) in found.held


@pytest.mark.parametrize(
    ("person", "decided"),
    [
        (SILENT, True),  # two months after the last mail, not half a year
        (SILENT._replace(last_month=NOV - 1), False),
        (SILENT._replace(next_free_on=day("2026-12-05")), False),  # the gap holds
        (SILENT._replace(taken=((NOV, 7),), slots=((NOV, 1),)), False),  # the cap holds
    ],
)
def test_the_question_keeps_rhythm_gap_and_cap(person, decided):
    found = decide(person, [question()], clock=at("2026-11-19"))
    assert bool(found.written) is decided


def test_a_question_that_may_not_go_holds_nobody_back():
    asks = [ask(1), question(2, block="refused_product")]
    found = decide(SILENT._replace(last_month=NOV - 6), asks, clock=at("2026-11-19"))
    assert {(w.place, w.state) for w in found.written} == {(0, "planned"), (1, "suppressed")}


@pytest.mark.parametrize(
    ("row", "keeps"),
    [
        (Mail("K1", 25, content_kind="case_study"), False),
        (Mail("K1", 25, content_kind="thanks"), True),
        (Mail("K1", 25, content_kind="case_study", valid_until=day("2027-01-31")), True),
    ],
)
def test_a_thank_you_mail_and_what_has_a_last_day_keep_their_own_place(row, keeps):
    assert (in_place(row, content_id=90, kind="industry", tone="info") is None) is keeps


@pytest.mark.parametrize(
    ("silent", "preference", "reason"),
    [(6, 1, "tired"), (12, 1, "resting"), (0, 2, "less_often"), (6, 2, "less_often"), (12, 2, "resting")],
)
def test_who_gets_fewer_mails_is_told_whether_by_wish_or_by_silence(silent, preference, reason):
    person = Person(every=preference, silent=silent, last_month=NOV - 1)
    assert decide(person, [ask()], clock=at("2026-11-19")).held == (Held(0, reason, None),)


def test_the_same_facts_are_decided_once():
    decider = Decider(at("2026-11-19"))
    values = (Mail("K1", 25), 1, NOV, NOV)
    asks = (decider.ask(*values), decider.ask(*values[:1], 2, NOV, NOV))
    assert decider.ask(*values) is asks[0]
    assert decider.decide(Person(), asks) is decider.decide(Person(), asks)
    assert decider.decide(Person(every=2), asks) is not decider.decide(Person(), asks)


PRODUCTS = st.lists(
    st.tuples(
        st.sampled_from(["hot", "warm", "nurture", "unobserved"]),
        st.integers(1, 9),
        st.integers(1, 31),
        st.lists(st.integers(0, 2), min_size=1, max_size=14),  # months between the rows
    ),
    min_size=1,
    max_size=5,
)


class _Life:
    """A person under many months of mornings, by the very rule of the planner."""

    def __init__(
        self, products, *, preference: int = 1, silent: int | None = None, rests: bool = False
    ) -> None:
        self.products = products
        # silent None: reacts to every mail. rests: somebody has approved a question.
        self.reacts, self.silent, self.rests, self.resting = silent is None, silent or 0, rests, 0
        self.every = preference
        self.at = [0] * len(products)
        self.due = [NOV] * len(products)
        self.mails: list[tuple[int, int, int, int]] = []  # day, month, product, row
        self.since = [NOV] * len(products)  # month in which the row that waits was due
        self.longest = 0
        self.promises: list[tuple[int, int]] = []

    def live(self, months: int) -> None:
        now = date(2026, 11, 1)
        end = now + timedelta(days=31 * months)
        look = now
        while look < end:
            decision = self._morning(look)
            if decision.plan_at == planning.NEVER:
                return
            look = max(date.fromordinal(decision.plan_at), look)

    def _morning(self, look: date) -> planning.Decision:
        clock = today(datetime.combine(look, time(6, 1), tzinfo=TOKYO), zone=TOKYO, calendar=CAL)
        open_ones = [p for p in range(len(self.products)) if self.at[p] < len(self.products[p][3])]
        asks = [self._ask(p) for p in open_ones]
        found = decide(self._person(clock.month), asks, clock=clock)
        for move in found.moves:
            product = open_ones[move.place]
            self.at[product] += 1
            self.due[product] = move.due_month
        for written in found.written:
            if written.state == "planned":
                product = open_ones[written.place]
                self.silent += not self.reacts
                if written.ask.mail.next.kind == "same":
                    self.resting += 1
                    self.mails.append((written.day, written.month, product, -1))
                    continue
                row = self.at[product] - 1
                self.longest = max(self.longest, written.month - written.ask.due_month)
                self.mails.append((written.day, written.month, product, row))
        assert not found.held or found.plan_at > look.toordinal(), "a promise lies ahead"
        return found

    def _ask(self, product: int) -> Ask:
        rank, priority, want_day, gaps = self.products[product]
        at_row = self.at[product]
        last = at_row + 1 == len(gaps)
        after = planning.THE_END if last else Next(at_row + 2, "mail", sum(gaps[: at_row + 2]), want_day)
        mail = Mail(f"K{at_row}", want_day, content_id=product * 100 + at_row, next=after)
        if self.rests and self.silent >= schedule.ASK_AFTER:
            kind = "industry" if self.resting else "permission"
            mail = in_place(mail, content_id=9000 + self.resting, kind=kind, tone="info")
        return Ask(mail, product + 1, self.due[product], NOV, rank=rank, priority=priority)

    def _person(self, month: int) -> Person:
        last = self.mails[-1] if self.mails else None
        return Person(
            next_free_on=last[0] + schedule.GAP_DAYS if last else 0,
            every=self.every,
            silent=min(self.silent, 12),
            last_month=last[1] if last else 0,
            recent_tones=("info",) * len(self.mails),
            taken=tuple((m, p + 1) for _, m, p, _ in self.mails if m >= month),
            slots=tuple((m, 1) for _, m, _, _ in self.mails if m >= month),
        )


@settings(max_examples=150, deadline=None)
@given(PRODUCTS, st.integers(1, 2), st.sampled_from((0, 5, 11, 12)), st.booleans())
def test_never_two_in_a_month_nor_within_21_days_and_rows_keep_their_order(
    products, preference, silent, rests
):
    life = _Life(products, preference=preference, silent=silent, rests=rests)
    life.live(30)
    days = sorted(mail[0] for mail in life.mails)
    assert all(b - a >= schedule.GAP_DAYS for a, b in pairwise(days))
    months = [mail[1] for mail in life.mails]
    assert len(months) == len(set(months))
    assert all(schedule.month_of_day(date.fromordinal(d)) == m for d, m, _, _ in life.mails)
    assert all(CAL.is_business_day(date.fromordinal(d)) for d in days)
    for product in range(len(products)):
        mine = [row for _, _, p, row in life.mails if p == product and row >= 0]
        assert mine == sorted(set(mine)), "no row twice, none before its turn"


@settings(max_examples=100, deadline=None)
@given(PRODUCTS)
# 62 mails: more than five years of months.
@example(
    [
        ("hot", 1, 1, [0] * 8),
        ("hot", 1, 1, [0] * 14),
        ("hot", 1, 1, [0] * 14),
        ("hot", 1, 1, [0] * 8 + [1, 2, 2, 2]),
        ("hot", 2, 1, [1, 0, 2, 0, 2, 0] + [2] * 8),
    ]
)
def test_no_product_waits_longer_than_n_plus_1_months(products):
    # The wanted day is the same for all: a gap that eats a month is a matter of the days, not of the products.
    same = [(rank, priority, 15, gaps) for rank, priority, _, gaps in products]
    life = _Life(same)
    life.live(months_at_most(same))
    assert life.longest <= len(products) + 1
    assert all(at == len(gaps) for at, (_, _, _, gaps) in zip(life.at, same, strict=True)), (
        "nobody is forgotten"
    )


def months_at_most(products) -> int:
    """A mail every month, but for those in which nothing is due: as many as the slowest product's gaps."""
    return sum(len(gaps) for *_, gaps in products) + max(sum(gaps) for *_, gaps in products)


@given(st.permutations(range(4)))
def test_the_order_in_which_products_are_read_does_not_matter(order):
    asks = [
        ask(1, rank="warm"),
        ask(2, priority=1),
        ask(3, due=NOV - 3),
        ask(4, valid_until=day("2026-11-30")),
    ]
    found = decide(Person(), [asks[n] for n in order], clock=at("2026-11-19"))
    (won,) = found.written
    assert won.ask.product_id == 3
    assert {order[h.place]: h.reason for h in found.held} == dict.fromkeys((0, 1, 3), "starved")


def test_a_clock_far_from_utc_keeps_the_months_of_its_zone():
    local = today(datetime(2026, 11, 30, 15, 30, tzinfo=UTC), zone=TOKYO, calendar=CAL)
    assert local.month == NOV + 1
    auckland = ZoneInfo("Pacific/Auckland")
    assert today(datetime(2026, 12, 31, 11, 0, tzinfo=UTC), zone=auckland, calendar=CAL).month == NOV + 2
