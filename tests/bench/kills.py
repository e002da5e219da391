"""A worker killed 20 times during 5,000 mails at 100 mails/s. Limits: 0 duplicates, 0 lost, at most one in
doubt a connection and kill, work going on within 5 s of each kill."""

from __future__ import annotations

from tests.bench.installation import installation
from tests.e2e import kills


def main() -> None:
    with installation() as parts:
        report = kills.run(parts, mails=5000, kills=20, rate=100)
    print(
        f"kills: {report.kills} kills over {report.mails} mails in {report.seconds:.0f} s:"
        f" {report.duplicates} duplicates (limit 0), {report.lost} lost (limit 0),"
        f" {report.in_doubt} in doubt (limit {2 * report.kills}),"
        f" longest pause {report.longest_pause_s:.1f} s ({report.longest_pause_s / 5:.2f} of the limit)"
    )
