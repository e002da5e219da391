"""Whatever a browser sends, the answer is a page of ours with words, and never a failing one."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.storage import tables
from tests import world
from tests.conftest import NOW
from tests.web import routes
from tests.web.conftest import SignIn

ODD = (
    "",
    "0",
    "-1",
    "abc",
    "99999999999999999999",
    "9" * 5000,
    "1.5",
    "１２",
    "²",
    "\x00",
    "a\x00b",
    "' or 1=1 --",
    "<script>alert(1)</script>",
    "\u2028",
    "\r\nX: y",
    "{{ 7*7 }}",
    "2026-13-45",
    "9999-12-31",
    "0001-01-01",
    "hot",
    "true",
    "x" * 10_000,
    "ユーザー@例え.jp",
    "\ufeff",
)


@pytest.fixture
def house(parts: Parts, client: FlaskClient) -> world.World:
    """One of everything with the id 1: person, company, product, scenario, mail, delivery, task, batch."""
    made = world.build(parts, count=2)
    world.planned(parts, made, send_at=NOW + timedelta(hours=1))
    with parts.engine.begin() as tx:
        for person, kind in ((made.people[0], "call"), (made.people[1], "fax")):
            world.insert(
                tx,
                "tasks",
                kind=kind,
                person_id=person,
                product_id=made.product,
                due_at=NOW,
                cause="matrix",
                created_at=NOW,
            )
        for content in made.contents:
            world.insert(
                tx,
                "content_variants",
                content_id=content,
                lang="ja",
                subject="便り",
                html="<p>x</p>",
                text="x",
            )
    cells = "姓,名,会社名,メール\n佐藤,一郎,甲社,sato@kosha.example\n"
    assert client.post("/imports", data={"cells": cells}).location == "/imports/1/columns"
    return made


def fields(value: str, names: list[str]) -> dict[str, str]:
    return dict.fromkeys(names, value)


@pytest.mark.parametrize("odd", ODD, ids=[repr(odd[:20]) for odd in ODD])
def test_no_page_fails_for_an_odd_query(
    app: Flask, client: FlaskClient, house: world.World, odd: str
) -> None:
    names = routes.field_names()
    assert len(names) > 60
    query = fields(odd, names) if len(odd) < 1000 else {"q": odd}
    failed = {}
    for route in routes.every(app):
        if route.method != "GET" or route.endpoint == "static":
            continue
        answer = client.get(route.path, query_string=query)
        if answer.status_code >= 500:
            failed[route.rule] = answer.status_code
        answer.close()
    assert not failed


@pytest.mark.parametrize("odd", ODD, ids=[repr(odd[:20]) for odd in ODD])
def test_no_form_fails_for_odd_fields(
    app: Flask, client: FlaskClient, sign_in: SignIn, house: world.World, odd: str
) -> None:
    names = routes.field_names()
    failed = {}
    for route in routes.every(app):
        if route.method != "POST" or route.endpoint.startswith("session.log"):
            continue
        answer = client.post(route.path, data=fields(odd, names))
        if answer.status_code >= 500:
            failed[route.rule] = answer.status_code
    assert not failed


NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>\u2028{{ 7*7 }}"


def poison(parts: Parts) -> None:
    """Every text that a list or a form can bring, in every place where a page shows it."""
    places = {
        "people": ("full_name", "family", "given", "tel", "memo"),
        "companies": ("name", "address", "industry"),
        "products": ("name", "unsubscribe_label"),
        "affiliations": ("department", "title"),
        "contents": ("title",),
        "content_variants": ("subject",),
        "scenarios": ("name", "purpose"),
        "tasks": ("note",),
        "import_batches": ("file_name",),
        "users": ("name",),
    }
    known = {(table.name, column.name) for table in tables.metadata.sorted_tables for column in table.columns}
    with parts.engine.begin() as tx:
        for table, columns in places.items():
            for column in columns:
                if (table, column) in known:
                    tx.execute(text(f"update {table} set {column} = :v"), {"v": NASTY})


def test_no_page_lets_a_stored_text_become_markup(
    app: Flask, client: FlaskClient, parts: Parts, house: world.World
) -> None:
    cells = f"姓,名,会社名,メール,メモ\n{NASTY.replace(chr(34), '')},一郎,甲社,a@kosha.example,{NASTY.replace(chr(34), '')}\n"
    assert client.post("/imports", data={"cells": cells}).location == "/imports/2/columns"
    poison(parts)
    shown = set()
    paths = [
        route.path for route in routes.every(app) if route.method == "GET" and route.endpoint != "static"
    ]
    for path in [*paths, "/imports/2/columns", "/people/2", "/calls?kind=fax", "/scenarios/1?edit=K1"]:
        answer = client.get(path)
        if answer.mimetype == "text/html" and not path.endswith("/frame"):
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path
            assert ">49<" not in answer.text, path
            if "&lt;script&gt;alert" in answer.text:
                shown.add(path)
        answer.close()
    assert {"/people", "/people/1", "/companies/1", "/calls", "/calls/1", "/scenarios", "/products/"} <= shown
    assert {"/deliveries", "/imports", "/imports/2/columns"} & shown


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", " =", "\n="])
def test_no_cell_of_any_exported_file_begins_a_formula(
    client: FlaskClient, parts: Parts, house: world.World, first: str
) -> None:
    with parts.engine.begin() as tx:
        for change in ("people set full_name", "companies set name", "products set name"):
            tx.execute(text(f"update {change} = :v"), {"v": f"{first}cmd|' /c calc'!A1"})
        tx.execute(text("update suppressions set evidence = :v"), {"v": f"{first}1"})
    form = {"email": "p1@hamana-techno.example", "scope": "1", "reason": "phone", "evidence": f"x{first}1"}
    assert client.post("/refusals", data=form, follow_redirects=True).status_code == 200
    assert client.post(
        "/diary", data={"kind": "internal", "text": f"{first}cmd|' /c calc'!A1", "key": "1"}
    ).status_code in (302, 303)
    files = [
        client.post("/calls/export", data={"preset": preset, "format": format})
        for preset, format in (("full", "utf-8"), ("full", "cp932"), ("miitel", "utf-8"))
    ]
    files += [client.get("/diary/month.csv")]
    files += [client.get("/deliveries/deliveries.csv?month=all")]
    files += [client.get("/refusals/export.csv")]
    seen = 0
    for answer in files:
        assert answer.status_code == 200
        data = answer.data.decode("cp932" if "cp932" in answer.headers["Content-Type"] else "utf-8-sig")
        for row in csv.reader(io.StringIO(data, newline="")):
            for cell in row:
                seen += "cmd|" in cell
                assert not cell.lstrip().startswith(("=", "+", "-", "@")), (answer.headers, cell)
                assert not cell.startswith(("\t", "\r", "\n")), (answer.headers, cell)
    assert seen >= 4


@pytest.mark.parametrize("preset", ["full", "nothing", "\x00"])
def test_an_unknown_preset_is_a_400_and_not_a_file(
    client: FlaskClient, house: world.World, preset: str
) -> None:
    assert client.post("/calls/export", data={"preset": preset}).status_code == (
        200 if preset == "full" else 400
    )


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "名簿が空です"),
        (b"\n\n  \n", "名簿が空です"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "名簿として読めないファイルです"),
        (b"\x7fELF" + b"\x00" * 200, "名簿として読めないファイルです"),
        ("姓,メール\n佐藤,a\x00b\n".encode(), "名簿として読めないファイルです"),
        ('姓,メール\n"佐藤"一,a@b.example\n'.encode(), "2行目："),
        ('姓,メール\n佐藤,"a@b.example\n'.encode(), "引用符"),
        ("姓,メール\n佐藤\n".encode() + b"\xff\xfe\xfd,x\n", "文字コードがわかりません"),
        (",".join(f"列{n}" for n in range(10_000)).encode() + b"\n", "列が多すぎます（10000列）"),
        (b"x" * (31 * 1024 * 1024), "ファイルが大きすぎます"),
        (b"PK\x03\x04" + b"no workbook at all" * 10, ""),
        (b"\xd0\xcf\x11\xe0" + b"\x00" * 600, ""),
    ],
    ids=[
        "empty",
        "blank",
        "png",
        "elf",
        "nul",
        "quotes",
        "open",
        "encoding",
        "columns",
        "31MB",
        "zip",
        "xls",
    ],
)
def test_a_list_that_cannot_be_read_says_why_and_leaves_nothing(
    client: FlaskClient, parts: Parts, data: bytes, words: str
) -> None:
    answer = client.post("/imports", data={"file": (io.BytesIO(data), "名簿\x00<b>.csv")})
    assert answer.status_code == 422
    assert words in answer.text
    assert "<b>.csv" not in answer.text
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(*) from import_batches")).scalar_one() == 0
        assert tx.execute(text("select count(*) from people")).scalar_one() == 0


def test_fifty_megabytes_are_refused_in_words(client: FlaskClient) -> None:
    answer = client.post("/imports", data={"file": (io.BytesIO(b"x" * 50 * 1024 * 1024), "a.csv")})
    assert answer.status_code == 413
    assert "ファイルが大きすぎます" in answer.text


def test_a_row_of_a_scenario_saved_by_two_shows_both_and_loses_nothing(
    client: FlaskClient, sign_in: SignIn, parts: Parts, house: world.World
) -> None:
    page = client.get("/scenarios/1?edit=K1").text
    was = re.search(r'name="was" value="([^"]+)"', page)
    assert was is not None
    row = {"kind": "mail", "tone": "info", "content_id": "1", "valid_until": "", "was": was[1]}
    other = sign_in("marketer")
    assert (
        other.post("/scenarios/1/rows/K1", data={**row, "offset_months": 1, "want_day": 11}).status_code
        == 303
    )
    mine = {**row, "offset_months": 2, "want_day": 22}
    answer = client.post("/scenarios/1/rows/K1", data=mine)
    assert answer.status_code == 409
    assert "ほかの人が先に保存しました" in answer.text
    assert 'value="22"' in answer.text
    assert "11日" in answer.text
    stored = "select want_day from steps s join scenario_versions v on v.id = s.version_id where key = 'K1' order by v.id desc"
    with parts.engine.connect() as tx:
        assert tx.execute(text(stored)).scalars().first() == 11
    again = re.search(r'name="was" value="([^"]+)"', answer.text)
    assert again is not None
    assert client.post("/scenarios/1/rows/K1", data={**mine, "was": again[1]}).status_code == 303


def test_publishing_twice_leads_back_with_words(client: FlaskClient, house: world.World) -> None:
    for answer in (
        client.post("/scenarios/1/publish", follow_redirects=True),
        client.get("/scenarios/1/publish", follow_redirects=True),
    ):
        assert answer.status_code == 200
        assert "すでに公開されています" in answer.text
    assert client.post("/scenarios/99/publish").status_code == 404


@pytest.mark.parametrize(
    "path", ["/people/99999999999999999999", "/people/9223372036854775808", "/people/%00", "/caught/a%00b",
             "/mails/frame/%00", "/scenarios/1/rows/%00/sentence", "/u/%00", "/image/1-%00.png", "/caught/..%2f..%2fx"],
)  # fmt: skip
def test_an_address_that_no_row_can_have_is_not_found(
    client: FlaskClient, house: world.World, path: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert "</html>" in answer.text


def test_a_row_that_is_gone_is_told_and_nothing_is_written(
    client: FlaskClient, parts: Parts, house: world.World
) -> None:
    form = {"kind": "booth_talk", "on": "2026-11-20", "product": "4711", "key": "k"}
    answer = client.post("/people/1/touch", data=form)
    assert answer.status_code == 400
    assert "何も変更していません" in answer.text
    with parts.engine.connect() as tx:
        assert (
            tx.execute(text("select count(*) from touchpoints where kind = 'booth_talk'")).scalar_one() == 0
        )
