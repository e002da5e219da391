"""Every change of a draft can be taken back, one after the other, in the order they were made."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from campaigns.parts import Parts
from campaigns.rules.audience import Audience
from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import Step
from campaigns.services import count_rows, design, enrol
from campaigns.services.author import Gone, Stale
from campaigns.services.design import Row
from campaigns.storage import scenarios, step_counts, steps
from campaigns.storage import tables as t
from tests.services.test_publish import HEAD, House, add_person, house, make

__all__ = ["house"]

CALL = Row(0, 10, "info", None, None, kind="call", title="困りごとを聞く", who="inside", due_days=3)
BRANCH = Row(0, 10, "info", None, None, kind="branch", condition=Condition("clicked"), wait_days=7)


def table(parts: Parts, scenario_id: int, now: datetime) -> tuple[Step, ...]:
    return tuple(replace(step, id=0) for step in design.load(parts, scenario_id, now=now).steps)


def test_a_row_of_every_kind_is_stored_as_it_was_written(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "blank")
    by = {"user_id": house.user, "now": now}
    for row in (
        CALL,
        BRANCH,
        Row(2, 10, "info", None, None, kind="branch", condition=Condition("rank", "", ("hot", "warm"))),
        Row(1, 5, "info", None, now.date(), kind="invite", event_id=house.event),
        Row(0, 10, "info", None, None, kind="wait", wait_days=9, title="読む時間"),
        Row(0, 10, "info", None, None, kind="jump", goto_key="end"),
        Row(0, 10, "info", None, None, kind="shelf"),
    ):
        key = design.add_row(parts, scenario_id, kind=row.kind, **by)
        design.save_row(parts, scenario_id, key, row, **by)
        stored = table(parts, scenario_id, now)[-1]
        assert {name: getattr(stored, name) for name in Row.__dataclass_fields__} == {
            name: getattr(row, name) for name in Row.__dataclass_fields__
        }


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["add", "branch", "into", "save", "up", "down", "duplicate", "delete"]),
        st.integers(0, 20),
    ),
    max_size=10,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_as_many_undos_as_changes_bring_back_the_rows(
    parts: Parts, house: House, now: datetime, actions: list[tuple[str, int]]
) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    by = {"user_id": house.user, "now": now}
    seen = [table(parts, scenario_id, now)]
    for action, number in actions:
        rows = seen[-1]
        key = rows[number % len(rows)].key if rows else ""
        branches = [row.key for row in rows if row.kind == "branch"]
        if action == "add" or not rows:
            design.add_row(parts, scenario_id, after=key, **by)
        elif action == "branch":
            design.add_row(parts, scenario_id, kind="branch", before=key, **by)
        elif action == "into" and branches:
            arm = "yes" if number % 2 else "else"
            design.add_row(parts, scenario_id, into=(branches[number % len(branches)], arm), **by)
        elif action == "save":
            design.save_row(parts, scenario_id, key, replace(CALL, due_days=number + 1), **by)
        elif action in ("up", "down"):
            design.move_row(parts, scenario_id, key, up=action == "up", **by)
        elif action == "duplicate":
            design.duplicate_row(parts, scenario_id, key, **by)
        elif action == "delete":
            design.delete_row(parts, scenario_id, key, **by)
        now_there = table(parts, scenario_id, now)
        if now_there != seen[-1]:
            seen.append(now_there)
    for before in reversed(seen[:-1]):
        assert design.undo(parts, scenario_id) is not None
        assert table(parts, scenario_id, now) == before
    assert design.undo(parts, scenario_id) is None, "nothing is left to take back"


def test_undo_never_goes_beyond_what_was_published(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    design.add_row(parts, scenario_id, user_id=house.user, now=now)
    with parts.engine.begin() as tx:
        tx.execute(
            text("update scenario_versions set published_at = :at where scenario_id = :id"),
            {"at": now + timedelta(minutes=1), "id": scenario_id},
        )
    assert design.undo(parts, scenario_id) is None


def test_a_draft_that_is_undone_to_what_is_in_force_is_no_draft(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    with parts.engine.begin() as tx:
        tx.execute(
            text("update scenario_versions set published_at = :at where scenario_id = :id"),
            {"at": now, "id": scenario_id},
        )
    later = now + timedelta(hours=1)
    key = design.add_row(parts, scenario_id, user_id=house.user, now=later)
    design.delete_row(parts, scenario_id, key, user_id=house.user, now=later)
    assert design.load(parts, scenario_id, now=later).version.is_draft
    design.undo(parts, scenario_id)
    design.undo(parts, scenario_id)
    assert not design.load(parts, scenario_id, now=later).version.is_draft


def test_a_discarded_draft_comes_back_by_undo(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    with parts.engine.begin() as tx:
        tx.execute(
            text("update scenario_versions set published_at = :at where scenario_id = :id"),
            {"at": now, "id": scenario_id},
        )
    later = now + timedelta(hours=1)
    design.add_row(parts, scenario_id, user_id=house.user, now=later)
    drafted = table(parts, scenario_id, later)
    assert design.discard(parts, scenario_id, user_id=house.user, now=later)
    assert table(parts, scenario_id, later) != drafted
    design.undo(parts, scenario_id)
    assert table(parts, scenario_id, later) == drafted


def test_a_move_that_changes_nothing_opens_no_draft_and_leaves_nothing_to_undo(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    key = table(parts, scenario_id, now)[0].key
    design.move_row(parts, scenario_id, key, up=True, user_id=house.user, now=now)
    assert design.load(parts, scenario_id, now=now).undoable is None


def test_a_change_names_who_made_it(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    design.add_row(parts, scenario_id, user_id=house.user, now=now)
    undoable = design.load(parts, scenario_id, now=now).undoable
    assert undoable is not None
    assert (undoable.label, undoable.by) == ("add", "佐伯 美和")


def test_a_row_that_a_colleague_changed_meanwhile_is_not_overwritten(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    by = {"user_id": house.user, "now": now}
    step = table(parts, scenario_id, now)[0]
    was = design.mark(step)
    design.save_row(parts, scenario_id, step.key, CALL, was=was, **by)
    with pytest.raises(Stale):
        design.save_row(parts, scenario_id, step.key, BRANCH, was=was, **by)
    design.save_row(parts, scenario_id, step.key, CALL, was=was, **by)  # the same words are no conflict


def test_a_row_that_is_gone_is_said_to_be_gone(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    with pytest.raises(Gone):
        design.delete_row(parts, scenario_id, "nowhere", user_id=None, now=now)
    with pytest.raises(Gone):
        design.add_row(parts, scenario_id, into=("nowhere", "yes"), user_id=None, now=now)


def test_the_audience_is_whom_the_conditions_name(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    for n in range(1, 5):
        add_person(parts, house, now, n=n)
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set industry = '食品機械' where id % 2 = 0"))
        tx.execute(text("update affiliations set buying_role = '決裁' where id = 2"))
    assert design.load(parts, scenario_id, now=now).reach.everybody == 4
    for wanted, people in (
        (Audience(industries=("食品機械",)), 2),
        (Audience(industries=("食品機械", "")), 4),
        (Audience(industries=("食品機械",), roles=("決裁",)), 1),
        (Audience(ranks=("hot",)), 0),
    ):
        version = design.load(parts, scenario_id, now=now).scenario.version
        head = replace(HEAD, audience=wanted)
        design.save_head(parts, scenario_id, version=version, head=head, user_id=None, now=now)
        found = design.load(parts, scenario_id, now=now)
        assert found.reach.everybody == people
        assert found.scenario.audience == wanted


def test_a_big_scenario_shows_kept_figures_and_the_time_they_are_of(
    parts: Parts, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario_id = make(parts, house, now, "keep_in_mind")
    for n in range(1, 4):
        add_person(parts, house, now, n=n)
    with parts.engine.begin() as tx:
        tx.execute(
            text("update scenario_versions set published_at = :at where scenario_id = :id"),
            {"at": now, "id": scenario_id},
        )
        tx.execute(text("update scenarios set status = 'active', published_no = 1"))
    enrol.audience(parts, scenario_id, now=now)
    live = design.load(parts, scenario_id, now=now)
    first = live.steps[0].key
    assert live.figures.at is None
    assert live.figures.rows[first].waiting == 3
    monkeypatch.setattr(step_counts, "BIG", 2)
    pending = design.load(parts, scenario_id, now=now)
    assert not pending.figures.is_known
    assert not pending.reach.is_known
    assert count_rows.run(parts, now=now) == 1
    kept = design.load(parts, scenario_id, now=now)
    assert kept.figures.at == now
    assert kept.figures.rows == live.figures.rows
    assert kept.figures.enrolled == live.figures.enrolled
    assert (kept.reach.everybody, kept.reach.groups) == (live.reach.everybody, live.reach.groups)
    assert count_rows.run(parts, now=now + timedelta(seconds=59)) == 0, "at most each minute"
    assert count_rows.run(parts, now=now + timedelta(seconds=61)) == 1
    head = replace(HEAD, classes=("C1",))
    design.save_head(parts, scenario_id, version=kept.scenario.version, head=head, user_id=None, now=now)
    assert not design.load(parts, scenario_id, now=now).reach.is_known, "it is of another audience"
    assert count_rows.run(parts, now=now + timedelta(seconds=62)) == 1, "and counted at once"
    assert design.load(parts, scenario_id, now=now).reach.everybody == 0


def test_history_keeps_a_bounded_number_of_steps(
    parts: Parts, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("campaigns.storage.designs.DEPTH", 3)
    scenario_id = make(parts, house, now, "blank")
    for _ in range(5):
        design.add_row(parts, scenario_id, user_id=house.user, now=now)
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.design_history)).scalar_one() == 3
        draft = scenarios.draft(tx, scenario_id)
        assert draft is not None
        assert len(steps.of(tx, draft.id)) == 5


@pytest.mark.parametrize(("every", "codes"), [(4, set()), (5, {"sales_too_early"})])
def test_the_check_before_publishing_asks_for_as_many_information_mails_as_the_product_wants(
    parts: Parts, house: House, now: datetime, every: int, codes: set[str]
) -> None:
    scenario_id = make(parts, house, now, "exhibition_hot")  # three information mails, then one that sells
    with parts.engine.begin() as tx:
        tx.execute(text("update products set tone_every = :n"), {"n": every})
    found = design.load(parts, scenario_id, now=now)
    assert {p.code for p in found.problems if p.code.startswith("sales")} == codes
