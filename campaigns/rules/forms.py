"""Forms: what a visitor is asked, in which words, and whether a form may be published.

A design is what the visitor sees, so a published version freezes it: the consent of an entry is proved by
the words of its own version (LAW-03). Source: issue "forms"; LAW-01, LAW-03, LAW-20.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType
from urllib.parse import urlsplit

from campaigns.rules.touchpoints import Kind as Touched

LANGS = ("ja", "en")
NAME_MAX, LABEL_MAX, LINE_MAX, TEXT_MAX, URL_MAX = 120, 80, 200, 4000, 1000
OPTIONS_MAX, OPTION_MAX, TAGS_MAX = 20, 100, 10
CONFIRM_WITHIN = timedelta(days=14)


class Kind(StrEnum):
    """What a form is for; the touchpoint that an entry becomes has the same name."""

    DOC_REQUEST = "doc_request"
    SEMINAR_APPLY = "seminar_apply"
    NEWSLETTER = "newsletter"
    INQUIRY = "inquiry"
    QUOTE_REQUEST = "quote_request"

    @property
    def touch(self) -> Touched:
        return Touched(self.value)


# Somebody waits for an answer: the owner is told whatever the form says.
WAITED_FOR = frozenset({Kind.INQUIRY, Kind.QUOTE_REQUEST})


class Input(StrEnum):
    """How a field is filled in."""

    LINE = "line"
    MAIL = "mail"
    PHONE = "phone"
    TEXT = "text"
    ONE = "one"  # one of its options
    SOME = "some"  # any of its options


@dataclass(frozen=True, slots=True)
class Known:
    """A field that a form may have. complete: the browser's own word for filling it in."""

    input: Input
    complete: str = ""


