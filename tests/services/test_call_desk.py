"""The call desk: order, results in one transaction, two people at one call, undo."""

from __future__ import annotations

import threading
from datetime import date, datetime, timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules import entering
from campaigns.rules.outcomes import CallResult, OutcomeError
from campaigns.rules.touchpoints import Kind
from campaigns.services import (
    call_desk,
    finish_task,
    line_calls,
    pause_lead,
    record_call,
    record_touch,
    rerank,
    settle_calls,
)
from campaigns.storage import attempts
from tests.conftest import NOW
from tests.services.world import World


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def called(world: World, *touches: tuple[str, float], **more: object) -> tuple[int, int, int]:
    """A person with an open call: (person, task, version)."""
    person = world.person(touches=touches or [("booth_talk_prospect", 5), ("doc_request", 3)], **more)
    rerank.people(world.parts, [person], now=NOW)
    if not any(task.kind == "call" for task in world.tasks(person)):
        world.run(
            "insert into tasks (kind, person_id, lead_id, product_id, company_id, state, cause, due_at, created_at)"
            " select 'call', l.person_id, l.id, l.product_id, f.company_id, 'open', 'by_hand', :now, :now"
            " from product_leads l join affiliations f using (person_id) where l.person_id = :p",
            p=person,
            now=NOW - timedelta(days=1),
        )
    task = next(task for task in world.tasks(person) if task.kind == "call" and task.state == "open")
    return person, task.id, task.version


def note(world: World, task: int, version: int, result: str, **more: object) -> record_call.Recorded:
    """A result, as the desk takes it down."""
    return record_call.record(
        world.parts,
        task_id=task,
        version=version,
        result=CallResult(result),
        user_id=world.owner_id,
        now=NOW,
        **more,
    )  # type: ignore[arg-type]


def record(world: World, task: int, version: int, result: str, **more: object) -> record_call.Recorded:
    """A result with all that follows from it."""
    noted = note(world, task, version, result, **more)
    world.settle()
    return noted


def offered(world: World, *, hours: int = 0) -> list[int]:
    """The calls of the list so many hours after NOW, a Tuesday at ten."""
    found = call_desk.queue(world.parts, now=NOW + timedelta(hours=hours), user_id=world.owner_id)
    return [line.call.task_id for line in found.lines]


def lanes(world: World) -> list[str]:
    """Why each call of the list stands where it does, those that rest included."""
    return [row.lane for row in world.rows("select lane from call_lines order by task_id")]


def open_task(world: World, person: int, kind: str, *, cause: str, due: datetime, priority: int) -> int:
    """A task of the person's first lead."""
    world.run(
        "insert into tasks (kind, person_id, lead_id, product_id, state, cause, priority, due_at, created_at)"
        " select :kind, person_id, id, product_id, 'open', :cause, :priority, :due, :now from product_leads"
        " where person_id = :p order by id limit 1",
        p=person,
        kind=kind,
        cause=cause,
        priority=priority,
        due=due,
        now=NOW,
    )
    return max(task.id for task in world.tasks(person))


def state_of(world: World, person: int) -> tuple[object, ...]:
    """All that a call may change, but for version counters and the rank's own clock."""
    return (
        world.rows("select phone_invalid, do_not_call, excluded_reason from people where id = :p", p=person),
        world.rows(
            "select id, state, rank, round(score::numeric, 1), p_win, refused_until, no_call_before, timeframe"
            " from product_leads where person_id = :p order by id",
            p=person,
        ),
        world.rows(
            "select kind, state, due_at, not_before, promised_at, tries from tasks"
            " where person_id = :p and state in ('open', 'snoozed') order by kind",
            p=person,
        ),
        world.rows(
            "select h.state, h.returned_code, h.p_win from hand_offs h join product_leads l on l.id = h.lead_id"
            " where l.person_id = :p order by h.id",
            p=person,
        ),
        world.rows("select kind, validity from touchpoints where person_id = :p order by id", p=person),
        world.rows("select result from call_attempts where person_id = :p", p=person),
        world.rows("select ended_on from affiliations where person_id = :p", p=person),
    )


