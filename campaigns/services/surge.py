"""Surge: tell the owners when a silent lead stirs, or several people of one company do.

Called for the people who were just ranked, in their transaction: from the verdict of a signal to the alert there is
no further wait. Source: S1-12, spec 2.5.4.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules import surges as rule
from campaigns.rules.surges import Surge
from campaigns.services import notices
from campaigns.storage import committees, next_actions, ranks, surges
from campaigns.storage.next_actions import Alert


def run(
    tx: Connection,
    person_ids: Sequence[int],
    *,
    now: datetime,
    base_url: str = "",
    told: Collection[tuple[int | None, int | None]] = (),
) -> int:
    """Tell what has newly surged among these people and their companies; returns the surges found.

    told: (user, person) who hear of this very act by another notice: one act is one notice.
    """
    ids = surges.stirred(tx, person_ids, now=now)
    if not ids:
        return 0
    leads = surges.leads(tx, ids)
    companies = sorted({lead.company_id for lead in leads if lead.company_id is not None})
    colleagues = surges.colleagues(tx, companies, now=now) if companies else {}
    found = rule.find(leads, surges.signs(tx, ids, now=now), colleagues, now=now)
    return _tell(tx, found, now=now, base_url=base_url, told=told) if found else 0


def _tell(
    tx: Connection,
    found: Sequence[Surge],
    *,
    now: datetime,
    base_url: str,
    told: Collection[tuple[int | None, int | None]],
) -> int:
    pairs = [(one.company_id, one.product_id) for one in found if one.company_id is not None]
    known = committees.of(tx, pairs)
    scores = [
        committee.score if (committee := known.get((one.company_id or 0, one.product_id))) else 0.0
        for one in found
    ]
    claimed = surges.claim(tx, found, scores, now=now)
    pairs_told = [(one, score) for one, score in zip(found, scores, strict=True) if one.lead_id in claimed]
    if not pairs_told:
        return 0
    # The company that has gone furthest stands first: in the list and in the mail.
    pairs_told.sort(key=lambda pair: (-pair[1], pair[0].lead_id))
    owners = surges.owners(tx, [one for one, _ in pairs_told])
    alerts = [
        _alert(one, score, user_id)
        for one, score in pairs_told
        for user_id in owners.get(one.lead_id, [None])
        if (user_id, one.person_id) not in told
    ]
    alert_ids = next_actions.add_alerts(tx, alerts, now=now)
    products = ranks.products(tx, sorted({one.product_id for one, _ in pairs_told}), now=now)
    notices.tell(tx, "surge", alerts, alert_ids, products, now=now, base_url=base_url)
    return len(pairs_told)


def _alert(one: Surge, score: float, user_id: int | None) -> Alert:
    return Alert(
        kind="surge",
        person_id=one.person_id,
        product_id=one.product_id,
        lead_id=one.lead_id,
        user_id=user_id,
        args={
            "reasons": [reason.as_json() for reason in one.reasons],
            "why": list(one.touches),
            "score": round(score, 1),
        },
    )
