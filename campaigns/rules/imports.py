"""Imports: what a batch is told by its owner, and what its rows become.

Matching: the same mailbox and no conflicting name is one person; a conflicting name is a second person at
that mailbox, shown for review. Without a mailbox the same name at the same company is one person. A refusal
stays, whatever the list says. Source: spec 6.2, LAW-01 to 03, LAW-20, LAW-24.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, timedelta
from enum import StrEnum

from campaigns.rules.drafts import Draft, deeper, merged
from campaigns.rules.matching import names_conflict
from campaigns.rules.reasons import Reason
from campaigns.rules.subscriptions import Basis, Scope
from campaigns.rules.touchpoints import Kind

UNDO = timedelta(days=7)
# Touch kinds that a list from an event or a talk may bring; mail and web touches come from tracking alone.
KINDS: tuple[Kind, ...] = (
    Kind.BADGE_SCAN,
    Kind.CARD_EXCHANGE,
    Kind.BOOTH_TALK,
    Kind.BOOTH_TALK_PROSPECT,
    Kind.SEMINAR_APPLY,
    Kind.SEMINAR_ATTEND,
    Kind.DOC_REQUEST,
    Kind.INQUIRY,
    Kind.VISIT,
)
KIND_FIELDS = ("temperature", "scan_device")
NO_BASIS = "none"
BASES: tuple[str, ...] = (
    Basis.CARD_WRITTEN,
    Basis.OPT_IN,
    Basis.BUSINESS_RELATION,
    Basis.PUBLISHED,
    NO_BASIS,
)


class BatchKind(StrEnum):
    PEOPLE = "people"
    REFUSALS = "refusals"
    TOUCHES = "touches"
    CALL_RESULTS = "call_results"


class Result(StrEnum):
    """What becomes of a row. In a list of refusals: new is a mailbox not known, update a known one."""

    NEW = "new"
    UPDATE = "update"
    DUPLICATE = "duplicate"
    REVIEW = "review"
    REFUSED = "refused"
    NO_CONSENT = "no_consent"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a list is read and what its owner says about it.

    header_line: 0 without a header. mapping: field or '' for each column. kind: the touch of every row, or
    of the rows whose value in kind_field stands in no row of kind_values. basis: '' until answered.
    purpose_published: the published purpose of use covers sales mail. organiser_terms: what the event's
    terms say (wording) covers badge scans. third_party: the list came from giver on given_on (ISO).
    """

    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    header_line: int = 0
    body_line: int = 1
    labels: tuple[str, ...] = ()
    mapping: tuple[str, ...] = ()
    event_id: int | None = None
    product_id: int | None = None
    kind: str = ""
    kind_field: str = ""
    kind_values: Mapping[str, str] = field(default_factory=dict)
    basis: str = ""
    purpose_published: bool = False
    organiser_terms: bool = False
    wording: str = ""
    third_party: bool = False
    giver: str = ""
    given_on: str = ""
    scope: str = Scope.GLOBAL

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Settings:
        known = {f.name for f in fields(cls)}
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("labels", "mapping"):
            found = values.get(name, ())
            values[name] = tuple(found) if isinstance(found, list | tuple) else ()
        return cls(**values)  # type: ignore[arg-type]


def problems(settings: Settings, *, kind: str) -> list[Reason]:
    """What must be answered before anything is written."""
    found: list[Reason] = []
    mapped = set(settings.mapping)
    if kind == BatchKind.REFUSALS:
        if "email" not in mapped:
            found.append(Reason("mail_column_missing"))
        if settings.scope == Scope.PRODUCT and not settings.product_id:
            found.append(Reason("product_missing"))
        return found
    if not mapped & {"email", "name", "family"} or not mapped & {"email", "company", "hojin_no"}:
        found.append(Reason("columns_missing"))
    if not settings.kind:
        found.append(Reason("kind_missing"))
    if not settings.basis:
        found.append(Reason("basis_missing"))
    wants_mail = settings.organiser_terms or settings.basis not in ("", NO_BASIS)
    if wants_mail and not settings.purpose_published:
        found.append(Reason("purpose_missing"))
    if settings.organiser_terms and not settings.wording.strip():
        found.append(Reason("wording_missing"))
    if settings.third_party and not (settings.giver.strip() and _is_day(settings.given_on)):
        found.append(Reason("giver_missing"))
    return found


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who is in the database. keys: the mailboxes; core: of the company worked for now."""

    id: int
    name_key: str
    keys: frozenset[str]
    core: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database knows about the mailboxes and names of a list.

    refused: mailboxes that may not be written to about the batch's product; barred: with any live refusal;
    consented: with a live consent; mailboxes: which exist.
    """

    people: Sequence[Known] = ()
    refused: frozenset[str] = frozenset()
    barred: frozenset[str] = frozenset()
    consented: frozenset[str] = frozenset()
    mailboxes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class NewTouch:
    """at: ISO, or '' for the batch's own day."""

    line: int
    kind: str
    at: str
    memo: str = ""


