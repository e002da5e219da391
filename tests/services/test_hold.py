"""Pause keeps, resume continues, stop ends: for a scenario, a product and everything."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import deliver, enrol, hold, plan, self_audit, settle_doubt
from campaigns.services.hold import EVERYTHING, HoldError, Kind, Target
from campaigns.storage import waiting
from mailer.transports import MemoryTransport
from tests import world
from tests.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(query), values)]


def run(parts: Parts, query: str, **values: object) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text(query), values)


def stops(parts: Parts) -> int:
    return int(str(rows(parts, "select n from stops")[0][0]))


def targets(made: World) -> dict[str, Target]:
    return {
        "all": EVERYTHING,
        "product": Target(Kind.PRODUCT, made.product),
        "scenario": Target(Kind.SCENARIO, made.scenario),
    }


@pytest.mark.parametrize("kind", ["all", "product", "scenario"])
def test_a_pause_keeps_every_mail_and_a_resume_sends_it(parts: Parts, kind: str) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=NOW)
    what, before = targets(made)[kind], stops(parts)
    assert hold.pause(parts, what, reason="件名の誤り", user_id=None, now=NOW)
    assert stops(parts) == before + 1
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select count(*) from deliveries where state = 'sent'") == [(0,)]
    plan.run(parts, now=NOW)
    assert rows(parts, "select count(*) from deliveries where state in ('planned', 'carried_over')") == [(3,)]
    assert [(one.kind, one.reason) for one in hold.held(parts)] == [(kind, "件名の誤り")]
    assert self_audit.run(parts, now=NOW).is_sound
    assert hold.resume(parts, what, user_id=None, now=NOW)
    assert stops(parts) == before + 2
    assert hold.held(parts) == ()
    plan.run(parts, now=NOW)
    run(parts, "update deliveries set send_at = :now where state = 'planned'", now=NOW)
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert world.states(parts) == {"sent": 3}
    assert self_audit.run(parts, now=NOW).is_sound


@pytest.mark.parametrize(("kind", "reason"), [("product", "product_paused"), ("scenario", "scenario_paused")])
def test_a_due_mail_of_what_is_paused_waits_with_its_reason_and_frees_the_month(
    parts: Parts, kind: str, reason: str
) -> None:
    """Also where the pause was cut off before it put the mail back."""
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    run(
        parts,
        "update products set is_paused = true"
        if kind == "product"
        else "update scenarios set status = 'paused'",
    )
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    assert rows(parts, "select state, reason from deliveries") == [("carried_over", reason)]
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    plan.run(parts, now=NOW)
    assert rows(parts, "select count(*) from mail_slots") == [(0,)], "nothing is planned while it is paused"


def rival(parts: Parts, made: World) -> int:
    """Another product that asks for the same person's month, with lower priority; its id."""
    with parts.engine.begin() as tx:
        other = world.product(tx, "計量ポンプ", list_key="pump", priority=9)
        scenario, *_ = world.scenario(tx, other, want_day=26)
        world.insert(
            tx, "product_leads", person_id=made.people[0], product_id=other, state="nurturing", created_at=NOW
        )
    enrol.audience(parts, scenario, now=NOW)
    return other


@pytest.mark.parametrize(("kind", "reason"), [("product", "product_paused"), ("scenario", "scenario_paused")])
def test_what_is_paused_gives_its_month_at_once_to_a_product_that_runs(
    parts: Parts, kind: str, reason: str
) -> None:
    made = world.build(parts, count=1)
    enrol.audience(parts, made.scenario, now=NOW)
    plan.run(parts, now=NOW)
    other = rival(parts, made)
    run(parts, "update pace set plan_at = '2026-11-24'")
    plan.run(parts, now=NOW)
    assert rows(parts, "select product_id from deliveries where state = 'planned'") == [(made.product,)]
    hold.pause(parts, targets(made)[kind], reason="", user_id=None, now=NOW)
    assert rows(parts, "select state, reason from deliveries") == [("carried_over", reason)]
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    assert rows(parts, "select count(*) from pace where next_free_on is not null") == [(0,)]
    plan.run(parts, now=NOW)
    assert rows(parts, "select product_id from deliveries where state = 'planned'") == [(other,)]
    assert self_audit.run(parts, now=NOW).is_sound
    hold.resume(parts, targets(made)[kind], user_id=None, now=NOW + timedelta(hours=1))
    for days in range(0, 40, 3):
        plan.run(parts, now=NOW + timedelta(days=days, hours=1))
    months = rows(
        parts, "select product_id, month - 24322 from deliveries where state = 'planned' order by 2"
    )
    assert months[0] == (other, 0)
    assert months[1] == (made.product, 1), "nothing is lost: its mail has the next month"
    assert self_audit.run(parts, now=NOW).is_sound


