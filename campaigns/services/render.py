"""Render: from a delivery to the mail that leaves, for a whole batch.

What is the same for a published mail is done once (inlining at publish, compiled templates, the MIME
skeleton, the footer); what is left for each recipient is three template renders and a few signatures.
The preview and the test send go through `texts`, the same code. Source: design 3, 4; S4-14; LAW-06.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, lru_cache, partial
from hashlib import blake2b
from ipaddress import ip_address
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from campaigns.parts import Parts
from campaigns.rules import merge_fields
from campaigns.rules.merge_fields import Bond
from campaigns.storage import outgoing
from campaigns.storage.outgoing import Frozen, Outgoing, Profile
from mailer import footer, inline
from mailer.footer import Disclosure
from mailer.inline import Published, Rendered
from mailer.links import Link
from mailer.message import Mail, MailKind, Sender
from mailer.mime import Skeleton
from mailer.receipts import Item
from tracking_pixel.links import Links

# Stands for the unsubscribe address while a footer is kept; the real one is dropped in a recipient.
_SLOT = "https://unsubscribe.invalid/"
# Where no sender profile exists yet (notices to staff of a fresh installation).
_NOBODY = "ikusei.example"


@dataclass(frozen=True)
class Post:
    """What all mails of an installation share: addresses to sign, the zone, whether nothing leaves."""

    parts: Parts

    @cached_property
    def links(self) -> Links:
        settings = self.parts.settings
        return Links(self.parts.signer, settings.base_url, sites=settings.origins())

    @property
    def zone(self) -> ZoneInfo:
        return self.parts.settings.tz

    def reply_domain(self, sender: Sender) -> str:
        return self.parts.settings.reply_domain or sender.address.rpartition("@")[2]

    def bounce_domain(self, profile: Profile | None, sender: Sender) -> str:
        own = profile.return_path_domain if profile else ""
        return self.parts.settings.reply_domain or own or sender.address.rpartition("@")[2]


def items(tx: Connection, parts: Parts, delivery_ids: Sequence[int], *, now: datetime) -> dict[int, Item]:
    """Mails to hand over, by delivery: three statements at the most, however many there are.

    A delivery without anything to send is left out. Bodies are made when their turn comes.
    """
    post = Post(parts)
    rows = outgoing.load(tx, delivery_ids)
    frozen = published(tx, {row.published_mail_id for row in rows if row.published_mail_id})
    made: dict[int, Item] = {}
    for row in rows:
        mail = frozen.get(row.published_mail_id or 0)
        if row.to and (mail is not None or row.body is not None):
            sender = sender_of(row, post)
            made[row.delivery_id] = Item(
                row.delivery_id,
                post.links.bounce_address(row.delivery_id, post.bounce_domain(row.profile, sender)),
                row.to,
                partial(_bytes, post, row, mail, now),
            )
    return made


def _bytes(post: Post, row: Outgoing, published: Published | None, now: datetime) -> bytes:
    mail = letter(post, row, published, now=now)
    skeleton = _skeleton(mail.sender, mail.list_id, mail.kind, post.parts.settings.practice)
    return skeleton.encode(mail)


def letter(post: Post, row: Outgoing, published: Published | None, *, now: datetime) -> Mail:
    """Everything of one mail. published None: the body was written beforehand (answers, notices)."""
    sender = sender_of(row, post)
    domain = sender.address.rpartition("@")[2]
    unsubscribe_url = post.links.unsubscribe_url(row.delivery_id) if published else None
    if published is not None:
        words = tracked(post, row, published, unsubscribe_url or "")
    elif row.body is not None:
        words = Rendered(row.body.subject, row.body.html or _as_html(row.body.text), row.body.text)
    else:
        raise ValueError(f"delivery {row.delivery_id} has nothing to send")
    name = row.recipient.full_name
    return Mail(
        message_id=message_id(row, domain, post.parts.secret),
        to=row.to,
        to_name=f"{name} {row.recipient.honorific}" if name and row.lang == "ja" else name or None,
        sender=sender,
        reply_to=post.links.reply_address(row.delivery_id, post.reply_domain(sender))
        if row.profile
        else None,
        return_path=post.links.bounce_address(row.delivery_id, post.bounce_domain(row.profile, sender)),
        subject=words.subject,
        html=words.html,
        text=words.text,
        list_id=f"{row.list_key or f'product-{row.product_id}'}.{domain}" if published else None,
        unsubscribe_url=unsubscribe_url,
        date=now.astimezone(post.zone),
        kind=MailKind(row.kind) if published else MailKind.TRANSACTIONAL,
    )


def tracked(post: Post, row: Outgoing, published: Published, unsubscribe_url: str) -> Rendered:
    """A recipient's texts with wrapped links and the pixel; neither where tracking was refused (LAW-27)."""
    urls = [link.url for link in published.links]
    pixel = trap = ""
    if not row.do_not_track:
        click = post.links.click_url
        urls = [click(row.delivery_id, link.no, link.url) for link in published.links]
        pixel, trap = post.links.open_url(row.delivery_id), post.links.trap_url(row.delivery_id)
    return texts(
        row, published, urls=urls, pixel=pixel, unsubscribe_url=unsubscribe_url, trap=trap, zone=post.zone
    )


