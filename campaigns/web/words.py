"""Words and formats of the pages: dates, numbers and the names of what the rules and tables call by code.

Filters (registered by `register`): day, short_day, moment, touched, clock_time, month_name, number, yen, percent.
Tables (`RANKS`, `STATES`, ...): code -> lazy text; `word(TABLE, code)` shows an unknown code as it is.
Instants are aware UTC and shown in the installation's zone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from markupsafe import Markup, escape

from campaigns.rules import merge_fields
from campaigns.rules.entering import NOON

Table = Mapping[str, object]

RANKS: Table = {
    "hot": _l("今すぐ客"),
    "warm": _l("お悩み客"),
    "nurture": _l("そのうち客"),
    "unobserved": _l("未観測"),
    "declined": _l("まだまだ客"),
}
RANK_ICONS = {
    "hot": "flame",
    "warm": "bulb",
    "nurture": "plant-2",
    "unobserved": "eye-off",
    "declined": "circle-minus",
}
STATES: Table = {
    "sent": _l("送信済み"),
    "planned": _l("送信予定"),
    "handing": _l("送信中"),
    "carried_over": _l("保留"),
    "suppressed": _l("送らない"),
    "no_consent": _l("同意なし"),
    "retry": _l("再試行待ち"),
    "failed": _l("送信できず"),
    "in_doubt": _l("結果不明"),
    "expired": _l("期限切れ"),
    "cancelled": _l("取りやめ"),
}
STATE_ICONS = {
    "sent": "circle-check",
    "planned": "clock",
    "handing": "send",
    "carried_over": "clock-pause",
    "suppressed": "ban",
    "no_consent": "ban",
    "retry": "rotate",
    "failed": "alert-circle",
    "in_doubt": "help-circle",
    "expired": "calendar-x",
    "cancelled": "circle-x",
}
KINDS: Table = {
    "mail_open": _l("メールの開封"),
    "mail_click": _l("メールのクリック"),
    "mail_reply": _l("メールの返信"),
    "web_view": _l("ページ閲覧"),
    "web_view_key": _l("重要ページの閲覧"),
    "newsletter": _l("メールマガジン登録"),
    "seminar_apply": _l("セミナー申込"),
    "doc_request": _l("資料請求"),
    "inquiry": _l("問い合わせ"),
    "badge_scan": _l("バーコード読取"),
    "card_exchange": _l("名刺交換"),
    "booth_talk": _l("説明員対応"),
    "booth_talk_prospect": _l("説明員対応（見込みあり）"),
    "seminar_attend": _l("セミナー参加"),
    "call_connected": _l("電話・通話"),
    "call_interest": _l("電話・関心あり"),
    "visit": _l("訪問"),
    "quote_request": _l("見積依頼"),
    "fax_sent": _l("FAX送付"),
    "mail_by_rep": _l("営業からのメール"),
    "call_tried": _l("電話・つながらず"),
    "rsvp_yes": _l("案内への回答・行く"),
    "rsvp_maybe": _l("案内への回答・保留"),
    "rsvp_no": _l("案内への回答・行かない"),
    "handed_over": _l("営業へ引き渡し"),
    "taken_on": _l("営業が受け入れ"),
    "sent_back": _l("営業から差戻し"),
    "opportunity": _l("案件化"),
    "order": _l("受注"),
    "deal_lost": _l("受注に至らず"),
    "asica": _l("ASICAシート"),
}
TASKS: Table = {
    "call": _l("電話"),
    "fax": _l("FAX送付"),
    "visit": _l("訪問"),
    "mail": _l("メール"),
    "invite": _l("来場案内"),
    "check": _l("内容の確認"),
    "intro": _l("紹介依頼"),
    "reply": _l("返事待ち"),
    "review": _l("見直し"),
}
TASK_ICONS = {"call": "phone", "fax": "printer", "visit": "walk", "mail": "mail",
              "invite": "calendar-event", "check": "arrow-back-up",
              "intro": "user-plus", "reply": "clock", "review": "refresh"}  # fmt: skip
CAUSES: Table = {
    "hot_deep": _l("今すぐ客になりました"),
    "warm_over_gate": _l("推定受注率が基準を超えました"),
    "warm_deep": _l("お悩み客で、会話まで進んでいます"),
    "warm_shallow": _l("お悩み客で、まだ会話がありません"),
    "silent": _l("長く反応がないため、再測定します"),
    "nurture": _l("そのうち客に、資料で役立ちます"),
    "rose_hot": _l("今すぐ客に上がりました"),
    "rose_warm": _l("お悩み客に上がりました"),
    "fell_hot": _l("話せないまま、今すぐ客から下がりました"),
    "fell_warm": _l("話せないまま、お悩み客から下がりました"),
    "refused_by_reply": _l("返信で配信停止の希望がありました"),
    "reply": _l("メールに返信がありました"),
    "address_dead": _l("メールアドレス入手（今のアドレスには届きません）"),
    "forgotten": _l("60日以上、接点も予定もありません。これからの進め方を決めてください"),
    "event_gap": _l("施策で話したのに、担当も次のアクションも決まっていません"),
    "no_show": _l("来ると答えたのに、来場がありませんでした"),
}
ALERTS: Table = {
    "hot": _l("今すぐ客になりました"),
    "surge": _l("動き出しました"),
    "reply": _l("メールに返信がありました"),
    "refused_by_reply": _l("返信で配信停止の希望がありました"),
    "complaint": _l("迷惑メールとして報告されました"),
    "complaint_rate": _l("1週間の迷惑メール報告が0.1％以上になりました"),
    "refusal_rate": _l("一斉配信の配信停止が、いつもより多くなっています"),
    "scenario_paused": _l("1週間の迷惑メール報告が0.3％に達したため、シナリオを自動で一時停止しました"),
    "sender_fault": _l("当社側の理由（認証・評判・内容）で、メールが拒否されています"),
    "in_doubt": _l("結果のわからない送信があります"),
    "broadcast_asked": _l("一斉配信の承認を待っています"),
    "broadcast_approved": _l("一斉配信が承認されました"),
    "broadcast_refused": _l("一斉配信が差し戻されました"),
    "owner_asked": _l("シナリオへの登録に、担当営業の了承が必要です"),
    "form_doc_request": _l("資料請求が届きました"),
    "form_seminar_apply": _l("セミナーの申し込みが届きました"),
    "form_newsletter": _l("メールマガジンの登録がありました"),
    "form_inquiry": _l("問い合わせが届きました"),
    "form_quote_request": _l("見積の依頼が届きました"),
    "rank_alarm": _l("見込度が一方に寄っています"),
    "comment": _l("コメントがありました"),
    "mention": _l("コメントであなたを呼んでいます"),
    "catalogue_asked": _l("担当に推薦されました。引き受けるか答えてください"),
    "catalogue_named": _l("担当に指名されました"),
    "catalogue_taken": _l("担当が替わりました"),
    "catalogue_declined": _l("推薦した方が担当を断りました"),
    "catalogue_wished": _l("担当の交代を希望されています。譲るか答えてください"),
    "catalogue_given": _l("希望どおり担当になりました"),
    "catalogue_kept": _l("担当の交代は見送られました"),
    "catalogues_stale": _l("更新のないトラッキングカタログがあります"),
    "event_made": _l("来月の施策を作りました"),
    "event_made_invited": _l("来月の施策と案内メールの下書きを作りました"),
    "event_given": _l("出会った企業の担当に指名されました"),
    "seat_free": _l("席が空きました。キャンセル待ちの方がいます"),
    "hand_off_offered": _l("引き渡しを提案しました。3営業日以内に回答してください"),
    "hand_off_due": _l("引き渡しの回答期限が次の営業日です"),
    "hand_off_overdue": _l("引き渡しに、期限までに回答がありませんでした"),
    "rival_risk": _l("他決リスクがあります。翌営業日までの訪問を作りました"),
    "appetite_asked": _l("今週の営業の受入状態をお知らせください"),
    "task_late": _l("期限を過ぎたアクションがあります"),
    "task_escalated": _l("期限を過ぎたまま進んでいないアクションがあります"),
}
# Alerts that are about no person: where each is looked at.
ALERT_PAGES: Mapping[str, str] = {
    "broadcast_asked": "/broadcasts/%(broadcast)s",
    "broadcast_approved": "/broadcasts/%(broadcast)s",
    "broadcast_refused": "/broadcasts/%(broadcast)s",
    "owner_asked": "/approvals",
    **{
        f"form_{kind}": "/forms/%(form)s/entries/%(entry)s"
        for kind in ("doc_request", "seminar_apply", "newsletter", "inquiry", "quote_request")
    },
    "rank_alarm": "/leads/health?product=%(product)s",
    "comment": "%(page)s",
    "mention": "%(page)s",
    "catalogues_stale": "%(page)s",
    **{
        f"catalogue_{kind}": "/catalogues/%(catalogue)s"
        for kind in ("asked", "named", "taken", "declined", "wished", "given", "kept")
    },
    **dict.fromkeys(("event_made", "event_made_invited"), "/events/%(event)s"),
    "event_given": "/events/%(event)s",
    "seat_free": "/events/%(event)s?show=waiting",
    "appetite_asked": "/hand-offs/trust",
    "rival_risk": "/opportunities?risk=1",
    "task_late": "/tasks?show=late",
    "task_escalated": "/tasks?show=late&whose=team",
}
ROLES: Table = {
    "admin": _l("管理者"),
    "marketer": _l("マーケティング"),
    "inside_sales": _l("インサイドセールス"),
    "field_sales": _l("フィールドセールス"),
    "sales_manager": _l("営業管理職"),
}
APPETITES: Table = {
    "hungry": _l("積極的（どんな案件でも）"),
    "normal": _l("通常"),
    "selective": _l("余裕（確度の高い案件のみ）"),
}
SCOPES: Table = {
    "product": _l("この商材"),
    "global": _l("すべての案内"),
    "new_products": _l("新しい商材"),
}
REFUSAL_REASONS: Table = {
    "user_link": _l("本人（停止ページ）"),
    "one_click": _l("本人（ワンクリック）"),
    "reply": _l("本人（返信）"),
    "mailto": _l("本人（停止用アドレスへのメール）"),
    "provider": _l("本人（配信サービスでの停止）"),
    "phone": _l("電話で受付"),
    "card": _l("はがき・書面で受付"),
    "complaint": _l("迷惑メール報告"),
    "bounce": _l("不達（恒久）"),
    "admin": _l("社内で登録"),
    "erasure": _l("消去の請求"),
    "import": _l("取込"),
}
MISSING: Table = {
    "legal_name": _l("氏名・名称"),
    "postal_address": _l("住所"),
    "inquiry": _l("苦情・問い合わせ先"),
    "from_address": _l("差出人アドレス"),
    "privacy_url": _l("個人情報の取り扱いのURL"),
}
WEEKDAYS_JA = "月火水木金土日"
MONTHS_EN = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
DAYS_EN = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def word(table: Table, code: object) -> str:
    """The reader's word for a code; the code itself where none is known, so nothing hides."""
    return str(table.get(str(code), code or "–"))


