"""How an idea becomes a mail, and when a theme tires its readers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import contents
from campaigns.rules.contents import Figures, Status


@pytest.mark.parametrize(
    ("status", "other", "may"),
    [
        ("idea", "draft", True),
        ("idea", "approved", False),
        ("idea", "retired", True),
        ("draft", "approved", True),
        ("draft", "idea", False),
        ("approved", "draft", True),
        ("approved", "retired", True),
        ("retired", "approved", False),
        ("retired", "draft", True),
        ("approved", "approved", False),
        ("nonsense", "draft", False),
    ],
)
def test_nothing_is_approved_that_was_no_draft(status: str, other: str, may: bool) -> None:
    assert contents.may_become(status, other) is may


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("外観検査、人手不足", ("外観検査", "人手不足")),
        (" #外観検査 ＃人手不足,外観検査 ", ("外観検査", "人手不足")),
        ("省 配線\n寿命", ("省 配線", "寿命")),
        ("、、,", ()),
        ("長" * 40, ("長" * 30,)),
    ],
)
def test_tags_are_read_as_people_type_them(typed: str, kept: tuple[str, ...]) -> None:
    assert contents.tags(typed) == kept


@given(st.text())
def test_tags_typed_again_from_their_list_are_the_same(typed: str) -> None:
    tags = contents.tags(typed)
    assert contents.tags("、".join(tags)) == tags
    assert len(tags) <= contents.TAGS_MAX


@pytest.mark.parametrize(
    ("sent", "refused", "usual", "why"),
    [
        (0, 0, 0.0, None),
        (199, 3, 0.0, None),  # too few to tell
        (200, 1, 0.0, None),  # 0.5 % is not over 0.5 %
        (200, 2, 0.0, "over_bar"),
        (1000, 5, 0.0, None),
        (1000, 6, 0.0, "over_bar"),
        (1000, 4, 0.001, "over_median"),
        (1000, 3, 0.001, None),
        (1000, 3, 0.0, None),  # nothing is usual yet
    ],
)
def test_a_theme_alarms_above_half_a_percent_or_three_times_the_usual(
    sent: int, refused: int, usual: float, why: str | None
) -> None:
    assert contents.alarm(Figures(sent, 0, refused), usual=usual) == why


def test_the_usual_refusal_is_the_median_of_mails_that_went_out_often_enough() -> None:
    figures = [Figures(1000, 0, 1), Figures(1000, 0, 3), Figures(1000, 0, 9), Figures(10, 0, 10)]
    assert contents.usual_refusal(figures) == 0.003
    assert contents.usual_refusal([Figures(10, 0, 1)]) == 0.0


def test_figures_of_a_theme_add_up() -> None:
    assert contents.total([Figures(1, 2, 3), Figures(10, 20, 30)]) == Figures(11, 22, 33)


def test_the_mix_names_each_kind_with_its_share() -> None:
    found = contents.mix(["industry", "product", "industry", "case_study"])
    assert found == (("industry", 2, 0.5), ("case_study", 1, 0.25), ("product", 1, 0.25))
    assert contents.mix([]) == ()


def test_every_status_leads_somewhere() -> None:
    assert all(any(contents.may_become(status, other) for other in Status) for status in Status)
