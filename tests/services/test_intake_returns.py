"""What follows from bounces and complaints: mailbox, tasks, counts, alerts, scenario. By mail and by webhook."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import intake, take_event
from campaigns.services.render import message_mark
from mailer.bounces import REASONS, Side
from mailer.bounces.events import Event, EventKind
from tests.services.test_intake import address, arf, dsn, mail, take
from tests.services.world import World
from tracking_pixel.tokens import TokenKind


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


@pytest.fixture
def person(world: World) -> int:
    return world.person(touches=[("badge_scan", 60)])


@pytest.fixture
def delivery(world: World, person: int) -> int:
    return world.delivery(person)


def bounce(world: World, delivery: int, status: str, *, id: str = "", now: datetime | None = None) -> str:
    raw = dsn("failed", status, id=id or f"<{delivery}.{status}@mx.example>")
    return intake.take(world.parts, raw, [address(world, delivery, TokenKind.BOUNCE)], now=now or world.now)


def box(world: World) -> Any:
    return world.rows("select * from addresses order by id")[0]


def days(world: World) -> list[tuple[Any, ...]]:
    return [
        tuple(row)
        for row in world.rows(
            "select product_id, scenario_id, soft, hard, complaints from mail_days order by day"
        )
    ]


# --- bounces ---------------------------------------------------------------------------------------------


def test_a_hard_bounce_asks_for_a_new_address_and_says_why(world: World, person: int, delivery: int) -> None:
    assert bounce(world, delivery, "5.1.1") == "hard_bounce"
    assert (box(world).status, box(world).status_reason.split(":")[0]) == ("hard", "user_unknown")
    assert "5.1.1 said no" in box(world).status_reason
    [sent] = world.rows("select * from deliveries where id = :d", d=delivery)
    assert (sent.bounce, sent.bounced_at, sent.bounce_text.split(":")[0]) == (
        "hard",
        world.now,
        "user_unknown",
    )
    [task] = world.tasks(person)
    assert (task.kind, task.cause, task.product_id) == ("check", "address_dead", world.press_id)
    assert task.due_at == datetime(2026, 11, 25, 8, 30, tzinfo=UTC), "17:30 in Tokyo, the next business day"
    assert days(world) == [(world.press_id, 0, 0, 1, 0)]


def test_nobody_is_asked_about_an_address_that_was_changed_meanwhile(
    world: World, person: int, delivery: int
) -> None:
    world.run("update people set address_id = null where id = :p", p=person)
    assert bounce(world, delivery, "5.1.1") == "hard_bounce"
    assert world.tasks(person) == []


def test_three_mails_in_a_row_that_come_back_softly_are_a_dead_mailbox(world: World, person: int) -> None:
    for number, ago in enumerate((60, 30, 0), 1):
        at = world.now - timedelta(days=ago)
        sent = world.delivery(person, sent=timedelta(days=ago, hours=1))
        assert bounce(world, sent, "5.2.2", now=at) == "soft_bounce"
        assert box(world).soft_count == number
        assert box(world).soft_at == at
    assert box(world).status == "hard"
    assert box(world).status_reason.startswith("soft_repeated: mailbox_full: ")
    assert [task.cause for task in world.tasks(person)] == ["address_dead"]


def test_the_same_mail_that_comes_back_many_times_is_one_soft_bounce(
    world: World, person: int, delivery: int
) -> None:
    for number in range(5):
        assert bounce(world, delivery, "4.4.1", id=f"<{number}@mx.example>") == "soft_bounce"
    assert (box(world).status, box(world).soft_count) == ("soft", 1)
    assert days(world) == [(world.press_id, 0, 1, 0, 0)]


def test_a_mail_that_stayed_away_or_an_open_ends_the_row(world: World, person: int) -> None:
    for ago in (90, 60):
        sent = world.delivery(person, sent=timedelta(days=ago))
        bounce(world, sent, "5.2.2", now=world.now - timedelta(days=ago))
    assert box(world).soft_count == 2
    read = world.delivery(person, sent=timedelta(days=3))
    world.run(
        "insert into tracking_events (uid, kind, delivery_id, person_id, at) values ('o', 'open', :d, :p, :at)",
        d=read,
        p=person,
        at=world.now - timedelta(days=2),
    )
    bounce(world, world.delivery(person, sent=timedelta(hours=1)), "5.2.2")
    assert (box(world).status, box(world).soft_count) == ("soft", 1)


def test_a_soft_bounce_that_turns_hard_is_counted_as_hard(world: World, delivery: int) -> None:
    bounce(world, delivery, "4.4.1")
    bounce(world, delivery, "5.1.1")
    bounce(world, delivery, "4.4.1", id="<again@mx.example>")
    assert days(world) == [(world.press_id, 0, 0, 1, 0)]
    [sent] = world.rows("select bounce, bounce_text from deliveries where id = :d", d=delivery)
    assert (sent.bounce, sent.bounce_text.split(":")[0]) == ("hard", "user_unknown")


def test_our_own_fault_leaves_the_mailbox_alone_and_alarms_once_a_day(world: World, person: int) -> None:
    for _ in range(4):
        assert bounce(world, world.delivery(person), "5.7.1") == "policy"
    assert box(world).status == "unknown"
    [alert] = world.rows("select * from alerts")
    assert (alert.kind, alert.product_id, alert.user_id) == ("sender_fault", world.press_id, world.owner_id)
    assert "5.7.1" in alert.args["words"]
    bounce(world, world.delivery(person), "5.7.26", now=world.now + timedelta(days=1))
    assert len(world.rows("select 1 from alerts")) == 2
    assert world.tasks(person) == []
    assert {row.bounce for row in world.rows("select bounce from deliveries")} == {""}
    assert all(row.bounce_text for row in world.rows("select bounce_text from deliveries"))


def test_a_returned_mail_is_never_sent_again(world: World, person: int) -> None:
    doubtful = world.delivery(person, state="in_doubt")
    for status in ("4.4.1", "5.7.1", "5.1.1"):
        bounce(world, doubtful, status)
        assert world.rows("select state from deliveries where id = :d", d=doubtful)[0].state == "sent"


def test_the_same_bounce_many_times_at_once_counts_once(world: World, person: int) -> None:
    """Threads race for one mail's several reports and for several mails of one mailbox."""
    sent = [world.delivery(person, sent=timedelta(days=n, hours=1)) for n in range(3)]
    results: list[str] = []

    def work(delivery: int) -> None:
        results.append(bounce(world, delivery, "5.2.2"))

    threads = [threading.Thread(target=work, args=(delivery,)) for delivery in sent * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["known"] * 9 + ["soft_bounce"] * 3
    assert (box(world).soft_count, box(world).status) == (3, "hard")
    assert sum(row[2] for row in days(world)) == 3
    assert len(world.tasks(person)) == 1


# --- complaints ------------------------------------------------------------------------------------------


def scenario_of(world: World, *, sent: int, day: date | None = None) -> int:
    """A running scenario with so many mails counted today."""
    world.run(
        "insert into scenarios (product_id, name, status, published_no, created_at)"
        " values (:p, '展示会後フォロー', 'active', 1, :n)",
        p=world.press_id,
        n=world.now,
    )
    [row] = world.rows("select max(id) as id from scenarios")
    world.run(
        "insert into scenario_versions (scenario_id, no, published_at) values (:s, 1, :n)",
        s=row.id,
        n=world.now,
    )
    world.run(
        "insert into mail_days (day, product_id, scenario_id, sent) values (:day, :p, :s, :sent)",
        day=day or date(2026, 11, 24),
        p=world.press_id,
        s=row.id,
        sent=sent,
    )
    return int(row.id)


def mailed(world: World, scenario: int, *, sent: timedelta = timedelta(hours=2)) -> int:
    """Somebody new in the scenario, and a mail to her."""
    person = world.person()
    delivery = world.delivery(person, sent=sent)
    world.run(
        "insert into enrollments (person_id, product_id, scenario_id, version_id, created_at)"
        " select :p, :q, :s, max(id), :n from scenario_versions where scenario_id = :s",
        p=person,
        q=world.press_id,
        s=scenario,
        n=world.now,
    )
    world.run(
        "update deliveries set enrollment_id = (select max(id) from enrollments) where id = :d", d=delivery
    )
    return delivery


def complain(world: World, delivery: int, *, id: str = "", now: datetime | None = None) -> str:
    raw = arf("abuse").replace(b"<arf-abuse@", f"<{id or delivery}@".encode())
    return intake.take(world.parts, raw, [address(world, delivery, TokenKind.BOUNCE)], now=now or world.now)


def alerts(world: World) -> list[str]:
    return [row.kind for row in world.rows("select kind from alerts order by id")]


def status(world: World, scenario: int) -> str:
    return str(world.rows("select status from scenarios where id = :s", s=scenario)[0].status)


def test_a_complaint_is_a_refusal_of_everything_a_count_and_an_alert(world: World, delivery: int) -> None:
    assert complain(world, delivery) == "complaint"
    assert complain(world, delivery, id="another report") == "complaint"
    [sent] = world.rows("select complained_at from deliveries where id = :d", d=delivery)
    assert sent.complained_at == world.now
    assert days(world) == [(world.press_id, 0, 0, 0, 1)]
    assert alerts(world) == ["complaint"]
    assert [row.reason for row in world.rows("select reason from suppressions")] == ["complaint"]


def test_a_tenth_of_a_percent_warns_once_a_day(world: World) -> None:
    scenario = scenario_of(world, sent=2000)
    complain(world, mailed(world, scenario))
    assert alerts(world) == ["complaint"]
    complain(world, mailed(world, scenario))
    complain(world, mailed(world, scenario))
    assert alerts(world).count("complaint_rate") == 1
    assert status(world, scenario) == "active"
    [alert] = world.rows("select args from alerts where kind = 'complaint_rate'")
    assert (alert.args["scenario"], alert.args["sent"], alert.args["complaints"]) == (scenario, 2000, 2)


def test_three_tenths_pause_the_scenario_with_a_reason(world: World) -> None:
    scenario = scenario_of(world, sent=1000)
    before = world.rows("select n from stops")[0].n
    for _ in range(3):
        complain(world, mailed(world, scenario))
    assert status(world, scenario) == "paused"
    assert alerts(world).count("scenario_paused") == 1
    assert world.rows("select n from stops")[0].n > before + 3, "running batches ask again"
    [note] = world.rows("select * from audit_log where noun = 'scenario' and noun_id = :s", s=scenario)
    values = world.rows("select field, new from audit_values where audit_id = :a", a=note.id)
    assert note.action == "pause"
    assert {row.field: row.new for row in values} == {"reason": "complaints", "complaints": "3/1000"}


def test_a_small_list_is_warned_by_the_first_and_paused_by_the_second_complaint(world: World) -> None:
    scenario = scenario_of(world, sent=80)
    complain(world, mailed(world, scenario))
    assert (status(world, scenario), alerts(world)) == ("active", ["complaint", "complaint_rate"])
    complain(world, mailed(world, scenario))
    assert status(world, scenario) == "paused"


def test_complaints_that_come_late_count_against_the_week_of_their_mails(world: World) -> None:
    scenario = scenario_of(world, sent=100, day=date(2026, 11, 4))
    for _ in range(2):
        complain(world, mailed(world, scenario, sent=timedelta(days=20)))
    assert status(world, scenario) == "paused"


def test_complaints_at_once_about_mails_of_two_days_still_pause(world: World) -> None:
    scenario = scenario_of(world, sent=100)
    sent = [mailed(world, scenario, sent=timedelta(days=n, hours=2)) for n in (0, 1)]
    threads = [threading.Thread(target=complain, args=(world, delivery)) for delivery in sent]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert status(world, scenario) == "paused"


# --- unsubscribing by mail -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words", [("unsubscribe", ""), ("", ""), ("Re: 会議", "まったく別の話です"), ("Undelivered Mail", "x")]
)
def test_a_mail_to_the_unsubscribe_address_stops_its_product_whatever_it_says(
    world: World, person: int, delivery: int, words: tuple[str, str]
) -> None:
    raw = mail(words[1], subject=words[0])
    assert take(world, delivery, raw, TokenKind.STOP) == "unsubscribed"
    assert take(world, delivery, raw, TokenKind.STOP) == "known"
    [refusal] = world.rows("select * from suppressions")
    assert (refusal.scope, refusal.product_id, refusal.reason) == ("product", world.press_id, "mailto")
    assert world.rows("select 1 from touchpoints where kind = 'mail_reply'") == []


