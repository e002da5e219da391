"""ASICA sheets: one a catalogue and product, its answers and its moves, which are only added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Sheet:
    """stage: where the company stands now, since stage_at."""

    id: int
    catalogue_id: int
    product_id: int
    product: str
    colour_no: int
    stage: str
    stage_at: datetime
    version: int


SHEETS = """
select s.id, s.catalogue_id, s.product_id, pr.name as product, pr.colour_no, s.stage, s.stage_at, s.version
  from asica_sheets s join products pr on pr.id = s.product_id
"""


def sheets(tx: Connection, catalogue_id: int) -> list[Sheet]:
    rows = tx.execute(
        text(SHEETS + " where s.catalogue_id = :id order by pr.priority, s.id"), {"id": catalogue_id}
    )
    return [Sheet(**row._mapping) for row in rows]


def sheet(tx: Connection, sheet_id: int) -> Sheet | None:
    row = tx.execute(text(SHEETS + " where s.id = :id"), {"id": sheet_id}).one_or_none()
    return None if row is None else Sheet(**row._mapping)


def add_sheet(tx: Connection, catalogue_id: int, product_id: int, *, now: datetime) -> int:
    """The sheet of a product; the one that stands, where there is one."""
    row = tx.execute(
        text(
            "insert into asica_sheets (catalogue_id, product_id, stage_at) values (:id, :product, :now)"
            " on conflict (catalogue_id, product_id) do update set version = asica_sheets.version returning id"
        ),
        {"id": catalogue_id, "product": product_id, "now": now},
    )
    return int(row.scalar_one())


@dataclass(frozen=True, slots=True)
class Entry:
    """kind: answer (text to a prompt), move (from moved_from to stage, text: why)."""

    id: int
    kind: str
    stage: str
    prompt: str
    text: str
    moved_from: str
    is_forced: bool
    by: str
    at: datetime


ENTRIES = """
select e.id, e.kind, e.stage, e.prompt, e.text, e.moved_from, e.is_forced, coalesce(u.name, '') as by, e.at
  from asica_entries e left join users u on u.id = e.user_id
 where e.sheet_id = :id order by e.at desc, e.id desc
"""


def entries(tx: Connection, sheet_id: int) -> list[Entry]:
    """Everything ever written on a sheet, newest first."""
    return [Entry(**row._mapping) for row in tx.execute(text(ENTRIES), {"id": sheet_id})]


def last_id(tx: Connection, sheet_id: int, *, stage: str, prompt: str) -> int:
    """The answer that holds, 0 for none; the sheet's row is held until the transaction ends."""
    tx.execute(text("select 1 from asica_sheets where id = :id for update"), {"id": sheet_id})
    row = tx.execute(
        text(
            "select coalesce(max(id), 0) as id from asica_entries where sheet_id = :id and kind = 'answer'"
            " and stage = :stage and prompt = :prompt"
        ),
        {"id": sheet_id, "stage": stage, "prompt": prompt},
    )
    return int(row.scalar_one())


def add_entry(
    tx: Connection,
    sheet_id: int,
    *,
    kind: str,
    stage: str,
    prompt: str = "",
    words: str = "",
    moved_from: str = "",
    is_forced: bool = False,
    user_id: int | None,
    now: datetime,
) -> int:
    return int(
        tx.execute(
            text(
                "insert into asica_entries (sheet_id, kind, stage, prompt, text, moved_from, is_forced, user_id, at)"
                " values (:id, :kind, :stage, :prompt, :text, :moved_from, :is_forced, :user, :now) returning id"
            ),
            {
                "id": sheet_id,
                "kind": kind,
                "stage": stage,
                "prompt": prompt,
                "text": words,
                "moved_from": moved_from,
                "is_forced": is_forced,
                "user": user_id,
                "now": now,
            },
        ).scalar_one()
    )


def move(tx: Connection, sheet_id: int, *, to: str, version: int, now: datetime) -> bool:
    """False when somebody moved it since the version."""
    done = tx.execute(
        text(
            "update asica_sheets set stage = :to, stage_at = :now, version = version + 1"
            " where id = :id and version = :version"
        ),
        {"id": sheet_id, "to": to, "version": version, "now": now},
    )
    return done.rowcount == 1
