"""What stands against publishing a scenario, and what a mail calls its reader."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from campaigns.rules import merge_fields, tone_lint
from campaigns.rules.merge_fields import Bond, Recipient
from campaigns.rules.scenarios import (
    PATTERNS,
    Scenario,
    Setting,
    Step,
    check,
    errors,
    next_row,
    resume_positions,
)

TODAY = date(2026, 11, 24)
SOUND = Setting()
SCENARIO = Scenario(
    id=1,
    product_id=1,
    product_name="外観検査装置",
    name="展示会後フォロー",
    purpose="展示会の参加者から有望な見込み客を絞り込む",
    goal_kind="visit",
    classes=("C1", "D", "E", "-"),
    event_id=None,
    event_name=None,
    status="draft",
    published_no=0,
    version=1,
)


def step(position: int, **changes: Any) -> Step:
    base = Step(
        id=position,
        key=f"k{position}",
        position=position,
        offset_months=position - 1,
        content_id=position,
        content_title=f"内容{position}",
        has_mail=True,
    )
    return replace(base, **changes)


def codes(
    *steps: Step, scenario: Scenario = SCENARIO, setting: Setting = SOUND
) -> list[tuple[str, int | None]]:
    return [(p.code, p.line) for p in check(scenario, steps, setting=setting, today=TODAY)]


def test_a_sound_scenario_has_no_problem() -> None:
    assert codes(step(1), step(2), step(3), step(4, tone="sales_light", content_tone="sales_light")) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": "  "}, "purpose_missing"),
        ({"goal_kind": ""}, "goal_missing"),
        ({"goal_kind": "mail_open"}, "goal_missing"),
        ({"classes": ()}, "classes_missing"),
    ],
)
def test_a_head_that_lacks_something_is_refused(changes: dict[str, Any], code: str) -> None:
    found = check(replace(SCENARIO, **changes), [step(1)], setting=Setting(), today=TODAY)
    assert [p.code for p in errors(found)] == [code]


def test_an_online_goal_is_warned_about_but_allowed() -> None:
    found = check(replace(SCENARIO, goal_kind="doc_request"), [step(1)], setting=Setting(), today=TODAY)
    assert [(p.code, p.is_error) for p in found] == [("goal_online", False)]


def test_field_sales_classes_are_pointed_out_because_the_owner_has_to_agree() -> None:
    found = check(replace(SCENARIO, classes=("A", "C1")), [step(1)], setting=Setting(), today=TODAY)
    assert [(p.code, p.args, p.is_error) for p in found] == [("classes_of_field", {"classes": "A"}, False)]


def test_no_rows_an_ended_product_and_an_incomplete_sender_are_refused() -> None:
    setting = Setting(is_product_active=False, missing_disclosure=("postal_address",))
    assert codes(setting=setting) == [
        ("product_ended", None),
        ("sender_incomplete", None),
        ("no_steps", None),
    ]


@pytest.mark.parametrize(
    ("offsets", "expected"),
    [
        ((0, 1, 2), []),
        ((0, 0), [("same_month", 2)]),
        ((0, 2, 1), [("month_goes_back", 3)]),
        ((0, 2), []),
        ((0, 3), [("long_silence", 2)]),
        ((0, 61), [("long_silence", 2), ("month_out_of_range", 2)]),
    ],
)
def test_months_go_up_and_nobody_is_forgotten(
    offsets: tuple[int, ...], expected: list[tuple[str, int]]
) -> None:
    assert codes(*(step(n, offset_months=o) for n, o in enumerate(offsets, 1))) == expected


def test_each_row_needs_its_own_written_mail() -> None:
    assert codes(step(1, content_id=None)) == [("content_missing", 1)]
    assert codes(step(1, has_mail=False)) == [("content_without_mail", 1)]
    assert codes(step(1), step(2, content_id=1)) == [("content_twice", 2)]
    assert codes(step(1, valid_until=date(2026, 11, 23))) == [("already_expired", 1)]
    assert codes(step(1, valid_until=TODAY)) == []


# Source: spec 3.3, the worked sequences: [] no, [i,i,i] yes, [i,i,s] no, [s,i,i,i] yes.
@pytest.mark.parametrize(
    ("tones", "expected"),
    [
        ("s", [("sales_too_often", 1)]),
        ("iis", [("sales_too_often", 3)]),
        ("iiis", []),
        ("iiisiis", [("sales_too_often", 7)]),
        ("iiisiiis", []),
    ],
)
def test_one_mail_in_four_may_be_slightly_sales_coloured(tones: str, expected: list[tuple[str, int]]) -> None:
    words = {"i": "info", "s": "sales_light"}
    assert codes(*(step(n, tone=words[t]) for n, t in enumerate(tones, 1))) == expected


@pytest.mark.parametrize("company_class", ["C1", "C2", "D", "E", "-"])
def test_hard_selling_is_never_for_these_classes(company_class: str) -> None:
    scenario = replace(SCENARIO, classes=(company_class,))
    rows = (step(1), step(2), step(3), step(4, tone="sales_hard"))
    assert ("sales_hard_for_class", 4) in codes(*rows, scenario=scenario)


def test_hard_selling_to_a_and_b_keeps_the_ratio() -> None:
    scenario = replace(SCENARIO, classes=("A", "B"))
    rows = (step(1), step(2), step(3), step(4, tone="sales_hard"))
    assert [p.code for p in errors(check(scenario, rows, setting=Setting(), today=TODAY))] == []


def test_a_row_cannot_call_a_sales_mail_information() -> None:
    assert codes(step(1), step(2), step(3), step(4, content_tone="sales_light")) == [("tone_hidden", 4)]


def test_the_shipped_patterns_break_no_rule() -> None:
    for pattern in PATTERNS:
        rows = [
            step(n, offset_months=p.offset_months, tone=p.tone, content_tone=p.tone)
            for n, p in enumerate(pattern.steps, 1)
        ]
        wrong = errors(check(SCENARIO, rows, setting=Setting(), today=TODAY)) if rows else ()
        assert not wrong, pattern.code


def test_a_new_row_is_proposed_one_month_later_on_the_same_day() -> None:
    assert next_row([]) == (0, 1)
    assert next_row([step(1, want_day=1)]) == (1, 10)
    assert next_row([step(1), step(2, offset_months=4, want_day=15)]) == (5, 15)


def test_people_wait_at_the_same_row_after_rows_were_put_in_front() -> None:
    old = [step(1, key="a"), step(2, key="b")]
    new = [step(1, key="new"), step(2, key="a"), step(3, key="b")]
    assert resume_positions(old, new) == {1: 2, 2: 3}


def test_people_at_a_deleted_row_go_to_the_next_one_and_never_back() -> None:
    old = [step(1, key="a"), step(2, key="b"), step(3, key="c")]
    assert resume_positions(old, [step(1, key="a"), step(2, key="c", offset_months=2)])[2] == 2
    moved_up = [step(1, key="c", offset_months=0), step(2, key="a", offset_months=1)]
    assert resume_positions(old, moved_up)[2] == 3, "row a was done and stands last: all rows are done"
    assert resume_positions(old, []) == {1: 1, 2: 1, 3: 1}


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
