"""MJML as a source: its Jinja survives, its faults have lines, nothing is loaded from elsewhere."""

from __future__ import annotations

import pytest

from campaigns.services import author
from mailer import compose, inline, mjml, press_process
from mailer.findings import Level
from mailer.inline import Published
from mailer.press import Job
from mailer.sandbox import Fault

FIELDS = {
    "宛名": "浜名テクノ\n若林 拓也 様",
    "会社名": "浜名テクノ",
    "部署名": "",
    "商材": "検査",
    "差出人": "佐伯",
}

SOURCE = """<mjml>
<mj-head><mj-attributes><mj-all font-family="'Noto Sans JP', sans-serif" /></mj-attributes></mj-head>
<mj-body>
  <mj-section><mj-column>
    <mj-text>{{ 宛名 }}<br>今月の記録を、3つにまとめてお送りします。</mj-text>
    {% if 部署名 %}
    <mj-text>{{ 部署名 }}の皆さまへ</mj-text>
    {% endif %}
    <mj-button href="https://a.example/read?from=mail&amp;v=2">記録を読む</mj-button>
    <mj-image src="https://a.example/x.png" alt="図" />
  </mj-column></mj-section>
  {% if 会社名 == 'a' %}<mj-section><mj-column><mj-text>aだけ</mj-text></mj-column></mj-section>{% endif %}
</mj-body>
</mjml>
"""


def published(source: str = SOURCE) -> Published:
    pressed = press_process.press(Job("件名", "前置き", source, "", [FIELDS], format="mjml"))
    assert pressed.published is not None, pressed.problems
    return pressed.published


def rendered(made: Published, **fields: str) -> inline.Rendered:
    return inline.render(
        made, FIELDS | fields, links=[link.url for link in made.links], footer_html="<p>会社の住所</p>"
    )


def test_conditions_between_parts_and_fields_inside_them_work_for_each_recipient() -> None:
    made = published()
    without = rendered(made)
    assert "の皆さまへ" not in without.html
    assert "aだけ" not in without.html
    assert "若林 拓也 様" in without.html
    assert "会社の住所" in without.html
    with_both = rendered(made, 部署名="品質保証部", 会社名="a")
    assert "品質保証部の皆さまへ" in with_both.html
    assert "aだけ" in with_both.html
    assert "mj-" not in without.html.replace("mj-column", "").replace("mj-full", "").replace("mj-outlook", "")


def test_links_are_numbered_and_stand_in_the_text_part_too() -> None:
    made = published()
    assert [link.url for link in made.links] == ["https://a.example/read?from=mail&v=2"]
    text = rendered(made).text
    assert "記録を読む\n  https://a.example/read?from=mail&v=2" in text
    assert "図" in text


def test_the_page_names_language_and_title_and_loads_nothing() -> None:
    html = published().html
    assert '<html lang="ja"' in html
    assert "<title>件名</title>" in html
    assert "fonts.googleapis" not in html
    assert "'Noto Sans JP', sans-serif" in html
    assert "@import" not in html


@pytest.mark.parametrize(
    ("source", "line", "code"),
    [
        ("<p>html</p>", 1, "mjml_root"),
        ("<mjml>\n<mj-head>\n<mj-include path='/etc/passwd' />\n</mj-head></mjml>", 3, "mjml_include"),
        (
            "<mjml>\n<mj-head><mj-font name='x' href='https://a.example/x.css' /></mj-head></mjml>",
            2,
            "mjml_include",
        ),
        ("<mjml><mj-body>\n<mj-foo></mj-foo></mj-body></mjml>", 2, "mjml_element"),
        ("<mjml><mj-body>\n<mj-carousel></mj-carousel></mj-body></mjml>", 2, "mjml_element"),
        ("<mjml><mj-body>\n<div>x</div></mj-body></mjml>", 2, "mjml_element"),
        ("<mjml><mj-body><mj-section>\n{# a\nb #}words</mj-section></mj-body></mjml>", 3, "mjml_text"),
        ("<mjml><mj-body>\n<mj-section>\n<mj-column>\n</mj-section></mj-body></mjml>", 3, "tag_crossed"),
        ("<mjml><mj-body>\n<mj-section>\n", 2, "tag_unclosed"),
        (
            "<mjml><mj-body><mj-section><mj-column>\n<mj-text>\na < b</mj-text></mj-column></mj-section></mj-body></mjml>",
            3,
            "mjml_less",
        ),
        (
            "<mjml><mj-body>\n{% if 宛名 %}<mj-section>{% endif %}</mj-section></mj-body></mjml>",
            2,
            "branch_unbalanced",
        ),
        (
            "<mjml><mj-body><mj-section><mj-column>\n<mj-image src='https://a.example/x.png' />"
            "</mj-column></mj-section></mj-body></mjml>",
            2,
            "missing_alt",
        ),
        (
            "<mjml><mj-body><mj-section><mj-column>\n<mj-button href='javascript:alert(1)'>x</mj-button>"
            "</mj-column></mj-section></mj-body></mjml>",
            2,
            "link_scheme",
        ),
    ],
)
def test_faults_are_named_with_the_line_of_the_source(source: str, line: int, code: str) -> None:
    found = compose.check("件名", "", source, "本文", FIELDS, format=compose.Format.MJML)
    assert (line, code) in [(p.line, p.message_code) for p in found]


def test_what_only_the_converter_refuses_has_its_line_too() -> None:
    source = "<mjml>\n{# two\nlines #}\n<mj-head>\n<mj-text></mj-text></mj-head><mj-body></mj-body></mjml>"
    with pytest.raises(Fault) as caught:
        mjml.convert(source, title="", language="ja")
    assert caught.value.code == "mjml"
    assert caught.value.line == 5


def test_nothing_is_read_from_the_disk_even_when_the_check_is_passed_by() -> None:
    with pytest.raises(Fault):
        mjml.convert(
            "<mjml><mj-head><mj-include path='/etc/passwd' /></mj-head></mjml>", title="", language="ja"
        )


def test_the_shipped_starter_is_mjml_and_has_no_fault() -> None:
    _head, words = author.read_starter("newsletter")
    assert words["format"] == "mjml"
    job = Job(words["subject"], words["preheader"], words["html"], "", [FIELDS], format="mjml")
    pressed = press_process.press(job)
    assert [p for p in pressed.problems if p.level is not Level.NOTICE] == []
    assert pressed.published is not None
    html = rendered(pressed.published).html
    assert html.count("会社の住所") == 1
    assert "prefers-color-scheme: dark" in html
