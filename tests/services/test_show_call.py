"""A call on the desk: whose words are whose, and who else is known there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.rules.touchpoints import Kind
from campaigns.services import record_call, show_call
from campaigns.services.show_call import Card
from campaigns.storage import touchpoints
from campaigns.storage.touchpoints import NewTouch
from tests.conftest import NOW
from tests.services.test_call_desk import called
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def card(world: World, task: int) -> Card:
    found = show_call.run(world.parts, task, now=NOW, user_id=world.owner_id)
    assert found is not None
    return found


def noted(world: World, person: int, kind: Kind, note: str, *, days: int = 1) -> None:
    touch = NewTouch(
        source_key=f"note:{note}", person_id=person, kind=kind, at=NOW - timedelta(days=days), note=note
    )
    with world.parts.engine.begin() as tx:
        touchpoints.put(tx, [touch], now=NOW)


@pytest.mark.parametrize(
    ("kind", "is_theirs"),
    [
        (Kind.INQUIRY, True),
        (Kind.MAIL_REPLY, True),
        (Kind.BOOTH_TALK, True),
        (Kind.CALL_CONNECTED, True),
        (Kind.VISIT, True),
        (Kind.RSVP_MAYBE, True),
        (Kind.CALL_TRIED, False),
        (Kind.FAX_SENT, False),
        (Kind.MAIL_BY_REP, False),
        (Kind.SENT_BACK, False),
        (Kind.DEAL_LOST, False),
        (Kind.OPPORTUNITY, False),
    ],
)
def test_only_what_the_person_said_or_wrote_opens_the_talk(world: World, kind: Kind, is_theirs: bool) -> None:
    person, task, _ = called(world)
    noted(world, person, kind, "他社精機に決まった")
    found = card(world, task)
    assert [(one.touch.note, one.is_theirs) for one in found.words] == [("他社精機に決まった", is_theirs)]
    assert (found.hint is not None) == is_theirs


@pytest.mark.parametrize(
    ("result", "is_theirs"),
    [(CallResult.CALLBACK, True), (CallResult.NO_ANSWER, False), (CallResult.ABSENT, False)],
)
def test_the_note_of_a_call_is_theirs_when_they_were_reached(
    world: World, result: CallResult, is_theirs: bool
) -> None:
    person, task, version = called(world)
    noted(world, person, Kind.INQUIRY, "実機を見たい", days=3)
    record_call.record(
        world.parts,
        task_id=task,
        version=version,
        result=result,
        note="木曜に戻る",
        next_at=NOW + timedelta(days=2) if result is CallResult.CALLBACK else None,
        user_id=world.owner_id,
        now=NOW,
    )
    world.settle()
    newest = card(world, task).words[0]
    assert (newest.touch.note, newest.result, newest.is_theirs) == ("木曜に戻る", result.value, is_theirs)
    hint = card(world, task).hint
    assert hint is not None
    assert hint.touch.note == ("木曜に戻る" if is_theirs else "実機を見たい")


def test_a_decider_is_found_among_many_colleagues(world: World) -> None:
    person, task, _ = called(world)
    company = world.rows("select company_id as id from affiliations where person_id = :p", p=person)[0].id
    for n in range(15):
        one = world.person()
        world.run(
            "update affiliations set company_id = :c, buying_role = :r where person_id = :p",
            c=company, r="決裁" if n == 0 else "利用", p=one,
        )  # fmt: skip
    found = card(world, task)
    assert (len(found.colleagues), found.more_colleagues, found.missing_roles) == (5, 10, ("経理",))
