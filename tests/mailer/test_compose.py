"""What an author may not write, and that the finding names the place."""

from __future__ import annotations

import pytest

from mailer import compose, lint_html, sandbox
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
    return [(p.part.value, p.line, p.message_code) for p in found if p.level is not Level.NOTICE]


def test_a_good_mail_has_no_problem() -> None:
    html = (
        '<p>{{ 宛名 }}</p>{% if 部署名 %}<p>{{ 部署名 }}</p>{% endif %}<a href="https://a.example/">資料</a>'
    )
    assert (
        codes(
            html + '<img src="https://a.example/x.png" alt="">{{ footer }}',
            text="{{ 会社名 }} https://a.example/",
        )
        == []
    )


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
        ('<a href="{{ 会社名 }}#less">x</a>', ("html", 1, "link_field")),
        ("<script>x</script>", ("html", 1, "element_refused")),
        ('<p onclick="x()">x</p>', ("html", 1, "handler_refused")),
        ('<link rel="stylesheet" href="https://a.example/x.css">', ("html", 1, "outside_style")),
        ("<style>@import url(x.css)</style>", ("html", 1, "outside_style")),
        ('<img src="file:///etc/passwd" alt="">', ("html", 1, "image_scheme")),
        ("<html><body><p>x", ("html", 0, "body_not_closed")),
        ("", ("html", 0, "empty")),
        ("x" * 200_001, ("html", 0, "too_long")),
        ("{{ 宛名 }}" * 2_001, ("html", 0, "too_many_tags")),
        ("{{ 宛名" + "|upper" * 6 + " }}", ("html", 1, "too_many_filters")),
        ("{{ 宛名" + "|upper" * 30_000 + " }}", ("html", 0, "too_nested")),
        ("{% if 宛名 %}" * 40 + "{% endif %}" * 40, ("html", 0, "too_nested")),
        ("{% if " + " and ".join(["宛名"] * 5_000) + " %}x{% endif %}", ("html", 0, "too_nested")),
        ("{{ " + "9" * 5_000 + " }}", ("html", 0, "syntax")),
        ("<p>\n{{ '\\ud800' }}</p>", ("html", 2, "character_refused")),
        ("<p>\x00</p>", ("html", 1, "character_refused")),
        ('<a href="https://a.example/">x</a>' * 201, ("html", 0, "too_many_links")),
        ("<p><![word x]]></p>", ("html", 0, "not_readable")),
    ],
)
def test_what_may_not_be_published_is_an_error_with_its_line(
    html: str, expected: tuple[str, int, str]
) -> None:
    found = check("件名", "", html, None, FIELDS)
    assert expected in [(p.part.value, p.line, p.message_code) for p in found]
    assert not is_publishable(found)


def test_a_misspelt_field_names_the_near_one() -> None:
    (problem,) = check("件名", "", "{{ 会杜名 }}", "テキスト版です", FIELDS)
    assert problem.args == {"name": "会杜名", "near": "会社名"}


