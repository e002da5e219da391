"""What a mail needs from the database, for a whole batch of deliveries in one statement.

Which variant goes out was decided at planning (deliveries.published_mail_id), so a link's number means the
same link whenever it is clicked. Source: design 3, 4 (set-based); spec 2.1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Select,
    and_,
    any_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)

from campaigns.rules.merge_fields import Recipient
from campaigns.storage import tables as t

# Touches that say how we know each other: met, asked or talked; not what a machine may have done.
BOND_KINDS = (
    "card_exchange",
    "badge_scan",
    "booth_talk",
    "booth_talk_prospect",
    "seminar_attend",
    "newsletter",
    "seminar_apply",
    "doc_request",
    "inquiry",
    "quote_request",
    "call_connected",
    "call_interest",
    "visit",
)


@dataclass(frozen=True, slots=True)
class Profile:
    """Who sends: the legal items and the addresses of a sender profile."""

    id: int
    legal_name: str
    postal_address: str
    inquiry: str
    from_name: str
    from_address: str
    reply_to: str
    return_path_domain: str


@dataclass(frozen=True, slots=True)
class Body:
    """A mail that is not from a scenario: rendered when it was written."""

    subject: str
    text: str
    html: str
    from_address: str = ""
    file_name: str = ""
    file_type: str = ""
    file: bytes | None = None


@dataclass(frozen=True, slots=True)
class Bonded:
    """The latest touch that says how we know each other."""

    kind: str
    event: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One delivery with everything its mail needs. profile None: nobody may be named as its sender."""

    delivery_id: int
    origin: str
    kind: str
    to: str
    recipient: Recipient
    lang: str
    bond: Bonded | None
    product_id: int | None
    product_name: str
    list_key: str
    unsubscribe_label: str
    profile: Profile | None
    owner_name: str
    do_not_track: bool
    published_mail_id: int | None
    body: Body | None


@dataclass(frozen=True, slots=True)
class Frozen:
    """A published mail as it is stored: immutable, so it may be kept in memory for ever."""

    id: int
    lang: str
    subject: str
    preheader: str
    html: str
    text: str
    links: Any


def load(tx: Connection, delivery_ids: Sequence[int]) -> tuple[Outgoing, ...]:
    """The batch in the order of its ids; one statement.

    The latest touch is found by ix_touchpoints_person_id_at.
    """
    return tuple(_outgoing(row) for row in tx.execute(_load(), {"ids": list(delivery_ids)}).all())


