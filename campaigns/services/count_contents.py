"""Count how contents did. A small installation is counted when its page is shown, a big one by a job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from typing import Any

from campaigns.parts import Parts
from campaigns.rules.contents import Figures
from campaigns.services import kept
from campaigns.storage import content_figures, sizes
from campaigns.storage.content_figures import Audience

NAME = "contents"
EVERY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Told:
    """figures: by content. at: when they were counted, None for this moment. is_known: False while a big
    installation has not counted yet."""

    figures: Mapping[int, Figures]
    audience: Audience
    at: datetime | None = None
    is_known: bool = True


def read(parts: Parts) -> Told:
    """The figures for a page."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return Told(content_figures.count(tx), content_figures.audience(tx))
    found = kept.read(parts, NAME)
    if found is None:
        return Told({}, Audience({}, {}), is_known=False)
    return Told(
        {content_id: Figures(*rest) for content_id, *rest in found.told["figures"]},
        Audience(
            dict(found.told["leads"]), {(product, content): n for product, content, n in found.told["seen"]}
        ),
        found.at,
    )


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not sizes.is_big(tx):
            return False
    return kept.renew(parts, NAME, lambda: _count(parts), now=now, every=EVERY)


def _count(parts: Parts) -> dict[str, Any]:
    with parts.engine.connect() as tx:
        figures, audience = content_figures.count(tx), content_figures.audience(tx)
    return {
        "figures": [[content_id, *astuple(one)] for content_id, one in figures.items()],
        "leads": list(audience.leads.items()),
        "seen": [[*key, n] for key, n in audience.seen.items()],
    }
