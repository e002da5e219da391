"""Answers to invitations: one a person and event, changed until the last day; and the seats that they take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom and to what somebody invited. delivery_id: None when they told it on the phone. lang: of the mail.
    email: '' after an erasure. has_mailbox: a mail reaches them."""

    event_id: int
    person_id: int
    product_id: int | None = None
    delivery_id: int | None = None
    address_id: int | None = None
    email: str = ""
    lang: str = "ja"
    has_mailbox: bool = False


ASKED = """
select st.event_id, coalesce(p.merged_into, p.id) as person_id, d.product_id, d.id as delivery_id, a.id as address_id,
       coalesce(a.email, '') as email, coalesce(m.lang, 'ja') as lang,
       coalesce(a.email <> '' and a.status not in ('hard', 'complaint'), false) as has_mailbox
  from deliveries d
  join people p on p.id = d.person_id
  join published_mails m on m.id = d.published_mail_id
  join steps st on st.version_id = m.version_id and st.key = m.step_key and st.event_id is not null
  left join addresses a on a.id = d.address_id
 where d.id = :id
"""


def asked(tx: Connection, delivery_id: int) -> Asked | None:
    """Whom and to what a mail invited; None for a mail that invites to nothing."""
    row = tx.execute(text(ASKED), {"id": delivery_id}).one_or_none()
    return None if row is None else Asked(**row._mapping)


@dataclass(frozen=True, slots=True)
class Given:
    """An answer as it stands. is_waiting: a yes without a seat."""

    id: int
    answer: str
    is_waiting: bool
    at: datetime


def of_person(tx: Connection, event_id: int, person_id: int) -> Given | None:
    """Index uq_event_answers_event_id_person_id."""
    row = tx.execute(
        text(
            "select id, answer, is_waiting, at from event_answers where event_id = :event and person_id = :person"
        ),
        {"event": event_id, "person": person_id},
    ).one_or_none()
    return None if row is None else Given(**row._mapping)


PUT = """
insert into event_answers (event_id, person_id, origin_person_id, answer, is_waiting, delivery_id, answered_by, at)
values (:event, :person, :person, :answer, :waiting, :delivery, :user, :now)
on conflict (event_id, person_id) do update
   set answer = excluded.answer, is_waiting = excluded.is_waiting, answered_by = excluded.answered_by,
       delivery_id = coalesce(excluded.delivery_id, event_answers.delivery_id), at = excluded.at
returning id
"""


def put(
    tx: Connection,
    event_id: int,
    person_id: int,
    *,
    answer: str,
    is_waiting: bool,
    delivery_id: int | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """Write an answer, over the one that stood there; its id. The event's row is held by the caller."""
    values = {
        "event": event_id,
        "person": person_id,
        "answer": answer,
        "waiting": is_waiting,
        "delivery": delivery_id,
        "user": user_id,
        "now": now,
    }
    return int(tx.execute(text(PUT), values).scalar_one())


# A person is counted once, whether they answered, sent the form, or both; forms know their people by id as well.
SEATS = """
select count(*) from (
  select a.person_id from event_answers a
   where a.event_id = :event and a.answer = 'yes' and not a.is_waiting and a.person_id <> :person
  union
  select coalesce(e.person_id, -e.id) from forms f join form_entries e on e.form_id = f.id and e.state = 'done'
   where f.event_id = :event and e.person_id is distinct from :person) q
"""


def seats(tx: Connection, event_id: int, *, but: int = 0) -> int:
    """Seats that are taken, by answers and by forms. but: a person who is not counted."""
    return int(tx.execute(text(SEATS), {"event": event_id, "person": but}).scalar_one())


CAPACITY = """
select coalesce((select sum(f.capacity) from forms f
                  where f.event_id = e.id and f.state <> 'draft' and f.capacity is not null), e.capacity)
  from events e where e.id = :event
"""


def capacity(tx: Connection, event_id: int) -> int | None:
    """Seats that there are: those that the event's forms give out, else its own; None: as many as come."""
    found = tx.execute(text(CAPACITY), {"event": event_id}).scalar_one()
    return None if found is None else int(found)


def hold(tx: Connection, event_id: int) -> None:
    """The last seat is given once, by whichever way: the event's row and its forms' are held until the commit."""
    tx.execute(text("select id from events where id = :event for update"), {"event": event_id})
    tx.execute(
        text("select id from forms where event_id = :event order by id for update"), {"event": event_id}
    )


INVITED = f"""
{ASKED.replace("where d.id = :id", "where st.event_id = :event and coalesce(p.merged_into, p.id) = :person")}
   and d.person_id in (select id from people where id = :person or merged_into = :person)
 order by d.sent_at desc nulls last limit 1
"""  # noqa: S608 - constants


def invited(tx: Connection, event_id: int, person_id: int) -> Asked | None:
    """The last invitation that somebody got. Index ix_deliveries_person_id."""
    row = tx.execute(text(INVITED), {"event": event_id, "person": person_id}).one_or_none()
    return None if row is None else Asked(**row._mapping)


def waiting(tx: Connection, event_id: int) -> int:
    """How many wait for a seat."""
    query = "select count(*) from event_answers where event_id = :event and is_waiting"
    return int(tx.execute(text(query), {"event": event_id}).scalar_one())


# Whoever waits by the event's form may have waited longer; then nobody is passed over.
FIRST_WAITING = """
select a.person_id from event_answers a
 where a.event_id = :event and a.is_waiting
   and not exists (select 1 from forms f join form_entries e on e.form_id = f.id and e.state = 'waiting'
                    where f.event_id = a.event_id and e.at < a.at)
 order by a.at, a.id limit 1
"""


def first_waiting(tx: Connection, event_id: int) -> int | None:
    """Who has waited longest for a seat; None where nobody waits, or somebody who sent the form comes first."""
    found = tx.execute(text(FIRST_WAITING), {"event": event_id}).scalar()
    return None if found is None else int(found)
