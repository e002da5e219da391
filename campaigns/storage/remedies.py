"""Counts behind a designer's remedies: who stands at mails and when they can get one, whom conditions leave out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import Connection, text

from campaigns.rules import audience as audiences
from campaigns.rules.remedies import Waiting
from campaigns.rules.scenarios import Scenario
from campaigns.storage import audience, reach, samples

LOOKED_AT = 1_024  # people of a sample, where there are too many to look at all

# A row for each month and first free day, however many people: about 30 a step and month.
WAITING = """
select s.key, e.due_month as month, greatest(pa.next_free_on, a.next_free_on) as free_on, count(*) as n
  from enrollments e
  join steps s on s.version_id = e.version_id and s.position = e.position and s.kind in ('mail', 'invite')
  join people p on p.id = e.person_id
  left join pace pa on pa.person_id = p.id
  left join addresses a on a.id = p.address_id
 where e.scenario_id = :scenario and e.status = 'active'
 group by 1, 2, 3
"""


def waiting(tx: Connection, scenario_id: int) -> dict[str, tuple[Waiting, ...]]:
    """Those who stand at the mails of a scenario, by key."""
    found: dict[str, list[Waiting]] = defaultdict(list)
    for row in tx.execute(text(WAITING), {"scenario": scenario_id}):
        found[row.key].append(Waiting(row.month, row.free_on, row.n))
    return {key: tuple(lines) for key, lines in found.items()}


_EACH = {
    "classes": "coalesce(co.class, '-') = any(:classes)",
    "event": "(cast(:event as bigint) is null or exists (select 1 from touchpoints t where t.person_id = p.id"
    " and t.event_id = :event and t.validity > 0))",
    **audience.fits_each("cast(:audience as jsonb)"),
}
_MISSING = " ".join(f"when not {fits} then '{name}'" for name, fits in _EACH.items())
_HOW_MANY = " + ".join(f"(not {fits})::int" for fits in _EACH.values())

# Who could be sent to, and stands outside by one condition alone.
LEFT_OUT = f"""
select missing, count(*) as n from (
  select case {_MISSING} end as missing, {reach.BLOCK} as block
    from {{leads}} l
    join people p on p.id = l.person_id and p.merged_into is null
    left join addresses a on a.id = p.address_id
    left join affiliations f on f.person_id = p.id and f.is_current
    left join companies co on co.id = f.company_id
    left join enrollments e on e.person_id = p.id and e.scenario_id = :scenario
    {reach.HAD}
   where l.product_id = :product and {_HOW_MANY} = 1) q
 where block = 'can_send' group by missing order by n desc, missing
"""  # noqa: S608 - the parts are constants


def left_out(tx: Connection, scenario: Scenario) -> tuple[Mapping[str, int], bool]:
    """By condition of the audience, who would come in without it; and whether the numbers are estimates."""
    values = {
        "scenario": scenario.id,
        "product": scenario.product_id,
        "classes": list(scenario.classes),
        "event": scenario.event_id,
        "audience": json.dumps(audiences.to_json(scenario.audience)),
        **reach.contents(tx, scenario.id).values(),
    }
    sample = samples.draw(tx, product_id=scenario.product_id, most=LOOKED_AT)
    if sample is None:
        rows = tx.execute(text(LEFT_OUT.format(leads="product_leads")), values)
        return {row.missing: row.n for row in rows}, False
    rows = tx.execute(text(LEFT_OUT.format(leads=samples.LEADS)), {**values, "ids": list(sample.ids)})
    return {row.missing: sample.whole(row.n) for row in rows}, True
