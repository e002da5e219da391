"""Verdicts that wait for the rest of a scanner's requests, and what networks have taught."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from tracking_pixel.networks import Evidence, Lesson

# A network that is learned or cleared concerns the clicks of so many days; older ones have had their effect.
AGAIN = timedelta(days=30)
# A site carries our script if one of its pages was viewed in that time, among the last views.
SITE_DAYS = 30
SITE_VIEWS = 2000


def wait(tx: Connection, due: Iterable[tuple[int, datetime]], *, now: datetime, at_most: timedelta) -> None:
    """Judge these deliveries at that instant; one that waits is put off, by at most so long in all."""
    rows = sorted(due)
    if not rows:
        return
    tx.execute(
        text(
            """
            insert into verdicts_due (delivery_id, first_at, due_at)
            select q.id, :now, max(q.due_at)
              from unnest(cast(:ids as bigint[]), cast(:due as timestamptz[])) as q(id, due_at)
             group by q.id order by q.id
            on conflict (delivery_id) do update
               set due_at = least(greatest(verdicts_due.due_at, excluded.due_at),
                                  verdicts_due.first_at + cast(:at_most as interval))
            """
        ),
        {"ids": [id for id, _ in rows], "due": [at for _, at in rows], "now": now, "at_most": at_most},
    )


def is_due(tx: Connection, *, now: datetime) -> bool:
    """Index ix_verdicts_due_due_at."""
    query = text("select exists (select 1 from verdicts_due where due_at <= :now)")
    return bool(tx.execute(query, {"now": now}).scalar_one())


def take(tx: Connection, *, now: datetime, limit: int) -> list[int]:
    """Deliveries whose verdict is due; what another worker holds is left to it."""
    rows = tx.execute(
        text(
            "delete from verdicts_due where delivery_id in (select delivery_id from verdicts_due"
            " where due_at <= :now order by due_at limit :limit for update skip locked) returning delivery_id"
        ),
        {"now": now, "limit": limit},
    )
    return sorted(row.delivery_id for row in rows)


def evidence(tx: Connection, nets: Collection[str], *, now: datetime) -> list[Evidence]:
    """What was seen of these networks, as far as it holds. Primary key."""
    rows = tx.execute(
        text(
            "select net, count(*) filter (where machines_until > :now) as domains, max(machines_until) as machines,"
            " max(people_until) as people from scanner_networks where net = any(:nets) group by net"
        ),
        {"nets": sorted(nets), "now": now},
    )
    return [Evidence(*row) for row in rows]


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
                "net": [lesson.net for _, lesson in taught],
                "domain": [domain for domain, _ in taught],
                "is_person": [lesson.is_person for _, lesson in taught],
                "until": [lesson.until for _, lesson in taught],
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


def scripted_sites(tx: Connection, *, now: datetime) -> set[str]:
    """Sites (scheme://host) whose pages have lately reported a view. Index ix_tracking_events_views."""
    rows = tx.execute(
        text(
            "select distinct split_part(url, '/', 1) || '//' || split_part(url, '/', 3) as site from ("
            " select url from tracking_events where kind = 'view' and at >= :since order by at desc limit :most) v"
        ),
        {"since": now - timedelta(days=SITE_DAYS), "most": SITE_VIEWS},
    )
    return {row.site for row in rows}
