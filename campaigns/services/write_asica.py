"""Write on an ASICA sheet: an answer to a prompt, or a move to another stage. Both are added, nothing is changed.

The sheet is written instead of a daily report, so what is written stands there by itself (storage/diary_feed). On the
timeline of whom the company's affairs are discussed with it is a step of sales: one for each stage and day, one for
each move.

Errors: Gone, edit_catalogue.NotYours, AsicaError(code): unknown, empty, too_long, stale, same, assignment_empty (may
be overridden), product_unknown. Source: S0-07, S0-20 to S0-22; spec 2.4.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import asica
from campaigns.rules.asica import Stage
from campaigns.rules.touchpoints import Kind
from campaigns.services import edit_catalogue, write_diary
from campaigns.services.author import Gone
from campaigns.storage import asica as stored
from campaigns.storage import audit, catalogues, committees, touchpoints
from campaigns.storage.asica import Sheet
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.touchpoints import NewTouch
from campaigns.storage.users import User


class AsicaError(ValueError):
    """What is wrong, as a code. holds: the answer that stands by now, where one is stale."""

    def __init__(self, code: str, *, holds: str = "") -> None:
        super().__init__(code)
        self.code, self.holds = code, holds


def add_sheet(parts: Parts, catalogue_id: int, *, product_id: int, user: User, now: datetime) -> int:
    """A sheet for a product; the one that stands, where there is one."""
    with parts.engine.begin() as tx:
        found = edit_catalogue.hold(tx, catalogue_id, user=user)
        if not committees.products(tx, [product_id]):
            raise AsicaError("product_unknown")
        sheet_id = stored.add_sheet(tx, catalogue_id, product_id, now=now)
        catalogues.touch(tx, [found.company_id], now=now)
        audit.note(
            tx,
            noun="catalogue",
            noun_id=catalogue_id,
            action="sheet",
            user_id=user.id,
            now=now,
            changes={"product_id": (None, product_id)},
        )
    return sheet_id


def answer(
    parts: Parts,
    catalogue_id: int,
    sheet_id: int,
    *,
    stage: str,
    prompt: str,
    words: str,
    seen: int,
    user: User,
    now: datetime,
) -> None:
    """An answer with its author and its day. seen: id of the answer that the page showed, 0 for none."""
    if stage not in list(Stage) or not asica.is_prompt(Stage(stage), prompt):
        raise AsicaError("unknown")
    said = words.replace("\r\n", "\n").strip()
    if not said:
        raise AsicaError("empty")
    if len(said) > asica.ANSWER_MAX:
        raise AsicaError("too_long")
    with parts.engine.begin() as tx:
        found = edit_catalogue.hold(tx, catalogue_id, user=user)
        sheet = stored.sheet(tx, sheet_id)
        if sheet is None or sheet.catalogue_id != catalogue_id:
            raise Gone
        last = stored.last_id(tx, sheet_id, stage=stage, prompt=prompt)
        standing = next((one for one in stored.entries(tx, sheet_id) if one.id == last), None)
        if last != seen:
            raise AsicaError("stale", holds=standing.text if standing else "")
        if standing is not None and standing.text == said:
            return
        stored.add_entry(
            tx, sheet_id, kind="answer", stage=stage, prompt=prompt, words=said, user_id=user.id, now=now
        )
        catalogues.touch(tx, [found.company_id], now=now)
        day = now.astimezone(parts.settings.tz).date().isoformat()
        _step(tx, found, sheet, key=f"{user.id}:{day}:{stage}", way=stage, words=said, user=user, now=now)


def move(
    parts: Parts,
    catalogue_id: int,
    sheet_id: int,
    *,
    to: str,
    why: str = "",
    version: int,
    forced: bool = False,
    user: User,
    now: datetime,
) -> None:
    """To another stage, on or back. forced: although nothing was written of the issue."""
    if to not in list(Stage):
        raise AsicaError("unknown")
    with parts.engine.begin() as tx:
        found = edit_catalogue.hold(tx, catalogue_id, user=user)
        sheet = stored.sheet(tx, sheet_id)
        if sheet is None or sheet.catalogue_id != catalogue_id:
            raise Gone
        if sheet.stage == to:
            raise AsicaError("same")
        answered = {one.prompt for one in stored.entries(tx, sheet_id) if one.kind == "answer"}
        lacks = asica.lacks_assignment(Stage(to), now_at=Stage(sheet.stage), answered=answered)
        if lacks and not forced:
            raise AsicaError("assignment_empty")
        if not stored.move(tx, sheet_id, to=to, version=version, now=now):
            raise AsicaError("stale")
        reason = why.strip()[: asica.ANSWER_MAX]
        entry_id = stored.add_entry(
            tx,
            sheet_id,
            kind="move",
            stage=to,
            words=reason,
            moved_from=sheet.stage,
            is_forced=lacks,
            user_id=user.id,
            now=now,
        )
        catalogues.touch(tx, [found.company_id], now=now)
        way = asica.way(Stage(sheet.stage), Stage(to))
        _step(tx, found, sheet, key=f"move:{entry_id}", way=way, words=reason, user=user, now=now)


def _step(
    tx: Connection,
    found: Catalogue,
    sheet: Sheet,
    *,
    key: str,
    way: str,
    words: str,
    user: User,
    now: datetime,
) -> None:
    """On the timeline of the contact, else the decider, else whoever there was heard of last; a second one of the
    same key is the same step. way: the stage, or from which to which."""
    person_id = write_diary.somebody(tx, found.company_id)
    if person_id is None:
        return
    touch = NewTouch(
        source_key=f"asica:{sheet.id}:{key}",
        person_id=person_id,
        kind=Kind.ASICA,
        at=now,
        product_id=sheet.product_id,
        title=way,
        note=words,
        actor_id=user.id,
    )
    touchpoints.put_first(tx, [touch], now=now)
