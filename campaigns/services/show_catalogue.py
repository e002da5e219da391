"""Show a catalogue: everything about a company on one sheet, in a dozen statements. Source: S0-14 to S0-23."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.asica import PROMPTS, Stage
from campaigns.services import roll_up
from campaigns.services.roll_up import Rolled
from campaigns.storage import (
    asica,
    catalogue_owners,
    catalogues,
    comments,
    companies,
    company_people,
    company_tasks,
    diary_feed,
    house,
    timeline,
)
from campaigns.storage.asica import Entry, Sheet
from campaigns.storage.catalogue_owners import Nomination
from campaigns.storage.catalogues import Catalogue, Extra, RingiStep
from campaigns.storage.comments import Comment
from campaigns.storage.companies import Member
from campaigns.storage.company_tasks import Named, NextTask
from campaigns.storage.diary_feed import Item, Place, Wanted

FEED = 12


@dataclass(frozen=True, slots=True)
class Answered:
    """A sheet with what was written: the answer that holds by (stage, prompt), every entry newest first."""

    sheet: Sheet
    answers: Mapping[tuple[str, str], Entry]
    entries: Sequence[Entry]

    def done(self, stage: str) -> int:
        """Prompts of a stage with an answer."""
        return sum((stage, prompt) in self.answers for prompt in PROMPTS[Stage(stage)])

    @property
    def moves(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.kind == "move"]


@dataclass(frozen=True, slots=True)
class Page:
    """All of a catalogue's page. sheet: the chosen one's, None without a sheet. gone: label and
    value of a field that was just taken away. rolled: the committee by product, the
    furthest first. feed, said: the diary with the comments on each thing; rest: where older items begin, None where
    there are none."""

    catalogue: Catalogue
    extras: Sequence[Extra]
    sheets: Sequence[Sheet]
    chosen: Answered | None
    asked: Nomination | None
    owners: Sequence[Nomination]
    ringi: Sequence[RingiStep]
    rolled: Sequence[Rolled]
    uncovered: Sequence[str]
    tasks: Sequence[NextTask]
    people: Mapping[int, Named]
    members: Sequence[Member]
    feed: Sequence[Item]
    rest: Place | None
    said: Mapping[tuple[str, int], Sequence[Comment]]
    products: Sequence[tuple[int, str]]
    users: Sequence[tuple[int, str]]
    followers: Sequence[tuple[int, str]]
    gone: tuple[str, str] | None
    stale_days: int
    is_stale: bool


def run(
    parts: Parts,
    catalogue_id: int,
    *,
    now: datetime,
    product_id: int | None = None,
    before: Place | None = None,
    gone_id: int | None = None,
    limit: int = FEED,
) -> Page | None:
    """The page of a catalogue; None when there is none. product_id: whose sheet; before: diary older than that;
    gone_id: of the audit log, a field that was just taken away."""
    with parts.engine.connect() as tx:
        found = catalogues.get(tx, catalogue_id)
        if found is None:
            return None
        sheets = asica.sheets(tx, catalogue_id)
        sheet = next((one for one in sheets if one.product_id == product_id), sheets[0] if sheets else None)
        entries = asica.entries(tx, sheet.id) if sheet else []
        wanted = Wanted(company_id=found.company_id, before=before)
        feed = diary_feed.page(tx, wanted, limit=limit, zone=parts.settings.tz)
        things = [("catalogue", found.id), *(thing for one in feed.items for thing in one.things)]
        products, _ = timeline.choices(tx)
        days = house.get(tx).stale_days
        named = [id for id in (found.decider_id, found.contact_id) if id is not None]
        return Page(
            catalogue=found,
            extras=catalogues.extras(tx, catalogue_id),
            sheets=sheets,
            chosen=_answered(sheet, entries) if sheet else None,
            asked=catalogue_owners.asked(tx, catalogue_id),
            owners=catalogue_owners.history(tx, catalogue_id),
            ringi=catalogues.ringi_log(tx, catalogue_id),
            rolled=roll_up.company(parts, found.company_id, now=now),
            uncovered=tracking.uncovered(company_people.roles(tx, found.company_id)),
            tasks=company_tasks.open_of(tx, found.company_id),
            people=company_tasks.named(tx, named),
            members=companies.members(tx, found.company_id),
            feed=feed.items,
            rest=feed.rest,
            said=comments.on(tx, things),
            products=products,
            users=timeline.users(tx),
            gone=catalogues.gone_extra(tx, catalogue_id, gone_id) if gone_id is not None else None,
            followers=catalogue_owners.followers(tx, tracking.FOLLOWERS),
            stale_days=days,
            is_stale=_news_at(found, feed.items) < tracking.stale_since(now, days=days),
        )


def _news_at(found: Catalogue, feed: Sequence[Item]) -> datetime:
    """When anything was last written, or anybody last talked to; the night's work tells the list of the latter."""
    return max(found.touched_at, *(item.at for item in feed[:1]))


def _answered(sheet: Sheet, entries: Sequence[Entry]) -> Answered:
    answers: dict[tuple[str, str], Entry] = {}
    for entry in entries:  # newest first
        if entry.kind == "answer":
            answers.setdefault((entry.stage, entry.prompt), entry)
    return Answered(sheet, answers, entries)
