"""From what an unknown browser read to a person's touchpoints, on real parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.rules.page_rules import PageRule
from campaigns.rules.visits import VIEWS_A_DAY
from campaigns.services import join_visits, judge, observe
from campaigns.storage import import_undo, page_rules, visits
from tests.services.world import CHROME, World
from tracking_pixel.events import Event, EventKind

VISITOR, OTHER = "0123456789abcdefghijk", "zyxwvutsrqponmlkjihgf"
SITE = "https://www.minori.example"
DAY = timedelta(days=1)


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def person(world: World) -> int:
    return world.person(touches=[("badge_scan", 60)])


def page(
    world: World,
    path: str,
    *,
    ago: timedelta,
    visitor: str = VISITOR,
    hands: bool = True,
    beats: int = 0,
    delivery: int = 0,
    ref: str = "",
    ua: str = CHROME,
) -> list[Event]:
    """What the script sends of one page: its view, the first touch, and beats of 15 s."""
    world.count += 1
    name, at = f"s.p{world.count}", world.now - ago
    visit = f"{ref}.{name}" if ref else name
    common: dict[str, Any] = {"url": SITE + path, "title": f"頁 {path}", "visit": visit, "visitor": visitor}
    common |= {"ua": ua, "method": "POST", "delivery_id": delivery}
    found = [Event(uid=f"view:{visitor}:{visit}", kind=EventKind.VIEW, at=at, **common)]
    for number in range(int(hands) + beats):
        found.append(
            Event(
                uid=f"beat:{visitor}:{visit}:{number}",
                kind=EventKind.BEAT,
                at=at + timedelta(seconds=1 + 15 * number),
                has_input=True,
                active_s=15.0 if number else 0.0,
                **common,
            )
        )
    return found


def take(world: World, events: Sequence[Event]) -> None:
    observe.take(world.parts, events, now=world.now)
    judge.due(world.parts, now=world.now + timedelta(minutes=10))


def join(world: World, person: int, *, visitor: str = VISITOR, ago: timedelta = timedelta()) -> list[int]:
    with world.parts.engine.begin() as tx:
        return join_visits.join(tx, visitor=visitor, person_id=person, how="form", now=world.now - ago)


def read(world: World, person: int) -> list[Any]:
    """The pages on the person's timeline, oldest first."""
    return world.rows(
        "select * from touchpoints where person_id = :p and kind like 'web_view%' order by at, id", p=person
    )


def test_what_an_unknown_browser_read_appears_once_it_is_known_at_the_times_it_happened(
    world: World, person: int
) -> None:
    take(world, page(world, "/case/", ago=30 * DAY, beats=2) + page(world, "/about/", ago=10 * DAY))
    assert read(world, person) == []
    assert join(world, person) == [person]
    rows = read(world, person)
    assert [(row.url, row.at) for row in rows] == [
        (f"{SITE}/case/", world.now - 30 * DAY),
        (f"{SITE}/about/", world.now - 10 * DAY),
    ]
    assert (rows[0].kind, rows[0].active_s, rows[0].validity) == ("web_view_key", 30.0, 1.0)
    assert rows[0].source_key.startswith(f"view:v:{VISITOR}:")
    assert rows[1].kind == "web_view"


def test_the_same_form_twice_changes_nothing_more(world: World, person: int) -> None:
    take(world, page(world, "/case/", ago=DAY))
    assert join(world, person) == [person]
    assert join(world, person) == []
    assert len(world.rows("select 1 from visitor_ties")) == 1


def test_what_is_older_than_90_days_stays_anonymous(world: World, person: int) -> None:
    take(world, page(world, "/old/", ago=91 * DAY) + page(world, "/new/", ago=89 * DAY))
    join(world, person)
    assert [row.url for row in read(world, person)] == [f"{SITE}/new/"]


def test_a_page_that_nobody_touched_is_suspected_until_somebody_does(world: World, person: int) -> None:
    events = page(world, "/case/", ago=DAY)
    take(world, events[:1])
    join(world, person)
    [row] = read(world, person)
    assert (row.validity, row.validity_reason) == (0.0, "suspected:no_input")
    take(world, events[1:])
    [row] = read(world, person)
    assert (row.validity, row.validity_reason) == (1.0, "human:input_on_page")


