"""Sender profiles: who writes, with the items the law wants in every mail, and what is still missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import cast

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from campaigns.parts import Parts
from campaigns.rules import warmup
from campaigns.services import check_dns, dns_records, resolver, sender_profiles
from campaigns.services.catalogue import Invalid, Stale
from campaigns.services.check_dns import Report
from campaigns.services.dns_records import Identity
from campaigns.storage.products import Sender
from campaigns.web import dns_words
from campaigns.web.product_words import errors as error_words
from campaigns.web.session import me, needs

pages = Blueprint("senders", __name__, url_prefix="/senders")

LABELS = {
    "name": _l("この情報の呼び名"),
    "legal_name": _l("氏名・名称"),
    "postal_address": _l("住所"),
    "inquiry": _l("苦情・問い合わせ先"),
    "from_name": _l("差出人の表示名"),
    "from_address": _l("差出人アドレス"),
    "reply_to": _l("返信の届く先"),
    "return_path_domain": _l("不達メールを受けるドメイン"),
    "privacy_url": _l("個人情報の取り扱いのURL"),
    "smtp_account": _l("使うSMTPアカウント"),
    "warmup_from": _l("開始日"),
    "warmup_first": _l("初日の上限"),
}


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _form(
    sender_id: int | None,
    values: Mapping[str, object],
    *,
    errors: Mapping[str, str],
    theirs: Mapping[str, object],
    missing: tuple[str, ...] = (),
) -> str:
    records = _records(sender_id)
    return render_template(
        "web/senders/edit.html",
        sender_id=sender_id,
        values=values,
        errors=error_words(errors),
        theirs=theirs,
        labels=LABELS,
        missing=missing,
        accounts=_accounts(str(values.get("smtp_account") or "")),
        warmup=_warmup(sender_id, values),
        dns=records,
        has_new_keys=records is not None and any(one.wanted.key_state == "new" for one in records.checks),
        DNS_STATES=dns_words.STATES,
        DNS_CHIPS=dns_words.STATE_CHIPS,
        DNS_PURPOSES=dns_words.PURPOSES,
        dns_problem=dns_words.problem,
        dns_advice=dns_words.advice,
    )


@dataclass(frozen=True, slots=True)
class _Warmup:
    """What the warm-up panel shows. today: mails let out today and the day's ceiling; None outside of it."""

    days: tuple[warmup.Day, ...]
    open_from: date
    today: tuple[int, int] | None


def _warmup(sender_id: int | None, values: Mapping[str, object]) -> _Warmup | None:
    """The coming week of a profile that is stored with a first day, or of what is being typed."""
    start, first = values.get("warmup_from"), values.get("warmup_first") or warmup.FIRST
    try:
        start = start if isinstance(start, date) else date.fromisoformat(str(start or ""))
        first = int(str(first))
    except ValueError:
        return None
    if not 1 <= first <= warmup.FIRST_MAX:
        return None
    parts = _parts()
    today = parts.clock.now().astimezone(parts.settings.tz).date()
    days = tuple(warmup.plan(start, first, today=today))
    now = days[0].ceiling if sender_id and days[0].day == today else None
    return _Warmup(
        days=days,
        open_from=warmup.open_from(start, first),
        today=None
        if now is None or sender_id is None
        else (sender_profiles.let_out(parts, sender_id, today=today), now),
    )


def _accounts(chosen: str) -> list[tuple[str, str]]:
    """The choices of SMTP accounts; empty where there is nothing to choose."""
    names = sender_profiles.accounts(_parts())
    if len(names) < 2 and chosen in ("", *names):
        return []
    gone = (
        [(chosen, _("%(name)s（設定にありません）", name=chosen))] if chosen and chosen not in names else []
    )
    return [("", _("すべて（重みで分けます）")), *((name, name) for name in names), *gone]


def _shown(sender: Sender) -> dict[str, object]:
    return {**asdict(sender), "warmup_from": sender.warmup_from or ""}


def _identity(sender_id: int | None) -> Identity | None:
    """The domains of the profile as it is stored, not as it is being typed."""
    sender = sender_profiles.find(_parts(), sender_id) if sender_id else None
    if sender is None:
        return None
    return dns_records.identity(
        _parts().settings, from_address=sender.from_address, return_path_domain=sender.return_path_domain
    )


def _records(sender_id: int | None) -> Report | None:
    """The DNS records of the profile with what the last check found."""
    who = _identity(sender_id)
    return None if who is None else check_dns.last(_parts(), who, now=_parts().clock.now())


@pages.get("/", strict_slashes=False)
@needs("marketer")
def index_GET() -> ResponseReturnValue:
    return render_template("web/senders/index.html", senders=sender_profiles.listed(_parts()))


@pages.get("/new")
@needs("marketer")
def new_GET() -> ResponseReturnValue:
    return _form(None, {"warmup_first": warmup.FIRST}, errors={}, theirs={})


@pages.post("/new")
@needs("marketer")
def new_POST() -> ResponseReturnValue:
    parts = _parts()
    try:
        sender_id = sender_profiles.add(parts, request.form, user_id=me().id, now=parts.clock.now())
    except Invalid as error:
        return _form(None, request.form, errors=error.errors, theirs={}), 422
    flash(_("送信者情報を登録しました。"), "ok")
    return redirect(url_for("senders.edit_GET", sender_id=sender_id))


@pages.get("/<int:sender_id>")
@needs("marketer")
def edit_GET(sender_id: int) -> ResponseReturnValue:
    sender = sender_profiles.find(_parts(), sender_id) or abort(404)
    return _form(sender_id, _shown(sender), errors={}, theirs={}, missing=sender.missing)


@pages.post("/<int:sender_id>")
@needs("marketer")
def edit_POST(sender_id: int) -> ResponseReturnValue:
    parts = _parts()
    if sender_profiles.find(parts, sender_id) is None:
        abort(404)
    version = request.form.get("version", 0, type=int)
    try:
        sender_profiles.save(
            parts, sender_id, request.form, version=version, user_id=me().id, now=parts.clock.now()
        )
    except Invalid as error:
        return _form(sender_id, request.form, errors=error.errors, theirs={}), 422
    except Stale as error:
        theirs = _shown(cast(Sender, error.now))
        mine = {**request.form, "version": error.now.version}
        return _form(sender_id, mine, errors={}, theirs=theirs), 409
    flash(_("保存しました。"), "ok")
    return redirect(url_for("senders.edit_GET", sender_id=sender_id))


@pages.post("/<int:sender_id>/dns")
@needs("marketer")
def dns_POST(sender_id: int) -> ResponseReturnValue:
    """Ask DNS now; bounded by resolver.TOTAL_S, and by one timeout where no resolver answers."""
    parts = _parts()
    if sender_profiles.find(parts, sender_id) is None:
        abort(404)
    who, page = _identity(sender_id), url_for("senders.edit_GET", sender_id=sender_id, _anchor="dns")
    lookup = resolver.of(parts.settings)
    if who is None:
        return redirect(page)
    made = check_dns.report(parts.settings, who, lookup=lookup, now=parts.clock.now())
    check_dns.remember(parts, made)
    if made.at is None:
        return redirect(url_for("senders.edit_GET", sender_id=sender_id, dns="silent", _anchor="dns"))
    if made.is_wrong:
        flash(_("DNSを確認しました。直すところがあります。"), "warn")
    else:
        flash(_("DNSを確認しました。"), "ok")
    return redirect(page)
