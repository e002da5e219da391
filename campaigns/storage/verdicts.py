"""Verdicts that wait for the rest of a scanner's requests, and what networks have taught."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from campaigns.storage import bulk
from tracking_pixel.networks import Evidence, Lesson

# A network that is learned or cleared concerns the clicks of so many days; older ones have had their effect.
AGAIN = timedelta(days=30)
# A site carries our script if one of its pages was viewed in that time, among the last views.
SITE_DAYS = 30
SITE_VIEWS = 2000
# Nobody judges a thousand mails for so long: who does has died.
CLAIMED = timedelta(minutes=2)

WAIT = """
insert into verdicts_due (delivery_id, first_at, due_at)
select q.id, :now, q.due_at
  from unnest(cast(:ids as bigint[]), cast(:due as timestamptz[])) as q(id, due_at) order by q.id
on conflict (delivery_id) do update
   set due_at = least(greatest(verdicts_due.due_at, excluded.due_at),
                      verdicts_due.first_at + cast(:at_most as interval))
 where verdicts_due.due_at < least(excluded.due_at, verdicts_due.first_at + cast(:at_most as interval))
"""


def wait(tx: Connection, due: Mapping[int, datetime], *, now: datetime, at_most: timedelta) -> None:
    """Judge these deliveries at that instant; one that waits is put off, by at most so long in all."""
    if due:
        ids, at = bulk.as_array(due), bulk.as_array(at.isoformat() for at in due.values())
        tx.execute(text(WAIT), {"ids": ids, "due": at, "now": now, "at_most": at_most})


def is_due(tx: Connection, *, now: datetime) -> bool:
    """Index ix_verdicts_due_due_at."""
    query = text(
        "select exists (select 1 from verdicts_due where due_at <= :now)"
        " or exists (select 1 from verdict_claims where until <= :now)"
    )
    return bool(tx.execute(query, {"now": now}).scalar_one())


@dataclass(frozen=True, slots=True)
class Claim:
    """Deliveries that one worker judges. id: of the row that holds them."""

    id: int
    delivery_ids: tuple[int, ...]


# Whoever takes events must never wait for a verdict, so the claim is a transaction of its own. What came in for a
# claimed delivery meanwhile waits until that claim is settled: else the older view of it could be written last.
CLAIM = """
with taken as (
  delete from verdicts_due where delivery_id in (
         select v.delivery_id from verdicts_due v
          where v.due_at <= :now and v.delivery_id not in (select unnest(delivery_ids) from verdict_claims)
          order by v.due_at limit :limit for update skip locked)
  returning delivery_id)
insert into verdict_claims (delivery_ids, until)
select array_agg(delivery_id order by delivery_id), :until from taken having count(*) > 0
returning id, delivery_ids
"""

RELEASE = """
with dead as (
  delete from verdict_claims where id in (
         select id from verdict_claims where until <= :now for update skip locked)
  returning delivery_ids)
insert into verdicts_due (delivery_id, first_at, due_at)
select distinct unnest(delivery_ids), cast(:now as timestamptz), cast(:now as timestamptz) from dead order by 1
on conflict (delivery_id) do nothing
"""


def claim(tx: Connection, *, now: datetime, limit: int) -> Claim | None:
    """Deliveries whose verdict is due, for this worker alone; None when there is none. Ends with `settle`."""
    tx.execute(text(RELEASE), {"now": now})
    row = tx.execute(text(CLAIM), {"now": now, "limit": limit, "until": now + CLAIMED}).first()
    return None if row is None else Claim(row.id, tuple(row.delivery_ids))


def settle(tx: Connection, claim: Claim) -> bool:
    """These are judged as this transaction ends. False: the claim was held too long, and another has them."""
    done = tx.execute(text("delete from verdict_claims where id = :id"), {"id": claim.id})
    return bool(done.rowcount)


EVIDENCE = """
select net, count(*) filter (where machines_until > :now), max(machines_until), max(people_until)
  from scanner_networks where net = any(cast(:nets as text[])) group by net
"""


def evidence(tx: Connection, nets: Collection[str], *, now: datetime) -> list[Evidence]:
    """What was seen of these networks, as far as it holds. Primary key."""
    found = bulk.rows(tx, EVIDENCE, {"nets": bulk.as_texts(nets), "now": now})
    return [Evidence(*row) for row in found]


LEARN = """
insert into scanner_networks (net, domain, visits, people, machines_until, people_until)
select q.net, q.domain, count(*) filter (where not q.is_person), count(*) filter (where q.is_person),
       max(q.until) filter (where not q.is_person), max(q.until) filter (where q.is_person)
  from unnest(cast(:net as text[]), cast(:domain as text[]), cast(:is_person as boolean[]),
              cast(:until as timestamptz[])) as q(net, domain, is_person, until)
 group by 1, 2 order by 1, 2
on conflict (net, domain) do update
   set visits = scanner_networks.visits + excluded.visits, people = scanner_networks.people + excluded.people,
       machines_until = greatest(scanner_networks.machines_until, excluded.machines_until),
       people_until = greatest(scanner_networks.people_until, excluded.people_until)
"""


def learn(tx: Connection, taught: Sequence[tuple[str, Lesson]]) -> None:
    """Write what mails to these domains taught."""
    if taught:
        tx.execute(
            text(LEARN),
            {
                "net": bulk.as_texts(lesson.net for _, lesson in taught),
                "domain": bulk.as_texts(domain for domain, _ in taught),
                "is_person": bulk.as_array(lesson.is_person for _, lesson in taught),
                "until": bulk.as_array(lesson.until.isoformat() for _, lesson in taught),
            },
        )


def judge_again(tx: Connection, nets: Collection[str], *, now: datetime) -> None:
    """Deliveries with a click from these networks are due. Index ix_tracking_events_net."""
    if nets:
        tx.execute(
            text(
                "insert into verdicts_due (delivery_id, first_at, due_at)"
                " select distinct delivery_id, cast(:now as timestamptz), cast(:now as timestamptz)"
                " from tracking_events where kind = 'click' and net <> '' and net = any(:nets) and at >= :since"
                " and verdict in ('human', 'suspected') order by 1 on conflict (delivery_id) do nothing"
            ),
            {"nets": sorted(nets), "now": now, "since": now - AGAIN},
        )


def forget(tx: Connection, *, now: datetime) -> None:
    """What was seen of networks more than 30 days ago goes."""
    tx.execute(
        text("delete from scanner_networks where greatest(machines_until, people_until) <= :now"),
        {"now": now},
    )


SITES = """
select q.site from (
       select distinct split_part(url, '/', 1) || '//' || split_part(url, '/', 3) as site from (
              select url from tracking_events where kind = 'view' and delivery_id is not null and at >= :since
               order by at desc limit :most) v) q
 where not exists (select 1 from sites s where s.origin = q.site and s.mode = 'ask')
"""


def scripted_sites(tx: Connection, *, now: datetime) -> set[str]:
    """Sites (scheme://host) whose pages have lately reported a view after a click. Index ix_tracking_events_led.

    Where visitors are asked first, most give no answer: there hands are not to be expected.
    """
    rows = tx.execute(text(SITES), {"since": now - timedelta(days=SITE_DAYS), "most": SITE_VIEWS})
    return {row.site for row in rows}
