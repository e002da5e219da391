"""What a catalogue says of a company, for lists that go out: set-based."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from campaigns.rules.asica import Stage


@dataclass(frozen=True, slots=True)
class Columns:
    """stage: of the sheet that has gone furthest; stages: of each sheet, by product. Both "" or empty without one.

    expected_month: year * 12 + month - 1. certainty: a code of rules.tracking. Money in yen.
    """

    stage: str
    stages: Mapping[int, str]
    expected_month: int | None
    certainty: str
    budget_min_yen: int | None
    budget_max_yen: int | None
    decider: str
    competitors: str


OF = """
select k.company_id, k.expected_month, k.certainty, k.budget_min_yen, k.budget_max_yen, k.competitors,
       coalesce(p.full_name, '') as decider,
       coalesce(jsonb_object_agg(s.product_id, s.stage) filter (where s.id is not null), '{}') as stages
  from catalogues k
  left join people p on p.id = k.decider_id
  left join asica_sheets s on s.catalogue_id = k.id
 where k.company_id = any(:ids)
 group by k.id, p.full_name
"""


def of_companies(tx: Connection, company_ids: Sequence[int]) -> dict[int, Columns]:
    """By company; one without a catalogue has none. Indexes uq_catalogues_company_id, uq_asica_sheets_catalogue_id_product_id"""
    order = {stage.value: place for place, stage in enumerate(Stage)}
    found = {}
    for row in tx.execute(text(OF), {"ids": sorted(set(company_ids))}):
        values = dict(row._mapping)
        company_id = values.pop("company_id")
        stages = {int(product): stage for product, stage in values.pop("stages").items()}
        furthest = max(stages.values(), key=lambda stage: order.get(stage, -1), default="")
        found[company_id] = Columns(stage=furthest, stages=stages, **values)
    return found