@pytest.mark.parametrize(
    "raw",
    [
        mail("不在です", Auto_Submitted="auto-replied"),
        mail("不在です", Precedence="auto_reply"),
        dsn("failed", "5.1.1"),
        mail("戻りました", Return_Path="<>"),
    ],
)
def test_a_machines_note_to_the_unsubscribe_address_stops_nothing(
    world: World, delivery: int, raw: bytes
) -> None:
    assert take(world, delivery, raw, TokenKind.STOP) == "ignored"
    assert world.rows("select 1 from suppressions") == []


def test_the_purpose_of_a_token_cannot_be_exchanged(world: World, delivery: int) -> None:
    other = address(world, delivery, TokenKind.REPLY).replace("reply+", "unsubscribe+")
    assert intake.take(world.parts, mail("x"), [other], now=world.now) == "bad_token"
    assert (
        intake.take(world.parts, mail("x"), [address(world, delivery, TokenKind.STOP)], now=world.now)
        == "unsubscribed"
    )


def test_a_reply_leaves_a_task_with_its_words(world: World, person: int, delivery: int) -> None:
    take(world, delivery, mail("仕様書をいただけますか。"))
    [task] = [task for task in world.tasks(person) if task.cause == "reply"]
    assert (task.kind, task.state, task.product_id) == ("check", "open", world.press_id)
    assert "仕様書" in task.note
    take(world, delivery, mail("もう一通です。", id="<2@customer.example>"))
    assert len([task for task in world.tasks(person) if task.cause == "reply"]) == 1


