"""What the sample maker writes: two products, their mails, and what its people say on the phone.

Invented people and companies; Japanese, as its recipients read it.
"""

from __future__ import annotations

from dataclasses import dataclass

LEGAL_NAME = "株式会社みのり精機"
PROFILE = {
    "name": "みのり精機 営業企画",
    "legal_name": LEGAL_NAME,
    "postal_address": "〒430-0911 静岡県浜松市中央区新津町1-2-3",
    "inquiry": "053-000-0000／info@minori.example",
    "from_name": "みのり精機 佐伯 美和",
    "from_address": "saeki@minori.example",
    "reply_to": "saeki@minori.example",
    "return_path_domain": "minori.example",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail of a scenario: `site` is the page its button leads to."""

    title: str
    kind: str
    subject: str
    preheader: str
    lead: str
    points: tuple[str, ...]
    button: str
    site: str
    second: tuple[str, str]  # another link: words, page

    def html(self, base: str) -> str:
        """The author's HTML, with merge fields."""
        points = "".join(f"<li>{point}</li>" for point in self.points)
        words, page = self.second
        return (
            "<p>{{ 宛名 }}</p>\n"
            "<p>いつもお世話になっております。<br>{{ 差出人 }}です。<br>{{ ご縁 }}皆さまに、お便りしております。</p>\n"
            f"<p>{self.lead}</p>\n"
            f'<div class="box"><ol>{points}</ol>\n'
            f'<p><a class="button" href="{base}/practice/site/{self.site}">{self.button}</a></p></div>\n'
            f'<p>あわせて<a href="{base}/practice/site/{page}">{words}</a>もご覧いただけます。</p>\n'
            "<p>お役に立てば幸いです。</p>\n"
        )


@dataclass(frozen=True, slots=True)
class Product:
    """A product of the sample maker with its scenario."""

    name: str
    label: str
    list_key: str
    cycle_days: int
    priority: int
    colour_no: int
    amount_yen: int
    scenario: str
    purpose: str
    want_day: int
    letters: tuple[Letter, ...]


EYELINE = Product(
    name="外観検査装置 EyeLine",
    label="外観検査装置",
    list_key="eyeline",
    cycle_days=365,
    priority=3,
    colour_no=1,
    amount_yen=12_000_000,
    scenario="展示会後フォロー（ミライ工場展）",
    purpose="検査の自動化の相談を案件化する",
    want_day=10,
    letters=(
        Letter(
            "限度見本の数え方",
            "case_study",
            "目視検査を3割減らした、電装部品メーカーの進め方",
            "限度見本32枚から始めた、3か月の記録です",
            "同じお悩みだった電装部品メーカー様の、最初の3か月の記録をまとめました。",
            (
                "判定の迷いを、限度見本32枚で数えた",
                "迷いの多い3種類だけを、先に自動にした",
                "人と装置の判定を、毎週10分くらべた",
            ),
            "記録を読む",
            "case-solder",
            ("装置の価格帯", "price"),
        ),
        Letter(
            "照明のコツ",
            "industry",
            "照明条件で変わる、キズ検出のコツ",
            "明視野と暗視野の使い分けを5つの写真で",
            "カメラを替える前に、照明を替えるだけで見えるキズがあります。",
            (
                "低い角度の光は、浅いキズを浮かせる",
                "拡散光は、映り込みを消す",
                "色の光は、印字と下地を分ける",
            ),
            "写真で見る",
            "tips-lighting",
            ("鋳物の事例", "case-casting"),
        ),
        Letter(
            "鋳物の巣",
            "case_study",
            "鋳物の巣を見のがさない、照明のあて方",
            "見のがしが年6件から1件になりました",
            "鋳物の表面の巣でお困りだった会社様の例です。",
            ("リング照明を低い角度に変えた", "明るさを3段に分けて撮った", "基準を写真で残した"),
            "事例を読む",
            "case-casting",
            ("装置の仕様", "spec"),
        ),
    ),
)
VX500 = Product(
    name="5軸加工機 VX-500",
    label="5軸加工機",
    list_key="vx500",
    cycle_days=540,
    priority=4,
    colour_no=2,
    amount_yen=29_000_000,
    scenario="5軸の段取りを短くする",
    purpose="段取り替えの相談を工場見学につなげる",
    want_day=12,
    letters=(
        Letter(
            "段取り替えの事例",
            "case_study",
            "段取り替えを1日4回から1回にした部品加工",
            "5面を1度のチャックで削った記録です",
            "部品加工の会社様の、段取り替えを減らした例をご紹介します。",
            ("5面を1度のチャックで削る", "測り直しをなくす", "夜のあいだに1個多く削る"),
            "事例を読む",
            "case-5axis",
            ("機械の価格帯", "price-vx"),
        ),
        Letter(
            "段取りの工夫",
            "industry",
            "5軸の段取りを短くする、3つの工夫",
            "基準面、治具の高さ、工具の本数",
            "いまの機械でもできる工夫を3つにまとめました。",
            ("基準面を先に決める", "治具の高さをそろえる", "工具の本数を決めておく"),
            "工夫を読む",
            "tips-setup",
            ("部品加工の事例", "case-5axis"),
        ),
    ),
)
PRODUCTS = (EYELINE, VX500)
FORM = "外観検査装置 EyeLine カタログ請求"
# Pages of the sample site: path, product, themes, whether it is a key page.
PAGES = (
    ("/practice/site/price", EYELINE.name, "価格", True),
    ("/practice/site/spec", EYELINE.name, "仕様", True),
    ("/practice/site/case-*", EYELINE.name, "事例", True),
    ("/practice/site/tips-lighting", EYELINE.name, "照明", False),
    ("/practice/site/price-vx", VX500.name, "価格", True),
    ("/practice/site/case-5axis", VX500.name, "事例、段取り", True),
    ("/practice/site/tips-setup", VX500.name, "段取り", False),
)

# What inside sales heard, in turn: (result code, words).
CALLS = (
    ("interest", "来期の予算で検査の自動化を検討。3月までに3社を比較するとのこと。"),
    ("absent", ""),
    ("talked", "いまは情報収集。事例が参考になったとのこと。"),
    ("no_answer", ""),
    ("appointment", "工場で実機を見たい。日程を調整する。"),
    ("not_now", "次の設備更新は来年の秋。"),
)
