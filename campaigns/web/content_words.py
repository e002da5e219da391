"""Words for ideas and contents: where each stands, and what its readers say to it."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

STATUS = {
    "idea": _l("ネタ"),
    "draft": _l("下書き"),
    "approved": _l("承認済み"),
    "retired": _l("使用終了"),
}
STATUS_ICONS = {"idea": "bulb", "draft": "pencil", "approved": "circle-check", "retired": "circle-minus"}
STATUS_CHIPS = {"idea": "warm", "draft": "info", "approved": "ok", "retired": "plain"}
# The last step of a content: who and when stand behind it.
STEPS = {
    "note_idea": _l("記入"),
    "draft": _l("下書きに"),
    "approve": _l("承認"),
    "retire": _l("使用終了"),
}
DONE = {
    "draft": _l("下書きに戻しました。承認するまで、シナリオは公開できません。"),
    "approved": _l("承認しました。シナリオで使えます。"),
    "retired": _l("使用を終えました。すでに公開した分は、そのまま送られます。"),
}
REFUSED = {
    "not_from_here": _l("いまの状態からは変えられません。ほかの人が先に変更したのかもしれません。"),
    "without_mail": _l("件名か本文がまだありません。書いてから承認してください。"),
}


def alarm(code: str, rate: float) -> str:
    """Why a mail or theme tires its readers."""
    percent = f"{100 * rate:.1f}"
    if code == "over_bar":
        return str(
            _("受信拒否が%(rate)s%%です（目安は0.5%%まで）。テーマか頻度を見直してください。", rate=percent)
        )
    return str(_("受信拒否が%(rate)s%%で、この商材のいつもの3倍を超えました。", rate=percent))
