import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tracking_pixel.bots import Verdict, is_crawler, judge, judge_open
from tracking_pixel.events import Event, EventKind
from tracking_pixel.links import TRAP_LINK

SENT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def click(after_s: float, link_no: int = 1, *, ref: str = "", ua: str = CHROME, method: str = "GET") -> Event:
    return Event(
        uid=f"{after_s}-{link_no}-{ref}",
        kind=EventKind.CLICK,
        delivery_id=1,
        at=SENT + timedelta(seconds=after_s),
        link_no=link_no,
        ua=ua,
        method=method,
        visit=ref,
    )


def page(kind: EventKind, after_s: float, visit: str, *, has_input: bool = False, ua: str = CHROME) -> Event:
    return Event(
        uid=f"{kind}-{after_s}-{visit}",
        kind=kind,
        delivery_id=1,
        at=SENT + timedelta(seconds=after_s),
        ua=ua,
        visit=visit,
        has_input=has_input,
    )


def verdicts(*events: Event, sent_at: datetime | None = SENT) -> list[Verdict]:
    return [judged.verdict for judged in judge(events, sent_at=sent_at)]


def test_a_lone_click_after_a_while_is_human() -> None:
    assert judge([click(3600)], sent_at=SENT)[0].reasons == ()
    assert verdicts(click(3600)) == [Verdict.HUMAN]


@pytest.mark.parametrize(
    ("event", "verdict", "reason"),
    [
        (click(9.9), Verdict.SUSPECTED, "early"),
        (click(-1), Verdict.SUSPECTED, "early"),
        (click(10), Verdict.HUMAN, ""),
        (click(3600, method="HEAD"), Verdict.SUSPECTED, "head"),
        (click(3600, ua=""), Verdict.SUSPECTED, "no_agent"),
        (click(3600, ua="Googlebot/2.1 (+http://www.google.com/bot.html)"), Verdict.SCANNER, "crawler"),
        (click(3600, ua="python-requests/2.32"), Verdict.SCANNER, "crawler"),
        (click(3600, TRAP_LINK), Verdict.SCANNER, "trap"),
        (click(2, ua=""), Verdict.SCANNER, "early"),
    ],
)
def test_each_sign_has_its_weight_and_leaves_its_reason(event: Event, verdict: Verdict, reason: str) -> None:
    judged = judge([event], sent_at=SENT)[0]
    assert judged.verdict is verdict
    assert reason in (*judged.reasons, "")


def test_a_burst_judges_the_click_before_it_again() -> None:
    first = click(600, 1)
    assert verdicts(first, click(602, 2)) == [Verdict.HUMAN, Verdict.HUMAN]
    assert verdicts(first, click(602, 2), click(604, 3)) == [Verdict.SCANNER] * 3


def test_the_same_link_three_times_or_three_links_in_six_seconds_are_no_burst() -> None:
    assert set(verdicts(click(600), click(601), click(602))) == {Verdict.HUMAN}
    assert set(verdicts(click(600, 1), click(603, 2), click(605.5, 3))) == {Verdict.HUMAN}


def test_the_trap_spoils_the_clicks_around_it_and_no_others() -> None:
    events = [click(600), click(615, TRAP_LINK), click(635), click(635.5, 2), click(4000)]
    scanner, human = Verdict.SCANNER, Verdict.HUMAN
    assert verdicts(*events) == [scanner, scanner, scanner, human, human]


def test_hands_at_the_page_clear_the_click_that_led_there_and_no_other() -> None:
    scans = [click(1, number, ref=f"a{number}") for number in (1, 2, 3, 4)]
    views = [page(EventKind.VIEW, 2, "a2.s.p"), page(EventKind.BEAT, 17, "a2.s.p", has_input=True)]
    got = judge([*scans, *views], sent_at=SENT)
    assert [judged.verdict for judged in got[:4]] == [
        Verdict.SCANNER,
        Verdict.HUMAN,
        Verdict.SCANNER,
        Verdict.SCANNER,
    ]
    assert got[1].reasons == ("early", "burst", "input_on_page")
    assert [judged.verdict for judged in got[4:]] == [Verdict.HUMAN, Verdict.HUMAN]


def test_a_beat_without_hands_clears_nothing() -> None:
    got = verdicts(click(1, ref="a"), page(EventKind.VIEW, 2, "a.s.p"), page(EventKind.BEAT, 17, "a.s.p"))
    assert got == [Verdict.SUSPECTED] * 3


def test_a_page_read_without_a_known_click_is_human_unless_a_crawler_reads_it() -> None:
    crawler = page(EventKind.VIEW, 900, "c.s.p", ua="Mozilla/5.0 (compatible; bingbot/2.0)")
    assert verdicts(page(EventKind.VIEW, 900, "b.s.p"), crawler) == [Verdict.HUMAN, Verdict.SCANNER]


@pytest.mark.parametrize(
    ("ua", "verdict"),
    [
        ("Mozilla/5.0", Verdict.MACHINE),
        (
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            Verdict.MACHINE,
        ),
        ("YahooMailProxy; https://help.yahoo.com/", Verdict.MACHINE),
        ("", Verdict.MACHINE),
        ("curl/8.5.0", Verdict.MACHINE),
        (CHROME, Verdict.UNKNOWN),
    ],
)
def test_an_open_never_speaks_for_a_person(ua: str, verdict: Verdict) -> None:
    assert judge_open(ua).verdict is verdict


@pytest.mark.parametrize(
    "ua",
    [
        CHROME,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
    ],
)
def test_peoples_browsers_are_no_crawlers(ua: str) -> None:
    assert not is_crawler(ua)


def test_verdicts_do_not_hang_on_the_order_in_which_events_arrive() -> None:
    events = [click(600 + 2 * n, n, ref=f"r{n}") for n in range(1, 6)]
    events += [page(EventKind.BEAT, 630, "r3.s.p", has_input=True), click(5000, 1, ref="z")]
    expected = {event.uid: judged for event, judged in zip(events, judge(events, sent_at=SENT), strict=True)}
    draw = random.Random(7)
    for _ in range(20):
        draw.shuffle(events)
        got = judge(events, sent_at=SENT)
        assert {event.uid: judged for event, judged in zip(events, got, strict=True)} == expected


def test_without_the_time_of_sending_no_click_is_early() -> None:
    assert verdicts(click(1), sent_at=None) == [Verdict.HUMAN]
    assert verdicts(replace(click(1), method="HEAD"), sent_at=None) == [Verdict.SUSPECTED]
