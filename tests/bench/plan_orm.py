"""What the planner is measured against: the same reads, rule and writes through an ORM, a person at a time.

Written as one would write it: mapped classes, relations, one commit a thousand people. The decision itself is
the planner's own (`rules.decisions.decide`); only reading and writing differ.
"""

from __future__ import annotations

from datetime import date, datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session, registry, relationship

from campaigns.parts import Parts
from campaigns.rules import decisions, schedule
from campaigns.rules import planning as rule
from campaigns.rules.planning import Ask, Mail, Next, Person, Today
from campaigns.storage import tables as t
from campaigns.storage.closed_days import load

COMMIT_EVERY = 1_000
HOLDING = ("planned", "handing", "sent", "retry", "in_doubt")


def _mapped() -> SimpleNamespace:
    """A class a table, with the relations a person's decision walks along."""
    mapper = registry()
    made: dict[str, Any] = {}

    def map_(name: str, table: Any, **relations: Any) -> None:
        made[name] = type(name, (), {})
        mapper.map_imperatively(made[name], table, properties=relations)

    map_("Address", t.addresses)
    map_("Company", t.companies)
    map_("Product", t.products)
    map_("Content", t.contents)
    map_("Step", t.steps, content=relationship(lambda: made["Content"]))
    map_("Scenario", t.scenarios)
    map_("Affiliation", t.affiliations, company=relationship(lambda: made["Company"]))
    map_("Human", t.people, address=relationship(lambda: made["Address"]))
    map_(
        "Enrollment",
        t.enrollments,
        product=relationship(lambda: made["Product"]),
        scenario=relationship(lambda: made["Scenario"]),
    )
    map_("Pace", t.pace, person=relationship(lambda: made["Human"]))
    for name, table in (
        ("Lead", t.product_leads),
        ("Delivery", t.deliveries),
        ("Slot", t.mail_slots),
        ("Consent", t.consents),
        ("Suppression", t.suppressions),
        ("Touchpoint", t.touchpoints),
        ("PublishedMail", t.published_mails),
    ):
        map_(name, table)
    return SimpleNamespace(**made)


ORM = _mapped()


def run(parts: Parts, ids: list[int], *, now: datetime) -> int:
    """Plan these people; returns how many mails were planned."""
    engine: Engine = parts.engine
    zone, planned = parts.settings.tz, 0
    with Session(engine) as session:
        clock = rule.today(now, zone=zone, calendar=load(session.connection()), cap=1)
        for count, person_id in enumerate(ids, 1):
            planned += _plan(session, person_id, clock, now=now, zone=zone)
            if count % COMMIT_EVERY == 0:
                session.commit()
        session.commit()
    return planned


def _plan(session: Session, person_id: int, clock: Today, *, now: datetime, zone: Any) -> int:
    pace = session.scalars(select(ORM.Pace).where(ORM.Pace.person_id == person_id).with_for_update()).one()
    human, address = pace.person, pace.person.address
    affiliation = session.scalars(
        select(ORM.Affiliation).where(ORM.Affiliation.person_id == person_id, ORM.Affiliation.is_current)
    ).first()
    sent = session.scalars(
        select(ORM.Delivery)
        .where(
            ORM.Delivery.person_id == person_id,
            ORM.Delivery.__table__.c["class"] != "transactional",
            ORM.Delivery.state.in_(("sent", "in_doubt")),
        )
        .order_by(ORM.Delivery.sent_at.desc())
        .limit(12)
    ).all()
    slots = session.scalars(
        select(ORM.Slot).where(
            (ORM.Slot.person_id == person_id) | (ORM.Slot.address_id == address.id),
            ORM.Slot.month >= clock.month,
        )
    ).all()
    sign = session.scalars(
        select(ORM.Touchpoint)
        .where(ORM.Touchpoint.person_id == person_id, ORM.Touchpoint.validity > 0, ORM.Touchpoint.depth >= 1)
        .order_by(ORM.Touchpoint.at.desc())
        .limit(1)
    ).first()
    free = [day for day in (pace.next_free_on, address.next_free_on) if day]
    person = Person(
        affiliation.company.__dict__.get("class", "-") if affiliation and affiliation.company.id else "-",
        max(free).toordinal() if free else 0,
        max(pace.every_months, address.every_months),
        max((d.month for d in sent), default=0),
        sum(1 for d in sent if sign is None or d.sent_at > sign.at),
        tuple(d.tone for d in sent),
        tuple((s.month, s.product_id) for s in slots if s.slot_no),
        tuple((s.month, s.slot_no) for s in slots),
    )
    enrollments = [
        one
        for one in session.scalars(
            select(ORM.Enrollment)
            .where(ORM.Enrollment.person_id == person_id, ORM.Enrollment.status == "active")
            .order_by(ORM.Enrollment.id)
        ).all()
        if one.scenario.status == "active" and not one.product.is_paused
    ]
    asks = [_ask(session, one, human) for one in enrollments]
    decision = decisions.decide(person, asks, clock=clock)
    return _write(session, decision, human, pace, enrollments, now=now, zone=zone)


