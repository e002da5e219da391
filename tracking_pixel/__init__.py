"""Token in, event out: signed links, a tiny WSGI app, an event stream, verdicts about machines.

A library: it knows nothing of people, SQL or Flask. One page of use:

    signer = Signer({1: key}, current=1)
    links = Links(signer, "https://m.example.co.jp", sites={"https://www.example.co.jp"})
    links.open_url(7), links.click_url(7, 1, "https://www.example.co.jp/case/")
    stream = Stream.connect("redis://...", "events", Spool(Path("var/spool")))
    application = Tracker(signer, stream, now=utcnow, fallback=flask_app, sites=links.sites)
    writer = stream.writer()  # on an event loop: LoopTracker(Tracker(signer, writer, ...), writer)
    consumer = Consumer.connect("redis://...", "events")
    bots.judge(events_of_one_delivery, sent_at=..., known=Known(sites, networks.scanners(...)))

Errors: TrackingError > BadToken (forged, cut, of another kind, unknown key), Expired (a visit older than
30 days), BadTarget (a link that we refuse to sign), BadEvent (bytes that are no event).
"""

from __future__ import annotations


class TrackingError(Exception):
    """Everything that this package raises on purpose."""


class BadToken(TrackingError):
    """Forged, cut, re-encoded, of another kind or signed by a key that we do not hold."""


class Expired(BadToken):
    """A genuine token that is past its time."""


class BadTarget(TrackingError):
    """A link target that must not be signed or followed."""


class BadEvent(TrackingError):
    """Bytes that do not hold an event."""
