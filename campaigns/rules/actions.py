"""Next actions: what people should do about a rank.

Source: spec 3.6, S2-01 to S2-09, S1-19. Mails are the scenario's business and no action here; a nurture
lead is left in peace.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.rules.classes import FIELD_CLASSES
from campaigns.rules.faxes import cap_since
from campaigns.rules.ranks import DEEP, ORDER, TRIGGERS, Rank, Ranked
from campaigns.rules.reasons import Reason
from campaigns.rules.schedule import TOKYO
from campaigns.rules.touchpoints import Kind as TouchKind
from campaigns.rules.workdays import Calendar

HALF_YEAR_DAYS = 182
REMEASURE_SHARE = 0.20
# Business days without a new call after one, unless the customer asks in between.
CALL_REST_DAYS = 5
# Whoever was talked to in these days did not cool down unheard: as long as what makes hot at once stays alive.
TALK_DAYS = 60


class Kind(StrEnum):
    CALL = "call"
    FAX = "fax"
    VISIT = "visit"
    MAIL = "mail"
    INVITE = "invite"
    CHECK = "check"
    HANDOFF = "handoff"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the action matrix: cause names it, and stands in the task that it makes.

    due_in: business days. after_fax_in: business days if a fax goes out first. classes, bands, industries:
    empty for any. needs: remeasure (the day's quota), offered (the hand-off gate let it through), no_talk (nobody
    has talked to the person for TALK_DAYS), no_mail (no mailbox of theirs takes mail). rank: for a fall, the rank fallen from.
    """

    cause: str
    rank: Rank
    kind: Kind
    due_in: int
    priority: int
    classes: frozenset[str] = frozenset()
    bands: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()
    needs: str = ""
    has_material: bool = False

    @property
    def conditions(self) -> int:
        """How many conditions it makes; the row with the most of them speaks for its kind."""
        return sum(map(bool, (self.classes, self.bands, self.industries)))

    @property
    def is_for_all(self) -> bool:
        return self.conditions == 0


# Cells for the moment a rank moves, beside those for where it stands.
MOVES: Mapping[str, Rank] = {
    "rose_hot": Rank.HOT,
    "rose_warm": Rank.WARM,
    "fell_hot": Rank.HOT,
    "fell_warm": Rank.WARM,
}

# hot_deep, warm_deep, warm_over_gate, warm_shallow, nurture (none shipped), silent: where a rank stands.
MATRIX: tuple[Row, ...] = (
    Row("hot_deep", Rank.HOT, Kind.HANDOFF, 0, 1),
    Row("hot_deep", Rank.HOT, Kind.CALL, 1, 1),
    Row("hot_deep", Rank.HOT, Kind.VISIT, 5, 2, needs="offered"),
    Row("warm_over_gate", Rank.WARM, Kind.CALL, 1, 2),
    Row("warm_deep", Rank.WARM, Kind.CALL, 5, 3),
    Row("warm_deep", Rank.WARM, Kind.INVITE, 5, 4),
    Row("warm_shallow", Rank.WARM, Kind.FAX, 1, 3, has_material=True),
    Row("warm_shallow", Rank.WARM, Kind.MAIL, 1, 3, has_material=True),
    Row("warm_shallow", Rank.WARM, Kind.CALL, 5, 3),
    Row("silent", Rank.UNOBSERVED, Kind.CALL, 5, 5, needs="remeasure"),
    Row("silent", Rank.UNOBSERVED, Kind.FAX, 5, 5, has_material=True),
    Row("silent", Rank.UNOBSERVED, Kind.CHECK, 5, 5, needs="no_mail"),
    # Somebody who was hot has cooled down, and nobody talked: a rep writes, which disturbs nobody.
    Row("fell_hot", Rank.HOT, Kind.MAIL, 3, 3, needs="no_talk"),
)

BY_VOICE = frozenset({Kind.CALL, Kind.VISIT, Kind.HANDOFF})
PEACEFUL = frozenset({Rank.NURTURE, Rank.UNOBSERVED})
# In these sales stages nobody but the rep acts, or nobody at all.
HANDS_OFF = frozenset(
    {"offered", "with_sales", "opportunity", "won", "lost", "waiting", "paused", "excluded"}
)


