"""A house with many people and a mail of 15 kB with eight tracked links, planned again for each run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.services import dkim_keys
from mailer import inline
from mailer.sign import Algorithm
from tests import world
from tests.e2e.crowd import crowd

LINES = 53  # makes 15,000 octets on the wire
# What a run leaves behind; people stay.
RUN_TABLES = "deliveries, mail_slots, claims, enrollments, pace, mail_days"


@dataclass(frozen=True, slots=True)
class House:
    """What was made."""

    world: world.World


def build(parts: Parts, *, people: int) -> House:
    """A product, a scenario, people who gave their card at a fair, and a mail as long as real ones."""
    made = world.build(parts, count=0)
    with parts.engine.begin() as tx:
        ids = crowd(tx, parts, people, product=made.product)
        event = world.insert(tx, "events", name="ミライ工場展", created_at=world.START)
        tx.execute(
            text(
                "insert into touchpoints (source_key, person_id, product_id, event_id, kind, at, created_at)"
                " select 'card:' || id, id, :product, :event, 'card_exchange', :at, :at"
                " from unnest(cast(:ids as bigint[])) q(id)"
            ),
            {
                "product": made.product,
                "event": event,
                "at": world.START - timedelta(days=60),
                "ids": list(ids),
            },
        )
        _long_mail(tx)
    return House(world.World(made.product, made.scenario, made.version, made.contents, ids))


def plan(parts: Parts, house: House) -> list[int]:
    """Everybody's next mail, due now, as the planner leaves it; what an earlier run left is removed."""
    now = datetime.now(UTC) - timedelta(minutes=5)
    with parts.engine.begin() as tx:
        tx.execute(text(f"truncate {RUN_TABLES} cascade"))
        tx.execute(text("update addresses set next_free_on = null where next_free_on is not null"))
    ids = world.planned(parts, house.world, send_at=now)
    free_on = (now.astimezone(parts.settings.tz) + timedelta(days=21)).date()
    with parts.engine.begin() as tx:
        tx.execute(text("update pace set next_free_on = :day"), {"day": free_on})
        tx.execute(text("update addresses set next_free_on = :day"), {"day": free_on})
    with parts.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as tx:
        tx.execute(text("vacuum analyze"))
        tx.execute(text("checkpoint"))
    return ids


def sent(parts: Parts) -> int:
    """Deliveries that were sent."""
    return world.states(parts).get("sent", 0)


def sign(parts: Parts, algorithm: str) -> None:
    """Keys of that kind for the sender's domain, signing from now on."""
    folder, now = dkim_keys.folder_of(parts.settings), datetime.now(UTC)
    kinds = {"rsa2048": Algorithm.RSA, "ed25519": Algorithm.ED25519}
    dkim_keys.make(folder, "minori.example", algorithms=[kinds[algorithm]], now=now)
    dkim_keys.activate(folder, "minori.example", now=now)


def _long_mail(tx: Connection) -> None:
    lines = "".join(
        f'<p>事例{n}: 検査の時間を半分にした工場の話です。<a href="https://minori.example/{n}">続きを読む</a></p>'
        for n in range(8)
    )
    frozen = inline.publish(
        "<p>{{ 宛名 }}</p><p>{{ ご縁 }}方へお送りしています。</p>"
        + lines
        + "<p>"
        + "外観検査の手順をまとめました。" * LINES
        + "</p>",
        subject="{{ 会社名 }}様へ、検査だより",
        preheader="限度見本から始めた記録です",
    )
    links = [{"no": link.no, "url": link.url, "text": link.text} for link in frozen.links]
    tx.execute(
        text(
            "update published_mails set subject = :subject, html = :html, text = :text, links = cast(:links as jsonb)"
        ),
        {"subject": frozen.subject, "html": frozen.html, "text": frozen.text, "links": json.dumps(links)},
    )
