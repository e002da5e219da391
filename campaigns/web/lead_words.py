"""Words for leads and calls: reasons, results, stages, and the story behind a call in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.touchpoints import KINDS as ROWS
from campaigns.rules.touchpoints import Group, Kind
from campaigns.storage.calls import WhyTouch
from campaigns.storage.timeline import Touch
from campaigns.web import class_words, doubt_words, tracking_words, words

RESULTS = {
    "no_answer": _l("不通・留守電"),
    "absent": _l("担当不在"),
    "gatekeeper": _l("受付お断り"),
    "wrong": _l("番号違い"),
    "talked": _l("通電（情報収集）"),
    "interest": _l("興味あり"),
    "appointment": _l("アポ獲得"),
    "material": _l("資料希望"),
    "callback": _l("再架電"),
    "not_now": _l("時期尚早"),
    "refused": _l("担当お断り"),
    "left": _l("退職・異動"),
    "dnc": _l("架電禁止"),
}
# Groups of buttons with their keys, as printed on them.
BUTTONS = (
    (_l("つながらない"), (("no_answer", "1"), ("absent", "2"), ("gatekeeper", "3"), ("wrong", "4"))),
    (
        _l("話せた"),
        (("talked", "5"), ("interest", "6"), ("appointment", "7"), ("material", "8"), ("callback", "9"), ("not_now", "0")),
    ),
    (_l("終わり"), (("refused", "R"), ("left", "L"), ("dnc", "D"))),
)  # fmt: skip
# What each result does, told before it is pressed.
EFFECTS = {
    "no_answer": _l("次の営業日、午前と午後を替えてもう一度出します。6回で60日休みます。"),
    "absent": _l("次の営業日、午前と午後を替えてもう一度出します。6回で60日休みます。"),
    "gatekeeper": _l("育成に戻し、90日は電話しません。"),
    "wrong": _l("番号を無効にし、番号を調べるアクションを作ります。"),
    "talked": _l("会話として記録し、90日は電話しません。メールは続けます。"),
    "interest": _l("今すぐ客にし、営業への引き渡しを判定します。"),
    "appointment": _l("今すぐ客にし、訪問のアクションを作ります。"),
    "material": _l("資料を今日送り、3営業日後に電話します。"),
    "callback": _l("約束の時刻になると、一覧の先頭に出します。"),
    "not_now": _l("時期の3か月前にまた電話します。時期がなければ90日後です。"),
    "refused": _l("まだまだ客にし、1サイクルの間は連絡しません。メールの停止は別に伺います。"),
    "left": _l("対象外にし、後任の方を調べるアクションを作ります。"),
    "dnc": _l("この方への電話をすべて止めます。"),
}
HOURS_OF = {"company": _l("この企業"), "class": _l("同じ管理区分"), "all": _l("全体")}
HIDDEN = {
    "taken": _l("ほかの人が対応中・記録の直後"),
    "not_before": _l("次に電話する日を待っている"),
    "callback_later": _l("再架電の時刻を待っている"),
    "tried_lately": _l("3営業日以内に電話した"),
    "company_called": _l("今日、同じ企業に同僚が電話した"),
    "outside_hours": _l("架電の時間帯ではない"),
    "with_sales": _l("営業が対応している"),
    "do_not_call": _l("電話できない（番号違い・架電禁止）"),
}
PLACES = {
    "callback": _l("再架電の約束"),
    "inquiry": _l("問い合わせに未対応"),
    "value": _l("見込みの高い順"),
    "remeasure": _l("再測定（未観測から）"),
}
STAGES = {
    "new": _l("新規"),
    "nurturing": _l("育成中"),
    "hot": _l("有望"),
    "offered": _l("引き渡し提案"),
    "with_sales": _l("営業対応中"),
    "opportunity": _l("案件化"),
    "won": _l("受注"),
    "lost": _l("失注"),
    "waiting": _l("返事待ち"),
    "paused": _l("停止"),
    "excluded": _l("対象外"),
}
HAND_OFFS = {
    "proposed": _l("判定待ち"),
    "held": _l("保留"),
    "offered": _l("受入待ち"),
    "accepted": _l("営業対応中"),
    "returned": _l("差戻し"),
    "withdrawn": _l("取り下げ"),
    "won": _l("受注"),
    "lost": _l("失注・他決"),
    "no_deal": _l("見送り"),
    "timeout": _l("期限切れ"),
}
HELD = {
    "under_bar": _l("推定受注率が基準に届きません"),
    "no_capacity": _l("今週の受入枠がいっぱいです"),
}
GROUPS = {
    Group.FORM: _l("申込・資料"),
    Group.EVENT: _l("展示会・行事"),
    Group.TALK: _l("会話"),
    Group.WEB: _l("Web閲覧"),
    Group.MAIL: _l("メール"),
}
DEPTHS = (_l("露出"), _l("接触"), _l("名乗り"), _l("会話"), _l("見込み"), _l("商談"))
DEPTHS_LONG = (_l("露出"), _l("接触（機械）"), _l("名乗り"), _l("会話・申込"), _l("見込み判定"), _l("商談"))
ROLES = {
    "窓口": _l("窓口"),
    "利用": _l("利用"),
    "技術": _l("技術"),
    "購買": _l("購買"),
    "経理": _l("経理"),
    "決裁": _l("決裁"),
    "影響者": _l("影響者"),
}
CLASSES = class_words.MEANINGS
BASES = {
    "opt_in": _l("本人の同意"),
    "card_written": _l("名刺で取得"),
    "business_relation": _l("取引関係"),
    "published": _l("公表されたアドレス"),
}
MAIL_STATUS = {
    "unknown": _l("不達の知らせなし"),
    "ok": _l("届く"),
    "soft": _l("不達（一時）"),
    "hard": _l("不達（恒久）"),
    "complaint": _l("迷惑メール報告"),
}
NO_CALL = {
    "do_not_call": _l("架電禁止"),
    "phone_invalid": _l("番号違い"),
    "excluded": _l("退職・対象外"),
    "no_phone": _l("番号なし"),
}
EXCLUDED = {"left": _l("退職・異動"), "competitor": _l("競合"), "student": _l("学生")}
CAUSES = {
    "by_hand": _l("担当者が登録"),
    "diary": _l("日報で決めた予定"),
    "comment": _l("同僚のコメントから"),
    "material_asked": _l("資料の希望がありました"),
    "fax_reply": _l("FAXの返信で希望がありました"),
    "material_follow_up": _l("資料を送ったあとの電話"),
    "timeframe": _l("導入時期の3か月前になりました"),
    "appointment": _l("訪問の約束"),
    "find_phone": _l("番号違いのため、電話番号を調べます"),
    "find_successor": _l("退職・異動のため、後任の方を調べます"),
    "recycle_lost": _l("失注・他決のあとの再アプローチ"),
    "recycle_no_deal": _l("見送りのあと、次の予算の時期です"),
    "recycle_rival": _l("他決のあと、次の機会の前です"),
    "rival_risk": _l("他決リスクがあります"),
    "get_address": _l("メールアドレス入手"),
    "awaiting_reply": _l("返事を待っています"),
    "customer_asked": _l("お客様から問い合わせか見積の依頼が来ました"),
}
# Said wherever somebody asks for a call or a visit by hand; never a bar (rules.actions.caution).
CAUTIONS = {
    "nurture": _l(
        "そのうち客への電話と訪問は、早すぎると逆効果になります。それでも必要なときだけにしてください。"
    ),
    "declined": _l("お断りになった方です。電話と訪問は、ご本人の希望があるときだけにしてください。"),
    "paused": _l(
        "この商材の連絡を止めている方です。電話と訪問は、ご本人の希望があるときだけにしてください。"
    ),
}
ENDINGS = {
    "fax": (("sent", _l("送った")), ("wrong", _l("番号違い")), ("not_needed", _l("不要"))),
    "visit": (("visited", _l("訪問した")), ("quote", _l("見積依頼を受けた")), ("not_needed", _l("不要"))),
    "mail": (("sent", _l("送った")), ("not_needed", _l("不要"))),
    "invite": (("invited", _l("電話などで案内した")), ("not_needed", _l("不要"))),
    "check": (("done", _l("済んだ")), ("not_needed", _l("不要"))),
    "intro": (("introduced", _l("紹介を受けた")), ("declined", _l("断られた")), ("not_needed", _l("不要"))),
    "reply": (("answered", _l("返事があった")), ("silent", _l("返事なし")), ("not_needed", _l("不要"))),
    "review": (("done", _l("済んだ")), ("not_needed", _l("不要"))),
}
KIND_ICONS = {
    "mail_open": "mail-opened",
    "mail_click": "pointer",
    "mail_reply": "mail-forward",
    "web_view": "world",
    "web_view_key": "world",
    "newsletter": "mail",
    "seminar_apply": "calendar-event",
    "doc_request": "file-text",
    "inquiry": "message-circle",
    "badge_scan": "scan",
    "card_exchange": "id",
    "booth_talk": "message-circle",
    "booth_talk_prospect": "message-circle",
    "seminar_attend": "users",
    "call_connected": "phone",
    "call_interest": "phone-call",
    "visit": "walk",
    "quote_request": "file-text",
    "fax_sent": "printer",
    "mail_by_rep": "mail",
    "call_tried": "phone-off",
    "rsvp_yes": "calendar-event",
    "rsvp_maybe": "calendar-event",
    "rsvp_no": "calendar-x",
    "handed_over": "arrows-exchange",
    "taken_on": "check",
    "sent_back": "arrow-back-up",
    "opportunity": "clipboard",
    "order": "circle-check",
    "deal_lost": "circle-x",
    "asica": "list-check",
}
NOTE_MAX = 28


def cause(code: str) -> str:
    """Why a task is there, in words."""
    return words.word({**words.CAUSES, **CAUSES}, code) if code else ""


TAKEN_BACK: dict[str, object] = {
    "called_off": _l("取り消した"),
    "cooled": _l("見込度が下がったため、やめました"),
    "retracted": _l("きっかけが人の反応ではなかったため、やめました"),
    "declined": _l("お断りのため、やめました"),
    "no_event": _l("個展・セミナーが終わったか、本人に届いたため、やめました"),
    "excluded": _l("対象外になったため、やめました"),
    "do_not_call": _l("電話を断られたため、やめました"),
    "do_not_fax": _l("FAXを断られたため、やめました"),
}


def ending(kind: str, outcome: str) -> str:
    """What came of a task that is no call, in words."""
    if outcome in TAKEN_BACK:
        return words.word(TAKEN_BACK, outcome)
    if kind == "call":
        return words.word(RESULTS, outcome) if outcome else ""
    return str(dict(ENDINGS.get(kind, ())).get(outcome, ""))


def reason(stored: Mapping[str, Any]) -> str:
    """One reason of a rank or a gate in the reader's language."""
    code, args = str(stored.get("code", "")), dict(stored.get("args") or {})
    until = _date(args.get("until"))
    texts: dict[str, Callable[[], str]] = {
        "trigger_inquiry": lambda: _("問い合わせがありました（%(until)sまで有効）", until=until),
        "trigger_quote_request": lambda: _("見積の依頼がありました（%(until)sまで有効）", until=until),
        "trigger_call_interest": lambda: _("電話で関心を示されました（%(until)sまで有効）", until=until),
        "p_win_over_gate": lambda: _(
            "推定受注率%(p)sが基準%(gate)s以上",
            p=words.percent(args.get("p_win")),
            gate=words.percent(args.get("gate")),
        ),
        "depth_reached": lambda: _("%(word)sまで進んだ（深度%(n)s）", word=depth(args), n=args.get("depth")),
        "depth_missing": lambda: _("まだ会話がない（深度%(n)s）", n=args.get("depth")),
        "top_share": lambda: _("この商材の上位%(share)sに入るスコア", share=words.percent(args.get("share"))),
        "human_touch": lambda: _("獲得後に、ご本人の反応がある"),
        "any_touch": lambda: _("購買サイクルの間に反応がある（最後は%(day)s）", day=_date(args.get("last"))),
        "group_weighs": lambda: _(
            "スコアのうち%(group)sが%(n)s点",
            group=_group(args),
            n=words.number(args.get("points"), 1),
        ),
        "silent": lambda: _(
            "購買サイクル%(n)s日の間、反応がない。断りではありません", n=args.get("cycle_days")
        ),
        "refused": lambda: _("断られた（%(until)sまで連絡しない）", until=until),
        "silent_then_active": lambda: _("%(n)s日ぶりの反応です", n=words.number(args.get("days"))),
        "colleagues_active": lambda: _(
            "%(days)s日のうちに同じ企業の%(n)s名が反応しました",
            days=args.get("days"),
            n=words.number(args.get("people")),
        ),
        "asked": lambda: _("お客様からの依頼のため、すぐ引き渡し"),
        "over_bar": lambda: _("推定受注率が基準以上"),
        "under_bar": lambda: str(HELD["under_bar"]),
        "no_capacity": lambda: str(HELD["no_capacity"]),
        "at_hand_off": lambda: _("引き渡し時のスコア %(n)s", n=words.number(args.get("score"), 1)),
    }
    if code.startswith("trigger_") and code not in texts:
        what = words.word(words.KINDS, code.removeprefix("trigger_"))
        return str(_("%(what)sがありました（%(until)sまで有効）", what=what, until=until))
    return texts[code]() if code in texts else code


