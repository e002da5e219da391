"""The words of visits: results, what follows, and what is wrong."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l

# From Monday on.
WEEKDAYS = _l("月 火 水 木 金 土 日")
RESULTS = {
    "talked": (_l("話ができた"), "message-circle"),
    "interest": (_l("関心あり"), "bulb"),
    "quote": (_l("見積の依頼"), "file-text"),
    "absent": (_l("会えなかった"), "user-off"),
}
NEXTS = {
    "visit": _l("次の訪問"),
    "call": _l("電話する"),
    "quote": _l("見積を出す"),
    "hand_off": _l("引き渡す"),
    "wait": _l("返事待ちにする"),
    "none": _l("何もしない"),
}
NEXT_HINTS = {
    "visit": _l("10営業日以内"),
    "call": _l("5営業日以内"),
    "quote": _l("2営業日以内"),
    "hand_off": _l("営業への引き渡しへ進む"),
    "wait": _l("30日後にお知らせ"),
    "none": "",
}
STATES = {
    "planned": (_l("予定"), "plain", "calendar-event"),
    "held": (_l("訪問済み"), "ok", "circle-check"),
    "cancelled": (_l("取りやめ"), "plain", "ban"),
}
ERRORS = {
    "starts past": _l("過ぎた日時です。これからの日時を入れてください。"),
    "starts far": _l("2年より先の日時は入れられません。"),
    "starts missing": _l("日付と開始の時刻を入れてください。"),
    "ends order": _l("終わりの時刻が始まりより前です。始まりよりあとの時刻を入れてください。"),
    "ends long": _l("12時間を超えています。終わりの時刻を確かめてください。"),
    "ends odd": _l("終わりの時刻は 15:00 の形で入れてください。"),
    "staff none": _l("当社から行く人を選んでください。"),
    "staff unknown": _l("いま使用中の利用者から選んでください。"),
    "guests unknown": _l("参加者の中に、登録がなくなった方がいます。選び直してください。"),
    "person unknown": _l("この担当者の登録がありません。"),
}
REPORT_ERRORS = {
    "result_missing": _l("結果を選んでください。"),
    "next_unknown": _l("次にすることを選んでください。"),
    "too_early": _l("まだ始まっていない訪問です。報告は、始まってからできます。"),
    "day_past": _l("過ぎた日です。今日からあとの日を入れてください。"),
    "day_odd": _l("日付は 2026-11-26 の形で入れてください。"),
}
ICS = {
    "unreadable": _l(
        "予定ファイル（.ics）として読めません。メールに付いていたファイルをそのまま選んでください。"
    ),
    "no_event": _l("このファイルには予定がありません。"),
    "no_start": _l("予定の開始日時が書かれていません。"),
    "all_day": _l(
        "終日の予定（%(said)s）です。時刻がわからないため、日付だけを入れました。時刻を入れてください。"
    ),
    "zone_unknown": _l(
        "時間帯「%(said)s」がわからないため、取り込めません。送った方に日時を確かめて、手で入れてください。"
    ),
}
LABELS = {
    "starts": _l("日時"), "ends": _l("終わり"), "staff": _l("当社から"), "guests": _l("先方から"), "place": _l("場所"),
    "result": _l("結果"), "next": _l("次にすること"), "next_on": _l("日付"),
}  # fmt: skip
