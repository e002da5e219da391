"""Tell callers what today brings: a mail on the morning of each business day, with the first ten calls and why.

Words stand here as in `notices`: no request and no reader's page is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from html import escape

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.callorder import Desk
from campaigns.rules.workdays import Calendar
from campaigns.services import call_desk, line_calls, post
from campaigns.services.call_desk import Line
from campaigns.storage import call_lines, call_readers, closed_days
from campaigns.storage.call_lines import Wanted
from campaigns.storage.next_actions import Reader

FROM, UNTIL = time(8, 30), time(11, 0)
DAY_ENDS = time(23, 59)
TOP = 10
COUNTED = 1000
STEPS = 3

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "subject": "今日の架電 {n}：{first}",
        "head": "おはようございます。今日の架電リストは{n}です。",
        "most": "{n}件以上",
        "some": "{n}件",
        "top": "はじめの{n}件",
        "all": "電話する順",
        "callback": "本日{at}に再架電の約束",
        "missed": "{day} {at}の再架電の約束を過ぎています",
        "who": "{who}（{product}）",
        "inquiry": "問い合わせにまだ答えていません",
        "remeasure": "しばらく反応を確かめていない方",
        "value": "見込みの高い順",
        "open": "架電をはじめる",
        "foot": "このメールは「自分の設定」で止められます",
        "sama": " 様",
    },
    "en": {
        "subject": "Calls today: {n}, first {first}",
        "head": "Good morning. Your call list today: {n}.",
        "most": "{n} or more",
        "some": "{n}",
        "top": "The first {n}",
        "all": "In the order to call",
        "callback": "promised a call back at {at} today",
        "missed": "the call back promised for {day}, {at}, is overdue",
        "who": "{who} ({product})",
        "inquiry": "an inquiry is waiting for an answer",
        "remeasure": "not observed for a while, to be measured again",
        "value": "most promising first",
        "open": "Start calling",
        "foot": "You can switch this mail off under My settings",
        "sama": "",
    },
}
KINDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "mail_click": "メールのクリック", "mail_reply": "メールの返信", "web_view": "ページ閲覧",
        "web_view_key": "重要ページの閲覧", "newsletter": "メールマガジン登録", "seminar_apply": "セミナー申込",
        "doc_request": "資料請求", "inquiry": "問い合わせ", "badge_scan": "バーコード読取",
        "card_exchange": "名刺交換", "booth_talk": "説明員対応", "booth_talk_prospect": "説明員対応（見込みあり）",
        "seminar_attend": "セミナー参加", "call_connected": "通話", "call_interest": "電話で関心あり",
        "visit": "訪問", "quote_request": "見積依頼",
    },
    "en": {
        "mail_click": "clicked a mail", "mail_reply": "replied", "web_view": "read a page",
        "web_view_key": "read a key page", "newsletter": "newsletter sign-up", "seminar_apply": "seminar application",
        "doc_request": "asked for a document", "inquiry": "inquiry", "badge_scan": "badge scanned",
        "card_exchange": "cards exchanged", "booth_talk": "talked at the booth",
        "booth_talk_prospect": "talked at the booth (prospect)", "seminar_attend": "came to a seminar",
        "call_connected": "phone call", "call_interest": "interested on the phone", "visit": "visit",
        "quote_request": "asked for a quote",
    },
}  # fmt: skip


def run(parts: Parts, *, now: datetime) -> int:
    """Queue the mails that are due; returns how many. Asked every minute, it sends each caller one a day."""
    local = now.astimezone(parts.settings.tz)
    if not FROM <= local.time() < UNTIL:
        return 0
    with parts.engine.connect() as tx:
        calendar = closed_days.load(tx)
        if not calendar.is_business_day(local.date()):
            return 0
        readers = call_readers.of_day(tx, local.date())
    if not readers:
        return 0
    with parts.engine.begin() as tx:
        line_calls.add_new(tx, now=now)
    return sum(_tell(parts, reader, calendar, now=now) for reader in readers)


def _tell(parts: Parts, reader: Reader, calendar: Calendar, *, now: datetime) -> bool:
    day = now.astimezone(parts.settings.tz).date()
    with parts.engine.begin() as tx:
        wanted = _of_day(tx, parts, reader, calendar, day, now=now)
        placed = call_desk.ordered(tx, wanted, n=TOP)
        if not placed:
            return False
        lines = call_desk.detailed(tx, placed)
        n = call_lines.left(tx, wanted, most=COUNTED)
        subject, text, html = write(reader, lines, n=n, parts=parts, now=now)
        made = post.queue(
            tx,
            origin=call_readers.origin(reader.user_id, day),
            to=reader.email,
            subject=subject,
            text=text,
            html=html,
            now=now,
        )
        return made is not None


def _of_day(
    tx: Connection, parts: Parts, reader: Reader, calendar: Calendar, day: date, *, now: datetime
) -> Wanted:
    """Everything that may be called today, promises of the whole day included."""
    desk = Desk(zone=parts.settings.tz, calendar=calendar, hours_only=False)
    wanted = call_desk.scope(tx, parts, desk, user_id=reader.user_id, now=now)
    end = datetime.combine(day, DAY_ENDS, tzinfo=parts.settings.tz)
    return replace(wanted, now=end, callbacks_until=end)


def write(
    reader: Reader, lines: Sequence[Line], *, n: int, parts: Parts, now: datetime
) -> tuple[str, str, str]:
    """Subject, text and HTML."""
    words = WORDS.get(reader.locale, WORDS["ja"])
    base = parts.settings.base_url.rstrip("/")
    count = words["most" if n >= COUNTED else "some"].format(n=n)
    first = " ".join(part for part in (lines[0].call.company, lines[0].call.name) if part)
    rows = [(line, _why(line, reader.locale, parts, now=now)) for line in lines]
    top = words["top" if n > len(lines) else "all"].format(n=len(lines))
    text = [words["head"].format(n=count), "", top]
    for place, (line, why) in enumerate(rows, start=1):
        text += [f"{place}. {_who(line, words)}", f"   {why}", f"   {base}/calls/{line.call.task_id}"]
    text += ["", f"{words['open']}: {base}/calls/desk", "", f"{words['foot']}: {base}/me"]
    subject = words["subject"].format(n=count, first=first)
    return subject, "\n".join(text) + "\n", _html(rows, words, count=count, top=top, base=base)


def _html(
    rows: Sequence[tuple[Line, str]], words: Mapping[str, str], *, count: str, top: str, base: str
) -> str:
    cell = "padding:8px 10px;border-bottom:1px solid #dfe5e1;vertical-align:top"
    lines = "".join(
        f'<tr><td style="{cell};color:#5c696b;text-align:right">{place}</td><td style="{cell}">'
        f'<a href="{base}/calls/{line.call.task_id}" style="color:#0b6352;font-weight:bold">'
        f"{escape(_who(line, words))}</a><br>"
        f'<span style="color:#455355;font-size:13px">{escape(why)}</span></td></tr>'
        for place, (line, why) in enumerate(rows, start=1)
    )
    return (
        '<!doctype html><html><body style="margin:0;padding:20px;color:#1c2a2b;font-size:14px;line-height:1.65;'
        "font-family:'Noto Sans JP','Hiragino Sans',Meiryo,sans-serif\">"
        f"<p>{escape(words['head'].format(n=count))}</p>"
        f'<p style="margin:0 0 4px;color:#455355">{escape(top)}</p>'
        f'<table style="border-collapse:collapse;max-width:640px;width:100%">{lines}</table>'
        f'<p><a href="{base}/calls/desk" style="display:inline-block;background:#0b6352;color:#ffffff;padding:9px 18px;'
        f'border-radius:6px;text-decoration:none">{escape(words["open"])}</a></p>'
        f'<p style="color:#5c696b;font-size:12px"><a href="{base}/me" style="color:#5c696b">{escape(words["foot"])}</a>'
        "</p></body></html>"
    )


def _who(line: Line, words: Mapping[str, str]) -> str:
    call = line.call
    named = f"{call.name}{words['sama']}" if call.name else ""
    who = " ".join(part for part in (call.company, named) if part)
    return words["who"].format(who=who, product=call.product) if call.product else who


def _why(line: Line, locale: str, parts: Parts, *, now: datetime) -> str:
    """Why this one: the promise or the inquiry, and the touches that led here, oldest first."""
    words = WORDS.get(locale, WORDS["ja"])
    kinds = KINDS.get(locale, KINDS["ja"])
    said = [
        f"{_day(touch.at, locale, parts)} {kinds[touch.kind]}"
        for touch in line.why[-STEPS:]
        if touch.kind in kinds
    ]
    lead = ""
    if line.call.promised_at is not None:
        lead = _promise(line.call.promised_at, words, locale, parts, now=now)
    elif line.place_reason != "value" or not said:
        lead = words[line.place_reason]
    return (
        " ・ ".join(part for part in (lead, " → ".join(said)) if part)
        if locale == "ja"
        else "; ".join(part for part in (lead, ", then ".join(said)) if part)
    )


def _promise(
    promised_at: datetime, words: Mapping[str, str], locale: str, parts: Parts, *, now: datetime
) -> str:
    """A promise of another day says which: nobody may take it for one of today."""
    at, today = promised_at.astimezone(parts.settings.tz), now.astimezone(parts.settings.tz).date()
    said = words["callback" if at.date() == today else "missed"]
    return said.format(day=_day(at, locale, parts), at=f"{at:%H:%M}")


def _day(at: datetime, locale: str, parts: Parts) -> str:
    local = at.astimezone(parts.settings.tz)
    return f"{local.day} {local:%b}" if locale == "en" else f"{local.month}/{local.day}"
