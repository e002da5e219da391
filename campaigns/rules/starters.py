"""Starters: scenarios that ship, as patterns of rows with a starter mail each.

A pattern is a whole course: useful mails, branches on what people do, calls where somebody asks for one,
and an evergreen shelf at the end. Keys are stable words: they name the rows of branches and jumps.
Source: S2-03 "the wizard asks purpose first"; S2-04; S1-11; S4-13, S4-17, S4-21.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import DEFAULT_CLASSES
from campaigns.rules.tones import Tone
from campaigns.rules.touchpoints import Kind


@dataclass(frozen=True, slots=True)
class PatternRow:
    """A row of a pattern, with the fields of a step.

    starter: the mail's file in templates/mail/starters; '' for rows without a mail. title, title_en: what a
    call, a visit or a fax is about. condition: of a branch.
    """

    key: str
    starter: str = ""
    offset_months: int = 0
    want_day: int = 10
    tone: str = Tone.INFO.value
    kind: str = "mail"
    title: str = ""
    title_en: str = ""
    parent_key: str = ""
    arm: str = ""
    goto_key: str = ""
    condition: Condition | None = None
    wait_days: int = 0
    who: str = ""
    due_days: int = 5


@dataclass(frozen=True, slots=True)
class Pattern:
    """A shipped purpose with its rows. classes: whom it is for, as account classes."""

    code: str
    goal_kind: str
    rows: tuple[PatternRow, ...]
    classes: tuple[str, ...] = DEFAULT_CLASSES


_SOFT = Tone.SALES_LIGHT.value


def _branch(
    key: str,
    on: str,
    of: str = "",
    *,
    days: int = 0,
    values: tuple[str, ...] = (),
    parent_key: str = "",
    arm: str = "",
) -> PatternRow:
    condition = Condition(on, of, values)
    return PatternRow(key, kind="branch", condition=condition, wait_days=days, parent_key=parent_key, arm=arm)


_SHELF = PatternRow("shelf", kind="shelf")

_EXHIBITION = (
    PatternRow("thanks", "exhibition_thanks", 0, 1),
    _branch("read", "clicked", "thanks", days=10),
    PatternRow(
        "call", kind="call", title="資料をご覧になった方へ、ご感想を伺う電話", title_en="Ask readers of the material what they think", who="inside",
        parent_key="read", arm="yes",
    ),
    PatternRow("case", "exhibition_case", 1),
    PatternRow("checklist", "exhibition_checklist", 2),
    _branch("interest", "clicked", "checklist", days=14),
    PatternRow("cost", "exhibition_cost", 3, parent_key="interest", arm="yes"),
    PatternRow("industry", "exhibition_industry", 3, parent_key="interest", arm="else"),
    PatternRow("soft", "exhibition_soft", 4, tone=_SOFT),
    _branch("asked", "clicked", "soft", days=10),
    PatternRow(
        "visit", kind="visit", title="見学か、お手元の品での試しのご相談", title_en="Arrange a visit or a trial with their own parts", who="field", due_days=10,
        parent_key="asked", arm="yes",
    ),
    _SHELF,
)  # fmt: skip

_DOCUMENT = (
    PatternRow("thanks", "document_thanks", 0, 5),
    PatternRow("wait", kind="wait", wait_days=3, title="資料をお読みいただく間", title_en="Time to read the material"),
    PatternRow("call", kind="call", title="資料が開けているかの確認と、ご質問の受付", title_en="Check that the material opens, and take questions", who="inside", due_days=3),
    PatternRow("talks", "document_reading", 1),
    PatternRow("approval", "document_approval", 2),
    _branch("planning", "clicked", "approval", days=14),
    PatternRow(
        "help", kind="call", title="社内の説明で埋まらない欄のお手伝い", title_en="Help with what is missing for their internal proposal", who="inside",
        parent_key="planning", arm="yes",
    ),
    PatternRow("trial", "document_soft", 3, tone=_SOFT),
    _branch("tried", "clicked", "trial", days=10),
    PatternRow(
        "sample", kind="call", title="お試しの品の送り方のご案内", title_en="Explain how to send parts for a trial", who="inside", due_days=3,
        parent_key="tried", arm="yes",
    ),
    _SHELF,
)  # fmt: skip

_DORMANT = (
    PatternRow("hello", "dormant_hello", 0),
    PatternRow("industry", "dormant_industry", 1),
    _branch("silent", "no_reaction", "industry", days=25),
    PatternRow(
        "fax", kind="fax", title="お変わりありませんか（確認表1枚を添えて）", title_en="How are you? (with a one-page checklist)", who="inside", due_days=10,
        parent_key="silent", arm="yes", goto_key="shelf",
    ),
    PatternRow("question", "dormant_question", 2, parent_key="silent", arm="else"),
    _branch("answered", "replied", "question", days=14, parent_key="silent", arm="else"),
    PatternRow(
        "call", kind="call", title="ご返信の内容を伺う電話", title_en="Ask about what they replied", who="inside", due_days=2,
        parent_key="answered", arm="yes",
    ),
    _SHELF,
)  # fmt: skip

_SEMINAR = (
    PatternRow("theme", "seminar_theme", 0),
    PatternRow("invite", "seminar_invite", 1, 5, kind="invite"),
    _branch("looked", "clicked", "invite", days=7),
    PatternRow(
        "call", kind="call", title="お申し込みの確認と、聞きたいことの伺い", title_en="Confirm the registration and ask what they want to hear", who="inside", due_days=3,
        parent_key="looked", arm="yes",
    ),
    PatternRow("notes", "seminar_notes", 2),
    _branch("warm", "rank", values=("hot", "warm")),
    PatternRow(
        "talk", kind="call", title="勉強会のあとの状況を伺う電話", title_en="Ask how things went after the seminar", who="inside",
        parent_key="warm", arm="yes",
    ),
    _SHELF,
)  # fmt: skip

_CARE = (
    PatternRow("contact", "care_contact", 0),
    PatternRow("upkeep", "care_upkeep", 2),
    _branch("big", "class", values=("A", "B")),
    PatternRow(
        "visit", kind="visit", title="使い心地と、これからの予定を伺う訪問", title_en="Visit: how it works for them, and what they plan", who="owner", due_days=20,
        parent_key="big", arm="yes",
    ),
    PatternRow(
        "call", kind="call", title="使い心地を伺う電話", title_en="Call: how it works for them", who="inside", due_days=10,
        parent_key="big", arm="else",
    ),
    PatternRow("season", "care_season", 4),
    PatternRow("voice", "care_voice", 6),
    _branch("answered", "replied", "voice", days=14),
    PatternRow(
        "thank", kind="call", title="お声へのお礼と、改善の予定のご報告", title_en="Thank them for the feedback, and tell what will improve", who="owner",
        parent_key="answered", arm="yes",
    ),
    _SHELF,
)  # fmt: skip

PATTERNS: tuple[Pattern, ...] = (
    Pattern("exhibition", Kind.VISIT, _EXHIBITION),
    Pattern("document_request", Kind.CALL_INTEREST, _DOCUMENT),
    Pattern("dormant", Kind.CALL_INTEREST, _DORMANT),
    Pattern("seminar", Kind.SEMINAR_ATTEND, _SEMINAR),
    Pattern("care", Kind.VISIT, _CARE, classes=("A", "B", "C1", "C2", "D")),
    Pattern(
        "exhibition_hot",
        Kind.VISIT,
        (
            PatternRow("thanks", "thanks", 0, 1),
            PatternRow("case", "case_study", 1),
            PatternRow("useful", "useful", 2),
            PatternRow("soft", "product_soft", 3, tone=_SOFT),
        ),
    ),
    Pattern(
        "keep_in_mind",
        Kind.CALL_INTEREST,
        (PatternRow("case", "case_study", 1), PatternRow("useful", "useful", 3)),
    ),
    Pattern("blank", Kind.VISIT, ()),
)


def nearest(keys: Iterable[str]) -> Pattern | None:
    """The pattern most of whose rows a scenario has, by the KEYs of its rows; None where it has none of any."""
    there = set(keys)
    shares = [(len(there & {row.key for row in p.rows}), p) for p in PATTERNS]
    most, found = max(shares, key=lambda share: share[0])
    return found if most else None


def in_order(codes: Iterable[str], keys: Iterable[str]) -> tuple[str, ...]:
    """Starter mails to choose from: those of the scenario's own pattern first, then those that go with them."""
    own = nearest(keys)
    mine = [row.starter for row in own.rows if row.starter] if own else []
    family = {code.partition("_")[0] for code in mine if "_" in code}
    place = {code: n for n, code in enumerate(mine)}

    def rank(code: str) -> tuple[int, int, str]:
        if code in place:
            return 0, place[code], code
        return (1 if code.partition("_")[0] in family else 2), 0, code

    return tuple(sorted(codes, key=rank))


def pattern(code: str) -> Pattern:
    """The shipped pattern of that code; the blank one when there is none."""
    return next((p for p in PATTERNS if p.code == code), PATTERNS[-1])
