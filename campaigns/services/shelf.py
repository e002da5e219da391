"""Shelf: freeze approved evergreen contents, so that a scenario may end in "the next unseen one".

So are the contents that ask whether to go on (kind permission), which no row tells. Frozen again whenever the
words change; a mail with an error stays off, and its page says why. Source: S1-11; spec 3.1.12.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules.contents import Status
from campaigns.services import proof
from campaigns.storage import contents, outgoing, shelf
from campaigns.storage.contents import Variant
from campaigns.storage.reach import Gaps
from mailer.findings import is_publishable


def put(parts: Parts, content_id: int, *, now: datetime) -> bool:
    """Bring the shelf up to date with a content; whether it stands there now.

    Pressing a mail takes a tenth of a second, so it is done before the transaction; the lock in it lets the
    later of two savers have the last word.
    """
    with parts.engine.connect() as tx:
        content = contents.get(tx, content_id)
        variants = contents.variants(tx, content_id)
        sample = outgoing.sample(tx, person_id=None, product_id=content.product_id if content else None)
    belongs = content is not None and content.status == Status.APPROVED and content.is_of_shelf
    mails: list[dict[str, object]] = []
    for variant in variants if belongs else ():
        if not (variant.subject or variant.html):
            continue
        seen = proof.read(parts, variant, sample, Gaps(0, {}))
        if seen.published is None or not is_publishable(seen.problems):
            mails = []
            break
        mails.append(
            {
                "lang": variant.lang,
                "buying_role": variant.buying_role,
                "subject": seen.published.subject,
                "preheader": variant.preheader,
                "html": seen.published.html,
                "text": seen.published.text,
                "links": [asdict(link) for link in seen.published.links],
            }
        )
    with parts.engine.begin() as tx:
        now_stored = contents.get(tx, content_id, lock=True)
        if now_stored is None or content is None or now_stored.version != content.version:
            return False  # somebody saved meanwhile, and brings it up to date
        if _words(contents.variants(tx, content_id)) != _words(variants):
            return False
        shelf.replace(tx, content_id, mails, now=now)
    return bool(mails)


def _words(variants: tuple[Variant, ...]) -> list[tuple[int, int]]:
    return [(variant.id, variant.version) for variant in variants]
