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
