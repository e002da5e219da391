"""The designer in a real browser, by keyboard alone: the shipped exhibition scenario from nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, Route
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules import starters
from campaigns.rules.scenarios import Step
from campaigns.rules.starters import PatternRow
from campaigns.services import accounts, design
from tests import world
from tests.conftest import NOW
from tests.e2e import browser

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
EMAIL, PASSWORD = "saeki@maker.example", "correct horse battery"


@pytest.fixture
def page(parts: Parts) -> Iterator[Page]:
    accounts.create_first(parts, email=EMAIL, name="佐伯 美和", password=PASSWORD, locale="ja", now=NOW)
    with parts.engine.begin() as tx:
        world.product(tx)
    with browser.signed_in(parts, email=EMAIL, password=PASSWORD) as opened:
        yield opened


IS_AT = "selector => document.activeElement !== null && document.activeElement.matches(selector)"


def tab_to(page: Page, selector: str, *, back: bool = False) -> None:
    """Press Tab until the focus is there."""
    for _ in range(250):
        if page.evaluate(IS_AT, selector):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"no Tab leads to {selector}")


def choose(page: Page, selector: str, value: str) -> None:
    """Choose in the list that has the focus, by arrows."""
    find = "([s, v]) => { const e = document.querySelector(s); return [...e.options].findIndex(o => o.value === v) - e.selectedIndex }"
    steps = page.evaluate(find, [selector, value])
    for _ in range(abs(steps)):
        page.keyboard.press("ArrowDown" if steps > 0 else "ArrowUp")
    assert page.input_value(selector) == value


def write(page: Page, selector: str, words: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("Control+a")
    page.keyboard.type(words)


def row_at(page: Page) -> str:
    """The row that has the focus, or the focus in it."""
    return page.evaluate("(document.activeElement.closest('[data-row]') || {dataset: {}}).dataset.row || ''")


def go_to_row(page: Page, key: str) -> None:
    for direction in ("k", "j"):
        for _ in range(40):
            if row_at(page) == key:
                return
            page.keyboard.press(direction)
    raise AssertionError(f"no key leads to row {key}")


def open_new_row(page: Page, row: PatternRow, made: dict[str, str], trunk: str, arms: dict[str, str]) -> str:
    """A new row in its place, with the focus in its form; its key."""
    if not made:
        page.keyboard.press("n")
    elif not row.parent_key:
        go_to_row(page, trunk)
        page.keyboard.press("n")
    elif arms.get(f"{row.parent_key}/{row.arm}"):
        go_to_row(page, arms[f"{row.parent_key}/{row.arm}"])
        page.keyboard.press("n")
    else:
        go_to_row(page, made[row.parent_key])
        tab_to(page, f"[data-key=into-{row.arm}]")
        page.keyboard.press("Enter")
    page.wait_for_selector(".is-editing #kind:focus")
    return row_at(page)


def fill(page: Page, row: PatternRow, made: dict[str, str]) -> None:
    if row.kind != page.input_value("#kind"):
        choose(page, "#kind", row.kind)
        shows = {"branch": "#on", "call": "#who", "visit": "#who", "fax": "#who", "wait": "#wait"}
        page.wait_for_selector(shows.get(row.kind, "form[data-row-form]:not(:has(#content))"))
        page.wait_for_selector("#kind:focus")
    if row.kind in ("mail", "invite"):
        write(page, "#months", str(row.offset_months))
        write(page, "#day", str(row.want_day))
        tab_to(page, "#write")
        choose(page, "#write", row.starter)
        tab_to(page, "button[name=write]")
        page.keyboard.press("Enter")
        page.wait_for_selector("textarea[name=html]")
        tab_to(page, "main a[href*='/scenarios/']")
        page.keyboard.press("Enter")
        page.wait_for_selector("#designer [data-row]:focus")
        return
    if row.condition is not None:
        on = row.condition.on
        tab_to(page, "#on")
        if on != page.input_value("#on"):
            choose(page, "#on", on)
            page.wait_for_timeout(500)
        tab_to(page, "#of")
        choose(page, "#of", made[row.condition.of])
        write(page, "#wait", str(row.wait_days))
    elif row.kind in ("call", "visit", "fax"):
        write(page, "#title", row.title)
        tab_to(page, "#who")
        choose(page, "#who", row.who)
        write(page, "#due", str(row.due_days))
    page.keyboard.press("Enter")
    page.wait_for_selector("#designer:not(:has(.is-editing))")


def same(row: PatternRow, step: Step, made: dict[str, str]) -> None:
    wanted = row.condition
    assert (step.kind, step.arm, step.title, step.who) == (row.kind, row.arm, row.title, row.who)
    assert step.parent_key == made.get(row.parent_key, "")
    if row.kind == "mail":
        assert (step.offset_months, step.want_day, step.tone) == (row.offset_months, row.want_day, row.tone)
        assert step.has_mail
    if wanted is not None:
        assert step.condition is not None
        assert (step.condition.on, step.condition.of) == (wanted.on, made[wanted.of])
        assert step.wait_days == row.wait_days
    if row.kind in ("call", "visit"):
        assert step.due_days == row.due_days


def test_the_shipped_exhibition_scenario_is_designed_by_keyboard_alone(page: Page, parts: Parts) -> None:
    page.goto("/scenarios/new")
    tab_to(page, "input[name=pattern]")
    while page.evaluate("document.querySelector('input[name=pattern]:checked').value") != "blank":
        page.keyboard.press("ArrowDown")
        page.wait_for_timeout(250)
    write(page, "#purpose", "展示会のあと、相談したい人を見つけて会う")
    write(page, "#name", "展示会のあと")
    page.keyboard.press("Enter")
    page.wait_for_url("**/scenarios/1")
    made: dict[str, str] = {}
    arms: dict[str, str] = {}
    trunk = ""
    rows = starters.pattern("exhibition").rows
    for row in rows:
        key = open_new_row(page, row, made, trunk, arms)
        fill(page, row, made)
        made[row.key] = key
        if row.parent_key:
            arms[f"{row.parent_key}/{row.arm}"] = key
        else:
            trunk = key
    found = design.load(parts, 1, now=NOW)
    assert [step.key for step in found.steps] == [made[row.key] for row in rows]
    for row, step in zip(rows, found.steps, strict=True):
        same(row, step, made)
    # The mails are starters still, with places that only their author can fill in.
    assert {p.code for p in found.problems if p.is_error and p.line} == {"mail_unfinished"}


def test_a_pattern_chosen_while_somebody_types_takes_no_letter_away(page: Page) -> None:
    def slowly(route: Route) -> None:
        page.wait_for_timeout(300)
        route.continue_()

    page.goto("/scenarios/new")
    page.route("**/scenarios/new/pattern", slowly)
    with page.expect_response("**/scenarios/new/pattern"):
        page.check("#pattern-seminar")
        page.fill("#name", "既存のお客様")
    page.wait_for_function("document.querySelector('#goal_kind').value === 'seminar_attend'")
    assert page.input_value("#name") == "既存のお客様"
    with page.expect_response("**/scenarios/new/pattern"):
        page.check("#pattern-care")
    page.wait_for_function("document.querySelector('[name=classes][value=A]').checked")
    assert not page.is_checked("[name=classes][value=E]")


def test_rows_move_copy_go_and_come_back_by_keys(page: Page, parts: Parts) -> None:
    scenario = _small(parts)
    page.goto(f"/scenarios/{scenario}")
    first, second = (step.key for step in design.load(parts, scenario, now=NOW).steps)
    keys = lambda: [step.key for step in design.load(parts, scenario, now=NOW).steps]  # noqa: E731
    page.keyboard.press("j")
    assert row_at(page) == first
    page.keyboard.press("Alt+ArrowDown")
    page.wait_for_selector(f"#row-{second} + #row-{first}")
    page.wait_for_selector(f"#row-{first}:focus")
    assert keys() == [second, first]
    page.keyboard.press("Delete")
    page.wait_for_selector(f"#row-{second}:focus")
    assert keys() == [second]
    page.keyboard.press("d")
    page.wait_for_selector(".is-editing")
    page.keyboard.press("Escape")
    page.wait_for_selector("#designer:not(:has(.is-editing))")
    assert len(keys()) == 2
    for _ in range(3):
        before = keys()
        page.keyboard.press("Control+z")
        page.wait_for_timeout(600)
        assert keys() != before
    assert keys() == [first, second]


def test_the_sentence_follows_what_is_typed(page: Page, parts: Parts) -> None:
    scenario = _small(parts)
    page.goto(f"/scenarios/{scenario}")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_selector(".is-editing #kind:focus")
    write(page, "#months", "7")
    page.wait_for_selector(".d-editfoot .d-sentence:has-text('7か月後の')")
    assert design.load(parts, scenario, now=NOW).steps[0].offset_months != 7, "nothing is saved yet"


def test_single_keys_sleep_in_fields_while_composing_and_when_switched_off(page: Page, parts: Parts) -> None:
    scenario = _small(parts)
    count = lambda: len(design.load(parts, scenario, now=NOW).steps)  # noqa: E731
    page.goto(f"/scenarios/{scenario}")
    press = "init => document.body.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...init}))"
    page.evaluate(press, {"key": "n", "isComposing": True})
    page.evaluate(press, {"key": "n", "keyCode": 229})
    page.focus(".find input")
    page.keyboard.type("ndb")
    page.wait_for_timeout(300)
    assert count() == 2
    with parts.engine.begin() as tx:
        tx.execute(text("update users set single_keys = false"))
    page.goto(f"/scenarios/{scenario}")
    page.keyboard.press("n")
    page.wait_for_timeout(300)
    assert count() == 2


@pytest.mark.parametrize("phone", [False, True])
@pytest.mark.parametrize("lang", ["ja", "en"])
def test_no_page_of_the_designer_is_wider_than_its_window(
    page: Page, parts: Parts, phone: bool, lang: str
) -> None:
    scenario = _small(parts)
    key = design.load(parts, scenario, now=NOW).steps[0].key
    page.set_viewport_size({"width": 390, "height": 844} if phone else {"width": 1280, "height": 830})
    base = f"/scenarios/{scenario}"
    for path in (base, f"{base}?edit={key}", f"{base}/head", "/scenarios/new", f"{base}/rows/{key}/people"):
        page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, path


def _small(parts: Parts) -> int:
    """A scenario with two mails."""
    head = design.Head("展示会後フォロー", "相談を案件化する", "visit", ("C1", "D", "E", "-"), None)
    return design.create(parts, product_id=1, head=head, pattern="keep_in_mind", user_id=1, now=NOW)
