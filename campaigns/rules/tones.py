"""Tones of mails, and how often a mail may sell.

Source: spec 3.3, S4-15, S4-21: information is the rule, one mail in several may be slightly sales-coloured.
"""

from collections.abc import Sequence
from enum import StrEnum

TONE_EVERY = 4
TONE_EVERY_RANGE = (3, 12)
# Hard selling is for customers of our field sales who are asking now, for nobody else.
HARD_CLASSES = frozenset({"A", "B"})
HARD_RANKS = frozenset({"hot"})


class Tone(StrEnum):
    INFO = "info"
    SALES_LIGHT = "sales_light"
    SALES_HARD = "sales_hard"


def is_hard_class(company_class: str) -> bool:
    """Whether a company of this class may get a hard sales mail at all."""
    return company_class in HARD_CLASSES


def blocked_tone(
    tone: str, *, recent: Sequence[str], company_class: str, rank: str, every: int = TONE_EVERY
) -> str | None:
    """Why a mail of this tone may not go to the person now, or None.

    recent: tones of the person's last counted mails, newest first, over all products. With fewer than
    every - 1 of them the answer is no: the first ones must be information.
    """
    if tone == Tone.INFO:
        return None
    if tone == Tone.SALES_HARD and not (company_class in HARD_CLASSES and rank in HARD_RANKS):
        return "tone_hard"
    if len(recent) < every - 1 or any(t != Tone.INFO for t in recent[: every - 1]):
        return "tone_ratio"
    return None
