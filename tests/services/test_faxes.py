"""Faxes: who gets one, by which way, what comes back."""

from __future__ import annotations

import csv
import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email import policy
from email.parser import BytesParser
from typing import Any

import pytest

from campaigns.parts import Parts
from campaigns.services import (
    aim_fax,
    edit_person,
    export_faxes,
    import_fax_results,
    mark_faxes,
    refuse_fax,
    render,
    rerank,
    send_faxes,
    set_up_fax,
)
from campaigns.services.aim_fax import Wanted
from campaigns.services.fax_sheet import SAMPLE, Sheet, SheetError, draw
from campaigns.services.set_up_fax import FaxError, Settings
from campaigns.storage import fax_documents, faxes
from tests.services.paper import ink, one_bit, text_of
from tests.services.world import World

ON = Settings("fax.example", "fax@maker.example", "0530000001", 10)


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def person(world: World, number: str, *, company: int | None = None, name: str = "", **more: Any) -> int:
    """Somebody with an open fax task about the press."""
    id = world.person(**more)
    world.run(
        "update people set fax = :f, full_name = coalesce(nullif(:n, ''), full_name) where id = :p",
        f=number,
        n=name,
        p=id,
    )
    if company is not None:
        world.run("update affiliations set company_id = :c where person_id = :p", c=company, p=id)
    world.run(
        "insert into tasks (kind, person_id, product_id, state, due_at, created_at)"
        " values ('fax', :p, :q, 'open', :now, :now)",
        p=id, q=world.press_id, now=world.now,
    )  # fmt: skip
    return id


def company_of(world: World, person_id: int) -> int:
    return int(world.rows("select company_id from affiliations where person_id = :p", p=person_id)[0][0])


def document(world: World, **changed: object) -> int:
    values = {
        "title": "検査の見落としを減らす",
        "body": "事例をお送りします。",
        "points": "工数を半減\n6か月で回収",
        "created_at": world.now,
    }
    with world.parts.engine.begin() as tx:
        return fax_documents.add(tx, {**values, **changed})


def start(
    world: World,
    *,
    way: str = "list",
    now: datetime | None = None,
    document_id: int | None = None,
    **more: Any,
) -> int:
    wanted = Wanted(document_id or document(world), more.pop("product_id", world.press_id), **more)
    return send_faxes.start(world.parts, wanted, way=way, user_id=world.owner_id, now=now or world.now)


def items(world: World, batch_id: int) -> list[faxes.Item]:
    with world.parts.engine.connect() as tx:
        return faxes.items(tx, batch_id)


def turn_on(world: World, **changed: Any) -> None:
    values = {
        "gateway": ON.gateway,
        "from_address": ON.from_address,
        "return_number": ON.return_number,
        "per_minute": ON.per_minute,
    }
    set_up_fax.save(world.parts, Settings(**{**values, **changed}), user_id=None, now=world.now)


def test_one_sheet_a_number_and_a_company_and_the_others_are_counted_by_their_reason(world: World) -> None:
    first = person(world, "03-1111-1111", name="山田 一")
    person(world, "０３（１１１１）１１１１", name="佐藤 二", company=company_of(world, first))
    person(
        world, "03-9999-9999", name="田中 三", company=company_of(world, first)
    )  # own number, same company
    person(world, "03-2222-2222", do_not_fax=True)
    person(world, "03-3333", name="短い")
    person(world, "")
    person(world, "03-4444-4444", fax_invalid=True)
    refused = person(world, "03-5555-5555")
    refuse_fax.run(world.parts, "０３-5555-5555", evidence="返信用紙", user_id=None, now=world.now)
    world.run(
        "update tasks set state = 'open' where person_id = :p", p=refused
    )  # asked for again by somebody who did not know
    ready = aim_fax.run(world.parts, Wanted(document(world), world.press_id), now=world.now)
    assert (ready.numbers, ready.people) == (1, 3)
    assert ready.left_out == {"refused": 2, "invalid": 2, "no_number": 1}
    (item,) = items(world, start(world))
    assert (item.number, item.names) == ("0311111111", ("山田 一", "佐藤 二", "田中 三"))


