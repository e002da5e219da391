"""The task 来場案内: asked where an event lies ahead, pressed once, taken back when the event is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.rules.events import Plan
from campaigns.services import add_event, invite_person, rerank
from campaigns.services.invite_person import InviteError
from campaigns.services.record_call import TaskTaken
from campaigns.storage import event_invites
from tests.services import event_house
from tests.services.event_house import SHOW, House
from tests.services.world import World


def lead_left_out(house: House) -> tuple[int, int]:
    """A person whom the invitation to many passed over, back among the leads; (person, lead)."""
    lead = house.rows("select id, person_id from product_leads order by id limit 1")[0]
    house.run("update product_leads set state = 'excluded' where id = :id", id=lead.id)
    event_house.invite(house)
    house.run("update product_leads set state = 'nurturing' where id = :id", id=lead.id)
    return lead.person_id, lead.id


def ask(house: House, person: int, lead: int, *, cause: str = "warm_deep") -> Any:
    house.run(
        "insert into tasks (kind, person_id, lead_id, product_id, cause, state, due_at, created_at)"
        " select 'invite', :p, id, product_id, :c, 'open', :now, :now from product_leads where id = :l",
        p=person, l=lead, c=cause, now=house.now,
    )  # fmt: skip
    return house.rows("select id, version, state, outcome from tasks where lead_id = :l", l=lead)[0]


def leads(house: House, now: datetime) -> frozenset[int]:
    with house.parts.engine.connect() as tx:
        ids = [row.id for row in house.rows("select id from product_leads")]
        return event_invites.leads(tx, ids, today=now.date())


def test_one_press_joins_the_invitation_that_runs_and_ends_the_task(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    person, lead = lead_left_out(house)
    assert leads(house, now) == {lead}
    found = ask(house, person, lead)
    assert invite_person.run(parts, found.id, version=found.version, user_id=1, now=now)
    joined = house.rows("select status from enrollments where person_id = :p", p=person)
    assert [row.status for row in joined] == ["active"]
    ended = house.rows("select state, outcome, note from tasks where id = :t", t=found.id)
    assert ended == [("done", "invited", SHOW.name)]
    assert leads(house, now) == frozenset()
    with pytest.raises(TaskTaken):
        invite_person.run(parts, found.id, version=found.version, user_id=1, now=now)


def test_who_unsubscribed_or_knows_of_it_is_told_and_nothing_is_written(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    person, lead = lead_left_out(house)
    found = ask(house, person, lead)
    house.run(
        "update addresses set status = 'hard' where id = (select address_id from people where id = :p)",
        p=person,
    )
    house.run("update people set address_id = null where id = :p", p=person)
    with pytest.raises(InviteError, match="left_out"):
        invite_person.run(parts, found.id, version=found.version, user_id=1, now=now)
    house.run(
        "insert into event_answers (event_id, person_id, answer, at) values (:e, :p, 'yes', :now)",
        e=house.event, p=person, now=now,
    )  # fmt: skip
    with pytest.raises(InviteError, match="no_event"):
        invite_person.run(parts, found.id, version=found.version, user_id=1, now=now)
    assert not house.rows("select 1 from enrollments where person_id = :p", p=person)
    assert house.rows("select state from tasks where id = :t", t=found.id)[0].state == "open"


def test_an_event_to_which_no_mail_invites_yet_is_the_houses_and_is_told_by_voice(
    parts: Parts, now: datetime
) -> None:
    house = event_house.build(parts, now)
    row = house.rows("select id, person_id from product_leads order by id limit 1")[0]
    assert row.id in leads(house, now)
    found = ask(house, row.person_id, row.id)
    with pytest.raises(InviteError, match="no_mail"):
        invite_person.run(parts, found.id, version=found.version, user_id=1, now=now)


@pytest.mark.parametrize(
    "plan",
    [
        replace(SHOW, kind="exhibition"),
        replace(SHOW, starts_on=date(2026, 11, 25), apply_by=date(2026, 11, 23)),
        replace(SHOW, starts_on=date(2027, 1, 9), apply_by=None),
        replace(SHOW, starts_on=None, apply_by=None),
    ],
    ids=["a show of others", "answers are over", "too far", "no day yet"],
)
def test_nobody_is_asked_for_an_event_that_is_none_to_invite_to(
    parts: Parts, now: datetime, plan: Plan
) -> None:
    house = event_house.build(parts, now, event=plan)
    assert leads(house, now) == frozenset()


def test_the_night_takes_back_what_has_lost_its_event_and_keeps_what_somebody_asked_for(
    parts: Parts, now: datetime
) -> None:
    house = event_house.build(parts, now)
    rows = house.rows("select id, person_id from product_leads order by id limit 2")
    ask(house, rows[0].person_id, rows[0].id)
    ask(house, rows[1].person_id, rows[1].id, cause="by_hand")
    assert invite_person.forget(parts, now=now) == 0
    assert invite_person.forget(parts, now=now + timedelta(days=40)) == 1
    states = house.rows("select state, outcome from tasks order by id")
    assert states == [("cancelled", "no_event"), ("open", "")]


def test_a_rank_asks_for_the_invitation_of_whoever_has_talked_and_for_nobody_else(
    parts: Parts, now: datetime
) -> None:
    world = World.build(parts, now)
    add_event.run(parts, SHOW, user_id=None, now=now)
    deep = world.person(touches=[("booth_talk", 300), ("web_view_key", 5), ("web_view_key", 4)])
    others = [world.person(touches=[("badge_scan", 60)]) for _ in range(19)]
    rerank.people(parts, [deep, *others], now=now)
    world.run("delete from tasks")
    rerank.nightly(parts, now=now)
    assert world.lead(deep).rank == "warm"
    made = world.rows("select person_id, cause, team from tasks where kind = 'invite'")
    assert [(row.person_id, row.cause) for row in made] == [(deep, "warm_deep")]
