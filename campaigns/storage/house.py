"""The rules that hold for the whole house: its one row, edited by admins."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class House:
    """cap_max: counted mails a person and month; cap_reason: why more than one; calls: inside sales' a day;
    stale_days: after so many without news a tracking catalogue is told of."""

    cap_max: int
    cap_reason: str
    calls: int
    stale_days: int
    version: int


def get(tx: Connection) -> House:
    row = tx.execute(
        text("select cap_max, cap_reason, call_capacity_per_day, stale_days, version from house")
    ).one()
    return House(*row)


def save(tx: Connection, new: House) -> bool:
    """Write; False when somebody else wrote since `version`."""
    done = tx.execute(
        text(
            "update house set cap_max = :cap_max, cap_reason = :cap_reason, call_capacity_per_day = :calls,"
            " stale_days = :stale_days,"
            " version = version + 1 where version = :version"
        ),
        {
            "cap_max": new.cap_max,
            "cap_reason": new.cap_reason,
            "calls": new.calls,
            "stale_days": new.stale_days,
            "version": new.version,
        },
    )
    return bool(done.rowcount)


def above(tx: Connection, cap_max: int, *, month: int) -> int:
    """People with more mails planned or sent than that, in this month or a later one."""
    row = tx.execute(
        text(
            "select count(*) from (select 1 from mail_slots where month >= :month and slot_no <> 0"
            " group by person_id, month having count(*) > :cap_max) q"
        ),
        {"month": month, "cap_max": cap_max},
    )
    return int(row.scalar_one())
