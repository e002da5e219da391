"""Send faxes: a document to everybody it is aimed at, one sheet a number, by a mail-to-fax gateway or as a list.

By the gateway each number becomes one mail of the outbox, made in the transaction that takes the number from those
that wait; so it is sent at most once, and what a crash leaves open is in doubt and never sent again.
Source: spec 6.4, S2-07.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.services import aim_fax, fax_sheet, post, set_up_fax
from campaigns.services.aim_fax import Wanted
from campaigns.services.fax_sheet import Sheet, SheetError, To
from campaigns.services.post import File
from campaigns.services.set_up_fax import FaxError, Settings
from campaigns.storage import audit, closed_days, fax_recipients, fax_refusals, faxes
from campaigns.storage.faxes import Item, NewItem

A_MINUTE = timedelta(minutes=1)


def start(parts: Parts, wanted: Wanted, *, way: str, user_id: int | None, now: datetime) -> int:
    """A new batch: by the gateway its numbers wait their turn, as a list they are done with. Raises FaxError."""
    with parts.engine.begin() as tx:
        if way == "gateway" and not set_up_fax.load(tx).is_on:
            raise FaxError("gateway_off")
        faxes.lock(tx)  # two at once would both find a company free
        ready = aim_fax.ready(tx, parts, wanted, now=now)
        if not ready.items:
            raise FaxError("nobody")
        return _add(
            tx, wanted.document_id, wanted.product_id, ready.sheet, ready.items, ready.left_out,
            way=way, user_id=user_id, now=now,
        )  # fmt: skip


def _add(
    tx: Connection,
    document_id: int,
    product_id: int,
    sheet: Sheet,
    items: Sequence[NewItem],
    left_out: Mapping[str, int],
    *,
    way: str,
    user_id: int | None,
    now: datetime,
) -> int:
    batch_id = faxes.add_batch(
        tx,
        {
            "document_id": document_id,
            "product_id": product_id,
            "way": way,
            "sheet": sheet.as_json(),
            "left_out": dict(left_out),
            "created_by": user_id,
            "created_at": now,
        },
        items,
        state="waiting" if way == "gateway" else "handed",
    )
    audit.note(tx, noun="fax_batch", noun_id=batch_id, action="start", user_id=user_id, now=now,
               changes={"numbers": (None, len(items)), "way": (None, way)})  # fmt: skip
    return batch_id


def retry(parts: Parts, batch_id: int, *, user_id: int | None, now: datetime) -> int:
    """The numbers that were busy, did not answer or never left, once more, in a batch of their own. Raises FaxError, LookupError."""
    with parts.engine.begin() as tx:
        faxes.lock(tx)
        batch = faxes.batch(tx, batch_id)
        if batch is None:
            raise LookupError(batch_id)
        if batch.way == "gateway" and not set_up_fax.load(tx).is_on:
            raise FaxError("gateway_off")
        failed = [item for item in faxes.items(tx, batch_id) if item.state in rule.MAY_RETRY]
        numbers = [item.number for item in failed]
        gone = fax_refusals.of(tx, numbers)
        _companies, since_sent = fax_recipients.capped(
            tx, batch.product_id, company_ids=[], numbers=numbers, since=rule.cap_since(now)
        )
        barred = fax_recipients.barred(tx, [item.id for item in failed], now=now)
        behind = {
            item.id: tuple(
                (person, task)
                for person, task in zip(item.person_ids, item.task_ids, strict=True)
                if (item.id, person) not in barred
            )
            for item in failed
        }
        items = [
            NewItem(item.number, item.company_id, behind[item.id], retry_of=item.id)
            for item in failed
            if item.number not in gone | since_sent and behind[item.id]
        ]
        if not items:
            raise FaxError("nobody")
        left_out = {"refused": len(gone)} if gone else {}
        return _add(
            tx, batch.document_id, batch.product_id, Sheet.from_json(batch.sheet), items, left_out,
            way=batch.way, user_id=user_id, now=now,
        )  # fmt: skip


def run(parts: Parts, *, now: datetime) -> int:
    """Hand the next numbers to the outbox, as many as the gateway may get a minute, while people are at work; returns
    how many."""
    with parts.engine.begin() as tx:
        found = set_up_fax.load(tx)
        if not found.is_on or not rule.may_ring(now.astimezone(parts.settings.tz), closed_days.load(tx)):
            return 0
        faxes.lock(tx)  # two workers at once would each take a minute's worth
        room = found.per_minute - faxes.handed_since(tx, now - A_MINUTE)
        taken = faxes.take(tx, limit=max(0, room))
        refused = fax_refusals.of(tx, [item.number for item in taken])
        faxes.stop_items(tx, [item.id for item in taken if item.number in refused], why="refused")
        sheets: dict[int, Sheet] = {}
        done = 0
        for item in _left(tx, [item for item in taken if item.number not in refused], now=now):
            if item.batch_id not in sheets:
                batch = faxes.batch(tx, item.batch_id)
                assert batch is not None
                sheets[item.batch_id] = Sheet.from_json(batch.sheet)
            try:
                done += _hand(tx, parts, item, sheets[item.batch_id], found, now=now)
            except SheetError as error:
                # A receiver's name longer than the sheet, or with a letter that the font lacks: nobody behind it in the
                # line waits for that, and nobody gets another's name with a hole in it.
                faxes.stop_items(tx, [item.id], why=error.code)
    return done


def _left(tx: Connection, taken: Sequence[Item], *, now: datetime) -> list[Item]:
    """These numbers, each with those who may still get the fax: since the batch was made somebody may have left, said
    no or gone over to sales. A number with nobody left behind it is stopped."""
    gone = fax_recipients.barred(tx, [item.id for item in taken], now=now)
    empty = {item.id for item in taken if all((item.id, one) in gone for one in item.person_ids)}
    faxes.stop_items(tx, sorted(empty), why="excluded")
    faxes.leave_out(tx, sorted(pair for pair in gone if pair[0] not in empty))
    return faxes.of_ids(tx, [item.id for item in taken if item.id not in empty])


def _hand(tx: Connection, parts: Parts, item: Item, sheet: Sheet, found: Settings, *, now: datetime) -> bool:
    laid = fax_sheet.draw(sheet, to_of(item), on=now.astimezone(parts.settings.tz).date())
    delivery_id = post.queue(
        tx,
        origin=f"tx:fax:{item.id}",
        to=f"{item.number}@{found.gateway}",
        subject=sheet.title,
        text=f"{sheet.title}\n",
        now=now,
        file=File(f"fax-{item.id}.pdf", "application/pdf", laid.data),
        from_address=found.from_address,
    )
    if delivery_id is None:
        return False
    faxes.hand(tx, item.id, delivery_id, now=now)
    return True


def to_of(item: Item) -> To:
    return To(item.company, item.department, rule.salutation(item.names), item.number)


def stop(parts: Parts, batch_id: int, *, user_id: int | None, now: datetime) -> int:
    """What waits goes no more; returns how many numbers. Raises LookupError."""
    with parts.engine.begin() as tx:
        if faxes.batch(tx, batch_id) is None:
            raise LookupError(batch_id)
        stopped = faxes.stop_batch(tx, batch_id, now=now)
        audit.note(tx, noun="fax_batch", noun_id=batch_id, action="stop", user_id=user_id, now=now,
                   changes={"numbers": (None, stopped)})  # fmt: skip
    return stopped