def language() -> str:
    """ "ja" or "en", of the page being written."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "ja"


def zone() -> ZoneInfo:
    found: ZoneInfo = current_app.extensions["ikusei"].settings.tz
    return found


def _local(value: date | datetime) -> date:
    return value.astimezone(zone()) if isinstance(value, datetime) else value


def day(value: date | datetime | None) -> str:
    """2026年11月24日（火） / Tue 24 Nov 2026."""
    if value is None:
        return "–"
    at = _local(value)
    if language() == "en":
        return f"{DAYS_EN[at.weekday()]} {at.day} {MONTHS_EN[at.month - 1]} {at.year}"
    return f"{at.year}年{at.month}月{at.day}日（{WEEKDAYS_JA[at.weekday()]}）"


def short_day(value: date | datetime | None) -> str:
    """11/24 / 24 Nov; with the year when it is not this one's."""
    if value is None:
        return "–"
    at = _local(value)
    this_year = current_app.extensions["ikusei"].clock.now().astimezone(zone()).year
    if language() == "en":
        return f"{at.day} {MONTHS_EN[at.month - 1]}" + ("" if at.year == this_year else f" {at.year}")
    return ("" if at.year == this_year else f"{at.year}/") + f"{at.month}/{at.day:02d}"


def full_day(value: date | datetime) -> str:
    """12月1日 / 1 December, for a sentence; with the year when it is not this one's."""
    at = _local(value)
    this_year = current_app.extensions["ikusei"].clock.now().astimezone(zone()).year
    if language() == "en":
        name = f"{at.day} {merge_fields.MONTHS_EN[at.month - 1]}"
        return name if at.year == this_year else f"{name} {at.year}"
    return ("" if at.year == this_year else f"{at.year}年") + f"{at.month}月{at.day}日"


