"""Calendars: an .ics that came by mail fills the form, and everybody has a secret address of their visits."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from campaigns.parts import Parts
from campaigns.services import invite_ics, read_ics
from campaigns.services.read_ics import MOST, IcsError
from campaigns.storage import appointments as stored
from campaigns.storage import calendars, participants
from campaigns.web import appointment_words as words
from campaigns.web.appointment_forms import pages
from campaigns.web.session import me, needs

__all__ = ["pages"]
FEED_PAST, FEED_AHEAD = timedelta(days=90), timedelta(days=400)


@pages.get("/appointments/import")
@needs()
def import_GET() -> ResponseReturnValue:
    return render_template("web/appointments/import.html", error="", words=words)


@pages.post("/appointments/import")
@needs()
def import_POST() -> ResponseReturnValue:
    """An .ics that came by mail: its time in ours, with whom if we know the mailbox; nothing is written yet."""
    parts, now, sent = _parts(), _now(), request.files.get("file")
    data = sent.read(MOST + 1) if sent is not None and sent.filename else b""
    try:
        read = read_ics.read(data, zone=parts.settings.tz, now=now)
    except IcsError as error:
        told = str(words.ICS[error.code]) % {"said": error.said}
        if error.code == "all_day":
            flash(told, "warn")
            return redirect(url_for(".new_GET", on=error.said), code=303)
        return render_template("web/appointments/import.html", error=told, words=words), 422
    with parts.engine.connect() as tx:
        ours = stored.by_uid(tx, read.uid) if read.uid else None
        person_id = participants.by_address(tx, read.emails)
    if ours is not None:
        if read.is_cancelled:
            flash(_("この予定の取りやめの知らせです。確かめて、取りやめてください。"), "warn")
        else:
            flash(_("すでにある予定です。日時が違うときは、直してください。"), "info")
        return redirect(url_for(".show_GET", appointment_id=ours.id), code=303)
    if read.is_cancelled:
        return render_template(
            "web/appointments/import.html",
            error=_("取りやめの知らせですが、当社の予定にはありません。"),
            words=words,
        ), 422
    _tell_zone(read)
    return redirect(
        url_for(
            ".new_GET",
            person=person_id,
            on=f"{read.starts_at:%Y-%m-%d}",
            at=f"{read.starts_at:%H:%M}",
            until=f"{read.ends_at:%H:%M}",
            place=read.place or None,
            note=read.title or None,
        ),
        code=303,
    )


def _tell_zone(read: read_ics.Read) -> None:
    here = _parts().settings.zone
    at = f"{read.starts_at:%Y-%m-%d %H:%M}"
    if not read.zone:
        flash(_("時間帯の書かれていない予定です。%(zone)s の時刻として読みました。", zone=here), "warn")
    elif read.zone != here:
        flash(
            _(
                "%(from_)s の予定を、%(zone)s の時刻（%(at)s）に直しました。",
                from_=read.zone,
                zone=here,
                at=at,
            ),
            "info",
        )
    if read.repeats:
        flash(_("繰り返しの予定です。この1回だけを取り込みます。"), "info")
    if read.others:
        flash(_("ほかに%(n)s件の予定があります。次の1件だけを取り込みます。", n=read.others), "info")


@pages.get("/appointments/calendar")
@needs()
def feed_GET() -> ResponseReturnValue:
    """The secret address of one's own visits."""
    with _parts().engine.connect() as tx:
        found = calendars.user(tx, me().id)
    address = _feed_address(found[0]) if found and found[0] else ""
    return render_template("web/appointments/calendar.html", address=address)


@pages.post("/appointments/calendar")
@needs()
def feed_POST() -> ResponseReturnValue:
    invite_ics.renew(_parts(), user_id=me().id, now=_now())
    flash(_("カレンダーのアドレスを新しくしました。前のアドレスは使えません。"), "ok")
    return redirect(url_for(".feed_GET"), code=303)


@pages.get("/calendar/<token>.ics")
def calendar_GET(token: str) -> ResponseReturnValue:
    """For calendars: no login, the address is the secret. A wrong one is not found."""
    parts, now = _parts(), _now()
    user_id = invite_ics.user_of(token)
    with parts.engine.connect() as tx:
        user = calendars.user(tx, user_id) if user_id is not None else None
        if user_id is None or user is None or not invite_ics.is_token(parts, token, user_id, user[0]):
            abort(404)
        found = stored.between(tx, now - FEED_PAST, now + FEED_AHEAD, user_id=user_id)
    _no, name, locale = user
    return Response(
        invite_ics.feed(parts, found, name=name, locale=locale, now=now),
        content_type="text/calendar; charset=utf-8",
    )


def _feed_address(no: int) -> str:
    return f"{_parts().settings.base_url}/calendar/{invite_ics.token(_parts(), me().id, no)}.ics"


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts


def _now() -> datetime:
    return _parts().clock.now()