def _ask(session: Session, enrollment: Any, human: Any) -> Ask:
    steps = session.scalars(
        select(ORM.Step)
        .where(
            ORM.Step.version_id == enrollment.version_id,
            ORM.Step.position.in_((enrollment.position, enrollment.position + 1)),
        )
        .order_by(ORM.Step.position)
    ).all()
    step, after = steps[0], steps[1] if len(steps) > 1 else None
    lead = session.scalars(
        select(ORM.Lead).where(ORM.Lead.person_id == human.id, ORM.Lead.product_id == enrollment.product_id)
    ).first()
    following = Next(after.position, "mail", after.offset_months, after.want_day) if after else rule.THE_END
    mail = Mail(
        step.key,
        step.want_day,
        step.tone,
        step.valid_until.toordinal() if step.valid_until else 0,
        step.content_id,
        step.content.kind,
        following,
        enrollment.version_id,
    )
    return Ask(
        mail,
        enrollment.product_id,
        enrollment.due_month,
        enrollment.start_month,
        enrollment.round,
        lead.rank,
        enrollment.product.priority,
        _block(session, enrollment, human, step),
    )


def _block(session: Session, enrollment: Any, human: Any, step: Any) -> str | None:
    refusals = session.scalars(
        select(ORM.Suppression).where(
            (ORM.Suppression.key_hash == human.address.key_hash) | (ORM.Suppression.person_id == human.id),
            ORM.Suppression.lifted_at.is_(None),
        )
    ).all()
    for refusal in refusals:
        if refusal.scope == "global" or refusal.product_id == enrollment.product_id:
            return f"refused_{refusal.scope}"
    consents = session.scalars(
        select(ORM.Consent).where(
            ORM.Consent.address_id == human.address_id, ORM.Consent.withdrawn_at.is_(None)
        )
    ).all()
    if not any(c.product_id in (None, enrollment.product_id) for c in consents):
        return "no_consent"
    repeated = session.scalars(
        select(ORM.Delivery).where(
            ORM.Delivery.person_id == human.id,
            ORM.Delivery.content_id == step.content_id,
            ORM.Delivery.state.in_(HOLDING),
        )
    ).first()
    return "content_repeated" if repeated else None


def _write(
    session: Session,
    decision: rule.Decision,
    human: Any,
    pace: Any,
    enrollments: list[Any],
    *,
    now: datetime,
    zone: Any,
) -> int:
    planned = 0
    for written in decision.written:
        ask, enrollment = written.ask, enrollments[written.place]
        mail = session.scalars(
            select(ORM.PublishedMail).where(
                ORM.PublishedMail.version_id == ask.mail.version_id,
                ORM.PublishedMail.step_key == ask.mail.step_key,
            )
        ).first()
        delivery = ORM.Delivery()
        for name, value in {
            "origin": f"enr:{enrollment.id}/{ask.mail.step_key}/round:{ask.round}",
            "class": "counted",
            "person_id": human.id,
            "address_id": human.address_id,
            "product_id": ask.product_id,
            "enrollment_id": enrollment.id,
            "content_id": ask.mail.content_id,
            "published_mail_id": mail.id if mail else None,
            "step_key": ask.mail.step_key,
            "tone": ask.mail.tone,
            "month": written.month,
            "state": written.state,
            "reason": written.reason,
            "created_at": now,
        }.items():
            setattr(delivery, name, value)
        session.add(delivery)
        if written.state != "planned":
            continue
        planned += 1
        day = date.fromordinal(written.day)
        delivery.send_at = schedule.send_at(day, key=human.id, zone=zone, not_before=now)
        session.flush()
        slot = ORM.Slot()
        slot.delivery_id, slot.person_id, slot.address_id = delivery.id, human.id, human.address_id
        slot.product_id, slot.month, slot.slot_no = delivery.product_id, written.month, written.slot_no
        session.add(slot)
        free_on = date.fromordinal(written.day + schedule.GAP_DAYS)
        pace.next_free_on = human.address.next_free_on = free_on
    for move in decision.moves:
        enrollment = enrollments[move.place]
        enrollment.position, enrollment.due_month, enrollment.status = (
            move.position,
            move.due_month,
            move.status,
        )
        enrollment.entered_on = date.fromordinal(move.entered_on)
    for place, reason in decision.stopped:
        enrollments[place].status, enrollments[place].reason = "stopped", reason
    pace.plan_at = date.fromordinal(decision.plan_at) if decision.plan_at else date.max
    pace.held = {str(enrollments[h.place].id): [h.reason, h.by_product_id] for h in decision.held} or None
    return planned
