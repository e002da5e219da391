"""A house with a past drawn at random: mails of three scenarios with everything that can come back, events, hand-offs.

What is drawn is not what a company looks like; it is every combination that a report has to place.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import text

from campaigns.parts import Parts
from tests import world
from tests.world import START

OPENS = ("machine:proxy_apple", "machine:no_agent", "unknown", "scanner:honeypot", "suspected:many")
REASONS = ("one_click", "user_link", "reply", "complaint", "bounce")


@dataclass(frozen=True, slots=True)
class House:
    """Ids of what was made."""

    products: tuple[int, ...]
    scenarios: tuple[int, ...]
    contents: tuple[int, ...]
    events: tuple[int, ...]
    people: tuple[int, ...]


def build(parts: Parts, seed: int, *, count: int = 40, now: datetime = START) -> House:
    """People with mails of two years, seen from `now`."""
    draw = random.Random(seed)
    with parts.engine.begin() as tx:
        products = [
            world.product(tx, name, list_key=f"p{n}", expected_amount_yen=1_000_000 * (n + 1))
            for n, name in enumerate(("外観検査装置 EyeLine", "計量ポンプ"))
        ]
        made = [world.scenario(tx, products[n % 2]) for n in range(3)]
        tx.execute(text("update scenarios set name = name || ' ' || id, goal_kind = 'visit'"))
        contents = [content for _id, _version, told in made for content in told]
        for place, content in enumerate(contents):
            tags = (["省エネ"], ["省エネ", "安全"], [])[place % 3]
            tx.execute(
                text("update contents set tags = :tags, kind = :kind where id = :id"),
                {"id": content, "tags": tags, "kind": ("case_study", "industry", "product")[place % 3]},
            )
        people = world.people(tx, parts, count, product=products[0])
        events = [
            world.insert(
                tx,
                "events",
                name=f"展示会{n}",
                kind="exhibition",
                cost_yen=n * 500_000,
                starts_on=(now - timedelta(days=200 * n + 40)).date(),
                created_at=START,
            )
            for n in range(3)
        ]
    house = House(tuple(products), tuple(row[0] for row in made), tuple(contents), tuple(events), people)
    with parts.engine.begin() as tx:
        for person in people:
            _person(tx, draw, house, person, now)
            for _mail in range(draw.randrange(4)):
                _mail_to(tx, draw, house, made, person, now)
    return house


def _person(tx: object, draw: random.Random, house: House, person: int, now: datetime) -> None:
    when = now - timedelta(days=draw.randrange(800))
    changed = {"id": person, "at": when, "why": draw.choice(["", "", "", "left"])}
    _run(tx, "update people set created_at = :at, excluded_reason = :why where id = :id", **changed)
    company = "update companies set class = :c where id = (select company_id from affiliations where person_id = :id)"
    _run(tx, company, id=person, c=draw.choice("ABCDE"[:1] + "ABE"))
    status = draw.choice(["ok", "ok", "hard", "complaint"])
    bounced = "update addresses set status = :s, status_at = :at where id = (select address_id from people where id = :id)"
    _run(tx, bounced, id=person, s=status, at=_after(draw, when, now))
    for event in draw.sample(house.events, draw.randrange(3)):
        _touch(tx, draw, person, kind="card_exchange", depth=2, at=_after(draw, when, now), event=event)
    for kind, depth in (("visit", 4), ("call_connected", 3), ("web_view", 1), ("doc_request", 3)):
        if draw.random() < 0.4:
            product = draw.choice([*house.products, None])
            _touch(tx, draw, person, kind=kind, depth=depth, at=_after(draw, when, now), product=product)
    for product in house.products:
        if draw.random() < 0.6:
            _lead(tx, draw, person, product, when, now)


def _lead(tx: object, draw: random.Random, person: int, product: int, when: datetime, now: datetime) -> None:
    lead = world_insert(
        tx,
        "insert into product_leads (person_id, product_id, state, rank, created_at) values (:p, :q, :s, :r, :at)"
        " on conflict (person_id, product_id) do update set state = excluded.state, rank = excluded.rank returning id",
        p=person, q=product, s=draw.choice(["nurturing", "excluded", "won", "hot"]), at=when,
        r=draw.choice(["hot", "warm", "nurture", "unobserved"]),
    )  # fmt: skip
    for _change in range(draw.randrange(3)):
        at = _after(draw, when, now)
        change = "insert into rank_changes (lead_id, at, old, new, score, p_win) values (:l, :at, 'warm', :new, 1, 0)"
        _run(tx, change, l=lead, at=at, new=draw.choice(["hot", "nurture"]))
    if draw.random() < 0.5:
        state = draw.choice(["proposed", "held", "offered", "accepted", "returned", "won", "lost"])
        at = _after(draw, when, now)
        ended = _after(draw, at, now) if state in ("won", "lost", "returned") else None
        _run(
            tx,
            "insert into hand_offs (lead_id, product_id, state, p_win, bar, created_at, resolved_at)"
            " values (:l, :q, :s, 0.3, 0.2, :at, :end)",
            l=lead, q=product, s=state, at=at, end=ended,
        )  # fmt: skip
    if draw.random() < 0.7:
        _work(tx, draw, lead, person, product, when, now)


def _work(
    tx: object, draw: random.Random, lead: int, person: int, product: int, when: datetime, now: datetime
) -> None:
    """A task that was done, of any kind, and for a call its attempts."""
    kind, at = draw.choice(["call", "fax", "visit", "mail", "intro", "check"]), _after(draw, when, now)
    task = world_insert(
        tx,
        "insert into tasks (kind, person_id, product_id, lead_id, state, outcome, due_at, done_at, created_at)"
        " values (:k, :p, :q, :l, :s, 'sent', :at, :at, :at) returning id",
        k=kind, p=person, q=product, l=lead, s=draw.choice(["done", "cancelled"]), at=at,
    )  # fmt: skip
    if kind == "visit":
        at = _after(draw, when, now)
        _run(
            tx,
            "insert into appointments (person_id, product_id, lead_id, task_id, starts_at, ends_at, uid, state, result,"
            " created_at) values (:p, :q, :l, :t, :at, cast(:at as timestamptz) + interval '1 hour', :u, :s, :r, :made)",
            p=person, q=product, l=lead, t=task, at=at, u=f"visit-{task}", made=_after(draw, when, at),
            s=draw.choice(["held", "held", "cancelled"]), r=draw.choice(["talked", "absent"]),
        )  # fmt: skip
    if kind == "call":
        for result in draw.sample(
            ["absent", "talked", "interest", "appointment", "refused"], draw.randrange(3)
        ):
            _run(
                tx,
                "insert into call_attempts (task_id, person_id, at, result) values (:t, :p, :at, :r)",
                t=task, p=person, at=_after(draw, when, now), r=result,
            )  # fmt: skip


def _mail_to(
    tx: object, draw: random.Random, house: House, made: Sequence[tuple[int, int, tuple[int, ...]]], person: int,
    now: datetime,
) -> None:  # fmt: skip
    scenario, version, told = draw.choice(made)
    place = draw.randrange(3)
    at = now - timedelta(days=draw.randrange(700), minutes=draw.randrange(1440))
    product = house.products[house.scenarios.index(scenario) % 2]
    enrolment = world_insert(
        tx,
        "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month, due_month,"
        " status, created_at) values (:p, :q, :s, :v, :n, 0, 0, :status, :at) on conflict (person_id, scenario_id)"
        " do update set status = excluded.status returning id",
        p=person, q=product, s=scenario, v=version, n=place + 1, at=at - timedelta(days=1),
        status=draw.choice(["active", "asked", "paused", "done", "stopped"]),
    )  # fmt: skip
    bounce = draw.choice(["", "", "hard", "soft"])
    delivery = world_insert(
        tx,
        "insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, content_id, step_key, month,"
        " state, send_at, sent_at, bounce, complained_at, class, created_at) select :o, p.id, p.address_id, :q, :e, :c,"
        " :k, 0, :state, :at, :at, :bounce, :complained, :class, :at from people p where p.id = :p"
        " on conflict do nothing returning id",
        o=f"test:{draw.random()}", p=person, q=product, e=enrolment, c=told[place], k=f"K{place + 1}", at=at,
        state=draw.choice(["sent", "sent", "sent", "cancelled"]), bounce=bounce,
        complained=at if draw.random() < 0.1 else None,
        **{"class": draw.choice(["counted", "counted", "courtesy", "transactional"])},
    )  # fmt: skip
    if delivery:
        _reactions(tx, draw, person, product, delivery, at)


def _reactions(
    tx: object, draw: random.Random, person: int, product: int, delivery: int, at: datetime
) -> None:
    common = {"product": product, "delivery": delivery}
    if draw.random() < 0.5:
        _touch(tx, draw, person, kind="mail_open", at=at, validity=0.0, reason=draw.choice(OPENS), **common)
    for link in range(draw.randrange(3)):
        seen = {"url": f"https://maker.example/{link}", "validity": draw.choice([0.0, 1.0])}
        _touch(tx, draw, person, kind="mail_click", depth=1, at=at + timedelta(minutes=5), **seen, **common)
    if draw.random() < 0.3:
        seen = {"active": 45.0, "validity": draw.choice([0.0, 1.0])}
        _touch(tx, draw, person, kind="web_view", depth=1, at=at + timedelta(minutes=6), **seen, **common)
    if draw.random() < 0.2:
        _touch(tx, draw, person, kind="mail_reply", depth=3, at=at + timedelta(days=1), **common)
    if draw.random() < 0.2:
        _run(
            tx,
            "insert into suppressions (key_hash, person_id, scope, product_id, reason, delivery_id, at)"
            " select a.key_hash, p.id, :scope, :q, :why, :d, :at from people p join addresses a on a.id = p.address_id"
            "  where p.id = :p on conflict do nothing",
            p=person, d=delivery, at=at + timedelta(days=2), why=draw.choice(REASONS),
            **draw.choice([{"scope": "product", "q": product}, {"scope": "global", "q": None}]),
        )  # fmt: skip


def _touch(
    tx: object, draw: random.Random, person: int, *, kind: str, at: datetime, depth: int = 0, validity: float = 1.0,
    reason: str = "", product: int | None = None, event: int | None = None, delivery: int | None = None, url: str = "",
    active: float = 0.0,
) -> None:  # fmt: skip
    _run(
        tx,
        "insert into touchpoints (source_key, person_id, product_id, event_id, delivery_id, kind, channel, depth, at,"
        " validity, validity_reason, active_s, url, tags, created_at) values (:key, :p, :q, :e, :d, :kind, 'online',"
        " :depth, :at, :validity, :reason, :active, :url, :tags, :at)",
        key=f"test:{draw.random()}", p=person, q=product, e=event, d=delivery, kind=kind, depth=depth, at=at,
        validity=validity, reason=reason, active=active, url=url,
        tags=draw.choice([[], ["省エネ"], ["省エネ", "安全"]]),
    )  # fmt: skip


def _after(draw: random.Random, at: datetime, now: datetime) -> datetime:
    """Some day between the two."""
    return at + (now - at) * draw.random()


def world_insert(tx: object, sql: str, **values: object) -> int:
    found = tx.execute(text(sql), values).scalar_one_or_none()  # type: ignore[attr-defined]
    return int(found or 0)


def _run(tx: object, sql: str, **values: object) -> None:
    tx.execute(text(sql), values)  # type: ignore[attr-defined]
