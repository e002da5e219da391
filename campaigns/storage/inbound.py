"""Mails that came back to us: each once, by its Message-ID and the mail that it answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Answered:
    """The delivery that somebody answered or that bounced. owner: where replies go, "" for nowhere."""

    delivery_id: int
    origin: str
    person_id: int | None
    address_id: int | None
    product_id: int | None
    product: str
    subject: str
    owner_user_id: int | None
    owner: str


ANSWERED = """
select d.id as delivery_id, d.origin, coalesce(p.merged_into, d.person_id) as person_id, d.address_id, d.product_id,
       coalesce(pr.name, '') as product, coalesce(m.subject, b.subject, '') as subject,
       coalesce(pr.owner_user_id, (select owner_user_id from house)) as owner_user_id,
       coalesce(nullif(sp.reply_to, ''), u.email,
                (select x.email from users x join house h on h.owner_user_id = x.id), '') as owner
  from deliveries d
  left join people p on p.id = d.person_id
  left join products pr on pr.id = d.product_id
  left join sender_profiles sp on sp.id = pr.sender_profile_id
  left join users u on u.id = pr.owner_user_id
  left join published_mails m on m.id = d.published_mail_id
  left join delivery_bodies b on b.delivery_id = d.id
 where d.id = :id
"""


def answered(tx: Connection, delivery_id: int) -> Answered | None:
    """What is known of the mail behind a token; None when it is no more."""
    row = tx.execute(text(ANSWERED), {"id": delivery_id}).first()
    return Answered(**row._mapping) if row else None


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


def bounced(
    tx: Connection, delivery_id: int, *, hardness: str, status: str, reason: str, now: datetime
) -> None:
    """A mail came back. hardness hard or soft; a bounce also proves that the mail had left.

    A mailbox once dead or complaining does not become merely soft again by a later bounce.
    """
    values = {"id": delivery_id, "hardness": hardness, "status": status, "reason": reason, "now": now}
    tx.execute(
        text(
            "update deliveries set bounce = case when bounce = 'hard' then bounce else :hardness end,"
            " bounced_at = coalesce(bounced_at, :now),"
            " reason = case when state = 'in_doubt' then 'bounced' else reason end,"
            " settled_at = case when state = 'in_doubt' then :now else settled_at end,"
            " state = case when state = 'in_doubt' then 'sent' else state end where id = :id"
        ),
        values,
    )
    tx.execute(
        text(
            "update addresses a set status = :hardness, status_reason = :reason, status_at = :now"
            " from deliveries d where d.id = :id and a.id = d.address_id"
            " and a.status not in ('hard', 'complaint')"
        ),
        values,
    )


def complained(tx: Connection, delivery_id: int, *, now: datetime) -> None:
    """The recipient called the mail spam: the mailbox is never written to again."""
    tx.execute(
        text(
            "update addresses a set status = 'complaint', status_reason = 'complaint', status_at = :now"
            " from deliveries d where d.id = :id and a.id = d.address_id"
        ),
        {"id": delivery_id, "now": now},
    )


def add_check(
    tx: Connection, mail: Answered, *, cause: str, note: str, due_at: datetime, now: datetime
) -> None:
    """A task for a person to look at. cause: refused_by_reply, address_dead. One open of a cause a person."""
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
