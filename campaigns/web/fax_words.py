"""The words of fax pages: states, results, reasons and what is wrong."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.services.fax_sheet import SheetError

# state -> (word, chip, icon)
STATES = {
    "waiting": (_l("送信待ち"), "plain", "clock"),
    "sending": (_l("送信中"), "plain", "send"),
    "sent": (_l("送信済み"), "ok", "circle-check"),
    "listed": (_l("リストに出力"), "plain", "table"),
    "in_doubt": (_l("結果不明"), "info", "help-circle"),
    "failed": (_l("送れませんでした"), "bad", "circle-x"),
    "stopped": (_l("送信せず"), "plain", "ban"),
    "ok": (_l("届きました"), "ok", "circle-check"),
    "busy": (_l("話中"), "warm", "rotate"),
    "no_answer": (_l("応答なし"), "warm", "rotate"),
    "no_paper": (_l("用紙切れ"), "warm", "rotate"),
    "wrong": (_l("番号違い"), "bad", "circle-x"),
    "voice": (_l("音声応答（電話番号）"), "bad", "circle-x"),
}
LEFT_OUT = {
    "no_number": _l("FAX番号がない"),
    "refused": _l("FAXを断っている"),
    "invalid": _l("番号が違う、または足りない"),
    "excluded": _l("対象外、またはお断りの方"),
    "with_sales": _l("営業が対応中"),
    "capped": _l("3か月以内に同じ商材のFAXを送った企業の方"),
}
# Why a number was stopped before it went.
STOPPED = {
    "refused": _l("FAXを断る連絡がありました"),
    "excluded": _l("宛先の方が対象外になりました"),
    "by_hand": _l("送信を止めました"),
    "unprintable": _l("宛名に印刷できない文字があります"),
    "too_long": _l("宛名が長く、2枚に収まりません"),
}
# The boxes of the sheet, as they are printed on it.
WISHES = {
    "material": _l("詳しい資料を希望"),
    "call": _l("電話での説明を希望"),
    "visit": _l("訪問を希望"),
    "mail": _l("メールでの案内を希望"),
}
REPLIES = {
    "nothing": _l("チェックのあった項目を選んでください。"),
    "who": _l("どなたからの返信かを選んでください。"),
}
WAYS = {"gateway": _l("メールFAX"), "list": _l("リスト出力")}
ERRORS = {
    "no_document": _l("原稿を選んでください。"),
    "no_product": _l("この原稿では選べない商材です。"),
    "nobody": _l("送れる番号がありません。"),
    "gateway_off": _l("メールFAXの設定がまだありません。リスト出力を選んでください。"),
    "gateway_odd": _l("fax.example.com のように、ドメインだけを入れてください。"),
    "from_odd": _l("ゲートウェイに登録したメールアドレスを入れてください。"),
    "number_odd": _l("FAX番号は 03-1234-5678 のように、0から始まる10桁（050は11桁）で入れてください。"),
    "rate_odd": _l("1から120までの数を入れてください。"),
    "title_missing": _l("題名を入れてください。"),
    "body_missing": _l("本文を入れてください。"),
}
LINES = {
    "number_odd": _l("番号の桁が違います。"),
    "number_missing": _l("管理番号もFAX番号もありません。"),
    "result_odd": _l("「結果」が読めません。"),
    "result_missing": _l("「結果」が空です。"),
    "at_odd": _l("送信日時は 2026/11/26 14:00 の形で入れてください。"),
    "at_future": _l("これからの日時です。"),
    "unknown": _l("この番号へ送った記録がありません。"),
    "known": _l("取り込み済みの結果です。"),
    "twice": _l("同じ番号の行がほかにもあります。最後の行を使います。"),
}
LISTS = {
    "empty": _l("ファイルが空です。"),
    "no_head": _l("見出しの行が見つかりません。「管理番号」か「FAX番号」と、「結果」の列が要ります。"),
    "too_long": _l("20,000行までです。分けて取り込んでください。"),
    "unreadable": _l("読めないファイルです。CSVで保存し直してください。"),
}
LABELS = {
    "title": _l("題名"), "body": _l("本文"), "points": _l("要点（1行に1つ）"), "product": _l("商材"),
    "sender": _l("発信元"), "gateway": _l("ゲートウェイのドメイン"), "from_address": _l("差出人のアドレス"),
    "person": _l("どなたから"), "wish": _l("チェックのあった項目"),
    "return_number": _l("返信用のFAX番号"), "per_minute": _l("1分に送る枚数"), "number": lazy_pgettext("fax", "番号"),
}  # fmt: skip


def sheet_error(error: SheetError) -> str:
    if error.code == "too_long":
        return str(_("%(n)s枚になります。2枚に収まるように、本文か要点を短くしてください。", n=error.n))
    return str(_("印刷できない文字があります：%(said)s", said=error.said))