def test_a_company_gets_one_fax_a_product_in_three_months_also_from_two_at_once(
    world: World, now: datetime
) -> None:
    person(world, "03-1111-1111")
    start(world)
    with pytest.raises(FaxError) as error:
        start(world)
    assert error.value.code == "nobody"
    assert items(world, start(world, now=now + timedelta(days=93)))


def test_a_fax_sent_by_hand_counts_for_the_cap(world: World) -> None:
    one = person(world, "03-1111-1111")
    world.touch(one, ("fax_sent", 30))
    ready = aim_fax.run(world.parts, Wanted(document(world), world.press_id), now=world.now)
    assert (ready.numbers, ready.left_out) == (0, {"capped": 1})


def test_the_gateway_gets_one_mail_a_number_with_the_sheet_as_pdf(world: World, now: datetime) -> None:
    turn_on(world)
    person(world, "03-1111-1111", name="髙橋 一")
    batch_id = start(world, way="gateway")
    assert send_faxes.run(world.parts, now=now) == 1
    assert send_faxes.run(world.parts, now=now) == 0
    (item,) = items(world, batch_id)
    raw = _mail(world, item)
    assert raw["To"] == "0311111111@fax.example"
    assert "fax@maker.example" in raw["From"]
    (file,) = raw.iter_attachments()
    data = file.get_content()
    told = text_of(data)
    assert "髙橋 一様" in told
    assert "□ 今後のFAXは不要" in told
    assert "053-000-0001" in told
    assert "1枚" in told
    assert ink(one_bit(data)[0]) > 5000


def _mail(world: World, item: faxes.Item) -> Any:
    """The mail as it would go on the wire."""
    assert item.delivery_id is not None
    with world.parts.engine.connect() as tx:
        made = render.items(tx, world.parts, [item.delivery_id], now=world.now)
    sent = made[item.delivery_id]
    assert sent.mail_from == "fax@maker.example"
    return BytesParser(policy=policy.default).parsebytes(sent.body() if callable(sent.body) else sent.body)


def test_no_more_go_to_the_gateway_in_a_minute_than_it_takes(world: World, now: datetime) -> None:
    turn_on(world, per_minute=2)
    for n in range(5):
        person(world, f"03-1111-111{n}")
    start(world, way="gateway")
    assert [send_faxes.run(world.parts, now=now + timedelta(seconds=s)) for s in (0, 10, 61, 122, 183)] == [
        2,
        0,
        2,
        1,
        0,
    ]


def test_a_crash_between_taking_and_sending_doubles_nothing(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn_on(world)
    for n in range(3):
        person(world, f"03-1111-111{n}")
    start(world, way="gateway")
    drawn = send_faxes.fax_sheet.draw
    calls = []

    def dies(*args: Any, **kw: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return drawn(*args, **kw)

    monkeypatch.setattr(send_faxes.fax_sheet, "draw", dies)
    with pytest.raises(MemoryError):
        send_faxes.run(world.parts, now=now)
    assert world.rows("select count(*) from deliveries where origin like 'tx:fax:%'")[0][0] == 0
    assert send_faxes.run(world.parts, now=now) == 3
    assert world.rows("select count(*), count(distinct origin) from deliveries where origin like 'tx:fax:%'")[
        0
    ] == (3, 3)


def test_a_number_that_refuses_while_it_waits_gets_nothing(world: World, now: datetime) -> None:
    turn_on(world)
    one = person(world, "03-1111-1111")
    batch_id = start(world, way="gateway")
    refuse_fax.run(world.parts, "03 1111 1111", evidence="電話", user_id=None, now=now)
    assert send_faxes.run(world.parts, now=now) == 0
    assert [item.state for item in items(world, batch_id)] == ["stopped"]
    assert [task.state for task in world.tasks(one)] == ["cancelled"]


def test_without_a_gateway_only_lists_are_made(world: World) -> None:
    person(world, "03-1111-1111")
    with pytest.raises(FaxError) as error:
        start(world, way="gateway")
    assert error.value.code == "gateway_off"
    assert send_faxes.run(world.parts, now=world.now) == 0


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"gateway": "https://fax.example"}, "gateway_odd"),
        ({"gateway": "x"}, "gateway_odd"),
        ({"gateway": "fax.example\nBcc: a@b.example"}, "gateway_odd"),
        ({"from_address": "nobody"}, "from_odd"),
        ({"return_number": "123"}, "number_odd"),
        ({"per_minute": 0}, "rate_odd"),
        ({"per_minute": 121}, "rate_odd"),
    ],
)
def test_settings_that_cannot_work_are_refused(world: World, changed: dict[str, Any], code: str) -> None:
    with pytest.raises(FaxError) as error:
        turn_on(world, **changed)
    assert error.value.code == code