def test_an_interested_answer_makes_the_lead_hot_a_minute_later(world: World) -> None:
    person, task, version = called(world, ("web_view_key", 2), ("doc_request", 2), ("booth_talk", 40))
    assert world.lead(person).rank != "hot"

    record(world, task, version, "interest", note="3月までに3社比較")

    lead = world.lead(person)
    assert lead.rank == "hot"
    assert lead.state in ("hot", "offered")
    touch = world.rows("select * from touchpoints where kind = 'call_interest'")[0]
    assert (touch.note, touch.task_id, touch.actor_id) == ("3月までに3社比較", task, world.owner_id)
    done = next(t for t in world.tasks(person) if t.id == task)
    assert (done.state, done.outcome, done.done_by) == ("done", "interest", world.owner_id)
    assert (
        world.rows("select count(*) as n from alerts where kind = 'hot' and person_id = :p", p=person)[0].n
        == 1
    )


def test_an_unanswered_call_comes_again_at_the_other_time_of_day(world: World) -> None:
    person, task, version = called(world)
    record(world, task, version, "no_answer")  # Tuesday 10:00
    row = next(t for t in world.tasks(person) if t.id == task)
    local = row.not_before.astimezone(world.parts.settings.tz)
    assert (row.state, row.tries) == ("open", 1)
    assert (local.day, local.hour) == (25, 13)
    assert offered(world) == []
    assert offered(world, hours=26) == []  # Wednesday, 12:00
    assert offered(world, hours=27) == [task]  # and 13:00, as the button said


def test_a_try_rests_the_persons_other_calls_for_three_business_days(world: World) -> None:
    person, task, version = called(world)
    world.run(
        "insert into tasks (kind, person_id, product_id, state, cause, due_at, created_at)"
        " values ('call', :p, :q, 'open', 'by_hand', :now, :now)",
        p=person,
        q=world.pump_id,
        now=NOW,
    )
    other = max(t.id for t in world.tasks(person))
    record(world, task, version, "no_answer")  # Tuesday
    world.run("update tasks set not_before = null, state = 'done' where id = :t", t=task)
    assert [offered(world, hours=24 * days) for days in (1, 2, 3)] == [[], [], [other]]


@pytest.mark.parametrize("result", ["no_answer", "callback"])
def test_a_call_that_comes_again_may_become_late_again_and_is_told_again(world: World, result: str) -> None:
    _, task, version = called(world)
    world.run(
        "update tasks set reminded_at = :now, escalated_at = :now where id = :t",
        t=task,
        now=NOW - timedelta(hours=1),
    )
    record(world, task, version, result, next_at=NOW + timedelta(days=30))
    [row] = world.rows("select reminded_at, escalated_at from tasks where id = :t", t=task)
    assert (row.reminded_at, row.escalated_at) == (None, None)


def test_a_promised_call_back_is_offered_first_when_its_time_has_come_and_not_before(world: World) -> None:
    _, task, version = called(world)
    called(world, ("inquiry", 1))
    record(world, task, version, "callback", next_at=NOW + timedelta(hours=2))
    early = call_desk.queue(world.parts, now=NOW, user_id=None)
    assert task not in [line.call.task_id for line in early.lines]
    assert early.hidden["callback_later"] == 1
    due = call_desk.queue(world.parts, now=NOW + timedelta(hours=1, minutes=50), user_id=None)
    assert (due.lines[0].call.task_id, due.lines[0].place_reason) == (task, "callback")


def test_a_call_back_without_a_time_is_refused_and_nothing_is_written(world: World) -> None:
    person, task, version = called(world)
    before = state_of(world, person)
    with pytest.raises(OutcomeError, match="callback_at_missing"):
        record(world, task, version, "callback")
    assert state_of(world, person) == before


