"""The diary: typed once, read everywhere; comments and what becomes of them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.rules.diary import DiaryError
from campaigns.services import comment, daily_report, write_asica, write_diary
from campaigns.services.comment import CommentError
from campaigns.services.write_diary import Next, Told
from campaigns.storage import diary_feed
from campaigns.storage.diary_feed import Item, Wanted
from tests.services import tracked_house
from tests.services.tracked_house import TrackedHouse


@pytest.fixture
def house(parts: Parts, now: datetime) -> TrackedHouse:
    return tracked_house.build(parts, now)


def told(house: TrackedHouse, **changed: Any) -> Told:
    values: dict[str, Any] = {
        "key": "k1",
        "kind": "visit",
        "text": "実機を見たいとのこと。",
        "at": house.now,
        "company_id": house.company_id,
        "product_id": house.product_id,
        "met": (house.contact_id,),
    }
    return Told(**(values | changed))


def write(house: TrackedHouse, user: Any = None, **changed: Any) -> int | None:
    return write_diary.run(
        house.parts, told(house, **changed), user_id=(user or house.owner).id, now=house.now
    )


def feed(house: TrackedHouse, **wanted: Any) -> list[tuple[str, str]]:
    return [(item.on_kind, item.text) for item in items(house, **wanted)]


def items(house: TrackedHouse, **wanted: Any) -> list[Item]:
    with house.parts.engine.connect() as tx:
        found = diary_feed.page(tx, Wanted(**wanted), limit=50, zone=house.parts.settings.tz)
    return list(found.items)


def test_a_visit_in_the_diary_is_a_touch_of_who_was_met_and_shows_once(house: TrackedHouse) -> None:
    write(house)
    [touch] = house.rows(
        "select kind, person_id, depth, note from touchpoints where source_key like 'diary:%'"
    )
    assert tuple(touch) == ("visit", house.contact_id, 4, "実機を見たいとのこと。")
    assert feed(house, company_id=house.company_id) == [
        ("diary", "実機を見たいとのこと。"),
        ("touch", "ブースで15分。"),
    ]
    assert feed(house, user_id=house.owner.id) == [("diary", "実機を見たいとのこと。")]
    assert feed(house, user_id=house.colleague.id) == [("touch", "ブースで15分。")]


def test_what_was_said_in_house_is_no_touch(house: TrackedHouse) -> None:
    write(house, kind="internal", met=())
    assert not house.rows("select 1 from touchpoints where source_key like 'diary:%'")


def test_the_same_form_sent_twice_is_one_entry(house: TrackedHouse) -> None:
    assert write(house) is not None
    assert write(house) is None
    assert len(house.rows("select 1 from touchpoints where source_key like 'diary:%'")) == 1


def test_a_calls_note_stands_in_the_diary_without_being_typed_again(house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "insert into tasks (kind, person_id, company_id, product_id, state, due_at, created_at)"
            f" values ('call', {house.contact_id}, {house.company_id}, {house.product_id}, 'done', now(), now())"
        )
        tx.exec_driver_sql(
            "insert into call_attempts (task_id, person_id, at, result, note, user_id)"
            f" select id, person_id, '{house.now.isoformat()}', 'talked', '来期に検討', {house.colleague.id} from tasks"
            f" where kind = 'call' and state = 'done'"
        )
    assert ("attempt", "来期に検討") in feed(house, company_id=house.company_id)
    assert ("attempt", "来期に検討") in feed(
        house, user_id=house.colleague.id, since=house.now - timedelta(days=1)
    )


def test_what_comes_next_is_a_task_of_who_wrote_and_a_visit_at_an_hour_an_appointment(
    house: TrackedHouse,
) -> None:
    write(house, next=Next("visit", date(2026, 11, 30), time(14, 0), "実機見学"))
    [task] = house.rows("select id, kind, assignee_id, person_id, note from tasks where cause = 'diary'")
    assert tuple(task)[1:] == ("visit", house.owner.id, house.contact_id, "実機見学")
    [entry] = house.rows("select task_id from diary_entries")
    assert entry.task_id == task.id
    [agreed] = house.rows("select task_id, person_id from appointments")
    assert tuple(agreed) == (task.id, house.contact_id)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"text": ""}, "text_missing"),
        ({"met": (999_999,)}, "met_unknown"),
        ({"company_id": 999_999, "met": ()}, "company_unknown"),
        ({"product_id": 999_999}, "product_unknown"),
        ({"next": Next("call", date(2026, 11, 1))}, "next_past"),
        ({"next": Next("party", date(2026, 12, 1))}, "next_odd"),
    ],
)
def test_an_entry_that_cannot_be_writes_nothing_at_all(
    house: TrackedHouse, changed: dict[str, Any], code: str
) -> None:
    with pytest.raises(DiaryError) as caught:
        write(house, **changed)
    assert caught.value.code == code
    assert not house.rows("select 1 from diary_entries")
    assert not house.rows("select 1 from touchpoints where source_key like 'diary:%'")


def test_writing_about_a_company_is_news_of_its_catalogue(house: TrackedHouse) -> None:
    later = house.now + timedelta(days=3)
    write_diary.run(house.parts, told(house, at=later), user_id=house.colleague.id, now=later)
    assert house.catalogue().touched_at == later
    assert not house.catalogue().is_draft


def test_the_owner_the_writer_and_the_mentioned_hear_of_a_comment_once_each(house: TrackedHouse) -> None:
    entry = write(house, user=house.colleague)
    assert entry is not None
    comment.add(house.parts, "diary", entry, words="@森下 限度見本を先に", user=house.manager, now=house.now)
    found = {
        (row.kind, row.user_id) for row in house.rows("select kind, user_id from alerts where args ? 'page'")
    }
    assert found == {("mention", house.owner.id), ("comment", house.colleague.id)}
    mails = house.rows(
        "select b.text from delivery_bodies b join deliveries d on d.id = b.delivery_id where d.origin like 'tx:mention:%'"
    )
    assert len(mails) == 1
    assert "限度見本を先に" in mails[0].text


def test_a_comment_becomes_one_task_however_often_it_is_pressed(house: TrackedHouse) -> None:
    entry = write(house)
    assert entry is not None
    id = comment.add(house.parts, "diary", entry, words="限度見本を先に", user=house.colleague, now=house.now)
    made = {comment.make_task(house.parts, id, user=house.owner, now=house.now) for _ in range(2)}
    [task] = house.rows("select id, assignee_id, person_id, note from tasks where cause = 'comment'")
    assert made == {task.id}
    assert (task.assignee_id, task.person_id) == (house.owner.id, house.contact_id)
    assert "限度見本を先に" in task.note


def test_who_has_no_part_in_it_cannot_make_a_task_of_a_comment(house: TrackedHouse) -> None:
    entry = write(house)
    assert entry is not None
    id = comment.add(house.parts, "diary", entry, words="x", user=house.manager, now=house.now)
    with pytest.raises(CommentError, match="not_yours"):
        comment.make_task(house.parts, id, user=house.colleague, now=house.now)


def came(house: TrackedHouse, day: str) -> None:
    """The owner's account was made at noon of that day."""
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(f"update users set created_at = '{day}T03:00:00Z' where id = {house.owner.id}")


