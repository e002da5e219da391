from datetime import date

import pytest

from campaigns.rules.classes import Basis, Class, Customer, classify, year_before

TODAY = date(2026, 11, 22)
DEAL = date(2026, 6, 1)


def current(id: int, profit: int, **more) -> Customer:
    return Customer(id, last_deal_on=more.pop("deal", DEAL), profit_12m=profit, **more)


def test_the_worked_example():
    found = classify(
        [
            current(1, 5000),
            current(2, 2500),
            current(3, 1000),
            current(4, 700),
            current(5, 400),
            current(6, 250, is_field=True),
            current(7, 150),
            current(8, -800),
            current(9, 0, deal=date(2025, 11, 22)),
            Customer(10, last_deal_on=date(2025, 11, 21)),
            Customer(11, is_contact=True),
            Customer(12, has_rep=True, is_contact=True),
            Customer(13),
        ],
        today=TODAY,
    )
    words = {i: c.cls + ("*" if c.loss_making else "") for i, c in found.items()}
    assert words == {
        1: "A", 2: "A", 3: "A", 4: "B", 5: "B", 6: "C2", 7: "C1", 8: "C1*", 9: "C1*",
        10: "D", 11: "E", 12: "C1*", 13: "-",
    }  # fmt: skip


@pytest.mark.parametrize("unit", [1, 10, 333_333_337])
def test_exact_edges_fall_on_the_right_side(unit):
    found = classify([current(i, n * unit) for i, n in enumerate((60, 20, 15, 5))], today=TODAY)
    assert [found[i].cls for i in range(4)] == ["A", "A", "B", "C1"]


def test_one_yen_before_the_cut_makes_the_next_one_a():
    found = classify([current(1, 79), current(2, 16), current(3, 5)], today=TODAY)
    assert [found[i].cls for i in (1, 2, 3)] == ["A", "A", "C1"]


def test_without_any_profit_all_current_customers_are_c():
    found = classify([current(1, 0), current(2, -5), current(3, 0, is_field=True)], today=TODAY)
    assert [found[i].cls for i in (1, 2, 3)] == ["C1", "C1", "C2"]


def test_a_tie_goes_to_the_smaller_id():
    found = classify([current(9, 50), current(2, 50)], today=TODAY, cuts=(0.50, 0.90))
    assert (found[2].cls, found[9].cls) == (Class.A, Class.B)


def test_other_cuts_and_the_sales_basis_change_the_result():
    rows = [
        Customer(1, DEAL, profit_12m=90, sales_12m=10),
        Customer(2, DEAL, profit_12m=10, sales_12m=90),
    ]
    assert classify(rows, today=TODAY)[1].cls == Class.A
    assert classify(rows, today=TODAY)[2].cls == Class.B
    assert classify(rows, today=TODAY, basis=Basis.SALES)[1].cls == Class.B
    assert classify(rows, today=TODAY, cuts=(0.70, 0.90))[2].cls == Class.C1


def test_a_year_before_29_february_is_28_february():
    assert year_before(date(2028, 2, 29)) == date(2027, 2, 28)
