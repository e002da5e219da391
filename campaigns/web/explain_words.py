"""Words for `explain`: why a month brought a mail or none, on the person's page and in the shell alike."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import pgettext

from campaigns.rules.explaining import Why
from campaigns.services.explain import Entry, Explained
from campaigns.storage.deliveries import Line
from campaigns.web import delivery_words, lead_words, outlook_words
from campaigns.web.words import REFUSAL_REASONS, SCOPES, STATES, day, moment, month_name, short_day, word

TENSES = {"past": "", "present": _l("今月"), "future": _l("これから")}
# Reasons that only a month without a mail can have; all others are those of deliveries.
_NONE = {
    "not_yet_enrolled": _l("まだこのシナリオに参加していませんでした（%(month)sから）"),
    "no_step_left": _l("シナリオの最後のメールまで終わっています"),
    "not_due": _l("次の「%(title)s」は%(month)s以降の予定です"),
    "month_taken": _l("この月の枠は「%(product)s」のメールが使いました"),
    "less_often": _l("回数を減らす希望により、この月はお休みです"),
    "waits_decision": _l("「%(title)s」を送るかどうか、次の判定で決まります"),
    "expected": _l("「%(title)s」を送る見込みです（ほかの商材が先になれば、後の月に回ります）"),
    "owner_asked": _l("担当営業の了承を待っています"),
    "sending_paused": _l("すべての配信を止めていました"),
    "stopped": _l("シナリオへの参加は終わっています"),
    "branch_decides": _l("%(ways)sを送る見込みです"),
    "branch_decides_later": _l("次は%(month)s以降で、%(ways)sの予定です"),
    "no_record": _l("記録からは理由がわかりません"),
}


def label(entry: Entry) -> str:
    """The state in a word: that of the delivery, "no mail", or what is expected."""
    if entry.line is not None:
        return word(STATES, entry.line.state)
    assert entry.why is not None
    if entry.why.code == "expected":
        return str(pgettext("why", "見込み"))
    if entry.why.code == "held":
        return word(STATES, "carried_over")
    if entry.why.code == "branch_decides":
        return str(_("分岐しだい"))
    return str(_("判定待ち") if entry.why.code == "waits_decision" else _("なし"))


def sentence(entry: Entry) -> str:
    """Why, in one sentence."""
    if entry.line is not None:
        return _delivery(entry.line)
    assert entry.why is not None
    return _without(entry.why)


def _delivery(line: Line) -> str:
    said = [delivery_words.reason(line)]
    if line.state in ("sent", "in_doubt") and line.sent_at:
        said.insert(0, str(_("%(at)sに送信", at=moment(line.sent_at))))
    elif line.state in ("planned", "retry") and line.send_at:
        at = moment(line.send_at)
        said.insert(0, str(_("予定は%(at)s", at=at) if line.is_silenced else _("%(at)sに送る予定", at=at)))
    return str(_("・")).join(part for part in said if part)


def _without(why: Why) -> str:
    if why.held is not None:
        return delivery_words.held(why.held)
    known = _NONE.get(why.code)
    words = str(known if known is not None else delivery_words.plain(why.code))
    is_open = why.code in ("branch_decides", "branch_decides_later")
    values = {
        "month": month_name(why.month),
        "title": outlook_words.title(why.chances[0]) if why.chances else why.title or _("無題のメール"),
        "product": why.product,
        "ways": outlook_words.ways(why.chances) if is_open else "",
    }
    for name, value in values.items():
        words = words.replace(f"%({name})s", str(value))
    if why.by and (first := delivery_words.won(why.by)):
        words = _("%(words)s：%(why)s", words=words, why=first)
    if why.since is not None:
        words = _("%(words)s（%(day)sから）", words=words, day=short_day(why.since))
    return words


def facts(found: Explained) -> list[str]:
    """What holds for the person now, whatever the month."""
    person = found.person
    said = []
    if found.is_sending_paused:
        said.append(_("すべての配信を止めています"))
    if person.writes_to is None:
        said.append(_("メールアドレスがありません"))
    else:
        status = word(lead_words.MAIL_STATUS, person.address_status)
        if person.address_status_at and person.address_status in ("hard", "complaint", "soft"):
            status = _("%(words)s（%(day)sから）", words=status, day=short_day(person.address_status_at))
        said.append(_("宛先 %(email)s：%(status)s", email=person.writes_to, status=status))
    if person.excluded_reason:
        said.append(_("対象外：%(why)s", why=word(lead_words.EXCLUDED, person.excluded_reason)))
    for refusal in found.refusals:
        what = refusal.product or word(SCOPES, refusal.scope)
        said.append(
            _("配信停止：%(what)s（%(how)s、%(day)s）",
              what=what, how=word(REFUSAL_REASONS, refusal.reason), day=short_day(refusal.at))
        )  # fmt: skip
    if not found.consents:
        said.append(_("同意の記録がありません"))
    else:
        newest = found.consents[-1]
        said.append(
            _(
                "同意：%(basis)s（%(day)s）",
                basis=word(lead_words.BASES, newest.basis),
                day=short_day(newest.obtained_at),
            )
        )
    if person.every_months > 1:
        said.append(_("%(n)sか月に1通まで（ご本人の希望）", n=person.every_months))
    if person.next_free_on:
        said.append(_("次のメールは%(day)s以降（前のメールとの間隔）", day=day(person.next_free_on)))
    if person.plan_at and person.plan_at.year < 9999:
        said.append(_("次の判定は%(day)s", day=day(person.plan_at)))
    said.extend(_("「%(product)s」のシナリオには参加していません", product=name) for name in found.missing)
    return [str(one) for one in said]