def test_the_report_of_a_month_lists_its_empty_business_days(house: TrackedHouse) -> None:
    came(house, "2026-10-01")
    write(house, at=house.now - timedelta(days=1))  # 23 November: a holiday
    found = daily_report.show(
        house.parts, user_id=house.owner.id, day=None, month=date(2026, 11, 24), now=house.now
    )
    by_day = {one.day.day: one for one in found.days}
    assert max(by_day) == 24
    assert (by_day[23].n, by_day[23].is_open, by_day[23].is_gap) == (1, False, False)
    assert by_day[20].is_gap
    assert not by_day[24].is_gap  # today is not over
    assert not by_day[3].is_open


def test_nobody_owes_a_report_of_days_before_they_came(house: TrackedHouse) -> None:
    came(house, "2026-11-19")
    write(house, at=house.now - timedelta(days=8))  # of the 16th, entered afterwards
    found = daily_report.show(
        house.parts, user_id=house.owner.id, day=None, month=date(2026, 11, 24), now=house.now
    )
    assert [one.day.day for one in found.days] == [16, 19, 20, 21, 22, 23, 24]
    assert [one.day.day for one in found.days if one.is_gap] == [19, 20]


def test_the_reports_of_who_has_left_can_still_be_read(house: TrackedHouse) -> None:
    write(house)
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(f"update users set is_active = false where id = {house.owner.id}")
    found = daily_report.show(
        house.parts, user_id=house.owner.id, day=None, month=date(2026, 11, 24), now=house.now
    )
    assert found.users[-1] == (house.owner.id, "森下 健")
    assert found.name == "森下 健"


