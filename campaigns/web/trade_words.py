"""Industries and sizes to choose from where no company has told its own yet.

The middle groups of manufacturing and the divisions beside it, in the short words that the Japan Standard
Industrial Classification goes by in daily use. A value is kept as its Japanese word, whoever chose it.
"""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

INDUSTRIES = {
    "食料品": _l("食料品"),
    "飲料・飼料": _l("飲料・飼料"),
    "繊維": _l("繊維"),
    "木材・家具": _l("木材・家具"),
    "紙・パルプ": _l("紙・パルプ"),
    "印刷": lazy_pgettext("industry", "印刷"),
    "化学": _l("化学"),
    "石油・石炭製品": _l("石油・石炭製品"),
    "プラスチック製品": _l("プラスチック製品"),
    "ゴム製品": _l("ゴム製品"),
    "窯業・土石製品": _l("窯業・土石製品"),
    "鉄鋼": _l("鉄鋼"),
    "非鉄金属": _l("非鉄金属"),
    "金属製品": _l("金属製品"),
    "はん用機械": _l("はん用機械"),
    "生産用機械": _l("生産用機械"),
    "業務用機械": _l("業務用機械"),
    "電子部品・デバイス": _l("電子部品・デバイス"),
    "電気機械": _l("電気機械"),
    "情報通信機械": _l("情報通信機械"),
    "輸送用機械": _l("輸送用機械"),
    "建設": _l("建設"),
    "電気・ガス・水道": _l("電気・ガス・水道"),
    "情報通信": _l("情報通信"),
    "運輸・郵便": _l("運輸・郵便"),
    "卸売・小売": _l("卸売・小売"),
    "医療・福祉": _l("医療・福祉"),
    "教育・研究": _l("教育・研究"),
}
BANDS = {
    "1-29": _l("1〜29名"),
    "30-99": _l("30〜99名"),
    "100-299": _l("100〜299名"),
    "300-999": _l("300〜999名"),
    "1000-": _l("1,000名以上"),
}
