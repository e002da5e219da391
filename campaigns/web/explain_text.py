"""What `ikusei explain` prints: the words of the pages as lines, or as an object for programs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from flask import Flask
from flask_babel import force_locale

from campaigns.rules.outlook import Stop
from campaigns.rules.schedule import month_label
from campaigns.services.explain import Entry, Explained, Month, Road
from campaigns.storage.explain import Mailbox
from campaigns.web import explain_words as words
from campaigns.web import outlook_words
from campaigns.web.words import month_name


@contextmanager
def speaking(app: Flask, lang: str) -> Iterator[None]:
    """The words of the pages in this language, outside any request."""
    with app.app_context(), force_locale(lang):
        yield


def as_text(mailbox: Mailbox, people: Sequence[Explained]) -> str:
    """Lines for a terminal."""
    lines = [mailbox.email]
    for found in people:
        person = found.person
        lines += ["", f"{person.name or '?'}  {person.company}  [{person.id}]".rstrip()]
        lines += [f"  - {fact}" for fact in words.facts(found)]
        for month in found.months:
            tense = str(words.TENSES[month.tense])
            lines.append(f"  {month_name(month.month)}" + (f"  ({tense})" if tense else ""))
            lines += [f"    {_line(entry)}" for entry in month.entries] or ["    –"]
        for road in found.roads:
            stopped = outlook_words.stopped(road)
            head = f"{outlook_words.heading()}: {road.product} / {road.scenario}"
            lines.append(f"  {head}" + (f" – {stopped}" if stopped else ""))
            lines += [_ahead(line) for line in outlook_words.lines(road)]
    return "\n".join(lines)


def _line(entry: Entry) -> str:
    head = " / ".join(part for part in (entry.product, entry.scenario) if part) or "–"
    title = f" “{entry.line.title}”" if entry.line and entry.line.title else ""
    said = words.sentence(entry)
    return f"{head}: {words.label(entry)}{title}" + (f" – {said}" if said else "")


def _ahead(line: outlook_words.Line) -> str:
    mark = "→ " if line.arm else ""
    return "    " + "  " * line.depth + mark + line.what + (f" – {line.note}" if line.note else "")


def as_json(mailbox: Mailbox, people: Sequence[Explained]) -> dict[str, object]:
    """One object: codes for programs, words for people; instants in ISO 8601 and UTC."""
    return {
        "address": mailbox.email,
        "status": mailbox.status,
        "status_reason": mailbox.status_reason,
        "status_at": _iso(mailbox.status_at),
        "people": [_person(found) for found in people],
    }


def _person(found: Explained) -> dict[str, object]:
    person = found.person
    return {
        "id": person.id,
        "name": person.name,
        "company": person.company,
        "writes_to": person.writes_to,
        "excluded": person.excluded_reason,
        "every_months": person.every_months,
        "next_free_on": _iso(person.next_free_on),
        "sending_paused": found.is_sending_paused,
        "refusals": [
            {"scope": one.scope, "product": one.product, "reason": one.reason, "at": _iso(one.at)}
            for one in found.refusals
        ],
        "consents": [
            {"basis": one.basis, "product_id": one.product_id, "at": _iso(one.obtained_at)}
            for one in found.consents
        ],
        "not_enrolled": list(found.missing),
        "facts": words.facts(found),
        "months": [_month(month) for month in found.months],
        "ahead": [_road(road) for road in found.roads],
    }


def _road(road: Road) -> dict[str, object]:
    return {
        "product": road.product,
        "scenario": road.scenario,
        "block": road.block or None,
        "rows": [_stop(stop) for stop in road.stops],
        "words": [_ahead(line).strip() for line in outlook_words.lines(road)],
    }


def _stop(stop: Stop) -> dict[str, object]:
    """A row ahead; `arms` of a branch hold further rows. likely: the arm that would come as things stand."""
    step = stop.step
    return {
        "key": step.key,
        "kind": step.kind,
        "title": step.content_title or step.title,
        "month": month_label(stop.month) if stop.month is not None else None,
        "until": _iso(date.fromordinal(stop.until)) if stop.until else None,
        "left_out": stop.left_out or None,
        "arms": {
            arm.name: {
                "likely": arm.is_likely,
                "goes_to": arm.goes_to or None,
                "rows": [_stop(one) for one in arm.stops],
            }
            for arm in stop.arms
        },
    }


def _month(month: Month) -> dict[str, object]:
    return {
        "month": month_label(month.month),
        "tense": month.tense,
        "mails": [_entry(entry) for entry in month.entries],
    }


def _entry(entry: Entry) -> dict[str, object]:
    line, why = entry.line, entry.why
    return {
        "product": entry.product,
        "scenario": entry.scenario,
        "delivery": line.id if line else None,
        "state": line.state if line else None,
        "reason": line.reason if line else why.code if why else None,
        "title": line.title if line else why.title if why else "",
        "by_product": (line.by_product if line else why.product if why else None) or None,
        "month": month_label(why.month) if why and why.month is not None else None,
        "since": _iso(why.since) if why else None,
        "send_at": _iso(line.send_at) if line else None,
        "sent_at": _iso(line.sent_at) if line else None,
        "until": _iso(line.until) if line else None,
        "words": words.sentence(entry),
    }


def _iso(value: date | datetime | None) -> str | None:
    return value.isoformat() if value else None