def month_of_owner(house: TrackedHouse, user_id: int | None) -> list[str]:
    sheet = daily_report.export(
        house.parts,
        user_id=user_id,
        month=date(2026, 11, 1),
        head=["text"],
        cells=lambda item: [item.text],
        by=house.manager.id,
        now=house.now,
    )
    return sheet.decode("utf-8-sig").splitlines()[1:]


def test_a_month_of_everybody_has_its_first_day_however_much_was_done(
    house: TrackedHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily_report, "CHUNK", 3)
    at = house.now - timedelta(days=20)
    for n in range(8):  # at one instant, as a list brings them
        write(house, key=str(n), text=f"no. {n}", kind="internal", met=(), at=at)
    write(house, text="last", kind="internal", met=())
    assert month_of_owner(house, None) == [*(f"no. {n}" for n in range(8)), "last"]


def test_the_log_of_a_month_names_everybody_who_was_met(house: TrackedHouse) -> None:
    write(house, met=(house.contact_id, house.boss_id))
    month_of_owner(house, house.owner.id)
    [row] = house.rows("select rows, person_ids from export_log where kind = 'daily_report'")
    assert (row.rows, row.person_ids) == (1, sorted([house.contact_id, house.boss_id]))


def test_paging_loses_nothing_of_what_was_done_at_one_instant(house: TrackedHouse) -> None:
    for n in range(7):
        write(house, key=str(n), text=f"no. {n}", kind="internal", met=())
    seen: list[str] = []
    before = None
    with house.parts.engine.connect() as tx:
        while True:
            wanted = Wanted(user_id=house.owner.id, before=before)
            found = diary_feed.page(tx, wanted, limit=3, zone=house.parts.settings.tz)
            seen += [item.text for item in found.items]
            if found.rest is None:
                break
            before = found.rest
    assert seen == [f"no. {n}" for n in reversed(range(7))]


def on_the_sheet(house: TrackedHouse, prompt: str, words: str, *, seen: int = 0, hours: int = 0) -> int:
    write_asica.answer(
        house.parts,
        house.catalogue_id,
        house.sheet().id,
        stage="assignment",
        prompt=prompt,
        words=words,
        seen=seen,
        user=house.owner,
        now=house.now + timedelta(hours=hours),
    )
    return int(house.rows("select max(id) as id from asica_entries")[0].id)


