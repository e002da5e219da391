"""Words of the broadcasts: states, what stands against one, how a test was decided."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.broadcasts import LIFT, Problem
from campaigns.services.broadcast import Ahead
from campaigns.storage.broadcast_figures import Figures
from campaigns.storage.broadcasts import Broadcast
from campaigns.web import calendar_words
from campaigns.web.words import Table, percent, short_day

STATES: Table = {
    "draft": _l("下書き"),
    "asked": _l("承認待ち"),
    "refused": _l("差し戻し"),
    "approved": _l("準備中"),
    "testing": _l("A/Bテスト中"),
    "sending": _l("配信中"),
    "done": _l("終了"),
    "cancelled": _l("中止"),
}
STATE_KINDS = {
    "asked": "warm",
    "refused": "bad",
    "approved": "info",
    "testing": "info",
    "sending": "ok",
    "done": "plain",
    "cancelled": "plain",
}
STATE_ICONS = {
    "draft": "pencil",
    "asked": "hourglass",
    "refused": "arrow-back-up",
    "approved": "clock",
    "testing": "git-branch",
    "sending": "send",
    "done": "circle-check",
    "cancelled": "circle-x",
}
BUCKETS: Table = {
    "sent": _l("送信済み"),
    "planned": _l("送信予定"),
    "waiting": _l("月の枠を待つ"),
    "sales": _l("営業が対応している"),
    "asked": _l("担当営業の了承待ち"),
    "rest": _l("テストの判定待ち"),
    "in_doubt": _l("結果不明"),
    "expired": _l("期限切れ"),
    "failed": _l("送信できず"),
    "had": _l("同じメールを受け取り済み"),
    "blocked": _l("送らない"),
    "left_out": _l("登録しなかった（停止・アドレスなしなど）"),
}
BUCKET_ICONS = {
    "sent": "circle-check",
    "planned": "clock",
    "waiting": "clock-pause",
    "sales": "phone",
    "asked": "user",
    "rest": "git-branch",
    "in_doubt": "help-circle",
    "expired": "calendar-x",
    "failed": "alert-circle",
    "had": "mail-check",
    "blocked": "ban",
    "left_out": "ban",
}
# Where the mails behind a bucket are; the others have none yet.
BUCKET_SHOWS = {
    "sent": "sent",
    "planned": "planned",
    "in_doubt": "in_doubt",
    "expired": "expired",
    "failed": "failed",
    "blocked": "blocked",
}
AB: Table = {"": _l("テストしない"), "subject": _l("件名を比べる"), "content": _l("内容を比べる")}
LABELS: Table = {
    "name": _l("名前"),
    "product_id": _l("商材"),
    "theme": _l("テーマ"),
    "content_id": _l("メール"),
    "classes": _l("対象"),
    "send_on": _l("送信日"),
    "valid_until": _l("待つ期限"),
    "subject_b": _l("Bの件名"),
    "content_b_id": _l("Bのメール"),
    "sample_n": _l("テストの人数"),
    "invites_to": _l("案内する施策"),
}
PROBLEMS: Table = {
    "name_missing": _l("名前を書いてください。"),
    "product_id_missing": _l("商材を選んでください。商材のない一斉配信はできません。"),
    "theme_missing": _l("テーマを書いてください。話題を絞らない一斉配信はできません。"),
    "content_id_missing": _l("送るメールを選んでください。"),
    "classes_missing": _l("管理区分を1つ以上選んでください。"),
    "nobody": _l("この条件に当てはまる人がいません。対象を広げてください。"),
    "send_on_missing": _l("送信日を決めてください。"),
    "valid_until_early": _l("待つ期限は、送信日と同じ日か、あとの日にしてください。"),
    "subject_b_missing": _l("比べる件名（B）を書いてください。"),
    "content_b_missing": _l("比べるメール（B）を選んでください。"),
    "content_b_same": _l("AとBに同じメールは選べません。"),
    "other_product": _l(
        "このメールは別の商材のものです。この商材のメールか、商材を決めていないメールを選んでください。"
    ),
    "product_ended": _l("この商材は終了しています。"),
    "sender_incomplete": _l("送信者情報（名称・住所・問い合わせ先など）が足りません。"),
    "answers_without_event": _l("このメールには出欠を答えるリンクがあります。案内する施策を選んでください。"),
    "mail_empty": _l("このメールには、まだ件名か本文がありません。"),
    "mail_broken": _l("このメールには、直さないと送れない誤りがあります。編集画面で確かめてください。"),
}
ERRORS: Table = {
    "own_request": _l("自分の依頼は、自分では承認できません。ほかの人に確かめてもらってください。"),
    "reason_missing": _l("理由を書いてください。依頼した人に伝わり、記録に残ります。"),
    "not_asked": _l("この依頼は、もう承認待ちではありません。"),
    "not_editable": _l("すでに依頼または送信されたため、変更できません。"),
    "not_running": _l("この一斉配信は動いていません。"),
    "no_longer_possible": _l(
        "依頼のあとに事情が変わり、このままでは送れません（送信日が過ぎたなど）。差し戻してください。"
    ),
}


def problem(found: Problem) -> str:
    """One problem in words, with its remedy."""
    args = found.args
    if found.code in PROBLEMS:
        return str(PROBLEMS[found.code])
    if found.code == "sales_hard_for_class":
        return str(
            _(
                "売り込みの強いメールは、管理区分 %(classes)s には送れません。情報のメールを選ぶか、区分を外してください。",
                classes=args["classes"],
            )
        )
    if found.code == "sample_small":
        return str(_("テストは各組%(n)s名からです。", n=args["least"]))
    if found.code == "sample_large":
        return str(
            _(
                "対象は%(people)s名です。勝った方を送る人が残るように、各組%(most)s名までにしてください。",
                people=f"{args['people']:,}",
                most=f"{args['most']:,}",
            )
        )
    if found.code == "decided_too_late":
        if args["latest"] is None:
            return str(
                _("この月には、判定のあとに残りの人へ送る営業日がありません。翌月の日を選んでください。")
            )
        return str(
            _(
                "判定まで%(hours)s時間かかり、残りの人に今月中に送れません。送信日を%(latest)sまでにしてください。",
                hours=args["hours"],
                latest=short_day(args["latest"]),  # type: ignore[arg-type]
            )
        )
    if found.code == "after_event":
        return str(
            _(
                "案内する施策の回答は%(day)sまでです。送信日をその日までにしてください。",
                day=_day(args),
            )
        )
    said = {
        "send_on_past": _("%(day)sには、もう送れません。", day=_day(args)),
        "send_on_closed": _("%(day)sは休みの日です。", day=_day(args)),
    }[found.code]
    days = args.get("instead")
    return str(said + (_("近い営業日は %(days)s です。", days=calendar_words.days(days)) if days else ""))  # type: ignore[arg-type]


def _day(args: Mapping[str, object]) -> str:
    return short_day(args.get("day"))  # type: ignore[arg-type]


def sample(ahead: Ahead) -> str:
    """How many a test needs, and why."""
    known = (
        _(
            "この商材の直近%(n)s通のクリック率（人によるもの）は%(rate)sでした。",
            n=f"{ahead.rate_n:,}",
            rate=percent(ahead.rate, 1),
        )
        if ahead.rate_n
        else _(
            "この商材にはまだ十分な記録がないため、クリック率を%(rate)sと仮定します。",
            rate=percent(ahead.rate, 1),
        )
    )
    return str(
        known
        + _(
            "これが%(better)sに上がる差を8割の確からしさで見分けるには、各組%(n)s名が必要です。",
            better=percent(ahead.rate * (1 + LIFT), 1),
            n=f"{ahead.proposed_n:,}",
        )
    )


def buckets(found: Broadcast, figures: Figures) -> dict[str, int]:
    """Everybody whom it was meant for when it was asked for, in one bucket: those whom nothing could be sent to as well."""
    return {**figures.buckets, "left_out": max(0, found.people - figures.people)}


def verdict(found: Broadcast) -> str:
    """How a test ended."""
    test = found.result.get("test")
    if not test:
        return ""
    a, b = test["A"], test["B"]
    rates = _(
        "クリックした人は A %(a)s／%(an)s名（%(ar)s）、B %(b)s／%(bn)s名（%(br)s）でした。",
        a=f"{a['clicked']:,}",
        an=f"{a['sent']:,}",
        ar=percent(a["clicked"] / a["sent"] if a["sent"] else None, 1),
        b=f"{b['clicked']:,}",
        bn=f"{b['sent']:,}",
        br=percent(b["clicked"] / b["sent"] if b["sent"] else None, 1),
    )
    if test["is_tie"]:
        return str(
            rates
            + _(
                "偶然で説明できる差（p＝%(p)s）なので引き分けとし、Aを残りの人に送ります。",
                p=f"{test['p']:.3f}",
            )
        )
    return str(
        rates
        + _(
            "差ははっきりしています（p＝%(p)s）。勝った%(winner)sを残りの人に送ります。",
            p=f"{test['p']:.3f}",
            winner=found.winner.upper(),
        )
    )
