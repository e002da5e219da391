"""One odd field in an otherwise sound form: each form, each of its fields, each odd value."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests import world
from tests.web.test_hostile import house

__all__ = ["house"]

PASSWORD = "enough letters here"
ODD = ("", "-1", "abc", "9" * 20, "²", "a\x00b\r\n\u2028", "9999-12-31", "<script>" + "x" * 10_000)
FORMS: dict[str, dict[str, str]] = {
    "/products/1": {
        "name": "検査装置", "family": "検査", "price_band": "300-500", "list_key": "eyeline",
        "unsubscribe_label": "検査", "purchase_cycle_days": "365", "gate_percent": "20",
        "expected_amount_yen": "1000000", "priority": "5", "colour_no": "1", "sender_profile_id": "1",
        "owner_user_id": "1", "is_active": "1", "version": "1",
    },
    "/products/new": {
        "name": "新しい装置", "family": "検査", "price_band": "", "list_key": "new-list",
        "unsubscribe_label": "新しい装置", "purchase_cycle_days": "365", "gate_percent": "20",
        "expected_amount_yen": "1000000", "priority": "5", "colour_no": "1", "sender_profile_id": "1",
        "owner_user_id": "1", "is_active": "1",
    },
    "/senders/new": {
        "name": "支社", "legal_name": "株式会社みのり精機", "postal_address": "静岡県", "inquiry": "053-000-0000",
        "from_name": "みのり", "from_address": "a@minori.example", "reply_to": "a@minori.example",
        "return_path_domain": "minori.example", "privacy_url": "https://minori.example/p",
    },
    "/people/1/edit": {
        "family": "若林", "given": "拓也", "family_kana": "", "email": "p1@hamana-techno.example",
        "preferred_lang": "ja", "version": "1", "department": "部", "title": "課長", "tel": "", "buying_role": "",
    },
    "/people/1/touch": {
        "kind": "booth_talk", "on": "2026-11-20", "at": "10:00", "key": "k", "product": "1", "event": "", "note": "立話",
    },
    "/people/1/call": {"product": "1"},
    "/touches/1/withdraw": {"reason": "人を間違えた", "other": "", "again": "1"},
    "/touches/lists": {"cells": "メールアドレス,種別,日付\np1@hamana-techno.example,訪問,2026/11/20"},
    "/api-tokens": {"name": "営業支援", "scopes": "touches:read"},
    "/companies/1": {
        "tel": "053", "owner_user_id": "1", "last_deal_on": "2026-01-01", "profit_12m_yen": "1",
        "sales_12m_yen": "2", "class": "E", "class_locked": "1", "version": "1",
    },
    "/calls/1": {"result": "callback", "on": "2026-11-26", "at": "14:00", "note": "後で", "version": "1"},
    "/calls/tasks/2": {"outcome": "sent", "note": "", "version": "1", "kind": "fax"},
    "/calls/export": {"preset": "full", "encoding": "utf-8-sig", "rank": "", "product": "1"},
    "/mails/new": {"starter": "", "product_id": "1"},
    "/mails/1": {
        "title": "便り", "kind": "case_study", "tone": "info", "subject": "件名", "preheader": "", "html": "<p>本文</p>",
        "text": "本文", "content_version": "1", "variant_version": "1", "person": "1", "then": "", "lang": "ja", "role": "",
    },
    "/mails/1/preview": {
        "title": "便り", "kind": "case_study", "tone": "info", "subject": "件名", "html": "<p>{{ 宛名 }}</p>", "text": "x",
        "preheader": "", "person": "1", "lang": "ja", "role": "",
    },
    "/mails/1/variants": {"lang": "en", "role": "", "back": "/scenarios"},
    "/scenarios/new": {
        "pattern": "exhibition_hot", "purpose": "目的", "product_id": "1", "name": "名", "goal_kind": "visit",
        "classes": "E", "event_id": "",
    },
    "/scenarios/1/head": {
        "purpose": "目的", "name": "名", "goal_kind": "visit", "classes": "E", "event_id": "", "version": "1",
    },
    "/scenarios/1/rows": {"after": "K1"},
    "/scenarios/1/rows/K1": {
        "offset_months": "1", "want_day": "10", "tone": "info", "content_id": "1", "valid_until": "2027-01-01", "write": "",
    },
    "/scenarios/1/rows/K2": {
        "kind": "branch", "on": "industry", "of": "K1", "values": "食品", "values_more": "機械、部品", "wait_days": "7",
        "offset_months": "1", "want_day": "10", "was": "",
    },
    "/scenarios/1/rows/K3": {
        "kind": "call", "title": "聞く", "who": "inside", "due_days": "5", "goto_key": "end", "event_id": "1",
    },
    "/scenarios/1/rows/K2/form": {"kind": "branch", "on": "size", "values": "30-99", "values_more": "", "wait_days": "7"},
    "/scenarios/1/rows/K1/sentence": {"kind": "invite", "event_id": "1", "offset_months": "1", "valid_until": "2027-01-31"},
    "/scenarios/1/undo": {"change": "1"},
    "/scenarios/1/simulation": {
        "seed": "42", "rates": "own", "opened": "20", "clicked": "3", "replied": "1", "refused": "0.2", "bounced": "0.5",
    },
    "/scenarios/fitting": {"product_id": "1", "classes": "E", "event_id": "", "industries_more": "食品", "bands": "30-99"},
    "/scenarios/import": {"text": "ikusei: scenario/1\nname: 名\n", "then": "bring", "product_id": "1"},
    "/broadcasts/new": {
        "name": "便り", "product_id": "1", "theme": "検査", "classes": "E", "event_id": "", "content_id": "1",
        "send_on": "2026-12-10", "valid_until": "2026-12-25", "ab": "subject", "subject_b": "別の件名", "content_b_id": "2",
        "sample_n": "20", "wait_hours": "48", "industries": "食品", "ranks": "hot",
    },
    "/calendar/2026-11-24/move": {"to": "2026-11-26", "what": "group", "scenario": "1", "step": "K1", "id": "1"},
    "/calendar/own": {"day": "2026-12-10", "kind": "closed", "note": "創立記念日", "month": "2026-12"},
    "/calendar/own/2026-12-10/remove": {"month": "2026-12"},
    "/events/new": {
        "name": "ミライ工場展", "kind": "exhibition", "starts_on": "2027-01-27", "ends_on": "2027-01-29", "venue": "東京",
        "apply_by": "2027-01-20", "owner_user_id": "1", "back": "/scenarios/1?edit=K1#row-K1", "capacity": "20",
        "has_waiting_list": "1", "cost_label": "ブース", "cost_yen": "900000", "follow_up": "電話",
    },
    "/events/1/repeat": {
        "name": "個展", "rule": "weekday", "nth": "2", "weekday": "2", "day": "1", "venue": "本社", "owner_user_id": "1",
        "apply_days": "2", "invite_days": "21", "product_id": "1", "content_id": "1", "classes": "E", "ranks": "hot",
        "met_event_id": "1", "version": "1",
    },
    "/events/1/action": {"show": "gaps", "kind": "call", "person": "1", "all": "1"},
    "/events/1/owner": {"person": "1", "owner": "1", "all": "1"},
    "/events/1/came": {"show": "signed", "person": "1"},
    "/events/1/answer": {"show": "silent", "person": "1", "answer": "yes"},
    "/events/1/invite": {"product": "1"},
    "/events/1/thank": {"product": "1"},
    "/events/year/target": {"yen": "1000000", "starts": "4", "version": "1", "year": "2026"},
    "/forms/new": {
        "kind": "doc_request", "name": "資料", "product_id": "1", "event_id": "", "owner_user_id": "1", "tells_owner": "1",
    },
    "/approvals/people": {"say": "yes:1", "id": "1", "shown": "1", "scenario": "1", "all": "1"},
    "/approvals/mails/1": {"reason": "商談中"},
    "/products/1/basics": {
        "name": "検査装置", "family": "検査", "unsubscribe_label": "検査", "colour_no": "1", "owner_user_id": "1",
        "is_active": "1", "version": "1",
    },
    "/products/1/profile": {
        "industries": "食品", "industries_more": "部品", "bands": "30-99", "classes": "E", "roles": "決裁",
        "price_band": "300-500万円", "expected_amount_yen": "3000000", "version": "1",
    },
    "/products/1/delivery": {
        "priority": "5", "tone_every": "4", "window-0-from": "09:00", "window-0-to": "11:30", "window-1-from": "13:00",
        "window-1-to": "16:00", "version": "1",
    },
    "/products/1/hot": {
        "gate": "20", "band_edges": "0 20 40 60 80", "prior_rates": "1 2 5 10 20", "k-booth_talk-points": "10",
        "k-booth_talk-depth": "2", "k-booth_talk-days": "14", "v0-industries": "食品", "v0-booth_talk-points": "5",
        "version": "1",
    },
    "/products/1/matrix": {
        "cause-0": "warm", "kind-0": "call", "due-0": "5", "priority-0": "2", "classes-0": "E", "bands-0": "30-99",
        "industries-0": "食品", "version": "1",
    },
    "/products/1/cycle": {"purchase_cycle_days": "365", "version": "1"},
    "/products/1/sender": {"sender_profile_id": "1", "version": "1"},
    "/products/1/own": {"field": "windows", "as": "own", "version": "1"},
    "/products/1/copy": {"from": "1", "section": "hot", "version": "1"},
    "/products/1/team": {"appetite": "normal", "capacity_per_week": "3"},
    "/products/defaults/delivery": {"priority": "5", "tone_every": "4", "version": "1"},
    "/deliveries/pause": {"of": "scenario:1", "reason": "件名の誤り", "at": "page"},
    "/deliveries/stop": {"of": "scenario:1", "reason": "終了", "at": "page"},
    "/scenarios/1/publish": {"waiting": "move"},
    "/refusals": {
        "email": "someone@kosha.example", "scope": "1", "reason": "phone", "evidence": "電話で",
    },
    "/imports/1/columns": {
        "action": "reread", "encoding": "utf-8", "delimiter": ",", "header_line": "1",
    },
    "/imports/1/confirm": {
        "action": "", "event_name": "展示会", "event_starts_on": "2026-11-01", "event_ends_on": "2026-11-03",
        "event_id": "", "product_id": "1", "kind": "card_exchange", "basis": "card_written", "wording": "文",
        "giver": "", "given_on": "2026-11-01", "scope": "global",
    },
    "/imports": {"cells": "姓,名,会社名,メール\n佐藤,二郎,乙社,j@otsusha.example\n", "kind": "people"},
    "/team": {"email": "new@minori.example", "name": "新", "role": "marketer", "password": PASSWORD},
    "/team/1": {"name": "佐伯", "role": "admin", "is_active": "1", "password": "", "version": "1"},
    "/me": {"name": "佐伯", "single_keys": "1"},
    "/alerts": {"up_to": "1"},
    "/language": {"lang": "ja", "next": "/"},
}  # fmt: skip


@pytest.mark.parametrize("path", FORMS)
def test_one_odd_field_in_a_sound_form_is_answered_with_a_page(
    client: FlaskClient, house: world.World, path: str
) -> None:
    path, form = path.rstrip("/"), FORMS[path]
    if path == "/imports/1/confirm":
        sent = {"column-0": "family", "column-1": "given", "column-2": "company", "column-3": "email"}
        assert client.post("/imports/1/columns", data=sent).location == "/imports/1/confirm"
    failed = {}
    if path == "/touches/1/withdraw":
        assert client.post("/people/1/touch", data=FORMS["/people/1/touch"]).status_code == 303
    if path.startswith("/events/1/"):
        assert client.post("/events/new", data=FORMS["/events/new"]).status_code == 303
    for field in form:
        for odd in ODD:
            answer = client.post(path, data={**form, field: odd})
            if answer.status_code >= 500:
                failed[field, odd[:30]] = answer.status_code
    sound = client.post(path, data=form).status_code
    assert sound < 500
    assert sound != 404
    assert not failed
