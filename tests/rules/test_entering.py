"""What people and programs may enter, what their words mean, and when it happened."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from campaigns.rules import entering
from campaigns.rules.entering import BY_HAND, GROUPS, SYNONYMS, TouchError
from campaigns.rules.schedule import TOKYO
from campaigns.rules.touchpoints import ANSWERS, KINDS, SALES_STEPS, VIEWS, Kind

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)  # 10:00 in Tokyo


def test_what_machines_measure_is_not_to_be_entered_and_all_else_is() -> None:
    machine = {Kind.MAIL_OPEN, Kind.MAIL_CLICK, Kind.CALL_TRIED, *VIEWS, *ANSWERS}
    assert set(BY_HAND) == set(Kind) - machine - set(SALES_STEPS)
    assert set(SYNONYMS) == set(BY_HAND)


def test_within_a_group_the_deepest_comes_first() -> None:
    for kinds in GROUPS.values():
        depths = [KINDS[kind].depth for kind in kinds]
        assert depths == sorted(depths, reverse=True)


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("訪問", Kind.VISIT),
        (" Visit ", Kind.VISIT),
        ("ＴＥＬ", Kind.CALL_CONNECTED),
        ("打ち合わせ", Kind.VISIT),
        ("web会議", Kind.VISIT),
        ("WEB会議", Kind.VISIT),
        ("お問合せ", Kind.INQUIRY),
        ("call_interest", Kind.CALL_INTEREST),
        ("Business Card", Kind.CARD_EXCHANGE),
        ("説明員対応（見込みあり）", Kind.BOOTH_TALK_PROSPECT),
        ("mail_open", None),
        ("念力", None),
        ("", None),
    ],
)
def test_a_word_of_a_list_means_a_kind(word: str, kind: Kind | None) -> None:
    assert entering.kind_of(word) is kind


def test_no_word_means_two_kinds() -> None:
    words = [entering._plain(word) for kind in BY_HAND for word in {kind.value, *SYNONYMS[kind]}]
    by_kind = [{entering._plain(w) for w in (kind.value, *SYNONYMS[kind])} for kind in BY_HAND]
    assert sum(len(one) for one in by_kind) == len(set().union(*by_kind))
    assert "" not in words


@pytest.mark.parametrize(
    ("day", "clock", "at"),
    [
        (24, None, NOW),  # today without a time is by now: noon may still lie ahead
        (23, None, datetime(2026, 11, 23, 3, 0, tzinfo=UTC)),
        (24, time(9, 30), datetime(2026, 11, 24, 0, 30, tzinfo=UTC)),
    ],
)
def test_a_day_without_a_time_is_noon_and_today_is_now(day: int, clock: time | None, at: datetime) -> None:
    told = datetime(2026, 11, day, tzinfo=TOKYO)
    assert entering.instant(told, clock, zone=TOKYO, now=NOW) == at


def test_what_has_not_happened_is_refused_but_for_a_fast_clock() -> None:
    entering.check(Kind.VISIT, NOW + timedelta(minutes=5), now=NOW)
    with pytest.raises(TouchError, match="in_the_future"):
        entering.check(Kind.VISIT, NOW + timedelta(minutes=6), now=NOW)
    with pytest.raises(TouchError, match="kind_by_machine"):
        entering.check(Kind.MAIL_CLICK, NOW, now=NOW)


@pytest.mark.parametrize(
    ("leads", "products", "product"),
    [((7, 8), (7, 8, 9), 7), ((), (9,), 9), ((), (8, 9), None), ((), (), None)],
)
def test_the_form_starts_with_the_likeliest_product(
    leads: tuple[int, ...], products: tuple[int, ...], product: int | None
) -> None:
    assert entering.default_product(leads, products) == product


def test_a_touch_of_a_list_is_named_by_what_it_says() -> None:
    key = entering.content_key(1, "visit", "2026-11-20", "", None, None, "来期")
    assert key == entering.content_key(1, "visit", "2026-11-20", "", None, None, "来期")
    others = [(2, "visit"), (1, "inquiry")]
    assert all(entering.content_key(*one, "2026-11-20", "", None, None, "来期") != key for one in others)
