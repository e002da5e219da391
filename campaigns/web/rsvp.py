"""The page behind an invitation's link: yes, not sure, no. Opened by anybody who has the link.

The signed token is the authority: no login, no cookie, no CSRF token. GET and HEAD change nothing, since scanners
follow every link; a press answers. The page names the mailbox, partly hidden, and no person.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, current_app, g, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import force_locale

from campaigns.parts import Parts
from campaigns.rules.events import Answer
from campaigns.rules.forms import LANGS
from campaigns.services import answer_event
from campaigns.services.answer_event import Invitation

pages = Blueprint("rsvp", __name__)
MAX_BODY = 16 * 1024


@pages.before_request
def _small() -> None:
    """A press is a few bytes; and nobody here is logged in, so no session is read."""
    request.max_content_length = MAX_BODY
    g.asks_nobody = True


@pages.get("/rsvp/<token>")
def answer_GET(token: str) -> ResponseReturnValue:
    parts = _parts()
    return _page(answer_event.look(parts, token, now=parts.clock.now()), token)


@pages.post("/rsvp/<token>")
def answer_POST(token: str) -> ResponseReturnValue:
    parts, said = _parts(), request.form.get("answer", "")
    now = parts.clock.now()
    if said not in list(Answer):
        # A press that says nothing is a person whose form was lost on the way: show it again, change nothing.
        return _page(answer_event.look(parts, token, now=now), token, status=400)
    found = answer_event.run(parts, token, Answer(said), now=now)
    return _page(found, token, is_pressed=True, status=409 if found and found.refused else 200)


def _page(
    found: Invitation | None, token: str, *, is_pressed: bool = False, status: int = 200
) -> ResponseReturnValue:
    if found is None:
        return render_template("public/not_found.html", settings=None, token=""), 404
    asked = request.args.get("lang", "")
    lang = asked if asked in LANGS else found.lang if found.lang in LANGS else "ja"
    g.language = lang
    with force_locale(lang):
        answer = make_response(
            render_template(
                "public/rsvp.html",
                found=found,
                plan=found.event,
                token=token,
                is_pressed=is_pressed,
                lang=lang,
                langs=LANGS,
                sender=found.sender,
                embed=False,
                is_live=False,
                noindex=True,
                here=lambda **changed: f"{request.path}?{urlencode(changed)}",
            ),
            status,
        )
    answer.headers["X-Robots-Tag"] = "noindex"
    # The address of this page is somebody's key: it goes to no other site.
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


def _parts() -> Parts:
    parts: Parts = current_app.extensions["ikusei"]
    return parts
