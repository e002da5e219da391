"""The demo's story: a marketer comes back from an exhibition, and three months pass.

She uses the same pages as everybody: first account, sender, products, list, scenarios. Then the clock goes
from one due thing to the next; inside sales calls once a week from the call list. Counts are taken from
the catcher and the database at the end.
"""

from __future__ import annotations

import csv
import io
import re
import time
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from campaigns.demo import counts, texts
from campaigns.demo.browser import Browser, Page, PageError
from campaigns.demo.stage import Stage
from campaigns.demo.texts import EYELINE, VX500, Product
from campaigns.rules.schedule import month_of
from campaigns.sample import exhibition

__all__ = ["EMAIL", "PASSWORD", "Stage", "tell"]

EMAIL = "saeki@minori.example"
PASSWORD = "minori-seiki-2026"  # noqa: S105 - the demo's, printed on its last line
NAME = "佐伯 美和"

SHOW = date(2026, 8, 26)
START = datetime.combine(date(2026, 9, 1), clock_time(9, 30))
END = datetime.combine(date(2026, 11, 30), clock_time(10, 15))  # a Monday morning, when people call
CALL_DAY = 2  # Wednesdays
CALLS_A_WEEK = 4
TALKED_ROWS = 90  # how many of the list also stood at the VX-500 and talked with staff


def tell(stage: Stage) -> dict[str, Any]:
    """Play everything; returns the counts."""
    began = time.monotonic()
    stage.parts.clock.move_to(START.replace(tzinfo=stage.settings.tz))
    stage.until_web_answers()
    stage.invite_recipients()
    her = Browser(stage.base)
    furnish(her)
    rejected = _first_list(her)
    _second_list(her)
    for product in texts.PRODUCTS:
        _scenario(stage, her, product)
    stage.say(f"{START:%Y-%m-%d}  lists imported, two scenarios published; the clock starts")
    _months(stage, her)
    found = counts.count(stage.parts, rejected=rejected)
    found["seconds"] = round(time.monotonic() - began, 1)
    _conclude(stage, found)
    return found


def furnish(her: Browser) -> None:
    """The first account, who sends, what is sold, the pages of the maker's site and a form on it."""
    _first_account(her)
    _house(her)
    _pages(her)
    _form(her)


def _first_account(her: Browser) -> None:
    page = her.get("/")
    her.send(page, "again", {"email": EMAIL, "name": NAME, "password": PASSWORD, "again": PASSWORD})


def _house(her: Browser) -> None:
    """Who sends, and what is sold."""
    her.send(her.get("/senders/new"), "legal_name", texts.PROFILE)
    for product in texts.PRODUCTS:
        page = her.get("/products/new")
        her.send(
            page,
            "unsubscribe_label",
            {
                "name": product.name,
                "sender_profile_id": _option(page, "sender_profile_id", texts.PROFILE["name"]),
                "owner_user_id": _option(page, "owner_user_id", NAME),
                "unsubscribe_label": product.label,
                "list_key": product.list_key,
                "purchase_cycle_days": str(product.cycle_days),
                "priority": str(product.priority),
                "colour_no": str(product.colour_no),
                "expected_amount_yen": str(product.amount_yen),
            },
        )


def _pages(her: Browser) -> None:
    """What the pages of the maker's site are about."""
    for pattern, product, themes, is_key in texts.PAGES:
        page = her.get("/visits/rules/new")
        values = {"pattern": pattern, "product": _option(page, "product", product), "tags": themes}
        her.send(page, "pattern", values | ({"is_key": "1"} if is_key else {}), press=("press", "save"))


def _form(her: Browser) -> None:
    """A request for material, which the sample site carries."""
    page = her.get("/forms/new")
    product = _option(page, "product_id", texts.EYELINE.name)
    values = {"kind": "doc_request", "name": texts.FORM, "product_id": product}
    page = her.send(page, "kind", values)
    her.send(page, "langs", {}, press=("then", "publish"))


