"""Taking an import back: what may go, what has to stay, in the order the references ask for.

Somebody who got a mail, or was touched, called or imported again by others since, stays. Refusals always
survive: they are found by the hash of the mailbox, which needs neither address nor person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from campaigns.storage.imports import Change
from campaigns.storage.people import CHANGEABLE, VERSIONED

# Mails that left, or may have: their person and their consent are needed as proof.
MAILED = "('handing', 'sent', 'in_doubt')"
UNTOUCHED_LEADS = "('new', 'nurturing', 'hot', 'offered')"
UNANSWERED = "('proposed', 'held', 'offered')"

CREATED = "select id from people where import_batch_id = :batch order by id for update"

KEPT = f"""
select p.id from people p
 where p.id = any(:ids)
   and (p.merged_into is not null
     or exists (select 1 from people m where m.merged_into = p.id)
     or exists (select 1 from deliveries d where d.person_id = p.id and d.state in {MAILED})
     or exists (select 1 from touchpoints t where t.person_id = p.id and t.import_batch_id is distinct from :batch
                  and t.kind <> 'handed_over')
     or exists (select 1 from consents c where c.person_id = p.id and c.import_batch_id is distinct from :batch)
     or exists (select 1 from affiliations f where f.person_id = p.id and f.import_batch_id is distinct from :batch)
     or exists (select 1 from person_addresses a
                 where a.person_id = p.id and a.import_batch_id is distinct from :batch)
     or exists (select 1 from product_leads l
                 where l.person_id = p.id and l.state not in {UNTOUCHED_LEADS})
     or exists (select 1 from tasks k where k.person_id = p.id and (k.state = 'done' or k.tries > 0))
     or exists (select 1 from call_attempts c where c.person_id = p.id)
     or exists (select 1 from inbound_mails i where i.person_id = p.id)
     or exists (select 1 from form_entries e where e.person_id = p.id)
     or exists (select 1 from appointment_guests g where g.person_id = p.id)
     or exists (select 1 from appointments a where a.person_id = p.id)
     or exists (select 1 from fax_item_people x join fax_items i on i.id = x.item_id
                 where x.person_id = p.id and i.state = 'handed')
     or exists (select 1 from introductions i where p.id in (i.from_person_id, i.to_person_id))
     or exists (select 1 from import_changes x join import_batches b on b.id = x.batch_id
                 where x.noun = 'people' and x.noun_id = p.id and b.id > :batch and b.state = 'imported'))
"""  # noqa: S608 - constants of this module

CANCEL = """
update deliveries d set state = 'cancelled', reason = 'import_undone', settled_at = :now, until = null
 where d.state in ('planned', 'retry')
   and (d.person_id = any(:ids)
     or exists (select 1 from product_leads l where l.import_batch_id = :batch
                  and l.person_id = d.person_id and l.product_id = d.product_id))
returning d.id
"""

# What hangs on people that go, leaves first.
REMOVALS = (
    "delete from alerts where person_id = any(:ids)",
    "delete from surges where lead_id in (select id from product_leads where person_id = any(:ids))",
    "delete from hand_offs where lead_id in (select id from product_leads where person_id = any(:ids))",
    "delete from rank_changes where lead_id in (select id from product_leads where person_id = any(:ids))",
    "delete from fax_item_people where person_id = any(:ids)",
    "delete from tasks where person_id = any(:ids)",
    "delete from mail_slots where person_id = any(:ids)",
    "delete from delivery_bodies where delivery_id in (select id from deliveries where person_id = any(:ids))",
    "delete from touchpoints where person_id = any(:ids)",
    "delete from visitor_ties where person_id = any(:ids)",
    "delete from deliveries where person_id = any(:ids)",
    "delete from enrollments where person_id = any(:ids)",
    "delete from pace where person_id = any(:ids)",
    "delete from consents where person_id = any(:ids)",
    "delete from match_candidates where a_id = any(:ids) or b_id = any(:ids)",
    "delete from affiliations where person_id = any(:ids)",
    "delete from product_leads where person_id = any(:ids)",
    "delete from person_addresses where person_id = any(:ids)",
    "update suppressions set person_id = null where person_id = any(:ids)",
    "update suppressions set origin_person_id = null where origin_person_id = any(:ids)",
    "delete from people where id = any(:ids)",
)

# What the batch added to people who were there before; :kept are the created ones that stay.
TAKEN = (
    # Offers to sales that rest on the batch's touches, unless answered; the ranks decide anew afterwards. They go
    # first, since their step on the timeline would keep a lead that the batch made.
    f"""
