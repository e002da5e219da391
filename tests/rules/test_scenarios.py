"""A new row's place, and what a mail calls its reader."""

from __future__ import annotations

from datetime import date

import pytest

from campaigns.rules import merge_fields, tone_lint
from campaigns.rules.merge_fields import Bond, Recipient


@pytest.mark.parametrize(
    ("recipient", "block"),
    [
        (
            Recipient("㈱浜名テクノ", "生産技術部", "部長", "若林", "若林 拓也"),
            "株式会社浜名テクノ\n生産技術部\n部長　若林 拓也 様",
        ),
        (Recipient("みのり精機(株)", "", "", "髙橋", "髙橋 𠮷郎"), "みのり精機株式会社\n髙橋 𠮷郎 様"),
        (Recipient("有限会社見本", "総務部"), "有限会社見本\n総務部\nご担当者様"),
        (Recipient("有限会社見本"), "有限会社見本 御中"),
        (Recipient(), "ご担当者様"),
        (Recipient("", "  ", "　", "", "  "), "ご担当者様"),
    ],
)
def test_the_salutation_has_no_empty_line_and_never_two_honorifics(recipient: Recipient, block: str) -> None:
    fields = merge_fields.build(recipient, None, sender="差出 花子", product="商材")
    assert fields["宛名"] == fields["salutation"] == block
    assert "None" not in "".join(fields.values())


@pytest.mark.parametrize(
    ("bond", "lang", "words"),
    [
        (
            Bond("card_exchange", "ミライ工場展", date(2026, 7, 29)),
            "ja",
            "7月29日のミライ工場展でお名刺をいただいた",
        ),
        (Bond("doc_request", "", date(2026, 7, 2)), "ja", "7月2日に資料をご請求いただいた"),
        (Bond("card_exchange", "", None), "ja", "以前お名刺をいただいた"),
        (None, "ja", "以前ご縁をいただいた"),
        (
            Bond("card_exchange", "Mirai", date(2026, 7, 29)),
            "en",
            "who gave us a business card at Mirai on 29 July",
        ),
        (None, "en", "who has been in touch with us"),
    ],
)
def test_the_bond_says_where_we_met(bond: Bond | None, lang: str, words: str) -> None:
    assert merge_fields.build(Recipient(), bond, sender="", product="", lang=lang)["ご縁"] == words


def test_the_lint_finds_loud_words_but_not_inside_tags_or_fields() -> None:
    found = tone_lint.findings(
        {"subject": "業界No.1の精度！！", "body": '<p class="絶対">すばらしい{{ 今だけ }}製品です。必見</p>'}
    )
    assert [(f.part, f.word) for f in found] == [
        ("subject", "業界No.1"),
        ("subject", "！！"),
        ("body", "すばらしい"),
        ("body", "必見"),
    ]
    assert tone_lint.findings({"body": "ご確認を必ずお願いします"}) == ()
