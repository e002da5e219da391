"""Words for imports: fields, results, questions, and for each reason what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.drafts import ERRORS
from campaigns.rules.reasons import Reason
from campaigns.rules.texts import ListError
from campaigns.storage.import_facts import Choice
from campaigns.web import words

FIELDS: Mapping[str, object] = {
    "company": _l("会社名"),
    "company_kana": _l("会社名カナ"),
    "hojin_no": _l("法人番号"),
    "department": _l("部署"),
    "title": _l("役職"),
    "name": _l("氏名"),
    "family": _l("姓"),
    "given": _l("名前（名）"),
    "kana": _l("フリガナ"),
    "family_kana": _l("セイ"),
    "given_kana": _l("メイ"),
    "email": _l("メールアドレス"),
    "email2": _l("メールアドレス2"),
    "tel": _l("電話番号"),
    "tel_dept": _l("部門の電話"),
    "tel_direct": _l("直通電話"),
    "mobile": _l("携帯電話"),
    "fax": _l("FAX番号"),
    "zip": _l("郵便番号"),
    "address": _l("住所"),
    "pref": _l("都道府県"),
    "city": _l("市区町村"),
    "street": _l("番地"),
    "building": _l("建物名"),
    "url": _l("WebサイトのURL"),
    "card_date": _l("名刺交換日"),
    "card_owner": _l("名刺の所有者"),
    "badge_id": _l("来場者番号"),
    "scanned_at": _l("読取日時"),
    "scan_device": _l("端末・対応者"),
    "temperature": _l("温度感・対応"),
    "industry": _l("業種"),
    "job_kind": _l("職種"),
    "employees": _l("従業員数"),
    "budget": _l("予算"),
    "timeframe": _l("導入時期"),
    "authority": _l("決裁権"),
    "interest": _l("関心のある製品"),
    "memo": _l("メモ"),
    "event": _l("施策名"),
    "optin": _l("メール配信可否"),
    "optout": _l("配信停止"),
    "tag": _l("タグ"),
    "sales_owner": _l("担当営業"),
    "flag_reworking": _l("再データ化中の印"),
    "flag_unreadable": _l("読めない文字の印"),
    "flag_connected": _l("つながりの印"),
}
# Read, but not kept by this version: the page says so instead of dropping them in silence.
UNUSED = frozenset({"company_kana", "card_owner", "badge_id", "event", "sales_owner", "flag_connected"})

RESULTS: Mapping[str, tuple[object, object, str]] = {
    "new": (_l("新規"), _l("新しい担当者"), "user-plus"),
    "update": (_l("既存を更新"), _l("空欄では上書きしない"), "refresh"),
    "duplicate": (_l("ファイル内重複"), _l("1名にまとめる"), "copy"),
    "review": (_l("要確認"), _l("名寄せ候補として取り込む"), "help-circle"),
    "refused": (_l("配信停止中"), _l("停止のまま取り込む"), "ban"),
    "no_consent": (_l("同意の根拠なし"), _l("メールを送らない"), "mail-off"),
    "error": (_l("エラー"), _l("取り込まない"), "alert-triangle"),
}
REFUSAL_RESULTS: Mapping[str, tuple[object, object, str]] = {
    "new": (_l("未登録の宛先"), _l("記号だけを控える"), "lock"),
    "update": (_l("登録済みの宛先"), _l("これから停止する"), "ban"),
    "duplicate": (_l("ファイル内重複"), _l("1件にまとめる"), "copy"),
    "refused": (_l("すでに停止中"), _l("変わらない"), "circle-check"),
    "error": (_l("エラー"), _l("取り込まない"), "alert-triangle"),
}
BASES: Mapping[str, object] = {
    "card_written": _l("名刺・書面で受け取った"),
    "opt_in": _l("本人がメールに同意した"),
    "business_relation": _l("取引関係がある"),
    "published": _l("会社のWebサイトなどで公開されている"),
    "none": _l("根拠なし（取り込むが、メールは送らない）"),
}
STATES: Mapping[str, object] = {
    "read": _l("読み込んだところ"),
    "previewed": _l("確認待ち"),
    "imported": _l("取込済み"),
    "undone": _l("取り消し済み"),
    "failed": _l("失敗"),
}
ENCODINGS = (
    ("utf-8", "UTF-8"),
    ("utf-8-sig", "UTF-8 (BOM)"),
    ("cp932", "Shift_JIS (cp932)"),
    ("euc_jp", "EUC-JP"),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16LE"),
    ("utf-16-be", "UTF-16BE"),
)
DELIMITERS = (
    (",", _l("カンマ（,）")),
    ("\t", _l("タブ")),
    (";", _l("セミコロン（;）")),
    ("|", _l("縦線（|）")),
)

# What is wrong, and what to do. Shown with the line and the value beside it.
REASONS: Mapping[str, object] = {
    "formula": _l("数式です。値に直してから取り込んでください。"),
    "mail_no_at": _l("メールアドレスに「@」がありません。元の名簿で直してください。"),
    "mail_no_domain": _l("メールアドレスのドメインがありません。元の名簿で直してください。"),
    "mail_odd": _l("メールアドレスに使えない文字があります。元の名簿で直してください。"),
    "mail_dots": _l("「@」の前の点（.）の位置が正しくありません。元の名簿で直してください。"),
    "mail_missing": _l("メールアドレスがありません。"),
    "phone_exponent": _l("電話番号が指数表記です。Excelで文字列にして保存し直してください。"),
    "date_odd": _l("日付が正しくありません。元の名簿で直してください。"),
    "total_row": _l("合計の行と判断しました。そのままで構いません。"),
    "header_again": _l("見出しの繰り返しと判断しました。そのままで構いません。"),
    "company_missing": _l("会社名がありません。氏名だけでは取り込めません。"),
    "name_missing": _l("氏名もメールアドレスもありません。"),
    "too_many_cells": _l('列が見出しより多くあります。区切り文字を含む値を引用符（"）で囲んでください。'),
    "no_company": _l("会社名がありません。メールアドレスだけで取り込みます。"),
    "no_mail": _l("メールアドレスがありません。メールは送れません。"),
    "name_unsplit": _l("姓と名を分けられません。氏名のまま取り込みます。"),
    "mail_mended": _l("メールアドレスの全角文字などを直しました。"),
    "two_mails": _l("メールアドレスが2つあります。1つ目に送ります。"),
    "phone_zero": _l("先頭の0が落ちているため補いました。"),
    "phone_odd": _l("電話番号の桁数が合いません。そのまま取り込みます。"),
    "hojin_odd": _l("法人番号の検査数字が合いません。空欄として取り込みます。"),
    "date_future": _l("日付が未来です。接点は今日の日付にします。"),
    "opt_unknown": _l("メール配信可否の言葉が読み取れません。不明として扱います。"),
    "flag_reworking": _l("名刺サービスで再データ化中の名刺です。"),
    "flag_unreadable": _l("読み取れなかった文字を含む名刺です。"),
    "unreadable": _l("読み取れなかった文字（?・＊）があります。"),
    "no_basis": _l("同意の根拠がありません。メールは送りません。"),
    "no_basis_badge": _l("バーコードの読取だけでは、メールを送る根拠になりません。"),
    "same_mailbox": _l(
        "同じメールアドレスに別の氏名の方がいます。別の担当者として取り込み、名寄せ候補にします。"
    ),
    "asked_to_stop": _l("名簿の中で配信停止を希望しています。停止として登録します。"),
    "stays_refused": _l("配信停止中のアドレスです。停止のまま取り込みます。"),
}
# Which field of the form answers a question, and how the question is asked.
QUESTIONS: Mapping[str, tuple[str, object]] = {
    "basis_missing": ("basis", _l("根拠を選ぶと取り込めます。名刺で受け取った場合は「名刺・書面で受け取った」です。")),
    "kind_missing": ("kind", _l("接点の種類を選んでください。")),
    "purpose_missing": (
        "purpose_published",
        _l("案内メールを含む利用目的を公表していない名簿には、メールを送れません。公表していなければ「根拠なし」を選んでください。"),
    ),
    "wording_missing": ("wording", _l("主催者の規約の文言を書いてください。同意の記録として保存します。")),
    "giver_missing": ("giver", _l("名簿の提供元と、受け取った日を書いてください。")),
    "product_missing": ("product_id", _l("停止する商材を選んでください。")),
    "columns_missing": ("mapping", _l("氏名と会社名、またはメールアドレスの列を対応付けてください。")),
    "mail_column_missing": ("mapping", _l("メールアドレスの列を対応付けてください。")),
}  # fmt: skip
REFUSED: Mapping[str, object] = {
    "unknown_batch": _l("この取込はありません。"),
    "already_imported": _l("この名簿はすでに取り込まれています。"),
    "undone": _l("この取込は取り消されています。名簿をもう一度読み込んでください。"),
    "not_previewed": _l("先に内容を確認してください。"),
    "not_imported": _l("まだ取り込まれていません。"),
    "undo_too_late": _l("取り込みから7日を過ぎたため、取り消せません。"),
}


def reason(found: Reason) -> str:
    """The sentence of a reason, with the line or the mended value where there is one."""
    if found.code == "duplicate_of":
        return str(_("%(line)s行目と同じ方です。1名にまとめます。", line=found.args.get("line")))
    text = words.word(REASONS, found.code)
    now = found.args.get("now")
    return f"{text} → {now}" if now else text


def wrong(found: Sequence[Reason]) -> list[Reason]:
    """Of a row's reasons those that keep it out."""
    return [reason for reason in found if reason.code in ERRORS]


