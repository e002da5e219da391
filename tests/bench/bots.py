"""People and machines told apart: labelled traffic that the rules have not seen (tests/tracking_pixel/profiles.py).

Judged as in the application: everything known of a mail at once, then again with the networks that were learned.
A click repeated from elsewhere within 30 s is one click, a person's if a person is in it.
python -m tests.bench.bots [--mails 100000] [--runs 3] [--seed 7] [--written] --json
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from tests.tracking_pixel import crowd, profiles
from tests.tracking_pixel.crowd import Mail
from tracking_pixel import bots, networks
from tracking_pixel.bots import Judged, Known, Verdict
from tracking_pixel.events import Event
from tracking_pixel.networks import Evidence

MAILS = 100_000
RUNS = 3  # of 100,000 mails hold too few of people's clicks for a share of 2 %: it moves by a tenth of itself
SEED = 7


@dataclass(frozen=True, slots=True)
class Report:
    """Shares, 0 to 1. scanner_only_as_human: of the mails that only machines clicked in. machine_share: of the clicks
    called human. human_lost: of people's clicks. The same on sites that do not carry our script, where no beat can
    tell. adversary_as_human: of an adversary's mails, with and without the script. by_profile: clicks called human
    by mistake, and people's clicks lost, of each product."""

    scanner_only_as_human: float
    machine_share: float
    human_lost: float
    without_script: dict[str, float]
    adversary_as_human: float
    adversary_with_script: float
    adversary_without_script: float
    mails: int
    scanner_only_mails: int
    human_clicks: int
    networks_learned: int
    by_profile: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Click:
    """One click of a mail: hits of one link that follow each other within 30 s. is_human: a person is in it."""

    mail: Mail
    is_human: bool
    is_called_human: bool


def measure(*, mails: int = MAILS, seed: int = SEED, runs: int = 1, written: bool = False) -> Report:
    clicks: list[Click] = []
    learned = 0
    for run in range(runs):
        one = crowd.mails(seed + run, mails, *(profiles.written() if written else profiles.unseen()))
        judged, scanners = judge(one)
        learned += scanners
        clicks += [click for mail in one for click in clicks_of(mail, judged[mail.id])]
    whole = _shares(clicks)
    adversaries = crowd.mails(seed + runs, max(2000, mails // 10), *profiles.adversarial())
    fooled = _fooled(adversaries, judge(adversaries)[0])
    return Report(
        scanner_only_as_human=whole["scanner_only_as_human"],
        machine_share=whole["machine_share"],
        human_lost=whole["human_lost"],
        without_script=_shares([one for one in clicks if not _has_script(one.mail)]),
        adversary_as_human=_mean([*fooled[True], *fooled[False]]),
        adversary_with_script=_mean(fooled[True]),
        adversary_without_script=_mean(fooled[False]),
        mails=mails * runs,
        scanner_only_mails=len(_scanner_only(clicks)),
        human_clicks=sum(one.is_human for one in clicks),
        networks_learned=learned,
        by_profile=_by_profile(clicks),
    )


def judge(mails: Sequence[Mail]) -> tuple[dict[int, list[Judged]], int]:
    """Verdicts by mail: judged, learned from, judged again with what was learned by then."""
    first = {mail.id: bots.judge(mail.events, sent_at=mail.sent_at, known=_known({})) for mail in mails}
    machines: dict[str, dict[str, datetime]] = defaultdict(dict)
    people: dict[str, datetime] = {}
    for mail in mails:
        for lesson in networks.lessons(mail.events, first[mail.id]):
            if lesson.is_person:
                people[lesson.net] = max(lesson.until, people.get(lesson.net, lesson.until))
            else:
                of = machines[lesson.net]
                of[mail.domain] = max(lesson.until, of.get(mail.domain, lesson.until))
    evidence = [
        Evidence(net, len(domains), max(domains.values()), people.get(net))
        for net, domains in machines.items()
    ]
    now = max(mail.sent_at for mail in mails) + timedelta(hours=1)
    scanners = networks.scanners(evidence, now=now)
    again = {mail.id: bots.judge(mail.events, sent_at=mail.sent_at, known=_known(scanners)) for mail in mails}
    return again, len(scanners)


def _known(scanners: dict[str, datetime]) -> Known:
    return Known(sites=frozenset({crowd.OWN_SITE}), scanners=scanners)


def clicks_of(mail: Mail, judged: Sequence[Judged]) -> list[Click]:
    """The clicks of a mail, the trap's left out."""
    verdicts = {event.uid: verdict for event, verdict in zip(mail.events, judged, strict=True)}
    groups: dict[int | None, list[list[Event]]] = defaultdict(list)
    for click in sorted(mail.clicks, key=lambda event: (event.link_no or 0, event.at)):
        of_link = groups[click.link_no]
        if of_link and (click.at - of_link[-1][-1].at).total_seconds() <= bots.ECHO_S:
            of_link[-1].append(click)
        else:
            of_link.append([click])
    return [
        Click(
            mail,
            any(hit.uid in mail.people for hit in group),
            any(verdicts[hit.uid].verdict is Verdict.HUMAN for hit in group),
        )
        for of_link in groups.values()
        for group in of_link
    ]


def _shares(clicks: Sequence[Click]) -> dict[str, float]:
    called = [one for one in clicks if one.is_called_human]
    by_people = [one for one in clicks if one.is_human]
    only = _scanner_only(clicks)
    return {
        "scanner_only_as_human": _mean([any(one.is_called_human for one in group) for group in only]),
        "machine_share": _mean([not one.is_human for one in called]),
        "human_lost": _mean([not one.is_called_human for one in by_people]),
    }


def _scanner_only(clicks: Sequence[Click]) -> list[list[Click]]:
    by_mail: dict[int, list[Click]] = defaultdict(list)
    for click in clicks:
        by_mail[id(click.mail)].append(click)
    return [group for group in by_mail.values() if not any(one.is_human for one in group)]


def _fooled(mails: Sequence[Mail], judged: dict[int, list[Judged]]) -> dict[bool, list[bool]]:
    """Of mails that only the adversary clicked in: does one count as human? By whether the site has our script."""
    found: dict[bool, list[bool]] = {True: [], False: []}
    for mail in mails:
        clicks = clicks_of(mail, judged[mail.id])
        if clicks and not any(one.is_human for one in clicks):
            found[_has_script(mail)].append(any(one.is_called_human for one in clicks))
    return found


def _has_script(mail: Mail) -> bool:
    return mail.links[0].startswith(crowd.OWN_SITE)


def _by_profile(clicks: Sequence[Click]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in clicks:
        of = found[one.mail.profile]
        of["machine"] += not one.is_human
        of["machine_as_human"] += one.is_called_human and not one.is_human
        of["human"] += one.is_human
        of["human_lost"] += one.is_human and not one.is_called_human
    return {name: dict(found[name]) for name in sorted(found)}


def _mean(values: Sequence[bool]) -> float:
    return round(sum(values) / len(values), 5) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mails", type=int, default=MAILS)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument(
        "--written", action="store_true", help="the traffic that the rules were written against"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    report = asdict(
        measure(mails=options.mails, seed=options.seed, runs=options.runs, written=options.written)
    )
    print(json.dumps(report) if options.json else json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
