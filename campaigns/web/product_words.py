"""Words of the product pages: sections, fields, where a value comes from, what is wrong with a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules import matrix
from campaigns.rules.actions import Row
from campaigns.rules.inheritance import Level
from campaigns.rules.matrix import DUE_MAX, PRIORITY_MAX, ROWS_MAX
from campaigns.services import catalogue, sender_profiles
from campaigns.services.inherit import Holder
from campaigns.web import scenario_words, words

LABELS = {
    "name": _l("商材名"),
    "family": _l("分類"),
    "list_key": _l("リストの名前（英数字）"),
    "unsubscribe_label": _l("停止ページでの呼び名"),
    "gate_percent": _l("今すぐ客の基準（推定受注率）"),
    "colour_no": _l("色と模様"),
    "owner_user_id": _l("担当者（通知先）"),
    "is_active": _l("使用中"),
    "appetite": _l("営業の受入状態"),
    "capacity_per_week": _l("1週間の受入枠"),
    "target_profile": _l("狙う相手"),
    "price_band": _l("価格帯"),
    "expected_amount_yen": _l("1件あたりの見込み額"),
    "priority": _l("優先順位"),
    "windows": _l("配信する時間帯"),
    "tone_every": _l("セールス色の間隔"),
    "gate": _l("今すぐ客の基準（推定受注率）"),
    "hot_rules": _l("反応の点数と、今すぐ客にする反応"),
    "band_edges": _l("スコアの帯の境目"),
    "prior_rates": _l("帯ごとの初めの受注率"),
    "action_matrix": _l("見込度と次のアクション"),
    "purchase_cycle_days": _l("購買サイクル"),
    "sender_profile_id": _l("送信者情報"),
}
SECTIONS = {
    "profile": _l("狙う相手"),
    "delivery": _l("シナリオと配信の決まり"),
    "hot": _l("今すぐ客の基準"),
    "matrix": _l("次のアクション"),
    "cycle": _l("購買サイクル"),
    "refusals": _l("受信拒否者リスト"),
    "sender": _l("送信者"),
}
# Which fields a section's form holds; a section without any has no form of its own.
FIELDS: Mapping[str, tuple[str, ...]] = {
    "profile": ("target_profile", "price_band", "expected_amount_yen"),
    "delivery": ("priority", "tone_every", "windows"),
    "hot": ("gate", "hot_rules", "band_edges", "prior_rates"),
    "matrix": ("action_matrix",),
    "cycle": ("purchase_cycle_days",),
    "sender": ("sender_profile_id",),
}
HINTS = {
    "target_profile": _l("だれに売る商材か。シナリオを作るとき、配信対象の初めの値になります。"),
    "expected_amount_yen": _l("架電の順番を決めるときに使います。"),
    "priority": _l("同じ人に2つの商材のメールが重なったとき、小さい数字が先です。"),
    "tone_every": _l("何通に1通まで、少しだけセールス色のある内容にできるか。3から12。"),
    "windows": _l("営業日のこの時間に、均等に分けて送ります。"),
    "gate": _l("推定受注率がこの値以上で、会話まで進んだ人が今すぐ客になります。"),
    "purchase_cycle_days": _l("接点の重みは、この半分の日数で半分になります。30から1,095日。"),
    "band_edges": _l("0から始まる、小さい順の5つの数字。"),
    "prior_rates": _l("結果が集まるまで使う受注率。帯の低い順の5つの数字（%）。"),
}
CELLS = {
    "hot_deep": _l("会話まで進んでいる"),
    "warm_over_gate": _l("会話はまだ、推定受注率は基準以上"),
    "warm_deep": _l("会話まで進んでいる"),
    "warm_shallow": _l("会話はまだ"),
    "nurture": _l("会話の有無を問わず"),
    "silent": _l("購買サイクルの間、反応がない"),
    "rose_hot": _l("に上がったとき"),
    "rose_warm": _l("に上がったとき"),
    "fell_hot": _l("から下がったとき"),
    "fell_warm": _l("から下がったとき"),
}
# What is never done in a cell, whatever the rows say; beside the cell, so that nobody looks for the switch.
NEVER = {
    "hot_deep": _l("引き渡したあとの一斉メール"),
    "warm_over_gate": _l("強いセールスのメール"),
    "warm_deep": _l("強いセールスのメール"),
    "warm_shallow": _l("強いセールスのメール"),
    "nurture": _l("電話と訪問（強く迫ると逃します）、強いセールスのメール"),
    "silent": _l("訪問、セールスのメール"),
}
STATUS = scenario_words.STATUS
CLASSES = scenario_words.CLASSES
ROLES = scenario_words.ROLES
RANK_OF = matrix.CELLS
MATRIX_KINDS = tuple(kind.value for kind in matrix.KINDS)
KINDS = {**words.TASKS, "handoff": _l("引き渡し")}


def matrix_rows(stored: Mapping[str, Any]) -> tuple[Row, ...]:
    """The matrix in force, by cell."""
    order = list(matrix.CELLS)
    return tuple(sorted(matrix.rows(stored), key=lambda row: order.index(row.cause)))


def conditions(row: Row) -> str:
    """食品機械・100-299・管理区分 C1."""
    parts = [*sorted(row.industries), *sorted(row.bands)]
    parts += [str(CLASSES[one]) for one in matrix.CLASSES if one in row.classes]
    return str(_("・")).join(parts)


def from_where(level: Level, holder: Holder) -> str:
    """Whose value it is."""
    found = {
        Level.PRODUCT: _("この商材だけの値"),
        Level.FAMILY: _("分類「%(name)s」の値", name=holder.family),
        Level.HOUSE: _("会社の既定"),
        Level.SHIPPED: _("出荷時の値"),
    }
    return str(found[level])


def place(key: str) -> str:
    """Where on a form an error stands: a field, a row, a touch."""
    if key in LABELS:
        return str(LABELS[key])
    prefix, _dash, rest = key.partition("-")
    if prefix == "row":
        return str(_("%(n)s行目", n=rest))
    return words.word(words.KINDS, rest) if rest else str(_("業種ごとの基準"))


def errors(found: Mapping[str, str]) -> dict[str, str]:
    """What to do about each wrong field or row."""
    return {field: _error(field, code) for field, code in found.items()}


def _error(field: str, code: str) -> str:
    if code == "out_of_range":
        bounds = {"gate": (1, 90), "gate_percent": (1, 90), "tone_every": (3, 12)}
        ranges = catalogue.NUMBERS | sender_profiles.NUMBERS | bounds
        least, most = ranges.get(field, (0, 999))
        return str(_("%(least)sから%(most)sの間で入力してください。", least=f"{least:,}", most=f"{most:,}"))
    if field == "windows":
        return str(_("開始と終了を、早い順に、重ならないように入力してください。"))
    texts = {
        "missing": _("入力してください。"),
        "taken": _("ほかで使われています。別の名前にしてください。"),
        "not_a_number": _("数字で入力してください。"),
        "odd": _("この形では使えません。例を見て直してください。"),
        "unknown": _("選び直してください。"),
        "not_rising": _("5つの数字を、小さい順に入力してください。"),
        "nurture_call": _("そのうち客に電話をすると、逆効果で逃してしまいます。電話以外を選んでください。"),
        "nurture_visit": _("そのうち客を訪問すると、逆効果で逃してしまいます。訪問以外を選んでください。"),
        "silent_visit": _("反応のない人は訪問しません。電話かFAXで、もう一度測ってください。"),
        "silent_mail": _("反応のない人にセールスのメールは送りません。電話かFAXを選んでください。"),
        "handoff_not_hot": _("引き渡しは、今すぐ客だけです。"),
        "due_out_of_range": _("期日は0から%(n)s営業日です。", n=DUE_MAX),
        "priority_out_of_range": _("優先は1から%(n)sです。", n=PRIORITY_MAX),
        "row_twice": _("同じ条件の同じアクションが、上の行にあります。"),
        "hot_without_call": _(
            "今すぐ客への、条件のない電話の行を残してください。お問い合わせに、必ず電話が付くようにするためです。"
        ),
        "too_many_rows": _("行は%(n)sまでです。", n=ROWS_MAX),
        "industry_missing": _("業種を1つ以上入力してください。"),
        "points_out_of_range": _("点数は1から100です。"),
        "depth_out_of_range": _("深度は1から5です。"),
        "days_out_of_range": _("日数は0から365です。"),
        "online_too_deep": _("メールとWebの閲覧は深度2までです。読むことは、会話ではありません。"),
        "online_trigger": _("メールとWebの閲覧だけで、今すぐ客にはできません。自動巡回も開くためです。"),
        "not_editable": _("この接点の点数は変えられません。"),
    }
    return str(texts.get(code, code))