def test_a_refusal_declines_for_one_cycle_and_takes_back_the_offer_to_sales(world: World) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5))
    assert [row.state for row in world.rows("select state from hand_offs")] == ["offered"]
    record(world, task, version, "refused")
    lead = world.lead(person)
    assert lead.rank == "declined"
    assert (lead.refused_until - NOW).days in (364, 365)
    offer = world.rows("select state, returned_code from hand_offs")[0]
    assert (offer.state, offer.returned_code) == ("withdrawn", "refused")
    assert [t.kind for t in world.tasks(person) if t.state == "open" and t.kind == "call"] == []
    assert (
        world.rows("select count(*) as n from suppressions")[0].n == 0
    )  # a refusal of calls is none of mails


def test_a_wrong_number_and_a_ban_stop_calls_and_only_calls(world: World) -> None:
    person, task, version = called(world)
    record(world, task, version, "wrong")
    assert world.rows("select phone_invalid from people where id = :p", p=person)[0].phone_invalid
    assert [t.kind for t in world.tasks(person) if t.state == "open" and t.kind in ("call", "check")] == [
        "check"
    ]
    other, task, version = called(world)
    record(world, task, version, "dnc")
    assert world.rows("select do_not_call from people where id = :p", p=other)[0].do_not_call
    rerank.people(world.parts, [person, other], now=NOW + timedelta(days=30))
    assert not [t for p in (person, other) for t in world.tasks(p) if t.kind == "call" and t.state == "open"]


def test_somebody_who_has_left_is_excluded_and_a_successor_is_sought(world: World) -> None:
    person, task, version = called(world)
    record(world, task, version, "left")
    assert (
        world.rows("select excluded_reason from people where id = :p", p=person)[0].excluded_reason == "left"
    )
    assert world.lead(person).state == "excluded"
    assert [(t.kind, t.cause) for t in world.tasks(person) if t.state == "open"] == [
        ("check", "find_successor")
    ]


def test_material_asked_for_goes_out_and_a_call_follows(world: World) -> None:
    person, task, version = called(world, ("doc_request", 3), ("booth_talk_prospect", 5), fax=True)
    record(world, task, version, "material")
    follow = {t.kind: t for t in world.tasks(person) if t.cause in ("material_asked", "material_follow_up")}
    assert "call" in follow
    assert follow["call"].not_before.astimezone(world.parts.settings.tz).day == 27
    assert {t.kind for t in world.tasks(person) if t.state == "open"} >= {"fax", "call"}


def test_material_asked_for_goes_out_today_although_a_fax_stood_in_the_plan(world: World) -> None:
    person, task, version = called(world, ("doc_request", 3), ("booth_talk_prospect", 5), fax=True)
    open_task(world, person, "fax", cause="warm_shallow", due=NOW + timedelta(days=6), priority=3)
    record(world, task, version, "material")
    [fax] = [t for t in world.tasks(person) if t.kind == "fax" and t.state == "open"]
    assert (fax.cause, fax.priority, fax.tries) == ("material_asked", 2, 0)
    assert fax.due_at.astimezone(world.parts.settings.tz).date() == NOW.date()
    rerank.people(world.parts, [person], now=NOW + timedelta(hours=1))
    assert [t.id for t in world.tasks(person) if t.kind == "fax" and t.state == "open"] == [fax.id]


def test_a_visit_that_was_agreed_on_takes_the_place_of_one_that_was_planned(world: World) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5))
    world.run("delete from tasks where person_id = :p and kind = 'visit'", p=person)
    planned = open_task(world, person, "visit", cause="hot_deep", due=NOW - timedelta(days=1), priority=1)
    at = NOW + timedelta(days=9)
    record(world, task, version, "appointment", next_at=at)
    [visit] = [t for t in world.tasks(person) if t.kind == "visit" and t.state == "open"]
    assert (visit.id, visit.cause, visit.priority) == (planned, "appointment", 1)
    assert (visit.due_at, visit.promised_at) == (at, at)


