"""Ranges of the crowd: products the rules were written against, and those they must answer for unseen.

From what is told in public of each product's behaviour (spec 45, A7 and A8); how often each happens is assumed.
`unseen` differs in its products' ranges, in people's, and in two products that nobody looked at while the rules
were written. The adversary takes one link, minutes later, in a real browser: nothing but a beat tells it apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tests.tracking_pixel.crowd import APPLE, GMAIL, People, Profile

SAFELINKS = Profile(
    "safelinks",
    scans=(0.5, 0.9),
    delay=(2, 40),
    picks=(0.3, 1.0),
    whole=(0.4, 0.8),
    gap=(0.05, 1.0),
    trap=(0.4, 0.8),
    leaves=(0.3, 0.7),
    heads=(0.0, 0.2),
    renders=(0.2, 0.5),
    places=(4, 12),
    echoes=(0.5, 0.9),
    echo_after=(-1.0, -0.1),
    carries=(0.0, 0.05),
)
MIMECAST = Profile(
    "mimecast",
    scans=(0.8, 1.0),
    delay=(1, 20),
    gap=(0.02, 0.4),
    trap=(0.7, 1.0),
    leaves=(0.6, 1.0),
    heads=(0.5, 1.0),
    places=(2, 6),
    tools=(0.0, 0.3),
    echoes=(0.3, 0.7),
    echo_after=(-2.0, -0.1),
)
PROOFPOINT = Profile(
    "proofpoint",
    scans=(0.3, 0.7),
    delay=(5, 120),
    picks=(0.3, 0.8),
    whole=(0.2, 0.6),
    gap=(0.2, 6.0),
    trap=(0.3, 0.7),
    leaves=(0.3, 0.6),
    heads=(0.0, 0.3),
    renders=(0.2, 0.6),
    places=(3, 10),
)
BARRACUDA = Profile(
    "barracuda",
    scans=(0.9, 1.0),
    delay=(1, 60),
    gap=(0.01, 0.3),
    trap=(0.8, 1.0),
    leaves=(0.8, 1.0),
    heads=(0.0, 0.3),
    places=(1, 4),
    tools=(0.0, 0.2),
)
MPP = Profile("apple_mpp", kind="pixel", scans=(0.9, 1.0), delay=(60, 7200), agent=APPLE)
PROXY_GMAIL = Profile("gmail_proxy", kind="pixel", scans=(0.2, 0.6), delay=(600, 9000), agent=GMAIL)
ANTIVIRUS = Profile(
    "client_antivirus",
    kind="client",
    scans=(0.2, 0.8),
    delay=(0.3, 3),
    gap=(0.02, 0.3),
    trap=(0.5, 1.0),
    leaves=(0.3, 0.9),
    heads=(0.2, 0.8),
    tools=(0.0, 0.5),
)
PROXY_CORPORATE = Profile(
    "corporate_proxy", kind="echo", echoes=(0.3, 0.9), echo_after=(0.2, 20), places=(1, 3), carries=(0.3, 1.0)
)
SANDBOX = Profile(
    "sandbox",
    scans=(0.3, 0.8),
    delay=(60, 900),
    picks=(0.1, 0.4),
    whole=(0.1, 0.4),
    gap=(1.0, 15.0),
    trap=(0.1, 0.4),
    leaves=(0.1, 0.3),
    renders=(0.3, 0.7),
    places=(4, 12),
)

# Not looked at while the rules were written.
MIRROR = Profile(
    "mirror",  # takes a copy of what staff receive: everything that can be seen, from many places, in no hurry
    scans=(0.6, 1.0),
    delay=(30, 1200),
    gap=(0.5, 9.0),
    leaves=(0.0, 0.3),
    renders=(0.5, 1.0),
    places=(8, 25),
)
CHECKER = Profile(
    "checker",  # asks by HEAD whether links are alive, and follows some
    scans=(0.5, 1.0),
    delay=(10, 600),
    picks=(0.2, 0.7),
    whole=(0.1, 0.5),
    gap=(0.1, 3.0),
    trap=(0.0, 0.5),
    heads=(0.6, 1.0),
    places=(1, 5),
    tools=(0.2, 0.9),
)
ADVERSARY = Profile(
    "adversary",
    scans=(0.8, 1.0),
    delay=(120, 1800),
    picks=(0.01, 0.01),
    renders=(0.9, 1.0),
    places=(200, 400),
)

KNOWN = (SAFELINKS, MIMECAST, PROOFPOINT, BARRACUDA, MPP, PROXY_GMAIL, ANTIVIRUS, PROXY_CORPORATE)
PEOPLE = People()

Mix = Sequence[tuple[float, Profile | None]]


def _mix(known: Sequence[Profile], unknown: Sequence[Profile]) -> Mix:
    """Three companies in ten run nothing; of the others' products one in ten is unknown."""
    return [
        (0.3, None),
        *((0.7 * 0.9 / len(known), one) for one in known),
        *((0.7 * 0.1 / len(unknown), one) for one in unknown),
    ]


def written() -> tuple[Mix, People]:
    """What the rules were written against."""
    return _mix(KNOWN, [SANDBOX]), PEOPLE


def _moved(profile: Profile) -> Profile:
    """The same product after years: slower, choosier, less given to traps, and from more places."""
    return replace(
        profile,
        scans=(profile.scans[0] * 0.7, min(1.0, profile.scans[1] * 1.1)),
        delay=(profile.delay[0] * 0.5, profile.delay[1] * 1.8),
        picks=(profile.picks[0] * 0.7, profile.picks[1]),
        gap=(profile.gap[0] * 0.5, profile.gap[1] * 1.6),
        trap=(profile.trap[0] * 0.7, profile.trap[1] * 0.95),
        leaves=(profile.leaves[0] * 0.7, profile.leaves[1] * 0.95),
        heads=(profile.heads[0] * 0.6, min(1.0, profile.heads[1] * 1.1)),
        places=(profile.places[0], profile.places[1] * 1.7),
        strays=(0.0, 0.25),
        echo_after=(profile.echo_after[0] * 1.5, profile.echo_after[1] * 1.3),
    )


def unseen() -> tuple[Mix, People]:
    """What they are judged by."""
    people = replace(
        PEOPLE, median_min=(15, 240), spread=(1.2, 2.0), clicks=(0.03, 0.12), refuses=(0.0, 0.06)
    )
    return _mix([_moved(one) for one in KNOWN], [MIRROR, CHECKER]), people


def adversarial() -> tuple[Mix, People]:
    """Every company behind the adversary."""
    return [(1.0, ADVERSARY)], PEOPLE
