"""A maker with three products and an audience as they come: for the simulation against what really happens.

Companies of every class and size, mailboxes of two, refusals, dead addresses, people without consent; scenarios
with a thank-you mail, branches on reactions and rank, a wait, calls, an invitation and an evergreen shelf.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, text

from campaigns.parts import Parts
from campaigns.rules.conditions import Condition
from campaigns.rules.scenario_files import File, FileContent, FileMail, FileRow
from campaigns.services import approve, enrol, publish, refuse, rerank, shelf, yaml_scenario
from tests import world

CLASSES = ("E", "D", "C1", "E", "-", "E", "B", "D", "C2", "E", "A", "C1")
SIZES = (1, 2, 4, 1, 12, 3, 1, 7, 2, 5)
INDUSTRIES = ("電子部品", "自動車部品", "食品機械", "金属加工")
PRODUCTS = (
    ("外観検査装置 EyeLine", "eyeline", 4, 365),
    ("5軸加工機 VX-500", "vx500", 2, 540),
    ("切削油", "oil", 6, 180),
)
ALL_CLASSES = ("A", "B", "C1", "C2", "D", "E", "-")
OPEN_CLASSES = ("C1", "D", "E", "-")


@dataclass(frozen=True, slots=True)
class House:
    """What was made. first: the scenario that is still a draft; running: the others, published."""

    products: tuple[int, ...]
    first: int
    running: tuple[int, ...]
    user: int


def build(parts: Parts, *, people: int, seminar: date, now: datetime) -> House:
    """Everything but the first scenario's publishing. seminar: the day to which people are invited."""
    with parts.engine.begin() as tx:
        user = world.insert(
            tx, "users", email="owner@minori.example", name="佐伯 美和", role="admin", created_at=now
        )
        made = tuple(
            world.product(
                tx,
                name,
                list_key=key,
                unsubscribe_label=name,
                priority=priority,
                purchase_cycle_days=cycle,
                owner_user_id=user,
            )
            for name, key, priority, cycle in PRODUCTS
        )
        world.insert(tx, "events", name="個別相談会", kind="seminar", starts_on=seminar, created_at=now)
        fair = world.insert(tx, "events", name="ミライ工場展", created_at=now)
        _people(tx, parts, people, user=user, products=made, fair=fair, now=now)
    first, *running = (
        _scenario(parts, product, file, user=user, now=now)
        for product, file in zip(made, (_eyeline(seminar), _machine(), _oil()), strict=True)
    )
    _shelf(parts, made, user=user, now=now)
    _rank_all(parts, now=now)
    _refuse_some(parts, made, now=now)
    for scenario in running:
        bring_out(parts, scenario, user=user, now=now)
    return House(made, first, tuple(running), user)


def bring_out(parts: Parts, scenario: int, *, user: int, now: datetime) -> None:
    """Publish and enrol, as the button does; owners say yes for every second one who needs it."""
    done = publish.run(parts, scenario, user_id=user, now=now)
    if isinstance(done, publish.Refused):
        raise SystemExit(f"not published: {done}")
    enrol.audience(parts, scenario, now=now)
    with parts.engine.connect() as tx:
        asked = tx.execute(
            text(
                "select id from enrollments where scenario_id = :s and status = 'asked' and person_id % 2 = 0"
            ),
            {"s": scenario},
        )
        ids = list(asked.scalars())
    approve.answer(parts, yes=True, ids=ids, owner_id=None, user_id=user, now=now)


