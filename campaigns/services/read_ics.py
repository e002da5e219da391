"""Read an .ics that somebody sent us: when, where, with whom. Other zones become ours; what cannot be told is said.

Errors (IcsError.code): unreadable, no_event, no_start, all_day, zone_unknown (the zone is named but unknown).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from campaigns.rules.appointments import LENGTH, LONGEST, NOTE_MAX, PLACE_MAX

MOST = 1_000_000  # bytes: a year of a busy calendar is smaller
ADDRESSES = 20
# A zone changes its clocks a few times a year. Rules that repeat by the second, never step on, or come by the
# thousand have no end that anybody could wait for (measured: minutes for a file of 300 bytes).
ZONE = re.compile(
    r"^BEGIN[^:\n]*:\s*VTIMEZONE.*?(?:^END[^:\n]*:\s*VTIMEZONE|\Z)", re.DOTALL | re.MULTILINE | re.IGNORECASE
)
ZONE_RULE = re.compile(r"^RRULE[;:].*$", re.MULTILINE | re.IGNORECASE)
ENDLESS = re.compile(r"BYHOUR|BYMINUTE|BYSECOND|INTERVAL=(?!0*[1-9])", re.IGNORECASE)
ZONE_RULES = 60
LAST_YEAR = 9000  # beyond it no end can be reckoned


class IcsError(ValueError):
    """code: see the module. said: what the file says there."""

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(code)
        self.code, self.said = code, said


@dataclass(frozen=True, slots=True)
class Read:
    """What an .ics tells. starts_at, ends_at: in the installation's zone. zone: the one it was written in, "" for one
    without any ("floating": read as ours). is_cancelled: it calls the appointment off. others: further events."""

    uid: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    title: str
    place: str
    note: str
    emails: tuple[str, ...]
    is_cancelled: bool
    repeats: bool
    others: int


def read(data: bytes, *, zone: ZoneInfo, now: datetime) -> Read:
    """The next event of the file that is still to come, else its first. Raises IcsError."""
    if len(data) > MOST:
        raise IcsError("unreadable")
    try:
        told_text = data.decode("utf-8-sig")
        if _is_endless(told_text):
            raise IcsError("unreadable")
        calendar = Calendar.from_ical(told_text)
        events = list(calendar.walk("VEVENT"))
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OSError):
        # OSError: a zone's name is looked for as a file, and may be a folder's or longer than a name can be.
        raise IcsError("unreadable") from None
    if not events:
        raise IcsError("no_event")
    told: list[tuple[datetime, Any, str]] = []
    first: IcsError | None = None
    for event in events:
        try:
            starts_at, said = _start(event, zone)
        except IcsError as error:
            first = first or error
        else:
            told.append((starts_at, event, said))
    if not told:
        raise first or IcsError("no_start")
    told.sort(key=lambda one: one[0])
    starts_at, event, said = next((one for one in told if one[0] > now), told[0])
    is_cancelled = "CANCEL" in (_text(calendar, "METHOD").upper(), _text(event, "STATUS").upper()[:6])
    return Read(
        uid=_text(event, "UID")[:200],
        starts_at=starts_at,
        ends_at=_end(event, starts_at, zone),
        zone=said,
        title=_text(event, "SUMMARY")[:200],
        place=_text(event, "LOCATION")[:PLACE_MAX],
        note=_text(event, "DESCRIPTION")[:NOTE_MAX],
        emails=_emails(event),
        is_cancelled=is_cancelled,
        repeats="RRULE" in event or "RDATE" in event,
        others=len(events) - 1,
    )


def _is_endless(text: str) -> bool:
    """Whether the rules of its zones are more than any zone has."""
    plain = re.sub(r"\r?\n[ \t]", "", text).replace("\r\n", "\n")
    rules = [rule for part in ZONE.findall(plain) for rule in ZONE_RULE.findall(part)]
    return len(rules) > ZONE_RULES or any(
        "FREQ=YEARLY" not in rule.upper() or ENDLESS.search(rule) for rule in rules
    )


def _value(told: Any) -> object:
    """What a property says; None for one that says nothing sensible."""
    try:
        return getattr(told, "dt", None)
    except ValueError:
        return None


def _start(event: Any, zone: ZoneInfo) -> tuple[datetime, str]:
    if "DTSTART" not in event:
        raise IcsError("no_start")
    told = event["DTSTART"]
    value = _value(told)
    if isinstance(value, datetime):
        return _ours(value, told, zone)
    if isinstance(value, date):
        raise IcsError("all_day", value.isoformat())
    raise IcsError("no_start")


def _ours(value: datetime, told: Any, zone: ZoneInfo) -> tuple[datetime, str]:
    """In our zone, with the name of the one it was written in."""
    named = str(told.params.get("TZID", ""))
    if value.year > LAST_YEAR:
        raise IcsError("no_start")
    try:
        if value.tzinfo is None:
            if named:  # a zone whose rules nobody told: guessing would be wrong by hours
                raise IcsError("zone_unknown", named)
            return value.replace(tzinfo=zone), ""
        return value.astimezone(zone), named or str(value.tzinfo)
    except IcsError:
        raise
    except (OverflowError, ValueError):
        raise IcsError("no_start") from None


def _end(event: Any, starts_at: datetime, zone: ZoneInfo) -> datetime:
    """By its end or its length; an hour where neither makes sense."""
    length = _value(event.get("DURATION"))
    ends_at = starts_at + length if isinstance(length, timedelta) and length < LONGEST else starts_at + LENGTH
    if "DTEND" in event and isinstance(value := _value(event["DTEND"]), datetime):
        try:
            ends_at, _ = _ours(value, event["DTEND"], zone)
        except IcsError:
            ends_at = starts_at + LENGTH
    return ends_at if starts_at < ends_at <= starts_at + LONGEST else starts_at + LENGTH


def _text(component: Any, name: str) -> str:
    found = component.get(name, "")
    return str(found[0] if isinstance(found, list) and found else found).replace("\x00", "").strip()


def _emails(event: Any) -> tuple[str, ...]:
    found: list[str] = []
    for name in ("ORGANIZER", "ATTENDEE"):
        told = event.get(name, [])
        found += [str(one) for one in (told if isinstance(told, list) else [told])]
    plain = [one[len("mailto:") :].strip().lower() for one in found if one.lower().startswith("mailto:")]
    return tuple(dict.fromkeys(one for one in plain if "@" in one))[:ADDRESSES]
