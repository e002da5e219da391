"""The page of a catalogue, as several views show it: as it stands, with a field open, or with what was wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import abort, current_app, render_template, request

from campaigns.parts import Parts
from campaigns.rules import tracking
from campaigns.rules.asica import PROMPTS, Stage
from campaigns.services import show_catalogue
from campaigns.services.write_diary import NEXT
from campaigns.storage.catalogues import Catalogue
from campaigns.storage.diary_feed import Place
from campaigns.web import lead_words, tracking_words
from campaigns.web.session import me


@dataclass(frozen=True, slots=True)
class Opened:
    """What is open for writing. field: a field's name, extra:<id>, extra:new or answer:<prompt>; form: what was typed
    there; errors: by input; mine: the value that somebody else's change stands against."""

    field: str = ""
    form: Mapping[str, str] | None = None
    errors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_stale: bool = False
    asks_force: str = ""


def render(catalogue_id: int, opened: Opened = Opened()) -> str:
    """The page; 404 for none. Its query chooses sheet, stage, and what is open."""
    parts: Parts = current_app.extensions["ikusei"]
    now, args = parts.clock.now(), request.values
    page = show_catalogue.run(
        parts,
        catalogue_id,
        now=now,
        product_id=args.get("sheet", type=int),
        before=place(args.get("before", "")),
        gone_id=request.args.get("gone", type=int),
    )
    if page is None:
        abort(404)
    user = me()
    found = page.catalogue
    stage = args.get("stage", "")
    if page.chosen is not None and stage not in list(Stage):
        stage = page.chosen.sheet.stage
    may_edit = tracking.may_edit(role=user.role, user_id=user.id, owner_id=found.owner_user_id)
    asked = request.args.get("edit", "") if request.method == "GET" and may_edit else ""
    return render_template(
        "web/catalogues/catalogue.html",
        page=page,
        found=found,
        stage=stage,
        stages=list(Stage),
        prompts=PROMPTS,
        history="history" in request.args,
        before=args.get("before", ""),
        opened=opened if opened.field or opened.errors else Opened(field=asked),
        may_edit=may_edit,
        may_name=user.role in tracking.LEADERS,
        may_follow=tracking.may_follow(user.role),
        may_answer=page.asked is not None
        and tracking.may_answer(
            mode=page.asked.mode,
            nominee_id=page.asked.user_id,
            owner_id=found.owner_user_id,
            role=user.role,
            user_id=user.id,
        ),
        words=lead_words,
        says=tracking_words,
        next_kinds=NEXT,
        tomorrow=_next_day(parts, now),
        rest=place_text(page.rest),
        key=now.strftime("%Y%m%d%H%M%S%f"),
        value=lambda name: typed(found, name),
        chosen_product=page.chosen.sheet.product_id if page.chosen else None,
        mention_parts=tracking_words.mention_parts,
        weekday=tracking_words.weekday,
    )


def typed(found: Catalogue, column: str) -> str:
    """A field's value as it stands in its input."""
    value = getattr(found, column)
    if value is None:
        return ""
    if column == "expected_month":
        year, place = divmod(value, 12)
        return f"{year:04d}-{place + 1:02d}"
    if column.startswith("budget") and value and value % 10_000 == 0:
        return f"{value // 10_000:,}万円"
    return str(value)


def _next_day(parts: Parts, now: datetime) -> str:
    return (now.astimezone(parts.settings.tz).date() + timedelta(days=1)).isoformat()


def place(text: str) -> Place | None:
    """Where in the diary the last page ended, from its link."""
    at_text, _, rest = text.partition("~")
    at, (kind, _, id) = instant(at_text), rest.partition("~")
    return (at, kind, int(id)) if at and id.isascii() and id.isdigit() and len(id) < 19 else None


def place_text(found: Place | None) -> str:
    """The same for a link; "" where nothing older is."""
    return "" if found is None else f"{found[0].isoformat()}~{found[1]}~{found[2]}"


def instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo and 2000 <= found.year <= 2100 else None
