"""Entering: touches that people and programs tell us about, by hand, in a list or over the API.

What machines measure (opens, clicks, views) is not theirs to enter. Source: S0-28, S3-11, S3-14.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from hashlib import blake2b
from types import MappingProxyType
from zoneinfo import ZoneInfo

from campaigns.rules.matching import tidy
from campaigns.rules.touchpoints import Kind

# In the order in which a form offers them, the deepest talks first.
GROUPS: Mapping[str, tuple[Kind, ...]] = MappingProxyType(
    {
        "talk": (Kind.VISIT, Kind.CALL_INTEREST, Kind.CALL_CONNECTED, Kind.MAIL_REPLY),
        "asked": (Kind.QUOTE_REQUEST, Kind.INQUIRY, Kind.DOC_REQUEST, Kind.SEMINAR_APPLY, Kind.NEWSLETTER),
        "event": (
            Kind.BOOTH_TALK_PROSPECT,
            Kind.BOOTH_TALK,
            Kind.SEMINAR_ATTEND,
            Kind.CARD_EXCHANGE,
            Kind.BADGE_SCAN,
        ),
        "ours": (Kind.MAIL_BY_REP, Kind.FAX_SENT),
    }
)
BY_HAND = tuple(kind for kinds in GROUPS.values() for kind in kinds)
# A computer's clock may go a little fast; what lies further ahead has not happened.
AHEAD = timedelta(minutes=5)
NOON = time(12)
NOTE_MAX = 4000
REASON_MAX = 200

# What lists and other programs call them, besides the codes themselves.
SYNONYMS: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {
        Kind.VISIT: ("訪問", "往訪", "来社", "来訪", "面談", "打ち合わせ", "打合せ", "商談", "web会議", "オンライン商談", "meeting", "visit", "on-site visit"),
        Kind.CALL_INTEREST: ("電話・関心あり", "電話(関心あり)", "架電(興味あり)", "興味あり", "call, interested", "call with interest", "interested"),
        Kind.CALL_CONNECTED: ("電話・通話", "電話", "通電", "通話", "架電", "tel", "call", "call, talked", "phone", "phone call"),
        Kind.MAIL_REPLY: ("メールの返信", "メール返信", "返信", "mail answered", "reply", "mail reply", "email reply", "reply by mail"),
        Kind.QUOTE_REQUEST: ("見積依頼", "見積り依頼", "見積", "お見積り", "quote", "quote request", "rfq"),
        Kind.INQUIRY: ("問い合わせ", "問合せ", "お問い合わせ", "お問合せ", "引き合い", "inquiry", "enquiry", "contact"),
        Kind.DOC_REQUEST: ("資料請求", "資料ダウンロード", "資料dl", "カタログ請求", "ホワイトペーパー", "request for material", "document request", "download", "whitepaper"),
        Kind.SEMINAR_APPLY: ("セミナー申込", "セミナー申し込み", "ウェビナー申込", "seminar sign-up", "seminar application", "seminar registration", "webinar registration"),
        Kind.NEWSLETTER: ("メールマガジン登録", "メルマガ登録", "newsletter", "newsletter sign-up", "subscription"),
        Kind.BOOTH_TALK_PROSPECT: ("説明員対応(見込みあり)", "見込みあり", "有望", "talked with staff (prospect)", "prospect at the booth", "booth prospect", "hot lead"),
        Kind.BOOTH_TALK: ("説明員対応", "ブース対応", "ブース商談", "talked with staff", "booth talk", "booth"),
        Kind.SEMINAR_ATTEND: ("セミナー参加", "セミナー", "ウェビナー参加", "seminar", "seminar attended", "webinar", "webinar attended"),
        Kind.CARD_EXCHANGE: ("名刺交換", "名刺", "card", "business card", "card exchange"),
        Kind.BADGE_SCAN: ("バーコード読取", "バーコード", "来場", "badge scan", "scan", "badge"),
        Kind.MAIL_BY_REP: ("営業からのメール", "営業メール", "メール送付", "mail written by sales", "mail by rep", "mail sent", "email sent", "mail from sales"),
        Kind.FAX_SENT: ("fax送付", "fax", "ファックス", "fax sent"),
    }
)  # fmt: skip
_DROP = re.compile(r"[\s_\-・･/／、,.()（）「」]")


class TouchError(ValueError):
    """code: kind_by_machine, in_the_future."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _plain(word: str) -> str:
    return _DROP.sub("", tidy(word).lower())


_BY_WORD: Mapping[str, Kind] = MappingProxyType(
    {
        _plain(word): kind
        for kind in BY_HAND
        for word in (kind.value, *SYNONYMS[kind])
    }
)  # fmt: skip


def kind_of(word: str) -> Kind | None:
    """The kind that a word of a list means, in Japanese or English; None for one that is not known."""
    return _BY_WORD.get(_plain(word))


def check(kind: Kind, at: datetime, *, now: datetime) -> None:
    """Raises TouchError for what nobody can have seen, or what has not happened."""
    if kind not in BY_HAND:
        raise TouchError("kind_by_machine")
    if at > now + AHEAD:
        raise TouchError("in_the_future")


def instant(day: datetime, clock: time | None, *, zone: ZoneInfo, now: datetime) -> datetime:
    """When a touch happened. day: any instant of it in the zone; without a time of day it is noon, and today by now."""
    at = datetime.combine(day.date(), clock or NOON, tzinfo=zone)
    is_today = at.date() == now.astimezone(zone).date()
    return now if clock is None and is_today else at


def content_key(*parts: object) -> str:
    """A name for a touch of a list by what it says: the same row in another list is the same touch."""
    told = "\x1f".join("" if part is None else str(part) for part in parts)
    return "list:" + blake2b(told.encode(), digest_size=16).hexdigest()


def default_product(leads: Sequence[int], products: Sequence[int]) -> int | None:
    """What a form starts with: the product for which the person counts most, else the only one there is.

    leads: product ids of the person's leads, highest score first.
    """
    if leads:
        return leads[0]
    return products[0] if len(products) == 1 else None
