"""Read members: the people of some mailboxes as they stand today, for a simulation.

A part at a time, from one snapshot; the draft stands in the place of the version in force. Days are ordinals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from campaigns.rules import flow
from campaigns.rules import planning as rule
from campaigns.services.gather import Known
from campaigns.services.members import Going, Lead, Member, Setting, World
from campaigns.storage import advancing, planning, snapshot
from campaigns.storage.planning import EnrollmentRow

NEW = 1 << 62  # ids of enrolments that would be made: above every real one


def read(
    tx: Connection,
    boxes: Sequence[tuple[int, ...]],
    world: World,
    wanted: Setting,
    new: frozenset[int],
) -> list[list[Member]]:
    """The people of some mailboxes as they stand today. new: those who would join."""
    ids = [person for box in boxes for person in box]
    known, zone = world.base, world.base.zone.key
    leads = _leads(tx, ids, known, tonight=world.at(known.clock.day + 1) if world.cuts else None)
    rows = [_redrawn(row, wanted, known.clock.day) for row in planning.enrollments(tx, ids)]
    kept = [row for row in rows if row is not None]
    _learn(tx, known, kept, wanted)
    kept += [_joined(id, leads.get(id, {}), wanted, known) for id in ids if id in new]
    members = _bare(tx, ids, known, leads)
    _fill(tx, members, kept, known, zone=zone)
    for one in members.values():
        if one.row.id in new:
            one.plan_at = rule.earlier(one.plan_at, known.clock.day)
        one.look_ahead()
    return [[members[id] for id in box] for box in boxes]


def _learn(tx: Connection, known: Known, rows: Sequence[EnrollmentRow], wanted: Setting) -> None:
    """Flows and products that these enrolments need, the draft's among them."""
    if wanted.version is not None:
        draft = EnrollmentRow(0, 0, wanted.product, wanted.scenario, wanted.version, 1, 0, 0, 0, 0, 1, "", "")
        rows = [*rows, draft]
    known.read(tx, rows)


def _leads(
    tx: Connection, ids: Sequence[int], known: Known, *, tonight: datetime | None
) -> dict[int, dict[int, Lead]]:
    """Leads by person and product, with their open tasks. tonight: when the next cut may move those near it."""
    zone = known.zone
    found = {
        person: {
            one.product_id: Lead(
                one.rank,
                one.stage,
                _sooner(one.next_change, tonight) if one.is_near else one.next_change,
                one.refusal,
                one.acquired_at,
                _ordinal(one.no_call_before, known),
                _ordinal(one.no_hand_off_before, known),
                is_offered=one.is_offered,
            )
            for one in some
        }
        for person, some in snapshot.leads(tx, ids).items()
    }
    for task in snapshot.open_tasks(tx, ids, zone=zone.key):
        lead = found.get(task.person_id, {}).get(task.product_id)
        if lead is not None:
            lead.take_up(task.kind, max(task.day, known.clock.day))
    return found


def _sooner(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _ordinal(at: datetime | None, known: Known) -> int:
    return at.astimezone(known.zone).date().toordinal() if at else 0


def _bare(
    tx: Connection, ids: Sequence[int], known: Known, leads: Mapping[int, dict[int, Lead]]
) -> dict[int, Member]:
    """Members without their enrolments."""
    people = planning.people(tx, ids, month=known.clock.month, today=date.min)
    frames, touches, contents = snapshot.frames(tx, ids), snapshot.touches(tx, ids), snapshot.seen(tx, ids)
    silent = planning.silent(tx, [row.id for row in people if row.tones])
    trades = advancing.trades(tx, sorted({row.company_id for row in people if row.company_id is not None}))
    members = {}
    for row in people:
        frame, trade = frames[row.id], trades.get(row.company_id or 0)
        members[row.id] = Member(
            row,
            frame.plan_at,
            row.last_month,
            row.tones,
            industry=trade.industry if trade else "",
            size=trade.size if trade else "",
            ways=frame.ways,
            leads=leads.get(row.id, {}),
            touches=touches.get(row.id, []),
            seen=contents.get(row.id, set()),
            silent=silent.get(row.id, 0),
        )
    return members


def _fill(
    tx: Connection,
    members: Mapping[int, Member],
    rows: Sequence[EnrollmentRow],
    known: Known,
    *,
    zone: str,
) -> None:
    """Enrolments with their past: mails, signs, refusals, what is on its way."""
    for row in rows:
        members[row.person_id].enrolled[row.id] = row
    real = [row.id for row in rows if row.id < NEW]
    sent = advancing.sent(tx, real, zone=zone) if real else {}
    asked = [
        (row.id, row.person_id, date.fromordinal(sent[row.id][0][1])) for row in rows if sent.get(row.id)
    ]
    signs = advancing.signs(tx, asked, zone=zone) if asked else {}
    unclear = [row.id for row in rows if row.id < NEW and not members[row.person_id].row.is_clear]
    refused = planning.refusals(tx, unclear)
    joining = [row for row in rows if row.id >= NEW and not members[row.person_id].row.is_clear]
    for product in {row.product_id for row in joining}:  # one: the scenario's
        some = snapshot.without_consent(tx, [row.person_id for row in joining], product)
        refused |= {row.id: "no_consent" for row in joining if row.person_id in some}
    for row in rows:
        one = members[row.person_id]
        if row.id in sent:
            one.sent[row.id] = list(sent[row.id])
            one.signs[row.id] = list(signs.get(row.id, ()))
        if row.id in refused:
            one.refused[row.id] = refused[row.id]
    for mail in snapshot.on_their_way(tx, sorted(members), zone=zone):
        going = Going(
            mail.enrollment_id, mail.product_id, mail.content_id, mail.step_key, mail.tone,
            max(mail.month, known.clock.month), mail.slot_no, mail.is_counted,
        )  # fmt: skip
        members[mail.person_id].pending.setdefault(max(mail.day, known.clock.day), []).append(going)


def _redrawn(row: EnrollmentRow, wanted: Setting, day: int) -> EnrollmentRow | None:
    """The enrolment at its row of the draft; None where all rows are done."""
    if row.scenario_id != wanted.scenario or wanted.version in (None, row.version_id):
        return row
    position = wanted.positions.get(row.version_id, {}).get(row.position, flow.END)
    if position == flow.END:
        return None
    assert wanted.version is not None
    return row._replace(
        version_id=wanted.version, position=position, due_on=day, entered_on=row.entered_on or day
    )


def _joined(person: int, leads: Mapping[int, Lead], wanted: Setting, known: Known) -> EnrollmentRow:
    """Somebody who would be enrolled, at the first row."""
    assert wanted.version is not None
    graph = known.flows[wanted.version]
    first = graph.nodes.get(graph.first)
    month = known.clock.month
    lead = leads.get(wanted.product)
    return EnrollmentRow(
        person,
        NEW + person,
        wanted.product,
        wanted.scenario,
        wanted.version,
        graph.first,
        month,
        month + (first.step.offset_months if first else 0),
        known.clock.day,
        0,
        1,
        lead.rank if lead else "unobserved",
        lead.stage if lead else "new",
    )
