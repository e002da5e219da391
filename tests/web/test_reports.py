"""Reports as pages: every number leads to as many rows as it says, findings are honest, files are inert."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import count_reports
from campaigns.storage import sizes
from tests.services import report_house
from tests.services.report_house import House
from tests.web.conftest import SignIn
from tests.world import START

PAGES = ("mails", "scenarios", "themes", "events", "funnel", "interest", "actions", "whiffs", "times")
LINK = re.compile(r'<a href="(/reports/people\?[^"]+)">([0-9,]+)</a>')


@pytest.fixture
def house(parts: Parts) -> House:
    return report_house.build(parts, 4)


def links(page: str) -> list[tuple[str, int]]:
    """(address, number) of every number that leads to its rows."""
    return [(html.unescape(path), int(n.replace(",", ""))) for path, n in LINK.findall(page)]


def rows(answer: str) -> int:
    """How many a list says it has."""
    found = re.search(r"<h2>([0-9,]+)件</h2>", answer)
    assert found is not None
    return int(found[1].replace(",", ""))


def details(house: House) -> list[str]:
    return [
        f"mails/{house.scenarios[0]}.K1.{house.contents[0]}",
        f"scenarios/{house.scenarios[0]}",
        f"events/{house.events[1]}",
        "",
    ]


def test_every_number_of_every_page_leads_to_as_many_rows(client: FlaskClient, house: House) -> None:
    some = 0
    for name in (*PAGES, *details(house)):
        for path, n in links(client.get(f"/reports/{name}?period=all".replace("/?", "?")).text)[:40]:
            assert rows(client.get(path).text) == n, path
            some += 1
    assert some > 100


@pytest.mark.parametrize(
    ("address", "head", "has_hour"),
    [
        ("report=funnel&cell=here_potential", "加わった日", False),
        ("report=funnel&cell=reached_qualified", "日時", True),
        ("report=scenarios&cell=people", "加わった日", False),
        ("report=scenarios&cell=reached", "日時", True),
        ("report=overview_came&cell=all", "加わった日", False),
        ("report=overview_clicked&cell=all", "日時", True),
        ("report=mails&cell=clicked_human", "送信日時", True),
        ("report=events&cell=people&event={event}", "出会った日", False),
        ("report=events&cell=touched_24&event={event}", "日時", True),
        ("report=interest&cell=people", "最後の接点", True),
    ],
)
def test_a_list_says_of_what_its_last_column_is_the_time(
    client: FlaskClient, house: House, address: str, head: str, has_hour: bool
) -> None:
    path = f"/reports/people?period=all&{address.format(event=house.events[1])}"
    page = client.get(path).text
    assert re.search(r'<th scope="col" class="num">([^<]+)</th>', page)[1] == head  # type: ignore[index]
    told = re.findall(rf'data-label="{head}" class="num">([^<]+)</td>', page)
    assert told
    assert all((":" in one) == has_hour for one in told if one != "–")
    filed = list(csv.reader(io.StringIO(client.get(f"{path}&format=csv").data.decode("utf-8-sig"))))
    assert filed[0][-1] == head
    assert all((":" in row[-1]) == has_hour for row in filed[1:] if row[-1])


def test_the_line_of_the_overview_begins_with_the_first_month_that_has_mails(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            text("update deliveries set sent_at = :at where state = 'sent'"),
            {"at": START - timedelta(days=45)},
        )
    page = client.get("/reports").text
    data = re.search(r'<script type="application/json" id="report-chart">(.+?)</script>', page)
    assert data is not None
    assert json.loads(data[1])["categories"] == ["10月", "11月"]


@pytest.mark.parametrize("name", PAGES)
def test_a_file_has_the_numbers_of_the_page(
    client: FlaskClient, parts: Parts, house: House, name: str
) -> None:
    page = client.get(f"/reports/{name}?period=all").text
    answer = client.get(f"/reports/{name}?period=all&format=csv")
    assert answer.headers["Content-Disposition"].endswith(f'"report-{name}.csv"')
    cells = [cell for row in csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))) for cell in row]
    for _path, n in links(page):
        assert str(n) in cells
    with parts.engine.connect() as tx:
        assert tx.execute(text("select kind from export_log")).scalar_one() == f"report_{name}"


def test_a_name_that_is_a_formula_leaves_as_words(client: FlaskClient, parts: Parts, house: House) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text("update contents set title = '=1+1'"))
        tx.execute(text("update people set full_name = '@SUM(A1)'"))
    for path in ("/reports/mails?period=all", "/reports/people?report=mails&cell=sent&period=all"):
        data = client.get(f"{path}&format=csv").data.decode("utf-8-sig")
        cells = [cell for row in csv.reader(io.StringIO(data)) for cell in row]
        assert any("1+1" in cell or "SUM" in cell for cell in cells)
        assert not any(cell.startswith(("=", "@")) for cell in cells)


def test_who_took_people_out_is_logged_with_them(client: FlaskClient, parts: Parts, house: House) -> None:
    answer = client.get("/reports/people?report=funnel&cell=reached_potential&period=all&format=csv")
    lines = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    with parts.engine.connect() as tx:
        found = tx.execute(text("select rows, cardinality(person_ids) as n, filter from export_log")).one()
    assert (found.rows, found.n) == (len(lines) - 1, len(lines) - 1)
    assert found.filter["measure"] == "reached_potential"


@pytest.mark.parametrize(
    "query",
    [
        "report=mails",
        "report=mails&cell=nothing",
        "report=salaries&cell=sent",
        "report=mails&cell=sent&scenario=one",
        "report=events&cell=people",
        "report=times&cell=sent&hour=99999999999999999999",
    ],
)
def test_a_number_that_no_page_has_is_not_found(client: FlaskClient, query: str) -> None:
    assert client.get(f"/reports/people?{query}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["period=century", "month=2026-99", "month=x", "product=-3", "product=999999", "product=x", "from=-5"],
)
def test_an_odd_address_shows_the_usual_report(client: FlaskClient, house: House, query: str) -> None:
    for path in ("mails", "funnel", "interest", "times", "events"):
        assert client.get(f"/reports/{path}?{query}").status_code == 200
    assert client.get(f"/reports/people?report=mails&cell=sent&{query}").status_code == 200


@pytest.mark.parametrize("name", ["mails/x", "mails/1.2", "mails/-1.K1.2", "scenarios/999", "events/999"])
def test_what_does_not_exist_has_no_report(client: FlaskClient, name: str) -> None:
    assert client.get(f"/reports/{name}").status_code == 404


@pytest.mark.parametrize("name", ["", *(f"/{name}" for name in PAGES)])
def test_an_empty_house_says_what_comes_next(client: FlaskClient, name: str) -> None:
    page = client.get(f"/reports{name}").text
    assert 'class="empty"' in page
    assert "report-chart" not in page


def test_months_that_are_not_over_are_said_to_be_to_come(client: FlaskClient, house: House) -> None:
    page = client.get(f"/reports/events/{house.events[0]}").text  # 40 days ago
    assert page.count("まだ</span>") == 10 * 4
    assert "成果の数字はこれからです" in page
    older = client.get(f"/reports/events/{house.events[2]}").text  # 440 days ago
    assert older.count("まだ</span>") == 10


def test_opens_are_never_called_people(client: FlaskClient, house: House) -> None:
    page = client.get(f"/reports/mails/{house.scenarios[0]}.K1.{house.contents[0]}?period=all").text
    assert "開封（参考）" in page
    assert "人が読んだ数ではありません" in page


def test_period_and_product_stay_in_every_address(client: FlaskClient, house: House) -> None:
    page = html.unescape(client.get(f"/reports/mails?period=6&product={house.products[1]}").text)
    kept = f"period=6&product={house.products[1]}"
    for name in ("scenarios", "themes", "funnel", "interest", "times"):
        assert f'"/reports/{name}?{kept}"' in page
    for path, _n in links(page):
        assert kept in path


def test_a_month_can_be_looked_at_alone(client: FlaskClient, house: House) -> None:
    path, n = next((path, n) for path, n in links(client.get("/reports").text) if "month=" in path)
    assert rows(client.get(path).text) == n
    month = re.search(r"month=(\d{4}-\d\d)", path)
    assert month is not None
    assert client.get(f"/reports/mails?month={month[1]}").status_code == 200


@pytest.mark.parametrize("month", ["0001-01", "1969-12", "9999-12", "2026-13", "\x00"])
def test_a_month_that_no_number_can_be_of_is_the_usual_period(
    client: FlaskClient, house: House, month: str
) -> None:
    behind = "/reports/people?report=mails&cell=sent"
    usual, odd = client.get(behind), client.get(f"{behind}&month={quote(month)}")
    assert odd.status_code == 200
    assert rows(odd.text) == rows(usual.text)


def test_pages_speak_english(sign_in: SignIn, house: House) -> None:
    english = sign_in("marketer", locale="en")
    for name in ("", *(f"/{name}" for name in PAGES)):
        page = english.get(f"/reports{name}?period=all").text
        words = re.sub(
            r"<[^>]+>|展示会後フォロー|便り|省エネ|安全|展示会\d|外観検査装置|計量ポンプ|佐伯 美和|日本語",
            "",
            page.split("<main")[1],
        )
        assert not re.search(r"[\u3041-\u30ff\u4e00-\u9fff]", words.split('id="report-chart"')[0])


def test_a_big_house_says_of_when_its_numbers_are(
    client: FlaskClient, parts: Parts, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BIG", 0)
    for name in count_reports.REPORTS:
        parts.redis.delete(f"ikusei:kept:report:{name}")
    assert "数えているところです" in client.get("/reports/mails?period=all").text
    count_reports.run(parts, now=parts.clock.now())
    page = client.get("/reports/mails?period=all").text
    assert "時点の数字です" in page
    path, n = links(page)[0]
    behind = client.get(path).text
    assert "いまの一覧" in behind
    assert behind.count("data-row>") == min(n, 50)


def test_sales_open_the_reports_and_the_load_tells_what_each_has(
    sign_in: SignIn, client: FlaskClient, parts: Parts, house: House
) -> None:
    caller = sign_in("inside_sales", name="架電 太郎")
    for name in (*PAGES, "load", "forgotten", ""):
        assert caller.get(f"/reports/{name}".rstrip("/")).status_code == 200, name
    with parts.engine.begin() as tx:
        tx.execute(text("update users set tasks_per_day = 2 where name = '架電 太郎'"))
        tx.execute(
            text(
                "insert into tasks (kind, person_id, assignee_id, due_at, created_at, state) select 'fax', :p,"
                " (select id from users where name = '架電 太郎'), '2026-11-01', '2026-10-01', 'open' from generate_series(1, 12)"
            ),
            {"p": house.people[0]},
        )
    page = caller.get("/reports/load").text
    assert "架電 太郎さんに、枠の6.0日分のアクションがあります" in page
    assert "show=late" in page
    assert "架電 太郎" in caller.get("/reports/load?format=csv").get_data().decode("utf-8-sig")


def test_the_forgotten_are_remembered_from_their_list(
    client: FlaskClient, parts: Parts, house: House
) -> None:
    page = client.get("/reports/forgotten").text
    chosen = re.findall(r'name="person" value="(\d+)"', page)
    assert chosen
    nobody = client.post("/reports/forgotten", data={"how": "review"})
    assert nobody.status_code == 422
    assert "1名以上を選んでください" in nobody.text
    without = client.post("/reports/forgotten", data={"how": "nurture", "person": chosen})
    assert without.status_code == 422
    assert "商材を選んでください" in without.text
    done = client.post(
        "/reports/forgotten", data={"how": "review", "person": chosen[:1]}, follow_redirects=True
    )
    assert "1名に、見直しのアクションを作りました" in done.text
    client.post("/reports/forgotten", data={"how": "review", "all": "1"})
    assert "忘れている人はいません" in client.get("/reports/forgotten").text
