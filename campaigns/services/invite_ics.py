"""Appointments as calendars read them: the .ics that goes out by mail, and the feed that a calendar asks for.

UID stands for the appointment for ever, SEQUENCE counts its changes, times are local with their zone's rules
(VTIMEZONE), so a reader abroad sees the right hour. Source: S2-09; RFC 5545, RFC 5546.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vText

from campaigns.parts import Parts
from campaigns.storage import audit, calendars
from campaigns.storage.appointments import Appointment
from campaigns.storage.participants import Guest, Staff

PRODUCT = "-//Ikusei//JA"
WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "staff": "訪問：{who}",
        "guest": "お打ち合わせ：{us}",
        "with": "お相手: {names}",
        "ours": "当社: {names}",
        "page": "予定のページ: {url}",
        "feed": "訪問の予定（{name}）",
        "mr": "{name} {honorific}",
        "join": "、",
    },
    "en": {
        "staff": "Visit: {who}",
        "guest": "Meeting: {us}",
        "with": "With: {names}",
        "ours": "From us: {names}",
        "page": "Appointment: {url}",
        "feed": "Visits ({name})",
        "mr": "{name}",
        "join": ", ",
    },
}


def words_of(locale: str) -> Mapping[str, str]:
    return WORDS.get(locale, WORDS["ja"])


def who(found: Appointment, locale: str) -> str:
    """Company and person, as a reader of that language writes them."""
    name = words_of(locale)["mr"].format(name=found.person, honorific=found.honorific) if found.person else ""
    return " ".join(part for part in (found.company, name) if part)


def invitation(
    parts: Parts,
    found: Appointment,
    *,
    staff: Sequence[Staff],
    guests: Sequence[Guest],
    us: str,
    locale: str,
    for_guest: bool,
    is_cancelled: bool,
    now: datetime,
) -> bytes:
    """The .ics for one reader. for_guest: without our own notes, and with our name for a title. us: our company."""
    words = words_of(locale)
    event = _event(parts, found, now=now)
    event.add(
        "summary",
        words["guest"].format(us=us) if for_guest else words["staff"].format(who=who(found, locale)),
    )
    event.add("status", "CANCELLED" if is_cancelled else "CONFIRMED")
    ours = words["join"].join(one.name for one in staff)
    theirs = words["join"].join(
        words["mr"].format(name=one.name, honorific=found.honorific) for one in guests if one.name
    )
    lines = [found.product, words["ours"].format(names=ours) if ours else ""]
    if not for_guest:
        url = f"{parts.settings.base_url}/appointments/{found.id}"
        lines += [
            words["with"].format(names=theirs) if theirs else "",
            found.note,
            words["page"].format(url=url),
        ]
    event.add("description", "\n".join(line for line in lines if line))
    owner = next((one for one in staff if one.id == found.owner_user_id), staff[0] if staff else None)
    if owner is not None:
        event["organizer"] = _mailbox(owner.name, owner.email)
    invited = [(one.name, one.email) for one in staff]
    invited += [(one.name, one.email) for one in guests if one.is_invited and one.email]
    for name, email in invited:
        person = _mailbox(name, email)
        person.params["ROLE"] = vText("REQ-PARTICIPANT")
        person.params["PARTSTAT"] = vText("ACCEPTED" if owner and email == owner.email else "NEEDS-ACTION")
        event.add("attendee", person, encode=False)
    return _calendar([event], method="CANCEL" if is_cancelled else "REQUEST")


def feed(parts: Parts, found: Sequence[Appointment], *, name: str, locale: str, now: datetime) -> bytes:
    """All of somebody's visits, for their own calendar. What stands there is theirs to see anyway."""
    words = words_of(locale)
    events = []
    for one in found:
        event = _event(parts, one, now=now)
        event.add("summary", words["staff"].format(who=who(one, locale)))
        lines = [one.product, one.note, one.tel, f"{parts.settings.base_url}/appointments/{one.id}"]
        event.add("description", "\n".join(line for line in lines if line))
        events.append(event)
    return _calendar(events, name=words["feed"].format(name=name))


def _event(parts: Parts, found: Appointment, *, now: datetime) -> Event:
    zone: ZoneInfo = parts.settings.tz
    event = Event()
    event.add("uid", found.uid)
    event.add("sequence", found.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", found.starts_at.astimezone(zone))
    event.add("dtend", found.ends_at.astimezone(zone))
    if found.place:
        event.add("location", found.place)
    return event


def _mailbox(name: str, email: str) -> vCalAddress:
    found = vCalAddress(f"mailto:{email}")
    found.params["CN"] = vText(name)
    return found


def _calendar(events: Sequence[Event], *, method: str = "", name: str = "") -> bytes:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    if method:
        calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", " ".join(name.split()))  # written as it is: a line end would end it
        calendar.add("refresh-interval", "PT15M", parameters={"VALUE": "DURATION"}, encode=False)
    for event in events:
        calendar.add_component(event)
    calendar.add_missing_timezones()
    return bytes(calendar.to_ical())


def token(parts: Parts, user_id: int, no: int) -> str:
    """The secret part of a feed's address: of the user and the address's number, so a new one ends the old."""
    mac = hmac.new(parts.secret, f"calendar\0{user_id}\0{no}".encode(), hashlib.sha256).hexdigest()[:40]
    return f"{user_id}-{mac}"


def renew(parts: Parts, *, user_id: int, now: datetime) -> None:
    """A new address for somebody's feed; the one before is nobody's from now on."""
    with parts.engine.begin() as tx:
        calendars.renew(tx, user_id)
        audit.note(tx, noun="user", noun_id=user_id, action="calendar", user_id=user_id, now=now)


def user_of(given: str) -> int | None:
    """Whose feed a token asks for; whether it is theirs is told by comparing it with `token`."""
    head, _, mac = given.partition("-")
    return int(head) if head.isascii() and head.isdecimal() and len(head) < 17 and mac else None


def is_token(parts: Parts, given: str, user_id: int, no: int) -> bool:
    return no > 0 and hmac.compare_digest(given.encode(), token(parts, user_id, no).encode())
