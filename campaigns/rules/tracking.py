"""Tracking catalogues: when one is drafted, what its fields may hold, when one is stale.

Source: S0-05, S0-14 to S0-19, S0-27, S0-32; spec 2.1.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from campaigns.rules.touchpoints import Kind

# Whoever was talked to at a booth or visited is followed on a sheet.
DRAFTING = frozenset({Kind.BOOTH_TALK, Kind.BOOTH_TALK_PROSPECT, Kind.VISIT})
STALE_DAYS = 14
TOLD_EVERY = timedelta(days=7)
TEXT_MAX = 2000
LABEL_MAX = 40
EXTRAS_MAX = 12
MONEY_MAX = 10**15
# Whom a purchase needs: a catalogue names the roles that nobody there is known for. Source: S0-09.
ROLES = ("利用", "技術", "購買", "経理", "決裁", "窓口")


LEADERS = ("admin", "sales_manager")
FOLLOWERS = (*LEADERS, "field_sales", "inside_sales")


class Certainty(StrEnum):
    """How sure the expected month is."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


class Risk(StrEnum):
    """How likely a rival gets the order."""

    NONE = "none"
    LOW = "low"
    MID = "mid"
    HIGH = "high"


class Ringi(StrEnum):
    """How far the customer's own approval is."""

    NONE = "none"
    PREPARING = "preparing"
    CIRCULATING = "circulating"
    APPROVED = "approved"
    SENT_BACK = "sent_back"
    REJECTED = "rejected"


class Mode(StrEnum):
    """By whose word somebody follows a company."""

    SELF = "self"
    PEER = "peer"
    MANAGER = "manager"


# Each field with the columns it writes. One is edited, and versioned, as a whole.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "profile": ("profile",),
    "expected": ("expected_month", "certainty"),
    "budget": ("budget_min_yen", "budget_max_yen"),
    "decider": ("decider_id",),
    "contact": ("contact_id",),
    "culture": ("culture",),
    "ringi": ("ringi_state", "ringi_on", "ringi_route"),
    "competitors": ("competitors",),
    "rival_risk": ("rival_risk",),
    "equipment": ("equipment",),
}
TEXTS = ("profile", "culture", "competitors", "equipment")


