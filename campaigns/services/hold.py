"""Hold: pause, resume or stop a scenario, a product or everything.

Pause loses nothing: people keep their place. What was planned for a product or a scenario is put back at once,
since a month must not stay taken by a mail that does not go while another product could use it; nothing more
is planned for it, and while everything is paused for nobody. `resume` lets it be planned anew with that day's
date, so that nothing leaves in one burst. Stop ends it: what is planned is cancelled, the months' slots are free for other products, the people take part no longer; it
cannot be taken back. Answers to a person's own act (a requested document, a confirmation) are no campaign:
only a pause of everything holds them.

Each is bound by its first, short commit, which moves the stop counter: no body starts more than a second
after it. What a stop has to tidy up follows in batches; one that is cut off is finished by pressing again or
by the night's `finish`, and nothing of it is sent meanwhile. Source: design 3; spec 3.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from campaigns.parts import Parts
from campaigns.services import replan
from campaigns.storage import audit, holds, outbox, publishing, settling
from campaigns.storage.holds import Held, Reach

BATCH = 5_000
EVER = datetime(9999, 1, 1, tzinfo=UTC)
REASON_MAX = 200
TRIES = 3
DEADLOCK = "40P01"


class Kind(StrEnum):
    """How wide a hold is."""

    ALL = "all"
    PRODUCT = "product"
    SCENARIO = "scenario"


@dataclass(frozen=True, slots=True)
class Target:
    """What is held. id: of the product or scenario, None for everything."""

    kind: Kind
    id: int | None = None

    @property
    def noun(self) -> str:
        return "sending" if self.kind is Kind.ALL else self.kind.value


EVERYTHING = Target(Kind.ALL)


class HoldError(ValueError):
    """code: gone (no such product or scenario), reason_missing."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a stop would end, for the question before it. name: of the product or scenario."""

    target: Target
    name: str
    reach: Reach


def target(text: str) -> Target:
    """ "all", "product:3" or "scenario:5" as a target. Raises HoldError."""
    kind, _, number = text.partition(":")
    if kind == Kind.ALL and not number:
        return EVERYTHING
    if kind in (Kind.PRODUCT, Kind.SCENARIO) and number.isascii() and number.isdigit() and len(number) < 19:
        return Target(Kind(kind), int(number))
    raise HoldError("gone")


def held(parts: Parts) -> tuple[Held, ...]:
    """Everything that is paused, the widest first."""
    with parts.engine.connect() as tx:
        return holds.held(tx)


def pause(parts: Parts, what: Target, *, reason: str, user_id: int | None, now: datetime) -> bool:
    """Let the mails of the target wait; False when they do already. Raises HoldError.

    Pressed again after it was cut off, it puts back what is left.
    """
    with parts.engine.begin() as tx:
        _name(tx, what)
        done = _set(tx, parts, what, paused=True, reason=reason[:REASON_MAX], user_id=user_id, now=now)
        is_held = done or (what.kind, what.id) in [(one.kind, one.id) for one in holds.held(tx)]
    if what.kind is not Kind.ALL and is_held:
        replan.put_back(parts, reason=f"{what.kind}_paused", before=EVER, now=now, kind=what.kind, id=what.id)
    return done


def resume(parts: Parts, what: Target, *, user_id: int | None, now: datetime) -> bool:
    """Go on; False when nothing was paused. Raises HoldError.

    What became due meanwhile does not leave now: it is put back while nothing of it can leave yet, and planned
    anew with today's date, the windows, the gap and the cap.
    """
    with parts.engine.connect() as tx:
        _name(tx, what)
        is_held = any((one.kind, one.id) == (what.kind, what.id) for one in holds.held(tx))
    if is_held:
        replan.put_back(parts, reason="resumed", before=now, now=now, kind=what.kind, id=what.id)
    with parts.engine.begin() as tx:
        return _set(tx, parts, what, paused=False, reason="", user_id=user_id, now=now)


def ahead(parts: Parts, what: Target) -> Ahead:
    """What a stop would end; writes nothing. Raises HoldError."""
    with parts.engine.connect() as tx:
        name = _name(tx, what)
        return Ahead(what, name, holds.reach(tx, holds.running(tx, what.kind, what.id)))


