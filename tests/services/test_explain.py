"""For each month it is told why a person did or did not get a mail, and what comes next."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import text

from campaigns import commands
from campaigns import parts as composition
from campaigns.parts import Parts
from campaigns.rules.explaining import Held
from campaigns.rules.schedule import parse_month
from campaigns.services import deliver, explain, hold, plan, refuse
from campaigns.services.explain import Entry, Explained
from campaigns.services.hold import Kind, Target
from campaigns.storage import deliveries, users
from campaigns.storage.deliveries import Filter
from campaigns.web import app as web
from mailer.transports import MemoryTransport
from tests import world
from tests.world import World

NOW = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
NOV = parse_month("2026-11")
ADDRESS = "p1@hamana-techno.example"


def run(parts: Parts, query: str, **values: object) -> None:
    with parts.engine.begin() as tx:
        tx.execute(text(query), values)


def ask(parts: Parts, *, first: int = NOV - 3, last: int = NOV + 3, now: datetime = NOW) -> Explained:
    _mailbox, people = explain.address(parts, ADDRESS, first=first, last=last, now=now)
    return people[0]


def entries(found: Explained, month: str, product: str = "外観検査装置 EyeLine") -> list[Entry]:
    wanted = parse_month(month)
    return [e for m in found.months if m.month == wanted for e in m.entries if e.product == product]


def why(found: Explained, month: str, product: str = "外観検査装置 EyeLine") -> str:
    [entry] = entries(found, month, product)
    if entry.line is not None:
        return f"{entry.line.state}:{entry.line.reason}"
    assert entry.why is not None
    return entry.why.code


@dataclass(frozen=True)
class Two:
    first: World
    other: int


def sent(parts: Parts, *, count: int = 1) -> World:
    made = world.build(parts, count=count)
    world.planned(parts, made, send_at=NOW)
    run(parts, "update enrollments set due_month = :m", m=NOV + 1)
    deliver.batch(parts, now=NOW, transport=MemoryTransport())
    return made


def test_a_sent_mail_the_months_before_and_the_months_to_come(parts: Parts) -> None:
    sent(parts)
    found = ask(parts)
    assert [m.tense for m in found.months] == ["past"] * 3 + ["present"] + ["future"] * 3
    assert why(found, "2026-10") == "not_yet_enrolled"
    assert why(found, "2026-11").startswith("sent:")
    assert [why(found, m) for m in ("2026-12", "2027-01", "2027-02")] == [
        "expected",
        "expected",
        "no_step_left",
    ]
    [december] = entries(found, "2026-12")
    assert december.why is not None
    assert december.why.title == "便り2"


def test_a_month_that_another_product_took_says_which(parts: Parts) -> None:
    made = sent(parts)
    with parts.engine.begin() as tx:
        other = world.product(tx, "計量ポンプ", list_key="pump", priority=9)
        scenario, version, _contents = world.scenario(tx, other, want_day=25)
        tx.execute(
            text(
                "insert into enrollments (person_id, product_id, scenario_id, version_id, position, start_month,"
                " due_month, created_at) values (:p, :product, :s, :v, 1, :m, :m, :now)"
            ),
            {"p": made.people[0], "product": other, "s": scenario, "v": version, "m": NOV, "now": NOW},
        )
        tx.execute(text("update pace set plan_at = '2026-11-24'"))
    plan.run(parts, now=NOW)
    [entry] = entries(ask(parts), "2026-11", "計量ポンプ")
    assert entry.why is not None
    assert entry.why.held is not None
    assert (entry.why.held.code, entry.why.held.product) == ("month_taken", "外観検査装置 EyeLine")
    assert entry.why.held.until is not None
    # A month later it has moved on; November is found again by the mail that went first.
    run(parts, "update pace set held = null")
    [entry] = entries(ask(parts, now=NOW + timedelta(days=10)), "2026-11", "計量ポンプ")
    assert entry.why is not None
    assert (entry.why.code, entry.why.product) == ("month_taken", "外観検査装置 EyeLine")


def gave_way(parts: Parts) -> World:
    """A person for whom the pump, a warm list, goes before the inspector, a nurtured one."""
    made = world.build(parts, count=1)
    with parts.engine.begin() as tx:
        other = world.product(tx, "商材B", list_key="b", priority=9)
        scenario, version, _contents = world.scenario(tx, other, want_day=25)
        for product, number, frozen in (
            (made.product, made.scenario, made.version),
            (other, scenario, version),
        ):
            tx.execute(
                text(
                    "insert into enrollments (person_id, product_id, scenario_id, version_id, position,"
                    " start_month, due_month, created_at) values (:p, :product, :s, :v, 1, :m, :m, :now)"
                ),
                {"p": made.people[0], "product": product, "s": number, "v": frozen, "m": NOV, "now": NOW},
            )
        world.insert(
            tx,
            "product_leads",
            person_id=made.people[0],
            product_id=other,
            state="nurturing",
            rank="warm",
            created_at=NOW,
        )
        tx.execute(
            text("update product_leads set rank = 'nurture' where product_id = :p"), {"p": made.product}
        )
        tx.execute(
            text("insert into pace (person_id, plan_at) values (:p, '2026-11-24')"), {"p": made.people[0]}
        )
    plan.run(parts, now=NOW)
    return made


def test_who_gave_way_to_a_warmer_list_is_told_so_until_the_promised_day(parts: Parts) -> None:
    gave_way(parts)
    [entry] = entries(ask(parts), "2026-11")
    assert entry.why is not None
    assert entry.why.held == Held("rank", "商材B", date(2026, 12, 22), ("warm", "nurture"))
    assert why(ask(parts), "2026-12") == "expected"


def test_the_page_of_a_person_the_list_and_the_shell_say_the_same_sentence(
    parts: Parts, shell: CliRunner
) -> None:
    made = gave_way(parts)
    ja = "「商材B」の枠が先のため12月22日まで保留：お悩み客がそのうち客より先"
    en = "Held by 商材B until 22 December: warm beats nurture"
    assert ja in shell.invoke(commands.cli, ["explain", ADDRESS, "--lang", "ja"]).output
    assert en in shell.invoke(commands.cli, ["explain", ADDRESS]).output
    app = web.create(parts)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with parts.engine.begin() as tx:
        id = users.add(
            tx, email="a@b.example", name="管理", role="admin", locale="ja", password_hash="x", now=NOW
        )
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{id}:1", True
    for path in ("/deliveries?show=held", f"/deliveries/why/{made.people[0]}", f"/people/{made.people[0]}"):
        assert ja in client.get(path).get_data(as_text=True), path
        assert en in client.get(f"{path}{'&' if '?' in path else '?'}lang=en").get_data(as_text=True), path
        client.get("/?lang=ja")


def test_who_waits_counts_among_the_held_and_the_figures_add_up(parts: Parts) -> None:
    gave_way(parts)
    with parts.engine.connect() as tx:
        wanted = Filter(month=NOV)
        assert deliveries.held(tx, wanted) == 1
        assert deliveries.held(tx, Filter(product_id=2)) == 0
        [line] = deliveries.held_page(tx, wanted, offset=0, limit=50)
    assert (line.state, line.by_product, line.ranks) == ("carried_over", "商材B", ("warm", "nurture"))


def test_who_waits_for_the_owners_yes_is_told_so(parts: Parts) -> None:
    made = world.build(parts, count=1)
    run(
        parts,
        "insert into enrollments (person_id, product_id, scenario_id, version_id, start_month, due_month, status,"
        " created_at) values (:p, :product, :s, :v, :m, :m, 'asked', :now)",
        p=made.people[0], product=made.product, s=made.scenario, v=made.version, m=NOV, now=NOW,
    )  # fmt: skip
    assert why(ask(parts), "2026-11") == "owner_asked"
    assert why(ask(parts), "2027-01") == "owner_asked"


def test_a_refusal_is_told_with_its_day_for_every_month_after_it(parts: Parts) -> None:
    sent(parts)
    refuse.record(parts, scope="product", reason="phone", email=ADDRESS, product_id=1, now=NOW)
    found = ask(parts, now=datetime(2027, 1, 10, tzinfo=UTC), last=NOV + 4)
    assert why(found, "2026-11").startswith("sent:")
    [december] = entries(found, "2026-12")
    assert december.why is not None
    assert (december.why.code, december.why.since) == ("refused_product", NOW)
    assert why(found, "2027-01") == "refused_product"
    assert why(found, "2027-03") == "refused_product"
    assert [r.scope for r in found.refusals] == ["product"]


def test_missing_consent_and_a_dead_address_forbid_the_coming_months(parts: Parts) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW + timedelta(days=40))
    run(parts, "delete from mail_slots; delete from deliveries; update enrollments set position = 1")
    run(parts, "update consents set withdrawn_at = :now", now=NOW)
    assert why(ask(parts), "2026-12") == "no_consent"
    run(parts, "update addresses set status = 'hard', status_at = :now", now=NOW)
    found = ask(parts)
    assert why(found, "2026-12") == "address_hard"
    assert found.consents == ()


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("product", "product_paused"), ("scenario", "scenario_paused"), ("all", "sending_paused")],
)
def test_a_pause_is_told_for_the_months_in_which_it_held(parts: Parts, kind: str, reason: str) -> None:
    made = world.build(parts, count=1)
    world.planned(parts, made, send_at=NOW)
    run(parts, "delete from mail_slots; delete from deliveries; update enrollments set position = 1")
    what = {
        "all": hold.EVERYTHING,
        "product": Target(Kind.PRODUCT, made.product),
        "scenario": Target(Kind.SCENARIO, made.scenario),
    }[kind]
    hold.pause(parts, what, reason="確認", user_id=None, now=NOW)
    found = ask(parts, now=NOW + timedelta(days=20))
    assert why(found, "2026-11") == reason
    assert found.is_sending_paused is (kind == "all")
    if kind != "all":
        assert why(found, "2027-01") == reason
    hold.resume(parts, what, user_id=None, now=NOW + timedelta(days=1))
    found = ask(parts, now=datetime(2027, 1, 20, tzinfo=UTC))
    assert [why(found, m) for m in ("2026-11", "2026-12")] == [reason, "no_record"]


def test_a_stop_and_the_end_of_a_scenario_are_told(parts: Parts) -> None:
    made = sent(parts)
    run(parts, "update enrollments set status = 'done', reason = 'finished', position = 4")
    assert why(ask(parts), "2026-12") == "no_step_left"
    run(parts, "update enrollments set status = 'active', reason = '', position = 2")
    hold.stop(parts, Target(Kind.SCENARIO, made.scenario), reason="中止", user_id=None, now=NOW)
    found = ask(parts, now=datetime(2026, 12, 20, tzinfo=UTC))
    assert why(found, "2026-12") == "scenario_ended"
    assert why(found, "2027-01") == "scenario_ended"


def with_a_branch(parts: Parts) -> World:
    """Who stands at a branch on clicks: a call in one arm, the third mail in the other, then the shelf."""
    made = sent(parts)
    with parts.engine.begin() as tx:
        tx.execute(text("update steps set position = 5, parent_key = 'B', arm = 'else' where key = 'K3'"))
        tx.execute(text("update steps set position = 6 where key = 'K2'"))
        for position, key, kind, more in (
            (2, "W", "wait", {"wait_days": 5}),
            (3, "B", "branch", {"wait_days": 7, "condition": {"on": "clicked", "of": "K1", "values": []}}),
            (4, "C", "call", {"title": "ご感想を伺う電話", "who": "inside", "parent_key": "B", "arm": "yes"}),
        ):
            world.insert(tx, "steps", version_id=made.version, key=key, position=position, kind=kind, **more)
    run(parts, "update enrollments set position = 2, entered_on = '2026-11-24'")
    run(
        parts,
        "update steps set offset_months = 1 where key = 'K3'; update steps set offset_months = 2 where key = 'K2'",
    )
    return made


def test_waits_tasks_and_both_arms_of_a_branch_ahead_are_told(parts: Parts) -> None:
    with_a_branch(parts)
    found = ask(parts)
    [road] = found.roads
    [wait, branch, last] = road.stops
    assert (wait.step.kind, date.fromordinal(wait.until)) == ("wait", date(2026, 11, 29))
    assert [[stop.step.key for stop in arm.stops] for arm in branch.arms] == [["C"], ["K3"]]
    assert branch.arms[0].stops[0].left_out == "rank", "nobody is called before it is time"
    assert (last.step.key, last.month) == ("K2", NOV + 2)
    assert [why(found, m) for m in ("2026-12", "2027-01")] == ["branch_decides", "expected"]


def test_the_shell_and_the_page_tell_what_lies_ahead_in_words(parts: Parts, shell: CliRunner) -> None:
    made = with_a_branch(parts)
    ja = shell.invoke(commands.cli, ["explain", ADDRESS, "--lang", "ja"]).output
    for line in (
        "この先の流れ: 外観検査装置 EyeLine / 展示会後フォロー",
        "5日間待つ – 11/29まで",
        "リンクを人がクリックしたか – 7日間待つ",
        "→ はい",
        "電話：ご感想を伺う電話 – インサイドセールス・5営業日以内・いまの見込度と管理区分では行いません",
        "→ それ以外",
        "便り3 – 早ければ2026年12月",
        "分岐「リンクを人がクリックしたか」が「それ以外」なら「便り3」を送る見込みです",
    ):
        assert line in ja, line
    answer = shell.invoke(commands.cli, ["explain", ADDRESS, "--json"]).output
    [ahead] = json.loads(answer)["people"][0]["ahead"]
    assert [row["kind"] for row in ahead["rows"]] == ["wait", "branch", "mail"]
    assert ahead["rows"][1]["arms"]["yes"]["rows"][0]["left_out"] == "rank"
    app = web.create(parts)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    with parts.engine.begin() as tx:
        id = users.add(
            tx, email="a@b.example", name="管理", role="admin", locale="ja", password_hash="x", now=NOW
        )
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = f"{id}:1", True
    page = client.get(f"/deliveries/why/{made.people[0]}").get_data(as_text=True)
    assert "電話：ご感想を伺う電話" in page
    assert "いまここ" in page


def test_a_person_in_no_scenario_is_told_for_which_products(parts: Parts) -> None:
    world.build(parts, count=1)
    found = ask(parts)
    assert found.missing == ("外観検査装置 EyeLine",)
    assert all(month.entries == () for month in found.months)


def test_two_people_at_one_mailbox_are_both_explained(parts: Parts) -> None:
    made = sent(parts, count=2)
    run(parts, "update people set address_id = (select address_id from people where id = :a) where id = :b",
        a=made.people[0], b=made.people[1])  # fmt: skip
    _mailbox, people = explain.address(parts, ADDRESS, first=NOV, last=NOV, now=NOW)
    assert [one.person.id for one in people] == list(made.people)


def test_an_address_is_found_however_it_is_written_and_a_strange_one_is_an_error(parts: Parts) -> None:
    sent(parts)
    mailbox, _people = explain.address(parts, f" {ADDRESS.upper()} ", first=NOV, last=NOV, now=NOW)
    assert mailbox.email == ADDRESS
    for odd in ("", "nobody@example.jp", "x", "'; drop table people; --", "a\x00@b.example", "\udcff"):
        with pytest.raises(explain.Unknown):
            explain.address(parts, odd, first=NOV, last=NOV, now=NOW)


@pytest.fixture
def shell(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setattr(composition, "build", lambda _settings: parts)
    monkeypatch.setattr(commands, "_settings", lambda: parts.settings)
    return CliRunner()


def test_the_command_speaks_english_and_japanese(parts: Parts, shell: CliRunner) -> None:
    sent(parts)
    english = shell.invoke(commands.cli, ["explain", ADDRESS])
    assert english.exit_code == 0, english.output
    assert "November 2026  (This month)" in english.output
    assert "Sent" in english.output
    assert "“便り2”" in english.output
    japanese = shell.invoke(commands.cli, ["explain", ADDRESS, "--lang", "ja", "--months", "1"])
    assert "2026年11月" in japanese.output
    assert "送信済み" in japanese.output
    assert "\n  2026年10月" not in japanese.output


def test_the_command_prints_json_with_codes_and_words(parts: Parts, shell: CliRunner) -> None:
    sent(parts)
    answer = shell.invoke(commands.cli, ["explain", ADDRESS, "--json", "--month", "2026-11"])
    found = json.loads(answer.output)
    assert found["address"] == ADDRESS
    [month] = found["people"][0]["months"]
    assert month["month"] == "2026-11"
    assert month["mails"][0]["state"] == "sent"
    assert month["mails"][0]["sent_at"].startswith("2026-11-24T")
    assert all(isinstance(fact, str) and fact for fact in found["people"][0]["facts"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nobody@example.jp"], "nobody here has the address nobody@example.jp"),
        ([ADDRESS, "--month", "2026-13"], "2026-11"),
        ([ADDRESS, "--month", "x"], "2026-11"),
        ([ADDRESS, "--months", "0"], "1<=x<=120"),
    ],
)
def test_a_strange_address_or_month_is_one_clear_line(
    parts: Parts, shell: CliRunner, arguments: list[str], says: str
) -> None:
    sent(parts)
    answer = shell.invoke(commands.cli, ["explain", *arguments])
    assert answer.exit_code in (1, 2)
    assert says in answer.output
    assert "Traceback" not in answer.output
