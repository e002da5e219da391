"""Answers to invitations: by the personal link, changed until the last day, with seats that are given once."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest

from campaigns.parts import Parts
from campaigns.rules.events import Answer
from campaigns.rules.forms import Door
from campaigns.services import answer_event, follow_event, render, wake
from campaigns.services.answer_event import AnswerError
from campaigns.services.author import Gone
from tests.services import event_house
from tests.services.event_house import SHOW, House
from tracking_pixel.tokens import TokenKind

LATER = datetime(2026, 12, 10, 1, 0, tzinfo=UTC)
AFTER = datetime(2026, 12, 15, 15, 0, tzinfo=UTC)  # 16 December, 0:00 in Tokyo: the day after the last


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    return event_house.build(parts, now)


def full_house(parts: Parts, now: datetime, *, seats: int, waits: bool) -> House:
    return event_house.build(parts, now, event=replace(SHOW, capacity=seats, has_waiting_list=waits))


def test_the_invitation_is_a_counted_mail_that_brings_each_person_their_own_link(house: House) -> None:
    tokens = event_house.invite(house)
    assert set(tokens) == set(house.world.people)
    assert {row[0] for row in house.rows("select class from deliveries")} == {"counted"}
    assert len(house.rows("select 1 from mail_slots where slot_no = 1")) == 4
    one = answer_event.look(house.parts, tokens[house.world.people[0]], now=LATER)
    assert one is not None
    assert (one.event.name, one.door, one.given) == ("浜松工場 個展", Door.OPEN, None)
    assert "p1@" not in one.masked


def test_the_mail_holds_the_link_that_its_receiver_answers_by(house: House) -> None:
    event_house.invite(house)
    row = house.rows("select id, person_id from deliveries order by id")[0]
    with house.parts.engine.connect() as tx:
        body = render.items(tx, house.parts, [row.id], now=LATER)[row.id].body
    assert callable(body)
    mail = message_from_bytes(body(), policy=policy.default)
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        tokens = set(re.findall(r"/rsvp/([\w-]+)", part.get_content()))
        assert len(tokens) == 1
        found = answer_event.run(house.parts, tokens.pop(), Answer.MAYBE, now=LATER)
        assert found is not None
    assert [row.person_id for row in house.rows("select person_id from event_answers")] == [row.person_id]


def test_looking_changes_nothing_and_a_press_leaves_one_touch_and_one_pass(house: House) -> None:
    person, *_ = house.world.people
    token = event_house.invite(house)[person]
    for _look in range(5):
        answer_event.look(house.parts, token, now=LATER)
    assert house.kinds(person) == {}
    for _press in range(3):
        found = answer_event.run(house.parts, token, Answer.YES, now=LATER)
        assert found is not None
        assert found.pass_url
    assert house.kinds(person) == {"seminar_apply": 1.0}
    mails = house.rows("select b.subject from delivery_bodies b join deliveries d on d.id = b.delivery_id")
    assert [row.subject for row in mails] == ["ご出席を承りました：浜松工場 個展"]


def test_a_changed_answer_takes_the_first_ones_points_back_and_may_return(house: House) -> None:
    person, *_ = house.world.people
    token = event_house.invite(house)[person]
    for answer, kinds in (
        (Answer.YES, {"seminar_apply": 1.0}),
        (Answer.NO, {"seminar_apply": 0.0, "rsvp_no": 1.0}),
        (Answer.MAYBE, {"seminar_apply": 0.0, "rsvp_no": 0.0, "rsvp_maybe": 1.0}),
        (Answer.YES, {"seminar_apply": 1.0, "rsvp_no": 0.0, "rsvp_maybe": 0.0}),
    ):
        answer_event.run(house.parts, token, answer, now=LATER)
        assert house.kinds(person) == kinds
    # Each state is told by mail once, however often it comes back.
    assert len(house.rows("select 1 from delivery_bodies")) == 1


def test_a_yes_to_an_exhibition_is_worth_no_points(parts: Parts, now: datetime) -> None:
    house = event_house.build(parts, now, event=replace(SHOW, kind="exhibition"))
    person, *_ = house.world.people
    answer_event.run(parts, event_house.invite(house)[person], Answer.YES, now=LATER)
    assert house.kinds(person) == {"rsvp_yes": 1.0}


def test_after_the_last_day_nothing_changes_any_more_and_the_page_says_so(house: House) -> None:
    person, other, *_ = house.world.people
    tokens = event_house.invite(house)
    answer_event.run(house.parts, tokens[person], Answer.MAYBE, now=AFTER - timedelta(seconds=1))
    for token in (tokens[person], tokens[other]):
        late = answer_event.run(house.parts, token, Answer.YES, now=AFTER)
        assert late is not None
        assert (late.refused, late.door) == ("closed", Door.CLOSED)
    assert [row.answer for row in house.rows("select answer from event_answers")] == ["maybe"]


@pytest.mark.parametrize("forge", ["cut", "other_kind", "no_invitation", "nonsense"])
def test_a_link_that_is_not_ours_is_none(house: House, forge: str) -> None:
    person, *_ = house.world.people
    token = event_house.invite(house)[person]
    signer = house.parts.signer
    forged = {
        "cut": token[:-2],
        "other_kind": signer.sign(TokenKind.UNSUBSCRIBE, 1),
        "no_invitation": signer.sign(TokenKind.RSVP, 99_999),
        "nonsense": "!!",
    }[forge]
    assert answer_event.run(house.parts, forged, Answer.YES, now=LATER) is None
    assert house.rows("select 1 from event_answers") == []


def test_the_last_seat_is_given_once_however_many_press_at_once(parts: Parts, now: datetime) -> None:
    house = full_house(parts, now, seats=1, waits=False)
    tokens = list(event_house.invite(house).values())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda token: answer_event.run(parts, token, Answer.YES, now=LATER), tokens))
    assert sorted(one.refused for one in found if one) == ["", "full", "full", "full"]
    assert len(house.rows("select 1 from event_answers where answer = 'yes'")) == 1


def test_a_seat_that_is_given_back_goes_to_who_has_waited_longest_with_one_mail(
    parts: Parts, now: datetime
) -> None:
    house = full_house(parts, now, seats=1, waits=True)
    tokens = event_house.invite(house)
    first, second, third, *_ = house.world.people
    answer_event.run(parts, tokens[first], Answer.YES, now=LATER)
    found = answer_event.run(parts, tokens[second], Answer.YES, now=LATER)
    assert found is not None
    assert found.given is not None
    assert (found.given.is_waiting, found.pass_url) == (True, "")
    answer_event.run(parts, tokens[third], Answer.YES, now=LATER + timedelta(minutes=1))
    for _press in range(2):
        answer_event.run(parts, tokens[first], Answer.NO, now=LATER + timedelta(minutes=2))
    assert seated(house) == [second]
    assert not answer_event.seat(parts, house.event, second, user_id=1, now=LATER)
    assert subjects(house) == [
        "ご出席を承りました：浜松工場 個展",
        "キャンセル待ちを承りました：浜松工場 個展",
        "キャンセル待ちを承りました：浜松工場 個展",
        "お席をご用意しました：浜松工場 個展",
    ]
    assert house.rows("select 1 from alerts where kind = 'seat_free'") == []


def seated(house: House) -> list[int]:
    found = house.rows(
        "select person_id from event_answers where answer = 'yes' and not is_waiting order by 1"
    )
    return [row.person_id for row in found]


def subjects(house: House) -> list[str]:
    return [row.subject for row in house.rows("select subject from delivery_bodies order by delivery_id")]


def test_who_gives_a_seat_back_and_waits_again_is_told_of_the_next_one_too(
    parts: Parts, now: datetime
) -> None:
    house = full_house(parts, now, seats=1, waits=True)
    tokens = event_house.invite(house)
    first, second, *_ = house.world.people
    for minute, (person, answer) in enumerate(
        (
            (first, Answer.YES),
            (second, Answer.YES),
            (first, Answer.NO),
            (first, Answer.YES),
            (second, Answer.NO),
        )
    ):
        answer_event.run(parts, tokens[person], answer, now=LATER + timedelta(minutes=minute))
    assert seated(house) == [first]
    assert subjects(house)[-1] == "お席をご用意しました：浜松工場 個展"
    assert subjects(house).count("お席をご用意しました：浜松工場 個展") == 2


def test_seats_given_back_at_once_seat_as_many_once_each(parts: Parts, now: datetime) -> None:
    house = full_house(parts, now, seats=2, waits=True)
    tokens = event_house.invite(house)
    for minute, person in enumerate(house.world.people):
        answer_event.run(parts, tokens[person], Answer.YES, now=LATER + timedelta(minutes=minute))
    leave = list(house.world.people[:2])
    with ThreadPoolExecutor(2) as pool:
        list(
            pool.map(
                lambda one: answer_event.run(parts, tokens[one], Answer.NO, now=AFTER - timedelta(days=2)),
                leave,
            )
        )
    assert seated(house) == list(house.world.people[2:])
    assert subjects(house).count("お席をご用意しました：浜松工場 個展") == 2


def test_the_owner_decides_where_no_mail_reaches_who_waits(parts: Parts, now: datetime) -> None:
    house = full_house(parts, now, seats=1, waits=True)
    tokens = event_house.invite(house)
    first, second, *_ = house.world.people
    answer_event.run(parts, tokens[first], Answer.YES, now=LATER)
    house.run("delete from deliveries where person_id = :p", p=second)
    answer_event.by_staff(parts, house.event, second, Answer.YES, user_id=1, now=LATER)
    answer_event.run(parts, tokens[first], Answer.NO, now=LATER)
    assert seated(house) == []
    assert [row.args["n"] for row in house.rows("select args from alerts where kind = 'seat_free'")] == [1]
    assert answer_event.seat(parts, house.event, second, user_id=1, now=LATER)
    assert seated(house) == [second]


def test_no_seat_goes_unsaid_to_somebody_whose_mailbox_is_gone(parts: Parts, now: datetime) -> None:
    house = full_house(parts, now, seats=1, waits=True)
    tokens = event_house.invite(house)
    first, second, *_ = house.world.people
    for minute, person in enumerate((first, second)):
        answer_event.run(parts, tokens[person], Answer.YES, now=LATER + timedelta(minutes=minute))
    house.run(
        "update addresses set status = 'hard' where id = (select address_id from people where id = :p)",
        p=second,
    )
    answer_event.run(parts, tokens[first], Answer.NO, now=LATER + timedelta(minutes=5))
    assert seated(house) == []
    assert [row.args["n"] for row in house.rows("select args from alerts where kind = 'seat_free'")] == [1]


def test_staff_write_down_what_they_were_told_on_the_phone(house: House) -> None:
    person, *_ = house.world.people
    answer_event.by_staff(house.parts, house.event, person, Answer.YES, user_id=1, now=LATER)
    assert house.kinds(person) == {"seminar_apply": 1.0}
    assert house.rows("select answered_by from event_answers")[0].answered_by == 1
    with pytest.raises(Gone):
        answer_event.by_staff(house.parts, house.event, 99_999, Answer.YES, user_id=1, now=LATER)
    with pytest.raises(AnswerError, match="closed"):
        answer_event.by_staff(house.parts, house.event, person, Answer.NO, user_id=1, now=AFTER)


def test_a_seat_that_staff_give_back_is_told_to_who_waits_without_waiting_for_the_minute(
    parts: Parts, now: datetime
) -> None:
    house = full_house(parts, now, seats=1, waits=True)
    tokens = event_house.invite(house)
    first, second, *_ = house.world.people
    for person in (first, second):
        answer_event.run(parts, tokens[person], Answer.YES, now=LATER)
    wake.asked(parts)
    answer_event.by_staff(parts, house.event, first, Answer.NO, user_id=1, now=LATER)
    assert seated(house) == [second]
    assert wake.asked(parts) == ("deliver",)


def test_a_closed_event_takes_no_answers(house: House) -> None:
    person, *_ = house.world.people
    token = event_house.invite(house)[person]
    house.run("update events set starts_on = '2026-11-01', apply_by = null")
    follow_event.close(house.parts, house.event, user_id=1, now=LATER)
    found = answer_event.run(house.parts, token, Answer.YES, now=LATER)
    assert found is not None
    assert found.refused == "closed"
