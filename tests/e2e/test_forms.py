"""Forms in a real browser: inside a page of another site, and without script."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from playwright.sync_api import expect
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.web import app as web
from tests.e2e import browser
from tests.services.test_submit_form import make
from tests.services.world import CHROME

VISITOR = "v1s1t0r-0123456789abcdef"
PAGE = """<!doctype html><html lang="ja"><title>製品</title><body><h1>製品</h1>
<script>window.ikusei = {{visitor: "{visitor}"}};</script>
<script src="{base}/form.js" data-form="{key}" data-lang="ja" defer></script></body></html>"""


@contextmanager
def served(application: object, port: int = 0) -> Iterator[str]:
    server = make_server("127.0.0.1", port, application, threaded=True)  # type: ignore[arg-type]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_form_works_inside_our_own_site_alone_and_without_script(parts: Parts, now: datetime) -> None:
    made = make(parts, now)
    site_page = {"body": b""}

    def site(environ: object, start: object) -> object:
        return Response(site_page["body"], mimetype="text/html")(environ, start)  # type: ignore[arg-type]

    with served(site) as origin:
        framed = replace(parts, settings=replace(parts.settings, sites=origin))
        with served(web.create(framed)) as base, browser.chromium() as chromium:
            words = PAGE.format(visitor=VISITOR, base=base, key=made.key)
            site_page["body"] = words.encode()
            # A headless browser says so in its name, and is kept aside as a machine.
            window = chromium.new_context(user_agent=CHROME, locale="ja-JP")
            page = window.new_page()
            page.goto(origin)
            frame = page.frame_locator("iframe")
            frame.locator("[name=email]").fill("suzuki@kakegawa.example")
            frame.locator("[name=company]").fill("掛川精工株式会社")
            page.wait_for_timeout(3500)  # no person is faster
            frame.locator("main button").click()
            expect(frame.locator("h1")).to_have_text("ありがとうございます")
            page.goto(origin.replace("127.0.0.1", "localhost"))  # another origin, which is not ours
            page.wait_for_timeout(500)
            assert page.frame_locator("iframe").locator("form").count() == 0
            page.goto(f"{base}/form/{made.key}?lang=ja&v={VISITOR}")
            # Whoever gets a copy of this address is not taken for this visitor.
            expect(page).to_have_url(f"{base}/form/{made.key}?lang=ja")
            expect(page.locator("[name=v]")).to_have_value(VISITOR)
            window.close()
            plain = chromium.new_context(
                base_url=base, java_script_enabled=False, user_agent=CHROME, locale="ja-JP"
            )
            page = plain.new_page()
            page.goto(f"/form/{made.key}")
            page.fill("[name=email]", "tanaka@kakegawa.example")
            page.fill("[name=company]", "掛川精工株式会社")
            page.wait_for_timeout(3500)
            page.click("main button")
            expect(page.locator("h1")).to_have_text("ありがとうございます")
            page.go_back()
            page.reload()
            plain.close()
    rows = made.rows("select state, visitor, answers->>'email' as email from form_entries order by id")
    assert [tuple(row) for row in rows] == [
        ("done", VISITOR, "suzuki@kakegawa.example"),
        ("done", "", "tanaka@kakegawa.example"),
    ]
    assert made.rows("select how from visitor_ties")[0].how == "form"
