"""Tone lint: words that sell too loudly, each with a softer way to say it.

The list is data and the findings are warnings only: "this helps you in such a way" instead of "such a
wonderful product". Source: S4-22; spec 3.3.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# The word as a pattern -> the code of the softer suggestion, worded by the screen.
LOUD: tuple[tuple[str, str], ...] = (
    (r"すばらし[いく]|素晴らし[いく]", "useful_like_this"),
    (r"業界(?:最高|一|No\.?\s?1|ナンバーワン)", "give_number"),
    (r"(?i:No\.?\s?1|ナンバーワン|世界一|日本一|最高峰)", "give_number"),
    (r"今だけ|いまだけ|期間限定|本日限り|残りわずか", "no_hurry"),
    (r"必見|必読|見逃せない|お見逃しなく", "let_decide"),
    (r"絶対|必ず[^しお]|100\s?[%％]保証|確実に", "say_condition"),
    (r"激安|最安|大特価|特価|お得なキャンペーン", "say_effect"),
    (r"画期的|革命的|驚異|圧倒的", "give_number"),
    (r"ぜひご購入|今すぐ(?:お?申|ご?購入|ご?注文|クリック)", "offer_material"),
    (r"!{2,}|！{2,}|★+|◆{2,}", "calm_marks"),
    (
        r"(?i:\b(?:best in class|world[- ]class|revolutionary|act now|limited time|must[- ]see|guaranteed)\b)",
        "give_number",
    ),
)
_RULES = tuple((re.compile(pattern), code) for pattern, code in LOUD)
_TAG = re.compile(r"<style\b.*?</style\s*>|<[^>]*>|\{[{%#].*?[}%#]\}", re.S | re.I)


@dataclass(frozen=True, slots=True)
class Loud:
    """A loud word: in which part (subject, preheader, body), the word itself and the suggestion's code."""

    part: str
    word: str
    suggestion: str


def findings(parts: Mapping[str, str]) -> tuple[Loud, ...]:
    """Loud words of a mail, each once a part. parts: part name -> text or HTML."""
    return tuple(dict.fromkeys(_find(parts)))


def _find(parts: Mapping[str, str]) -> Iterable[Loud]:
    for part, source in parts.items():
        # Tags and merge fields are blanked, so that neither a class name nor a field is linted.
        text = _TAG.sub(" ", source)
        taken: set[int] = set()
        for rule, code in _RULES:
            for found in rule.finditer(text):
                # 業界No.1 is one finding, not two.
                if taken.isdisjoint(range(*found.span())):
                    taken.update(range(*found.span()))
                    yield Loud(part, found.group().strip(), code)
