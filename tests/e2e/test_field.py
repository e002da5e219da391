"""Field work in a real browser, in Japanese: a fax batch as it reaches the gateway, a visit reported from a phone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Page

from campaigns.demo.stage import Stage
from campaigns.parts import Parts
from campaigns.services import accounts, appoint, rerank
from campaigns.services.appoint import Wanted
from tests.conftest import NOW
from tests.e2e import browser
from tests.services.paper import ink, one_bit, text_of
from tests.services.world import World

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
EMAIL, PASSWORD = "saeki@maker.example", "correct horse battery"
BODY = "はんだ外観の検査を、人手から画像に替えた工場の事例をお送りします。"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """Every process of an installation, with a mail catcher in place of the world."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    with Stage(var=tmp_path / "var", port=port, say=lambda _: None, stopped=lambda: False) as made:
        made.parts.clock.move_to(NOW)
        made.until_web_answers()
        yield made


def caught(stage: Stage) -> list[EmailMessage]:
    """The mails to the gateway, by their addresses."""
    parser = BytesParser(policy=policy.default)
    files = (stage.settings.folder / "caught").glob("*.eml")
    mails = [cast("EmailMessage", parser.parsebytes(path.read_bytes())) for path in files]
    return sorted((mail for mail in mails if "@fax.example" in mail["To"]), key=lambda mail: str(mail["To"]))


def world_with_faxes(parts: Parts, now: datetime) -> World:
    """Two open fax tasks about the press, and one to a number that is none."""
    world = World.build(parts, now)
    for number in ("03-1111-1111", "03-2222-2222", "03-33"):
        person = world.person()
        world.run("update people set fax = :f where id = :p", f=number, p=person)
        world.run(
            "insert into tasks (kind, person_id, product_id, state, due_at, created_at)"
            " values ('fax', :p, :q, 'open', :now, :now)",
            p=person, q=world.press_id, now=now,
        )  # fmt: skip
    return world


def test_a_fax_is_written_counted_sent_to_each_number_once_and_tried_again_where_busy(stage: Stage) -> None:
    accounts.create_first(
        stage.parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=stage.now()
    )
    world = world_with_faxes(stage.parts, stage.now())
    with browser.chromium() as chromium:
        window = browser.context(chromium, base=stage.base)
        browser.log_in(window, email=EMAIL, password=PASSWORD)
        page = window.new_page()
        turn_the_gateway_on(page)
        write_the_document(page)
        send_the_batch(page)
        stage.move(stage.now() + timedelta(minutes=2))
        mails = caught(stage)
        assert [mail["To"] for mail in mails] == ["0311111111@fax.example", "0322222222@fax.example"]
        (file,) = mails[0].iter_attachments()
        sheet = file.get_content()
        for words in (BODY, "試験 1郎様", "□ 今後のFAXは不要", "053-000-0001"):
            assert words in text_of(sheet)
        assert ink(one_bit(sheet)[0]) > 5000
        import_results(page)
        page.goto("/faxes")
        page.click("table a.strong")
        page.click("button:has-text('届かなかった1件をもう一度')")
        page.wait_for_selector("text=もう一度送ります")
        refuse(page)
        stage.move(stage.now() + timedelta(minutes=2))
    assert len(caught(stage)) == 2, "a number that refused while it waited gets nothing"
    assert [row.kind for row in world.rows("select kind from touchpoints where kind = 'fax_sent'")] == [
        "fax_sent"
    ]


def turn_the_gateway_on(page: Page) -> None:
    page.goto("/faxes/settings")
    page.fill("[name=gateway]", "fax.example")
    page.fill("[name=from_address]", "fax@maker.example")
    page.fill("[name=return_number]", "053-000-0001")
    page.click("main form button.primary")
    page.wait_for_selector("text=保存しました")


def write_the_document(page: Page) -> None:
    page.goto("/faxes/documents/new")
    page.fill("[name=title]", "検査の見落としを減らす")
    page.fill("[name=body]", BODY)
    page.select_option("[name=product]", label="小型プレス")
    page.click("main form button.primary")
    page.wait_for_selector("img.fax-picture")


def send_the_batch(page: Page) -> None:
    page.click("text=この原稿を送る")
    page.click("button:has-text('件数を確かめる')")
    page.wait_for_selector("text=番号が違う、または足りない")
    page.click("button:has-text('2件をメールFAXで送る')")
    page.wait_for_selector("text=送信を始めました")


def import_results(page: Page) -> None:
    page.goto("/faxes/results")
    page.fill("[name=text]", "FAX番号,結果\n03-1111-1111,OK\n03-2222-2222,話中\n03-4444-4444,OK\n")
    page.click("button:has-text('中身を確かめる')")
    page.wait_for_selector("text=この番号へ送った記録がありません")
    page.click("button:has-text('2件を取り込む')")
    page.wait_for_selector("text=2件の結果を取り込みました")


def refuse(page: Page) -> None:
    page.goto("/faxes/refusals")
    page.fill("[name=number]", "０３（２２２２）２２２２")
    page.fill("[name=evidence]", "返信用紙")
    page.click("aside form button.primary")
    page.wait_for_selector("text=今後FAXを送りません")


def test_a_visit_is_reported_from_todays_page_on_a_phone_in_four_taps(parts: Parts) -> None:
    user = accounts.create_first(
        parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=NOW
    )
    assert user is not None
    world = World.build(parts, NOW)
    person = world.person(touches=[("booth_talk", 3)])
    rerank.people(parts, [person], now=NOW)
    starts = NOW + timedelta(hours=1)
    id = appoint.run(
        parts,
        Wanted(person, starts, starts + timedelta(hours=1), product_id=world.press_id, staff=(user.id,)),
        user_id=user.id,
        now=NOW,
    )
    parts.clock.move_to(NOW + timedelta(hours=3))
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.set_viewport_size(browser.PHONE)  # type: ignore[arg-type]
        page.goto("/today")
        page.click(f"main a[href^='/appointments/{id}']")
        page.click("label.result:has-text('関心あり')")
        page.fill("[name=note]", "来春に入れ替えたい")
        page.click("label.result:has-text('電話する')")
        button = page.locator("button:has-text('報告する')")
        assert page.evaluate("document.documentElement.scrollWidth") <= browser.PHONE["width"]
        button.click()
        page.wait_for_selector("text=訪問を報告しました")
        assert page.evaluate("document.documentElement.scrollWidth") <= browser.PHONE["width"]
        assert page.locator("main >> text=来春に入れ替えたい").count()
    assert world.rows("select kind, note from touchpoints where kind = 'visit'") == [
        ("visit", "来春に入れ替えたい")
    ]
    assert [row.cause for row in world.tasks(person) if row.kind == "call"] == ["after_visit"]
