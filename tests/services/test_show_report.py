"""Each number of a report is the number of rows behind it, whatever happened; and what should add up does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.reports import STAGES, Period
from campaigns.services import count_reports, show_report
from campaigns.services.show_report import Asked, Number
from campaigns.storage import activity_report, cohort_report, mail_report, scenario_report, sizes
from tests.services import report_house
from tests.services.report_house import House
from tests.world import START

SEEDS = (1, 2, 3)


@pytest.fixture(params=SEEDS)
def house(parts: Parts, request: pytest.FixtureRequest) -> House:
    return report_house.build(parts, request.param)


def asked(house: House) -> Iterator[Asked]:
    for period in Period:
        for product in (0, *house.products):
            yield Asked(period, product)


def numbers(report: str, rows: Any, names: dict[str, str]) -> Iterator[tuple[dict[str, Any], str, int]]:
    """(dimensions, measure, figure) of every cell. names: dimension -> attribute of the rows."""
    grouped = show_report.add_up(rows, lambda row: tuple(getattr(row, name) for name in names.values()))
    for key, figures in grouped.items():
        for measure, n in figures.items():
            if measure != "active_s" and not measure.startswith("yen"):
                yield dict(zip(names, key, strict=True)), measure, n


DIMS: dict[str, dict[str, str]] = {
    "mails": {"scenario": "scenario_id", "step": "step_key", "content": "content_id"},
    "links": {"scenario": "scenario_id", "step": "step_key", "content": "content_id", "url": "url"},
    "times": {"weekday": "weekday", "hour": "hour"},
    "scenarios": {"scenario": "scenario_id", "step": "step_key"},
    "events": {"event": "event_id"},
    "interest": {"tag": "tag", "class": "cls"},
    "actions": {"kind": "kind", "rank": "rank"},
    "whiffs": {"team": "team", "code": "code"},
}


@pytest.mark.parametrize("report", DIMS)
def test_a_number_is_the_number_of_rows_behind_it(parts: Parts, house: House, report: str) -> None:
    some = 0
    for one in asked(house):
        told = show_report.read(parts, report, one, now=START)
        for dims, measure, n in numbers(report, told.rows, DIMS[report]):
            found, total = show_report.lines(
                parts, Number(report, measure, one, dims), now=START, limit=1000, offset=0
            )
            assert (total, len(found)) == (n, n), (one, dims, measure)
            some += n
    assert some


def test_a_step_of_the_funnel_is_the_people_behind_it(parts: Parts, house: House) -> None:
    for one in asked(house):
        told = show_report.read(parts, "funnel", one, now=START)
        here = show_report.add_up(told.rows, lambda _row: 0).get(0, {})
        for place, stage in enumerate(STAGES):
            reached = sum(here.get(later, 0) for later in STAGES[place:])
            for measure, n in ((f"here_{stage}", here.get(stage, 0)), (f"reached_{stage}", reached)):
                assert (
                    show_report.lines(parts, Number("funnel", measure, one), now=START, limit=1, offset=0)[1]
                    == n
                )


def test_what_happened_is_listed_for_the_month_and_for_its_first_days(parts: Parts, house: House) -> None:
    days = START.astimezone(parts.settings.tz).day
    for one in asked(house):
        told = show_report.read(parts, "overview", one, now=START)
        found = show_report.add_up(told.rows, lambda row: row.name)
        for name in activity_report.NAMES:
            for dims, n in (
                ({}, found.get(name, {}).get("all", 0)),
                ({"days": days}, found.get(name, {}).get("days", 0)),
            ):
                number = Number(f"overview_{name}", "all", one, dims)
                assert show_report.lines(parts, number, now=START, limit=1, offset=0)[1] == n, (name, one)


def test_a_theme_lists_the_mails_that_have_it(parts: Parts, house: House) -> None:
    one = Asked(Period.ALL)
    told = show_report.read(parts, "mails", one, now=START)
    with parts.engine.connect() as tx:
        contents = mail_report.contents(tx)
    sent = sum(row.figures["sent"] for row in told.rows if "安全" in contents[row.content_id].tags)
    number = Number("mails", "sent", one, {"tag": "安全"})
    assert show_report.lines(parts, number, now=START, limit=1, offset=0)[1] == sent > 0


def test_what_was_sent_arrived_or_came_back(parts: Parts, house: House) -> None:
    told = show_report.read(parts, "mails", Asked(Period.ALL), now=START)
    for row in told.rows:
        f = row.figures
        assert f["sent"] == f["arrived"] + f["returned_hard"] + f["returned_soft"]
        assert f["opened"] == f["opened_proxy"] + f["opened_scanner"] + f["opened_unknown"]
        assert f["clicked_human"] <= f["clicked"] <= f["sent"]


def test_everybody_of_a_scenario_stands_in_one_place(parts: Parts, house: House) -> None:
    told = show_report.read(parts, "scenarios", Asked(Period.ALL), now=START)
    for row in told.rows:
        assert row.figures["people"] == sum(row.figures[name] for name in scenario_report.STATUSES)


def test_a_cohort_only_grows_and_its_money_with_it(parts: Parts, house: House) -> None:
    told = show_report.read(parts, "events", Asked(Period.ALL), now=START)
    assert told.rows
    for row in told.rows:
        for name in ("touched", "hot", "handed", "taken", "won", "yen"):
            grown = [row.figures[f"{name}_{n}"] for n in cohort_report.HORIZONS]
            assert grown == sorted(grown)
        left = [row.figures[f"reachable_{n}"] for n in cohort_report.HORIZONS]
        assert left == sorted(left, reverse=True)


def test_a_big_house_shows_what_a_job_counted(
    parts: Parts, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = {name: show_report.read(parts, name, Asked(), now=START) for name in count_reports.REPORTS}
    monkeypatch.setattr(sizes, "BIG", 0)
    assert not show_report.read(parts, "mails", Asked(), now=START).is_known
    assert count_reports.run(parts, now=START) == len(count_reports.REPORTS)
    assert count_reports.run(parts, now=START) == 0
    for name, before in small.items():
        told = show_report.read(parts, name, Asked(), now=START)
        assert told.at == START
        assert sorted(map(repr, told.rows)) == sorted(map(repr, before.rows))


WHEN: dict[tuple[str, str], str] = {
    ("funnel", "reached_customer"): """
        select min(h.resolved_at) from hand_offs h join product_leads l on l.id = h.lead_id
        where l.person_id = :p and l.state <> 'excluded' and h.state = 'won'""",
    ("funnel", "here_qualified"): """select min(at) from (
        select c.at from rank_changes c join product_leads l on l.id = c.lead_id
         where l.person_id = :p and l.state <> 'excluded' and c.new = 'hot' union all
        select h.created_at from hand_offs h join product_leads l on l.id = h.lead_id
         where l.person_id = :p and l.state <> 'excluded' and h.state not in ('proposed', 'held')) q""",
    ("scenarios", "reached"): """select min(tp.at) from touchpoints tp join enrollments e using (person_id)
        where tp.person_id = :p and tp.kind = 'visit' and tp.validity > 0 and tp.at >= e.created_at
          and e.scenario_id = :scenario and (tp.product_id is null or tp.product_id = e.product_id)""",
    ("events", "handed_24"): """
        select min(h.created_at) from hand_offs h join product_leads l on l.id = h.lead_id
        join events e on e.id = :event where l.person_id = :p and h.state not in ('proposed', 'held')
         and h.created_at >= cast(e.starts_on as timestamp) at time zone 'Asia/Tokyo'""",
    ("funnel", "here_prospect"): "select created_at from people where id = :p",
}


@pytest.mark.parametrize(("report", "measure"), WHEN)
def test_a_list_tells_when_the_counted_thing_happened(
    parts: Parts, house: House, report: str, measure: str
) -> None:
    places: list[dict[str, Any]] = {
        "scenarios": [{"scenario": id} for id in house.scenarios],
        "events": [{"event": id} for id in house.events],
    }.get(report, [{}])
    some = 0
    for dims in places:
        number = Number(report, measure, Asked(Period.ALL), dims)
        found, _total = show_report.lines(parts, number, now=START, limit=1000, offset=0)
        # Who won without a hand-off did so nobody knows when.
        known = [line.at for line in found if line.at is not None]
        assert known == sorted(known, reverse=True)
        with parts.engine.connect() as tx:
            for line in found:
                told = tx.execute(text(WHEN[report, measure]), {"p": line.person_id, **dims}).scalar_one()
                assert line.at == told
        some += len(found)
    assert some


def test_a_click_is_listed_by_the_name_of_its_mail(parts: Parts, house: House) -> None:
    number = Number("overview_clicked", "all", Asked(Period.ALL))
    found, _total = show_report.lines(parts, number, now=START, limit=1000, offset=0)
    with parts.engine.connect() as tx:
        titles = {one.title for one in mail_report.contents(tx).values()}
    assert found
    assert {line.what for line in found} <= titles


def test_pages_of_a_list_hold_each_row_once(parts: Parts, house: House) -> None:
    number = Number("mails", "sent", Asked(Period.ALL))
    whole, total = show_report.lines(parts, number, now=START, limit=1000, offset=0)
    pages = [
        line
        for offset in range(0, total or 0, 7)
        for line in show_report.lines(parts, number, now=START, limit=7, offset=offset)[0]
    ]
    assert pages == whole
