"""Whose a visit is: a browser is named by our page script, and belongs to whoever last made themselves known in it.

Source: S3-19 (99.5 % of visitors leave without an inquiry); spec 2.1, WebSession "anonymous 90 days".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# How far back the visits before the first click or form belong to the person.
BEFORE = timedelta(days=90)
# Nobody reads more pages of one site on one day; what comes above is counted, not stored.
VIEWS_A_DAY = 200
# Of views and beats together: 200 pages with ten beats each are seven hours of reading.
EVENTS_A_DAY = 2000


@dataclass(frozen=True, slots=True)
class Tie:
    """From `at` on the browser is this person's. person_id None: of somebody who is not to be measured."""

    at: datetime
    person_id: int | None


def tie_at(ties: Sequence[Tie], at: datetime) -> Tie | None:
    """The tie that holds at that instant; None while nobody is known. ties: oldest first.

    What came before the second person's tie stays with the first. The first tie reaches back 90 days, unless it
    is of somebody who is not to be measured: then what came before stays anonymous.
    """
    holding = None
    for tie in ties:
        if tie.at > at:
            break
        holding = tie
    if holding is None and ties and ties[0].person_id is not None and at >= ties[0].at - BEFORE:
        return ties[0]
    return holding
