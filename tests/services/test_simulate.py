"""The simulation against what then really happens: the same mails to the same people in the same months."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules.chances import Rates
from campaigns.rules.outcomes import NO_CALL_DAYS
from campaigns.rules.schedule import TOKYO, month_of
from campaigns.rules.simulating import Event
from campaigns.services import enrol, plan, run_simulations, simulate
from campaigns.storage import simulations
from tests import world

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
QUIET = Rates(open=0, click=0, reply=0, unsubscribe=0)


def foreseen(parts: Parts, scenario: int, *, rates: Rates = QUIET, seed: int = 7) -> list[Event]:
    with parts.engine.connect() as tx:
        wanted = simulate.setting(tx, scenario, seed=seed)
        products = tx.execute(text("select id from products")).scalars().all()
    assert wanted is not None
    given = dict.fromkeys(products, rates)
    return [event for lived in simulate.run(parts, wanted, now=NOW, rates=given) for event in lived.log]


def mails(log: list[Event]) -> list[tuple[int, int, str]]:
    return sorted((one.person, one.day, one.code) for one in log if one.what == "sent")


def live(parts: Parts, days: int) -> list[tuple[int, int, str]]:
    """What really goes out, day after day; each mail is accepted at its time."""
    for n in range(days):
        day = NOW.astimezone(TOKYO).date() + timedelta(days=n)
        now = NOW if n == 0 else datetime.combine(day, time(6, 1), tzinfo=TOKYO)
        plan.run(parts, now=now)
        with parts.engine.begin() as tx:
            tx.execute(
                text(
                    "update deliveries set state = 'sent', sent_at = send_at where state = 'planned' and send_at < :now"
                ),
                {"now": datetime.combine(day, time(23, 59), tzinfo=TOKYO)},
            )
    with parts.engine.begin() as tx:
        rows = tx.execute(
            text(
                "select person_id, cast(sent_at at time zone 'Asia/Tokyo' as date) as day, step_key from deliveries"
                " where state = 'sent'"
            )
        )
        return sorted((row.person_id, row.day.toordinal(), row.step_key) for row in rows)


def test_a_year_of_two_competing_products_comes_as_it_was_foreseen(parts: Parts) -> None:
    made = world.build(parts, count=30, offsets=(0, 1, 2, 4, 7))
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機", list_key="axis", priority=2)
        second, _, _ = world.scenario(tx, other, offsets=(0, 1, 3, 5), want_day=12)
        for person in made.people[::2]:
            world.insert(
                tx, "product_leads", person_id=person, product_id=other, state="nurturing", created_at=NOW
            )
    enrol.audience(parts, made.scenario, now=NOW)
    enrol.audience(parts, second, now=NOW)
    seen = mails(foreseen(parts, made.scenario))
    happened = live(parts, 380)
    until = date(2027, 11, 30).toordinal()
    assert seen
    assert seen == [one for one in happened if one[1] <= until]


def reached(parts: Parts, **company: str) -> None:
    """Everybody's company has a telephone and a FAX, and whatever else is given."""
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set tel = '053-111-2222', fax = '053-111-3333'"))
        for name, value in company.items():
            tx.execute(text(f"update companies set {name} = :value"), {"value": value})


def matrix(parts: Parts, product: int, *rows: dict[str, object]) -> None:
    """The product's own action matrix."""
    plain = {"due_in": 3, "priority": 3, "classes": [], "bands": [], "industries": [], "has_material": False}
    stored = {"rows": [plain | row for row in rows]}
    with parts.engine.begin() as tx:
        tx.execute(
            text("update products set action_matrix = cast(:m as jsonb) where id = :id"),
            {"m": json.dumps(stored), "id": product},
        )


def warm_by_one_click(parts: Parts) -> None:
    """A click is enough to be warm: a gate that every score passes."""
    with parts.engine.begin() as tx:
        tx.execute(text("update products set gate = 0.01"))


