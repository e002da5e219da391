"""Whatever is edited and chosen: nobody is stranded by a new version, and nobody is mailed twice."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.versions import Choice, Kind
from campaigns.services import enrol, plan, publish, self_audit
from campaigns.services.publish import Done
from campaigns.storage import scenarios
from tests import world
from tests.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
NOV = 2026 * 12 + 10
STRANDED = """
select count(*) from enrollments e where e.status in ('active', 'asked', 'paused')
   and not exists (select 1 from steps s where s.version_id = e.version_id and s.position = e.position)
"""


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.begin() as tx:
        found = tx.execute(text(query), values)
        return [tuple(row) for row in found] if found.returns_rows else []


def build(parts: Parts, *, count: int, offsets: tuple[int, ...] = (0, 1, 2)) -> World:
    """A scenario whose mails are written, so that it can be published again."""
    made = world.build(parts, count=count, offsets=offsets)
    for content in made.contents:
        write(parts, content)
    return made


def write(parts: Parts, content: int, words: str = "こんにちは。") -> None:
    rows(parts, "delete from content_variants where content_id = :id", id=content)
    rows(
        parts,
        "insert into content_variants (content_id, subject, html) values (:id, :subject, :html)",
        id=content, subject=f"便り{content}", html=f"<p>{{{{ 宛名 }}}}</p><p>{words}</p>",
    )  # fmt: skip


def new_content(parts: Parts, product: int) -> int:
    with parts.engine.begin() as tx:
        content = world.insert(
            tx, "contents", title="新しい便り", kind="industry", product_id=product, created_at=NOW
        )
    write(parts, content)
    return content


def draft(parts: Parts, made: World, table: list[tuple[str, int, int]]) -> None:
    """The next draft with just these rows: (KEY, content, wanted day), a month each."""
    with parts.engine.begin() as tx:
        version = scenarios.open_draft(tx, made.scenario).id
    rows(parts, "delete from steps where version_id = :v", v=version)
    for place, (key, content, day) in enumerate(table):
        rows(
            parts,
            "insert into steps (version_id, key, position, offset_months, want_day, content_id)"
            " values (:v, :key, :n, :offset, :day, :content)",
            v=version, key=key, n=place + 1, offset=place, day=day, content=content,
        )  # fmt: skip


def go(parts: Parts, made: World, choices: dict[str, Choice] | None = None, *, now: datetime = NOW) -> Done:
    done = publish.run(parts, made.scenario, user_id=None, now=now, choices=choices or {})
    assert isinstance(done, Done), done
    return done


def enrolled(parts: Parts, made: World, *places: int) -> None:
    """Everybody takes part, at these rows one after the other."""
    enrol.audience(parts, made.scenario, now=NOW)
    for person, place in zip(made.people, places, strict=True):
        rows(
            parts,
            "update enrollments set position = :n, due_month = :m where person_id = :p",
            n=place, m=NOV + place - 1, p=person,
        )  # fmt: skip


def places(parts: Parts) -> list[tuple[object, ...]]:
    return rows(
        parts,
        "select v.no, s.key, e.status from enrollments e join scenario_versions v on v.id = e.version_id"
        " left join steps s on s.version_id = v.id and s.position = e.position order by e.person_id",
    )


def test_the_page_counts_who_waits_at_each_changed_row_and_whose_mail_has_its_date(parts: Parts) -> None:
    made = build(parts, count=4)
    enrolled(parts, made, 2, 2, 3, 1)
    plan.run(parts, now=NOW)  # the mail of the fourth gets its day, so that they wait at the second row
    a, b, c = made.contents
    draft(
        parts,
        made,
        [("K1", a, 20), ("K2", b, 20), ("K3", c, 25), ("K4", new_content(parts, made.product), 25)],
    )
    ahead = publish.ahead(parts, made.scenario, now=NOW)
    found = {
        row.change.key: (row.change.kind.value, row.label, row.waiting, row.planned, row.asks)
        for row in ahead.rows
    }
    assert found["K1"] == ("changed", "1", 0, 1, True)
    assert found["K2"] == ("changed", "2", 3, 0, True)
    assert found["K4"] == ("added", "4", 0, 0, False)
    assert "want_day" in next(row.change.fields for row in ahead.rows if row.change.key == "K1")


def test_a_rewritten_mail_is_a_change_of_its_row(parts: Parts) -> None:
    made = build(parts, count=1)
    draft(parts, made, [(f"K{n}", content, 25) for n, content in enumerate(made.contents, start=1)])
    go(parts, made)  # its mails are frozen with these very words now
    draft(parts, made, [(f"K{n}", content, 25) for n, content in enumerate(made.contents, start=1)])
    assert publish.ahead(parts, made.scenario, now=NOW).rows == ()
    write(parts, made.contents[1], "書き直しました。")
    [row] = publish.ahead(parts, made.scenario, now=NOW).rows
    assert (row.change.key, row.change.kind, row.change.fields) == ("K2", Kind.CHANGED, ("words",))


def test_keep_move_and_skip_are_done_row_by_row(parts: Parts) -> None:
    made = build(parts, count=3)
    enrolled(parts, made, 1, 2, 3)
    draft(parts, made, [(f"K{n}", content, 12) for n, content in enumerate(made.contents, start=1)])
    done = go(parts, made, {"K1": Choice.KEEP, "K2": Choice.SKIP, "K3": Choice.MOVE})
    assert done.moved == 2
    assert places(parts) == [(1, "K1", "active"), (2, "K3", "active"), (2, "K3", "active")]


def test_people_of_a_row_that_is_gone_go_on_behind_it_or_are_done(parts: Parts) -> None:
    made = build(parts, count=2)
    enrolled(parts, made, 2, 3)
    draft(parts, made, [("K1", made.contents[0], 25), ("X", new_content(parts, made.product), 25)])
    go(parts, made)
    # K2's place is X's now; behind K3 there is nothing left.
    assert places(parts) == [(2, "X", "active"), (2, None, "done")]


def test_a_planned_mail_of_a_changed_row_leaves_with_the_new_words_and_only_once(parts: Parts) -> None:
    made = build(parts, count=1)
    enrolled(parts, made, 1)
    plan.run(parts, now=NOW)
    assert world.states(parts) == {"planned": 1}
    write(parts, made.contents[0], "書き直しました。")
    draft(parts, made, [(f"K{n}", content, 25) for n, content in enumerate(made.contents, start=1)])
    go(parts, made)
    assert rows(parts, "select state, reason from deliveries") == [("carried_over", "version_changed")]
    plan.run(parts, now=NOW)
    [(state, version)] = rows(
        parts,
        "select d.state, v.no from deliveries d join published_mails m on m.id = d.published_mail_id"
        " join scenario_versions v on v.id = m.version_id",
    )
    assert (state, version) == ("planned", 2)


def test_a_planned_mail_of_a_kept_row_leaves_as_it_is(parts: Parts) -> None:
    made = build(parts, count=1)
    enrolled(parts, made, 1)
    plan.run(parts, now=NOW)
    draft(parts, made, [(f"K{n}", content, 12) for n, content in enumerate(made.contents, start=1)])
    go(parts, made, {"K1": Choice.KEEP})
    assert world.states(parts) == {"planned": 1}


def test_people_who_wait_for_their_owners_yes_move_too(parts: Parts) -> None:
    made = build(parts, count=1)
    enrolled(parts, made, 1)
    rows(parts, "update enrollments set status = 'asked'")
    draft(parts, made, [("X", new_content(parts, made.product), 25)])
    go(parts, made)
    assert places(parts) == [(2, "X", "asked")]


@pytest.mark.parametrize("seed", range(6))
def test_random_edits_and_choices_strand_nobody_and_mail_nobody_twice(parts: Parts, seed: int) -> None:
    """Mautic #6323, #3340; Parcelvoy #432: a live scenario is edited, published and lived in, over and over."""
    rng = random.Random(seed)
    made = build(parts, count=8, offsets=(0, 1, 2, 3))
    enrol.audience(parts, made.scenario, now=NOW)
    table = [(f"K{n}", content, 25) for n, content in enumerate(made.contents, start=1)]
    now = NOW
    for month in range(6):
        plan.run(parts, now=now)
        if month % 2:
            _sent(parts, now)
        table = _edited(parts, made, table, rng)
        draft(parts, made, table)
        keys = [key for (key,) in rows(parts, "select distinct key from steps")]
        go(parts, made, {str(key): rng.choice(list(Choice)) for key in keys}, now=now)
        assert rows(parts, STRANDED) == [(0,)]
        assert self_audit.run(parts, now=now).is_sound
        _sent(parts, now)
        now += timedelta(days=31)
    for _ in range(6):
        plan.run(parts, now=now)
        _sent(parts, now)
        now += timedelta(days=31)
    sent = rows(parts, "select person_id, step_key, content_id, month from deliveries where state = 'sent'")
    assert sent
    assert max(Counter((person, key) for person, key, _, _ in sent).values()) == 1
    assert max(Counter((person, content) for person, _, content, _ in sent).values()) == 1
    assert max(Counter((person, month) for person, _, _, month in sent).values()) == 1
    assert rows(parts, STRANDED) == [(0,)]


def _edited(
    parts: Parts, made: World, table: list[tuple[str, int, int]], rng: random.Random
) -> list[tuple[str, int, int]]:
    """Rows taken out, put in, changed and moved."""
    found = [(key, content, rng.choice((day, 10, 28))) for key, content, day in table if rng.random() < 0.8]
    for _ in range(rng.randint(0 if found else 1, 2)):
        fresh = (f"N{rng.randrange(10**6)}", new_content(parts, made.product), 15)
        found.insert(rng.randint(0, len(found)), fresh)
    if rng.random() < 0.5:
        rng.shuffle(found)
    return found


def _sent(parts: Parts, now: datetime) -> None:
    """Everything that is planned for the next days is accepted at its time."""
    rows(
        parts,
        "update deliveries set state = 'sent', sent_at = send_at where state = 'planned' and send_at < :end",
        end=now + timedelta(days=28),
    )
