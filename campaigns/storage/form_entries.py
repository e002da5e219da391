"""Entries: what visitors sent. One page that was sent is one entry, however often it is sent (entry_key)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.storage.bulk import json_text

# A seat is taken by whom we know; an address that nobody has confirmed must not keep others out.
SEATED = ("done",)
KEPT = ("done", "waiting", "pending", "expired")


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be kept. answers: field -> text or places of options. awaits: '', all, consent."""

    entry_key: str
    form_id: int
    version_id: int
    state: str
    lang: str
    answers: Mapping[str, object]
    reasons: Sequence[str] = ()
    consents: bool = False
    awaits: str = ""
    delivery_id: int | None = None
    visitor: str = ""
    ua: str = ""
    net: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands. differences: field -> [what we had, what was entered]."""

    id: int
    form_id: int
    version_id: int
    state: str
    lang: str
    answers: Mapping[str, Any]
    differences: Mapping[str, Any]
    reasons: tuple[str, ...]
    person_id: int | None
    consent_id: int | None
    consents: bool
    awaits: str
    delivery_id: int | None
    visitor: str
    ua: str
    net: str
    at: datetime
    confirmed_at: datetime | None
    decided_by: int | None


_COLUMNS = ", ".join(Entry.__dataclass_fields__)


def _entry(row: Any) -> Entry:
    values = dict(row._mapping)
    values["reasons"] = tuple(values["reasons"])
    return Entry(**values)


def add(tx: Connection, new: NewEntry, *, now: datetime) -> int | None:
    """The id of the new entry; None when this page was sent before."""
    return tx.execute(
        text(
            "insert into form_entries (entry_key, form_id, version_id, state, lang, answers, reasons, consents,"
            " awaits, delivery_id, visitor, ua, net, at) values (:entry_key, :form_id, :version_id, :state, :lang,"
            " cast(:answers as jsonb), cast(:reasons as jsonb), :consents, :awaits, :delivery_id, :visitor, :ua,"
            " :net, :now) on conflict (entry_key) do nothing returning id"
        ),
        {
            **{name: getattr(new, name) for name in NewEntry.__dataclass_fields__},
            "answers": json_text(new.answers),
            "reasons": json.dumps(list(new.reasons)),
            "now": now,
        },
    ).scalar()


def get(tx: Connection, entry_id: int, *, for_update: bool = False) -> Entry | None:
    lock = " for update" if for_update else ""
    row = tx.execute(
        text(f"select {_COLUMNS} from form_entries where id = :id{lock}"),  # noqa: S608 - constants
        {"id": entry_id},
    ).one_or_none()
    return None if row is None else _entry(row)


def sent_before(tx: Connection, entry_key: str) -> Entry | None:
    row = tx.execute(
        text(f"select {_COLUMNS} from form_entries where entry_key = :key"),  # noqa: S608 - constants
        {"key": entry_key},
    ).one_or_none()
    return None if row is None else _entry(row)


def settle(
    tx: Connection,
    entry_id: int,
    *,
    state: str,
    person_id: int | None = None,
    differences: Mapping[str, object] | None = None,
    consent_id: int | None = None,
    awaits: str | None = None,
    confirmed_at: datetime | None = None,
    decided_by: int | None = None,
) -> None:
    """What became of an entry. What is not given stays."""
    tx.execute(
        text(
            "update form_entries set state = :state, person_id = coalesce(:person, person_id),"
            " origin_person_id = coalesce(origin_person_id, :person),"
            " differences = coalesce(cast(:differences as jsonb), differences),"
            " consent_id = coalesce(:consent, consent_id), awaits = coalesce(:awaits, awaits),"
            " confirmed_at = coalesce(:confirmed, confirmed_at), decided_by = coalesce(:user, decided_by)"
            " where id = :id"
        ),
        {
            "id": entry_id,
            "state": state,
            "person": person_id,
            "differences": None if differences is None else json_text(differences),
            "consent": consent_id,
            "awaits": awaits,
            "confirmed": confirmed_at,
            "user": decided_by,
        },
    )


def hold(tx: Connection, key: str) -> None:
    """Entries with one mail address, or a company that may be new, go one after another until the commit."""
    tx.execute(text("select pg_advisory_xact_lock(hashtextextended(:key, 20261))"), {"key": key})


# Answers to invitations take seats of the same event; who sent the form as well is counted once.
SEATS = """
select count(distinct lower(e.answers->>'email')) filter (where e.state = any(:seated))
       + (select count(*) from forms f
            join event_answers a on a.event_id = f.event_id and a.answer = 'yes' and not a.is_waiting
            join people p on p.id = a.person_id
            left join addresses m on m.id = p.address_id
           where f.id = :id and m.email_key is distinct from :email
             and not exists (select 1 from form_entries s where s.form_id = :id and s.state = any(:seated)
                                and s.person_id = a.person_id)) as n,
       coalesce(min(e.state) filter (where lower(e.answers->>'email') = :email), '') as own
  from form_entries e where e.form_id = :id and e.state = any(:held)