with offers as (
  delete from hand_offs h using import_batches b, product_leads l
   where b.id = :batch and h.created_at >= b.imported_at and h.state in {UNANSWERED}
     and l.id = h.lead_id and not l.person_id = any(:kept)
     and exists (select 1 from touchpoints t where t.import_batch_id = :batch and t.person_id = l.person_id
                  and (t.product_id is null or t.product_id = l.product_id))
     and not exists (select 1 from opportunities o where o.hand_off_id = h.id)
  returning h.id, h.lead_id, l.person_id),
steps as (
  delete from touchpoints t using offers o
   where t.person_id = o.person_id and t.kind = 'handed_over' and t.source_key like 'hand_off:' || o.id || ':%')
update product_leads l set state = 'hot' from offers o where l.id = o.lead_id and l.state = 'offered'
""",  # noqa: S608 - constants of this module
    "delete from touchpoints where import_batch_id = :batch and not person_id = any(:kept)",
    "delete from person_addresses where import_batch_id = :batch and not person_id = any(:kept)",
    "delete from affiliations where import_batch_id = :batch and not person_id = any(:kept)",
    "delete from consents c where c.import_batch_id = :batch and not exists"
    " (select 1 from deliveries d where d.address_id = c.address_id and d.state in"
    " ('handing', 'sent', 'in_doubt'))",
    # Mailed on this ground: the record stays as proof, but carries no further mail (LAW-04).
    "update consents set withdrawn_at = :now where import_batch_id = :batch and withdrawn_at is null",
    "update match_candidates set state = 'dismissed' where import_batch_id = :batch and state = 'pending'"
    " and not (a_id = any(:kept) or b_id = any(:kept))",
    "update suppressions set lifted_at = :now, lifted_reason = 'import_undone'"
    " where import_batch_id = :batch and lifted_at is null",
)

IDLE_LEADS = f"""
select l.id, l.person_id, l.product_id from product_leads l
 where l.import_batch_id = :batch and not l.person_id = any(:kept) and l.state in {UNTOUCHED_LEADS}
   and not exists (select 1 from touchpoints t where t.person_id = l.person_id and t.product_id = l.product_id)
   and not exists (select 1 from deliveries d where d.person_id = l.person_id and d.product_id = l.product_id
                     and d.state in {MAILED})
   and not exists (select 1 from tasks k where k.lead_id = l.id and (k.state = 'done' or k.tries > 0))
"""  # noqa: S608 - constants of this module

LEAD_REMOVALS = (
    "delete from alerts where lead_id = any(:leads)",
    "delete from surges where lead_id = any(:leads)",
    "delete from hand_offs where lead_id = any(:leads)",
    "delete from rank_changes where lead_id = any(:leads)",
    "delete from tasks where lead_id = any(:leads)",
    "delete from product_leads where id = any(:leads)",
    "update enrollments e set status = 'stopped', reason = 'import_undone'"
    " from unnest(cast(:people as bigint[]), cast(:products as bigint[])) as q(person, product)"
    " where e.person_id = q.person and e.product_id = q.product and e.status in ('active', 'paused')",
)

LONELY_ADDRESSES = """
select a.id from addresses a
 where a.import_batch_id = :batch
   and not exists (select 1 from people p where p.address_id = a.id)
   and not exists (select 1 from person_addresses p where p.address_id = a.id)
   and not exists (select 1 from deliveries d where d.address_id = a.id)
   and not exists (select 1 from mail_slots s where s.address_id = a.id)
   and not exists (select 1 from consents c where c.address_id = a.id)
"""

LONELY_COMPANIES = """
delete from companies c
 where c.import_batch_id = :batch and not c.class_locked
   and not exists (select 1 from affiliations f where f.company_id = c.id)
   and not exists (select 1 from touchpoints t where t.company_id = c.id)
   and not exists (select 1 from tasks k where k.company_id = c.id)
   and not exists (select 1 from surges s where s.company_id = c.id)
   and not exists (select 1 from fax_items i where i.company_id = c.id)
   and not exists (select 1 from catalogues k where k.company_id = c.id and not k.is_draft)
