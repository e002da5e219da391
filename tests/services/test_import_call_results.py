"""Results from a file: shown first, written once and whole, and never over a colleague's call."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from campaigns.parts import Parts
from campaigns.rules.outcomes import CallResult
from campaigns.rules.texts import ListError
from campaigns.services import import_call_results, record_call
from campaigns.storage import attempts
from tests.conftest import NOW
from tests.services.test_call_desk import called
from tests.services.world import World

HEAD = "見込みID,結果,対応者,通話メモ,次回予定日,架電回数"


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def leads(world: World, n: int) -> list[int]:
    people = [called(world)[0] for _ in range(n)]
    return [world.lead(person).id for person in people]


def read(world: World, *rows: str, head: str = HEAD) -> int:
    data = "\r\n".join((head, *rows)).encode("cp932")
    return import_call_results.read(
        world.parts, data=data, file_name="calls.csv", user_id=world.owner_id, now=NOW
    )


def confirm(world: World, batch: int) -> int:
    return import_call_results.confirm(world.parts, batch, user_id=world.owner_id, now=NOW)


def reasons(world: World, batch: int) -> list[tuple[int, str]]:
    return [
        (row.line_no, row.reasons[0].code) for row in import_call_results.shown(world.parts, batch).errors
    ]


def test_results_are_shown_first_and_written_with_all_that_follows(world: World) -> None:
    one, two, three = leads(world, 3)
    batch = read(
        world,
        f"{one},興味あり,営業 花子,3社で比較,,0",
        f"{two},再架電,,午後がよい,2026/11/26 14:00,0",
        f"{three},,,,,",
    )
    found = import_call_results.shown(world.parts, batch)
    assert (found.counts, found.blank) == ({"new": 2, "duplicate": 0, "error": 0}, 1)
    assert world.rows("select count(*) as n from call_attempts")[0].n == 0
    assert confirm(world, batch) == 2
    assert world.rows("select rank from product_leads where id = :l", l=one)[0].rank == "hot"
    assert [row.note for row in world.rows("select note from call_attempts order by id")] == [
        "3社で比較",
        "午後がよい",
    ]
    promised = world.rows("select promised_at from tasks where lead_id = :l and kind = 'call'", l=two)[
        0
    ].promised_at
    assert promised.isoformat() == "2026-11-26T05:00:00+00:00"


def test_the_same_file_twice_changes_nothing(world: World) -> None:
    one, two = leads(world, 2)
    rows = (f"{one},不通,,,,0", f"{two},通電,,話せた,,0")
    assert confirm(world, read(world, *rows)) == 2
    once = world.rows("select id, tries, version, state from tasks order by id")
    again = read(world, *rows)
    assert import_call_results.shown(world.parts, again).counts == {"new": 0, "duplicate": 2, "error": 0}
    assert confirm(world, again) == 0
    assert world.rows("select id, tries, version, state from tasks order by id") == once
    assert world.rows("select count(*) as n from call_attempts")[0].n == 2


def test_pressed_by_five_at_once_it_is_written_once(world: World) -> None:
    (one,) = leads(world, 1)
    batch = read(world, f"{one},通電,,,,0")
    done: list[int] = []
    threads = [threading.Thread(target=lambda: done.append(confirm(world, batch))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == [0, 0, 0, 0, 1]
    assert world.rows("select count(*) as n from touchpoints where kind = 'call_connected'")[0].n == 1


def test_every_row_that_cannot_be_taken_says_why_and_the_others_are_written(world: World) -> None:
    good, over, later, past, who, banned, twice = leads(world, 7)
    world.run(
        "update people set do_not_call = true where id = (select person_id from product_leads where id = :l)",
        l=banned,
    )
    task = world.rows("select id, version from tasks where lead_id = :l and kind = 'call'", l=over)[0]
    record_call.record(
        world.parts, task_id=task.id, version=task.version, result=CallResult.TALKED, user_id=None, now=NOW
    )
    batch = read(
        world,
        f"{good},通電,,,,0",
        f"{over},通電,,,,0",
        f"{later},再架電,,,,0",
        f"{past},アポ獲得,,,2026/11/20 10:00,0",
        f"{who},通電,知らない人,,,0",
        f"{banned},通電,,,,0",
        "999999,通電,,,,0",
        f"{twice},かけた,,,,0",
        f"{good},不通,,,,0",
    )
    assert reasons(world, batch) == [
        (3, "called_since"),
        (4, "callback_at_missing"),
        (5, "in_the_past"),
        (6, "caller_unknown"),
        (7, "number_refused"),
        (8, "lead_unknown"),
        (9, "result_unknown"),
        (10, "duplicate_of"),
    ]
    assert confirm(world, batch) == 1
    assert len(reasons(world, batch)) == 8


def test_a_call_made_between_the_look_and_the_press_is_not_overwritten(world: World) -> None:
    (one,) = leads(world, 1)
    batch = read(world, f"{one},通電,,,,0")
    task = world.rows("select id, version from tasks where lead_id = :l and kind = 'call'", l=one)[0]
    record_call.record(
        world.parts,
        task_id=task.id,
        version=task.version,
        result=CallResult.REFUSED,
        user_id=world.owner_id,
        now=NOW + timedelta(seconds=1),
    )
    assert confirm(world, batch) == 0
    assert reasons(world, batch) == [(2, "called_since")]
    assert [row.result for row in world.rows("select result from call_attempts")] == ["refused"]


CALLED = HEAD + ",架電日時"


def test_a_call_from_a_file_stands_at_its_own_time_and_one_without_counts_for_no_hour(world: World) -> None:
    one, two, three = leads(world, 3)
    rows = (
        f"{one},通電,,,,0,2026/11/20 15:10",
        f"{two},不通,,,,0,2026/11/19",
        f"{three},不通,,,,0,",
    )
    assert confirm(world, read(world, *rows, head=CALLED)) == 3
    calls = world.rows("select at, is_hour_known from call_attempts order by id")
    assert [(row.at.isoformat(), row.is_hour_known) for row in calls] == [
        ("2026-11-20T06:10:00+00:00", True),
        ("2026-11-19T03:00:00+00:00", False),
        (NOW.isoformat(), False),
    ]
    hours = world.rows("select hour, calls, connected from call_hours")
    assert [(row.hour, row.calls, row.connected) for row in hours] == [(15, 1, 1)]
    with world.parts.engine.connect() as tx:
        company = world.rows("select company_id from affiliations order by person_id")[1].company_id
        assert attempts.hours_of_company(tx, company, zone="Asia/Tokyo") == []
    touches = world.rows("select at from touchpoints where source_key like 'call:%' order by id")
    assert [touch.at for touch in touches] == [row.at for row in calls]


def test_what_follows_from_last_weeks_calls_lies_ahead_of_the_day_they_are_read(world: World) -> None:
    one, two = leads(world, 2)
    rows = (f"{one},不通,,,,0,2026/11/16 10:00", f"{two},資料希望,,,,0,2026/11/16 10:00")
    assert confirm(world, read(world, *rows, head=CALLED)) == 2
    due = world.rows(
        "select kind, due_at, not_before from tasks where state = 'open' order by lead_id, due_at"
    )
    assert {row.kind for row in due} >= {"call", "mail"}
    assert all(row.due_at > NOW for row in due)
    again = world.rows("select not_before from tasks where lead_id = :l and state = 'open'", l=one)[0]
    assert again.not_before.isoformat() == "2026-11-25T04:00:00+00:00"  # 13:00, the other half of the day


def test_a_call_that_cannot_have_been_made_then_says_so(world: World) -> None:
    ahead, later, old, since = leads(world, 4)
    world.run(
        "insert into call_attempts (task_id, person_id, at, result) select id, person_id, :at, 'no_answer'"
        " from tasks where lead_id = :l",
        l=since,
        at=NOW - timedelta(hours=1),
    )
    rows = (
        f"{ahead},通電,,,,,2026/11/25",
        f"{later},通電,,,,,2026/11/24 10:30",
        f"{old},通電,,,,,2025/11/20",
        f"{since},通電,,,,,2026/11/23 10:00",
    )
    batch = read(world, *rows, head=CALLED)
    assert reasons(world, batch) == [
        (2, "call_ahead"),
        (3, "call_ahead"),
        (4, "call_long_ago"),
        (5, "called_since"),
    ]


def test_one_name_of_two_callers_is_not_guessed_and_the_mail_address_tells_them_apart(world: World) -> None:
    one, two = leads(world, 2)
    for email in ("a@minori.example", "b@minori.example"):
        world.run(
            "insert into users (email, name, password_hash, created_at) values (:email, '田中', '', :now)",
            email=email,
            now=NOW,
        )
    batch = read(world, f"{one},通電,田中,,,0", f"{two},通電,B@minori.example,,,0")
    assert reasons(world, batch) == [(2, "caller_twice")]
    assert confirm(world, batch) == 1
    [call] = world.rows("select u.email from call_attempts a join users u on u.id = a.user_id")
    assert call.email == "b@minori.example"


def test_a_month_that_is_over_or_lies_in_another_century_is_no_time_to_call(world: World) -> None:
    past, far, good = leads(world, 3)
    batch = read(
        world,
        f"{past},時期尚早,,,2026/10/1,0",
        f"{far},時期尚早,,,2046/4/1,0",
        f"{good},時期尚早,,,2027/4/1,0",
    )
    assert reasons(world, batch) == [(2, "in_the_past"), (3, "too_far")]


def test_a_file_of_something_else_is_refused_with_the_names_of_its_missing_columns(world: World) -> None:
    with pytest.raises(ListError) as error:
        import_call_results.read(
            world.parts, data="会社名,氏名\nA,B\n".encode(), file_name="x.csv", user_id=None, now=NOW
        )
    assert error.value.code == "heads_missing"
    assert error.value.values["names"] == "見込みID・結果"
