"""Enter touches that another program sends: each item by itself, all good ones in one transaction, ranks at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import api_touches, matching, naming
from campaigns.rules.api_touches import ApiError, Item
from campaigns.services import draft_catalogues, record_touch, rerank
from campaigns.storage import audit, entered, timeline, touch_people
from campaigns.storage.timeline import Touch
from campaigns.storage.touch_people import Found
from campaigns.storage.touchpoints import NewTouch


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an item. status: created, known (its key stood already), error. error, field: why. names: those
    there are, where one was not understood."""

    index: int
    key: str
    status: str
    id: int | None = None
    person_id: int | None = None
    error: str = ""
    field: str = ""
    names: tuple[str, ...] = ()


def run(parts: Parts, told: Sequence[object], *, token_id: int, now: datetime) -> list[Outcome]:
    """Write what can be written; what cannot says why and stops nothing else. At most a thousand items."""
    items: dict[int, Item] = {}
    found: dict[int, Outcome] = {}
    for index, one in enumerate(told):
        try:
            items[index] = api_touches.item(one, zone=parts.settings.tz, now=now)
        except ApiError as error:
            found[index] = _refused(index, _key(one), error)
    with parts.engine.begin() as tx:
        ready: dict[int, NewTouch] = {}
        find = _Finder(tx, items.values())
        for index, item in items.items():
            try:
                ready[index] = find.touch(item)
            except ApiError as error:
                found[index] = _refused(index, item.key, error)
        # A key that comes twice in one request is one touch: the first of them.
        touches = {touch.source_key: touch for touch in reversed(list(ready.values()))}
        new = entered.add(tx, touches.values(), now=now)
        standing = entered.standing(tx, list(touches)) if len(new) < len(ready) else new
        told_of: set[str] = set()
        for index, touch in ready.items():
            is_new = touch.source_key in new and touch.source_key not in told_of
            told_of.add(touch.source_key)
            stands = standing[touch.source_key]
            status = "created" if is_new else "known"
            found[index] = Outcome(index, items[index].key, status, id=stands.id, person_id=stands.person_id)
        if new:
            written = [touches[key] for key in new]
            record_touch.rest(tx, parts, written, now=now)
            draft_catalogues.for_touches(tx, written, now=now)
            people = sorted({touch.person_id for touch in written})
            rerank.for_people(tx, people, now=now, zone=parts.settings.tz, base_url=parts.settings.base_url)
            changes = {"touches": (None, len(new))}
            audit.note(
                tx,
                noun="api_token",
                noun_id=token_id,
                action="touches",
                user_id=None,
                now=now,
                changes=changes,
            )
    return [found[index] for index in range(len(told))]


def _refused(index: int, key: str, error: ApiError) -> Outcome:
    return Outcome(index, key, "error", error=error.code, field=error.field, names=error.known)


def _key(told: object) -> str:
    """The key of an item that is no good, for the answer."""
    key = told.get("key") if isinstance(told, Mapping) else None
    return key[: api_touches.KEY_MAX] if isinstance(key, str) else ""


class _Finder:
    """People, products and events that the items name, asked for once."""

    def __init__(self, tx: Connection, items: Iterable[Item]) -> None:
        found = list(items)
        self.present = touch_people.present(tx, [i.person_id for i in found if i.person_id is not None])
        self.known: Found = touch_people.find(
            tx,
            mailboxes={item.email for item in found if item.email},
            names={(item.name, item.core) for item in found if item.name and item.core},
        )
        products, events = touch_people.products(tx), touch_people.events(tx)
        self.products = _Names("product", products, naming.by_word(products))
        self.events = _Names("event", events, naming.by_name(events))

    def touch(self, item: Item) -> NewTouch:
        """Raises ApiError: unknown_person, ambiguous_person, unknown_product, unknown_event."""
        return NewTouch(
            source_key=f"api:{item.key}",
            person_id=self._person(item),
            kind=item.kind,
            at=item.at,
            product_id=self.products.id_of(item.product),
            event_id=self.events.id_of(item.event),
            note=item.note,
            tags=item.tags,
        )

    def _person(self, item: Item) -> int:
        if item.person_id is not None:
            ids = [item.person_id] if item.person_id in self.present else []
        else:
            ids = self.known.mailboxes.get(item.email, [])
            if len(ids) > 1 and item.name:
                ids = [id for id in ids if not matching.names_conflict(self.known.name_of[id], item.name)]
            ids = ids or self.known.names.get((item.name, item.core), [])
        if len(ids) != 1:
            raise ApiError("ambiguous_person" if ids else "unknown_person", "person")
        return ids[0]


@dataclass(frozen=True, slots=True)
class _Names:
    """Products or events. field: what they are called in an item. rows: (id, name); ids: by word_key."""

    field: str
    rows: Sequence[tuple[int, str]]
    ids: Mapping[str, int]

    def id_of(self, asked: int | str | None) -> int | None:
        """By id or name. Raises ApiError: unknown_product, unknown_event; with the names there are."""
        if asked is None:
            return None
        found = self.ids.get(asked) if isinstance(asked, str) else asked
        if found is None or all(id != found for id, _name in self.rows):
            known = naming.nearest(str(asked), (name for _id, name in self.rows))
            raise ApiError(f"unknown_{self.field}", self.field, known)
        return found


@dataclass(frozen=True, slots=True)
class History:
    """A person's touches, the newest first."""

    person_id: int
    touches: tuple[Touch, ...]
    more: bool


def history(parts: Parts, *, person_id: int | None, email: str, before: int | None, limit: int) -> History:
    """before: id of the last touch of the page before. Raises ApiError: unknown_person, ambiguous_person."""
    with parts.engine.connect() as tx:
        if person_id is not None:
            ids = list(touch_people.present(tx, [person_id]))
        else:
            ids = touch_people.find(tx, mailboxes={email}).mailboxes.get(email, [])
        if len(ids) != 1:
            raise ApiError("ambiguous_person" if ids else "unknown_person", "email" if email else "person")
        touches = timeline.touches(tx, ids[0])
    places = {touch.id: place for place, touch in enumerate(touches)}
    start = places.get(before, -1) + 1 if before is not None else 0
    return History(ids[0], tuple(touches[start : start + limit]), len(touches) > start + limit)
