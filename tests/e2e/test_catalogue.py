"""A catalogue in a real browser: one screen, edited in place, one page of paper, narrow as a phone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pypdfium2
import pytest
from playwright.sync_api import Page

from campaigns.parts import Parts
from campaigns.services import accounts, edit_catalogue, write_asica, write_diary
from campaigns.services.write_diary import Told
from campaigns.storage import users
from tests.e2e import browser
from tests.services import tracked_house
from tests.services.tracked_house import TrackedHouse

# Every field of S0-16, with those that a house adds by itself.
FIELDS = (
    "profile", "expected", "budget", "decider", "contact", "culture", "ringi", "competitors", "rival_risk",
    "equipment",
)  # fmt: skip
EXTRAS = {"工場の数": "国内2、海外1", "年度末": "3月。予算の申請は11月末まで"}
EMAIL, PASSWORD = "saeki@minori.example", "a long enough password"


@pytest.fixture
def house(parts: Parts, now: datetime) -> TrackedHouse:
    """Every field of the catalogue filled, with more in the diary than a screen holds."""
    accounts.create_first(parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=now)
    made = tracked_house.build(parts, now)
    told = {
        "profile": {
            "profile": "車載電装部品の製造。従業員420名、浜松と湖西の2拠点。基板実装から組立まで内製。" * 3
        },
        "expected": {"expected_month": "2027-04", "certainty": "mid"},
        "budget": {"budget_min_yen": "1,500万", "budget_max_yen": "2,200万"},
        "decider": {"decider_id": str(made.boss_id)},
        "contact": {"contact_id": str(made.contact_id)},
        "culture": {"culture": "現場の合意を重んじる。実機を見てから決める。品質保証部の意見が強い。"},
        "ringi": {"ringi_state": "preparing", "ringi_on": "2027-01-18", "ringi_route": "部長会議 → 役員会"},
        "competitors": {"competitors": "光星テック、ハヤテ機工"},
        "rival_risk": {"rival_risk": "mid"},
        "equipment": {"equipment": "目視4名・拡大鏡"},
    }
    for field, form in told.items():
        edit_catalogue.save(parts, made.catalogue_id, field, form, version=0, user=made.owner, now=now)
    for label, value in EXTRAS.items():
        edit_catalogue.save_extra(
            parts, made.catalogue_id, None, label=label, value=value, version=0, user=made.owner, now=now
        )
    for prompt in ("requirements", "needs", "issues_ahead", "impact", "ability", "complaints"):
        write_asica.answer(
            parts,
            made.catalogue_id,
            made.sheet().id,
            stage="assignment",
            prompt=prompt,
            words="検査員4名の省人化。流出不良は年6件。",
            seen=0,
            user=made.owner,
            now=now,
        )
    for n in range(8):
        entry = Told(
            key=str(n), kind="internal", text="治具の概算を確認。" * 4, at=now, company_id=made.company_id
        )
        write_diary.run(parts, entry, user_id=made.owner.id, now=now)
    with parts.engine.begin() as tx:
        assert users.count(tx) > 1
        # What waits to be sent here is of no concern: its strip would stand above the page.
        tx.exec_driver_sql("update deliveries set state = 'cancelled'")
    return made


def height(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollHeight"))


def test_all_of_a_catalogue_is_on_one_screen_in_both_languages(parts: Parts, house: TrackedHouse) -> None:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        for lang in ("ja", "en"):
            page.goto(f"/catalogues/{house.catalogue_id}?lang={lang}")
            assert height(page) <= 800
            cells = [page.locator(f"#c-{field}") for field in FIELDS] + page.locator("[id^=x-]").all()
            assert len(cells) == len(FIELDS) + len(EXTRAS)
            for cell in cells:
                box = cell.bounding_box()
                assert box is not None
                assert box["y"] + box["height"] <= 800
            # Even with own fields what was asked first in this stage is read without scrolling inside the sheet.
            first = page.locator(".answer").first.bounding_box()
            assert first is not None
            assert first["y"] + first["height"] <= 800 - 12  # the sheet's lower edge


def test_a_press_on_a_field_opens_it_in_place_and_saves(parts: Parts, house: TrackedHouse) -> None:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.goto(f"/catalogues/{house.catalogue_id}")
        page.click("#c-equipment .cell-edit")
        page.fill("#f-equipment", "3D検査 試用中")
        page.click("#c-equipment button[type=submit]")
        page.wait_for_url("**#c-equipment")
        assert "3D検査 試用中" in page.inner_text("#c-equipment")
        assert "佐伯 美和" in page.inner_text("#c-equipment")


def test_the_diary_is_written_by_keyboard_alone(parts: Parts, house: TrackedHouse) -> None:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.goto(f"/catalogues/{house.catalogue_id}")
        page.keyboard.press("w")
        page.keyboard.type("keyboard entry")
        page.keyboard.press("Control+Enter")
        page.wait_for_url("**#diary")
        assert "keyboard entry" in page.inner_text(".entries")


def test_a_printed_catalogue_is_one_page_with_every_field(
    parts: Parts, house: TrackedHouse, tmp_path: Path
) -> None:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        for lang in ("en", "ja"):
            page.goto(f"/catalogues/{house.catalogue_id}?lang={lang}")
            page.pdf(path=tmp_path / "catalogue.pdf", format="A4", prefer_css_page_size=True)
            paper = pypdfium2.PdfDocument(tmp_path / "catalogue.pdf")
            assert len(paper) == 1, lang
    said = "".join(paper[0].get_textpage().get_text_range().split())
    for word in (
        "企業概要",
        "2027年4月",
        "1,500〜2,200万円",
        "部長会議",
        "光星テック",
        "他決リスク",
        "窓口",
        "国内2、海外1",
        "予算の申請は11月末まで",
        "課題",
        "検査員4名",
        "日報",
    ):
        assert word in said
    assert "項目を追加" not in said


def test_a_phone_shows_a_catalogue_and_the_diary_without_scrolling_sideways(
    parts: Parts, house: TrackedHouse
) -> None:
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as page:
        page.set_viewport_size({"width": 390, "height": 844})
        for path in (
            f"/catalogues/{house.catalogue_id}",
            f"/catalogues/{house.catalogue_id}?edit=ringi",
            "/catalogues",
            "/diary",
            f"/companies/{house.company_id}",
        ):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