def test_the_list_holds_digits_in_the_code_page_that_services_read(world: World, now: datetime) -> None:
    first = person(world, "０３-1111-1111", name="山田 一")
    person(world, "03-1111-1111", name="佐藤 二", company=company_of(world, first))
    person(world, "050-1111-2222", name="=cmd|' /c calc'!A1")
    batch_id = start(world)
    made = export_faxes.run(world.parts, batch_id, user_id=None, now=now)
    text = made.data.decode("cp932")
    assert text.count("\r\n") == 3
    head, *rows = csv.reader(io.StringIO(text))
    assert tuple(head) == ("FAX番号", "会社名", "部署名", "役職", "氏名", "敬称", "管理番号")
    assert [row[0] for row in rows] == ["0311111111", "05011112222"]
    assert (rows[0][4], rows[0][5]) == ("山田 一様・佐藤 二", "様")
    assert not rows[1][4].startswith("=")
    assert made.data.startswith(b'"')


def test_more_than_a_file_takes_becomes_several_in_a_zip(world: World, now: datetime) -> None:
    for n in range(3):
        person(world, f"03-1111-111{n}")
    made = export_faxes.run(world.parts, start(world), user_id=None, now=now, size=2)
    assert made.type == "application/zip"
    with zipfile.ZipFile(io.BytesIO(made.data)) as packed:
        assert [name[-7:] for name in packed.namelist()] == ["_01.csv", "_02.csv"]


def results(world: World, batch_id: int, *words: str, now: datetime) -> list[Any]:
    lines = ["管理番号,結果"] + [
        f"{item.id},{word}" for item, word in zip(items(world, batch_id), words, strict=True)
    ]
    return import_fax_results.run(world.parts, "\n".join(lines), user_id=world.owner_id, now=now)


def test_results_leave_touches_end_tasks_and_close_wrong_numbers_and_twice_is_once(
    world: World, now: datetime
) -> None:
    people = [person(world, f"03-1111-111{n}") for n in range(4)]
    batch_id = start(world)
    assert [row.error for row in results(world, batch_id, "OK", "話中", "番号違い", "音声応答", now=now)] == [
        ""
    ] * 4
    assert [row.error for row in results(world, batch_id, "OK", "話中", "番号違い", "音声応答", now=now)] == [
        "known"
    ] * 4
    touched = world.rows("select person_id, depth, validity from touchpoints where kind = 'fax_sent'")
    assert touched == [(people[0], 1, 1.0)]
    assert [world.tasks(id)[0].state for id in people] == ["done", "open", "done", "done"]
    invalid = world.rows("select id from people where fax_invalid order by id")
    assert [row.id for row in invalid] == people[2:]
    assert world.rows("select coalesce(sum(score), 0) from product_leads")[0][0] == 0


