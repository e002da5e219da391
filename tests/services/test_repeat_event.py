"""Events of every month: made once by the night's work, with the draft of their invitation (S0-26)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from campaigns import jobs
from campaigns.parts import Parts
from campaigns.rules.events import Cost
from campaigns.rules.recurring import Recurrence
from campaigns.services import add_event, repeat_event
from campaigns.services.author import Stale
from campaigns.services.catalogue import Invalid
from campaigns.storage.event_series import Template
from tests.services import event_house
from tests.services.event_house import SHOW, House

COSTS = (Cost("会場", 120_000), Cost("軽食", 30_000))


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    return event_house.build(parts, now, event=replace(SHOW, costs=COSTS, capacity=20, owner_user_id=2))


def template(house: House, **changed: object) -> Template:
    event = add_event.find(house.parts, house.event)
    return replace(repeat_event.from_event(event), product_id=house.world.product, **changed)  # type: ignore[arg-type]


def made(house: House) -> list[tuple[str, date]]:
    rows = house.rows(
        "select name, starts_on from events where series_month is not null order by series_month"
    )
    return [tuple(row) for row in rows]


def test_next_months_event_is_a_copy_with_its_own_invitation(house: House) -> None:
    # The first one is held in December: January's comes in December.
    repeat_event.start(house.parts, house.event, template(house), user_id=1, now=house.now)
    assert made(house) == [("浜松工場 個展", date(2026, 12, 17))]
    december = datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert repeat_event.run(house.parts, now=december) == 1
    event = house.rows("select * from events order by id desc limit 1")[0]
    assert (event.name, event.starts_on, event.apply_by) == (
        "浜松工場 個展 2027年1月", date(2027, 1, 21), date(2027, 1, 19),
    )  # fmt: skip
    assert (event.cost_yen, event.capacity, event.owner_user_id, event.venue) == (150_000, 20, 2, "浜松工場")
    row = house.rows(
        "select b.state, b.send_on, s.name, st.kind, st.event_id from broadcasts b join scenarios s on"
        " s.id = b.scenario_id join scenario_versions v on v.scenario_id = s.id join steps st on st.version_id = v.id"
    )[0]
    assert tuple(row) == ("draft", date(2026, 12, 28), "浜松工場 個展 2027年1月 ご案内", "invite", event.id)
    alerts = house.rows("select user_id, kind from alerts")
    assert [tuple(one) for one in alerts] == [(2, "event_made_invited")]


def test_a_month_has_its_event_once_however_often_and_at_once_the_night_works(house: House) -> None:
    repeat_event.start(house.parts, house.event, template(house), user_id=1, now=house.now)
    december = datetime(2026, 12, 1, 1, tzinfo=UTC)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _n: repeat_event.run(house.parts, now=december), range(4)))
    jobs.JOBS["nightly"](house.parts, december)
    assert sum(found) == 1
    assert len(made(house)) == 2
    assert len(house.rows("select 1 from broadcasts")) == 1


def test_a_closed_day_is_moved_and_each_month_gets_its_own_mail(house: House) -> None:
    second_wednesday = template(house, recurrence=Recurrence("weekday", 2, 2))
    repeat_event.start(house.parts, house.event, second_wednesday, user_id=1, now=house.now)
    house.run(
        "insert into closed_days (day, kind, note, created_at) values ('2027-01-13', 'closed', '棚卸', now())"
    )
    for month in (12, 1):
        at = datetime(2026 if month == 12 else 2027, month, 1, 1, tzinfo=UTC)
        repeat_event.run(house.parts, now=at)
    assert [day for _name, day in made(house)[1:]] == [date(2027, 1, 14), date(2027, 2, 10)]
    contents = house.rows("select distinct st.content_id from steps st where st.kind = 'invite'")
    assert len(contents) == 2


def test_stopping_makes_no_more_and_going_on_makes_up_for_next_month(house: House) -> None:
    id = repeat_event.start(house.parts, house.event, template(house), user_id=1, now=house.now)
    repeat_event.stop(house.parts, id, is_stopped=True, user_id=1, now=house.now)
    december = datetime(2026, 12, 1, 1, tzinfo=UTC)
    assert repeat_event.run(house.parts, now=december) == 0
    assert len(made(house)) == 1
    repeat_event.stop(house.parts, id, is_stopped=False, user_id=1, now=december)
    assert len(made(house)) == 2


def test_a_series_without_product_makes_events_alone(house: House) -> None:
    alone = replace(template(house), product_id=None)
    repeat_event.start(house.parts, house.event, alone, user_id=1, now=house.now)
    assert repeat_event.run(house.parts, now=datetime(2026, 12, 1, 1, tzinfo=UTC)) == 1
    assert house.rows("select 1 from broadcasts") == []
    assert [row.kind for row in house.rows("select kind from alerts")] == ["event_made"]


def test_changes_hold_from_the_next_one_on_and_two_who_save_see_each_other(house: House) -> None:
    id = repeat_event.start(house.parts, house.event, template(house), user_id=1, now=house.now)
    changed = template(house, venue="本社")
    repeat_event.change(house.parts, id, changed, version=1, user_id=1, now=house.now)
    with pytest.raises(Stale):
        repeat_event.change(house.parts, id, changed, version=1, user_id=2, now=house.now)
    repeat_event.run(house.parts, now=datetime(2026, 12, 1, 1, tzinfo=UTC))
    assert [row.venue for row in house.rows("select venue from events order by id")] == ["浜松工場", "本社"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"recurrence": Recurrence("day", day=40)}, "day"),
        ({"apply_days": -1}, "apply_days"),
        ({"invite_days": 500}, "invite_days"),
        ({"invite_days": 29}, "invite_days"),  # of the first of March no night is early enough
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(
    house: House, changed: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as error:
        repeat_event.start(house.parts, house.event, template(house, **changed), user_id=1, now=house.now)
    assert set(error.value.errors) == {field}
    assert house.rows("select 1 from event_series") == []


def test_the_month_in_the_name_speaks_the_language_of_who_is_in_charge(house: House) -> None:
    house.run("update users set locale = 'en' where id = 1")
    wanted = template(house, name="Factory show", owner_user_id=1)
    repeat_event.start(house.parts, house.event, wanted, user_id=1, now=house.now)
    repeat_event.run(house.parts, now=datetime(2026, 12, 1, 1, tzinfo=UTC))
    assert made(house)[-1][0] == "Factory show, January 2027"
