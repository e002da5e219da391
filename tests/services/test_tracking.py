"""Catalogues: drafted by talks, edited by field, owned by somebody, told of when stale."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.touchpoints import Kind
from campaigns.rules.tracking import FieldError
from campaigns.services import (
    ask_introduction,
    draft_catalogues,
    edit_catalogue,
    nominate,
    record_touch,
    tell_stale,
)
from campaigns.services.edit_catalogue import NotYours, Stale
from campaigns.services.nominate import NominationError
from campaigns.storage import catalogue_columns, catalogues
from campaigns.storage.users import User
from tests.services import tracked_house
from tests.services.tracked_house import TrackedHouse


@pytest.fixture
def house(parts: Parts, now: datetime) -> TrackedHouse:
    return tracked_house.build(parts, now)


def save(house: TrackedHouse, field: str, *, version: int = 0, user: object = None, **form: object) -> None:
    edit_catalogue.save(
        house.parts,
        house.catalogue_id,
        field,
        {name: str(value) for name, value in form.items()},
        version=version,
        user=user or house.owner,  # type: ignore[arg-type]
        now=house.now,
    )


def test_a_talk_at_a_booth_drafts_one_catalogue_with_a_sheet_of_its_product(house: TrackedHouse) -> None:
    found = house.catalogue()
    assert found.is_draft
    assert (house.sheet().product_id, house.sheet().stage) == (house.product_id, "assignment")
    record_touch.run(
        house.parts,
        person_id=house.boss_id,
        kind=Kind.VISIT,
        at=house.now,
        key="v",
        user_id=None,
        now=house.now,
    )
    assert len(house.rows("select 1 from catalogues")) == 1


def test_a_scanned_badge_drafts_nothing(parts: Parts, now: datetime) -> None:
    from tests.services.world import World

    met = World.build(parts, now)
    person = met.person()
    record_touch.run(parts, person_id=person, kind=Kind.BADGE_SCAN, at=now, key="b", user_id=None, now=now)
    assert not met.rows("select 1 from catalogues")


def test_drafting_twice_makes_one_and_says_touched_now(house: TrackedHouse) -> None:
    later = house.now + timedelta(days=20)
    with house.parts.engine.begin() as tx:
        assert draft_catalogues.for_companies(tx, [house.company_id], now=later) == 0
    assert house.catalogue().touched_at == later


def test_a_field_keeps_who_changed_it_and_when(house: TrackedHouse) -> None:
    save(house, "budget", budget_min_yen="1,500万円", budget_max_yen="2,200万円")
    found = house.catalogue()
    assert (found.budget_min_yen, found.budget_max_yen, found.is_draft) == (15_000_000, 22_000_000, False)
    assert (found.mark("budget").version, found.mark("budget").by, found.mark("budget").at) == (
        1,
        "森下 健",
        house.now,
    )
    assert found.mark("profile").at is None


def test_two_people_may_change_different_fields_but_not_the_same_one(house: TrackedHouse) -> None:
    save(house, "profile", profile="検査装置の会社")
    save(house, "culture", culture="現場主義", user=house.manager)
    with pytest.raises(Stale) as caught:
        save(house, "profile", profile="別の話", user=house.manager)
    assert caught.value.current.profile == "検査装置の会社"
    assert house.catalogue().profile == "検査装置の会社"
    save(house, "profile", version=1, profile="別の話", user=house.manager)
    assert house.catalogue().mark("profile").by == "野村 誠"


def test_only_the_owner_and_who_leads_sales_edit(house: TrackedHouse) -> None:
    with pytest.raises(NotYours):
        save(house, "profile", profile="x", user=house.colleague)
    assert house.catalogue().profile == ""


def test_a_decider_works_there_and_gets_the_role(house: TrackedHouse) -> None:
    save(house, "decider", decider_id=house.boss_id)
    assert house.catalogue().decider_id == house.boss_id
    [row] = house.rows("select buying_role from affiliations where person_id = :p", p=house.boss_id)
    assert row.buying_role == "決裁"
    with pytest.raises(FieldError):
        save(house, "contact", contact_id=999_999)


def test_every_state_of_the_ringi_stays_in_its_log(house: TrackedHouse) -> None:
    for version, state in enumerate(("preparing", "circulating", "sent_back", "approved")):
        save(house, "ringi", version=version, ringi_state=state, ringi_route="部長会議")
    states = [row.state for row in house.rows("select state from ringi_log order by id")]
    assert states == ["preparing", "circulating", "sent_back", "approved"]


def test_a_feared_rival_is_told_to_the_manager_once_with_a_visit(house: TrackedHouse) -> None:
    save(house, "contact", contact_id=house.contact_id)
    save(house, "rival_risk", rival_risk="mid")
    visits = house.rows("select person_id from tasks where kind = 'visit' and cause = 'rival_risk'")
    told = house.rows("select 1 from alerts where user_id = :u and kind like '%rival%'", u=house.manager.id)
    assert (len(visits), len(told)) == (1, 1)
    save(house, "rival_risk", version=1, rival_risk="high")
    assert (
        len(house.rows("select 1 from alerts where user_id = :u and kind like '%rival%'", u=house.manager.id))
        == 1
    )


def test_a_field_of_ones_own_is_added_changed_and_taken_away(house: TrackedHouse) -> None:
    def extra(id: int | None, value: str, version: int = 0) -> None:
        edit_catalogue.save_extra(
            house.parts,
            house.catalogue_id,
            id,
            label="工場の数",
            value=value,
            version=version,
            user=house.owner,
            now=house.now,
        )

    extra(None, "2")
    [row] = house.rows("select id, version from catalogue_extras")
    extra(row.id, "3", row.version)
    with pytest.raises(Stale):
        extra(row.id, "4", row.version)
    assert [one.value for one in house.rows("select value from catalogue_extras")] == ["3"]
    with pytest.raises(FieldError, match="value_missing"):
        extra(row.id, " ", 2)
    with pytest.raises(FieldError):
        edit_catalogue.save_extra(
            house.parts,
            house.catalogue_id,
            None,
            label=" ",
            value="x",
            version=0,
            user=house.owner,
            now=house.now,
        )


def test_what_an_own_field_held_stays_in_the_log_when_it_is_changed_or_taken_away(
    house: TrackedHouse,
) -> None:
    def extra(id: int | None, value: str, version: int) -> None:
        edit_catalogue.save_extra(
            house.parts,
            house.catalogue_id,
            id,
            label="工場の数",
            value=value,
            version=version,
            user=house.owner,
            now=house.now,
        )

    extra(None, "2", 0)
    [row] = house.rows("select id, version from catalogue_extras")
    extra(row.id, "3", row.version)
    with pytest.raises(Stale):
        edit_catalogue.drop_extra(
            house.parts, house.catalogue_id, row.id, version=1, user=house.owner, now=house.now
        )
    gone = edit_catalogue.drop_extra(
        house.parts, house.catalogue_id, row.id, version=2, user=house.owner, now=house.now
    )
    assert not house.rows("select 1 from catalogue_extras")
    with house.parts.engine.connect() as tx:
        assert catalogues.gone_extra(tx, house.catalogue_id, gone) == ("工場の数", "3")
    kept = house.rows("select old, new from audit_values where field = '工場の数' order by id")
    assert [tuple(one) for one in kept] == [(None, "2"), ("2", "3"), ("3", None)]


def name(house: TrackedHouse, who: User, by: User) -> tuple[str, bool]:
    found = nominate.run(house.parts, house.catalogue_id, nominee_id=who.id, by=by, now=house.now)
    return found.mode.value, found.waits


def answer(house: TrackedHouse, user: User, *, accepts: bool = True) -> None:
    nominate.answer(house.parts, house.catalogue_id, accepts=accepts, user=user, now=house.now)


def owners(house: TrackedHouse) -> list[tuple[str, str]]:
    rows = house.rows("select mode, state from catalogue_owners order by id")
    return [(row.mode, row.state) for row in rows]


def told(house: TrackedHouse, kind: str) -> set[int]:
    return {row.user_id for row in house.rows("select user_id from alerts where kind = :kind", kind=kind)}


def test_a_colleagues_nomination_waits_for_the_answer_and_a_managers_does_not(house: TrackedHouse) -> None:
    assert name(house, house.colleague, house.owner) == ("peer", True)
    assert house.catalogue().owner_user_id == house.owner.id
    with pytest.raises(NominationError, match="taken"):
        name(house, house.manager, house.owner)
    with pytest.raises(NominationError, match="answered"):
        answer(house, house.manager)
    answer(house, house.colleague)
    assert (house.catalogue().owner_user_id, house.catalogue().owner_mode) == (house.colleague.id, "peer")
    assert name(house, house.owner, house.manager) == ("manager", False)
    assert name(house, house.manager, house.manager) == ("self", False)
    assert owners(house) == [("peer", "ended"), ("manager", "ended"), ("self", "stands")]


def test_whoever_wishes_to_follow_a_colleagues_company_waits_for_that_colleague(house: TrackedHouse) -> None:
    assert name(house, house.colleague, house.colleague) == ("self", True)
    assert house.catalogue().owner_user_id == house.owner.id
    assert told(house, "catalogue_wished") == {house.owner.id}
    with pytest.raises(NominationError, match="answered"):
        answer(house, house.colleague)
    answer(house, house.owner, accepts=False)
    assert house.catalogue().owner_user_id == house.owner.id
    assert told(house, "catalogue_kept") == {house.colleague.id}
    name(house, house.colleague, house.colleague)
    answer(house, house.manager)
    assert (house.catalogue().owner_user_id, house.catalogue().owner_mode) == (house.colleague.id, "self")
    assert told(house, "catalogue_given") == {house.colleague.id}
    assert told(house, "catalogue_taken") == {house.owner.id}
    assert owners(house) == [("self", "declined"), ("self", "stands")]


@pytest.mark.parametrize(
    "change",
    ["update catalogues set owner_user_id = null", "update users set is_active = false where id = {}"],
)
def test_a_company_that_nobody_follows_any_more_is_taken_at_once(house: TrackedHouse, change: str) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(change.format(house.owner.id))
    assert house.catalogue().owner == ""
    assert name(house, house.colleague, house.colleague) == ("self", False)
    assert house.catalogue().owner == house.colleague.name


def test_only_sales_may_follow_a_company(house: TrackedHouse) -> None:
    marketer = tracked_house.user(house.parts, "本田 里奈", "marketer", now=house.now)
    for by in (marketer, house.owner, house.manager):
        with pytest.raises(NominationError, match="not_sales"):
            name(house, marketer, by)


def test_the_stale_catalogues_of_who_has_left_are_told_to_the_manager(house: TrackedHouse) -> None:
    with house.parts.engine.begin() as tx:
        tx.exec_driver_sql(f"update users set is_active = false where id = {house.owner.id}")
    assert tell_stale.run(house.parts, now=house.now + timedelta(days=15)) == 1
    assert told(house, "catalogues_stale") == {house.manager.id}


def test_a_declined_nomination_changes_nothing_and_tells_who_nominated(house: TrackedHouse) -> None:
    nominate.run(
        house.parts, house.catalogue_id, nominee_id=house.colleague.id, by=house.owner, now=house.now
    )
    nominate.answer(house.parts, house.catalogue_id, accepts=False, user=house.colleague, now=house.now)
    assert house.catalogue().owner_user_id == house.owner.id
    assert house.rows(
        "select 1 from alerts where kind = 'catalogue_declined' and user_id = :u", u=house.owner.id
    )


def test_owner_and_manager_hear_of_a_stale_catalogue_once_a_week(house: TrackedHouse) -> None:
    def told() -> int:
        return len(house.rows("select 1 from alerts where kind = 'catalogues_stale'"))

    assert tell_stale.run(house.parts, now=house.now + timedelta(days=14)) == 0
    late = house.now + timedelta(days=14, minutes=1)
    assert tell_stale.run(house.parts, now=late) == 2
    assert tell_stale.run(house.parts, now=late + timedelta(days=1)) == 0
    assert told() == 2
    assert tell_stale.run(house.parts, now=late + timedelta(days=7)) == 2
    mails = house.rows("select 1 from deliveries where origin like 'tx:catalogues_stale:%'")
    assert len(mails) == 4


def test_a_talk_is_news_even_if_nobody_wrote(house: TrackedHouse) -> None:
    late = house.now + timedelta(days=20)
    record_touch.run(
        house.parts,
        person_id=house.contact_id,
        kind=Kind.CALL_CONNECTED,
        at=late - timedelta(days=1),
        key="c",
        user_id=None,
        now=late,
    )
    assert tell_stale.run(house.parts, now=late) == 0


def test_an_introduction_is_asked_of_who_is_known_once(house: TrackedHouse) -> None:
    def ask(role: str) -> bool:
        return ask_introduction.run(
            house.parts, house.catalogue_id, role=role, user=house.owner, now=house.now
        ).is_new

    assert [ask("決裁"), ask("決裁")] == [True, False]
    [task] = house.rows("select person_id, assignee_id, note from tasks where kind = 'intro'")
    assert (task.assignee_id, task.note) == (house.owner.id, "決裁")
    with house.parts.engine.begin() as tx:
        tx.execute(text("update tasks set note = '決裁\n来月の会議で' where kind = 'intro'"))
    assert [ask("購買"), ask("購買")] == [True, False]
    [task] = house.rows("select note from tasks where kind = 'intro'")
    assert task.note == "決裁・購買\n来月の会議で"


def test_the_columns_of_a_call_list_name_the_stage_that_went_furthest(house: TrackedHouse) -> None:
    save(house, "expected", expected_month="2027-04", certainty="high")
    save(house, "competitors", competitors="光星テック")
    with house.parts.engine.connect() as tx:
        found = catalogue_columns.of_companies(tx, [house.company_id, 999])
    assert set(found) == {house.company_id}
    one = found[house.company_id]
    assert (one.stage, one.stages, one.expected_month) == (
        "assignment",
        {house.product_id: "assignment"},
        2027 * 12 + 3,
    )
    assert (one.certainty, one.competitors, one.decider) == ("high", "光星テック", "")
