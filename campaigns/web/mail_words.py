"""Words for what is found in a mail, and for files that are not kept: codes in, sentences out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.tone_lint import Loud


def mail_problem(code: str, args: Mapping[str, object]) -> str:
    """What is wrong inside a mail."""
    words: dict[str, Callable[[], object]] = {
        "empty": lambda: _("空です。"),
        "loud": lambda: (
            _("「%(word)s」は控えめな言い方にできます。", word=args.get("word", ""))
            + " "
            + softer(Loud("", "", str(args.get("suggestion", ""))))
        ),
        "placeholder": lambda: _placeholder(str(args.get("words", ""))),
        "role_only": lambda: _("特定の相手向けの文面しかありません。全員向けの文面も書いてください。"),
        "syntax": lambda: _syntax(args),
        "not_allowed": lambda: _("使えない書き方です（%(what)s）。", what=args.get("what", "")),
        "unknown_field": lambda: (
            _(
                "差し込み項目「%(name)s」はありません。「%(near)s」ではありませんか。",
                name=args["name"],
                near=args["near"],
            )
            if args.get("near")
            else _("差し込み項目「%(name)s」はありません。", name=args.get("name", ""))
        ),
        "unknown_filter": lambda: _("「%(name)s」という加工は使えません。", name=args.get("name", "")),
        "unknown_test": lambda: _("「%(name)s」という判定は使えません。", name=args.get("name", "")),
        "loop_not_allowed": lambda: _("くり返しは使えません。"),
        "too_long": lambda: _("長すぎます。"),
        "too_nested": lambda: _("入れ子が深すぎます。"),
        "too_many_tags": lambda: _(
            "差し込みや条件が多すぎます（%(limit)s個まで）。", limit=args.get("limit", "")
        ),
        "too_many_filters": lambda: _(
            "1つの差し込みに続けられる加工は%(limit)s個までです。", limit=args.get("limit", "")
        ),
        "too_many_links": lambda: _("リンクが多すぎます（%(limit)s本まで）。", limit=args.get("limit", "")),
        "too_slow": lambda: _(
            "%(seconds)s秒かけても読み終わらないため、公開できません。同じ部品のくり返しや、閉じていないタグがないか確かめて、短くしてください。",
            seconds=args.get("seconds", ""),
        ),
        "not_readable": lambda: _(
            "HTML として読めないところがあります（%(detail)s）。", detail=args.get("detail", "")
        ),
        "output_too_large": lambda: _("差し込んだあとのメールが大きすぎます（1MBまで）。"),
        "list_too_long": lambda: _("くり返す一覧が長すぎます。"),
        "character_refused": lambda: _(
            "メールで送れない文字（U+%(char)s）があります。消してください。", char=args.get("char", "")
        ),
        "tag_unclosed": lambda: _("<%(name)s> が閉じられていません。", name=args.get("name", "")),
        "tag_unopened": lambda: _(
            "</%(name)s> に対応する <%(name)s> がありません。", name=args.get("name", "")
        ),
        "tag_crossed": lambda: _(
            "<%(name)s> が閉じられる前に </%(more)s> があります。順番を確かめてください。",
            name=args.get("name", ""),
            more=args.get("more", ""),
        ),
        "table_misplaced": lambda: (
            _("<%(more)s> のすぐ内側に <%(name)s> は置けません。<td> の中に入れてください。", **_pair(args))
            if args.get("name")
            else _(
                "<%(more)s> のすぐ内側に文字は置けません。<td> の中に入れてください。",
                more=args.get("more", ""),
            )
        ),
        "block_in_p": lambda: _(
            "<p> の中に <%(name)s> は置けません。先に </p> で閉じてください。", name=args.get("name", "")
        ),
        "branch_unbalanced": lambda: _(
            "条件やくり返し（%(more)s）の途中で <%(name)s> の開始と終了が分かれています。どの場合でも対になるようにしてください。",
            **_pair(args),
        ),
        "block_in_tag": lambda: _("タグの途中で始めた条件は、そのタグの中で終えてください。"),
        "tags_too_deep": lambda: _("タグの入れ子が深すぎます。"),
        "mjml": lambda: _("MJML として読めません（%(detail)s）。", detail=args.get("detail", "")),
        "mjml_root": lambda: _(
            "MJML は <mjml> で始めてください。HTML で書くときは、書き方を HTML に切り替えてください。"
        ),
        "mjml_element": lambda: _("<%(name)s> は MJML のこの場所では使えません。", name=args.get("name", "")),
        "mjml_include": lambda: _(
            "<%(name)s> は使えません。外のファイルや書体を読み込まず、本文の中に書いてください。",
            name=args.get("name", ""),
        ),
        "mjml_less": lambda: _("文字としての「<」は &lt; と書いてください。"),
        "mjml_text": lambda: _(
            "<%(name)s> のすぐ内側に文字は置けません。<mj-text> の中に書いてください。",
            name=args.get("name", ""),
        ),
        "text_missing": lambda: _("テキスト版がないため、本文から自動で作ります。"),
        "text_empty": lambda: _(
            "テキスト版に文字がほとんどありません。画像を見ない人には何も伝わらないので、文章を足してください。"
        ),
        "text_lacks_links": lambda: _(
            "本文のリンクのうち%(count)s本がテキスト版にありません：%(url)s",
            count=args.get("count", ""),
            url=args.get("url", ""),
        ),
        "field_empty": lambda: _(
            "「%(name)s」は%(all)s名のうち%(count)s名で空欄です。空でも読める文にするか、%(tag)s で囲んでください。",
            name=args.get("name", ""),
            tag=f"{{% if {args.get('name', '')} %}}",
            count=args.get("count", ""),
            all=args.get("all", ""),
        ),
        "field_stand_in": lambda: _(
            "「%(name)s」は%(all)s名のうち%(count)s名で空欄です。「ご担当者」と入ります。",
            name=args.get("name", ""),
            count=args.get("count", ""),
            all=args.get("all", ""),
        ),
        "element_refused": lambda: _("<%(name)s> はメールで使えません。", name=args.get("name", "")),
        "handler_refused": lambda: _(
            "%(name)s のようなスクリプトはメールで使えません。", name=args.get("name", "")
        ),
        "outside_style": lambda: _("外部のスタイルシートは使えません。本文の中に書いてください。"),
        "outside_stylesheet": lambda: _("外部のスタイルシートは使えません。本文の中に書いてください。"),
        "link_empty": lambda: _("リンク先が空です。"),
        "link_characters": lambda: _("リンク先に使えない文字があります：%(url)s", url=args.get("url", "")),
        "link_invalid": lambda: _("リンク先の形が正しくありません：%(url)s", url=args.get("url", "")),
        "link_scheme": lambda: _("リンク先は https:// で始めてください：%(url)s", url=args.get("url", "")),
        "link_host": lambda: _("リンク先にホスト名がありません：%(url)s", url=args.get("url", "")),
        "link_field": lambda: _(
            "リンク先のホスト名に差し込み項目は使えません：%(url)s", url=args.get("url", "")
        ),
        "image_scheme": lambda: _(
            "画像は https:// で始めるか、ここに登録してください：%(url)s", url=args.get("url", "")
        ),
        "reserved_field": lambda: _("「%(name)s」はしくみが使う名前です。", name=args.get("name", "")),
        "body_not_closed": lambda: _("</body> がありません。"),
        "missing_alt": lambda: _("画像に代替文（alt）がありません：%(url)s", url=args.get("url", "")),
        "no_link_text": lambda: _("文字のないリンクがあります：%(url)s", url=args.get("url", "")),
        "link_insecure": lambda: _(
            "リンクが http:// です。https:// にしてください：%(url)s", url=args.get("url", "")
        ),
        "image_insecure": lambda: _(
            "画像が http:// です。https:// にしてください：%(url)s", url=args.get("url", "")
        ),
        "html_large": lambda: _(
            "届くメールが%(kb)s kB あります。Gmail は約100 kB で切り、停止の案内が隠れます。短くしてください。",
            kb=round(int(str(args.get("size") or 0)) / 1000),
        ),
        "subject_long": lambda: _(
            "件名が長めです（%(count)s文字）。スマートフォンでは25文字まで見えます。",
            count=args.get("count", ""),
        ),
    }
    return str(words[code]()) if code in words else code


def _placeholder(mark: str) -> str:
    """What only the author can fill in."""
    if mark.startswith("http"):
        return str(
            _("リンク先がひな型のままです（%(mark)s）。自社のページの URL に替えてください。", mark=mark)
        )
    return str(_("%(mark)sをまだ記入していません。自社の内容に書き替えてください。", mark=mark))


def _pair(args: Mapping[str, object]) -> dict[str, object]:
    return {"name": args.get("name", ""), "more": args.get("more", "")}


def _syntax(args: Mapping[str, object]) -> str:
    """Jinja's faults in the author's words; its own sentence where we have none."""
    name = args.get("name", "")
    words: dict[str, Callable[[], str]] = {
        "open": lambda: _(
            "%(tag)s が閉じられていません。%(end)s を書いてください。",
            tag=f"{{% {name} %}}",
            end=f"{{% end{name} %}}",
        ),
        "unknown_tag": lambda: _(
            "%(tag)s に対応する始まりがないか、使えない書き方です。", tag=f"{{% {name} %}}"
        ),
        "print": lambda: _(
            "差し込みの中に余分な「%(name)s」があります。項目は1つずつ %(tag)s で囲んでください。",
            name=name,
            tag="{{ }}",
        ),
        "unexpected": lambda: _(
            "「%(name)s」の位置が正しくありません。%(tags)s の対を確かめてください。",
            name=name,
            tags="{{ }} {% %}",
        ),
        "comment": lambda: _("%(tag)s が閉じられていません。%(end)s を書いてください。", tag="{#", end="#}"),
        "end": lambda: _(
            "差し込みや条件が閉じられていません。%(tags)s の対を確かめてください。", tags="{{ }} {% %}"
        ),
    }
    kind = str(args.get("kind", ""))
    if kind == "unexpected" and name == "end of template":
        kind = "end"
    if kind in words:
        return str(words[kind]())
    return str(_("書き方に誤りがあります：%(detail)s", detail=args.get("detail", "")))


def softer(found: Loud) -> str:
    """The softer way to say it. Source: S4-22."""
    words = {
        "useful_like_this": _("「こんな場面でお役に立ちます」のように、使い道で書くと伝わります。"),
        "give_number": _("「検査漏れが年6件から1件になりました」のように、数字で書くと伝わります。"),
        "no_hurry": _("急がせる言葉を外し、いつまで読めるかだけを書きましょう。"),
        "let_decide": _("「3分で読めます」のように、読むかどうかを相手が決められる書き方にしましょう。"),
        "say_condition": _("どんな条件でそうなるかを添えましょう。"),
        "say_effect": _("値段より、どれだけ手間が減るかを書きましょう。"),
        "offer_material": _("「資料をご用意しました」のように、次の一歩を軽くしましょう。"),
        "calm_marks": _("記号を減らすと、落ち着いて読めます。"),
    }
    return str(words.get(found.suggestion, ""))


UPLOAD = {
    "empty": _l("ファイルが空です。"),
    "too_large": _l("画像が大きすぎます。2MBまでにしてください。"),
    "not_an_image": _l("PNG、JPEG、GIF、WebP の画像だけ登録できます。"),
    "damaged": _l("画像が壊れているようです。開けるか確かめてください。"),
    "too_wide": _l("画像の縦か横が大きすぎます。8000ピクセルまでにしてください。"),
}
FILES = {
    "empty": _l("ファイルが空です。"),
    "too_large": _l("ファイルが大きすぎます。20MBまでにしてください。"),
    "not_a_document": _l("PDF、Word、Excel、PowerPoint（docx・xlsx・pptx）、PNG、JPEG だけ登録できます。"),
    "macros": _l("マクロの入ったファイルは登録できません。マクロのない形式で保存し直してください。"),
    "damaged": _l("ファイルが壊れているようです。開けるか確かめてください。"),
}
FORMATS = {"html": "HTML", "mjml": "MJML"}
KINDS_OF_FILE = {
    "pdf": "PDF",
    "docx": "Word",
    "xlsx": "Excel",
    "pptx": "PowerPoint",
    "png": "PNG",
    "jpg": "JPEG",
}
