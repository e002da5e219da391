"""One person, everything we know: the page of a person, a handful of statements whatever its length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, text

from campaigns.rules.deliveries import is_silenced
from campaigns.storage import causes, permission
from campaigns.storage.causes import Step


@dataclass(frozen=True, slots=True)
class Person:
    """A person with mailbox and place of work. company_*: of the current affiliation."""

    id: int
    version: int
    name: str
    family: str
    given: str
    kana: str
    honorific: str
    tel: str
    tel_direct: str
    mobile: str
    fax: str
    phone_invalid: bool
    fax_invalid: bool
    do_not_call: bool
    do_not_fax: bool
    do_not_track: bool
    preferred_lang: str
    note: str
    excluded_reason: str
    merged_into: int | None
    email: str
    email_status: str
    email_status_at: datetime | None
    email_status_reason: str
    every_months: int
    company_id: int | None
    company: str
    company_class: str
    company_tel: str
    company_fax: str
    site: str
    department: str
    title: str
    buying_role: str


PERSON = """
select p.id, p.version, p.full_name as name, p.family, p.given, p.kana, p.honorific, p.tel, p.tel_direct,
       p.mobile, p.fax, p.phone_invalid, p.fax_invalid, p.do_not_call, p.do_not_fax, p.do_not_track, p.preferred_lang, p.note,
       p.excluded_reason, p.merged_into, coalesce(a.email, '') as email, coalesce(a.status, '') as email_status,
       a.status_at as email_status_at, coalesce(a.status_reason, '') as email_status_reason,
       coalesce(a.every_months, 1) as every_months, co.id as company_id,
       coalesce(co.name, '') as company, coalesce(co.class, '-') as company_class,
       coalesce(co.tel, '') as company_tel, coalesce(co.fax, '') as company_fax, coalesce(f.site, '') as site,
       coalesce(f.department, '') as department, coalesce(f.title, '') as title,
       coalesce(f.buying_role, '') as buying_role
  from people p
  left join addresses a on a.id = p.address_id
  left join affiliations f on f.person_id = p.id and f.is_current
  left join companies co on co.id = f.company_id
 where p.id = :id
"""


def person(tx: Connection, person_id: int) -> Person | None:
    row = tx.execute(text(PERSON), {"id": person_id}).first()
    return Person(**row._mapping) if row else None


@dataclass(frozen=True, slots=True)
class Touch:
    """A touchpoint as the timeline shows it. mail: title of the mail it answers; actor: who recorded it; reversal:
    why it was taken back, "" for one that stands."""

    id: int
    kind: str
    channel: str
    depth: int
    at: datetime
    validity: float
    validity_reason: str
    active_s: float
    url: str
    title: str
    note: str
    product_id: int | None
    product: str
    colour_no: int
    event_id: int | None
    event: str
    mail: str
    actor: str
    actor_id: int | None
    tags: tuple[str, ...]
    reversal: str


TOUCHES = """
select t.id, t.kind, t.channel, t.depth, t.at, t.validity, t.validity_reason, t.active_s, t.url, t.title, t.note,
       t.product_id, coalesce(pr.name, '') as product, coalesce(pr.colour_no, 1) as colour_no, t.event_id,
       coalesce(e.name, '') as event, coalesce(pm.subject, c.title, '') as mail, coalesce(u.name, '') as actor,
       t.actor_id, t.tags, coalesce(r.reason, '') as reversal
  from touchpoints t
  left join products pr on pr.id = t.product_id
  left join events e on e.id = t.event_id
  left join deliveries d on d.id = t.delivery_id
  left join published_mails pm on pm.id = d.published_mail_id
  left join contents c on c.id = d.content_id
  left join users u on u.id = t.actor_id
  left join touch_reversals r on r.touch_id = t.id
 where t.person_id = :id order by t.at desc, t.id desc
"""  # index ix_touchpoints_person_id_at


def touches(tx: Connection, person_id: int) -> list[Touch]:
    """Every touchpoint of a person, machines' and refuted ones too, newest first."""
    rows = tx.execute(text(TOUCHES), {"id": person_id})
    return [Touch(**{**row._mapping, "tags": tuple(row.tags)}) for row in rows]