# A customer who asks anew: whoever looks after them calls, or writes where nobody may call.
ASKED_BY_CUSTOMER = (
    Row("customer_asked", Rank.HOT, Kind.CALL, 1, 1),
    Row("customer_asked", Rank.HOT, Kind.MAIL, 1, 1),
)


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """What the matrix needs to know about a lead.

    today: in the installation's zone. open_kinds: kinds of the lead's open tasks and hand-offs.
    has_been_offered: the gate let the lead through. may_remeasure: the day's quota has room for it.
    has_asked_anew: an inquiry or a request for a quote has come since it was ranked last.
    no_call_before, no_hand_off_before: promised silence after an outcome. is_in_pool: it came back three times in a
    row no deeper than before, and gets information mails alone. has_deepened: somebody talked to the person, or they
    asked for something, since it came back, which ends both. last_fax_on: of this lead.
    last_call_at: last answered call, UTC. may_invite: an event lies ahead to which nobody has invited them. rank_before: the rank until now; "" where no move is asked about.
    """

    today: date
    calendar: Calendar
    company_class: str = "-"
    industry: str = ""
    band: str = ""
    state: str = "nurturing"
    has_phone: bool = False
    has_fax: bool = False
    has_mail: bool = True
    do_not_call: bool = False
    do_not_fax: bool = False
    open_kinds: frozenset[str] = frozenset()
    last_fax_on: date | None = None
    last_call_at: datetime | None = None
    no_call_before: date | None = None
    no_hand_off_before: date | None = None
    is_in_pool: bool = False
    has_deepened: bool = False
    has_been_offered: bool = False
    may_remeasure: bool = False
    has_asked_anew: bool = False
    may_invite: bool = False
    rank_before: str = ""
    zone: ZoneInfo = TOKYO

    @property
    def is_resting(self) -> bool:
        """It came back from sales, no hand-off is due yet, and nothing has deepened it since."""
        waits = self.no_hand_off_before is not None and self.today < self.no_hand_off_before
        return (waits or self.is_in_pool) and not self.has_deepened


@dataclass(frozen=True, slots=True)
class Action:
    """Something for a person to do. priority 1 is first; team: field or inside; cause: the matrix row."""

    kind: Kind
    due_on: date
    priority: int
    cause: str
    team: str
    why: tuple[Reason, ...]
    has_material: bool = False


def next_actions(
    ranked: Ranked,
    facts: LeadFacts,
    *,
    matrix: Sequence[Row] = MATRIX,
    triggers: Mapping[TouchKind, timedelta] = TRIGGERS,
) -> tuple[Action, ...]:
    """What to do now about a lead; what is open already is not asked twice.

    The caller passes the hand-off through the gate (handoff.place) and asks again with has_been_offered
    for the visit. Of the rows of one kind that fit, the one with the most conditions holds (S2-05).
    triggers: the product's, which say when a living trigger began.
    """
    if ranked.rank is Rank.DECLINED:
        return ()
    if facts.state == "won" and facts.has_asked_anew:
        fitting = (row for row in ASKED_BY_CUSTOMER if _may(row, ranked, facts, triggers))
        return tuple(_action(row, ranked, facts) for row in fitting)[:1]
    if facts.state in HANDS_OFF:
        return ()
    cells = (cell_of(ranked), moved(facts.rank_before, ranked.rank))
    rows = [
        row
        for row in matrix
        if row.cause in cells
        and _fits(row, facts)
        and _may(row, ranked, facts, triggers)
        and not _goes_by_fax(row, facts, matrix)
    ]
    closest: dict[Kind, Row] = {}
    for row in rows:
        # A move happens once, a standing lasts: of equal conditions the row of the move holds.
        if row.kind not in closest or _weight(row) > _weight(closest[row.kind]):
            closest[row.kind] = row
    return tuple(_action(row, ranked, facts) for row in rows if row is closest[row.kind])


def _weight(row: Row) -> tuple[int, bool]:
    return row.conditions, row.cause in MOVES


def moved(before: str, rank: Rank) -> str:
    """The cell of a move: rose_hot, rose_warm, fell_hot, fell_warm; "" for any other and for none."""
    if not before or before == rank:
        return ""
    if ORDER[rank] < ORDER[before]:
        return f"rose_{rank}" if f"rose_{rank}" in MOVES else ""
    return f"fell_{before}" if f"fell_{before}" in MOVES else ""


def cell_of(ranked: Ranked) -> str:
    """The matrix cell of a rank. A shallow lead over the gate is warm and gets a quick, deepening call."""
    if ranked.rank == Rank.HOT:
        return "hot_deep"
    if ranked.rank == Rank.UNOBSERVED:
        return "silent"
    if ranked.rank == Rank.NURTURE:
        return "nurture"
    if any(reason.code == "p_win_over_gate" for reason in ranked.reasons):
        return "warm_over_gate"
    return "warm_deep" if ranked.depth_max >= DEEP else "warm_shallow"


def _fits(row: Row, facts: LeadFacts) -> bool:
    """Whether the row's conditions on class, size and industry hold. Source: S2-05."""
    asked = ((row.classes, facts.company_class), (row.bands, facts.band), (row.industries, facts.industry))
    return all(not wanted or value in wanted for wanted, value in asked)