def _first_list(her: Browser) -> list[dict[str, object]]:
    """The business cards of the exhibition, as Eight exports them; returns what was refused."""
    page = _upload(her, exhibition.FILE_NAME, exhibition.csv(seed=1, first_day=SHOW))
    done = _import(
        her,
        page,
        {
            "event_name": "ミライ工場展2026",
            "event_starts_on": SHOW.isoformat(),
            "event_ends_on": (SHOW + timedelta(days=2)).isoformat(),
            "kind": "card_exchange",
            "basis": "card_written",
            "purpose_published": "1",
            "product_id": _option(page, "product_id", EYELINE.name),
        },
    )
    return _rejected(her, done)


def _second_list(her: Browser) -> None:
    """Staff's own list of who talked about the VX-500, with a column that says how it went."""
    cards = [card for card in exhibition.cards(seed=1, first_day=SHOW) if "@" in card.email][:TALKED_ROWS]
    sheet = io.StringIO()
    out = csv.writer(sheet)
    out.writerow(["会社名", "氏名", "メールアドレス", "ランク", "メモ"])
    for place, card in enumerate(cards):
        how = ("A", "B", "C", "")[place % 4]
        note = {"A": "来期に更新を検討。実機を見たい。", "B": "段取り替えが1日4回。"}.get(how, "")
        out.writerow([card.company, card.name, card.email, how, note])
    page = _upload(her, "VX-500_対応メモ.csv", sheet.getvalue().encode("utf-8-sig"))
    _import(
        her,
        page,
        {
            "event_id": _option(page, "event_id", "ミライ工場展2026"),
            "basis": "card_written",
            "purpose_published": "1",
            "product_id": _option(page, "product_id", VX500.name),
        },
    )


def _upload(her: Browser, name: str, data: bytes) -> Page:
    """File, then columns as they were guessed; returns the page of the confirmation."""
    page = her.send(her.get("/imports"), "file", {"file": (name, data)})
    return her.send(page, "column-0", {})


def _import(her: Browser, page: Page, answers: dict[str, str]) -> Page:
    """Answer what the wizard asks, look at the counts again, import; returns the last page."""
    page = her.send(page, "basis", answers, press=("action", "count"))
    return her.send(page, "basis", answers, press=("action", "import"))


def _rejected(her: Browser, done: Page) -> list[dict[str, object]]:
    """Rows that came back, by the file the wizard offers."""
    links = done.links("errors.csv")
    if not links:
        return []
    rows = csv.DictReader(io.StringIO(her.get(links[0]).text.lstrip("\ufeff")))
    return [{"line": int(row["行番号"]), "reason": row["理由"]} for row in rows]


def _scenario(stage: Stage, her: Browser, product: Product) -> None:
    """Design in the form: the months as rows, each with its mail; then publish."""
    page = her.get("/scenarios/new")
    page = her.send(
        page,
        "goal_kind",
        {
            "pattern": "blank",
            "name": product.scenario,
            "purpose": product.purpose,
            "product_id": _option(page, "product_id", product.name),
            "goal_kind": "visit",
        },
    )
    home = page.url
    for month, letter in enumerate(product.letters):
        page = her.get(home)
        rows = page.tree.xpath("//@data-row")
        page = her.send(page, "/rows", {"after": rows[-1]} if rows else {})
        values = {
            "offset_months": str(month),
            "want_day": str(product.want_day),
            "tone": "info",
            "starter": "blank",
        }
        page = her.send(page, "offset_months", values, press=("write", "1"))
        her.send(
            page,
            "subject",
            {
                "title": letter.title,
                "kind": letter.kind,
                "subject": letter.subject,
                "preheader": letter.preheader,
                "html": letter.html(stage.base),
            },
            press=("then", "back"),
        )
    her.send(her.get(home + "/publish"), "/publish", {})


def _option(page: Page, field: str, words: str) -> str:
    """The value of the choice with these words."""
    for option in page.tree.xpath(f"//select[@name='{field}']/option"):
        if words in option.text_content():
            return str(option.get("value"))
    raise LookupError(f"no {words!r} among the choices of {field!r} on {page.url}")


