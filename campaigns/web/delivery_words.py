"""Words for deliveries: why a mail is in its state, and what the states are called."""

from __future__ import annotations

from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.rules.explaining import Held
from campaigns.services.watch import Domain
from campaigns.storage.deliveries import Line
from campaigns.web import returned_words
from campaigns.web.words import RANKS, clock_time, full_day, short_day, word

GROUPS = {
    "sent": _l("送信済み"),
    "planned": _l("送信予定"),
    "held": _l("保留"),
    "blocked": _l("送らない"),
    "retry": _l("再試行待ち"),
    "failed": _l("送信できず"),
    "expired": _l("期限切れ"),
    "in_doubt": _l("結果不明"),
}
# Why one product got the month, or lost it to another: the position of the sort key that differed.
_WON = {
    "alone": _l("ほかに候補がなく、この月の枠を使います"),
    "starved": _l("3か月以上待っていたため、先に枠を使います"),
    "expiring": _l("期限が近いため、先に枠を使います"),
    "rank": _l("見込度が高いため、先に枠を使います"),
    "priority": _l("優先順位の高い商材のため、先に枠を使います"),
    "waiting": _l("長く待っていたため、先に枠を使います"),
    "product_id": _l("登録の早い商材のため、先に枠を使います"),
    "enrollment_id": _l("登録の早いシナリオのため、先に枠を使います"),
    "courtesy": _l("展示会のお礼として、1度だけ例外で送ります"),
    "answer": _l("ご本人の操作への返信・お知らせ"),
    "waits": _l("順番を待っています"),
    "": "",
}
_PLAIN = {
    "month_passed": _l("月をまたいだため、翌月の枠を待ちます"),
    "month_over": _l("今月の営業日がもうありません"),
    "less_often": _l("回数を減らす希望により、今月はお休みです"),
    "tired": _l("6通続けて反応がないため、2か月に1通に減らしています"),
    "resting": _l("12通続けて反応がないため、半年に1通に減らしています"),
    "permission_first": _l("12通続けて反応がないため、先に「受け取りの確認」のメールを送ります"),
    "permission_asked": _l("12通続けて反応がないため、シナリオの行の前に、今後も受け取るかを1度だけ伺います"),
    "shelf_instead": _l("12通続けて反応がないため、シナリオの行の代わりに、常備の棚から半年に1通送ります"),
    "rep_wrote": _l("営業から本人へメールを送ったため、7日あけて予定し直します"),
    "planned_anew": _l("この月の予定は取りやめ、予定し直します"),
    "gap": _l("前のメールから21日たっていません"),
    "product_taken": _l("この商材は今月すでに送りました"),
    "address_taken": _l("同じアドレスを使う別の担当者に、今月は送ります"),
    "tone_ratio": _l("情報メールが決めた数だけ続くまで、セールス色のあるメールは待ちます"),
    "tone_hard": _l("この管理区分・見込度には、強いセールスのメールを送りません"),
    "scenario_paused": _l("シナリオが一時停止中です"),
    "product_paused": _l("商材の配信が一時停止中です"),
    "scenario_ended": _l("シナリオを停止したため、取りやめました"),
    "lead_hot": _l("営業への引き渡しを待っているため送りません"),
    "lead_offered": _l("営業に引き渡しを提案中のため送りません"),
    "lead_with_sales": _l("営業が対応中のため送りません"),
    "lead_opportunity": _l("案件になっているため送りません"),
    "lead_paused": _l("本人か営業の希望で止めています"),
    "lead_declined": _l("お断りの記録があるため送りません"),
    "refused_global": _l("すべての案内を停止されています"),
    "refused_product": _l("この商材の案内を停止されています"),
    "refused_new_products": _l("新しい商材の案内を停止されています"),
    "refused_all": _l("すべての案内を停止されています"),
    "refused_new": _l("新しい商材の案内を停止されています"),
    "refusal": _l("配信停止の申し出がありました"),
    "no_consent": _l("同意の記録がありません"),
    "no_address": _l("メールアドレスがありません"),
    "address_hard": _l("届かないアドレスです"),
    "address_complaint": _l("迷惑メールとして報告されました"),
    "person_excluded": _l("対象外の担当者です"),
    "product_inactive": _l("商材が終了しています"),
    "content_repeated": _l("同じ内容をすでにお送りしています"),
    "nothing_to_send": _l("送る内容が見つかりません"),
    "profile_incomplete": _l("送信者情報が足りません"),
    "smtp_temporary": _l("相手サーバーが混雑しています"),
    "smtp_away": _l("送信サーバーにつながりません"),
    "throttled": _l("相手のドメインへ送る速さを抑えているため、順に送ります"),
    "no_journal": _l("送信記録を書けないため止めています（ディスクの空きを確認してください）"),
    "not_made": _l("メールを組み立てられませんでした"),
    "overtaken": _l("次の回のメールが先に予定されたため、この回は送りません"),
    "smtp_gave_up": _l("何度か試しましたが、届けられませんでした"),
    "smtp_refused": _l("相手サーバーが受け取りませんでした"),
    "no_answer": _l("送信の返事を受け取る前に切れました"),
    "cut_off": _l("送信の途中で止まり、返事を確かめられません"),
    "seen": _l("開封かクリックで、届いたことを確認しました"),
    "said_arrived": _l("担当者が「届いた」と記録しました"),
    "said_not_arrived": _l("担当者が「届いていない」と記録しました"),
    "import_undone": _l("取込が取り消されました"),
    "resumed": _l("配信を再開したため、今日の日付で予定し直しています"),
    "day_passed": _l("予定の日に送れなかったため、今日の日付で予定し直しています"),
    "version_changed": _l("シナリオの新しい版に合わせて、予定し直しています"),
    "row_gone": _l("シナリオの新しい版で、この行はなくなりました"),
    "vetoed": _l("担当営業が、このメールを見送りました"),
    "not_wanted": _l("担当営業が、このシナリオへの登録を見送りました"),
}
PAUSED = {
    "all": _l(
        "すべての配信を止めました。誰がどこまで進んだかは失われません。再開すると、その日の日付で予定し直して続けます。"
    ),
    "product": _l(
        "この商材の配信を一時停止しました。送信予定はいったん外し、空いた月はほかの商材が使えます。再開すると、その日の日付で予定し直して続けます。"
    ),
    "scenario": _l(
        "このシナリオを一時停止しました。送信予定はいったん外し、空いた月はほかの商材やシナリオが使えます。再開すると、その日の日付で予定し直して続けます。"
    ),
}
RESUMED = {
    "all": _l("配信を再開しました。"),
    "product": _l("この商材の配信を再開しました。"),
    "scenario": _l("このシナリオを再開しました。"),
}
# What a mail server's answer means: why a mail waits or failed, and why a domain is slowed.
SERVER_SAID = {
    "no_such_user": _l("宛先が存在しません"),
    "no_such_domain": _l("宛先のドメインが存在しません"),
    "bad_address": _l("宛先の形が受け付けられません"),
    "mailbox_full": _l("メールボックスがいっぱいです"),
    "mailbox_disabled": _l("メールボックスが停止されています"),
    "mailbox_busy": _l("メールボックスが使用中です"),
    "greylisted": _l("はじめての相手として、少し待つよう言われました"),
    "too_large": _l("メールが大きすぎます"),
    "bad_content": _l("内容を受け付けられません"),
    "spam": _l("迷惑メールと判定されました"),
    "filtered": _l("相手の受信設定で受け取られないか、宛先がありません"),
    "throttled": _l("送る速さを落とすよう言われました"),
    "reputation": _l("差出元の評判が低いと言われました"),
    "server_busy": _l("相手サーバーが混雑しています"),
    "network": _l("相手サーバーまでの通信がうまくいきません"),
    "closing": _l("相手サーバーが接続を閉じました"),
    "authentication": _l("差出元の認証（SPF・DKIM・DMARC）が通りません"),
    "blocklisted": _l("差出元がブロックリストに載っています"),
    "sender_refused": _l("差出人が受け付けられません"),
    "policy": _l("相手の方針で受け付けられません"),
    "login_failed": _l("送信サーバーにログインできません"),
    "login_away": _l("送信サーバーの認証が一時的に使えません"),
    "account_limit": _l("送信サーバーの上限に達しました"),
    "server_storage": _l("送信サーバーの空きがありません"),
    "relay_denied": _l("送信サーバーが中継を許していません"),
    "tls": _l("暗号化の接続ができません"),
    "away": _l("送信サーバーにつながりません"),
    "protocol": _l("やり取りが規格に合いません"),
    "later": _l("後で送り直すよう言われました"),
    "refused": _l("相手サーバーが受け取りませんでした"),
    "odd_answer": _l("返事を読み取れませんでした"),
    "account_rests": _l("送信サーバーの口が休んでいるため、待っています"),
    "account_missing": _l("差出人が使うSMTPアカウントが設定にないため、待っています"),
    "warm_up": _l("新しい送信ドメインの1日の上限に達したため、翌日に送ります"),
}
DOMAIN_STATES = {
    "flows": _l("送信できています"),
    "slowed": _l("混雑のため減速しています"),
    "half_open": _l("1通だけ送って、様子を見ています"),
    "open": _l("止めて待っています"),
}
DOMAIN_ICONS = {
    "flows": "circle-check",
    "slowed": "clock-pause",
    "half_open": "hourglass",
    "open": "alert-triangle",
}
# Why another product's mail goes first: the position of the planner's order in which the two differ.
_FIRST = {
    "starved": _l("3か月以上待っていた方が先"),
    "expiring": _l("期限の近い方が先"),
    "rank": _l("見込度の高い方が先"),
    "priority": _l("優先順位の高い商材が先"),
    "waiting": _l("長く待っていた方が先"),
    "product_id": _l("登録の早い商材が先"),
    "enrollment_id": _l("登録の早いシナリオが先"),
    "month_taken": _l("1名に送るのは月に1通まで"),
}