def _group(args: Mapping[str, Any]) -> str:
    return next((str(word) for group, word in GROUPS.items() if group == args.get("group")), "–")


def depth(args: Mapping[str, Any]) -> str:
    place = int(args.get("depth") or 0)
    return str(DEPTHS_LONG[place]) if 0 <= place < len(DEPTHS_LONG) else ""


def _date(stored: object) -> str:
    try:
        return words.short_day(datetime.fromisoformat(str(stored)))
    except ValueError:
        return "–"


def role(code: str) -> str:
    return str(ROLES.get(code, code))


@dataclass(frozen=True, slots=True)
class Step:
    """A part of the story: 11/20 事例ページ 2回. day is "" when it is that of the step before."""

    day: str
    text: str
    is_strong: bool


def story(touches: Sequence[WhyTouch], *, limit: int = 5) -> list[Step]:
    """Why now: 8/3 展示会で説明員対応 → 11/20 事例ページ2回 → 資料請求."""
    groups: list[tuple[WhyTouch, int]] = []
    for touch in touches:
        last = groups[-1][0] if groups else None
        if last is not None and (last.kind, last.title, words.short_day(last.at)) == (
            touch.kind,
            touch.title,
            words.short_day(touch.at),
        ):
            groups[-1] = (touch, groups[-1][1] + 1)
        else:
            groups.append((touch, 1))
    strongest = max((ROWS[Kind(t.kind)].depth for t, _n in groups if t.kind in ROWS), default=0)
    steps, before = [], ""
    for touch, times in groups[-limit:]:
        day = words.short_day(touch.at)
        is_strong = touch.kind in ROWS and ROWS[Kind(touch.kind)].depth == strongest >= 3
        steps.append(Step("" if day == before else day, step(touch, times), is_strong))
        before = day
    return steps