@dataclass(frozen=True, slots=True)
class Lead:
    """The person for one product. refusal: code why no mail about it may go out, or None.

    resolved, won: of each score band, as calibrated last. reasons: as stored.
    """

    id: int
    product_id: int
    product: str
    colour_no: int
    cycle_days: int
    gate: float
    edges: tuple[float, ...]
    state: str
    rank: str
    score: float
    p_win: float
    depth_max: int
    breakdown: Mapping[str, float]
    reasons: tuple[Mapping[str, Any], ...]
    refused_until: datetime | None
    no_call_before: datetime | None
    selection_stage: str
    timeframe: str
    paused_until: datetime | None
    pause_reason: str
    ranked_at: datetime | None
    resolved: tuple[int, ...]
    won: tuple[int, ...]
    refusal: str | None
    has_consent: bool
    hot_rules: Mapping[str, Any]
    industry: str


LEADS = f"""
select l.id, l.product_id, pr.name as product, pr.colour_no, pr.purchase_cycle_days as cycle_days, pr.gate,
       pr.band_edges as edges, l.state, l.rank, l.score, l.p_win, l.depth_max, l.breakdown, l.reasons,
       l.refused_until, l.no_call_before, l.selection_stage, l.timeframe, l.paused_until, l.pause_reason,
       l.ranked_at, coalesce(c.resolved, '{{}}') as resolved, coalesce(c.won, '{{}}') as won,
       case when a.id is not null then {permission.refusal(product="l.product_id", enrolled="l.created_at")} end
         as refusal,
       a.id is not null and {permission.consent(product="l.product_id")} as has_consent, pr.hot_rules,
       coalesce((select co.industry from affiliations f join companies co on co.id = f.company_id
                  where f.person_id = p.id and f.is_current), '') as industry
  from product_leads l
  join people p on p.id = l.person_id
  join products pr on pr.id = l.product_id
  left join addresses a on a.id = p.address_id
  left join lateral (select resolved, won from calibrations c where c.product_id = pr.id and c.state = 'accepted'
                      order by c.at desc, c.id desc limit 1) c on true
 where l.person_id = :id order by l.score desc, l.id
"""  # noqa: S608 - the parts are constants


def leads(tx: Connection, person_id: int) -> list[Lead]:
    """The person for each product, highest score first."""
    found = []
    for row in tx.execute(text(LEADS), {"id": person_id}):
        values = dict(row._mapping)
        for name in ("edges", "resolved", "won", "reasons"):
            values[name] = tuple(values[name])
        found.append(Lead(**values))
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A rank that moved. reasons: as stored, the three strongest. steps: the touches that weighed most, oldest first."""

    product_id: int
    product: str
    at: datetime
    old: str
    new: str
    score: float
    reasons: tuple[Mapping[str, Any], ...]
    steps: tuple[Step, ...]


def changes(tx: Connection, person_id: int) -> list[Change]:
    """Changes of rank, newest first; the first rank of a new lead is no change."""
    rows = tx.execute(
        text(
            f"select l.product_id, pr.name as product, c.at, c.old, c.new, c.score, c.reasons,"  # noqa: S608
            f" {causes.BEHIND.format('c.why')} as steps from rank_changes c"
            " join product_leads l on l.id = c.lead_id join products pr on pr.id = l.product_id"
            " where l.person_id = :id and c.old <> c.new order by c.at desc, c.id desc"
        ),
        {"id": person_id},
    )
    return [
        Change(**{**row._mapping, "reasons": tuple(row.reasons), "steps": causes.read(row.steps)})
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Slot:
    """A month of the person's mail. month: year * 12 + month - 1. stage: of the lead now, '' where there is none."""

    month: int
    state: str
    title: str
    product: str
    colour_no: int
    reason: str
    stage: str

    @property
    def is_silenced(self) -> bool:
        return is_silenced(self.state, self.stage)