def by_code() -> dict[str, str]:
    """Reason code -> sentence, for the CSV of errors."""
    return {code: str(text) for code, text in REASONS.items()}


def list_error(error: ListError) -> str:
    """Why a list cannot be read, with its line, and what to do."""
    values = error.values
    texts: dict[str, str] = {
        "empty": _("名簿が空です。中身のあるファイルを選ぶか、表のセルを貼り付けてください。"),
        "no_rows": _("見出しの下に行がありません。"),
        "too_big": _(
            "ファイルが大きすぎます（%(megabytes)s MB）。%(limit)s MBまでです。分けてから取り込んでください。",
            megabytes=values.get("megabytes", ""), limit=values.get("limit", ""),
        ),
        "binary": _("名簿として読めないファイルです。CSVかExcel（xlsx）を選んでください。"),
        "locked": _("パスワードの付いたExcelファイルです。外してから取り込んでください。"),
        "no_sheet": _("シートが見つかりません。"),
        "unknown_encoding": _("文字コードがわかりません。UTF-8で保存し直してください。"),
        "encoding_misfit": _("この文字コードでは読めません。別の文字コードを選んでください。"),
        "wrong_quotes": _("引用符（\"）が正しく閉じられていません。"),
        "cell_too_long": _("1つのセルが長すぎます。引用符（\"）の閉じ忘れがないか確かめてください。"),
        "too_many_columns": _(
            "列が多すぎます（%(columns)s列）。%(limit)s列までです。",
            columns=values.get("columns", ""), limit=values.get("limit", ""),
        ),
        "too_many_rows": _("行が多すぎます。%(limit)s行までです。分けてから取り込んでください。", limit=values.get("limit", "")),
    }  # fmt: skip
    text = texts.get(error.code, error.code)
    where = _("%(line)s行目：", line=error.line) if error.line else ""
    return where + text


def event(one: Choice) -> str:
    """An event with its days, as it is told from others of the same name."""
    if one.first_on is None:
        return one.name
    days = words.short_day(one.first_on)
    if one.last_on and one.last_on != one.first_on:
        days = f"{days}–{words.short_day(one.last_on)}"
    return str(_("%(name)s（%(days)s）", name=one.name, days=days))