def test_what_was_written_on_an_asica_sheet_is_one_item_of_the_days_report(house: TrackedHouse) -> None:
    first = on_the_sheet(house, "needs", "省人化")
    on_the_sheet(house, "impact", "流出不良が年6件")
    on_the_sheet(house, "needs", "検査員の省人化", seen=first, hours=1)
    on_the_sheet(house, "ability", "標準機で対応", hours=24)
    later, day = items(house, user_id=house.owner.id)
    assert [(one.prompt, one.text) for one in day.written] == [
        ("impact", "流出不良が年6件"),
        ("needs", "検査員の省人化"),
    ]
    assert (day.kind, day.on_id, day.at, day.company_id) == (
        "asica",
        first,
        house.now + timedelta(hours=1),
        house.company_id,
    )
    assert [one.prompt for one in later.written] == ["ability"]
    assert items(house, company_id=house.company_id)[:2] == [later, day]
    assert not items(house, user_id=house.colleague.id, product_id=house.product_id + 1)
    listed = daily_report.show(
        house.parts,
        user_id=house.owner.id,
        day=None,
        month=date(2026, 11, 25),
        now=house.now + timedelta(hours=25),
    ).days
    assert [(one.day.day, one.n) for one in listed if one.n] == [(24, 1), (25, 1)]


def test_a_comment_on_an_asica_entry_is_told_to_who_wrote_it_and_stays_as_more_is_written(
    house: TrackedHouse,
) -> None:
    entry = on_the_sheet(house, "needs", "省人化")
    comment.add(house.parts, "asica", entry, words="品証にも聞いて", user=house.colleague, now=house.now)
    on_the_sheet(house, "impact", "流出不良", hours=1)
    page = daily_report.show(
        house.parts, user_id=house.owner.id, day=None, month=date(2026, 11, 24), now=house.now
    )
    [item] = [one for one in page.items if one.on_kind == "asica"]
    assert [one.text for one in item.comments(page.said)] == ["品証にも聞いて"]
    assert {row.user_id for row in house.rows("select user_id from alerts where kind = 'comment'")} == {
        house.owner.id
    }


def where_told(house: TrackedHouse) -> str:
    [row] = house.rows("select args->>'page' as page from alerts where kind = 'mention'")
    return str(row.page)


def test_who_is_mentioned_is_led_to_the_report_of_who_wrote(house: TrackedHouse) -> None:
    entry = write(house, kind="internal", met=(), company_id=None, at=house.now - timedelta(days=1))
    assert entry is not None
    id = comment.add(house.parts, "diary", entry, words="@大森 見て", user=house.manager, now=house.now)
    assert where_told(house) == f"/diary?user={house.owner.id}&day=2026-11-23#comment-{id}"


def test_who_is_mentioned_on_a_catalogue_is_led_to_the_comment(house: TrackedHouse) -> None:
    id = comment.add(
        house.parts, "catalogue", house.catalogue_id, words="@大森 見て", user=house.manager, now=house.now
    )
    assert where_told(house) == f"/catalogues/{house.catalogue_id}#comment-{id}"


def test_a_month_as_a_list_is_logged_with_the_people_in_it(house: TrackedHouse) -> None:
    write(house)
    sheet = daily_report.export(
        house.parts,
        user_id=house.owner.id,
        month=date(2026, 11, 1),
        head=["text"],
        cells=lambda item: [item.text],
        by=house.manager.id,
        now=house.now,
    ).decode("utf-8-sig")
    assert sheet.splitlines() == ["text", "実機を見たいとのこと。"]
    [row] = house.rows("select rows, person_ids from export_log where kind = 'daily_report'")
    assert (row.rows, row.person_ids) == (1, [house.contact_id])


def test_a_day_on_paper_holds_more_than_a_page_of_the_screen(house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(
            "insert into diary_entries (entry_key, user_id, kind, text, at, created_at)"
            f" select 'n' || n, {house.owner.id}, 'other', 'x', '{house.now.isoformat()}', now()"
            " from generate_series(1, 120) n"
        )

    def shown(**more: Any) -> tuple[int, bool]:
        day = date(2026, 11, 24)
        found = daily_report.show(
            house.parts, user_id=house.owner.id, day=day, month=day, now=house.now, **more
        )
        return len(found.items), found.rest is not None

    assert shown() == (daily_report.PAGE, True)
    assert shown(limit=daily_report.DAY_MAX) == (120, False)