"""


def seats(tx: Connection, form_id: int, *, email: str = "") -> tuple[int, str]:
    """Seats that are taken, a mail address one; and the state of the one that this address has, or "".

    Index ix_form_entries_form_id_state_at; a form with seats has hundreds of entries.
    """
    values = {"id": form_id, "seated": list(SEATED), "held": [*SEATED, "waiting"], "email": email.lower()}
    found = tx.execute(text(SEATS), values).one()
    return int(found.n), str(found.own)


def expire(tx: Connection, *, before: datetime) -> int:
    """Let go of what was never confirmed: the answers go, since nobody stands behind them. How many."""
    done = tx.execute(
        text(
            "update form_entries set state = case when awaits = 'all' then 'expired' else state end,"
            " answers = case when awaits = 'all' then '{}'::jsonb else answers end, awaits = ''"
            " where awaits <> '' and confirmed_at is null and at < :before and state in ('pending', 'done', 'waiting')"
        ),
        {"before": before},
    )
    return done.rowcount


def let_go_aside(tx: Connection, *, before: datetime) -> int:
    """Throw away what was kept aside for long and nobody let in. How many. Index ix_form_entries_form_id_state_at."""
    done = tx.execute(
        text(
            "update form_entries set state = 'dropped', answers = '{}', ua = '', net = '', visitor = ''"
            " where form_id = any(array(select id from forms)) and state = 'aside' and at < :before"
        ),
        {"before": before},
    )
    return done.rowcount


def forget_callers(tx: Connection, *, before: datetime) -> int:
    """Empty network and browser of old entries. Source: LAW-27. How many."""
    done = tx.execute(
        text(
            "update form_entries set net = '', ua = '', visitor = ''"
            " where at < :before and (net <> '' or ua <> '' or visitor <> '')"
        ),
        {"before": before},
    )
    return done.rowcount


def drop(tx: Connection, entry_id: int, *, user_id: int) -> bool:
    """Throw an entry away that was kept aside, with everything that was typed."""
    done = tx.execute(
        text(
            "update form_entries set state = 'dropped', answers = '{}', ua = '', net = '', visitor = '',"
            " decided_by = :user where id = :id and state = 'aside'"
        ),
        {"id": entry_id, "user": user_id},
    )
    return done.rowcount == 1


@dataclass(frozen=True, slots=True)
class Line:
    """An entry in the list."""

    id: int
    state: str
    at: datetime
    lang: str
    version_no: int
    answers: Mapping[str, Any]
    differences: Mapping[str, Any]
    reasons: Sequence[str]
    person_id: int | None
    name: str
    company: str
    consents: bool
    awaits: str
    confirmed_at: datetime | None
    version_id: int


LINES = """
select e.id, e.state, e.at, e.lang, v.no as version_no, e.answers, e.differences, e.reasons, e.person_id,
       coalesce(p.full_name, '') as name, coalesce(co.name, '') as company, e.consents, e.awaits, e.confirmed_at,
       e.version_id
  from form_entries e
  join form_versions v on v.id = e.version_id
  left join people p on p.id = e.person_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where e.form_id = :form and e.state = any(:states)
"""


def lines(
    tx: Connection, form_id: int, states: Sequence[str], *, limit: int = 50, offset: int = 0
) -> list[Line]:
    """Newest first."""
    rows = tx.execute(
        text(LINES + " order by e.at desc, e.id desc limit :limit offset :offset"),
        {"form": form_id, "states": list(states), "limit": limit, "offset": offset},
    )
    return [Line(**row._mapping) for row in rows]


def every(tx: Connection, form_id: int, states: Sequence[str]) -> Iterator[Line]:
    """All of them, oldest first, for a file."""
    # Read a part at a time: a form of years has many, and a file needs one line of them at once.
    found = text(LINES + " order by e.at, e.id").execution_options(stream_results=True, yield_per=500)
    for row in tx.execute(found, {"form": form_id, "states": list(states)}):
        yield Line(**row._mapping)
