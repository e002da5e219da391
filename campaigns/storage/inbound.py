"""Mails that came back to us: each once, by its Message-ID and the mail that it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Answered:
    """The delivery that somebody answered or that bounced. owner: where replies go, "" for nowhere.

    email: where the mail had gone.
    """

    delivery_id: int
    origin: str
    person_id: int | None
    address_id: int | None
    product_id: int | None
    product: str
    subject: str
    owner_user_id: int | None
    owner: str
    email: str


ANSWERED = """
select d.id as delivery_id, d.origin, coalesce(p.merged_into, d.person_id) as person_id, d.address_id, d.product_id,
       coalesce(pr.name, '') as product, coalesce(m.subject, b.subject, '') as subject,
       coalesce(pr.owner_user_id, (select owner_user_id from house)) as owner_user_id,
       coalesce(nullif(sp.reply_to, ''), u.email,
                (select x.email from users x join house h on h.owner_user_id = x.id), '') as owner,
       coalesce(a.email, b.to_address, '') as email
  from deliveries d
  left join addresses a on a.id = d.address_id
  left join people p on p.id = d.person_id
  left join products pr on pr.id = d.product_id
  left join sender_profiles sp on sp.id = pr.sender_profile_id
  left join users u on u.id = pr.owner_user_id
  left join published_mails m on m.id = d.published_mail_id
  left join delivery_bodies b on b.delivery_id = d.id
 where d.id = any(:ids)
"""


def answered(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, Answered]:
    """What is known of the mails behind tokens, by delivery; those that are no more are left out."""
    rows = tx.execute(text(ANSWERED), {"ids": list(delivery_ids)})
    return {row.delivery_id: Answered(**row._mapping) for row in rows}


def origins(tx: Connection, delivery_ids: Sequence[int]) -> dict[int, str]:
    """Why these mails exist: what the mark of a Message-ID is made from."""
    rows = tx.execute(
        text("select id, origin from deliveries where id = any(:ids)"), {"ids": list(delivery_ids)}
    )
    return {row.id: row.origin for row in rows}


@dataclass(frozen=True, slots=True)
class Received:
    """One incoming mail. key: names it for ever. result: what we did about it."""

    key: str
    kind: str
    result: str
    person_id: int | None
    delivery_id: int | None
    from_address: str
    subject: str
    text: str


def add(tx: Connection, mail: Received, *, now: datetime) -> int | None:
    """Keep the mail; None if it was received before."""
    return tx.execute(
        text(
            "insert into inbound_mails (message_key, kind, result, person_id, delivery_id, from_address,"
            " subject, text, at) values (:key, :kind, :result, :person_id, :delivery_id, :from_address,"
            " :subject, :text, :now) on conflict (message_key) do nothing returning id"
        ),
        {
            "key": mail.key,
            "kind": mail.kind,
            "result": mail.result,
            "person_id": mail.person_id,
            "delivery_id": mail.delivery_id,
            "from_address": mail.from_address,
            "subject": mail.subject,
            "text": mail.text,
            "now": now,
        },
    ).scalar()


def known(tx: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these keys that were received before."""
    rows = tx.execute(
        text("select message_key from inbound_mails where message_key = any(:keys)"), {"keys": list(keys)}
    )
    return {row.message_key for row in rows}


def add_check(
    tx: Connection, mail: Answered, *, cause: str, note: str, due_at: datetime, now: datetime
) -> None:
    """A task for a person to look at. cause: reply, refused_by_reply. One open of a cause a person."""
    tx.execute(
        text(
            """
            insert into tasks (kind, person_id, origin_person_id, company_id, product_id, team, state, cause,
                   priority, due_at, note, created_at)
            select 'check', p.id, p.id, f.company_id, cast(:product_id as bigint), 'inside', 'open', :cause, 3,
                   :due_at, :note, :now
              from people p left join affiliations f on f.person_id = p.id and f.is_current
             where p.id = :person_id and not exists (select 1 from tasks t where t.person_id = p.id
                     and t.kind = 'check' and t.cause = :cause and t.state in ('open', 'snoozed'))
            """
        ),
        {
            "person_id": mail.person_id,
            "product_id": mail.product_id,
            "cause": cause,
            "note": note,
            "due_at": due_at,
            "now": now,
        },
    )


def known_events(tx: Connection, keys: Sequence[str]) -> set[str]:
    """Those of these events that were received before."""
    rows = tx.execute(
        text("select event_key from returned_events where event_key = any(:keys)"), {"keys": list(keys)}
    )
    return {row.event_key for row in rows}


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a provider. key: names it for ever. raw: as it came. result: what we did about it."""

    source: str
    key: str
    kind: str
    result: str
    delivery_id: int | None
    address: str
    reason: str
    raw: str


def add_events(tx: Connection, events: Sequence[Told], *, now: datetime) -> set[str]:
    """Keep events; returns the keys of those that are new."""
    if not events:
        return set()
    rows = tx.execute(
        text(
            """
            insert into returned_events (source, event_key, kind, result, delivery_id, address, reason, raw, at)
            select q.*, :now from unnest(cast(:source as text[]), cast(:key as text[]), cast(:kind as text[]),
                   cast(:result as text[]), cast(:delivery_id as bigint[]), cast(:address as text[]),
                   cast(:reason as text[]), cast(:raw as text[])) as q
            on conflict (event_key) do nothing returning event_key
            """
        ),
        {
            **{
                name: [getattr(event, name) for event in events]
                for name in ("source", "key", "kind", "result", "delivery_id", "address", "reason", "raw")
            },
            "now": now,
        },
    )
    return {row.event_key for row in rows}
