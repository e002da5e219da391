"""Mails let out on a day by a sender profile that is being warmed up: taken before, given back after."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, text

# The row is locked before it is read, so two workers never count from the same number; in the profiles'
# order, so they never wait for each other crosswise. A missing day starts at nothing.
BEGIN = """
insert into sender_days (sender_profile_id, day)
select p, :day from unnest(cast(:profiles as bigint[])) as p order by p
on conflict (sender_profile_id, day) do nothing
"""
TAKE = """
with asked as (
  select * from unnest(cast(:profiles as bigint[]), cast(:n as int[]), cast(:ceiling as int[])) as q(profile, n, ceiling)),
held as materialized (
  select s.sender_profile_id, s.taken from sender_days s
   where s.day = :day and s.sender_profile_id = any(:profiles)
   order by s.sender_profile_id for update)
update sender_days s
   set taken = h.taken + least(a.n, greatest(a.ceiling - h.taken, 0))
  from held h join asked a on a.profile = h.sender_profile_id
 where s.sender_profile_id = h.sender_profile_id and s.day = :day
returning s.sender_profile_id as profile, s.taken - h.taken as granted
"""


def take_each(tx: Connection, wanted: Mapping[int, tuple[int, int]], *, day: date) -> dict[int, int]:
    """For each profile {id: (n, ceiling)} how many of n may still go on this day. Primary key.

    The rows stay locked until the transaction ends: a claim that is rolled back has taken nothing.
    """
    if not wanted:
        return {}
    profiles = sorted(wanted)
    values = {
        "day": day,
        "profiles": profiles,
        "n": [max(0, wanted[profile][0]) for profile in profiles],
        "ceiling": [max(0, wanted[profile][1]) for profile in profiles],
    }
    tx.execute(text(BEGIN), values)
    return {row.profile: row.granted for row in tx.execute(text(TAKE), values)}


def take(tx: Connection, profile_id: int, *, day: date, n: int, ceiling: int) -> int:
    """How many of n mails of this profile may still go on this day; they count as gone."""
    return take_each(tx, {profile_id: (n, ceiling)}, day=day)[profile_id]


def give_back(tx: Connection, unused: Mapping[int, int], *, day: date) -> None:
    """Mails that did not go after all, by profile. Primary key."""
    if unused:
        profiles = sorted(unused)
        tx.execute(
            text(
                """
                with held as materialized (
                  select s.sender_profile_id from sender_days s
                   where s.day = :day and s.sender_profile_id = any(:profiles)
                   order by s.sender_profile_id for update)
                update sender_days s set taken = greatest(s.taken - q.n, 0)
                  from held h join unnest(cast(:profiles as bigint[]), cast(:n as int[])) as q(profile, n)
                    on q.profile = h.sender_profile_id
                 where s.sender_profile_id = q.profile and s.day = :day
                """
            ),
            {"day": day, "profiles": profiles, "n": [unused[profile] for profile in profiles]},
        )


def taken(tx: Connection, *, day: date) -> dict[int, int]:
    """Mails let out on this day, by profile."""
    rows = tx.execute(text("select sender_profile_id, taken from sender_days where day = :day"), {"day": day})
    return {row.sender_profile_id: row.taken for row in rows}
