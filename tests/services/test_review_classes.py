"""The monthly review, other rules, owners, mailboxes, and figures from a list."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.classes import Basis, Class, Rules
from campaigns.rules.figures import HeadError
from campaigns.services import classify, import_figures, review_classes
from campaigns.services.import_figures import FiguresWrong
from campaigns.services.review_classes import Stale
from tests.conftest import NOW
from tests.services.test_classify import classes, company
from tests.services.world import World

DEAL = date(2026, 6, 1)


@pytest.fixture
def world(parts: Parts) -> World:
    return World.build(parts, NOW)


def three(parts: Parts) -> list[int]:
    """甲 is A, 乙 is B, 丙 is C1."""
    ids = [
        company(parts, name, profit_12m_yen=profit, last_deal_on=DEAL)
        for name, profit in (("甲", 850), ("乙", 100), ("丙", 50))
    ]
    classify.run(parts, now=NOW)
    assert classes(parts) == {"甲": "A", "乙": "B", "丙": "C1"}
    return ids


def row(parts: Parts, id: int) -> Any:
    with parts.engine.connect() as tx:
        return tx.execute(text('select *, "class" as cls from companies where id = :i'), {"i": id}).one()


def change(parts: Parts, id: int, **values: object) -> None:
    with parts.engine.begin() as tx:
        for name, value in values.items():
            tx.execute(text(f"update companies set {name} = :v where id = :i"), {"v": value, "i": id})


def test_who_moves_between_a_and_c_waits_for_the_review(parts: Parts) -> None:
    _, _, third = three(parts)
    change(parts, third, profit_12m_yen=90_000)
    done = classify.run(parts, now=NOW)
    assert row(parts, third).cls == "C1"
    assert row(parts, third).suggested_class == "A"
    assert (done.moved, done.waiting) == ((), 3)  # 甲 and 乙 would fall
    assert classify.run(parts, now=NOW) == done


def test_what_the_last_deal_and_the_owner_decide_holds_at_once(parts: Parts) -> None:
    first, second, third = three(parts)
    change(parts, second, last_deal_on=date(2025, 11, 1))
    change(parts, third, has_field_rep=True)
    classify.run(parts, now=NOW)
    assert (row(parts, second).cls, row(parts, third).cls) == ("D", "C2")
    assert row(parts, first).cls == "A"


def test_a_review_accepts_or_keeps_and_asks_again_next_month(parts: Parts, world: World) -> None:
    first, second, third = three(parts)
    change(parts, third, profit_12m_yen=90_000)
    classify.run(parts, now=NOW)
    assert review_classes.decide(parts, [third], accepts=True, user_id=world.owner_id, now=NOW) == 1
    assert review_classes.decide(parts, [first], accepts=False, user_id=world.owner_id, now=NOW) == 1
    assert (row(parts, third).cls, row(parts, first).cls) == ("A", "A")
    shown = review_classes.overview(parts, now=NOW)
    assert [one.company_id for one in shown.differences] == [second]
    assert review_classes.decide(parts, None, accepts=False, user_id=world.owner_id, now=NOW) == 1
    [review] = review_classes.overview(parts, now=NOW).reviews
    assert (review.accepted, review.kept, review.closed_at is not None) == (1, 2, True)
    later = NOW + timedelta(days=31)
    classify.run(parts, now=later)
    waiting = {one.company_id for one in review_classes.overview(parts, now=later).differences}
    assert waiting == {first, second}


def test_a_decision_twice_changes_nothing(parts: Parts, world: World) -> None:
    _, _, third = three(parts)
    change(parts, third, profit_12m_yen=90_000)
    classify.run(parts, now=NOW)
    for n in (1, 0):
        assert review_classes.decide(parts, [third], accepts=True, user_id=world.owner_id, now=NOW) == n


def test_a_locked_company_is_neither_moved_nor_suggested(parts: Parts) -> None:
    _, _, third = three(parts)
    change(parts, third, profit_12m_yen=90_000, class_locked=True)
    classify.run(parts, now=NOW)
    assert (row(parts, third).cls, row(parts, third).suggested_class) == ("C1", "")


def test_a_loss_is_flagged_even_where_the_class_is_locked(parts: Parts) -> None:
    _, _, third = three(parts)
    change(parts, third, profit_12m_yen=-5, class_locked=True)
    classify.run(parts, now=NOW)
    assert row(parts, third).loss_making


def test_other_rules_are_seen_before_they_are_saved_and_hold_at_once_then(parts: Parts, world: World) -> None:
    three(parts)
    wanted = Rules(Basis.PROFIT, (0.5, 0.85))
    assert classify.preview(parts, wanted, now=NOW) == {(Class.B, Class.C1): 1}
    assert classes(parts)["乙"] == "B"
    done = review_classes.set_rules(
        parts, wanted, label_c1="電話", label_c2="", version=1, user_id=world.owner_id, now=NOW
    )
    assert len(done.moved) == 1
    assert classes(parts)["乙"] == "C1"
    with pytest.raises(Stale):
        review_classes.set_rules(
            parts, Rules(), label_c1="", label_c2="", version=1, user_id=world.owner_id, now=NOW
        )


def test_the_sales_basis_changes_who_is_a(parts: Parts, world: World) -> None:
    first, _, third = three(parts)
    change(parts, third, sales_12m_yen=1_000)
    moves = classify.preview(parts, Rules(Basis.SALES, (0.8, 0.95)), now=NOW)
    assert moves[Class.C1, Class.A] == 1
    assert first


def test_managed_accounts_get_an_owner_and_nobody_is_taken_over(parts: Parts, world: World) -> None:
    first, second, third = three(parts)
    change(parts, third, owner_user_id=world.owner_id)
    world.run(
        "insert into users (email, name, role, created_at) values ('r@x.example', 'R', 'field_sales', :n)",
        n=NOW,
    )
    rep = world.rows("select id from users where role = 'field_sales'")[0].id
    assert len(review_classes.overview(parts, now=NOW).ownerless) == 2
    ids = [first, second, third]
    assert review_classes.give_owner(parts, ids, owner_user_id=rep, user_id=world.owner_id, now=NOW) == 2
    assert (row(parts, first).owner_user_id, row(parts, first).has_field_rep) == (rep, True)
    assert row(parts, third).owner_user_id == world.owner_id
    assert review_classes.overview(parts, now=NOW).ownerless == ()


def test_completeness_counts_names_with_a_mailbox_that_takes_mail(parts: Parts, world: World) -> None:
    for status in ("ok", "unknown", "hard", "complaint"):
        person = world.person()
        world.run(
            "update addresses set status = :s where id = (select address_id from people where id = :p)",
            s=status,
            p=person,
        )
    nameless = world.person()
    world.run("update people set full_name = '' where id = :p", p=nameless)
    company(parts, "誰もいない", **{"class": "E"})
    shown = review_classes.overview(parts, now=NOW)
    assert shown.completeness["E"] == (6, 2)
    missing = review_classes.incomplete(parts, "E")
    assert [one.person_id is not None for one in missing] == [True, True, True, False]
    ids = [one.company_id for one in missing]
    assert review_classes.ask_for_addresses(parts, ids, user_id=world.owner_id, now=NOW) == 3
    assert review_classes.ask_for_addresses(parts, ids, user_id=world.owner_id, now=NOW) == 0
    assert {one.has_task for one in review_classes.incomplete(parts, "E")} == {True, False}


def figures(parts: Parts, words: str, *, skips: bool = False) -> import_figures.Imported:
    return import_figures.run(parts, words.encode("cp932"), skips_unknown=skips, user_id=None, now=NOW)


def test_an_amount_that_its_own_commas_part_is_no_other_amount(parts: Parts) -> None:
    company(parts, "甲", hojin_no="1234567890123")
    with pytest.raises(FiguresWrong) as caught:
        figures(parts, "法人番号,年間利益,年間売上\r\n1234567890123,-1,000,2000\r\n")
    assert [(one.line, one.code) for one in caught.value.found] == [(2, "wide")]
    spaced = "法人番号,年間利益,年間売上\r\n1234567890123,-1,2000,,\r\n"
    assert figures(parts, spaced).changed == 1


def test_figures_of_a_list_are_written_and_class_the_companies(parts: Parts) -> None:
    id = company(parts, "浜名テクノ工業", core_key="ハマナテクノ工業")
    world_key = "浜名テクノ工業"
    with parts.engine.begin() as tx:
        from campaigns.rules.matching import company_key

        tx.execute(
            text("update companies set core_key = :k where id = :i"),
            {"k": company_key(world_key).core, "i": id},
        )
    done = figures(
        parts, '会社名,最終取引日,年間利益,売上高\r\n浜名テクノ工業株式会社,2026/6/1,"1,234万円",５億円\r\n'
    )
    assert (done.rows, done.changed) == (1, 1)
    one = row(parts, id)
    assert (one.profit_12m_yen, one.sales_12m_yen, one.last_deal_on) == (12_340_000, 500_000_000, DEAL)
    assert one.cls == "A"
    again = figures(parts, "会社名,年間利益\r\n浜名テクノ工業,\r\n")
    assert again.changed == 0


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ("甲,2026/6/1,たくさん,", "odd"),
        ("甲,2026/6/1,,-5", "negative"),
        ("甲,2026/6/1,99兆円,", "too_big"),
        ("甲,2026/13/1,1,", "date_odd"),
        ("甲,2027/6/1,1,", "in_the_future"),
        (",2026/6/1,1,", "no_company"),
        ("丁,2026/6/1,1,", "unknown"),
        ("=1+1|x!,2026/6/1,1,", "formula"),
    ],
)
def test_one_bad_cell_and_nothing_of_the_list_is_written(parts: Parts, cells: str, code: str) -> None:
    id = company(parts, "甲", core_key="甲")
    company(parts, "乙", core_key="乙")
    with pytest.raises(FiguresWrong) as caught:
        figures(parts, f"企業名,最終取引日,年間利益,年間売上\n乙,2026/6/1,5,5\n{cells}\n")
    assert next((one.line, one.code) for one in caught.value.found) == (3, code)
    assert classes(parts) == {"甲": "-", "乙": "-"}
    assert row(parts, id).profit_12m_yen == 0


def test_a_loss_is_a_figure(parts: Parts) -> None:
    id = company(parts, "甲", core_key="甲")
    figures(parts, "企業名,最終取引日,利益\n甲,2026/6/1,-300\n")
    assert (row(parts, id).profit_12m_yen, row(parts, id).cls, row(parts, id).loss_making) == (
        -300,
        "C1",
        True,
    )


def test_unknown_companies_may_be_skipped_but_two_rows_of_one_may_not(parts: Parts) -> None:
    company(parts, "甲", core_key="甲")
    done = figures(parts, "企業名,利益\n甲,5\n丁,5\n", skips=True)
    assert (done.changed, [one.value for one in done.skipped]) == (1, ["丁"])
    with pytest.raises(FiguresWrong):
        figures(parts, "企業名,利益\n甲,5\n甲,6\n", skips=True)


@pytest.mark.parametrize(
    ("head", "code"),
    [("氏名,利益", "no_company"), ("企業名,住所", "no_figures"), ("企業名,利益,粗利", "twice")],
)
def test_a_list_without_its_columns_says_so(parts: Parts, head: str, code: str) -> None:
    with pytest.raises(HeadError, match=code):
        figures(parts, f"{head}\n甲,5,6\n")


def test_figures_go_to_nobody_of_another_legal_form_or_number(parts: Parts) -> None:
    stock = company(parts, "株式会社東洋", core_key="東洋", legal_form="kk", hojin_no="5021001010106")
    for cells in ("有限会社東洋,,5", "株式会社東洋,7010001008844,5"):
        done = figures(parts, f"企業名,法人番号,利益\n{cells}\n", skips=True)
        assert (done.changed, len(done.skipped)) == (0, 1), cells
    assert row(parts, stock).profit_12m_yen == 0
    limited = company(parts, "有限会社東洋", core_key="東洋", legal_form="yk")
    figures(parts, "企業名,利益\n(有)東洋,7\n東洋㈱,8\n")
    assert (row(parts, limited).profit_12m_yen, row(parts, stock).profit_12m_yen) == (7, 8)
    with pytest.raises(FiguresWrong) as caught:
        figures(parts, "企業名,利益\n東洋,9\n")
    assert [one.code for one in caught.value.found] == ["several"]