def moment(value: datetime | None) -> str:
    """11/24 9:12 / 24 Nov 9:12."""
    return "–" if value is None else f"{short_day(value)} {clock_time(value)}"


def touched(value: datetime | None) -> str:
    """When a touch was: 11/24 9:12, or 11/24 where only the day was told (rules.entering.NOON)."""
    if value is not None and value.astimezone(zone()).time() == NOON:
        return short_day(value)
    return moment(value)


def clock_time(value: datetime | None) -> str:
    """9:12."""
    if value is None:
        return "–"
    at = value.astimezone(zone())
    return f"{at.hour}:{at.minute:02d}"


def month_name(month: int | None, *, short: bool = False) -> str:
    """2026年11月 / November 2026; short: 11月 / November. month: year * 12 + month - 1."""
    if month is None:
        return "–"
    year, place = divmod(month, 12)
    if language() == "en":
        return merge_fields.MONTHS_EN[place] if short else f"{merge_fields.MONTHS_EN[place]} {year}"
    return f"{place + 1}月" if short else f"{year}年{place + 1}月"


def number(value: float | None, digits: int = 0) -> str:
    """1,096; "–" when there is none."""
    return "–" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 0) -> str:
    """26% of .26."""
    return "–" if value is None else f"{value * 100:.{digits}f}%"


