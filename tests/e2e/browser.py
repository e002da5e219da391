"""Headless Chromium from the system, driven by Playwright: loopback only, nothing downloaded."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from werkzeug.serving import make_server

from campaigns.parts import Parts
from campaigns.web import app as web

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WIDE = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; fails with the package's name when it is not installed."""
    path = shutil.which("chromium")
    if path is None:
        raise RuntimeError("chromium is not installed: see deploy/apt.txt")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def context(browser: Browser, *, base: str, phone: bool = False, lang: str = "ja") -> BrowserContext:
    """A fresh window in a language: wide, or as narrow as a phone."""
    return browser.new_context(
        base_url=base,
        viewport=PHONE if phone else WIDE,  # type: ignore[arg-type]
        device_scale_factor=2 if phone else 1,
        is_mobile=phone,
        locale="ja-JP" if lang == "ja" else "en-GB",
    )


def log_in(window: BrowserContext, *, email: str, password: str) -> None:
    page = window.new_page()
    page.goto("/login")
    page.fill("input[name=email]", email)
    page.fill("input[name=password]", password)
    page.click("button[type=submit]")
    page.wait_for_load_state()
    page.close()


@contextmanager
def signed_in(parts: Parts, *, email: str, password: str) -> Iterator[Page]:
    """A real server of these parts, and a wide Japanese window of somebody who has logged in."""
    server = make_server("127.0.0.1", 0, web.create(parts), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with chromium() as browser:
            window = context(browser, base=f"http://127.0.0.1:{server.port}")
            log_in(window, email=email, password=password)
            yield window.new_page()
            window.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
