"""Practice mode only: the sample maker's web site (tracked pages), and what time the practice clock shows.

Registered only while mail goes to the catcher; an installation that sends for real answers 404 here.
"""

from __future__ import annotations

from flask import Blueprint, abort, current_app, jsonify, render_template
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts

pages = Blueprint("practice", __name__, url_prefix="/practice")

# (path) -> title, text: pages of an invented maker, Japanese as its customers read them.
SITE: dict[str, tuple[str, str]] = {
    "case-solder": (
        "事例：はんだ外観の目視検査を3割減らした電装部品メーカー",
        "限度見本32枚を数えることから始め、迷いの多い3種類だけを先に自動にしました。3か月後、検査の工数は3割減りました。",
    ),
    "case-casting": (
        "事例：鋳物の巣を見のがさない照明のあて方",
        "リング照明を低い角度に変えるだけで、見のがしは年6件から1件になりました。",
    ),
    "tips-lighting": (
        "照明条件で変わる、キズ検出のコツ",
        "明視野と暗視野の使い分けを、5つの写真でくらべます。",
    ),
    "price": ("外観検査装置 EyeLine の価格帯", "卓上型は480万円から、インライン型は1,200万円からです。"),
    "spec": ("外観検査装置 EyeLine の仕様", "分解能5マイクロメートル、1個あたり0.8秒。"),
    "case-5axis": (
        "事例：段取り替えを1日4回から1回にした部品加工",
        "5面を1度のチャックで削ると、段取り替えと測り直しがなくなります。",
    ),
    "tips-setup": (
        "5軸の段取りを短くする3つの工夫",
        "基準面、治具の高さ、工具の本数。この3つを先に決めます。",
    ),
    "price-vx": ("5軸加工機 VX-500 の価格帯", "標準仕様で2,900万円からです。"),
}


@pages.get("/clock")
def clock_GET() -> ResponseReturnValue:
    """The practice clock, for the invented recipients."""
    parts: Parts = current_app.extensions["ikusei"]
    return jsonify(now=parts.clock.now().isoformat())


@pages.get("/site/<page>")
def site_GET(page: str) -> ResponseReturnValue:
    """One page of the sample maker's site, with the beacon on it."""
    if page not in SITE:
        abort(404)
    title, words = SITE[page]
    return render_template("public/site.html", title=title, words=words)