"""


@dataclass(frozen=True, slots=True)
class Created:
    """People a batch created: those that may go and those that stay."""

    gone: tuple[int, ...]
    kept: tuple[int, ...]


def created(tx: Connection, batch_id: int) -> Created:
    """Locks them, as they are about to go."""
    ids = [row.id for row in tx.execute(text(CREATED), {"batch": batch_id})]
    kept = {row.id for row in tx.execute(text(KEPT), {"ids": ids, "batch": batch_id})}
    return Created(tuple(id for id in ids if id not in kept), tuple(sorted(kept)))


def cancel(tx: Connection, batch_id: int, *, now: datetime) -> list[int]:
    """Cancel what is planned for the batch's people and leads; returns the deliveries.

    Locks their pace first, as the planner does: no mail is planned for somebody who is about to go.
    """
    ids = [row.id for row in tx.execute(text(CREATED), {"batch": batch_id})]
    tx.execute(
        text("select 1 from pace where person_id = any(:ids) order by person_id for update"), {"ids": ids}
    )
    return [row.id for row in tx.execute(text(CANCEL), {"ids": ids, "batch": batch_id, "now": now})]


def remove(tx: Connection, ids: Sequence[int]) -> None:
    """Remove people with all that hangs on them."""
    for statement in REMOVALS if ids else ():
        tx.execute(text(statement), {"ids": list(ids)})


def take_back(tx: Connection, batch_id: int, *, kept: Sequence[int], now: datetime) -> None:
    """Take back what the batch added to people who stay."""
    for statement in TAKEN:
        tx.execute(text(statement), {"batch": batch_id, "kept": list(kept), "now": now})
    leads = tx.execute(text(IDLE_LEADS), {"batch": batch_id, "kept": list(kept)}).all()
    values = {
        "leads": [row.id for row in leads],
        "people": [row.person_id for row in leads],
        "products": [row.product_id for row in leads],
    }
    for statement in LEAD_REMOVALS if leads else ():
        tx.execute(text(statement), values)


def stop_enrollments(tx: Connection, ids: Sequence[int]) -> None:
    """Created people who stay get no further mail from the scenarios they joined."""
    tx.execute(
        text(
            "update enrollments set status = 'stopped', reason = 'import_undone'"
            " where person_id = any(:ids) and status in ('active', 'paused')"
        ),
        {"ids": list(ids)},
    )


def restore(tx: Connection, changes: Sequence[Change]) -> int:
    """Give back the old values where nobody has changed them since; returns how many."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.noun, change.field), []).append(change)
    # Ended affiliations come back last: only one of a person may be current.
    ordered = sorted(groups, key=lambda key: key[1] == "is_current")
    return sum(_restore(tx, noun, name, groups[noun, name]) for noun, name in ordered)


def _restore(tx: Connection, noun: str, name: str, changes: Sequence[Change]) -> int:
    kind = _types(noun)[name]
    version = ", version = r.version + 1" if noun in VERSIONED else ""
    guard = ""
    if name == "is_current":
        guard = (
            " and not exists (select 1 from affiliations o where o.person_id = r.person_id and o.is_current"
            " and o.id <> r.id)"
        )
    done = tx.execute(
        text(
            f"update {noun} r set {name} = q.old{version} from unnest(cast(:ids as bigint[]),"  # noqa: S608 - constants
            f" cast(:olds as {kind}[]), cast(:news as {kind}[])) as q(id, old, new)"
            f" where r.id = q.id and r.{name} is not distinct from q.new{guard}"
        ),
        {
            "ids": [change.noun_id for change in changes],
            "olds": [change.old for change in changes],
            "news": [change.new for change in changes],
        },
    )
    return int(done.rowcount)


def _types(noun: str) -> Mapping[str, str]:
    return CHANGEABLE[noun]


def remove_lonely(tx: Connection, batch_id: int) -> None:
    """Mailboxes and companies of the batch that nobody refers to any more."""
    ids = [row.id for row in tx.execute(text(LONELY_ADDRESSES), {"batch": batch_id})]
    if ids:
        # The refusal stays, found by its hash.
        tx.execute(
            text("update suppressions set address_id = null where address_id = any(:ids)"), {"ids": ids}
        )
        tx.execute(text("delete from addresses where id = any(:ids)"), {"ids": ids})
    tx.execute(text(LONELY_COMPANIES), {"batch": batch_id})
