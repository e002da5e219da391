"""One whole mail in Japanese and one in English, of invented companies."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from mailer import footer, inline
from mailer.footer import Disclosure
from mailer.layout import Layout
from mailer.message import Mail, MailKind, Sender

JST = timezone(timedelta(hours=9))
BASE = (Path(__file__).parents[2] / "templates" / "mail" / "base.html").read_text(encoding="utf-8")

JA_HTML = """<p>{{ 宛名 }}</p>
<p>いつもお世話になっております。<br>{{ 差出人 }}です。</p>
{% if 会話 and 1 > 0 %}<p>展示会で「{{ 会話 }}」と伺いました。同じお悩みだった電装部品メーカー様の、最初の3か月の記録をまとめました。</p>{% endif %}
<div class="box"><h2>目視検査の工数を3割減らすまで</h2>
<ol><li>判定の迷いを、限度見本32枚で数えた</li><li>迷いの多い3種類だけを、先に自動にした</li></ol>
<p><a class="button" href="https://www.minori.example/docs/記録.pdf?from=mail&amp;v=2">記録を読む（PDF）</a></p></div>
<p>お役に立てば幸いです。</p>
"""
EN_HTML = """<p>Dear {{ name }},</p>
<p>thank you for the talk at the fair. Here is what another maker of wire harnesses wrote down in the first
three months: <a href="https://www.minori.example/en/record">the record</a>.</p>
<p>Kind regards<br>{{ sender }}</p>
"""


def disclosure(language: str = "ja") -> Disclosure:
    if language == "en":
        return Disclosure(
            legal_name="Minori Seiki Co., Ltd.",
            postal_address="1-2-3 Example-cho, Hamamatsu, Shizuoka 430-0000, Japan",
            inquiry="+81-53-000-0000 / info@minori.example",
            origin_sentence="You get this mail because you left your card with us at Mirai Factory Fair in July.",
            product_name="the inspection unit",
            unsubscribe_url="https://mail.minori.example/u/v1.AAAA",
            less_url="https://mail.minori.example/l/v1.AAAA",
            language="en",
        )
    return Disclosure(
        legal_name="株式会社みのり精機",
        postal_address="〒430-0000 静岡県浜松市〇〇町1-2-3",
        inquiry="053-000-0000／info@minori.example",
        origin_sentence="このメールは、7月のミライ工場展でお名刺をいただいた方にお送りしています。",
        product_name="外観検査装置",
        unsubscribe_url="https://mail.minori.example/u/v1.AAAA",
        less_url="https://mail.minori.example/l/v1.AAAA",
    )


def japanese() -> Mail:
    published = inline.publish(
        JA_HTML,
        subject="目視検査を3割減らした、電装部品メーカーの進め方",
        preheader="限度見本32枚から始めた、3か月の記録です",
        layout=Layout(BASE, "みのり精機", "検査だより"),
    )
    fields = {
        "宛名": "浜名テクノ工業株式会社\n生産技術部　若林 拓也 様",
        "差出人": "みのり精機の佐伯",
        "会話": "はんだ外観の検査に1日4名",
    }
    return _mail(published, fields, "ja", to_name="若林 拓也 様", sender="みのり精機 佐伯 美和")


def english() -> Mail:
    published = inline.publish(
        EN_HTML,
        subject="How {{ company }} could cut visual inspection by a third",
        preheader="Three months, 32 limit samples",
        layout=Layout(BASE, "Minori Seiki", "Inspection notes", "en"),
    )
    fields = {"name": "Alex Morgan", "sender": "Miwa Saeki", "company": "Harbour & Sons"}
    return _mail(published, fields, "en", to_name="Alex Morgan", sender="Miwa Saeki, Minori Seiki")


def _mail(
    published: inline.Published, fields: dict[str, str], language: str, *, to_name: str, sender: str
) -> Mail:
    said = disclosure(language)
    rendered = inline.render(
        published,
        fields,
        links=lambda no: f"https://t.minori.example/c/v1.TOKEN{no}",
        pixel="https://t.minori.example/o/v1.TOKEN",
        footer_html=footer.as_html(said),
        footer_text=footer.as_text(said),
    )
    return Mail(
        message_id="<d77.1@mail.minori.example>",
        to="wakabayashi@hamana.example",
        to_name=to_name,
        sender=Sender(sender, "saeki@minori.example"),
        reply_to="saeki@minori.example",
        return_path="b+v1.TOKEN@mail.minori.example",
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        list_id="inspection.minori.example",
        unsubscribe_url=said.unsubscribe_url,
        date=datetime(2026, 11, 4, 9, 30, tzinfo=JST),
        kind=MailKind.COUNTED,
    )
