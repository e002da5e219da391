"""ASICA sheets are only added to."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns.parts import Parts
from campaigns.services import edit_catalogue, rerank, write_asica
from campaigns.services.edit_catalogue import NotYours
from campaigns.services.write_asica import AsicaError
from tests.services import tracked_house
from tests.services.tracked_house import TrackedHouse


@pytest.fixture
def house(parts: Parts, now: datetime) -> TrackedHouse:
    return tracked_house.build(parts, now)


def answer(
    house: TrackedHouse, words: str, *, seen: int = 0, prompt: str = "needs", user: object = None
) -> int:
    write_asica.answer(
        house.parts,
        house.catalogue_id,
        house.sheet().id,
        stage="assignment",
        prompt=prompt,
        words=words,
        seen=seen,
        user=user or house.owner,  # type: ignore[arg-type]
        now=house.now,
    )
    return int(house.rows("select max(id) as id from asica_entries")[0].id)


def move(house: TrackedHouse, to: str, *, forced: bool = False, version: int | None = None) -> None:
    write_asica.move(
        house.parts,
        house.catalogue_id,
        house.sheet().id,
        to=to,
        version=house.sheet().version if version is None else version,
        forced=forced,
        user=house.owner,
        now=house.now,
    )


def steps(house: TrackedHouse) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for row in house.rows(
            "select person_id, title, note, depth, actor_id from touchpoints where kind = 'asica' order by id"
        )
    ]


def test_writing_on_the_sheet_is_a_step_on_the_contacts_timeline_once_a_stage_and_day(
    house: TrackedHouse,
) -> None:
    edit_catalogue.save(
        house.parts,
        house.catalogue_id,
        "contact",
        {"contact_id": str(house.boss_id)},
        version=0,
        user=house.owner,
        now=house.now,
    )
    answer(house, "省人化")
    answer(house, "流出不良", prompt="impact")
    move(house, "solution")
    assert steps(house) == [
        (house.boss_id, "assignment", "省人化", 0, house.owner.id),
        (house.boss_id, "assignment>solution", "", 0, house.owner.id),
    ]


def test_without_a_contact_the_step_is_with_whoever_was_heard_of_last(house: TrackedHouse) -> None:
    answer(house, "省人化")
    assert [row[0] for row in steps(house)] == [house.contact_id]


def test_a_step_on_the_sheet_moves_no_rank(house: TrackedHouse) -> None:
    before = house.rows("select person_id, score, depth_max from product_leads order by id")
    answer(house, "省人化")
    with house.parts.engine.begin() as tx:
        rerank.for_people(tx, [house.contact_id], now=house.now, zone=house.parts.settings.tz)
    assert house.rows("select person_id, score, depth_max from product_leads order by id") == before


def test_a_new_answer_leaves_the_old_one_in_the_history(house: TrackedHouse) -> None:
    first = answer(house, "省人化")
    answer(house, "省人化と記録", seen=first)
    assert [row.text for row in house.rows("select text from asica_entries order by id")] == [
        "省人化",
        "省人化と記録",
    ]


def test_an_answer_over_one_that_was_not_seen_is_refused_and_shows_it(house: TrackedHouse) -> None:
    answer(house, "省人化", user=house.manager)
    with pytest.raises(AsicaError) as caught:
        answer(house, "別の話")
    assert (caught.value.code, caught.value.holds) == ("stale", "省人化")


@pytest.mark.parametrize(("words", "prompt", "code"), [(" ", "needs", "empty"), ("x", "needles", "unknown")])
def test_an_answer_to_nothing_says_why(house: TrackedHouse, words: str, prompt: str, code: str) -> None:
    with pytest.raises(AsicaError, match=code):
        answer(house, words, prompt=prompt)


def test_solution_before_any_word_of_the_issue_asks_and_may_be_forced(house: TrackedHouse) -> None:
    with pytest.raises(AsicaError, match="assignment_empty"):
        move(house, "solution")
    assert house.sheet().stage == "assignment"
    move(house, "solution", forced=True)
    [entry] = house.rows("select kind, moved_from, stage, is_forced from asica_entries")
    assert tuple(entry) == ("move", "assignment", "solution", True)


def test_a_sheet_may_go_back_and_every_move_stays(house: TrackedHouse) -> None:
    answer(house, "省人化")
    for to in ("solution", "inspection", "solution"):
        move(house, to)
    moves = house.rows(
        "select moved_from || '>' || stage as way from asica_entries where kind = 'move' order by id"
    )
    assert [row.way for row in moves] == ["assignment>solution", "solution>inspection", "inspection>solution"]
    with pytest.raises(AsicaError, match="same"):
        move(house, "solution")
    with pytest.raises(AsicaError, match="stale"):
        move(house, "consent", version=1)


def test_who_does_not_follow_the_company_writes_nothing(house: TrackedHouse) -> None:
    with pytest.raises(NotYours):
        answer(house, "省人化", user=house.colleague)