def _may(row: Row, ranked: Ranked, facts: LeadFacts, triggers: Mapping[TouchKind, timedelta]) -> bool:
    # Nurture leads are left in peace, whatever a matrix says (S1-19); silent ones are called by the day's quota.
    if row.kind in (Kind.CALL, Kind.VISIT) and row.needs != "remeasure" and ranked.rank in PEACEFUL:
        return False
    if row.needs == "no_talk" and not _is_untalked(facts):
        return False
    if row.kind in facts.open_kinds:
        return False
    if row.kind in BY_VOICE and facts.is_in_pool and not facts.has_deepened:
        return False
    if row.needs == "remeasure" and not facts.may_remeasure:
        return False
    if row.needs == "no_mail" and facts.has_mail:
        return False
    if row.needs == "offered" and not facts.has_been_offered:
        return False
    if row.kind == Kind.CALL:
        waits = facts.no_call_before is not None and facts.today < facts.no_call_before
        return facts.has_phone and not facts.do_not_call and not waits and not _rests(ranked, facts, triggers)
    if row.kind == Kind.FAX:
        return _takes_fax(facts) and not _was_faxed(row, facts)
    if row.kind == Kind.MAIL:
        return facts.has_mail
    if row.kind == Kind.INVITE:
        return facts.may_invite
    if row.kind == Kind.HANDOFF:
        return not facts.has_been_offered and not facts.is_resting
    return True


def _takes_fax(facts: LeadFacts) -> bool:
    return facts.has_fax and not facts.do_not_fax


def _was_faxed(row: Row, facts: LeadFacts) -> bool:
    """Whether the last fax about the product is too fresh: half a year for the silent, the cap of faxes for others."""
    if facts.last_fax_on is None:
        return False
    if row.cause == "silent":
        return (facts.today - facts.last_fax_on).days < HALF_YEAR_DAYS
    return facts.last_fax_on >= cap_since(facts.today)


def _goes_by_fax(row: Row, facts: LeadFacts, matrix: Sequence[Row]) -> bool:
    """Material goes one way: where the cell faxes it, a mail with it is for those who can get no fax."""
    if row.kind is not Kind.MAIL or not row.has_material or not _takes_fax(facts):
        return False
    return any(
        other.kind is Kind.FAX and other.has_material and other.cause == row.cause and _fits(other, facts)
        for other in matrix
    )


def _is_untalked(facts: LeadFacts) -> bool:
    if facts.last_call_at is None:
        return True
    return (facts.today - facts.last_call_at.astimezone(facts.zone).date()).days > TALK_DAYS


def _rests(ranked: Ranked, facts: LeadFacts, triggers: Mapping[TouchKind, timedelta]) -> bool:
    """Whether the last call is so recent that the next one waits. A request after that call ends the rest."""
    if facts.last_call_at is None:
        return False
    for kind in (TouchKind.INQUIRY, TouchKind.QUOTE_REQUEST):
        for reason in ranked.reasons:
            if reason.code == f"trigger_{kind}":
                asked_at = datetime.fromisoformat(str(reason.args["until"])) - triggers[kind]
                if asked_at > facts.last_call_at:
                    return False
    called_on = facts.last_call_at.astimezone(facts.zone).date()
    return facts.today < facts.calendar.add_business_days(called_on, CALL_REST_DAYS)


def _action(row: Row, ranked: Ranked, facts: LeadFacts) -> Action:
    by_field = facts.company_class in FIELD_CLASSES or row.kind in (Kind.VISIT, Kind.HANDOFF)
    return Action(
        kind=row.kind,
        due_on=facts.calendar.add_business_days(facts.today, row.due_in),
        priority=row.priority,
        cause=row.cause,
        team="field" if by_field else "inside",
        why=ranked.reasons,
        has_material=row.has_material,
    )


def caution(rank: str, kind: str, *, is_paused: bool = False) -> str:
    """What speaks against a call or a visit to somebody of this rank, where a person asks for it all the same.

    paused: it is at rest until a day; nurture: it drives away who only reads (S1-19); declined: they said no. "" where
    nothing does.
    """
    if kind not in (Kind.CALL, Kind.VISIT):
        return ""
    if is_paused:
        return "paused"
    return rank if rank in (Rank.NURTURE, Rank.DECLINED) else ""


def remeasure_quota(capacity_per_day: int) -> int:
    """Calls of a day that go to silent leads: only talking measures them again. Source: spec 2.5.5 (4)."""
    return int(capacity_per_day * REMEASURE_SHARE)
