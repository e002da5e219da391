"""The month table: rows of every kind, edited in place by plain forms; what is wrong stands in its field."""

from __future__ import annotations

import re
from datetime import datetime

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text

from campaigns.parts import Parts
from campaigns.rules.conditions import Condition
from campaigns.rules.scenarios import Step
from campaigns.services import design, enrol
from campaigns.web import step_words
from tests import world
from tests.services.test_publish import House, add_person, house, make
from tests.web.conftest import SignIn

__all__ = ["house"]


def steps(parts: Parts, scenario_id: int, now: datetime) -> tuple[Step, ...]:
    return design.load(parts, scenario_id, now=now).steps


def page(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.fixture
def scenario(parts: Parts, house: House, now: datetime) -> int:
    return make(parts, house, now, "keep_in_mind")


def test_rows_are_inserted_before_after_and_in_an_arm(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    base, first = f"/scenarios/{scenario}", steps(parts, scenario, now)[0].key
    client.post(f"{base}/rows", data={"after": first, "kind": "branch"})
    branch = steps(parts, scenario, now)[1]
    assert (branch.kind, branch.condition) == ("branch", Condition("clicked"))
    client.post(f"{base}/rows", data={"into": branch.key, "arm": "yes", "kind": "call"})
    client.post(f"{base}/rows", data={"after": first, "before": first})
    rows = steps(parts, scenario, now)
    assert [(s.kind, s.arm) for s in rows] == [
        ("mail", ""), ("mail", ""), ("branch", ""), ("call", "yes"), ("mail", ""),
    ]  # fmt: skip
    shown = page(client, base)
    assert re.findall(r'<span class="d-no[^"]*">(\w+)</span>', shown) == ["1", "2", "3", "3a", "4"]
    assert "それ以外" in shown, "an arm without rows is visible"
    assert "何もせず、4行目へ" in shown


def test_a_new_row_opens_in_its_form_with_the_focus_in_it(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    answer = client.post(f"/scenarios/{scenario}/rows", follow_redirects=True)
    shown = answer.get_data(as_text=True)
    assert re.search(r'<select[^>]*name="kind"[^>]*autofocus', shown)
    assert steps(parts, scenario, now)[-1].key in answer.request.url


def test_after_a_move_the_focus_is_on_the_row_that_moved(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    first = steps(parts, scenario, now)[0].key
    answer = client.post(f"/scenarios/{scenario}/rows/{first}/down", follow_redirects=True)
    assert re.search(rf'id="row-{first}"[^>]*autofocus', answer.get_data(as_text=True))


@pytest.mark.parametrize(
    ("kind", "fields", "others"),
    [
        ("mail", ["content_id", "tone", "valid_until", "goto_key"], ["who", "event_id", "on", "wait_days"]),
        ("invite", ["content_id", "event_id"], ["who", "on"]),
        ("call", ["title", "who", "due_days", "goto_key"], ["content_id", "want_day"]),
        ("visit", ["who", "due_days"], ["content_id"]),
        ("fax", ["who", "due_days"], ["content_id"]),
        ("wait", ["wait_days", "title"], ["content_id", "who"]),
        ("branch", ["on", "of", "wait_days"], ["content_id", "goto_key", "offset_months"]),
        ("jump", ["goto_key"], ["content_id", "wait_days"]),
        ("shelf", [], ["content_id", "goto_key", "want_day"]),
    ],
)
def test_the_fields_of_a_row_are_those_of_its_kind(
    client: FlaskClient,
    parts: Parts,
    scenario: int,
    now: datetime,
    kind: str,
    fields: list[str],
    others: list[str],
) -> None:
    before = steps(parts, scenario, now)
    answer = client.post(f"/scenarios/{scenario}/rows/{before[0].key}/form", data={"kind": kind})
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 200
    for name in fields:
        assert f'name="{name}"' in shown
    for name in others:
        assert f'name="{name}"' not in shown
    assert steps(parts, scenario, now) == before, "choosing a kind saves nothing"


def test_a_condition_on_people_offers_its_values(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    key = steps(parts, scenario, now)[0].key
    form = {"kind": "branch", "on": "rank", "values": ["hot"]}
    shown = client.post(f"/scenarios/{scenario}/rows/{key}/form", data=form).get_data(as_text=True)
    assert 'value="hot" checked' in shown
    client.post(
        f"/scenarios/{scenario}/rows/{key}",
        data={"kind": "branch", "on": "industry", "values": ["食品"], "values_more": "機械、 食品 ,部品"},
    )
    assert steps(parts, scenario, now)[0].condition == Condition("industry", "", ("食品", "機械", "部品"))


@pytest.mark.parametrize("on", ["industry", "size"])
def test_a_condition_on_companies_offers_what_they_have_beside_what_was_typed(
    client: FlaskClient, parts: Parts, house: House, scenario: int, now: datetime, on: str
) -> None:
    add_person(parts, house, now)
    with parts.engine.begin() as tx:
        tx.execute(text("update companies set industry = '食品', employees_band = '30-99'"))
    key = steps(parts, scenario, now)[0].key
    there, typed = {"industry": ("食品", "部品"), "size": ("30-99", "300-")}[on]
    row = {"kind": "branch", "on": on, "values": [typed]}
    chosen = client.post(f"/scenarios/{scenario}/rows/{key}/form", data=row).get_data(as_text=True)
    assert client.post(f"/scenarios/{scenario}/rows/{key}", data=row).status_code == 303
    for shown in (chosen, page(client, f"/scenarios/{scenario}?edit={key}")):
        assert f'value="{there}"> {there}' in shown
        assert f'value="{typed}" checked> {typed}' in shown


def test_what_was_typed_stays_beside_what_is_wrong_with_it(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    key = steps(parts, scenario, now)[0].key
    form = {"kind": "call", "title": "様子を聞く", "due_days": "soon"}
    answer = client.post(f"/scenarios/{scenario}/rows/{key}", data=form)
    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="様子を聞く"' in shown
    assert 'value="soon"' in shown
    assert "1から60までの数字で入力してください。" in shown
    assert re.search(r'name="due_days"[^>]*aria-invalid="true"[^>]*autofocus', shown)


def test_a_conflict_shows_both_and_keeps_the_typed_words(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    step = steps(parts, scenario, now)[0]
    was = design.mark(step)
    address = f"/scenarios/{scenario}/rows/{step.key}"
    client.post(address, data={"kind": "call", "title": "同僚の言葉", "was": was})
    answer = client.post(address, data={"kind": "call", "title": "私の言葉", "was": was})
    assert answer.status_code == 409
    assert "同僚の言葉" in answer.get_data(as_text=True)
    assert 'value="私の言葉"' in answer.get_data(as_text=True)


def test_undo_takes_back_one_change_after_the_other(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    base, before = f"/scenarios/{scenario}", steps(parts, scenario, now)
    assert 'data-key="undo"' not in page(client, base), "nothing to take back yet"
    client.post(f"{base}/rows/{before[0].key}/duplicate")
    client.post(f"{base}/rows/{before[1].key}/delete")
    assert "行の削除" in page(client, base)
    answer = client.post(f"{base}/undo", follow_redirects=True)
    assert re.search(rf'id="row-{before[1].key}"[^>]*autofocus', answer.get_data(as_text=True))
    client.post(f"{base}/undo")
    assert [s.key for s in steps(parts, scenario, now)] == [s.key for s in before]
    assert client.post(f"{base}/undo").status_code == 303, "once more does no harm"


def test_a_second_press_or_a_colleagues_change_leaves_undo_where_it_was(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    base, first = f"/scenarios/{scenario}", steps(parts, scenario, now)[0].key
    for _ in range(2):
        client.post(f"{base}/rows/{first}/duplicate")
    shown = re.search(r'name="change" value="(\d+)"', page(client, base))
    assert shown is not None
    press = {"change": shown[1]}
    design.add_row(parts, scenario, kind="call", user_id=None, now=now)
    before = steps(parts, scenario, now)
    answer = client.post(f"{base}/undo", data=press, follow_redirects=True)
    assert "ほかの変更が先に入りました" in answer.get_data(as_text=True)
    assert steps(parts, scenario, now) == before

    design.undo(parts, scenario)
    for _ in range(3):
        client.post(f"{base}/undo", data=press)
    assert len(steps(parts, scenario, now)) == len(before) - 2, (
        "three presses of one button take one change back"
    )


def test_a_row_takes_only_what_its_lists_offer_and_keeps_what_was_typed(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    with parts.engine.begin() as tx:
        other = world.insert(tx, "products", name="別の商材", list_key="other", created_at=now)
        foreign = world.insert(
            tx, "contents", title="別の商材の便り", kind="general", product_id=other, created_at=now
        )
    before = steps(parts, scenario, now)
    address = f"/scenarios/{scenario}/rows/{before[0].key}"
    typed = {"kind": "invite", "offset_months": "7", "want_day": "19"}
    for wrong in ({"content_id": str(foreign)}, {"content_id": "4711"}, {"event_id": "4711"}):
        answer = client.post(address, data={**typed, **wrong})
        assert answer.status_code == 422, wrong
        shown = answer.get_data(as_text=True)
        assert f'id="e-{next(iter(wrong))}"' in shown
        assert 'name="want_day" min="1" max="31" value="19"' in shown
    assert steps(parts, scenario, now) == before


def test_a_row_is_written_and_a_new_mail_opens_for_it(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    key = steps(parts, scenario, now)[0].key
    form = {"kind": "mail", "offset_months": "2", "want_day": "9", "write": "1", "starter": "blank"}
    answer = client.post(f"/scenarios/{scenario}/rows/{key}", data=form)
    step = steps(parts, scenario, now)[0]
    assert answer.location.startswith(f"/mails/{step.content_id}")
    assert (step.offset_months, step.want_day) == (2, 9)


def test_every_figure_leads_to_its_people(
    client: FlaskClient, parts: Parts, house: House, scenario: int, now: datetime
) -> None:
    person = add_person(parts, house, now)
    with parts.engine.begin() as tx:
        tx.execute(text("update scenario_versions set published_at = :at"), {"at": now})
        tx.execute(text("update scenarios set status = 'active', published_no = 1"))
    enrol.audience(parts, scenario, now=now)
    key = steps(parts, scenario, now)[0].key
    shown = page(client, f"/scenarios/{scenario}")
    address = f"/scenarios/{scenario}/rows/{key}/people?show=waiting"
    assert address in shown
    assert f'href="/people/{person}"' in page(client, address)
    with parts.engine.begin() as tx:
        tx.execute(
            text(
                "insert into deliveries (origin, person_id, product_id, enrollment_id, step_key, month, state,"
                " send_at, sent_at, created_at) select 'x', person_id, product_id, id, :key, 24300, 'sent',"
                " :at, :at, :at from enrollments"
            ),
            {"key": key, "at": now},
        )
        tx.execute(
            text(
                "insert into tasks (person_id, kind, due_at, created_at, enrollment_id, step_key)"
                " select person_id, 'call', :at, :at, id, :key from enrollments"
            ),
            {"key": key, "at": now},
        )
        tx.execute(
            text(
                "insert into touchpoints (source_key, person_id, kind, channel, depth, at, created_at, delivery_id)"
                " select 'r', person_id, 'mail_click', 'online', 2, :at, :at, id from deliveries"
            ),
            {"at": now},
        )
        tx.execute(
            text(
                "update pace set held = jsonb_build_object((select id::text from enrollments), '[\"rank\", 1]')"
            )
        )
    for show in ("sent", "reacted", "tasks", "held"):
        assert f'href="/people/{person}"' in page(
            client, f"/scenarios/{scenario}/rows/{key}/people?show={show}"
        )
    assert "いま、ここには誰もいません。" in page(
        client, f"/scenarios/{scenario}/rows/{key}/people?show=waiting&after={person}"
    )


def test_roles_with_words_of_their_own_and_those_without_are_shown(
    client: FlaskClient, parts: Parts, house: House, scenario: int, now: datetime
) -> None:
    add_person(parts, house, now)
    content = steps(parts, scenario, now)[0].content_id
    with parts.engine.begin() as tx:
        tx.execute(text("update affiliations set buying_role = '決裁'"))
        tx.execute(
            text(
                "insert into content_variants (content_id, lang, buying_role, subject, html)"
                " values (:id, 'ja', '技術', 'x', 'x')"
            ),
            {"id": content},
        )
    shown = page(client, f"/scenarios/{scenario}")
    assert "役割ごとの文面" in shown
    assert "1行目を書く" in shown
    assert "技術" in shown


def test_the_flow_is_drawn_with_the_numbers_of_the_table_and_told_in_words(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime
) -> None:
    key = steps(parts, scenario, now)[0].key
    client.post(f"/scenarios/{scenario}/rows", data={"after": key, "kind": "branch"})
    shown = page(client, f"/scenarios/{scenario}")
    picture = shown[shown.index("<svg class=") : shown.index("</details>", shown.index('id="flow-words"'))]
    assert picture.count("<circle") == 2
    assert picture.count('class="d-mark is-branch') == 1
    assert "はい → 3" in re.sub(r"\s+", " ", picture)


def test_the_live_count_follows_the_typed_conditions(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    add_person(parts, house, now)
    form = {"product_id": house.product, "classes": ["-"], "industries_more": "食品機械"}
    nobody = client.post("/scenarios/fitting", data=form).get_data(as_text=True)
    assert nobody.strip().startswith("0名")
    assert f"/products/{house.product}/leads" in nobody
    del form["industries_more"]
    found = client.post("/scenarios/fitting", data=form).get_data(as_text=True)
    assert re.sub(r"<[^>]+>", " ", found).split() == ["1名", "うち送れる人", "1名"]


def test_a_pattern_brings_its_goal_and_classes_into_the_form(client: FlaskClient, house: House) -> None:
    form = {"pattern": "care", "name": "続ける", "classes": ["C1"]}
    shown = client.post("/scenarios/new/pattern", data=form).get_data(as_text=True)
    assert 'value="続ける"' in shown
    assert 'value="A" checked' in shown


def test_the_whole_table_is_told_in_english(
    sign_in: SignIn, parts: Parts, scenario: int, now: datetime
) -> None:
    english = sign_in("marketer", locale="en")
    key = steps(parts, scenario, now)[0].key
    for kind in step_words.KINDS:
        english.post(f"/scenarios/{scenario}/rows", data={"after": key, "kind": kind})
    shown = page(english, f"/scenarios/{scenario}")
    table = shown[shown.index('class="d-rows"') : shown.index('class="d-cardfoot"')]
    sentences = re.findall(r'<p class="d-sentence">(.*?)</p>', table)
    assert len(sentences) == len(steps(parts, scenario, now))
    assert not [line for line in sentences if re.search(r"[\u3040-\u30ff]", line)]


def test_a_guest_of_another_role_may_not_change_rows(sign_in: SignIn, scenario: int) -> None:
    caller = sign_in("inside_sales")
    for address in ("rows", "undo", "discard"):
        assert caller.post(f"/scenarios/{scenario}/{address}").status_code == 403


def test_a_table_that_would_grow_without_end_is_refused_in_words(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(design, "ROWS_MAX", 9)
    base = f"/scenarios/{scenario}"
    client.post(f"{base}/rows", data={"kind": "branch"})
    branch = steps(parts, scenario, now)[-1].key
    client.post(f"{base}/rows", data={"kind": "mail", "into": branch, "arm": "yes"})
    for _ in range(6):
        answer = client.post(f"{base}/rows/{branch}/duplicate", follow_redirects=True)
    before = steps(parts, scenario, now)
    assert len(before) <= 9
    assert "表が大きすぎます（9行まで）。" in answer.get_data(as_text=True)
    client.post(f"{base}/rows/{branch}/delete")
    assert len(steps(parts, scenario, now)) == len(before) - 2, "making it smaller is always allowed"


def test_discarding_a_draft_asks_first_and_says_so(client: FlaskClient, parts: Parts, now: datetime) -> None:
    made = world.build(parts, count=1)
    client.post(f"/scenarios/{made.scenario}/rows", data={"kind": "wait"})
    assert "下書きを取り消しますか。" in page(client, f"/scenarios/{made.scenario}")
    shown = client.post(f"/scenarios/{made.scenario}/discard", follow_redirects=True).text
    assert "「元に戻す」で下書きを取り戻せます。" in shown[shown.index('id="designer"') :]


def test_a_shipped_course_is_not_called_sound_while_its_mails_are_not_filled_in(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    shown = page(client, f"/scenarios/{make(parts, house, now, 'exhibition')}")
    assert "まだ書き込んでいないところ" in shown
    assert "問題ありません" not in shown


@pytest.mark.parametrize(
    ("on", "word"), [("rank_rose", "見込度が上がったか"), ("rank_fell", "見込度が下がったか")]
)
def test_a_branch_may_ask_whether_the_rank_has_moved_since_a_mail(
    client: FlaskClient, parts: Parts, scenario: int, now: datetime, on: str, word: str
) -> None:
    base, first = f"/scenarios/{scenario}", steps(parts, scenario, now)[0].key
    client.post(f"{base}/rows", data={"after": first, "kind": "branch"})
    key = steps(parts, scenario, now)[1].key
    form = {"kind": "branch", "on": on, "of": first, "wait_days": "21"}
    assert client.post(f"{base}/rows/{key}", data=form).status_code in (302, 303)
    row = steps(parts, scenario, now)[1]
    assert (row.condition, row.wait_days) == (Condition(on, first), 21)
    assert word in page(client, base)
    assert "見込度の動き" in page(client, f"{base}?edit={key}")


def test_a_scenario_may_be_for_people_whose_rank_has_moved(
    client: FlaskClient, parts: Parts, house: House, now: datetime
) -> None:
    form = {
        "product_id": house.product, "name": "立ち上がり", "purpose": "会う", "goal_kind": "visit", "pattern": "blank",
        "classes": ["E"], "rose": ["warm", "hot"], "within": "90",
    }  # fmt: skip
    address = client.post("/scenarios/new", data=form).headers["Location"]
    audience = design.load(parts, int(address.split("/")[2].split("?")[0]), now=now).scenario.audience
    assert (audience.rose, audience.within) == (("warm", "hot"), ("90",))
    assert "90日以内にお悩み客に上がった人" in page(client, address)
