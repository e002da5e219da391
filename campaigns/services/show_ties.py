"""Show ties: a person's visits, who introduced whom, and what is lacking there: a decider, a number that may be faxed."""

from __future__ import annotations

from dataclasses import dataclass

from campaigns.parts import Parts
from campaigns.services import refuse_fax
from campaigns.storage import appointments, introductions, rivals
from campaigns.storage.appointments import Appointment
from campaigns.storage.introductions import Introduction
from campaigns.storage.rivals import Risk
from campaigns.storage.timeline import Person


@dataclass(frozen=True, slots=True)
class Ties:
    """colleagues: who may have introduced the person. is_fax_refused: their number is on the list of those that want none."""

    visits: tuple[Appointment, ...]
    introductions: tuple[Introduction, ...]
    colleagues: tuple[tuple[int, str], ...]
    lacks_decider: bool
    is_fax_refused: bool
    rival: Risk | None


def run(parts: Parts, person: Person) -> Ties:
    with parts.engine.connect() as tx:
        known = tuple(introductions.of_person(tx, person.id))
        named = {one.other_id for one in known if one.is_from}
        fax = person.fax or person.company_fax
        return Ties(
            visits=tuple(appointments.of_person(tx, person.id)),
            introductions=known,
            colleagues=tuple(one for one in introductions.colleagues(tx, person.id) if one[0] not in named),
            lacks_decider=introductions.lacks_decider(tx, person.id),
            is_fax_refused=bool(fax) and refuse_fax.is_refused(tx, fax),
            rival=rivals.risk(tx, person.id, company_id=person.company_id),
        )
