"""A refusal binds at once, whatever way it came, and nothing that was planned slips through."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import refusal_list, refuse, self_audit
from campaigns.services.refuse import RefuseError
from campaigns.storage.refusal_list import Wanted
from tests import world

SPOOL = Path("spool") / "unsubscribes.jsonl"


def value(parts: Parts, query: str, **values: object) -> object:
    with parts.engine.connect() as tx:
        return tx.execute(text(query), values).scalar()


def live(parts: Parts) -> set[tuple[str, int | None]]:
    with parts.engine.connect() as tx:
        rows = tx.execute(text("select scope, product_id from suppressions where lifted_at is null"))
        return {(row[0], row[1]) for row in rows}


def second_product(parts: Parts, made: world.World, now: datetime) -> tuple[int, int]:
    """Another product with a planned mail for the first person next month: (product, delivery)."""
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機 VX-500", list_key="vx")
        number, version, contents = world.scenario(tx, other)
        person = made.people[0]
        world.insert(
            tx, "product_leads", person_id=person, product_id=other, state="nurturing", created_at=now
        )
        enrollment = world.insert(
            tx, "enrollments", person_id=person, product_id=other, scenario_id=number, version_id=version,
            start_month=1, due_month=1, created_at=now,
        )  # fmt: skip
        delivery = world.insert(
            tx, "deliveries", origin=f"enr:{enrollment}/K1/round:1", person_id=person, address_id=1,
            product_id=other, enrollment_id=enrollment, content_id=contents[0], step_key="K1", month=24323,
            send_at=now + timedelta(days=31), state="planned", created_at=now,
        )  # fmt: skip
        tx.execute(
            text(
                "insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)"
                " values (:person, 1, :product, 24323, 1, :delivery)"
            ),
            {"person": person, "product": other, "delivery": delivery},
        )
    return other, delivery


def test_one_product_stops_and_the_other_still_comes(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=2)
    first, second = world.planned(parts, made, send_at=now)
    _, other = second_product(parts, made, now)
    done = refuse.record(parts, delivery_id=first, scope="product", reason="user_link", now=now)
    assert (done.is_new, done.stopped, done.product_id) == (True, 1, made.product)
    states = {
        id: value(parts, "select state from deliveries where id = :id", id=id)
        for id in (first, second, other)
    }
    assert states == {first: "suppressed", second: "planned", other: "planned"}
    assert value(parts, "select count(*) from mail_slots where delivery_id = :id", id=first) == 0
    enrolled = "select count(*) from enrollments where person_id = 1 and status = 'active'"
    assert value(parts, enrolled) == 1
    assert self_audit.run(parts, now=now).found["idle_slots"] == 0


def test_everything_stops_every_product_and_every_person_at_the_mailbox(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=2)
    ids = world.planned(parts, made, send_at=now)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set address_id = 1"))
        tx.execute(text("update deliveries set address_id = 1"))
    second_product(parts, made, now)
    done = refuse.record(parts, delivery_id=ids[0], scope="global", reason="reply", evidence="停止", now=now)
    assert done.stopped == 3
    assert world.states(parts) == {"suppressed": 3}
    assert value(parts, "select count(*) from enrollments where status <> 'stopped'") == 0


def test_the_stop_counter_moves_with_the_refusal_and_the_planner_looks_again(
    parts: Parts, now: datetime
) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    before = value(parts, "select n from stops")
    refuse.record(parts, delivery_id=ids[0], scope="product", reason="user_link", now=now)
    assert value(parts, "select n from stops") == before + 1  # type: ignore[operator]
    assert str(value(parts, "select plan_at from pace where person_id = 1")) == "2026-11-24"


def test_pressing_twice_is_one_refusal(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    first = refuse.record(parts, delivery_id=ids[0], scope="product", reason="user_link", now=now)
    again = refuse.record(parts, delivery_id=ids[0], scope="product", reason="one_click", now=now)
    assert (first.is_new, again.is_new) == (True, False)
    assert value(parts, "select count(*) from suppressions") == 1


def test_twenty_presses_at_the_same_moment_are_one_refusal(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    gate, failed = threading.Barrier(20), []

    def press() -> None:
        gate.wait()
        try:
            refuse.act_on(parts, delivery_id=ids[0], act="one_click", reason="one_click", now=now)
        except Exception as error:
            failed.append(error)

    crowd = [threading.Thread(target=press) for _ in range(20)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert failed == []
    assert live(parts) == {("product", made.product), ("new_products", None)}


def test_a_refusal_of_an_unknown_address_outlives_until_its_import(parts: Parts, now: datetime) -> None:
    done = refuse.record(
        parts, email=" ＵＮＫＮＯＷＮ@nowhere.example ", scope="global", reason="phone", now=now
    )
    assert done.is_new
    hashed = value(parts, "select key_hash from suppressions")
    assert hashed == parts.key_hash("unknown@nowhere.example")
    lines, total = refusal_list.find(parts, Wanted(q="Unknown@Nowhere.example"), page=1, size=10)
    assert (total, lines[0].email) == (1, None)


def test_somebody_without_a_mailbox_can_refuse_too(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set address_id = null"))
    assert refuse.record(parts, person_id=made.people[0], scope="global", reason="phone", now=now).is_new
    assert value(parts, "select person_id from suppressions") == made.people[0]


def test_a_mail_without_a_product_is_unspecific(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    with parts.engine.begin() as tx:
        tx.execute(text("update deliveries set product_id = null"))
    assert (
        refuse.record(parts, delivery_id=ids[0], scope="product", reason="user_link", now=now).scope
        == "global"
    )


def test_undo_brings_back_what_the_press_took(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    refuse.act_on(parts, delivery_id=ids[0], act="one_click", reason="one_click", now=now)
    assert refuse.undo(parts, delivery_id=ids[0], of="product", now=now)
    assert live(parts) == set()
    assert value(parts, "select status from enrollments") == "active"
    assert not refuse.undo(parts, delivery_id=ids[0], of="product", now=now)


def test_undo_never_lifts_what_was_told_by_phone(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    refuse.record(parts, delivery_id=ids[0], scope="global", reason="phone", evidence="電話", now=now)
    assert not refuse.undo(parts, delivery_id=ids[0], of="global", now=now)
    assert live(parts) == {("global", None)}


def test_undo_of_one_product_leaves_the_refusal_of_another(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    other, delivery = second_product(parts, made, now)
    refuse.record(parts, delivery_id=ids[0], scope="product", reason="user_link", now=now)
    refuse.record(parts, delivery_id=delivery, scope="product", reason="user_link", now=now)
    refuse.undo(parts, delivery_id=ids[0], of="product", now=now)
    assert live(parts) == {("product", other)}


def test_less_often_is_a_preference_and_no_refusal(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    assert refuse.less_often(parts, delivery_id=ids[0], now=now)
    assert value(parts, "select every_months from addresses") == 2
    assert live(parts) == set()
    assert refuse.undo(parts, delivery_id=ids[0], of="less", now=now)
    assert value(parts, "select every_months from addresses") == 1


def test_an_unknown_mail_refuses_nothing(parts: Parts, now: datetime) -> None:
    with pytest.raises(RefuseError, match="nobody"):
        refuse.record(parts, delivery_id=999, scope="product", reason="user_link", now=now)
    assert value(parts, "select count(*) from suppressions") == 0


def test_every_refusal_stands_in_the_audit_log(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    refuse.record(parts, delivery_id=ids[0], scope="product", reason="user_link", now=now)
    refuse.undo(parts, delivery_id=ids[0], of="product", now=now)
    with parts.engine.connect() as tx:
        actions = [row.action for row in tx.execute(text("select action from audit_log order by id"))]
    assert actions == ["refused_product", "refusal_undone"]


def test_a_kept_wish_is_applied_with_its_own_time_before_the_next_mails(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=2)
    ids = world.planned(parts, made, send_at=now)
    refuse.spool(parts, delivery_id=ids[0], act="product", reason="user_link", now=now)
    refuse.spool(parts, delivery_id=ids[1], act="less", reason="user_link", now=now)
    assert refuse.spooled(parts) == 2
    assert refuse.drain(parts, now=now + timedelta(hours=2)) == 2
    assert (refuse.spooled(parts), refuse.drain(parts, now=now)) == (0, 0)
    assert value(parts, "select at from suppressions") == now
    assert world.states(parts) == {"suppressed": 1, "planned": 1}
    assert value(parts, "select every_months from addresses where id = 2") == 2


def test_a_torn_or_foreign_line_does_not_stop_the_others(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    path = parts.settings.folder / SPOOL
    path.parent.mkdir(parents=True)
    gone = json.dumps({"delivery_id": 999, "act": "product", "reason": "user_link", "at": now.isoformat()})
    path.write_bytes(
        b'{"delivery_id": 1, "act": "pro\n[1]\n"x"\n\xff\xfe\n' + gone.encode() + b'\n{"delivery_id"'
    )
    refuse.spool(parts, delivery_id=ids[0], act="product", reason="user_link", now=now)
    assert refuse.drain(parts, now=now) == 1
    assert live(parts) == {("product", made.product)}


def test_the_file_stays_while_the_database_is_away(parts: Parts, now: datetime) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    refuse.spool(parts, delivery_id=ids[0], act="global", reason="user_link", now=now)
    nowhere = create_engine(
        "postgresql+psycopg://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 1}
    )
    with pytest.raises(OperationalError):
        refuse.drain(replace(parts, engine=nowhere), now=now)
    assert refuse.spooled(parts) == 1
    assert refuse.drain(parts, now=now) == 1


def test_wishes_kept_by_many_at_once_are_all_applied(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=12)
    ids = world.planned(parts, made, send_at=now)
    done: list[int] = []

    def keep(id: int) -> None:
        refuse.spool(parts, delivery_id=id, act="product", reason="user_link", now=now)

    def drain() -> None:
        done.append(refuse.drain(parts, now=now))

    crowd = [threading.Thread(target=keep, args=(id,)) for id in ids]
    crowd[6:6] = [threading.Thread(target=drain) for _ in range(2)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    done.append(refuse.drain(parts, now=now))
    assert sum(done) == 12
    assert world.states(parts) == {"suppressed": 12}


def test_a_lift_needs_a_reason_and_brings_the_person_back(parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    ids = world.planned(parts, made, send_at=now)
    refuse.record(parts, delivery_id=ids[0], scope="product", reason="phone", evidence="x", now=now)
    with parts.engine.begin() as tx:
        world.insert(
            tx, "users", email="a@minori.example", name="管理者", role="admin", created_at=datetime.now(UTC)
        )
    with pytest.raises(RefuseError, match="evidence_missing"):
        refusal_list.lift(parts, 1, why="  ", user_id=1, now=now)
    assert live(parts) == {("product", made.product)}
    assert refusal_list.lift(parts, 1, why="本人から再開の依頼", user_id=1, now=now)
    assert not refusal_list.lift(parts, 1, why="もう一度", user_id=1, now=now)
    assert (live(parts), value(parts, "select status from enrollments")) == (set(), "active")