def test_nothing_is_promised_while_everything_is_paused_and_all_is_decided_after_it(parts: Parts) -> None:
    made = world.build(parts, count=2)
    enrol.audience(parts, made.scenario, now=NOW)
    hold.pause(parts, EVERYTHING, reason="", user_id=None, now=NOW)
    assert plan.run(parts, now=NOW).people == 0
    assert world.states(parts) == {}
    later = NOW + timedelta(days=40)
    assert plan.run(parts, now=later).people == 0
    assert self_audit.run(parts, now=later).is_sound
    hold.resume(parts, EVERYTHING, user_id=None, now=later)
    for days in (0, 20):
        plan.run(parts, now=later + timedelta(days=days))
    assert world.states(parts) == {"planned": 2}
    assert rows(parts, "select count(*) from deliveries where send_at < :now", now=later) == [(0,)]


def test_a_pause_pressed_again_puts_back_what_the_first_left(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    run(parts, "update scenarios set status = 'paused'")
    assert not hold.pause(parts, targets(made)["scenario"], reason="", user_id=None, now=NOW)
    assert world.states(parts) == {"carried_over": 1}


@pytest.mark.parametrize("kind", ["all", "product", "scenario"])
def test_a_stop_ends_what_is_planned_and_frees_the_month_for_others(parts: Parts, kind: str) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=NOW + timedelta(days=2))
    what = targets(made)[kind]
    asked = hold.ahead(parts, what)
    assert (asked.reach.mails, asked.reach.people) == (3, 3)
    before = stops(parts)
    done = hold.stop(parts, what, reason="展示会が中止", user_id=None, now=NOW)
    assert (done.mails, done.people) == (3, 3)
    assert stops(parts) == before + 1
    assert rows(parts, "select distinct state, reason from deliveries") == [("cancelled", "scenario_ended")]
    assert rows(parts, "select distinct status, reason from enrollments") == [("stopped", "scenario_ended")]
    assert rows(parts, "select status from scenarios") == [("ended",)]
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    assert rows(parts, "select count(*) from pace where next_free_on is not null") == [(0,)]
    assert self_audit.run(parts, now=NOW).is_sound
    assert hold.ahead(parts, what).reach.mails == 0
    told = rows(parts, "select noun, action from audit_log")
    assert told == [("sending" if kind == "all" else kind, "stop")]
    assert ("展示会が中止",) in rows(parts, "select new from audit_values where field = 'reason'")


def test_a_stop_of_one_product_lets_the_other_have_the_month(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW + timedelta(days=2))
    with parts.engine.begin() as tx:
        other = world.product(tx, "計量ポンプ", list_key="pump")
        scenario, version, _contents = world.scenario(tx, other, want_day=25)
        tx.execute(
            text(
                "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month,"
                " due_month, created_at) values (:p, :product, :s, :v, 1, :m, :m, :now)"
            ),
            {
                "p": made.people[0],
                "product": other,
                "s": scenario,
                "v": version,
                "m": 2026 * 12 + 10,
                "now": NOW,
            },
        )
        tx.execute(text("update pace set plan_at = '2026-11-24'"))
    plan.run(parts, now=NOW)
    with parts.engine.connect() as tx:
        assert other in [line.product_id for line in waiting.lines(tx)]
    hold.stop(parts, Target(Kind.PRODUCT, made.product), reason="終了", user_id=None, now=NOW)
    plan.run(parts, now=NOW)
    assert rows(parts, "select state from deliveries where product_id = :p", p=other) == [("planned",)]
    assert self_audit.run(parts, now=NOW).is_sound


def test_what_was_sent_stays_sent_after_a_stop(parts: Parts) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW)
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    hold.stop(parts, EVERYTHING, reason="終了", user_id=None, now=NOW)
    assert world.states(parts) == {"sent": 2}
    assert rows(parts, "select count(*) from mail_slots") == [(2,)]


def test_the_last_mail_of_a_finished_scenario_is_stopped_too(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW + timedelta(days=1))
    run(parts, "update enrollments set status = 'done', reason = 'finished'")
    hold.stop(parts, Target(Kind.SCENARIO, made.scenario), reason="終了", user_id=None, now=NOW)
    assert world.states(parts) == {"cancelled": 1}
    assert rows(parts, "select status from enrollments") == [("done",)]