def domain(one: Domain) -> str:
    """How a domain stands, with what the server said and until when."""
    words = str(DOMAIN_STATES[one.state])
    if one.state == "open" and one.until is not None:
        words = _("%(at)sまで止めて待っています", at=clock_time(one.until))
    said = str(SERVER_SAID.get(one.reason, ""))
    if said and one.state != "flows":
        words = _("%(words)s：%(said)s", words=words, said=said)
    if one.code and one.state != "flows":
        words = _("%(words)s（%(code)s）", words=words, code=one.code)
    if one.state == "slowed" and one.rate_per_s:
        words = _("%(words)s・毎分%(n)s通まで", words=words, n=f"{one.rate_per_s * 60:,.0f}")
    return words


def plain(code: str) -> str:
    """A reason that needs no other words; the code itself where none is known, so nothing hides."""
    return str(_PLAIN.get(code) or _WON.get(code) or SERVER_SAID.get(code, code))


def held(one: Held) -> str:
    """Why a mail waits, for whom and until when: the one sentence of every page and of the shell."""
    why = _first(one) if one.code in _FIRST else plain(one.code)
    if one.code in _FIRST:
        product = one.product or str(_("別の商材"))
        if one.until is None:
            return str(_("「%(product)s」の枠が先のため保留：%(why)s", product=product, why=why))
        until = full_day(one.until)
        return str(
            _("「%(product)s」の枠が先のため%(day)sまで保留：%(why)s", product=product, day=until, why=why)
        )
    if one.until is None or one.code in ("scenario_paused", "product_paused"):
        return why  # a pause has no date: it lasts until somebody resumes
    return str(_("%(day)sまで保留：%(why)s", day=full_day(one.until), why=why))