def tasks(log: list[Event]) -> list[tuple[int, str]]:
    return sorted((one.person, one.code) for one in log if one.what == "task")


CLICKS = Rates(open=0, click=1, reply=0, unsubscribe=0)


def test_tasks_are_those_of_the_products_own_action_matrix(parts: Parts) -> None:
    made = world.build(parts, count=2, offsets=(0,))
    reached(parts, industry="食品")
    warm_by_one_click(parts)
    assert tasks(foreseen(parts, made.scenario, rates=CLICKS)) == [(one, "call") for one in made.people]
    matrix(parts, made.product, {"cause": "warm_over_gate", "kind": "fax"})
    assert tasks(foreseen(parts, made.scenario, rates=CLICKS)) == [(one, "fax") for one in made.people]
    matrix(
        parts,
        made.product,
        {"cause": "warm_over_gate", "kind": "fax"},
        {"cause": "warm_over_gate", "kind": "call", "industries": ["金属"]},
        {"cause": "warm_over_gate", "kind": "visit", "industries": ["食品"]},
    )
    found = tasks(foreseen(parts, made.scenario, rates=CLICKS))
    assert found == [(one, kind) for one in made.people for kind in ("fax", "visit")]


def test_nobody_is_called_without_a_number_or_against_their_word(parts: Parts) -> None:
    made = world.build(parts, count=3, offsets=(0,))
    reached(parts)
    warm_by_one_click(parts)
    with parts.engine.begin() as tx:
        tx.execute(text("update people set do_not_call = true where id = :id"), {"id": made.people[0]})
        tx.execute(text("update people set phone_invalid = true where id = :id"), {"id": made.people[1]})
    assert tasks(foreseen(parts, made.scenario, rates=CLICKS)) == [(made.people[2], "call")]


def test_a_task_falls_into_the_month_in_which_it_is_due(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0,), want_day=27)
    reached(parts)
    warm_by_one_click(parts)
    matrix(parts, made.product, {"cause": "warm_over_gate", "kind": "call", "due_in": 10})
    log = foreseen(parts, made.scenario, rates=CLICKS)
    sent, call = (next(one for one in log if one.what == what) for what in ("sent", "task"))
    assert (date.fromordinal(sent.day), date.fromordinal(call.day)) == (
        date(2026, 11, 27),
        date(2026, 12, 11),
    )
    assert call.month == sent.month + 1


def test_who_was_called_rests_before_the_next_call(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0, 1, 2, 3, 4, 5))
    reached(parts)
    warm_by_one_click(parts)
    days = [one.day for one in foreseen(parts, made.scenario, rates=CLICKS) if one.what == "task"]
    assert len(days) >= 2
    assert all(b - a >= NO_CALL_DAYS for a, b in pairwise(days))


def test_an_open_task_of_today_is_not_made_again(parts: Parts) -> None:
    made = world.build(parts, count=2, offsets=(0,))
    reached(parts)
    warm_by_one_click(parts)
    with parts.engine.begin() as tx:
        lead = tx.execute(
            text("select id from product_leads where person_id = :p"), {"p": made.people[0]}
        ).scalar()
        world.insert(
            tx, "tasks", kind="call", person_id=made.people[0], product_id=made.product, lead_id=lead,
            state="open", cause="warm_deep", due_at=NOW + timedelta(days=9), created_at=NOW,
        )  # fmt: skip
    assert tasks(foreseen(parts, made.scenario, rates=CLICKS)) == [(made.people[1], "call")]


def test_hot_people_go_to_sales_with_a_visit_and_get_no_more_mail(parts: Parts) -> None:
    made = world.build(parts, count=4, offsets=range(12))
    reached(parts)
    answers = Rates(open=0, click=1, reply=1, unsubscribe=0)
    log = foreseen(parts, made.scenario, rates=answers)
    for person in made.people:
        hot = next(one.day for one in log if one.person == person and (one.what, one.code) == ("rank", "hot"))
        mine = [one for one in log if one.person == person]
        assert not [one for one in mine if one.what == "sent" and one.day > hot]
        assert [one.code for one in mine if one.what == "task"].count("visit") == 1
        assert any(one.code == "lead_offered" for one in mine)


