"""Furnish: the rows of a shipped pattern, with a mail of their own made from each starter."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from campaigns.rules import starters
from campaigns.rules.scenarios import Step
from campaigns.services import author


def rows(
    tx: Connection, code: str, *, product_id: int, user_id: int | None, now: datetime, lang: str = "ja"
) -> tuple[Step, ...]:
    """The rows of that pattern for a new scenario of the product; none for the blank one.

    lang: of the titles of rows and mails, which staff read; what is mailed is the starters' own.
    """
    made = []
    for position, row in enumerate(starters.pattern(code).rows, start=1):
        content_id = (
            author.add_starter(tx, row.starter, product_id=product_id, user_id=user_id, now=now, lang=lang)
            if row.starter
            else None
        )
        made.append(
            Step(
                id=0,
                key=row.key,
                position=position,
                kind=row.kind,
                offset_months=row.offset_months,
                want_day=row.want_day,
                tone=row.tone,
                content_id=content_id,
                title=row.title_en if lang == "en" else row.title,
                parent_key=row.parent_key,
                arm=row.arm,
                goto_key=row.goto_key,
                condition=row.condition,
                wait_days=row.wait_days,
                who=row.who,
                due_days=row.due_days,
            )
        )
    return tuple(made)
