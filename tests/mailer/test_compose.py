"""What an author may not write, and that the finding names the place."""

from __future__ import annotations

import pytest

from mailer import compose, sandbox
from mailer.compose import Level, Part, check, is_publishable
from mailer.errors import TemplateError

FIELDS = {
    "宛名": "浜名テクノ工業株式会社\n若林 拓也 様",
    "会社名": "浜名テクノ工業",
    "部署名": "",
    "資料URL": "https://a.example/",
}


def codes(
    html: str, *, subject: str = "件名", text: str | None = None, **more: object
) -> list[tuple[str, int, str]]:
    found = check(subject, "", html, text, FIELDS, **more)  # type: ignore[arg-type]
    return [(p.part.value, p.line, p.message_code) for p in found]


def test_a_good_mail_has_no_problem() -> None:
    html = (
        '<p>{{ 宛名 }}</p>{% if 部署名 %}<p>{{ 部署名 }}</p>{% endif %}<a href="https://a.example/">資料</a>'
    )
    assert codes(html + '<img src="https://a.example/x.png" alt="">{{ footer }}', text="{{ 会社名 }}") == []


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>\n{{ 宛名 </p>", ("html", 2, "syntax")),
        ("\n\n{% if 宛名 %}x", ("html", 3, "syntax")),
        ("<p>\n\n{{ 名前 }}", ("html", 3, "unknown_field")),
        ("{{ 宛名.__class__ }}", ("html", 1, "not_allowed")),
        ("{{ 宛名['x'] }}", ("html", 1, "not_allowed")),
        ("{{ 宛名() }}", ("html", 1, "not_allowed")),
        ("{{ link(1) }}", ("html", 1, "not_allowed")),
        ("{{ 'a' * 1000000000 }}", ("html", 1, "not_allowed")),
        ("{{ 9 ** 9 ** 9 }}", ("html", 1, "not_allowed")),
        ("{{ [1, 2] }}", ("html", 1, "not_allowed")),
        ("{% for i in range(1000000000) %}x{% endfor %}", ("html", 1, "loop_not_allowed")),
        ("{% for c in 宛名 %}{{ c }}{% endfor %}", ("html", 1, "loop_not_allowed")),
        ("{% set x = 1 %}", ("html", 1, "not_allowed")),
        ("{% macro x() %}{{ x() }}{% endmacro %}", ("html", 1, "not_allowed")),
        ("{% include 'x' %}", ("html", 1, "not_allowed")),
        ("{% import 'x' as y %}", ("html", 1, "not_allowed")),
        ("{% extends 'x' %}", ("html", 1, "not_allowed")),
        ("{{ 宛名|safe }}", ("html", 1, "unknown_filter")),
        ("{{ 宛名|attr('x') }}", ("html", 1, "unknown_filter")),
        ("{{ 宛名|center(1000000000) }}", ("html", 1, "unknown_filter")),
        ("{{ self }}", ("html", 1, "unknown_field")),
        ("{{ pixel }}", ("html", 1, "unknown_field")),
        ('\n<a href="javascript:alert(1)">x</a>', ("html", 2, "link_scheme")),
        ('<a href="JaVaScript:alert(1)">x</a>', ("html", 1, "link_scheme")),
        ('<a href="java&#10;script:alert(1)">x</a>', ("html", 1, "link_characters")),
        ('<a href="data:text/html,x">x</a>', ("html", 1, "link_scheme")),
        ('<a href="//evil.example/">x</a>', ("html", 1, "link_scheme")),
        ('<a href="https:\\\\evil.example/">x</a>', ("html", 1, "link_characters")),
        ('<a href="https://user@evil.example/">x</a>', ("html", 1, "link_host")),
        ('<a href="https://">x</a>', ("html", 1, "link_host")),
        ('<a href="">x</a>', ("html", 1, "link_empty")),
        ('<a href="page.html">x</a>', ("html", 1, "link_scheme")),
        ('<a title=">" href="ftp://a.example/">x</a>', ("html", 1, "link_scheme")),
        ('<a href="{{ 会社名 }}">x</a>', ("html", 1, "link_field")),
        ('<a href="https://{{ 会社名 }}.example/">x</a>', ("html", 1, "link_field")),
        ("<script>x</script>", ("html", 1, "element_refused")),
        ('<p onclick="x()">x</p>', ("html", 1, "handler_refused")),
        ('<link rel="stylesheet" href="https://a.example/x.css">', ("html", 1, "outside_style")),
        ("<style>@import url(x.css)</style>", ("html", 1, "outside_style")),
        ('<img src="file:///etc/passwd" alt="">', ("html", 1, "image_scheme")),
        ("<html><body><p>x", ("html", 0, "body_not_closed")),
        ("", ("html", 0, "empty")),
        ("x" * 200_001, ("html", 0, "too_long")),
    ],
)
def test_what_may_not_be_published_is_an_error_with_its_line(
    html: str, expected: tuple[str, int, str]
) -> None:
    found = check("件名", "", html, None, FIELDS)
    assert expected in [(p.part.value, p.line, p.message_code) for p in found]
    assert not is_publishable(found)


