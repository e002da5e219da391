"""A list of touches: whom each row is about, what stays out and why, twice the same, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import hand_over, import_touches, import_undo, rerank
from campaigns.services.import_list import ImportRefused
from tests.conftest import NOW
from tests.services.world import World

HEAD = "メールアドレス,氏名,会社名,種別,日付,商材,メモ\r\n"


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def read(world: World, *rows: str) -> int:
    data = (HEAD + "\r\n".join(rows)).encode()
    return import_touches.read(world.parts, data=data, file_name="日報.csv", user_id=world.owner_id, now=NOW)


def confirm(world: World, batch: int) -> import_touches.Written:
    done = import_touches.confirm(world.parts, batch, user_id=world.owner_id, now=NOW)
    rerank.people(world.parts, done.person_ids, now=NOW)
    return done


def test_rows_name_people_by_mail_or_by_name_and_company(world: World) -> None:
    first, second = world.person(), world.person()
    world.run("update people set name_key = '試験2郎' where id = :p", p=second)
    world.run("update companies set core_key = '第2工業', name = '第2工業㈱' where id = 2")
    batch = read(
        world,
        "P1@customer1.example,,,訪問,2026/11/20,小型プレス,来期に3台検討",
        ",試験 2郎 様,株式会社第2工業,通電,11月19日,,",
    )
    shown = import_touches.shown(world.parts, batch)
    assert shown.counts == {"new": 2, "duplicate": 0, "error": 0}
    assert world.rows("select 1 from touchpoints") == []
    assert confirm(world, batch).touches == 2
    rows = world.rows("select person_id, kind, product_id, note from touchpoints order by person_id")
    assert [tuple(row) for row in rows] == [
        (first, "visit", world.press_id, "来期に3台検討"),
        (second, "call_connected", None, ""),
    ]
    assert world.lead(first).depth_max == 4


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ("nobody@nowhere.example,,,訪問,2026/11/20,,", "person_unknown"),
        (",,,訪問,2026/11/20,,", "who_missing"),
        ("p1@customer1.example,,,念力,2026/11/20,,", "kind_unknown"),
        ("p1@customer1.example,,,mail_open,2026/11/20,,", "kind_unknown"),
        ("p1@customer1.example,,,,2026/11/20,,", "kind_missing"),
        ("p1@customer1.example,,,訪問,きのう,,", "date_odd"),
        ("p1@customer1.example,,,訪問,,,", "day_missing"),
        ("p1@customer1.example,,,訪問,2026/12/20,,", "in_the_future"),
        ("p1@customer1.example,,,訪問,2026/11/20,月旅行,", "product_unknown"),
        ("p1customer1.example,,,訪問,2026/11/20,,", "mail_no_at"),
        ("p1@customer1.example,,,訪問,2026/11/20,,=HYPERLINK(1)", "formula"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why_and_the_others_come_in(
    world: World, row: str, code: str
) -> None:
    world.person()
    batch = read(world, "p1@customer1.example,,,電話,2026/11/18,,", row)
    shown = import_touches.shown(world.parts, batch)
    assert shown.counts == {"new": 1, "duplicate": 0, "error": 1}
    assert [(error.line_no, error.reasons[0].code) for error in shown.errors] == [(3, code)]
    if code == "product_unknown":
        assert shown.errors[0].reasons[0].args["known"] == "小型プレス / 計量ポンプ"
    assert confirm(world, batch).touches == 1


def test_two_people_at_one_mailbox_are_told_apart_by_name_or_the_row_stays_out(world: World) -> None:
    first, second = world.person(), world.person()
    world.run("update people set address_id = 1, name_key = '試験2郎' where id = :p", p=second)
    world.run("update people set name_key = '試験1郎' where id = :p", p=first)
    batch = read(
        world,
        "p1@customer1.example,,,訪問,2026/11/20,,",
        "p1@customer1.example,試験 2郎,,訪問,2026/11/20,,",
    )
    shown = import_touches.shown(world.parts, batch)
    assert [error.reasons[0].code for error in shown.errors] == ["person_ambiguous"]
    assert [row.person_id for row in shown.sample] == [second]


def test_the_same_list_twice_writes_once(world: World) -> None:
    world.person()
    rows = (
        "p1@customer1.example,,,訪問,2026/11/20,,初回",
        "p1@customer1.example,,,訪問,2026年11月20日,,初回",
    )
    batch = read(world, *rows)
    assert import_touches.shown(world.parts, batch).counts == {"new": 1, "duplicate": 1, "error": 0}
    confirm(world, batch)
    assert confirm(world, batch).again
    again = read(world, *rows)
    assert import_touches.shown(world.parts, again).counts == {"new": 0, "duplicate": 2, "error": 0}
    assert confirm(world, again).touches == 0
    assert len(world.rows("select 1 from touchpoints")) == 1


def test_a_list_taken_back_leaves_nothing_and_may_come_again(world: World) -> None:
    person = world.person(touches=[("badge_scan", 30)])
    row = "p1@customer1.example,,,問い合わせ,2026/11/20,小型プレス,"
    batch = read(world, row)
    confirm(world, batch)
    assert world.lead(person).rank == "hot"
    undone = import_undo.run(world.parts, batch, now=NOW, user_id=world.owner_id)
    rerank.people(world.parts, undone.person_ids, now=NOW)
    assert (world.lead(person).rank, world.lead(person).state) == ("nurture", "nurturing")
    assert len(world.rows("select 1 from touchpoints")) == 1
    assert not world.rows("select 1 from hand_offs")
    again = read(world, row)
    assert confirm(world, again).touches == 1


def test_what_sales_have_taken_on_stays_when_the_list_is_taken_back(world: World) -> None:
    person = world.person(touches=[("badge_scan", 30)])
    batch = read(world, "p1@customer1.example,,,問い合わせ,2026/11/20,小型プレス,")
    confirm(world, batch)
    offer = world.rows("select id from hand_offs where state = 'offered'")[0].id
    hand_over.accept(world.parts, offer, user_id=world.owner_id, now=NOW)
    import_undo.run(world.parts, batch, now=NOW, user_id=world.owner_id)
    assert [row.state for row in world.rows("select state from hand_offs")] == ["accepted"]
    kinds = [row.kind for row in world.rows("select kind from touchpoints order by id")]
    assert kinds == ["badge_scan", "handed_over", "taken_on"]
    assert world.lead(person).state == "with_sales"


def test_a_list_may_be_taken_back_for_seven_days(world: World) -> None:
    world.person()
    batch = read(world, "p1@customer1.example,,,訪問,2026/11/20,,")
    confirm(world, batch)
    with pytest.raises(ImportRefused, match="undo_too_late"):
        import_undo.run(world.parts, batch, now=NOW + timedelta(days=7, seconds=1), user_id=None)


def test_a_person_merged_after_the_preview_gets_the_touch_as_who_they_became(world: World) -> None:
    first, second = world.person(), world.person()
    batch = read(world, "p1@customer1.example,,,訪問,2026/11/20,,")
    world.run("update people set merged_into = :b, address_id = null where id = :a", a=first, b=second)
    world.run("update people set address_id = 1 where id = :b", b=second)
    confirm(world, batch)
    assert [row.person_id for row in world.rows("select person_id from touchpoints")] == [second]


def test_a_column_without_a_meaning_is_asked_for(world: World) -> None:
    world.person()
    data = "e-mail,したこと\r\np1@customer1.example,訪問\r\n".encode()
    batch = import_touches.read(world.parts, data=data, file_name="", user_id=None, now=NOW)
    codes = [one.code for one in import_touches.shown(world.parts, batch).missing]
    assert codes == ["kind_column_missing", "day_column_missing"]
    with pytest.raises(ImportRefused, match="kind_column_missing"):
        import_touches.confirm(world.parts, batch, user_id=None, now=NOW)