def test_busy_numbers_are_offered_once_more_without_waiting_for_the_cap(world: World, now: datetime) -> None:
    person(world, "03-1111-1111")
    person(world, "03-2222-2222")
    batch_id = start(world)
    results(world, batch_id, "OK", "話中", now=now)
    again = send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    assert [item.number for item in items(world, again)] == ["0322222222"]
    with pytest.raises(FaxError):
        send_faxes.retry(world.parts, batch_id, user_id=None, now=now)


def test_what_arrives_at_the_second_try_ends_the_task_it_was_for(world: World, now: datetime) -> None:
    one = person(world, "03-1111-1111")
    batch_id = start(world)
    results(world, batch_id, "話中", now=now)
    again = send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    results(world, again, "OK", now=now)
    assert [(task.state, task.outcome) for task in world.tasks(one)] == [("done", "sent")]


def sent_by(world: World) -> list[tuple[str, float]]:
    rows = world.rows("select source_key, validity from touchpoints where kind = 'fax_sent' order by id")
    return [(row.source_key, row.validity) for row in rows]


def states(world: World, *people: int) -> list[tuple[str, str]]:
    return [(task.state, task.outcome) for one in people for task in world.tasks(one)]


def test_what_the_gateway_has_got_is_done_without_a_list_of_results(world: World, now: datetime) -> None:
    turn_on(world)
    one, other = person(world, "03-1111-1111"), person(world, "03-2222-2222")
    batch_id = start(world, way="gateway")
    send_faxes.run(world.parts, now=now)
    assert mark_faxes.run(world.parts, now=now) == 0
    assert states(world, one, other) == [("open", "")] * 2
    first, second = items(world, batch_id)
    world.run(
        "update deliveries set state = 'sent', sent_at = :now where id = :d", d=first.delivery_id, now=now
    )
    world.run("update deliveries set state = 'failed' where id = :d", d=second.delivery_id)
    assert [mark_faxes.run(world.parts, now=now) for _ in range(2)] == [1, 0]
    assert states(world, one, other) == [("done", "sent"), ("open", "")]
    assert sent_by(world) == [(f"fax:{first.id}:{one}", 1.0)]


def test_a_list_that_somebody_says_has_gone_is_done_but_for_who_refused(world: World, now: datetime) -> None:
    one, other = person(world, "03-1111-1111"), person(world, "03-2222-2222")
    batch_id = start(world)
    refuse_fax.run(world.parts, "03-2222-2222", evidence="電話", user_id=None, now=now)
    assert [mark_faxes.confirm(world.parts, batch_id, user_id=world.owner_id, now=now) for _ in range(2)] == [
        1,
        0,
    ]
    assert states(world, one, other) == [("done", "sent"), ("cancelled", "refused")]
    assert [item.state for item in items(world, batch_id)] == ["sent", "listed"]
    with pytest.raises(LookupError):
        mark_faxes.confirm(world.parts, 10**9, user_id=world.owner_id, now=now)


def test_what_counted_as_sent_and_did_not_arrive_is_to_be_done_again(world: World, now: datetime) -> None:
    people = [person(world, f"03-1111-111{n}") for n in range(3)]
    batch_id = start(world)
    mark_faxes.confirm(world.parts, batch_id, user_id=world.owner_id, now=now)
    assert states(world, *people) == [("done", "sent")] * 3
    results(world, batch_id, "話中", "番号違い", "OK", now=now)
    assert states(world, *people) == [("open", ""), ("done", "wrong"), ("done", "sent")]
    assert [validity for _key, validity in sent_by(world)] == [0.0, 0.0, 1.0]
    again = send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    mark_faxes.confirm(world.parts, again, user_id=world.owner_id, now=now)
    results(world, batch_id, "応答なし", "番号違い", "OK", now=now)
    assert states(world, *people) == [("done", "sent"), ("done", "wrong"), ("done", "sent")]


