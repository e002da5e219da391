"""The last reading before a mail is published: what depends on the house and its people."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from sqlalchemy import select, update

from campaigns.parts import Parts
from campaigns.services import author, design, enrol, plan, preview, proof, publish
from campaigns.services.author import Draft
from campaigns.services.preview import Shown
from campaigns.services.publish import Done, Refused
from campaigns.storage import outgoing
from campaigns.storage import tables as t
from campaigns.storage.contents import Variant
from campaigns.storage.reach import Gaps
from mailer.findings import Level
from tests.services.test_publish import House, add_person, edit, house, make, raw_of, texts_of

__all__ = ["house"]

WORDS = "<p>{{ 宛名 }}</p><p>いつもお世話になっております。今月のお知らせです。</p>"


def read(parts: Parts, house: House, html: str, **words: str) -> proof.Proof:
    with parts.engine.connect() as tx:
        row = outgoing.sample(tx, person_id=None, product_id=house.product)
    variant = Variant(0, 0, "ja", "", "件名", "", html, "", 0)
    return proof.read(parts, replace(variant, **words), row, Gaps(0, {}))  # type: ignore[arg-type]


def shown(parts: Parts, house: House, html: str, *, lang: str = "ja", person: int | None = None) -> Shown:
    draft = Draft("名前", "general", "info", "件名", "前置き", html, "")
    return preview.show(parts, draft, lang=lang, product_id=house.product, person_id=person)


def test_the_size_is_that_of_the_mail_as_it_leaves(parts: Parts, house: House) -> None:
    """Below 100 kB as it was written, above with the wrapped links."""
    long = "https://www.minori.example/" + "a" * 600
    html = WORDS + "".join(f'<p><a href="{long}{n}">読む</a></p>' for n in range(110))
    seen = read(parts, house, html)
    assert len(html.encode()) < 100_000 < seen.size
    (problem,) = [p for p in seen.problems if p.message_code == "html_large"]
    assert (problem.level, problem.args["size"]) == (Level.WARNING, str(seen.size))


def test_a_link_that_cannot_be_wrapped_stops_the_mail(parts: Parts, house: House) -> None:
    seen = read(parts, house, f'{WORDS}<a href="https://a.example/{"a" * 2100}">読む</a>')
    assert seen.published is None
    assert [p.message_code for p in seen.problems if p.level is Level.ERROR] == ["link_invalid"]


def test_a_field_that_is_empty_for_some_is_counted(parts: Parts, house: House, now: datetime) -> None:
    add_person(parts, house, now, n=1)
    add_person(parts, house, now, n=2)
    bare = add_person(parts, house, now, n=3, name="")
    with parts.engine.begin() as tx:
        tx.execute(update(t.affiliations).where(t.affiliations.c.person_id == bare).values(department=""))
    html = f"{WORDS}\n<p>{{{{ 部署名 }}}}の皆さまと{{{{ name }}}}様へ</p>{{% if 役職 %}}{{{{ 役職 }}}}{{% endif %}}"
    found = {p.message_code: p for p in shown(parts, house, html).problems}
    assert found["field_empty"].args == {"name": "部署名", "count": "1", "all": "3"}
    assert (found["field_empty"].line, found["field_empty"].level) == (2, Level.WARNING)
    assert found["field_stand_in"].args == {"name": "name", "count": "1", "all": "3"}
    assert found["field_stand_in"].level is Level.NOTICE


def test_warnings_are_read_before_publishing_and_only_those_that_stand_there(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    first, second = (step.content_id for step in design.load(parts, scenario_id, now=now).steps[:2])
    assert first is not None
    assert second is not None
    edit(parts, first, now, html=f'{WORDS}<a href="http://a.example/">読む</a>')
    ahead = publish.ahead(parts, scenario_id, now=now)
    assert ahead.may_publish
    assert ahead.warnings
    refused = publish.run(parts, scenario_id, user_id=None, now=now, read="")
    assert isinstance(refused, Refused)
    assert refused.unread
    edit(parts, second, now, html=f"{WORDS}<p>今だけのご案内です。</p>")
    stale = publish.run(parts, scenario_id, user_id=None, now=now, read=ahead.warnings)
    assert isinstance(stale, Refused), "a warning came up after the look"
    fresh = publish.ahead(parts, scenario_id, now=now)
    assert [m.code for m in fresh.mails] == ["link_insecure", "loud"]
    assert isinstance(publish.run(parts, scenario_id, user_id=None, now=now, read=fresh.warnings), Done)


def test_a_mail_in_mjml_is_published_and_rendered_for_a_person(
    parts: Parts, house: House, now: datetime
) -> None:
    person = add_person(parts, house, now)
    head, words = author.read_starter("newsletter")
    seen = preview.show(parts, Draft(**head, **words), lang="ja", product_id=house.product, person_id=person)
    assert "若林 拓也 様" in seen.html
    assert "株式会社みのり精機" in seen.html, "the legal footer is there"
    assert "浜名テクノ株式会社" in seen.text


def test_the_format_is_kept_and_copied(parts: Parts, house: House, now: datetime) -> None:
    content_id = author.from_starter(parts, "newsletter", product_id=house.product, user_id=None, now=now)
    author.add_variant(parts, content_id, lang="en", buying_role="", now=now)
    _, variants, _ = author.load(parts, content_id, lang="ja", buying_role="")
    assert [(v.lang, v.format) for v in variants] == [("ja", "mjml"), ("en", "mjml")]
    with parts.engine.begin() as tx:
        copy = author.copy(tx, content_id, user_id=None, now=now)
    assert author.load(parts, copy, lang="ja", buying_role="")[2].format == "mjml"


@pytest.mark.parametrize(("lang", "words"), [("ja", "若林 拓也 様"), ("en", "Dear 若林 拓也,")])
def test_the_preview_speaks_the_variants_language(
    parts: Parts, house: House, now: datetime, lang: str, words: str
) -> None:
    person = add_person(parts, house, now, preferred_lang="en")
    seen = shown(parts, house, WORDS, lang=lang, person=person)
    assert words in seen.html
    assert f'<html lang="{lang}">' in seen.html


def test_the_preheader_is_in_the_mail_hidden_and_first(parts: Parts, house: House) -> None:
    seen = shown(parts, house, WORDS)
    body = seen.html.partition("<body")[2]
    assert body.index("前置き") < body.index("いつもお世話に")
    assert "display:none" in body[: body.index("前置き")]


def test_the_frame_has_dark_colours_for_those_who_ask(parts: Parts, house: House) -> None:
    html = shown(parts, house, WORDS).html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert '<meta name="supported-color-schemes" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "!important" in html.partition("prefers-color-scheme: dark")[2]


def test_each_person_gets_the_mail_in_their_language_from_plan_to_wire(
    parts: Parts, house: House, now: datetime
) -> None:
    scenario_id = make(parts, house, now)
    for step in design.load(parts, scenario_id, now=now).steps:
        assert step.content_id is not None
        author.add_variant(parts, step.content_id, lang="en", buying_role="", now=now)
        content, _, english = author.load(parts, step.content_id, lang="en", buying_role="")
        draft = Draft(content.title, content.kind, content.tone, "Questions from the stand", "Three answers",
                      "<p>{{ salutation }}</p><p>thank you for coming to our stand this week.</p>", "")  # fmt: skip
        author.save(
            parts,
            step.content_id,
            english.id,
            draft,
            content_version=content.version,
            variant_version=english.version,
            user_id=None,
            now=now,
        )
    assert isinstance(publish.run(parts, scenario_id, user_id=None, now=now), Done)
    people = {
        "ja": add_person(parts, house, now, n=1),
        "en": add_person(parts, house, now, n=2, name="Alex Morgan", preferred_lang="en"),
    }
    enrol.audience(parts, scenario_id, now=now)
    plan.run(parts, now=now)
    with parts.engine.connect() as tx:
        mine = {
            row.person_id: row.id
            for row in tx.execute(
                select(t.deliveries.c.person_id, t.deliveries.c.id).where(t.deliveries.c.state == "planned")
            )
        }
    text, html = texts_of(raw_of(parts, mine[people["en"]], now)[0])
    assert "Dear Alex Morgan," in text
    assert '<html lang="en">' in html
    assert "You receive this mail as someone" in " ".join(text.split())
    text, html = texts_of(raw_of(parts, mine[people["ja"]], now)[0])
    assert "若林 拓也 様" in text
    assert '<html lang="ja">' in html
