"""Words of the reports: their names, what each number is called and what it means."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.rules.reports import Period, Stage
from campaigns.web.words import DAYS_EN, WEEKDAYS_JA, language

PAGES = {
    "overview": (_l("概要"), "eye"),
    "mails": (_l("メール"), "mail"),
    "scenarios": (_l("シナリオ"), "git-branch"),
    "themes": (_l("テーマ"), "tag"),
    "events": (lazy_pgettext("menu", "展示会・施策"), "calendar-event"),
    "funnel": (_l("顧客の段階"), "filter"),
    "interest": (_l("関心"), "bulb"),
    "actions": (_l("アクションの成果"), "phone"),
    "whiffs": (_l("空振り"), "arrow-back-up"),
    "load": (_l("担当の負荷"), "users"),
    "forgotten": (_l("忘れている人"), "user-off"),
    "times": (_l("送る時間"), "clock"),
}
PERIODS = {
    Period.THIS: _l("今月"),
    Period.LAST: _l("先月"),
    Period.LAST_3: _l("直近3か月"),
    Period.LAST_6: _l("直近6か月"),
    Period.LAST_12: _l("直近12か月"),
    Period.ALL: _l("すべて"),
}
MAILS = {
    "sent": _l("送信"),
    "arrived": _l("届いた"),
    "returned": _l("不達"),
    "returned_hard": _l("不達（恒久）"),
    "returned_soft": _l("不達（一時）"),
    "opened": _l("開封（参考）"),
    "opened_proxy": _l("画像の代理取得"),
    "opened_scanner": _l("自動巡回"),
    "opened_unknown": _l("人か機械か不明"),
    "clicked": _l("クリック（すべて）"),
    "clicked_human": _l("クリック（人）"),
    "visited": _l("サイト訪問"),
    "active_s": _l("実閲覧時間"),
    "replied": _l("返信"),
    "talked": _l("会話まで"),
    "refused": _l("配信停止"),
    "refused_product": _l("この商材の停止"),
    "refused_all": _l("すべての停止"),
    "complained": _l("迷惑メール報告"),
}
MAIL_TERMS = {
    "arrived": _l("送信のうち、エラーで戻ってこなかった通数です。届いた＋不達（恒久）＋不達（一時）＝送信。"),
    "opened": _l(
        "画像が読み込まれた通数です。メールソフトの代理取得や検査でも起き、画像を出さない人は数えられないため、人が読んだ数ではありません。"
    ),
    "clicked_human": _l(
        "人によると判断したクリックが1回以上あったメールの通数です。「すべて」には、リンクを検査する機械によるものも含みます。"
    ),
    "visited": _l("メールからサイトを訪れ、ページを見たと確認できた通数です。"),
    "active_s": _l("ページが表示され、操作もあった時間だけの合計です。開いたままの時間は数えません。"),
    "talked": _l(
        "クリックか返信から90日以内に、通話・訪問・説明員との対応・見積依頼まで進んだ通数です。メールだけの効果とは限りません。"
    ),
    "refused": _l("そのメールから本人が停止した通数です。不達や社内での登録は含みません。"),
}
STATUSES = {
    "active": _l("進行中"),
    "asked": _l("担当営業の了承待ち"),
    "paused": _l("休止中"),
    "done": _l("最後まで届いた"),
    "stopped": _l("途中で終了"),
}
SCENARIOS = {"people": _l("参加した人"), **STATUSES, "reached": _l("ゴールに進んだ人")}
COHORTS = {
    "people": _l("獲得した人"),
    "reachable": _l("連絡できる"),
    "touched": _l("その後に反応"),
    "hot": _l("今すぐ客になった"),
    "handed": _l("営業に引き渡した"),
    "taken": _l("案件になった"),
    "won": _l("受注"),
}
COHORT_TERMS = {
    "people": _l("その展示会・施策で接点ができた人です。"),
    "reachable": _l(
        "その時点で、メールアドレスがあり、不達・迷惑メール報告・すべての停止・退職のどれでもない人です。"
    ),
    "touched": _l(
        "会ったあとに、本人の反応（クリック・閲覧・返信・申込・会話など、深さ1以上）があった人です。"
    ),
    "hot": _l("会ったあとに一度でも「今すぐ客」になった人です。"),
    "handed": _l("会ったあとに、営業へ引き渡した人です。"),
    "taken": _l("引き渡しを営業が受け入れた人です。結果が失注・見送りのものも含みます。"),
    "won": _l("引き渡しの結果が受注になった人です。"),
}
STAGES = {
    Stage.POTENTIAL: _l("潜在顧客"),
    Stage.PROSPECT: _l("見込顧客"),
    Stage.QUALIFIED: _l("有望見込顧客"),
    Stage.CUSTOMER: _l("新規顧客"),
    Stage.LOYAL: _l("優良顧客"),
}
STAGE_TERMS = {
    Stage.POTENTIAL: _l("名簿にいる人です。退職などの対象外と、統合済みは除きます。"),
    Stage.PROSPECT: _l("いずれかの商材（商材を選んだときは、その商材）の見込み客になった人です。"),
    Stage.QUALIFIED: _l("一度でも「今すぐ客」になったか、営業へ引き渡した人です。"),
    Stage.CUSTOMER: _l("引き渡しの結果が受注になった人です。"),
    Stage.LOYAL: _l("受注した人のうち、管理区分 A・B の企業の人です。"),
}
HAPPENED = {
    "came": (_l("名簿に加わった人"), "user-plus"),
    "sent": (_l("送信したメール"), "send"),
    "clicked": (_l("人のクリック"), "click"),
    "talked": (_l("会話"), "message-circle"),
    "refused": (_l("配信停止"), "ban"),
    "hot": (_l("今すぐ客になった"), "flame"),
    "handed": (_l("営業への引き渡し"), "arrows-exchange"),
    "won": (_l("受注"), "trending-up"),
}
UNITS = {
    "came": _l("名"),
    "sent": _l("通"),
    "clicked": lazy_pgettext("report", "件"),
    "talked": lazy_pgettext("report", "件"),
    "refused": lazy_pgettext("report", "件"),
    "hot": lazy_pgettext("report", "件"),
    "handed": lazy_pgettext("report", "件"),
    "won": lazy_pgettext("report", "件"),
}
ACTIONS = {"done": _l("件数"), "connected": _l("会話"), "met": _l("アポイント"), "won": _l("受注")}
WHIFFS = {
    "ended": _l("終わった引き渡し"),
    "won": _l("受注"),
    "whiff": _l("空振り"),
    "returned": _l("差戻し"),
    "lost": _l("失注・他決"),
    "no_deal": _l("見送り"),
    "timeout": _l("期間満了"),
}
ROW_HEADS = (_l("氏名"), _l("企業"), _l("商材"), _l("内容"))


def weekday(place: int) -> str:
    """月 / Mon of 0."""
    return DAYS_EN[place] if language() == "en" else WEEKDAYS_JA[place]


def when_word(report: str, measure: str) -> tuple[str, bool]:
    """What the instant of a list's rows is, of the thing counted or of the joining, and whether only its day counts:
    the hour of a joining is that of an import, and of a meeting often nobody's."""
    kind, _mark, stage = measure.partition("_")
    if report in ("mails", "times"):
        return _("送信日時"), False
    if report == "interest":
        return _("最後の接点"), False
    if report == "events" and kind in ("people", "reachable"):
        return _("出会った日"), True
    if (
        report in ("overview_came", "forgotten")
        or (report == "funnel" and stage in (Stage.POTENTIAL, Stage.PROSPECT))
        or (report == "scenarios" and measure != "reached")
    ):
        return _("加わった日"), True
    return _("日時"), False


def measure_word(report: str, measure: str) -> str:
    """What a number of a report is called."""
    if report in ("mails", "links", "times"):
        return str(MAILS[measure])
    if report == "scenarios":
        return str(SCENARIOS[measure])
    if report == "events":
        name, _mark, months = measure.partition("_")
        return str(_("%(what)s（%(n)sか月後）", what=COHORTS[name], n=months) if months else COHORTS[name])
    if report == "funnel":
        kind, _mark, stage = measure.partition("_")
        named = STAGES[Stage(stage)]
        return str(
            _("%(stage)sまで来た人", stage=named)
            if kind == "reached"
            else _("いま%(stage)sの人", stage=named)
        )
    if report == "interest":
        return str(_("関心のある人"))
    if report == "forgotten":
        return str(_("忘れられている人"))
    if report == "actions":
        return str(_("アクション：%(what)s", what=ACTIONS[measure]))
    if report == "whiffs":
        return str(WHIFFS[measure])
    return str(HAPPENED[report.removeprefix("overview_")][0])
