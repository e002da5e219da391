"""Drafts: one row of a list -> what would be stored, with what is wrong or was mended.

A draft is plain values that fit into JSON: it waits in import_rows between preview and confirmation.
Source: spec 6.2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from campaigns.rules import cells, matching
from campaigns.rules.cells import CellError
from campaigns.rules.reasons import Reason
from campaigns.rules.touchpoints import KINDS, Kind

# Reasons that keep a row out; every other one is a remark beside a row that comes in.
ERRORS = frozenset(
    {
        "formula", "mail_no_at", "mail_no_domain", "mail_odd", "mail_dots", "phone_exponent", "date_odd",
        "total_row", "header_again", "company_missing", "name_missing", "mail_missing", "too_many_cells",
    }
)  # fmt: skip
TOTALS = re.compile(
    r"^(合計|総計|小計|計|total|subtotal|grand total)([\s:：]*[0-9,]+\s*(件|名|行|社)?)?$", re.IGNORECASE
)
PHONES = ("tel", "tel_dept", "tel_direct", "mobile", "fax")
NOTED = ("interest", "timeframe", "budget", "authority", "job_kind", "tag")
VALUE_MAX = 200
NOON = time(12)


@dataclass(frozen=True, slots=True)
class Draft:
    """A person, company and touch as read from one row. '' : nothing said.

    mails: (address as written, key, rfc_invalid), the first is written to. card_on, at: ISO; at is '' when
    the row has no day of its own. opt: yes, no or ''. kind: '' takes the batch's.
    """

    company: str = ""
    core: str = ""
    form: str = ""
    position: str = "none"
    site: str = ""
    hojin_no: str = ""
    department: str = ""
    title: str = ""
    family: str = ""
    given: str = ""
    full_name: str = ""
    kana: str = ""
    name_key: str = ""
    mails: tuple[tuple[str, str, bool], ...] = ()
    tel: str = ""
    tel_direct: str = ""
    mobile: str = ""
    fax: str = ""
    zip: str = ""
    address: str = ""
    url: str = ""
    industry: str = ""
    employees: str = ""
    memo: str = ""
    card_on: str = ""
    at: str = ""
    kind: str = ""
    kind_value: str = ""
    opt: str = ""
    opt_words: str = ""
    asks_stop: bool = False

    @property
    def company_id_key(self) -> tuple[str, str]:
        return self.core, self.form

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(key for _, key, _ in self.mails)


NAMES = tuple(field.name for field in fields(Draft))


@dataclass(frozen=True, slots=True)
class Context:
    """What a row is read against. columns: field -> places in the row; year: of days without one;
    kinds: a column's value -> touch kind; kind_field: that column's field or ''."""

    columns: Mapping[str, int]
    labels: Sequence[str]
    zone: ZoneInfo
    now: datetime
    year: int
    kind_field: str = ""
    kinds: Mapping[str, str] | None = None
    refusals: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """draft is None when a reason is an error."""

    draft: Draft | None
    reasons: tuple[Reason, ...] = ()


def as_json(draft: Draft) -> dict[str, object]:
    """Only what is said: a row of ten cells is ten values, not thirty."""
    return {name: value for name, value in asdict(draft).items() if value}


def from_json(stored: Mapping[str, object]) -> Draft:
    values = {name: value for name, value in stored.items() if name in NAMES}
    mails = values.get("mails")
    if isinstance(mails, list):
        values["mails"] = tuple((str(a), str(b), bool(c)) for a, b, c in mails)
    return Draft(**values)  # type: ignore[arg-type]


def draft(row: Sequence[str], context: Context) -> Read:
    """Read one row. Never raises: what is wrong becomes a reason with the field and the value."""
    return _Reader(row, context).read()


class _Reader:
    """Reads the cells of one row and collects the reasons on the way."""

    def __init__(self, row: Sequence[str], context: Context) -> None:
        self.row = row
        self.context = context
        self.reasons: list[Reason] = []

    def read(self) -> Read:
        broken = self._broken_row()
        if broken:
            return Read(None, (broken,))
        values = {name: self._cell(name) for name in self.context.columns}
        found = self._mail_only(values) if self.context.refusals else self._person(values)
        failed = any(reason.code in ERRORS for reason in self.reasons)
        return Read(None if failed else found, tuple(self.reasons))

    def _broken_row(self) -> Reason | None:
        filled = [cell.strip() for cell in self.row if cell.strip()]
        if filled and len(filled) <= 4 and TOTALS.match(filled[0]):
            return Reason("total_row", {"value": " ".join(filled)[:VALUE_MAX]})
        labels = [label for label in self.context.labels if label]
        if len(labels) > 1 and filled == labels:
            return Reason("header_again", {"value": filled[0][:VALUE_MAX]})
        extra = [cell for cell in self.row[len(self.context.labels) :] if cell.strip()]
        if extra and any(self.context.labels):
            return Reason("too_many_cells", {"value": " ".join(extra)[:VALUE_MAX]})
        return None

    def _cell(self, name: str) -> str:
        place = self.context.columns[name]
        raw = self.row[place] if place < len(self.row) else ""
        if not raw:
            return ""
        try:
            return cells.bare(raw)
        except CellError as error:
            self._note(error.code, name, raw)
            return ""

    def _note(self, code: str, name: str, value: str, **args: str) -> None:
        self.reasons.append(Reason(code, {"field": name, "value": value[:VALUE_MAX], **args}))

    def _mail_only(self, values: Mapping[str, str]) -> Draft:
        found = self._mails(values)
        if not found and not self.reasons:
            self._note("mail_missing", "email", "")
        return Draft(mails=found, company=values.get("company", ""), full_name=values.get("name", ""))

    def _person(self, values: Mapping[str, str]) -> Draft:
        get = values.get
        company = matching.tidy_display(get("company", ""))
        key = matching.company_key(company) if company else None
        family, given, full = self._name(values)
        found = self._mails(values)
        phones = {name: self._phone(name, get(name, "")) for name in PHONES}
        card_on, at = self._when(values)
        opt, opt_words, asks_stop = self._opt(values)
        kind_value = get(self.context.kind_field, "") if self.context.kind_field else ""
        result = Draft(
            company=company,
            core=key.core if key else "",
            form=key.form.value if key else "",
            position=key.position.value if key else "none",
            site=key.site if key else "",
            hojin_no=self._hojin(get("hojin_no", "")),
            department=get("department", ""),
            title=get("title", ""),
            family=family,
            given=given,
            full_name=full,
            kana=self._kana(values),
            name_key=matching.name_key(full),
            mails=found,
            tel=phones["tel"] or phones["tel_dept"],
            tel_direct=phones["tel_direct"],
            mobile=phones["mobile"],
            fax=phones["fax"],
            zip=matching.zip_key(get("zip", "")),
            address=get("address", "") or _joined(values, "pref", "city", "street", "building"),
            url=get("url", ""),
            industry=get("industry", ""),
            employees=get("employees", ""),
            memo=self._memo(values),
            card_on=card_on,
            at=at,
            kind=(self.context.kinds or {}).get(kind_value, "") if self.context.kind_field else "",
            kind_value=kind_value,
            opt=opt,
            opt_words=opt_words,
            asks_stop=asks_stop,
        )
        self._check(result, values)
        return result

    def _check(self, found: Draft, values: Mapping[str, str]) -> None:
        failed = any(reason.code in ERRORS for reason in self.reasons)
        if not found.core and not found.mails and not failed:
            self._note("company_missing", "company", values.get("company", ""))
        elif not found.name_key and not found.mails and not failed:
            self._note("name_missing", "name", "")
        elif not found.core:
            self._note("no_company", "company", "")
        elif not found.mails and not failed:
            self._note("no_mail", "email", "")
        for name in ("flag_reworking", "flag_unreadable"):
            if _is_flagged(values.get(name, "")):
                self._note(name, name, values[name])
        if any("?" in text or "＊" in text for text in (found.company, found.full_name)):
            self._note("unreadable", "company", f"{found.company} {found.full_name}".strip())

    def _name(self, values: Mapping[str, str]) -> tuple[str, str, str]:
        family, given = values.get("family", ""), values.get("given", "")
        whole = values.get("name", "")
        if family or given:
            given = matching.strip_honorific(given) if given else ""
            family = family if given else matching.strip_honorific(family)
            return family, given, " ".join(filter(None, (family, given)))
        if not whole:
            return "", "", ""
        whole = matching.strip_honorific(re.sub(r"[\s\u3000]+", " ", whole))
        first, blank, rest = whole.partition(" ")
        if blank and " " not in rest:
            return (*_western(first, rest), whole) if whole.isascii() else (first, rest, whole)
        if not blank and len(whole) > 2 and not whole.isascii():
            self._note("name_unsplit", "name", whole)
        return "", "", whole

    def _memo(self, values: Mapping[str, str]) -> str:
        """The memo, and under it what was asked at the booth, each under the list's own name for it."""
        asked = [
            f"{self.context.labels[self.context.columns[name]]}: {values[name]}"
            for name in NOTED
            if values.get(name) and self.context.columns[name] < len(self.context.labels)
        ]
        return "\n".join(filter(None, (values.get("memo", ""), *asked)))

    def _kana(self, values: Mapping[str, str]) -> str:
        parts = (values.get("family_kana", ""), values.get("given_kana", ""))
        return values.get("kana", "") or " ".join(filter(None, parts))

    def _mails(self, values: Mapping[str, str]) -> tuple[tuple[str, str, bool], ...]:
        found: dict[str, tuple[str, str, bool]] = {}
        for name in ("email", "email2"):
            raw = values.get(name, "")
            if not raw:
                continue
            try:
                boxes = cells.mails(raw)
            except CellError as error:
                self._note(error.code, name, raw)
                continue
            if any(box.mended for box in boxes):
                self._note("mail_mended", name, raw, now=" ".join(box.email for box in boxes))
            if len(boxes) > 1:
                self._note("two_mails", name, raw, now=boxes[0].email)
            for box in boxes:
                found.setdefault(box.key, (box.email, box.key, box.rfc_invalid))
        return tuple(found.values())

    def _phone(self, name: str, raw: str) -> str:
        if not raw:
            return ""
        try:
            number = cells.phone(raw)
        except CellError as error:
            self._note(error.code, name, raw)
            return ""
        if number.warning:
            self._note(number.warning, name, raw, now=number.shown)
        return number.shown

    def _when(self, values: Mapping[str, str]) -> tuple[str, str]:
        """The card's day, and the instant of the touch: its own time, else noon of the day."""
        card = self._moment("card_date", values.get("card_date", ""))
        scan = self._moment("scanned_at", values.get("scanned_at", ""))
        best = scan or card
        if best is None:
            return "", ""
        at = best[1] or datetime.combine(best[0], NOON, tzinfo=self.context.zone).astimezone(UTC)
        if at > self.context.now:
            if best[0] > self.context.now.astimezone(self.context.zone).date():
                self._note("date_future", "card_date" if best is card else "scanned_at", best[0].isoformat())
            at = self.context.now
        return card[0].isoformat() if card else best[0].isoformat(), at.isoformat()

    def _moment(self, name: str, raw: str) -> tuple[date, datetime | None] | None:
        if not raw:
            return None
        try:
            day, clock = _moment(raw, self.context.year)
        except CellError as error:
            self._note(error.code, name, raw)
            return None
        if clock is None:
            return day, None
        return day, datetime.combine(day, time(*clock), tzinfo=self.context.zone).astimezone(UTC)

    def _hojin(self, raw: str) -> str:
        digits = re.sub(r"\D", "", raw)
        if digits and not matching.is_hojin_no(digits):
            self._note("hojin_odd", "hojin_no", raw)
            return ""
        return digits

    def _opt(self, values: Mapping[str, str]) -> tuple[str, str, bool]:
        """What the row says about mail. A no in either column is a refusal; blank is neither."""
        yes, stop = values.get("optin", ""), values.get("optout", "")
        said = cells.opt(yes) if yes else None
        # In a column that means "stop", a yes, a date or any mark but a no is a refusal.
        asks_stop = said is False or (bool(stop) and cells.opt(stop) is not False) or _says_stop(stop)
        if yes and said is None:
            self._note("opt_unknown", "optin", yes)
        return {True: "yes", False: "no", None: ""}[said], yes or stop, asks_stop


