"""Somebody who stays silent for twelve mails is asked once whether to go on, then rests on the shelf (spec 3.1.12)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.schedule import TOKYO, month_of_day
from campaigns.rules.touchpoints import Kind
from campaigns.services import enrol, explain, plan, replan, self_audit
from campaigns.storage import plan_writes, touchpoints, waiting
from campaigns.storage.touchpoints import NewTouch
from tests import world
from tests.world import World

NOW = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
FIRST = NOW.astimezone(TOKYO).date()


def rows(parts: Parts, query: str, **values: object) -> list[tuple[object, ...]]:
    with parts.engine.begin() as tx:
        found = tx.execute(text(query), values)
        return [tuple(row) for row in found] if found.returns_rows else []


def past_mails(parts: Parts, made: World, count: int, *, tone: str = "info") -> None:
    """That many counted mails, the last of them in September, and no sign since."""
    with parts.engine.begin() as tx:
        for person in made.people:
            for n in range(count):
                sent = datetime(2026, 9, 10, 1, 0, tzinfo=UTC) - timedelta(days=31 * n)
                world.insert(
                    tx,
                    "deliveries",
                    origin=f"past:{person}/{n}",
                    person_id=person,
                    product_id=made.product,
                    state="sent",
                    tone=tone,
                    month=month_of_day(sent.date()),
                    send_at=sent,
                    sent_at=sent,
                    created_at=sent,
                )


def content(parts: Parts, *, kind: str, title: str, product: int | None = None, frozen: bool = True) -> int:
    """An approved content that stands frozen on the shelf, of the kind that asks or evergreen."""
    with parts.engine.begin() as tx:
        id = world.insert(
            tx, "contents", title=title, kind=kind, product_id=product, created_at=NOW,
            is_evergreen=kind != "permission",
        )  # fmt: skip
        if frozen:
            world.insert(
                tx, "published_mails", content_id=id, step_key="shelf", subject=title, html="<p>x</p>",
                text="x", published_at=NOW,
            )  # fmt: skip
    return id


def live(parts: Parts, days: int, *, first: date = FIRST) -> None:
    """Day after day: decisions at six, and each mail accepted at its time."""
    for n in range(days):
        day = first + timedelta(days=n)
        plan.run(parts, now=datetime.combine(day, time(6, 1), tzinfo=TOKYO))
        rows(
            parts,
            "update deliveries set state = 'sent', sent_at = send_at where state = 'planned' and send_at < :now",
            now=datetime.combine(day, time(23, 59), tzinfo=TOKYO),
        )


def mailed(parts: Parts) -> list[tuple[object, ...]]:
    """(month as 2026-11, key, content, reason) of what went, in order."""
    return rows(
        parts,
        "select to_char(send_at at time zone 'Asia/Tokyo', 'YYYY-MM'), step_key, content_id, reason"
        " from deliveries where state in ('planned', 'sent') and enrollment_id is not null order by send_at",
    )


def sign(parts: Parts, person: int, at: datetime) -> None:
    """A person's click, as it is stored once it is held to be no machine's."""
    touch = NewTouch(source_key=f"sign:{person}", person_id=person, kind=Kind.MAIL_CLICK, at=at)
    with parts.engine.begin() as tx:
        touchpoints.put(tx, [touch], now=at)


def silent_people(parts: Parts, *, mails: int = 12, count: int = 1) -> World:
    made = world.build(parts, count=count, offsets=(0, 1, 2, 3), want_day=10)
    past_mails(parts, made, mails)
    enrol.audience(parts, made.scenario, now=NOW)
    return made


def test_after_twelve_silent_mails_one_question_then_the_shelf_twice_a_year(parts: Parts) -> None:
    made = silent_people(parts)
    ask = content(parts, kind="permission", title="今後も")
    shelf = [content(parts, kind="industry", title=f"棚{n}", product=made.product) for n in range(3)]
    live(parts, 400)
    assert mailed(parts) == [
        ("2026-11", "silent:permission", ask, "permission_asked"),
        ("2027-05", "silent:shelf", shelf[0], "shelf_instead"),
        ("2027-11", "silent:shelf", shelf[1], "shelf_instead"),
    ]
    assert rows(parts, "select position, status, round from enrollments") == [(1, "active", 1)], (
        "the row waits"
    )
    assert self_audit.run(parts, now=datetime(2027, 12, 7, 0, 0, tzinfo=UTC)).is_sound


def test_the_question_comes_two_months_after_the_last_mail_not_half_a_year(parts: Parts) -> None:
    silent_people(parts)
    rows(parts, "update deliveries set month = month + 1, sent_at = sent_at + interval '30 days'")
    content(parts, kind="permission", title="今後も")
    live(parts, 70)
    assert [(month, key) for month, key, *_ in mailed(parts)] == [("2026-12", "silent:permission")]


@pytest.mark.parametrize("frozen", [None, False], ids=["none written", "not approved"])
def test_without_an_approved_question_the_rows_own_mails_go_twice_a_year(
    parts: Parts, frozen: object
) -> None:
    silent_people(parts)
    if frozen is not None:
        content(parts, kind="permission", title="今後も", frozen=False)
    content(parts, kind="industry", title="棚")
    live(parts, 320)
    assert [(month, key) for month, key, *_ in mailed(parts)] == [("2027-03", "K1"), ("2027-09", "K2")]


def test_with_an_empty_shelf_the_rows_own_mails_go_on_after_the_question(parts: Parts) -> None:
    silent_people(parts)
    content(parts, kind="permission", title="今後も")
    live(parts, 400)
    assert [(month, key) for month, key, *_ in mailed(parts)] == [
        ("2026-11", "silent:permission"),
        ("2027-05", "K1"),
        ("2027-11", "K2"),
    ]


def test_a_human_sign_brings_the_row_back_at_once(parts: Parts) -> None:
    made = silent_people(parts)
    content(parts, kind="permission", title="今後も")
    content(parts, kind="industry", title="棚")
    live(parts, 20)
    sign(parts, made.people[0], datetime(2026, 11, 15, 1, 0, tzinfo=UTC))
    live(parts, 60, first=FIRST + timedelta(days=20))
    assert [(month, key) for month, key, *_ in mailed(parts)] == [
        ("2026-11", "silent:permission"),
        ("2026-12", "K1"),
        ("2027-01", "K2"),
    ]


def test_eleven_silent_mails_are_not_yet_a_question(parts: Parts) -> None:
    silent_people(parts, mails=11)
    content(parts, kind="permission", title="今後も")
    live(parts, 20)
    assert [key for _, key, *_ in mailed(parts)] == ["K1"]


def test_once_a_person_over_all_products_and_before_every_other_mail(parts: Parts) -> None:
    made = silent_people(parts)
    with parts.engine.begin() as tx:
        other = world.product(tx, "5軸加工機", list_key="axis", priority=1)
        second, _, _ = world.scenario(tx, other, want_day=10)
        world.insert(
            tx, "product_leads", person_id=made.people[0], product_id=other, state="nurturing", created_at=NOW
        )
    enrol.audience(parts, second, now=NOW)
    content(parts, kind="permission", title="今後も", product=made.product)
    content(parts, kind="permission", title="もう1つ", product=made.product)
    live(parts, 12)
    assert [key for _, key, *_ in mailed(parts)] == ["silent:permission"], "though the other has priority 1"
    with parts.engine.connect() as tx:
        reasons = {line.product_id: line.reason for line in waiting.lines(tx)}
    assert reasons == {made.product: "resting", other: "permission_first"}
    live(parts, 200, first=FIRST + timedelta(days=12))
    assert [key for _, key, *_ in mailed(parts)].count("silent:permission") == 1


def test_a_thank_you_mail_and_one_with_a_last_day_keep_their_place(parts: Parts) -> None:
    made = world.build(parts, count=1, kinds=("thanks", "case_study", "case_study"), want_day=10)
    past_mails(parts, made, 12)
    enrol.audience(parts, made.scenario, now=NOW)
    content(parts, kind="permission", title="今後も")
    rows(parts, "update deliveries set month = month - 6, sent_at = sent_at - interval '180 days'")
    live(parts, 20)
    assert [key for _, key, *_ in mailed(parts)] == ["K1"]


def test_a_question_that_sells_waits_for_the_tone_like_any_mail(parts: Parts) -> None:
    made = world.build(parts, count=1, want_day=10)
    past_mails(parts, made, 12, tone="sales_light")
    enrol.audience(parts, made.scenario, now=NOW)
    content(parts, kind="permission", title="今後も")
    rows(parts, "update contents set tone = 'sales_light' where kind = 'permission'")
    live(parts, 20)
    assert mailed(parts) == []


def test_a_question_put_back_is_planned_anew_and_leaves_nothing_waiting(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts.clock, "_travels", False)
    silent_people(parts)
    content(parts, kind="permission", title="今後も")
    plan.run(parts, now=datetime(2026, 11, 5, 0, 0, tzinfo=UTC))
    assert world.states(parts) == {"sent": 12, "planned": 1}
    later = datetime(2026, 11, 12, 0, 0, tzinfo=UTC)
    assert replan.run(parts, now=later) == 1
    assert rows(parts, "select state, reason from deliveries where enrollment_id is not null") == [
        ("cancelled", "planned_anew")
    ]
    assert rows(parts, "select count(*) from mail_slots") == [(0,)]
    plan.run(parts, now=later)
    assert rows(parts, "select state, reason from deliveries where enrollment_id is not null") == [
        ("planned", "permission_asked")
    ]
    assert self_audit.run(parts, now=later).is_sound


def test_the_sentence_tells_the_question_the_rest_and_who_waits(parts: Parts) -> None:
    made = silent_people(parts)
    content(parts, kind="permission", title="今後も")
    live(parts, 35)
    now = datetime(2026, 12, 8, 0, 0, tzinfo=UTC)
    november, december = explain.person(
        parts, made.people[0], first=2026 * 12 + 10, last=2026 * 12 + 11, now=now
    ).months
    (asked,) = november.entries
    assert asked.line is not None
    assert asked.line.reason == "permission_asked"
    (waits,) = december.entries
    assert waits.why is not None
    assert waits.why.held is not None
    assert waits.why.held.code == "resting"


def test_a_question_that_lost_its_slot_to_another_transaction_leaves_nothing_waiting(parts: Parts) -> None:
    silent_people(parts)
    content(parts, kind="permission", title="今後も")
    plan.run(parts, now=datetime(2026, 11, 5, 0, 0, tzinfo=UTC))
    with parts.engine.begin() as tx:
        ids = list(tx.execute(text("select id from deliveries where state = 'planned'")).scalars())
        plan_writes.take_back(tx, ids, until="2026-12-07")
    assert rows(parts, "select state, reason, until from deliveries where enrollment_id is not null") == [
        ("cancelled", "planned_anew", None)
    ]
