"""Merge fields: the words a mail takes from the person it goes to.

The salutation block follows Japanese business mail: company, department, title and name with 様, one
line each, nothing empty, never 様 and 御中 together. Source: spec 4.5; S4-14 (ご縁).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

# Japanese field name -> its English alias; both may stand in a template.
ALIASES: Mapping[str, str] = {
    "宛名": "salutation",
    "会社名": "company",
    "部署名": "department",
    "役職": "title",
    "氏名": "name",
    "姓": "family_name",
    "ご縁": "relation",
    "差出人": "sender",
    "商材": "product",
    "停止ページ": "stop_page",
    "回答ページ": "rsvp",
}
ADDRESSES = ("停止ページ", "stop_page", "回答ページ", "rsvp")  # these may be the address of a link
ANSWERS = ("回答ページ", "rsvp")  # where an invitation is answered
VALUE_MAX = 200
NAMES: tuple[str, ...] = (*ALIASES, *ALIASES.values())
_SHORT_FORMS: tuple[tuple[str, str], ...] = (
    ("㈱", "株式会社"),
    ("㈲", "有限会社"),
    ("(株)", "株式会社"),
    ("（株）", "株式会社"),
    ("(有)", "有限会社"),
    ("（有）", "有限会社"),
    ("(同)", "合同会社"),
    ("（同）", "合同会社"),
)
# Titles that are also forms of address; they stand before the name here, so the name keeps its 様.
_NOBODY_JA, _NOBODY_EN = "ご担当者", "Sir or Madam"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom the mail goes to, as stored: names are never normalised for display."""

    company: str = ""
    department: str = ""
    title: str = ""
    family: str = ""
    full_name: str = ""
    honorific: str = "様"


@dataclass(frozen=True, slots=True)
class Bond:
    """How we know each other: the touch's kind, the event's name and the day in the installation's zone."""

    kind: str
    event: str = ""
    day: date | None = None


def build(
    recipient: Recipient,
    bond: Bond | None,
    *,
    sender: str,
    product: str,
    lang: str = "ja",
    stop_page: str = "",
    rsvp: str = "",
) -> dict[str, str]:
    """Every field by both its names, as plain text; 宛名 has line feeds between its lines.

    stop_page: the address of the recipient's own page to stop, or to get fewer. rsvp: that of their own page to
    answer an invitation.
    """
    name = _clean(recipient.full_name)
    nobody = _NOBODY_EN if lang == "en" else _NOBODY_JA
    values = (
        "\n".join(_block_en(recipient) if lang == "en" else _block_ja(recipient)),
        long_form(recipient.company),
        _clean(recipient.department),
        _clean(recipient.title),
        name or nobody,
        _clean(recipient.family) or name or nobody,
        _bond_en(bond) if lang == "en" else _bond_ja(bond),
        sender,
        product,
        stop_page,
        rsvp,
    )
    fields = dict(zip(ALIASES, values, strict=True))
    fields.update(zip(ALIASES.values(), values, strict=True))
    return fields


@lru_cache(maxsize=1024)
def long_form(company: str) -> str:
    """The company's name with ㈱ and (株) written out, where it stands on the card: before or behind."""
    for short, long in _SHORT_FORMS:
        company = company.replace(short, long)
    return _clean(company)


def _block_ja(recipient: Recipient) -> list[str]:
    company, department = long_form(recipient.company), _clean(recipient.department)
    name, title = _clean(recipient.full_name), _clean(recipient.title)
    if name:
        person = f"{title}　{name} {recipient.honorific}" if title else f"{name} {recipient.honorific}"
        return [line for line in (company, department, person) if line]
    if company and not department:
        return [f"{company} 御中"]
    return [line for line in (company, department, f"{_NOBODY_JA}様") if line]


def _block_en(recipient: Recipient) -> list[str]:
    return [f"Dear {_clean(recipient.full_name) or _NOBODY_EN},"]


_BONDS_JA: Mapping[str, str] = {
    "card_exchange": "{event}でお名刺をいただいた",
    "badge_scan": "{event}でお立ち寄りいただいた",
    "booth_talk": "{event}でお話を伺った",
    "booth_talk_prospect": "{event}でお話を伺った",
    "seminar_attend": "{event}にご参加いただいた",
    "newsletter": "メールマガジンにご登録いただいた",
    "seminar_apply": "{event}にお申し込みいただいた",
    "doc_request": "資料をご請求いただいた",
    "inquiry": "お問い合わせをいただいた",
    "quote_request": "お見積りをご依頼いただいた",
    "call_connected": "お電話でお話しした",
    "call_interest": "お電話でお話しした",
    "visit": "お時間をいただいた",
}
_BONDS_EN: Mapping[str, str] = {
    "card_exchange": "who gave us a business card{event}",
    "badge_scan": "who came to our stand{event}",
    "booth_talk": "who talked with us{event}",
    "booth_talk_prospect": "who talked with us{event}",
    "seminar_attend": "who took part in a seminar{event}",
    "newsletter": "who signed up for our newsletter",
    "seminar_apply": "who applied for a seminar{event}",
    "doc_request": "who asked for our documents",
    "inquiry": "who sent us an inquiry",
    "quote_request": "who asked us for a quote",
    "call_connected": "whom we spoke with on the phone",
    "call_interest": "whom we spoke with on the phone",
    "visit": "whom we met",
}
MONTHS_EN = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]


@lru_cache(maxsize=1024)
def _bond_ja(bond: Bond | None) -> str:
    if bond is None or bond.kind not in _BONDS_JA:
        return "以前ご縁をいただいた"
    words = _BONDS_JA[bond.kind]
    day = f"{bond.day.month}月{bond.day.day}日" if bond.day else ""
    if "{event}" not in words:
        return f"{day}に{words}" if day else words
    if bond.event:
        return f"{day}の{words.format(event=bond.event)}" if day else words.format(event=bond.event)
    rest = words.format(event="").removeprefix("で").removeprefix("に")
    return f"{day}に{rest}" if day else f"以前{rest}"


@lru_cache(maxsize=1024)
def _bond_en(bond: Bond | None) -> str:
    if bond is None or bond.kind not in _BONDS_EN:
        return "who has been in touch with us"
    place = f" at {bond.event}" if bond.event else ""
    words = _BONDS_EN[bond.kind].format(event=place)
    return f"{words} on {bond.day.day} {MONTHS_EN[bond.day.month - 1]}" if bond.day else words


def _clean(value: str) -> str:
    """Inner blanks become one, so no value breaks its line, and none is longer than publishing tested."""
    return " ".join(value[:VALUE_MAX].split())
