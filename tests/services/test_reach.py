"""The numbers before and after publishing are about people who really get something."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.audience import Audience
from campaigns.services import add_leads, broadcast, check_mails, count_rows, design, run_broadcasts
from campaigns.storage import reach, scenarios, step_counts, step_people
from campaigns.storage.reach import Contents, Reach
from tests import world
from tests.services.test_broadcast import _now, _plan, _saved, small
from tests.world import START, World

__all__ = ["small"]


def run(parts: Parts, query: str, **values: object) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text(query), values)


def had(parts: Parts, made: World, person: int, content: int, *, state: str = "sent") -> None:
    """A mail of that content came to the person from elsewhere."""
    run(
        parts,
        "insert into deliveries (origin, person_id, product_id, content_id, state, month, sent_at, send_at,"
        " created_at) values (:origin, :person, :product, :content, :state, 0, :at, :at, :at)",
        origin=f"else:{person}:{content}", person=person, product=made.product, content=content, state=state,
        at=START,
    )  # fmt: skip


def reached(parts: Parts, scenario_id: int) -> Reach:
    with parts.engine.connect() as tx:
        scenario = scenarios.get(tx, scenario_id)
        assert scenario is not None
        return step_counts.read_reach(tx, scenario)


def test_who_had_every_mail_of_a_scenario_cannot_be_sent_to(parts: Parts) -> None:
    made = world.build(parts, count=3)
    for content in made.contents:
        had(parts, made, made.people[0], content)
    had(parts, made, made.people[1], made.contents[0])
    had(parts, made, made.people[2], made.contents[0], state="failed")  # it never came
    found = reached(parts, made.scenario)
    assert (found.everybody, found.can_send, found.groups) == (3, 2, (("had_all", 1),))
    assert found.read == {made.contents[0]: 2, made.contents[1]: 1, made.contents[2]: 1}


def test_a_row_without_content_may_reach_everybody(parts: Parts) -> None:
    made = world.build(parts, count=1, offsets=(0,))
    had(parts, made, made.people[0], made.contents[0])
    assert reached(parts, made.scenario).can_send == 0
    design.add_row(parts, made.scenario, user_id=None, now=START)
    assert reached(parts, made.scenario).can_send == 1


def test_its_own_mails_are_not_counted_as_read_before(parts: Parts) -> None:
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=START)
    found = reached(parts, made.scenario)
    assert (found.can_send, found.joining, found.read) == (2, 0, {})
    run(parts, "update deliveries set state = 'sent', sent_at = send_at")
    run(parts, "update enrollments set status = 'done' where person_id = :p", p=made.people[0])
    found = reached(parts, made.scenario)
    assert (found.can_send, found.groups, found.read) == (1, (("scenario_done", 1),), {})


def test_a_mail_that_most_have_read_is_a_warning_at_its_row(parts: Parts) -> None:
    made = world.build(parts, count=3)
    for person in made.people[:2]:
        had(parts, made, person, made.contents[1])
    problems = design.load(parts, made.scenario, now=START).problems
    found = [(p.line, dict(p.args), p.is_error) for p in problems if p.code == "content_read"]
    assert found == [(2, {"n": 2, "all": 3}, False)]


def test_a_big_scenario_keeps_the_same_numbers_and_counts_anew_for_other_contents(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=3)
    had(parts, made, made.people[0], made.contents[0])
    live = reached(parts, made.scenario)
    monkeypatch.setattr(step_counts, "BIG", 1)
    count_rows.run(parts, now=START)
    kept = reached(parts, made.scenario)
    assert replace(kept, at=None) == live
    design.add_row(parts, made.scenario, user_id=None, now=START)
    assert not reached(parts, made.scenario).is_known


def test_a_form_counts_whom_a_chosen_mail_would_reach(parts: Parts) -> None:
    made = world.build(parts, count=3)
    had(parts, made, made.people[0], made.contents[0])
    wanted = {"product_id": made.product, "classes": ["E"], "event_id": None, "wanted": Audience()}
    with parts.engine.connect() as tx:
        assert reach.fitting(tx, **wanted).can_send == 3
        found = reach.fitting(tx, **wanted, told=Contents((made.contents[0],), is_whole=True))
    assert (found.people, found.can_send) == (3, 2)


def test_a_broadcast_tells_the_same_numbers_before_and_after(parts: Parts, small: World) -> None:
    had(parts, small, small.people[0], small.contents[0])
    run(parts, "update product_leads set state = 'with_sales' where person_id = :p", p=small.people[1])
    run(parts, "update people set excluded_reason = 'retired' where id = :p", p=small.people[2])
    made = _saved(parts, _plan(small), START)
    ahead = broadcast.ahead(parts, made.id, now=START)
    assert ahead.reach.everybody == 10
    assert ahead.reach.can_send == 7
    assert dict(ahead.reach.groups) == {"had_all": 1, "lead_with_sales": 1, "person_excluded": 1}

    broadcast.ask(parts, made.id, version=made.version, user_id=1, now=START)
    if _now(parts, made.id).state == "asked":
        broadcast.answer(
            parts, made.id, yes=True, reason="", version=_now(parts, made.id).version, user_id=2, now=START
        )
    run_broadcasts.launch(parts, made.id, now=START)
    figures, _at = broadcast.figures(parts, _now(parts, made.id))
    assert figures is not None
    assert dict(figures.buckets) == {"waiting": 7, "had": 1, "sales": 1}


def test_held_mails_come_and_others_are_counted_apart_with_their_reasons(parts: Parts) -> None:
    made = world.build(parts, count=4)
    ids = world.planned(parts, made, send_at=START)
    # They stand at row 2; row 1 went wrong for two of them for good, one gave way at row 2.
    for id, state, reason in ((ids[0], "cancelled", "content_repeated"), (ids[1], "failed", "smtp_refused")):
        run(parts, "update deliveries set state = :s, reason = :r where id = :id", s=state, r=reason, id=id)
    run(parts, "update deliveries set state = 'retry', reason = 'smtp_temporary' where id = :id", id=ids[2])
    run(
        parts,
        "update pace set held = jsonb_build_object((select id::text from enrollments where person_id = :p),"
        " '[\"rank\", 2]'::jsonb) where person_id = :p",
        p=made.people[3],
    )
    with parts.engine.connect() as tx:
        rows = step_counts.read(tx, made.scenario).rows
        assert (rows["K1"].held, rows["K1"].unsent, rows["K1"].sent) == (1, 2, 0)
        assert (rows["K2"].held, rows["K2"].unsent, rows["K2"].waiting) == (1, 0, 4)
        for key, show, reasons in (
            ("K1", "unsent", ["content_repeated", "smtp_refused"]),
            ("K1", "held", ["smtp_temporary"]),
            ("K2", "held", ["rank"]),
        ):
            lines = step_people.page(tx, made.scenario, key, show=show, after=0, limit=10)
            assert [line.reason for line in lines] == reasons, (key, show)


@pytest.mark.parametrize("big", [1000, 0])
def test_reactions_are_counted_by_people_alone_and_with_machines(
    parts: Parts, monkeypatch: pytest.MonkeyPatch, big: int
) -> None:
    made = world.build(parts, count=3)
    ids = world.planned(parts, made, send_at=START)
    for n, (validity, depth) in enumerate([(1, 1), (0, 1), (0, 0)]):
        run(
            parts,
            "insert into touchpoints (source_key, person_id, delivery_id, kind, channel, depth, validity, at,"
            " created_at) values (:key, :p, :d, 'mail_click', 'online', :depth, :v, :at, :at)",
            key=f"c{n}",
            p=made.people[n],
            d=ids[n],
            depth=depth,
            v=validity,
            at=START,
        )
    monkeypatch.setattr(step_counts, "BIG", big)
    count_rows.run(parts, now=START)
    with parts.engine.connect() as tx:
        row = step_counts.read(tx, made.scenario).rows["K1"]
    assert (row.reacted, row.reacted_all) == (1, 2)


def test_who_waits_by_an_older_version_is_told_apart(parts: Parts) -> None:
    made = world.build(parts, count=3)
    world.planned(parts, made, send_at=START)
    with parts.engine.begin() as tx:
        newer = world.insert(tx, "scenario_versions", scenario_id=made.scenario, no=2, published_at=START)
        tx.execute(text("insert into steps (version_id, key, position, content_id) select :v, key, position,"
                        " content_id from steps where version_id = :old"), {"v": newer, "old": made.version})  # fmt: skip
        tx.execute(text("update scenarios set published_no = 2"))
        tx.execute(text("update enrollments set version_id = :v where person_id = :p"),
                   {"v": newer, "p": made.people[0]})  # fmt: skip
        found = step_counts.read(tx, made.scenario)
        assert (found.rows["K2"].waiting, dict(found.older)) == (3, {"K2": ((1, 2),)})
        lines = step_people.page(tx, made.scenario, "K2", show="waiting", after=0, limit=10)
    assert [line.version for line in lines] == [2, 1, 1]


def test_people_become_leads_once_and_without_those_who_refused(parts: Parts) -> None:
    made = world.build(parts, count=4)
    with parts.engine.begin() as tx:
        new = world.product(tx, "ロボット", list_key="robot")
        tx.execute(text("update people set excluded_reason = 'retired' where id = :p"), {"p": made.people[0]})
        tx.execute(
            text(
                "insert into suppressions (person_id, key_hash, scope, reason, at)"
                " select p.id, a.key_hash, 'global', 'phone', :at from people p"
                " join addresses a on a.id = p.address_id where p.id = :p"
            ),
            {"p": made.people[1], "at": START},
        )
    ahead = add_leads.ahead(parts, new, {"classes": ["E"]}, event_id=None)
    assert (ahead.people, ahead.is_about) == (2, False)
    done = [
        add_leads.run(parts, new, {"classes": ["E"]}, event_id=None, user_id=None, now=START) for _ in "ab"
    ]
    assert [(one.people, one.has_more) for one in done] == [(2, False), (0, False)]
    assert add_leads.ahead(parts, new, {"classes": ["A"]}, event_id=None).people == 0


def test_a_scenario_whose_product_has_no_leads_says_so(parts: Parts) -> None:
    made = world.build(parts, count=1)
    codes = {p.code for p in design.load(parts, made.scenario, now=START).problems}
    assert not codes & {"no_leads", "nobody_fits"}
    run(parts, "update scenarios set classes = '{A}'")
    assert "nobody_fits" in {p.code for p in design.load(parts, made.scenario, now=START).problems}
    run(parts, "delete from product_leads")
    assert "no_leads" in {p.code for p in design.load(parts, made.scenario, now=START).problems}


def test_the_designer_names_the_mails_that_publishing_would_refuse(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = world.build(parts, count=1)
    words = ("【記入：展示会の名前】でお会いしました。", "{{ 会社め }}様", "こんにちは。")
    for content, body in zip(made.contents, words, strict=True):
        run(
            parts,
            "insert into content_variants (content_id, lang, subject, html) values (:c, 'ja', '便り', :html)",
            c=content,
            html=f"<p>{body}</p>",
        )
    check_mails._answers.clear()

    def found() -> list[tuple[str, int | None]]:
        problems = design.load(parts, made.scenario, now=START).problems
        return [(p.code, p.line) for p in problems if p.code.startswith("mail_")]

    assert found() == [("mail_unfinished", 1), ("mail_wrong", 2)]
    # Known now: the press is not asked again.
    monkeypatch.setattr(check_mails, "PRESSED_MAX", 0)
    assert found() == [("mail_unfinished", 1), ("mail_wrong", 2)]
