"""One story in a real browser, in Japanese: from the CSV of a show to an order, and back into the win rate.

Everything is real: `ikusei` with its tracker, worker, scheduler, mail catcher, database and queue; the practice
clock is moved as the demo moves it. Each step leaves a touch on one timeline.
"""

from __future__ import annotations

import csv
import io
import re
import socket
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser as Chromium
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import text

from campaigns.demo import recipients, story
from campaigns.demo.browser import Browser
from campaigns.demo.stage import Stage
from tests.e2e import browser
from tests.services.world import CHROME

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SHOW = date(2026, 8, 26)
START = datetime.combine(date(2026, 9, 1), time(9, 30))
PERSON, ADDRESS, COMPANY = "若林 拓也", "wakabayashi@hamana.example", "浜名テクノ工業株式会社"
PEOPLE = (
    (COMPANY, "生産技術部", "課長", PERSON, ADDRESS, "053-000-1284", "A", "はんだ外観を人手で、1日4名。"),
    (COMPANY, "購買部", "主任", "古賀 玲奈", "koga@hamana.example", "053-000-1285", "", ""),
    ("株式会社東雲精密", "製造部", "", "北条 真紀", "hojo@shinonome.example", "03-0000-2211", "B", ""),
)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    with Stage(var=tmp_path / "var", port=port, say=lambda _: None, stopped=lambda: False) as made:
        made.parts.clock.move_to(START.replace(tzinfo=made.settings.tz))
        made.until_web_answers()
        yield made


@pytest.fixture
def chromium() -> Iterator[Chromium]:
    with browser.chromium() as found:
        yield found