@pytest.mark.parametrize(
    ("at", "sent"),
    [
        (datetime(2026, 11, 24, 8, 59, tzinfo=UTC), 1),
        (datetime(2026, 11, 24, 9, 0, tzinfo=UTC), 0),
        (datetime(2026, 11, 23, 23, 59, tzinfo=UTC), 0),
        (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), 1),
        (datetime(2026, 11, 28, 3, 0, tzinfo=UTC), 0),
        (datetime(2026, 11, 23, 3, 0, tzinfo=UTC), 0),
    ],
    ids=["17:59", "18:00", "8:59", "9:00", "a Saturday", "a holiday"],
)
def test_no_machine_rings_outside_the_hours_of_work(world: World, at: datetime, sent: int) -> None:
    turn_on(world)
    person(world, "03-1111-1111")
    start(world, way="gateway")
    assert send_faxes.run(world.parts, now=at) == sent


def test_more_results_than_one_transaction_takes_are_all_written(
    world: World, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_fax_results, "CHUNK", 2)
    people = [person(world, f"03-1111-111{n}") for n in range(5)]
    results(world, start(world), *["OK"] * 5, now=now)
    assert states(world, *people) == [("done", "sent")] * 5
    assert len(sent_by(world)) == 5


def test_a_name_that_no_font_prints_is_stopped_and_says_why(world: World, now: datetime) -> None:
    turn_on(world)
    person(world, "03-1111-1111", name="𠮷🎉田 一")
    person(world, "03-2222-2222", name="山田 二")
    batch_id = start(world, way="gateway")
    assert send_faxes.run(world.parts, now=now) == 1
    told = [(item.state, item.stopped_for) for item in items(world, batch_id)]
    assert told == [("stopped", "unprintable"), ("sending", "")]


def test_what_the_gateway_would_not_take_may_be_tried_again_and_does_not_hold_the_company(
    world: World, now: datetime
) -> None:
    turn_on(world)
    person(world, "03-1111-1111")
    batch_id = start(world, way="gateway")
    send_faxes.run(world.parts, now=now)
    with pytest.raises(FaxError):
        send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    world.run("update deliveries set state = 'failed' where origin like 'tx:fax:%'")
    assert [item.state for item in items(world, batch_id)] == ["failed"]
    again = send_faxes.retry(world.parts, batch_id, user_id=None, now=now)
    assert [item.number for item in items(world, again)] == ["0311111111"]
    with pytest.raises(FaxError):
        start(world)


@pytest.mark.parametrize(
    "change",
    [
        "update people set excluded_reason = 'competitor'",
        "update product_leads set state = 'excluded'",
        "update product_leads set rank = 'declined'",
    ],
)
def test_who_is_none_of_ours_or_said_no_gets_none_although_the_task_stands(world: World, change: str) -> None:
    one = person(world, "03-1111-1111")
    world.run(
        "insert into product_leads (person_id, product_id, rank, state, created_at) values (:p, :q, 'warm', 'nurturing', :now)",
        p=one, q=world.press_id, now=world.now,
    )  # fmt: skip
    world.run("update tasks set lead_id = (select max(id) from product_leads)")
    assert aim_fax.run(world.parts, Wanted(document(world), world.press_id), now=world.now).numbers == 1
    world.run(change)
    ready = aim_fax.run(world.parts, Wanted(document(world), world.press_id), now=world.now)
    assert (ready.numbers, ready.left_out) == (0, {"excluded": 1})


def test_who_leaves_while_the_number_waits_gets_none(world: World, now: datetime) -> None:
    turn_on(world)
    one, other = person(world, "03-1111-1111"), person(world, "03-2222-2222")
    batch_id = start(world, way="gateway")
    values = {"excluded_reason": "left"}
    edit_person.save(world.parts, one, values, version=1, user_id=world.owner_id, now=now)
    assert states(world, one, other) == [("cancelled", "excluded"), ("open", "")]
    assert send_faxes.run(world.parts, now=now) == 1
    assert [item.stopped_for for item in items(world, batch_id)] == ["excluded", ""]