def step(touch: WhyTouch, times: int = 1) -> str:
    kind = words.word(words.KINDS, touch.kind)
    if touch.kind in ("web_view", "web_view_key"):
        text = touch.title or kind
        if times == 1 and touch.active_s >= 15:
            return str(_("%(page)s %(n)s秒", page=text, n=round(touch.active_s)))
    elif touch.event:
        text = _("%(event)sで%(kind)s", event=touch.event, kind=kind)
    else:
        text = kind
    if touch.note and touch.kind.startswith("call"):
        text = _("%(kind)s「%(note)s」", kind=kind, note=short(touch.note))
    return str(text if times == 1 else _("%(what)s %(n)s回", what=text, n=times))


def story_line(touches: Sequence[WhyTouch], *, limit: int = 5) -> str:
    """The story as plain text, for a file."""
    return " → ".join(f"{one.day} {one.text}".strip() for one in story(touches, limit=limit))


def short(text: str, limit: int = NOTE_MAX) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def touch_title(touch: Touch) -> str:
    """The bold line of a touch on the timeline."""
    kind = words.word(words.KINDS, touch.kind)
    if touch.kind in ("web_view", "web_view_key") and touch.title:
        return touch.title
    if touch.actor:
        return str(_("%(kind)s（%(who)s）", kind=kind, who=touch.actor))
    return kind


