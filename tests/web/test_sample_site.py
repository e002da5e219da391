"""The sample site of practice mode: pages in two languages that carry the page script."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from campaigns.parts import Parts
from campaigns.rules import form_texts
from campaigns.rules.forms import Kind
from campaigns.services import privacy_sample, tell_visitors
from campaigns.web.sample_site import SITE

SNIPPET = '<script src="/t.js" defer{} data-banner></script>'


@pytest.mark.parametrize("at", ["/practice/site/", "/practice/site/en/"])
def test_every_page_stands_in_both_languages_and_its_links_lead_somewhere(app: Flask, at: str) -> None:
    stranger = app.test_client()
    for key in SITE:
        answer = stranger.get(at + key)
        assert answer.status_code == 200
        page = answer.get_data(as_text=True)
        assert SNIPPET.format("") in page
        assert "Set-Cookie" not in answer.headers
        for href in re.findall(r'href="(/practice/[^"]+)"', page):
            assert stranger.get(href).status_code == 200, (key, href)
    assert stranger.get(at + "nowhere").status_code == 404


def test_no_page_says_again_what_the_form_in_it_says() -> None:
    page, form = SITE["request"], form_texts.start(Kind.DOC_REQUEST)
    assert page.ja.title != form.said("ja").title
    assert page.en.title != form.said("en").title


def test_the_site_measures_as_its_settings_say(app: Flask, parts: Parts) -> None:
    tell_visitors.choose(parts, parts.settings.base_url, "ask", user_id=None, now=parts.clock.now())
    page = app.test_client().get("/practice/site/home").get_data(as_text=True)
    assert SNIPPET.format(' data-consent="ask"') in page


def test_where_visitors_are_asked_no_page_says_that_it_records_already(app: Flask, parts: Parts) -> None:
    site = app.test_client()
    said = site.get("/practice/site/privacy").text, privacy_sample.both(parts)["ja"]
    assert "記録しています" in said[0]
    assert "許可する" not in said[1]
    tell_visitors.choose(parts, parts.settings.base_url, "ask", user_id=None, now=parts.clock.now())
    page = site.get("/practice/site/privacy").text
    assert "記録しています" not in page
    assert "お許しをいただいた方に限り" in page
    assert "only with your permission" in " ".join(site.get("/practice/site/en/privacy").text.split())
    assert "「記録を許可する」を押していただくまで記録しません" in privacy_sample.both(parts)["ja"]


def test_an_installation_that_sends_for_real_shows_no_sample(parts: Parts, settings_with: object) -> None:
    from campaigns.web import app as web

    object.__setattr__(parts, "settings", settings_with(smtp_url="smtp://127.0.0.1:1"))  # type: ignore[operator]
    assert web.create(parts).test_client().get("/practice/site/home").status_code == 404
