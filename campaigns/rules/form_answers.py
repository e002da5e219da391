"""Answers: what a visitor sent, read against the form that was shown; and whether a machine sent it.

Whatever does not fit is said at its field, and nothing that was typed is lost. Whether an entry looks like a
machine's is said to nobody but the staff: it is kept aside with its reasons.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from campaigns.rules import cells, form_texts
from campaigns.rules.cells import CellError
from campaigns.rules.forms import LINE_MAX, TEXT_MAX, Design, Field, Input
from campaigns.rules.matching import phone_key

# Controls and signs that hide or turn text; a line break is one blank in a line, and stays in a text.
_ODD = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
_BREAKS = re.compile(r"[\r\n\t\u2028\u2029]+")
_LINK = re.compile(r"(?:https?://|www\.|\[url|<a\s)", re.IGNORECASE)
MAIL_MAX = 254
CHOSEN_MAX = 20
# Reading a label takes a person about a second, and nobody types an address in less.
HASTE = timedelta(seconds=3)
HASTE_FILLED_IN = timedelta(seconds=1)
LINKS_MAX = 2  # of a message; a line holds none


@dataclass(frozen=True, slots=True)
class Answers:
    """values: key -> text, or the chosen options as places in their list. errors: key -> code.

    Codes: missing, mail_odd, mail_two, too_long, phone_odd, unknown (no such option).
    """

    values: Mapping[str, str | list[int]]
    errors: Mapping[str, str]


def read(design: Design, sent: Mapping[str, Sequence[str]]) -> Answers:
    """sent: every value of each field; fields that the form does not have are not looked at."""
    values: dict[str, str | list[int]] = {}
    errors: dict[str, str] = {}
    for field in design.fields:
        found = sent.get(field.key, ())
        value = _chosen(field, found, errors) if field.options else _typed(field, found, errors)
        if value:
            values[field.key] = value
        elif field.need and field.key not in errors:
            errors[field.key] = "missing"
    return Answers(values, errors)


def _chosen(field: Field, sent: Sequence[str], errors: dict[str, str]) -> list[int]:
    """Places of the chosen options, the same in every language."""
    count = max((len(options) for options in field.options.values()), default=0)
    wanted = [word for word in sent[:CHOSEN_MAX] if word]
    places = sorted({int(word) for word in wanted if len(word) < 4 and word.isascii() and word.isdigit()})
    if len(places) < len(set(wanted)) or any(place >= count for place in places):
        errors[field.key] = "unknown"
        return []
    return places[:1] if field.input is Input.ONE else places


def _typed(field: Field, sent: Sequence[str], errors: dict[str, str]) -> str:
    raw = sent[0] if sent else ""
    most = TEXT_MAX if field.input is Input.TEXT else MAIL_MAX if field.input is Input.MAIL else LINE_MAX
    if len(raw) > 2 * TEXT_MAX:
        errors[field.key] = "too_long"
        return ""
    text = _ODD.sub("", raw)
    text = text.replace("\r\n", "\n").strip() if field.input is Input.TEXT else _line(text)
    if len(text) > most:
        errors[field.key] = "too_long"
    elif text and field.input is Input.MAIL:
        return _mail(field.key, raw, errors)
    elif text and field.input is Input.PHONE and not 8 <= len(phone_key(text)) <= 15:
        errors[field.key] = "phone_odd"
    return text


def _line(text: str) -> str:
    return " ".join(_BREAKS.sub(" ", text).split())


def _mail(key: str, raw: str, errors: dict[str, str]) -> str:
    """One mailbox. A line break within it is no slip of the finger, so it is not mended; nor is what a spreadsheet
    would take for a formula, which no list of people could hold."""
    if _ODD.search(raw) or _BREAKS.search(raw.strip()):
        errors[key] = "mail_odd"
        return ""
    try:
        found = [cells.bare(box.email) for box in cells.mails(raw)]
    except CellError:
        errors[key] = "mail_odd"
        return _line(raw)
    if len(found) != 1:
        errors[key] = "mail_two" if found else "mail_odd"
        return _line(raw)
    return found[0]


def shown(design: Design, values: Mapping[str, object], lang: str) -> list[tuple[str, str]]:
    """Key and words of each answer, options by their words in this language."""
    found = []
    for field in design.fields:
        value = values.get(field.key)
        if isinstance(value, list):
            options = field.choices(lang) or field.choices(design.langs[0])
            value = ("、" if lang == "ja" else ", ").join(
                options[place] for place in value if place < len(options)
            )
        if value:
            found.append((field.key, str(value)))
    return found


def labelled(design: Design, values: Mapping[str, object], lang: str) -> list[tuple[str, str]]:
    """Label and words of each answer in one language."""
    fields = {one.key: one for one in design.fields}
    return [(form_texts.label(fields[key], lang), words) for key, words in shown(design, values, lang)]


def themes(design: Design, values: Mapping[str, object]) -> tuple[str, ...]:
    """What was chosen as theme, in the form's first language: part of the touchpoint's tags. No comma."""
    lang = design.langs[0]
    fields = [one for one in design.fields if one.key == "theme"]
    chosen = values.get("theme")
    if not fields or not isinstance(chosen, list):
        return ()
    options = fields[0].choices(lang)
    return tuple(options[place].replace(",", "、") for place in chosen if place < len(options))


@dataclass(frozen=True, slots=True)
class Manner:
    """How an entry came. trap: what stood in the field that no person sees; age: of the page that was sent.

    from_net, to_address: entries of the last while from this network, and with this mail address.
    """

    trap: str
    age: timedelta
    is_filled_in: bool = False
    from_net: int = 0
    to_address: int = 0
    is_crawler: bool = False


NET_MAX = 10  # in ten minutes: a company's visitors at a show share one address
ADDRESS_MAX = 5  # in an hour


def machine(design: Design, values: Mapping[str, object], manner: Manner) -> tuple[str, ...]:
    """Why an entry looks like a machine's: trap, haste, links, crawler, many_net, many_address; () if it does not."""
    haste = HASTE_FILLED_IN if manner.is_filled_in else HASTE
    signs = {
        "trap": bool(manner.trap.strip()),
        "haste": manner.age < haste,
        "links": _has_links(design, values),
        "crawler": manner.is_crawler,
        "many_net": manner.from_net > NET_MAX,
        "many_address": manner.to_address > ADDRESS_MAX,
    }
    return tuple(name for name, is_seen in signs.items() if is_seen)


def _has_links(design: Design, values: Mapping[str, object]) -> bool:
    for field in design.fields:
        value = values.get(field.key)
        if isinstance(value, str) and field.input in (Input.LINE, Input.TEXT):
            most = LINKS_MAX if field.input is Input.TEXT else 0
            if len(_LINK.findall(value)) > most:
                return True
    return False