def sheet() -> bytes:
    """The list that staff bring home from a show."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["会社名", "部署", "役職", "氏名", "メールアドレス", "電話番号", "ランク", "メモ"])
    rows.writerows(PEOPLE)
    return out.getvalue().encode("utf-8-sig")


def one(stage: Stage, sql: str, **values: object) -> Any:
    """The first row."""
    with stage.parts.engine.connect() as tx:
        return tx.execute(text(sql), values).first()


def kinds(stage: Stage, person_id: int) -> list[str]:
    """What happened with this person, oldest first."""
    with stage.parts.engine.connect() as tx:
        rows = tx.execute(
            text("select kind from touchpoints where person_id = :id and validity > 0 order by at, id"),
            {"id": person_id},
        )
        return [row.kind for row in rows]


def test_from_the_list_of_a_show_to_an_order_and_back_into_the_win_rate(
    stage: Stage, chromium: Chromium
) -> None:
    story.furnish(Browser(stage.base))
    staff = browser.context(chromium, base=stage.base)
    browser.log_in(staff, email=story.EMAIL, password=story.PASSWORD)
    page = staff.new_page()
    import_the_list(page)
    person = one(stage, "select id from people where full_name = :name", name=PERSON).id
    stage.quiet()
    publish_the_scenario(stage, page)
    mail = thank_you_mail(stage)
    visitor = chromium.new_context(locale="ja-JP", user_agent=CHROME)
    read_and_ask(stage, visitor, mail)
    lead = one(stage, "select rank, p_win from product_leads where person_id = :id", id=person)
    assert lead.rank == "hot"
    call_and_agree_a_visit(stage, page)
    report_the_visit(stage, page)
    write_the_catalogue(page)
    hand_over_and_win(page)
    stage.move(stage.now() + timedelta(hours=16))  # the night's work
    newest = one(stage, "select rates from calibrations where product_id = 1 order by id desc limit 1")
    assert lead.p_win == pytest.approx(0.22)
    assert newest.rates[3] == pytest.approx((1 + 2.2) / 11), "one of one won, beside ten assumed leads"
    page.goto("/leads/health?product=1")
    assert page.locator("text=29.1%").count()
    assert in_order(kinds(stage, person), TIMELINE)
    page.goto(f"/people/{person}")
    shown = page.locator("#timeline").inner_text()
    assert mail.subject in shown, "the thank-you mail stands at its click"
    for words in (
        "説明員対応",
        "メールのクリック",
        "重要ページの閲覧",
        "資料請求",
        "営業へ引き渡し",
        "訪問",
        "はんだ外観の検査を自動にし",
        "課題 → 解決",
        "案件化",
        "受注",
    ):
        assert words in shown, words


TIMELINE = (
    "booth_talk_prospect",
    "mail_click",
    "web_view_key",
    "doc_request",
    "handed_over",
    "call_interest",
    "visit",
    "asica",
    "asica",
    "taken_on",
    "opportunity",
    "order",
)


def in_order(found: list[str], wanted: tuple[str, ...]) -> bool:
    """Whether the wanted kinds come one after the other; others may stand between."""
    rest = iter(found)
    return all(kind in rest for kind in wanted)


def call_and_agree_a_visit(stage: Stage, page: Page) -> None:
    stage.move(at(stage, 3, time(10, 5)))
    page.goto("/calls/desk")
    assert PERSON in page.locator("main").inner_text()
    page.keyboard.press("7")
    page.fill("#on", "2026-09-10")
    page.fill("#at", "14:00")
    page.fill("#note", "工場で実機を見たい。10日14時に。")
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=記録しました：アポ獲得")
    assert not one(stage, "select 1 from touchpoints where kind = 'call_interest'"), (
        "60 s long it can be undone"
    )
    stage.move(at(stage, 3, time(10, 8)))


def report_the_visit(stage: Stage, page: Page) -> None:
    stage.move(at(stage, 10, time(15, 30)))
    page.goto("/today")
    page.click("main a:has-text('報告する')")
    page.click("label.result:has-text('話ができた')")
    page.fill("[name=note]", "基板のはんだ外観を見た。来期4月に導入したい。決裁は北島部長。")
    page.click("label.result:has-text('何もしない')")
    page.click("button:has-text('報告する')")
    page.wait_for_selector("text=基板のはんだ外観を見た")


def write_the_catalogue(page: Page) -> None:
    """Drafted by the show itself; the visit's words stand in its diary already."""
    page.goto("/catalogues")
    page.click(f"main a:has-text('{COMPANY}')")
    assert "来期4月に導入したい" in page.locator("main").inner_text()
    cell(page, "expected", {"expected_month": "2027-04", "certainty": "mid"})
    cell(page, "budget", {"budget_min_yen": "1500万", "budget_max_yen": "22,000,000"})
    cell(page, "answer:requirements", {"words": "はんだ外観の検査を自動にし、検査員を4名から1名へ。"})
    page.click("a.stage:has-text('解決')")
    page.click("button:has-text('「解決」に進める')")
    page.wait_for_selector("a.stage.now:has-text('解決')")
    shown = page.locator("main").inner_text()
    assert "2027年4月" in shown
    assert "1,500〜2,200万円" in shown


def cell(page: Page, field: str, values: dict[str, str]) -> None:
    """Edit a field of the catalogue in its place."""
    page.click(f"a.cell-edit[href*='edit={field}#']")
    form = page.locator("form.cell-form").first
    form.wait_for()
    for name, value in values.items():
        where = form.locator(f"[name={name}]")
        if where.evaluate("one => one.tagName") == "SELECT":
            where.select_option(value)
        else:
            where.fill(value)
    form.locator("button[type=submit].primary").click()
    form.wait_for(state="detached")


def hand_over_and_win(page: Page) -> None:
    page.goto("/hand-offs")
    page.click("button:has-text('受け入れる')")
    page.click("main a:has-text('案件にする')")
    page.click("button:has-text('登録')")
    page.wait_for_url(re.compile(r"/opportunities/\d+"))
    page.click("#result label:has-text('受注')")
    page.click("#result button[type=submit]")
    page.wait_for_selector("main >> text=受注")


def at(stage: Stage, day: int, clock: time) -> datetime:
    return datetime.combine(date(2026, 9, day), clock, tzinfo=stage.settings.tz)


