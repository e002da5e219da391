"""A call with everything that a desk can hold: long reasons, three numbers, many colleagues, notes of both sides."""

from __future__ import annotations

from datetime import timedelta

from campaigns.rules.outcomes import CallResult
from campaigns.rules.touchpoints import Kind
from campaigns.services import line_calls, record_call, rerank
from campaigns.storage import touchpoints
from campaigns.storage.touchpoints import NewTouch
from tests.services.world import World

COLLEAGUES = (
    ("北島 誠一", "生産技術部", "部長", "技術"),
    ("古賀 玲奈", "購買部", "主任", "購買"),
    ("大河内 亮一郎", "製造部第二製造課", "課長代理", "利用"),
    ("二宮 由佳", "品質保証部", "", "影響者"),
    ("戸塚 修", "生産管理部", "係長", "窓口"),
    ("羽田 誠", "製造部", "班長", "利用"),
)
NOTES = (
    (
        Kind.BOOTH_TALK_PROSPECT,
        118,
        "はんだ外観を人手で検査、1日4名。工数を半分にしたい。上長の北島部長も関心あり",
    ),
    (
        Kind.CALL_CONNECTED,
        60,
        "来期予算で検査の自動化を検討。3月までに3社を比較し、稟議は4月に起案する見込み",
    ),
    (Kind.INQUIRY, 9, "電装部品の小ロット多品種でも段取り替えが短く済むか、実機で確かめたい"),
    (Kind.CALL_TRIED, 2, "受付の方より終日会議とのこと。伝言をお願いした"),
)
READ = ("事例：電装部品の目視検査を3割削減した中堅メーカーの取り組み", "EyeLine 総合カタログと価格帯資料")


def furnish(world: World, *, calls: int = 8) -> int:
    """One full record and further calls for the list beside it; returns the full record's task."""
    person = world.person(touches=[("seminar_attend", 40), ("quote_request", 1)])
    world.run(
        "update people set full_name = '若林 拓也', kana = 'わかばやし たくや', tel_direct = '053-000-1284',"
        " tel = '053-000-1200', mobile = '090-0000-1284' where id = :p",
        p=person,
    )
    _company(world, person)
    _notes(world, person)
    others = [
        world.person(touches=[("booth_talk_prospect", 20 + n), ("doc_request", 3 + n)]) for n in range(calls)
    ]
    rerank.people(world.parts, [person, *others], now=world.now)
    task = next(t for t in world.tasks(person) if t.kind == "call")
    world.run(
        "update tasks set promised_at = :at where id = :t", at=world.now - timedelta(minutes=5), t=task.id
    )
    world.run(
        "insert into call_hours (hour, class, calls, connected) select h, 'E', 20, 4 + h % 5 from generate_series(9, 17) h"
    )
    line_calls.everything(world.parts, now=world.now)
    return int(task.id)


def _company(world: World, person: int) -> None:
    company = world.rows("select company_id as id from affiliations where person_id = :p", p=person)[0].id
    world.run("update companies set name = '浜名テクノ工業株式会社 静岡事業所' where id = :c", c=company)
    world.run(
        "update affiliations set department = '生産技術部 自動化推進グループ', title = '課長', buying_role = '技術'"
        " where person_id = :p",
        p=person,
    )
    for name, department, title, role in COLLEAGUES:
        one = world.person(touches=[("badge_scan", 30)])
        world.run("update people set full_name = :n where id = :p", n=name, p=one)
        world.run(
            "update affiliations set company_id = :c, department = :d, title = :t, buying_role = :r"
            " where person_id = :p",
            c=company, d=department, t=title, r=role, p=one,
        )  # fmt: skip


def _notes(world: World, person: int) -> None:
    rows = [
        NewTouch(
            source_key=f"desk:{kind}:{days}",
            person_id=person,
            kind=kind,
            at=world.now - timedelta(days=days),
            product_id=world.press_id,
            note=note,
            actor_id=world.owner_id,
        )
        for kind, days, note in NOTES
    ]
    rows += [
        NewTouch(
            source_key=f"desk:read:{n}",
            person_id=person,
            kind=Kind.WEB_VIEW_KEY,
            at=world.now - timedelta(days=5 + n),
            product_id=world.press_id,
            title=title,
            active_s=75,
        )
        for n, title in enumerate(READ)
    ]
    with world.parts.engine.begin() as tx:
        touchpoints.put(tx, rows, now=world.now)


def called(world: World, *, user_id: int, but: int, n: int = 3) -> None:
    """Calls this user has made today, the last a moment ago. but: a task that stays open."""
    tasks = world.rows(
        "select t.id, t.version from tasks t where t.kind = 'call' and t.state = 'open' and t.id <> :but"
        " order by t.id desc limit :n",
        n=n,
        but=but,
    )
    for task in tasks:
        record_call.record(
            world.parts,
            task_id=task.id,
            version=task.version,
            result=CallResult.TALKED,
            user_id=user_id,
            now=world.parts.clock.now(),
        )