def touch_detail(touch: Touch) -> str:
    """The second line: what was said, read or answered."""
    found = []
    if touch.kind in ("web_view", "web_view_key"):
        if touch.title:
            found.append(words.word(words.KINDS, touch.kind))
        if touch.active_s:
            found.append(_("実閲覧 %(n)s秒", n=round(touch.active_s)))
    if touch.mail:
        found.append(_("「%(mail)s」", mail=touch.mail))
    if touch.kind == "asica":
        found.append(tracking_words.asica_step(touch.title))
    elif touch.title and touch.kind not in ("web_view", "web_view_key"):
        found.append(touch.title)
    if touch.note:
        found.append(_("「%(note)s」", note=touch.note))
    if touch.event:
        found.append(touch.event)
    found.append(doubt_words.why(touch.validity_reason))
    if touch.reversal:
        found.append(_("取り消しの理由：%(why)s", why=touch.reversal))
    return str(_("・").join(part for part in found if part))


def doubt(touch: Touch) -> str:
    """What is said of a touch that counts for nothing: a machine made it, or it was taken back. Else empty."""
    if touch.validity > 0 or touch.kind == "mail_open":
        return ""
    if touch.reversal:
        return str(_("取り消し・点数なし"))
    if touch.validity_reason == "answer_changed":
        return str(_("回答が変わった・点数なし"))
    return doubt_words.doubt(touch.validity_reason)
