"""Passes of events: the page behind a personal QR code, the check-in at the reception, the sheet of badges.

Opened by anybody the page is a pass and changes nothing; staff who are signed in see who stands before them and
press once. Whoever finds a badge learns the company, not the name.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, current_app, flash, g, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_login import current_user

from campaigns.parts import Parts
from campaigns.rules.forms import LANGS
from campaigns.services import check_in
from campaigns.web import form_words, qr
from campaigns.web.session import me, needs

pages = Blueprint("badges", __name__)


@pages.get("/q/<token>")
def pass_GET(token: str) -> ResponseReturnValue:
    parts = _parts()
    found = check_in.look(parts, token, now=parts.clock.now())
    if found is None:
        g.asks_nobody = True
        return render_template("public/not_found.html", settings=None, token=""), 404
    if current_user.is_authenticated:
        return render_template("web/forms/check_in.html", found=found, token=token, words=form_words)
    lang = request.args.get("lang") if request.args.get("lang") in LANGS else None
    lang = lang or request.accept_languages.best_match(LANGS) or "ja"
    g.language = lang
    answer = make_response(
        render_template(
            "public/pass.html",
            found=found,
            code=qr.svg(f"{parts.settings.base_url}/q/{token}", label=_("受付で読み取るQRコード")),
            form_url=f"/form/{found.form.public_key}?" + urlencode({"q": token, "lang": lang})
            if found.form
            else "",
            lang=lang,
            langs=LANGS,
            sender=found.sender,
            embed=False,
            is_live=False,
            noindex=True,
            here=lambda **changed: f"{request.path}?{urlencode(changed)}",
        )
    )
    # The address is somebody's key: it goes to no other site.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@pages.post("/q/<token>")
@needs()
def pass_POST(token: str) -> ResponseReturnValue:
    """At the reception: they came. Scanned again, it says when."""
    parts = _parts()
    done = check_in.run(parts, token, user_id=me().id, now=parts.clock.now())
    if done is None:
        return render_template("public/not_found.html", settings=None, token=""), 404
    flash(_("受け付けました。") if done[1] else _("すでに受付済みです。"), "ok" if done[1] else "info")
    return redirect(url_for(".pass_GET", token=token), code=303)


@pages.get("/events/<int:event_id>/badges")
@needs("marketer")
def sheet_GET(event_id: int) -> ResponseReturnValue:
    """Badges for everybody who signed up, ten on a page of A4."""
    found = check_in.sheet(_parts(), event_id)
    return render_template(
        "web/forms/badges.html",
        sheet=found,
        event_id=event_id,
        codes=[qr.svg(url) for _guest, url in found.guests],
    )


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