def _first(one: Held) -> str:
    """ "warm beats nurture" where the rank decided and both are known, else which of the two goes first."""
    first, mine = one.ranks
    if one.code == "rank" and first and mine and first != mine:
        return str(_("%(first)sが%(second)sより先", first=_low(first), second=_low(mine)))
    return str(_FIRST[one.code])


def _low(rank: str) -> str:
    """A rank's name inside a sentence; Japanese knows no capitals."""
    return word(RANKS, rank).lower()


def won(by: str) -> str:
    """What a mail won its month by, as the reason of those that did not; '' where that says nothing."""
    return str(_FIRST[by]) if by in _FIRST else ""


def reason(line: Line) -> str:
    """Why the mail is in its state, in one sentence; '' where the state says it all."""
    code = line.reason
    if line.state == "carried_over":
        return held(Held(code, line.by_product or "", line.until, line.ranks))
    if line.state == "expired":
        return _expired(line.valid_until)
    if line.state == "sent" and (line.bounce or line.bounce_text):
        return returned_words.came_back(line.bounce, line.bounce_text)
    if line.is_silenced:
        return str(_("このままなら送りません：%(why)s", why=plain(f"lead_{line.stage}")))
    words = plain(code)
    if line.state in ("sent", "handing") and code in _WON:
        return ""
    if line.state in ("retry", "failed") and line.smtp_code:
        words = _("%(words)s（%(code)s）", words=words, code=line.smtp_code)
    if line.state == "retry" and line.attempts:
        words = _("%(words)s・%(n)s回目", words=words, n=line.attempts)
    return words


def _expired(until: date | None) -> str:
    if until is None:
        return str(_("期限が過ぎました"))
    return str(_("期限（%(day)s）が過ぎました", day=short_day(until)))
