"""Words of events: their kinds, filters, answers, and what is wrong with a form."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.rules.events import Kind
from campaigns.storage.event_people import Line
from campaigns.web import words
from campaigns.web.words import Table

KINDS: Table = {
    Kind.EXHIBITION.value: _l("展示会"),
    Kind.PRIVATE_SHOW.value: _l("個展（プライベートショー）"),
    Kind.SEMINAR.value: _l("セミナー"),
}
LABELS: Table = {
    "name": _l("名称"),
    "kind": _l("種類"),
    "starts_on": _l("初日"),
    "ends_on": _l("最終日"),
    "venue": _l("場所"),
    "apply_by": _l("申込締切"),
    "owner_user_id": _l("担当"),
    "cost_yen": _l("施策費用"),
    "capacity": _l("定員"),
    "follow_up": _l("会期後の進め方"),
    "rule": _l("開催日の決め方"),
    "nth": _l("第何週"),
    "weekday": _l("曜日"),
    "day": _l("日"),
    "apply_days": _l("申込締切"),
    "invite_days": _l("案内を送る日"),
    "product_id": _l("案内する商材"),
    "content_id": _l("案内のメール"),
}
WRONG: Table = {
    "missing": _l("名称を入力してください。例：ミライ工場展2027"),
    "unknown": _l("種類を選んでください。"),
    "not_seats": _l("定員を1以上の数字で入力してください。決めないときは空にします。"),
    "first_day_missing": _l("最終日だけでは日程になりません。初日も入力してください。"),
    "before_first_day": _l("最終日が初日より前です。初日かその後の日にしてください。"),
    "after_last_day": _l("申込締切が会期の後です。最終日までの日にしてください。"),
    "taken": _l("同じ名称と初日の施策が、もう登録されています。一覧から開いて直してください。"),
    "not_money": _l("費用を円の数字で入力してください。例：3,000,000"),
    "not_a_day": _l("日付の形になっていません。例：2027-01-28"),
    "out_of_range": _l("選べる範囲の数字にしてください。"),
    "apply_days": _l("0から120までの日数で入力してください。"),
    "invite_days": _l("0から28までの日数で入力してください。施策は前の月の1日に作られます。"),
}
# In the order of their chips.
SHOWS: Table = {
    "met": _l("来場・面談"),
    "asked": _l("相談・請求"),
    "gaps": _l("次が決まっていない"),
    "invited": _l("案内済み"),
    "silent": _l("未回答"),
    "signed": _l("出席・申込"),
    "maybe": lazy_pgettext("answer", "保留"),
    "no": _l("欠席の回答"),
    "waiting": _l("キャンセル待ち"),
    "no_show": _l("来なかった"),
    "all": _l("接点・回答のある全員"),
}
NOBODY: Table = {
    "met": _l(
        "この施策で会った人の記録は、まだありません。リストを取り込むか、受付票のQRコードで受け付けると、ここに並びます。"
    ),
    "asked": _l("資料請求・問い合わせ・見積依頼は、まだありません。"),
    "gaps": _l("話した人には、全員に担当か次のアクションがあります。"),
    "invited": _l("案内メールは、まだ1通も届いていません。"),
    "silent": _l("回答を待っている人はいません。"),
    "signed": _l("出席の回答や申し込みは、まだありません。"),
    "maybe": _l("保留の人はいません。"),
    "no": _l("欠席の回答はありません。"),
    "waiting": _l("キャンセル待ちの人はいません。"),
    "no_show": _l("来ると答えて来なかった人はいません。"),
    "all": _l("接点や回答のある人は、まだいません。"),
}
ANSWERS: Table = {"yes": _l("出席"), "maybe": lazy_pgettext("answer", "保留"), "no": _l("欠席")}
ANSWER_KINDS = {"yes": "ok", "maybe": "warm", "no": "plain"}
ANSWER_ICONS = {"yes": "circle-check", "maybe": "help-circle", "no": "circle-minus"}
WHEN: Table = {
    "invited": _l("案内した日"),
    "silent": _l("案内した日"),
    "signed": _l("回答した日"),
    "maybe": _l("回答した日"),
    "no": _l("回答した日"),
    "waiting": _l("回答した日"),
    "no_show": _l("回答した日"),
}
ERRORS: Table = {
    "nobody": _l("対象の人がいません。人を選んでから押してください。"),
    "kind_unknown": _l("アクションの種類を選んでください。"),
    "owner_unknown": _l("担当にする人を選んでください。"),
    "not_yours": _l(
        "ほかの人を担当に決められるのは、営業管理職と管理者です。自分を担当にすることはできます。"
    ),
    "not_over": _l("会期が終わってからクローズできます。"),
    "closed": _l("回答の期限が過ぎているか、施策がクローズされています。"),
    "full": _l("定員に達しています。"),
    "product_missing": _l("案内する商材を選んでください。"),
    "too_late": _l("施策の日までに案内を送れる営業日がありません。日程か申込締切を直してください。"),
    "nobody_met": _l("この商材の見込み客と、まだこの施策で会っていません。"),
}
WEEKDAYS = (_l("月曜日"), _l("火曜日"), _l("水曜日"), _l("木曜日"), _l("金曜日"), _l("土曜日"), _l("日曜日"))
NTH = {1: _l("第1"), 2: _l("第2"), 3: _l("第3"), 4: _l("第4"), 5: _l("最終")}


def when(show: str) -> str:
    """What the day beside a name is."""
    return str(WHEN.get(show, _l("最後の接点")))


def head() -> list[str]:
    """The heads of the file of an event's people."""
    return [
        str(one)
        for one in (
            _("企業"), _("部署"), _("役職"), _("氏名"), _("企業の担当"), _("日時"), _("いちばん深い接点"), _("深度"),
            _("回答"), _("キャンセル待ち"), _("来場"), _("次のアクション"), _("期限"),
        )
    ]  # fmt: skip


def cells(line: Line, moment: object) -> list[object]:
    """One line of that file. moment: writes an instant in the installation's zone."""
    assert callable(moment)
    return [
        line.company,
        line.department,
        line.title,
        line.name,
        line.owner,
        moment(line.at),
        words.word(words.KINDS, line.kind) if line.kind else "",
        line.depth,
        words.word(ANSWERS, line.answer) if line.answer else "",
        str(_("はい")) if line.is_waiting else "",
        moment(line.came_at),
        words.word(words.TASKS, line.next_kind) if line.next_kind else "",
        moment(line.next_at),
    ]
