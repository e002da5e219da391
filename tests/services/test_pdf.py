"""Pages on paper, looked at as a machine with black and white alone would print them."""

from __future__ import annotations

import pypdfium2
import pytest

from campaigns.services import pdf
from tests.services.paper import ink, one_bit, text_of


def test_japanese_text_stands_in_the_file_and_on_the_picture() -> None:
    laid = pdf.lay_out([pdf.title("日報"), pdf.paragraph("髙橋様・佐藤様 ①㈱ 1,840万円")], name="日報")
    assert laid.pages == 1
    assert "髙橋様・佐藤様" in text_of(laid.data)
    assert ink(one_bit(laid.data)[0]) > 500


def test_a_bullet_is_printed_as_the_mark_it_is() -> None:
    assert "・ 短い" in text_of(pdf.render(pdf.bullets(["短い"]), name="x"))


def test_the_same_story_gives_the_same_bytes() -> None:
    assert pdf.render([pdf.paragraph("同じ")], name="x") == pdf.render([pdf.paragraph("同じ")], name="x")


def test_what_is_typed_is_never_markup() -> None:
    assert "<b>&amp;" in text_of(pdf.render([pdf.paragraph("<b>&amp;")], name="x"))


@pytest.mark.parametrize(
    ("text", "lacking"),
    [("山田 太郎", ""), ("😀山田😀🚀", "😀🚀"), ("株式会社\n髙﨑 ①㈱ 𠀋", ""), ("ตัวอย่าง", "ตัวอย่าง")],
)
def test_letters_without_a_shape_are_named_once_each(text: str, lacking: str) -> None:
    assert pdf.missing(text) == "".join(dict.fromkeys(lacking))


def test_a_letter_without_a_shape_prints_as_a_sign_and_not_as_nothing() -> None:
    assert "〓田" in text_of(pdf.render([pdf.paragraph("😀田")], name="x"))


def test_a_long_table_goes_on_overleaf_with_its_head_and_nothing_is_cut() -> None:
    rows = [["企業", "内容"], *([f"第{n}工業", "検査の話" * 6] for n in range(90))]
    laid = pdf.lay_out([pdf.table(rows, widths_mm=[40, 134])], name="一覧", foot="日報 11月24日")
    told = text_of(laid.data)
    assert laid.pages > 1
    assert told.count("内容") == laid.pages
    assert all(f"第{n}工業" in told for n in range(90))
    assert f"{laid.pages} / {laid.pages}" in told
    assert told.count("日報 11月24日") == laid.pages


def test_a_cell_taller_than_a_page_is_parted() -> None:
    told = "長いメモ。" * 1500 + "終わり"
    laid = pdf.lay_out([pdf.table([["企業", "メモ"], ["A社", told]], widths_mm=[30, 100])], name="x")
    assert laid.pages > 1
    assert "終わり" in text_of(laid.data)


def test_the_margins_stay_white() -> None:
    story = [pdf.paragraph("検査装置のご案内です。" * 200), *pdf.bullets(["要点" * 80] * 5), pdf.rule()]
    page = one_bit(pdf.render(story, name="x", foot="みのり精機" * 8))[0]
    width, height = page.size
    edge = round(10 / 210 * width)
    for side in ((0, 0, edge, height), (width - edge, 0, width, height), (0, 0, width, edge)):
        assert ink(page.crop(side)) == 0


def test_a_page_is_a4_upright() -> None:
    width, height = pypdfium2.PdfDocument(pdf.render([pdf.paragraph("x")], name="x"))[0].get_size()
    assert (round(width), round(height)) == (595, 842)
