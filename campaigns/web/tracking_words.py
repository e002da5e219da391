"""Words for catalogues, ASICA sheets and the diary, and what is wrong with what was typed there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext as _p

from campaigns.rules import asica
from campaigns.rules.asica import Stage
from campaigns.storage.diary_feed import Written
from campaigns.web import words

FIELDS: Mapping[str, object] = {
    "profile": _l("企業概要"),
    "expected": _l("導入予測時期"),
    "budget": _l("概算予算"),
    "decider": _l("決裁者"),
    "contact": _l("窓口"),
    "culture": _l("企業風土"),
    "ringi": _l("稟議"),
    "competitors": _l("競合"),
    "rival_risk": _l("他決リスク"),
    "equipment": _l("いまの設備"),
}
CERTAINTIES: Mapping[str, object] = {"low": _l("低"), "mid": _l("中"), "high": _l("高")}
RISKS: Mapping[str, object] = {"none": _l("なし"), "low": _l("低"), "mid": _l("中"), "high": _l("高")}
RINGI: Mapping[str, object] = {
    "none": _l("未起案"),
    "preparing": _l("起案準備"),
    "circulating": _l("稟議中"),
    "approved": _p("ringi", "承認"),
    "sent_back": _p("ringi", "差戻し"),
    "rejected": _l("否決"),
}
MODES: Mapping[str, object] = {"self": _l("自薦"), "peer": _l("他薦"), "manager": _l("指名")}
NOMINATIONS: Mapping[str, object] = {
    "stands": _l("現在の担当"),
    "asked": _l("返事待ち"),
    "declined": _l("辞退"),
    "ended": _l("終了"),
    "withdrawn": _l("取りやめ"),
}
STAGES: Mapping[str, object] = {
    Stage.ASSIGNMENT: _p("asica", "課題"),
    Stage.SOLUTION: _p("asica", "解決"),
    Stage.INSPECTION: _p("asica", "検証"),
    Stage.CONSENT: _p("asica", "承認"),
    Stage.ACTION: _p("asica", "行動"),
}
PROMPTS: Mapping[str, Mapping[str, object]] = {
    Stage.ASSIGNMENT: {
        "requirements": _l("顧客要求事項"),
        "needs": _l("現在のニーズ"),
        "issues_ahead": _l("将来の課題"),
        "impact": _l("課題の影響"),
        "ability": _l("自社で対応可能か"),
        "complaints": _l("クレーム情報"),
    },
    Stage.SOLUTION: {
        "solution": _l("提案する解決策"),
        "merits": _l("導入メリット"),
        "cost": _l("費用感"),
        "comparison": _l("競合比較"),
        "documents": _l("必要資料"),
    },
    Stage.INSPECTION: {
        "inspectors": _l("検証者と部署"),
        "method": _l("検証方法"),
        "findings": _l("検証項目と結果"),
        "doubts": _l("残る懸念"),
    },
    Stage.CONSENT: {
        "route": _l("承認ルート"),
        "interests": _l("承認者ごとの関心"),
        "handed": _l("渡した資料"),
        "ringi": _l("稟議の状態と予定日"),
        "opponents": _l("反対者"),
    },
    Stage.ACTION: {
        "order_on": _l("発注予定日"),
        "amount": _l("金額"),
        "terms": _l("契約条件"),
        "result": _l("受注・他決・見送りと理由"),
    },
}
# What helps to answer, where the prompt alone does not say it.
HINTS: Mapping[str, object] = {
    "complaints": _l("短期の課題がいちばんよく表れます。"),
    "method": _l("実機・試用・事例訪問など"),
    "issues_ahead": _l("これから起こる問題、市場の動き"),
    "handed": _l("管理職向けの資料、会議でそのまま使えるスライドなど"),
    "result": _l("失注なら、相手と理由"),
}
KINDS: Mapping[str, object] = {
    "call": _l("電話"),
    "visit": _l("訪問"),
    "show": _l("展示会"),
    "internal": _l("社内"),
    "other": _p("diary", "その他"),
}
# What the feed holds: beside what is written into the diary, what was written on ASICA sheets.
DONE: Mapping[str, object] = {**KINDS, "asica": _l("ASICAシート")}
KIND_ICONS = {
    "asica": "list-check",
    "call": "phone",
    "visit": "walk",
    "show": "speakerphone",
    "internal": "building",
    "other": "note",
}
# Roles in buying as spec S0-09 names them: in words for a list of who is missing.
ROLES: Mapping[str, object] = {
    "利用": _l("利用部門"),
    "技術": _l("技術"),
    "購買": _l("購買"),
    "経理": _l("経理"),
    "決裁": _l("決裁"),
    "窓口": _l("窓口"),
}
FIELD_ERRORS: Mapping[str, object] = {
    "too_long": _l("長すぎます。2,000文字までにしてください。"),
    "month_odd": _l("年月は 2027-04 の形で入れてください。"),
    "certainty_alone": _l("確からしさだけでは予測になりません。年月も入れてください。"),
    "money_odd": _l("金額は 1,500万円 や 15000000 の形で、1円単位までの正の数で入れてください。"),
    "money_large": _l("大きすぎる金額です。"),
    "money_order": _l("上限が下限より小さくなっています。"),
    "date_odd": _l("日付は 2027-01-18 の形で入れてください。"),
    "unknown": _l("一覧から選んでください。"),
    "label_missing": _l("項目の名前を入れてください。"),
    "value_missing": _l("内容を入れてください。"),
    "too_many": _l("自由項目は12個までです。"),
}
DIARY_ERRORS: Mapping[str, object] = {
    "text_missing": _l("聞いたこと、したことを書いてください。"),
    "too_long": _l("長すぎます。4,000文字までにしてください。"),
    "kind_unknown": _l("種類を選んでください。"),
    "in_the_future": _l("まだ来ていない日時です。これからの予定は「次の予定」に入れてください。"),
    "too_old": _l("1年より前の日報は書けません。"),
    "at_odd": _l("日時の形が正しくありません。"),
    "met_unknown": _l("この企業にいない方が選ばれています。選び直してください。"),
    "met_too_many": _l("会った人は20名までです。"),
    "company_unknown": _l("企業を選んでください。"),
    "company_none": _l("この名前の企業は見つかりません。名前の一部でも探せます。"),
    "company_many": _l("当てはまる企業がいくつかあります。下から選んでください。"),
    "product_unknown": _l("商材を選び直してください。"),
    "next_odd": _l("次の予定は、種類と日付を入れてください。"),
    "next_past": _l("次の予定が過去の日付になっています。"),
    "next_nobody": _l("予定の相手がいません。会った人を選ぶか、この企業の担当者を登録してください。"),
    "next_barred": _l("この方には電話できません。別の種類にしてください。"),
}
ASICA_ERRORS: Mapping[str, object] = {
    "empty": _l("内容を入れてください。"),
    "too_long": _l("長すぎます。2,000文字までにしてください。"),
    "unknown": _l("一覧から選んでください。"),
    "stale": _l("ほかの人が先に変更しました。"),
    "same": _l("すでにこの段階です。"),
    "product_unknown": _l("商材を選んでください。"),
    "assignment_empty": _l("課題の5つの項目が、まだ1つも書かれていません。"),
}
NOMINATION_ERRORS: Mapping[str, object] = {
    "unknown": _l("利用者を選んでください。"),
    "not_sales": _l("担当になれるのは、営業の利用者だけです。"),
    "already": _l("すでに担当です。"),
    "taken": _l("返事を待っている推薦か希望があります。返事を待つか、営業管理職に指名を頼んでください。"),
    "answered": _l("この打診は終わっています。"),
}
COMMENT_ERRORS: Mapping[str, object] = {
    "empty": _l("コメントを書いてください。"),
    "too_long": _l("長すぎます。2,000文字までにしてください。"),
    "nobody": _l("この企業の担当者がいないため、次のアクションにできません。先に担当者を登録してください。"),
    "not_yours": _l("次のアクションにできるのは、担当、呼ばれた人、書いた本人と営業管理職です。"),
}


def budget(low: int | None, high: int | None) -> str:
    """1,500〜2,200万円 / ¥15M–22M; "" for none."""
    if low is None and high is None:
        return ""
    if low is None:
        return str(_("%(high)sまで", high=words.yen(high)))
    if high is None:
        return str(_("%(low)sから", low=words.yen(low)))
    if low == high:
        return words.yen(low)
    short, long = words.yen(low), words.yen(high)
    if words.language() == "ja" and short.endswith("万円") and long.endswith("万円"):
        short = short.removesuffix("万円")
    return str(_("%(low)s〜%(high)s", low=short, high=long))


def written_on(one: Written) -> str:
    """Where on an ASICA sheet it was written: 課題 › 現在のニーズ, or the stages of a move: 課題 → 解決."""
    stage = words.word(STAGES, one.stage)
    if one.kind == "move":
        return f"{words.word(STAGES, one.moved_from)} → {stage}"
    return f"{stage} › {words.word(PROMPTS[one.stage], one.prompt)}"


def written(one: Written) -> str:
    """The same with what was written, in one line of text."""
    return str(_("：")).join(filter(None, (written_on(one), one.text)))


def asica_step(kept: str) -> str:
    """What an ASICA touch is about: 課題 or 課題 → 解決."""
    return " → ".join(words.word(STAGES, stage) for stage in asica.stages_of(kept))


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a comment; is_name: it calls somebody."""

    text: str
    is_name: bool


def mention_parts(text: str, mentions: Mapping[int, str]) -> list[Part]:
    """A comment in pieces, those that call somebody apart."""
    names = sorted(
        {
            form
            for name in mentions.values()
            for form in (name, "".join(name.split()), name.split()[0])
            if name
        },
        key=len,
        reverse=True,
    )
    if not names:
        return [Part(text, is_name=False)]
    calls = "|".join(re.escape(name) for name in names)
    pieces = re.split(rf"([@＠](?:{calls}))", text)
    return [Part(piece, is_name=n % 2 == 1) for n, piece in enumerate(pieces) if piece]


def weekday(at: datetime) -> str:
    """月 / Mon."""
    return weekday_of(at.astimezone(words.zone()).date())


def weekday_of(day: date) -> str:
    return (words.DAYS_EN if words.language() == "en" else words.WEEKDAYS_JA)[day.weekday()]
