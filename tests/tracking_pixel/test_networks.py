from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.tracking_pixel.test_bots import CLOUD, OFFICE, click, hands, probe
from tracking_pixel import bots, networks
from tracking_pixel.events import Event
from tracking_pixel.networks import Evidence, Lesson

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("evidence", "is_learned"),
    [
        (Evidence(CLOUD, 2, NOW + DAY, None), True),
        (Evidence(CLOUD, 1, NOW + DAY, None), False),
        (Evidence(CLOUD, 2, NOW + DAY, NOW + DAY), False),
        (Evidence(CLOUD, 2, NOW + DAY, NOW - DAY), True),
        (Evidence(CLOUD, 2, NOW, None), False),
        (Evidence(CLOUD, 0, None, NOW + DAY), False),
    ],
)
def test_a_network_is_a_scanners_while_two_companies_say_so_and_no_hands_speak_against_it(
    evidence: Evidence, is_learned: bool
) -> None:
    assert (CLOUD in networks.scanners([evidence], now=NOW)) is is_learned


def lessons(*events: Event) -> set[Lesson]:
    return networks.lessons(events, bots.judge(events, sent_at=None))


def test_a_condemned_visit_teaches_its_networks_and_hands_teach_theirs() -> None:
    scan = [probe(600, net=CLOUD), click(601, net=CLOUD)]
    touch = replace(hands(900, "ab"), net=OFFICE)
    assert lessons(*scan) == {Lesson(CLOUD, False, scan[1].at)}
    assert lessons(touch) == {Lesson(OFFICE, True, touch.at)}
    assert lessons(hands(900, "ab")) == set(), "a caller without a network teaches nothing"


def test_a_suspected_click_and_a_crawlers_name_teach_nothing() -> None:
    assert lessons(click(600, net=CLOUD, ua="")) == set()
    assert lessons(click(600, net=CLOUD, ua="curl/8.5.0")) == set()


def test_a_reader_whose_hands_clear_a_condemned_click_does_not_stain_the_office() -> None:
    events = [probe(600, net=CLOUD), click(602, visit="ab", net=OFFICE), hands(605, "ab")]
    assert {lesson.net for lesson in lessons(*events)} == {CLOUD}
