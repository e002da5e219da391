"""Words for forms: kinds, states, what is wrong and what to do, why an entry was kept aside."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.web.scenario_words import LANGS as LANGS

KINDS = {
    "doc_request": _l("資料請求"),
    "seminar_apply": _l("セミナー申込"),
    "newsletter": _l("メールマガジン登録"),
    "inquiry": _l("問い合わせ"),
    "quote_request": _l("見積依頼"),
}
KIND_ICONS = {
    "doc_request": "file-text",
    "seminar_apply": "calendar-event",
    "newsletter": "mail",
    "inquiry": "message-circle",
    "quote_request": "clipboard",
}
KIND_HINTS = {
    "doc_request": _l("必須は2項目だけ。PDFのリンクを、すぐにメールで送ります。"),
    "seminar_apply": _l("聞きたいテーマ、定員、キャンセル待ち。受付票のQRコードを送ります。"),
    "newsletter": _l("確認のメールのボタンが押されたら登録します。"),
    "inquiry": _l("内容を担当者にすぐ知らせ、見込度を上げます。"),
    "quote_request": _l("時期と内容を尋ね、担当者にすぐ知らせます。"),
}
STATES = {"draft": _l("下書き"), "open": _l("受付中"), "closed": _l("受付終了")}
STATE_CHIPS = {"draft": "plain", "open": "ok", "closed": "plain"}
STATE_ICONS = {"draft": "pencil", "open": "circle-check", "closed": "lock"}
ENTRIES = {
    "done": _l("受付済み"),
    "waiting": _l("キャンセル待ち"),
    "pending": _l("確認待ち"),
    "expired": lazy_pgettext("form", "確認なし"),
    "aside": _l("保留（自動送信の疑い）"),
    "dropped": _l("破棄"),
}
ENTRY_CHIPS = {
    "done": "ok",
    "waiting": "warm",
    "pending": "info",
    "expired": "plain",
    "aside": "bad",
    "dropped": "plain",
}
ENTRY_ICONS = {
    "done": "circle-check",
    "waiting": "hourglass",
    "pending": "mail",
    "expired": "calendar-x",
    "aside": "robot",
    "dropped": "trash",
}
# What the visitor reads at the field.
WRONG = {
    "missing": _l("入力してください。"),
    "mail_odd": _l("メールアドレスの形になっていません。例：name@example.co.jp"),
    "mail_two": _l("メールアドレスは1つだけ入力してください。"),
    "too_long": _l("長すぎます。短くしてください。"),
    "phone_odd": _l("電話番号の形になっていません。例：03-1234-5678"),
    "unknown": _l("もう一度、選んでください。"),
}
# Why an entry was kept aside.
SIGNS = {
    "trap": _l("人には見えない欄に入力がありました"),
    "haste": _l("ページを開いてから送信までが、人にはできない速さでした"),
    "links": _l("本文以外の欄に、または多くのリンクが書かれていました"),
    "crawler": _l("巡回プログラムと名乗りました"),
    "many_net": _l("同じネットワークから、10分に10件を超えて届きました"),
    "many_address": _l("同じメールアドレスで、1時間に5件を超えて届きました"),
}
# What keeps a form from being published, said to its maker.
PLACES = {
    "langs": _l("言語"),
    "fields": _l("項目"),
    "title": _l("見出し"),
    "purpose": _l("利用目的"),
    "consent": _l("同意の文"),
    "button": _l("ボタン"),
    "thanks_title": _l("お礼の見出し"),
    "redirect": _l("送信後に開くページ"),
    "label": _l("項目の名前"),
    "options": _l("選択肢"),
    "name": _l("名称"),
    "capacity": _l("定員"),
}
UNREADY = {
    "missing": _l("入力してください。"),
    "odd": _l("https:// で始まるアドレスにしてください。"),
    "uneven": _l("選択肢の数を、日本語と英語でそろえてください。"),
    "mail_missing": _l("メールアドレスの項目が必要です。"),
    "out_of_range": _l("1から100,000までの数にしてください。"),
    "not_a_day": _l("日付の形になっていません。例：2027-01-28"),
    "not_a_number": _l("数字で入力してください。"),
}
CONSENTS = {
    "tick": _l("チェックで同意をもらう（最初は外しておく）"),
    "sending": _l("送信すること自体を同意とする（文を表示する）"),
    "none": _l("同意を求めない（案内のメールは送らない）"),
}
OWN_NAMES = {
    "ask_line": _l("自由な質問（1行）"),
    "ask_one": _l("自由な質問（1つ選ぶ）"),
    "ask_some": _l("自由な質問（いくつでも選ぶ）"),
    "ask_text": _l("自由な質問（長い文）"),
}