@pytest.mark.parametrize("result", ["talked", "material", "not_now", "interest", "gatekeeper"])
def test_a_call_takes_no_lead_from_sales_who_wait_for_its_answer(world: World, result: str) -> None:
    person, task, version = called(world)
    world.run(
        "insert into hand_offs (lead_id, product_id, state, p_win, bar, created_at)"
        " select id, product_id, 'accepted', 0.3, 0.2, :now from product_leads where person_id = :p",
        p=person, now=NOW,
    )  # fmt: skip
    world.run("update product_leads set state = 'waiting' where person_id = :p", p=person)
    record(world, task, version, result)
    assert world.lead(person).state == "waiting"


def test_interest_ends_a_wait_of_which_sales_know_nothing(world: World) -> None:
    person, task, version = called(world)
    world.run("delete from hand_offs")
    world.run("update product_leads set state = 'waiting' where person_id = :p", p=person)
    reminder = open_task(
        world, person, "reply", cause="awaiting_reply", due=NOW + timedelta(days=30), priority=3
    )
    record(world, task, version, "interest")
    assert world.lead(person).state in ("hot", "offered")
    assert next(one.state for one in world.tasks(person) if one.id == reminder) == "cancelled"


@pytest.mark.parametrize(
    ("result", "state"), [("talked", "paused"), ("material", "paused"), ("interest", "hot")]
)
def test_a_call_ends_no_pause_but_that_of_somebody_who_is_interested(
    world: World, result: str, state: str
) -> None:
    person, task, version = called(world)
    until = NOW + timedelta(days=30)
    world.run("update product_leads set state = 'paused', paused_until = :until", until=until)
    record(world, task, version, result)
    lead = world.lead(person)
    if state == "paused":
        assert (lead.state, lead.paused_until) == ("paused", until)
    else:
        assert lead.state in ("hot", "offered")
        assert lead.paused_until is None


@pytest.mark.parametrize(
    ("result", "lane"), [("material", "value"), ("not_now", "value"), ("gatekeeper", "inquiry")]
)
def test_an_inquiry_is_open_until_the_person_was_spoken_with(world: World, result: str, lane: str) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5))
    assert lanes(world) == ["inquiry"]
    record(world, task, version, result)
    world.run("update tasks set state = 'done' where person_id = :p", p=person)
    open_task(world, person, "call", cause="by_hand", due=NOW, priority=3)
    line_calls.everything(world.parts, now=NOW)
    assert lanes(world) == [lane]


def test_an_inquiry_answered_by_mail_is_open_no_more(world: World) -> None:
    person, _, _ = called(world, ("inquiry", 1), ("booth_talk_prospect", 5))
    world.run(
        "insert into touchpoints (source_key, person_id, kind, channel, depth, at, validity, created_at)"
        " values ('m', :p, 'mail_by_rep', 'mail', 0, :now, 1, :now)",
        p=person,
        now=NOW,
    )
    line_calls.everything(world.parts, now=NOW)
    assert lanes(world) == ["value"]


@pytest.mark.parametrize(
    ("result", "connected"),
    [("gatekeeper", 0), ("left", 0), ("absent", 0), ("talked", 1), ("not_now", 1), ("refused", 1)],
)
def test_a_call_counts_as_answered_when_it_reached_whom_we_wanted(
    world: World, result: str, connected: int
) -> None:
    _, task, version = called(world)
    record(world, task, version, result)
    [hour] = world.rows("select hour, calls, connected from call_hours")
    assert (hour.hour, hour.calls, hour.connected) == (10, 1, connected)
    with world.parts.engine.connect() as tx:
        assert attempts.today(tx, user_id=world.owner_id, day=NOW - timedelta(hours=1)).connected == connected


