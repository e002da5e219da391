"""Aim a fax: who would get it, one sheet a number and a company, and who not and why. Nothing is written.

Left out and counted: refused, wrong, no number, had one about the product within three months. Source: spec 6.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import faxes as rule
from campaigns.rules.ranks import Rank
from campaigns.services import fax_sheet, set_up_fax
from campaigns.services.fax_sheet import Sheet
from campaigns.services.set_up_fax import FaxError
from campaigns.storage import fax_documents, fax_recipients, fax_refusals, products
from campaigns.storage.fax_documents import Document
from campaigns.storage.fax_recipients import Candidate
from campaigns.storage.faxes import NewItem

# Whoever said no gets nothing until the day that was named.
RANKS = tuple(rank.value for rank in Rank if rank is not Rank.DECLINED)


@dataclass(frozen=True, slots=True)
class Wanted:
    """ranks: empty for the open fax tasks, else everybody of these ranks."""

    document_id: int
    product_id: int
    ranks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prepared:
    """numbers: those that would get a sheet. people: behind them. left_out: reason -> people. is_cut: there are more
    than one batch takes; those of the highest score were looked at."""

    sheet: Sheet
    items: tuple[NewItem, ...]
    first: Candidate | None
    people: int
    left_out: Mapping[str, int]
    is_cut: bool

    @property
    def numbers(self) -> int:
        return len(self.items)


def sheet_of(tx: Connection, document: Document, product_id: int | None) -> Sheet:
    """The document as it goes out, with who sends it."""
    profile = products.sender(tx, document.sender_profile_id) if document.sender_profile_id else None
    profile = profile or products.sender_of(tx, product_id)
    return Sheet(
        title=document.title,
        body=document.body,
        points=tuple(line.strip() for line in document.points.splitlines() if line.strip()),
        sender=profile.legal_name if profile else "",
        address=profile.postal_address if profile else "",
        inquiry=profile.inquiry if profile else "",
        return_number=set_up_fax.load(tx).return_number,
    )


def run(parts: Parts, wanted: Wanted, *, now: datetime) -> Prepared:
    """Who would get it, and who not and why. Raises FaxError, fax_sheet.SheetError."""
    with parts.engine.connect() as tx:
        return ready(tx, parts, wanted, now=now)


def ready(tx: Connection, parts: Parts, wanted: Wanted, *, now: datetime) -> Prepared:
    document = fax_documents.get(tx, wanted.document_id)
    if document is None or document.is_retired:
        raise FaxError("no_document")
    if document.product_id not in (None, wanted.product_id) or products.find(tx, wanted.product_id) is None:
        raise FaxError("no_product")
    sheet = sheet_of(tx, document, wanted.product_id)
    fax_sheet.draw(
        sheet, fax_sheet.SAMPLE, on=now.astimezone(parts.settings.tz).date()
    )  # what cannot be printed is told before anybody waits
    found = (
        fax_recipients.by_ranks(tx, wanted.product_id, wanted.ranks)
        if wanted.ranks
        else fax_recipients.by_tasks(tx, wanted.product_id, now=now)
    )
    good, left_out = _sift(tx, found, wanted.product_id, now=now)
    items = by_number(good)
    return Prepared(
        sheet, items, good[0] if good else None, len(good), left_out, len(found) == fax_recipients.LIMIT
    )


def _sift(
    tx: Connection, found: Sequence[Candidate], product_id: int, *, now: datetime
) -> tuple[list[Candidate], dict[str, int]]:
    """Those who may get it, and how many may not, by reason; the first reason counts."""
    numbers = sorted({rule.key(one.fax) for one in found})
    refused = fax_refusals.of(tx, numbers)
    companies, capped = fax_recipients.capped(
        tx,
        product_id,
        company_ids=sorted({one.company_id for one in found if one.company_id is not None}),
        numbers=numbers,
        since=rule.cap_since(now),
    )
    good: list[Candidate] = []
    left_out: dict[str, int] = {}
    for one in found:
        number = rule.key(one.fax)
        reason = ""
        if not number:
            reason = "no_number"
        elif number in refused or one.do_not_fax:
            reason = "refused"
        elif one.fax_invalid or not rule.is_number(number):
            reason = "invalid"
        elif one.is_excluded:
            reason = "excluded"
        elif one.is_with_sales:
            reason = "with_sales"
        elif number in capped or one.company_id in companies:
            reason = "capped"
        if reason:
            left_out[reason] = left_out.get(reason, 0) + 1
        else:
            good.append(one)
    return good, left_out


def by_number(found: Sequence[Candidate]) -> tuple[NewItem, ...]:
    """One sheet a number, and one a company: colleagues with a number each share the first of them."""
    groups: dict[str, list[Candidate]] = {}
    of_company: dict[int, str] = {}
    for one in found:
        number = rule.key(one.fax)
        if one.company_id is not None:
            number = of_company.setdefault(one.company_id, number)
        groups.setdefault(number, []).append(one)
    return tuple(
        NewItem(
            number=number,
            company_id=group[0].company_id,
            people=tuple({one.person_id: (one.person_id, one.task_id) for one in group}.values()),
        )
        for number, group in groups.items()
    )
