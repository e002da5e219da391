"""Words for hand-offs and opportunities: reasons, stages, results, and what is wrong with a form."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.reasons import Reason
from campaigns.web import lead_words, words

GROUPS = {
    "waiting": _l("営業の回答待ち"),
    "accepted": _l("営業対応中"),
    "held": _l("保留"),
    "ended": _l("終わったもの"),
}
RETURNS = {
    "too_early": _l("時期がまだ先"),
    "no_budget": _l("予算がない"),
    "no_authority": _l("決裁者に届かない"),
    "no_need": _l("必要としていない"),
    "unreachable": _l("連絡がつかない"),
    "not_target": _l("対象ではない"),
    "already_ours": _l("すでに対応している"),
    "other": _l("その他"),
}
# What took an offer back before sales had answered: the result of a call.
WITHDRAWN = {
    "refused": lead_words.RESULTS["refused"],
    "wrong": lead_words.RESULTS["wrong"],
    "left": lead_words.RESULTS["left"],
    "dnc": lead_words.RESULTS["dnc"],
    "paused": _l("連絡を止めたため"),
}
STAGES = {
    "hearing": _l("ヒアリング"),
    "proposal": _l("提案"),
    "trial": _l("検証・試用"),
    "quote": _l("見積"),
    "approval": _l("稟議・決裁"),
}
RESULTS = {
    "won": _l("受注"),
    "lost": _l("失注"),
    "rival": _l("他決"),
    "no_deal": _l("見送り"),
}
RESULT_HINTS = {
    "won": _l("受注額を入れてください。企業の最後の取引の日が今日になります。"),
    "lost": _l("購買サイクルの半分が過ぎたら、また電話します。"),
    "rival": _l("相手の契約が切れる6か月前、わからなければ購買サイクルの半分で、また電話します。"),
    "no_deal": _l("次の期首の3か月前に、また電話します。"),
}
RESULT_KINDS = {"won": "ok", "lost": "plain", "rival": "bad", "no_deal": "plain"}
OUT_OF_BOUNDS = {
    "merged": _l("%(name)s様は、別の担当者に統合されています。統合先から引き渡してください。"),
    "excluded": _l("%(name)s様は対象外（退職・競合など）のため、引き渡せません。何も変えていません。"),
    "declined": _l("%(name)s様にはお断りをいただいているため、引き渡せません。何も変えていません。"),
    "out_of_reach": _l("%(name)s様は電話もメールも止めているため、引き渡せません。何も変えていません。"),
}
# Why one lead cannot be offered by hand, as things stand.
IN_THE_WAY = {
    "product_off": _l("この商材は終了しているため、引き渡せません。何も変えていません。"),
    "offered": _l("すでに引き渡しを提案しています。営業の回答を待っています。何も変えていません。"),
    "accepted": _l("すでに営業が対応しています。何も変えていません。"),
    "opportunity": _l("すでに案件になっています。何も変えていません。"),
    "won": _l("すでに受注しています。新しいお話は、案件として登録してください。"),
    "waiting": _l("返事を待っている方です。返事待ちを終えてから引き渡してください。"),
    "paused": _l("連絡を止めている方です。再開してから引き渡してください。"),
}
# What the gate says of a lead, and what follows.
VERDICTS = {
    "asked": _l("お客様からの依頼があります。"),
    "over_bar": _l("基準を超えていて、今週の受入枠もあります。"),
    "under_bar": _l("推定受注率が基準に届かないため、自動では引き渡しません。"),
    "no_capacity": _l("今週の受入枠がいっぱいのため、自動では引き渡しません。"),
    "not_hot": _l("今すぐ客ではないため、自動では引き渡しません。"),
    "resting": _l("差し戻されて間もないため、自動では引き渡しません。"),
}
VERDICT_HINTS = {
    "asked": _l("理由がなくても引き渡せます。"),
    "over_bar": _l("理由がなくても引き渡せます。"),
    "under_bar": _l("引き渡すなら、営業に伝える理由を書いてください。"),
    "no_capacity": _l("引き渡すなら、営業に伝える理由を書いてください。"),
    "not_hot": _l("引き渡すなら、営業に伝える理由を書いてください。"),
    "resting": _l("引き渡すなら、営業に伝える理由を書いてください。"),
}
OFFER_ERRORS = {
    "words": _l("理由を書いてください。自動の判定では、いまは引き渡さない方です。"),
    "rep": _l("営業の担当者を選び直してください。"),
}
PAUSE_ERRORS = {
    ("until", "missing"): _l("いつまで止めるかを入れてください。"),
    ("until", "odd"): _l("日付は 2026-11-26 の形で入れてください。"),
    ("until", "past"): _l("明日からの日付を入れてください。"),
    ("until", "far"): _l("2年以内の日付を入れてください。"),
    ("reason", "missing"): _l("止める理由を入れてください。"),
}
# Of a lead, the stages in which nobody is waited for.
WAIT_ERRORS = {
    "won": _l("すでに受注しているため、返事待ちにできません。"),
    "paused": _l("連絡を止めている方のため、返事待ちにできません。"),
    "excluded": _l("対象外の方のため、返事待ちにできません。"),
}
ERRORS = {
    "missing": _l("入れてください。"),
    "unknown": _l("選び直してください。"),
    "odd": _l("読み取れません。"),
    "past": _l("今日より前の日付です。"),
    "far": _l("先すぎる日付です。年を確かめてください。"),
}
MONEY_ERRORS = {
    "missing": _l("金額を入れてください。"),
    "zero": _l("0円の受注は登録できません。金額を入れてください。"),
    "odd": _l("金額として読み取れません。1,234万円や12,345,678のように入れてください。"),
    "broken": _l("1円より細かい金額は入れられません。"),
    "negative": _l("マイナスの金額は入れられません。"),
    "too_big": _l("10兆円を超えています。桁を確かめてください。"),
}
FIELD_ERRORS = {
    ("expected_on", "odd"): _l("日付は 2026-11-26 の形で入れてください。"),
    ("contract_ends_on", "odd"): _l("日付は 2026-11-26 の形で入れてください。"),
    ("due_on", "odd"): _l("日付は 2026-11-26 の形で入れてください。"),
    ("due_on", "past"): _l("明日からの日付を入れてください。"),
    ("due_on", "far"): _l("1年以内の日付を入れてください。"),
    ("forecast", "odd"): _l("0から100までの整数で入れてください。"),
    ("result", "missing"): _l("結果を選んでください。"),
    ("lost_to", "missing"): _l(
        "決まった相手の会社名を入れてください。わからなければ「不明」と入れてください。"
    ),
    ("reason", "missing"): _l("理由を入れてください。次の判定の精度を上げます。"),
    ("company", "missing"): _l("企業か担当者の、どちらかを選んでください。"),
    ("company", "unknown"): _l("この企業は見つかりません。"),
    ("product_id", "missing"): _l("商材を選んでください。"),
    ("person_id", "unknown"): _l("この担当者は見つかりません。"),
    ("person_id", "elsewhere"): _l("この担当者は、選んだ企業の方ではありません。"),
    ("person_id", "merged"): _l("別の担当者に統合された方です。統合先を選んでください。"),
    ("person_id", "excluded"): _l("対象外（退職・競合など）の方です。案件にはできません。"),
    ("person_id", "declined"): _l("お断りをいただいている方です。案件にはできません。"),
    ("person_id", "out_of_reach"): _l("電話もメールも止めている方です。案件にはできません。"),
}
LABELS = {
    "name": _l("案件名"),
    "amount_yen": _l("金額"),
    "stage": _l("段階"),
    "forecast": _l("受注確度（ヨミ）"),
    "expected_on": _l("受注予定日"),
    "owner_user_id": _l("担当"),
    "rival_risk": _l("他決リスク"),
    "lost_to": _l("競合"),
    "result": _l("結果"),
    "contract_ends_on": _l("相手の契約が切れる日"),
    "reason": _l("理由"),
    "fiscal_month": _l("次の期首の月"),
    "company": _l("企業"),
    "product_id": _l("商材"),
    "person_id": _l("担当者"),
}
ACTIONS = {
    "add": _l("登録"),
    "edit": _l("変更"),
    "close": _l("結果"),
    "reopen": _l("結果の取り消し"),
}


def errors(found: Mapping[str, str]) -> dict[str, str]:
    """What is wrong, in words, by field."""
    return {field: _error(field, code) for field, code in found.items()}


def _error(field: str, code: str) -> str:
    if field.endswith("_yen"):
        return str(MONEY_ERRORS.get(code, code))
    return str(FIELD_ERRORS.get((field, code)) or ERRORS.get(code, code))


def barred(code: str, name: str) -> str:
    """Why this lead cannot be offered to sales."""
    if code in OUT_OF_BOUNDS:
        return str(OUT_OF_BOUNDS[code]) % {"name": name or _("（氏名なし）")}
    return words.word(IN_THE_WAY, code)


def pause_error(field: str, code: str) -> str:
    """What is wrong with a pause."""
    if field == "state":
        stage = words.word(lead_words.STAGES, code)
        return str(_("「%(stage)s」の方は止められません。何も変えていません。", stage=stage))
    return str(PAUSE_ERRORS[field, code])


def no_wait(code: str, name: str) -> str:
    """Why nobody waits for a reply of theirs."""
    if code in WAIT_ERRORS:
        return words.word(WAIT_ERRORS, code)
    return str(OUT_OF_BOUNDS[code]) % {"name": name}


def came_back(code: str, reason: str) -> str:
    """Why it came back: the reason chosen, and the rep's own words."""
    said = words.word({**RETURNS, **WITHDRAWN}, code) if code else ""
    return str(_("：").join(part for part in (said, reason) if part))


def freed(reason: Reason) -> str:
    """What would let a held lead through."""
    args = reason.args
    if reason.code == "next_week":
        return str(_("来週の受入枠が空けば、推定受注率の高い順に引き渡します"))
    if reason.code == "appetite":
        appetite = words.word(words.APPETITES, str(args["appetite"]))
        return str(
            _(
                "営業が「%(appetite)s」なら引き渡せます（基準%(bar)s）",
                appetite=appetite,
                bar=words.percent(float(str(args["bar"]))),
            )
        )
    if reason.code == "rise":
        points = words.number(100 * float(str(args["gap"])), 1)
        return str(_("推定受注率があと%(n)sポイント上がれば引き渡せます", n=points))
    return str(_("問い合わせや見積の依頼があれば、すぐ引き渡します"))


def shown(field: str, value: str | None) -> str:
    """A value of the history in words."""
    if value in (None, ""):
        return "–"
    if field == "amount_yen":
        return str(_("%(n)s円", n=words.number(int(value))))
    if field == "forecast":
        return f"{value}%"
    if field == "stage":
        return words.word(STAGES, value)
    if field == "result":
        return words.word(RESULTS, value)
    if field == "rival_risk":
        return str(_("あり") if value == "True" else _("なし"))
    return value
