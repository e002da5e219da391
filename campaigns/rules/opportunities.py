"""Opportunities: their stages and results, and a form that becomes one.

Source: spec 2.1 (案件), S0-32. The forecast (受注確度) is a person's; the estimated win rate is the lead's.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from campaigns.rules.money import MoneyError, read_yen

NAME_MAX = 120
WORDS_MAX = 500
RIVAL_MAX = 100
AHEAD_YEARS = 10


class Stage(StrEnum):
    """Where an open one stands, with the forecast that is proposed for it."""

    HEARING = "hearing"
    PROPOSAL = "proposal"
    TRIAL = "trial"
    QUOTE = "quote"
    APPROVAL = "approval"


class Result(StrEnum):
    """rival: 他決, somebody else got it. no_deal: 見送り, nobody did. lost: 失注 for another reason."""

    WON = "won"
    LOST = "lost"
    RIVAL = "rival"
    NO_DEAL = "no_deal"


# The states of a hand-off know no rival: it is lost.
HAND_OFF_STATES: Mapping[Result, str] = {
    Result.WON: "won",
    Result.LOST: "lost",
    Result.RIVAL: "lost",
    Result.NO_DEAL: "no_deal",
}


class FormError(ValueError):
    """errors: field -> code (missing, odd, broken, negative, too_big, zero, past, far, unknown)."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(", ".join(f"{field}: {code}" for field, code in errors.items()))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Draft:
    """What a person says of an opportunity. forecast 0..100."""

    name: str
    amount_yen: int
    stage: Stage
    forecast: int
    expected_on: date | None
    rival: str = ""


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ended. amount_yen: of an order. rival: who got it. fiscal_month: when their next budget begins."""

    result: Result
    amount_yen: int = 0
    rival: str = ""
    contract_ends_on: date | None = None
    reason: str = ""
    fiscal_month: int = 4


def draft(form: Mapping[str, str], *, today: date, kept_on: date | None = None) -> Draft:
    """Read the form of an opportunity. Raises FormError with everything that is wrong.

    kept_on: the day expected until now; it may stay although it has passed.
    """
    errors: dict[str, str] = {}
    name = form.get("name", "").strip()[:NAME_MAX]
    if not name:
        errors["name"] = "missing"
    stage = form.get("stage", "")
    if stage not in set(Stage):
        errors["stage"] = "unknown"
    amount = _amount(form, errors, is_needed=False)
    forecast = _forecast(form.get("forecast", ""), errors)
    expected_on = _day(form, "expected_on", errors, today=min(today, kept_on or today))
    if errors:
        raise FormError(errors)
    rival = form.get("lost_to", "").strip()[:RIVAL_MAX]
    return Draft(name, amount, Stage(stage), forecast, expected_on, rival)


def ending(form: Mapping[str, str], *, today: date) -> Ending:
    """Read the form of a result. Raises FormError with everything that is wrong."""
    errors: dict[str, str] = {}
    if form.get("result", "") not in set(Result):
        raise FormError({"result": "missing"})
    result = Result(form["result"])
    amount = _amount(form, errors, is_needed=True) if result is Result.WON else 0
    rival = form.get("lost_to", "").strip()[:RIVAL_MAX] if result is Result.RIVAL else ""
    reason = form.get("reason", "").strip()[:WORDS_MAX]
    if result is Result.RIVAL and not rival:
        errors["lost_to"] = "missing"
    if result in (Result.LOST, Result.NO_DEAL) and not reason:
        errors["reason"] = "missing"
    ends_on = (
        _day(form, "contract_ends_on", errors, today=today) if result in (Result.RIVAL, Result.LOST) else None
    )
    month = form.get("fiscal_month", "") or "4"
    if month not in {str(n) for n in range(1, 13)}:
        errors["fiscal_month"] = "unknown"
    if errors:
        raise FormError(errors)
    return Ending(result, amount, rival, ends_on, reason, int(month))


def _amount(form: Mapping[str, str], errors: dict[str, str], *, is_needed: bool) -> int:
    text = form.get("amount_yen", "").strip()
    if not text and not is_needed:
        return 0
    try:
        amount = read_yen(text) if text else 0
    except MoneyError as error:
        errors["amount_yen"] = error.code
        return 0
    if is_needed and not amount:
        errors["amount_yen"] = "zero" if text else "missing"
    return amount


def _forecast(text: str, errors: dict[str, str]) -> int:
    digits = unicodedata.normalize("NFKC", text).strip().removesuffix("%").strip() or "0"
    if not digits.isdecimal() or len(digits) > 3 or int(digits) > 100:
        errors["forecast"] = "odd"
        return 0
    return int(digits)


def _day(form: Mapping[str, str], name: str, errors: dict[str, str], *, today: date) -> date | None:
    """A day from today on, within ten years; empty for none."""
    text = form.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        errors[name] = "odd"
        return None
    if day < today:
        errors[name] = "past"
    elif day.year > today.year + AHEAD_YEARS:
        errors[name] = "far"
    return day
