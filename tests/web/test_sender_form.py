"""The sender's form: warm-up with its week ahead, and the SMTP account it asks for."""

from __future__ import annotations

from datetime import date

import pytest
from flask.testing import FlaskClient

from campaigns.parts import Parts
from campaigns.services import sender_profiles
from campaigns.storage import sender_days
from campaigns.web import app as web
from tests.web.test_products import SENDER

WARM = SENDER | {"warmup_from": "2026-11-23", "warmup_first": "１００"}


def test_a_warm_up_is_kept_and_its_week_is_shown(parts: Parts, client: FlaskClient) -> None:
    assert client.post("/senders/new", data=WARM).location == "/senders/1"
    sender = sender_profiles.find(parts, 1)
    assert sender is not None
    assert (sender.warmup_from, sender.warmup_first) == (date(2026, 11, 23), 100)
    with parts.engine.begin() as tx:
        sender_days.take(tx, 1, day=date(2026, 11, 24), n=30, ceiling=150)
    page = client.get("/senders/1").text
    assert 'value="2026-11-23"' in page
    assert "今日は30通を送りました（上限150通）" in page
    for most in ("150通まで", "230通まで", "340通まで", "1,140通まで"):
        assert most in page
    assert "から上限がなくなります" in page
    assert "up to 1,140 mails" in client.get("/senders/1?lang=en").text


def test_without_a_first_day_there_is_no_ceiling(parts: Parts, client: FlaskClient) -> None:
    client.post("/senders/new", data=SENDER)
    sender = sender_profiles.find(parts, 1)
    assert sender is not None
    assert (sender.warmup_from, sender.warmup_first, sender.smtp_account) == (None, 50, "")
    page = client.get("/senders/1").text
    assert "これからの上限" not in page
    assert "使うSMTPアカウント" not in page, "one way out: nothing to choose"
    client.post("/senders/1", data=WARM | {"version": "1"})
    client.post("/senders/1", data=SENDER | {"version": "2"})
    again = sender_profiles.find(parts, 1)
    assert again is not None
    assert again.warmup_from is None


@pytest.mark.parametrize(
    ("changed", "field", "says"),
    [
        ({"warmup_from": "soon"}, "warmup_from", "この形では使えません"),
        ({"warmup_from": "2026-02-30"}, "warmup_from", "この形では使えません"),
        ({"warmup_first": "9"}, "warmup_first", "10から50,000の間"),
        ({"warmup_first": "50001"}, "warmup_first", "10から50,000の間"),
        ({"warmup_first": "many"}, "warmup_first", "数字で"),
        ({"smtp_account": "nowhere"}, "smtp_account", "選び直して"),
    ],
)
def test_an_odd_value_is_named_and_nothing_is_written(
    parts: Parts, client: FlaskClient, changed: dict[str, str], field: str, says: str
) -> None:
    answer = client.post("/senders/new", data=WARM | changed)
    assert answer.status_code == 422
    assert f'id="f-{field}"' in answer.text
    assert says in answer.text
    assert sender_profiles.listed(parts) == []


def test_a_sender_asks_for_one_of_several_accounts(parts: Parts, settings_with, sign_in) -> None:  # type: ignore[no-untyped-def]
    url = "smtp://127.0.0.1:9?name=main smtp://u:s3cr3t@127.0.0.1:9?name=second&starttls=none"
    object.__setattr__(parts, "settings", settings_with(smtp_url=url, base_url="https://maker.example"))
    sign_in("admin")
    made = web.create(parts)
    made.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    browser = made.test_client()
    with browser.session_transaction(base_url="https://localhost") as session:
        session["_user_id"], session["_fresh"] = "1:1", True
    form = browser.get("/senders/new", base_url="https://localhost").text
    assert '<option value="second">second</option>' in form
    assert "s3cr3t" not in form
    answer = browser.post(
        "/senders/new", data=SENDER | {"smtp_account": "second"}, base_url="https://localhost",
        headers={"Referer": "https://localhost/senders/new"},
    )  # fmt: skip
    assert answer.location == "/senders/1"
    sender = sender_profiles.find(parts, 1)
    assert sender is not None
    assert sender.smtp_account == "second"
    # The account is taken out of the settings: the profile keeps its name, and the page says so.
    object.__setattr__(
        parts,
        "settings",
        settings_with(smtp_url="smtp://127.0.0.1:9?name=main", base_url="https://maker.example"),
    )
    page = browser.get("/senders/1", base_url="https://localhost").text
    assert "second（設定にありません）" in page
