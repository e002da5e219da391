"""Cells: what one dirty cell of a list means - mail addresses, telephone numbers, dates, yes and no.

Each function returns a plain value, or raises CellError with a reason code. Source: spec 6.2.4, 6.2.7.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from campaigns.rules.matching import email_key, phone_key
from campaigns.rules.schedule import TOKYO

EMPTY = frozenset({"なし", "無し", "-", "--", "---", "ー", "―", "無", "不明", "n/a", "na", "#n/a", "null", "none", "?", "空欄", "未記入", "〃"})  # fmt: skip
YES = frozenset({"可", "承諾", "希望", "希望する", "同意", "同意する", "許可", "はい", "○", "◯", "〇", "1", "true", "yes", "on", "y", "済"})  # fmt: skip
NO = frozenset({"不可", "拒否", "希望しない", "不要", "停止", "配信停止", "同意しない", "いいえ", "×", "✕", "✖", "0", "false", "no", "off", "n"})  # fmt: skip
# Before 2009 the carriers gave out addresses that RFC 5322 forbids; they still work.
CARRIERS = ("docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "vodafone.ne.jp")

_GUARD = re.compile(r'^=\(?"(?P<text>[^"]*)"\)?$')
_FORMULA = re.compile(r"^(=|[+\-@]\s*[A-Za-z_.]+\(|[=+\-@].*\|.*!)")
_SCIENTIFIC = re.compile(r"^[0-9](\.[0-9]+)?[eE]\+?[0-9]+$")
_SPLIT_MAILS = re.compile(r"[;,、，；\s/／|]+")
_LOCAL = re.compile(r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}$")
_DOMAIN = re.compile(
    r"^(?=.{4,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+([A-Za-z]{2,63}|xn--[a-z0-9-]{2,59})$"
)
_EXTENSION = re.compile(r"\s*[(\[]?(内線|ext\.?|内)\s*[:.]?\s*(?P<no>[0-9]{1,6})[)\]]?", re.IGNORECASE)
_ERAS = {"令和": 2018, "r": 2018, "平成": 1988, "h": 1988, "昭和": 1925, "s": 1925, "大正": 1911, "t": 1911}
_ERA_DATE = re.compile(r"^(令和|平成|昭和|大正|[rhst])\s*\.?\s*([0-9]{1,2}|元)\s*[年./-]\s*([0-9]{1,2})\s*[月./-]\s*([0-9]{1,2})日?$", re.IGNORECASE)  # fmt: skip
_DATE = re.compile(r"^([0-9]{4})\s*[年./-]\s*([0-9]{1,2})\s*[月./-]\s*([0-9]{1,2})日?$")
_PLAIN = re.compile(r"^(?P<y>(?:19|20)[0-9]{2})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$")
_MONTH_DAY = re.compile(r"^([0-9]{1,2})\s*[月/]\s*([0-9]{1,2})日?$")
_SERIAL = re.compile(r"^([0-9]{5})(\.[0-9]+)?$")
_TIME = re.compile(r"^(?P<day>.*?[0-9日])(?:\s*\([日月火水木金土]\))?[ tT]+(?P<h>[0-9]{1,2})[:時](?P<mi>[0-9]{1,2})?(?:[:分](?P<s>[0-9]{1,2})?)?(?:\.[0-9]+)?秒?$")  # fmt: skip
_WEEKDAY = re.compile(r"\s*\([日月火水木金土]\)$")
EXCEL_DAY_0 = date(1899, 12, 30)
YEARS = range(1900, 2101)


class CellError(ValueError):
    """A cell that cannot mean what its column says. code names why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def bare(cell: str) -> str:
    """The cell without blanks around it and Excel's ="..." guard; '' for the words that mean nothing.

    Raises CellError for a formula.
    """
    text = cell.strip().strip("\u3000\ufeff\u200b").strip()
    guarded = _GUARD.match(text)
    if guarded:
        text = guarded["text"].strip()
    elif text[:1] in "=+-@" and _FORMULA.match(text):
        raise CellError("formula")
    return "" if unicodedata.normalize("NFKC", text).lower() in EMPTY else text


@dataclass(frozen=True, slots=True)
class Mail:
    """A mailbox. key: what it is found by; rfc_invalid: a carrier's address that the standard forbids."""

    email: str
    key: str
    rfc_invalid: bool = False
    mended: bool = False


def mails(cell: str) -> list[Mail]:
    """The mailboxes of a cell, in order, without doubles. Raises CellError: mail_*."""
    text = unicodedata.normalize("NFKC", cell)
    named = re.findall(r"<([^<>]*@[^<>]*)>", text)
    found: dict[str, Mail] = {}
    for word in named or _SPLIT_MAILS.split(text):
        word = re.sub(r"^mailto:", "", word.strip("<>()[]\"' "), flags=re.IGNORECASE)
        if word:
            mail = _mail(word, written=cell)
            found.setdefault(mail.key, mail)
    return list(found.values())


