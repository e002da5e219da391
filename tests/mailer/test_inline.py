"""Publishing once and rendering often; the traps of premailer, each as a test."""

from __future__ import annotations

import pytest

from mailer import footer, inline
from mailer.columns import width
from mailer.errors import TemplateError
from mailer.inline import Published, publish, render
from mailer.layout import Layout
from tests.mailer import samples

PAGE = "<!DOCTYPE html><html><head><style>{css}</style></head><body>{body}</body></html>"


def shown(
    html: str, fields: dict[str, str] | None = None, *, pixel: str = "", text: str | None = None
) -> inline.Rendered:
    published = publish(html, subject="s", text=text)
    return render(published, fields or {}, links=lambda no: f"https://t.example/{no}?a=1&b=2", pixel=pixel)


def test_tags_with_blanks_survive_in_href() -> None:
    published = publish('<a href="https://a.example/?c={{ 会社名 }}&amp;d={{ 部署名 }}">x</a>', subject="s")
    assert "{{ 会社名 }}" in published.html
    assert "{{%20" not in published.html
    assert "%7B" not in published.html


def test_greater_than_in_a_condition_survives() -> None:
    published = publish("{% if 1 > 0 and 会社名 %}<p>{{ 会社名 }}</p>{% endif %}", subject="s")
    assert "{% if 1 > 0 and 会社名 %}" in published.html
    assert "&gt;" not in published.html


def test_a_condition_around_a_table_row_stays_where_it_was() -> None:
    html = "<table><tr><td>1</td></tr>{% if 会社名 %}<tr><td>{{ 会社名 }}</td></tr>{% endif %}</table>"
    assert "</tr><tr><td>x</td></tr></table>" in shown(html, {"会社名": "x"}).html
    assert "<tr><td>1</td></tr></table>" in shown(html, {"会社名": ""}).html


def test_important_stays_inside_media_rules() -> None:
    css = "p { color: red } @media (max-width: 600px) { p { color: blue !important } }"
    made = publish(PAGE.format(css=css, body="<p>x</p>"), subject="s").html
    assert "color: blue !important" in made
    assert 'style="color:red"' in made


@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE html>",
        "<!doctype html>",
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">',
    ],
)
def test_the_doctype_stays_and_stands_once(doctype: str) -> None:
    made = publish(f"{doctype}<html><body><p>x</p></body></html>", subject="s").html
    assert made.startswith(doctype + "\n<html")
    assert made.lower().count("<!doctype") == 1


def test_a_fragment_becomes_a_whole_page_with_a_doctype() -> None:
    made = publish("<p>x</p>", subject="s", layout=Layout(language="en")).html
    assert made.startswith('<!DOCTYPE html>\n<html lang="en">')


def test_a_stylesheet_from_elsewhere_is_refused_not_fetched() -> None:
    for html in ('<link rel="stylesheet" href="https://a.example/x.css">', "<style>@import 'x.css';</style>"):
        with pytest.raises(TemplateError):
            publish(html, subject="s")


def test_web_links_are_numbered_and_the_others_left() -> None:
    html = (
        '<a href="https://a.example/1?x=1&amp;y=2">一</a><a href=\'https://a.example/資料\'><img src="https://a.example/i.png" alt="図"></a>'
        '<a href="mailto:a@b.example">m</a><a href="tel:0530000000">t</a><a href="#top">上</a>'
        '<a class=x href=https://a.example/3>三</a><A HREF="https://a.example/1?x=1&amp;y=2">again</A>'
    )
    published = publish(html, subject="s")
    assert [(link.no, link.url, link.text) for link in published.links] == [
        (1, "https://a.example/1?x=1&y=2", "一"),
        (2, "https://a.example/資料", "図"),
        (3, "https://a.example/3", "三"),
    ]
    made = render(
        published, {}, links=["https://t.example/A?x&y", "https://t.example/B", "https://t.example/C"]
    ).html
    assert made.count('href="https://t.example/A?x&amp;y"') == 2
    for rest in (
        "mailto:a@b.example",
        "tel:0530000000",
        "#top",
        "https://t.example/B",
        "https://t.example/C",
    ):
        assert f'href="{rest}"' in made
    assert "https://a.example/1" not in made


def test_a_link_inside_a_conditional_comment_for_outlook_is_tracked_too() -> None:
    html = '<!--[if mso]><a href="https://a.example/1">x</a><![endif]--><p>y</p>'
    assert "https://t.example/1" in shown(html).html


def test_a_dangerous_link_stops_publishing() -> None:
    with pytest.raises(TemplateError):
        publish('<a href="javascript:alert(1)">x</a>', subject="s")


def test_the_pixel_is_last_in_the_body_and_goes_when_empty() -> None:
    with_pixel = shown("<p>x</p>", pixel="https://t.example/o").html
    assert '<img src="https://t.example/o" alt="" width="1" height="1"></body>' in with_pixel
    assert "<img" not in shown("<p>x</p>").html


def test_the_footer_takes_its_slot_or_the_end() -> None:
    for html in ("<p>x</p>", "<html><body><p>x</p></body></html>", "<p>x</p>{{ footer }}<p>y</p>"):
        published = publish(html, subject="s")
        made = render(published, {}, links=[], footer_html="<b>foot</b>", footer_text="FOOT")
        assert made.html.count("<b>foot</b>") == 1
        assert made.text.count("FOOT") == 1
        assert "footer" not in published.fields


def test_values_are_escaped_in_html_and_plain_in_text() -> None:
    made = shown("<p>{{ 会社名 }}</p>", {"会社名": '<b>"A" & B</b>'})
    assert "&lt;b&gt;&#34;A&#34; &amp; B&lt;/b&gt;" in made.html
    assert '<b>"A" & B</b>' in made.text


