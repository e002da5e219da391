"""Files that mails link to: public, since recipients open them; the signed token in the address is the key.

Always saved, never shown inside our own site, and typed by what their bytes are. A click on such a link is
counted as any other click on its way here; this page counts nothing and knows nobody.
"""

from __future__ import annotations

from urllib.parse import quote

from flask import Blueprint, Response, abort, current_app, g, request
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts
from campaigns.services import attach

pages = Blueprint("files", __name__)


@pages.before_request
def _nobody() -> None:
    """Nobody here is logged in: no session is read, none is set."""
    g.asks_nobody = True


@pages.get("/f/<token>/<path:name>")
def file_GET(token: str, name: str) -> ResponseReturnValue:
    """The file of the token. The name in the address is only for reading; the file keeps its own."""
    parts: Parts = current_app.extensions["ikusei"]
    found = attach.read(parts, token)
    if found is None:
        return abort(404)
    file, data = found
    answer = Response(data, mimetype=file.mime)
    answer.headers["Content-Disposition"] = saved_as(file.name)
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["X-Robots-Tag"] = "noindex"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.set_etag(file.sha256)
    # Large files over a phone's line are fetched in pieces and resumed.
    return answer.make_conditional(request, accept_ranges=True, complete_length=len(data))


def saved_as(name: str) -> str:
    """The header that names a file to be saved: plain ASCII for old programs, the true name beside it.

    Source: RFC 6266 and RFC 5987.
    """
    plain = name.encode("ascii", "replace").decode().replace("?", "_")
    plain = "".join(c if c.isalnum() or c in "._- " else "_" for c in plain)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
