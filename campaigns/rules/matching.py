"""Record matching: the keys by which two records may be the same company or person.

Display values are never changed, only keys are made. A wrong merge is worse than a double, so a key
folds only what is known to be one spelling of the same thing. Source: spec 5.1.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import jaconv

# Old and variant forms of kanji in names -> the common form. 斎 and 斉 stay two names.
_OLD = (
    "髙高﨑崎嵜崎邊辺邉辺齋斎齊斉濵浜濱浜櫻桜澤沢廣広國国眞真黑黒德徳榮栄惠恵冨富𠮷吉嶋島嶌島舘館龍竜"
    "會会邨村學学實実壽寿藏蔵萬万與与豐豊關関鐵鉄櫛櫛曾曽瀧滝峯峰埜野圓円條条靜静圖図淺浅縣県條条燒焼"
    "遙遥晉晋槇槙禮礼應応聰聡顯顕惣惣檜桧柗松曻昇渕淵籐藤埇埇團団電電"
)
KANJI = str.maketrans({old: new for old, new in zip(_OLD[::2], _OLD[1::2], strict=True) if old != new})
LARGE = str.maketrans("ァィゥェォッャュョヮヵヶヂヅ", "アイウエオツヤユヨワカケジズ")

_DASHES = "‐‑‒–—―−－ｰ-"
_DASH = re.compile(f"[{_DASHES}]")
_KANA_DASH = re.compile(f"(?<=[\u30a1-\u30fe\u3041-\u3096])[{_DASHES}]")
_BLANK = re.compile(r"\s+")
_CORE_DROP = re.compile(r"[\s・･.,'\"’‘“”()\[\]{}「」『』〔〕【】<>《》]")
_HONORIFIC = re.compile(r"(様|殿|御中|さま|先生|氏)$")
_HIRAGANA = re.compile(r"[\u3041-\u3096ー]+")


class Form(StrEnum):
    """Legal forms. '' : none seen."""

    NONE = ""
    KK = "kk"  # 株式会社
    YK = "yk"  # 有限会社
    GK = "gk"  # 合同会社
    GSK = "gsk"  # 合資会社
    GMK = "gmk"  # 合名会社
    SOGO = "sogo"  # 相互会社
    IPPAN_SHADAN = "ippan_shadan"
    KOEKI_SHADAN = "koeki_shadan"
    IPPAN_ZAIDAN = "ippan_zaidan"
    KOEKI_ZAIDAN = "koeki_zaidan"
    IRYO = "iryo"
    GAKKO = "gakko"
    SHUKYO = "shukyo"
    SHAFUKU = "shafuku"
    NPO = "npo"
    DOKUHO = "dokuho"
    KOKUDAI = "kokudai"
    KYODO = "kyodo"  # 協同組合
    INC = "inc"
    GMBH = "gmbh"


# Written after NFKC, so ㈱ is (株) here. Longest first at the time of use.
FORMS: dict[str, Form] = {
    "株式会社": Form.KK,
    "株式會社": Form.KK,
    "(株)": Form.KK,
    "カ)": Form.KK,
    "(カ": Form.KK,
    "有限会社": Form.YK,
    "有限會社": Form.YK,
    "(有)": Form.YK,
    "ユ)": Form.YK,
    "(ユ": Form.YK,
    "合同会社": Form.GK,
    "(同)": Form.GK,
    "ド)": Form.GK,
    "(ド": Form.GK,
    "合資会社": Form.GSK,
    "(資)": Form.GSK,
    "合名会社": Form.GMK,
    "(名)": Form.GMK,
    "相互会社": Form.SOGO,
    "(相)": Form.SOGO,
    "一般社団法人": Form.IPPAN_SHADAN,
    "(一社)": Form.IPPAN_SHADAN,
    "公益社団法人": Form.KOEKI_SHADAN,
    "(公社)": Form.KOEKI_SHADAN,
    "一般財団法人": Form.IPPAN_ZAIDAN,
    "(一財)": Form.IPPAN_ZAIDAN,
    "公益財団法人": Form.KOEKI_ZAIDAN,
    "(公財)": Form.KOEKI_ZAIDAN,
    "医療法人社団": Form.IRYO,
    "医療法人財団": Form.IRYO,
    "医療法人": Form.IRYO,
    "(医)": Form.IRYO,
    "学校法人": Form.GAKKO,
    "(学)": Form.GAKKO,
    "宗教法人": Form.SHUKYO,
    "(宗)": Form.SHUKYO,
    "社会福祉法人": Form.SHAFUKU,
    "(福)": Form.SHAFUKU,
    "特定非営利活動法人": Form.NPO,
    "npo法人": Form.NPO,
    "(特非)": Form.NPO,
    "独立行政法人": Form.DOKUHO,
    "(独)": Form.DOKUHO,
    "国立大学法人": Form.KOKUDAI,
    "(大)": Form.KOKUDAI,
    "協同組合": Form.KYODO,
    "(協)": Form.KYODO,
}
_FORMS = tuple(sorted(FORMS, key=len, reverse=True))
# Latin forms stand at the end, after a space or comma: "Alpha Denki CO.,LTD." but not "Falco".
_LATIN = re.compile(
    r"[\s,]+(?P<form>co\.?\s*,?\s*ltd\.?|company,?\s*limited|limited|ltd\.?|inc\.?|incorporated|corp\.?"
    r"|corporation|k\.\s*k\.?|kk|g\.\s*k\.?|llc|gmbh|ag|plc)$"
)
_LATIN_FORMS = {"k": Form.KK, "g": Form.GK}
_BRANCH = re.compile(
    r"(?<=\S)\s+(?P<site>[^\s]*?(?:支店|支社|営業所|工場|本社|本店|本部|事業所|事業部|出張所|研究所|センター|オフィス|店))$"
)


class Position(StrEnum):
    """Where the legal form stands: 前株 or 後株."""

    HEAD = "head"
    TAIL = "tail"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CompanyKey:
    """What a company's name says. core: the comparable name; site: a branch cut off its end."""

    core: str
    form: Form
    position: Position
    site: str = ""

    @property
    def identity(self) -> tuple[str, str]:
        return self.core, self.form.value


