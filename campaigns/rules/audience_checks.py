"""What a scenario's people tell about it: nobody to send to, mails that most have had.

All are warnings: a scenario may be published before its people are there. Source: S4-13, S4-18.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from campaigns.rules import flow
from campaigns.rules.flow import MAILS
from campaigns.rules.scenarios import Problem, Scenario, Step


@dataclass(frozen=True, slots=True)
class People:
    """A counted audience. has_leads: whether the product has any at all; readers: who would be sent to if nobody had
    read anything; read: content -> how many of them had it from elsewhere."""

    everybody: int
    can_send: int
    readers: int
    has_leads: bool
    read: Mapping[int, int] = field(default_factory=dict)


def check(scenario: Scenario, steps: Sequence[Step], people: People) -> Iterator[Problem]:
    """Warnings about the audience, head first, then by line."""
    if not people.has_leads:
        yield Problem("no_leads", None, {"product": scenario.product_name}, is_error=False)
    elif not people.everybody:
        yield Problem("nobody_fits", None, {}, is_error=False)
    elif not people.can_send:
        yield Problem("nobody_to_send", None, {"n": people.everybody}, is_error=False)
    for step, label in zip(steps, flow.labels(steps), strict=True):
        had = people.read.get(step.content_id or 0, 0)
        if step.kind in MAILS and had * 2 > people.readers:
            args = {"n": had, "all": people.readers}
            yield Problem("content_read", step.position, args, is_error=False, label=label)