def test_whom_sales_are_talking_to_gets_no_mass_fax(world: World, now: datetime) -> None:
    one = world.person(touches=[("card_exchange", 1)], fax=True)
    rerank.people(world.parts, [one], now=now)
    rank = world.lead(one).rank
    aimed = Wanted(document(world), world.press_id, (rank,))
    assert aim_fax.run(world.parts, aimed, now=now).numbers == 1
    world.run("update product_leads set state = 'with_sales'")
    ready = aim_fax.run(world.parts, aimed, now=now)
    assert (ready.numbers, ready.left_out) == (0, {"with_sales": 1})


def test_a_result_of_a_number_we_never_faxed_changes_nothing(world: World, now: datetime) -> None:
    rows = import_fax_results.run(world.parts, "FAX番号,結果\n03-8888-8888,OK\n", user_id=None, now=now)
    assert [row.error for row in rows] == ["unknown"]
    assert not world.rows("select 1 from touchpoints")


def test_of_two_lines_about_a_number_the_last_counts(world: World, now: datetime) -> None:
    person(world, "03-1111-1111")
    batch_id = start(world)
    text = "FAX番号,結果\n03-1111-1111,話中\n0311111111,OK\n"
    rows = import_fax_results.run(world.parts, text, user_id=None, now=now)
    assert [row.error for row in rows] == ["twice", ""]
    assert [item.state for item in items(world, batch_id)] == ["ok"]


def sheet(**changed: Any) -> Sheet:
    values = {
        "title": "ご案内", "body": "本文です。", "points": (), "sender": "株式会社みのり精機",
        "address": "静岡県浜松市中央区1-2-3", "inquiry": "053-000-0000", "return_number": "0530000001",
    }  # fmt: skip
    return Sheet(**{**values, **changed})


def test_two_pages_are_the_most_and_their_number_is_on_the_cover(now: datetime) -> None:
    laid = draw(sheet(body="検査の話です。" * 200, points=("要点です。" * 12,) * 6), SAMPLE, on=now.date())
    assert laid.pages == 2
    told = text_of(laid.data)
    assert "2枚" in told
    assert told.count("□ 今後のFAXは不要") == 1
    assert len(one_bit(laid.data)) == 2


def test_a_text_for_three_pages_is_refused_and_says_how_long_it_is(now: datetime) -> None:
    with pytest.raises(SheetError) as error:
        draw(sheet(body="検査の話です。\n" * 200), SAMPLE, on=now.date())
    assert (error.value.code, error.value.n) == ("too_long", 6)


def test_letters_that_no_paper_shows_are_named(now: datetime) -> None:
    with pytest.raises(SheetError) as error:
        draw(sheet(title="ご案内🎉"), SAMPLE, on=now.date())
    assert (error.value.code, error.value.said) == ("unprintable", "🎉")


def test_a_name_that_does_not_fit_on_the_sheet_holds_up_no_other_number(world: World) -> None:
    turn_on(world)
    long = person(world, "03-1111-1111")
    person(world, "03-2222-2222")
    world.run("update companies set name = :n where id = :c", n="長" * 1500, c=company_of(world, long))
    batch_id = start(world, way="gateway", document_id=document(world, body="検査の話です。" * 230))

    assert send_faxes.run(world.parts, now=world.now) == 1
    assert [(item.number, item.state) for item in items(world, batch_id)] == [
        ("0311111111", "stopped"),
        ("0322222222", "sending"),
    ]
    assert items(world, batch_id)[0].stopped_for == "too_long"
    assert send_faxes.run(world.parts, now=world.now) == 0


def test_four_workers_together_send_no_more_than_the_gateway_takes_a_minute(world: World) -> None:
    turn_on(world, per_minute=3)
    for last in range(10):
        person(world, f"03-1111-111{last}")
    start(world, way="gateway")
    with ThreadPoolExecutor(4) as workers:
        handed = list(workers.map(lambda _: send_faxes.run(world.parts, now=world.now), range(4)))
    assert sum(handed) == 3
    assert world.rows("select count(*) as n from deliveries where origin like 'tx:fax:%'")[0].n == 3
