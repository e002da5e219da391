"""Ideas become mails; only what a marketer approved is published; the shelf follows."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, insert, select

from campaigns.parts import Parts
from campaigns.rules.contents import Figures, Status
from campaigns.services import author, collect, count_contents, design, publish
from campaigns.services.author import Draft
from campaigns.services.publish import Done, Refused
from campaigns.storage import contents, sizes
from campaigns.storage import shelf as shelved
from campaigns.storage import tables as t
from tests.services.test_publish import House, add_person, house, make

__all__ = ["house"]


def idea(parts: Parts, house: House, now: datetime, words: str = "夜勤で見本を写真に撮っている") -> int:
    return collect.note_idea(
        parts, words=words, source_dept="営業", tags=("外観検査",), user_id=house.user, now=now
    )


def draft_of(parts: Parts, house: House, now: datetime, *, starter: str = "useful") -> int:
    content_id = idea(parts, house, now)
    collect.begin_draft(
        parts,
        content_id,
        kind="industry",
        tone="info",
        product_id=house.product,
        starter=starter,
        user_id=house.user,
        now=now,
    )
    return content_id


def save(parts: Parts, content_id: int, now: datetime, **changes: object) -> None:
    content, _, variant = author.load(parts, content_id, lang="ja", buying_role="")
    values = {
        "title": content.title,
        "kind": content.kind,
        "tone": content.tone,
        "subject": variant.subject,
        "preheader": variant.preheader,
        "html": variant.html,
        "text": variant.text,
        "tags": content.tags,
        "is_evergreen": content.is_evergreen,
    }
    author.save(
        parts,
        content_id,
        variant.id,
        Draft(**{**values, **changes}),  # type: ignore[arg-type]
        content_version=content.version,
        variant_version=variant.version,
        user_id=None,
        now=now,
    )


def status_of(parts: Parts, content_id: int) -> str:
    with parts.engine.connect() as tx:
        content = contents.get(tx, content_id)
    assert content is not None
    return content.status


def on_shelf(parts: Parts, content_id: int) -> list[str]:
    with parts.engine.connect() as tx:
        m = t.published_mails
        rows = tx.execute(
            select(m.c.subject).where(
                m.c.content_id == content_id, m.c.version_id.is_(None), m.c.step_key == shelved.KEY
            )
        )
        return list(rows.scalars())


def test_an_idea_keeps_its_words_and_who_wrote_it_when(parts: Parts, house: House, now: datetime) -> None:
    content_id = idea(parts, house, now, words="  長い\nネタ  ")
    found = collect.listing(parts, ideas=True)
    (line,) = found.lines
    assert (line.title, line.idea, line.source_dept, line.tags) == (
        "長い ネタ",
        "長い\nネタ",
        "営業",
        ("外観検査",),
    )
    step = found.steps[content_id]
    assert (step.action, step.at, step.by) == ("note_idea", now, "佐伯 美和")
    assert found.tags == ("外観検査",)


def test_an_idea_becomes_a_draft_once_and_is_approved_when_it_is_written(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = draft_of(parts, house, now, starter="")
    assert status_of(parts, content_id) == "draft"
    with pytest.raises(collect.Refused, match="not_from_here"):
        collect.begin_draft(
            parts, content_id, kind="general", tone="info", product_id=None, user_id=None, now=now
        )
    with pytest.raises(collect.Refused, match="without_mail"):
        collect.set_status(parts, content_id, Status.APPROVED, user_id=house.user, now=now)
    save(parts, content_id, now, subject="件名", html="<p>{{ 宛名 }}</p><p>本文です。</p>")
    collect.set_status(parts, content_id, Status.APPROVED, user_id=house.user, now=now)
    assert status_of(parts, content_id) == "approved"
    assert collect.listing(parts).steps[content_id].action == "approve"


def test_an_idea_cannot_be_approved_at_once(parts: Parts, house: House, now: datetime) -> None:
    with pytest.raises(collect.Refused, match="not_from_here"):
        collect.set_status(parts, idea(parts, house, now), Status.APPROVED, user_id=None, now=now)


def test_a_scenario_with_a_draft_in_it_is_not_published(parts: Parts, house: House, now: datetime) -> None:
    scenario_id = make(parts, house, now)
    content_id = design.load(parts, scenario_id, now=now).steps[1].content_id
    assert content_id is not None
    collect.set_status(parts, content_id, Status.DRAFT, user_id=None, now=now)
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    assert [(p.code, p.line) for p in refused.problems if p.is_error] == [("content_not_approved", 2)]
    collect.set_status(parts, content_id, Status.APPROVED, user_id=None, now=now)
    assert isinstance(publish.run(parts, scenario_id, user_id=None, now=now), Done)


def test_a_row_offers_no_ideas_and_retired_contents_only_where_they_are_told(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    told = design.load(parts, scenario_id, now=now).steps[0].content_id
    assert told is not None
    unused, raw = draft_of(parts, house, now), idea(parts, house, now)
    for content_id in (told, unused):
        collect.set_status(parts, content_id, Status.RETIRED, user_id=None, now=now)
    with parts.engine.connect() as tx:
        offered = {content.id for content in contents.for_product(tx, house.product)}
    assert told in offered
    assert unused not in offered
    assert raw not in offered


def test_the_shelf_holds_an_approved_evergreen_mail_and_follows_its_words(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = draft_of(parts, house, now)
    save(parts, content_id, now, is_evergreen=True, subject="前の件名")
    assert on_shelf(parts, content_id) == [], "a draft is told to nobody"
    collect.set_status(parts, content_id, Status.APPROVED, user_id=None, now=now)
    assert on_shelf(parts, content_id) == ["前の件名"]
    save(parts, content_id, now, subject="後の件名")
    assert on_shelf(parts, content_id) == ["後の件名"]
    author.add_variant(parts, content_id, lang="en", buying_role="", now=now)
    assert len(on_shelf(parts, content_id)) == 2
    save(parts, content_id, now, is_evergreen=False)
    assert on_shelf(parts, content_id) == []


def test_a_retired_mail_leaves_the_shelf_but_not_the_mails_that_went_out(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = draft_of(parts, house, now)
    save(parts, content_id, now, is_evergreen=True)
    collect.set_status(parts, content_id, Status.APPROVED, user_id=None, now=now)
    collect.set_status(parts, content_id, Status.RETIRED, user_id=None, now=now)
    assert on_shelf(parts, content_id) == []
    with parts.engine.connect() as tx:
        kept = tx.execute(select(func.count()).select_from(t.published_mails)).scalar_one()
    assert kept == 1, "deliveries point at it"


def test_a_mail_with_a_mark_left_stays_off_the_shelf(parts: Parts, house: House, now: datetime) -> None:
    content_id = draft_of(parts, house, now)
    save(parts, content_id, now, is_evergreen=True)
    collect.set_status(parts, content_id, Status.APPROVED, user_id=None, now=now)
    save(parts, content_id, now, html="<p>{{ 宛名 }}</p><p>【記入：電話番号】</p>")
    assert on_shelf(parts, content_id) == []


def test_a_copy_is_an_item_of_its_own_with_the_same_words(parts: Parts, house: House, now: datetime) -> None:
    content_id = draft_of(parts, house, now)
    new = collect.copy(parts, content_id, user_id=house.user, now=now)
    mine, theirs = (author.load(parts, id, lang="ja", buying_role="") for id in (content_id, new))
    assert new != content_id
    assert (theirs[0].status, theirs[0].tags, theirs[0].is_evergreen) == ("draft", ("外観検査",), False)
    assert theirs[2].html == mine[2].html


def sent(parts: Parts, house: House, content_id: int, person_id: int, now: datetime) -> int:
    with parts.engine.begin() as tx:
        return int(
            tx.execute(
                insert(t.deliveries)
                .values(
                    origin=f"test:{content_id}:{person_id}",
                    person_id=person_id,
                    product_id=house.product,
                    content_id=content_id,
                    state="sent",
                    sent_at=now,
                    created_at=now,
                )
                .returning(t.deliveries.c.id)
            ).scalar_one()
        )


def react(parts: Parts, delivery: int, person: int, now: datetime, *, mark: str, validity: float) -> None:
    with parts.engine.begin() as tx:
        tx.execute(
            insert(t.touchpoints).values(
                source_key=f"{mark}:{delivery}",
                person_id=person,
                delivery_id=delivery,
                kind="mail_click",
                channel="online",
                depth=2,
                validity=validity,
                at=now,
                created_at=now,
            )
        )


def test_figures_count_people_who_reacted_and_refused_and_machines_apart(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = draft_of(parts, house, now)
    people = [add_person(parts, house, now, n=n) for n in (1, 2, 3, 4)]
    deliveries = [sent(parts, house, content_id, person, now) for person in people[:3]]
    react(parts, deliveries[0], people[0], now, mark="human", validity=1.0)
    react(parts, deliveries[0], people[0], now, mark="again", validity=1.0)
    react(parts, deliveries[1], people[1], now, mark="machine", validity=0.0)
    with parts.engine.begin() as tx:
        tx.execute(
            insert(t.suppressions),
            [
                {"key_hash": b"1", "scope": "global", "reason": "user_link", "delivery_id": deliveries[2], "at": now},
                {"key_hash": b"2", "scope": "global", "reason": "bounce", "delivery_id": deliveries[1], "at": now},
            ],
        )  # fmt: skip
    told = count_contents.read(parts)
    assert told.figures[content_id] == Figures(3, 1, 1, reacted_all=2)
    assert told.audience.unseen(house.product, content_id) == 1
    assert told.at is None


def test_a_big_installation_shows_what_a_job_counted_and_says_when(
    parts: Parts, house: House, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BIG", 0)
    content_id = draft_of(parts, house, now)
    person = add_person(parts, house, now)
    sent(parts, house, content_id, person, now)
    assert not count_contents.read(parts).is_known
    assert count_contents.run(parts, now=now)
    assert not count_contents.run(parts, now=now), "it was counted this minute"
    told = count_contents.read(parts)
    assert (told.at, told.figures[content_id]) == (now, Figures(1, 0, 0))
    assert told.audience.unseen(house.product, content_id) == 0


def test_the_mail_that_asks_whether_to_go_on_stands_frozen_in_both_languages_once_approved(
    parts: Parts, house: House, now: datetime
) -> None:
    content_id = author.from_starter(parts, "permission", product_id=None, user_id=None, now=now)
    assert status_of(parts, content_id) == "draft"
    assert on_shelf(parts, content_id) == []
    collect.set_status(parts, content_id, Status.APPROVED, user_id=None, now=now)
    assert sorted(on_shelf(parts, content_id)) == [
        "May we go on writing to you?",
        "これからもお便りをお送りしてよろしいでしょうか",
    ]
    with parts.engine.connect() as tx:
        mails = tx.execute(select(t.published_mails.c.html, t.published_mails.c.links)).all()
        assert not any(c.kind == "permission" for c in contents.for_product(tx, house.product))
    for html, links in mails:
        assert [link["url"] for link in links] == [f"{parts.settings.base_url}/stay"], "go on is counted"
        assert 'href="{{ 停止ページ }}#less"' in html or 'href="{{ stop_page }}#less"' in html
    collect.set_status(parts, content_id, Status.RETIRED, user_id=None, now=now)
    assert on_shelf(parts, content_id) == []