def test_a_mail_that_a_hot_person_does_not_get_is_the_next_one_once_the_person_has_cooled(
    parts: Parts,
) -> None:
    made = world.build(parts, count=1, offsets=(0, 1, 2))
    (person,) = made.people
    with parts.engine.begin() as tx:
        # Hot for a while by an inquiry; the gate is closed, so that no rep takes over.
        world.insert(
            tx, "sales_team_states", product_id=made.product, team="field", appetite="selective",
            capacity_per_week=0, set_at=NOW,
        )  # fmt: skip
        tx.execute(
            text(
                "update product_leads set state = 'hot', rank = 'hot', next_change_at = :at where person_id = :p"
            ),
            {"at": NOW + timedelta(days=20), "p": person},
        )
        world.insert(
            tx, "touchpoints", source_key="t1", person_id=person, product_id=made.product, kind="call_interest",
            channel="offline", depth=4, at=NOW - timedelta(days=40), created_at=NOW,
        )  # fmt: skip
    log = foreseen(parts, made.scenario)
    assert [one.code for one in log if one.what == "held"][:1] == ["lead_hot"]
    assert [code for _, _, code in mails(log)] == ["K1", "K2", "K3"]


def test_who_would_join_without_a_consent_is_not_mailed(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        product = world.product(tx)
        scenario, _, _ = world.scenario(tx, product)
        (one,) = world.people(tx, parts, 1, product=product, consent=False)
    log = foreseen(parts, scenario)
    assert mails(log) == []
    assert {event.code for event in log if event.person == one} == {"no_consent"}


def silent_for_twelve(tx: Connection, made: world.World) -> None:
    """Twelve counted mails behind everybody, and no sign."""
    for person in made.people:
        for n in range(12):
            at = NOW - timedelta(days=30 * (n + 1))
            world.insert(
                tx, "deliveries", origin=f"old:{person}/{n}", person_id=person, address_id=person,
                product_id=made.product, tone="info", month=month_of(at), state="sent", send_at=at, sent_at=at,
                created_at=at,
            )  # fmt: skip


def shelve(tx: Connection, kind: str, *, is_evergreen: bool) -> int:
    content = world.insert(
        tx, "contents", title=kind, kind=kind, tone="info", is_evergreen=is_evergreen, status="approved",
        created_at=NOW,
    )  # fmt: skip
    version = tx.execute(text("select min(id) from scenario_versions")).scalar_one()
    mail = world.published_mail(tx, content, version, "shelf")
    tx.execute(text("update published_mails set version_id = null where id = :id"), {"id": mail})
    return content


def test_who_is_silent_is_asked_once_and_then_rests_as_it_really_happens(parts: Parts) -> None:
    made = world.build(parts, count=3, offsets=(0, 1, 2))
    with parts.engine.begin() as tx:
        silent_for_twelve(tx, made)
        question = shelve(tx, "permission", is_evergreen=False)
        shelved = shelve(tx, "general", is_evergreen=True)
    enrol.audience(parts, made.scenario, now=NOW)
    log = foreseen(parts, made.scenario)
    year = [(one.month, one.content) for one in log if one.what == "sent" and one.person == made.people[0]]
    assert [content for _, content in year] == [question, shelved]
    assert year[1][0] - year[0][0] == 6
    days = range(NOW.toordinal(), date(2027, 11, 30).toordinal() + 1)
    assert mails(log) == [one for one in live(parts, 380) if one[1] in days]


def test_nothing_is_written_by_a_simulation(parts: Parts) -> None:
    made = world.build(parts, count=5)
    before = world.states(parts)
    assert mails(foreseen(parts, made.scenario))
    with parts.engine.begin() as tx:
        assert tx.execute(text("select count(*) from enrollments")).scalar() == 0
    assert world.states(parts) == before


def test_the_same_seed_foresees_the_same_and_another_one_does_not(parts: Parts) -> None:
    made = world.build(parts, count=40)
    lively = Rates(open=0.4, click=0.3, reply=0.1, unsubscribe=0.1)
    first = foreseen(parts, made.scenario, rates=lively, seed=1)
    assert first == foreseen(parts, made.scenario, rates=lively, seed=1)
    assert first != foreseen(parts, made.scenario, rates=lively, seed=2)
    assert any(one.what == "refused" for one in first)


def test_a_simulation_is_asked_for_worked_on_and_kept_with_its_sums(parts: Parts) -> None:
    made = world.build(parts, count=12)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    assert run_simulations.work(parts, now=NOW) == 1
    with parts.engine.connect() as tx:
        done = simulations.get(tx, id)
    assert done is not None
    assert done.state == "done"
    assert sum(done.result["sent"]) == 36
    assert done.result["people"] == 12
    assert simulate.year(parts, done, made.people[0], now=NOW)


def test_the_capacity_of_this_month_is_what_is_left_of_it(parts: Parts) -> None:
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        tx.execute(text("update house set call_capacity_per_day = 30"))
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    run_simulations.work(parts, now=NOW)
    with parts.engine.connect() as tx:
        done = simulations.get(tx, id or 0)
    assert done is not None
    # 24 to 30 November 2026: five business days of twenty.
    assert done.result["capacity"][0] == 5 * 30


def test_nobody_to_simulate_is_a_result_as_well(parts: Parts) -> None:
    with parts.engine.begin() as tx:
        scenario, _, _ = world.scenario(tx, world.product(tx))
    id = run_simulations.ask(parts, scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert run_simulations.work(parts, now=NOW) == 1
    with parts.engine.connect() as tx:
        done = simulations.get(tx, id or 0)
    assert done is not None
    assert (done.state, done.result["people"], sum(done.result["sent"])) == ("done", 0, 0)


def test_a_failed_simulation_says_so_and_the_worker_hears_of_it(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=1)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    monkeypatch.setattr(simulate, "live", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_simulations.work(parts, now=NOW)
    with parts.engine.connect() as tx:
        found = simulations.get(tx, id or 0)
    assert found is not None
    assert (found.state, found.error) == ("failed", "ZeroDivisionError")


def test_a_worker_that_is_told_to_stop_leaves_the_simulation_to_the_next_one(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=1)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    asked = iter([False, True])
    assert run_simulations.work(parts, now=NOW, until=lambda: next(asked, True)) == 1
    with parts.engine.connect() as tx:
        found = simulations.get(tx, id or 0)
    assert found is not None
    assert found.state == "waiting"
    assert run_simulations.work(parts, now=NOW) == 1


def test_cancelling_while_it_runs_ends_it_at_the_next_part(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=6)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    monkeypatch.setattr(simulate, "PART", 2)
    monkeypatch.setattr(run_simulations, "TELL_S", 0.0)
    lived, live_part = [], simulate.live

    def live_one(*given: object) -> object:
        lived.append(1)
        run_simulations.cancel(parts, id, now=NOW)
        return live_part(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(simulate, "live", live_one)
    assert run_simulations.work(parts, now=NOW) == 1
    with parts.engine.connect() as tx:
        found = simulations.get(tx, id)
    assert found is not None
    assert (found.state, found.result, len(lived)) == ("cancelled", {}, 1)


def test_a_cancelled_simulation_ends_without_a_result(parts: Parts) -> None:
    made = world.build(parts, count=2)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    run_simulations.cancel(parts, id, now=NOW)
    assert run_simulations.work(parts, now=NOW) == 0
    with parts.engine.connect() as tx:
        found = simulations.get(tx, id)
    assert found is not None
    assert (found.state, found.result) == ("cancelled", {})


def states(parts: Parts) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text("select state, error from simulations order by id"))]


def test_asking_again_and_again_leaves_one_of_mine_in_the_queue_and_those_of_others(parts: Parts) -> None:
    made = world.build(parts, count=2)
    with parts.engine.begin() as tx:
        other = world.insert(tx, "users", email="o@minori.example", name="大石 健", created_at=NOW)
    run_simulations.ask(parts, made.scenario, seed=1, rates=None, user_id=other, now=NOW)
    for seed in range(2, 100):
        run_simulations.ask(parts, made.scenario, seed=seed, rates=None, user_id=None, now=NOW)
    assert [state for state, _ in states(parts)] == ["waiting", *["cancelled"] * 97, "waiting"]
    assert run_simulations.work(parts, now=NOW) == 2


def test_a_simulation_whose_worker_was_killed_is_begun_anew_but_not_for_ever(parts: Parts) -> None:
    made = world.build(parts, count=2)
    run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    taken = []
    for minutes in range(0, 120, 5):
        with parts.engine.begin() as tx:  # each worker is gone right after
            taken += [minutes] if simulations.take(tx, now=NOW + timedelta(minutes=minutes)) else []
            tx.execute(text("update simulations set told_at = told_at - interval '5 minutes'"))
    assert taken == [*range(0, 61, 5)]
    assert states(parts) == [("failed", "WorkerGone")]


@pytest.mark.parametrize(("silent_s", "taken"), [(110, False), (130, True)])
def test_a_worker_that_is_silent_for_two_minutes_is_gone_whatever_the_practice_clock_says(
    parts: Parts, silent_s: int, taken: bool
) -> None:
    made = world.build(parts, count=2)
    id = run_simulations.ask(parts, made.scenario, seed=3, rates=None, user_id=None, now=NOW)
    assert id is not None
    with parts.engine.begin() as tx:
        simulations.take(tx, now=NOW)
        simulations.tell(tx, id, done=1, total=2)
        silent = "update simulations set told_at = told_at - make_interval(secs => :s)"
        tx.execute(text(silent), {"s": silent_s})
        assert (simulations.take(tx, now=NOW + timedelta(minutes=50)) is not None) is taken


def test_a_workers_turn_ends_before_its_job_would_be_cut_off(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=1)
    for seed in (1, 2):
        with parts.engine.begin() as tx:
            user = world.insert(tx, "users", email=f"u{seed}@minori.example", name="人", created_at=NOW)
        run_simulations.ask(parts, made.scenario, seed=seed, rates=None, user_id=user, now=NOW)
    monkeypatch.setattr(run_simulations, "TURN_S", 0.0)
    assert run_simulations.work(parts, now=NOW) == 1
    assert [state for state, _ in states(parts)] == ["done", "waiting"]


@pytest.mark.parametrize(("clicks", "kinds"), [(1.0, ["fax"]), (0.0, [])])
def test_a_branch_on_a_rising_rank_is_foreseen(parts: Parts, clicks: float, kinds: list[str]) -> None:
    made = world.build(parts, count=1, offsets=(0,))
    with parts.engine.begin() as tx:
        branch = {"on": "rank_rose", "of": "", "values": []}
        common = {"version_id": made.version, "want_day": 25}
        world.insert(
            tx, "steps", key="B", position=2, kind="branch", condition=branch, wait_days=20, **common
        )
        world.insert(
            tx, "steps", key="F", position=3, kind="fax", parent_key="B", arm="yes", title="資料", **common
        )
    enrol.audience(parts, made.scenario, now=NOW)
    rates = Rates(open=clicks, click=clicks, reply=0, unsubscribe=0)
    log = foreseen(parts, made.scenario, rates=rates)
    assert [event.code for event in log if event.what == "rank"][:1] == (["nurture"] if clicks else [])
    assert [event.code for event in log if event.what == "task" and event.enrollment][:1] == kinds