@pytest.mark.parametrize("result", list(CallResult))
def test_for_a_minute_nothing_has_happened_but_the_note_and_undo_takes_that_back(
    world: World, result: CallResult
) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5), fax=True)
    before = state_of(world, person)
    note(world, task, version, result.value, note="間違い", next_at=NOW + timedelta(days=1))
    assert state_of(world, person) == (*before[:5], [(result.value,)], before[6])
    assert settle_calls.run(world.parts, now=NOW + timedelta(seconds=59)) == 0
    last = record_call.undo(world.parts, user_id=world.owner_id, now=NOW + timedelta(seconds=59))
    assert (last.task_id, last.note) == (task, "間違い")
    assert state_of(world, person) == before
    world.settle()
    assert state_of(world, person) == before
    assert [line.call.task_id for line in call_desk.queue(world.parts, now=NOW, user_id=None).lines] == [task]


@pytest.mark.parametrize("is_ended_first", [True, False])
def test_words_that_were_taken_back_end_with_their_task(world: World, is_ended_first: bool) -> None:
    person, task, version = called(world)
    note(world, task, version, "talked", note="ご家族の話")

    def rest() -> None:
        day = (NOW + timedelta(days=9)).date()
        lead_id = world.lead(person).id
        pause_lead.run(world.parts, lead_id, until=day, reason="希望", user_id=world.owner_id, now=NOW)

    def undo() -> None:
        record_call.undo(world.parts, user_id=world.owner_id, now=NOW + timedelta(seconds=5))

    for step in (rest, undo) if is_ended_first else (undo, rest):
        step()
    [row] = world.rows("select state, draft from tasks where id = :t", t=task)
    assert (row.state, row.draft) == ("cancelled", None)


def test_undo_ends_after_a_minute_and_belongs_to_who_recorded(world: World) -> None:
    _, task, version = called(world)
    note(world, task, version, "talked")
    for user, late in ((world.owner_id, 60), (None, 1)):
        with pytest.raises(record_call.CannotUndo):
            record_call.undo(world.parts, user_id=user, now=NOW + timedelta(seconds=late))


@pytest.mark.parametrize("result", list(CallResult))
def test_settling_twice_does_everything_once(world: World, result: CallResult) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5), fax=True)
    note(world, task, version, result.value, next_at=NOW + timedelta(days=1))
    world.settle()
    once = state_of(world, person)
    assert settle_calls.run(world.parts, now=NOW + timedelta(seconds=61)) == 0
    assert state_of(world, person) == once
    hours = world.rows("select sum(calls) as n from call_hours")
    assert hours[0].n == 1


