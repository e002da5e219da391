"""Words for the DNS records of a sender: what each is for, how it stands, what to do."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.services.check_dns import Checked
from campaigns.web.words import Table

STATES: Table = {
    "unchecked": _l("未確認"),
    "match": _l("一致"),
    "mismatch": _l("不一致"),
    "missing": _l("見つからない"),
}
# state -> (chip, icon): colour is never the only sign
STATE_CHIPS = {
    "unchecked": ("plain", "help-circle"),
    "match": ("ok", "circle-check"),
    "mismatch": ("bad", "alert-triangle"),
    "missing": ("bad", "circle-x"),
}
PURPOSES: Table = {
    "spf": _l("送ってよいサーバーの一覧"),
    "dkim": _l("電子署名の公開鍵"),
    "dmarc": _l("なりすましの扱いと報告先"),
    "mx": _l("不達の知らせと返信の受け口"),
}
PROBLEMS: Table = {
    "no_record": _l("このレコードはまだ公開されていません。"),
    "no_answer": _l("DNSから答えがありませんでした。"),
    "several": _l("同じレコードが%(detail)s個あります。1個だけにしてください。"),
    "no_keys": _l("署名の鍵がまだありません。"),
    "keys_broken": _l("署名の鍵を読めません：%(detail)s"),
    "spf_several": _l("SPFレコードが%(detail)s個あります。1個にまとめてください。"),
    "spf_syntax": _l("「%(detail)s」は正しい書き方ではありません。"),
    "spf_loop": _l("%(detail)sが自分自身を参照しています。"),
    "spf_include_broken": _l("参照先の%(detail)sにSPFレコードがありません。"),
    "spf_too_many_lookups": _l("DNSの参照が%(detail)s回になります。上限は10回です。"),
    "spf_allows_everyone": _l("+all では、だれでもこのドメインを名乗って送れます。"),
    "spf_not_covered": _l("%(detail)sが含まれていません。示した値に書き換えてください。"),
    "spf_server_unknown": _l("公開されています。送信サーバーのアドレスが含まれているか、ご確認ください。"),
    "dkim_no_key_record": _l("DKIMの鍵ではないレコードです。"),
    "dkim_revoked": _l("鍵が取り消されています（p= が空です）。"),
    "dkim_other_key": _l("違う鍵が公開されています。"),
    "dkim_other_type": _l("鍵の種類（k=）が違います。"),
    "dkim_not_for_mail": _l("h= または s= が、この使い方を許していません。"),
    "dmarc_no_policy": _l("p= には none、quarantine、reject のどれかが必要です。"),
    "mx_null": _l("このドメインは、メールを受け取らないと宣言しています。"),
    "mx_no_address": _l("%(detail)sのアドレスが見つかりません。"),
}
NOTES: Table = {
    "fill_in_server": _l("SERVER-ADDRESS を、送信サーバーの公開IPアドレスに置き換えてください。"),
    "fill_in_mx": _l("MAIL-SERVER を、このドメインのメールを受けるサーバーに置き換えてください。"),
    "spf_not_aligned": _l("不達を受けるドメインが差出人と別の組織です。DMARCはDKIMだけで判定されます。"),
    "spf_open_end": _l("最後は ~all か -all にしてください。"),
    "key_new": _l("新しい鍵です。公開を確かめてから有効にすると、署名を始めます。"),
    "key_active": _l("この鍵で署名しています。"),
    "key_retired": _l("引退した鍵です。届く途中のメールのため、7日間は公開したままにします。"),
    "dkim_testing": _l("t=y があると、署名がないものとして扱われます。外してください。"),
    "rua_must_exist": _l("rua= には、読んでいるメールアドレスを書きます。"),
    "dmarc_of_parent": _l("親ドメインのレコードが使われます。"),
    "dmarc_advise_quarantine": _l("報告に自社のサーバーだけが並んだら、p=quarantine に進めます。"),
    "dmarc_no_reports": _l("rua= がないため、報告が届きません。"),
    "dmarc_strict": _l("厳格な照合です。差出人・不達先・DKIMのドメインが完全に同じ必要があります。"),
    "mx_implicit": _l("MXレコードがないため、ドメイン自身のアドレスに届きます。"),
}


def problem(one: Checked) -> str:
    """What is wrong with a record, or "" when nothing is."""
    if one.problem:
        return _filled(PROBLEMS, one.problem, one.detail)
    if one.wanted.kind == "spf" and one.detail:
        counted: str = _("DNSの参照は%(n)s回（上限10回）です。", n=one.detail)
        return counted
    return ""


def advice(one: Checked) -> list[str]:
    """What to do, each a sentence; what the table does not know is left out, the problem says it already."""
    return [_filled(NOTES, code, "") for code in one.advice if code in NOTES]


def _filled(table: Table, code: str, detail: str) -> str:
    words = str(table.get(code, code))
    # Not by %: a record that somebody else wrote may hold any sign.
    return words.replace("%(detail)s", detail)