def yen(value: int | None) -> str:
    """1,840万円 / ¥18.4M."""
    if value is None:
        return "–"
    if language() == "en":
        return f"¥{value / 1_000_000:,.4g}M" if abs(value) >= 1_000_000 else f"¥{value:,}"
    return f"{value // 10_000:,}万円" if value and value % 10_000 == 0 else f"{value:,}円"


def contact(text: str) -> Markup:
    """Telephone numbers and mail addresses of a line as links that a phone can use."""
    parts = []
    for part in re.split(r"([\s、，／/]+)", text):
        if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", part):
            parts.append(Markup('<a href="mailto:{0}">{0}</a>').format(part))
        elif re.fullmatch(r"\+?[0-9][0-9()-]{8,18}", part):
            parts.append(Markup('<a href="tel:{}">{}</a>').format(re.sub(r"[^0-9+]", "", part), part))
        else:
            parts.append(escape(part))
    return Markup("").join(parts)


def initials(name: str) -> str:
    """Family name of two characters, or two letters: 佐伯, SA."""
    first = name.strip().replace("\u3000", " ").split(" ")[0] if name.strip() else "?"
    return first[:2].upper()


def register(app: Flask) -> None:
    """Make filters and tables known to the templates."""
    app.jinja_env.filters.update(
        day=day,
        short_day=short_day,
        moment=moment,
        touched=touched,
        clock_time=clock_time,
        month_name=month_name,
        number=number,
        percent=percent,
        yen=yen,
        initials=initials,
        contact=contact,
    )
    tables = {
        "RANKS": RANKS, "RANK_ICONS": RANK_ICONS, "STATES": STATES, "STATE_ICONS": STATE_ICONS, "KINDS": KINDS,
        "TASKS": TASKS, "TASK_ICONS": TASK_ICONS, "CAUSES": CAUSES, "ALERTS": ALERTS, "ROLES": ROLES,
        "ALERT_PAGES": ALERT_PAGES,
        "APPETITES": APPETITES, "SCOPES": SCOPES, "REFUSAL_REASONS": REFUSAL_REASONS, "MISSING": MISSING,
    }  # fmt: skip
    app.jinja_env.globals.update(tables, word=word, language=language)
