"""Site measurement's pages: the snippet, the rules about pages with their effect, what visitors are told."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from lxml import html

from campaigns.parts import Parts
from campaigns.rules.page_rules import PageRule
from campaigns.services import rule_pages
from campaigns.storage import visits as stored
from tests.services.world import World

SITE = "https://www.minori.example"


@pytest.fixture
def settings(settings_with: Any) -> Any:
    return settings_with(sites=f"{SITE}, https://shop.minori.example")


@pytest.fixture
def world(parts: Parts, now: datetime) -> World:
    return World.build(parts, now)


def viewed(
    world: World, path: str, *, visitor: str, ago: timedelta = timedelta(days=1), site: str = SITE
) -> None:
    world.count += 1
    world.run(
        "insert into tracking_events (uid, kind, url, title, visitor, visit, method, at)"
        " values (:uid, 'view', :url, :title, :visitor, 's.p', 'POST', :at)",
        uid=f"u{world.count}",
        url=site + path,
        title=f"頁 {path}",
        visitor=visitor.ljust(16, "0"),
        at=world.now - ago,
    )


def save(client: FlaskClient, id: str = "new", **form: str) -> Any:
    return client.post(f"/visits/rules/{id}", data={"press": "save", "pattern": "/price/", **form})


def rules(world: World) -> list[Any]:
    return world.rows("select * from page_rules order by id")


def test_the_snippet_follows_how_the_site_measures(client: FlaskClient, world: World) -> None:
    page = client.get("/visits").get_data(as_text=True)
    assert "/t.js&#34; defer data-banner&gt;" in page
    answer = client.post("/visits/mode", data={"site": SITE, "mode": "ask"}, follow_redirects=True)
    assert "data-consent=&#34;ask&#34; data-banner" in answer.get_data(as_text=True)
    other = client.get("/visits?site=https://shop.minori.example").get_data(as_text=True)
    assert "data-consent" not in other, "each site chooses for itself"


@pytest.mark.parametrize(
    "form", [{"site": "https://evil.example", "mode": "ask"}, {"site": SITE, "mode": "all"}, {}]
)
def test_no_other_site_and_no_other_way_can_be_chosen(client: FlaskClient, world: World, form: Any) -> None:
    assert client.post("/visits/mode", data=form).status_code == 302
    assert world.rows("select 1 from sites") == []


def test_the_page_says_whether_each_sites_script_is_seen(client: FlaskClient, world: World) -> None:
    for visitor in ("a", "a", "b"):
        viewed(world, "/x/", visitor=visitor)
    viewed(world, "/x/", visitor="c", ago=timedelta(days=8))
    with world.parts.engine.begin() as tx:
        stored.tie(tx, [stored.NewTie("b".ljust(16, "0"), world.person(), "form", "form:1", world.now)])
    page = " ".join(client.get("/visits").get_data(as_text=True).split())
    assert page.count("届いています</span>") == 1
    assert page.count("まだ届いていません") == 1
    for label, n in (("閲覧", 3), ("訪問者", 2), ("担当者がわかった", 1)):
        assert f'data-label="{label}"><span class="">{n}</span>' in page


def test_a_rule_is_made_with_its_effect_shown_before(client: FlaskClient, world: World) -> None:
    viewed(world, "/price/a", visitor="a")
    viewed(world, "/price/a", visitor="b")
    viewed(world, "/pricelist", visitor="a")
    looked = save(client, press="look", tags="価格、導入費用").get_data(as_text=True)
    assert "1ページ、30日で2回の閲覧が当たります。" in looked
    assert "/pricelist" not in looked
    assert rules(world) == [], "looking writes nothing"
    part = client.get("/visits/rules/effect?pattern=/price").get_data(as_text=True)
    assert "1ページ、30日で2回" in part
    assert save(client, tags="価格、導入費用", product=str(world.press_id), is_key="1").status_code == 302
    [rule] = rules(world)
    assert (rule.pattern, rule.site, rule.product_id, rule.tags, rule.is_key) == (
        "/price/",
        "",
        world.press_id,
        ["価格", "導入費用"],
        True,
    )


def test_a_pasted_address_is_a_site_and_a_path(client: FlaskClient, world: World) -> None:
    assert save(client, pattern=f" {SITE}/case/?utm=1#top ").status_code == 302
    [rule] = rules(world)
    assert (rule.site, rule.pattern) == (SITE, "/case/")


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"pattern": ""}, "パスを入力してください"),
        ({"pattern": "price"}, "「/」か「*」で始めてください"),
        ({"pattern": "/" * 900}, "200字までにしてください"),
        ({"pattern": "/*/*/*/*/*/*"}, "「*」は5つまでです"),
        ({"pattern": "https://evil.example/x"}, "設定（IKUSEI_SITES）にありません"),
        ({"site": "https://evil.example"}, "設定（IKUSEI_SITES）にありません"),
    ],
)
def test_what_is_wrong_stands_at_its_field_and_nothing_is_lost(
    client: FlaskClient, world: World, form: Any, words: str
) -> None:
    answer = save(client, **{"tags": "価格", **form})
    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert words in page
    assert 'value="価格"' in page
    assert rules(world) == []


def test_two_rules_for_one_path_are_refused_and_a_stale_save_too(client: FlaskClient, world: World) -> None:
    save(client)
    assert "もうあります" in save(client).get_data(as_text=True)
    save(client, pattern="/case/")
    first, second = rules(world)
    assert save(client, str(second.id), pattern="/price/", version="1").status_code == 422
    assert save(client, str(first.id), tags="a", version="1").status_code == 302
    assert save(client, str(first.id), tags="b", version="1").status_code == 409
    assert rules(world)[0].tags == ["a"]


def test_a_site_has_at_most_five_hundred_rules_and_what_was_typed_stays(
    client: FlaskClient, world: World
) -> None:
    world.run(
        "insert into page_rules (site, pattern, created_at)"
        " select '', '/p' || n, now() from generate_series(1, 500) n"
    )
    answer = save(client)
    assert answer.status_code == 422
    assert "1つのサイトに500件まで" in answer.text
    assert 'value="/price/"' in answer.text
    assert len(rules(world)) == 500
    assert save(client, site=SITE).status_code == 302  # another site has room of its own


def test_a_rule_is_deleted_and_what_is_gone_says_so(client: FlaskClient, world: World) -> None:
    save(client)
    [rule] = rules(world)
    client.post(f"/visits/rules/{rule.id}/delete")
    assert rules(world) == []
    again = client.post(f"/visits/rules/{rule.id}/delete", follow_redirects=True)
    assert "すでに削除されています" in again.get_data(as_text=True)
    assert "すでに削除" in client.get(f"/visits/rules/{rule.id}", follow_redirects=True).get_data(
        as_text=True
    )


def test_pages_without_a_rule_are_listed_by_views_with_one_click_to_a_rule(
    client: FlaskClient, world: World
) -> None:
    for visitor in "abc":
        viewed(world, "/tips/<x>", visitor=visitor)
    viewed(world, "/price/", visitor="a")
    save(client)
    page = client.get("/visits").get_data(as_text=True)
    part = page[page.index('id="unknown"') :]
    assert 'href="/visits/rules/new?pattern=/tips/%3Cx%3E"' in part
    assert "/price/" not in part
    assert "<b>" not in part.replace("<b>", "", 0) or "/tips/<x>" not in part, (
        "what strangers send is escaped"
    )
    assert client.get("/visits/rules/new?pattern=/tips/").get_data(as_text=True).count('value="/tips/"') == 1


def test_a_new_rule_takes_only_what_it_says_more_exactly() -> None:
    seen = [page_of("/price/a", 3), page_of("/price/b", 2), page_of("/about", 1)]
    general, exact = PageRule(1, "", "/price/"), PageRule(2, "", "/price/a")
    found = rule_pages.effect(PageRule(0, "", "/"), others=[general], seen=seen)
    assert [page.url for page, _ in found.pages] == [f"{SITE}/about"]
    found = rule_pages.effect(PageRule(0, "", "/price/a"), others=[general], seen=seen)
    assert [(page.url, old) for page, old in found.pages] == [(f"{SITE}/price/a", general)]
    assert rule_pages.counts(seen, [general, exact]) == {1: (1, 2), 2: (1, 3)}
    assert found.views == 3


def page_of(path: str, n: int) -> Any:
    from campaigns.storage.page_rules import SeenPage

    return SeenPage(SITE + path, "", n, 1, datetime(2026, 11, 24))  # noqa: DTZ001 - not looked at


def test_a_text_that_visitors_read_is_kept_with_its_date(client: FlaskClient, world: World) -> None:
    first = client.get("/visits/text").get_data(as_text=True)
    assert "Cookieは使いません" in first
    said = {"ja": "記録します。", "en": "We record.", "ask_ja": "よろしいですか。", "ask_en": "May we?"}
    assert client.post("/visits/text", data={**said, "seen_id": "0"}).status_code == 302
    assert client.post("/visits/text", data={**said, "ja": "別の文。", "seen_id": "0"}).status_code == 409
    for name in said:
        answer = client.post("/visits/text", data={**said, "seen_id": "1", name: " "})
        assert answer.status_code == 422
        assert f'id="{name}-error"' in answer.text
    assert client.post("/visits/text", data={**said, "ja": "次の文。", "seen_id": "1"}).status_code == 302
    assert [row.ja for row in world.rows("select ja from consent_texts order by id")] == [
        "記録します。",
        "次の文。",
    ]
    assert "記録します。" in client.get("/visits/text").get_data(as_text=True)


def test_the_line_for_other_peoples_pages_brings_both_languages_and_no_cookie(
    app: Any, client: FlaskClient, world: World
) -> None:
    asking = {"ask_ja": "よろしいですか。", "ask_en": "May we?"}
    told = {"ja": "記録</script>します。", "en": "We record.", **asking}
    client.post("/visits/text", data={**told, "seen_id": "0"})
    answer = app.test_client().get("/consent.js")
    assert answer.status_code == 200
    assert answer.content_type == "text/javascript; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    first = answer.get_data(as_text=True).splitlines()[0]
    words = json.loads(first.removeprefix("window.ikuseiWords = ").removesuffix(";"))
    assert (words["ja"]["text"], words["en"]["text"]) == ("記録</script>します。", "We record.")
    assert (words["ja"]["asking"], words["en"]["asking"]) == ("よろしいですか。", "May we?")


def test_a_site_that_asks_first_is_not_shown_with_the_words_of_one_that_records(
    client: FlaskClient, world: World
) -> None:
    def line() -> str:
        return html.fromstring(client.get(f"/visits?site={SITE}").text).text_content()

    assert "記録しています" in line()
    client.post("/visits/mode", data={"site": SITE, "mode": "ask"})
    assert "記録してもよろしいですか" in line()
    assert "時間を記録しています" not in line()


def test_sales_do_not_change_what_is_measured(sign_in: Any, world: World) -> None:
    seller = sign_in("inside_sales")
    for path in ("/visits", "/visits/text", "/visits/rules/new", "/visits/rules/effect"):
        assert seller.get(path).status_code == 403
    assert seller.post("/visits/mode", data={"site": SITE, "mode": "ask"}).status_code == 403


def test_an_installation_without_a_site_says_what_to_do(
    parts: Parts, sign_in: Any, settings_with: Any
) -> None:
    object.__setattr__(parts, "settings", settings_with(smtp_url="smtp://127.0.0.1:1", sites=""))
    page = sign_in("admin").get("/visits").get_data(as_text=True)
    assert "IKUSEI_SITES" in page
