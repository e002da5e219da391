"""The text part made from the HTML: what a reader without pictures and colours gets."""

from __future__ import annotations

import pytest

from mailer import columns, inline


def text_of(html: str, **fields: str) -> str:
    made = inline.publish(html, subject="件名")
    return inline.render(
        made, fields, links=[link.url for link in made.links], footer_text="フッター"
    ).text.partition("\nフッター")[0]


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        (
            '<p>前</p><p><a href="https://a.example/x">記録を読む</a></p>',
            "前\n\n記録を読む\n  https://a.example/x\n",
        ),
        (
            '<a href="https://a.example/"><img src="https://a.example/b.png" alt="資料"></a>',
            "資料\n  https://a.example/\n",
        ),
        ('<a href="https://a.example/">https://a.example/</a>', "  https://a.example/\n"),
        ('<a href="mailto:a@b.example">問い合わせ</a>', "問い合わせ (a@b.example)\n"),
        ("<ul><li>一</li><li>二<ul><li>二の一</li></ul></li></ul>", "・一\n・二\n　・二の一\n"),
        ("<ol><li>一</li><li>二</li></ol>", "1. 一\n2. 二\n"),
        (
            "<table><tr><th>月</th><th>件</th></tr><tr><td>10月</td><td>6</td></tr></table>",
            "月 ｜ 件\n10月 ｜ 6\n",
        ),
        (
            '<table role="presentation"><tr><td>左</td><td>右</td></tr></table>',
            "左\n右\n",
        ),
        ("<p>a<br>b</p><hr><p>c</p>", "a\nb\n\n----------------------------------------\n\nc\n"),
        ('<p>見える</p><p style="display: none">見えない</p><style>p{}</style>', "見える\n"),
        ("<p>&lt;b&gt; &amp; ㈱</p>", "<b> & ㈱\n"),
    ],
)
def test_html_becomes_lines(html: str, expected: str) -> None:
    assert text_of(html).strip("\n") == expected.strip("\n")


def test_lines_hold_35_full_width_signs_and_break_where_japanese_may() -> None:
    html = "<p>" + "検査の記録を、順を追ってまとめました。「見本」は（一つ）に決めます。" * 12 + "</p>"
    lines = text_of(html).strip().split("\n")
    assert len(lines) > 5
    for line in lines:
        assert columns.width(line) <= columns.WIDTH + 4, "a sign that may not begin a line hangs over"
        assert line[0] not in "、。」）"
        assert line[-1] not in "「（"


def test_a_line_with_a_long_value_is_wrapped_for_its_recipient_alone() -> None:
    html = "<p>{{ 会社名 }}の皆さまに、今月の検査の記録をお届けします。</p>"
    assert text_of(html, 会社名="浜名").count("\n") == 1
    long = text_of(html, 会社名="とても長い名前の" * 8)
    assert max(columns.width(line) for line in long.split("\n")) <= columns.WIDTH + 4


def test_one_endless_line_takes_no_endless_time() -> None:
    """Quadratic, this would take minutes and trip the suite's time limit."""
    for line in ("あ" * 200_000, "a" * 200_000, "あ\u0301" * 100_000, "、" * 200_000):
        assert "".join(columns.wrap(line)) == line
