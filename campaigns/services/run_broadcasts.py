"""Run broadcasts: enrol the people of an approved one, decide a test, count what came of it.

Launching is enrolment: from then on the planner treats its people as a scenario's, by the one law. All of it is
safe to run twice: the broadcast's row is locked, and its state says what has been done.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import broadcasts as rule
from campaigns.rules.broadcasts import Arm, State
from campaigns.rules.schedule import month_of, month_of_day
from campaigns.services import author, broadcast
from campaigns.storage import (
    audit,
    broadcast_figures,
    broadcasts,
    contents,
    enrollments,
    event_mailings,
    holds,
    publishing,
    returned,
    scenarios,
)
from campaigns.storage.broadcast_figures import Figures
from campaigns.storage.broadcasts import Broadcast
from campaigns.storage.returned import DailyAlert

RECOUNT = timedelta(minutes=5)  # of one that runs
RECOUNT_DONE = timedelta(hours=6)
WATCHED = timedelta(days=30)  # reactions and refusals still come after the last mail
RATES_DAYS = 365
EVER = datetime(2000, 1, 1, tzinfo=UTC)


def run(parts: Parts, *, now: datetime) -> int:
    """The minute's work; how many broadcasts moved on."""
    with parts.engine.connect() as tx:
        approved = broadcasts.in_state(tx, State.APPROVED)
        testing = broadcasts.in_state(tx, State.TESTING)
        counted = broadcasts.in_state(tx, State.TESTING, State.SENDING, State.DONE, State.CANCELLED)
    moved = sum(launch(parts, id, now=now) for id in approved)
    moved += sum(decide(parts, id, now=now) for id in testing)
    return moved + sum(count(parts, id, now=now) for id in counted)


def launch(parts: Parts, id: int, *, now: datetime) -> bool:
    """Freeze its mails and enrol its people; False when that was done, or when it cannot be any more."""
    with parts.engine.begin() as tx:
        found = broadcasts.get(tx, id, lock=True)
        if found is None or found.state != State.APPROVED or found.plan.send_on is None:
            return False
        found = _with_second_mail(tx, found, now=now)
        mails, wrong = broadcast.freeze(tx, parts, found)
        draft = scenarios.draft(tx, id)
        if wrong or draft is None:
            # A mail was changed after the approval: back to its author, with the reason in the log.
            broadcasts.set_state(tx, id, State.DRAFT)
            _note(tx, id, "not_launched", now, reason=", ".join(wrong)[:200])
            return False
        publishing.freeze(tx, draft, user_id=found.asked_by, now=now)
        publishing.add_published_mails(
            tx, [{**mail, "version_id": draft.id, "published_at": now} for mail in mails]
        )
        plan, zone = found.plan, parts.settings.tz
        month, n = month_of_day(plan.send_on or now.date()), plan.sample_n if plan.ab else 0
        today = now.astimezone(zone).date()
        people = enrollments.enrol(tx, now=now, today=today, month=month, scenario=id)
        event_id = event_mailings.thanks_for(tx, id)
        if event_id is not None:
            thanked = set(event_mailings.leave_out_thanked(tx, id, event_id=event_id, now=now))
            people = [person_id for person_id in people if person_id not in thanked]
        broadcasts.place(tx, id, month=month, sample_n=n)
        enrollments.pace(tx, people, today=today)
        decide_at = rule.decide_at(plan.send_on, plan.wait_hours, zone=zone) if n and plan.send_on else None
        state = State.TESTING if n else State.SENDING
        broadcasts.set_state(tx, id, state, decide_at=decide_at)
        _note(tx, id, "launch", now, people=len(people))
    return True


def _with_second_mail(tx: Connection, found: Broadcast, *, now: datetime) -> Broadcast:
    """A subject test: mail B is mail A under its other subject, a content of its own."""
    if found.plan.ab != "subject" or found.plan.content_id is None:
        return found
    content_id = author.copy(tx, found.plan.content_id, user_id=found.asked_by, now=now)
    for variant in contents.variants(tx, content_id):
        if variant.lang == "ja" and variant.subject:
            words = {
                **{name: getattr(variant, name) for name in author.WORDS},
                "subject": found.plan.subject_b,
            }
            contents.save_variant(tx, variant.id, version=variant.version, words=words)
    broadcasts.set_row_content(tx, found.id, "B", content_id)
    return replace(found, plan=replace(found.plan, content_b_id=content_id))