def test_a_misspelt_field_names_the_near_one() -> None:
    (problem,) = check("件名", "", "{{ 会杜名 }}", None, FIELDS)
    assert problem.args == {"name": "会杜名", "near": "会社名"}


def test_missing_alt_and_plain_http_are_warnings() -> None:
    found = check(
        "件名", "", '<img src="https://a.example/x.png"><a href="http://a.example">x</a>', None, FIELDS
    )
    assert {p.message_code for p in found} == {"missing_alt", "link_insecure"}
    assert is_publishable(found)
    assert {p.level for p in found} == {Level.WARNING}


def test_a_field_may_fill_a_path_and_a_url_field_a_whole_link() -> None:
    assert codes('<a href="https://a.example/?c={{ 会社名 }}">x</a>') == []
    assert codes('<a href="{{ 資料URL }}">x</a>', url_fields=("資料URL",)) == []


def test_a_loop_over_a_list_the_caller_names_is_allowed_but_not_nested() -> None:
    html = "{% for 事例 in 事例集 %}<li>{{ 事例 }}</li>{% endfor %}"
    assert codes(html, lists=("事例集",)) == []
    nested = "{% for a in 事例集 %}{% for b in 事例集 %}x{% endfor %}{% endfor %}"
    assert codes(nested, lists=("事例集",)) == [("html", 1, "loop_not_allowed")]


def test_every_part_is_checked_on_its_own() -> None:
    found = check("{{ x }}", "{{ y }}", "{{ z }}", "{{ w }}", FIELDS)
    assert [p.part for p in found] == [Part.SUBJECT, Part.PREHEADER, Part.HTML, Part.TEXT]


def test_an_empty_subject_is_an_error_and_a_long_one_a_warning() -> None:
    assert ("subject", 0, "empty") in codes("<p>x</p>", subject=" ")
    assert ("subject", 1, "subject_long") in codes("<p>x</p>", subject="長" * 51)


def test_a_deeply_nested_template_is_a_problem_not_a_crash() -> None:
    html = "{{ " + "(" * 5000 + "宛名" + ")" * 5000 + " }}"
    assert [p.message_code for p in check("件名", "", html, None, FIELDS)] in (["too_nested"], ["syntax"])


def test_a_missing_field_fails_the_render_instead_of_printing_nothing() -> None:
    with pytest.raises(TemplateError):
        sandbox.render("{{ 宛名 }}", {}, is_html=True)


def test_reserved_names_cannot_be_fields() -> None:
    assert "reserved_field" in [
        p.message_code for p in compose.check("s", "", "<p>x</p>", None, {"link": "x"})
    ]
