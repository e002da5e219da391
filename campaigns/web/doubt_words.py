"""Why a touch counts as a machine's, or as a person's after all: the verdict's codes in words."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.web.words import Table
from tracking_pixel.bots import Verdict

REASONS: Table = {
    "trap": _l("目に見えないリンクまで開いた"),
    "head": _l("リンクの有無だけを確かめた（HEAD）"),
    "unsubscribe": _l("配信停止のページも一緒に開いた"),
    "burst": _l("10秒のうちに3つ以上のリンクを開いた"),
    "crawler": _l("自動巡回を名乗っている"),
    "learned_network": _l("複数の会社のメールを自動で開いているネットワークから"),
    "same_caller": _l("ほかのリンクを自動で開いた端末から"),
    "early": _l("届いてから30秒たっていない"),
    "pair": _l("2つのリンクをほぼ同時に開いた"),
    "no_agent": _l("ブラウザー名がない"),
    "echo": _l("ほかの人のクリックを確認のために繰り返した"),
    "no_beat": _l("開いたページで操作がない"),
    "no_input": _l("ページで操作がない"),
    "after_machine_click": _l("自動のクリックで開いたページ"),
    "proxy_apple": _l("Appleが画像を先に読み込んだ"),
    "proxy_google": _l("Gmailが画像を代わりに読み込んだ"),
    "proxy_yahoo": _l("Yahoo!が画像を代わりに読み込んだ"),
    "proxy_outlook": _l("Outlookが画像を代わりに読み込んだ"),
    "input_on_page": _l("開いたページで操作があった"),
    "known_caller": _l("同じ端末で、ほかのページの操作があった"),
}
FOR_PEOPLE = ("input_on_page", "known_caller")
SHOWN = 2


def doubt(validity_reason: str) -> str:
    """What is said of a click or view that counts for nothing."""
    is_sure = validity_reason.partition(":")[0] == Verdict.SCANNER
    return str(_("自動巡回・点数なし") if is_sure else _("自動巡回の疑い・点数なし"))


def why(validity_reason: str) -> str:
    """The strongest reasons of a verdict (`verdict:code,code`); what cleared a person instead of what was doubted."""
    verdict, _colon, listed = validity_reason.partition(":")
    codes = [code for code in listed.split(",") if code in REASONS]
    if verdict == Verdict.HUMAN:
        codes = [code for code in codes if code in FOR_PEOPLE]
    return str(_("、")).join(str(REASONS[code]) for code in codes[:SHOWN])
