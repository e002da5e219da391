"""Following an event: gaps are named, closed by sets, and keep the event open until then (S0-01)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.events import Answer
from campaigns.rules.touchpoints import Kind
from campaigns.services import answer_event, follow_event, show_event
from campaigns.services.follow_event import Done, FollowError
from campaigns.storage import event_people
from tests import world
from tests.services import event_house
from tests.services.event_house import SHOW, House

OVER = replace(SHOW, kind="exhibition", starts_on=date(2026, 11, 20), apply_by=None)


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    """Four people: two talked with us, one gave a card, one only had the badge scanned."""
    made = event_house.build(parts, now, event=OVER)
    made.run("update people set tel = '053-000-0000'")
    kinds = (Kind.BOOTH_TALK, Kind.BOOTH_TALK_PROSPECT, Kind.CARD_EXCHANGE, Kind.BADGE_SCAN)
    for person, kind in zip(made.world.people, kinds, strict=True):
        made.touch(person, kind)
    return made


def gaps(house: House) -> list[int]:
    with house.parts.engine.connect() as tx:
        return event_people.ids(tx, house.event, "gaps")


def test_only_who_talked_with_us_is_a_gap_and_the_event_stays_open(house: House) -> None:
    assert gaps(house) == [1, 2]
    with pytest.raises(FollowError, match="gaps") as error:
        follow_event.close(house.parts, house.event, user_id=1, now=house.now)
    assert error.value.n == 2


@pytest.mark.parametrize(
    "sql",
    [
        "update companies set owner_user_id = 1",
        "insert into catalogues (company_id, owner_user_id, touched_at, created_at) select id, 1, now(), now()"
        " from companies",
        "insert into tasks (kind, person_id, state, due_at, created_at) select 'call', id, 'open', now(), now()"
        " from people where id < 3",
        "update people set excluded_reason = 'competitor'",
        "update product_leads set state = 'with_sales'",
        "update touchpoints set validity = 0",
    ],
)
def test_a_gap_ends_with_an_owner_an_action_or_a_reason(house: House, sql: str) -> None:
    house.run(sql)
    assert gaps(house) == []
    follow_event.close(house.parts, house.event, user_id=1, now=house.now)
    assert house.rows("select closed_by from events")[0].closed_by == 1
    follow_event.reopen(house.parts, house.event, user_id=1, now=house.now)
    assert house.rows("select closed_at from events")[0].closed_at is None


@pytest.mark.parametrize("sql", ["update tasks set state = 'done'", "update tasks set state = 'cancelled'"])
def test_an_action_that_is_done_leaves_the_gap_open_again(house: House, sql: str) -> None:
    follow_event.act(house.parts, house.event, "gaps", None, kind="call", user_id=1, now=house.now)
    assert gaps(house) == []
    house.run(sql)
    assert gaps(house) == [1, 2]


def test_actions_are_made_for_all_at_once_about_what_they_were_met_for(house: House) -> None:
    done = follow_event.act(house.parts, house.event, "gaps", None, kind="call", user_id=1, now=house.now)
    assert done == Done(2, 2)
    rows = house.rows(
        "select person_id, lead_id, product_id, cause, created_by, why, due_at from tasks order by 1"
    )
    assert [(row.person_id, row.lead_id, row.product_id, row.cause, row.created_by) for row in rows] == [
        (1, 1, house.world.product, "event_gap", 1),
        (2, 2, house.world.product, "event_gap", 1),
    ]
    assert all(len(row.why) == 1 for row in rows)
    # Friday, three business days from Tuesday, 17:30 in Tokyo.
    assert rows[0].due_at == datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
    with pytest.raises(FollowError, match="nobody"):
        follow_event.act(house.parts, house.event, "gaps", None, kind="call", user_id=1, now=house.now)


@pytest.mark.parametrize("sql", ["update people set do_not_call = true where id = 1",
                                 "update people set tel = '' where id = 1",
                                 "update people set phone_invalid = true where id = 1"])  # fmt: skip
def test_nobody_gets_a_call_who_cannot_or_must_not_be_called(house: House, sql: str) -> None:
    house.run(sql)
    act = follow_event.act(house.parts, house.event, "gaps", [1, 2, 3], kind="call", user_id=1, now=house.now)
    assert act == Done(2, 1)
    assert gaps(house) == [1]
    act = follow_event.act(house.parts, house.event, "gaps", [1], kind="visit", user_id=1, now=house.now)
    assert (act, gaps(house)) == (Done(1, 1), [])


def test_who_presses_takes_companies_on_and_a_manager_may_name_others(house: House) -> None:
    marketer = house.user
    manager = follow_event.members(house.parts)[1]
    with pytest.raises(FollowError, match="not_yours"):
        follow_event.own(house.parts, house.event, None, owner_id=manager.id, by=marketer, now=house.now)
    done = follow_event.own(house.parts, house.event, [1], owner_id=marketer.id, by=marketer, now=house.now)
    assert done == Done(1, 1)
    # Both gaps are of one company.
    assert gaps(house) == []
    row = house.rows("select user_id, mode, state, by_user_id from catalogue_owners")[0]
    assert tuple(row) == (1, "self", "stands", 1)


def test_a_named_owner_is_told_once_for_all_companies(house: House) -> None:
    manager = follow_event.members(house.parts)[1]
    assert manager.role == "sales_manager"
    follow_event.own(house.parts, house.event, None, owner_id=1, by=manager, now=house.now)
    told = house.rows("select user_id, kind, args->>'n' as n from alerts where kind = 'event_given'")
    assert [tuple(row) for row in told] == [(1, "event_given", "1")]
    assert house.rows("select mode from catalogue_owners")[0].mode == "manager"


def test_an_event_is_not_closed_before_it_is_over(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    with pytest.raises(FollowError, match="not_over"):
        follow_event.close(parts, house.event, user_id=1, now=now)


def test_who_said_yes_and_did_not_come_is_called_and_who_came_is_not(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    later = datetime(2026, 12, 18, 1, 0, tzinfo=UTC)
    house.run("update people set tel = '053-000-0000'")
    for person, answer in zip(house.world.people, ("yes", "yes", "maybe", "no"), strict=True):
        answer_event.by_staff(parts, house.event, person, Answer(answer), user_id=1, now=now)
    came = follow_event.came(parts, house.event, [house.world.people[0]], user_id=1, now=later)
    [touch] = house.rows("select at from touchpoints where source_key like 'check-in:%'")
    last = house.rows("select coalesce(ends_on, starts_on) as day from events where id = :e", e=house.event)[
        0
    ].day
    assert touch.at.astimezone(parts.settings.tz).date() == last < later.astimezone(parts.settings.tz).date()
    assert came == Done(1, 1)
    assert follow_event.came(parts, house.event, [house.world.people[0]], user_id=1, now=later) == Done(1, 0)
    assert house.kinds(house.world.people[0]) == {"seminar_apply": 1.0, "seminar_attend": 1.0}
    seen = show_event.run(parts, house.event, show="no_show", offset=0, now=later)
    assert [line.person_id for line in seen.lines] == [house.world.people[1]]
    done = follow_event.act(parts, house.event, "no_show", None, kind="call", user_id=1, now=later)
    assert (done.asked, done.done) == (1, 1)
    assert house.rows("select cause from tasks")[0].cause == "no_show"


def test_each_filter_counts_exactly_the_people_it_lists(house: House) -> None:
    event_house.invite(replace_event(house))
    answer_event.by_staff(house.parts, 2, 1, Answer.YES, user_id=1, now=house.now)
    answer_event.by_staff(house.parts, 2, 2, Answer.NO, user_id=1, now=house.now)
    for event, expected in (
        (1, {"met": 4, "gaps": 2, "all": 4, "invited": 0}),
        (2, {"met": 0, "invited": 4, "silent": 2, "signed": 1, "no": 1, "no_show": 1, "all": 2}),
    ):
        seen = show_event.run(house.parts, event, show="", offset=0, now=house.now)
        assert {name: seen.counts[name] for name in expected} == expected
        for name, n in seen.counts.items():
            listed = show_event.run(house.parts, event, show=name, offset=0, now=house.now).lines
            assert len(listed) == n, name


def replace_event(house: House) -> House:
    """The same people, invited to a private show."""
    with house.parts.engine.begin() as tx:
        event = world.insert(
            tx,
            "events",
            kind="private_show",
            name="個展",
            venue="本社",
            starts_on=date(2026, 12, 17),
            created_at=house.now,
        )
    return House(house.parts, house.world, event, house.now)


@pytest.mark.parametrize(("kind", "cautioned"), [("call", 1), ("visit", 1), ("fax", 0)])
def test_calls_to_who_only_reads_are_made_and_counted_apart(house: House, kind: str, cautioned: int) -> None:
    with house.parts.engine.begin() as tx:
        tx.execute(text("update product_leads set rank = 'warm'"))
        tx.execute(text("update product_leads set rank = 'nurture' where person_id = 1"))
    done = follow_event.act(house.parts, house.event, "gaps", [1, 2], kind=kind, user_id=1, now=house.now)
    assert done.cautioned == cautioned


def test_two_who_close_at_once_close_it_once(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    later = datetime(2026, 12, 18, 1, 0, tzinfo=UTC)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda user: follow_event.close(parts, house.event, user_id=user, now=later), (1, 2)))
    closings = house.rows("select user_id from audit_log where noun = 'event' and action = 'close'")
    assert len(closings) == 1
    assert house.rows("select 1 from events where id = :e and closed_at is not null", e=house.event)
