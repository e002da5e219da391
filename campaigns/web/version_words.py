"""Words for what a new version changes: a row's fields, old and new."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import lazy_pgettext

from campaigns.rules.scenarios import Step
from campaigns.rules.versions import WORDS, Change, Choice, Kind
from campaigns.services.publish import Done
from campaigns.web import scenario_words, step_words
from campaigns.web.words import day, number, word

KINDS = {
    Kind.ADDED: lazy_pgettext("version", "追加"),
    Kind.REMOVED: lazy_pgettext("version", "削除"),
    Kind.MOVED: lazy_pgettext("version", "移動"),
    Kind.CHANGED: lazy_pgettext("version", "変更"),
}
ICONS = {Kind.ADDED: "plus", Kind.REMOVED: "trash", Kind.MOVED: "arrow-right", Kind.CHANGED: "pencil"}
CHOICES = {
    Choice.MOVE: (_l("新しい版へ"), _l("新しい版の同じ行から続けます。")),
    Choice.KEEP: (_l("旧版のまま"), _l("いまの版を、最後まで続けます。")),
    Choice.SKIP: (_l("飛ばす"), _l("この行をとばし、新しい版の次の行から続けます。")),
}
GONE = _l("この行はなくなるので、新しい版の次の行から続けます。")
FIELDS = {
    "kind": _l("種類"),
    "offset_months": _l("月"),
    "want_day": _l("希望日"),
    "content_id": _l("内容"),
    "tone": _l("トーン"),
    "valid_until": _l("期限"),
    "title": _l("見出し"),
    "condition": _l("条件"),
    "wait_days": _l("待つ日数"),
    "who": _l("担当"),
    "due_days": _l("期限までの営業日"),
    "event_id": _l("案内する施策"),
    "goto_key": _l("次に進む行"),
}


def name(change: Change) -> str:
    """What a row is called: its content, else its own title, else its kind."""
    step = change.new or change.old
    assert step is not None
    return step_words.title(step) or word(step_words.KINDS, step.kind)


def choices(change: Change) -> list[tuple[Choice, str, str]]:
    """What may become of those who wait at a row: the choice, its name, what it does."""
    found = []
    for choice, (label, does) in CHOICES.items():
        if choice is Choice.SKIP and not change.may_skip:
            continue
        is_gone = choice is Choice.MOVE and not change.may_skip
        found.append((choice, str(label), str(GONE if is_gone else does)))
    return found


def went_on(done: Done) -> str:
    """What became of those who were under way when a version was published."""
    parts = [
        _("%(n)s名は旧版のまま", n=number(done.kept)) if done.kept else "",
        _("%(n)s名は新しい版で", n=number(done.moved - done.skipped)) if done.moved > done.skipped else "",
        _("%(n)s名は行を飛ばして", n=number(done.skipped)) if done.skipped else "",
    ]
    said = str(_("、")).join(str(part) for part in parts if part)
    return str(_("進行中の%(n)s名のうち、%(said)s続けます。", n=number(done.moved + done.kept), said=said))


def fields(change: Change) -> list[tuple[str, str, str]]:
    """The fields that differ: name, old, new; the words of a mail have no old and new that fit a line."""
    if change.old is None or change.new is None:
        return []
    return [
        (str(_("メールの文面")), "", str(_("書き直しました")))
        if field == WORDS
        else (word(FIELDS, field), value(change.old, field), value(change.new, field))
        for field in change.fields
    ]


def value(step: Step, field: str) -> str:
    """One field of a row as people read it."""
    if field == "kind":
        return word(step_words.KINDS, step.kind)
    if field == "offset_months":
        return step_words.month(step.offset_months)
    if field == "want_day":
        return str(_("%(n)s日", n=step.want_day))
    if field == "content_id":
        return step.content_title or "–"
    if field == "tone":
        return word(scenario_words.TONES, step.tone)
    if field in ("valid_until", "event_id"):
        return day(step.valid_until if field == "valid_until" else step.event_on)
    return _more(step, field)


def _more(step: Step, field: str) -> str:
    if field == "condition":
        return step_words.asks(step.condition) if step.condition else "–"
    if field in ("wait_days", "due_days"):
        return str(_("%(n)s日間", n=getattr(step, field)))
    if field == "who":
        return word(step_words.WHO, step.who) if step.who else str(_("自動"))
    if field == "goto_key":
        ways = {"": _("下の行"), "end": _("終わり")}
        return str(ways.get(step.goto_key, _("別の行")))
    return str(getattr(step, field) or "–")
