"""ASICA sheets are only added to."""

from __future__ import annotations

from datetime import datetime

import pytest

from campaigns.parts import Parts
from campaigns.services import write_asica
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
