"""Preview: a mail as one person would get it, made by the code that sends; and a test send to oneself.

Links are shown as they were written and there is no pixel: looking at a mail is not a touch.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime

import redis

from campaigns.parts import Parts
from campaigns.rules.tone_lint import Loud
from campaigns.services import post, proof, render
from campaigns.services.author import Draft
from campaigns.storage import audit, contents, outgoing, reach
from campaigns.storage.contents import Variant
from campaigns.storage.outgoing import Outgoing
from campaigns.storage.reach import Gaps, Somebody
from mailer import look
from mailer.compose import Part, Problem
from mailer.errors import TemplateError
from mailer.stencil import Stencil


@dataclass(frozen=True, slots=True)
class Shown:
    """One mail for one person. html "" when it does not render: then problems say why.

    size: octets of the HTML as it would leave, links wrapped. links: how many are tracked. loud: words that
    sell too loudly, by their place.
    """

    subject: str
    html: str
    text: str
    sender_name: str
    sender_address: str
    to: str
    problems: tuple[Problem, ...]
    loud: tuple[Loud, ...]
    links: int
    size: int


@dataclass(frozen=True, slots=True)
class Faces:
    """People to look at a mail with, and how many of all would be called ご担当者様."""

    people: tuple[Somebody, ...]
    nameless: int


GAPS_KEPT_S = 300


def faces(parts: Parts, *, product_id: int | None) -> Faces:
    with parts.engine.connect() as tx:
        people = reach.faces(tx, product_id=product_id)
    return Faces(people, gaps(parts, product_id=product_id).by_field["氏名"])


def gaps(parts: Parts, *, product_id: int | None) -> Gaps:
    """Whose merge fields are empty; counted over everybody, so it is kept for some minutes."""
    key = f"ikusei:gaps:{product_id or 0}"
    with suppress(redis.RedisError):
        kept = parts.redis.get(key)
        if isinstance(kept, bytes):
            return Gaps(**json.loads(kept))
    with parts.engine.connect() as tx:
        found = reach.gaps(tx, product_id=product_id)
    with suppress(redis.RedisError):
        parts.redis.set(key, json.dumps(asdict(found)), ex=GAPS_KEPT_S)
    return found


def show(parts: Parts, draft: Draft, *, lang: str, product_id: int | None, person_id: int | None) -> Shown:
    """The mail of these words for that person; unsaved words may be shown as well."""
    with parts.engine.connect() as tx:
        row = outgoing.sample(tx, person_id=person_id, product_id=product_id)
    return shown(parts, replace(row, lang=lang), draft, gaps(parts, product_id=product_id))


def shown(parts: Parts, row: Outgoing, draft: Draft, gaps: Gaps) -> Shown:
    """The same for a row that was read before."""
    profile = row.profile
    variant = Variant(
        0, 0, row.lang, "", draft.subject, draft.preheader, draft.html, draft.text, 0, draft.format
    )
    seen = proof.read(parts, variant, row, gaps)
    published, problems = seen.published, list(seen.problems)
    subject = html = text = ""
    if published is not None:
        try:
            made = render.texts(
                row,
                Stencil(published),
                urls=[link.url.encode() for link in published.links],
                unsubscribe_url=f"{parts.settings.base_url}/u/…",
                rsvp_url=f"{parts.settings.base_url}/rsvp/…",
                zone=parts.settings.tz,
            )
            subject, html, text = made.subject, _shown(made.html), _shown(made.text)
        except TemplateError as error:
            detail = {"detail": error.message[:200]}
            problems.insert(0, Problem(Part.HTML, error.line, "syntax", detail))
    return Shown(
        subject,
        html,
        text,
        profile.from_name if profile else "",
        profile.from_address if profile else "",
        row.recipient.full_name,
        tuple(problems),
        seen.loud,
        len(published.links) if published else 0,
        seen.size,
    )


def as_seen(html: str, screen: str) -> str:
    """The shown mail on another screen: dark, inverted, no_images; light for any other word."""
    return look.as_seen(html, screen)


def _shown(octets: bytes) -> str:
    return octets.decode().replace("\r\n", "\n")


def send_test(
    parts: Parts,
    variant: Variant,
    *,
    product_id: int | None,
    person_id: int | None,
    to: str,
    mark: str,
    user_id: int | None,
    now: datetime,
) -> Shown | None:
    """Put the mail of a chosen person into the outbox, addressed to oneself; None when it was queued.

    mark: stands before the subject, so that nobody takes it for the real one. Returns what is wrong
    when it does not render.
    """
    draft = Draft("", "", "", variant.subject, variant.preheader, variant.html, variant.text, variant.format)
    seen = show(parts, draft, lang=variant.lang, product_id=product_id, person_id=person_id)
    if not seen.html:
        return seen
    with parts.engine.begin() as tx:
        post.queue(
            tx,
            origin=f"tx:test:{variant.id}:{secrets.token_hex(6)}",
            to=to,
            subject=f"{mark}{seen.subject}",
            text=seen.text,
            html=seen.html,
            now=now,
            product_id=product_id,
        )
        audit.note(
            tx, noun="content", noun_id=variant.content_id, action="test_send", user_id=user_id, now=now
        )
    return None


def variant_of(parts: Parts, content_id: int, variant_id: int) -> Variant | None:
    with parts.engine.connect() as tx:
        return next((v for v in contents.variants(tx, content_id) if v.id == variant_id), None)