# --- a report that no token brought ----------------------------------------------------------------------


def message_id(world: World, delivery: int) -> str:
    [row] = world.rows("select origin from deliveries where id = :d", d=delivery)
    return f"{delivery}.{message_mark(row.origin, world.parts.secret)}@maker.example"


def test_a_feedback_loops_report_finds_its_mail_by_our_message_id(world: World, delivery: int) -> None:
    inner = f"--B\nContent-Type: message/rfc822\n\nMessage-ID: <{message_id(world, delivery)}>\nTo: x\n\nHi\n--B--"
    raw = arf("abuse").replace(b"--B--", inner.encode())
    assert intake.take(world.parts, raw, ["fbl@maker.example"], now=world.now) == "complaint"
    forged = raw.replace(f"<{delivery}.".encode(), f"<{delivery}.0".encode()).replace(b"arf-abuse", b"other")
    assert intake.take(world.parts, forged, ["fbl@maker.example"], now=world.now) == "bad_token"


def test_a_report_that_hides_the_message_id_is_found_by_the_return_path(world: World, delivery: int) -> None:
    sender = f"Original-Mail-From: <{address(world, delivery, TokenKind.BOUNCE)}>"
    raw = arf("abuse").replace(b"Version: 1\n", f"Version: 1\n{sender}\n".encode())
    assert intake.take(world.parts, raw, ["fbl@maker.example"], now=world.now) == "complaint"


