"""Broadcasts against the real database: the second person, the test, and the one law over all of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.broadcasts import Plan, State
from campaigns.services import broadcast, plan, render, run_broadcasts
from campaigns.services.author import Stale
from campaigns.services.broadcast import BroadcastError
from campaigns.storage import broadcast_figures, broadcasts, users
from tests import world
from tests.world import World

SEND_ON = date(2026, 11, 27)  # Friday
DECIDED = datetime(2026, 11, 27, 7, 30, tzinfo=UTC) + timedelta(hours=48)  # Sunday 16:30 in Tokyo


@pytest.fixture
def small(parts: Parts) -> World:
    """A product with a written mail, ten people of it; and the ids of two colleagues, 1 and 2."""
    with parts.engine.begin() as tx:
        for name in ("佐伯 美和", "大石 健"):
            users.add(tx, email=f"{name[0]}@minori.example", name=name, role="marketer", locale="ja",
                      password_hash="x", now=world.START)  # fmt: skip
    made = world.build(parts, count=10, offsets=(5,))
    with parts.engine.begin() as tx:
        _variants(tx, made.contents[0], "検査のコツ")
    return made


def _variants(tx: object, content: int, subject: str) -> None:
    tx.execute(  # type: ignore[attr-defined]
        text("insert into content_variants (content_id, lang, subject, html) values (:c, 'ja', :s, :h)"),
        {"c": content, "s": subject, "h": "<p>{{ 宛名 }}</p><p>検査のコツです。</p>"},
    )


def _plan(small: World, **changed: object) -> Plan:
    told = Plan(
        name="11月の検査のコツ",
        product_id=small.product,
        theme="検査のコツ",
        content_id=small.contents[0],
        send_on=SEND_ON,
        valid_until=date(2026, 12, 28),
    )
    return replace(told, **changed)  # type: ignore[arg-type]


def _strangers(parts: Parts, n: int) -> None:
    """People of no product: they make the audience a smaller part of all."""
    with parts.engine.begin() as tx:
        for _ in range(n):
            world.insert(tx, "people", full_name="他 人", created_at=world.START)


def _saved(parts: Parts, made: Plan, now: datetime) -> broadcasts.Broadcast:
    id = broadcast.save(parts, None, made, version=0, user_id=1, now=now)
    return _now(parts, id)


def _now(parts: Parts, id: int) -> broadcasts.Broadcast:
    with parts.engine.connect() as tx:
        found = broadcasts.get(tx, id)
    assert found is not None
    return found


def _rows(parts: Parts, sql: str) -> list[tuple[object, ...]]:
    with parts.engine.connect() as tx:
        return [tuple(row) for row in tx.execute(text(sql))]


def _send(parts: Parts, now: datetime) -> None:
    """What is planned by now has left."""
    with parts.engine.begin() as tx:
        tx.execute(
            text("update deliveries set state = 'sent', sent_at = send_at where state = 'planned'"
                 " and send_at <= :now"),
            {"now": now},
        )  # fmt: skip


def test_broadcast_to_sixty_percent_waits_for_a_second_person(
    parts: Parts, small: World, now: datetime
) -> None:
    _strangers(parts, 6)  # ten of sixteen people
    made = _saved(parts, _plan(small), now)
    assert (made.people, made.everybody, made.is_mass) == (10, 16, True)

    state, problems = broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    assert (state, problems) == (State.ASKED, ())
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    assert world.states(parts) == {}

    asked = _now(parts, made.id)
    with pytest.raises(BroadcastError, match="own_request"):
        broadcast.answer(parts, made.id, yes=True, reason="", version=asked.version, user_id=1, now=now)
    done = broadcast.answer(parts, made.id, yes=True, reason="", version=asked.version, user_id=2, now=now)
    assert done is State.APPROVED
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    assert world.states(parts) == {"planned": 10}
    days = _rows(parts, "select distinct (send_at at time zone 'Asia/Tokyo')::date from deliveries")
    # Ten people of one company: the mail is spread over three business days.
    assert min(days)[0] == SEND_ON
    told = _rows(parts, "select action, user_id from audit_log where noun = 'broadcast' order by id")
    assert told == [("create", 1), ("ask", 1), ("approve", 2), ("launch", None)]


def test_half_of_all_people_needs_nobody_else(parts: Parts, small: World, now: datetime) -> None:
    _strangers(parts, 10)
    made = _saved(parts, _plan(small), now)
    state, _ = broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    assert state is State.APPROVED


def test_refusal_needs_a_reason_and_lets_the_draft_be_changed(
    parts: Parts, small: World, now: datetime
) -> None:
    made = _saved(parts, _plan(small), now)
    broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    asked = _now(parts, made.id)
    with pytest.raises(BroadcastError, match="reason_missing"):
        broadcast.answer(parts, made.id, yes=False, reason=" ", version=asked.version, user_id=2, now=now)
    broadcast.answer(
        parts, made.id, yes=False, reason="対象が広すぎる", version=asked.version, user_id=2, now=now
    )
    refused = _now(parts, made.id)
    assert (refused.state, refused.answer) == ("refused", "対象が広すぎる")
    with pytest.raises(Stale):
        broadcast.save(parts, made.id, _plan(small), version=asked.version, user_id=1, now=now)
    broadcast.save(parts, made.id, _plan(small), version=refused.version, user_id=1, now=now)
    assert _now(parts, made.id).state == "draft"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"theme": ""}, "theme_missing"),
        ({"content_id": None}, "content_id_missing"),
        ({"send_on": date(2026, 11, 23)}, "send_on_past"),
        ({"send_on": date(2026, 11, 28)}, "send_on_closed"),
        ({"classes": ("A",)}, "nobody"),
        ({"ab": "subject", "subject_b": "", "sample_n": 20}, "subject_b_missing"),
    ],
)
def test_what_is_missing_is_refused_and_nothing_goes(
    parts: Parts, small: World, now: datetime, changed: dict[str, object], code: str
) -> None:
    made = _saved(parts, _plan(small, **changed), now)
    state, problems = broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    assert state is State.DRAFT
    assert code in [p.code for p in problems]
    run_broadcasts.run(parts, now=now)
    assert _rows(parts, "select 1 from enrollments") == []


def _testing(parts: Parts, small: World, now: datetime, *, people: int) -> broadcasts.Broadcast:
    with parts.engine.begin() as tx:
        world.people(tx, parts, people - 10, product=small.product, first=100)
    _strangers(parts, people)
    made = _saved(
        parts,
        _plan(small, ab="subject", subject_b="見逃しを減らす3つの工夫", sample_n=20, wait_hours=48,
              send_on=date(2026, 11, 24)),
        now,
    )  # fmt: skip
    state, problems = broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    assert (state, problems) == (State.APPROVED, ())
    run_broadcasts.run(parts, now=now)
    return _now(parts, made.id)


def _clicks(parts: Parts, key: str, n: int, at: datetime, *, validity: float = 1) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into touchpoints (source_key, person_id, product_id, delivery_id, kind, channel, depth, at,"
                " validity, created_at) select 'click:' || id, person_id, product_id, id, 'mail_click', 'online', 2,"
                " :at, :validity, :at from deliveries where step_key = :key and state = 'sent' order by id limit :n"
            ),
            {"key": key, "n": n, "at": at, "validity": validity},
        )


def test_clicks_of_machines_are_told_beside_those_of_people(
    parts: Parts, small: World, now: datetime
) -> None:
    made = _testing(parts, small, now, people=60)
    plan.run(parts, now=now)
    later = made.decide_at or now
    _send(parts, later)
    _clicks(parts, "A", 3, later)
    _clicks(parts, "B", 5, later, validity=0)
    with parts.engine.connect() as tx:
        arms = broadcast_figures.figures(tx, made.id).arms
    told = {key: (arm["clicked"], arm["clicked_all"]) for key, arm in arms.items()}
    assert told == {"A": (3, 3), "B": (0, 5)}


def test_test_is_decided_by_human_clicks_and_the_winner_goes_to_the_rest(
    parts: Parts, small: World, now: datetime
) -> None:
    made = _testing(parts, small, now, people=60)
    assert made.state == "testing"
    plan.run(parts, now=now)
    assert world.states(parts) == {"planned": 40}
    rest = "select count(*) from enrollments where status = 'paused' and reason = 'ab_test'"
    assert _rows(parts, rest) == [(20,)]
    later = made.decide_at
    assert later is not None
    assert not run_broadcasts.decide(parts, made.id, now=later - timedelta(minutes=1))

    _send(parts, later)
    _clicks(parts, "A", 1, later)
    _clicks(parts, "B", 9, later)
    assert run_broadcasts.decide(parts, made.id, now=later)
    assert not run_broadcasts.decide(parts, made.id, now=later)
    found = _now(parts, made.id)
    assert (found.state, found.winner) == ("sending", "b")
    assert found.result["test"]["A"] == {"sent": 20, "clicked": 1}
    assert found.result["test"]["p"] < 0.05
    plan.run(parts, now=later)
    planned = _rows(parts, "select step_key, count(*) from deliveries where state = 'planned' group by 1")
    assert planned == [("B", 20)]
    subjects = _rows(parts, "select step_key, subject from published_mails where version_id <> 1 order by 1")
    assert subjects == [("A", "検査のコツ"), ("B", "見逃しを減らす3つの工夫")]
    twice = "select person_id, month from mail_slots group by 1, 2 having count(*) > 1"
    assert _rows(parts, twice) == []
    # Months later nobody has got the other version besides, and it is over.
    _send(parts, datetime(2026, 12, 1, 9, tzinfo=UTC))
    for day in (datetime(2026, 12, 24, 1, tzinfo=UTC), datetime(2027, 1, 26, 1, tzinfo=UTC)):
        plan.run(parts, now=day)
        run_broadcasts.run(parts, now=day)
    assert _rows(parts, "select count(*), count(distinct person_id) from deliveries") == [(60, 60)]
    assert _now(parts, made.id).state == "done"


def test_clicks_of_scanners_decide_nothing_and_a_tie_gives_a(
    parts: Parts, small: World, now: datetime
) -> None:
    made = _testing(parts, small, now, people=60)
    plan.run(parts, now=now)
    assert made.decide_at is not None
    _send(parts, made.decide_at)
    _clicks(parts, "B", 20, made.decide_at, validity=0)
    run_broadcasts.decide(parts, made.id, now=made.decide_at)
    found = _now(parts, made.id)
    assert (found.winner, found.result["test"]["is_tie"]) == ("a", True)


def test_person_whose_month_is_taken_waits_or_is_left_out_visibly(
    parts: Parts, small: World, now: datetime
) -> None:
    world.planned(parts, small, send_at=now + timedelta(hours=3), count=4)
    _strangers(parts, 10)
    other = _saved(parts, _plan(small, content_id=_another(parts, small), valid_until=SEND_ON), now)
    broadcast.ask(parts, other.id, version=other.version, user_id=1, now=now)
    run_broadcasts.run(parts, now=now)
    for day in (now, datetime(2026, 12, 28, 1, tzinfo=UTC), datetime(2027, 1, 29, 1, tzinfo=UTC)):
        plan.run(parts, now=day)
    with parts.engine.connect() as tx:
        figures = broadcast_figures.figures(tx, other.id)
    assert figures.people == 10
    assert figures.buckets == {"planned": 6, "expired": 4}
    assert _rows(parts, "select 1 from mail_slots group by person_id, month having count(*) > 1") == []


def test_who_refused_tracking_gets_the_broadcast_with_plain_links_and_no_pixel(
    parts: Parts, small: World, now: datetime
) -> None:
    link = "https://www.example.co.jp/guide/"
    with parts.engine.begin() as tx:
        tx.execute(
            text("update content_variants set html = html || :link"),
            {"link": f'<p><a href="{link}">手引</a></p>'},
        )
        tx.execute(text("update people set do_not_track = true where id = :id"), {"id": small.people[0]})
    _strangers(parts, 10)
    made = _saved(parts, _plan(small), now)
    broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    rows = _rows(parts, "select person_id, id from deliveries where state = 'planned'")
    assert len(rows) == 10
    with parts.engine.connect() as tx:
        letters = render.items(tx, parts, [int(str(id)) for _, id in rows], now=now)
    for person, id in rows:
        body = letters[int(str(id))].body
        assert callable(body)
        mail = message_from_bytes(body(), policy=policy.default)
        for kind in ("plain", "html"):
            part = mail.get_body((kind,))
            assert part is not None
            words = part.get_content()
            is_plain = link in words and "/c/" not in words and "/o/" not in words
            assert is_plain == (person == small.people[0]), words


def _another(parts: Parts, small: World) -> int:
    with parts.engine.begin() as tx:
        content = world.insert(
            tx, "contents", title="別の便り", kind="case_study", tone="info", product_id=small.product,
            created_at=world.START,
        )  # fmt: skip
        _variants(tx, content, "別の便り")
    return content


def test_new_people_of_the_product_do_not_join_a_broadcast_that_has_begun(
    parts: Parts, small: World, now: datetime
) -> None:
    from campaigns.services import enrol

    _strangers(parts, 10)
    made = _saved(parts, _plan(small), now)
    broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    run_broadcasts.run(parts, now=now)
    with parts.engine.begin() as tx:
        new = world.people(tx, parts, 1, product=small.product, first=500)
    enrol.people(parts, new, now=now)
    assert _rows(parts, f"select count(*) from enrollments where scenario_id = {made.id}") == [(10,)]


def test_refusals_above_half_a_percent_alarm_the_owner_once(
    parts: Parts, small: World, now: datetime
) -> None:
    _strangers(parts, 10)
    made = _saved(parts, _plan(small), now)
    broadcast.ask(parts, made.id, version=made.version, user_id=1, now=now)
    run_broadcasts.run(parts, now=now)
    plan.run(parts, now=now)
    later = datetime(2026, 12, 1, 10, tzinfo=UTC)
    _send(parts, later)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into suppressions (key_hash, person_id, scope, product_id, reason, delivery_id, at)"
                " select cast(id::text as bytea), person_id, 'product', product_id, 'user_link', id, :at"
                " from deliveries order by deliveries.id limit 2"
            ),
            {"at": later},
        )
    run_broadcasts.run(parts, now=later)
    run_broadcasts.run(parts, now=later + timedelta(hours=1))
    found = _now(parts, made.id)
    assert (found.state, found.result["alarm"]) == ("done", True)
    assert _rows(parts, "select kind, args ->> 'refused' from alerts") == [("refusal_rate", "2")]
    with parts.engine.connect() as tx:
        (theme,) = broadcast_figures.themes(tx)
    assert (theme.theme, theme.sent, theme.refused, theme.alarms) == ("検査のコツ", 10, 2, 1)
