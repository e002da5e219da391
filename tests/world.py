"""A small world for tests, written straight into the tables: a product, a scenario, people.

Each function returns ids; defaults make the shortest sound thing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules.schedule import month_of

START = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class World:
    """Ids of what was made."""

    product: int
    scenario: int
    version: int
    contents: tuple[int, ...]
    people: tuple[int, ...]


def insert(tx: Connection, table: str, **values: object) -> int:
    """One row; returns its id. Dicts and lists of dicts become JSON."""
    ready = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in values.items()}
    names = ", ".join(f'"{name}"' for name in ready)
    marks = ", ".join(
        f"cast(:{name} as jsonb)" if isinstance(values[name], dict) else f":{name}" for name in ready
    )
    return int(
        tx.execute(text(f"insert into {table} ({names}) values ({marks}) returning id"), ready).scalar_one()
    )


def sender(tx: Connection, **changed: object) -> int:
    values = {
        "name": "本社",
        "legal_name": "株式会社みのり精機",
        "postal_address": "〒430-0000 静岡県浜松市中央区1-2-3",
        "inquiry": "053-000-0000",
        "from_name": "みのり精機 佐伯 美和",
        "from_address": "saeki@minori.example",
        "reply_to": "saeki@minori.example",
        "return_path_domain": "minori.example",
    }
    return insert(tx, "sender_profiles", **(values | changed))


def product(tx: Connection, name: str = "外観検査装置 EyeLine", **changed: object) -> int:
    values = {
        "name": name,
        "list_key": "eyeline",
        "unsubscribe_label": "外観検査装置",
        "sender_profile_id": sender(tx),
        "created_at": START,
    }
    return insert(tx, "products", **(values | changed))


def scenario(
    tx: Connection,
    product: int,
    *,
    offsets: Sequence[int] = (0, 1, 2),
    want_day: int = 25,
    tones: Sequence[str] = (),
    kinds: Sequence[str] = (),
) -> tuple[int, int, tuple[int, ...]]:
    """An active, published scenario with a mail a month; returns scenario, version, contents."""
    id = insert(
        tx,
        "scenarios",
        product_id=product,
        name="展示会後フォロー",
        purpose="検査の相談を案件化する",
        goal_kind="visit",
        status="active",
        published_no=1,
        created_at=START,
    )
    version = insert(tx, "scenario_versions", scenario_id=id, no=1, published_at=START)
    contents = []
    for place, offset in enumerate(offsets):
        tone = tones[place] if tones else "info"
        kind = kinds[place] if kinds else "case_study"
        content = insert(
            tx,
            "contents",
            title=f"便り{place + 1}",
            kind=kind,
            tone=tone,
            product_id=product,
            created_at=START,
        )
        insert(
            tx,
            "steps",
            version_id=version,
            key=f"K{place + 1}",
            position=place + 1,
            offset_months=offset,
            want_day=want_day,
            tone=tone,
            content_id=content,
        )
        published_mail(tx, content, version, f"K{place + 1}")
        contents.append(content)
    return id, version, tuple(contents)


def published_mail(tx: Connection, content: int, version: int, key: str) -> int:
    """A frozen mail as publishing makes it."""
    from mailer import inline

    frozen = inline.publish(
        '<p>{{ 宛名 }}</p><p>こんにちは。</p><p><a href="https://minori.example/case">事例を読む</a></p>',
        subject=f"便り {key}",
    )
    links = [{"no": link.no, "url": link.url, "text": link.text} for link in frozen.links]
    return int(
        tx.execute(
            text(
                "insert into published_mails (content_id, version_id, step_key, subject, html, text, links,"
                " published_at) values (:content, :version, :key, :subject, :html, :text, cast(:links as jsonb),"
                " :at) returning id"
            ),
            {
                "content": content,
                "version": version,
                "key": key,
                "subject": frozen.subject,
                "html": frozen.html,
                "text": frozen.text,
                "links": json.dumps(links),
                "at": START,
            },
        ).scalar_one()
    )


def people(
    tx: Connection, parts: Parts | None, count: int, *, product: int, first: int = 1, consent: bool = True
) -> tuple[int, ...]:
    """People with an address, a company, a consent and a lead for the product."""
    ids = []
    company = insert(
        tx, "companies", name="浜名テクノ工業株式会社", core_key="ハマナテクノ工業", created_at=START
    )
    tx.execute(text("update companies set class = 'E' where id = :id"), {"id": company})
    for n in range(first, first + count):
        key = f"p{n}@hamana-techno.example"
        mark = parts.key_hash(key) if parts else key.encode()
        address = insert(
            tx, "addresses", email=key, email_key=key, key_hash=mark, status="ok", created_at=START
        )
        person = insert(
            tx,
            "people",
            family="若林",
            given=f"拓也{n}",
            full_name=f"若林 拓也{n}",
            name_key=f"若林拓也{n}",
            address_id=address,
            created_at=START,
        )
        insert(
            tx, "affiliations", person_id=person, company_id=company, department="生産技術部", title="課長"
        )
        if consent:
            insert(
                tx,
                "consents",
                address_id=address,
                person_id=person,
                basis="card_written",
                obtained_at=START - timedelta(days=30),
                recorded_at=START,
            )
        insert(tx, "product_leads", person_id=person, product_id=product, state="nurturing", created_at=START)
        ids.append(person)
    return tuple(ids)


def build(parts: Parts, *, count: int = 3, **kind: object) -> World:
    """A product, a scenario and people, ready to be enrolled."""
    with parts.engine.begin() as tx:
        made = product(tx)
        number, version, contents = scenario(tx, made, **kind)  # type: ignore[arg-type]
        who = people(tx, parts, count, product=made)
    return World(made, number, version, contents, who)


def planned(parts: Parts, world: World, *, send_at: datetime, count: int | None = None) -> list[int]:
    """Deliveries due at send_at with their slots, for the first people: the planner's outcome, in one go."""
    month = month_of(send_at)
    with parts.engine.begin() as tx:
        rows = tx.execute(
            text(
                """
                with e as (insert into enrollments (person_id, product_id, scenario_id, version_id, position,
                        start_month, due_month, created_at)
                     select id, :product, :scenario, :version, 2, :month, :month + 1, :at from unnest(cast(:people as bigint[])) q(id)
                     on conflict do nothing
                     returning id, person_id),
                     pc as (insert into pace (person_id, plan_at) select person_id, '2027-01-05' from e
                            on conflict do nothing),
                d as (insert into deliveries (origin, person_id, address_id, product_id, enrollment_id, content_id,
                        published_mail_id, step_key, month, send_at, state, created_at)
                     select 'enr:' || e.id || '/K1/round:1', p.id, p.address_id, :product, e.id, :content,
                            (select id from published_mails where version_id = :version and step_key = 'K1'),
                            'K1', :month, :at, 'planned', :at
                       from e join people p on p.id = e.person_id returning id, person_id, address_id)
                insert into mail_slots (person_id, address_id, product_id, month, slot_no, delivery_id)
                select person_id, address_id, :product, :month, 1, id from d returning delivery_id
                """
            ),
            {
                "people": list(world.people[:count]),
                "product": world.product,
                "scenario": world.scenario,
                "version": world.version,
                "content": world.contents[0],
                "month": month,
                "at": send_at,
            },
        )
        return [row.delivery_id for row in rows]


def states(parts: Parts) -> dict[str, int]:
    """How many deliveries are in which state."""
    with parts.engine.connect() as tx:
        rows = tx.execute(text("select state, count(*) from deliveries group by state"))
        return {row[0]: row[1] for row in rows}