def texts(
    row: Outgoing,
    published: Published,
    *,
    urls: Sequence[str],
    unsubscribe_url: str,
    zone: ZoneInfo,
    pixel: str = "",
    trap: str = "",
) -> Rendered:
    """Subject, HTML and text of one recipient. Raises mailer.errors.TemplateError.

    urls: the links' addresses in order of their numbers. trap: a link no person sees; a machine that
    follows it gives itself away, so it is not put where nothing is tracked.
    """
    fields = fields_of(row, zone=zone)
    foot_html, foot_text = _footer(_disclosure(row, fields["ご縁"]))
    if trap:
        foot_html += (
            f'<a href="{trap}" style="display:none" tabindex="-1" aria-hidden="true" rel="nofollow"></a>'
        )
    return inline.render(
        published,
        fields,
        links=urls,
        pixel=pixel,
        footer_html=foot_html.replace(_SLOT, unsubscribe_url),
        footer_text=foot_text.replace(_SLOT, unsubscribe_url),
    )


def fields_of(row: Outgoing, *, zone: ZoneInfo) -> dict[str, str]:
    """The recipient's merge fields by both their names, plain text."""
    bond = row.bond
    known = Bond(bond.kind, bond.event, bond.at.astimezone(zone).date()) if bond else None
    return merge_fields.build(
        row.recipient,
        known,
        sender=row.profile.from_name if row.profile else "",
        product=row.product_name,
        lang=row.lang,
    )


def sender_of(row: Outgoing, post: Post) -> Sender:
    if row.profile is not None and row.profile.from_address:
        return Sender(row.profile.from_name, row.profile.from_address)
    host = post.parts.settings.host
    return Sender("Ikusei", f"ikusei@{_NOBODY if _is_bare(host) else host}")


def message_id(row: Outgoing, domain: str, secret: bytes) -> str:
    """From the delivery alone, so a second attempt is recognisably the same mail (design 3)."""
    mac = blake2b(row.origin.encode(), key=secret, digest_size=8, person=b"message-id").hexdigest()
    return f"<{row.delivery_id}.{mac}@{domain.encode('idna').decode() if not domain.isascii() else domain}>"


# Published mails never change, so a worker keeps those it has met.
_KEPT: dict[int, Published] = {}
_KEPT_MAX = 512


def published(tx: Connection, mail_ids: set[int]) -> dict[int, Published]:
    """Published mails by id, from memory where they were read before."""
    missing = mail_ids - _KEPT.keys()
    if missing:
        if len(_KEPT) + len(missing) > _KEPT_MAX:
            _KEPT.clear()
        found = outgoing.frozen(tx, mail_ids - _KEPT.keys())
        _KEPT.update({mail_id: as_published(mail) for mail_id, mail in found.items()})
    return {mail_id: _KEPT[mail_id] for mail_id in mail_ids if mail_id in _KEPT}


def as_published(mail: Frozen) -> Published:
    links = tuple(Link(link["no"], link["url"], link["text"]) for link in mail.links)
    return Published(subject=mail.subject, html=mail.html, text=mail.text, links=links, fields=())


def _disclosure(row: Outgoing, relation: str) -> Disclosure:
    profile = row.profile
    origin = (
        f"You receive this mail as someone {relation}."
        if row.lang == "en"
        else f"このメールは、{relation}方にお送りしています。"
    )
    return Disclosure(
        legal_name=profile.legal_name if profile else "",
        postal_address=profile.postal_address if profile else "",
        inquiry=profile.inquiry if profile else "",
        origin_sentence=origin,
        product_name=row.unsubscribe_label or row.product_name,
        unsubscribe_url=_SLOT,
        less_url=f"{_SLOT}#less",
        language=row.lang,
    )


# An exhibition's people share one footer but for the address of their unsubscribe page.
@lru_cache(maxsize=4096)
def _footer(disclosure: Disclosure) -> tuple[str, str]:
    return footer.as_html(disclosure), footer.as_text(disclosure)


@lru_cache(maxsize=1024)
def _skeleton(sender: Sender, list_id: str | None, kind: MailKind, practice: bool) -> Skeleton:
    return Skeleton.of(sender=sender, list_id=list_id, kind=kind, practice=practice)


def _as_html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8"></head>'
        f'<body style="font:15px/1.7 sans-serif;white-space:pre-wrap">{escaped}</body></html>'
    )


def _is_bare(host: str) -> bool:
    """A name no mail can come from: an IP address or a name without a dot."""
    try:
        ip_address(host)
    except ValueError:
        return "." not in host
    return True
