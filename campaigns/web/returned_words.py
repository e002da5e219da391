"""Words for what came back: why a mailbox takes no mail, and why a scenario stopped itself.

The layers below keep `code: what the server said` (services/take_bounce.Fact.text); the code becomes a
sentence here, and what the server said stands beside it. Filters: returned_reason, returned_short,
hold_reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

# The keys of mailer.bounces.REASONS (a test compares them), and our own.
WHY: Mapping[str, object] = {
    "user_unknown": _l("宛先のメールボックスがありません"),
    "host_unknown": _l("宛先のドメインがないか、メールを受け付けていません"),
    "moved": _l("宛先の方は別のアドレスに移りました"),
    "not_accepting": _l("このドメインはメールを受け付けていません"),
    "mailbox_full": _l("メールボックスの容量がいっぱいです"),
    "suspended": _l("メールボックスが停止されています"),
    "filtered": _l("受信者の設定で受け取りが拒否されました"),
    "rejected": _l("差出人が受信サーバーに拒否されました"),
    "blocked": _l("送信サーバーが受信側に拒否されています"),
    "spam": _l("迷惑メールと判定されました"),
    "auth_failure": _l("送信ドメイン認証（SPF・DKIM・DMARC）に失敗しました"),
    "policy": _l("受信側の方針で拒否されました"),
    "rate_limited": _l("送信が多すぎると受信側に判断されました"),
    "content": _l("内容または添付が拒否されました"),
    "virus": _l("ウイルスと判定されました"),
    "too_big": _l("メールが大きすぎます"),
    "protocol": _l("送受信の手順が拒否されました"),
    "expired": _l("何日か試しても届きませんでした"),
    "network": _l("受信サーバーにつながりませんでした"),
    "system": _l("受信側のシステムの障害です"),
    "delayed": _l("配達が遅れています"),
    "delivered": _l("配達されました"),
    "feedback": _l("受信者からの報告です"),
    "unclear": _l("理由はわかりません"),
    "soft_repeated": _l("一時的な不達が3通続いたため、届かないアドレスとして扱います"),
}
# These say nothing that the state beside them does not say.
_SILENT = frozenset({"", "clicked", "alive", "complaint"})
HOLDS: Mapping[str, object] = {
    "complaints": _l("1週間の迷惑メール報告が0.3％に達したため、自動で一時停止しました"),
}


def why(stored: str) -> str:
    """Why mail came back, in the reader's language, with what the server said. "" where nothing is to say."""
    if stored in _SILENT:
        return ""
    code, colon, said = stored.partition(":")
    if not colon or code not in WHY:
        return stored  # a reply of the first hop, kept as it was said
    if code == "soft_repeated":
        return str(_("%(why)s。最後の理由：%(last)s", why=str(WHY[code]), last=why(said.strip())))
    said = said.strip()
    return str(_("%(why)s（%(said)s）", why=str(WHY[code]), said=said)) if said else str(WHY[code])


def short(stored: str) -> str:
    """The same without what the server said; "" where no reason of ours is known."""
    return str(WHY.get(stored.partition(":")[0], ""))


def came_back(bounce: str, stored: str) -> str:
    """What a sent mail that came back says in a table. bounce: hard, soft, or "" for our own fault."""
    kinds = {
        "hard": _("送信後に戻ってきました（恒久）"),
        "soft": _("送信後に戻ってきました（一時）"),
    }
    gone = kinds.get(bounce, _("送信後に戻ってきました（当社側の理由）"))
    code = stored.partition(":")[0]
    return str(_("%(what)s。%(why)s", what=gone, why=str(WHY[code]))) if code in WHY else str(gone)


def hold(stored: str) -> str:
    """Why something is paused: a person's own words, or ours where it paused by itself."""
    return str(HOLDS.get(stored, stored))


def register(app: Flask) -> None:
    app.jinja_env.filters.update(returned_reason=why, returned_short=short, hold_reason=hold)
