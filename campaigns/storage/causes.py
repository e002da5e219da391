"""The touches behind a task, an alert or a change of rank: kept by their ids, shown by what they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Step:
    """A touch that stands behind something."""

    kind: str
    at: datetime
    title: str


# The last three touches of a JSON list of ids, oldest first. Ids stand there as somebody wrote them.
BEHIND = """
(select coalesce(jsonb_agg(jsonb_build_object('kind', x.kind, 'at', x.at, 'title', x.title) order by x.at), '[]')
   from (select tp.kind, tp.at, tp.title from touchpoints tp
          where tp.id in (select cast(v as bigint) from jsonb_array_elements_text({0}) v
                           where v ~ '^[0-9]+$' and length(v) < 19)
          order by tp.at desc limit 3) x)
"""


def read(found: Iterable[Mapping[str, str]]) -> tuple[Step, ...]:
    """What BEHIND brings."""
    return tuple(Step(one["kind"], datetime.fromisoformat(one["at"]), one["title"]) for one in found)