def _mail(word: str, *, written: str) -> Mail:
    local, at, domain = word.rpartition("@")
    domain = domain.rstrip(".")
    if not at or not local:
        raise CellError("mail_no_at")
    if "." not in domain:
        raise CellError("mail_no_domain")
    if not _LOCAL.match(local) or not _DOMAIN.match(domain):
        raise CellError("mail_odd")
    dotted = local.startswith(".") or local.endswith(".") or ".." in local
    if dotted and not domain.lower().endswith(CARRIERS):
        raise CellError("mail_dots")
    email = f"{local}@{domain}"
    return Mail(email, email_key(email), dotted, email not in written)


@dataclass(frozen=True, slots=True)
class Phone:
    """A telephone number as shown. warning: phone_zero, phone_odd or ''."""

    shown: str
    key: str
    warning: str = ""


def phone(cell: str) -> Phone:
    """A number. Raises CellError("phone_exponent") where Excel has already eaten the digits."""
    text = unicodedata.normalize("NFKC", cell).strip()
    if _SCIENTIFIC.match(text):
        raise CellError("phone_exponent")
    found = _EXTENSION.search(text)
    extension = f" 内線{found['no']}" if found else ""
    if found:
        text = text[: found.start()].strip()
    text = re.sub(r"^(tel|fax|phone)[:.\s]*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"[‐‑‒–—―−ーｰ]", "-", text).strip("() ")
    if re.fullmatch(r"[0-9]+\.0", text):
        text = text[:-2]
    key = phone_key(text)
    if not key:
        raise CellError("phone_odd")
    is_foreign = text.startswith("+") and not text.startswith("+81")
    if not is_foreign and _lost_zero(key):
        return Phone(f"0{text}{extension}", f"0{key}", "phone_zero")
    sound = is_foreign or (key.startswith("0") and len(key) in (10, 11))
    return Phone(text + extension, key, "" if sound else "phone_odd")


def _lost_zero(key: str) -> bool:
    """9 digits, or 10 of a mobile number, that do not begin with 0: Excel took the zero for nothing."""
    return not key.startswith("0") and (
        len(key) == 9 or (len(key) == 10 and key[:2] in ("50", "70", "80", "90"))
    )


def moment(cell: str, *, year: int) -> tuple[date, tuple[int, int, int] | None]:
    """A day, and the time of day (hour, minute, second) where the cell has one.

    year: for days without a year. Knows 2024/5/1, 2024.5.1, 20240501, R6.5.1, 令和6年5月1日, 5月1日, Excel's serials
    and ISO 8601; what that tells of another zone is told in Tokyo's. Raises CellError("date_odd").
    """
    text = unicodedata.normalize("NFKC", cell).strip()
    timed = _TIME.match(text)
    clock = None
    if timed:
        clock = (int(timed["h"]), int(timed["mi"] or 0), int(timed["s"] or 0))
        if clock[0] > 23 or clock[1] > 59 or clock[2] > 59:
            raise CellError("date_odd")
        text = timed["day"]
    text = _WEEKDAY.sub("", text).strip()
    serial = _SERIAL.match(text)
    if serial and 20_000 <= int(serial[1]) <= 80_000:
        seconds = round(float(serial[2] or 0) * 86_400) % 86_400
        found = EXCEL_DAY_0 + timedelta(days=int(serial[1]))
        return found, divmod3(seconds) if serial[2] and seconds else clock
    try:
        day = _day(text, year)
        return (day, clock) if day is not None else _iso(text)
    except ValueError:
        raise CellError("date_odd") from None


def divmod3(seconds: int) -> tuple[int, int, int]:
    return seconds // 3600, seconds // 60 % 60, seconds % 60


def _day(text: str, year: int) -> date | None:
    for pattern in (_DATE, _PLAIN):
        found = pattern.match(text)
        if found:
            y, m, d = (int(group) for group in found.groups())
            if y not in YEARS:
                raise ValueError(text)
            return date(y, m, d)
    era = _ERA_DATE.match(text)
    if era:
        count = 1 if era[2] == "元" else int(era[2])
        return date(_ERAS[era[1].lower()] + count, int(era[3]), int(era[4]))
    bare_day = _MONTH_DAY.match(text)
    if bare_day:
        return date(year, int(bare_day[1]), int(bare_day[2]))
    return None


def _iso(text: str) -> tuple[date, tuple[int, int, int] | None]:
    """What programs write: 2026-11-24T09:30:00+09:00, 20261124T0930, 2026-W48-2."""
    found = datetime.fromisoformat(text)
    if found.year not in YEARS:
        raise ValueError(text)
    if found.tzinfo is not None:
        found = found.astimezone(TOKYO)
    has_time = len(text) > len("2026-11-24")
    return found.date(), (found.hour, found.minute, found.second) if has_time else None


def opt(cell: str) -> bool | None:
    """True for a yes, False for a no, None for blank or a word not known: unknown is not yes."""
    word = unicodedata.normalize("NFKC", cell).strip().lower()
    return True if word in YES else False if word in NO else None


_STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def inert(cell: object) -> str:
    """A cell for a file that goes out: a spreadsheet shows it but never runs it (spec 60, 6.2.4)."""
    text = "" if cell is None else str(cell)
    return (
        f"'{text}"
        if text.startswith(_STARTS_A_FORMULA) or text.lstrip()[:1] in ("=", "+", "-", "@")
        else text
    )
