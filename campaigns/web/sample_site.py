"""Practice mode only: the web site of an invented maker, measured as a real one, in Japanese and English.

Its pages carry the page script, so that everything can be tried on them: visits before and after a click in a mail,
the line that tells or asks, the refusal, a form.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, abort, current_app, render_template
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.rules.forms import Kind
from campaigns.services import design_form, tell_visitors

pages = Blueprint("sample_site", __name__, url_prefix="/practice/site")


@dataclass(frozen=True, slots=True)
class Words:
    """A page in one language. points: short lines under the lead."""

    title: str
    lead: str
    points: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SitePage:
    """leads_to: pages that it links to, in order."""

    ja: Words
    en: Words
    leads_to: tuple[str, ...] = ()


NAV = ("home", "eyeline", "price", "case-solder", "request")
SITE: dict[str, SitePage] = {
    "home": SitePage(
        Words(
            "目視検査と段取り替えの時間を、つくる時間へ",
            "みのり精機は、外観検査装置と5軸加工機をつくる浜松の会社です。現場の手順を1つずつ数えることから始めます。",
        ),
        Words(
            "Turn inspection and set-up time into making time",
            "Minori Seiki of Hamamatsu builds visual inspection systems and 5-axis machines. We begin by counting each "
            "step on your floor.",
        ),
        ("eyeline", "vx", "case-solder", "tips-lighting", "request"),
    ),
    "eyeline": SitePage(
        Words(
            "外観検査装置 EyeLine",
            "迷いの多い欠陥だけを先に自動で見分けます。人の目は、最後の判断に使えます。",
            ("分解能5マイクロメートル", "1個あたり0.8秒", "卓上型とインライン型"),
        ),
        Words(
            "EyeLine visual inspection",
            "It takes over the defects people hesitate about. Human eyes are kept for the last decision.",
            ("Resolution 5 micrometres", "0.8 s a part", "Desktop and in-line models"),
        ),
        ("price", "spec", "case-solder", "tips-lighting", "request"),
    ),
    "vx": SitePage(
        Words(
            "5軸加工機 VX-500",
            "5面を1度のチャックで削り、段取り替えと測り直しをなくします。",
            ("加工範囲 500 × 450 × 400 mm", "工具60本", "設置面積 2.4 × 2.9 m"),
        ),
        Words(
            "VX-500 5-axis machine",
            "It cuts five faces in one clamping: no second set-up, no measuring again.",
            ("Travel 500 × 450 × 400 mm", "60 tools", "Footprint 2.4 × 2.9 m"),
        ),
        ("price-vx", "case-5axis", "tips-setup", "request"),
    ),
    "price": SitePage(
        Words(
            "外観検査装置 EyeLine の価格帯",
            "卓上型は480万円から、インライン型は1,200万円からです。",
            ("照明とレンズを含みます", "据付と初期教示は別途お見積り"),
        ),
        Words(
            "EyeLine price range",
            "Desktop models start at 4.8 million yen, in-line models at 12 million.",
            ("Lighting and lens included", "Installation and first training quoted separately"),
        ),
        ("eyeline", "spec", "request"),
    ),
    "spec": SitePage(
        Words(
            "外観検査装置 EyeLine の仕様",
            "分解能5マイクロメートル、1個あたり0.8秒。",
            ("電源 AC100 V 6 A", "通信 EtherNet/IP、Modbus TCP"),
        ),
        Words(
            "EyeLine specifications",
            "Resolution 5 micrometres, 0.8 s a part.",
            ("Power AC 100 V, 6 A", "EtherNet/IP, Modbus TCP"),
        ),
        ("eyeline", "price", "request"),
    ),
    "case-solder": SitePage(
        Words(
            "事例：はんだ外観の目視検査を3割減らした電装部品メーカー",
            "限度見本32枚を数えることから始め、迷いの多い3種類だけを先に自動にしました。3か月後、検査の工数は3割減りました。",
        ),
        Words(
            "Case: 30 % less visual inspection of solder joints",
            "A maker of vehicle electronics began by counting its 32 limit samples and automated only the three kinds "
            "that people hesitate about. After three months inspection took 30 % less time.",
        ),
        ("price", "case-casting", "request"),
    ),
    "case-casting": SitePage(
        Words(
            "事例：鋳物の巣を見のがさない照明のあて方",
            "リング照明を低い角度に変えるだけで、見のがしは年6件から1件になりました。",
        ),
        Words(
            "Case: light that does not miss casting pores",
            "Lowering the ring light was enough: from six escapes a year to one.",
        ),
        ("tips-lighting", "eyeline", "request"),
    ),
    "case-5axis": SitePage(
        Words(
            "事例：段取り替えを1日4回から1回にした部品加工",
            "5面を1度のチャックで削ると、段取り替えと測り直しがなくなります。",
        ),
        Words(
            "Case: from four set-ups a day to one",
            "Cutting five faces in one clamping does away with set-ups and measuring again.",
        ),
        ("vx", "price-vx", "request"),
    ),
    "tips-lighting": SitePage(
        Words("照明条件で変わる、キズ検出のコツ", "明視野と暗視野の使い分けを、5つの写真でくらべます。"),
        Words(
            "How light decides what you detect",
            "Bright field and dark field compared in five pictures.",
        ),
        ("case-casting", "eyeline", "request"),
    ),
    "tips-setup": SitePage(
        Words("5軸の段取りを短くする3つの工夫", "基準面、治具の高さ、工具の本数。この3つを先に決めます。"),
        Words(
            "Three ways to shorten a 5-axis set-up",
            "Reference face, height of the fixture, number of tools: decide these three first.",
        ),
        ("vx", "case-5axis", "request"),
    ),
    "price-vx": SitePage(
        Words("5軸加工機 VX-500 の価格帯", "標準仕様で2,900万円からです。"),
        Words("VX-500 price range", "From 29 million yen in its standard version."),
        ("vx", "request"),
    ),
    "request": SitePage(
        Words("導入の手順と費用", "はじめての方へ、手順と費用を12ページのPDFにまとめました。"),
        Words("Steps and costs", "For newcomers: what to do and what it costs, as a PDF of 12 pages."),
    ),
    "privacy": SitePage(
        Words(
            "閲覧の記録について",
            "ご案内をお役に立つものにするため、このサイトでご覧になったページと時間を記録しています。Cookieは使いません。望まれない場合は、下のボタンで断れます。",
        ),
        Words(
            "Recording of visits",
            "To make what we send you more useful, we record which pages of this site you read and for how long. We use "
            "no cookies. If you do not want this, refuse by the button below.",
        ),
    ),
}
# The page about the recording where visitors are asked first.
ASKED = SitePage(
    Words(
        "閲覧の記録について",
        "ご案内をお役に立つものにするため、お許しをいただいた方に限り、このサイトでご覧になったページと時間を記録します。Cookieは使いません。許可したあとも、下のボタンでいつでも断れます。",
    ),
    Words(
        "Recording of visits",
        "To make what we send you more useful, we record which pages of this site you read and for how long, but only "
        "with your permission. We use no cookies. You can withdraw it at any time by the button below.",
    ),
)
FRAME = {
    "ja": {
        "maker": "株式会社みのり精機",
        "mark": "み",
        "nav": {
            "home": "ホーム",
            "eyeline": "製品",
            "price": "価格",
            "case-solder": "事例",
            "request": "資料請求",
        },
        "more": "あわせて読む",
        "privacy": "閲覧の記録について",
        "sample": "練習用の見本サイトです。架空の会社の内容です。ここで見たページは、Ikuseiの「サイト計測」に出ます。",
        "none": "受付中の資料請求フォームがまだありません。Ikuseiの「フォーム」で作って公開すると、ここに出ます。",
        "refuse": "閲覧の記録を断る",
        "again": "断っています（押すと再開）",
        "other": "English",
    },
    "en": {
        "maker": "Minori Seiki Co., Ltd.",
        "mark": "M",
        "nav": {
            "home": "Home",
            "eyeline": "Products",
            "price": "Prices",
            "case-solder": "Cases",
            "request": "Ask for material",
        },
        "more": "Read next",
        "privacy": "Recording of visits",
        "sample": "A sample site for practice; the company is invented. Pages seen here show in Ikusei under Site measurement.",
        "none": "There is no open form for material yet. Make and publish one in Ikusei under Forms, and it shows here.",
        "refuse": "Do not record my visits",
        "again": "Not recorded (press to resume)",
        "other": "日本語",
    },
}


@pages.get("/<page>")
def site_GET(page: str) -> ResponseReturnValue:
    return _page(page, "ja")


@pages.get("/en/<page>")
def english_GET(page: str) -> ResponseReturnValue:
    return _page(page, "en")


def _page(key: str, lang: str) -> str:
    """One page of the sample maker's site, with the page script on it."""
    if key not in SITE:
        abort(404)
    parts: Parts = current_app.extensions["ikusei"]
    asks = tell_visitors.modes(parts).get(parts.settings.base_url) == "ask"
    one = ASKED if key == "privacy" and asks else SITE[key]
    form = design_form.public_path(parts, Kind.DOC_REQUEST) if key == "request" else ""
    return render_template(
        "public/site.html",
        key=key,
        lang=lang,
        words=one.ja if lang == "ja" else one.en,
        links=[(to, SITE[to].ja if lang == "ja" else SITE[to].en) for to in one.leads_to],
        nav=NAV,
        frame=FRAME[lang],
        at="/practice/site/" if lang == "ja" else "/practice/site/en/",
        other="/practice/site/en/" if lang == "ja" else "/practice/site/",
        form=form.rpartition("/")[2],
        asks=asks,
    )
