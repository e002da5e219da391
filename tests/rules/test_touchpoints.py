from datetime import UTC, datetime

import pytest

from campaigns.rules.touchpoints import CAPS, DEPTHS, KINDS, Group, Kind, Touch, active_seconds, points

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def beats(last_s: int, *, hidden_after: float = 1e9, inputs: tuple[float, ...] = ()) -> list:
    rows = []
    for at in range(15, last_s + 1, 15):
        seen = [i for i in inputs if i <= at]
        rows.append((float(at), at <= hidden_after, max(seen) if seen else None))
    return rows


def test_a_thirty_minute_meeting_with_one_early_input_counts_45_seconds():
    assert active_seconds(beats(1800, inputs=(15,))) == 45


def test_a_tab_hidden_after_30_seconds_counts_30():
    assert active_seconds(beats(1800, hidden_after=30, inputs=tuple(range(0, 1800, 5)))) == 30


def test_a_page_read_with_input_all_the_time_counts_whole():
    assert active_seconds(beats(1800, inputs=tuple(range(0, 1801, 10)))) == 1800


def test_a_page_without_any_input_counts_nothing():
    assert active_seconds(beats(600)) == 0


def test_replayed_beats_count_once():
    assert active_seconds(beats(60, inputs=(10, 40)) * 50) == 60


def test_a_thousand_forged_beats_in_one_minute_count_one_minute():
    assert active_seconds([(n * 0.06, True, n * 0.06) for n in range(1000)]) == 60


def test_mail_and_web_together_stay_below_the_first_band_that_can_be_hot():
    assert CAPS[Group.MAIL] + CAPS[Group.WEB] < 35


def test_talking_weighs_more_than_any_mail_or_page():
    online = max(row.points for row in KINDS.values() if row.group in (Group.MAIL, Group.WEB))
    assert all(KINDS[k].points > online for k in (Kind.CALL_CONNECTED, Kind.BOOTH_TALK, Kind.VISIT))
    assert CAPS[Group.TALK] > CAPS[Group.MAIL]


def test_dwell_adds_at_most_one_point_and_only_to_views():
    assert points(Touch(Kind.WEB_VIEW, NOW, active_s=1800)) == 3
    assert points(Touch(Kind.WEB_VIEW, NOW, active_s=-5)) == 2
    assert points(Touch(Kind.MAIL_CLICK, NOW, active_s=1800)) == 4


@pytest.mark.parametrize("kind", [Kind.MAIL_OPEN, Kind.FAX_SENT, Kind.CALL_TRIED])
def test_an_open_and_our_own_attempts_are_no_sign_of_the_person(kind):
    assert not KINDS[kind].is_sign


def test_every_kind_has_a_row_and_every_depth_a_word():
    assert set(KINDS) == set(Kind)
    assert {row.depth for row in KINDS.values()} <= set(range(len(DEPTHS)))