def test_a_stop_that_was_cut_off_sends_nothing_and_is_finished_at_night(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=NOW)
    monkeypatch.setattr(hold, "_end", lambda *_args, **_more: None)
    hold.stop(parts, Target(Kind.SCENARIO, made.scenario), reason="終了", user_id=None, now=NOW)
    monkeypatch.undo()
    assert world.states(parts) == {"planned": 3}
    way = MemoryTransport()
    deliver.batch(parts, now=NOW, transport=way)
    assert len(way.sent) == 0
    assert rows(parts, "select distinct state, reason from deliveries") == [("cancelled", "scenario_ended")]
    assert hold.finish(parts, now=NOW) == 1
    assert rows(parts, "select distinct status from enrollments") == [("stopped",)]
    assert hold.finish(parts, now=NOW) == 0


def test_batches_reach_everybody_whatever_their_size(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world.build(parts, count=7)
    world.planned(parts, made, send_at=NOW)
    monkeypatch.setattr(hold, "BATCH", 3)
    hold.stop(parts, EVERYTHING, reason="終了", user_id=None, now=NOW)
    assert world.states(parts) == {"cancelled": 7}


@pytest.mark.parametrize("kind", ["product", "scenario"])
@pytest.mark.parametrize("act", ["pause", "stop"])
def test_no_body_starts_more_than_a_second_after_the_commit(parts: Parts, kind: str, act: str) -> None:
    made = world.build(parts, count=30)
    world.planned(parts, made, send_at=NOW)
    bodies: list[float] = []
    committed: list[float] = []
    begun = threading.Event()

    class Slow(MemoryTransport):
        def send_batch(self, items, *, journal, before_body, on_result):  # type: ignore[no-untyped-def]
            def look(id: int) -> bool:
                may = bool(before_body(id))
                if may:
                    bodies.append(time.monotonic())
                    begun.set()
                    time.sleep(0.1)
                return may

            super().send_batch(items, journal=journal, before_body=look, on_result=on_result)

    def hold_it() -> None:
        begun.wait(10)
        what = targets(made)[kind]
        if act == "pause":
            hold.pause(parts, what, reason="", user_id=None, now=NOW)
        else:
            hold.stop(parts, what, reason="終了", user_id=None, now=NOW)
        committed.append(time.monotonic())

    other = threading.Thread(target=hold_it)
    other.start()
    deliver.batch(parts, now=NOW, transport=Slow())
    other.join()
    assert 0 < len(bodies) < 30
    assert max(bodies) < committed[0] + 1.0
    assert rows(parts, "select count(*) from deliveries where state in ('planned', 'handing')") == [(0,)]
    assert self_audit.run(parts, now=NOW).is_sound


def test_what_is_not_there_or_not_running_is_said(parts: Parts) -> None:
    made = world.build(parts, count=1)
    for odd in ("", "product", "product:", "product:x", "product:-1", "scenario:１", "all:1", "list:1"):
        with pytest.raises(HoldError):
            hold.target(odd)
    assert hold.target("scenario:7") == Target(Kind.SCENARIO, 7)
    for act in (hold.pause, hold.stop):
        with pytest.raises(HoldError, match="gone"):
            act(parts, Target(Kind.PRODUCT, 999), reason="x", user_id=None, now=NOW)
    with pytest.raises(HoldError, match="reason_missing"):
        hold.stop(parts, EVERYTHING, reason="  ", user_id=None, now=NOW)
    run(parts, "update scenarios set status = 'draft', published_no = 0")
    assert not hold.pause(parts, Target(Kind.SCENARIO, made.scenario), reason="", user_id=None, now=NOW)
    assert rows(parts, "select count(*) from audit_log") == [(0,)]


def test_an_ended_scenario_is_not_resumed(parts: Parts) -> None:
    made = world.build(parts, count=1)
    what = Target(Kind.SCENARIO, made.scenario)
    hold.stop(parts, what, reason="終了", user_id=None, now=NOW)
    assert not hold.resume(parts, what, user_id=None, now=NOW)
    assert rows(parts, "select status from scenarios") == [("ended",)]


def test_a_doubt_answered_while_the_planner_holds_the_person_waits_and_does_not_deadlock(
    parts: Parts,
) -> None:
    made = world.build(parts, count=1)
    [id] = world.planned(parts, made, send_at=NOW)
    run(parts, "update deliveries set state = 'in_doubt', sent_at = :now", now=NOW)
    errors: list[BaseException] = []

    def answer() -> None:
        try:
            settle_doubt.answer(parts, id, arrived=False, user_id=None, now=NOW)
        except BaseException as error:
            errors.append(error)

    with parts.engine.begin() as tx:
        tx.execute(text("select 1 from pace for update"))
        other = threading.Thread(target=answer)
        other.start()
        time.sleep(0.3)
        # The other order would hold the delivery by now, and wait for pace: a deadlock.
        tx.execute(text("update deliveries set reason = 'looked at' where id = :id"), {"id": id})
    other.join(10)
    assert errors == []
    assert world.states(parts) == {"failed": 1}
