"""Where mail providers post what came back: /hooks/<provider>. For machines alone.

A signature is the authority: no login, no cookie, no CSRF token, and it is proved before anything is asked
of the database. Answers on purpose: 400 bad signature, 200 known or useless, 500 try again, 404 while the
provider's secret is not set. Source: design 7; docs/settings.md.
"""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Blueprint, current_app, g, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from campaigns.parts import Parts
from campaigns.services import take_event
from campaigns.services.take_event import BadSignature, Call, TryAgain, Unknown

pages = Blueprint("returned", __name__, url_prefix="/hooks")

AWAY = (OperationalError, InterfaceError, PoolTimeout)
# A batch of SendGrid's is below 1 MB; Postmark adds the whole returned mail when asked to.
MAX_BODY = 4 * 1024 * 1024
PLAIN = {"Content-Type": "text/plain; charset=utf-8"}


@pages.before_request
def _small() -> None:
    request.max_content_length = MAX_BODY
    g.asks_nobody = True


@pages.post("/<provider>")
@pages.post("/<provider>/<secret>")
def event_POST(provider: str, secret: str = "") -> ResponseReturnValue:
    """Events of a provider, as its documentation describes them."""
    parts: Parts = current_app.extensions["ikusei"]
    if not take_event.is_known(parts.settings, provider):
        return "not found\n", 404, PLAIN
    call = Call(
        payload=request.get_data(cache=False),
        headers={name.lower(): value for name, value in request.headers.items()},
        at=datetime.now(UTC),
        in_path=secret,
    )
    try:
        take_event.receive(parts, provider, call, now=parts.clock.now())
    except Unknown:
        return "not found\n", 404, PLAIN
    except BadSignature as error:
        current_app.logger.warning("a post to /hooks/%s was not proved: %s", provider, error)
        return "bad signature\n", 400, PLAIN
    except (TryAgain, *AWAY):
        return "try again\n", 500, {**PLAIN, "Retry-After": "60"}
    return "OK\n", 200, PLAIN