@cache
def _load() -> Select[Any]:
    d, b = t.deliveries, t.delivery_bodies
    bond = _bond(d.c.person_id, d.c.product_id)
    m = t.published_mails
    return (
        _people(
            d.c.id,
            d.c.origin,
            d.c["class"].label("class"),
            func.coalesce(b.c.to_address, t.addresses.c.email).label("to"),
            m.c.id.label("mail_id"),
            func.coalesce(m.c.lang, t.people.c.preferred_lang, "ja").label("lang"),
            b.c.delivery_id.label("body_id"),
            b.c.subject,
            b.c.text,
            b.c.html,
            b.c.from_address,
            b.c.file_name,
            b.c.file_type,
            b.c.file,
            bond.c.kind.label("bond_kind"),
            bond.c.event.label("bond_event"),
            bond.c.at.label("bond_at"),
        )
        .select_from(
            d.outerjoin(t.people, t.people.c.id == d.c.person_id)
            .outerjoin(
                t.affiliations,
                and_(t.affiliations.c.person_id == t.people.c.id, t.affiliations.c.is_current),
            )
            .outerjoin(t.companies, t.companies.c.id == t.affiliations.c.company_id)
            .outerjoin(t.addresses, t.addresses.c.id == d.c.address_id)
            .outerjoin(t.products, t.products.c.id == d.c.product_id)
            .outerjoin(t.sender_profiles, t.sender_profiles.c.id == _profile_id())
            .outerjoin(t.users, t.users.c.id == t.products.c.owner_user_id)
            .outerjoin(b, b.c.delivery_id == d.c.id)
            .outerjoin(bond, true())
            .outerjoin(m, m.c.id == d.c.published_mail_id)
        )
        .where(d.c.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
        .order_by(d.c.id)
    )


def sample(tx: Connection, *, person_id: int | None, product_id: int | None) -> Outgoing:
    """The same for a person and a product without a delivery, for previews. Ids of 0 stand for none."""
    p = select(
        cast(person_id, BigInteger).label("person_id"), cast(product_id, BigInteger).label("product_id")
    ).subquery()
    bond = _bond(p.c.person_id, p.c.product_id)
    none = literal(None)
    query = _people(
        literal(0).label("id"),
        literal("preview").label("origin"),
        literal("counted").label("class"),
        func.coalesce(t.addresses.c.email, "").label("to"),
        none.label("mail_id"),
        func.coalesce(t.people.c.preferred_lang, "ja").label("lang"),
        none.label("body_id"),
        none.label("subject"),
        none.label("text"),
        none.label("html"),
        none.label("from_address"),
        none.label("file_name"),
        none.label("file_type"),
        none.label("file"),
        bond.c.kind.label("bond_kind"),
        bond.c.event.label("bond_event"),
        bond.c.at.label("bond_at"),
    ).select_from(
        p.outerjoin(t.people, t.people.c.id == p.c.person_id)
        .outerjoin(
            t.affiliations,
            and_(t.affiliations.c.person_id == t.people.c.id, t.affiliations.c.is_current),
        )
        .outerjoin(t.companies, t.companies.c.id == t.affiliations.c.company_id)
        .outerjoin(t.addresses, t.addresses.c.id == t.people.c.address_id)
        .outerjoin(t.products, t.products.c.id == p.c.product_id)
        .outerjoin(t.sender_profiles, t.sender_profiles.c.id == _profile_id())
        .outerjoin(t.users, t.users.c.id == t.products.c.owner_user_id)
        .outerjoin(bond, true())
    )
    return _outgoing(tx.execute(query).one())


def frozen(tx: Connection, mail_ids: Iterable[int]) -> dict[int, Frozen]:
    """Published mails by id."""
    m = t.published_mails
    rows = tx.execute(
        select(m.c.id, m.c.lang, m.c.subject, m.c.preheader, m.c.html, m.c.text, m.c.links).where(
            m.c.id.in_(list(mail_ids))
        )
    )
    return {row.id: Frozen(*row) for row in rows}


def _people(*columns: Any) -> Select[Any]:
    a, c, p, pr, f = t.affiliations, t.companies, t.people, t.products, t.sender_profiles
    return select(
        *columns,
        c.c.name.label("company"),
        a.c.department,
        a.c.title,
        p.c.family,
        p.c.full_name,
        p.c.honorific,
        p.c.do_not_track,
        pr.c.id.label("product_id"),
        pr.c.name.label("product_name"),
        pr.c.list_key,
        pr.c.unsubscribe_label,
        t.users.c.name.label("owner_name"),
        f.c.id.label("profile_id"),
        f.c.legal_name,
        f.c.postal_address,
        f.c.inquiry,
        f.c.from_name,
        f.c.from_address,
        f.c.reply_to,
        f.c.return_path_domain,
    )


def _profile_id() -> Any:
    """The product's sender profile; a mail of no product is sent by the first profile of the house."""
    first = select(func.min(t.sender_profiles.c.id)).scalar_subquery()
    return func.coalesce(t.products.c.sender_profile_id, first)


def _bond(person_id: Any, product_id: Any) -> Any:
    tp, e = t.touchpoints, t.events
    return (
        select(tp.c.kind, func.coalesce(e.c.name, "").label("event"), tp.c.at)
        .outerjoin(e, e.c.id == tp.c.event_id)
        .where(
            tp.c.person_id == person_id,
            or_(tp.c.product_id == product_id, tp.c.product_id.is_(None), product_id.is_(None)),
            tp.c.kind.in_(BOND_KINDS),
            tp.c.validity > 0,
        )
        .order_by(tp.c.at.desc())
        .limit(1)
        .lateral("bond")
    )


def _outgoing(row: Sequence[Any]) -> Outgoing:
    """By place, since a batch has 500 rows of 35 columns: the order of `_load`, `sample` and `_people`."""
    id, origin, kind, to, mail_id, lang, body_id = row[:7]
    bond_kind, bond_event, bond_at = row[14:17]
    company, department, title, family, full_name, honorific, do_not_track = row[17:24]
    product_id, product_name, list_key, unsubscribe_label, owner_name, profile_id = row[24:30]
    return Outgoing(
        delivery_id=id,
        origin=origin,
        kind=kind,
        to=to or "",
        recipient=Recipient(
            company or "", department or "", title or "", family or "", full_name or "", honorific or "様"
        ),
        lang=lang,
        bond=Bonded(bond_kind, bond_event, bond_at) if bond_kind else None,
        product_id=product_id,
        product_name=product_name or "",
        list_key=list_key or "",
        unsubscribe_label=unsubscribe_label or "",
        profile=_profile(*row[29:]) if profile_id is not None else None,
        owner_name=owner_name or "",
        do_not_track=bool(do_not_track),
        published_mail_id=mail_id,
        body=Body(*row[7:14]) if body_id is not None else None,
    )


# A batch has one sender or a few.
_profile = lru_cache(maxsize=64)(Profile)