def test_a_crawler_is_a_scanner(world: World, person: int) -> None:
    take(world, page(world, "/case/", ago=DAY, hands=False, ua="Googlebot/2.1"))
    join(world, person)
    assert read(world, person)[0].validity_reason == "scanner:crawler"


def test_what_a_known_browser_reads_is_a_touchpoint_at_once_and_moves_the_rank(
    world: World, person: int
) -> None:
    join(world, person, ago=DAY)
    take(world, page(world, "/price/", ago=timedelta(minutes=3)))
    assert [row.url for row in read(world, person)] == [f"{SITE}/price/"]
    assert float(world.rows("select score from product_leads where person_id = :p", p=person)[0].score) > 0


def test_the_same_events_again_change_nothing(world: World, person: int) -> None:
    join(world, person, ago=2 * DAY)
    events = page(world, "/price/", ago=DAY, beats=3)
    take(world, events)
    before = read(world, person)
    take(world, [*events, *events])
    assert read(world, person) == before
    assert before[0].active_s == 45.0


def test_a_click_ties_the_browser_once_hands_were_at_the_page(world: World, person: int) -> None:
    delivery = world.delivery(person)
    take(world, page(world, "/before/", ago=5 * DAY))
    untouched = page(world, "/case/", ago=2 * DAY, delivery=delivery, ref="ab", hands=False)
    take(world, untouched)
    assert world.rows("select 1 from visitor_ties") == [], "a machine may open a page as well"
    take(world, page(world, "/case/", ago=DAY, delivery=delivery, ref="ab"))
    [tie] = world.rows("select * from visitor_ties")
    assert (tie.person_id, tie.how, tie.source) == (person, "click", f"click:{delivery}:ab")
    assert f"{SITE}/before/" in [row.url for row in read(world, person)]


def test_before_a_second_person_the_pages_stay_with_the_first_and_later_ones_are_the_seconds(
    world: World, person: int
) -> None:
    second = world.person()
    take(world, page(world, "/a/", ago=20 * DAY))
    join(world, person, ago=15 * DAY)
    take(world, page(world, "/b/", ago=10 * DAY))
    join(world, second, ago=5 * DAY)
    take(world, page(world, "/c/", ago=DAY))
    assert [row.url for row in read(world, person)] == [f"{SITE}/a/", f"{SITE}/b/"]
    assert [row.url for row in read(world, second)] == [f"{SITE}/c/"]


def test_the_token_of_an_earlier_mail_says_nothing_once_somebody_else_is_known(
    world: World, person: int
) -> None:
    delivery, second = world.delivery(person), world.person()
    take(world, page(world, "/a/", ago=10 * DAY, delivery=delivery, ref="ab"))
    join(world, second, ago=5 * DAY)
    # The browser still holds the token of the first person's mail.
    take(world, page(world, "/b/", ago=2 * DAY, delivery=delivery, ref="ab"))
    # A new click is the first person's again.
    take(world, page(world, "/c/", ago=DAY, delivery=delivery, ref="cd"))
    take(world, page(world, "/d/", ago=DAY / 2, delivery=delivery, ref="cd"))
    assert [row.url for row in read(world, person)] == [f"{SITE}/a/", f"{SITE}/c/", f"{SITE}/d/"]
    assert [row.url for row in read(world, second)] == [f"{SITE}/b/"]


def test_who_does_not_want_to_be_measured_is_never_tied(world: World) -> None:
    silent = world.person(do_not_track=True)
    take(world, page(world, "/before/", ago=DAY))
    assert join(world, silent) == []
    stored = world.rows("select count(*) as n from tracking_events")[0].n
    world.now += DAY
    take(world, page(world, "/after/", ago=timedelta(minutes=1)))
    assert read(world, silent) == []
    assert world.rows("select count(*) as n from tracking_events")[0].n == stored, "their browser is dropped"


def test_who_refuses_later_is_measured_no_more_and_keeps_what_was_read(world: World, person: int) -> None:
    join(world, person, ago=5 * DAY)
    take(world, page(world, "/before/", ago=2 * DAY))
    world.run("update people set do_not_track = true where id = :p", p=person)
    take(world, page(world, "/after/", ago=DAY))
    assert [row.url for row in read(world, person)] == [f"{SITE}/before/"]
    assert world.rows("select 1 from tracking_events where url like '%after%'") == []


