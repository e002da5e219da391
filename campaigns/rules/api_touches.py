"""Touches as other programs send them: JSON -> what would be written, or why not. Nothing is guessed.

Every item has a key of its own, so that a program may send the same twice. Source: docs/api.md, which says the same
in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from campaigns.rules import cells, entering, matching
from campaigns.rules.cells import CellError
from campaigns.rules.naming import word_key
from campaigns.rules.touchpoints import Kind

ITEMS_MAX = 1000
KEY_MAX = 200
TAGS_MAX = 20
TAG_MAX = 60
ID_MAX = 2**53
NAMES = frozenset({"key", "person", "kind", "at", "product", "event", "note", "tags"})
PERSON_NAMES = frozenset({"id", "email", "name", "company"})


class ApiError(ValueError):
    """Why an item, or the whole request, is refused. code: see docs/api.md; field: where; known: names there are."""

    def __init__(self, code: str, field: str = "", known: Sequence[str] = ()) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.known = tuple(known)


@dataclass(frozen=True, slots=True)
class Item:
    """One touch as asked for. person_id, or email, or name with core; product, event: an id, a name (word_key), None."""

    key: str
    kind: Kind
    at: datetime
    person_id: int | None = None
    email: str = ""
    name: str = ""
    core: str = ""
    product: int | str | None = None
    event: int | str | None = None
    note: str = ""
    tags: tuple[str, ...] = ()


def items_of(body: object) -> list[object]:
    """The items of a request: one object, or {"touches": [...]}. Raises ApiError."""
    if not isinstance(body, Mapping):
        raise ApiError("no_object")
    if "create" in body:
        raise ApiError("no_creation", "create")
    if "touches" not in body:
        return [body]
    found = body["touches"]
    if len(body) > 1:
        raise ApiError("unknown_field", next(str(name) for name in body if name != "touches")[:KEY_MAX])
    if not isinstance(found, list):
        raise ApiError("no_list", "touches")
    if not 1 <= len(found) <= ITEMS_MAX:
        raise ApiError("too_many" if found else "empty", "touches")
    return found


def item(told: object, *, zone: ZoneInfo, now: datetime) -> Item:
    """One item. Raises ApiError."""
    if not isinstance(told, Mapping):
        raise ApiError("no_object")
    if "create" in told:
        raise ApiError("no_creation", "create")
    _known(told, NAMES, "")
    key = _text(told, "key", most=KEY_MAX)
    if not key:
        raise ApiError("missing", "key")
    if not key.isprintable():
        raise ApiError("bad_text", "key")
    word = _text(told, "kind", most=KEY_MAX)
    kind = entering.kind_of(word) if word else None
    if kind is None:
        raise ApiError("unknown_kind" if word else "missing", "kind")
    return Item(
        key=key,
        kind=kind,
        at=_at(told, zone=zone, now=now),
        product=_ref(told, "product"),
        event=_ref(told, "event"),
        note=_text(told, "note", most=entering.NOTE_MAX),
        tags=_tags(told),
        **_person(told),  # type: ignore[arg-type]
    )


def _known(told: Mapping[object, object], names: frozenset[str], under: str) -> None:
    """A field that nobody reads is an error: a program that misspells one would lose what it says."""
    for name in told:
        if name not in names:
            raise ApiError("unknown_field", f"{under}{name}"[:KEY_MAX])


def _text(told: Mapping[object, object], name: str, *, most: int, under: str = "") -> str:
    value = told.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ApiError("not_a_text", under + name)
    if len(value) > most:
        raise ApiError("too_long", under + name)
    if "\0" in value or any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        raise ApiError("bad_text", under + name)
    return value.strip()


def _id(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= ID_MAX:
        raise ApiError("not_an_id", name)
    return value


def _ref(told: Mapping[object, object], name: str) -> int | str | None:
    """A product or an event, by id or by name."""
    value = told.get(name)
    if value is None:
        return None
    if isinstance(value, str):
        return word_key(_text(told, name, most=KEY_MAX)) or None
    return _id(value, name)


def _person(told: Mapping[object, object]) -> dict[str, object]:
    who = told.get("person")
    if who is None:
        raise ApiError("missing", "person")
    if not isinstance(who, Mapping):
        raise ApiError("no_object", "person")
    _known(who, PERSON_NAMES, "person.")
    if "id" in who:
        return {"person_id": _id(who["id"], "person.id")}
    email = _text(who, "email", most=KEY_MAX, under="person.")
    name = matching.name_key(_text(who, "name", most=KEY_MAX, under="person."))
    company = _text(who, "company", most=KEY_MAX, under="person.")
    core = matching.company_key(company).core if company else ""
    if not email and not (name and core):
        raise ApiError("missing", "person")
    try:
        found = cells.mails(email) if email else []
    except CellError:
        raise ApiError("bad_email", "person.email") from None
    return {"email": found[0].key if found else "", "name": name, "core": core}


def _at(told: Mapping[object, object], *, zone: ZoneInfo, now: datetime) -> datetime:
    """An instant with its offset, or a day of the installation's zone. Raises ApiError."""
    written = _text(told, "at", most=64)
    if not written:
        raise ApiError("missing", "at")
    try:
        if len(written) == len("2026-11-24"):
            midnight = datetime.combine(date.fromisoformat(written), time(), tzinfo=zone)
            at = entering.instant(midnight, None, zone=zone, now=now)
        else:
            at = datetime.fromisoformat(written)
        if at.tzinfo is None:
            raise ApiError("no_offset", "at")
        at = at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise error if isinstance(error, ApiError) else ApiError("bad_instant", "at") from None
    if at > now + entering.AHEAD:
        raise ApiError("in_the_future", "at")
    if at.year < 1990:
        raise ApiError("bad_instant", "at")
    return min(at, now)


def _tags(told: Mapping[object, object]) -> tuple[str, ...]:
    value = told.get("tags")
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > TAGS_MAX:
        raise ApiError("bad_tags", "tags")
    found = []
    for tag in value:
        # A comma separates tags where they are stored.
        if (
            not isinstance(tag, str)
            or not tag.strip()
            or len(tag) > TAG_MAX
            or "," in tag
            or not tag.isprintable()
        ):
            raise ApiError("bad_tags", "tags")
        found.append(tag.strip())
    return tuple(dict.fromkeys(found))