def decide(parts: Parts, id: int, *, now: datetime) -> bool:
    """Name the winner of a test whose time has come, and let the rest go on its row; False before.

    A sample that has not gone out yet (a pause, a month that was taken) is waited for.
    """
    with parts.engine.begin() as tx:
        found = broadcasts.get(tx, id, lock=True)
        if found is None or found.state != State.TESTING or found.decide_at is None or now < found.decide_at:
            return False
        figures = broadcast_figures.figures(tx, id)
        arms = {key: _arm(figures, key) for key in ("A", "B")}
        is_out = all(arm.sent for arm in arms.values())
        if not is_out and (figures.buckets.get("planned") or figures.buckets.get("waiting")):
            return False
        verdict = rule.decide(arms["A"], arms["B"])
        month = month_of(now, parts.settings.tz)
        people = broadcasts.release(tx, id, position=2 if verdict.winner == "b" else 1, month=month)
        enrollments.pace(tx, people, today=now.astimezone(parts.settings.tz).date())
        told = {key: {"sent": arm.sent, "clicked": arm.clicked} for key, arm in arms.items()}
        broadcasts.set_state(tx, id, State.SENDING, winner=verdict.winner, decided_at=now)
        broadcasts.add_result(tx, id, {"test": {**told, "p": round(verdict.p, 4), "is_tie": verdict.is_tie}})
        _note(tx, id, "decide", now, winner=verdict.winner, p=round(verdict.p, 4), rest=len(people))
    return True


def _arm(figures: Figures, key: str) -> Arm:
    arm = figures.arms.get(key, {})
    return Arm(arm.get("sent", 0), arm.get("clicked", 0))


def count(parts: Parts, id: int, *, now: datetime) -> bool:
    """Count what came of it, if the last count is old; tell of refusals out of measure; say when it is over."""
    with parts.engine.begin() as tx:
        found = broadcasts.get(tx, id)
        if found is None or not _is_old(found, now):
            return False
        figures = broadcast_figures.figures(tx, id)
        product = found.plan.product_id or 0
        since = (now - timedelta(days=RATES_DAYS)).date()
        usual = rule.usual_rate(broadcast_figures.refusal_rates(tx, id, product_id=product, since=since))
        alarm = rule.is_alarming(figures.total("refused"), figures.total("sent"), usual)
        kept = {"buckets": figures.buckets, "arms": figures.arms, "alarm": alarm, "usual": usual}
        broadcasts.add_result(tx, id, {**kept, "counted_at": now.isoformat()})
        if alarm:
            told = {"broadcast": id, "name": found.plan.name, "refused": figures.total("refused")}
            about = DailyAlert("refusal_rate", product, found.owner_user_id, about=str(id), args=told)
            returned.add_daily_alert(tx, about, since=EVER, now=now)
        left = ("planned", "waiting", "sales", "asked", "rest")
        if found.state == State.SENDING and not any(figures.buckets.get(name) for name in left):
            broadcasts.set_state(tx, id, State.DONE)
            holds.end_scenarios(tx, (id,))
            return True
    return False


def _is_old(found: Broadcast, now: datetime) -> bool:
    last = found.result.get("counted_at")
    age = now - datetime.fromisoformat(last) if last else None
    if found.state in (State.DONE, State.CANCELLED):
        began = found.answered_at or found.asked_at or now
        return now - began < WATCHED and (age is None or age >= RECOUNT_DONE)
    return age is None or age >= RECOUNT


def _note(tx: Connection, id: int, action: str, now: datetime, **told: object) -> None:
    changes = {name: (None, value) for name, value in told.items()}
    audit.note(tx, noun="broadcast", noun_id=id, action=action, user_id=None, now=now, changes=changes)
