"""Reply to a fax: what somebody ticked on the sheet and sent back, with everything that follows, in one transaction.

The touch doc_request, the task each box asks for, and the number that wants no more. Source: spec 6.4.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.faxes import Result
from campaigns.rules.touchpoints import Kind
from campaigns.services import assign, line_calls, mark_faxes, refuse_fax, start_call
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import audit, closed_days, fax_results, faxes, hand_offs, tasks, timeline, touchpoints
from campaigns.storage.faxes import Item
from campaigns.storage.tasks import NewTask
from campaigns.storage.timeline import Person
from campaigns.storage.touchpoints import NewTouch

# The boxes of the sheet, with the business days in which somebody does it.
WISHES: Mapping[str, int] = {"material": 0, "call": 1, "visit": 1, "mail": 0}
# Stages in which a rep looks after the lead.
WITH_SALES = frozenset({"with_sales", "opportunity"})
NOTE_MAX = 2000
EVIDENCE = "返信用紙"


class ReplyError(ValueError):
    """code: nothing (no box), who (none of those behind the number)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Replied:
    """person_id: who replied. kinds: of the tasks that follow. has_stopped: the number gets no more."""

    person_id: int
    kinds: tuple[str, ...]
    has_stopped: bool


def run(
    parts: Parts,
    item_id: int,
    *,
    person_id: int,
    wishes: Collection[str],
    stops: bool,
    note: str = "",
    user_id: int,
    now: datetime,
) -> Replied:
    """Raises ReplyError, LookupError. The same reply twice is one touch, and asks no task twice."""
    with parts.engine.begin() as tx:
        item = faxes.item(tx, item_id)
        if item is None or item.state in ("waiting", "stopped"):
            raise LookupError(item_id)
        asked = [wish for wish in WISHES if wish in wishes]
        if not asked and not stops:
            raise ReplyError("nothing")
        person = timeline.person(tx, person_id) if person_id in item.person_ids else None
        if person is None:
            raise ReplyError("who")
        # Whoever replies has got it, whatever a service told or has not told. The number before the leads, as where
        # faxes are marked, so the two never cross.
        behind = fax_results.set_results(tx, [(item.id, Result.OK.value, item.sent_at or now, 0)])
        fax_results.lock_leads(tx, item.person_ids)
        mark_faxes.arrived(tx, behind, user_id=user_id, now=now)
        batch = faxes.batch(tx, item.batch_id)
        assert batch is not None
        if asked:
            _touch(tx, item, person_id, batch.product_id, note=note, user_id=user_id, now=now)
        mark_faxes.rank(tx, parts, item.person_ids, now=now)
        if stops:
            refuse_fax.within(tx, item.number, evidence=EVIDENCE, user_id=user_id, now=now)
        kinds = _tasks(tx, parts, person, asked, batch.product_id, note=note, user_id=user_id, now=now)
        audit.note(tx, noun="fax_item", noun_id=item_id, action="reply", user_id=user_id, now=now,
                   changes={"wishes": (None, ",".join(asked)), "stops": (None, stops)})  # fmt: skip
    return Replied(person_id, kinds, stops)


def _touch(
    tx: Connection, item: Item, person_id: int, product_id: int, *, note: str, user_id: int, now: datetime
) -> None:
    touch = NewTouch(
        source_key=f"fax_reply:{item.id}:{person_id}",
        person_id=person_id,
        kind=Kind.DOC_REQUEST,
        at=now,
        product_id=product_id,
        note=note.strip()[:NOTE_MAX],
        actor_id=user_id,
    )
    touchpoints.put(tx, [touch], now=now)


def _tasks(
    tx: Connection,
    parts: Parts,
    person: Person,
    asked: Collection[str],
    product_id: int,
    *,
    note: str,
    user_id: int,
    now: datetime,
) -> tuple[str, ...]:
    """A task a box, two boxes that ask for a mail one."""
    zone = parts.settings.tz
    today, calendar = now.astimezone(zone).date(), closed_days.load(tx)
    found: dict[str, NewTask] = {}
    may_fax = _may_fax(tx, person)
    lead = next((one for one in timeline.leads(tx, person.id) if one.product_id == product_id), None)
    has_rep = lead is not None and lead.state in WITH_SALES
    rep = hand_offs.rep_of(tx, lead.id) if lead is not None and has_rep else None
    for wish in asked:
        kind = _kind(person, wish, may_fax=may_fax, has_rep=has_rep)
        due_on = calendar.add_business_days(today, WISHES[wish])
        is_sales = kind == "visit" or (has_rep and wish == "call")
        found.setdefault(
            kind,
            NewTask(
                kind=kind,
                cause="material_asked" if wish == "material" else "fax_reply",
                due_at=datetime.combine(due_on, DUE_TIME, tzinfo=zone),
                team="field" if is_sales else "inside",
                priority=1,
                note=note.strip()[:NOTE_MAX],
                assignee_id=rep if is_sales else None,
                created_by=user_id,
            ),
        )
    made = tasks.add(
        tx,
        list(found.values()),
        person_id=person.id,
        company_id=person.company_id,
        product_id=product_id,
        lead_id=lead.id if lead else None,
        why=(),
        now=now,
        takes_over=True,
    )
    assign.new(tx, made, today=today)
    line_calls.for_people(tx, [person.id], now=now)
    return tuple(found)


def _kind(person: Person, wish: str, *, may_fax: bool, has_rep: bool) -> str:
    """Whom nobody may or can do it for is looked at first; material goes by mail where there is a mailbox. The desk
    calls nobody whom sales talk to: their rep sees the wish."""
    if person.excluded_reason or (wish == "call" and (has_rep or start_call.why_not(person))):
        return "check"
    if wish in ("call", "visit"):
        return wish
    if person.email:
        return "mail"
    return "fax" if may_fax else "check"


def _may_fax(tx: Connection, person: Person) -> bool:
    number = person.fax or person.company_fax
    return not (person.do_not_fax or person.fax_invalid) and not refuse_fax.is_refused(tx, number)
