"""Touchpoints: what a person did, how deep it went and what it is worth.

Source: spec 2.5.1, 2.5.2. Points are those of a human touch for the same product at age 0.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    MAIL_OPEN = "mail_open"
    MAIL_CLICK = "mail_click"
    MAIL_REPLY = "mail_reply"
    WEB_VIEW = "web_view"
    WEB_VIEW_KEY = "web_view_key"
    NEWSLETTER = "newsletter"
    SEMINAR_APPLY = "seminar_apply"
    DOC_REQUEST = "doc_request"
    INQUIRY = "inquiry"
    BADGE_SCAN = "badge_scan"
    CARD_EXCHANGE = "card_exchange"
    BOOTH_TALK = "booth_talk"
    BOOTH_TALK_PROSPECT = "booth_talk_prospect"
    SEMINAR_ATTEND = "seminar_attend"
    CALL_CONNECTED = "call_connected"
    CALL_INTEREST = "call_interest"
    VISIT = "visit"
    QUOTE_REQUEST = "quote_request"
    FAX_SENT = "fax_sent"
    MAIL_BY_REP = "mail_by_rep"
    CALL_TRIED = "call_tried"
    RSVP_YES = "rsvp_yes"
    RSVP_MAYBE = "rsvp_maybe"
    RSVP_NO = "rsvp_no"
    HANDED_OVER = "handed_over"
    TAKEN_ON = "taken_on"
    SENT_BACK = "sent_back"
    OPPORTUNITY = "opportunity"
    ORDER = "order"
    DEAL_LOST = "deal_lost"
    ASICA = "asica"


class Group(StrEnum):
    """Touches of one group saturate together."""

    MAIL = "mail"
    WEB = "web"
    FORM = "form"
    EVENT = "event"
    TALK = "talk"


class Channel(StrEnum):
    ONLINE = "online"
    OFFLINE = "offline"


@dataclass(frozen=True, slots=True)
class KindRow:
    """One row of the touch table. depth 0..5, points at age 0."""

    group: Group
    depth: int
    points: float
    channel: Channel

    @property
    def is_sign(self) -> bool:
        """Whether the person showed something. Our own fax or an unanswered call is no sign of theirs."""
        return self.depth >= 1 and self.points > 0


CAPS: Mapping[Group, float] = MappingProxyType(
    {Group.MAIL: 12.0, Group.WEB: 20.0, Group.FORM: 60.0, Group.EVENT: 50.0, Group.TALK: 80.0}
)

# What sales did: on the timeline, so that the story is whole; it shows nothing of the person.
SALES_STEPS = (
    Kind.HANDED_OVER, Kind.TAKEN_ON, Kind.SENT_BACK, Kind.OPPORTUNITY, Kind.ORDER, Kind.DEAL_LOST, Kind.ASICA,
)  # fmt: skip

KINDS: Mapping[Kind, KindRow] = MappingProxyType(
    {
        Kind.MAIL_OPEN: KindRow(Group.MAIL, 0, 0, Channel.ONLINE),
        Kind.MAIL_CLICK: KindRow(Group.MAIL, 1, 4, Channel.ONLINE),
        Kind.MAIL_REPLY: KindRow(Group.TALK, 3, 20, Channel.ONLINE),
        Kind.WEB_VIEW: KindRow(Group.WEB, 1, 2, Channel.ONLINE),
        Kind.WEB_VIEW_KEY: KindRow(Group.WEB, 2, 5, Channel.ONLINE),
        # Not in the specification: who signs up gives a name (depth 2) but asks for nothing: half a seminar.
        Kind.NEWSLETTER: KindRow(Group.FORM, 2, 4, Channel.ONLINE),
        Kind.SEMINAR_APPLY: KindRow(Group.FORM, 2, 8, Channel.ONLINE),
        Kind.DOC_REQUEST: KindRow(Group.FORM, 3, 15, Channel.ONLINE),
        Kind.INQUIRY: KindRow(Group.FORM, 4, 40, Channel.ONLINE),
        Kind.BADGE_SCAN: KindRow(Group.EVENT, 1, 3, Channel.OFFLINE),
        Kind.CARD_EXCHANGE: KindRow(Group.EVENT, 2, 8, Channel.OFFLINE),
        Kind.BOOTH_TALK: KindRow(Group.EVENT, 3, 20, Channel.OFFLINE),
        Kind.BOOTH_TALK_PROSPECT: KindRow(Group.EVENT, 4, 35, Channel.OFFLINE),
        Kind.SEMINAR_ATTEND: KindRow(Group.EVENT, 3, 15, Channel.OFFLINE),
        Kind.CALL_CONNECTED: KindRow(Group.TALK, 3, 12, Channel.OFFLINE),
        Kind.CALL_INTEREST: KindRow(Group.TALK, 4, 35, Channel.OFFLINE),
        Kind.VISIT: KindRow(Group.TALK, 4, 35, Channel.OFFLINE),
        Kind.QUOTE_REQUEST: KindRow(Group.TALK, 5, 60, Channel.OFFLINE),
        Kind.FAX_SENT: KindRow(Group.TALK, 1, 0, Channel.OFFLINE),
        Kind.MAIL_BY_REP: KindRow(Group.TALK, 1, 0, Channel.ONLINE),
        Kind.CALL_TRIED: KindRow(Group.TALK, 0, 0, Channel.OFFLINE),
        # Answers to an invitation: a yes to a seminar or a private show is its SEMINAR_APPLY.
        Kind.RSVP_YES: KindRow(Group.FORM, 1, 0, Channel.ONLINE),
        Kind.RSVP_MAYBE: KindRow(Group.FORM, 1, 0, Channel.ONLINE),
        Kind.RSVP_NO: KindRow(Group.FORM, 1, 0, Channel.ONLINE),
        **dict.fromkeys(SALES_STEPS, KindRow(Group.TALK, 0, 0, Channel.OFFLINE)),
    }
)

# Codes of the depth words, by depth: 露出, 接触(機械), 名乗り, 会話・申込, 見込み判定, 商談.
DEPTHS: tuple[str, ...] = ("exposure", "contact", "named", "conversation", "prospect", "meeting")

# Written by the page that an invitation leads to.
ANSWERS = frozenset({Kind.RSVP_YES, Kind.RSVP_MAYBE, Kind.RSVP_NO})
VIEWS = frozenset({Kind.WEB_VIEW, Kind.WEB_VIEW_KEY})
DWELL_POINTS = 1.0
DWELL_FULL_S = 180.0

BEAT_S = 15
INPUT_FRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class Touch:
    """One touchpoint of one person.

    at: aware, UTC. product_id: None when it belongs to no product. validity: 1.0 human, 0.0 for a scanner
    and for a suspected one until upgraded. active_s: active seconds on the page, views only.
    """

    kind: Kind
    at: datetime
    product_id: int | None = None
    validity: float = 1.0
    active_s: float = 0.0
    id: int = 0
    event_id: int | None = None


def points(touch: Touch, *, table: Mapping[Kind, KindRow] = KINDS) -> float:
    """What the touch is worth at age 0 for its own product, validity aside.

    Dwell adds at most one point a view: half an hour on a page is a meeting more often than interest.
    Source: S0-30.
    """
    base = table[touch.kind].points
    if touch.kind not in VIEWS:
        return base
    return base + DWELL_POINTS * min(max(touch.active_s, 0.0), DWELL_FULL_S) / DWELL_FULL_S


def relevance(touch_product_id: int | None, *, product_id: int) -> float:
    """1.0 for the same product, 0.5 for no product, 0.0 for another one."""
    if touch_product_id is None:
        return 0.5
    return 1.0 if touch_product_id == product_id else 0.0


def active_seconds(beats: Iterable[tuple[float, bool, float | None]]) -> int:
    """Seconds a page was really read, from its beats (beat_at_s, is_visible, last_input_s).

    All times are seconds since the page was opened; last_input_s is None before the first key, mouse,
    touch or scroll. A beat comes every 15 s and counts 15 s if the tab is visible and the last input is
    at most 30 s old. The same beat sent twice counts once.
    """
    counted = set()
    for beat_at_s, visible, last_input_s in beats:
        slot = round(beat_at_s / BEAT_S)
        if slot < 1 or not visible or last_input_s is None:
            continue
        if beat_at_s - last_input_s <= INPUT_FRESH_S:
            counted.add(slot)
    return BEAT_S * len(counted)
