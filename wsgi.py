"""The web server's entry: the tracker in front, the staff's and recipients' pages behind it.

granian --interface wsgi --factory wsgi:create
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from campaigns import logs, parts, settings
from campaigns.web import app
from tracking_pixel.app import Tracker

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def create() -> WSGIApplication:
    """The whole web application of this process, from the environment."""
    chosen = settings.read()
    logs.configure(chosen.log_level)
    built = parts.build(chosen)
    pages = app.create(built)
    return Tracker(
        signer=built.signer,
        stream=built.stream,
        now=built.clock.now,
        fallback=pages,
        sites=chosen.origins(),
        trusted_hops=chosen.trusted_hops,
        counts=built.stream.counts,
    )
