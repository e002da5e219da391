"""What the simulation says of the coming months is what then happens, with real mails, clicks and answers."""

from __future__ import annotations

import pytest

from campaigns.rules.chances import Rates
from tests.bench import foresee

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

LIVELY = Rates(open=0.5, click=0.25, reply=0.08, unsubscribe=0.03)


def test_the_same_mails_come_to_the_same_people_in_the_same_months_as_foreseen() -> None:
    found = foresee.measure(people=60, months=3, seed=11, rates=LIVELY)
    assert not found.differences, "\n".join(found.differences)
    assert found.foreseen == found.happened > 120
    assert found.same == 1.0
    assert min(found.reactions[name] for name in ("opens", "clicks", "replies", "unsubscribes")) > 0
