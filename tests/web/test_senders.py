"""The DNS panel of a sender profile: what to publish, how it stands, checked on demand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import dkim_keys
from campaigns.storage import users
from campaigns.web import app as web
from tests import world
from tests.services.fake_dns import FakeDns

ZONE = {
    ("minori.example", "TXT"): ['"v=spf1 include:_spf.other.example -all"'],
    ("_spf.other.example", "TXT"): ['"v=spf1 ip4:192.0.2.0/24 -all"'],
    ("minori.example", "MX"): ["10 mx.minori.example."],
    ("mx.minori.example", "A"): ["192.0.2.9"],
    ("out.relay.example", "A"): ["198.51.100.3"],
    ("_dmarc.minori.example", "TXT"): ['"v=DMARC1; p=none; rua=mailto:\'<script>alert(1)</script>"'],
}


@pytest.fixture
def dns() -> Iterator[FakeDns]:
    with FakeDns(ZONE) as server:
        yield server


@pytest.fixture
def page(parts: Parts, dns: FakeDns, now: datetime) -> FlaskClient:
    """Logged in as a marketer, one profile, our DNS server."""
    settings = replace(parts.settings, resolver=dns.setting, smtp_url="smtp://out.relay.example")
    with parts.engine.begin() as tx:
        world.sender(tx)
        user = users.add(
            tx,
            email="a@minori.example",
            name="佐伯",
            role="marketer",
            locale="ja",
            password_hash="x",
            now=now,
        )
    app = web.create(replace(parts, settings=settings))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{user}:1", True
    return client


def panel(client: FlaskClient, path: str = "/senders/1") -> str:
    text = client.get(path).text
    return text[text.index('id="dns"') :]


def test_before_a_check_every_record_stands_there_unchecked_and_nothing_is_asked(
    page: FlaskClient, dns: FakeDns
) -> None:
    shown = panel(page)
    assert shown.count("未確認") == 4
    assert "v=spf1 a:out.relay.example ~all" in shown
    assert "DKIM署名なしで送られます" in shown
    assert "ikusei dkim new minori.example" in shown
    assert dns.asked == []


def test_a_check_shows_each_state_as_a_word_and_stays(page: FlaskClient) -> None:
    answer = page.post("/senders/1/dns")
    assert answer.status_code == 302
    assert answer.location == "/senders/1#dns"
    for shown in (panel(page), panel(page)):
        assert ("不一致" in shown, "見つからない" in shown, "一致</span>" in shown) == (True, True, True)
        assert "a:out.relay.exampleが含まれていません" in shown
        assert "v=spf1 include:_spf.other.example a:out.relay.example -all" in shown
        assert "最後の確認" in shown


def test_what_others_wrote_into_dns_is_shown_as_text(page: FlaskClient) -> None:
    page.post("/senders/1/dns")
    shown = panel(page)
    assert "<script>alert" not in shown
    assert "&lt;script&gt;" in shown


def test_active_keys_take_the_warning_away(page: FlaskClient, parts: Parts, now: datetime) -> None:
    folder = dkim_keys.folder_of(parts.settings)
    dkim_keys.make(folder, "minori.example", now=now)
    shown = panel(page)
    assert "ikusei dkim activate minori.example" in shown
    dkim_keys.activate(folder, "minori.example", now=now)
    shown = panel(page)
    assert "DKIM署名なしで送られます" not in shown
    assert shown.count("この鍵で署名しています") == 2
    assert "ゾーンファイルの書き方" in shown


def test_a_silent_dns_keeps_the_last_result_and_says_so(page: FlaskClient, dns: FakeDns) -> None:
    page.post("/senders/1/dns")
    for key in dns.zone:
        dns.zone[key] = ["SERVFAIL"]
    answer = page.post("/senders/1/dns")
    assert answer.location == "/senders/1?dns=silent#dns"
    shown = panel(page, answer.location)
    assert "DNSに問い合わせできませんでした" in shown
    assert "不一致" in shown


def test_a_profile_without_a_from_address_says_what_comes_first(page: FlaskClient, parts: Parts) -> None:
    with parts.engine.begin() as tx:
        id = world.sender(tx, from_address="")
    assert "差出人アドレスを登録すると" in panel(page, f"/senders/{id}")
    assert page.post(f"/senders/{id}/dns").status_code == 302
    assert page.post("/senders/999/dns").status_code == 404
    assert 'id="dns"' not in page.get("/senders/new").text


def test_the_panel_is_there_while_a_form_is_corrected(page: FlaskClient) -> None:
    answer = page.post("/senders/1", data={"name": "", "version": "1"})
    assert answer.status_code == 422
    assert "v=spf1 a:out.relay.example" in answer.text


def test_broken_keys_are_named(page: FlaskClient, parts: Parts, now: datetime) -> None:
    folder = dkim_keys.folder_of(parts.settings)
    dkim_keys.make(folder, "minori.example", now=now)
    (folder / "minori.example" / "keys.json").write_text("{")
    assert "署名の鍵を読めません" in panel(page)
