"""The quick way to fill a mail gives the same octets as the Jinja way."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailer import inline, pieces
from mailer.errors import TemplateError
from mailer.inline import Published
from mailer.layout import Layout
from mailer.stencil import Filled, Stencil
from tests.mailer.samples import BASE

HTML = """<p>{{ 宛名 }}</p><p>{{ 会社名 }}</p>
<p>{{ ご縁 }}方に、検査のお話を一つお送りしています。いつでも停止できます。{{ 商材 }}のご案内です。</p>
{% if 部署名 %}<p>{{ 部署名 }}の皆様へ。</p>
<ul><li>一つ目</li></ul>{% endif %}
<p><a href="https://minori.example/a?b=1&amp;c=2">続きを読む</a> <a href="https://minori.example/z">{{ 会社名 }}様向け</a></p>
<p>{{ footer }}</p>
"""
FIELDS = ("宛名", "会社名", "部署名", "ご縁", "商材")
PLAIN = inline.publish(
    HTML, subject="{{ 会社名 }}様へ", preheader="{{ 商材 }}", layout=Layout(BASE, "みのり", "便り")
)
LINKS = [b"https://mail.minori.example/c/AAA-_1", b"https://mail.minori.example/c/BBB"]
FOOT_HTML = "<div>株式会社みのり精機<br>\r\n住所</div>".encode()
FOOT_TEXT = "----\r\n株式会社みのり精機\r\n\r\n  https://mail.minori.example/u/1\r\n".encode()
VALUES = st.one_of(
    st.text(alphabet="若林拓也様 検査<>&'\"{}%\n　、。「」a1-", max_size=90),
    st.sampled_from(["", "\n", "株式会社浜名テクノ工業\n生産技術部\n課長　若林 拓也 様", "x" * 80, "😀𠮷髙"]),
)


def by_jinja(published: Published, fields: dict[str, str]) -> Filled:
    made = inline.render(
        published,
        fields,
        links=[url.decode() for url in LINKS],
        pixel="https://mail.minori.example/o/1.gif",
        footer_html=FOOT_HTML.decode().replace("\r\n", "\n"),
        footer_text=FOOT_TEXT.decode().replace("\r\n", "\n"),
    )
    return Filled(made.subject, pieces.as_text(made.html), pieces.as_text(made.text))


def filled(published: Published, fields: dict[str, str]) -> Filled:
    return Stencil(published).fill(
        fields,
        links=LINKS[: len(published.links)],
        pixel=b"https://mail.minori.example/o/1.gif",
        footer_html=FOOT_HTML,
        footer_text=FOOT_TEXT,
    )


@given(st.fixed_dictionaries(dict.fromkeys(FIELDS, VALUES)))
@example(dict.fromkeys(FIELDS, ""))
def test_any_values_give_the_octets_that_jinja_gives(fields: dict[str, str]) -> None:
    assert not Stencil(PLAIN).is_jinja
    assert filled(PLAIN, fields) == by_jinja(PLAIN, fields)


@pytest.mark.parametrize(
    "body",
    [
        "<p>{% for one in 一覧 %}{{ one }}{% endfor %}</p>",
        "<p>{% if 会社名 == 'x' %}a{% endif %}</p>",
        "<p>{% if 会社名 %}a{% else %}b{% endif %}</p>",
        "<p>{{ 会社名|upper }}</p>",
        "<p>{{ '字' }}</p>",
    ],
)
def test_more_than_pieces_can_say_takes_the_jinja_way_and_is_marked(body: str) -> None:
    published = inline.publish(body, subject="件名")
    stencil = Stencil(published)
    assert stencil.is_jinja
    fields = {"会社名": "x", "一覧": "ab"}
    made = stencil.fill(fields, links=[], footer_html=FOOT_HTML, footer_text=FOOT_TEXT)
    assert made.subject == "件名"
    assert FOOT_HTML in made.html
    assert b"\n" not in made.text.replace(b"\r\n", b"")


def test_a_missing_field_is_an_error_on_both_ways() -> None:
    for source in ("<p>{{ 会社名 }}</p>", "<p>{{ 会社名|upper }}</p>", "<p>{% if 会社名 %}a{% endif %}</p>"):
        with pytest.raises(TemplateError, match="会社名"):
            Stencil(inline.publish(source, subject="件名")).fill({}, links=[])


def test_without_a_pixel_no_image_stands_in_the_mail() -> None:
    made = Stencil(PLAIN).fill(dict.fromkeys(FIELDS, "x"), links=LINKS)
    assert b"<img" not in made.html
    assert b'src="https://mail.minori.example/o/1.gif"' in filled(PLAIN, dict.fromkeys(FIELDS, "x")).html