def option(page: Page, field: str, words: str) -> str:
    """The value of the choice with these words."""
    found = page.locator(f"select[name={field}] option", has_text=words).first.get_attribute("value")
    assert found is not None
    return found


def choose(page: Page, field: str, value: str) -> None:
    """Choose from a list that sends its form at once."""
    with page.expect_navigation():
        page.select_option(f"[name={field}]", value)


def import_the_list(page: Page) -> None:
    page.goto("/imports")
    page.set_input_files(
        "input[name=file]", {"name": "展示会.csv", "mimeType": "text/csv", "buffer": sheet()}
    )
    page.click("button:has-text('読み込む')")
    page.click("main form button.primary")
    page.click("summary:has-text('新しい展示会')")
    page.fill("[name=event_name]", "ミライ工場展2026")
    page.fill("[name=event_starts_on]", SHOW.isoformat())
    page.fill("[name=event_ends_on]", (SHOW + timedelta(days=2)).isoformat())
    # Each choice asks the page to count again.
    choose(page, "basis", "card_written")
    choose(page, "product_id", option(page, "product_id", story.EYELINE.name))
    with page.expect_navigation():
        page.check("[name=purpose_published]")
    page.click("button[value=import]")
    page.wait_for_selector("text=取り込みました")


def publish_the_scenario(stage: Stage, page: Page) -> None:
    page.goto("/scenarios/new")
    with page.expect_response("**/scenarios/new/pattern"):
        page.check("#pattern-exhibition_hot")
    page.wait_for_load_state("networkidle")
    page.fill("#name", "展示会のあとの半年")
    page.fill("#purpose", "展示会でお会いした方に、実機を見に来ていただく")
    page.select_option("#product_id", label=story.EYELINE.name)
    page.click("button:has-text('作って設計に進む')")
    page.wait_for_url(re.compile(r"/scenarios/\d+"))
    home = page.url.split("?")[0]
    page.goto(home)
    page.locator("a[href^='/mails/'][href*='back=']").first.click()
    words = page.input_value("[name=html]")
    page.fill(
        "[name=html]",
        re.sub(r"https://www\.example\.co\.jp/[a-z/-]*", f"{stage.base}/practice/site/case-solder", words),
    )
    page.click("button[name=then][value=back]")
    page.goto(home + "/publish")
    if page.locator("[name=read]").count():
        page.check("[name=read]")
    page.click("main button.btn-primary")
    page.wait_for_url(re.compile(r"/scenarios/\d+(\?|$)"))


def thank_you_mail(stage: Stage) -> recipients.Letter:
    """Let the days pass until the mail is in the mailbox."""
    stage.quiet()
    for _ in range(40):
        for path in sorted((stage.settings.folder / "caught").glob("*.eml")):
            letter = recipients.read(path.stem, path.read_bytes())
            if letter is not None and letter.to == ADDRESS:
                return letter
        at = stage.next_instant()
        assert at is not None, "nothing is due, and no mail has come"
        stage.move(at)
    raise AssertionError("no thank-you mail")


def read_and_ask(stage: Stage, visitor: BrowserContext, mail: recipients.Letter) -> None:
    """A day later the person follows the link, looks at the price page and asks for the material."""
    stage.move(stage.now() + timedelta(days=1, hours=2))
    page = visitor.new_page()
    page.goto(next(url for url in mail.links if "/c/" in url))
    page.mouse.move(100, 100)
    page.mouse.move(140, 160)
    page.goto(f"{stage.base}/practice/site/price")
    page.mouse.move(120, 100)
    page.mouse.move(150, 160)
    page.goto(f"{stage.base}/practice/site/request")
    form = page.frame_locator("iframe")
    form.get_by_label("メールアドレス").fill(ADDRESS)
    form.get_by_label("会社名").fill(COMPANY)
    page.wait_for_timeout(3500)  # no person is faster
    form.locator("button[type=submit]").click()
    form.locator("h1:has-text('ありがとうございます')").wait_for()
    for minutes in (1, 5, 10):
        stage.move(stage.now() + timedelta(minutes=minutes))
