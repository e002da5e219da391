"""Invitations and thanks as broadcasts: drafted once, filled in, under the one law."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from campaigns.parts import Parts
from campaigns.rules.events import Answer
from campaigns.rules.touchpoints import Kind
from campaigns.services import answer_event, broadcast, invite_event, plan, run_broadcasts
from campaigns.services.invite_event import InviteError
from campaigns.storage import broadcasts, event_mailings
from campaigns.storage.broadcasts import Broadcast
from tests.services import event_house
from tests.services.event_house import SHOW, House

OVER = replace(SHOW, kind="exhibition", starts_on=date(2026, 11, 20), apply_by=None)


def found(house: House, id: int) -> Broadcast:
    with house.parts.engine.connect() as tx:
        made = broadcasts.get(tx, id)
    assert made is not None
    return made


def test_an_invitation_knows_its_event_and_leaves_open_what_the_event_does_not(
    parts: Parts, now: datetime
) -> None:
    house = event_house.build(parts, now)
    id = invite_event.run(parts, house.event, house.world.product, user_id=1, now=now)
    made = found(house, id)
    assert (made.plan.invites_to, made.plan.valid_until) == (house.event, date(2026, 12, 15))
    assert made.plan.send_on == date(2026, 11, 25)
    html = house.rows("select html from content_variants where content_id = :c", c=made.plan.content_id)[
        0
    ].html
    assert "2026年12月17日（木）" in html
    assert "2026年12月15日（火）までに" in html
    assert "【記入：開始と終了の時刻】" in html
    # It cannot leave like that.
    _state, problems = broadcast.ask(parts, id, version=made.version, user_id=1, now=now)
    assert [(one.code, one.args) for one in problems] == [("mail_broken", {"code": "placeholder"})]


def test_a_mail_that_asks_for_an_answer_cannot_go_without_an_event(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    id = invite_event.run(parts, house.event, house.world.product, user_id=1, now=now)
    event_house.finish_mail(house, id)
    made = found(house, id)
    broadcast.save(parts, id, replace(made.plan, invites_to=None), version=made.version, user_id=1, now=now)
    made = found(house, id)
    _state, problems = broadcast.ask(parts, id, version=made.version, user_id=1, now=now)
    assert [one.code for one in problems] == ["answers_without_event"]


def test_an_invitation_is_not_sent_on_a_day_when_nobody_can_answer(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    id = invite_event.run(parts, house.event, house.world.product, user_id=1, now=now)
    event_house.finish_mail(house, id)
    made = found(house, id)
    late = replace(made.plan, send_on=date(2026, 12, 16), valid_until=None)
    broadcast.save(parts, id, late, version=made.version, user_id=1, now=now)
    made = found(house, id)
    _state, problems = broadcast.ask(parts, id, version=made.version, user_id=1, now=now)
    assert ("after_event", {"day": date(2026, 12, 15)}) in [(one.code, one.args) for one in problems]


def test_too_late_and_no_product_are_said(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now)
    with pytest.raises(InviteError, match="product_missing"):
        invite_event.run(parts, house.event, 99, user_id=1, now=now)
    with pytest.raises(InviteError, match="too_late"):
        invite_event.run(parts, house.event, 1, user_id=1, now=datetime(2026, 12, 16, 1, tzinfo=UTC))
    assert house.rows("select 1 from broadcasts") == []


def thank(house: House, now: datetime) -> int:
    """Draft the thank-you mail and send it off."""
    parts = house.parts
    id = invite_event.thank(parts, house.event, house.world.product, user_id=1, now=now)
    made = found(house, id)
    house.run(
        "update content_variants set html = '<p>{{ 宛名 }}</p><p>ご来場ありがとうございました。</p>'"
        " where content_id = :c",
        c=made.plan.content_id,
    )
    _state, problems = broadcast.ask(parts, id, version=made.version, user_id=1, now=now)
    assert problems == ()
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    return id


def thanked(house: House) -> list[int]:
    rows = house.rows("select person_id from deliveries where class = 'courtesy' order by 1")
    return [row.person_id for row in rows]


def test_thanks_go_once_to_who_came_as_the_months_courtesy_mail(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now, event=OVER)
    first, second, third, fourth = house.world.people
    house.touch(first, Kind.BOOTH_TALK)
    house.touch(second, Kind.CARD_EXCHANGE)
    house.touch(fourth, Kind.SEMINAR_APPLY)  # signed up, and did not come
    id = thank(house, now)
    assert thanked(house) == [first, second]
    assert invite_event.thank(parts, house.event, house.world.product, user_id=1, now=now) == id
    assert len(house.rows("select 1 from mail_slots where slot_no = 0")) in (0, 2)

    # Who is entered later joins, once.
    house.touch(third, Kind.BADGE_SCAN)
    assert invite_event.thank_late(parts, id, user_id=1, now=now) == 1
    assert invite_event.thank_late(parts, id, user_id=1, now=now) == 0
    plan.run(parts, now=now)
    assert thanked(house) == [first, second, third]


def test_who_was_thanked_by_a_scenario_gets_no_second_thanks(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now, event=OVER)
    first, second, *_ = house.world.people
    house.touch(first, Kind.BOOTH_TALK)
    house.touch(second, Kind.BOOTH_TALK)
    house.run(
        "insert into deliveries (origin, class, person_id, address_id, state, sent_at, month, created_at)"
        " select 'enr:x', 'courtesy', id, address_id, 'sent', :at, 0, :at from people where id = :p",
        at=now,
        p=first,
    )
    thank(house, now)
    assert house.rows("select reason from enrollments where person_id = :p", p=first)[0].reason == "thanked"
    assert thanked(house) == [first, second]


def test_nobody_is_thanked_for_a_product_nobody_was_met_for(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now, event=OVER)
    answer_event_only = house.world.people[0]
    house.run("update events set starts_on = '2026-12-20', ends_on = null")
    answer_event.by_staff(parts, house.event, answer_event_only, Answer.NO, user_id=1, now=now)
    with pytest.raises(InviteError, match="nobody_met"):
        invite_event.thank(parts, house.event, house.world.product, user_id=1, now=now)
    with parts.engine.connect() as tx:
        assert event_mailings.products_met(tx, house.event) == []
