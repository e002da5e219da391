"""Pictures of the pages for the README: `python -m tests.e2e.screenshots http://127.0.0.1:8000 FOLDER`.

Needs a demo that is running. Every picture comes in Japanese; with --all also in English and as narrow as a
phone, for looking through.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.e2e import browser
from tests.e2e.test_demo import EMAIL, PASSWORD

README = {
    "home": "/",
    "scenario": "/scenarios/1",
    "deliveries": "/deliveries",
    "calendar": "/calendar",
    "product": "/products/1",
    "import": "/imports/1",
    "desk": "/calls/desk?hours=all",
    "report": "/reports",
    "health": "/leads/health",
    "sites": "/visits",
    "catalogue": "/catalogues/1",
    "handoffs": "/hand-offs?show=accepted",
    "event": "/events/1",
}


def person_path(page: Page) -> str:
    """A person with a story: the first of the hot ones."""
    page.goto("/people?rank=hot")
    link = page.locator("main a[href^='/people/']").filter(has_not_text="CSV").first
    return link.get_attribute("href") or "/people"


def unsubscribe_path(page: Page) -> str:
    """The page behind the unsubscribe link of the newest marketing mail."""
    page.goto("/caught")
    for link in page.locator("main a[href^='/caught/']").all()[:20]:
        href = link.get_attribute("href") or ""
        answer = page.request.get(href)
        found = re.search(r"(/u/[\w.\-]+)", answer.text())
        if found:
            return found[1]
    return "/"


def main() -> None:
    base, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    every = "--all" in sys.argv
    with browser.chromium() as chromium:
        for lang in ("ja", "en") if every else ("ja",):
            for phone in (False, True) if every else (False,):
                window = browser.context(chromium, base=base, phone=phone, lang=lang)
                browser.log_in(window, email=EMAIL, password=PASSWORD)
                page = window.new_page()
                paths = README | {"person": person_path(page), "unsubscribe": unsubscribe_path(page)}
                for name, path in paths.items():
                    page.goto(f"{path}{'&' if '?' in path else '?'}lang={lang}")
                    mark = ("" if lang == "ja" else "-en") + ("-phone" if phone else "")
                    page.screenshot(path=folder / f"{name}{mark}.png", full_page=phone)
                window.close()


if __name__ == "__main__":
    main()
