"""What a list adds beside people: consents, touches, leads, candidates for review, refusals. Written by set.

Rows carry the batch's id, so that they can be taken back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.bulk import copy, json_text


@dataclass(frozen=True, slots=True)
class NewConsent:
    address_id: int
    person_id: int
    basis: str
    obtained_at: datetime
    method: str
    wording: str
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class NewTouch:
    source_key: str
    person_id: int
    kind: str
    channel: str
    depth: int
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class NewRefusal:
    key_hash: bytes
    address_id: int | None
    person_id: int | None
    evidence: str


def add_consents(
    tx: Connection,
    found: Sequence[NewConsent],
    *,
    batch_id: int,
    event_id: int | None,
    user_id: int | None,
    now: datetime,
) -> None:
    copy(
        tx,
        "consents",
        (
            "address_id", "person_id", "origin_person_id", "basis", "obtained_at", "method", "wording",
            "evidence", "event_id", "import_batch_id", "recorded_by", "recorded_at",
        ),
        (
            (c.address_id, c.person_id, c.person_id, c.basis, c.obtained_at, c.method, c.wording,
             json_text(c.evidence), event_id, batch_id, user_id, now)
            for c in found
        ),
    )  # fmt: skip


def add_touches(
    tx: Connection,
    found: Sequence[NewTouch],
    *,
    batch_id: int,
    product_id: int | None,
    event_id: int | None,
    user_id: int | None,
    now: datetime,
) -> int:
    """Touches of a list; one that an earlier import brought already is left out. Returns how many are new."""
    done = tx.execute(
        text(
            "insert into touchpoints (source_key, person_id, origin_person_id, company_id, product_id, event_id,"
            " kind, channel, depth, at, note, actor_id, import_batch_id, created_at)"
            " select q.key, q.person, q.person, f.company_id, cast(:product as bigint), cast(:event as bigint), q.kind, q.channel, q.depth, q.at,"
            " q.note, cast(:user as bigint), :batch, :now from unnest(cast(:keys as text[]), cast(:people as bigint[]),"
            " cast(:kinds as text[]), cast(:channels as text[]), cast(:depths as int[]),"
            " cast(:ats as timestamptz[]), cast(:notes as text[]))"
            " as q(key, person, kind, channel, depth, at, note)"
            " left join affiliations f on f.person_id = q.person and f.is_current"
            " where not exists (select 1 from touchpoints t where t.person_id = q.person and t.at = q.at"
            "   and t.kind = q.kind and t.import_batch_id is not null and t.event_id is not distinct from cast(:event as bigint)"
            "   and t.product_id is not distinct from cast(:product as bigint))"
            " on conflict (source_key) do nothing returning id"
        ),
        {
            "batch": batch_id,
            "now": now,
            "product": product_id,
            "event": event_id,
            "user": user_id,
            "keys": [touch.source_key for touch in found],
            "people": [touch.person_id for touch in found],
            "kinds": [touch.kind for touch in found],
            "channels": [touch.channel for touch in found],
            "depths": [touch.depth for touch in found],
            "ats": [touch.at for touch in found],
            "notes": [touch.note for touch in found],
        },
    )
    return len(done.all())


def add_leads(
    tx: Connection, found: Mapping[int, datetime], *, product_id: int, batch_id: int, now: datetime
) -> None:
    """A lead for each person, acquired at the instant given; one that stands stays as it is."""
    tx.execute(
        text(
            "insert into product_leads (person_id, origin_person_id, product_id, state, acquired_at,"
            " import_batch_id, created_at) select q.p, q.p, :product, 'nurturing', q.at, :batch, :now"
            " from unnest(cast(:people as bigint[]), cast(:ats as timestamptz[])) as q(p, at)"
            " on conflict (person_id, product_id) do nothing"
        ),
        {
            "product": product_id,
            "batch": batch_id,
            "now": now,
            "people": list(found),
            "ats": list(found.values()),
        },
    )


def add_match_candidates(
    tx: Connection, pairs: Iterable[tuple[int, int]], *, reason: str, batch_id: int | None, now: datetime
) -> None:
    ordered = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    tx.execute(
        text(
            "insert into match_candidates (a_id, b_id, reason, import_batch_id, created_at)"
            " select q.a, q.b, :reason, cast(:batch as bigint), :now from unnest(cast(:a as bigint[]), cast(:b as bigint[]))"
            " as q(a, b) on conflict (a_id, b_id) do nothing"
        ),
        {
            "reason": reason,
            "batch": batch_id,
            "now": now,
            "a": [a for a, _ in ordered],
            "b": [b for _, b in ordered],
        },
    )


def add_refusals(
    tx: Connection,
    found: Sequence[NewRefusal],
    *,
    scope: str,
    product_id: int | None,
    batch_id: int,
    user_id: int | None,
    now: datetime,
) -> int:
    """Refusals from a list; one that stands already stays. Returns how many are new."""
    done = tx.execute(
        text(
            "insert into suppressions (key_hash, address_id, person_id, origin_person_id, scope, product_id, reason,"
            " evidence, recorded_by, import_batch_id, at) select q.hash, q.address, q.person, q.person, :scope,"
            " cast(:product as bigint), 'import', q.evidence, cast(:user as bigint), :batch, :now"
            " from unnest(cast(:hashes as bytea[]), cast(:addresses as bigint[]), cast(:people as bigint[]),"
            " cast(:evidence as text[])) as q(hash, address, person, evidence)"
            " on conflict (key_hash, scope, (coalesce(product_id, 0))) where lifted_at is null do nothing returning id"
        ),
        {
            "scope": scope,
            "product": product_id,
            "batch": batch_id,
            "user": user_id,
            "now": now,
            "hashes": [refusal.key_hash for refusal in found],
            "addresses": [refusal.address_id for refusal in found],
            "people": [refusal.person_id for refusal in found],
            "evidence": [refusal.evidence for refusal in found],
        },
    )
    return len(done.all())


def follow_refusals(
    tx: Connection, address_ids: Sequence[int], *, product_id: int | None, now: datetime
) -> list[int]:
    """End what is planned for refused mailboxes and their people; returns the deliveries. product_id None: all.

    What is in a worker's hands is not touched: the stop counter makes the worker ask again before each body.
    """
    reason = "refused_global" if product_id is None else "refused_product"
    values = {"ids": list(address_ids), "product": product_id, "now": now, "reason": reason}
    ended = tx.execute(
        text(
            "update deliveries set state = 'suppressed', reason = :reason, until = null, settled_at = :now"
            " where state in ('planned', 'retry', 'carried_over') and class <> 'transactional'"
            " and (address_id = any(:ids) or person_id in (select id from people where address_id = any(:ids)))"
            " and (cast(:product as bigint) is null or product_id = :product) returning id"
        ),
        values,
    ).all()
    tx.execute(
        text(
            "update enrollments set status = 'stopped', reason = :reason where status in ('active', 'paused')"
            " and person_id in (select id from people where address_id = any(:ids))"
            " and (cast(:product as bigint) is null or product_id = :product)"
        ),
        values,
    )
    return [row.id for row in ended]


def resume_enrollments(tx: Connection, batch_id: int) -> None:
    """Take part again where the lifted refusals of this batch alone had stopped it."""
    tx.execute(
        text(
            "update enrollments e set status = 'active', reason = '' from people p"
            " join addresses a on a.id = p.address_id join suppressions s on s.key_hash = a.key_hash"
            " where p.id = e.person_id and s.import_batch_id = :batch and s.lifted_reason = 'import_undone'"
            " and e.status = 'stopped' and e.reason = 'refused_' || s.scope"
            " and (s.product_id is null or s.product_id = e.product_id)"
            " and not exists (select 1 from suppressions o where o.lifted_at is null"
            "   and (o.key_hash = a.key_hash or o.person_id = p.id)"
            "   and (o.scope = 'global' or o.product_id = e.product_id))"
        ),
        {"batch": batch_id},
    )


def sole_people(tx: Connection, address_ids: Sequence[int]) -> dict[int, int]:
    """The person of each mailbox that has exactly one."""
    found = tx.execute(
        text(
            "select address_id, min(id) as id from people where address_id = any(:ids) and merged_into is null"
            " group by address_id having count(*) = 1"
        ),
        {"ids": list(address_ids)},
    )
    return {row.address_id: row.id for row in found}