def test_five_workers_settle_each_call_once(world: World) -> None:
    for _ in range(12):
        _, task, version = called(world)
        note(world, task, version, "talked")
    done: list[int] = []
    threads = [
        threading.Thread(
            target=lambda: done.append(settle_calls.run(world.parts, now=NOW + timedelta(seconds=60)))
        )
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(done) == 12
    assert world.rows("select count(*) as n from touchpoints where kind = 'call_connected'")[0].n == 12
    assert world.rows("select sum(calls) as n from call_hours")[0].n == 12


@pytest.mark.parametrize("result", ["dnc", "wrong", "left"])
def test_a_number_that_must_not_be_called_is_out_of_the_list_at_once(world: World, result: str) -> None:
    person, task, version = called(world)
    world.run(
        "insert into tasks (kind, person_id, product_id, state, cause, due_at, created_at)"
        " values ('call', :p, :q, 'open', 'by_hand', :now, :now)",
        p=person,
        q=world.pump_id,
        now=NOW,
    )
    note(world, task, version, result)
    assert call_desk.queue(world.parts, now=NOW, user_id=world.owner_id).lines == ()


def test_a_result_of_a_task_that_ended_meanwhile_still_counts_for_the_person(world: World) -> None:
    person, task, version = called(world)
    note(world, task, version, "talked", note="話せた")
    world.run("update tasks set state = 'cancelled', outcome = 'with_sales', done_at = :now", now=NOW)
    world.settle()
    assert [(t.state, t.outcome) for t in world.tasks(person) if t.id == task] == [
        ("cancelled", "with_sales")
    ]
    assert world.rows("select note from touchpoints where kind = 'call_connected'")[0].note == "話せた"


def test_a_promise_in_the_past_or_the_next_decade_is_refused_and_nothing_is_written(world: World) -> None:
    person, task, version = called(world)
    before = state_of(world, person)
    for result in ("callback", "appointment"):
        with pytest.raises(OutcomeError, match="in_the_past"):
            note(world, task, version, result, next_at=NOW - timedelta(minutes=1))
        with pytest.raises(OutcomeError, match="too_far"):
            note(world, task, version, result, next_at=NOW + timedelta(days=3650))
    assert state_of(world, person) == before


@pytest.mark.parametrize(
    ("month", "code"), [(date(2026, 10, 1), "in_the_past"), (date(2206, 4, 1), "too_far")]
)
def test_a_month_that_cannot_be_meant_is_refused_and_nothing_is_written(
    world: World, month: date, code: str
) -> None:
    person, task, version = called(world)
    before = state_of(world, person)
    with pytest.raises(OutcomeError, match=code):
        note(world, task, version, "not_now", named_month=month)
    assert state_of(world, person) == before
    note(world, task, version, "not_now", named_month=date(2026, 11, 1))


def test_whoever_says_no_gets_neither_the_fax_nor_the_mail_that_was_to_follow(world: World) -> None:
    person, task, version = called(world, fax=True)
    world.run("delete from tasks where person_id = :p and kind <> 'call'", p=person)
    for kind in ("fax", "mail"):
        open_task(world, person, kind, cause="material_asked", due=NOW, priority=2)
    record(world, task, version, "refused")
    assert [(t.kind, t.state, t.outcome) for t in world.tasks(person) if t.id != task] == [
        ("fax", "cancelled", "refused"),
        ("mail", "cancelled", "refused"),
    ]


def test_an_appointment_stands_in_the_calendar_a_minute_later_and_belongs_to_the_visit(world: World) -> None:
    person, task, version = called(world, ("inquiry", 1), ("booth_talk_prospect", 5))
    at = NOW + timedelta(days=2)
    note(world, task, version, "appointment", next_at=at, note="実機を見たい")
    assert world.rows("select count(*) as n from appointments")[0].n == 0
    world.settle()
    made = world.rows("select * from appointments")[0]
    visit = next(t for t in world.tasks(person) if t.kind == "visit" and t.state == "open")
    assert (made.person_id, made.starts_at, made.task_id, made.owner_user_id) == (
        person,
        at,
        visit.id,
        world.owner_id,
    )
    assert visit.promised_at == at


def test_an_appointment_whose_time_has_come_before_it_settled_stays_a_visit(world: World) -> None:
    person, task, version = called(world)
    note(world, task, version, "appointment", next_at=NOW + timedelta(seconds=30))
    world.settle()
    assert world.rows("select count(*) as n from appointments")[0].n == 0
    assert [t.cause for t in world.tasks(person) if t.kind == "visit" and t.state == "open"]


def test_a_call_that_cannot_be_settled_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, bad, version), (person, good, other) = called(world), called(world)
    note(world, bad, version, "talked")
    note(world, good, other, "talked")
    settle_one = settle_calls._settle

    def stumble(parts: Parts, waiting: object, *, now: object) -> bool:
        if waiting.task_id == bad:  # type: ignore[attr-defined]
            raise ArithmeticError("as if")
        return settle_one(parts, waiting, now=now)  # type: ignore[arg-type]

    monkeypatch.setattr(settle_calls, "_settle", stumble)
    with pytest.raises(ExceptionGroup):
        world.settle()
    assert world.rows("select person_id from touchpoints where kind = 'call_connected'") == [(person,)]
    monkeypatch.undo()
    world.settle()
    assert world.rows("select count(*) as n from touchpoints where kind = 'call_connected'")[0].n == 2