def _people(
    tx: Connection,
    parts: Parts,
    count: int,
    *,
    user: int,
    products: Sequence[int],
    fair: int,
    now: datetime,
) -> None:
    """People by company; every 15th shares the mailbox of the one before."""
    met, company, left, number = now - timedelta(days=60), 0, 0, 0
    for n in range(1, count + 1):
        if not left:
            number += 1
            left = SIZES[number % len(SIZES)]
            company = _company(tx, number, user=user, now=now)
        left -= 1
        is_shared = n % 15 == 0
        key = f"p{n - 1 if is_shared else n}@c{number}.example"
        address = tx.execute(text("select id from addresses where email_key = :k"), {"k": key}).scalar()
        if address is None:
            address = world.insert(
                tx,
                "addresses",
                email=key,
                email_key=key,
                key_hash=parts.key_hash(key),
                status="hard" if n % 97 == 0 else "ok",
                every_months=2 if n % 41 == 0 else 1,
                created_at=now,
            )
            if n % 53:
                world.insert(
                    tx, "consents", address_id=address, basis="card_written", obtained_at=met, recorded_at=met
                )
        person = world.insert(
            tx,
            "people",
            family="若林",
            given=f"{n}",
            full_name=f"若林 {n}",
            name_key=f"若林{n}",
            tel="053-000-0000" if n % 3 else "",
            address_id=address,
            created_at=now,
        )
        role = ("", "", "decider", "user")[n % 4]
        world.insert(tx, "affiliations", person_id=person, company_id=company, buying_role=role)
        for place, product in enumerate(products):
            if place == 0 or n % (place + 2):
                world.insert(
                    tx, "product_leads", person_id=person, product_id=product, state="new",
                    acquired_at=met, created_at=met,
                )  # fmt: skip
        _met(tx, person, n, products, fair=fair, at=met)


def _company(tx: Connection, number: int, *, user: int, now: datetime) -> int:
    """A company whose class somebody has set by hand, so that the night leaves it."""
    company = world.insert(
        tx,
        "companies",
        name=f"第{number}工業株式会社",
        core_key=f"ダイ{number}コウギョウ",
        industry=INDUSTRIES[number % len(INDUSTRIES)],
        employees_band=("1-29", "30-99", "100-299")[number % 3],
        owner_user_id=user,
        class_locked=True,
        created_at=now,
    )
    values = {"class": CLASSES[number % len(CLASSES)], "id": company}
    tx.execute(text("update companies set class = :class where id = :id"), values)
    return company


def _met(tx: Connection, person: int, n: int, products: Sequence[int], *, fair: int, at: datetime) -> None:
    """Seven of ten gave their card at the fair, some of them talked."""
    kind = ("card_exchange", "booth_talk", "card_exchange", "badge_scan", "", "card_exchange", "")[n % 7]
    if kind:
        depth = {"card_exchange": 2, "booth_talk": 3, "badge_scan": 1}[kind]
        world.insert(
            tx, "touchpoints", source_key=f"fair:{person}", person_id=person, product_id=products[n % 3],
            event_id=fair, kind=kind, channel="offline", depth=depth, at=at, created_at=at,
        )  # fmt: skip


def _rank_all(parts: Parts, *, now: datetime) -> None:
    with parts.engine.connect() as tx:
        ids = list(tx.execute(text("select id from people order by id")).scalars())
    rerank.people(parts, ids, now=now)


def _refuse_some(parts: Parts, products: Sequence[int], *, now: datetime) -> None:
    """Some said no before: to one product, or to everything."""
    with parts.engine.connect() as tx:
        ids = list(tx.execute(text("select id from people where id % 31 = 0 order by id")).scalars())
    for place, person in enumerate(ids):
        scope = "product" if place % 3 else "global"
        product = products[place % len(products)] if scope == "product" else None
        refuse.record(
            parts, scope=scope, reason="phone", person_id=person, product_id=product, evidence="電話", now=now
        )


def _scenario(parts: Parts, product: int, file: File, *, user: int, now: datetime) -> int:
    """Brought in from its file, and every content approved."""
    id = yaml_scenario.bring_in(parts, file, product_id=product, user_id=user, now=now)
    with parts.engine.begin() as tx:
        tx.execute(text("update contents set status = 'approved' where status = 'draft'"))
    return id


def _shelf(parts: Parts, products: Sequence[int], *, user: int, now: datetime) -> None:
    """Two evergreen contents of each product and three of none."""
    for place, product in enumerate([*products, *products, None, None, None]):
        words = _words(f"shelf{place}")
        with parts.engine.begin() as tx:
            id = world.insert(
                tx, "contents", title=words.title, kind="general", tone="info", product_id=product,
                is_evergreen=True, created_at=now,
            )  # fmt: skip
            mail = words.mails[0]
            world.insert(
                tx, "content_variants", content_id=id, lang="ja", subject=mail.subject, html=mail.html
            )
        if not shelf.put(parts, id, now=now):
            raise SystemExit("a content does not come to the shelf")