@lru_cache(maxsize=4096)
def _moment(raw: str, year: int) -> tuple[date, tuple[int, int, int] | None]:
    return cells.moment(raw, year=year)


def _joined(values: Mapping[str, str], *names: str) -> str:
    return " ".join(filter(None, (values.get(name, "") for name in names)))


def _says_stop(word: str) -> bool:
    """停止 in a stop column is a no to mail, but a yes to the column's question."""
    return word in ("停止", "配信停止", "拒否", "不要", "希望しない", "不可")


def _western(first: str, rest: str) -> tuple[str, str]:
    """Family and given name of "YAMADA Taro" or "Taro Yamada"."""
    return (first, rest) if first.isupper() and not rest.isupper() else (rest, first)


def _is_flagged(word: str) -> bool:
    return bool(word) and cells.opt(word) is not False


def merged(first: Draft, later: Draft) -> Draft:
    """One draft of two rows about the same person: blanks are filled, a refusal of either stays."""
    filled = {
        name: getattr(first, name) or getattr(later, name)
        for name in NAMES
        if name
        not in ("company", "core", "form", "position", "site", "mails", "asks_stop", "opt", "opt_words")
    }
    if not first.core:
        filled |= {n: getattr(later, n) for n in ("company", "core", "form", "position", "site")}
    boxes = {key: (email, key, odd) for email, key, odd in (*later.mails, *first.mails)}
    ordered = dict.fromkeys([*first.keys, *later.keys])
    opts = (first, later) if first.opt == "no" or later.opt != "no" else (later, first)
    said = opts[0] if opts[0].opt else opts[1]
    return replace(
        first,
        **filled,
        mails=tuple(boxes[key] for key in ordered),
        asks_stop=first.asks_stop or later.asks_stop,
        opt=said.opt,
        opt_words=said.opt_words,
    )


