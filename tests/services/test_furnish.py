"""Each scenario that ships is published once its marks are filled in, and not before."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, update

from campaigns.parts import Parts
from campaigns.rules import placeholders
from campaigns.rules.starters import PATTERNS, Pattern
from campaigns.services import author, design, preview, publish
from campaigns.services.author import Draft
from campaigns.services.publish import Done, Refused
from campaigns.storage import tables as t
from tests.services.test_publish import HEAD, House, house, make

__all__ = ["house"]

FULL = [p for p in PATTERNS if p.code in ("exhibition", "document_request", "dormant", "seminar", "care")]
MARK = re.compile(r"【\s*記入[^】]*】")


def filled(text: str) -> str:
    """As a marketer would: words for the marks, pages for the links."""
    return MARK.sub("9月9日", text).replace("https://fill-in.example/", "https://www.minori.example/")


def fill(parts: Parts, now: datetime) -> None:
    with parts.engine.begin() as tx:
        for row in tx.execute(select(t.content_variants)).all():
            words = {name: filled(getattr(row, name)) for name in ("subject", "preheader", "html")}
            tx.execute(update(t.content_variants).where(t.content_variants.c.id == row.id).values(**words))
        day = now.date() + timedelta(days=70)
        event = tx.execute(
            insert(t.events).values(name="勉強会", starts_on=day, created_at=now).returning(t.events.c.id)
        ).scalar_one()
        tx.execute(update(t.steps).where(t.steps.c.kind == "invite").values(event_id=event, valid_until=day))


@pytest.mark.parametrize("pattern", FULL, ids=lambda p: p.code)
def test_a_shipped_scenario_is_published_when_its_marks_are_filled_in(
    parts: Parts, house: House, now: datetime, pattern: Pattern
) -> None:
    scenario_id = make(parts, house, now, pattern.code)
    refused = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(refused, Refused)
    assert {mail.code for mail in refused.mails if mail.is_error} == {"placeholder"}
    fill(parts, now)
    ahead = publish.ahead(parts, scenario_id, now=now)
    assert ahead.mails == (), "neither an error nor a warning is left"
    done = publish.run(parts, scenario_id, user_id=None, now=now)
    assert isinstance(done, Done)
    assert done.mails == sum(bool(row.starter) for row in pattern.rows)


@pytest.mark.parametrize("starter", sorted({row.starter for p in FULL for row in p.rows if row.starter}))
def test_the_proof_finds_nothing_in_a_filled_starter(parts: Parts, house: House, starter: str) -> None:
    head, words = author.read_starter(starter)
    words = {name: filled(text) for name, text in words.items()}
    assert not placeholders.left(words)
    seen = preview.show(
        parts,
        Draft(**head, **words),
        lang="ja",
        product_id=house.product,
        person_id=None,
    )
    assert [problem.message_code for problem in seen.problems] == ["text_missing"]
    assert not seen.loud
    assert seen.links == 1
    assert max(len(line) for line in seen.text.splitlines() if "http" not in line) <= 40


def test_rows_of_a_pattern_arrive_with_their_branches_and_titles(
    parts: Parts, house: House, now: datetime
) -> None:
    steps = {step.key: step for step in design.load(parts, make(parts, house, now, "dormant"), now=now).steps}
    assert (steps["fax"].parent_key, steps["fax"].arm, steps["fax"].goto_key) == ("silent", "yes", "shelf")
    assert steps["fax"].title.startswith("お変わりありませんか")
    assert steps["silent"].condition is not None
    assert (steps["silent"].condition.on, steps["silent"].condition.of) == ("no_reaction", "industry")
    assert steps["silent"].wait_days == 25
    assert steps["question"].content_title == "ひとつだけ質問"


def test_who_reads_english_gets_english_titles_and_the_same_mails(
    parts: Parts, house: House, now: datetime
) -> None:
    made = [
        design.create(
            parts,
            product_id=house.product,
            head=HEAD,
            pattern="dormant",
            user_id=house.user,
            now=now,
            lang=lang,
        )
        for lang in ("ja", "en")
    ]
    ja, en = ({s.key: s for s in design.load(parts, id, now=now).steps} for id in made)
    assert en["fax"].title == "How are you? (with a one-page checklist)"
    assert en["question"].content_title == "Just one question"
    assert ja["question"].content_title == "ひとつだけ質問"
    assert all(step.content_title.isascii() for step in en.values())


def test_every_starter_has_an_english_title(parts: Parts) -> None:
    for code in author.starters():
        assert author.read_starter(code, title_lang="en")[0]["title"].isascii(), code


def test_a_shown_starter_is_shown_with_its_marks(parts: Parts, house: House) -> None:
    head, words = author.read_starter("exhibition_thanks")
    seen = preview.show(
        parts,
        Draft(**head, **words),
        lang="ja",
        product_id=house.product,
        person_id=None,
    )
    assert "【記入：展示会の名前】" in seen.html
    assert {problem.message_code for problem in seen.problems} == {"placeholder", "text_missing"}