def test_ten_people_at_one_call_leave_one_result(world: World) -> None:
    _, task, version = called(world)
    outcomes: list[str] = []

    def try_it() -> None:
        try:
            note(world, task, version, "talked")
            outcomes.append("done")
        except record_call.TaskTaken as taken:
            outcomes.append(f"taken by {taken.by}")

    threads = [threading.Thread(target=try_it) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["done"] + ["taken by 営業 花子"] * 9
    assert world.rows("select count(*) as n from call_attempts")[0].n == 1
    world.settle()
    assert world.rows("select count(*) as n from touchpoints where kind = 'call_connected'")[0].n == 1


def test_a_colleagues_call_to_the_company_today_hides_its_people(world: World) -> None:
    person, task, version = called(world)
    _, other_task, _ = called(world)
    world.run(
        "update affiliations set company_id = (select company_id from affiliations where person_id = :p)",
        p=person,
    )
    line_calls.everything(world.parts, now=NOW)
    record(world, task, version, "talked")
    mine = call_desk.queue(world.parts, now=NOW, user_id=world.owner_id)
    assert [line.call.task_id for line in mine.lines] == [other_task]
    theirs = call_desk.queue(world.parts, now=NOW, user_id=None)
    assert theirs.hidden == {"company_called": 1}


def test_the_queue_names_the_touches_that_caused_each_call(world: World) -> None:
    _, task, _ = called(world, ("booth_talk_prospect", 20), ("doc_request", 3))
    line = call_desk.queue(world.parts, now=NOW, user_id=None).lines[0]
    assert line.call.task_id == task
    assert [touch.kind for touch in line.why] == ["booth_talk_prospect", "doc_request"]
    assert line.why[0].at < line.why[1].at


def test_outside_calling_hours_only_promises_are_offered(world: World) -> None:
    called(world)
    night = NOW + timedelta(hours=10)
    assert call_desk.queue(world.parts, now=night, user_id=None).lines == ()
    assert len(call_desk.queue(world.parts, now=night, user_id=None, hours_only=False).lines) == 1


def test_a_fax_sent_leaves_a_touch_without_points(world: World) -> None:
    person = world.person(touches=[("card_exchange", 5)], fax=True)
    rerank.people(world.parts, [person], now=NOW)
    world.run(
        "insert into tasks (kind, person_id, lead_id, product_id, state, due_at, created_at)"
        " select 'fax', person_id, id, product_id, 'open', :now, :now from product_leads where person_id = :p",
        p=person,
        now=NOW,
    )
    task = next(t for t in world.tasks(person) if t.kind == "fax")
    score = world.lead(person).score
    finish_task.run(world.parts, task_id=task.id, version=task.version, outcome="sent", user_id=None, now=NOW)
    assert world.lead(person).score == score
    assert (
        world.rows("select kind from touchpoints where source_key = :k", k=f"task:{task.id}")[0].kind
        == "fax_sent"
    )
    with pytest.raises(record_call.TaskTaken):
        finish_task.run(
            world.parts, task_id=task.id, version=task.version, outcome="sent", user_id=None, now=NOW
        )


def test_a_touch_recorded_by_hand_counts_once_however_often_the_form_is_sent(world: World) -> None:
    person = world.person(touches=[("badge_scan", 5)])
    values = {
        "person_id": person,
        "kind": Kind.INQUIRY,
        "at": NOW,
        "key": "form-1",
        "product_id": world.press_id,
    }
    assert record_touch.run(world.parts, **values, user_id=world.owner_id, now=NOW).is_new  # type: ignore[arg-type]
    assert not record_touch.run(world.parts, **values, user_id=world.owner_id, now=NOW).is_new  # type: ignore[arg-type]
    assert world.lead(person).rank == "hot"
    with pytest.raises(entering.TouchError, match="in_the_future"):
        record_touch.run(
            world.parts,
            **{**values, "at": NOW + timedelta(days=1)},
            user_id=None,
            now=NOW,  # type: ignore[arg-type]
        )
