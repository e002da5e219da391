"""Publishing freezes what was designed, or refuses with the line; the mail that leaves says who sends it."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from campaigns.parts import Parts
from campaigns.rules.versions import Choice
from campaigns.services import author, design, enrol, hold, post, preview, publish, render, upload
from campaigns.services.author import Draft
from campaigns.services.design import Head, Row
from campaigns.services.hold import Kind, Target
from campaigns.services.publish import Done, Refused
from campaigns.storage import contents, outgoing, scenarios, steps
from campaigns.storage import tables as t

HEAD = Head("展示会後フォロー", "参加者から有望な見込み客を絞り込む", "visit", ("C1", "D", "E", "-"), None)


@dataclass(frozen=True)
class House:
    """Ids of a small installation."""

    product: int
    profile: int
    event: int
    user: int


@pytest.fixture
def house(parts: Parts, now: datetime) -> House:
    with parts.engine.begin() as tx:
        user = tx.execute(
            insert(t.users)
            .values(email="saeki@minori.example", name="佐伯 美和", created_at=now)
            .returning(t.users.c.id)
        ).scalar_one()
        profile = tx.execute(
            insert(t.sender_profiles)
            .values(
                name="検査",
                legal_name="株式会社みのり精機",
                postal_address="静岡県浜松市見本町1-2-3",
                inquiry="053-000-0000",
                from_name="みのり精機 佐伯 美和",
                from_address="saeki@minori.example",
                reply_to="saeki@minori.example",
            )
            .returning(t.sender_profiles.c.id)
        ).scalar_one()
        product = tx.execute(
            insert(t.products)
            .values(
                name="外観検査装置",
                list_key="inspection",
                sender_profile_id=profile,
                owner_user_id=user,
                created_at=now,
            )
            .returning(t.products.c.id)
        ).scalar_one()
        event = tx.execute(
            insert(t.events).values(name="ミライ工場展", created_at=now).returning(t.events.c.id)
        ).scalar_one()
    return House(product, profile, event, user)


def add_person(
    parts: Parts, house: House, now: datetime, *, name: str = "若林 拓也", n: int = 1, **person: object
) -> int:
    address = f"p{n}@hamana.example"
    with parts.engine.begin() as tx:
        address_id = tx.execute(
            insert(t.addresses)
            .values(email=address, email_key=address, key_hash=parts.key_hash(address), created_at=now)
            .returning(t.addresses.c.id)
        ).scalar_one()
        person_id: int = tx.execute(
            insert(t.people)
            .values(
                full_name=name, family=name.split(" ")[0], address_id=address_id, created_at=now, **person
            )
            .returning(t.people.c.id)
        ).scalar_one()
        company = tx.execute(
            insert(t.companies).values(name="浜名テクノ㈱", created_at=now).returning(t.companies.c.id)
        ).scalar_one()
        tx.execute(
            insert(t.affiliations).values(
                person_id=person_id, company_id=company, department="生産技術部", title="課長"
            )
        )
        tx.execute(
            insert(t.product_leads).values(person_id=person_id, product_id=house.product, created_at=now)
        )
        tx.execute(
            insert(t.consents).values(
                address_id=address_id, basis="card_written", obtained_at=now, recorded_at=now
            )
        )
        tx.execute(
            insert(t.touchpoints).values(
                source_key=f"t{n}",
                person_id=person_id,
                product_id=house.product,
                event_id=house.event,
                kind="card_exchange",
                channel="offline",
                depth=2,
                at=now,
                created_at=now,
            )
        )
    return person_id


def make(parts: Parts, house: House, now: datetime, pattern: str = "exhibition_hot") -> int:
    return design.create(
        parts, product_id=house.product, head=HEAD, pattern=pattern, user_id=house.user, now=now
    )


def rows_of(parts: Parts, scenario_id: int, now: datetime) -> list[str]:
    return [step.key for step in design.load(parts, scenario_id, now=now).steps]


def edit(parts: Parts, content_id: int, now: datetime, **words: Any) -> None:
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    draft = Draft(
        content.title,
        content.kind,
        content.tone,
        variant.subject,
        variant.preheader,
        variant.html,
        variant.text,
    )
    author.save(
        parts,
        content_id,
        variant.id,
        replace(draft, **words),
        content_version=content.version,
        variant_version=variant.version,
        user_id=None,
        now=now,
    )


def publish_it(
    parts: Parts, scenario_id: int, now: datetime, *, choices: Mapping[str, Choice] | None = None
) -> Done:
    done = publish.run(parts, scenario_id, user_id=None, now=now, choices=choices)
    assert isinstance(done, Done), done
    return done


def deliver_to(parts: Parts, house: House, person_id: int, now: datetime, *, step: int = 0) -> int:
    """A planned delivery of a published row, as the planner writes it."""
    with parts.engine.begin() as tx:
        mail = tx.execute(
            select(t.published_mails.c.id, t.published_mails.c.step_key, t.published_mails.c.content_id)
            .order_by(t.published_mails.c.id)
            .offset(step)
            .limit(1)
        ).one()
        address = tx.execute(select(t.people.c.address_id).where(t.people.c.id == person_id)).scalar_one()
        made: int = tx.execute(
            insert(t.deliveries)
            .values(
                origin=f"enr:{person_id}/{mail.step_key}/round:1",
                person_id=person_id,
                address_id=address,
                product_id=house.product,
                content_id=mail.content_id,
                published_mail_id=mail.id,
                step_key=mail.step_key,
                state="planned",
                send_at=now,
                created_at=now,
            )
            .returning(t.deliveries.c.id)
        ).scalar_one()
    return made


def raw_of(parts: Parts, delivery_id: int, now: datetime) -> tuple[bytes, str]:
    with parts.engine.connect() as tx:
        item = render.items(tx, parts, [delivery_id], now=now)[delivery_id]
    assert callable(item.body)
    return item.body(), item.mail_from


def texts_of(raw: bytes) -> tuple[str, str]:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {
        part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()
    }
    return parts["text/plain"], parts["text/html"]


def test_publishing_freezes_every_mail_and_makes_the_scenario_active(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    assert publish_it(parts, scenario_id, now) == Done(1, 4, 0)
    with parts.engine.connect() as tx:
        scenario = scenarios.get(tx, scenario_id)
        assert scenario is not None
        assert (scenario.status, scenario.published_no) == ("active", 1)
        mails = tx.execute(select(t.published_mails.c.html, t.published_mails.c.links)).all()
        assert len(mails) == 4
        assert all(mail.html.count("{{ link(1) }}") == 1 and mail.links[0]["no"] == 1 for mail in mails)
        assert tx.execute(select(func.count()).where(t.audit_log.c.action == "publish")).scalar_one() == 1


def test_a_template_that_does_not_render_refuses_with_row_and_line_and_writes_nothing(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    second = design.load(parts, scenario_id, now=now).steps[1].content_id
    assert second is not None
    edit(parts, second, now, html="<p>{{ 宛名 }}</p>\n<p>{{ 会社め }}</p>\n<p>{% if 氏名 %}</p>")
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    (problem,) = [p for p in refused.mails if p.is_error]
    assert (problem.line, problem.part, problem.code) == (2, "html", "syntax")
    edit(parts, second, now, html="<p>{{ 宛名 }}</p>\n<p>{{ 会社め }}</p>")
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    (problem,) = [p for p in refused.mails if p.is_error]
    assert (problem.line, problem.part_line, problem.code, problem.args["near"]) == (
        2,
        2,
        "unknown_field",
        "会社名",
    )
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.published_mails)).scalar_one() == 0
        assert scenarios.published(tx, scenario_id) is None


@pytest.mark.parametrize("field", ["legal_name", "postal_address", "inquiry", "from_address"])
def test_an_incomplete_sender_profile_forbids_publishing(
    parts: Parts, house: House, now: datetime, field: str
) -> None:
    scenario_id = make(parts, house, now)
    with parts.engine.begin() as tx:
        tx.execute(update(t.sender_profiles).values({field: " "}))
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    assert [p.args for p in refused.problems if p.code == "sender_incomplete"] == [{"missing": field}]


def test_a_published_version_never_changes_while_the_next_draft_is_edited(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    with parts.engine.connect() as tx:
        in_force = scenarios.published(tx, scenario_id)
        assert in_force is not None
        before = steps.of(tx, in_force.id)
    keys = rows_of(parts, scenario_id, now)
    design.save_row(
        parts, scenario_id, keys[1], Row(1, 25, "info", before[1].content_id, None), user_id=None, now=now
    )
    design.delete_row(parts, scenario_id, keys[3], user_id=None, now=now)
    design.move_row(parts, scenario_id, keys[0], up=False, user_id=None, now=now)
    assert before[1].content_id is not None
    edit(parts, before[1].content_id, now, subject="書き直した件名")
    with parts.engine.connect() as tx:
        assert [(s.key, s.want_day) for s in steps.of(tx, in_force.id)] == [
            (s.key, s.want_day) for s in before
        ]
        subjects = tx.execute(select(t.published_mails.c.subject)).scalars().all()
        assert "書き直した件名" not in subjects
    draft = design.load(parts, scenario_id, now=now)
    assert draft.version.is_draft
    assert [s.key for s in draft.steps] == [keys[1], keys[0], keys[2]], "keys survive versions"


def test_people_under_way_go_on_at_the_same_row_of_the_new_version(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    person = add_person(parts, house, now)
    assert enrol.audience(parts, scenario_id, now=now) == 1
    with parts.engine.begin() as tx:
        tx.execute(update(t.enrollments).values(position=2, due_month=24324))
    keys = rows_of(parts, scenario_id, now)
    new = design.add_row(parts, scenario_id, after=keys[0], user_id=None, now=now)
    starter = author.from_starter(parts, "useful", product_id=house.product, user_id=None, now=now)
    design.save_row(parts, scenario_id, new, Row(1, 10, "info", starter, None), user_id=None, now=now)
    assert publish_it(parts, scenario_id, now).moved == 1
    with parts.engine.connect() as tx:
        row = tx.execute(
            select(t.enrollments.c.position, t.enrollments.c.person_id, t.enrollments.c.due_month)
        ).one()
    # The row itself moved on by a month to make room, so its people wait a month longer.
    assert tuple(row) == (3, person, 24325)


def test_people_may_also_stay_in_the_version_they_began(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    add_person(parts, house, now)
    enrol.audience(parts, scenario_id, now=now)
    with parts.engine.begin() as tx:
        first = tx.execute(select(t.enrollments.c.version_id)).scalar_one()
        draft = scenarios.open_draft(tx, scenario_id)
        changed = update(t.steps).where(t.steps.c.version_id == draft.id, t.steps.c.position == 1)
        key = tx.execute(changed.values(want_day=20).returning(t.steps.c.key)).scalar_one()
    assert publish_it(parts, scenario_id, now, choices={key: Choice.KEEP}).moved == 0
    with parts.engine.connect() as tx:
        assert tx.execute(select(t.enrollments.c.version_id)).scalar_one() == first


def test_publishing_twice_is_refused_and_changes_nothing(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    with pytest.raises(author.Gone):
        publish.run(parts, scenario_id, user_id=None, now=now)
    with parts.engine.connect() as tx:
        assert tx.execute(select(func.count()).select_from(t.published_mails)).scalar_one() == 4


def test_a_language_with_words_for_one_role_only_is_refused(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    content_id = design.load(parts, scenario_id, now=now).steps[0].content_id
    assert content_id is not None
    author.add_variant(parts, content_id, lang="en", buying_role="技術", now=now)
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    assert [(p.line, p.lang, p.code) for p in refused.mails if p.is_error] == [(1, "en", "role_only")]


def test_duplicating_a_row_copies_its_mail_since_nobody_gets_one_item_twice(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    key = rows_of(parts, scenario_id, now)[1]
    design.duplicate_row(parts, scenario_id, key, user_id=None, now=now)
    found = design.load(parts, scenario_id, now=now)
    assert [s.offset_months for s in found.steps] == [0, 1, 2, 3, 4]
    assert len({s.content_id for s in found.steps}) == 5
    assert not [p for p in found.problems if p.is_error and p.code != "sales_too_often"]


def test_a_stale_save_of_the_head_is_refused_and_shows_what_is_stored(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    design.save_head(
        parts, scenario_id, version=1, head=replace(HEAD, name="先に保存"), user_id=None, now=now
    )
    with pytest.raises(author.Stale) as caught:
        design.save_head(
            parts, scenario_id, version=1, head=replace(HEAD, name="後から"), user_id=None, now=now
        )
    assert caught.value.now.name == "先に保存"  # type: ignore[attr-defined]


def test_pausing_tells_running_batches_and_going_on_asks_the_planner_again(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    hold.pause(parts, Target(Kind.SCENARIO, scenario_id), reason="", user_id=None, now=now)
    with parts.engine.connect() as tx:
        found = scenarios.get(tx, scenario_id)
        assert found is not None
        assert found.status == "draft", "a draft cannot be paused"
    publish_it(parts, scenario_id, now)
    with parts.engine.connect() as tx:
        before = tx.execute(select(t.stops.c.n)).scalar_one()
    hold.pause(parts, Target(Kind.SCENARIO, scenario_id), reason="", user_id=None, now=now)
    with parts.engine.connect() as tx:
        assert tx.execute(select(t.stops.c.n)).scalar_one() == before + 1


def test_the_reach_puts_every_person_into_one_group(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    people = [add_person(parts, house, now, n=n) for n in range(1, 7)]
    with parts.engine.begin() as tx:
        address = {
            row.id: row.address_id
            for row in tx.execute(
                select(t.people.c.id, t.people.c.address_id).where(t.people.c.id.in_(people))
            )
        }
        tx.execute(update(t.addresses).where(t.addresses.c.id == address[people[0]]).values(status="hard"))
        tx.execute(
            insert(t.suppressions).values(
                key_hash=parts.key_hash("p2@hamana.example"), scope="global", reason="phone", at=now
            )
        )
        tx.execute(t.consents.delete().where(t.consents.c.address_id == address[people[2]]))
        tx.execute(update(t.people).where(t.people.c.id == people[3]).values(address_id=None))
    found = design.load(parts, scenario_id, now=now).reach
    assert (found.everybody, found.can_send) == (6, 2)
    assert dict(found.groups) == {"address_hard": 1, "refused_global": 1, "no_consent": 1, "no_address": 1}


def test_the_mail_that_leaves_carries_the_legal_items_and_tracked_links_in_both_parts(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    person = add_person(parts, house, now)
    delivery_id = deliver_to(parts, house, person, now)
    raw, mail_from = raw_of(parts, delivery_id, now)
    text, html = texts_of(raw)
    for part in (text, html):
        flat = part.replace("\n", "")
        for item in ("株式会社みのり精機", "静岡県浜松市見本町1-2-3", "053-000-0000", "停止", "/u/"):
            assert item in flat, item
        assert "浜名テクノ株式会社" in flat
        assert "11月24日のミライ工場展でお名刺をいただいた" in flat
        assert "/c/" in flat
        assert "example.co.jp/exhibition" not in flat, "the link must be wrapped"
        assert "{{" not in flat
        assert "None" not in flat
    assert "/o/" in html
    assert "課長　若林 拓也 様" in text
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert str(message["List-Id"]) == "<inspection.minori.example>"
    assert raw.count(b"\nList-Unsubscribe: <http") == 1
    assert message["Message-ID"].startswith(f"<{delivery_id}.")
    assert message["Reply-To"].startswith("reply+")
    assert mail_from.startswith("bounce+")
    assert raw == raw_of(parts, delivery_id, now)[0], "a second attempt is recognisably the same mail"


def test_who_refused_tracking_gets_plain_links_and_no_pixel(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    person = add_person(parts, house, now, do_not_track=True)
    text, html = texts_of(raw_of(parts, deliver_to(parts, house, person, now), now)[0])
    for part in (text, html):
        assert "/c/" not in part
        assert "/o/" not in part
        assert "https://www.example.co.jp/exhibition/questions" in part
        assert "/u/" in part


def test_a_name_with_markup_stays_text(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    person = add_person(parts, house, now, name='<script>alert("x")</script>\r\nBcc: a@b.example')
    raw, _ = raw_of(parts, deliver_to(parts, house, person, now), now)
    _, html = texts_of(raw)
    assert "<script>" not in html
    assert email.message_from_bytes(raw)["Bcc"] is None


def test_a_batch_is_rendered_with_three_statements_at_the_most(
    parts: Parts, house: House, now: datetime
) -> None:
    from sqlalchemy import event

    scenario_id = make(parts, house, now)
    publish_it(parts, scenario_id, now)
    ids = [deliver_to(parts, house, add_person(parts, house, now, n=n), now) for n in range(1, 21)]
    seen: list[str] = []
    with parts.engine.connect() as tx:
        event.listen(tx, "before_cursor_execute", lambda _c, _k, statement, *_: seen.append(statement))
        found = render.items(tx, parts, ids, now=now)
    assert sorted(found) == ids
    assert len(seen) <= 3


def test_a_delivery_with_nothing_to_send_is_left_out(parts: Parts, house: House, now: datetime) -> None:
    with parts.engine.begin() as tx:
        lost = tx.execute(
            insert(t.deliveries)
            .values(origin="x:1", state="planned", send_at=now, created_at=now)
            .returning(t.deliveries.c.id)
        ).scalar_one()
    with parts.engine.connect() as tx:
        assert render.items(tx, parts, [lost], now=now) == {}


def test_a_notice_to_staff_leaves_even_before_a_sender_profile_exists(parts: Parts, now: datetime) -> None:
    with parts.engine.begin() as tx:
        queued = post.queue(
            tx,
            origin="tx:notice:1",
            to="owner@minori.example",
            subject="お知らせ",
            text="A<B\n次の行",
            now=now,
        )
    assert queued is not None
    raw, _ = raw_of(parts, queued, now)
    text, html = texts_of(raw)
    assert text.split() == ["A<B", "次の行"]
    assert "A&lt;B" in html
    assert b"List-Unsubscribe" not in raw


def test_the_preview_is_the_mail_that_is_sent_without_its_tokens(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    person = add_person(parts, house, now)
    content_id = design.load(parts, scenario_id, now=now).steps[0].content_id
    assert content_id is not None
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    draft = Draft(
        content.title,
        content.kind,
        content.tone,
        variant.subject,
        variant.preheader,
        variant.html,
        variant.text,
    )
    seen = preview.show(parts, draft, lang="ja", product_id=house.product, person_id=person)
    publish_it(parts, scenario_id, now)
    text, _ = texts_of(raw_of(parts, deliver_to(parts, house, person, now), now)[0])
    lines = [line for line in text.splitlines() if "http" not in line]
    assert [line for line in seen.text.splitlines() if "http" not in line] == lines
    assert "/c/" not in seen.html
    assert "/o/" not in seen.html


def test_a_test_send_goes_to_oneself_marked_and_untracked(parts: Parts, house: House, now: datetime) -> None:
    content_id = author.from_starter(parts, "product_soft", product_id=house.product, user_id=None, now=now)
    variant = author.load(parts, content_id, lang="ja", buying_role="")[2]
    person = add_person(parts, house, now)
    wrong = preview.send_test(
        parts,
        variant,
        product_id=house.product,
        person_id=person,
        to="saeki@minori.example",
        mark="【テスト】",
        user_id=house.user,
        now=now,
    )
    assert wrong is None
    with parts.engine.connect() as tx:
        row = tx.execute(
            select(t.deliveries.c.id, t.deliveries.c["class"], t.delivery_bodies).join(t.delivery_bodies)
        ).one()
        (loaded,) = outgoing.load(tx, [row.id])
    assert row._mapping["class"] == "transactional"
    assert (row.to_address, loaded.to) == ("saeki@minori.example", "saeki@minori.example")
    assert row.subject == "【テスト】外観検査装置が、こんな場面でお役に立っています"
    assert "/c/" not in row.html


def test_every_starter_renders_and_sells_softly(parts: Parts, house: House, now: datetime) -> None:
    for starter in author.starters():
        head, words = author.read_starter(starter)
        seen = preview.show(
            parts, Draft(**head, **words), lang="ja", product_id=house.product, person_id=None
        )
        assert seen.html, (starter, seen.problems)
        # Marks to fill in are told by test_furnish.
        assert {p.message_code for p in seen.problems} - {"placeholder"} == {"text_missing"}
        assert not seen.loud
        assert max(len(line) for line in seen.text.splitlines() if "http" not in line) <= 40


PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x08\x00\x00\x00\x04\x08\x06\x00\x00\x00"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not_an_image"),
        (b"%PDF-1.7", "not_an_image"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "damaged"),
        (PNG[:16] + b"\x00\x01\x00\x00\x00\x00\x00\x04" + PNG[24:], "too_wide"),
        (PNG + b"\x00" * upload.MAX_BYTES, "too_large"),
    ],
)
def test_what_is_no_sound_image_is_refused_whatever_its_name(data: bytes, code: str) -> None:
    with pytest.raises(upload.Refused) as caught:
        upload.look(data)
    assert caught.value.code == code


def test_the_same_image_twice_is_one_and_needs_its_hash_to_be_read(parts: Parts, now: datetime) -> None:
    first = upload.store(parts, PNG, name="a.jpg", user_id=None, now=now)
    second = upload.store(parts, PNG, name="b.png", user_id=None, now=now)
    assert (first.id, first.mime, first.width, first.height) == (second.id, "image/png", 8, 4)
    assert upload.read(parts, first.id, "00000000") is None
    found = upload.read(parts, first.id, first.sha256[:8])
    assert found is not None
    assert found[1] == PNG


def test_the_database_itself_refuses_a_second_draft(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    with pytest.raises(IntegrityError), parts.engine.begin() as tx:
        tx.execute(insert(t.scenario_versions).values(scenario_id=scenario_id, no=2))


def test_a_content_is_saved_only_over_the_version_it_was_read_from(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "useful", product_id=None, user_id=None, now=now)
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    edit(parts, content_id, now, subject="先")
    draft = Draft(content.title, content.kind, content.tone, "後", "", variant.html, "")
    with pytest.raises(author.Stale):
        author.save(
            parts,
            content_id,
            variant.id,
            draft,
            content_version=content.version,
            variant_version=variant.version,
            user_id=None,
            now=now,
        )
    with parts.engine.connect() as tx:
        assert contents.variants(tx, content_id)[0].subject == "先"
