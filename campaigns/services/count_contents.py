"""Count how contents did. A small installation is counted when its page is shown; for a big one a job keeps
the figures in Redis, which may forget them: then they are counted again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import astuple, dataclass
from datetime import datetime

import redis

from campaigns.parts import Parts
from campaigns.rules.contents import Figures
from campaigns.storage import content_figures
from campaigns.storage.content_figures import Audience

KEY = "ikusei:content-figures"
OLD_S = 600.0


@dataclass(frozen=True, slots=True)
class Told:
    """figures: by content. at: when they were counted, None for this moment. is_known: False while a big
    installation has not counted yet."""

    figures: Mapping[int, Figures]
    audience: Audience
    at: datetime | None = None
    is_known: bool = True
    took_s: float = 0.0


def read(parts: Parts) -> Told:
    """The figures for a page."""
    with parts.engine.connect() as tx:
        if not content_figures.is_big(tx):
            return Told(content_figures.count(tx), content_figures.audience(tx))
    return _kept(parts) or Told({}, Audience({}, {}), is_known=False)


def run(parts: Parts, *, now: datetime) -> bool:
    """Count anew when a big installation's figures are old; for a job. Whether it counted."""
    with parts.engine.connect() as tx:
        if not content_figures.is_big(tx):
            return False
    kept = _kept(parts)
    if kept and kept.at and (now - kept.at).total_seconds() < max(OLD_S, 50 * kept.took_s):
        return False
    began = time.monotonic()
    with parts.engine.connect() as tx:
        figures, audience = content_figures.count(tx), content_figures.audience(tx)
    told = {
        "at": now.isoformat(),
        "took_s": time.monotonic() - began,
        "figures": [[content_id, *astuple(one)] for content_id, one in figures.items()],
        "leads": list(audience.leads.items()),
        "seen": [[*key, n] for key, n in audience.seen.items()],
    }
    with suppress(redis.RedisError):
        parts.redis.set(KEY, json.dumps(told))
    return True


def _kept(parts: Parts) -> Told | None:
    try:
        raw = parts.redis.get(KEY)
    except redis.RedisError:
        return None
    if not isinstance(raw, bytes):
        return None
    told = json.loads(raw)
    return Told(
        {content_id: Figures(*rest) for content_id, *rest in told["figures"]},
        Audience(dict(told["leads"]), {(product, content): n for product, content, n in told["seen"]}),
        datetime.fromisoformat(told["at"]),
        took_s=told["took_s"],
    )
