"""Preview: a mail as one person would get it, made by the code that sends; and a test send to oneself.

Links are shown as they were written and there is no pixel: looking at a mail is not a touch.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime

from campaigns.parts import Parts
from campaigns.rules import tone_lint
from campaigns.rules.tone_lint import Loud
from campaigns.services import post, publish, render
from campaigns.services.author import Draft
from campaigns.storage import audit, contents, outgoing, reach
from campaigns.storage.contents import Variant
from campaigns.storage.outgoing import Outgoing
from campaigns.storage.reach import Somebody
from mailer import compose
from mailer.errors import TemplateError


@dataclass(frozen=True, slots=True)
class Shown:
    """One mail for one person. html "" when it does not render: then problems say why.

    size: bytes of the HTML. links: how many are tracked. loud: words that sell too loudly.
    """

    subject: str
    html: str
    text: str
    sender_name: str
    sender_address: str
    to: str
    problems: tuple[compose.Problem, ...]
    loud: tuple[Loud, ...]
    links: int
    size: int


@dataclass(frozen=True, slots=True)
class Faces:
    """People to look at a mail with, and how many of all would be called ご担当者様."""

    people: tuple[Somebody, ...]
    nameless: int


def faces(parts: Parts, *, product_id: int | None) -> Faces:
    with parts.engine.connect() as tx:
        return Faces(reach.faces(tx, product_id=product_id), reach.nameless(tx, product_id=product_id))


def show(parts: Parts, draft: Draft, *, lang: str, product_id: int | None, person_id: int | None) -> Shown:
    """The mail of these words for that person; unsaved words may be shown as well."""
    with parts.engine.connect() as tx:
        row = outgoing.sample(tx, person_id=person_id, product_id=product_id)
    return shown(parts, replace(row, lang=lang), draft)


def shown(parts: Parts, row: Outgoing, draft: Draft) -> Shown:
    """The same for a row that was read before."""
    profile = row.profile
    layout = publish.layout_of(profile.legal_name if profile else "", row.product_name)
    variant = Variant(0, 0, row.lang, "", draft.subject, draft.preheader, draft.html, draft.text, 0)
    published, problems = publish.freeze(variant, layout)
    subject = html = text = ""
    if published is not None:
        try:
            made = render.texts(
                row,
                published,
                urls=[link.url for link in published.links],
                unsubscribe_url=f"{parts.settings.base_url}/u/…",
                zone=parts.settings.tz,
            )
            subject, html, text = made.subject, made.html, made.text
        except TemplateError as error:
            problems = [
                *problems,
                compose.Problem(compose.Part.HTML, error.line, "syntax", {"detail": error.message}),
            ]
    loud = tone_lint.findings({"subject": draft.subject, "preheader": draft.preheader, "body": draft.html})
    return Shown(
        subject,
        html,
        text,
        profile.from_name if profile else "",
        profile.from_address if profile else "",
        row.recipient.full_name,
        tuple(problems),
        loud,
        len(published.links) if published else 0,
        len(html.encode()),
    )


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
    draft = Draft("", "", "", variant.subject, variant.preheader, variant.html, variant.text)
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
