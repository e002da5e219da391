"""Calendar files as hostile or broken programs write them: an answer in words, soon, and never a failing page."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.services import read_ics
from campaigns.services.read_ics import IcsError

TOKYO = ZoneInfo("Asia/Tokyo")
NOW = datetime(2026, 11, 22, tzinfo=UTC)
START = "DTSTART:20261201T100000Z"


def ics(start: str = START, *, more: str = "", zone: str = "") -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", zone, "BEGIN:VEVENT", "UID:1", start, more, "END:VEVENT"]
    return "\r\n".join([line for line in lines if line] + ["END:VCALENDAR", ""]).encode()


def zone(rule: str, *, begin: str = "BEGIN:VTIMEZONE") -> str:
    part = "DTSTART:19700101T000000\r\n{rule}\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:{to}\r\n"
    return (
        f"{begin}\r\nTZID:Far\r\nBEGIN:STANDARD\r\n{part.format(rule=rule, to='+0900')}END:STANDARD\r\n"
        f"BEGIN:DAYLIGHT\r\n{part.format(rule=rule, to='+1000')}END:DAYLIGHT\r\nEND:VTIMEZONE"
    )


def test_a_zone_that_changes_its_clock_twice_a_year_is_read() -> None:
    data = ics("DTSTART;TZID=Far:20261201T100000", zone=zone("RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"))
    assert read_ics.read(data, zone=TOKYO, now=NOW).zone == "Far"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=SECONDLY",
        "RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
        "RRULE:FREQ=MINUTELY;COUNT=1000000000",
        "RRULE:FREQ=YEARLY;INTERVAL=0",
        "RRULE:FREQ=YEARLY;INTERVAL=-1",
        "RRULE:FREQ=YEARLY;BYSECOND=0,1,2;BYMINUTE=0,1,2;BYHOUR=0,1,2",
        "rrule;X=1:freq=secondly",
        "RRU\r\n LE:FREQ=SECOND\r\n LY",
        "\r\n".join(["RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"] * 3000),
    ],
)
def test_a_zone_whose_rules_never_end_is_unreadable(rule: str) -> None:
    for begin in ("BEGIN:VTIMEZONE", "begin;x=1:VTimezone"):
        data = ics("DTSTART;TZID=Far:20261201T100000", zone=zone(rule, begin=begin))
        with pytest.raises(IcsError, match="unreadable"):
            read_ics.read(data, zone=TOKYO, now=NOW)


@pytest.mark.parametrize(
    ("start", "code"),
    [
        ("DTSTART:99991231T235900", "no_start"),
        ("DTSTART:99991231T235900Z", "no_start"),
        ("DTSTART;TZID=Europe/Paris:00010101T000000", "no_start"),
        ("DTSTART;TZID=America:20261201T100000", "unreadable"),
        (f"DTSTART;TZID={'A' * 5000}:20261201T100000", "unreadable"),
        ("DTSTART;TZID=/etc/passwd:20261201T100000", "zone_unknown"),
    ],
    ids=["last day", "last day UTC", "year 1", "a folder", "long name", "a file"],
)
def test_a_time_that_cannot_be_is_told(start: str, code: str) -> None:
    with pytest.raises(IcsError, match=code):
        read_ics.read(ics(start), zone=TOKYO, now=NOW)


@pytest.mark.parametrize(
    "more", ["DURATION:P999999999999999D", "DURATION:-P1D", "DTEND:x", "DTEND;TZID=America:x"]
)
def test_an_end_that_cannot_be_is_an_hour_later(more: str) -> None:
    read = read_ics.read(ics(more=more), zone=TOKYO, now=NOW)
    assert (read.ends_at - read.starts_at).total_seconds() == 3600


def test_a_file_nested_without_end_is_told() -> None:
    with pytest.raises(IcsError):
        read_ics.read(b"BEGIN:VEVENT\r\n" * 70_000, zone=TOKYO, now=NOW)