def test_a_strangers_returned_mail_that_quotes_ours_marks_nobody_dead(world: World, delivery: int) -> None:
    quoted = f"> Reply-To: {address(world, delivery)} <{message_id(world, delivery)}>"
    inner = (
        f"--B\nContent-Type: message/rfc822\n\nMessage-ID: <a@b.example>\nTo: x@y.example\n\n{quoted}\n--B--"
    )
    raw = dsn("failed", "5.1.1").replace(b"--B--", inner.encode())
    assert intake.take(world.parts, raw, ["sales@maker.example"], now=world.now) == "bad_token"
    assert box(world).status == "unknown"


def test_a_bounce_is_quicker_than_the_settling_of_its_mail(world: World, person: int) -> None:
    early = world.delivery(person, state="handing")
    bounce(world, early, "5.2.2")
    assert (box(world).status, box(world).soft_count) == ("soft", 1)


# --- events of providers ---------------------------------------------------------------------------------


def event(kind: str, trace: str, *, key: str = "k1", side: Side | None = None, **more: Any) -> Event:
    return Event(
        key=f"signed:{key}", kind=EventKind(kind), traces=(trace,), side=side, raw='{"a": 1}', **more
    )


def test_a_providers_bounce_does_what_a_returned_mail_does_and_once(
    world: World, person: int, delivery: int
) -> None:
    hard = event(
        "bounce",
        message_id(world, delivery),
        side=Side.HARD,
        status="5.1.1",
        reason="user_unknown",
        words="no",
    )
    for _ in range(3):
        take_event.take(world.parts, "signed", [hard, hard], now=world.now)
    assert box(world).status == "hard"
    assert days(world) == [(world.press_id, 0, 0, 1, 0)]
    [row] = world.rows("select * from returned_events")
    assert (row.source, row.kind, row.result, row.delivery_id) == (
        "signed",
        "bounce",
        "hard_bounce",
        delivery,
    )
    assert (row.raw, row.reason) == ('{"a": 1}', "user_unknown: 5.1.1 no")
    bounce(world, delivery, "5.1.1")
    assert days(world) == [(world.press_id, 0, 0, 1, 0)], "the same bounce by mail as well"


