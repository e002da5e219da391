"""What stands in the cells of exported lists, in the reader's language; the files are services' business."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _

from campaigns.rules.entering import NOON
from campaigns.rules.matching import phone_key
from campaigns.services.export_calls import Preset, Row
from campaigns.storage.calls import WhyTouch
from campaigns.web import lead_words, tracking_words, words


def cells(row: Row, *, preset: Preset, zone: ZoneInfo) -> list[object]:
    """One line of the call list. Phones are text with their leading zero; what is unknown is empty."""
    return _miitel(row) if preset is Preset.MIITEL else _full(row, zone)


def _miitel(row: Row) -> list[object]:
    """Four columns; digits only, categories joined by |."""
    call = row.line.call
    number = phone_key(call.tel_direct or call.tel or call.mobile)
    categories = (call.product, words.word(words.RANKS, call.rank), call.company_class)
    return [call.company, call.name, number, "|".join(str(one) for one in categories if one and one != "-")]


def _full(row: Row, zone: ZoneInfo) -> list[object]:
    """The 32 columns of spec 6.5, in that order; those that the caller fills in are empty."""
    line, call = row.line, row.line.call
    return [
        line.place,
        moment(call.due_at, zone),
        call.product,
        words.word(words.RANKS, call.rank),
        lead_words.story_line(line.why) or lead_words.cause(call.cause),
        call.company,
        call.company_class,
        call.department,
        call.title,
        call.name,
        call.kana,
        call.tel,
        call.tel_direct,
        call.mobile,
        extension(call.tel),
        moment(call.last_at, zone),
        words.word(lead_words.RESULTS, call.last_result) if call.last_result else "",
        call.attempts,
        moment(call.promised_at, zone),
        _("／").join(reaction(touch) for touch in row.reactions),
        stage(row),
        adoption(row),
        budget(row),
        decider(row),
        row.known.competitors if row.known else "",
        hook(row),
        "",
        "",
        call.note,
        "",
        "",
        call.lead_id,
    ]


def moment(value: datetime | None, zone: ZoneInfo) -> str:
    return value.astimezone(zone).strftime("%Y-%m-%d %H:%M") if value else ""


def touched(value: datetime | None, zone: ZoneInfo) -> str:
    """When a touch was; its day alone where no hour was told (rules.entering.NOON)."""
    if value is not None and value.astimezone(zone).time() == NOON:
        return f"{value.astimezone(zone):%Y-%m-%d}"
    return moment(value, zone)


def stage(row: Row) -> str:
    """How far the company is with this product; without a sheet of it, with any."""
    if row.known is None:
        return ""
    code = row.known.stages.get(row.line.call.product_id or 0) or row.known.stage
    return words.word(tracking_words.STAGES, code) if code else ""


def adoption(row: Row) -> str:
    """The month in which they expect to buy, as YYYY-MM."""
    month = row.known.expected_month if row.known else None
    return row.line.call.timeframe if month is None else f"{month // 12:04}-{month % 12 + 1:02}"


def budget(row: Row) -> str:
    """Yen: one figure, or from and to."""
    if row.known is None:
        return ""
    ends = [n for n in (row.known.budget_min_yen, row.known.budget_max_yen) if n is not None]
    return "〜".join(str(n) for n in dict.fromkeys(ends))


def decider(row: Row) -> str:
    """Who decides, as the catalogue says; else who is known to."""
    if row.known and row.known.decider:
        return row.known.decider
    return str(_("・").join(member.name for member in row.deciders))


def extension(number: str) -> str:
    """The digits after 内線 in a number, or nothing."""
    _before, mark, after = number.partition("内線")
    return phone_key(after.strip(" :：")) if mark else ""


def reaction(touch: WhyTouch) -> str:
    return f"{words.short_day(touch.at)} {words.word(words.KINDS, touch.kind)}"


def hook(row: Row) -> str:
    """Where the talk can begin: the last words that were spoken, else the last page read."""
    said = [touch for touch in row.line.why if touch.note]
    if said:
        return lead_words.short(said[-1].note, 80)
    read = [touch for touch in row.line.why if touch.title]
    return read[-1].title if read else ""
