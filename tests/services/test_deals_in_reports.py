"""An order that a rep brought counts as one of a hand-off does: on the home page, in the overview, in the funnel."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns.parts import Parts
from campaigns.services import pursue
from campaigns.services.pursue import About
from campaigns.storage import activity_report, funnel_report
from tests.conftest import NOW
from tests.services.test_hand_over import FORM, close
from tests.services.world import World

SPAN = {"since": NOW - timedelta(days=40), "until": NOW + timedelta(days=1), "zone": "Asia/Tokyo"}


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def test_an_order_brought_by_hand_is_counted_once_everywhere(world: World) -> None:
    person = world.person()
    about = About(world.press_id, None, person)
    deal = pursue.by_hand(world.parts, about, FORM, owner_user_id=None, user_id=world.owner_id, now=NOW)
    close(world, deal, result="won", amount_yen="100万円")
    with world.parts.engine.connect() as tx:
        happened = activity_report.count(tx, days=24, **SPAN)  # type: ignore[arg-type]
        entered = funnel_report.entered(tx, **SPAN)  # type: ignore[arg-type]
        reached = funnel_report.count(tx, **SPAN)  # type: ignore[arg-type]
    assert [(one.product_id, one.figures["all"]) for one in happened if one.name == "won"] == [
        (world.press_id, 1)
    ]
    assert {one.product_id: one.figures["customer"] for one in entered} == {0: 1, world.press_id: 1}
    assert [one.figures["customer"] for one in reached] == [1]
