"""Warn of a rival (他決リスク): the manager hears of it at once, and a visit stands in the list of the next business day.

Source: S0-32: even a deal about to go to a rival can be turned, by the person who visits and what they bring.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.services import event_lines, post
from campaigns.services.follow_rank import DUE_TIME
from campaigns.storage import closed_days, companies, hand_offs, next_actions, rivals, tasks
from campaigns.storage.next_actions import Alert
from campaigns.storage.tasks import NewTask

VISIT_IN = 1  # business days
PRIORITY = 1

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "subject": "他決リスク：{who}",
        "head": "{who}の案件が、他社に決まりそうです。",
        "rival": "競合：{rival}",
        "visit": "訪問のアクションを、{day}までに作りました。",
        "nobody": "この企業の担当者がわからないため、訪問のアクションは作っていません。",
        "foot": "案件の一覧：{url}",
    },
    "en": {
        "subject": "May be lost to a rival: {who}",
        "head": "{who} may be about to decide for somebody else.",
        "rival": "Rival: {rival}",
        "visit": "A visit has been put into the list, due {day}.",
        "nobody": "We know nobody at this company, so no visit was put into the list.",
        "foot": "Opportunities: {url}",
    },
}


def run(
    tx: Connection,
    parts: Parts,
    *,
    company_id: int | None,
    person_id: int | None = None,
    product_id: int | None = None,
    lead_id: int | None = None,
    assignee_id: int | None = None,
    rival: str = "",
    user_id: int | None,
    now: datetime,
) -> list[int]:
    """Tell the managers by alert and mail, and make the visit; returns the ids of new tasks.

    person_id: None for whoever of the company was last in touch. assignee_id: None for whom the rule gives it to.
    """
    zone = parts.settings.tz
    if person_id is None and company_id is not None:
        person_id = rivals.contact(tx, company_id)
    day = closed_days.load(tx).add_business_days(now.astimezone(zone).date(), VISIT_IN)
    made = []
    if person_id is not None:
        visit = NewTask(
            kind="visit",
            cause="rival_risk",
            due_at=datetime.combine(day, DUE_TIME, tzinfo=zone),
            team="field",
            priority=PRIORITY,
            note=rival,
            assignee_id=assignee_id,
            created_by=user_id,
        )
        made = tasks.add(
            tx,
            [visit],
            person_id=person_id,
            company_id=company_id,
            product_id=product_id,
            lead_id=lead_id,
            why=(),
            now=now,
        )
        if not made and lead_id is not None:
            rivals.hasten_visit(tx, lead_id, due_at=visit.due_at, priority=PRIORITY)
    company = companies.get(tx, company_id) if company_id is not None else None
    named = next_actions.names(tx, [person_id]).get(person_id) if person_id is not None else None
    who = company.name if company else named.name if named else ""
    _tell(tx, parts, who, rival, person_id, product_id, lead_id, day=day, now=now)
    return made


def _tell(
    tx: Connection,
    parts: Parts,
    who: str,
    rival: str,
    person_id: int | None,
    product_id: int | None,
    lead_id: int | None,
    *,
    day: date,
    now: datetime,
) -> None:
    managers = hand_offs.managers(tx)
    alerts = [
        Alert("rival_risk", person_id, product_id, lead_id, user_id, {"name": who, "reason": rival})
        for user_id in managers
    ]
    ids = next_actions.add_alerts(tx, alerts, now=now)
    url = f"{parts.settings.base_url}/opportunities?risk=1"
    for reader in next_actions.readers(tx, managers):
        words = WORDS.get(reader.locale, WORDS["ja"])
        lines = [words["head"].format(who=who)]
        lines += [words["rival"].format(rival=rival)] if rival else []
        lines += [
            words["visit"].format(day=event_lines.day(day, reader.locale)) if person_id else words["nobody"],
            "",
            words["foot"].format(url=url),
        ]
        post.queue(
            tx,
            origin=f"tx:rival:{ids[0]}:{reader.user_id}",
            to=reader.email,
            subject=words["subject"].format(who=who),
            text="\n".join(lines) + "\n",
            now=now,
        )
