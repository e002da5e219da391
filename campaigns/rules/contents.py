"""Contents: how an idea becomes a mail, and when a theme tires its readers.

An idea (ネタ帳) is a line that anybody in the company writes down; a marketer turns it into a draft and
approves it; only approved contents are published. Source: S4-17, S4-18, S2-17; spec 10.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

LANGS = ("ja", "en")
FORMATS = ("html", "mjml")
# Buying roles a variant may be for; '' serves every role without a variant of its own.
ROLES = ("", "窓口", "利用", "技術", "購買", "経理", "決裁", "影響者")
TITLE_MAX = 200
TAG_MAX = 30
TAGS_MAX = 8
# One refusal of fewer mails is more than the bar already: a single person's no is not yet a theme's.
SENT_MIN = 200
REFUSED_BAR = 0.005
MEDIAN_TIMES = 3


class Status(StrEnum):
    IDEA = "idea"
    DRAFT = "draft"
    APPROVED = "approved"
    RETIRED = "retired"


_MOVES: Mapping[str, frozenset[str]] = {
    Status.IDEA: frozenset({Status.DRAFT, Status.RETIRED}),
    Status.DRAFT: frozenset({Status.APPROVED, Status.RETIRED}),
    Status.APPROVED: frozenset({Status.DRAFT, Status.RETIRED}),
    Status.RETIRED: frozenset({Status.DRAFT}),
}


def may_become(status: str, other: str) -> bool:
    """Whether a content of this status may take the other one."""
    return other in _MOVES.get(status, frozenset())


def tags(words: str) -> tuple[str, ...]:
    """Theme tags as somebody typed them, separated by 、 , or #: trimmed, each once, in order."""
    for mark in "、，,#＃\n\t":
        words = words.replace(mark, ",")
    found = (" ".join(word.split())[:TAG_MAX].strip() for word in words.split(","))
    return tuple(dict.fromkeys(word for word in found if word))[:TAGS_MAX]


@dataclass(frozen=True, slots=True)
class Figures:
    """What became of a content's mails. reacted: people with a human sign; refused: who stopped mails from it;
    reacted_all: people from whose mails anything was asked for, by machines too."""

    sent: int = 0
    reacted: int = 0
    refused: int = 0
    reacted_all: int = 0

    @property
    def reaction_rate_all(self) -> float | None:
        return self.reacted_all / self.sent if self.sent else None

    @property
    def reaction_rate(self) -> float | None:
        return self.reacted / self.sent if self.sent else None

    @property
    def refusal_rate(self) -> float | None:
        return self.refused / self.sent if self.sent else None


def total(figures: Iterable[Figures]) -> Figures:
    """The figures of several contents together, as of a theme."""
    rows = list(figures)
    return Figures(
        sum(f.sent for f in rows),
        sum(f.reacted for f in rows),
        sum(f.refused for f in rows),
        sum(f.reacted_all for f in rows),
    )


def usual_refusal(figures: Iterable[Figures]) -> float:
    """The median refusal rate of a product's mails that went out often enough; 0 where none did."""
    rates = [f.refusal_rate or 0.0 for f in figures if f.sent >= SENT_MIN]
    return median(rates) if rates else 0.0


def alarm(figures: Figures, *, usual: float) -> str | None:
    """Why a mail or theme tires its readers: over_bar, over_median, or None. usual: of the product.

    Source: S2-17 [PROP] "refusal rate of a mail > 0.5 % or 3 x product median".
    """
    rate = figures.refusal_rate
    if rate is None or figures.sent < SENT_MIN:
        return None
    if rate > REFUSED_BAR:
        return "over_bar"
    return "over_median" if usual > 0 and rate > MEDIAN_TIMES * usual else None


def mix(kinds: Sequence[str]) -> tuple[tuple[str, int, float], ...]:
    """How many contents of each kind, and their share, the most frequent first. Source: S4-17 mix report."""
    counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple((kind, n, n / len(kinds)) for kind, n in ordered)
