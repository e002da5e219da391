"""Surges: somebody long silent stirs, or several people of one company do, and nobody of ours was there.

A shortlist forms without the seller knowing (S1-12); what is told is a sign of the customer's own, so calls and
visits of ours start nothing, nor do lists that are imported: who was there knows. They do end a silence.
Source: S1-12, spec 2.5.4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.rules.reasons import Reason
from campaigns.rules.touchpoints import KINDS, Kind

SILENCE = timedelta(days=60)
WINDOW = timedelta(days=14)
PEOPLE = 2
DEPTH = 2
# A signal is news for so long: a verdict, an upload or a weekend without power may bring it late.
NEWS = timedelta(days=3)
# Signs of one burst: who clicks, reads and asks within three days has stirred once.
BURST = timedelta(days=3)
TOLD_AGAIN_AFTER = timedelta(days=14)
TOUCHES_MAX = 5

OURS = frozenset({Kind.CALL_CONNECTED, Kind.CALL_INTEREST, Kind.VISIT})
SIGNS = tuple(kind for kind, row in KINDS.items() if row.is_sign)
SIGNALS = tuple(kind for kind in SIGNS if KINDS[kind].depth >= DEPTH and kind not in OURS)


@dataclass(frozen=True, slots=True)
class Sign:
    """A human sign. product_id: its own, or the one of the person's best lead; is_general: it had none of its own.

    is_imported: it came with a list.
    """

    touch_id: int
    person_id: int
    kind: Kind
    at: datetime
    product_id: int | None
    is_general: bool = False
    is_imported: bool = False

    @property
    def is_signal(self) -> bool:
        return self.kind in SIGNALS


@dataclass(frozen=True, slots=True)
class Lead:
    """A person for a product. since: when we first knew of them; company_id: where the person works now."""

    id: int
    person_id: int
    product_id: int
    company_id: int | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Surge:
    """One thing to tell, of a company where one is known. touches: the signals, oldest first.

    people: who showed them; reasons: silent_then_active, colleagues_active.
    """

    product_id: int
    company_id: int | None
    lead_id: int
    person_id: int
    at: datetime
    people: int
    reasons: tuple[Reason, ...]
    touches: tuple[int, ...]


def find(
    leads: Sequence[Lead],
    signs: Mapping[int, Sequence[Sign]],
    colleagues: Mapping[tuple[int, int], Sequence[Sign]],
    *,
    now: datetime,
) -> tuple[Surge, ...]:
    """What has surged by the newest signals of these leads, one a company and product.

    signs: of each lead's person, back to SILENCE before the oldest news. colleagues: signals of everybody at a
    company for a product, {(company, product): signals}, back to WINDOW before the oldest news.
    """
    found: dict[tuple[int, int, int], list[Surge]] = {}
    for lead in leads:
        mine = signs.get(lead.person_id, ())
        news = [sign for sign in mine if _is_news(sign, lead, now=now)]
        if not news:
            continue
        others = colleagues.get((lead.company_id, lead.product_id), ()) if lead.company_id else ()
        surge = _of(lead, news, mine, others)
        if surge is not None:
            key = (lead.product_id, lead.company_id or 0, 0 if lead.company_id else lead.id)
            found.setdefault(key, []).append(surge)
    return tuple(_joined(some) for _, some in sorted(found.items()))


def _is_news(sign: Sign, lead: Lead, *, now: datetime) -> bool:
    is_fresh = now - NEWS < sign.at <= now
    return is_fresh and sign.is_signal and not sign.is_imported and sign.product_id == lead.product_id


def _of(lead: Lead, news: Sequence[Sign], mine: Sequence[Sign], others: Sequence[Sign]) -> Surge | None:
    newest = max(news, key=lambda sign: (sign.at, sign.touch_id))
    reasons: list[Reason] = []
    heard = list(news)
    days = max((_silent_days(sign, lead, mine) for sign in news), default=0)
    if days:
        reasons.append(Reason("silent_then_active", {"days": days}))
    near = [sign for sign in others if newest.at - WINDOW < sign.at <= newest.at]
    people = {lead.person_id, *(sign.person_id for sign in near)}
    if len(people) >= PEOPLE:
        reasons.append(Reason("colleagues_active", {"people": len(people), "days": WINDOW.days}))
        heard += near
    if not reasons:
        return None
    return Surge(
        lead.product_id,
        lead.company_id,
        lead.id,
        lead.person_id,
        newest.at,
        len(people) if len(people) >= PEOPLE else 1,
        tuple(reasons),
        _last(heard),
    )


def _silent_days(signal: Sign, lead: Lead, mine: Sequence[Sign]) -> int:
    """Whole days without a sign before the burst of this signal: the click that led to a page ends no silence of its
    own. 0 if it was no silence, or we did not know them for so long."""
    until = [
        one.at
        for one in mine
        if one.at <= signal.at and (one.is_general or one.product_id == lead.product_id)
    ]
    first = min(at for at in (*until, signal.at) if at >= signal.at - BURST)
    quiet = first - max((at for at in until if at < first), default=lead.since)
    return quiet.days if quiet >= SILENCE else 0


def _last(signs: Iterable[Sign]) -> tuple[int, ...]:
    """The newest signals, oldest first; each once."""
    ordered = sorted({(sign.at, sign.touch_id) for sign in signs})
    return tuple(id for _, id in ordered[-TOUCHES_MAX:])


def _joined(surges: Sequence[Surge]) -> Surge:
    """One surge of a company's people: who moved last speaks, with the strongest of each reason."""
    last = max(surges, key=_age)
    reasons: dict[str, Reason] = {}
    for surge in surges:
        for reason in surge.reasons:
            known = reasons.get(reason.code)
            if known is None or list(reason.args.values()) > list(known.args.values()):
                reasons[reason.code] = reason
    return Surge(
        last.product_id,
        last.company_id,
        last.lead_id,
        last.person_id,
        last.at,
        max(one.people for one in surges),
        tuple(reasons[code] for code in ("silent_then_active", "colleagues_active") if code in reasons),
        tuple(dict.fromkeys(id for one in sorted(surges, key=_age) for id in one.touches))[-TOUCHES_MAX:],
    )


def _age(surge: Surge) -> tuple[datetime, int]:
    return surge.at, surge.lead_id