class FieldError(ValueError):
    """What is wrong with a field. column: where; code: why."""

    def __init__(self, column: str, code: str) -> None:
        super().__init__(f"{column}: {code}")
        self.column, self.code = column, code


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody wrote into a field, read: values by column."""

    field: str
    values: Mapping[str, object]


def read(field: str, form: Mapping[str, str]) -> Told:
    """The field from what was typed. Raises FieldError: too_long, month_odd, certainty_alone, money_odd,
    money_large, money_order, date_odd, unknown; KeyError for a field that is none."""
    columns = FIELDS[field]
    if field in TEXTS:
        return Told(field, {field: _text(field, form.get(field, ""))})
    if field == "expected":
        month, certainty = _month(form.get("expected_month", "")), form.get("certainty", "")
        if certainty and certainty not in list(Certainty):
            raise FieldError("certainty", "unknown")
        if certainty and month is None:
            raise FieldError("expected_month", "certainty_alone")
        return Told(field, {"expected_month": month, "certainty": certainty})
    if field == "budget":
        low, high = (money(column, form.get(column, "")) for column in columns)
        if low is not None and high is not None and low > high:
            raise FieldError("budget_max_yen", "money_order")
        return Told(field, {"budget_min_yen": low, "budget_max_yen": high})
    if field in ("decider", "contact"):
        text = form.get(columns[0], "").strip()
        if text and not re.fullmatch(r"[0-9]{1,18}", text):
            raise FieldError(columns[0], "unknown")
        return Told(field, {columns[0]: int(text) if text else None})
    if field == "rival_risk":
        risk = form.get("rival_risk", "")
        if risk and risk not in list(Risk):
            raise FieldError("rival_risk", "unknown")
        return Told(field, {"rival_risk": risk})
    state = form.get("ringi_state", "")
    if state not in list(Ringi):
        raise FieldError("ringi_state", "unknown")
    route = _text("ringi_route", form.get("ringi_route", ""))
    return Told(
        field, {"ringi_state": state, "ringi_on": _day(form.get("ringi_on", "")), "ringi_route": route}
    )


def money(column: str, text: str) -> int | None:
    """Yen from 15000000, 1,500万円, １．５億: as people write budgets. None when nothing is written."""
    plain = unicodedata.normalize("NFKC", text).replace(",", "").replace(" ", "").lower()
    plain = plain.removeprefix("¥").removesuffix("円").removesuffix("yen")
    if not plain:
        return None
    found = re.fullmatch(r"([0-9]{1,16})(?:\.([0-9]{1,8}))?(億|千万|百万|万|千|m|k)?", plain)
    if found is None:
        raise FieldError(column, "money_odd")
    unit = {
        "億": 10**8,
        "千万": 10**7,
        "百万": 10**6,
        "万": 10**4,
        "千": 10**3,
        "m": 10**6,
        "k": 10**3,
        None: 1,
    }[found[3]]
    decimals = found[2] or ""
    scale: int = 10 ** len(decimals)
    yen, rest = divmod(int(found[1] + decimals) * unit, scale)
    if rest:
        raise FieldError(column, "money_odd")
    if yen > MONEY_MAX:
        raise FieldError(column, "money_large")
    return yen


def _text(column: str, text: str) -> str:
    found = text.replace("\r\n", "\n").strip()
    if len(found) > TEXT_MAX:
        raise FieldError(column, "too_long")
    return found


def _month(text: str) -> int | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain:
        return None
    found = re.fullmatch(r"(\d{4})(?:-|/|年)(\d{1,2})月?", plain)
    if found is None or not 1 <= int(found[2]) <= 12 or not 2000 <= int(found[1]) <= 2100:
        raise FieldError("expected_month", "month_odd")
    return int(found[1]) * 12 + int(found[2]) - 1


def _day(text: str) -> date | None:
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise FieldError("ringi_on", "date_odd") from None


def may_edit(*, role: str, user_id: int, owner_id: int | None) -> bool:
    """Whether this user may write on a catalogue: its owner and who leads sales. Everybody may read and comment."""
    return role in LEADERS or owner_id == user_id


def may_follow(role: str) -> bool:
    """Whether a user of this role may be the owner of a catalogue: sales, and who runs the house."""
    return role in FOLLOWERS


def may_answer(*, mode: str, nominee_id: int, owner_id: int | None, role: str, user_id: int) -> bool:
    """Whether this user's yes or no is waited for. A colleague's proposal: who is named answers. One's own wish for
    a company that somebody follows: that owner, or who leads sales."""
    if mode == Mode.SELF:
        return user_id == owner_id or (role in LEADERS and user_id != nominee_id)
    return user_id == nominee_id


def is_feared(risk: str) -> bool:
    """Whether a rival may well get the order: from then on somebody acts."""
    return risk in (Risk.MID, Risk.HIGH)


def uncovered(roles: frozenset[str]) -> tuple[str, ...]:
    """Roles in buying that nobody known there has."""
    return tuple(role for role in ROLES if role not in roles)


def asked_roles(note: str) -> tuple[str, ...]:
    """The roles that an introduction is asked for, as the first line of its task's note names them; () in free words."""
    first = [part.strip() for part in note.partition("\n")[0].split("・")]
    return tuple(first) if all(part in ROLES for part in first) else ()


def with_role(note: str, role: str) -> str:
    """The note asking for one more role; what somebody wrote stays below."""
    roles = asked_roles(note)
    rest = note.partition("\n")[2] if roles else note
    return "\n".join(part for part in ("・".join((*roles, role)), rest) if part)


def without_role(note: str, role: str) -> str:
    """The note once this role is met; what somebody wrote stays below."""
    rest = note.partition("\n")[2]
    return "\n".join(
        part for part in ("・".join(one for one in asked_roles(note) if one != role), rest) if part
    )


def stale_since(now: datetime, *, days: int = STALE_DAYS) -> datetime:
    """A catalogue last touched before this is stale."""
    return now - timedelta(days=days)
