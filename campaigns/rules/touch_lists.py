"""Touch lists: one row of a list of touches -> who, what, when, or why it cannot be taken.

A person is named by mail address, else by name and company, else by telephone. Nobody is created by such a list: it
says nothing about why a person may be written to. Source: S3-11.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime, time
from types import MappingProxyType
from zoneinfo import ZoneInfo

from campaigns.rules import cells, columns, entering, matching, naming
from campaigns.rules.cells import CellError
from campaigns.rules.reasons import Reason
from campaigns.rules.touchpoints import Kind

FIELDS = (
    "email", "name", "family", "given", "company", "tel", "kind", "day", "clock", "product", "event", "note",
)  # fmt: skip
# Heads of such lists, besides those of lists of people.
HEADS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "kind": ("種別", "接点", "接点種別", "接点の種類", "接点の種別", "種類", "活動", "活動種別", "活動内容", "行動", "kind", "kind of touch", "type", "activity", "activity type", "touch", "touch type"),
        "day": ("日付", "日時", "年月日", "活動日", "訪問日", "対応日", "実施日", "接点日", "接点の日付", "date", "day", "when", "datetime", "activity date"),
        "clock": ("時刻", "時間", "time"),
        "product": ("商材", "商材名", "製品", "製品名", "商品", "product"),
        "event": ("展示会", "展示会・施策", "施策", "イベント", "event", "exhibition or event"),
        "email": ("mail address",),
        "note": ("内容", "詳細", "結果", "メモ(相手の言葉)", "お客様の声", "note", "notes", "comment", "description"),
        "name": ("担当者", "お客様", "顧客名", "contact name", "person"),
        "tel": ("phone", "telephone"),
    }
)  # fmt: skip
# What the columns of a list of people mean here.
ALIKE: Mapping[str, str] = MappingProxyType(
    {
        **{name: name for name in ("email", "name", "family", "given", "company", "tel")},
        "tel_direct": "tel", "mobile": "tel", "card_date": "day", "scanned_at": "day", "temperature": "kind",
        "memo": "note", "interest": "product", "event": "event",
    }
)  # fmt: skip
_OWN: Mapping[str, str] = MappingProxyType(
    {columns.label_key(word): name for name, words in HEADS.items() for word in words}
)
_CLOCK = re.compile(r"^([01]?\d|2[0-3])[:時]([0-5]\d)?分?$")


def guess(labels: Sequence[str]) -> tuple[str, ...]:
    """A field for each head, '' for what is not taken; of two columns with one meaning the first wins."""
    found: list[str] = []
    for label in labels:
        name = _OWN.get(columns.label_key(label)) or ALIKE.get(columns.field_of(label), "")
        found.append("" if name in found else name)
    return tuple(found)


def missing(mapping: Collection[str], *, kind: str) -> list[Reason]:
    """What must be answered before any row can be read. kind: of the rows that name none."""
    found = []
    by_name = {"name", "family"} & set(mapping) and "company" in mapping
    if not (by_name or {"email", "tel"} & set(mapping)):
        found.append(Reason("who_column_missing"))
    if "kind" not in mapping and not kind:
        found.append(Reason("kind_column_missing"))
    if "day" not in mapping:
        found.append(Reason("day_column_missing"))
    return found


@dataclass(frozen=True, slots=True)
class Draft:
    """A touch as read from one row. day: ISO; clock: HH:MM or ''; at: ISO, UTC. who is found by the keys."""

    email: str = ""
    name: str = ""
    core: str = ""
    phone: str = ""
    kind: str = ""
    day: str = ""
    clock: str = ""
    at: str = ""
    product_id: int | None = None
    event_id: int | None = None
    note: str = ""

    def as_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Draft:
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in stored.items() if name in known})  # type: ignore[arg-type]

    def key(self, person_id: int) -> str:
        """The name of this touch for ever; who stands behind it may have been found by another key."""
        parts = (person_id, self.kind, self.day, self.clock, self.product_id, self.event_id, self.note)
        return entering.content_key(*parts)


@dataclass(frozen=True, slots=True)
class Context:
    """What a row is read against. columns: field -> place in the row. products, events: name (naming.word_key) -> id.

    kind, product_id, event_id: of rows that name none. names: field -> the names there are, for who wrote another.
    """

    columns: Mapping[str, int]
    products: Mapping[str, int]
    events: Mapping[str, int]
    zone: ZoneInfo
    now: datetime
    kind: str = ""
    product_id: int | None = None
    event_id: int | None = None
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """draft is None when there is a reason against the row."""

    draft: Draft | None
    reasons: tuple[Reason, ...] = ()


def read(row: Sequence[str], context: Context) -> Read:
    """Read one row. Never raises: what is wrong becomes a reason with the value."""
    reasons: list[Reason] = []
    values: dict[str, str] = {}
    for name, place in context.columns.items():
        raw = row[place] if place < len(row) else ""
        try:
            values[name] = cells.bare(raw)
        except CellError as error:
            reasons.append(Reason(error.code, {"field": name, "value": raw[:200]}))
    who = _who(values, reasons)
    what = _what(values, context, reasons)
    when = _when(values, context, reasons)
    if reasons:
        return Read(None, tuple(reasons))
    note = values.get("note", "")[: entering.NOTE_MAX]
    return Read(Draft(**who, **what, **when, note=note))  # type: ignore[arg-type]


def _who(values: Mapping[str, str], reasons: list[Reason]) -> dict[str, str]:
    email = phone = ""
    try:
        found = cells.mails(values.get("email", ""))
        email = found[0].key if found else ""
    except CellError as error:
        reasons.append(Reason(error.code, {"field": "email", "value": values["email"][:200]}))
    try:
        phone = cells.phone(values["tel"]).key if values.get("tel") else ""
    except CellError as error:
        reasons.append(Reason(error.code, {"field": "tel", "value": values["tel"][:200]}))
    name = values.get("name") or " ".join(filter(None, (values.get("family"), values.get("given"))))
    key = matching.name_key(name) if name else ""
    core = matching.company_key(values["company"]).core if values.get("company") else ""
    if not reasons and not (email or phone or (key and core)):
        reasons.append(Reason("who_missing", {"field": "name", "value": name[:200]}))
    return {"email": email, "phone": phone, "name": key, "core": core}


def _what(values: Mapping[str, str], context: Context, reasons: list[Reason]) -> dict[str, object]:
    word = values.get("kind", "")
    kind = entering.kind_of(word) if word else Kind(context.kind) if context.kind else None
    if kind is None:
        code = "kind_unknown" if word else "kind_missing"
        reasons.append(Reason(code, {"field": "kind", "value": word[:200]}))
    found: dict[str, object] = {"kind": kind.value if kind else ""}
    for name, known, usual in (
        ("product", context.products, context.product_id),
        ("event", context.events, context.event_id),
    ):
        told = values.get(name, "")
        found[f"{name}_id"] = known.get(naming.word_key(told)) if told else usual
        if told and found[f"{name}_id"] is None:
            there_are = " / ".join(naming.nearest(told, context.names.get(name, ())))
            reasons.append(
                Reason(f"{name}_unknown", {"field": name, "value": told[:200], "known": there_are})
            )
    return found


def _when(values: Mapping[str, str], context: Context, reasons: list[Reason]) -> dict[str, str]:
    told = values.get("day", "")
    local = context.now.astimezone(context.zone)
    if not told:
        reasons.append(Reason("day_missing", {"field": "day"}))
        return {}
    try:
        day, clock = cells.moment(told, year=local.year)
    except CellError as error:
        reasons.append(Reason(error.code, {"field": "day", "value": told[:200]}))
        return {}
    timed = _CLOCK.match(values.get("clock", ""))
    at_clock = (
        time(clock[0], clock[1]) if clock else time(int(timed[1]), int(timed[2] or 0)) if timed else None
    )
    moment = datetime.combine(day, time(), tzinfo=context.zone)
    at = entering.instant(moment, at_clock, zone=context.zone, now=context.now)
    if at > context.now + entering.AHEAD:
        reasons.append(Reason("in_the_future", {"field": "day", "value": told[:200]}))
    shown = f"{at_clock:%H:%M}" if at_clock else ""
    return {"day": day.isoformat(), "clock": shown, "at": min(at, context.now).astimezone(UTC).isoformat()}
