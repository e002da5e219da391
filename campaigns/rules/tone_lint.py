"""Tone lint: words that sell too loudly, each with a softer way to say it.

The list is data and the findings are warnings only: "this helps you in such a way" instead of "such a
wonderful product". Source: S4-22; spec 3.3.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrase:
    """pattern: the loud word. code: why, worded by the screen. softer: words to put in its place, in the
    mail's language; 〇 and ... stand for what only the author knows."""

    pattern: str
    code: str
    softer: str


JA: tuple[Phrase, ...] = (
    Phrase(r"(?:すばらし|素晴らし)い", "useful_like_this", "こんな場面でお役に立てる"),
    Phrase(r"(?:すばらし|素晴らし)く", "useful_like_this", "お役に立てる形に"),
    Phrase(r"業界(?:最高|一|初|No\.?\s?1|ナンバーワン)", "give_number", "導入〇社"),
    Phrase(
        r"(?i:No\.?\s?1|ナンバーワン)|世界一|日本一|最高峰|最高品質",
        "give_number",
        "導入〇社",
    ),
    Phrase(
        r"今だけ|いまだけ|期間限定|本日限り|残りわずか|お急ぎください",
        "no_hurry",
        "〇月〇日まで",
    ),
    Phrase(r"必見|必読|見逃せない|お見逃しなく", "let_decide", "所要3分"),
    Phrase(r"絶対に?|必ず(?=[^しお])|100\s?[%％]保証|確実に", "say_condition", "〇〇のときは"),
    Phrase(r"激安|最安値?|大特価|特価|お得なキャンペーン", "say_effect", "手間が〇割減る"),
    Phrase(r"画期的な?|革命的な?|驚異的?の?|圧倒的な?", "give_number", "〇〇が〇割減る"),
    Phrase(
        r"ぜひご購入|今すぐ(?:お?申し?込?み?|ご?購入|ご?注文|クリック)",
        "offer_material",
        "資料をご用意しました",
    ),
    Phrase(r"[!！]{2,}|★+|◆{2,}|■{3,}", "calm_marks", "。"),
)
EN: tuple[Phrase, ...] = (
    Phrase(r"\b(?:amazing|incredible|fantastic|wonderful|awesome)\b", "useful_like_this", "useful when ..."),
    Phrase(
        r"\b(?:best in class|best-in-class|world[- ]class|industry[- ]leading)\b",
        "give_number",
        "used by ... makers",
    ),
    Phrase(r"\b(?:number one|no\. ?1|#1)", "give_number", "used by ... makers"),
    Phrase(
        r"\b(?:revolutionary|game[- ]chang(?:er|ing)|ground-?breaking|unbeatable)\b",
        "give_number",
        "... percent less work",
    ),
    Phrase(
        r"\b(?:act now|limited time|last chance|hurry|only today|don't miss)\b", "no_hurry", "open until ..."
    ),
    Phrase(r"\b(?:must[- ](?:see|read|have))\b", "let_decide", "a three-minute read"),
    Phrase(r"\b(?:guaranteed?|risk[- ]free|100 ?%)", "say_condition", "in plants where ..."),
    Phrase(
        r"\b(?:cheapest|lowest price|special offer|huge savings?)\b", "say_effect", "saves ... hours a week"
    ),
    Phrase(
        r"\b(?:buy now|order now|click here now|sign up now)\b",
        "offer_material",
        "we have prepared a document",
    ),
)
_RULES = tuple(
    (re.compile(phrase.pattern, flags), phrase)
    for phrases, flags in ((JA, re.NOFLAG), (EN, re.IGNORECASE))
    for phrase in phrases
)
_TAG_OPEN = re.compile(r"<(?=[a-zA-Z/!])|\{[{%#]")
_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}"}
FINDINGS_MAX = 100


@dataclass(frozen=True, slots=True)
class Loud:
    """A loud word: in which part (subject, preheader, body), where, and what to say instead.

    start, end: its place in the part's source, in characters. line counts from 1.
    """

    part: str
    word: str
    suggestion: str
    softer: str = ""
    line: int = 1
    start: int = 0
    end: int = 0


def findings(parts: Mapping[str, str]) -> tuple[Loud, ...]:
    """Loud words of a mail in order, each place once. parts: part name -> text or HTML."""
    return tuple(_find(parts))[:FINDINGS_MAX]


def _find(parts: Mapping[str, str]) -> Iterable[Loud]:
    for part, source in parts.items():
        text = _blanked(source)
        found: dict[int, Loud] = {}
        taken: set[int] = set()
        for rule, phrase in _RULES:
            for match in rule.finditer(text):
                # 業界No.1 is one finding, not two.
                if taken.isdisjoint(range(*match.span())):
                    taken.update(range(*match.span()))
                    line = source.count("\n", 0, match.start()) + 1
                    found[match.start()] = Loud(
                        part, match[0].strip(), phrase.code, phrase.softer, line, match.start(), match.end()
                    )
                if len(found) > FINDINGS_MAX:
                    break
        yield from (found[start] for start in sorted(found))


def _blanked(source: str) -> str:
    """The source with tags, styles and merge fields as blanks, every other sign in its place: neither a class
    name nor a field is linted. Each sign is passed once, whatever is left open."""
    out: list[str] = []
    at = 0
    while match := _TAG_OPEN.search(source, at):
        out.append(source[at : match.start()])
        end = _tag_end(source, match)
        out.append(re.sub(r"[^\n]", " ", source[match.start() : end]))
        at = end
    return "".join([*out, source[at:]])


def _tag_end(source: str, match: re.Match[str]) -> int:
    start = match.start()
    closing = _CLOSES.get(match[0], "-->" if source.startswith("<!--", start) else ">")
    if source[start : start + 6].lower() == "<style":
        closing = "</style>"
    end = source.find(closing, match.end())
    # What never ends swallows the rest, as it does in a mail program.
    return len(source) if end < 0 else end + len(closing)