@dataclass(frozen=True, slots=True)
class Consent:
    """On what ground, how it was obtained, and the words that were used (LAW-03)."""

    basis: str
    method: str
    wording: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of a list: all rows about them as one. person_id: None for somebody new.

    twins: people of the database at the same mailbox under another name; twin_lines: of the list.
    """

    lines: tuple[int, ...]
    draft: Draft
    touches: tuple[NewTouch, ...]
    result: Result
    person_id: int | None = None
    twins: tuple[int, ...] = ()
    twin_lines: tuple[int, ...] = ()
    consent: Consent | None = None
    reasons: tuple[Reason, ...] = ()

    @property
    def line(self) -> int:
        return self.lines[0]


@dataclass(slots=True)
class _Group:
    lines: list[int]
    draft: Draft
    touches: list[NewTouch]
    person_id: int | None = None
    twins: tuple[int, ...] = ()
    twin_lines: list[int] = field(default_factory=list)


def entries(rows: Iterable[tuple[int, Draft]], facts: Facts, settings: Settings) -> list[Entry]:
    """People of a list in the order of their first rows. rows: line number and draft, errors left out."""
    groups = _same_people(_grouped(rows, settings), facts)
    return [_entry(group, facts, settings) for group in groups]


def _grouped(rows: Iterable[tuple[int, Draft]], settings: Settings) -> list[_Group]:
    groups: list[_Group] = []
    by_mail: dict[str, list[_Group]] = {}
    by_name: dict[tuple[str, str], list[_Group]] = {}
    for line, draft in rows:
        touch = NewTouch(line, draft.kind or settings.kind, draft.at, draft.memo)
        at_mail = {id(g): g for key in draft.keys for g in by_mail.get(key, ())}
        name = (draft.name_key, draft.core)
        same = _pick([*at_mail.values()], draft.name_key)
        if same is None and not at_mail and all(name):
            same = next((g for g in by_name.get(name, ()) if not g.draft.mails or not draft.mails), None)
        if same is None:
            same = _Group([line], draft, [touch])
            same.twin_lines = [g.lines[0] for g in at_mail.values()]
            groups.append(same)
        else:
            same.lines.append(line)
            same.draft = merged(same.draft, draft)
            same.touches.append(touch)
        for key in draft.keys:
            if same not in by_mail.setdefault(key, []):
                by_mail[key].append(same)
        if all(name) and same not in by_name.setdefault(name, []):
            by_name[name].append(same)
    return groups


def _pick(at_mail: Sequence[_Group], name_key: str) -> _Group | None:
    for group in at_mail:
        if group.draft.name_key == name_key:
            return group
    compatible = [g for g in at_mail if not names_conflict(g.draft.name_key, name_key)]
    # A bare 山田 beside 山田太郎 and 山田花子 may be either.
    return compatible[0] if len(compatible) == 1 else None


def _same_people(groups: Sequence[_Group], facts: Facts) -> list[_Group]:
    """Find each group's person; two groups of one person become one."""
    by_mail: dict[str, list[Known]] = {}
    by_name: dict[tuple[str, str], list[Known]] = {}
    for known in facts.people:
        for key in known.keys:
            by_mail.setdefault(key, []).append(known)
        by_name.setdefault((known.name_key, known.core), []).append(known)
    kept: list[_Group] = []
    of_person: dict[int, _Group] = {}
    for group in groups:
        hits = {known.id: known for key in group.draft.keys for known in by_mail.get(key, ())}
        group.person_id, group.twins = _match(group.draft, [*hits.values()], by_name)
        first = of_person.get(group.person_id) if group.person_id else None
        if first is None:
            kept.append(group)
            if group.person_id:
                of_person[group.person_id] = group
        else:
            first.lines += group.lines
            first.touches += group.touches
            first.draft = merged(first.draft, group.draft)
    return kept


def _match(
    draft: Draft, hits: Sequence[Known], by_name: Mapping[tuple[str, str], Sequence[Known]]
) -> tuple[int | None, tuple[int, ...]]:
    exact = sorted(k.id for k in hits if k.name_key == draft.name_key)
    if exact:
        return exact[0], ()
    compatible = [k.id for k in hits if not names_conflict(k.name_key, draft.name_key)]
    if len(compatible) == 1:
        return compatible[0], ()
    if hits:
        return None, tuple(sorted(k.id for k in hits))
    if not draft.name_key or not draft.core:
        return None, ()
    namesakes = [k for k in by_name.get((draft.name_key, draft.core), ()) if not draft.mails or not k.keys]
    if draft.mails and len(namesakes) > 1:
        return None, ()
    return (min(k.id for k in namesakes), ()) if namesakes else (None, ())