def test_a_merged_persons_browser_is_the_other_ones(world: World, person: int) -> None:
    other = world.person()
    join(world, person, ago=5 * DAY)
    world.run("update people set merged_into = :o where id = :p", o=other, p=person)
    take(world, page(world, "/a/", ago=DAY))
    assert read(world, person) == []
    assert [row.url for row in read(world, other)] == [f"{SITE}/a/"]
    assert join(world, person, visitor=OTHER) == []
    assert {row.person_id for row in world.rows("select person_id from visitor_ties")} == {person, other}


@pytest.mark.parametrize("visitor", ["", "short", "x" * 41, VISITOR + "\n", "'; drop table people; --"])
def test_what_is_no_browsers_name_ties_nothing(world: World, person: int, visitor: str) -> None:
    assert join(world, person, visitor=visitor) == []
    assert world.rows("select 1 from visitor_ties") == []


def test_nobody_can_be_tied_whom_there_is_not(world: World) -> None:
    assert join(world, 999_999) == []


def test_the_night_writes_what_was_stored_in_the_moment_of_the_tie(world: World, person: int) -> None:
    take(world, page(world, "/case/", ago=DAY))
    with world.parts.engine.begin() as tx:
        visits.tie(tx, [visits.NewTie(VISITOR, person, "form", "form:1", world.now)])
    assert read(world, person) == []
    assert join_visits.nightly(world.parts, now=world.now) == [person]
    assert len(read(world, person)) == 1
    assert join_visits.nightly(world.parts, now=world.now) == []


def test_a_flood_of_one_browser_is_counted_and_not_stored(world: World) -> None:
    events = [
        event
        for number in range(VIEWS_A_DAY + 30)
        for event in page(world, f"/{number}", ago=timedelta(hours=1), hands=False)
    ]
    take(world, events[:-5])
    take(world, events[-5:])
    assert world.rows("select count(*) as n from tracking_events")[0].n == VIEWS_A_DAY
    [flood] = world.rows("select site, n from visit_floods")
    assert (flood.site, flood.n) == (SITE, 30)
    take(world, page(world, "/x", ago=timedelta(hours=1), visitor=OTHER))
    assert world.rows("select 1 from tracking_events where visitor = :v", v=OTHER)


def test_a_rule_says_what_a_page_is_about_whoevers_mail_led_there(world: World, person: int) -> None:
    rule = PageRule(0, "", "/pump/", world.pump_id, ("計量", "薬液"), True)
    with world.parts.engine.begin() as tx:
        page_rules.add(tx, rule, user_id=None, now=world.now)
    delivery = world.delivery(person)  # about the press
    take(world, page(world, "/pump/x", ago=3 * DAY))
    take(world, page(world, "/pump/y", ago=2 * DAY, delivery=delivery, ref="ab"))
    take(world, page(world, "/other/", ago=DAY, delivery=delivery, ref="ab"))
    rows = {row.url.removeprefix(SITE): row for row in read(world, person)}
    for path in ("/pump/x", "/pump/y"):
        row = rows[path]
        assert (row.product_id, row.tags, row.kind) == (world.pump_id, ["計量", "薬液"], "web_view_key")
    assert (rows["/other/"].product_id, rows["/other/"].tags) == (world.press_id, [])


def test_the_pages_of_a_person_come_with_title_count_last_and_active_time(world: World, person: int) -> None:
    join(world, person, ago=20 * DAY)
    take(world, page(world, "/a/", ago=10 * DAY, beats=1) + page(world, "/a/", ago=2 * DAY, beats=3))
    take(world, page(world, "/b/", ago=DAY) + page(world, "/c/", ago=DAY, hands=False))
    with world.parts.engine.connect() as tx:
        found = visits.pages_of(tx, person, limit=10)
    assert [(one.url, one.title, one.n, one.active_s) for one in found] == [
        (f"{SITE}/a/", "頁 /a/", 2, 60.0),
        (f"{SITE}/b/", "頁 /b/", 1, 0.0),
    ]
    assert found[0].last_at == world.now - 2 * DAY


def test_an_undone_import_takes_its_peoples_ties_along(world: World, person: int) -> None:
    join(world, person)
    with world.parts.engine.begin() as tx:
        import_undo.remove(tx, [person])
    assert world.rows("select 1 from visitor_ties") == []
