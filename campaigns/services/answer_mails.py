"""The mail to somebody who has said yes to an invitation: the entry pass, that all seats are taken, or that one is free.

A transactional mail of the outbox, once a state; its words stand here, since no page's language is at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules.events import Plan
from campaigns.services import event_lines, form_mails, post
from campaigns.storage import products
from campaigns.storage.event_answers import Asked, Given
from tracking_pixel.links import Links

WORDS: Mapping[str, Mapping[str, str]] = {
    "ja": {
        "yes": "ご出席を承りました：{event}",
        "waiting": "キャンセル待ちを承りました：{event}",
        "yes_head": "ご返事をいただき、ありがとうございます。当日、お待ちしております。",
        "waiting_head": "ただいま定員に達しているため、キャンセル待ちとして承りました。空きが出ましたら、ご連絡します。",
        "seat": "お席をご用意しました：{event}",
        "seat_head": "お待たせいたしました。空きが出ましたので、お席をご用意しました。当日、お待ちしております。",
        "pass": "受付票（当日、受付でご提示ください）",
        "change": "ご都合が変わったときは、こちらから変えられます。",
        "why": "このメールは、{event}のご案内にお答えいただいたアドレスへ自動でお送りしています。",
    },
    "en": {
        "yes": "You are registered: {event}",
        "waiting": "You are on the waiting list: {event}",
        "yes_head": "Thank you for your answer. We look forward to seeing you.",
        "waiting_head": "All seats are taken at the moment. You are on the waiting list; we will let you know.",
        "seat": "A seat for you: {event}",
        "seat_head": "Thank you for waiting: a seat has become free, and it is yours. We look forward to seeing you.",
        "pass": "Your entry pass (please show it at the reception):",
        "change": "If your plans change, you can change your answer here:",
        "why": "This mail was sent automatically to the address that answered the invitation to {event}.",
    },
}


def confirm(
    tx: Connection,
    parts: Parts,
    asked: Asked,
    event: Plan,
    given: Given | None,
    *,
    has_waited: bool = False,
    now: datetime,
) -> bool:
    """Tell them what their yes has come to. has_waited: the seat is one that became free. True when the mail is new."""
    if given is None or not asked.email or asked.delivery_id is None:
        return False
    words = WORDS.get(asked.lang, WORDS["ja"])
    state = "waiting" if given.is_waiting else "seat" if has_waited else "yes"
    lines = [words[f"{state}_head"], "", *event_lines.of(event, asked.lang)]
    if not given.is_waiting:
        lines += ["", words["pass"], form_mails.pass_url(parts, asked.person_id, asked.event_id)]
    links = Links(parts.signer, parts.settings.base_url, sites=parts.settings.origins())
    lines += ["", words["change"], links.rsvp_url(asked.delivery_id)]
    sender = products.sender_of(tx, asked.product_id)
    foot = (sender.legal_name, sender.postal_address, sender.inquiry) if sender else ()
    lines += ["", "--", words["why"].format(event=event.name), *(line for line in foot if line)]
    text = "\n".join(lines) + "\n"
    queued = post.queue(
        tx,
        # Who gives a seat back and waits again is told again, each time that they get one.
        origin=f"tx:rsvp:{given.id}:{state}" + (f":{given.at.timestamp():.0f}" if has_waited else ""),
        to=asked.email,
        subject=words[state].format(event=event.name),
        text=text,
        html=form_mails.as_html(text),
        now=now,
        person_id=asked.person_id,
        address_id=asked.address_id,
        product_id=asked.product_id,
    )
    return queued is not None
