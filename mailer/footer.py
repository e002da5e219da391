"""The end of every mail, written by the engine and not by the author: who sends, why, and how to stop.

Five items the law asks for: the sender's name, that one may refuse, where to refuse, the postal
address, where to ask. At least 12 px and a contrast of at least 4.5:1, the refusal sentence right at its
link. Source: spec 40 LAW-06, LAW-09, section 4.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import escape

from mailer import columns

# #4b5a56 on #f4f6f5 is 6.6:1, #0b6352 on #f4f6f5 is 6.7:1 (WCAG 2.1 formula).
_FRAME = (
    '<div style="margin:0;padding:16px 20px;border-top:1px solid #dfe5e2;background-color:#f4f6f5;'
    "color:#4b5a56;font-size:13px;line-height:1.7;font-family:'Hiragino Sans','Noto Sans JP',Meiryo,sans-serif\">"
)
_LINK = 'style="color:#0b6352;font-size:13px;text-decoration:underline"'

_WORDS = {
    "ja": {
        "inquiry": "お問い合わせ",
        "stop_sentence": "このご案内が不要なときは、次のリンクからいつでも停止できます。",
        "stop": "{product}のご案内を停止する",
        "stop_any": "ご案内を停止する",
        "less": "回数を減らす",
        "sender": "送信者",
        "colon": "：",
        "between": "　",
    },
    "en": {
        "inquiry": "Questions",
        "stop_sentence": "If you do not want these mails, you can stop them at any time here:",
        "stop": "Stop mails about {product}",
        "stop_any": "Stop these mails",
        "less": "Get fewer mails",
        "sender": "Sender",
        "colon": ": ",
        "between": ", ",
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """What must be said. origin_sentence: "7月のミライ工場展でお名刺をいただいた方にお送りしています。"

    inquiry: telephone number, mail address or URL, as it is to be shown. less_url: None leaves it out.
    unsubscribe_url: None only for mails that are no advertising (LAW-08).
    """

    legal_name: str
    postal_address: str
    inquiry: str
    origin_sentence: str
    product_name: str
    unsubscribe_url: str | None
    less_url: str | None = None
    language: str = "ja"

    def missing(self) -> tuple[str, ...]:
        """Which of the items are empty: nothing may be activated before they are filled in."""
        wanted = ("legal_name", "postal_address", "inquiry")
        return tuple(name for name in wanted if not getattr(self, name).strip())


def as_html(disclosure: Disclosure) -> str:
    """The footer of the html part. Values are escaped."""
    words = _words(disclosure)
    lines = [
        f"{escape(disclosure.legal_name)}{words['between']}{escape(disclosure.postal_address)}",
        f"{words['inquiry']}{words['colon']}{escape(disclosure.inquiry)}",
    ]
    if disclosure.origin_sentence:
        lines.append(str(escape(disclosure.origin_sentence)))
    if disclosure.unsubscribe_url:
        stop = f'<a href="{escape(disclosure.unsubscribe_url)}" {_LINK}>{escape(_stop(disclosure))}</a>'
        if disclosure.less_url:
            stop += f'・<a href="{escape(disclosure.less_url)}" {_LINK}>{words["less"]}</a>'
        lines += [words["stop_sentence"], stop]
    return _FRAME + "<br>\n".join(lines) + "</div>"


def as_text(disclosure: Disclosure) -> str:
    """The footer of the text part, at most 35 full-width characters a line; URLs stand alone."""
    words = _words(disclosure)
    lines = ["-" * 40, disclosure.legal_name, disclosure.postal_address]
    lines.append(f"{words['inquiry']}{words['colon']}{disclosure.inquiry}")
    if disclosure.origin_sentence:
        lines += ["", disclosure.origin_sentence]
    if disclosure.unsubscribe_url:
        lines += ["", words["stop_sentence"], _stop(disclosure), f"  {disclosure.unsubscribe_url}"]
        if disclosure.less_url:
            lines += [words["less"], f"  {disclosure.less_url}"]
    return (
        "\n".join(
            part
            for line in lines
            for part in ((line,) if line.startswith("  ") else columns.wrapped(" ".join(line.split())))
        )
        + "\n"
    )


def _stop(disclosure: Disclosure) -> str:
    words = _words(disclosure)
    return (
        words["stop"].replace("{product}", disclosure.product_name)
        if disclosure.product_name
        else words["stop_any"]
    )


def _words(disclosure: Disclosure) -> dict[str, str]:
    return _WORDS.get(disclosure.language, _WORDS["ja"])