KIND_WORDS: tuple[tuple[str, Kind], ...] = (
    ("見込", Kind.BOOTH_TALK_PROSPECT),
    ("有望", Kind.BOOTH_TALK_PROSPECT),
    ("hot", Kind.BOOTH_TALK_PROSPECT),
    ("商談", Kind.BOOTH_TALK),
    ("説明", Kind.BOOTH_TALK),
    ("対応", Kind.BOOTH_TALK),
    ("デモ", Kind.BOOTH_TALK),
    ("warm", Kind.BOOTH_TALK),
    ("セミナー", Kind.SEMINAR_ATTEND),
    ("名刺", Kind.CARD_EXCHANGE),
    ("cold", Kind.BADGE_SCAN),
    ("バーコード", Kind.BADGE_SCAN),
    ("読取", Kind.BADGE_SCAN),
)
LETTERS: Mapping[str, Kind] = {"A": Kind.BOOTH_TALK_PROSPECT, "B": Kind.BOOTH_TALK, "C": Kind.CARD_EXCHANGE}


def guess_kind(value: str) -> Kind | None:
    """The touch kind a word of a rank or talk column suggests; blank is a mere scan. Source: spec 6.2.8."""
    word = matching.tidy(value)
    if not word:
        return Kind.BADGE_SCAN
    if word.upper() in LETTERS:
        return LETTERS[word.upper()]
    return next((kind for part, kind in KIND_WORDS if part in word.lower()), None)


def deeper(a: str, b: str) -> str:
    """The deeper of two touch kinds; '' is none."""
    return max((a, b), key=lambda kind: KINDS[Kind(kind)].points if kind else -1.0)
