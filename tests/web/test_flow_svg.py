"""The flow picture: rows stand apart, arms beside the trunk, lines as thick as the people on them."""

from __future__ import annotations

from itertools import pairwise

import pytest

from campaigns.web import flow_svg
from campaigns.web.flow_svg import Place, Way

PLACES = (
    Place("A", "1", "mail", "", "", "お礼"),
    Place("B", "2", "branch", "", "", "クリックしたか"),
    Place("C", "2a", "call", "B", "yes", "電話"),
    Place("D", "3", "mail", "", "", "照明条件で変わる、キズ検出のコツ"),
)
WAYS = (
    Way("A", "B"),
    Way("B", "C", "yes"),
    Way("B", "D", "else"),
    Way("C", "D"),
    Way("D", ""),
)


def test_every_row_has_its_height_in_table_order_and_the_yes_arm_its_column() -> None:
    shapes = flow_svg.layout(PLACES, WAYS).shapes
    assert all(a.y < b.y for a, b in pairwise(shapes))
    a, b, c, d = shapes
    assert a.x == b.x == d.x
    assert c.x == a.x + flow_svg.COLUMN


def test_nothing_stands_outside_of_the_paper() -> None:
    picture = flow_svg.layout(PLACES, WAYS)
    for shape in picture.shapes:
        assert shape.x - shape.width / 2 > 0
        assert shape.x + shape.width / 2 <= picture.width
        assert shape.y + flow_svg.RADIUS < picture.height


def test_a_long_title_is_cut_where_its_line_ends() -> None:
    title = flow_svg.layout(PLACES, WAYS).shapes[3].title
    assert title == "照明条件で変わ…"


def test_a_line_is_as_thick_as_the_people_on_it() -> None:
    ways = flow_svg.people(
        WAYS,
        reached={"A": 100, "B": 100, "C": 30, "D": 90},
        waiting={"B": 10},
    )
    assert [way.people for way in ways] == [100, 30, 60, 30, 90]
    widths = {(line.way.start, line.way.arm): line.width for line in flow_svg.layout(PLACES, ways).lines}
    assert widths["A", ""] == flow_svg.THICK
    assert widths["B", "yes"] < widths["B", "else"] < widths["A", ""]


def test_without_people_every_line_is_thin() -> None:
    assert {line.width for line in flow_svg.layout(PLACES, WAYS).lines} == {flow_svg.THIN}


def test_a_jump_runs_along_the_edge_and_an_end_is_a_stub() -> None:
    lines = flow_svg.layout(PLACES, (Way("A", "D", is_jump=True), Way("D", ""))).lines
    assert lines[0].d.startswith("M59 30H6V")
    assert lines[1].d.endswith("v14")


def test_an_empty_table_is_an_empty_picture() -> None:
    picture = flow_svg.layout((), ())
    assert (picture.shapes, picture.lines) == ((), ())


@pytest.mark.parametrize("rows", [0, 1, 11, 12, 13, 24, 40])
def test_the_parts_for_paper_cover_the_picture_and_cut_no_row(rows: int) -> None:
    places = tuple(Place(f"k{n}", str(n), "mail", "", "", "便り") for n in range(rows))
    picture = flow_svg.layout(places, ())
    parts = flow_svg.pages(picture)
    assert parts[0].top == 0
    assert [a.top + a.height for a in parts] == [*(b.top for b in parts[1:]), picture.height]
    for shape in picture.shapes:
        assert any(
            part.top <= shape.y - flow_svg.RADIUS and shape.y + flow_svg.RADIUS <= part.top + part.height
            for part in parts
        )
    assert len(parts) == max(1, -(-rows // flow_svg.PRINTED_ROWS))