def stop(parts: Parts, what: Target, *, reason: str, user_id: int | None, now: datetime) -> Reach:
    """End what is planned for the target, for good; returns what it ended. Raises HoldError.

    Twice is harmless. Scenarios of the target that are published later start anew, for people who are new.
    """
    if not reason.strip():
        raise HoldError("reason_missing")
    with parts.engine.begin() as tx:
        _name(tx, what)
        scenarios = holds.running(tx, what.kind, what.id)
        touched = holds.reach(tx, scenarios)
        holds.end_scenarios(tx, scenarios)
        changes: dict[str, tuple[object, object]] = {
            "reason": (None, reason.strip()[:REASON_MAX]),
            "scenarios": (None, ",".join(map(str, scenarios))),
            "mails": (None, touched.mails),
            "people": (None, touched.people),
        }
        _note(tx, what, "stop", user_id=user_id, now=now, changes=changes)
        outbox.bump_stops(tx)
    _end(parts, scenarios, now=now)
    return touched


def finish(parts: Parts, *, now: datetime) -> int:
    """Tidy up after stops that were cut off; returns how many scenarios."""
    with parts.engine.connect() as tx:
        scenarios = holds.ended(tx)
    _end(parts, scenarios, now=now)
    return len(scenarios)


def _name(tx: Connection, what: Target) -> str:
    name = holds.name_of(tx, what.kind, what.id)
    if name is None:
        raise HoldError("gone")
    return name


def _set(
    tx: Connection,
    parts: Parts,
    what: Target,
    *,
    paused: bool,
    reason: str,
    user_id: int | None,
    now: datetime,
) -> bool:
    today = now.astimezone(parts.settings.tz).date()
    if not _write(tx, what, paused=paused, reason=reason, today=today):
        return False
    changes: dict[str, tuple[object, object]] = {"reason": (None, reason or None)}
    _note(tx, what, "pause" if paused else "resume", user_id=user_id, now=now, changes=changes)
    # Last: a refusal holds people's rows before the counter, and two that wait crosswise end as a deadlock.
    outbox.bump_stops(tx)
    return True


def _write(tx: Connection, what: Target, *, paused: bool, reason: str, today: date) -> bool:
    if what.kind is Kind.ALL:
        return holds.set_paused_all(tx, paused=paused, reason=reason)
    assert what.id is not None
    if what.kind is Kind.PRODUCT:
        done = holds.set_paused_product(tx, what.id, paused=paused, reason=reason)
        if done and not paused:
            holds.plan_soon(tx, what.id, today=today)
        return done
    old, new = ("active", "paused") if paused else ("paused", "active")
    done = holds.set_status(tx, what.id, old=old, new=new)
    if done and not paused:
        publishing.plan_soon(tx, what.id, today=today)
    return done


def _end(parts: Parts, scenarios: Sequence[int], *, now: datetime) -> None:
    """Enrolments, deliveries, slots, a batch a transaction: refusals and the planner never wait for long."""
    after, more = 0, bool(scenarios)
    while more:
        with parts.engine.connect() as tx:
            batch = holds.next_batch(tx, scenarios, after=after, limit=BATCH)
        if batch.enrollments:
            _end_batch(parts, batch.enrollments, now=now)
        after, more = batch.last, batch.last > 0


def _end_batch(parts: Parts, enrollments: Sequence[int], *, now: datetime) -> None:
    """A refusal takes its locks in another order: who loses a deadlock asks again."""
    for left in reversed(range(TRIES)):
        try:
            with parts.engine.begin() as tx:
                ids = holds.end_batch(tx, enrollments, now=now)
                today = now.astimezone(parts.settings.tz).date()
                settling.free_slots(tx, ids, today=today, zone=parts.settings.zone)
            return
        except OperationalError as error:
            if not left or getattr(error.orig, "sqlstate", "") != DEADLOCK:
                raise


def _note(
    tx: Connection,
    what: Target,
    action: str,
    *,
    user_id: int | None,
    now: datetime,
    changes: dict[str, tuple[object, object]],
) -> None:
    audit.note(tx, noun=what.noun, noun_id=what.id, action=action, user_id=user_id, now=now, changes=changes)
