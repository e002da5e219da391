"""Visits: agreed on, moved, called off, reported; and what calendars are told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from campaigns.parts import Parts
from campaigns.rules.appointments import AppointmentError, Next, Result
from campaigns.services import appoint, introduce, invite_ics, read_ics, report_visit, rerank
from campaigns.services.appoint import Stale, Wanted
from campaigns.services.read_ics import IcsError
from campaigns.services.report_visit import ReportError
from campaigns.storage import appointments, introductions
from tests.services.world import World

TOKYO = ZoneInfo("Asia/Tokyo")


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def colleague(world: World, name: str = "営業 次郎", *, locale: str = "ja") -> int:
    world.count += 1
    with world.parts.engine.begin() as tx:
        from tests import world as rows

        return rows.insert(
            tx,
            "users",
            email=f"u{world.count}@maker.example",
            name=name,
            role="field_sales",
            locale=locale,
            created_at=world.now,
        )


def wanted(world: World, person: int, **changed: Any) -> Wanted:
    starts = changed.pop("starts_at", world.now + timedelta(days=2))
    values: dict[str, Any] = {
        "person_id": person,
        "starts_at": starts,
        "ends_at": starts + timedelta(hours=1),
        "place": "浜松市中央区1-2-3",
        "product_id": world.press_id,
        "staff": (world.owner_id,),
    }
    return Wanted(**{**values, **changed})


def make(world: World, person: int, **changed: Any) -> int:
    return appoint.run(world.parts, wanted(world, person, **changed), user_id=world.owner_id, now=world.now)


def get(world: World, id: int) -> appointments.Appointment:
    with world.parts.engine.connect() as tx:
        found = appointments.get(tx, id)
    assert found is not None
    return found


def mails(world: World) -> list[Any]:
    return world.rows(
        "select d.origin, b.to_address, b.subject, b.text, b.file_type, b.file from delivery_bodies b"
        " join deliveries d on d.id = b.delivery_id order by d.id"
    )


def event(mail: Any) -> Any:
    return Calendar.from_ical(bytes(mail.file).decode()).walk("VEVENT")[0]


def visit_task(world: World, person: int) -> int:
    world.run(
        "insert into tasks (kind, person_id, product_id, lead_id, state, due_at, created_at, assignee_id)"
        " select 'visit', :p, :q, (select id from product_leads where person_id = :p and product_id = :q), 'open',"
        " :now, :now, :u",
        p=person, q=world.press_id, now=world.now, u=world.owner_id,
    )  # fmt: skip
    return int(world.rows("select max(id) from tasks")[0][0])


@pytest.mark.parametrize(
    ("starts", "length", "errors"),
    [
        (timedelta(0), timedelta(hours=1), {"starts": "past"}),
        (-timedelta(days=1), timedelta(hours=1), {"starts": "past"}),
        (timedelta(days=1), -timedelta(hours=1), {"ends": "order"}),
        (timedelta(days=1), timedelta(0), {"ends": "order"}),
        (timedelta(days=1), timedelta(hours=13), {"ends": "long"}),
        (timedelta(days=800), timedelta(hours=1), {"starts": "far"}),
        (-timedelta(days=1), timedelta(days=-2), {"starts": "past", "ends": "order"}),
    ],
)
def test_times_that_cannot_be_are_named_and_nothing_is_written(
    world: World, starts: timedelta, length: timedelta, errors: dict[str, str]
) -> None:
    person = world.person()
    at = world.now + starts
    with pytest.raises(AppointmentError) as error:
        make(world, person, starts_at=at, ends_at=at + length)
    assert error.value.errors == errors
    assert not world.rows("select 1 from appointments")
    assert not mails(world)


@pytest.mark.parametrize(
    ("changed", "errors"),
    [
        ({"staff": ()}, {"staff": "none"}),
        ({"staff": (999,)}, {"staff": "unknown"}),
        ({"guests": (999,)}, {"guests": "unknown"}),
    ],
)
def test_people_who_are_not_there_are_named(
    world: World, changed: dict[str, Any], errors: dict[str, str]
) -> None:
    with pytest.raises(AppointmentError) as error:
        make(world, world.person(), **changed)
    assert error.value.errors == errors


def test_ours_get_the_ics_and_theirs_only_on_wish_and_without_our_note(world: World) -> None:
    person, other = world.person(), world.person()
    second = colleague(world, locale="en")
    make(
        world,
        person,
        staff=(world.owner_id, second),
        guests=(other,),
        invited=(other,),
        note="値引きは10%まで",
    )
    found = {mail.to_address: mail for mail in mails(world)}
    assert set(found) == {"owner@maker.example", f"u{world.count}@maker.example", "p2@customer2.example"}
    assert all(mail.file_type == "text/calendar; method=REQUEST" for mail in found.values())
    assert found[f"u{world.count}@maker.example"].subject.startswith("Visit: Thu 26 Nov 10:00")
    assert found["owner@maker.example"].subject.startswith("訪問の予定: 11月26日（木）10:00")
    theirs = found["p2@customer2.example"]
    assert "値引き" not in theirs.text + bytes(theirs.file).decode().replace("\r\n ", "")
    assert "値引き" in str(event(found["owner@maker.example"])["DESCRIPTION"])


def test_the_time_carries_its_zone_and_a_reader_abroad_sees_the_right_hour(world: World) -> None:
    make(world, world.person())
    (mail,) = mails(world)
    text = bytes(mail.file).decode()
    assert "BEGIN:VTIMEZONE\r\nTZID:Asia/Tokyo" in text
    assert "DTSTART;TZID=Asia/Tokyo:20261126T100000" in text
    assert event(mail)["DTSTART"].dt.astimezone(ZoneInfo("America/New_York")).hour == 20


def test_a_change_keeps_the_uid_and_counts_up_and_who_is_out_is_told_so(world: World) -> None:
    person, second = world.person(), colleague(world)
    id = make(world, person, staff=(world.owner_id, second))
    before = get(world, id)
    later = wanted(world, person, starts_at=world.now + timedelta(days=3))
    appoint.change(world.parts, id, later, version=before.version, user_id=None, now=world.now)
    after = get(world, id)
    assert (after.uid, after.sequence, after.starts_at) == (before.uid, 1, later.starts_at)
    *_, moved, off = mails(world)
    assert (str(event(moved)["UID"]), int(event(moved)["SEQUENCE"]), str(event(moved)["STATUS"])) == (
        before.uid,
        1,
        "CONFIRMED",
    )
    assert off.to_address.startswith("u")
    assert off.file_type.endswith("method=CANCEL")
    # In their calendar it stands at the old hour; that is what is taken out.
    assert event(off)["DTSTART"].dt == before.starts_at


def test_calling_off_leaves_every_calendar_and_the_task_waits_for_another_date(world: World) -> None:
    person = world.person()
    task = visit_task(world, person)
    id = make(world, person, task_id=task)
    assert world.tasks(person)[0].promised_at == world.now + timedelta(days=2)
    appoint.cancel(world.parts, id, version=get(world, id).version, user_id=None, now=world.now)
    *_, off = mails(world)
    assert (off.file_type[-6:], str(event(off)["STATUS"]), int(event(off)["SEQUENCE"])) == (
        "CANCEL",
        "CANCELLED",
        1,
    )
    found = world.tasks(person)[0]
    assert (found.state, found.promised_at) == ("open", None)
    assert make(world, person, task_id=task) != id


def test_a_change_on_an_old_page_writes_nothing(world: World) -> None:
    person = world.person()
    id = make(world, person)
    with pytest.raises(Stale):
        appoint.change(world.parts, id, wanted(world, person), version=99, user_id=None, now=world.now)
    appoint.cancel(world.parts, id, version=1, user_id=None, now=world.now)
    for act in (lambda: appoint.cancel(world.parts, id, version=2, user_id=None, now=world.now),):
        with pytest.raises(Stale):
            act()
    assert len(mails(world)) == 2


def test_a_date_from_the_phone_becomes_an_appointment_and_another_call_moves_it(
    world: World, now: datetime
) -> None:
    person = world.person(touches=[("call_interest", 1)])
    with world.parts.engine.begin() as tx:
        rerank.for_people(tx, [person], now=now, zone=TOKYO)
    lead = world.lead(person).id
    world.run("delete from tasks where kind = 'visit' and person_id = :p", p=person)
    task = visit_task(world, person)

    def call(days: int) -> int | None:
        with world.parts.engine.begin() as tx:
            return appoint.from_call(
                tx, world.parts, person_id=person, product_id=world.press_id, lead_id=lead,
                starts_at=now + timedelta(days=days), note="火曜が良い", user_id=None, now=now,
            )  # fmt: skip

    first = call(2)
    assert first is not None
    assert (get(world, first).task_id, get(world, first).owner_user_id) == (task, world.owner_id)
    assert call(5) == first
    assert (get(world, first).sequence, get(world, first).starts_at) == (1, now + timedelta(days=5))
    assert call(-1) is None


def report(
    world: World,
    id: int,
    *,
    days: int = 3,
    result: Result = Result.TALKED,
    next: Next = Next.NONE,
    **more: Any,
) -> report_visit.Reported:
    return report_visit.run(
        world.parts, id, version=more.pop("version", get(world, id).version), result=result, note="検査に困っている",
        next=next, user_id=world.owner_id, now=world.now + timedelta(days=days), **more,
    )  # fmt: skip


def test_a_report_leaves_the_touch_ends_the_task_and_sets_the_follow_up(world: World) -> None:
    person, other = world.person(), world.person()
    task = visit_task(world, person)
    id = make(world, person, task_id=task, guests=(other,))
    done = report(world, id, next=Next.CALL)
    touched = world.rows("select person_id, kind, depth, note, at from touchpoints order by person_id")
    assert [(row.person_id, row.kind, row.depth, row.note) for row in touched] == [
        (person, "visit", 4, "検査に困っている"),
        (other, "visit", 4, ""),
    ]
    assert touched[0].at == world.now + timedelta(days=2)
    states = {row.kind: (row.state, row.outcome) for row in world.tasks(person) if row.id == task}
    assert states == {"visit": ("done", "visited")}
    (call,) = [row for row in world.tasks(person) if row.kind == "call" and row.cause == "after_visit"]
    assert call.assignee_id == world.owner_id
    # Friday 27 Nov and five business days.
    assert done.due_on is not None
    assert (done.due_on.month, done.due_on.day) == (12, 4)
    assert world.rows(
        "select 1 from catalogues where company_id = (select company_id from affiliations where person_id = :p)",
        p=person,
    )
    assert get(world, id).state == "held"


@pytest.mark.parametrize("product", ["press", None])
@pytest.mark.parametrize("known", [True, False])
def test_a_visit_without_a_lead_leaves_one_call(world: World, product: str | None, known: bool) -> None:
    person = world.person(touches=[("inquiry", 1)] if known else [])
    if known:
        rerank.people(world.parts, [person], now=world.now)
        world.run("delete from tasks")
    id = make(world, person, product_id=world.press_id if product else None)
    world.run("update appointments set lead_id = null")
    report(world, id, next=Next.CALL)
    rerank.people(world.parts, [person], now=world.now + timedelta(days=3))
    calls = [(row.cause, row.assignee_id) for row in world.tasks(person) if row.kind == "call"]
    assert calls == [("after_visit", world.owner_id)]


def test_who_was_not_there_leaves_no_visit(world: World) -> None:
    person = world.person()
    report(world, make(world, person), result=Result.ABSENT)
    assert not world.rows("select 1 from touchpoints")


def test_a_quote_is_a_touch_of_its_own(world: World) -> None:
    report(world, make(world, world.person()), result=Result.QUOTE, next=Next.QUOTE)
    assert [
        row.kind
        for row in world.rows("select kind from touchpoints where actor_id is not null order by kind")
    ] == [
        "quote_request",
        "visit",
    ]


def test_a_report_before_the_visit_or_twice_or_for_yesterday_is_refused(world: World) -> None:
    id = make(world, world.person())
    with pytest.raises(ReportError, match="too_early"):
        report(world, id, days=1)
    with pytest.raises(ReportError, match="day_past"):
        report(world, id, next=Next.CALL, next_on=world.now.date())
    report(world, id)
    with pytest.raises(Stale):
        report(world, id, version=1)
    assert len(world.rows("select 1 from touchpoints")) == 1


def test_after_two_visits_with_nothing_left_to_do_waiting_is_proposed_first(world: World) -> None:
    person = world.person(touches=[("visit", 20)])
    with world.parts.engine.begin() as tx:
        rerank.for_people(tx, [person], now=world.now, zone=TOKYO)
    id = make(world, person)
    world.run("update tasks set state = 'done' where person_id = :p", p=person)
    assert report_visit.offered(world.parts, get(world, id))[Result.TALKED][0] is Next.WAIT
    visit_task(world, person)
    assert report_visit.offered(world.parts, get(world, id))[Result.TALKED][0] is Next.CALL


def test_the_feed_is_read_only_secret_and_its_old_address_ends(world: World) -> None:
    id = make(world, world.person(), note="内部メモ")
    token = invite_ics.token(world.parts, world.owner_id, 1)
    assert invite_ics.user_of(token) == world.owner_id
    assert invite_ics.is_token(world.parts, token, world.owner_id, 1)
    assert not invite_ics.is_token(world.parts, token, world.owner_id, 2)
    assert not invite_ics.is_token(world.parts, token, world.owner_id + 1, 1)
    assert not invite_ics.is_token(
        world.parts, invite_ics.token(world.parts, world.owner_id, 0), world.owner_id, 0
    )
    data = invite_ics.feed(world.parts, [get(world, id)], name="営業\r\n花子", locale="ja", now=world.now)
    assert "営業 花子" in str(Calendar.from_ical(data.decode())["X-WR-CALNAME"])
    (found,) = Calendar.from_ical(data.decode()).walk("VEVENT")
    assert str(found["UID"]) == get(world, id).uid
    assert "METHOD" not in data.decode()


@pytest.mark.parametrize("odd", ["", "x", "1", "-abc", "١-abc", "99999999999999999999-abc", "1-é"])
def test_an_odd_token_is_nobodys(world: World, odd: str) -> None:
    user = invite_ics.user_of(odd)
    assert user is None or not invite_ics.is_token(world.parts, odd, user, 1)


ICS = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{zone}BEGIN:VEVENT\r\nUID:u@abroad\r\n{start}\r\nSUMMARY:Meeting\r\nORGANIZER:mailto:P1@Customer1.example\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
OWN_ZONE = "BEGIN:VTIMEZONE\r\nTZID:Custom\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0530\r\nTZOFFSETTO:+0530\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"


@pytest.mark.parametrize(
    ("start", "zone", "at", "named"),
    [
        ("DTSTART;TZID=America/New_York:20261126T090000", "", "2026-11-26 23:00", "America/New_York"),
        ("DTSTART;TZID=Tokyo Standard Time:20261126T090000", "", "2026-11-26 09:00", "Tokyo Standard Time"),
        ("DTSTART:20261126T090000Z", "", "2026-11-26 18:00", "UTC"),
        ("DTSTART:20261126T090000", "", "2026-11-26 09:00", ""),
        ("DTSTART;TZID=Custom:20261126T090000", OWN_ZONE, "2026-11-26 12:30", "Custom"),
    ],
)
def test_other_zones_become_ours(start: str, zone: str, at: str, named: str, now: datetime) -> None:
    read = read_ics.read(ICS.format(start=start, zone=zone).encode(), zone=TOKYO, now=now)
    assert (f"{read.starts_at:%Y-%m-%d %H:%M}", read.zone) == (at, named)
    assert read.ends_at - read.starts_at == timedelta(hours=1)
    assert read.emails == ("p1@customer1.example",)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "unreadable"),
        (b"hello", "unreadable"),
        (b"\xff\xfe\x00", "unreadable"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "no_event"),
        (ICS.format(start="SEQUENCE:1", zone="").encode(), "no_start"),
        (ICS.format(start="DTSTART;VALUE=DATE:20261126", zone="").encode(), "all_day"),
        (ICS.format(start="DTSTART;TZID=Nowhere/Land:20261126T090000", zone="").encode(), "zone_unknown"),
        (b"x" * 1_000_001, "unreadable"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(data: bytes, code: str, now: datetime) -> None:
    with pytest.raises(IcsError) as error:
        read_ics.read(data, zone=TOKYO, now=now)
    assert error.value.code == code


def test_of_several_events_the_next_one_is_read(now: datetime) -> None:
    events = "".join(
        f"BEGIN:VEVENT\r\nUID:{n}\r\nDTSTART:202611{day}T090000Z\r\nEND:VEVENT\r\n"
        for n, day in enumerate((20, 28, 26))
    )
    data = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{events}END:VCALENDAR\r\n".encode()
    read = read_ics.read(data, zone=TOKYO, now=now)
    assert (read.starts_at.astimezone(UTC).day, read.others) == (26, 2)


def test_an_introduction_asked_for_two_roles_goes_on_until_both_are_met(world: World) -> None:
    contact, buyer, decider = world.person(), world.person(), world.person()
    company = world.rows("select company_id from affiliations where person_id = :p", p=contact)[0][0]
    for one, role in ((buyer, "購買"), (decider, "決裁")):
        world.run(
            "update affiliations set company_id = :c, buying_role = :r where person_id = :p",
            c=company,
            r=role,
            p=one,
        )
    world.run(
        "insert into tasks (kind, person_id, note, state, due_at, created_at)"
        " values ('intro', :p, :n, 'open', :now, :now)",
        p=contact, n="購買・決裁\n来月の会議で", now=world.now,
    )  # fmt: skip
    told = []
    for one in (buyer, decider):
        introduce.run(world.parts, from_id=contact, to_id=one, user_id=None, now=world.now)
        told += [(row.state, row.note) for row in world.tasks(contact)]
    assert told == [("open", "決裁\n来月の会議で"), ("done", "決裁\n来月の会議で")]


def test_a_guest_gets_a_letter_with_their_name_and_who_comes(world: World) -> None:
    person = world.person(honorific="先生")
    world.run("update people set preferred_lang = 'ja' where id = :p", p=person)
    id = make(world, person, staff=(world.owner_id, colleague(world)), invited=(person,))
    (mail,) = world.rows(
        "select subject, text from delivery_bodies b join deliveries d on d.id = b.delivery_id"
        " where d.person_id = :p", p=person,
    )  # fmt: skip
    company = world.rows("select name from companies order by id limit 1")[0].name
    assert mail.text.startswith(f"{company}\n試験 1郎 先生\n\nいつもお世話になっております。\n")
    assert "の営業 花子です。" in mail.text
    assert "日時: 11月26日（木）10:00〜11:00\n場所: 浜松市中央区1-2-3\n弊社の出席者: " in mail.text
    assert "営業 次郎" in mail.text
    appoint.cancel(world.parts, id, version=get(world, id).version, user_id=world.owner_id, now=world.now)
    gone = world.rows(
        "select b.text from delivery_bodies b join deliveries d on d.id = b.delivery_id"
        " where d.person_id = :p order by d.id desc limit 1", p=person,
    )[0]  # fmt: skip
    assert "取りやめとさせていただきます" in gone.text
    assert "出席者" not in gone.text


def test_an_introduction_is_kept_once_and_ends_what_was_asked(world: World) -> None:
    contact, decider, stranger = world.person(), world.person(), world.person()
    world.run(
        "update affiliations set company_id = (select company_id from affiliations where person_id = :a) where person_id = :b",
        a=contact, b=decider,
    )  # fmt: skip
    world.run(
        "insert into tasks (kind, person_id, state, due_at, created_at) values ('intro', :p, 'open', :now, :now)",
        p=contact, now=world.now,
    )  # fmt: skip
    assert introduce.run(
        world.parts, from_id=contact, to_id=decider, note="工場長を", user_id=None, now=world.now
    )
    assert not introduce.run(world.parts, from_id=contact, to_id=decider, user_id=None, now=world.now)
    assert [(row.state, row.outcome) for row in world.tasks(contact)] == [("done", "introduced")]
    for odd in (stranger, decider, 999):
        with pytest.raises(LookupError):
            introduce.run(world.parts, from_id=odd, to_id=decider, user_id=None, now=world.now)
    with world.parts.engine.connect() as tx:
        (found,) = introductions.of_person(tx, decider)
        assert (found.other_id, found.is_from) == (contact, True)
        assert introductions.lacks_decider(tx, decider)
        assert [id for id, _name in introductions.colleagues(tx, contact)] == [decider]
    world.run("update affiliations set buying_role = '決裁' where person_id = :p", p=decider)
    with world.parts.engine.connect() as tx:
        assert not introductions.lacks_decider(tx, contact)


def agree(world: World, person: int, *, days: int) -> int | None:
    """A date from the phone."""
    with world.parts.engine.begin() as tx:
        return appoint.from_call(
            tx, world.parts, person_id=person, product_id=world.press_id, lead_id=world.lead(person).id,
            starts_at=world.now + timedelta(days=days), note="", user_id=world.owner_id, now=world.now,
        )  # fmt: skip


def lead_with_visit(world: World) -> tuple[int, int]:
    """A person whose lead has one open visit without a date: (person, task)."""
    person = world.person(touches=[("call_interest", 1)])
    rerank.people(world.parts, [person], now=world.now)
    world.run("delete from tasks where person_id = :p", p=person)
    return person, visit_task(world, person)


def test_a_date_made_from_the_persons_page_belongs_to_the_visit_that_waits_for_one(world: World) -> None:
    person, task = lead_with_visit(world)
    first = make(world, person)
    assert get(world, first).task_id == task
    assert get(world, make(world, person)).task_id is None, "the task has its date: this is a second visit"


def test_a_date_from_the_phone_moves_the_appointment_made_before_the_visit_became_a_task(
    world: World,
) -> None:
    person, task = lead_with_visit(world)
    world.run("update tasks set state = 'done'")
    id = make(world, person)
    world.run("update tasks set state = 'open'")
    assert agree(world, person, days=5) == id
    assert (get(world, id).task_id, get(world, id).starts_at) == (task, world.now + timedelta(days=5))
    assert world.tasks(person)[0].promised_at == world.now + timedelta(days=5)
    assert len(world.rows("select 1 from appointments")) == 1


def test_a_date_from_the_phone_is_kept_when_the_rep_has_left(world: World) -> None:
    person, task = lead_with_visit(world)
    gone = colleague(world)
    world.run("update tasks set assignee_id = :u where id = :t", u=gone, t=task)
    world.run("update users set is_active = false where id = :u", u=gone)
    id = agree(world, person, days=2)
    assert id is not None
    assert get(world, id).owner_user_id == world.owner_id
    world.run("update appointments set owner_user_id = :u", u=gone)
    world.run("update appointment_staff set user_id = :u", u=gone)
    assert agree(world, person, days=3) == id
    assert get(world, id).owner_user_id == world.owner_id


@pytest.mark.parametrize(
    ("minutes", "clashes"), [(0, True), (59, True), (60, False), (-59, True), (-60, False), (24 * 60, False)]
)
def test_a_double_booking_is_seen_and_one_after_the_other_is_none(
    world: World, minutes: int, clashes: bool
) -> None:
    first = make(world, world.person())
    starts = get(world, first).starts_at + timedelta(minutes=minutes)
    with world.parts.engine.connect() as tx:
        found = appointments.overlapping(tx, [world.owner_id], starts, starts + timedelta(hours=1), but=None)
        own = appointments.overlapping(tx, [world.owner_id], starts, starts + timedelta(hours=1), but=first)
    assert ([one.id for one in found], own) == ([first] if clashes else [], [])