def _words(name: str, *, kind: str = "case_study", tone: str = "info") -> FileContent:
    html = (
        "<p>{{ 宛名 }}</p><p>{{ ご縁 }}方へお送りしています。</p><p>検査の手順をまとめました。"
        f'<a href="https://minori.example/{name}">続きを読む</a></p>'
    )
    mail = FileMail(subject=f"{{{{ 会社名 }}}}様へ、便り {name}", preheader="現場の記録です", html=html)
    return FileContent(name, title=f"便り {name}", kind=kind, tone=tone, mails=(mail,))


def _file(name: str, rows: Sequence[FileRow], *, classes: Sequence[str], thanks: str = "") -> File:
    contents = tuple(
        _words(row.content, kind="thanks" if row.content == thanks else "case_study", tone=row.tone)
        for row in rows
        if row.content
    )
    return File(name, "検査の相談を案件化する", "visit", tuple(classes), rows=tuple(rows), contents=contents)


def _mail(key: str, month: int, day: int, **more: object) -> FileRow:
    return FileRow(key, "mail", month, day, content=key, **more)  # type: ignore[arg-type]


def _eyeline(seminar: date) -> File:
    """Thanks, a branch on a click with a call, a wait, an invitation, a soft sale, a branch on rank, the shelf."""
    rows = (
        _mail("a-thanks", 0, 26),
        _mail("a-case", 1, 10),
        FileRow("a-read", "branch", condition=Condition("clicked", "a-case"), wait_days=14),
        FileRow("a-call", "call", title="ご感想を伺う電話", who="inside", branch="a-read", arm="yes"),
        _mail("a-cost", 2, 10, branch="a-read", arm="yes"),
        _mail("a-trade", 2, 20, branch="a-read", arm="else"),
        FileRow("a-pause", "wait", title="間を置く", wait_days=20),
        FileRow("a-invite", "invite", 4, 5, content="a-invite", until=seminar, event="個別相談会"),
        FileRow("a-warm", "branch", 5, 1, condition=Condition("rank", "", ("hot", "warm"))),
        FileRow("a-visit", "visit", title="工場での実演", who="field", branch="a-warm", arm="yes"),
        _mail("a-soft", 5, 15, tone="sales_light"),
        _mail("a-tips", 6, 31),
        FileRow("a-fax", "fax", title="資料のFAX", who="inside"),
        FileRow("a-shelf", "shelf", day=18),
    )
    return _file("展示会後フォロー", rows, classes=OPEN_CLASSES, thanks="a-thanks")


def _machine() -> File:
    """A mail a month; who opens one gets another course; the field's customers as well."""
    rows = (
        _mail("b-one", 0, 12),
        _mail("b-two", 1, 12),
        FileRow("b-opened", "branch", condition=Condition("opened", "b-two"), wait_days=7),
        _mail("b-deep", 2, 12, branch="b-opened", arm="yes"),
        _mail("b-plain", 2, 12, branch="b-opened", arm="else"),
        _mail("b-four", 4, 12),
        FileRow("b-silent", "branch", condition=Condition("no_reaction", "b-four"), wait_days=20),
        FileRow("b-rest", "wait", title="静かに待つ", wait_days=45, branch="b-silent", arm="yes"),
        _mail("b-five", 6, 1),
        _mail("b-six", 7, 28),
        _mail("b-seven", 9, 12),
    )
    return _file("段取りを短くする", rows, classes=ALL_CLASSES)


def _oil() -> File:
    """Four mails and the shelf."""
    rows = (
        _mail("c-one", 0, 31),
        _mail("c-two", 2, 31),
        _mail("c-three", 3, 5),
        _mail("c-four", 5, 5),
        FileRow("c-shelf", "shelf", day=7),
    )
    return _file("切削油だより", rows, classes=("C1", "C2", "D", "E", "-"))
