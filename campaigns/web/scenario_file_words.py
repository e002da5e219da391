"""Words for what is wrong with a scenario's file: codes in, sentences out."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.scenario_files import Fault

ROW_KINDS = {
    "mail": (_l("メール"), "mail"),
    "invite": (_l("招待"), "calendar-event"),
    "call": (_l("電話"), "phone"),
    "fax": (_l("FAX送付"), "printer"),
    "visit": (_l("訪問"), "walk"),
    "wait": (_l("待つ"), "hourglass"),
    "branch": (_l("分岐"), "git-branch"),
    "jump": (_l("移動"), "arrow-right"),
    "shelf": (_l("常備の棚"), "package"),
}


def fault(found: Fault) -> str:
    """What is wrong and what to do."""
    args = found.args
    words: dict[str, Callable[[], object]] = {
        "too_large": lambda: _("ファイルが大きすぎます（1MBまで）。"),
        "not_utf8": lambda: _("UTF-8 の文字として読めません。UTF-8 で保存し直してください。"),
        "not_yaml": lambda: _(
            "YAML として読めません（%(detail)s）。字下げと「:」「-」を確かめてください。", **args
        ),
        "odd_character": lambda: _("メールに入れられない文字（制御文字など）があります。消してください。"),
        "empty": lambda: _("何も書かれていません。"),
        "too_many_values": lambda: _("項目が多すぎます（%(most)s個まで）。", **args),
        "too_deep": lambda: _("入れ子が深すぎます（%(most)s段まで）。", **args),
        "alias": lambda: _("「*名前」で別の場所を指す書き方は使えません。内容をそのまま書いてください。"),
        "tag": lambda: _("「%(tag)s」のような型の指定は使えません。消してください。", **args),
        "two_documents": lambda: _("1つのファイルに書けるシナリオは1本です。「---」から後を消してください。"),
        "odd_name": lambda: _("項目の名前には、1つの言葉だけを書いてください。"),
        "not_our_file": lambda: _(
            "シナリオのファイルではありません。最初に「ikusei: %(format)s」が要ります。", **args
        ),
        "not_a_table": lambda: _("「名前: 値」の形で書いてください。"),
        "not_a_list": lambda: _("「- 値」を並べた形で書いてください。"),
        "not_a_text": lambda: _("ここには文字だけを書いてください。"),
        "unknown_field": lambda: _("「%(name)s」という項目はありません。使えるのは %(known)s です。", **args),
        "field_twice": lambda: _("「%(name)s」が2回書かれています。1つにしてください。", **args),
        "too_long": lambda: _("長すぎます（%(most)s文字まで）。", **args),
        "not_one_line": lambda: _("1行で書いてください。"),
        "not_a_number": lambda: _("%(least)sから%(most)sまでの整数で書いてください。", **args),
        "not_a_choice": lambda: _("「%(word)s」は使えません。使えるのは %(known)s です。", **args),
        "not_a_day": lambda: _("日付は 2027-01-31 の形で書いてください。"),
        "too_many": lambda: _("多すぎます（%(most)s件まで）。", **args),
        "name_missing": lambda: _("シナリオの名前（name）を書いてください。"),
        "key_missing": lambda: _("行の key を、英数字と「-」「_」で40文字までで書いてください。"),
        "key_twice": lambda: _("key「%(key)s」の行が2つあります。別の名前にしてください。", **args),
        "no_such_branch": lambda: _("分岐「%(key)s」が、この行より上にありません。", **args),
        "arm_missing": lambda: _("branch と arm（yes か else）は、両方書くか、両方省いてください。"),
        "no_such_row": lambda: _("key「%(key)s」の行がありません。", **args),
        "no_such_content": lambda: _("内容「%(name)s」が contents にありません。", **args),
        "content_nameless": lambda: _("内容には name（英数字と「-」「_」）と title が要ります。"),
        "name_twice": lambda: _("内容「%(name)s」が2つあります。別の名前にしてください。", **args),
        "content_unused": lambda: _(
            "内容「%(name)s」を使う行がありません。行に書くか、消してください。", **args
        ),
        "mail_twice": lambda: _("同じ言語と相手の文面が2つあります。1つにしてください。"),
    }
    return str(words[found.code]()) if found.code in words else found.code
