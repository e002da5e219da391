"""Tell visitors: how each of our sites measures, and what its visitors are told or asked.

A text that was shown is kept with its date, so that one can say later what somebody was told. Source: LAW-27.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from campaigns.parts import Parts
from campaigns.storage import audit, sites
from campaigns.storage.sites import Told

TEXT_MAX = 600
KEPT_SHOWN = 20
MODES = ("notice", "ask")
FIELDS = ("ja", "en", "ask_ja", "ask_en")
# Until somebody writes their own. Whoever is asked first must not read that we record already.
FIRST = Told(
    0,
    "当社のご案内をお役に立つものにするため、このサイトでご覧になったページと時間を記録しています。Cookieは使いません。",
    "To make what we send you more useful, we record which pages of this site you read and for how long. "
    "We use no cookies.",
    "当社のご案内をお役に立つものにするため、このサイトでご覧になるページと時間を記録してもよろしいですか。"
    "お返事をいただくまでは記録しません。Cookieは使いません。",
    "May we record which pages of this site you read and for how long, to make what we send you more useful? "
    "Until you answer we record nothing. We use no cookies.",
)


class TellError(ValueError):
    """code: missing, long, mode_odd, site_unknown, stale. field: of FIELDS, or ''."""

    def __init__(self, code: str, field: str = "") -> None:
        super().__init__(code)
        self.code, self.field = code, field


@dataclass(frozen=True, slots=True)
class Texts:
    """now: what visitors read today. before: what they read until then, the newest first."""

    now: Told
    before: tuple[Told, ...]


def texts(parts: Parts) -> Texts:
    with parts.engine.connect() as tx:
        found = sites.told(tx, limit=KEPT_SHOWN)
    return Texts(found[0] if found else FIRST, tuple(found[1:]))


def save(parts: Parts, typed: Mapping[str, str], *, seen_id: int, user_id: int | None, now: datetime) -> None:
    """New texts from now on. typed: of FIELDS. seen_id: the text that was on the page. Raises TellError."""
    said = {name: typed.get(name, "").strip() for name in FIELDS}
    for name, words in said.items():
        if not words:
            raise TellError("missing", name)
        if len(words) > TEXT_MAX:
            raise TellError("long", name)
    with parts.engine.begin() as tx:
        found = sites.told(tx, limit=1)
        old = found[0] if found else FIRST
        if old.id != seen_id:
            raise TellError("stale")
        if all(getattr(old, name) == words for name, words in said.items()):
            return
        id = sites.tell(tx, said, user_id=user_id, now=now)
        audit.note(tx, noun="consent_text", noun_id=id, action="save", user_id=user_id, now=now)


def modes(parts: Parts) -> dict[str, str]:
    """How each of our sites measures: at once with a notice, or after asking."""
    with parts.engine.connect() as tx:
        chosen = sites.modes(tx)
    return {origin: chosen.get(origin, MODES[0]) for origin in parts.settings.origins()}


def choose(parts: Parts, origin: str, mode: str, *, user_id: int | None, now: datetime) -> None:
    """Raises TellError."""
    if mode not in MODES:
        raise TellError("mode_odd")
    if origin not in parts.settings.origins():
        raise TellError("site_unknown")
    with parts.engine.begin() as tx:
        old = sites.modes(tx).get(origin, MODES[0])
        if old != mode:
            sites.choose(tx, origin, mode, user_id=user_id, now=now)
            changes = {origin: (old, mode)}
            audit.note(
                tx, noun="site", noun_id=None, action="mode", user_id=user_id, now=now, changes=changes
            )
