"""`ikusei replay-ranks`: do the touchpoints, with what was known when, give the ranks that were written?"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from campaigns import logs, parts
from campaigns import settings as environment

SHOWN = 20
CODES = {
    "rank": "at the change to {stored}, the rules say {replayed}",
    "score": "the change was written with score {stored}, the rules say {replayed}",
    "p_win": "the change was written with win rate {stored}, the rules say {replayed}",
    "chain": "the rank before was {stored}, the change begins at {replayed}",
    "missing": "the rank stayed {stored}, the rules say {replayed}",
}


@click.command(name="replay-ranks")
@click.option("--person", "person_id", type=click.IntRange(1), help="one person's ranks, by number")
@click.option("--sample", type=click.IntRange(1), help="about so many leads, always the same ones; else all")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def replay_ranks(person_id: int | None, sample: int | None, as_json: bool) -> None:
    """Replay ranks from the touchpoints, dated calibrations, rules and refusals; ends with 1 where they differ."""
    from campaigns.services import replay_ranks as replaying

    chosen = environment.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    found = replaying.run(built, person_id=person_id, sample=sample, now=built.clock.now())
    if as_json:
        click.echo(json.dumps(asdict(found), default=str))
    else:
        partly = f" ({found.partly} of them from their last verdict on)" if found.partly else ""
        click.echo(f"{found.leads} leads{partly}, {found.changes} changes, {found.instants} further instants")
        for one in found.differences[:SHOWN]:
            told = CODES[one.code].format(stored=one.stored, replayed=one.replayed)
            click.echo(f"lead {one.lead_id}, {one.at:%Y-%m-%d %H:%M} UTC: {told}")
        click.echo(f"{len(found.differences)} differences")
    if found.differences:
        sys.exit(1)