def _months(stage: Stage, her: Browser) -> None:
    """From one due thing to the next until the end; calls once a week."""
    zone = stage.settings.tz
    end = END.replace(tzinfo=zone)
    month, call_on = month_of(stage.now(), zone), _next_call_day(stage.today())
    weeks = 0
    stage.quiet()
    while True:
        now = stage.now()
        coming = [at for at in (stage.next_instant(), _call_time(stage, call_on)) if at is not None]
        at = min(coming)
        if at > end:
            break
        stage.move(at)
        if at >= _call_time(stage, call_on):
            if call_on + timedelta(days=7) <= END.date():
                _call(her)  # the last week's list is left to whoever looks at the demo
            weeks += 1
            _answer_hand_offs(her, close=weeks % 5 == 0)
            _finish(her, "fax", "sent", most=25)
            _finish(her, "mail", "sent", most=10)
            _finish(her, "visit", "visited", most=3)
            stage.quiet()
            call_on = _next_call_day(stage.today())
        if month_of(stage.now(), zone) != month:
            stage.say(counts.month_line(stage.parts, month))
            month = month_of(stage.now(), zone)
        assert stage.now() > now
    stage.move(end)
    stage.say(counts.month_line(stage.parts, month))


def _next_call_day(today: date) -> date:
    return today + timedelta(days=(CALL_DAY - today.weekday() - 1) % 7 + 1)


def _call_time(stage: Stage, day: date) -> datetime:
    return datetime.combine(day, clock_time(10, 5), tzinfo=stage.settings.tz)


def _call(her: Browser) -> None:
    """Inside sales takes the first lines of the call list and presses what came of each call."""
    for turn in range(CALLS_A_WEEK):
        page = her.get("/calls")
        tasks = [link for link in page.links("/calls/") if re.search(r"/calls/\d+$", link)]
        if not tasks:
            return
        result, words = texts.CALLS[turn % len(texts.CALLS)]
        desk = her.get(tasks[0])
        her.send(desk, "result", {"note": words}, press=("result", result))


def _answer_hand_offs(her: Browser, *, close: bool) -> None:
    """Field sales takes what was offered, and now and then wins one."""
    for _ in range(8):
        page = her.get("/hand-offs")
        if not _has(page, "/accept"):
            break
        her.send(page, "/accept", {})
    started = her.get("/hand-offs?show=accepted").links("hand_off=")
    if close and started:
        deal = her.send(her.get(started[0]), "amount_yen", {"amount_yen": "1,680万円"})
        her.send(deal, "/close", {"result": "won"})


def _finish(her: Browser, kind: str, outcome: str, *, most: int) -> None:
    """Work through the first tasks of a kind."""
    for _ in range(most):
        page = her.get(f"/calls?kind={kind}")
        if not _has(page, "outcome"):
            return
        her.send(page, "outcome", {}, press=("outcome", outcome))


def _has(page: Page, form: str) -> bool:
    try:
        page.form(form)
    except PageError:
        return False
    return True


def _conclude(stage: Stage, found: dict[str, Any]) -> None:
    """What happened, in lines."""
    say = stage.say
    say("")
    say(
        f"  rows read {found['rows_read']}, imported {found['rows_imported']}, rejected {len(found['rows_rejected'])}"
    )
    say(
        f"  mails by month {found['mails_by_month']}; most to one person in a month {found['max_mails_per_person_month']}"
    )
    say(
        f"  opens {found['opens']}, clicks {found['clicks']} ({found['clicks_by_people']} by people), replies {found['replies']}"
    )
    say(f"  people by rank {found['people_by_rank']}")
    say(f"  tasks {found['tasks']}; call list {found['call_list_rows']}")
    say(
        f"  left one product and still got the other: {found['unsubscribed_one_product_still_mailed_other']};"
        f" duplicate mails {found['duplicate_mails']}; undecided deliveries"
        f" {found['deliveries_without_final_or_dated_state']}"
    )
    say(f"  {found['seconds']} s")
