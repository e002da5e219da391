"""Pursue: an opportunity is made from a hand-off or by hand, and kept up to date.

Errors: FormError (what is wrong, by field), Stale (somebody else saved first), LookupError, OutOfBounds,
HandOffMoved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import opportunities as rules
from campaigns.rules.opportunities import Draft, FormError
from campaigns.rules.touchpoints import Kind
from campaigns.services import hand_off_steps, hand_over, rerank, warn_rival
from campaigns.services.hand_over import HandOffMoved
from campaigns.storage import audit, companies, gate, hand_offs, leads, opportunities, products
from campaigns.storage.opportunities import Opportunity


class Stale(RuntimeError):
    """Somebody else saved first. current: what stands now."""

    def __init__(self, current: Opportunity) -> None:
        super().__init__(f"opportunity {current.id} has moved")
        self.current = current


@dataclass(frozen=True, slots=True)
class About:
    """What an opportunity made by hand is about. person_id: None where only the company is known."""

    product_id: int
    company_id: int | None
    person_id: int | None


def from_hand_off(
    parts: Parts, hand_off_id: int, form: Mapping[str, str], *, user_id: int, now: datetime
) -> int:
    """The opportunity that came of a hand-off; accepts the hand-off where nobody has yet."""
    draft = rules.draft(form, today=_today(parts, now))
    with parts.engine.begin() as tx:
        found = hand_offs.get(tx, hand_off_id, lock=True)
        if found is None:
            raise LookupError(hand_off_id)
        if found.state != "accepted" or found.opportunity_id is not None:
            raise HandOffMoved("opportunity" if found.opportunity_id else found.state)
        hand_over.check(found, now=now)
        about = About(found.product_id, found.company_id, found.person_id)
        owner = found.rep_user_id or user_id
        return _add(
            tx, parts, about, draft, found.lead_id, hand_off_id, owner_user_id=owner, user_id=user_id, now=now
        )


def by_hand(
    parts: Parts,
    about: About,
    form: Mapping[str, str],
    *,
    owner_user_id: int | None,
    user_id: int,
    now: datetime,
) -> int:
    """An opportunity that a rep brings; the person's lead is with sales from now on."""
    errors: dict[str, str] = {}
    try:
        draft = rules.draft(form, today=_today(parts, now))
    except FormError as error:
        errors = error.errors
    with parts.engine.begin() as tx:
        errors |= _wrong(tx, about, now=now)
        if errors:
            raise FormError(errors)
        lead_id = None
        if about.person_id is not None:
            lead_id = opportunities.lead_for(tx, about.person_id, about.product_id, now=now)
        company_id = about.company_id
        if lead_id is not None and company_id is None:
            buyer = opportunities.buyer(tx, lead_id)
            company_id = buyer.company_id if buyer else None
        about = About(about.product_id, company_id, about.person_id)
        return _add(
            tx, parts, about, draft, lead_id, None, owner_user_id=owner_user_id, user_id=user_id, now=now
        )


def _wrong(tx: Connection, about: About, *, now: datetime) -> dict[str, str]:
    errors = {}
    if products.find(tx, about.product_id) is None:
        errors["product_id"] = "missing"
    if about.company_id is None and about.person_id is None:
        errors["company"] = "missing"
    if about.company_id is not None and companies.get(tx, about.company_id) is None:
        errors["company"] = "unknown"
    if about.person_id is not None and not errors:
        leads.lock(tx, about.person_id)
        one = gate.candidate(tx, about.person_id, about.product_id)
        code = hand_over.out_of_bounds(one, now=now) if one else "unknown"
        if one and not code and None is not about.company_id != one.company_id:
            code = "elsewhere"
        if code:
            errors["person_id"] = code
    return errors


def _add(
    tx: Connection,
    parts: Parts,
    about: About,
    draft: Draft,
    lead_id: int | None,
    hand_off_id: int | None,
    *,
    owner_user_id: int | None,
    user_id: int,
    now: datetime,
) -> int:
    made = opportunities.add(
        tx,
        company_id=about.company_id,
        product_id=about.product_id,
        lead_id=lead_id,
        hand_off_id=hand_off_id,
        owner_user_id=owner_user_id,
        name=draft.name,
        amount_yen=draft.amount_yen,
        stage=draft.stage.value,
        forecast=draft.forecast,
        expected_on=draft.expected_on,
        now=now,
    )
    if made is None:
        raise HandOffMoved("opportunity")
    changes: dict[str, tuple[object, object]] = {
        "amount_yen": (None, draft.amount_yen),
        "stage": (None, draft.stage.value),
        "forecast": (None, draft.forecast),
        "expected_on": (None, draft.expected_on),
    }
    audit.note(tx, noun="opportunity", noun_id=made, action="add", user_id=user_id, now=now, changes=changes)
    if lead_id is not None and about.person_id is not None:
        leads.settle(tx, lead_id, state="opportunity")
        hand_off_steps.note(
            tx,
            Kind.OPPORTUNITY,
            source=f"opportunity:{made}",
            person_id=about.person_id,
            product_id=about.product_id,
            words=draft.name,
            user_id=user_id,
            now=now,
        )
        rerank.for_people(
            tx, [about.person_id], now=now, zone=parts.settings.tz, base_url=parts.settings.base_url
        )
    return made


def edit(
    parts: Parts,
    opportunity_id: int,
    form: Mapping[str, str],
    *,
    version: int,
    owner_user_id: int | None,
    rival_risk: bool,
    user_id: int,
    now: datetime,
) -> Opportunity:
    """Save what the form says. A newly set risk of losing it to a rival tells the manager and asks for a visit."""
    with parts.engine.begin() as tx:
        old = opportunities.get(tx, opportunity_id, lock=True)
        if old is None:
            raise LookupError(opportunity_id)
        draft = rules.draft(form, today=_today(parts, now), kept_on=old.expected_on)
        if old.version != version or old.result:
            raise Stale(old)
        values: dict[str, object] = {
            "owner_user_id": owner_user_id,
            "name": draft.name,
            "amount_yen": draft.amount_yen,
            "stage": draft.stage.value,
            "forecast": draft.forecast,
            "expected_on": draft.expected_on,
            "rival_risk": rival_risk,
            "lost_to": draft.rival,
        }
        opportunities.save(tx, opportunity_id, values, version=version)
        audit.note(
            tx,
            noun="opportunity",
            noun_id=opportunity_id,
            action="edit",
            user_id=user_id,
            now=now,
            changes={name: (getattr(old, name), new) for name, new in values.items()},
        )
        if rival_risk and not old.rival_risk:
            warn_rival.run(
                tx,
                parts,
                company_id=old.company_id,
                person_id=old.person_id,
                product_id=old.product_id,
                lead_id=old.lead_id,
                assignee_id=owner_user_id,
                rival=draft.rival,
                user_id=user_id,
                now=now,
            )
        saved = opportunities.get(tx, opportunity_id)
    assert saved is not None
    return saved


def _today(parts: Parts, now: datetime) -> date:
    return now.astimezone(parts.settings.tz).date()
