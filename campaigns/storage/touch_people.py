"""Whom a touch is about: people found by mail address, by name and company, by telephone; set by set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from campaigns.storage.import_facts import AT_MAILBOXES, NAMESAKES

# Reads all people once, so it is asked only for rows that name nobody otherwise: 1,000,000 people take about 1 s.
PHONES = """
select p.id, q.key from people p
  cross join lateral (values (p.tel), (p.tel_direct), (p.mobile)) as n(number)
  join unnest(cast(:keys as text[])) as q(key) on q.key = regexp_replace(n.number, '[^0-9]', '', 'g')
 where p.merged_into is null and n.number <> ''
 group by p.id, q.key
"""
PRESENT = "select id from people where id = any(:ids) and merged_into is null"


@dataclass(frozen=True, slots=True)
class Found:
    """Ids by mailbox; by (name key, company's core); by number. names: of the people at these mailboxes."""

    mailboxes: Mapping[str, list[int]] = field(default_factory=dict)
    names: Mapping[tuple[str, str], list[int]] = field(default_factory=dict)
    phones: Mapping[str, list[int]] = field(default_factory=dict)
    name_of: Mapping[int, str] = field(default_factory=dict)


def find(
    tx: Connection,
    *,
    mailboxes: Collection[str] = (),
    names: Collection[tuple[str, str]] = (),
    phones: Collection[str] = (),
) -> Found:
    by_box: dict[str, list[int]] = {}
    by_name: dict[tuple[str, str], list[int]] = {}
    by_phone: dict[str, list[int]] = {}
    name_of: dict[int, str] = {}
    if mailboxes:
        for row in tx.execute(text(AT_MAILBOXES), {"keys": sorted(mailboxes)}):
            name_of[row.id] = row.name_key
            for key in row._mapping["keys"]:
                by_box.setdefault(key, []).append(row.id)
    if names:
        pairs = sorted(names)
        values = {"names": [name for name, _ in pairs], "cores": [core for _, core in pairs]}
        for row in tx.execute(text(NAMESAKES), values):
            by_name.setdefault((row.name_key, row.core), []).append(row.id)
    if phones:
        for row in tx.execute(text(PHONES), {"keys": sorted(phones)}):
            by_phone.setdefault(row.key, []).append(row.id)
    return Found(by_box, by_name, by_phone, name_of)


def present(tx: Connection, ids: Iterable[int]) -> frozenset[int]:
    """Of these ids those of people who stand for themselves."""
    return frozenset(row.id for row in tx.execute(text(PRESENT), {"ids": sorted(set(ids))}))


PRODUCTS = "select id, name from products where is_active"
EVENTS = "select id, name from events"


def products(tx: Connection) -> list[tuple[int, str]]:
    return [(row.id, row.name) for row in tx.execute(text(PRODUCTS))]


def events(tx: Connection) -> list[tuple[int, str]]:
    return [(row.id, row.name) for row in tx.execute(text(EVENTS))]