def tidy(value: str) -> str:
    """NFKC, control and format characters dropped, white space collapsed, dashes unified."""
    text = unicodedata.normalize("NFKC", value)
    text = "".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf"))
    text = _BLANK.sub(" ", text).strip()
    return _DASH.sub("-", _KANA_DASH.sub("ー", text))


@lru_cache(maxsize=50_000)
def company_key(name: str) -> CompanyKey:
    """Core name, legal form and branch of a company's name; an empty core where nothing is left."""
    text = re.sub(r"\s*(御中|様)$", "", tidy(name))
    site = ""
    found = _BRANCH.search(text)
    if found:
        text, site = text[: found.start()], found["site"]
    text, form, position = _cut_form(text)
    return CompanyKey(_core(text), form, position, site)


def _cut_form(text: str) -> tuple[str, Form, Position]:
    lower = text.lower()
    for spelled in _FORMS:
        if lower.startswith(spelled) and len(text) > len(spelled):
            return text[len(spelled) :].strip(), FORMS[spelled], Position.HEAD
        if lower.endswith(spelled) and len(text) > len(spelled):
            return text[: -len(spelled)].strip(), FORMS[spelled], Position.TAIL
    found = _LATIN.search(lower)
    if found:
        word = found["form"]
        form = Form.GMBH if word in ("gmbh", "ag") else _LATIN_FORMS.get(word[0], Form.INC)
        return text[: found.start()].strip(), form, Position.TAIL
    return text, Form.NONE, Position.NONE


def _core(text: str) -> str:
    core = _CORE_DROP.sub("", text).translate(KANJI)
    if _HIRAGANA.fullmatch(core):
        core = jaconv.hira2kata(core)
    return core.translate(LARGE).upper()


@lru_cache(maxsize=50_000)
def name_key(name: str) -> str:
    """Comparable name of a person: no honorific, no blanks, old kanji folded. '' for no name."""
    text = strip_honorific(tidy(name))
    return re.sub(r"[\s・･.,]", "", text).translate(KANJI).upper()


def strip_honorific(name: str) -> str:
    """The name without 様, 殿 and the like at its end, unless nothing would be left."""
    bare = _HONORIFIC.sub("", name.strip()).strip()
    return bare or name.strip()


def names_conflict(a: str, b: str) -> bool:
    """Whether two name keys cannot be one person. A bare family name agrees with the whole name."""
    return bool(a and b) and a != b and not (a.startswith(b) or b.startswith(a))


def email_key(email: str) -> str:
    """NFKC, lower case, no blanks. No guessing: dots and +tags of mailboxes stay."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", email)).lower()


def phone_key(phone: str) -> str:
    """Digits only, +81 as 0, without the extension."""
    text = re.split(r"内線|ext|[#x(（]内", unicodedata.normalize("NFKC", phone).lower())[0]
    international = text.lstrip(" (").startswith("+81")
    digits = re.sub(r"\D", "", text.replace("(0)", "") if international else text)
    return "0" + digits[2:] if international else digits


def zip_key(value: str) -> str:
    """Seven digits, or ''."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", value))
    return digits if len(digits) == 7 else ""


def is_hojin_no(value: str) -> bool:
    """Whether these are the 13 digits of a corporate number with a right check digit.

    Check digit: 9 - (sum of P * Q mod 9), Q alternating 1, 2 from the right.
    """
    if not re.fullmatch(r"[1-9][0-9]{12}", value):
        return False
    total = sum(int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(value[1:])))
    return int(value[0]) == 9 - total % 9


def tidy_display(name: str) -> str:
    """A company's name for showing: white space collapsed, honorific cut, nothing else touched."""
    return re.sub(r"\s*(御中|様)$", "", re.sub(r"[\s\u3000]+", " ", name).strip())