def _entry(group: _Group, facts: Facts, settings: Settings) -> Entry:
    draft, reasons = group.draft, []
    touches = _touches(group.touches)
    barred = any(key in facts.barred for key in draft.keys) or draft.asks_stop
    consent = _consent(draft, touches, settings, barred=barred)
    review = bool(group.twins or group.twin_lines)
    result = Result.UPDATE if group.person_id else Result.NEW
    if draft.mails and consent is None and not any(key in facts.consented for key in draft.keys):
        # Until the question is answered nobody is counted as unanswered.
        result = Result.NO_CONSENT if settings.basis else result
        if result is Result.NO_CONSENT:
            reasons.append(Reason("no_basis_badge" if _only_scans(touches) else "no_basis"))
    if review:
        result = Result.REVIEW
        reasons.append(Reason("same_mailbox", {"field": "email", "value": draft.keys[0]}))
    if draft.asks_stop:
        result = Result.REFUSED
        reasons.append(Reason("asked_to_stop", {"field": "optout", "value": draft.opt_words}))
    elif any(key in facts.refused for key in draft.keys):
        result = Result.REFUSED
        reasons.append(Reason("stays_refused", {"field": "email", "value": draft.keys[0]}))
    return Entry(
        lines=tuple(group.lines),
        draft=draft,
        touches=touches,
        result=result,
        person_id=group.person_id,
        twins=group.twins,
        twin_lines=tuple(group.twin_lines),
        consent=consent,
        reasons=tuple(reasons),
    )


def _touches(found: Sequence[NewTouch]) -> tuple[NewTouch, ...]:
    """One touch for each instant, the deepest; a row without a time joins the first that has one."""
    by_at: dict[str, NewTouch] = {}
    for touch in sorted(found, key=lambda t: (t.at == "", t.at, t.line)):
        at = touch.at or next(iter(by_at), "")
        old = by_at.get(at)
        if old is None:
            by_at[at] = touch
        else:
            memo = "\n".join(dict.fromkeys(filter(None, (old.memo, touch.memo))))
            by_at[at] = replace(old, kind=deeper(old.kind, touch.kind), memo=memo)
    return tuple(by_at.values())


def _only_scans(touches: Sequence[NewTouch]) -> bool:
    return all(touch.kind == Kind.BADGE_SCAN for touch in touches)


def _consent(
    draft: Draft, touches: Sequence[NewTouch], settings: Settings, *, barred: bool
) -> Consent | None:
    """The ground for mail, if the list gives one.

    A scanned badge alone is none: only the organiser's terms are, with their wording (LAW-02). A list is
    never the person's own act, so on a mailbox with any refusal it records no opt-in (spec 3.4).
    """
    if not draft.mails:
        return None
    found: Consent | None = None
    if draft.opt == "yes":
        found = Consent(Basis.OPT_IN, "list_column", draft.opt_words)
    elif _only_scans(touches):
        if settings.organiser_terms and settings.wording.strip():
            found = Consent(Basis.OPT_IN, "organiser_terms", settings.wording.strip())
    elif settings.basis in [basis.value for basis in Basis]:
        found = Consent(settings.basis, "list", settings.wording.strip())
    return None if found and barred and found.basis == Basis.OPT_IN else found


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row of a list of refusals. keys: its mailboxes."""

    line: int
    keys: tuple[str, ...]
    result: Result
    reasons: tuple[Reason, ...] = ()


def refusals(rows: Iterable[tuple[int, Draft]], facts: Facts) -> list[Refusal]:
    """Rows of a list of refusals, each with what it does."""
    seen: dict[str, int] = {}
    found: list[Refusal] = []
    for line, draft in rows:
        fresh = [key for key in draft.keys if key not in seen]
        if not fresh:
            first = seen[draft.keys[0]]
            found.append(
                Refusal(line, draft.keys, Result.DUPLICATE, (Reason("duplicate_of", {"line": first}),))
            )
            continue
        seen |= dict.fromkeys(fresh, line)
        if all(key in facts.refused for key in fresh):
            result = Result.REFUSED
        else:
            result = Result.UPDATE if any(key in facts.mailboxes for key in fresh) else Result.NEW
        found.append(Refusal(line, tuple(fresh), result))
    return found


def may_undo(age: timedelta) -> bool:
    """An import can be taken back for seven days."""
    return age <= UNDO