def slots(tx: Connection, person_id: int, *, first: int, last: int) -> list[Slot]:
    """Counted and courtesy mails of these months, sent ones before planned and held ones."""
    rows = tx.execute(
        text(
            "select d.month, d.state, coalesce(pm.subject, c.title, '') as title, coalesce(pr.name, '') as product,"
            " coalesce(pr.colour_no, 1) as colour_no, d.reason, coalesce(l.state, '') as stage from deliveries d"
            " left join product_leads l on l.person_id = d.person_id and l.product_id = d.product_id"
            " left join published_mails pm on pm.id = d.published_mail_id"
            " left join contents c on c.id = d.content_id left join products pr on pr.id = d.product_id"
            " where d.person_id = :id and d.class <> 'transactional' and d.month between :first and :last"
            " order by d.month, array_position(array['sent','in_doubt','handing','retry','planned'], d.state), d.id"
        ),
        {"id": person_id, "first": first, "last": last},
    )
    return [Slot(**row._mapping) for row in rows]


@dataclass(frozen=True, slots=True)
class Consent:
    """Why the mailbox may be written to. product "": all products. form, form_version: where it was given, if so."""

    basis: str
    product: str
    event: str
    obtained_at: datetime
    wording: str = ""
    form: int | None = None
    form_version: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it may not. scope: product, global, new_products."""

    scope: str
    product: str
    reason: str
    at: datetime


def consents(tx: Connection, person_id: int) -> list[Consent]:
    """Living consents of the person's mailbox, the newest first."""
    rows = tx.execute(
        text(
            "select c.basis, coalesce(pr.name, '') as product, coalesce(e.name, '') as event, c.obtained_at,"
            " c.wording, cast(c.evidence->>'form' as bigint) as form,"
            " cast(c.evidence->>'form_version' as int) as form_version"
            " from people p join consents c on c.address_id = p.address_id"
            " left join products pr on pr.id = c.product_id left join events e on e.id = c.event_id"
            " where p.id = :id and c.withdrawn_at is null order by c.obtained_at desc, c.id desc"
        ),
        {"id": person_id},
    )
    return [Consent(**row._mapping) for row in rows]


def refusals(tx: Connection, person_id: int) -> list[Refusal]:
    """Refusals in force, of the mailbox or the person, the widest first."""
    rows = tx.execute(
        text(
            "select distinct on (s.id) s.scope, coalesce(pr.name, '') as product, s.reason, s.at, s.id"
            " from people p left join addresses a on a.id = p.address_id"
            " join suppressions s on s.lifted_at is null and (s.key_hash = a.key_hash or s.person_id = p.id)"
            " left join products pr on pr.id = s.product_id where p.id = :id"
        ),
        {"id": person_id},
    )
    found = [Refusal(row.scope, row.product, row.reason, row.at) for row in rows]
    return sorted(found, key=lambda r: (r.scope != "global", r.at))


@dataclass(frozen=True, slots=True)
class Place:
    """Where the person works or worked."""

    company_id: int
    company: str
    department: str
    title: str
    card_on: date | None
    started_on: date | None
    ended_on: date | None
    is_current: bool


def places(tx: Connection, person_id: int) -> list[Place]:
    rows = tx.execute(
        text(
            "select f.company_id, co.name as company, f.department, f.title, f.card_on, f.started_on, f.ended_on,"
            " f.is_current from affiliations f join companies co on co.id = f.company_id where f.person_id = :id"
            " order by f.is_current desc, coalesce(f.card_on, f.started_on) desc nulls last, f.id desc"
        ),
        {"id": person_id},
    )
    return [Place(**row._mapping) for row in rows]


def choices(tx: Connection) -> tuple[list[tuple[int, str]], list[tuple[int, str]]]:
    """Active products and events, for forms: (id, name)."""
    products = tx.execute(text("select id, name from products where is_active order by priority, id"))
    events = tx.execute(
        text("select id, name from events order by starts_on desc nulls last, id desc limit 50")
    )
    return [(row.id, row.name) for row in products], [(row.id, row.name) for row in events]


def users(tx: Connection) -> Sequence[tuple[int, str]]:
    """Active users, for the owner of a company: (id, name)."""
    rows = tx.execute(text("select id, name from users where is_active order by name, id"))
    return [(row.id, row.name) for row in rows]
