"""The broadcasts' pages: form, look before sending, second person, results."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.services import run_broadcasts
from campaigns.web import broadcasts
from tests import world
from tests.web.conftest import SignIn
from tests.world import START, World


@pytest.fixture
def ten(parts: Parts) -> World:
    """Ten people of a product, which are all there are, and a written mail."""
    made = world.build(parts, count=10, offsets=(5,))
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into content_variants (content_id, lang, subject, html)"
                " values (:c, 'ja', '検査のコツ', '<p>{{ 宛名 }}</p><p>検査のコツです。</p>')"
            ),
            {"c": made.contents[0]},
        )
    return made


def _form(made: World, **changed: object) -> dict[str, object]:
    return {
        "name": "11月の検査のコツ",
        "product_id": made.product,
        "theme": "検査のコツ",
        "content_id": made.contents[0],
        "classes": ["D", "E"],
        "send_on": "2026-11-26",
        **changed,
    }


def _version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    return found[1]


def _stored_version(parts: Parts) -> int:
    with parts.engine.connect() as tx:
        return int(tx.execute(text("select version from broadcasts")).scalar_one())


def _make(client: FlaskClient, made: World, **changed: object) -> tuple[str, str]:
    """A saved one: its address, and its page."""
    answer = client.post("/broadcasts/new", data=_form(made, **changed))
    assert answer.status_code == 303
    return answer.location, client.get(answer.location).text


def _press(client: FlaskClient, path: str, what: str, **more: str) -> str:
    version = _version(client.get(path).text)
    data = {"version": version, **more}
    return client.post(f"{path}/{what}", data=data, follow_redirects=True).text


def test_mass_mailing_is_sent_only_by_a_second_person(
    client: FlaskClient, sign_in: SignIn, parts: Parts, ten: World
) -> None:
    path, page = _make(client, ten)
    assert "100%" in page
    assert "承認を依頼する" in page
    assert "承認を依頼しました" in _press(client, path, "ask")
    assert "自分の依頼は、自分では承認できません。" in client.get(path).text
    assert "自分の依頼は、自分では承認できません。" in _press(client, path, "approve")

    other = sign_in("marketer", name="大石 健")
    page = _press(other, path, "refuse")
    assert "理由を書いてください" in page
    page = _press(other, path, "approve")
    assert "送信を始めました" in page
    assert "10名がどうなったか" in page
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(*) from enrollments")).scalar() == 10


def test_a_mail_rewritten_after_the_second_persons_look_is_looked_at_again(
    client: FlaskClient, sign_in: SignIn, parts: Parts, ten: World
) -> None:
    path, _ = _make(client, ten)
    _press(client, path, "ask")
    other = sign_in("marketer", name="大石 健")
    seen = re.search(r'name="seen" value="([^"]+)"', other.get(path).text)
    assert seen is not None
    with parts.engine.begin() as tx:
        tx.execute(text("update content_variants set subject = '今だけ半額', version = version + 1"))
    assert "ほかの人が先に変更しました" in _press(other, path, "approve", seen=seen[1])
    with parts.engine.connect() as tx:
        assert tx.execute(text("select state from broadcasts")).scalar() == "asked"
    again = re.search(r'name="seen" value="([^"]+)"', other.get(path).text)
    assert again is not None
    assert "送信を始めました" in _press(other, path, "approve", seen=again[1])


def test_a_mail_of_another_product_is_not_sent_and_is_named_in_the_form(
    client: FlaskClient, parts: Parts, ten: World
) -> None:
    with parts.engine.begin() as tx:
        pump = world.insert(tx, "products", name="計量ポンプ", list_key="pump", created_at=START)
        tx.execute(text("update contents set product_id = :pump"), {"pump": pump})
    path, page = _make(client, ten)
    assert "別の商材のものです" in page
    version = {"version": _stored_version(parts)}
    assert client.post(f"{path}/ask", data=version).status_code == 422
    assert "（計量ポンプ）" in client.get(f"{path}/edit").text


@pytest.mark.parametrize("gone", ["4711", "ended"])
def test_a_product_that_is_gone_meanwhile_is_asked_for_and_nothing_is_lost(
    client: FlaskClient, parts: Parts, ten: World, gone: str
) -> None:
    form = _form(ten, **({"product_id": gone} if gone != "ended" else {}))
    if gone == "ended":
        with parts.engine.begin() as tx:
            tx.execute(text("update products set is_active = false"))
    answer = client.post("/broadcasts/new", data=form)
    assert answer.status_code == 422
    assert "商材を選んでください。" in answer.text
    assert 'value="11月の検査のコツ"' in answer.text


def test_refused_one_shows_its_reason_and_can_be_changed(
    client: FlaskClient, sign_in: SignIn, ten: World
) -> None:
    path, _ = _make(client, ten)
    _press(client, path, "ask")
    page = _press(sign_in("marketer", name="大石 健"), path, "refuse", reason="対象が広すぎます")
    assert "大石 健さんが差し戻しました。" in page
    assert "対象が広すぎます" in page
    assert client.get(f"{path}/edit").status_code == 200


def test_one_that_was_asked_for_cannot_be_changed_until_withdrawn(client: FlaskClient, ten: World) -> None:
    path, _ = _make(client, ten)
    _press(client, path, "ask")
    assert client.get(f"{path}/edit").status_code == 303
    assert "下書きに戻しました" in _press(client, path, "withdraw")
    assert client.get(f"{path}/edit").status_code == 200


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"theme": ""}, "テーマを書いてください。"),
        ({"product_id": ""}, "商材を選んでください。"),
        ({"name": " "}, "名前を書いてください。"),
    ],
)
def test_without_product_theme_or_name_nothing_is_saved_and_nothing_lost(
    client: FlaskClient, ten: World, changed: dict[str, object], said: str
) -> None:
    answer = client.post("/broadcasts/new", data=_form(ten, **changed))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="2026-11-26"' in answer.text


def test_what_stands_against_sending_is_listed_with_its_remedy(client: FlaskClient, ten: World) -> None:
    path, page = _make(client, ten, send_on="2026-11-28", content_id="")
    assert "送る前に直すこと 2件" in page
    assert "11/28は休みの日です。近い営業日は 11/27・11/30 です。" in page
    answer = client.post(f"{path}/ask", data={"version": "2"})
    assert "送る前に直すこと" in answer.text or answer.status_code == 303


def test_audience_is_counted_while_the_form_is_filled_in(client: FlaskClient, ten: World) -> None:
    query = {"product_id": ten.product, "classes": ["E"]}
    page = client.get("/broadcasts/count", query_string=query).text
    assert "<strong>10</strong>" in page
    assert "ほかの人の承認が要ります" in page
    assert (
        "<strong>0</strong>" in client.get("/broadcasts/count", query_string={**query, "classes": "A"}).text
    )
    assert "商材を選ぶと" in client.get("/broadcasts/count").text


def test_stale_save_keeps_both_and_overwrites_only_when_asked(client: FlaskClient, ten: World) -> None:
    path, _ = _make(client, ten)
    version = _version(client.get(f"{path}/edit").text)
    client.post(f"{path}/edit", data=_form(ten, name="先の保存", version=version))
    answer = client.post(f"{path}/edit", data=_form(ten, name="あとの保存", version=version))
    assert answer.status_code == 409
    assert "先の保存" in answer.text
    assert "あとの保存" in answer.text
    answer = client.post(f"{path}/edit", data=_form(ten, name="あとの保存", version=_version(answer.text)))
    assert answer.status_code == 303


def test_test_tells_how_many_people_it_needs(client: FlaskClient, ten: World) -> None:
    _, page = _make(client, ten, ab="subject", subject_b="別の件名", sample_n="4")
    assert "各組2,518名が必要です。" in page
    assert "テストは各組20名からです。" in page


def test_figures_of_a_running_test_stay_hidden(
    client: FlaskClient, sign_in: SignIn, parts: Parts, ten: World
) -> None:
    with parts.engine.begin() as tx:
        world.people(tx, parts, 60, product=ten.product, first=100)
    path, _ = _make(client, ten, ab="subject", subject_b="別の件名", sample_n="20", send_on="2026-11-24")
    _press(client, path, "ask")
    page = _press(sign_in("marketer", name="大石 健"), path, "approve")
    assert "A/Bテスト中" in page
    assert "それまで反応の数字は見せません" in page
    assert "<h2>反応</h2>" not in page
    assert "判定まで伏せています" in client.get("/broadcasts").text


def test_cancelling_needs_a_reason_and_ends_what_has_not_left(
    client: FlaskClient, sign_in: SignIn, parts: Parts, ten: World
) -> None:
    path, _ = _make(client, ten)
    _press(client, path, "ask")
    _press(sign_in("marketer", name="大石 健"), path, "approve")
    assert "理由を書いてください" in _press(client, path, "cancel")
    page = _press(client, path, "cancel", reason="内容に誤り")
    assert "中止しました" in page
    with parts.engine.connect() as tx:
        assert tx.execute(text("select count(*) from enrollments where status = 'active'")).scalar() == 0


def test_one_that_was_approved_but_has_not_begun_can_be_cancelled_and_never_begins(
    client: FlaskClient,
    sign_in: SignIn,
    parts: Parts,
    ten: World,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(broadcasts, "AT_ONCE", 5)
    path, _ = _make(client, ten)
    _press(client, path, "ask")
    _press(sign_in("marketer", name="大石 健"), path, "approve")
    assert "途中で中止する" in client.get(path).text
    assert "中止しました" in _press(client, path, "cancel", reason="内容に誤り")
    run_broadcasts.run(parts, now=now)
    with parts.engine.connect() as tx:
        assert tx.execute(text("select state from broadcasts")).scalar() == "cancelled"
        assert tx.execute(text("select count(*) from enrollments")).scalar() == 0


def test_broadcast_is_no_scenario_in_the_list_of_scenarios(client: FlaskClient, ten: World) -> None:
    _make(client, ten)
    assert "11月の検査のコツ" not in client.get("/scenarios").text
    assert "11月の検査のコツ" in client.get("/broadcasts").text


def test_inside_sales_send_no_broadcasts(sign_in: SignIn, ten: World) -> None:
    caller = sign_in("inside_sales")
    assert caller.get("/broadcasts").status_code == 403
    assert caller.post("/broadcasts/new", data=_form(ten)).status_code == 403


def test_a_broadcast_has_its_own_page_and_not_the_designer(client: FlaskClient, ten: World) -> None:
    path, _page = _make(client, ten)
    id = path.rsplit("/", 1)[1]
    for page in ("", "/head", "/publish", "/simulation"):
        answer = client.get(f"/scenarios/{id}{page}")
        assert (answer.status_code, answer.location) == (302, path)
    assert client.post(f"/scenarios/{id}/rows", data={"kind": "mail"}).status_code == 404
    assert client.get(f"/scenarios/{ten.scenario}").status_code == 200


def test_the_calendars_day_leads_to_a_broadcast_that_has_not_begun(client: FlaskClient, ten: World) -> None:
    path, _page = _make(client, ten)
    assert f'href="{path}"' in client.get("/calendar/2026-11-26").text
