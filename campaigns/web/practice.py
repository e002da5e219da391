"""Practice mode only: what time the practice clock shows.

Registered only while mail goes to the catcher; an installation that sends for real answers 404 here.
"""

from __future__ import annotations

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

from campaigns.parts import Parts

pages = Blueprint("practice", __name__, url_prefix="/practice")


@pages.get("/clock")
def clock_GET() -> ResponseReturnValue:
    """The practice clock, for the invented recipients."""
    parts: Parts = current_app.extensions["ikusei"]
    return jsonify(now=parts.clock.now().isoformat())
