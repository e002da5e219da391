"""What the demo reports: counted in the raw mails at the catcher and in the database, never assumed."""

from __future__ import annotations

import email
from collections import Counter, defaultdict
from email import policy
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from campaigns.demo.recipients import Letter, read
from campaigns.parts import Parts
from campaigns.rules.schedule import month_label
from campaigns.services import self_audit


def letters(folder: Path) -> list[tuple[Letter, str]]:
    """Every marketing mail the catcher holds, with the month of its Date header."""
    found = []
    for path in sorted(folder.glob("*.eml")):
        raw = path.read_bytes()
        letter = read(path.stem, raw)
        if letter is not None:
            date = email.message_from_bytes(raw, policy=policy.default)["Date"].datetime
            found.append((letter, f"{date.year}-{date.month:02d}"))
    return found


def count(parts: Parts, *, rejected: list[dict[str, object]]) -> dict[str, Any]:
    """The counts of `ikusei demo --json`, without the time it took."""
    mails = letters(parts.catcher_folder)
    by_person_month = Counter((letter.to, month) for letter, month in mails)
    origins = Counter((letter.to, letter.message_id) for letter, _ in mails)
    with parts.engine.connect() as tx:
        counts = _in_database(tx)
    audit = self_audit.run(parts, now=parts.clock.now())
    return {
        "rows_read": counts.pop("rows_read"),
        "rows_imported": counts.pop("rows_imported"),
        "rows_rejected": rejected,
        "mails_by_month": dict(sorted(Counter(month for _, month in mails).items())),
        "max_mails_per_person_month": max(by_person_month.values(), default=0),
        **counts,
        "unsubscribed_one_product_still_mailed_other": _still_mailed(parts, mails),
        "duplicate_mails": sum(n - 1 for n in origins.values()),
        "self_audit": audit.found,
    }


def _in_database(tx: Connection) -> dict[str, Any]:
    def one(query: str) -> int:
        return int(tx.execute(text(query)).scalar() or 0)

    def table(query: str) -> dict[str, int]:
        return {str(key): int(n) for key, n in tx.execute(text(query))}

    tasks = table("select kind, count(*) from tasks group by kind")
    ranks = table("select rank, count(*) from product_leads group by rank")
    return {
        "rows_read": one(
            "select count(*) from import_rows r join import_batches b on b.id = r.batch_id where b.id = (select min(id) from import_batches)"
        ),
        "rows_imported": one(
            "select count(*) from import_rows where batch_id = (select min(id) from import_batches)"
            " and result <> 'error'"
        ),
        "opens": one("select count(*) from tracking_events where kind = 'open'"),
        "clicks": one("select count(*) from tracking_events where kind = 'click'"),
        "clicks_by_people": one(
            "select count(*) from tracking_events where kind = 'click' and verdict = 'human'"
        ),
        "page_views": one("select count(*) from tracking_events where kind = 'view'"),
        "tasks": {kind: tasks.get(kind, 0) for kind in ("call", "fax", "visit")},
        "people_by_rank": {
            rank: ranks.get(rank, 0) for rank in ("hot", "warm", "nurture", "unobserved", "declined")
        },
        "call_list_rows": one("select count(*) from tasks where kind = 'call' and state = 'open'"),
        "transactional_mails": one(
            "select count(*) from deliveries where class = 'transactional' and state = 'sent'"
        ),
        "replies": one("select count(*) from touchpoints where kind = 'mail_reply'"),
        "deliveries_without_final_or_dated_state": one(
            "select count(*) from deliveries where state = 'handing'"
            " or (state in ('planned', 'retry') and send_at is null)"
            " or (state = 'carried_over' and until is null)"
        ),
        "deliveries_by_state": table("select state, count(*) from deliveries group by state"),
    }


def _still_mailed(parts: Parts, mails: list[tuple[Letter, str]]) -> int:
    """People who left one product by its link and got another product's mail afterwards, at the catcher."""
    received: dict[str, dict[str, str]] = defaultdict(dict)
    for letter, _ in mails:
        received[letter.to][letter.list_id] = max(received[letter.to].get(letter.list_id, ""), letter.key)
    with parts.engine.connect() as tx:
        left = tx.execute(
            text(
                "select a.email, pr.list_key, s.at from suppressions s join addresses a on a.id = s.address_id"
                " join products pr on pr.id = s.product_id"
                " where s.scope = 'product' and s.reason = 'user_link' and s.lifted_at is null"
            )
        ).all()
        sent = {
            (row.email, row.list_key): row.last
            for row in tx.execute(
                text(
                    "select a.email, pr.list_key, max(d.sent_at) as last from deliveries d"
                    " join addresses a on a.id = d.address_id join products pr on pr.id = d.product_id"
                    " where d.state = 'sent' group by 1, 2"
                )
            )
        }
    people = 0
    for row in left:
        later = [
            key
            for (address, key), last in sent.items()
            if address == row.email and key != row.list_key and last > row.at
        ]
        # The database says it was sent; the catcher must hold it as well.
        people += any(any(key in list_id for list_id in received[row.email]) for key in later)
    return people


def month_line(parts: Parts, month: int) -> str:
    """One line of the story about a month that is over."""
    label = month_label(month)
    with parts.engine.connect() as tx:
        row = tx.execute(
            text(
                """
                select (select count(*) from deliveries where month = :m and state = 'sent' and class <> 'transactional') as sent,
                       (select count(*) from deliveries where state = 'carried_over') as waiting,
                       (select count(*) from tracking_events where kind = 'click' and verdict = 'human') as clicks,
                       (select count(*) from tracking_events where kind = 'click' and verdict in ('scanner', 'suspected')) as machine,
                       (select count(*) from product_leads where rank = 'hot') as hot,
                       (select count(*) from product_leads where rank = 'warm') as warm,
                       (select count(*) from tasks where state = 'open') as tasks,
                       (select count(*) from suppressions where lifted_at is null) as refusals
                """
            ),
            {"m": month},
        ).one()
    return (
        f"{label}: {row.sent} mails, {row.clicks} clicks by people so far ({row.machine} by scanners),"
        f" hot {row.hot}, warm {row.warm}, open tasks {row.tasks}, refusals {row.refusals}, waiting {row.waiting}"
    )