def test_missing_alt_and_plain_http_are_warnings() -> None:
    found = check(
        "件名",
        "",
        '<img src="https://a.example/x.png"><a href="http://a.example">x</a>',
        "http://a.example",
        FIELDS,
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


@pytest.mark.parametrize(
    ("html", "line", "code", "name"),
    [
        ("<div>\n<p>a</p>\n<div>b</div>\n", 1, "tag_unclosed", "div"),
        ("<p>a</p>\n</div>", 2, "tag_unopened", "div"),
        ("<p>\n<b>a</p></b>", 2, "tag_crossed", "b"),
        ("<table>\n<tr><td>a</td></tr>", 1, "tag_unclosed", "table"),
        ("<table><tr>\n<td>a</table>", 2, "tag_unclosed", "td"),
        ("<table>\n<div>a</div></table>", 2, "table_misplaced", "div"),
        ("<table><tr>\nwords<td>a</td></tr></table>", 2, "table_misplaced", ""),
        ("<p>a\n<div>b</div></p>", 2, "block_in_p", "div"),
        ("<ul><li>a\n<li>b</li></ul>", 1, "tag_unclosed", "li"),
        ("{% if 宛名 %}\n<div>{% endif %}x</div>", 1, "branch_unbalanced", "div"),
        ("{% if 宛名 %}<b>{% else %}<i>{% endif %}x</b>", 1, "branch_unbalanced", "b"),
        ("<div>{% if 宛名 %}</div>{% endif %}", 1, "branch_unbalanced", "div"),
        ("<b>\n<a {% if 宛名 %}href='https://a.example/'>x{% endif %}</a></b>", 2, "block_in_tag", ""),
        ("<div>" * 201 + "</div>" * 201, 1, "tags_too_deep", "div"),
        ("{# two\nlines #}\n<p>{{ 宛名\n}}</p>\n<div>", 5, "tag_unclosed", "div"),
    ],
)
def test_torn_tags_are_found_with_their_line(html: str, line: int, code: str, name: str) -> None:
    found = check("件名", "", html, "本文", FIELDS)
    assert (line, code, name) in [(p.line, p.message_code, p.args.get("name", "")) for p in found]


@pytest.mark.parametrize(
    "html",
    [
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b<br>c</td></tr></tbody></table>",
        '{% if 宛名 %}<div class="a">{% else %}<div class="b">{% endif %}x</div>',
        "<ul>{% if 宛名 %}<li>a</li>{% endif %}<li>b</li></ul>",
        "<table>{% if 宛名 %}<tr><td>a</td></tr>{% endif %}</table>",
        "<!--[if mso]><table><tr><td><![endif]--><p>a</p><!--[if mso]></td></tr></table><![endif]-->",
        '<p style="{% if 宛名 %}color:red{% endif %}">a &lt; b</p>',
        "{% raw %}{{ as it is }}{% endraw %}<p>a</p>",
        "<style>td > p { color: red }</style><p>a</p>",
    ],
)
def test_what_is_balanced_is_left_alone(html: str) -> None:
    assert codes(html, text="本文") == []


@pytest.mark.parametrize(
    ("html", "kind", "name"),
    [
        ("{% if 宛名 %}x", "open", "if"),
        ("x{% endif %}", "unknown_tag", "endif"),
        ("{{ 宛名 会社名 }}", "print", "会社名"),
        ("{{ 宛名", "end", ""),
        ("{# x", "comment", ""),
        ("{{ 宛名 }", "unexpected", "}"),
    ],
)
def test_faults_of_the_template_language_have_a_kind_that_can_be_worded(
    html: str, kind: str, name: str
) -> None:
    problem = next(p for p in check("件名", "", html, "x", FIELDS) if p.message_code == "syntax")
    assert (problem.args["kind"], problem.args["name"]) == (kind, name)


def test_a_missing_text_part_is_a_notice_and_one_without_the_links_a_warning() -> None:
    html = '<p>a</p><a href="https://a.example/1">b</a><a href="https://a.example/2">c</a>'
    (missing,) = check("件名", "", html, None, FIELDS)
    assert (missing.message_code, missing.level) == ("text_missing", Level.NOTICE)
    (lacking,) = check("件名", "", html, "a https://a.example/1", FIELDS)
    assert (lacking.message_code, lacking.level) == ("text_lacks_links", Level.WARNING)
    assert lacking.args == {"count": "1", "url": "https://a.example/2"}


def test_our_own_pictures_may_be_plain_http_while_practising() -> None:
    html = '<img src="http://127.0.0.1:8000/image/1-a.png" alt=""><a href="http://127.0.0.1:8000/f/x/a.pdf">a</a>'
    assert codes(html, text="http://127.0.0.1:8000/f/x/a.pdf", own="http://127.0.0.1:8000") == []
    assert [code for _, _, code in codes(html, text="http://127.0.0.1:8000/f/x/a.pdf")] == [
        "image_insecure",
        "link_insecure",
    ]


def test_findings_end_at_a_hundred() -> None:
    assert len(check("件名", "", "<div>" * 199 + "</p>" * 3000, "x", FIELDS)) <= 100


@pytest.mark.parametrize(
    "html",
    [
        "<html><body><svg/onload=alert(1)></body></html>",
        "<html><body><p title=x onclick=alert(1)>a</p></body></html>",
        "<html><body><a href='java\tscript:alert(1)'>a</a></body></html>",
        "<html><body><img src='data:text/html,x'></body></html>",
    ],
)
def test_the_last_look_sees_what_another_parser_would_run(html: str) -> None:
    assert list(lint_html.audit(html))


def test_fields_without_a_guard_are_named_with_their_line() -> None:
    source = "{{ 宛名 }}\n{% if 部署名 %}{{ 部署名 }}{% endif %}\n{{ 役職|default('') }}{{ 会社名 }}"
    assert sandbox.unguarded(source) == {"宛名": 1, "会社名": 3}


def test_what_comes_out_is_cut_off_at_its_limit() -> None:
    with pytest.raises(sandbox.Fault) as caught:
        sandbox.render("{{ 会社名 }}" * 1_500, {"会社名": "社" * 1_000}, is_html=False)
    assert caught.value.code == "output_too_large"
    with pytest.raises(sandbox.Fault) as caught:
        sandbox.render("{% for x in 事例 %}{{ x }}{% endfor %}", {"事例": ["x"] * 201}, is_html=False)
    assert caught.value.code == "list_too_long"