FIELDS: Mapping[str, Known] = MappingProxyType(
    {
        "email": Known(Input.MAIL, "email"),
        "company": Known(Input.LINE, "organization"),
        "name": Known(Input.LINE, "name"),
        "kana": Known(Input.LINE),
        "department": Known(Input.LINE),
        "title": Known(Input.LINE, "organization-title"),
        "tel": Known(Input.PHONE, "tel"),
        "theme": Known(Input.SOME),
        "timeframe": Known(Input.ONE),
        "message": Known(Input.TEXT),
        "ask_line": Known(Input.LINE),
        "ask_one": Known(Input.ONE),
        "ask_some": Known(Input.SOME),
        "ask_text": Known(Input.TEXT),
    }
)
# Without a label of its own nobody would know what is asked.
OWN = ("ask_line", "ask_one", "ask_some", "ask_text")
CHOICES = frozenset(key for key, known in FIELDS.items() if known.input in (Input.ONE, Input.SOME))
# What becomes part of the person; the rest is the entry's alone.
PERSONAL = ("email", "company", "name", "kana", "department", "title", "tel")


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form, in its place. label, help: language -> words, '' takes the usual ones.

    options: language -> what can be chosen, as many in each language and in the same order.
    """

    key: str
    need: bool = False
    label: Mapping[str, str] = field(default_factory=dict)
    help: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def input(self) -> Input:
        return FIELDS[self.key].input

    def choices(self, lang: str) -> tuple[str, ...]:
        return tuple(self.options.get(lang, ()))


@dataclass(frozen=True, slots=True)
class Words:
    """What a form says in one language. consent: the sentence beside the tick; '' asks for none."""

    title: str = ""
    intro: str = ""
    purpose: str = ""
    consent: str = ""
    button: str = ""
    thanks_title: str = ""
    thanks: str = ""
    full: str = ""
    closed: str = ""
    redirect: str = ""


WORDS = tuple(f.name for f in fields(Words))


class Consent(StrEnum):
    """How consent to mail is asked for. SENDING: signing up is the consent; NONE: it is not asked for."""

    TICK = "tick"
    SENDING = "sending"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Design:
    """What a visitor sees of a form.

    confirms: an entry counts after a link in a mail was confirmed. for_product: the consent covers the
    form's product alone, else everything the house sells.
    """

    kind: Kind
    langs: tuple[str, ...] = ("ja",)
    fields: tuple[Field, ...] = ()
    words: Mapping[str, Words] = field(default_factory=dict)
    consent: Consent = Consent.TICK
    for_product: bool = False
    confirms: bool = False

    def said(self, lang: str) -> Words:
        return self.words.get(lang, Words())

    def lang(self, wanted: Iterable[str | None]) -> str:
        """The first wanted language that the form has, else its first."""
        return next((one for one in wanted if one in self.langs), self.langs[0])


def as_json(design: Design) -> dict[str, object]:
    return asdict(design)


def from_json(stored: Mapping[str, object]) -> Design:
    """A stored design. Raises KeyError, TypeError or ValueError for one that was not written here."""
    raw_fields, raw_words = stored["fields"], stored["words"]
    if not isinstance(raw_fields, list) or not isinstance(raw_words, dict):
        raise TypeError("no design")
    return Design(
        kind=Kind(str(stored["kind"])),
        langs=tuple(stored["langs"]),  # type: ignore[arg-type]
        fields=tuple(_field(one) for one in raw_fields),
        words={lang: Words(**words) for lang, words in raw_words.items()},
        consent=Consent(str(stored["consent"])),
        for_product=bool(stored["for_product"]),
        confirms=bool(stored["confirms"]),
    )


def _field(stored: Mapping[str, object]) -> Field:
    options = stored["options"]
    assert isinstance(options, dict)
    return Field(
        key=str(stored["key"]),
        need=bool(stored["need"]),
        label=dict(stored["label"]),  # type: ignore[call-overload]
        help=dict(stored["help"]),  # type: ignore[call-overload]
        options={lang: tuple(found) for lang, found in options.items()},
    )


def check(design: Design) -> dict[str, str]:
    """What keeps a form from being published: place -> code, first the most important.

    Places: "title-ja", "consent-en", "redirect-ja", "fields", "label-ask_line-ja", "options-theme-ja",
    "langs". Codes: missing, odd, uneven (as many options in each language), mail_missing, few.
    """
    wrong: dict[str, str] = {}
    if not design.langs:
        wrong["langs"] = "missing"
    if not any(one.key == "email" and one.need for one in design.fields):
        wrong["fields"] = "mail_missing"
    for lang in design.langs:
        wrong |= _check_words(design, lang)
    for one in design.fields:
        wrong |= _check_field(one, design.langs)
    return wrong


def _check_words(design: Design, lang: str) -> dict[str, str]:
    said = design.said(lang)
    must = ["title", "purpose", "button", "thanks_title"]
    if design.consent is not Consent.NONE:
        must.append("consent")
    wrong = {f"{name}-{lang}": "missing" for name in must if not getattr(said, name).strip()}
    if said.redirect and not is_address(said.redirect):
        wrong[f"redirect-{lang}"] = "odd"
    return wrong


def _check_field(one: Field, langs: Sequence[str]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if one.key in OWN:
        wrong |= {f"label-{one.key}-{lang}": "missing" for lang in langs if not one.label.get(lang)}
    if one.key in CHOICES:
        counts = {lang: len(one.choices(lang)) for lang in langs}
        wrong |= {f"options-{one.key}-{lang}": "missing" for lang, count in counts.items() if not count}
        if len(set(counts.values())) > 1 and 0 not in counts.values():
            wrong[f"options-{one.key}-{langs[-1]}"] = "uneven"
    return wrong


def is_address(url: str) -> bool:
    """A plain web address to lead on to."""
    if len(url) > URL_MAX or any(ord(c) <= 32 or c in "\\\"'<>" for c in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and "@" not in parts.netloc
    except ValueError:
        return False


def arranged(found: Sequence[Field], *, order: Mapping[str, int]) -> tuple[Field, ...]:
    """Fields by the numbers that the editor gives; the mail address is always asked for."""
    kept = {one.key: one for one in found if one.key in FIELDS}
    kept["email"] = replace(kept.get("email", Field("email")), need=True)
    places = {key: place for place, key in enumerate(FIELDS)}
    return tuple(sorted(kept.values(), key=lambda one: (order.get(one.key, 99), places[one.key])))


class Door(StrEnum):
    """Whether a form takes entries now."""

    OPEN = "open"
    WAITING = "waiting"  # full, but names are noted
    FULL = "full"
    CLOSED = "closed"


def door(
    *,
    state: str,
    closes_on: date | None,
    event_over: bool,
    capacity: int | None,
    taken: int,
    has_waiting_list: bool,
    today: date,
) -> Door:
    """closes_on: the last day. event_over: what one could sign up for has taken place. taken: seats."""
    if state != "open" or event_over or (closes_on is not None and closes_on < today):
        return Door.CLOSED
    if capacity is not None and taken >= capacity:
        return Door.WAITING if has_waiting_list else Door.FULL
    return Door.OPEN