def test_events_do_what_their_kind_says(world: World) -> None:
    people = [world.person() for _ in range(5)]
    sent = [world.delivery(people[0], state="in_doubt"), *(world.delivery(one) for one in people[1:])]
    kinds = ["delivered", "complaint", "unsubscribe", "delayed", "other"]
    events = [
        event(kind, address(world, id, TokenKind.BOUNCE), key=kind)
        for kind, id in zip(kinds, sent, strict=True)
    ]
    counts = take_event.take(world.parts, "signed", events, now=world.now)
    assert counts == {
        "delivered": 1,
        "resolved": 1,
        "complaint": 1,
        "unsubscribed": 1,
        "delayed": 1,
        "ignored": 1,
    }
    assert world.rows("select state from deliveries where id = :d", d=sent[0])[0].state == "sent"
    rows = world.rows("select reason, scope from suppressions order by id")
    assert [(row.reason, row.scope) for row in rows] == [("complaint", "global"), ("provider", "global")]
    kept = world.rows("select kind from returned_events order by id")
    assert sorted(row.kind for row in kept) == ["complaint", "delayed", "other", "unsubscribe"]
    again = take_event.take(world.parts, "signed", events[1:], now=world.now)
    assert again == {"known": 4}


@pytest.mark.parametrize(
    "trace",
    [
        "",
        "p1@customer1.example",
        "<1.0000000000000000@maker.example>",
        "bounce+2111111111111111111111111111@maker.example",
        "99999999999999999999.0000000000000000@x",
    ],
)
def test_an_event_that_proves_no_mail_of_ours_is_kept_and_changes_nothing(
    world: World, delivery: int, trace: str
) -> None:
    told = event("bounce", trace, side=Side.HARD, recipient="p1@customer1.example")
    assert take_event.take(world.parts, "ses", [told], now=world.now) == {"no_delivery": 1}
    assert box(world).status == "unknown"
    [row] = world.rows("select * from returned_events")
    assert (row.delivery_id, row.result, row.raw) == (None, "no_delivery", '{"a": 1}')


def test_the_same_event_in_parallel_counts_once(world: World, person: int) -> None:
    scenario = scenario_of(world, sent=100)
    delivery = mailed(world, scenario)
    told = event("complaint", message_id(world, delivery))
    results: list[dict[str, int]] = []
    threads = [
        threading.Thread(
            target=lambda: results.append(dict(take_event.take(world.parts, "ses", [told], now=world.now)))
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.get("complaint", 0) for one in results) == 1
    assert sum(row[4] for row in days(world)) == 1
    assert alerts(world).count("complaint") == 1


def test_words_that_the_database_cannot_hold_are_mended(world: World, delivery: int) -> None:
    told = Event(
        key="signed:odd",
        kind=EventKind.BOUNCE,
        recipient="a\x00b\ud800@x.example",
        traces=(message_id(world, delivery),),
        side=Side.SOFT,
        words="\x00\udfff" * 50,
        raw='"\ud800\x00"',
    )
    assert take_event.take(world.parts, "signed", [told], now=world.now) == {"soft_bounce": 1}


def test_every_reason_of_the_reader_has_words_in_both_languages() -> None:
    from campaigns.web import returned_words

    assert set(REASONS) <= set(returned_words.WHY)


# --- one bad mail ----------------------------------------------------------------------------------------


def test_a_mail_that_trips_us_over_is_kept_and_passed_over(
    world: World, delivery: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trip(*args: object, **values: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(intake, "take", trip)
    assert intake.safely(world.parts, b"strange", ["x@y.example"], now=world.now) == "failed"
    [file] = (world.parts.settings.folder / "unread").glob("*.eml")
    assert file.read_bytes() == b"strange"
