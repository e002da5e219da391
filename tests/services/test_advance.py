"""People on their way through a flow: branches, waits, tasks, the evergreen shelf, and the owner's yes."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import enrol, plan, self_audit
from campaigns.storage import advancing, overdue, waiting
from tests import world

MORNING = datetime(2026, 11, 19, 21, 1, tzinfo=UTC)  # 06:01 of 20 November in Tokyo


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query), values)]


def flow(parts: Parts, *steps: dict[str, object], company_class: str = "E") -> world.World:
    """One person in a scenario of these rows; a row of kind mail gets its content and its frozen mail."""
    with parts.engine.begin() as tx:
        product = world.product(tx)
        number, version, _ = world.scenario(tx, product, offsets=())
        contents = []
        for place, step in enumerate(steps, 1):
            values: dict[str, object] = {"key": f"K{place}", "want_day": 25, **step}
            if step["kind"] == "mail":
                content = world.insert(
                    tx,
                    "contents",
                    title=f"便り{place}",
                    kind="case_study",
                    product_id=product,
                    created_at=MORNING,
                )
                contents.append(content)
                values["content_id"] = content
                world.published_mail(tx, content, version, str(values["key"]))
            world.insert(tx, "steps", version_id=version, position=place, **values)
        people = world.people(tx, parts, 1, product=product)
        tx.execute(text("update companies set class = :c"), {"c": company_class})
        tx.execute(text("update scenarios set classes = '{A,B,C1,C2,D,E,-}'"))
    return world.World(product, number, version, tuple(contents), people)


def go(parts: Parts, *days: int) -> None:
    """Plan on these days after the morning."""
    for day in days:
        plan.run(parts, now=MORNING + timedelta(days=day))


MAIL: dict[str, object] = {"kind": "mail"}
BRANCH: dict[str, object] = {
    "kind": "branch",
    "wait_days": 7,
    "condition": {"on": "clicked", "of": "", "values": []},
}


def click(parts: Parts, person: int, at: datetime) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into touchpoints (source_key, person_id, kind, channel, depth, at, delivery_id, created_at)"
                " select 'c', :person, 'mail_click', 'online', 2, :at, min(id), :at from deliveries"
            ),
            {"person": person, "at": at},
        )
        advancing.look_again(tx, [person], today=at.date())


def branching(parts: Parts) -> world.World:
    return flow(
        parts,
        MAIL,
        BRANCH,
        {"kind": "call", "parent_key": "K2", "arm": "yes", "title": "お礼の電話", "due_days": 2},
        {"kind": "mail", "parent_key": "K2", "arm": "else", "offset_months": 1},
        {"kind": "mail", "offset_months": 2},
    )


def test_a_click_leads_to_the_call_of_the_yes_arm_and_on_to_the_next_mail(parts: Parts) -> None:
    made = branching(parts)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0)
    assert rows(parts, "select position, due_on from enrollments") == [(2, date(2026, 11, 26))]
    go(parts, 6)
    assert rows(parts, "select position from enrollments") == [(2,)], "it watches"
    with parts.engine.begin() as tx:
        tx.execute(text("update product_leads set rank = 'warm'"))
    click(parts, made.people[0], MORNING + timedelta(days=7))
    go(parts, 8)
    assert rows(parts, "select kind, note, step_key, state from tasks") == [
        ("call", "お礼の電話", "K3", "open")
    ]
    assert rows(parts, "select position, status from enrollments") == [(5, "active")]


def test_without_a_click_the_else_arm_takes_over_when_the_days_are_gone(parts: Parts) -> None:
    made = branching(parts)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0, 6, 12, 14)
    assert rows(parts, "select position, status from enrollments") == [(4, "active")]
    assert rows(parts, "select count(*) from tasks") == [(0,)]
    found = self_audit.run(parts, now=MORNING + timedelta(days=14)).found
    assert found["unseen"] == found["forgotten"] == 0


def test_a_wait_holds_the_person_for_its_days(parts: Parts) -> None:
    made = flow(parts, MAIL, {"kind": "wait", "wait_days": 10}, {"kind": "fax", "title": "資料"})
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0, 6, 10)
    assert rows(parts, "select status, due_on from enrollments") == [("active", date(2026, 12, 5))]
    go(parts, 15)
    assert rows(parts, "select status, reason from enrollments") == [("done", "finished")]
    assert rows(parts, "select kind from tasks") == [("fax",)]


def test_a_scenario_may_begin_with_a_task(parts: Parts) -> None:
    made = flow(parts, {"kind": "fax", "title": "ご挨拶"}, MAIL)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0)
    assert rows(parts, "select kind from tasks") == [("fax",)]
    assert world.states(parts) == {"planned": 1}


def evergreen(parts: Parts, made: world.World, n: int) -> None:
    with parts.engine.begin() as tx:
        for place in range(n):
            content = world.insert(
                tx,
                "contents",
                title=f"棚{place}",
                kind="general",
                product_id=made.product,
                is_evergreen=True,
                created_at=MORNING,
            )
            world.insert(
                tx,
                "published_mails",
                content_id=content,
                step_key="shelf",
                subject="棚",
                published_at=MORNING,
            )


def test_the_shelf_gives_the_next_unseen_content_every_month_while_there_is_one(parts: Parts) -> None:
    made = flow(parts, MAIL, {"kind": "shelf", "want_day": 10})
    evergreen(parts, made, 2)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, *range(0, 260, 5))
    found = rows(
        parts, "select origin, month - :m, published_mail_id is not null from deliveries order by id", m=24322
    )
    assert found == [
        ("enr:1/K1/round:1", 0, True),
        ("enr:1/K2/round:1", 1, True),
        ("enr:1/K2/round:2", 2, True),
    ]
    with parts.engine.connect() as tx:
        assert [one.reason for one in waiting.counts(tx)] == ["shelf_empty"]


def put_back(parts: Parts, which: str) -> None:
    with parts.engine.begin() as tx:
        ids = list(
            tx.execute(text(f"select id from deliveries where state = 'planned' and {which}")).scalars()
        )
        today = (MORNING + timedelta(days=60)).date()
        overdue.put_back(tx, ids, reason="day_passed", now=MORNING, today=today, zone=parts.settings.zone)


def test_a_shelf_mail_that_is_put_back_is_the_next_one_again_in_its_round(parts: Parts) -> None:
    made = flow(parts, MAIL, {"kind": "shelf", "want_day": 10})
    evergreen(parts, made, 3)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, *range(0, 25, 5))
    assert rows(parts, "select round, due_month - 24322 from enrollments") == [(2, 2)]
    with parts.engine.begin() as tx:
        tx.execute(text("update deliveries set state = 'sent', sent_at = send_at where step_key = 'K1'"))
    put_back(parts, "step_key = 'K2'")
    assert rows(parts, "select position, round, due_month - 24322 from enrollments") == [(2, 1, 1)]
    go(parts, 60)
    found = rows(parts, "select origin, state from deliveries where step_key = 'K2'")
    assert found == [("enr:1/K2/round:1", "planned")]
    assert rows(parts, "select position, round from enrollments") == [(2, 2)]
    assert self_audit.run(parts, now=MORNING + timedelta(days=60)).is_sound


def test_a_row_put_back_together_with_the_shelf_mail_after_it_comes_first_again(parts: Parts) -> None:
    made = flow(parts, MAIL, {"kind": "shelf", "want_day": 10})
    evergreen(parts, made, 3)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, *range(0, 25, 5))
    put_back(parts, "true")
    assert rows(parts, "select position, round from enrollments") == [(1, 1)]
    go(parts, *range(60, 100, 5))
    assert rows(parts, "select origin, state from deliveries order by id") == [
        ("enr:1/K1/round:1", "planned"),
        ("enr:1/K2/round:1", "planned"),
    ]


def test_a_shelf_mail_put_back_after_a_later_one_went_is_not_told_out_of_turn(parts: Parts) -> None:
    made = flow(parts, MAIL, {"kind": "shelf", "want_day": 10})
    evergreen(parts, made, 3)
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, *range(0, 70, 5))
    with parts.engine.begin() as tx:
        tx.execute(
            text("update deliveries set state = 'sent', sent_at = send_at where origin like '%round:2'")
        )
    put_back(parts, "origin = 'enr:1/K2/round:1'")
    assert rows(parts, "select state, reason from deliveries where origin = 'enr:1/K2/round:1'") == [
        ("cancelled", "overtaken")
    ]
    assert rows(parts, "select round from enrollments") == [(3,)]


def test_people_of_a_field_customer_wait_for_the_owner_and_their_mails_are_seen_two_days_ahead(
    parts: Parts,
) -> None:
    made = flow(parts, {"kind": "mail", "want_day": 20}, company_class="A")
    assert enrol.audience(parts, made.scenario, now=MORNING) == 0
    assert rows(parts, "select status from enrollments") == [("asked",)]
    go(parts, 0)
    assert world.states(parts) == {}
    with parts.engine.begin() as tx:
        user = world.insert(tx, "users", email="o@minori.example", created_at=MORNING)
    assert enrol.answer(parts, [1], yes=True, user_id=user, now=MORNING) == 1
    assert enrol.answer(parts, [1], yes=False, user_id=user, now=MORNING) == 0, "answered once"
    go(parts, 0)
    ((send_at,),) = rows(parts, "select send_at from deliveries")
    assert send_at.astimezone(parts.settings.tz).date() == date(2026, 11, 25)  # type: ignore[attr-defined]


def test_an_owners_no_ends_it(parts: Parts) -> None:
    made = flow(parts, MAIL, company_class="C2")
    enrol.audience(parts, made.scenario, now=MORNING)
    with parts.engine.begin() as tx:
        user = world.insert(tx, "users", email="o@minori.example", created_at=MORNING)
    enrol.answer(parts, [1], yes=False, user_id=user, now=MORNING)
    go(parts, 0)
    assert rows(parts, "select status, reason from enrollments") == [("stopped", "owner_no")]
    assert world.states(parts) == {}


def test_only_those_who_fit_the_conditions_of_the_audience_take_part(parts: Parts) -> None:
    made = flow(parts, MAIL)
    with parts.engine.begin() as tx:
        tx.execute(
            text("update scenarios set audience = cast(:a as jsonb)"),
            {"a": json.dumps({"industries": ["食品"], "bands": [], "roles": [], "ranks": []})},
        )
    assert enrol.audience(parts, made.scenario, now=MORNING) == 0
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set industry = '食品'"))
    assert enrol.audience(parts, made.scenario, now=MORNING) == 1


def ranked(parts: Parts, old: str, new: str, at: datetime) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into rank_changes (lead_id, at, old, new, score, p_win)"
                " select id, :at, :old, :new, 0, 0 from product_leads"
            ),
            {"at": at, "old": old, "new": new},
        )


def test_a_rank_that_rose_since_the_mail_is_seen_within_three_days_though_nobody_touched(
    parts: Parts,
) -> None:
    rose = {**BRANCH, "wait_days": 30, "condition": {"on": "rank_rose", "of": "", "values": []}}
    made = flow(
        parts,
        MAIL,
        rose,
        {"kind": "fax", "parent_key": "K2", "arm": "yes", "title": "資料"},
        {"kind": "mail", "parent_key": "K2", "arm": "else", "offset_months": 3},
    )
    enrol.audience(parts, made.scenario, now=MORNING)
    go(parts, 0)
    ranked(parts, "warm", "hot", MORNING + timedelta(days=2))  # before the mail of the 25th
    ranked(parts, "hot", "warm", MORNING + timedelta(days=7))
    go(parts, *range(1, 10))
    assert rows(parts, "select position from enrollments") == [(2,)], "it fell, and rose before the mail"
    ranked(parts, "unobserved", "nurture", MORNING + timedelta(days=10))
    go(parts, *range(10, 14))
    assert rows(parts, "select kind from tasks") == [("fax",)]