def test_a_value_cannot_be_a_template() -> None:
    made = shown("<p>{{ 会社名 }}</p>", {"会社名": "{{ link(1) }}{% if %}"})
    assert "{{ link(1) }}{% if %}" in made.html


def test_lines_of_a_value_stay_lines() -> None:
    made = shown("<p>{{ 宛名 }}</p>", {"宛名": "A & 社\n営業部\n山田 様"})
    assert "A &amp; 社<br>\n営業部<br>\n山田 様" in made.html
    assert made.text.startswith("A & 社\n営業部\n山田 様\n")


def test_an_empty_field_leaves_no_empty_line() -> None:
    html = "<p>{{ 会社名 }}<br>{{ 部署名 }}<br>{{ 氏名 }} 様</p><p>{{ ご縁 }}</p><p>本文</p>"
    fields = {"会社名": "A社", "部署名": "", "氏名": "山田", "ご縁": ""}
    made = shown(html, fields)
    assert made.text.startswith("A社\n山田 様\n\n本文\n")
    assert "<br><br>" not in made.html.replace("\n", "").replace(" ", "")
    own = "{{ 会社名 }}\n{{ 部署名 }}\n{% if 部署名 %}{{ 部署名 }}の皆様{% endif %}\n{{ 氏名 }} 様\n\n{% if ご縁 %}\n{{ ご縁 }}\n{% endif %}\n本文"
    assert shown("<p>x</p>", fields, text=own).text.startswith("A社\n山田 様\n\n本文\n")


def test_the_text_part_is_made_from_the_html() -> None:
    html = (
        "<style>p{color:red}</style><h1>見出し</h1><p>段落<br>二行目</p><ul><li>一</li><li>二</li></ul><ol><li>甲</li></ol>"
        '<p><a href="https://a.example/1">読む</a></p><p><a href="https://a.example/2">https://a.example/2</a></p>'
        '<div style="display: none">隠し</div><p>A &amp; B&nbsp;C</p>'
    )
    assert shown(html).text.rstrip() == (
        "見出し\n\n段落\n二行目\n\n・一\n・二\n\n1. 甲\n\n読む\n  https://t.example/1?a=1&b=2\n\n"
        "  https://t.example/2?a=1&b=2\n\nA & B\xa0C"
    )


def test_links_in_an_authors_text_share_the_numbers_of_the_html() -> None:
    published = publish(
        '<a href="https://a.example/1">x</a><a href="https://a.example/2">y</a>',
        subject="s",
        text="二番: https://a.example/2。\n三番 (https://a.example/3).",
    )
    assert [link.url for link in published.links] == [f"https://a.example/{n}" for n in (1, 2, 3)]
    text = render(published, {}, links=lambda no: f"<{no}>").text
    assert text.startswith("二番: <2>。\n三番 (<3>).")


def test_long_lines_are_wrapped_and_urls_are_not() -> None:
    long_url = "https://t.example/" + "A" * 200
    published = publish(
        "<p>" + "長い文。" * 60 + '</p><p><a href="https://a.example/">x</a></p>', subject="s"
    )
    lines = render(published, {}, links=[long_url]).text.split("\n")
    assert f"  {long_url}" in lines
    for line in lines:
        assert width(line) <= 72 or long_url in line
        assert not line.startswith(("。", "、"))


def test_what_is_published_can_be_stored_and_read_back() -> None:
    published = publish(samples.JA_HTML, subject="{{ 会社名 }}様へ", preheader="{{ 部署名 }}")
    assert Published.from_json(published.to_json()) == published
    assert published.fields == ("会社名", "会話", "宛名", "差出人", "部署名")


def test_the_preheader_is_hidden_first_in_the_body_and_may_hold_fields() -> None:
    published = publish("<p>本文</p>", subject="s", preheader="{{ 会社名 }} <様>")
    made = render(published, {"会社名": "A&B"}, links=[]).html
    assert made.index("A&amp;B &lt;様&gt;") < made.index("本文")
    assert "display:none" in made[: made.index("A&amp;B")]
    assert "A&B" not in render(published, {"会社名": "A&B"}, links=[]).text


def test_the_base_layout_has_the_band_and_drops_nothing() -> None:
    published = publish(
        "<p>本文</p>", subject="s", layout=Layout(samples.BASE, "みのり <精機>", "検査だより")
    )
    assert "みのり &lt;精機&gt;" in published.html
    assert "background-color:#0b6352" in published.html
    assert "font-size:16px" in published.html
    assert "width: 100% !important" in published.html
    assert "[[" not in published.html
    assert published.text.startswith("本文\n"), "the band is no text"


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    r, g, b = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_footer_is_large_and_dark_enough_to_read() -> None:
    import re

    made = footer.as_html(samples.disclosure())
    assert min(int(size) for size in re.findall(r"font-size:(\d+)px", made)) >= 12
    background = re.findall(r"background-color:(#\w{6})", made)
    colours = re.findall(r"[;\"]color:(#\w{6})", made)
    assert len(background) == 1
    assert len(colours) == 3
    for colour in colours:
        assert _contrast(colour, background[0]) >= 4.5


def test_a_footer_says_what_is_missing_before_anything_is_activated() -> None:
    said = samples.disclosure()
    assert said.missing() == ()
    import dataclasses

    assert dataclasses.replace(said, postal_address=" ").missing() == ("postal_address",)


def test_names_in_the_footer_are_escaped_and_never_formatted() -> None:
    import dataclasses

    said = dataclasses.replace(samples.disclosure(), product_name="{x.__class__}<b>", legal_name="A & B")
    assert "{x.__class__}&lt;b&gt;" in footer.as_html(said)
    assert "{x.__class__}<b>" in footer.as_text(said)
    assert "A &amp; B" in footer.as_html(said)
